/* SYSCTL_* that are about x86: CPUs, their places, their features. */
#include "arch.h"
#include "cpu_features.h"
#include "cpu_policy.h"
#include "ctl.h"
#include "errno.h"
#include "guest.h"
#include "hypercall.h"
#include "pci.h"
#include "smp.h"
#include "string.h"
#include "time.h"
#include "topology.h"

#define PCI_VENDOR 0			/* 0xffff: nothing there (PCI 3.0 6.2.1) */

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
	struct cpu_topology t;
	uint32_t words[FEATURE_WORDS];

	topology_here(&t);
	info->threads_per_core = t.threads;
	info->cores_per_socket = t.cores;
	info->cpu_khz = tsc_hz / 1000;
	features_host(words);
	memcpy(info->hw_cap, words, sizeof(info->hw_cap));
}

static struct xen_sysctl_cputopo cpu_place(unsigned int cpu)
{
	struct cpu_topology t;

	if (!cpumask_test(&cpu_online, cpu))
		return (struct xen_sysctl_cputopo){ XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID, XEN_INVALID_NODE_ID };
	topology_of(cpu, &t);
	return (struct xen_sysctl_cputopo){ t.core, t.package, 0 };
}

/* Without a buffer: how many CPUs there are. */
static long sysctl_cpu_topology(struct xen_sysctl *op)
{
	struct xen_sysctl_cputopoinfo *i = &op->u.cputopoinfo;
	uint64_t to = (uint64_t)i->cputopo.p;

	if (to)
		for (unsigned int cpu = 0; cpu < MIN(i->num_cpus, cpu_count); cpu++) {
			struct xen_sysctl_cputopo place = cpu_place(cpu);

			if (copy_to_guest(to + cpu * sizeof(place), &place, sizeof(place)))
				return -EFAULT;
		}
	if (!to || i->num_cpus > cpu_count)
		i->num_cpus = cpu_count;
	return 0;
}

/* All devices are near the one node there is. */
static long sysctl_pci_topology(struct xen_sysctl *op)
{
	struct xen_sysctl_pcitopoinfo *i = &op->u.pcitopoinfo;

	for (uint32_t n = 0; n < i->num_devs; n++) {
		physdev_pci_device_t dev;
		uint32_t node = 0;

		if (copy_from_guest(&dev, (uint64_t)i->devs.p + n * sizeof(dev), sizeof(dev)))
			return -EFAULT;
		if (pci_config_read(dev.seg, dev.bus << 8 | dev.devfn, PCI_VENDOR, 2) == 0xffff)
			node = XEN_INVALID_DEV;
		if (copy_to_guest((uint64_t)i->nodes.p + n * sizeof(node), &node, sizeof(node)))
			return -EFAULT;
		if (n + 1 < i->num_devs && hypercall_should_yield()) {	/* the caller asks for the rest */
			i->num_devs = n + 1;
			break;
		}
	}
	return 0;
}

static long sysctl_levelling(struct xen_sysctl *op)
{
	op->u.cpu_levelling_caps.caps = 0;	/* what user space's CPUID says can't be changed */
	return 0;
}

static long sysctl_featureset(struct xen_sysctl *op)
{
	struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
	uint64_t to = (uint64_t)f->features.p;
	uint32_t words[FEATURE_WORDS], room = f->nr_features;

	switch (f->index) {
	case XEN_SYSCTL_cpu_featureset_raw:
	case XEN_SYSCTL_cpu_featureset_host:
		features_host(words);
		break;
	case XEN_SYSCTL_cpu_featureset_pv:
	case XEN_SYSCTL_cpu_featureset_pv_max:
		features_pv(words);
		break;
	case XEN_SYSCTL_cpu_featureset_hvm:
	case XEN_SYSCTL_cpu_featureset_hvm_max:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	f->nr_features = FEATURE_WORDS;
	if (!to)
		return 0;
	if (copy_to_guest(to, words, MIN(room, (uint32_t)FEATURE_WORDS) * sizeof(words[0])))
		return -EFAULT;
	f->nr_features = MIN(room, (uint32_t)FEATURE_WORDS);
	return room < FEATURE_WORDS ? -ENOBUFS : 0;
}

static long sysctl_policy(struct xen_sysctl *op)
{
	static policy_source *const sources[] = {
		[XEN_SYSCTL_cpu_policy_raw] = policy_of_cpu,
		[XEN_SYSCTL_cpu_policy_host] = policy_of_cpu,
		[XEN_SYSCTL_cpu_policy_pv_max] = pv_default_cpuid,
		[XEN_SYSCTL_cpu_policy_pv_default] = pv_default_cpuid,
		[XEN_SYSCTL_cpu_policy_hvm_default] = NULL,
	};
	struct xen_sysctl_cpu_policy *c = &op->u.cpu_policy;

	if (c->_rsvd || c->index >= ARRAY_SIZE(sources))
		return -EINVAL;
	if (!sources[c->index])
		return -EOPNOTSUPP;
	return policy_write(NULL, sources[c->index], (uint64_t)c->leaves.p, &c->nr_leaves,
			    (uint64_t)c->msrs.p, &c->nr_msrs);
}

static long sysctl_cpu_hotplug(struct xen_sysctl *op)
{
	uint32_t cpu = op->u.cpu_hotplug.cpu;

	if (op->u.cpu_hotplug.op > XEN_SYSCTL_CPU_HOTPLUG_OFFLINE)
		return -EOPNOTSUPP;
	if (cpu >= cpu_count || !cpus[cpu])
		return -EINVAL;
	if (op->u.cpu_hotplug.op == XEN_SYSCTL_CPU_HOTPLUG_ONLINE)
		return smp_start_cpu(cpus[cpu]);
	return cpumask_test(&cpu_online, cpu) ? smp_stop_cpu(cpus[cpu]) : 0;
}

const struct sysctl_op arch_sysctl_ops[] = {
	{ XEN_SYSCTL_cputopoinfo, sysctl_cpu_topology, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_pcitopoinfo, sysctl_pci_topology, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_get_cpu_levelling_caps, sysctl_levelling, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_get_cpu_featureset, sysctl_featureset, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_get_cpu_policy, sysctl_policy, SYSCTL_COPY_BACK },
	{ XEN_SYSCTL_cpu_hotplug, sysctl_cpu_hotplug },
	{ 0 },
};
