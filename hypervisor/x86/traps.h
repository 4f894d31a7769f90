/* Exceptions and interrupts: from the vector to what it means for the guest, or for us. */
#ifndef HV_X86_TRAPS_H
#define HV_X86_TRAPS_H

#include "abi.h"
#include "domain.h"

enum trap_vector { TRAP_DE, TRAP_DB, TRAP_NMI, TRAP_BP, TRAP_OF, TRAP_BR, TRAP_UD, TRAP_NM, TRAP_DF,
		   TRAP_TS = 10, TRAP_NP, TRAP_SS, TRAP_GP, TRAP_PF, TRAP_MF = 16, TRAP_AC, TRAP_MC,
		   TRAP_XM, TRAP_CP = 21 };

/* Page-fault error code: SDM 3A 4.7 */
#define PF_PRESENT	1
#define PF_WRITE	2
#define PF_USER		4
#define PF_RSVD		8
#define PF_INSN		16

#define RFLAGS_TF	0x100UL
#define RFLAGS_IF	0x200UL
#define RFLAGS_DF	0x400UL
#define RFLAGS_IOPL	0x3000UL
#define RFLAGS_NT	0x4000UL
#define RFLAGS_RF	0x10000UL
#define RFLAGS_VM	0x20000UL
#define RFLAGS_AC	0x40000UL

#define VECTOR_SYSCALL	0x100		/* in entry_vector, by entry.S */
#define VECTOR_SYSCALL32 0x101
#define VECTOR_SYSENTER	0x102
#define VECTOR_BOUNCE	0x103		/* the frame is no longer what it entered with: leave by IRET */

/* From entry.S. */
void trap_guest(struct cpu_user_regs *regs);
void trap_hypervisor(struct cpu_user_regs *regs);
void syscall_guest(struct cpu_user_regs *regs);
void pv_exit_work(struct cpu_user_regs *regs);
void pv_iret_faulted(struct cpu_user_regs *regs);

/* Interrupt vectors 32-255 (irq.c); interrupts are off. */
void irq_dispatch(struct cpu_user_regs *regs, unsigned int vector);
/* NMI and machine check, whoever was interrupted. */
void nmi_handle(struct cpu_user_regs *regs);
void machine_check_handle(struct cpu_user_regs *regs);
__attribute__((noreturn)) void fatal_trap(struct cpu_user_regs *regs);

const char *trap_name(unsigned int vector);

#endif
