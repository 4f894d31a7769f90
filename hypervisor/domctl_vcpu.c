/* DOMCTL_* on virtual CPUs: where they may run, and what is in their registers. */
#include "arch.h"
#include "ctl.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "sched.h"

/* ---- Affinity ---- */

#define AFFINITY_FLAGS (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE)

static int affinity_put(struct xen_domctl_vcpuaffinity *a, const struct cpumask *hard, const struct cpumask *soft)
{
	int rc = 0;

	if (a->flags & XEN_VCPUAFFINITY_HARD)
		rc = ctl_bitmap_put(&a->cpumap_hard, hard->bits, cpu_count);
	if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
		rc = ctl_bitmap_put(&a->cpumap_soft, soft->bits, cpu_count);
	return rc;
}

/* What is left of the masks on this machine as it is now goes back to the caller. */
static long domctl_set_affinity(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	bool is_hard = a->flags & XEN_VCPUAFFINITY_HARD, is_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
	struct vcpu *v = domain_vcpu(d, a->vcpu);
	struct cpumask hard, soft;
	int rc = 0;

	if (!v)
		return -ESRCH;
	if (a->flags & ~AFFINITY_FLAGS || !(is_hard || is_soft))
		return -EINVAL;
	if (is_hard)
		rc = ctl_bitmap_get(hard.bits, MAX_CPUS, &a->cpumap_hard);
	if (!rc && is_soft)
		rc = ctl_bitmap_get(soft.bits, MAX_CPUS, &a->cpumap_soft);
	if (rc)
		return rc;
	if (a->flags & XEN_VCPUAFFINITY_FORCE && v->is_pinned_now)
		(void)vcpu_pin_override(v, -1);
	rc = vcpu_set_affinity(v, is_hard ? &hard : NULL, is_soft ? &soft : NULL);
	if (rc)
		return rc;
	cpumask_and(&hard, &v->hard_affinity, &cpu_online);
	cpumask_and(&soft, &v->soft_affinity, &hard);
	return affinity_put(a, &hard, &soft);
}

static long domctl_get_affinity(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	struct vcpu *v = domain_vcpu(d, a->vcpu);

	if (!v)
		return -ESRCH;
	return a->flags & ~AFFINITY_FLAGS ? -EINVAL : affinity_put(a, &v->hard_affinity, &v->soft_affinity);
}

/* ---- State ---- */

static long domctl_get_vcpu_info(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
	struct vcpu *v = domain_vcpu(d, info->vcpu);

	if (!v)
		return -ESRCH;
	info->online = !(READ_ONCE(v->stop) & VCPU_DOWN);
	info->blocked = !!(READ_ONCE(v->stop) & VCPU_BLOCKED);
	info->running = READ_ONCE(v->is_running);
	info->cpu_time = vcpu_cpu_time_ns(v);
	info->cpu = READ_ONCE(v->cpu)->id;
	return 0;
}

static long domctl_trigger(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

	if (!v)
		return -ESRCH;
	/* The others are an ACPI machine's buttons and pins, which a PV guest doesn't have. */
	return op->u.sendtrigger.trigger == XEN_DOMCTL_SENDTRIGGER_NMI ? arch_vcpu_send_nmi(v) : -ENOSYS;
}

/* ---- Registers ---- */

static long domctl_get_context(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
	struct vcpu_guest_context *c;
	long rc;

	if (!v)
		return -ESRCH;
	if (!v->is_initialised)
		return -ENODATA;
	c = mem_alloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	arch_vcpu_get_context(v, c);
	rc = copy_to_guest((uint64_t)op->u.vcpucontext.ctxt.p, c, sizeof(*c));
	mem_free(c);
	return rc;
}

static void vcpu_set_online(struct vcpu *v, bool is_online)
{
	if (is_online)
		vcpu_stop_clear(v, VCPU_DOWN);
	else
		vcpu_stop_set(v, VCPU_DOWN);
}

/* One that has lost its context can't run until it gets another. */
static long vcpu_install(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct domain *d = v->domain;
	long rc = -EINVAL;

	spin_lock(&d->lifecycle_lock);
	if (d->dying == DOMAIN_ALIVE) {
		rc = c ? arch_vcpu_set_context(v, c) : 0;
		if (!c)
			arch_vcpu_reset(v);
		WRITE_ONCE(v->is_initialised, c && rc == 0);
		vcpu_set_online(v, v->is_initialised && v->info && c->flags & VGCF_online);
	}
	spin_unlock(&d->lifecycle_lock);
	return rc;
}

/* Without a context, the vcpu is as it was when it was made. */
static long domctl_set_context(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
	uint64_t from = (uint64_t)op->u.vcpucontext.ctxt.p;
	struct vcpu_guest_context *c;
	long rc;

	if (!v)
		return -EINVAL;
	if (!from)
		return vcpu_install(v, NULL);
	c = mem_alloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	rc = copy_from_guest(c, from, sizeof(*c));
	if (!rc)
		rc = vcpu_install(v, c);
	mem_free(c);
	return rc;
}

const struct domctl_op domctl_vcpu_ops[] = {
	{ XEN_DOMCTL_setvcpuaffinity, domctl_set_affinity, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_getvcpuaffinity, domctl_get_affinity, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_setvcpucontext, domctl_set_context, DOMCTL_PAUSED },
	{ XEN_DOMCTL_getvcpucontext, domctl_get_context, DOMCTL_PAUSED },
	{ XEN_DOMCTL_getvcpuinfo, domctl_get_vcpu_info, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_sendtrigger, domctl_trigger },
	{ 0 },
};
