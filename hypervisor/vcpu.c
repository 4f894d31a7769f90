/* Virtual CPUs: creation, run-state accounting, timers, and VCPUOP_* (xen/vcpu.h). */
#include "vcpu.h"
#include "arch.h"
#include "domain.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "hypercall.h"
#include "sched.h"
#include "string.h"
#include "trace.h"

#define TICK_NS (10 * NS_PER_MS)	/* a new vcpu gets VIRQ_TIMER so often until it says otherwise */
#define PERIOD_MIN_NS NS_PER_MS		/* VCPUOP_set_periodic_timer, xen/vcpu.h */
#define PERIOD_MAX_NS (1ULL << 52)	/* no sum with a system time overflows */

/* ---- Timers ---- */

static void vcpu_singleshot_fires(void *data)
{
	evtchn_send_virq(data, VIRQ_TIMER);
}

static void vcpu_tick(struct vcpu *v, uint64_t now, uint64_t period_ns)
{
	v->last_tick_ns = now - (now - v->last_tick_ns) % period_ns;	/* missed ones are one */
	evtchn_send_virq(v, VIRQ_TIMER);
}

static void vcpu_periodic_fires(void *data)
{
	struct vcpu *v = data;
	uint64_t period = READ_ONCE(v->period_ns), now = now_ns();

	if (!period || !READ_ONCE(v->is_running))
		return;
	if (now >= v->last_tick_ns + period)
		vcpu_tick(v, now, period);
	timer_set(&v->periodic, v->last_tick_ns + period);
}

void vcpu_timers_enter(struct vcpu *v)
{
	uint64_t period = READ_ONCE(v->period_ns), now;

	if (vcpu_is_idle(v))
		return;
	if (period) {
		now = now_ns();
		if (now >= v->last_tick_ns + period)
			vcpu_tick(v, now, period);
		timer_migrate(&v->periodic, v->cpu);
		timer_set(&v->periodic, v->last_tick_ns + period);
	}
	timer_migrate(&v->singleshot, v->cpu);
}

void vcpu_timers_leave(struct vcpu *v)
{
	if (v->period_ns)
		timer_stop(&v->periodic);
}

void vcpu_set_singleshot(struct vcpu *v, uint64_t deadline_ns)
{
	if (!deadline_ns) {
		timer_stop(&v->singleshot);
		return;
	}
	timer_migrate(&v->singleshot, READ_ONCE(v->cpu));
	timer_set(&v->singleshot, deadline_ns);
}

static void vcpu_set_period(struct vcpu *v, uint64_t period_ns)
{
	WRITE_ONCE(v->period_ns, period_ns);
	if (!period_ns) {
		timer_stop(&v->periodic);
		return;
	}
	v->last_tick_ns = now_ns();
	if (READ_ONCE(v->is_running))		/* else when it goes on a CPU */
		timer_set(&v->periodic, v->last_tick_ns + period_ns);
}

/* ---- Birth and death ---- */

static struct vcpu *vcpu_alloc(struct domain *d, unsigned int id)
{
	struct vcpu *v = mem_alloc(sizeof(*v));

	if (!v)
		return NULL;
	v->domain = d;
	v->id = id;
	v->cpu = this_cpu();
	timer_init(&v->periodic, v->cpu, vcpu_periodic_fires, v);
	timer_init(&v->singleshot, v->cpu, vcpu_singleshot_fires, v);
	timer_init(&v->poll, v->cpu, vcpu_poll_timeout, v);
	return v;
}

struct vcpu *vcpu_new(struct domain *d, unsigned int id)
{
	struct vcpu *v = vcpu_alloc(d, id);

	if (!v)
		return NULL;
	v->stop = VCPU_DOWN;
	v->period_ns = TICK_NS;
	v->last_tick_ns = now_ns();
	if (id < XEN_LEGACY_MAX_VCPUS)
		v->info = (struct vcpu_info *)&d->shared->vcpu_info[id];
	if (sched_vcpu_init(v))
		goto no_sched;
	if (arch_vcpu_init(v))
		goto no_arch;
	return v;
no_arch:
	sched_vcpu_free(v);
no_sched:
	mem_free(v);
	return NULL;
}

struct vcpu *vcpu_new_idle(struct cpu *c)
{
	struct vcpu *v = vcpu_alloc(NULL, c->id);

	if (!v)
		return NULL;
	v->cpu = c;
	cpumask_set(&v->hard_affinity, c->id);
	v->soft_affinity = v->hard_affinity;
	if (arch_vcpu_init(v)) {
		mem_free(v);
		return NULL;
	}
	return v;
}

void vcpu_free(struct vcpu *v)
{
	timer_kill(&v->periodic);
	timer_kill(&v->singleshot);
	timer_kill(&v->poll);
	sched_vcpu_free(v);
	arch_vcpu_free(v);
	mem_free(v);
}

/* ---- Run states ---- */

void vcpu_runstate_change(struct vcpu *v, int state, uint64_t when_ns)
{
	struct vcpu_runstate_info *r = &v->runstate;

	if (r->state == state)
		return;
	if (when_ns > r->state_entry_time) {	/* clocks of two CPUs may differ by a little */
		r->time[r->state] += when_ns - r->state_entry_time;
		r->state_entry_time = when_ns;
	}
	trace(TRC_SCHED_RUNSTATE_CHANGE | r->state << 8 | state << 4, TRACE_VCPU(v));
	r->state = state;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *r)
{
	uint64_t flags, now;
	struct cpu *c = sched_lock(v, &flags);

	*r = v->runstate;
	sched_unlock(c, flags);
	now = now_ns();
	if (now > r->state_entry_time)
		r->time[r->state] += now - r->state_entry_time;
}

static uint64_t runstate_entry_time_at(uint64_t guest)
{
	return guest + offsetof(struct vcpu_runstate_info, state_entry_time);
}

/* XEN_RUNSTATE_UPDATE is up in the guest's copy while it's being changed, if the guest wants that. */
static int vcpu_runstate_write(struct vcpu *v, uint64_t guest)
{
	uint64_t at = runstate_entry_time_at(guest);
	struct vcpu_runstate_info r;
	uint64_t flags, entry_time;
	struct cpu *c = sched_lock(v, &flags);
	int rc;

	r = v->runstate;
	sched_unlock(c, flags);
	if (!(v->domain->vm_assist & 1UL << VMASST_TYPE_runstate_update_flag))
		return copy_to_guest(guest, &r, sizeof(r));
	entry_time = r.state_entry_time;
	r.state_entry_time |= XEN_RUNSTATE_UPDATE;
	rc = copy_to_guest(at, &r.state_entry_time, sizeof(entry_time));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (!rc)
		rc = copy_to_guest(guest, &r, sizeof(r));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (!rc)
		rc = copy_to_guest(at, &entry_time, sizeof(entry_time));
	return rc;
}

/*
 * A copy of vcpu_info's time at an address of the guest's, for its user space: the version says when it's torn.
 * One that has no vcpu_info yet has no time either.
 */
static int vcpu_time_write(struct vcpu *v, uint64_t guest)
{
	const struct vcpu_info *info = READ_ONCE(v->info);
	struct vcpu_time_info t = { 0 };
	uint32_t version;

	if (info)
		t = info->time;
	version = t.version & ~1U;
	t.version = version | 1;
	if (copy_to_guest(guest, &t, sizeof(t)))
		return -EFAULT;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return copy_to_guest(guest + offsetof(struct vcpu_time_info, version), &version, sizeof(version));
}

void vcpu_runstate_publish(struct vcpu *v)
{
	/* not mapped just now: the guest's loss, the next switch tries again */
	if (v->runstate_guest)
		vcpu_runstate_write(v, v->runstate_guest);
	if (v->time_guest)
		vcpu_time_write(v, v->time_guest);
}

/* ---- vcpu_info ---- */

/* Moves the events that wait with it; the guest's time is written anew at the next switch. */
static void vcpu_info_move(struct vcpu *v, struct vcpu_info *to)
{
	if (v->info)
		*to = *v->info;
	to->evtchn_pending_sel = ~0UL;	/* whatever came while it was being moved is looked for again */
	to->evtchn_upcall_pending = 0;
	__atomic_store_n(&v->info, to, __ATOMIC_SEQ_CST);
}

/* vcpu_info moves to `gfn`+offset of the domain: once, for itself or a vcpu that's down. */
static int vcpu_register_info(struct vcpu *v, gfn_t gfn, uint32_t offset)
{
	struct domain *d = v->domain;
	struct page *pg;
	uint64_t flags;

	if (offset > PAGE_SIZE - sizeof(struct vcpu_info) || offset % sizeof(xen_ulong_t))
		return -ENXIO;
	if (v != current_vcpu() && !(READ_ONCE(v->stop) & VCPU_DOWN))
		return -EINVAL;
	pg = page_get_mfn(MFN(gfn.n), d);
	if (!pg)
		return -EINVAL;
	if (page_get_type(pg, PAGE_WRITABLE)) {
		page_put(pg);
		return -EINVAL;
	}
	flags = spin_lock_irqsave(&d->evtchn.lock);
	if (v->info_page) {
		spin_unlock_irqrestore(&d->evtchn.lock, flags);
		page_put_and_type(pg);
		return -EINVAL;
	}
	v->info_page = pg;
	vcpu_info_move(v, (void *)((char *)mfn_to_virt(page_to_mfn(pg)) + offset));
	evtchn_mark_pending(v);
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
	if (v == current_vcpu())
		arch_vcpu_time_update(v);
	return 0;
}

void vcpu_release_info(struct vcpu *v)
{
	uint64_t flags = spin_lock_irqsave(&v->domain->evtchn.lock);
	struct page *pg = v->info_page;

	v->info_page = NULL;
	if (pg)
		v->info = NULL;
	spin_unlock_irqrestore(&v->domain->evtchn.lock, flags);
	if (pg)
		page_put_and_type(pg);
}

/* ---- VCPUOP_* ---- */

static long vcpu_op_initialise(struct vcpu *v, void *op, uint64_t arg)
{
	struct domain *d = v->domain;
	struct vcpu_guest_context *ctxt;
	long rc;

	if (READ_ONCE(v->is_initialised))
		return -EEXIST;
	if (!READ_ONCE(v->info))	/* of an id above 31: that is registered first, as Xen wants it */
		return -EINVAL;
	ctxt = mem_alloc(sizeof(*ctxt));
	if (!ctxt)
		return -ENOMEM;
	rc = copy_from_guest(ctxt, arg, sizeof(*ctxt));
	if (rc)
		goto out;
	spin_lock(&d->lifecycle_lock);
	rc = v->is_initialised ? -EEXIST : arch_vcpu_set_context(v, ctxt);
	if (rc == 0)
		WRITE_ONCE(v->is_initialised, true);
	spin_unlock(&d->lifecycle_lock);
out:
	mem_free(ctxt);
	return rc;
}

static long vcpu_op_up(struct vcpu *v, void *op, uint64_t arg)
{
	struct domain *d = v->domain;

	spin_lock(&d->lifecycle_lock);
	if (!v->is_initialised || !v->info) {
		spin_unlock(&d->lifecycle_lock);
		return -EINVAL;
	}
	vcpu_stop_clear(v, VCPU_DOWN);
	spin_unlock(&d->lifecycle_lock);
	return 0;
}

static bool domain_has_others_up(struct domain *d, const struct vcpu *but)
{
	for (unsigned int id = 0; id < d->max_vcpus; id++) {
		struct vcpu *v = d->vcpu[id];

		if (v && v != but && !(READ_ONCE(v->stop) & VCPU_DOWN))
			return true;
	}
	return false;
}

/* A domain without a single vcpu left to bring the others up has ended. */
static long vcpu_op_down(struct vcpu *v, void *op, uint64_t arg)
{
	struct domain *d = v->domain;

	spin_lock(&d->lifecycle_lock);
	if (domain_has_others_up(d, v))
		vcpu_stop_set(v, VCPU_DOWN);
	else
		domain_shutdown(d, SHUTDOWN_poweroff);
	spin_unlock(&d->lifecycle_lock);
	return 0;
}

static long vcpu_op_is_up(struct vcpu *v, void *op, uint64_t arg)
{
	return !(READ_ONCE(v->stop) & VCPU_DOWN);
}

static long vcpu_op_get_runstate(struct vcpu *v, void *op, uint64_t arg)
{
	struct vcpu_runstate_info r;

	vcpu_runstate_get(v, &r);
	return copy_to_guest(arg, &r, sizeof(r));
}

static long vcpu_op_register_time(struct vcpu *v, void *op, uint64_t arg)
{
	const struct vcpu_register_time_memory_area *area = op;
	uint64_t guest = area->addr.p;
	int rc = guest ? vcpu_time_write(v, guest) : 0;

	if (rc == 0)
		WRITE_ONCE(v->time_guest, guest);
	return rc;
}

static long vcpu_op_register_runstate(struct vcpu *v, void *op, uint64_t arg)
{
	const struct vcpu_register_runstate_memory_area *area = op;
	uint64_t guest = area->addr.p;
	int rc = guest ? vcpu_runstate_write(v, guest) : 0;

	if (rc == 0)
		WRITE_ONCE(v->runstate_guest, guest);
	return rc;
}

static long vcpu_op_set_periodic(struct vcpu *v, void *op, uint64_t arg)
{
	const struct vcpu_set_periodic_timer *set = op;

	if (set->period_ns < PERIOD_MIN_NS || set->period_ns > PERIOD_MAX_NS)
		return -EINVAL;
	vcpu_set_period(v, set->period_ns);
	return 0;
}

static long vcpu_op_stop_periodic(struct vcpu *v, void *op, uint64_t arg)
{
	vcpu_set_period(v, 0);
	return 0;
}

/*
 * A vcpu has its own single-shot timer only: it's on the CPU whose timer that is.  A time in the past fires
 * at once, whatever the flags say of it: so does Xen, against its header.
 */
static long vcpu_op_set_singleshot(struct vcpu *v, void *op, uint64_t arg)
{
	const struct vcpu_set_singleshot_timer *set = op;

	if (v != current_vcpu())
		return -EINVAL;
	vcpu_set_singleshot(v, MAX(set->timeout_abs_ns, 1));
	return 0;
}

static long vcpu_op_stop_singleshot(struct vcpu *v, void *op, uint64_t arg)
{
	if (v != current_vcpu())
		return -EINVAL;
	vcpu_set_singleshot(v, 0);
	return 0;
}

static long vcpu_op_register_info(struct vcpu *v, void *op, uint64_t arg)
{
	const struct vcpu_register_vcpu_info *info = op;

	return vcpu_register_info(v, GFN(info->mfn), info->offset);
}

static long vcpu_op_send_nmi(struct vcpu *v, void *op, uint64_t arg)
{
	return arch_vcpu_send_nmi(v);
}

static long vcpu_op_get_physid(struct vcpu *v, void *op, uint64_t arg)
{
	struct vcpu_get_physid *id = op;
	unsigned int cpu = cpumask_next(&v->hard_affinity, 0);

	if (cpumask_count(&v->hard_affinity) != 1 || !cpumask_test(&cpu_online, cpu))
		return -EINVAL;		/* not pinned to one */
	id->phys_id = arch_cpu_physid(cpus[cpu]);
	return copy_to_guest(arg, id, sizeof(*id));
}

struct vcpu_op_row {
	long (*handler)(struct vcpu *v, void *op, uint64_t arg);	/* arg: where `op` was copied from */
	uint16_t size;			/* of what is copied in for it */
};

static const struct vcpu_op_row vcpu_op_table[] = {
	[VCPUOP_initialise]	     = { vcpu_op_initialise },
	[VCPUOP_up]		     = { vcpu_op_up },
	[VCPUOP_down]		     = { vcpu_op_down },
	[VCPUOP_is_up]		     = { vcpu_op_is_up },
	[VCPUOP_get_runstate_info]   = { vcpu_op_get_runstate },
	[VCPUOP_register_runstate_memory_area] = { vcpu_op_register_runstate,
					sizeof(struct vcpu_register_runstate_memory_area) },
	[VCPUOP_set_periodic_timer]  = { vcpu_op_set_periodic, sizeof(struct vcpu_set_periodic_timer) },
	[VCPUOP_stop_periodic_timer] = { vcpu_op_stop_periodic },
	[VCPUOP_set_singleshot_timer] = { vcpu_op_set_singleshot, sizeof(struct vcpu_set_singleshot_timer) },
	[VCPUOP_stop_singleshot_timer] = { vcpu_op_stop_singleshot },
	[VCPUOP_register_vcpu_info]  = { vcpu_op_register_info, sizeof(struct vcpu_register_vcpu_info) },
	[VCPUOP_send_nmi]	     = { vcpu_op_send_nmi },
	[VCPUOP_get_physid]	     = { vcpu_op_get_physid, sizeof(struct vcpu_get_physid) },
	[VCPUOP_register_vcpu_time_memory_area] = { vcpu_op_register_time,
					sizeof(struct vcpu_register_time_memory_area) },
};

long vcpu_op(unsigned int cmd, unsigned int vcpu_id, uint64_t arg)
{
	struct vcpu *v = domain_vcpu(current_vcpu()->domain, vcpu_id);
	const struct vcpu_op_row *row;
	uint64_t op[2] = { 0 };
	long rc;

	if (cmd >= ARRAY_SIZE(vcpu_op_table) || !vcpu_op_table[cmd].handler)
		return -ENOSYS;
	if (!v)
		return -ENOENT;
	row = &vcpu_op_table[cmd];
	_Static_assert(sizeof(struct vcpu_set_singleshot_timer) <= sizeof(op), "room for any");
	_Static_assert(sizeof(struct vcpu_register_vcpu_info) <= sizeof(op), "room for any");
	if (row->size && copy_from_guest(op, arg, row->size))
		return -EFAULT;
	rc = row->handler(v, op, arg);
	if (rc == -ERESTART)		/* initialise: page tables take their time */
		rc = hypercall_continue(__HYPERVISOR_vcpu_op, 3, (uint64_t)cmd, (uint64_t)vcpu_id, arg);
	return rc;
}
