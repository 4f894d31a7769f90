/* What the jobs that make domains have in common. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/xs.h"
#include "xend/domctl.h"
#include "xend/managed.h"
#include "xend/plan.h"
#include "xend/roster.h"
#include "xend/sxp.h"

void plan_free(struct plan *p)
{
	config_free(&p->config);
	sxp_free(p->source);
}

int plan_take_managed(struct job *j, const struct dom *d)
{
	struct sxp *config;
	int rc = managed_load(d->uuid, &config);

	if (rc < 0)
		return rc;
	free(j->body);
	j->body = sxp_print(config);
	sxp_free(config);
	free(j->claim);
	j->claim = strdup(d->name);
	return j->body && j->claim ? 0 : -ENOMEM;
}

int plan_read(struct plan *p, struct job *j)
{
	struct config_error err = { 0 };
	struct sxp_error sxp_err;
	int rc;

	if (!j->body || !*j->body)
		return fault_set(&j->fault, EINVAL, "'%s' came without a configuration",
				 j->command);
	rc = sxp_parse(j->body, strlen(j->body), &p->source, NULL, &sxp_err);
	if (rc < 0)
		return fault_set(&j->fault, -rc, "The configuration is damaged: %s",
				 rc == -EINVAL ? sxp_err.text : strerror(-rc));
	rc = config_from_sxp(&p->config, p->source, &err);
	if (rc < 0) {
		sxp_free(p->source);
		fault_set(&j->fault, -rc, "%s", err.text);
		fault_hint(&j->fault, "%s", err.hint);
		return rc;
	}
	rc = config_check(&p->config, &err);
	if (rc < 0) {
		fault_set(&j->fault, -rc, "%s", err.text);
		fault_hint(&j->fault, "%s", err.hint);
		plan_free(p);
	}
	return rc;
}

int plan_find_complete(struct workshop *w, const char *uuid, struct xen_domctl_getdomaininfo *info)
{
	char path[ROSTER_PATH];
	uint8_t bytes[16];
	uint64_t domid, ready;

	snprintf(path, sizeof path, "/vm/%s", uuid);
	if (dom_uuid_parse(uuid, bytes) < 0 ||
	    xs_get_u64(w->xs, XS_TXN_NONE, path, XEND_MARK, &domid) < 0 ||
	    xs_get_u64(w->xs, XS_TXN_NONE, path, XEND_READY, &ready) < 0 ||
	    domctl_info(w->hyp, (domid_t)domid, info) < 0 ||
	    memcmp(info->handle, bytes, sizeof bytes) || info->flags & XEN_DOMINF_dying)
		return -ENOENT;
	return (int)domid;
}

int plan_finish(struct workshop *w, int domid, const struct xen_domctl_getdomaininfo *info,
		bool stay_paused)
{
	int rc = 0;

	if (!stay_paused && info->flags & XEN_DOMINF_paused)
		rc = domctl_unpause(w->hyp, (domid_t)domid);
	buf_printf(&w->job->result, "%d", domid);
	return rc;
}
