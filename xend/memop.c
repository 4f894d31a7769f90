#include "xend/memop.h"

#include <errno.h>
#include <string.h>

long memop_populate(struct hyp *h, domid_t domid, xen_pfn_t *extents, size_t count,
		    unsigned int order, unsigned int flags)
{
	struct xen_memory_reservation op = { .nr_extents = count, .extent_order = order,
					     .mem_flags = flags, .domid = domid };
	xen_pfn_t *buf = hyp_buffer_new(h, count * sizeof(*buf) + 1);
	long rc;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, extents, count * sizeof(*buf));
	set_xen_guest_handle(op.extent_start, buf);
	rc = hyp_memory_op(h, XENMEM_populate_physmap, &op, sizeof(op));
	if (rc > 0)
		memcpy(extents, buf, (size_t)rc * sizeof(*buf));
	hyp_buffer_free(h, buf);
	return rc;
}

int memop_claim(struct hyp *h, domid_t domid, uint64_t frames)
{
	struct xen_memory_reservation op = { .nr_extents = frames, .domid = domid };

	return (int)hyp_memory_op(h, XENMEM_claim_pages, &op, sizeof(op));
}

int memop_map_set(struct hyp *h, domid_t domid, const struct memop_e820 *map, uint32_t count)
{
	struct xen_foreign_memory_map op = { .domid = domid };
	struct memop_e820 *buf = hyp_buffer_new(h, count * sizeof(*buf) + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, map, count * sizeof(*buf));
	op.map.nr_entries = count;
	set_xen_guest_handle(op.map.buffer, buf);
	rc = (int)hyp_memory_op(h, XENMEM_set_memory_map, &op, sizeof(op));
	hyp_buffer_free(h, buf);
	return rc;
}

int memop_pin(struct hyp *h, domid_t domid, unsigned int cmd, uint64_t mfn)
{
	struct mmuext_op *op = hyp_buffer_new(h, sizeof(*op));
	long rc;

	if (!op)
		return -ENOMEM;
	op->cmd = cmd;
	op->arg1.mfn = mfn;
	rc = hyp_call(h, __HYPERVISOR_mmuext_op, (uintptr_t)op, 1, 0, domid, 0);
	hyp_buffer_free(h, op);
	return (int)rc;
}

int memop_evtchn_open(struct hyp *h, domid_t domid, domid_t remote, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound op = { .dom = domid, .remote_dom = remote };
	long rc = hyp_op(h, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &op,
			 sizeof(op));

	if (rc >= 0)
		*port = op.port;
	return (int)rc;
}
