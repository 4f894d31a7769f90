/* Other CPUs: starting them, telling them things, stopping them. */
#ifndef HV_X86_SMP_H
#define HV_X86_SMP_H

#include "abi.h"
#include "bitmap.h"

struct cpu;

void smp_prepare(void);			/* after ACPI and the heap: records for all CPUs that may come, cpus[] */
void smp_boot_all(void);		/* starts them, one after the other; nosmp and maxcpus= limit it */
int smp_start_cpu(struct cpu *c);	/* -ENODEV: it doesn't answer; -EEXIST: it is online */
int smp_stop_cpu(struct cpu *c);	/* takes it out of service: -EBUSY (boot CPU, or its vcpus can't move) */

/* Runs `function` on each of `on` but this CPU, interrupts disabled there; returns when all have run it. */
void smp_call(const struct cpumask *on, void (*function)(void *data), void *data);
const struct cpu_user_regs *smp_interrupted(void);	/* in such a function: what was interrupted for it, or NULL */
void smp_stop_others(void);		/* for good: shutdown, panic; by IPI, then by NMI */
bool smp_nmi(void);			/* an NMI came: true if it was meant to stop this CPU (doesn't return then) */

/* From the boot code: control registers, PAT and XCR0 of the CPU it is called on; an idle vcpu's life. */
void cpu_init(struct cpu *c);
__attribute__((noreturn)) void idle_loop(void);

void smp_call_interrupt(struct cpu_user_regs *regs);
void smp_flush_interrupt(struct cpu_user_regs *regs);
void smp_stop_interrupt(struct cpu_user_regs *regs);

#endif
