/*
 * What a toolstack may do to one domain: typed wrappers over XEN_DOMCTL_* and the few other
 * hypercalls that act on a domain by its id.  Each returns 0 (or a count) or the hypervisor's
 * own -errno; nothing is logged here.  Structures are the public ones.  Relies on hyp.
 */
#ifndef XEND_DOMCTL_H
#define XEND_DOMCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/hyp.h"

/* Life and death.  `want` 0 lets the hypervisor choose; *domid is the new domain's. */
int domctl_create(struct hyp *h, const struct xen_domctl_createdomain *create, domid_t want,
		  domid_t *domid);
int domctl_destroy(struct hyp *h, domid_t domid);	/* repeats while the hypervisor asks */
int domctl_pause(struct hyp *h, domid_t domid);
int domctl_unpause(struct hyp *h, domid_t domid);
int domctl_resume(struct hyp *h, domid_t domid);	/* after a suspend; see domctl_vcpu_* */
int domctl_handle_set(struct hyp *h, domid_t domid, const uint8_t uuid[16]);
int domctl_trigger(struct hyp *h, domid_t domid, uint32_t trigger, uint32_t vcpu);

/* Facts.  -ESRCH: no such domain.  (A list is sysctl_domains_all().) */
int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info);

/* Limits and settings. */
int domctl_max_vcpus(struct hyp *h, domid_t domid, uint32_t vcpus);
int domctl_max_mem(struct hyp *h, domid_t domid, uint64_t kib);
int domctl_address_size(struct hyp *h, domid_t domid, uint32_t bits);
int domctl_tsc_set(struct hyp *h, domid_t domid, const struct xen_domctl_tsc_info *tsc);
int domctl_tsc_get(struct hyp *h, domid_t domid, struct xen_domctl_tsc_info *tsc);
int domctl_hypercall_page(struct hyp *h, domid_t domid, uint64_t mfn);

/* Vcpus.  Maps are bitmaps of `bytes` bytes, bit n is pcpu n; a null map is left
 * alone.  Affinity set: the maps come back as what will really be used. */
int domctl_affinity_set(struct hyp *h, domid_t domid, uint32_t vcpu, uint8_t *hard,
			uint8_t *soft, size_t bytes);
int domctl_affinity_get(struct hyp *h, domid_t domid, uint32_t vcpu, uint8_t *hard,
			uint8_t *soft, size_t bytes);
int domctl_vcpu_info(struct hyp *h, domid_t domid, uint32_t vcpu,
		     struct xen_domctl_getvcpuinfo *info);
int domctl_vcpu_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
			    const vcpu_guest_context_t *ctx);
int domctl_vcpu_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
			    vcpu_guest_context_t *ctx);
int domctl_vcpu_ext_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
				struct xen_domctl_ext_vcpucontext *ctx);
int domctl_vcpu_ext_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
				const struct xen_domctl_ext_vcpucontext *ctx);

/* What a vcpu has beyond that, as the hypervisor packs it: extended state (xcr0, xcr0_accum, XSAVE
 * area) and MSRs (struct xen_domctl_vcpu_msr each).  Get: *len is the room (a multiple of 16), then
 * what was needed; nothing at all is 0.  -ENOBUFS: there is more. */
int domctl_vcpu_xstate_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *state, size_t *len);
int domctl_vcpu_xstate_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *state,
			   size_t len);
int domctl_vcpu_msrs_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *msrs, size_t *len);
int domctl_vcpu_msrs_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *msrs, size_t len);

/* Scheduling: op->sched_id and op->cmd say which; the union comes back filled.  -EINVAL: the
 * domain's scheduler is another one. */
int domctl_sched(struct hyp *h, domid_t domid, struct xen_domctl_scheduler_op *op);

/* The sedf scheduler's parameters.  Its number and layout are those of Xen 3.2's public domctl.h
 * (today's header only says that the number was removed); a hypervisor that has the scheduler
 * keeps them where the others' lie, in DOMCTL_scheduler_op's union. */
#define DOMCTL_SCHED_SEDF 4

struct domctl_sedf {
	uint64_t period_ns, slice_ns;	/* slice of processor time in every period, each vcpu */
	uint64_t latency_ns;
	uint32_t extratime;		/* 1: may use what nobody has reserved */
	uint32_t weight;		/* not 0: shares by weight, instead of period and slice */
};

int domctl_sedf_get(struct hyp *h, domid_t domid, struct domctl_sedf *p);
int domctl_sedf_set(struct hyp *h, domid_t domid, const struct domctl_sedf *p);

/* Types of frames (XEN_DOMCTL_PFINFO_*): `types` holds mfns on the way in, types on the way
 * out; at most 1024 at once. */
int domctl_frame_types(struct hyp *h, domid_t domid, xen_pfn_t *types, size_t count);

#endif
