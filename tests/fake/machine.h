/*
 * The machine of the unit tests: CPUs are records, of which the test is one at a time; machine memory is
 * an array; interrupts are a flag.  Takes the place of hypervisor/x86/machine.h.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "types.h"

struct cpu;
struct vcpu;

extern struct cpu *fake_this_cpu;
extern bool fake_irqs_on;
extern uint8_t *fake_ram;

struct vcpu *current_vcpu(void);
void cpu_relax(void);			/* lets the other CPUs go on; fails the test if nothing comes of it */

extern uint64_t fake_tsc;
static inline uint64_t arch_tsc(void) { return fake_tsc; }
static inline struct cpu *this_cpu(void) { return fake_this_cpu; }
static inline void irq_enable(void) { fake_irqs_on = true; }
static inline void irq_disable(void) { fake_irqs_on = false; }
static inline bool irq_is_enabled(void) { return fake_irqs_on; }
static inline void irq_restore(uint64_t flags) { fake_irqs_on = flags; }

static inline uint64_t irq_save(void)
{
	uint64_t flags = fake_irqs_on;

	fake_irqs_on = false;
	return flags;
}

static inline void *paddr_to_virt(paddr_t p) { return fake_ram + p; }
static inline void *mfn_to_virt(mfn_t m) { return paddr_to_virt(mfn_to_paddr(m)); }
static inline paddr_t virt_to_paddr(const void *v) { return (const uint8_t *)v - fake_ram; }
static inline mfn_t virt_to_mfn(const void *v) { return paddr_to_mfn(virt_to_paddr(v)); }

#endif
