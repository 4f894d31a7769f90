/*
 * xenstore-guests N: make N domains, numbers 1 to N, that never run: each with a page for a XenStore
 * ring, the grant of it and the event channel port 1, so that a daemon can be told of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xend/domctl.h"
#include "xend/memop.h"
#include <xen/grant_table.h>

#define PAGE 4096

static void die(const char *what, domid_t domid, int rc)
{
	fprintf(stderr, "xenstore-guests: domain %u: %s: %s\n", domid, what, strerror(-rc));
	exit(1);
}

static void must(const char *what, domid_t domid, long rc)
{
	if (rc < 0)
		die(what, domid, (int)rc);
}

static void domain_new(struct hyp *h, domid_t domid)
{
	const struct xen_domctl_createdomain create = {
		.max_vcpus = 1, .max_evtchn_port = 31, .max_grant_frames = 1,
		.max_maptrack_frames = 0, .grant_opts = XEN_DOMCTL_GRANT_version(1),
		.handle = { 'b', 'e', 'n', 'c', 'h', 0, (uint8_t)(domid >> 8), (uint8_t)domid },
	};
	struct hyp_resource table = { 0 };
	evtchn_port_t port;
	xen_pfn_t frame = 0;
	domid_t made;
	void *page;

	must("create", domid, domctl_create(h, &create, domid, &made));
	/* An event for a domain without vcpus brings Xen 4.17 down. */
	must("vcpu", domid, domctl_max_vcpus(h, domid, 1));
	must("memory limit", domid, domctl_max_mem(h, domid, 64));
	if (memop_populate(h, domid, &frame, 1, 0, 0) != 1)
		die("memory", domid, -ENOMEM);
	must("map its page", domid, hyp_map(h, domid, PROT_READ | PROT_WRITE, 1, &frame, NULL, &page));
	memset(page, 0, PAGE);
	hyp_unmap(h, page, 1);
	must("map its grants", domid,
	     hyp_resource_map(h, domid, XENMEM_resource_grant_table,
			      XENMEM_resource_grant_table_id_shared, 0, 1, PROT_READ | PROT_WRITE,
			      &table));
	((grant_entry_v1_t *)table.addr)[GNTTAB_RESERVED_XENSTORE] =
		(grant_entry_v1_t){ GTF_permit_access, 0, (uint32_t)frame };
	hyp_resource_unmap(h, &table);
	must("port", domid, memop_evtchn_open(h, domid, 0, &port));
	if (port != 1)
		die("its first port is not 1", domid, -EINVAL);
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 0, rc;
	struct hyp *h;

	if (n < 1 || n >= (int)DOMID_FIRST_RESERVED) {
		fprintf(stderr, "usage: xenstore-guests N\n");
		return 2;
	}
	rc = hyp_open(&h);
	if (rc)
		die("no hypervisor", 0, rc);
	for (int domid = 1; domid <= n; domid++)
		domain_new(h, (domid_t)domid);
	hyp_close(h);
	return 0;
}
