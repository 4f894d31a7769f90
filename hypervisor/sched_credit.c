/*
 * The credit scheduler: weights and caps per domain.
 *
 * Every PERIOD all CPUs' time is handed out as credit, to each active domain by its weight, and in it to
 * its vcpus by what they wanted of it; running costs credit, nanosecond for nanosecond.  Who has credit left (UNDER)
 * goes before who has none (OVER), on all CPUs: a CPU about to run an OVER or idle takes an UNDER that
 * waits elsewhere.  One that wakes with credit left goes before both for a moment (BOOST), so that I/O
 * is answered promptly.  Within a class the smallest virtual time goes first: time run divided by weight,
 * so that weights hold too among vcpus that can't leave their CPU.
 *
 * A cap is a budget of its own, refilled each period; a domain that has used it up waits.
 */
#include "sched.h"
#include "arch.h"
#include "errno.h"
#include "heap.h"
#include "printk.h"
#include "softirq.h"

#define PERIOD_NS (30 * NS_PER_MS)
#define BOOST_NS NS_PER_MS		/* a boost is worth so much running */
#define SLICE_MIN_NS (100 * NS_PER_US)	/* what is left of a budget may be tiny: a switch costs more */
#define CREDIT_FIRST_NS (10 * NS_PER_MS)	/* until the first accounting */
#define WEIGHT_DEFAULT 256
#define WEIGHT_SCALE 64			/* a domain's weight is split among its vcpus in such parts */
#define DEMAND_MIN_PART 64		/* who runs hardly at all counts for this part of a CPU, to save for more */
#define VTIME_SHIFT 16
#define LAG_MAX_VTIME ((PERIOD_NS << VTIME_SHIFT) / (WEIGHT_DEFAULT * WEIGHT_SCALE))

enum credit_class { CLASS_OVER, CLASS_UNDER, CLASS_BOOST };

struct credit_domain {
	struct list link;		/* credit.domains */
	struct domain *d;
	uint32_t weight;
	uint32_t cap;			/* percent of one CPU; 0: none */
	int64_t budget_ns;		/* of the cap; atomic */
	uint64_t demand_ns;		/* while accounting: what its vcpus ran and waited in the period */
	uint64_t share_ns;		/* … and the credit that all of them get */
};

struct credit_vcpu {
	struct list link;		/* credit_cpu.queue; the CPU's lock, as the rest but for credit */
	struct vcpu *v;
	int64_t credit_ns;		/* atomic */
	uint64_t vtime;			/* on the time line of `home` */
	struct credit_cpu *home;
	uint32_t weight;		/* its part of the domain's, times WEIGHT_SCALE */
	uint64_t wanted_ns;		/* it had run and waited for so long when the last period ended */
	uint64_t demand_ns;		/* … and in that period, the least that counts at least; 0: not active */
	uint8_t class;			/* as queued */
	bool is_active;			/* ran or waited in this period */
	bool is_yielding;
	int64_t boost_ns;		/* what is left of its boost; <= 0: none */
};

struct credit_cpu {
	struct list queue;		/* best first */
	uint64_t min_vtime;		/* only grows */
	uint64_t turn_ns;		/* current was chosen then */
};

static struct {
	struct spinlock lock;		/* the domains; taken before any sched_cpu.lock */
	struct list domains;
	struct timer timer;
	uint32_t is_ticking;		/* atomic */
	uint64_t last_ns;
	uint64_t slice_ns, ratelimit_ns;
} credit = {
	.domains = LIST_INIT(credit.domains),
	.slice_ns = 10 * NS_PER_MS,
	.ratelimit_ns = NS_PER_MS,
};

static struct credit_cpu *credit_cpu(struct cpu *c) { return c->sched.priv; }
static struct credit_vcpu *credit_vcpu(struct vcpu *v) { return v->sched_priv; }
static struct credit_domain *credit_domain(struct vcpu *v) { return v->domain->sched_priv; }

static enum credit_class credit_class(const struct credit_vcpu *cv)
{
	if (__atomic_load_n(&cv->credit_ns, __ATOMIC_RELAXED) < 0)
		return CLASS_OVER;
	return cv->boost_ns > 0 ? CLASS_BOOST : CLASS_UNDER;
}

/* What runs is compared as what it is, the idle vcpu as less than anything. */
static int current_class(struct cpu *c)
{
	struct vcpu *v = c->sched.current;

	return vcpu_is_idle(v) ? -1 : (int)credit_class(credit_vcpu(v));
}

static bool credit_may_run(struct vcpu *v)
{
	struct credit_domain *cd = credit_domain(v);

	return !READ_ONCE(cd->cap) || __atomic_load_n(&cd->budget_ns, __ATOMIC_RELAXED) > 0;
}

/* ---- The queue ---- */

static bool credit_goes_before(const struct credit_vcpu *a, const struct credit_vcpu *b)
{
	return a->class != b->class ? a->class > b->class : a->vtime < b->vtime;
}

static void credit_enqueue(struct credit_cpu *cc, struct credit_vcpu *cv)
{
	struct credit_vcpu *after;

	cv->class = credit_class(cv);
	list_for_each(after, &cc->queue, link)
		if (credit_goes_before(cv, after))
			break;
	list_add_tail(&after->link, &cv->link);
}

/* Puts its virtual time on the line of `cc`, as far ahead or behind as it was where it comes from. */
static void credit_settle(struct credit_cpu *cc, struct credit_vcpu *cv)
{
	int64_t lag = cv->vtime - READ_ONCE(cv->home->min_vtime);

	if (cv->home != cc)
		cv->vtime = cc->min_vtime + MIN(lag, (int64_t)LAG_MAX_VTIME);
	cv->home = cc;
	/* Nobody saves up virtual time by sleeping. */
	if ((int64_t)(cv->vtime - cc->min_vtime) < -(int64_t)LAG_MAX_VTIME)
		cv->vtime = cc->min_vtime - LAG_MAX_VTIME;
}

static void credit_advance(struct credit_cpu *cc, const struct credit_vcpu *chosen)
{
	const struct credit_vcpu *cv;
	uint64_t min = chosen->vtime;

	list_for_each(cv, &cc->queue, link)
		if ((int64_t)(cv->vtime - min) < 0)
			min = cv->vtime;
	if ((int64_t)(min - cc->min_vtime) > 0)
		WRITE_ONCE(cc->min_vtime, min);
}

static void credit_start_ticking(void)
{
	if (READ_ONCE(credit.is_ticking) || __atomic_exchange_n(&credit.is_ticking, 1, __ATOMIC_SEQ_CST))
		return;
	credit.last_ns = now_ns();
	timer_set(&credit.timer, credit.last_ns + PERIOD_NS);
}

static void credit_insert(struct vcpu *v)
{
	struct credit_vcpu *cv = credit_vcpu(v);
	struct credit_cpu *cc = credit_cpu(v->cpu);

	cv->is_active = true;
	if (v != v->cpu->sched.current)	/* woken, from waiting for an event, not from a pause */
		cv->boost_ns = v->runstate.state == RUNSTATE_blocked ? BOOST_NS : 0;
	credit_settle(cc, cv);
	credit_enqueue(cc, cv);
	credit_start_ticking();
}

static void credit_remove(struct vcpu *v)
{
	list_del(&credit_vcpu(v)->link);
}

/* ---- Where ---- */

static void credit_kick(struct vcpu *v, bool woke)
{
	struct credit_vcpu *cv = credit_vcpu(v);
	struct cpu *c = v->cpu, *idle;
	uint64_t now;

	if (vcpu_is_idle(c->sched.current)) {
		softirq_raise_on(c, SOFTIRQ_SCHEDULE);
		return;
	}
	now = now_ns();
	if (woke && (int)cv->class > current_class(c)) {
		uint64_t until = credit_cpu(c)->turn_ns + credit.ratelimit_ns;

		if (now >= until)
			softirq_raise_on(c, SOFTIRQ_SCHEDULE);
		else if (!timer_is_set(&c->sched.slice) || c->sched.slice.expires_ns > until)
			timer_set(&c->sched.slice, until);
		return;
	}
	idle = sched_find_idle(v);
	if (idle)
		softirq_raise_on(idle, SOFTIRQ_SCHEDULE);
	else if (!timer_is_set(&c->sched.slice))	/* what runs was alone until now */
		timer_set(&c->sched.slice, now + credit.slice_ns);
}

/* ---- Who next ---- */

/* The best that waits on `from` and may go to `c`, if it's above the class; taken off.  `from` is locked. */
static struct credit_vcpu *credit_take(struct cpu *from, struct cpu *c, int above, bool soft)
{
	struct credit_vcpu *cv;

	list_for_each(cv, &credit_cpu(from)->queue, link) {
		struct vcpu *v = cv->v;

		if ((int)cv->class <= above)
			break;
		if (!sched_may_move(v, c, soft) || !credit_may_run(v))
			continue;
		list_del(&cv->link);
		sched_move_queued(v, c);
		credit_settle(credit_cpu(c), cv);
		return cv;
	}
	return NULL;
}

/* Looks for work on the others; one whose lock is taken is left for the next time.  `c` is locked. */
static struct credit_vcpu *credit_steal(struct cpu *c, int above, bool soft)
{
	struct credit_vcpu *cv = NULL;

	for (unsigned int i = 1; i < cpu_count && !cv; i++) {
		struct cpu *from = cpus[(c->id + i) % cpu_count];

		if (!sched_try_victim(from))
			continue;
		cv = credit_take(from, c, above, soft);
		spin_unlock(&from->sched.lock);
	}
	return cv;
}

/* The best here that may run; one that yields only if it's alone. */
static struct credit_vcpu *credit_first(struct credit_cpu *cc)
{
	struct credit_vcpu *cv, *yielding = NULL;

	list_for_each(cv, &cc->queue, link) {
		if (!credit_may_run(cv->v))
			continue;
		if (!cv->is_yielding)
			return cv;
		yielding = cv;
	}
	return yielding;
}

static uint64_t credit_slice(struct credit_cpu *cc, struct credit_vcpu *cv)
{
	struct credit_domain *cd = credit_domain(cv->v);
	uint64_t slice = 0;

	if (credit_first(cc))			/* somebody waits */
		slice = cv->class == CLASS_BOOST ? (uint64_t)BOOST_NS : credit.slice_ns;
	if (READ_ONCE(cd->cap)) {
		int64_t left = __atomic_load_n(&cd->budget_ns, __ATOMIC_RELAXED);

		left = MAX(left, (int64_t)SLICE_MIN_NS);
		slice = slice ? MIN(slice, (uint64_t)left) : (uint64_t)left;
	}
	return slice;
}

static struct vcpu *credit_next(struct cpu *c, uint64_t now, uint64_t *slice_ns)
{
	struct credit_cpu *cc = credit_cpu(c);
	struct vcpu *prev = c->sched.current;
	struct credit_vcpu *cv = credit_first(cc), *stolen = NULL;
	int class = cv ? (int)cv->class : -1;

	if (!vcpu_is_idle(prev))
		credit_vcpu(prev)->is_yielding = false;
	if (class < CLASS_UNDER && cpu_count > 1) {
		stolen = credit_steal(c, class, true);
		if (!stolen)
			stolen = credit_steal(c, class, false);
	}
	if (stolen)
		cv = stolen;
	else if (cv)
		list_del(&cv->link);
	cc->turn_ns = now;
	if (!cv)
		return c->idle;
	credit_advance(cc, cv);
	*slice_ns = credit_slice(cc, cv);
	return cv->v;
}

static void credit_charge(struct vcpu *v, uint64_t ran_ns)
{
	struct credit_vcpu *cv = credit_vcpu(v);
	struct credit_domain *cd = credit_domain(v);

	__atomic_fetch_sub(&cv->credit_ns, ran_ns, __ATOMIC_RELAXED);
	if (READ_ONCE(cd->cap))
		__atomic_fetch_sub(&cd->budget_ns, ran_ns, __ATOMIC_RELAXED);
	cv->vtime += (ran_ns << VTIME_SHIFT) / cv->weight;
	cv->boost_ns -= MIN(ran_ns, (uint64_t)BOOST_NS);
	cv->is_active = true;
}

static void credit_yield(struct vcpu *v)
{
	credit_vcpu(v)->is_yielding = true;
}

/* ---- Accounting ---- */

/* Charges who runs now, so that the period's books are complete. */
static void credit_charge_running(uint64_t now)
{
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online) {
		uint64_t flags = spin_lock_irqsave(&cpus[cpu]->sched.lock);

		sched_charge(cpus[cpu], now);
		sched_unlock(cpus[cpu], flags);
	}
}

static bool credit_was_active(struct vcpu *v)
{
	return v && (READ_ONCE(credit_vcpu(v)->is_active) || READ_ONCE(v->is_queued));
}

static uint64_t credit_demand(struct credit_vcpu *cv, uint64_t ns)
{
	struct vcpu_runstate_info r;
	uint64_t wanted, demand;

	vcpu_runstate_get(cv->v, &r);
	wanted = r.time[RUNSTATE_running] + r.time[RUNSTATE_runnable];
	demand = wanted - cv->wanted_ns;
	cv->wanted_ns = wanted;
	return MIN(MAX(demand, ns / DEMAND_MIN_PART), ns);
}

static void credit_count_demand(struct credit_domain *cd, uint64_t ns)
{
	cd->demand_ns = 0;
	cd->share_ns = 0;
	for (unsigned int i = 0; i < cd->d->max_vcpus; i++) {
		struct vcpu *v = cd->d->vcpu[i];

		if (!v)
			continue;
		credit_vcpu(v)->demand_ns = credit_was_active(v) ? credit_demand(credit_vcpu(v), ns) : 0;
		cd->demand_ns += credit_vcpu(v)->demand_ns;
	}
}

/* As much as a domain can use in `ns`, as far as one knows: no more than last time. */
static uint64_t credit_limit(const struct credit_domain *cd, uint64_t ns)
{
	return cd->cap ? MIN(cd->demand_ns, cd->cap * ns / 100) : cd->demand_ns;
}

/*
 * Shares all CPUs' time out by weight.  Who can't use its part gets what it can use, and the others share
 * the rest: a round settles at least one domain, and few rounds settle all that matter.
 */
static void credit_share_out(uint64_t ns)
{
	uint64_t total = cpumask_count(&cpu_online) * ns;
	bool is_settled;

	do {
		struct credit_domain *cd;
		uint64_t weights = 0, left = total;

		is_settled = true;
		list_for_each(cd, &credit.domains, link) {
			if (cd->demand_ns && !cd->share_ns)
				weights += cd->weight;
		}
		list_for_each(cd, &credit.domains, link) {
			if (!cd->demand_ns || cd->share_ns || !weights ||
			    left * cd->weight / weights < credit_limit(cd, ns))
				continue;
			cd->share_ns = MAX(credit_limit(cd, ns), 1);
			total -= MIN(total, cd->share_ns);
			is_settled = false;
		}
		if (!is_settled)
			continue;
		list_for_each(cd, &credit.domains, link) {
			if (cd->demand_ns && !cd->share_ns)
				cd->share_ns = total * cd->weight / weights;
		}
	} while (!is_settled);
}

/*
 * Pays a vcpu its part, by its demand: one that hardly runs takes nothing from its domain's others.  Neither
 * what it can't use is hoarded, nor what it ran beyond its part is owed for long: it had the time because
 * nobody else could use that CPU.
 */
static void credit_pay_vcpu(struct credit_domain *cd, struct credit_vcpu *cv, uint64_t ns)
{
	int64_t part = cd->share_ns * (cv->demand_ns / 1024) / (cd->demand_ns / 1024);
	int64_t has = __atomic_add_fetch(&cv->credit_ns, part, __ATOMIC_RELAXED);
	int64_t kept = MAX(MIN(has, (int64_t)PERIOD_NS), -(int64_t)PERIOD_NS);

	if (kept != has)
		__atomic_fetch_add(&cv->credit_ns, kept - has, __ATOMIC_RELAXED);
	/* as many of them compete at a time as the demand makes whole CPUs */
	WRITE_ONCE(cv->weight, MAX(cd->weight * WEIGHT_SCALE * ns / MAX(cd->demand_ns, ns), 1));
	WRITE_ONCE(cv->is_active, false);
}

static void credit_pay(struct credit_domain *cd, uint64_t ns)
{
	if (cd->cap) {
		int64_t refill = cd->cap * ns / 100;
		int64_t had = __atomic_fetch_add(&cd->budget_ns, refill, __ATOMIC_RELAXED);

		if (had > 0)		/* what it didn't use is gone */
			__atomic_fetch_sub(&cd->budget_ns, had, __ATOMIC_RELAXED);
	}
	for (unsigned int i = 0; i < cd->d->max_vcpus; i++)
		if (cd->d->vcpu[i] && credit_vcpu(cd->d->vcpu[i])->demand_ns)
			credit_pay_vcpu(cd, credit_vcpu(cd->d->vcpu[i]), ns);
}

/* Queues again what the new credit has moved to another class; returns the best class that waits. Locked. */
static int credit_resort(struct cpu *c)
{
	struct credit_cpu *cc = credit_cpu(c);
	struct credit_vcpu *cv, *tmp;
	struct list old = LIST_INIT(old);

	list_for_each_safe(cv, tmp, &cc->queue, link) {
		list_del(&cv->link);
		list_add_tail(&old, &cv->link);
	}
	list_for_each_safe(cv, tmp, &old, link) {
		list_del(&cv->link);
		credit_enqueue(cc, cv);
	}
	cv = credit_first(cc);
	return cv ? (int)cv->class : -1;
}

/* Makes the CPUs run who should run now. */
static void credit_rearrange(void)
{
	int best = -1;
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online) {
		uint64_t flags = spin_lock_irqsave(&cpus[cpu]->sched.lock);
		int class = credit_resort(cpus[cpu]);

		best = MAX(best, class);
		sched_unlock(cpus[cpu], flags);
	}
	cpumask_for_each(cpu, &cpu_online) {
		uint64_t flags = spin_lock_irqsave(&cpus[cpu]->sched.lock);

		/* Whoever runs less than the best that waits looks again: here, or to take it from there. */
		if (current_class(cpus[cpu]) < MIN(best, (int)CLASS_UNDER))
			softirq_raise_on(cpus[cpu], SOFTIRQ_SCHEDULE);
		sched_send_home(cpus[cpu]);
		sched_unlock(cpus[cpu], flags);
	}
}

static void credit_account(void *data)
{
	uint64_t now = now_ns(), ns = now - credit.last_ns;
	struct credit_domain *cd;
	bool is_anyone_active = false;
	unsigned int cpu;

	credit_charge_running(now);
	spin_lock(&credit.lock);
	list_for_each(cd, &credit.domains, link) {
		credit_count_demand(cd, ns);
		is_anyone_active |= cd->demand_ns != 0;
	}
	credit_share_out(ns);
	list_for_each(cd, &credit.domains, link)
		credit_pay(cd, ns);
	spin_unlock(&credit.lock);
	credit_rearrange();
	credit.last_ns = now;
	if (is_anyone_active) {
		timer_set(&credit.timer, now + PERIOD_NS);
		return;
	}
	__atomic_store_n(&credit.is_ticking, 0, __ATOMIC_SEQ_CST);
	cpumask_for_each(cpu, &cpu_online)	/* somebody may have woken just before */
		if (!sched_cpu_is_idle(cpus[cpu]))
			credit_start_ticking();
}

/* ---- Records ---- */

static int credit_cpu_init(struct cpu *c)
{
	struct credit_cpu *cc = mem_alloc(sizeof(*cc));

	if (!cc)
		return -ENOMEM;
	list_init(&cc->queue);
	c->sched.priv = cc;
	if (!credit.timer.handler)
		timer_init(&credit.timer, c, credit_account, NULL);
	return 0;
}

static int credit_domain_init(struct domain *d)
{
	struct credit_domain *cd = mem_alloc(sizeof(*cd));

	if (!cd)
		return -ENOMEM;
	cd->d = d;
	cd->weight = WEIGHT_DEFAULT;
	d->sched_priv = cd;
	spin_lock(&credit.lock);
	list_add_tail(&credit.domains, &cd->link);
	spin_unlock(&credit.lock);
	return 0;
}

static void credit_domain_free(struct domain *d)
{
	struct credit_domain *cd = d->sched_priv;

	spin_lock(&credit.lock);
	list_del(&cd->link);
	spin_unlock(&credit.lock);
	d->sched_priv = NULL;
	mem_free(cd);
}

static int credit_vcpu_init(struct vcpu *v)
{
	struct credit_vcpu *cv = mem_alloc(sizeof(*cv));

	if (!cv)
		return -ENOMEM;
	cv->v = v;
	cv->home = credit_cpu(v->cpu);
	cv->vtime = cv->home->min_vtime;
	cv->weight = WEIGHT_DEFAULT * WEIGHT_SCALE;
	cv->credit_ns = CREDIT_FIRST_NS;
	list_init(&cv->link);
	v->sched_priv = cv;
	return 0;
}

static void credit_vcpu_free(struct vcpu *v)
{
	mem_free(v->sched_priv);
	v->sched_priv = NULL;
}

/* ---- Knobs ---- */

static long credit_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
	struct credit_domain *cd = d->sched_priv;
	struct xen_domctl_sched_credit *p = &op->u.credit;

	if (op->cmd == XEN_DOMCTL_SCHEDOP_getinfo) {
		p->weight = cd->weight;
		p->cap = cd->cap;
		return 0;
	}
	if (op->cmd != XEN_DOMCTL_SCHEDOP_putinfo)
		return -EINVAL;
	spin_lock(&credit.lock);
	if (p->weight)			/* 0 and ~0 leave them as they are */
		cd->weight = p->weight;
	if (p->cap != (uint16_t)~0U) {
		__atomic_store_n(&cd->budget_ns, p->cap * PERIOD_NS / 100, __ATOMIC_RELAXED);
		WRITE_ONCE(cd->cap, p->cap);
	}
	spin_unlock(&credit.lock);
	return 0;
}

static long credit_adjust_global(struct xen_sysctl_scheduler_op *op)
{
	struct xen_sysctl_credit_schedule *p = &op->u.sched_credit;

	if (op->cmd == XEN_SYSCTL_SCHEDOP_putinfo) {
		/* No delay before a vcpu may move again: there's no such mechanism. */
		if (p->tslice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN || p->tslice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX ||
		    (p->ratelimit_us && (p->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN ||
					 p->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX)) ||
		    p->ratelimit_us > p->tslice_ms * 1000 || p->vcpu_migr_delay_us)
			return -EINVAL;
		credit.slice_ns = p->tslice_ms * NS_PER_MS;
		credit.ratelimit_ns = p->ratelimit_us * NS_PER_US;
	} else if (op->cmd != XEN_SYSCTL_SCHEDOP_getinfo) {
		return -EINVAL;
	}
	p->tslice_ms = credit.slice_ns / NS_PER_MS;
	p->ratelimit_us = credit.ratelimit_ns / NS_PER_US;
	p->vcpu_migr_delay_us = 0;
	return 0;
}

static void credit_dump(struct cpu *c)
{
	static const char *const name[] = { "over", "under", "boost" };
	struct credit_vcpu *cv;

	list_for_each(cv, &credit_cpu(c)->queue, link)
		printk(LOG_INFO "  waits: d%uv%u %s, credit %ld us, weight %u, cap %u\n", cv->v->domain->id,
		       cv->v->id, name[cv->class], cv->credit_ns / (int64_t)NS_PER_US,
		       credit_domain(cv->v)->weight, credit_domain(cv->v)->cap);
}

const struct scheduler sched_credit = {
	.name = "credit",
	.abi_id = XEN_SCHEDULER_CREDIT,
	.cpu_init = credit_cpu_init,
	.domain_init = credit_domain_init,
	.domain_free = credit_domain_free,
	.vcpu_init = credit_vcpu_init,
	.vcpu_free = credit_vcpu_free,
	.pick_cpu = sched_pick_cpu,
	.insert = credit_insert,
	.remove = credit_remove,
	.kick = credit_kick,
	.charge = credit_charge,
	.yield = credit_yield,
	.next = credit_next,
	.adjust_domain = credit_adjust_domain,
	.adjust_global = credit_adjust_global,
	.dump = credit_dump,
};
