/* Virtual CPUs: their run state, time, and the VCPUOP_* calls.  Who runs when is sched.h's. */
#ifndef HV_VCPU_H
#define HV_VCPU_H

#include "abi.h"
#include "bitmap.h"
#include "list.h"
#include "timer.h"
#include "evtchn.h"
#include "arch_vcpu.h"

struct domain;
struct page;

/* Why a vcpu does not run; none set: it wants to. */
enum vcpu_stop {
	VCPU_DOWN = 1,			/* never brought up, or VCPUOP_down */
	VCPU_BLOCKED = 2,		/* SCHEDOP_block: until an event */
	VCPU_POLLING = 4,		/* SCHEDOP_poll: until a port, an event or the timeout (with BLOCKED) */
	VCPU_SHUTDOWN = 8,		/* its domain was shut down */
	VCPU_FROZEN = 16,		/* domains_freeze() */
};

struct vcpu {
	unsigned int id;
	struct domain *domain;		/* NULL: an idle vcpu */
	bool is_initialised;		/* has a context: may be brought up */
	uint32_t stop;			/* enum vcpu_stop bits; atomic */
	uint32_t pauses;		/* counted reasons from outside; atomic */
	bool is_running;		/* its state is (being) used on `cpu`; sched_cpu.lock of it, as all here */
	bool is_queued;			/* waits in the run queue of `cpu` */
	bool must_move;			/* its CPU is not (or no longer) what it wants: goes elsewhere once off it */
	uint32_t in_transit;		/* wakers that moved it and are about to take its new CPU's lock */
	struct multicall *multicall;	/* the one it is in, on its stack; hypercall.c */

	struct cpu *cpu;		/* assigned; sched_cpu.lock of it to change */
	struct cpumask hard_affinity, soft_affinity;
	bool is_pinned_now;		/* SCHEDOP_pin_override in force */
	struct cpumask saved_affinity;
	void *sched_priv;

	struct vcpu_info *info;		/* in shared_info, or registered page; NULL above 31 until registered; evtchn.lock */
	struct page *info_page;		/* holds a writable ref while registered */
	struct evtchn_vcpu evtchn;

	uint64_t time_guest;		/* guest virtual address of its copy of vcpu_time_info, 0: none */
	uint64_t runstate_guest;	/* guest virtual address of vcpu_runstate_info, 0: none */
	struct vcpu_runstate_info runstate;	/* sched_cpu.lock of cpu */
	struct timer periodic, singleshot, poll;
	uint64_t period_ns, last_tick_ns;
	struct arch_vcpu arch;
};

static inline bool vcpu_is_idle(const struct vcpu *v) { return !v->domain; }
static inline bool vcpu_is_runnable(const struct vcpu *v)
{
	return !(READ_ONCE(v->stop) | READ_ONCE(v->pauses));
}

struct vcpu *vcpu_new(struct domain *d, unsigned int id);	/* down, with a scheduler record; NULL: no memory */
struct vcpu *vcpu_new_idle(struct cpu *c);
void vcpu_free(struct vcpu *v);
void vcpu_set_singleshot(struct vcpu *v, uint64_t deadline_ns);	/* 0: stop */
long vcpu_op(unsigned int cmd, unsigned int vcpu_id, uint64_t arg);	/* HYPERVISOR_vcpu_op; arg: guest address */
void vcpu_timers_enter(struct vcpu *v);	/* `v` goes on a CPU: its timers follow, a tick that's due fires */
void vcpu_timers_leave(struct vcpu *v);	/* no tick while it's off */
void vcpu_release_info(struct vcpu *v);	/* back to shared_info's, for good; the domain is dying */
void vcpu_runstate_change(struct vcpu *v, int state, uint64_t when_ns);	/* RUNSTATE_*; sched_cpu.lock held */
/* Writes it, and the time, where the guest wants copies; `v` is current, its kernel root loaded. */
void vcpu_runstate_publish(struct vcpu *v);

#endif
