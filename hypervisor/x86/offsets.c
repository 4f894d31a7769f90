/* Offsets that the assembly needs; compiled to text and turned into offsets.h, never linked. */
#include "cpu.h"
#include "domain.h"
#include "layout.h"

#define OFFSET(name, value) __asm__ volatile("\n#define " #name " %c0" :: "i"(value))

void offsets(void);
void offsets(void)
{
	OFFSET(UREGS_vector, offsetof(struct cpu_user_regs, entry_vector));
	OFFSET(UREGS_rip, offsetof(struct cpu_user_regs, rip));
	OFFSET(UREGS_cs, offsetof(struct cpu_user_regs, cs));
	OFFSET(UREGS_rsp, offsetof(struct cpu_user_regs, rsp));
	OFFSET(UREGS_es, offsetof(struct cpu_user_regs, es));
	OFFSET(STACK_END_OFFSET, STACK_SIZE - STACK_END_SIZE);
	OFFSET(STACK_END_cpu, offsetof(struct stack_end, cpu));
	OFFSET(STACK_END_current, offsetof(struct stack_end, current));
	OFFSET(CPU_softirq_pending, offsetof(struct cpu, softirq_pending));
	OFFSET(VCPU_info, offsetof(struct vcpu, info));
	OFFSET(VCPU_exit_work, offsetof(struct vcpu, arch.exit_work));
}
