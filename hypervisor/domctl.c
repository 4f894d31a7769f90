/* HYPERVISOR_domctl: what the toolstack does with a domain (xen/domctl.h). */
#include "arch.h"
#include "ctl.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "memory.h"
#include "sched.h"
#include "string.h"
#include "wallclock.h"

#define PAGES_MAX (1UL << 40)		/* no sum of two such counts overflows, nor does it in bytes */

/* One at a time: what two toolstacks do at once doesn't mix. */
static struct spinlock domctl_lock;

/* ---- Life ---- */

/* Flags of createdomain that this hypervisor can keep; all others are promises it can't. */
#define CREATE_FLAGS XEN_DOMCTL_CDF_xs_domain

static long domctl_create(struct domain *none, struct xen_domctl *op)
{
	struct xen_domctl_createdomain *config = &op->u.createdomain;
	domid_t id = op->domain && op->domain < DOMID_FIRST_RESERVED ? op->domain : DOMID_ANY;
	struct domain *d;
	int rc;

	if (config->flags & ~CREATE_FLAGS || config->iommu_opts || config->vmtrace_size ||
	    config->grant_opts & ~XEN_DOMCTL_GRANT_version_mask || config->arch.emulation_flags ||
	    config->arch.misc_flags)
		return -EINVAL;
	if (config->cpupool_id)
		return -ENOENT;
	rc = domain_create(id, config, false, &d);
	if (rc == 0)
		op->domain = d->id;
	return rc;
}

static long domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
	return domain_add_vcpus(d, op->u.max_vcpus.max);
}

static long domctl_destroy(struct domain *d, struct xen_domctl *op) { return domain_destroy(d); }
static long domctl_pause(struct domain *d, struct xen_domctl *op) { return domain_pause_by_controller(d); }
static long domctl_unpause(struct domain *d, struct xen_domctl *op) { return domain_unpause_by_controller(d); }

static long domctl_resume(struct domain *d, struct xen_domctl *op)
{
	domain_resume(d);
	return 0;
}

/* ---- What it is and has ---- */

static long domctl_get_info(struct domain *none, struct xen_domctl *op)
{
	int rc = ctl_domain_info(op->domain, &op->u.getdomaininfo);

	if (rc == 0)
		op->domain = op->u.getdomaininfo.domain;
	return rc;
}

/* Below what it has already: it may not grow, and is asked to shrink by other ways. */
static long domctl_max_mem(struct domain *d, struct xen_domctl *op)
{
	uint64_t pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

	spin_lock(&d->page_lock);
	d->max_pages = MIN(pages, PAGES_MAX);
	spin_unlock(&d->page_lock);
	return 0;
}

static long domctl_set_handle(struct domain *d, struct xen_domctl *op)
{
	memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
	return 0;
}

static long domctl_set_time_offset(struct domain *d, struct xen_domctl *op)
{
	d->wallclock_offset_s = op->u.settimeoffset.time_offset_seconds;
	if (d->dying == DOMAIN_ALIVE)
		wallclock_write(d);
	return 0;
}

/* There's one node, and all memory is on it. */
static long domctl_set_node_affinity(struct domain *d, struct xen_domctl *op)
{
	uint64_t nodes;

	if (ctl_bitmap_get(&nodes, 64, &op->u.nodeaffinity.nodemap))
		return -EFAULT;
	return nodes & 1 ? 0 : -EINVAL;
}

static long domctl_get_node_affinity(struct domain *d, struct xen_domctl *op)
{
	const uint64_t nodes = 1;

	return ctl_bitmap_put(&op->u.nodeaffinity.nodemap, &nodes, 1);
}

static long domctl_scheduler(struct domain *d, struct xen_domctl *op)
{
	if (op->u.scheduler_op.sched_id != scheduler->abi_id)
		return -EINVAL;
	return scheduler->adjust_domain(d, &op->u.scheduler_op);
}

static const struct domctl_op domctl_ops[] = {
	{ XEN_DOMCTL_createdomain, domctl_create, DOMCTL_NO_DOMAIN | DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_destroydomain, domctl_destroy },
	{ XEN_DOMCTL_pausedomain, domctl_pause, DOMCTL_OTHER },
	{ XEN_DOMCTL_unpausedomain, domctl_unpause },
	{ XEN_DOMCTL_getdomaininfo, domctl_get_info, DOMCTL_NO_DOMAIN | DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_max_mem, domctl_max_mem },
	{ XEN_DOMCTL_max_vcpus, domctl_max_vcpus, DOMCTL_OTHER },
	{ XEN_DOMCTL_scheduler_op, domctl_scheduler, DOMCTL_COPY_BACK },
	{ XEN_DOMCTL_setdomainhandle, domctl_set_handle },
	{ XEN_DOMCTL_settimeoffset, domctl_set_time_offset },
	{ XEN_DOMCTL_resumedomain, domctl_resume, DOMCTL_OTHER },
	{ XEN_DOMCTL_setnodeaffinity, domctl_set_node_affinity },
	{ XEN_DOMCTL_getnodeaffinity, domctl_get_node_affinity },
	{ 0 },
};

/* ---- From number to handler ---- */

static const struct domctl_op *domctl_find(uint32_t cmd)
{
	const struct domctl_op *const tables[] = { domctl_ops, domctl_vcpu_ops, arch_domctl_ops };

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct domctl_op *row = tables[i]; row->handler; row++)
			if (row->cmd == cmd)
				return row;
	return NULL;
}

static long domctl_call(const struct domctl_op *row, struct domain *d, struct xen_domctl *op)
{
	long rc;

	if (row->flags & (DOMCTL_OTHER | DOMCTL_PAUSED) && d == current_vcpu()->domain)
		return -EINVAL;
	if (!spin_trylock(&domctl_lock))
		return -ERESTART;
	if (row->flags & DOMCTL_PAUSED)
		domain_pause(d);
	rc = row->handler(d, op);
	if (row->flags & DOMCTL_PAUSED)
		domain_unpause(d);
	spin_unlock(&domctl_lock);
	return rc;
}

/* arg: xen_domctl */
long hcall_domctl(const uint64_t arg[6])
{
	struct domain *d = NULL;
	static uint64_t told[CTL_TOLD_WORDS];
	const struct domctl_op *row;
	struct xen_domctl op;
	long rc;

	if (copy_from_guest(&op, arg[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	row = domctl_find(op.cmd);
	if (!row)
		return ctl_unknown("domctl", told, op.cmd);
	if (!(row->flags & DOMCTL_NO_DOMAIN)) {
		d = domain_get_for(current_vcpu()->domain, op.domain);
		if (!d)
			return -ESRCH;
	}
	rc = domctl_call(row, d, &op);
	if (d)
		domain_put(d);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_domctl, 1, arg[0]);
	if ((rc >= 0 && row->flags & DOMCTL_COPY_BACK) || row->flags & DOMCTL_COPY_ALWAYS)
		rc = copy_to_guest(arg[0], &op, sizeof(op)) ? -EFAULT : rc;
	return rc;
}
