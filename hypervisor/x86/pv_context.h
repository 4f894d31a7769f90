/* Parts of a vcpu's state that the toolstack carries besides its context; the vcpu is paused. */
#ifndef HV_X86_PV_CONTEXT_H
#define HV_X86_PV_CONTEXT_H

#include "domain.h"

void pv_fpu_reset(struct vcpu *v);		/* as FNINIT and LDMXCSR's reset value leave it */
void pv_vcpu_reset(struct vcpu *v);		/* registers as a new vcpu has them; it holds no frames */
uint64_t pv_cr4_guest_bits(void);		/* of CR4, what a guest may set */

/* Buffers of the structures are the caller's, of guest memory: -EFAULT, -EINVAL, -ENOBUFS … */
long pv_get_extstate(struct vcpu *v, struct xen_domctl_vcpuextstate *e);	/* size 0 asks for the size */
long pv_set_extstate(struct vcpu *v, const struct xen_domctl_vcpuextstate *e);	/* -EOPNOTSUPP: not this CPU's */
void pv_get_ext_context(const struct vcpu *v, struct xen_domctl_ext_vcpucontext *e);
long pv_set_ext_context(struct vcpu *v, const struct xen_domctl_ext_vcpucontext *e);
long pv_get_msrs(const struct vcpu *v, struct xen_domctl_vcpu_msrs *m);		/* no buffer: how many at most */
long pv_set_msrs(struct vcpu *v, const struct xen_domctl_vcpu_msrs *m);

#endif
