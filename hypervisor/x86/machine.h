/*
 * The inline half of the machine: which CPU we are on, interrupts on and off, where machine memory is
 * mapped.  Unit tests have their own machine.h in tests/fake/.
 */
#ifndef HV_X86_MACHINE_H
#define HV_X86_MACHINE_H

#include "x86/layout.h"
#include "types.h"

struct cpu;
struct vcpu;

/*
 * Every CPU runs on its own block of STACK_SIZE bytes, aligned to its size; this record ends it, so that
 * each piece of code finds it from the stack pointer alone, whatever GS is (a guest owns that).
 */
struct stack_end {
	struct cpu *cpu;
	struct vcpu *current;
	uint64_t scratch;		/* SYSCALL entry: the guest's RSP */
	uint64_t hw_cr3;		/* what CR3 holds, so that equal loads are skipped */
};

_Static_assert(sizeof(struct stack_end) == STACK_END_SIZE, "as layout.h says");

static inline struct stack_end *stack_end(void)
{
	uint64_t rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	return (struct stack_end *)((rsp | (STACK_SIZE - 1)) + 1 - sizeof(struct stack_end));
}

static inline struct cpu *this_cpu(void) { return stack_end()->cpu; }
static inline struct vcpu *current_vcpu(void) { return stack_end()->current; }

/* The time stamp counter, as it stands: not ordered with what is around it. */
static inline uint64_t arch_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
static inline void irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }

static inline uint64_t irq_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	return flags;
}

static inline uint64_t irq_save(void)
{
	uint64_t flags = irq_flags();

	irq_disable();
	return flags;
}

static inline void irq_restore(uint64_t flags)
{
	if (flags & 0x200)		/* RFLAGS.IF, SDM 1 3.4.3 */
		irq_enable();
	else
		irq_disable();
}

static inline bool irq_is_enabled(void) { return irq_flags() & 0x200; }

/* All RAM is mapped at DIRECTMAP_START. */
static inline void *paddr_to_virt(paddr_t p) { return (void *)(DIRECTMAP_START + p); }
static inline void *mfn_to_virt(mfn_t m) { return paddr_to_virt(mfn_to_paddr(m)); }
static inline paddr_t virt_to_paddr(const void *v) { return (uint64_t)v - DIRECTMAP_START; }
static inline mfn_t virt_to_mfn(const void *v) { return paddr_to_mfn(virt_to_paddr(v)); }

#endif
