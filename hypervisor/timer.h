/*
 * One-shot timers on absolute system time (nanoseconds since boot), kept per CPU in a pairing heap that is
 * threaded through the timers themselves: setting one can't fail and allocates nothing.  A handler runs
 * on the timer's CPU, in SOFTIRQ_TIMER, without locks; it may set its timer again.
 */
#ifndef HV_TIMER_H
#define HV_TIMER_H

#include "lock.h"
#include "types.h"

struct cpu;

struct timer {
	uint64_t expires_ns;
	void (*handler)(void *data);
	void *data;
	struct cpu *cpu;		/* whose heap it is, or will be, in */
	struct timer *child, *next;	/* heap: first child; next child of the same parent */
	struct timer *prev;		/* heap: the child before it, or the parent; NULL: the root */
	bool is_set;
	bool is_dead;			/* killed: can't be set any more */
};

struct timer_cpu {
	struct spinlock lock;		/* irqsave */
	struct timer *root;		/* the next to expire */
	struct timer *running;		/* its handler is executing now */
	uint64_t programmed_ns;		/* an interrupt comes no later than this; 0: none was asked for */
};

int timer_cpu_init(struct cpu *c);	/* 0; before any timer on `c` */
void timer_init(struct timer *t, struct cpu *c, void (*handler)(void *), void *data);
void timer_set(struct timer *t, uint64_t expires_ns);	/* replaces an earlier setting; the past fires at once */
void timer_stop(struct timer *t);
void timer_kill(struct timer *t);	/* stops it for good and waits until its handler isn't running (elsewhere) */
void timer_migrate(struct timer *t, struct cpu *to);
static inline bool timer_is_set(const struct timer *t) { return READ_ONCE(t->is_set); }
void timer_softirq(void);		/* SOFTIRQ_TIMER: fires what is due, programs the next deadline */

#endif
