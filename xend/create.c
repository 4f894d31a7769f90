/* Domains that come and go: create, new, start, delete, destroy, restart, dump-core.
 * What is checked here is checked in the daemon, one job after the other, so that two jobs can't
 * both find a name free; what takes time is in the …_work functions, which run in workers. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/bootloader.h"
#include "xend/config.h"
#include "xend/device_attach.h"
#include "xend/dirs.h"
#include "xend/domctl.h"
#include "xend/dump.h"
#include "xend/launch.h"
#include "xend/managed.h"
#include "xend/methods.h"
#include "xend/plan.h"
#include "xend/prefill.h"
#include "xend/reap.h"
#include "xend/roster.h"
#include "xend/suspend.h"

#define DUMP_DIR "/var/xen/dump"

/* What own jobs are called with: see queue() in life.c. */
enum restart_arg { RESTART_UUID, RESTART_DOMID, RESTART_DUMP, RESTART_COUNT, RESTART_TWIN };

/* ----------------------------------------------------------------- plans */

/* The UUID: of an earlier attempt, of the configuration, or a new one. */
static int plan_uuid(const struct plan *p, struct job *j, uint8_t uuid[16])
{
	const char *text = config_text(&p->config, CONFIG_UUID);

	if (j->is_redo && *j->target)
		return dom_uuid_parse(j->target, uuid);
	if (!text || !*text)
		return dom_uuid_new(uuid);
	if (dom_uuid_parse(text, uuid) < 0)
		return fault_set(&j->fault, EINVAL, "badly formed hexadecimal UUID string");
	return 0;
}

/* The job's body from now on says who the domain is, so that a restart finds it again. */
static int plan_settle(struct plan *p, struct job *j, const uint8_t uuid[16])
{
	int rc;

	dom_uuid_print(uuid, j->target);
	rc = method_sxp_set(p->source, "uuid", j->target);
	if (rc == 0) {
		free(j->body);
		j->body = sxp_print(p->source);
		free(j->claim);
		j->claim = strdup(config_text(&p->config, CONFIG_NAME));
	}
	return rc == 0 && j->body && j->claim ? 0 : fault_set(&j->fault, ENOMEM, "Out of memory");
}

/* Is anybody there who would be mixed up with the new one? */
static int check_twin(struct job *j, const struct dom *d, const char *name, const uint8_t uuid[16])
{
	bool same_name = !strcmp(d->name, name), same_uuid = !memcmp(d->uuid, uuid, 16);

	if (j->is_redo && same_uuid)
		return 0;		/* our own earlier attempt */
	if (d->flags & XEN_DOMINF_dying)
		return 0;		/* on its way out, it holds no name */
	if (d->domid != DOM_HALTED && (same_name || same_uuid))
		return fault_set(&j->fault, EEXIST, "Domain '%s' already exists with ID '%d'",
				 name, d->domid);
	if (d->domid == DOM_HALTED && same_name && !same_uuid)
		return fault_set(&j->fault, EEXIST, "VM name '%s' already exists", name);
	if (d->is_suspended && same_uuid) {
		fault_set(&j->fault, EEXIST, "Domain '%s' is suspended", d->name);
		fault_hint(&j->fault, "xm resume %s lets it go on; xm destroy %s forgets what it was "
			   "doing.", d->name, d->name);
		return -EEXIST;
	}
	return 0;
}

static int check_twins(struct xend *x, struct job *j, const char *name, const uint8_t uuid[16])
{
	struct dom_list l;
	int rc;

	if (jobs_has_claim(name, j))
		return fault_set(&j->fault, EEXIST, "Domain '%s' is being created by another job",
				 name);
	rc = roster_read(x->hyp, x->xs, &l);
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to list domains");
	for (size_t i = 0; i < l.count && rc == 0; i++)
		rc = check_twin(j, &l.dom[i], name, uuid);
	dom_list_free(&l);
	return rc;
}

static int check_name(struct job *j, const char *name)
{
	if (!name || !*name)
		return fault_set(&j->fault, EINVAL, "Missing VM Name");
	if (!dom_name_is_valid(name))
		return fault_set(&j->fault, EINVAL, "Invalid VM Name\n" DOM_NAME_RULE);
	return 0;
}

/* ---------------------------------------------------------------- create */

/* What a new domain's job asks for, and its UUID.  Unless rc is 0 there is nothing to free. */
static int plan_begin(struct plan *p, struct job *j, uint8_t uuid[16])
{
	int rc = plan_read(p, j);

	if (rc < 0)
		return rc;
	rc = check_name(j, config_text(&p->config, CONFIG_NAME));
	if (rc == 0)
		rc = plan_uuid(p, j, uuid);
	if (rc == 0)
		rc = plan_settle(p, j, uuid);
	if (rc)
		plan_free(p);
	return rc;
}

int create_begin(struct xend *x, struct job *j)
{
	struct plan p = { 0 };
	uint8_t uuid[16];
	int rc = plan_begin(&p, j, uuid);

	if (rc)
		return rc;
	if (jobs_target_is_busy(j))
		rc = METHOD_BLOCKED;
	if (rc == 0)
		rc = check_twins(x, j, j->claim, uuid);
	if (rc == 0)
		rc = launch_check(&p.config, &j->fault);
	plan_free(&p);
	return rc;
}

static int launch_plan(struct workshop *w, bool stay_paused, unsigned restarts)
{
	struct job *j = w->job;
	struct plan p = { 0 };
	struct launch l = { .stay_paused = stay_paused, .restarts = restarts };
	int domid, rc = plan_read(&p, j);

	if (rc < 0)
		return rc;
	l.config = &p.config;
	l.source = p.source;
	dom_uuid_parse(j->target, l.uuid);
	rc = launch_check(&p.config, &j->fault);
	if (rc == 0)
		rc = launch_domain(w, &l, &domid, &j->fault);
	if (rc == 0)
		buf_printf(&j->result, "%d", domid);
	plan_free(&p);
	return rc;
}

static int create_run(struct workshop *w, bool stay_paused)
{
	struct xen_domctl_getdomaininfo info;
	struct job *j = w->job;
	uint8_t uuid[16];
	int domid;

	if (j->is_redo) {
		domid = plan_find_complete(w, j->target, &info);
		if (domid > 0)
			return plan_finish(w, domid, &info, stay_paused);
		dom_uuid_parse(j->target, uuid);
		reap_uuid(w->hyp, w->xs, uuid);
	}
	return launch_plan(w, stay_paused, 0);
}

int create_work(struct workshop *w)
{
	return create_run(w, w->job->args > 1 && !strcmp(w->job->arg[1], "paused"));
}

/* The worker has failed or is dead; whatever it had of a domain goes. */
int create_undo(struct workshop *w)
{
	uint8_t uuid[16];
	int rc;

	if (dom_uuid_parse(w->job->target, uuid) < 0)
		return 0;
	bootloader_sweep(NULL);
	rc = reap_uuid(w->hyp, w->xs, uuid);
	if (rc < 0)
		log_rc(rc, "take down what '%s' left of %s", w->job->command, w->job->target);
	return rc;
}

/* --------------------------------------------------------------- managed */

static int save_managed(struct job *j, const struct plan *p, const uint8_t uuid[16])
{
	struct sxp *s = config_to_domain_sxp(&p->config, NULL);
	int rc = sxp_failed(s) ? -ENOMEM : method_sxp_set(s, "uuid", j->target);

	if (rc == 0)
		rc = managed_save(uuid, s);
	sxp_free(s);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to write %s/%s/config.sxp",
				    managed_path(), j->target) : 0;
}

static int check_new_twin(struct job *j, const struct dom *d, const char *name,
			  const uint8_t uuid[16])
{
	if (strcmp(d->name, name) || !memcmp(d->uuid, uuid, 16))
		return 0;
	if (d->domid == DOM_HALTED)
		return fault_set(&j->fault, EEXIST, "VM name '%s' already exists", name);
	return fault_set(&j->fault, EEXIST, "VM name '%s' already exists as domain %d", name,
			 d->domid);
}

static int check_new(struct xend *x, struct job *j, const char *name, const uint8_t uuid[16])
{
	struct dom_list l;
	int rc = roster_read(x->hyp, x->xs, &l);

	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to list domains");
	for (size_t i = 0; i < l.count && rc == 0; i++)
		rc = check_new_twin(j, &l.dom[i], name, uuid);
	dom_list_free(&l);
	return rc;
}

int new_begin(struct xend *x, struct job *j)
{
	struct plan p = { 0 };
	uint8_t uuid[16];
	int rc = plan_begin(&p, j, uuid);

	if (rc)
		return rc;
	rc = check_new(x, j, j->claim, uuid);
	if (rc == 0)
		rc = jobs_mark_running(x, j);	/* done over, it finds its own */
	if (rc == 0)
		rc = save_managed(j, &p, uuid);
	if (rc == 0)
		prefill_config(&p.config);
	plan_free(&p);
	return rc;
}

int start_act(struct xend *x, struct job *j, const struct dom *d)
{
	int rc;

	if (d->domid != DOM_HALTED && !j->is_redo)
		return fault_set(&j->fault, EEXIST, "Domain is already running");
	if (d->is_suspended) {
		fault_set(&j->fault, EEXIST, "Domain is suspended");
		fault_hint(&j->fault, "xm resume %s lets it go on; xm destroy %s forgets what it was "
			   "doing.", d->name, d->name);
		return -EEXIST;
	}
	rc = plan_take_managed(j, d);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to read the configuration of '%s'", d->name) : 0;
}

int start_work(struct workshop *w)
{
	return create_run(w, w->job->args > 1 && !strcmp(w->job->arg[1], "paused"));
}

int delete_act(struct xend *x, struct job *j, const struct dom *d)
{
	int rc;

	if (d->domid != DOM_HALTED)
		return fault_set(&j->fault, EBUSY, "Domain is not halted.");
	if (d->is_suspended) {
		fault_set(&j->fault, EBUSY, "Domain is not halted.");
		fault_hint(&j->fault, "It is suspended: xm resume %s lets it go on; xm destroy %s "
			   "forgets what it was doing.", d->name, d->name);
		return -EBUSY;
	}
	rc = managed_remove(d->uuid);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to remove '%s'", d->name) : 0;
}

/* ----------------------------------------------------------------- death */

int destroy_act(struct xend *x, struct job *j, const struct dom *d)
{
	if (d->domid == DOM_HALTED && d->is_suspended)
		return suspend_forget(j, d);
	if (d->domid == DOM_HALTED && !j->is_redo)
		return fault_set(&j->fault, EINVAL, "Domain '%s' is not started", d->name);
	j->domid = d->domid;
	return 0;
}

int destroy_work(struct workshop *w)
{
	static const uint8_t nobody[16];
	struct job *j = w->job;
	uint8_t uuid[16];
	int rc = j->domid > 0 ? reap_domid(w->hyp, w->xs, j->domid) : 0;

	if (rc == 0 && dom_uuid_parse(j->target, uuid) == 0 && memcmp(uuid, nobody, 16))
		rc = reap_uuid(w->hyp, w->xs, uuid);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to destroy '%s'", j->arg[0]) : 0;
}

/* ------------------------------------------------------------------ core */

static int dump_path(char *path, size_t size, const char *name, int domid)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y-%m%d-%H%M.%S", &tm);
	dirs_make(DUMP_DIR);		/* if that fails, dump_core() will say what is missing */
	n = snprintf(path, size, DUMP_DIR "/%s-%s.%d.core", when, name, domid);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* A name may hold slashes; a file name may not. */
static void flatten(char *name)
{
	for (; *name; name++)
		if (*name == '/')
			*name = '_';
}

static int dump_to(struct workshop *w, int domid, const char *wanted)
{
	struct fault *f = &w->job->fault;
	char path[4096], domain[64];
	char *name;
	int rc = 0;

	if (wanted && *wanted) {
		struct stat st;

		snprintf(path, sizeof path, "%s", wanted);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return fault_set(f, EISDIR, "Cannot dump core in a directory: %s", path);
	} else {
		snprintf(domain, sizeof domain, "/local/domain/%d", domid);
		name = xs_get(w->xs, XS_TXN_NONE, domain, "name");
		if (name)
			flatten(name);
		rc = dump_path(path, sizeof path, name ? name : "unknown", domid);
		free(name);
	}
	worker_progress(w, "writing memory", 0, 0);
	if (rc == 0) {
		struct fault why = { 0 };

		rc = dump_core(w->hyp, (uint16_t)domid, path, &why);
		if (rc < 0)
			fault_set(f, -rc, "Failed to dump core: %s", why.text);
	}
	return rc;
}

/* Whether it runs is written down before it is paused: a paused one must not stay so for ever. */
static int dump_note_pause(struct xend *x, struct job *j, const struct dom *d)
{
	char path[JOB_PATH];
	int rc = 0;

	job_path(j->number, "unpause", path);
	if (j->is_redo) {
		j->unpauses = xs_exists(x->xs, XS_TXN_NONE, path) == 1;
		return 0;
	}
	j->unpauses = !*j->arg[2] && !(d->flags & XEN_DOMINF_paused);
	if (j->unpauses)
		rc = xs_printf(x->xs, XS_TXN_NONE, path, "1");
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to write the job down") : 0;
}

int dump_act(struct xend *x, struct job *j, const struct dom *d)
{
	if (d->domid == 0)
		return fault_set(&j->fault, EPERM, *j->arg[2]
				 ? "Cannot dump core for privileged domain %s"
				 : "Cannot pause privileged domain %s", j->arg[0]);
	j->domid = d->domid;
	return dump_note_pause(x, j, d);
}

int dump_undo(struct workshop *w)
{
	return w->job->unpauses ? domctl_unpause(w->hyp, (domid_t)w->job->domid) : 0;
}

int dump_work(struct workshop *w)
{
	struct job *j = w->job;
	struct xen_domctl_getdomaininfo info;
	int rc = domctl_info(w->hyp, (domid_t)j->domid, &info);

	if (rc == 0 && j->unpauses && !(info.flags & XEN_DOMINF_paused))
		rc = domctl_pause(w->hyp, (domid_t)j->domid);
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to pause '%s'", j->arg[0]);
	rc = dump_to(w, j->domid, j->arg[1]);
	if (rc == 0 && j->unpauses)	/* else dump_undo() does */
		rc = domctl_unpause(w->hyp, (domid_t)j->domid);
	return rc;
}

/* ----------------------------------------------------------------- reset */

/* The configuration that the domain was made from goes to the job, in XenStore too: should xend
 * end when the old domain is gone and the new one not there yet, it is all that is left. */
int reset_act(struct xend *x, struct job *j, const struct dom *d)
{
	struct sxp *config = NULL;
	char path[JOB_PATH];
	int rc = roster_config(x->xs, d, &config);

	if (rc < 0)
		return fault_set(&j->fault, -rc, "xend does not know how '%s' was made", d->name);
	free(j->body);
	j->body = sxp_print(config);
	sxp_free(config);
	if (!j->body)
		return fault_set(&j->fault, ENOMEM, "Out of memory");
	rc = job_text_write(x->xs, XS_TXN_NONE, job_path(j->number, "body", path), j->body);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to write the job down") : 0;
}

/* Its plug is pulled, and put back. */
int reset_work(struct workshop *w)
{
	uint8_t uuid[16];
	int rc;

	dom_uuid_parse(w->job->target, uuid);
	rc = reap_uuid(w->hyp, w->xs, uuid);
	return rc < 0 ? rc : launch_plan(w, false, 0);
}

/* --------------------------------------------------------------- restart */

int restart_begin(struct xend *x, struct job *j)
{
	if (jobs_target_is_busy(j))
		return METHOD_BLOCKED;
	return 0;
}

/* The core of a domain that has crashed; without room for it, life goes on all the same. */
static void dump_if_asked(struct workshop *w)
{
	int domid = atoi(w->job->arg[RESTART_DOMID]);

	if (*w->job->arg[RESTART_DUMP] && dump_to(w, domid, NULL) < 0) {
		log_error("domain %d: %s", domid, w->job->fault.text);
		w->job->fault = (struct fault){ 0 };
	}
}

static unsigned restart_count(const struct job *j)
{
	return (unsigned)strtoul(j->arg[RESTART_COUNT], NULL, 10);
}

/* Did an earlier attempt bring the new one up already? */
static bool is_restarted(struct workshop *w)
{
	struct xen_domctl_getdomaininfo info;
	int domid = plan_find_complete(w, w->job->target, &info);

	return domid > 0 && domid != atoi(w->job->arg[RESTART_DOMID]) &&
	       !(info.flags & XEN_DOMINF_shutdown);
}

int restart_work(struct workshop *w)
{
	uint8_t uuid[16];
	int rc;

	if (w->job->is_redo && is_restarted(w))
		return 0;
	dump_if_asked(w);
	dom_uuid_parse(w->job->target, uuid);
	rc = reap_uuid(w->hyp, w->xs, uuid);
	return rc < 0 ? rc : launch_plan(w, false, restart_count(w->job));
}

int reap_work(struct workshop *w)
{
	uint8_t uuid[16];

	dump_if_asked(w);
	dom_uuid_parse(w->job->target, uuid);
	return reap_uuid(w->hyp, w->xs, uuid);
}

/* The dead one becomes Domain-<twin>, with a UUID and nodes of its own, and is kept. */
static int twin_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct job *j = ctx;
	const char *twin = j->arg[RESTART_TWIN], *domid = j->arg[RESTART_DOMID];
	char path[ROSTER_PATH];
	int rc;

	snprintf(path, sizeof path, "/vm/%s", j->target);
	rc = xs_rm(xs, t, path);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	snprintf(path, sizeof path, "/vm/%s/" XEND_MARK, twin);
	rc = xs_printf(xs, t, path, "%s", domid);
	snprintf(path, sizeof path, "/vm/%s/xend/preserved", twin);
	if (rc == 0)
		rc = xs_printf(xs, t, path, "1");
	snprintf(path, sizeof path, "/vm/%s/name", twin);
	if (rc == 0)
		rc = xs_printf(xs, t, path, "Domain-%s", twin);
	snprintf(path, sizeof path, "/vm/%s/xend/config", twin);
	if (rc == 0)
		rc = job_text_write(xs, t, path, j->body);
	snprintf(path, sizeof path, "/local/domain/%s/vm", domid);
	if (rc == 0)
		rc = xs_printf(xs, t, path, "/vm/%s", twin);
	snprintf(path, sizeof path, "/local/domain/%s/name", domid);
	if (rc == 0)
		rc = xs_printf(xs, t, path, "Domain-%s", twin);
	return rc;
}

int rename_restart_work(struct workshop *w)
{
	struct job *j = w->job;
	uint8_t uuid[16], twin[16];
	domid_t domid = (domid_t)atoi(j->arg[RESTART_DOMID]);
	struct xen_domctl_getdomaininfo info;
	int rc = 0;

	if (j->is_redo && is_restarted(w))
		return 0;
	dump_if_asked(w);
	dom_uuid_parse(j->target, uuid);
	dom_uuid_parse(j->arg[RESTART_TWIN], twin);
	if (domctl_info(w->hyp, domid, &info) == 0 && !memcmp(info.handle, uuid, sizeof uuid)) {
		rc = device_remove_all(w->xs, domid, NULL);	/* the new one needs them */
		if (rc == 0)
			rc = xs_txn(w->xs, twin_body, j);
		if (rc == 0)
			rc = domctl_handle_set(w->hyp, domid, twin);
	}
	if (rc == 0)
		rc = reap_uuid(w->hyp, w->xs, uuid);	/* what an earlier attempt left */
	return rc < 0 ? rc : launch_plan(w, false, restart_count(j));
}
