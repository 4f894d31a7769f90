/*
 * Counters of what happens, read by xenperf (XEN_SYSCTL_perfc_op).  Each CPU counts for itself; they wrap
 * around at 32 bits.
 */
#ifndef HV_PERF_H
#define HV_PERF_H

#include "abi.h"
#include "types.h"

/* Name in the code, text that xenperf shows, elements: 1, or an array's length. */
#define PERF_COUNTERS(X) \
	X(hypercalls,		"hypercalls", 64) \
	X(exceptions,		"exceptions", 32) \
	X(interrupts,		"interrupts", 1) \
	X(timer_interrupts,	"timer interrupts", 1) \
	X(ipis,			"inter-processor interrupts", 1) \
	X(softirqs,		"rounds of softirqs", 1) \
	X(sched_run,		"sched: runs through scheduler", 1) \
	X(sched_switches,	"sched: context switches", 1) \
	X(multicall_entries,	"entries of multicalls", 1) \
	X(mmu_updates,		"page table updates", 1) \
	X(ptwr_emulations,	"writable page table emulations", 1) \
	X(privop_emulations,	"privileged instruction emulations", 1) \
	X(tlb_flushes,		"TLB flushes on other CPUs", 1) \
	X(evtchn_sends,		"event channel sends", 1) \
	X(grant_maps,		"grant maps", 1) \
	X(grant_unmaps,		"grant unmaps", 1) \
	X(grant_copies,		"grant copies", 1)

struct perf_counts {
#define PERF_FIELD(name, text, n) uint32_t name[n];
	PERF_COUNTERS(PERF_FIELD)
#undef PERF_FIELD
};

#define perf_inc(name) (this_cpu()->perf.name[0]++)
#define perf_inc_at(name, i) (this_cpu()->perf.name[i]++)	/* the index is in range */

long perf_op(struct xen_sysctl_perfc_op *op);	/* -EINVAL, -EFAULT */

#endif
