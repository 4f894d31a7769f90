#include "traps.h"
#include "arch.h"
#include "mm.h"
#include "printk.h"
#include "pv_traps.h"
#include "trace.h"

struct ex_entry { uint64_t at, fixup; };
extern const struct ex_entry _ex_table[], _ex_table_end[];

static const char *const trap_names[32] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode",
	"device not available", "double fault", "", "invalid TSS", "segment not present", "stack fault",
	"general protection", "page fault", "", "x87 error", "alignment check", "machine check",
	"SIMD error", "virtualisation exception", "control protection",
};

const char *trap_name(unsigned int vector)
{
	return vector < 32 && trap_names[vector] ? trap_names[vector] : "unknown trap";
}

static void trap_record(const struct cpu_user_regs *regs, unsigned int vector, uint64_t cr2)
{
	if (vector < 32)
		perf_inc_at(exceptions, vector);
	if (vector == TRAP_PF)
		trace(TRC_PV_PAGE_FAULT | TRC_64_FLAG, TRACE_64(regs->rip), TRACE_64(cr2), (uint32_t)regs->error_code);
	else
		trace(TRC_PV_TRAP | TRC_64_FLAG, TRACE_64(regs->rip), vector | (uint32_t)regs->error_code << 16);
}

void trap_guest(struct cpu_user_regs *regs)
{
	unsigned int vector = regs->entry_vector;
	uint64_t cr2;

	if (vector >= 32 && vector != 0x80) {
		irq_dispatch(regs, vector);
		return;
	}
	if (vector == TRAP_NMI) {
		nmi_handle(regs);
		return;
	}
	if (vector == TRAP_MC) {
		machine_check_handle(regs);
		return;
	}
	if (vector == TRAP_DF)
		fatal_trap(regs);
	cr2 = vector == TRAP_PF ? read_cr2() : 0;
	irq_enable();
	trap_record(regs, vector, cr2);
	pv_trap(regs, vector, cr2);
}

/* An instruction of ours that may fault, with somewhere to go on if it does. */
static bool trap_fix(struct cpu_user_regs *regs)
{
	for (const struct ex_entry *e = _ex_table; e < _ex_table_end; e++)
		if (e->at == regs->rip) {
			regs->rip = e->fixup;
			return true;
		}
	return false;
}

void trap_hypervisor(struct cpu_user_regs *regs)
{
	unsigned int vector = regs->entry_vector;

	if (vector >= 32) {
		irq_dispatch(regs, vector);
	} else if (vector == TRAP_NMI) {
		nmi_handle(regs);
	} else if (vector == TRAP_MC) {
		machine_check_handle(regs);
	} else if (vector == TRAP_DB) {
		/* a guest's breakpoint that we hit while copying from it: it will see it for itself */
		__asm__ volatile("mov %0, %%dr6" :: "r"(0xffff0ff0UL));
		regs->rflags &= ~RFLAGS_TF;
	} else if (vector == TRAP_DF || !trap_fix(regs)) {
		fatal_trap(regs);
	}
}
