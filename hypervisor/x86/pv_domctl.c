/* DOMCTL_* that are about x86 and paravirtualised guests. */
#include "arch.h"
#include "cpu_policy.h"
#include "cpu_features.h"
#include "ctl.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "printk.h"
#include "pv_context.h"
#include "pv_mm.h"
#include "time.h"

#define FRAMES_MAX 1024			/* of one getpageframeinfo3 */

void arch_domain_info(const struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	info->gpaddr_bits = paddr_bits;
}

/* ---- The guest's kind ---- */

static long domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
	if (op->u.address_size.size == 64)
		return 0;
	printk(LOG_WARN "domain %u: a %u-bit PV guest can't run here, only a 64-bit one\n", d->id,
	       op->u.address_size.size);
	return -EOPNOTSUPP;
}

static long domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
	op->u.address_size.size = 64;
	return 0;
}

static long domctl_hypercall_init(struct domain *d, struct xen_domctl *op)
{
	struct page *pg;

	if (!mfn_is_ram(MFN(op->u.hypercall_init.gmfn)))
		return -EACCES;
	pg = mfn_to_page(MFN(op->u.hypercall_init.gmfn));
	if (!page_get_and_type(pg, d, PAGE_WRITABLE))
		return -EACCES;
	pv_hypercall_page_fill(mfn_to_virt(page_to_mfn(pg)));
	page_put_and_type(pg);
	return 0;
}

/* ---- Time ---- */

/* The public numbers of the modes: xl.cfg(5) tsc_mode. */
enum tsc_mode { TSC_DEFAULT, TSC_ALWAYS_EMULATE, TSC_NEVER_EMULATE };

/* Guests see the machine's TSC: modes that promise another one can't be kept. */
static long domctl_set_tsc(struct domain *d, struct xen_domctl *op)
{
	const struct xen_domctl_tsc_info *t = &op->u.tsc_info;

	if (t->tsc_mode == TSC_ALWAYS_EMULATE)
		return -EOPNOTSUPP;
	if (t->tsc_mode != TSC_DEFAULT && t->tsc_mode != TSC_NEVER_EMULATE)
		return -EINVAL;
	d->arch.tsc_mode = t->tsc_mode;
	d->arch.tsc_incarnation = t->incarnation;
	return 0;
}

static long domctl_get_tsc(struct domain *d, struct xen_domctl *op)
{
	op->u.tsc_info = (struct xen_domctl_tsc_info){ .tsc_mode = d->arch.tsc_mode, .gtsc_khz = tsc_hz / 1000,
		.incarnation = d->arch.tsc_incarnation, .elapsed_nsec = now_ns() };
	return 0;
}

/* ---- CPUID ---- */

static long domctl_get_policy(struct domain *d, struct xen_domctl *op)
{
	struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;

	return policy_write(d->arch.policy, pv_default_cpuid, (uint64_t)c->leaves.p, &c->nr_leaves,
			    (uint64_t)c->msrs.p, &c->nr_msrs);
}

static struct cpu_policy *policy_copy(const struct domain *d)
{
	struct cpu_policy *p = mem_alloc(sizeof(*p));

	if (p && d->arch.policy)
		*p = *d->arch.policy;
	else if (p)
		policy_default(p);
	return p;
}

/* Leaves that aren't given stay as they are. */
static long domctl_set_policy(struct domain *d, struct xen_domctl *op)
{
	struct cpu_policy *p;
	long rc;

	if (d->is_started)
		return -EEXIST;
	p = policy_copy(d);
	if (!p)
		return -ENOMEM;
	rc = policy_read(&op->u.cpu_policy, p);
	if (rc) {
		mem_free(p);
		return rc;
	}
	mem_free(d->arch.policy);
	d->arch.policy = p;
	return 0;
}

/* ---- Memory ---- */

static uint64_t frame_info(struct domain *d, mfn_t mfn)
{
	static const uint32_t tables[] = {
		[PAGE_L1] = XEN_DOMCTL_PFINFO_L1TAB, [PAGE_L2] = XEN_DOMCTL_PFINFO_L2TAB,
		[PAGE_L3] = XEN_DOMCTL_PFINFO_L3TAB, [PAGE_L4] = XEN_DOMCTL_PFINFO_L4TAB,
	};
	struct page *pg = page_get_mfn(mfn, d);
	uint32_t type;
	uint64_t info = XEN_DOMCTL_PFINFO_NOTAB;

	if (!pg)
		return XEN_DOMCTL_PFINFO_XTAB;
	type = READ_ONCE(pg->type);
	if (page_is_shared(pg))
		info = XEN_DOMCTL_PFINFO_XTAB;
	else if (type_count(type) && type >> TYPE_SHIFT >= PAGE_L1 && type >> TYPE_SHIFT <= PAGE_L4)
		info = tables[type >> TYPE_SHIFT] | (type & TYPE_PINNED ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
	page_put(pg);
	return info;
}

static long domctl_frame_info(struct domain *d, struct xen_domctl *op)
{
	uint64_t at = (uint64_t)op->u.getpageframeinfo3.array.p, count = op->u.getpageframeinfo3.num;

	if (count > FRAMES_MAX)
		return -E2BIG;
	for (; count; count--, at += sizeof(xen_pfn_t)) {
		uint64_t frame;

		if (copy_from_guest(&frame, at, sizeof(frame)))
			return -EFAULT;
		frame = frame_info(d, MFN(frame));
		if (copy_to_guest(at, &frame, sizeof(frame)))
			return -EFAULT;
	}
	return 0;
}

/* There are no shadow page tables to switch on, nor a log of what a guest wrote to. */
static long domctl_shadow(struct domain *d, struct xen_domctl *op)
{
	return op->u.shadow_op.op == XEN_DOMCTL_SHADOW_OP_OFF ? 0 : -EOPNOTSUPP;
}

/* ---- State beside the context ---- */

static long domctl_get_ext_context(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.ext_vcpucontext.vcpu);

	if (!v)
		return -ESRCH;
	pv_get_ext_context(v, &op->u.ext_vcpucontext);
	return 0;
}

static long domctl_set_ext_context(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.ext_vcpucontext.vcpu);

	return v ? pv_set_ext_context(v, &op->u.ext_vcpucontext) : -ESRCH;
}

static long domctl_get_extstate(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpuextstate.vcpu);

	return v ? pv_get_extstate(v, &op->u.vcpuextstate) : -ESRCH;
}

static long domctl_set_extstate(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpuextstate.vcpu);

	return v ? pv_set_extstate(v, &op->u.vcpuextstate) : -ESRCH;
}

static long domctl_get_msrs(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpu_msrs.vcpu);

	return v ? pv_get_msrs(v, &op->u.vcpu_msrs) : -ESRCH;
}

static long domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpu_msrs.vcpu);

	return v ? pv_set_msrs(v, &op->u.vcpu_msrs) : -ESRCH;
}

const struct domctl_op arch_domctl_ops[] = {
	{ XEN_DOMCTL_set_address_size, domctl_set_address_size },
	{ XEN_DOMCTL_get_address_size, domctl_get_address_size, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_hypercall_init, domctl_hypercall_init },
	{ XEN_DOMCTL_settscinfo, domctl_set_tsc, DOMCTL_PAUSED },
	{ XEN_DOMCTL_gettscinfo, domctl_get_tsc, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_get_cpu_policy, domctl_get_policy, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_set_cpu_policy, domctl_set_policy, DOMCTL_PAUSED | DOMCTL_COPY_ALWAYS },
	{ XEN_DOMCTL_getpageframeinfo3, domctl_frame_info },
	{ XEN_DOMCTL_shadow_op, domctl_shadow, DOMCTL_OTHER },
	{ XEN_DOMCTL_get_ext_vcpucontext, domctl_get_ext_context, DOMCTL_PAUSED | DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_set_ext_vcpucontext, domctl_set_ext_context, DOMCTL_PAUSED },
	{ XEN_DOMCTL_getvcpuextstate, domctl_get_extstate, DOMCTL_PAUSED | DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_setvcpuextstate, domctl_set_extstate, DOMCTL_PAUSED },
	{ XEN_DOMCTL_get_vcpu_msrs, domctl_get_msrs, DOMCTL_PAUSED | DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_set_vcpu_msrs, domctl_set_msrs, DOMCTL_PAUSED },
	{ 0 },
};
