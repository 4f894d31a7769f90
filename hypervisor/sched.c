/* The scheduler's mechanism: waking, sleeping, switching, affinity.  Policies are in sched_<name>.c. */
#include "sched.h"
#include "arch.h"
#include "errno.h"
#include "evtchn.h"
#include "printk.h"
#include "softirq.h"
#include "string.h"
#include "trace.h"

static const struct scheduler *const schedulers[] = { &sched_credit, &sched_sedf };

const struct scheduler *scheduler = &sched_credit;

struct cpu *sched_lock(struct vcpu *v, uint64_t *flags)
{
	for (;;) {
		struct cpu *c = READ_ONCE(v->cpu);

		*flags = spin_lock_irqsave(&c->sched.lock);
		if (c == READ_ONCE(v->cpu))
			return c;
		sched_unlock(c, *flags);
	}
}

static bool vcpu_is_off(const struct vcpu *v)
{
	return !v->is_running && !v->is_queued;
}

static void sched_set_queued(struct vcpu *v, bool queued)
{
	struct sched_cpu *s = &v->cpu->sched;

	if (v->is_queued != queued)
		WRITE_ONCE(s->queued, queued ? s->queued + 1 : s->queued - 1);
	v->is_queued = queued;
}

/* What a vcpu that can't run is doing; blocked goes before offline (xen/vcpu.h). */
static int vcpu_off_state(const struct vcpu *v)
{
	return READ_ONCE(v->stop) & VCPU_BLOCKED ? RUNSTATE_blocked : RUNSTATE_offline;
}

/*
 * Queues `v` if it's off and wants to run, perhaps on another CPU; else keeps its run state true.  Takes
 * over the lock of v's CPU and releases it.
 */
static void sched_wake_unlock(struct vcpu *v, struct cpu *c, uint64_t flags)
{
	struct cpu *to = c;

	if (vcpu_is_off(v) && vcpu_is_runnable(v))
		to = scheduler->pick_cpu(v);
	if (to != c) {
		v->in_transit++;		/* see sched_vcpu_free() */
		WRITE_ONCE(v->cpu, to);
		sched_unlock(c, flags);
		c = sched_lock(v, &flags);
		v->in_transit--;
	}
	if (vcpu_is_off(v)) {
		bool wants_cpu = vcpu_is_runnable(v);

		if (wants_cpu)
			scheduler->insert(v);
		vcpu_runstate_change(v, wants_cpu ? RUNSTATE_runnable : vcpu_off_state(v), now_ns());
		if (wants_cpu) {
			sched_set_queued(v, true);
			scheduler->kick(v, true);
		}
	}
	sched_unlock(c, flags);
}

/* One that's leaving its CPU is left alone: sched_context_saved() looks at it again. */
void vcpu_wake(struct vcpu *v)
{
	uint64_t flags;
	struct cpu *c = sched_lock(v, &flags);

	trace(TRC_SCHED_WAKE, v->domain->id, v->id);
	sched_wake_unlock(v, c, flags);
}

static void sched_dequeue(struct vcpu *v)
{
	if (v->is_queued)
		scheduler->remove(v);
	sched_set_queued(v, false);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
	uint64_t flags;
	struct cpu *c = sched_lock(v, &flags);

	if (!vcpu_is_runnable(v)) {
		trace(TRC_SCHED_SLEEP, v->domain->id, v->id);
		sched_dequeue(v);
		if (c->sched.current == v)
			softirq_raise_on(c, SOFTIRQ_SCHEDULE);
		else if (!v->is_running)
			vcpu_runstate_change(v, vcpu_off_state(v), now_ns());
	}
	sched_unlock(c, flags);
}

void vcpu_sleep_sync(struct vcpu *v)
{
	ASSERT(v != current_vcpu());
	vcpu_sleep_nosync(v);
	while (__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE))
		cpu_relax();
	arch_vcpu_sync(v);
}

void vcpu_pause(struct vcpu *v)
{
	__atomic_fetch_add(&v->pauses, 1, __ATOMIC_SEQ_CST);
	vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
	if (__atomic_sub_fetch(&v->pauses, 1, __ATOMIC_SEQ_CST) == 0)
		vcpu_wake(v);
}

void vcpu_stop_set(struct vcpu *v, uint32_t why)
{
	__atomic_fetch_or(&v->stop, why, __ATOMIC_SEQ_CST);
	vcpu_sleep_nosync(v);
}

void vcpu_stop_clear(struct vcpu *v, uint32_t why)
{
	if (__atomic_fetch_and(&v->stop, ~why, __ATOMIC_SEQ_CST) & why)
		vcpu_wake(v);
}

void vcpu_unblock(struct vcpu *v)
{
	uint32_t old;

	/*
	 * The common case costs a load: whoever blocks sets the flag first and asks vcpu_is_called() then,
	 * whoever calls it leaves the event or the NMI first and looks at the flag then.
	 */
	if (!(__atomic_load_n(&v->stop, __ATOMIC_SEQ_CST) & VCPU_BLOCKED))
		return;
	old = __atomic_fetch_and(&v->stop, ~(VCPU_BLOCKED | VCPU_POLLING), __ATOMIC_SEQ_CST);
	if (old & VCPU_POLLING)
		bit_test_clear_atomic(v->domain->evtchn.polling, v->id);
	if (old & VCPU_BLOCKED)
		vcpu_wake(v);
}

void vcpu_poll_timeout(void *data)
{
	struct vcpu *v = data;

	if (READ_ONCE(v->stop) & VCPU_POLLING)
		vcpu_unblock(v);
}

bool vcpu_is_called(struct vcpu *v) { return evtchn_is_deliverable(v) || arch_vcpu_has_nmi(v); }

void vcpu_block(void)
{
	struct vcpu *v = current_vcpu();

	if (v->info)
		WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
	__atomic_fetch_or(&v->stop, VCPU_BLOCKED, __ATOMIC_SEQ_CST);
	if (vcpu_is_called(v)) {
		__atomic_fetch_and(&v->stop, ~VCPU_BLOCKED, __ATOMIC_SEQ_CST);
		return;
	}
	trace(TRC_SCHED_BLOCK, v->domain->id, v->id);
	softirq_raise(SOFTIRQ_SCHEDULE);
}

void vcpu_yield(void)
{
	uint64_t flags;
	struct vcpu *v = current_vcpu();
	struct cpu *c = sched_lock(v, &flags);

	trace(TRC_SCHED_YIELD, v->domain->id, v->id);
	scheduler->yield(v);
	sched_unlock(c, flags);
	softirq_raise(SOFTIRQ_SCHEDULE);
}

/* Installs a mask that's known to have a CPU online, and leaves a CPU that isn't in it. */
static void vcpu_apply_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft)
{
	uint64_t flags;
	struct cpu *c = sched_lock(v, &flags);

	if (hard)
		v->hard_affinity = *hard;
	if (soft)
		v->soft_affinity = *soft;
	if (!cpumask_test(&v->hard_affinity, c->id)) {
		sched_dequeue(v);
		v->must_move = v->is_running;
		if (v->is_running)
			softirq_raise_on(c, SOFTIRQ_SCHEDULE);
	} else if (soft && c->sched.current == v) {
		sched_send_home(c);
	}
	sched_wake_unlock(v, c, flags);
}

static bool cpumask_is_usable(const struct cpumask *m)
{
	struct cpumask usable;

	cpumask_and(&usable, m, &cpu_online);
	return !cpumask_empty(&usable);
}

int vcpu_set_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft)
{
	if (hard && !cpumask_is_usable(hard))
		return -EINVAL;
	if (hard && v->is_pinned_now)
		return -EBUSY;
	vcpu_apply_affinity(v, hard, soft);
	return 0;
}

int vcpu_pin_override(struct vcpu *v, int pcpu)
{
	struct cpumask only = { { 0 } };

	if (pcpu < 0) {
		if (!v->is_pinned_now)
			return -EINVAL;
		v->is_pinned_now = false;
		vcpu_apply_affinity(v, &v->saved_affinity, NULL);
		return 0;
	}
	if (pcpu >= MAX_CPUS || !cpumask_test(&cpu_online, pcpu))
		return -EINVAL;
	if (v->is_pinned_now)
		return -EBUSY;
	v->is_pinned_now = true;
	v->saved_affinity = v->hard_affinity;
	cpumask_set(&only, pcpu);
	vcpu_apply_affinity(v, &only, NULL);
	return 0;
}

void sched_charge(struct cpu *c, uint64_t now)
{
	struct sched_cpu *s = &c->sched;

	if (now <= s->charged_ns)
		return;
	if (!vcpu_is_idle(s->current))
		scheduler->charge(s->current, now - s->charged_ns);
	s->charged_ns = now;
}

/* Chooses who runs on `c` from now on.  Locked. */
static struct vcpu *sched_choose(struct cpu *c, uint64_t now, uint64_t *slice_ns)
{
	struct vcpu *prev = c->sched.current, *next;
	bool stays = vcpu_is_runnable(prev);

	sched_charge(c, now);
	if (!vcpu_is_idle(prev) && stays && !prev->must_move) {
		scheduler->insert(prev);
		sched_set_queued(prev, true);
	}
	next = scheduler->next(c, now, slice_ns);
	sched_set_queued(next, false);
	if (next == prev)
		return next;
	vcpu_runstate_change(prev, stays ? RUNSTATE_runnable : vcpu_off_state(prev), now);
	vcpu_runstate_change(next, RUNSTATE_running, now);
	next->is_running = true;
	c->sched.current = next;
	return next;
}

/* SOFTIRQ_SCHEDULE.  Returns only if the same vcpu goes on. */
static void sched_softirq(void)
{
	struct cpu *c = this_cpu();
	uint64_t flags = spin_lock_irqsave(&c->sched.lock), now = now_ns(), slice_ns = 0;
	struct vcpu *prev = c->sched.current, *next = sched_choose(c, now, &slice_ns);

	if (slice_ns)
		timer_set(&c->sched.slice, now + slice_ns);
	else if (timer_is_set(&c->sched.slice))
		timer_stop(&c->sched.slice);
	perf_inc(sched_run);
	if (next == prev) {
		trace(TRC_SCHED_CONTINUE_RUNNING, TRACE_VCPU(next));
		sched_unlock(c, flags);
		return;
	}
	perf_inc(sched_switches);
	trace(TRC_SCHED_SWITCH, TRACE_DOMID(prev), prev->id, TRACE_DOMID(next), next->id);
	spin_unlock(&c->sched.lock);	/* interrupts stay off until the switch is over */
	vcpu_timers_leave(prev);
	vcpu_timers_enter(next);
	arch_context_switch(prev, next);
}

void sched_context_saved(struct vcpu *prev)
{
	uint64_t flags;
	struct cpu *c = sched_lock(prev, &flags);

	prev->must_move = false;
	__atomic_store_n(&prev->is_running, false, __ATOMIC_RELEASE);
	if (prev->is_queued)
		scheduler->kick(prev, false);		/* now others may take it */
	if (vcpu_is_idle(prev))
		sched_unlock(c, flags);
	else
		sched_wake_unlock(prev, c, flags);
}

static void sched_slice_end(void *data)
{
	softirq_raise(SOFTIRQ_SCHEDULE);
}

int sched_init(const char *name)
{
	softirq_set_handler(SOFTIRQ_SCHEDULE, sched_softirq);
	if (!name)
		return 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(schedulers); i++)
		if (!strcmp(schedulers[i]->name, name)) {
			scheduler = schedulers[i];
			return 0;
		}
	return -ENOENT;
}

int sched_cpu_init(struct cpu *c)
{
	ASSERT(c->idle);
	c->sched.current = c->idle;
	c->idle->is_running = true;
	c->idle->runstate.state = RUNSTATE_running;
	c->sched.charged_ns = now_ns();
	timer_init(&c->sched.slice, c, sched_slice_end, NULL);
	return scheduler->cpu_init(c);
}

int sched_vcpu_init(struct vcpu *v)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(v->hard_affinity.bits); i++)
		v->hard_affinity.bits[i] = v->soft_affinity.bits[i] = ~0UL;
	v->cpu = this_cpu();
	v->runstate.state = RUNSTATE_offline;
	v->runstate.state_entry_time = now_ns();
	v->cpu = scheduler->pick_cpu(v);
	return scheduler->vcpu_init(v);
}

void sched_vcpu_free(struct vcpu *v)
{
	bool is_in_transit;

	do {			/* a waker between two locks still looks at it */
		uint64_t flags;
		struct cpu *c = sched_lock(v, &flags);

		is_in_transit = v->in_transit;
		ASSERT(vcpu_is_off(v));
		sched_unlock(c, flags);
	} while (is_in_transit);
	scheduler->vcpu_free(v);
}

uint64_t vcpu_cpu_time_ns(struct vcpu *v)
{
	struct vcpu_runstate_info r;

	vcpu_runstate_get(v, &r);
	return r.time[RUNSTATE_running];
}

void sched_dump(void)
{
	unsigned int cpu;

	printk(LOG_INFO "scheduler: %s\n", scheduler->name);
	cpumask_for_each(cpu, &cpu_online) {
		struct cpu *c = cpus[cpu];
		uint64_t flags = spin_lock_irqsave(&c->sched.lock);
		struct vcpu *v = c->sched.current;

		if (vcpu_is_idle(v))
			printk(LOG_INFO "cpu %u: idle\n", cpu);
		else
			printk(LOG_INFO "cpu %u: runs d%uv%u\n", cpu, v->domain->id, v->id);
		scheduler->dump(c);
		sched_unlock(c, flags);
	}
}
