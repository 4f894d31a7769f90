/* On which CPU a vcpu goes: what all policies want alike.  Other CPUs are looked at without their locks. */
#include "sched.h"
#include "softirq.h"

bool sched_cpu_is_idle(struct cpu *c)
{
	return vcpu_is_idle(READ_ONCE(c->sched.current)) && !READ_ONCE(c->sched.queued);
}

static struct cpu *place_find_idle(const struct cpumask *m, struct cpu *first)
{
	unsigned int cpu;

	if (cpumask_test(m, first->id) && sched_cpu_is_idle(first))
		return first;
	cpumask_for_each(cpu, m)
		if (sched_cpu_is_idle(cpus[cpu]))
			return cpus[cpu];
	return NULL;
}

static struct cpu *place_find_least(const struct cpumask *m, struct cpu *first)
{
	struct cpu *best = cpumask_test(m, first->id) ? first : NULL;
	unsigned int cpu;

	cpumask_for_each(cpu, m)
		if (!best || READ_ONCE(cpus[cpu]->sched.queued) < READ_ONCE(best->sched.queued))
			best = cpus[cpu];
	return best;
}

/* Where it may run, and where of that it would rather: neither is empty, but if no CPU is left at all. */
static void place_masks(const struct vcpu *v, struct cpumask *may, struct cpumask *would)
{
	cpumask_and(may, &v->hard_affinity, &cpu_online);
	cpumask_and(would, may, &v->soft_affinity);
	if (cpumask_empty(would))
		*would = *may;
}

struct cpu *sched_find_idle(struct vcpu *v)
{
	struct cpumask may, would;
	struct cpu *c;

	place_masks(v, &may, &would);
	c = place_find_idle(&would, v->cpu);
	return c ? c : place_find_idle(&may, v->cpu);
}

struct cpu *sched_pick_cpu(struct vcpu *v)
{
	struct cpumask may, would;
	struct cpu *c = sched_find_idle(v);

	if (c)
		return c;
	place_masks(v, &may, &would);
	c = place_find_least(&would, v->cpu);
	return c ? c : v->cpu;
}

static void place_evict(struct cpu *c)
{
	c->sched.current->must_move = true;
	softirq_raise_on(c, SOFTIRQ_SCHEDULE);
}

/* Would what runs on `c` rather run elsewhere?  Where: *would. */
static bool place_is_away(struct cpu *c, struct cpumask *would)
{
	struct vcpu *v = c->sched.current;
	struct cpumask may;

	if (vcpu_is_idle(v) || v->must_move)
		return false;
	place_masks(v, &may, would);
	return !cpumask_test(would, c->id);
}

void sched_send_home(struct cpu *c)
{
	struct cpumask would;

	if (place_is_away(c, &would) && place_find_idle(&would, c))
		place_evict(c);
}

void sched_invite(struct cpu *to)
{
	for (unsigned int i = 1; i < cpu_count; i++) {
		struct cpu *from = cpus[(to->id + i) % cpu_count];
		struct cpumask would;

		if (!from || !cpumask_test(&cpu_online, from->id) || !spin_trylock(&from->sched.lock))
			continue;
		if (place_is_away(from, &would) && cpumask_test(&would, to->id))
			place_evict(from);
		spin_unlock(&from->sched.lock);
	}
}

bool sched_may_move(struct vcpu *v, struct cpu *to, bool soft)
{
	return !v->is_running && cpumask_test(&v->hard_affinity, to->id) &&
		(!soft || cpumask_test(&v->soft_affinity, to->id));
}

bool sched_try_victim(struct cpu *from)
{
	return from && cpumask_test(&cpu_online, from->id) && READ_ONCE(from->sched.queued) &&
		spin_trylock(&from->sched.lock);
}

void sched_move_queued(struct vcpu *v, struct cpu *to)
{
	WRITE_ONCE(v->cpu->sched.queued, v->cpu->sched.queued - 1);
	WRITE_ONCE(to->sched.queued, to->sched.queued + 1);
	WRITE_ONCE(v->cpu, to);
}
