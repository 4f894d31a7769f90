/* HYPERVISOR_sysctl: what the toolstack asks of the machine and sets for all of it (xen/sysctl.h). */
#include "arch.h"
#include "console.h"
#include "ctl.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "hypercalls.h"
#include "keys.h"
#include "memory.h"
#include "perf.h"
#include "sched.h"
#include "string.h"
#include "trace.h"

#define POOL 0				/* there's one CPU pool, with all CPUs and all domains */
#define NODE_DISTANCE 10		/* to itself: ACPI 6.4 5.2.17 */
#define KEYS_MAX 256			/* keys in one call */

/* ---- The log ---- */

static long sysctl_read_console(struct xen_sysctl *op)
{
	struct xen_sysctl_readconsole *r = &op->u.readconsole;
	uint32_t index = console_ring_start(), done = 0;
	uint64_t to = (uint64_t)r->buffer.p;
	char piece[256];
	size_t n;

	if (r->incremental && (int32_t)(r->index - index) > 0)	/* what was cleared isn't shown again */
		index = r->index;
	while (done < r->count) {
		n = console_read_ring(piece, MIN(sizeof(piece), r->count - done), &index);
		if (!n)
			break;
		if (copy_to_guest(to + done, piece, n))
			return -EFAULT;
		done += n;
	}
	r->count = done;
	r->index = index;
	if (r->clear)
		console_clear_ring();
	return 0;
}

/* Keys that don't exist do nothing, as on the console. */
static long sysctl_debug_keys(struct xen_sysctl *op)
{
	const struct xen_sysctl_debug_keys *k = &op->u.debug_keys;

	if (k->nr_keys > KEYS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < k->nr_keys; i++) {
		char key;

		if (copy_from_guest(&key, (uint64_t)k->keys.p + i, 1))
			return -EFAULT;
		(void)key_run(key);
	}
	return 0;
}

/* ---- The machine ---- */

static long sysctl_physinfo(struct xen_sysctl *op)
{
	struct xen_sysctl_physinfo *p = &op->u.physinfo;

	memset(p, 0, sizeof(*p));
	p->nr_cpus = cpumask_count(&cpu_online);
	p->max_cpu_id = cpu_count - 1;
	p->nr_nodes = 1;
	p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
	p->total_pages = heap_total_pages();
	p->free_pages = heap_free_pages();
	p->outstanding_pages = memory_claimed_pages();
	p->max_mfn = max_mfn;
	arch_physinfo(p);
	return 0;
}

static long sysctl_cpu_info(struct xen_sysctl *op)
{
	struct xen_sysctl_getcpuinfo *g = &op->u.getcpuinfo;
	unsigned int n = MIN(g->max_cpus, cpu_count);

	for (unsigned int cpu = 0; cpu < n; cpu++) {
		struct xen_sysctl_cpuinfo info = { 0 };

		if (cpumask_test(&cpu_online, cpu))
			info.idletime = vcpu_cpu_time_ns(cpus[cpu]->idle);
		if (copy_to_guest((uint64_t)g->info.p + cpu * sizeof(info), &info, sizeof(info)))
			return -EFAULT;
	}
	g->nr_cpus = n;
	return 0;
}

static long sysctl_avail_heap(struct xen_sysctl *op)
{
	struct xen_sysctl_availheap *a = &op->u.availheap;
	uint64_t from = a->min_bitwidth > PAGE_SHIFT ? 1UL << MIN(a->min_bitwidth - PAGE_SHIFT, 52U) : 0;
	uint64_t to = a->max_bitwidth && a->max_bitwidth < 64 ?
		1UL << MAX((int)a->max_bitwidth - PAGE_SHIFT, 0) : ~0UL;

	if (a->node > 0 || a->node < -1)
		return -EINVAL;
	a->avail_bytes = heap_free_between(from, to) * PAGE_SIZE;
	return 0;
}

/* Without buffers: how many nodes there are. */
static long sysctl_numa_info(struct xen_sysctl *op)
{
	struct xen_sysctl_numainfo *n = &op->u.numainfo;
	struct xen_sysctl_meminfo mem = { heap_total_pages() * PAGE_SIZE, heap_free_pages() * PAGE_SIZE };
	const uint32_t distance = NODE_DISTANCE;
	uint64_t mem_at = (uint64_t)n->meminfo.p, distance_at = (uint64_t)n->distance.p;

	if (n->num_nodes && mem_at && copy_to_guest(mem_at, &mem, sizeof(mem)))
		return -EFAULT;
	if (n->num_nodes && distance_at && copy_to_guest(distance_at, &distance, sizeof(distance)))
		return -EFAULT;
	if ((!mem_at && !distance_at) || n->num_nodes > 1)
		n->num_nodes = 1;
	return 0;
}

/* ---- Domains and scheduling ---- */

static long sysctl_domain_list(struct xen_sysctl *op)
{
	struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
	uint64_t to = (uint64_t)l->buffer.p;
	uint32_t n = 0, id = l->first_domain;

	for (; n < l->max_domains && id < DOMID_FIRST_RESERVED; n++) {
		struct xen_domctl_getdomaininfo info;

		if (ctl_domain_info(id, &info))
			break;
		if (copy_to_guest(to + n * sizeof(info), &info, sizeof(info)))
			return -EFAULT;
		id = info.domain + 1U;
	}
	l->num_domains = n;
	return 0;
}

static long sysctl_sched_id(struct xen_sysctl *op)
{
	op->u.sched_id.sched_id = scheduler->abi_id;
	return 0;
}

static long sysctl_scheduler(struct xen_sysctl *op)
{
	struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;

	if (s->cpupool_id != POOL)
		return -ESRCH;
	if (s->sched_id != scheduler->abi_id || !scheduler->adjust_global)
		return -EINVAL;
	return scheduler->adjust_global(s);
}

static uint32_t domains_count(void)
{
	struct domain *d;
	uint32_t n = 0;

	spin_lock(&domain_list_lock);
	list_for_each(d, &domain_list, link)
		n++;
	spin_unlock(&domain_list_lock);
	return n;
}

static long pool_info(struct xen_sysctl_cpupool_op *p)
{
	if (p->cpupool_id != POOL && p->cpupool_id != XEN_SYSCTL_CPUPOOL_PAR_ANY)
		return -ENOENT;
	p->cpupool_id = POOL;
	p->sched_id = scheduler->abi_id;
	p->n_dom = domains_count();
	return ctl_bitmap_put(&p->cpumap, cpu_online.bits, cpu_count);
}

static long sysctl_cpupool(struct xen_sysctl *op)
{
	struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;
	const struct cpumask none = { { 0 } };

	switch (p->op) {
	case XEN_SYSCTL_CPUPOOL_OP_INFO:
		return pool_info(p);
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		return ctl_bitmap_put(&p->cpumap, none.bits, cpu_count);
	default:			/* no other pool can be made, and this one is all there is */
		return -EOPNOTSUPP;
	}
}

static long sysctl_trace(struct xen_sysctl *op) { return trace_op(&op->u.tbuf_op); }
static long sysctl_perf(struct xen_sysctl *op) { return perf_op(&op->u.perfc_op); }

static const struct sysctl_op sysctl_ops[] = {
	{ XEN_SYSCTL_readconsole, sysctl_read_console, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_tbuf_op, sysctl_trace, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_perfc_op, sysctl_perf, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_physinfo, sysctl_physinfo, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_sched_id, sysctl_sched_id, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_getdomaininfolist, sysctl_domain_list, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_debug_keys, sysctl_debug_keys },
	{ XEN_SYSCTL_getcpuinfo, sysctl_cpu_info, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_availheap, sysctl_avail_heap, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_numainfo, sysctl_numa_info, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_cpupool_op, sysctl_cpupool, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_scheduler_op, sysctl_scheduler, SYSCTL_COPY_BACK },
	{ 0 },
};

static const struct sysctl_op *sysctl_find(uint32_t cmd)
{
	const struct sysctl_op *const tables[] = { sysctl_ops, arch_sysctl_ops };

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct sysctl_op *row = tables[i]; row->handler; row++)
			if (row->cmd == cmd)
				return row;
	return NULL;
}

/* arg: xen_sysctl */
long hcall_sysctl(const uint64_t arg[6])
{
	static uint64_t told[CTL_TOLD_WORDS];
	const struct sysctl_op *row;
	struct xen_sysctl op;
	long rc;

	if (copy_from_guest(&op, arg[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	row = sysctl_find(op.cmd);
	if (!row)
		return ctl_unknown("sysctl", told, op.cmd);
	rc = row->handler(&op);
	if (rc >= 0 && row->flags & SYSCTL_COPY_BACK && copy_to_guest(arg[0], &op, sizeof(op)))
		rc = -EFAULT;
	return rc;
}
