/*
 * One-shot timers on absolute system time (nanoseconds since boot), kept per CPU in a heap.  A handler
 * runs on the timer's CPU, in SOFTIRQ_TIMER, without locks; it may set its timer again.
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
	unsigned int heap_index;	/* 0 = not set; else its place in the heap */
	bool is_dead;			/* killed: can't be set any more */
};

struct timer_cpu {
	struct spinlock lock;		/* taken with interrupts disabled */
	struct timer **heap;		/* [1..count], smallest expiry first; grows by doubling */
	unsigned int count, capacity;
	struct timer *running;		/* its handler is executing now */
};

int timer_cpu_init(struct cpu *c);	/* -ENOMEM; before any timer on `c` */
void timer_init(struct timer *t, struct cpu *c, void (*handler)(void *), void *data);
void timer_set(struct timer *t, uint64_t expires_ns);	/* replaces an earlier setting; the past fires at once */
void timer_stop(struct timer *t);
void timer_kill(struct timer *t);	/* stops it for good and waits until its handler isn't running (elsewhere) */
void timer_migrate(struct timer *t, struct cpu *to);
bool timer_is_set(const struct timer *t);
void timer_softirq(void);		/* SOFTIRQ_TIMER: fires what is due, programs the next deadline */

#endif
