/* Events, exceptions and system calls as a PV guest sees them: frames on its kernel stack. */
#ifndef HV_X86_PV_TRAPS_H
#define HV_X86_PV_TRAPS_H

#include "domain.h"
#include "traps.h"

void pv_exit_work_add(struct vcpu *v, uint8_t work);	/* VCPU_WORK_*; any context, any CPU */
void pv_trap(struct cpu_user_regs *regs, unsigned int vector, uint64_t cr2);	/* an exception of the guest */
/* hypercall 23: the frame on the guest's stack becomes its registers. */
void pv_iret(struct cpu_user_regs *regs);

/* The ring that the guest kernel believes to be in, for gates and I/O: 1, or 0 where it asked for that. */
static inline unsigned int pv_kernel_ring(const struct vcpu *v)
{
	return v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1 ? 0 : 1;
}

void pv_set_ts(struct vcpu *v, bool ts);	/* virtual CR0.TS; v is current */

/* The handlers of pv_emulate.c and pv_ptwr.c: true if the instruction was done and RIP moved on. */
bool pv_emulate_gp(struct vcpu *v, struct cpu_user_regs *regs);
bool pv_emulate_forced_cpuid(struct vcpu *v, struct cpu_user_regs *regs);
bool pv_ptwr_fault(struct vcpu *v, struct cpu_user_regs *regs, uint64_t cr2);

long pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value);	/* -EPERM, -EINVAL */
void pv_load_debugregs(struct vcpu *v);		/* into this CPU */

#endif
