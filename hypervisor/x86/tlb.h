/*
 * Translations that CPUs remember.  A clock ticks with every flush of a whole TLB: who takes an entry away notes
 * the time (a stamp, arch_tlb_clock()), and who reuses the frame asks only those CPUs to flush that haven't since.
 */
#ifndef HV_X86_TLB_H
#define HV_X86_TLB_H

#include "cpu.h"
#include "types.h"

void tlb_flush_local(void);			/* all but global entries; there are no global ones of guests */
static inline void tlb_flush_page_local(uint64_t va) { __asm__ volatile("invlpg (%0)" :: "r"(va) : "memory"); }
void cr3_load(paddr_t root);			/* skipped if it's loaded; a load flushes */
void tlb_flush_cpus(const struct cpumask *cpus);		/* returns when done; interrupts enabled */
void tlb_flush_page_cpus(const struct cpumask *cpus, uint64_t va);
/* Flushes those of `cpus` that haven't flushed since `stamp` was taken. */
void tlb_flush_stamped(const struct cpumask *of, uint32_t stamp);
bool tlb_is_stale(const struct cpumask *of, uint32_t stamp);	/* there is one that hasn't */

#endif
