/* Who runs where, and for how long.  The policy is a table of operations: struct scheduler. */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include "cpu.h"
#include "domain.h"

/* What a policy decides. All but init are called with the sched_cpu.lock of the CPU (or v->cpu) held. */
struct scheduler {
	const char *name;		/* sched= on the command line */
	uint32_t abi_id;		/* XEN_SCHEDULER_* */
	int (*cpu_init)(struct cpu *c);			/* -ENOMEM */
	int (*domain_init)(struct domain *d);
	void (*domain_free)(struct domain *d);
	int (*vcpu_init)(struct vcpu *v);
	void (*vcpu_free)(struct vcpu *v);
	struct cpu *(*pick_cpu)(struct vcpu *v);	/* where to put it; no lock held */
	void (*insert)(struct vcpu *v);			/* v became runnable, or was preempted while so */
	void (*remove)(struct vcpu *v);			/* v is runnable no more */
	void (*yield)(struct vcpu *v);
	/* The next to run on `c`, taken off the queue (c->idle if none), and its slice in *slice_ns (0: none). */
	struct vcpu *(*next)(struct cpu *c, uint64_t now, uint64_t *slice_ns);
	long (*adjust_domain)(struct domain *d, struct xen_domctl_scheduler_op *op);	/* DOMCTL_scheduler_op */
	void (*dump)(struct cpu *c);			/* debug key r */
};

extern const struct scheduler *scheduler;		/* chosen at boot */

int sched_init(const char *name);			/* -ENOENT: no such scheduler; the default stays */
int sched_cpu_init(struct cpu *c);
int sched_vcpu_init(struct vcpu *v);			/* gives it a CPU and a record */
void sched_vcpu_free(struct vcpu *v);

void vcpu_wake(struct vcpu *v);				/* after a stop reason or pause was lifted; any context */
void vcpu_sleep_nosync(struct vcpu *v);			/* after one was added: leaves its CPU soon */
void vcpu_sleep_sync(struct vcpu *v);			/* … has left it on return, its state is in memory; not for current */
void vcpu_pause(struct vcpu *v);			/* counted, sync */
void vcpu_unpause(struct vcpu *v);
void vcpu_stop_set(struct vcpu *v, uint32_t why);	/* enum vcpu_stop; then vcpu_sleep_nosync */
void vcpu_stop_clear(struct vcpu *v, uint32_t why);	/* then vcpu_wake if any was set */
void vcpu_block(void);					/* SCHEDOP_block for current, unless an event is deliverable */
void vcpu_yield(void);
int vcpu_set_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft);	/* NULL: keep; -EINVAL */
void sched_context_saved(struct vcpu *prev);		/* from arch_context_switch() */
uint64_t vcpu_cpu_time_ns(struct vcpu *v);		/* run so far */
long sched_op(unsigned int cmd, uint64_t arg);		/* HYPERVISOR_sched_op; arg: guest address */

#endif
