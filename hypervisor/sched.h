/*
 * Who runs where, and for how long.  The mechanism is here and in sched.c: run states, waking, sleeping,
 * switching, moving between CPUs.  The policy is a table of operations: struct scheduler.
 *
 * A vcpu belongs to one CPU (v->cpu), whose sched_cpu.lock covers its state.  It is in one of these:
 *   waiting	is_queued: in its CPU's run queue, which is the policy's
 *   on it	v == v->cpu->sched.current and is_running
 *   leaving	is_running, but no longer current: its registers are still being saved
 *   off	none of these: blocked, paused or down
 * One that waits may at the same time be leaving; only its own CPU may choose it then.
 */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include "cpu.h"
#include "domain.h"

/* What a policy decides.  "Locked": called with v->cpu's (or c's) sched_cpu.lock held, interrupts off. */
struct scheduler {
	const char *name;		/* sched= on the command line */
	uint32_t abi_id;		/* XEN_SCHEDULER_* */
	int (*cpu_init)(struct cpu *c);			/* -ENOMEM */
	int (*domain_init)(struct domain *d);
	void (*domain_free)(struct domain *d);
	int (*vcpu_init)(struct vcpu *v);		/* v->cpu is set; not for idle vcpus */
	void (*vcpu_free)(struct vcpu *v);
	struct cpu *(*pick_cpu)(struct vcpu *v);	/* where it should be; locked unless it's new; takes no other lock */
	void (*insert)(struct vcpu *v);			/* locked: queue it: it woke (its run state tells from
							 * what), or (if current) was preempted */
	void (*remove)(struct vcpu *v);			/* locked: take it off the queue */
	void (*kick)(struct vcpu *v, bool woke);	/* locked: it waits, after waking or since it left its
							 * CPU: make one look that should run it now */
	void (*charge)(struct vcpu *v, uint64_t ran_ns);	/* locked: the current one ran for so long */
	void (*yield)(struct vcpu *v);			/* locked: the current one wants others to go first */
	/* Locked: the next to run on `c`, taken off a queue (c->idle if none); *slice_ns: its turn, 0: no end. */
	struct vcpu *(*next)(struct cpu *c, uint64_t now, uint64_t *slice_ns);
	long (*adjust_domain)(struct domain *d, struct xen_domctl_scheduler_op *op);	/* put/getinfo: -EINVAL … */
	long (*adjust_global)(struct xen_sysctl_scheduler_op *op);	/* put/getinfo: -EINVAL … */
	void (*dump)(struct cpu *c);			/* locked: debug key r */
};

extern const struct scheduler *scheduler;		/* chosen at boot */
extern const struct scheduler sched_credit, sched_sedf;

int sched_init(const char *name);			/* -ENOENT: no such scheduler; the default stays */
int sched_cpu_init(struct cpu *c);			/* c->idle exists and runs; before `c` is in cpu_online; -ENOMEM */
int sched_vcpu_init(struct vcpu *v);			/* gives it a CPU and a record; -ENOMEM */
void sched_vcpu_free(struct vcpu *v);			/* it's off, and stays so */

void sched_charge(struct cpu *c, uint64_t now);		/* locked: the current one pays for its time until now */

/* Placement that policies share: sched_place.c. */
struct cpu *sched_pick_cpu(struct vcpu *v);		/* its last one if idle, an idle one, the least loaded */
struct cpu *sched_find_idle(struct vcpu *v);		/* where it may run, rather where it would; NULL */
bool sched_cpu_is_idle(struct cpu *c);
void sched_send_home(struct cpu *c);			/* locked: what runs leaves for an idle CPU that it prefers */
void sched_invite(struct cpu *to);			/* locked, about to idle: those who run elsewhere but would rather run here come */
bool sched_may_move(struct vcpu *v, struct cpu *to, bool soft);	/* it waits, and `to` is in its affinity */
bool sched_try_victim(struct cpu *from);		/* locks it if something may wait there; never spins */
void sched_move_queued(struct vcpu *v, struct cpu *to);	/* taken off its queue; both CPUs locked */

/* Locks what v->cpu holds of `v`; the flags go to sched_unlock(). */
struct cpu *sched_lock(struct vcpu *v, uint64_t *flags);
static inline void sched_unlock(struct cpu *c, uint64_t flags)
{
	spin_unlock_irqrestore(&c->sched.lock, flags);
}

void vcpu_wake(struct vcpu *v);				/* after a stop reason or pause was lifted; any context */
void vcpu_unblock(struct vcpu *v);			/* ends SCHEDOP_block and _poll; any context */
void vcpu_sleep_nosync(struct vcpu *v);			/* after one was added: leaves its CPU soon */
void vcpu_sleep_sync(struct vcpu *v);			/* … has left it on return, its state is in memory; not for current */
void vcpu_pause(struct vcpu *v);			/* counted, sync */
void vcpu_unpause(struct vcpu *v);
void vcpu_stop_set(struct vcpu *v, uint32_t why);	/* enum vcpu_stop; then vcpu_sleep_nosync */
void vcpu_stop_clear(struct vcpu *v, uint32_t why);	/* then vcpu_wake if any was set */
bool vcpu_is_called(struct vcpu *v);			/* an event or an NMI waits for it: no block, no poll */
void vcpu_block(void);					/* SCHEDOP_block for current, unless vcpu_is_called() */
void vcpu_yield(void);
void vcpu_poll_timeout(void *v);			/* handler of v->poll */
/* NULL keeps a mask.  -EINVAL: no CPU that's online is in it, or a pin override is in force. */
int vcpu_set_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft);
int vcpu_pin_override(struct vcpu *v, int pcpu);	/* <0 undoes it; -EINVAL, -EBUSY */
void sched_context_saved(struct vcpu *prev);		/* from arch_context_switch() */
uint64_t vcpu_cpu_time_ns(struct vcpu *v);		/* run so far */
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *r);	/* up to now */
void sched_watchdog_init(struct domain *d);		/* its two SCHEDOP_watchdog timers */
long sched_op(unsigned int cmd, uint64_t arg);		/* HYPERVISOR_sched_op; arg: guest address */
void sched_dump(void);					/* debug key r */

#endif
