#include "tlb.h"
#include "arch.h"
#include "mm.h"
#include "page.h"
#include "smp.h"

#define TLB_CLOCK_END USE_STAMP		/* used up: the clock stands until all CPUs have flushed */

static uint32_t tlb_clock = 1;
static uint32_t tlb_clock_restarts;

uint32_t arch_tlb_clock(void) { return __atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST); }

/*
 * Before the flush: what is stamped from here on isn't covered by it.  When the clock has come to its end, or was
 * set back while we looked, a CPU knows of no flush (0), so that all it is asked for is done.
 */
static void tlb_flush_note(void)
{
	uint32_t *stamp = &this_cpu()->arch.flush_stamp;
	uint32_t restarts = __atomic_load_n(&tlb_clock_restarts, __ATOMIC_SEQ_CST), now = arch_tlb_clock();

	while (now != TLB_CLOCK_END &&
	       !__atomic_compare_exchange_n(&tlb_clock, &now, now + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	WRITE_ONCE(*stamp, now == TLB_CLOCK_END ? 0 : now + 1);
	if (__atomic_load_n(&tlb_clock_restarts, __ATOMIC_SEQ_CST) != restarts)
		WRITE_ONCE(*stamp, 0);
}

void tlb_flush_local(void)
{
	tlb_flush_note();
	write_cr3(read_cr3());
}

void cr3_load(paddr_t root)
{
	struct stack_end *end = stack_end();

	if (end->hw_cr3 == root)
		return;
	tlb_flush_note();
	end->hw_cr3 = root;
	write_cr3(root);
}

static void tlb_flush_here(void *unused) { tlb_flush_local(); }

/*
 * Once in eight million flushes: everyone flushes while the clock stands, then it starts anew.  What was stamped
 * before is covered by that, or looks newer than it is, which costs one flush when the frame is reused.
 */
static void tlb_clock_restart(void)
{
	uint32_t end = TLB_CLOCK_END;

	__atomic_fetch_add(&tlb_clock_restarts, 1, __ATOMIC_SEQ_CST);
	tlb_flush_local();
	smp_call(&cpu_online, tlb_flush_here, NULL);
	__atomic_compare_exchange_n(&tlb_clock, &end, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool is_late(unsigned int cpu, uint32_t stamp)
{
	return stamp >= READ_ONCE(cpus[cpu]->arch.flush_stamp);
}

bool tlb_is_stale(const struct cpumask *of, uint32_t stamp)
{
	unsigned int cpu;

	cpumask_for_each(cpu, of)
		if (is_late(cpu, stamp))
			return true;
	return false;
}

void tlb_flush_stamped(const struct cpumask *of, uint32_t stamp)
{
	struct cpumask late = { { 0 } };
	unsigned int cpu;

	cpumask_for_each(cpu, of)
		if (is_late(cpu, stamp))
			cpumask_set(&late, cpu);
	if (!cpumask_empty(&late))
		tlb_flush_cpus(&late);
	if (arch_tlb_clock() == TLB_CLOCK_END)
		tlb_clock_restart();
}
