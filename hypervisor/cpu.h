/* A physical CPU and what the core keeps for it.  cpus[] is indexed by our own dense number, 0 the boot CPU. */
#ifndef HV_CPU_H
#define HV_CPU_H

#include "bitmap.h"
#include "lock.h"
#include "machine.h"
#include "perf.h"
#include "sched_cpu.h"
#include "timer.h"
#include "arch_cpu.h"

struct cpu {
	unsigned int id;
	uint64_t softirq_pending;	/* bits by enum softirq; set by anyone, atomically */
	struct vcpu *idle;		/* the vcpu that runs when none can */
	struct timer_cpu timers;
	struct sched_cpu sched;
	struct perf_counts perf;
	struct arch_cpu arch;
};

extern struct cpu *cpus[MAX_CPUS];
extern struct cpumask cpu_online;	/* takes part in scheduling and answers IPIs */
extern unsigned int cpu_count;		/* highest number in use + 1 */

static inline unsigned int cpu_id(void) { return this_cpu()->id; }

#endif
