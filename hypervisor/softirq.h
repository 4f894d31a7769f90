/*
 * Work that interrupt handlers and hypercalls put off until the CPU is about to return to a guest (or
 * idles): there it runs with interrupts enabled and no lock held.
 */
#ifndef HV_SOFTIRQ_H
#define HV_SOFTIRQ_H

#include "cpu.h"

/* In the order in which they run.  SCHEDULE is the last: it may go on in another vcpu and never return. */
enum softirq { SOFTIRQ_TIMER, SOFTIRQ_CONSOLE, SOFTIRQ_DOMAIN, SOFTIRQ_TRACE, SOFTIRQ_SCHEDULE, SOFTIRQ_COUNT };

void softirq_raise(enum softirq nr);				/* on this CPU; any context */
void softirq_raise_on(struct cpu *c, enum softirq nr);		/* on `c`, kicked if it is another */
void softirq_set_handler(enum softirq nr, void (*handler)(void));
void softirq_run(void);	/* runs what is pending here; interrupts enabled, returns with nothing pending */

static inline bool softirq_is_pending(void) { return READ_ONCE(this_cpu()->softirq_pending) != 0; }

#endif
