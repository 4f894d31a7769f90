/* What the scheduler keeps for each physical CPU. */
#ifndef HV_SCHED_CPU_H
#define HV_SCHED_CPU_H

#include "list.h"
#include "lock.h"
#include "timer.h"

struct sched_cpu {
	struct spinlock lock;		/* the run queue and the states of the vcpus assigned here; irqsave */
	struct vcpu *current;		/* chosen last; what runs, or is being switched to */
	uint64_t charged_ns;		/* current was charged for what it ran until then */
	struct timer slice;		/* ends the current vcpu's turn */
	unsigned int queued;		/* vcpus that wait here; read without the lock too */
	void *priv;			/* the scheduler's own record of this CPU */
};

#endif
