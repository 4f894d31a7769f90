/*
 * What the toolstack says to the sedf scheduler.  Its number and layout are those of Xen 3.2's public domctl.h
 * (today's header only says that the number was removed); they lie where the others' parameters do,
 * in the union of DOMCTL_scheduler_op.
 */
#ifndef HV_SCHED_SEDF_H
#define HV_SCHED_SEDF_H

#include <stdint.h>

#define XEN_SCHEDULER_SEDF 4

struct sched_sedf_params {
	uint64_t period_ns, slice_ns;	/* slice_ns of CPU time in every period_ns, for each vcpu */
	uint64_t latency_ns;		/* one that wakes is served within so much; 0: within its period */
	uint32_t extratime;		/* bit 0: may use time that nobody has reserved */
	uint32_t weight;		/* not 0: no reservation, extra time by weight alone */
};

#endif
