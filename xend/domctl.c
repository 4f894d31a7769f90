#include "xend/domctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DESTROY_TRIES 1000	/* times a tenth of a second at most */

/* The commands that need nothing but a domain. */
static int domctl_plain(struct hyp *h, domid_t domid, uint32_t cmd)
{
	struct xen_domctl op = { .cmd = cmd, .domain = domid };

	return hyp_domctl(h, &op);
}

int domctl_create(struct hyp *h, const struct xen_domctl_createdomain *create, domid_t want,
		  domid_t *domid)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_createdomain, .domain = want };
	int rc;

	op.u.createdomain = *create;
	rc = hyp_domctl(h, &op);
	if (rc < 0)
		return rc;
	*domid = op.domain;
	return 0;
}

int domctl_destroy(struct hyp *h, domid_t domid)
{
	int rc = -EAGAIN;

	/* The hypervisor may give up half-way and ask to be called again (xen/errno.h). */
	for (int i = 0; i < DESTROY_TRIES; i++) {
		rc = domctl_plain(h, domid, XEN_DOMCTL_destroydomain);
		if (rc != -EAGAIN && rc != -ERESTART)
			break;
		if (i > 10)
			usleep(100 * 1000);
	}
	return rc;
}

int domctl_pause(struct hyp *h, domid_t domid)
{
	return domctl_plain(h, domid, XEN_DOMCTL_pausedomain);
}

int domctl_unpause(struct hyp *h, domid_t domid)
{
	return domctl_plain(h, domid, XEN_DOMCTL_unpausedomain);
}

int domctl_resume(struct hyp *h, domid_t domid)
{
	return domctl_plain(h, domid, XEN_DOMCTL_resumedomain);
}

int domctl_handle_set(struct hyp *h, domid_t domid, const uint8_t uuid[16])
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_setdomainhandle, .domain = domid };

	memcpy(op.u.setdomainhandle.handle, uuid, 16);
	return hyp_domctl(h, &op);
}

int domctl_trigger(struct hyp *h, domid_t domid, uint32_t trigger, uint32_t vcpu)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_sendtrigger, .domain = domid };

	op.u.sendtrigger.trigger = trigger;
	op.u.sendtrigger.vcpu = vcpu;
	return hyp_domctl(h, &op);
}

int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info)
{
	return hyp_domain_info(h, domid, info);
}

int domctl_max_vcpus(struct hyp *h, domid_t domid, uint32_t vcpus)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_max_vcpus, .domain = domid };

	op.u.max_vcpus.max = vcpus;
	return hyp_domctl(h, &op);
}

int domctl_max_mem(struct hyp *h, domid_t domid, uint64_t kib)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_max_mem, .domain = domid };

	op.u.max_mem.max_memkb = kib;
	return hyp_domctl(h, &op);
}

int domctl_address_size(struct hyp *h, domid_t domid, uint32_t bits)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_set_address_size, .domain = domid };

	op.u.address_size.size = bits;
	return hyp_domctl(h, &op);
}

int domctl_tsc_set(struct hyp *h, domid_t domid, const struct xen_domctl_tsc_info *tsc)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_settscinfo, .domain = domid };

	op.u.tsc_info = *tsc;
	return hyp_domctl(h, &op);
}

int domctl_tsc_get(struct hyp *h, domid_t domid, struct xen_domctl_tsc_info *tsc)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_gettscinfo, .domain = domid };
	int rc = hyp_domctl(h, &op);

	if (rc >= 0)
		*tsc = op.u.tsc_info;
	return rc;
}

int domctl_hypercall_page(struct hyp *h, domid_t domid, uint64_t mfn)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_hypercall_init, .domain = domid };

	op.u.hypercall_init.gmfn = mfn;
	return hyp_domctl(h, &op);
}

/* ------------------------------------------------------------------- vcpus */

/* A bitmap for the hypervisor: a copy of `map`, or an empty handle for null. */
static int bitmap_lend(struct hyp *h, struct xenctl_bitmap *b, const uint8_t *map, size_t bytes,
		       uint8_t **buf)
{
	*buf = NULL;
	if (!map)
		return 0;
	*buf = hyp_buffer_new(h, bytes);
	if (!*buf)
		return -ENOMEM;
	memcpy(*buf, map, bytes);
	set_xen_guest_handle(b->bitmap, *buf);
	b->nr_bits = (uint32_t)(bytes * 8);
	return 0;
}

static int affinity_op(struct hyp *h, uint32_t cmd, domid_t domid, uint32_t vcpu, uint8_t *hard,
		       uint8_t *soft, size_t bytes)
{
	struct xen_domctl op = { .cmd = cmd, .domain = domid };
	struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;
	uint8_t *hard_buf, *soft_buf = NULL;
	int rc = bitmap_lend(h, &a->cpumap_hard, hard, bytes, &hard_buf);

	if (!rc)
		rc = bitmap_lend(h, &a->cpumap_soft, soft, bytes, &soft_buf);
	if (!rc) {
		a->vcpu = vcpu;
		a->flags = (hard ? XEN_VCPUAFFINITY_HARD : 0) | (soft ? XEN_VCPUAFFINITY_SOFT : 0);
		rc = hyp_domctl(h, &op);
	}
	if (rc >= 0 && hard)
		memcpy(hard, hard_buf, bytes);
	if (rc >= 0 && soft)
		memcpy(soft, soft_buf, bytes);
	hyp_buffer_free(h, hard_buf);
	hyp_buffer_free(h, soft_buf);
	return rc;
}

int domctl_affinity_set(struct hyp *h, domid_t domid, uint32_t vcpu, uint8_t *hard,
			uint8_t *soft, size_t bytes)
{
	return affinity_op(h, XEN_DOMCTL_setvcpuaffinity, domid, vcpu, hard, soft, bytes);
}

int domctl_affinity_get(struct hyp *h, domid_t domid, uint32_t vcpu, uint8_t *hard,
			uint8_t *soft, size_t bytes)
{
	return affinity_op(h, XEN_DOMCTL_getvcpuaffinity, domid, vcpu, hard, soft, bytes);
}

int domctl_vcpu_info(struct hyp *h, domid_t domid, uint32_t vcpu,
		     struct xen_domctl_getvcpuinfo *info)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_getvcpuinfo, .domain = domid };
	int rc;

	op.u.getvcpuinfo.vcpu = vcpu;
	rc = hyp_domctl(h, &op);
	if (rc >= 0)
		*info = op.u.getvcpuinfo;
	return rc;
}

static int vcpu_context(struct hyp *h, uint32_t cmd, domid_t domid, uint32_t vcpu,
			vcpu_guest_context_t *buf)
{
	struct xen_domctl op = { .cmd = cmd, .domain = domid };

	op.u.vcpucontext.vcpu = vcpu;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, buf);
	return hyp_domctl(h, &op);
}

int domctl_vcpu_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
			    const vcpu_guest_context_t *ctx)
{
	vcpu_guest_context_t *buf = hyp_buffer_new(h, sizeof(*buf));
	int rc;

	if (!buf)
		return -ENOMEM;
	*buf = *ctx;
	rc = vcpu_context(h, XEN_DOMCTL_setvcpucontext, domid, vcpu, buf);
	hyp_buffer_free(h, buf);
	return rc;
}

int domctl_vcpu_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
			    vcpu_guest_context_t *ctx)
{
	vcpu_guest_context_t *buf = hyp_buffer_new(h, sizeof(*buf));
	int rc;

	if (!buf)
		return -ENOMEM;
	rc = vcpu_context(h, XEN_DOMCTL_getvcpucontext, domid, vcpu, buf);
	if (rc >= 0)
		*ctx = *buf;
	hyp_buffer_free(h, buf);
	return rc;
}

int domctl_vcpu_ext_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
				struct xen_domctl_ext_vcpucontext *ctx)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_get_ext_vcpucontext, .domain = domid };
	int rc;

	op.u.ext_vcpucontext.vcpu = vcpu;
	rc = hyp_domctl(h, &op);
	if (rc >= 0)
		*ctx = op.u.ext_vcpucontext;
	return rc;
}

int domctl_sched(struct hyp *h, domid_t domid, struct xen_domctl_scheduler_op *sched)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_scheduler_op, .domain = domid };
	int rc;

	op.u.scheduler_op = *sched;
	rc = hyp_domctl(h, &op);
	if (rc >= 0)
		*sched = op.u.scheduler_op;
	return rc;
}

_Static_assert(sizeof(struct domctl_sedf) == 32 &&
	       sizeof(struct domctl_sedf) <= sizeof(((struct xen_domctl *)0)->u),
	       "sedf's parameters as Xen 3.2 had them");

static int sedf_call(struct hyp *h, domid_t domid, uint32_t cmd, struct domctl_sedf *p)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_scheduler_op, .domain = domid };
	int rc;

	op.u.scheduler_op.sched_id = DOMCTL_SCHED_SEDF;
	op.u.scheduler_op.cmd = cmd;
	memcpy((void *)&op.u.scheduler_op.u, p, sizeof(*p));
	rc = hyp_domctl(h, &op);
	memcpy(p, (void *)&op.u.scheduler_op.u, sizeof(*p));
	return rc;
}

int domctl_sedf_get(struct hyp *h, domid_t domid, struct domctl_sedf *p)
{
	*p = (struct domctl_sedf){ 0 };
	return sedf_call(h, domid, XEN_DOMCTL_SCHEDOP_getinfo, p);
}

int domctl_sedf_set(struct hyp *h, domid_t domid, const struct domctl_sedf *p)
{
	struct domctl_sedf ours = *p;

	return sedf_call(h, domid, XEN_DOMCTL_SCHEDOP_putinfo, &ours);
}

int domctl_frame_types(struct hyp *h, domid_t domid, xen_pfn_t *types, size_t count)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_getpageframeinfo3, .domain = domid };
	xen_pfn_t *buf;
	int rc;

	if (count > 1024)
		return -E2BIG;
	buf = hyp_buffer_new(h, count * sizeof(*buf) + 1);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, types, count * sizeof(*buf));
	op.u.getpageframeinfo3.num = count;
	set_xen_guest_handle(op.u.getpageframeinfo3.array, buf);
	rc = hyp_domctl(h, &op);
	if (rc >= 0)
		memcpy(types, buf, count * sizeof(*buf));
	hyp_buffer_free(h, buf);
	return rc;
}
