/* Model-specific registers as PV guests see them: one table, pv_msr.c. */
#ifndef HV_X86_PV_MSR_H
#define HV_X86_PV_MSR_H

#include "domain.h"

bool pv_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);	/* false: #GP; v is current */
bool pv_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);
void pv_load_xcr0(struct vcpu *v);	/* into this CPU */
void pv_load_cr4(struct vcpu *v);

#endif
