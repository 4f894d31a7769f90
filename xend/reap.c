/* Taking domains down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/device_attach.h"
#include "xend/domain.h"
#include "xend/domctl.h"
#include "xend/reap.h"
#include "xend/sysctl.h"
#include "xend/xend.h"

static bool was_there(int rc)
{
	return rc == 0 || rc == -ENOENT;
}

/* XenStore first forgets whom it talks to, then what it knew of it. */
static int remove_nodes(struct xs *xs, int domid)
{
	char path[64];
	int rc;

	xs_release(xs, (uint32_t)domid);	/* it may have noticed the end by itself */
	snprintf(path, sizeof path, "/local/domain/%d", domid);
	rc = xs_rm(xs, XS_TXN_NONE, path);
	return was_there(rc) ? 0 : rc;
}

static int remove_vm(struct xs *xs, const char *uuid)
{
	char path[64];
	int rc;

	snprintf(path, sizeof path, "/vm/%s", uuid);
	rc = xs_rm(xs, XS_TXN_NONE, path);
	return was_there(rc) ? 0 : rc;
}

int reap_domid(struct hyp *h, struct xs *xs, int domid)
{
	int rc = domctl_destroy(h, (domid_t)domid);

	if (rc == -ESRCH)
		rc = 0;
	if (rc == 0)
		rc = device_remove_all(xs, (uint32_t)domid, NULL);
	if (rc == 0)
		rc = remove_nodes(xs, domid);
	return rc;
}

int reap_uuid(struct hyp *h, struct xs *xs, const uint8_t uuid[16])
{
	struct xen_domctl_getdomaininfo *info;
	char text[DOM_UUID_TEXT], path[64];
	uint64_t marked;
	int n = sysctl_domains_all(h, &info);
	int rc = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n && rc == 0; i++)
		if (info[i].domain != 0 && !memcmp(info[i].handle, uuid, sizeof info[i].handle))
			rc = reap_domid(h, xs, info[i].domain);
	free(info);
	dom_uuid_print(uuid, text);
	snprintf(path, sizeof path, "/vm/%s", text);
	/* The hypervisor may have lost it already while its nodes are still there. */
	if (rc == 0 && xs_get_u64(xs, XS_TXN_NONE, path, XEND_MARK, &marked) == 0 && marked) {
		rc = device_remove_all(xs, (uint32_t)marked, text);
		if (rc == 0)
			rc = remove_nodes(xs, (int)marked);
	}
	return rc == 0 ? remove_vm(xs, text) : rc;
}

/* Is the marked domain still the hypervisor's, and the same one? */
static bool is_alive(struct hyp *h, uint64_t domid, const uint8_t uuid[16])
{
	struct xen_domctl_getdomaininfo info;
	int rc = domctl_info(h, (domid_t)domid, &info);

	if (rc < 0)
		return rc != -ESRCH;	/* not knowing is no reason to remove anything */
	return !(info.flags & XEN_DOMINF_dying) && !memcmp(info.handle, uuid, sizeof info.handle);
}

/* A dying domain's number can't be used again yet; its nodes are of no more use, though. */
static void reap_one(struct hyp *h, struct xs *xs, uint64_t domid, const char *text)
{
	struct xen_domctl_getdomaininfo info;
	uint8_t uuid[16];

	dom_uuid_parse(text, uuid);
	/* The number may belong to another domain by now, whose nodes stay. */
	if (domctl_info(h, (domid_t)domid, &info) < 0 || !memcmp(info.handle, uuid, 16))
		remove_nodes(xs, (int)domid);
	remove_vm(xs, text);
}

int reap_orphans(struct hyp *h, struct xs *xs, int (*spare)(const char *uuid))
{
	char **names;
	int n = xs_directory(xs, XS_TXN_NONE, "/vm", &names), reaped = 0;

	if (n < 0)
		return n == -ENOENT ? 0 : n;
	for (int i = 0; i < n; i++) {
		char path[64];
		uint8_t uuid[16];
		uint64_t domid;

		snprintf(path, sizeof path, "/vm/%.40s", names[i]);
		if (dom_uuid_parse(names[i], uuid) < 0 ||
		    xs_get_u64(xs, XS_TXN_NONE, path, XEND_MARK, &domid) < 0 ||
		    domid == 0 || domid >= DOMID_FIRST_RESERVED)
			continue;
		if (is_alive(h, domid, uuid) || spare(names[i]))
			continue;
		reap_one(h, xs, domid, names[i]);
		reaped++;
	}
	free(names);
	return reaped;
}
