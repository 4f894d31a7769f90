/*
 * The sedf scheduler: reservations of `slice` in every `period`, earliest deadline first, and what nobody
 * has reserved shared out by weight.
 *
 * A vcpu with time left of its slice is served before all that only have extra time, in the order of the
 * ends of their periods.  One that has used it up waits for its next period, or runs on extra time if it
 * may.  One that wakes late gets a new period rather than time that it slept away (the constant-bandwidth
 * rule: Abeni and Buttazzo 1998), so that nobody's reservation suffers from another's sleeping.
 */
#include "sched.h"
#include "arch.h"
#include "errno.h"
#include "heap.h"
#include "printk.h"
#include "sched_sedf.h"
#include "softirq.h"
#include "string.h"

#define PERIOD_MIN_NS (100 * NS_PER_US)
#define PERIOD_MAX_NS (10 * NS_PER_S)
#define SLICE_MIN_NS (50 * NS_PER_US)
#define EXTRA_NS (5 * NS_PER_MS)	/* a turn on extra time */
#define WEIGHT_DEFAULT 256
#define VTIME_SHIFT 16

struct sedf_domain {
	struct spinlock lock;		/* to change the parameters as one */
	struct sched_sedf_params p;
};

struct sedf_vcpu {
	struct list link;		/* sedf_cpu.queue; the CPU's lock, as the rest */
	struct vcpu *v;
	uint64_t deadline_ns;		/* end of its period */
	int64_t left_ns;		/* of its slice in it */
	uint64_t vtime;			/* extra time by weight, on the time line of `home` */
	struct sedf_cpu *home;
	bool is_on_extra;		/* what it runs on now */
	bool is_yielding;
};

struct sedf_cpu {
	struct list queue;		/* in no order: it's short, and time changes what is first */
	uint64_t min_vtime;
};

static struct sedf_cpu *sedf_cpu(struct cpu *c) { return c->sched.priv; }
static struct sedf_vcpu *sedf_vcpu(struct vcpu *v) { return v->sched_priv; }
static struct sched_sedf_params *sedf_params(struct vcpu *v)
{
	return &((struct sedf_domain *)v->domain->sched_priv)->p;
}

static bool sedf_has_reserved(const struct sedf_vcpu *sv)
{
	return sv->left_ns > 0;
}

static bool sedf_may_use_extra(struct sedf_vcpu *sv)
{
	return READ_ONCE(sedf_params(sv->v)->extratime) & 1;
}

/* A period that has ended is followed by a new one, with its slice less what was overrun. */
static void sedf_renew(struct sedf_vcpu *sv, uint64_t now)
{
	uint64_t period = READ_ONCE(sedf_params(sv->v)->period_ns);
	int64_t slice = READ_ONCE(sedf_params(sv->v)->slice_ns);

	if (!slice) {
		sv->left_ns = 0;
		return;
	}
	if (now < sv->deadline_ns)
		return;
	if (now - sv->deadline_ns >= period) {
		sv->deadline_ns = now + period;
		sv->left_ns = slice;
	} else {
		sv->deadline_ns += period;
		sv->left_ns = MIN(sv->left_ns, 0) + slice;
	}
}

/* Is `left` in `remaining` more than its slice in its period?  In us, so that the products fit. */
static bool sedf_exceeds(uint64_t left_ns, uint64_t remaining_ns, const struct sched_sedf_params *p)
{
	return left_ns / 1000 * (p->period_ns / 1000) > remaining_ns / 1000 * (p->slice_ns / 1000);
}

/*
 * One that wakes within its period keeps it only if what it has left fits its share of what remains of it;
 * with a latency its (new) deadline is no further away than that.
 */
static void sedf_wake(struct sedf_vcpu *sv, uint64_t now)
{
	const struct sched_sedf_params p = *sedf_params(sv->v);

	if (!p.slice_ns)
		return;
	if (now >= sv->deadline_ns ||
	    (sv->left_ns > 0 && sedf_exceeds(sv->left_ns, sv->deadline_ns - now, &p))) {
		sv->deadline_ns = now + p.period_ns;
		sv->left_ns = p.slice_ns;
	}
	if (p.latency_ns)
		sv->deadline_ns = MIN(sv->deadline_ns, now + p.latency_ns);
}

static void sedf_settle(struct sedf_cpu *sc, struct sedf_vcpu *sv)
{
	if (sv->home != sc || (int64_t)(sv->vtime - sc->min_vtime) < 0)
		sv->vtime = sc->min_vtime;
	sv->home = sc;
}

static void sedf_insert(struct vcpu *v)
{
	struct sedf_vcpu *sv = sedf_vcpu(v);
	struct sedf_cpu *sc = sedf_cpu(v->cpu);

	if (v != v->cpu->sched.current) {
		sedf_wake(sv, now_ns());
		sedf_settle(sc, sv);
	}
	list_add_tail(&sc->queue, &sv->link);
}

static void sedf_remove(struct vcpu *v)
{
	list_del(&sedf_vcpu(v)->link);
}

/* Who runs on nothing, or on extra time while there's a reservation, or on a later one, has to go. */
static bool sedf_preempts(struct sedf_vcpu *sv, struct vcpu *current)
{
	const struct sedf_vcpu *cv;

	if (vcpu_is_idle(current))
		return true;
	cv = sedf_vcpu(current);
	if (!sedf_has_reserved(sv))
		return false;
	return cv->is_on_extra || sv->deadline_ns < cv->deadline_ns;
}

static void sedf_kick(struct vcpu *v, bool woke)
{
	struct cpu *c = v->cpu, *idle = NULL;

	if (!woke || !sedf_preempts(sedf_vcpu(v), c->sched.current))
		idle = sched_find_idle(v);
	if (idle)
		softirq_raise_on(idle, SOFTIRQ_SCHEDULE);
	else if (woke)			/* if not to run at once: what runs needs an end of its turn now */
		softirq_raise_on(c, SOFTIRQ_SCHEDULE);
}

/* ---- Who next ---- */

/* By deadline if there's time reserved, else by virtual time; who yields comes last.  b NULL: nobody. */
static bool sedf_goes_before(struct sedf_vcpu *a, struct sedf_vcpu *b)
{
	if (!b)
		return true;
	if (a->is_yielding != b->is_yielding)
		return b->is_yielding;
	if (sedf_has_reserved(a) != sedf_has_reserved(b))
		return sedf_has_reserved(a);
	if (sedf_has_reserved(a))
		return a->deadline_ns < b->deadline_ns;
	return (int64_t)(a->vtime - b->vtime) < 0;
}

static bool sedf_may_run(struct sedf_vcpu *sv)
{
	return sedf_has_reserved(sv) || sedf_may_use_extra(sv);
}

static struct sedf_vcpu *sedf_first(struct sedf_cpu *sc, uint64_t now)
{
	struct sedf_vcpu *sv, *best = NULL;

	list_for_each(sv, &sc->queue, link) {
		sedf_renew(sv, now);
		if (sedf_may_run(sv) && sedf_goes_before(sv, best))
			best = sv;
	}
	return best;
}

/* The best that waits on `from` and may go to `c`: with a reservation, or any if `extra`.  `from` locked. */
static struct sedf_vcpu *sedf_take(struct cpu *from, struct cpu *c, bool extra, uint64_t now)
{
	struct sedf_vcpu *sv, *best = NULL;

	list_for_each(sv, &sedf_cpu(from)->queue, link) {
		sedf_renew(sv, now);
		if (sched_may_move(sv->v, c, false) && (sedf_has_reserved(sv) || (extra && sedf_may_use_extra(sv))) &&
		    sedf_goes_before(sv, best))
			best = sv;
	}
	if (!best)
		return NULL;
	list_del(&best->link);
	sched_move_queued(best->v, c);
	sedf_settle(sedf_cpu(c), best);
	return best;
}

static struct sedf_vcpu *sedf_steal(struct cpu *c, bool extra, uint64_t now)
{
	struct sedf_vcpu *sv = NULL;

	for (unsigned int i = 1; i < cpu_count && !sv; i++) {
		struct cpu *from = cpus[(c->id + i) % cpu_count];

		if (!sched_try_victim(from))
			continue;
		sv = sedf_take(from, c, extra, now);
		spin_unlock(&from->sched.lock);
	}
	return sv;
}

/* When the next of those that wait gets a new slice; ~0: none does. */
static uint64_t sedf_next_renewal(struct sedf_cpu *sc)
{
	uint64_t next = ~0UL;
	struct sedf_vcpu *sv;

	list_for_each(sv, &sc->queue, link)
		if (!sedf_has_reserved(sv) && READ_ONCE(sedf_params(sv->v)->slice_ns))
			next = MIN(next, sv->deadline_ns);
	return next;
}

/* `sv` (NULL: nobody) runs until its slice or turn ends, or until somebody may get a better claim. */
static uint64_t sedf_slice(struct sedf_cpu *sc, struct sedf_vcpu *sv, uint64_t now)
{
	uint64_t until = sedf_next_renewal(sc);

	if (sv && sedf_has_reserved(sv)) {
		until = MIN(until, now + sv->left_ns);
	} else if (sv) {
		if (READ_ONCE(sedf_params(sv->v)->slice_ns))
			until = MIN(until, sv->deadline_ns);
		if (!list_empty(&sc->queue))
			until = MIN(until, now + EXTRA_NS);
	}
	return until == ~0UL ? 0 : until > now ? until - now : 1;
}

static struct vcpu *sedf_next(struct cpu *c, uint64_t now, uint64_t *slice_ns)
{
	struct sedf_cpu *sc = sedf_cpu(c);
	struct vcpu *prev = c->sched.current;
	struct sedf_vcpu *sv = sedf_first(sc, now), *stolen = NULL;

	if (!vcpu_is_idle(prev))
		sedf_vcpu(prev)->is_yielding = false;
	if (!sv || !sedf_has_reserved(sv))
		stolen = sedf_steal(c, !sv, now);
	if (stolen)
		sv = stolen;
	else if (sv)
		list_del(&sv->link);
	*slice_ns = sedf_slice(sc, sv, now);
	if (!sv) {
		sched_invite(c);
		return c->idle;
	}
	sv->is_on_extra = !sedf_has_reserved(sv);
	if (sv->is_on_extra && (int64_t)(sv->vtime - sc->min_vtime) > 0)
		sc->min_vtime = sv->vtime;	/* the smallest of those that wait was chosen */
	return sv->v;
}

static void sedf_charge(struct vcpu *v, uint64_t ran_ns)
{
	struct sedf_vcpu *sv = sedf_vcpu(v);
	uint32_t weight = READ_ONCE(sedf_params(v)->weight);

	if (sv->is_on_extra)
		sv->vtime += (ran_ns << VTIME_SHIFT) / (weight ? weight : WEIGHT_DEFAULT);
	else
		sv->left_ns -= ran_ns;
}

static void sedf_yield(struct vcpu *v)
{
	sedf_vcpu(v)->is_yielding = true;
}

/* ---- Records ---- */

static int sedf_cpu_init(struct cpu *c)
{
	struct sedf_cpu *sc = mem_alloc(sizeof(*sc));

	if (!sc)
		return -ENOMEM;
	list_init(&sc->queue);
	c->sched.priv = sc;
	return 0;
}

/* As ever: domain 0 has most of a CPU for sure, others what is left, all alike. */
static int sedf_domain_init(struct domain *d)
{
	struct sedf_domain *sd = mem_alloc(sizeof(*sd));

	if (!sd)
		return -ENOMEM;
	sd->p = (struct sched_sedf_params){ .period_ns = 100 * NS_PER_MS, .extratime = 1 };
	if (d->is_privileged) {
		sd->p.period_ns = 20 * NS_PER_MS;
		sd->p.slice_ns = 15 * NS_PER_MS;
	}
	d->sched_priv = sd;
	return 0;
}

static void sedf_domain_free(struct domain *d)
{
	mem_free(d->sched_priv);
	d->sched_priv = NULL;
}

static int sedf_vcpu_init(struct vcpu *v)
{
	struct sedf_vcpu *sv = mem_alloc(sizeof(*sv));

	if (!sv)
		return -ENOMEM;
	sv->v = v;
	sv->home = sedf_cpu(v->cpu);
	sv->vtime = sv->home->min_vtime;
	list_init(&sv->link);
	v->sched_priv = sv;
	return 0;
}

static void sedf_vcpu_free(struct vcpu *v)
{
	mem_free(v->sched_priv);
	v->sched_priv = NULL;
}

/* ---- Knobs ---- */

static bool sedf_are_possible(const struct sched_sedf_params *p)
{
	if (p->extratime & ~1U)
		return false;
	if (p->weight)			/* replaces period and slice */
		return p->weight <= 65535;
	if (p->period_ns < PERIOD_MIN_NS || p->period_ns > PERIOD_MAX_NS || p->latency_ns > p->period_ns)
		return false;
	if (!p->slice_ns)		/* nothing reserved, no extra time: it would never run */
		return p->extratime;
	return p->slice_ns >= SLICE_MIN_NS && p->slice_ns <= p->period_ns;
}

/* The old reservations end now. */
static void sedf_restart(struct domain *d)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = d->vcpu[i];
		uint64_t flags;
		struct cpu *c;

		if (!v)
			continue;
		c = sched_lock(v, &flags);
		sched_charge(c, now_ns());
		sedf_vcpu(v)->deadline_ns = 0;
		sedf_vcpu(v)->left_ns = 0;
		softirq_raise_on(c, SOFTIRQ_SCHEDULE);
		sched_unlock(c, flags);
	}
}

static void sedf_set(struct sedf_domain *sd, const struct sched_sedf_params *p)
{
	if (!p->weight) {
		sd->p = *p;
		return;
	}
	sd->p.weight = p->weight;
	sd->p.slice_ns = sd->p.latency_ns = 0;
	sd->p.extratime = 1;
}

/* The parameters are longer than today's union in `op`: they reach into the room that DOMCTL leaves behind it. */
static long sedf_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
	struct sedf_domain *sd = d->sched_priv;
	char *at = (char *)op + offsetof(struct xen_domctl_scheduler_op, u);
	struct sched_sedf_params p;

	if (op->cmd == XEN_DOMCTL_SCHEDOP_getinfo) {
		spin_lock(&sd->lock);
		memcpy(at, &sd->p, sizeof(sd->p));
		spin_unlock(&sd->lock);
		return 0;
	}
	memcpy(&p, at, sizeof(p));
	if (op->cmd != XEN_DOMCTL_SCHEDOP_putinfo || !sedf_are_possible(&p))
		return -EINVAL;
	spin_lock(&sd->lock);
	sedf_set(sd, &p);
	sedf_restart(d);
	spin_unlock(&sd->lock);
	return 0;
}

static long sedf_adjust_global(struct xen_sysctl_scheduler_op *op)
{
	return -EINVAL;			/* it has nothing to adjust */
}

static void sedf_dump(struct cpu *c)
{
	struct sedf_vcpu *sv;
	uint64_t now = now_ns();

	list_for_each(sv, &sedf_cpu(c)->queue, link) {
		const struct sched_sedf_params *p = sedf_params(sv->v);

		printk(LOG_INFO "  waits: d%uv%u %lu of %lu us, %ld us left, deadline in %ld us%s, weight %u\n",
		       sv->v->domain->id, sv->v->id, p->slice_ns / 1000, p->period_ns / 1000,
		       sv->left_ns / (int64_t)NS_PER_US, (int64_t)(sv->deadline_ns - now) / (int64_t)NS_PER_US,
		       p->extratime ? ", extra" : "", p->weight);
	}
}

const struct scheduler sched_sedf = {
	.name = "sedf",
	.abi_id = XEN_SCHEDULER_SEDF,
	.cpu_init = sedf_cpu_init,
	.domain_init = sedf_domain_init,
	.domain_free = sedf_domain_free,
	.vcpu_init = sedf_vcpu_init,
	.vcpu_free = sedf_vcpu_free,
	.pick_cpu = sched_pick_cpu,
	.insert = sedf_insert,
	.remove = sedf_remove,
	.kick = sedf_kick,
	.charge = sedf_charge,
	.yield = sedf_yield,
	.next = sedf_next,
	.adjust_domain = sedf_adjust_domain,
	.adjust_global = sedf_adjust_global,
	.dump = sedf_dump,
};
