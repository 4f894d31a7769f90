/* The parts of a vcpu's state that come in pieces of their own, when a domain is saved or restored. */
#include "xend/domctl.h"

#include <errno.h>
#include <string.h>

int domctl_vcpu_ext_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
				const struct xen_domctl_ext_vcpucontext *ctx)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_set_ext_vcpucontext, .domain = domid };

	op.u.ext_vcpucontext = *ctx;
	op.u.ext_vcpucontext.vcpu = vcpu;
	return hyp_domctl(h, &op);
}

/* ---------------------------------------------------------- extended state */

/* Asked without a buffer, the hypervisor fills in size and mask; it wants both back then. */
int domctl_vcpu_xstate_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *state, size_t *len)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_getvcpuextstate, .domain = domid };
	struct xen_domctl_vcpuextstate *e = &op.u.vcpuextstate;
	size_t room = *len;
	void *buf;
	int rc;

	e->vcpu = vcpu;
	rc = hyp_domctl(h, &op);
	*len = rc < 0 ? 0 : e->size;
	if (rc < 0 || !*len)
		return rc;
	if (*len > room)
		return -ENOBUFS;
	buf = hyp_buffer_new(h, *len);
	if (!buf)
		return -ENOMEM;
	set_xen_guest_handle(e->buffer, buf);
	rc = hyp_domctl(h, &op);
	if (rc >= 0 && e->size > *len)
		rc = -ENOBUFS;
	if (rc >= 0) {
		*len = e->size;
		memcpy(state, buf, *len);
	}
	hyp_buffer_free(h, buf);
	return rc;
}

int domctl_vcpu_xstate_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *state,
			   size_t len)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_setvcpuextstate, .domain = domid };
	void *buf = hyp_buffer_new(h, len + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, state, len);
	op.u.vcpuextstate.vcpu = vcpu;
	op.u.vcpuextstate.size = len;
	set_xen_guest_handle(op.u.vcpuextstate.buffer, buf);
	rc = hyp_domctl(h, &op);
	hyp_buffer_free(h, buf);
	return rc;
}

/* -------------------------------------------------------------------- MSRs */

static int msrs_op(struct hyp *h, uint32_t cmd, domid_t domid, uint32_t vcpu, void *buf,
		   uint32_t *count)
{
	struct xen_domctl op = { .cmd = cmd, .domain = domid };
	int rc;

	op.u.vcpu_msrs.vcpu = vcpu;
	op.u.vcpu_msrs.msr_count = *count;
	if (buf)
		set_xen_guest_handle(op.u.vcpu_msrs.msrs, buf);
	rc = hyp_domctl(h, &op);
	*count = op.u.vcpu_msrs.msr_count;
	return rc;
}

int domctl_vcpu_msrs_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *msrs, size_t *len)
{
	const size_t size = sizeof(struct xen_domctl_vcpu_msr);
	size_t room = *len / size;
	uint32_t count = 0;
	void *buf;
	int rc = msrs_op(h, XEN_DOMCTL_get_vcpu_msrs, domid, vcpu, NULL, &count);

	*len = 0;
	if (rc < 0 || !count)
		return rc;
	if (count > room)
		return -ENOBUFS;
	buf = hyp_buffer_new(h, count * size);
	if (!buf)
		return -ENOMEM;
	rc = msrs_op(h, XEN_DOMCTL_get_vcpu_msrs, domid, vcpu, buf, &count);
	if (rc >= 0 && count > room)
		rc = -ENOBUFS;
	if (rc >= 0) {
		*len = count * size;
		memcpy(msrs, buf, *len);
	}
	hyp_buffer_free(h, buf);
	return rc;
}

int domctl_vcpu_msrs_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *msrs, size_t len)
{
	uint32_t count = (uint32_t)(len / sizeof(struct xen_domctl_vcpu_msr));
	void *buf = hyp_buffer_new(h, len + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, msrs, len);
	rc = msrs_op(h, XEN_DOMCTL_set_vcpu_msrs, domid, vcpu, buf, &count);
	hyp_buffer_free(h, buf);
	return rc;
}
