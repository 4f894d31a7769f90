/*
 * HYPERVISOR_mca: what dom0's machine-check log asks (xen/arch-x86/xen-mca.h).  A machine check ends the
 * hypervisor (crash.c), and corrected errors are left in the banks, so there is never anything to fetch.
 */
#include "abi.h"
#include <xen/arch-x86/xen-mca.h>

#include "asm.h"
#include "cpu.h"
#include "domain.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "smp.h"
#include "string.h"
#include "topology.h"

#define MSR_MCG_CAP 0x179
#define VENDOR_INTEL 0			/* the ABI's numbers are those of Linux' <asm/processor.h> */
#define VENDOR_AMD 2
#define VENDOR_UNKNOWN 0xff

static uint32_t vendor_of(const char *id)
{
	return !memcmp(id, "GenuineIntel", 12) ? VENDOR_INTEL :
		!memcmp(id, "AuthenticAMD", 12) ? VENDOR_AMD : VENDOR_UNKNOWN;
}

static void describe_topology(struct mcinfo_logical_cpu *i)
{
	struct cpu_topology t;

	topology_here(&t);
	i->mc_ncores = i->mc_ncores_active = t.cores;
	i->mc_nthreads = t.threads;
	i->mc_chipid = t.package;
	i->mc_coreid = t.core;
	i->mc_threadid = t.thread;
}

static void cpu_describe(void *data)
{
	struct mcinfo_logical_cpu *i = data;
	struct cpuid id = cpuid(0, 0), v = cpuid(1, 0);

	memcpy(i->mc_vendorid, &id.b, 4);
	memcpy(i->mc_vendorid + 4, &id.d, 4);
	memcpy(i->mc_vendorid + 8, &id.c, 4);
	i->mc_vendor = vendor_of(i->mc_vendorid);
	i->mc_cpunr = cpu_id();
	i->mc_apicid = this_cpu()->arch.apic_id;
	i->mc_clusterid = ~0U;
	i->mc_cpuid_level = id.a;
	i->mc_family = v.a >> 8 & 15;
	i->mc_model = v.a >> 4 & 15;
	if (i->mc_family == 6 || i->mc_family == 15)
		i->mc_model |= v.a >> 12 & 0xf0;
	if (i->mc_family == 15)
		i->mc_family += v.a >> 20 & 0xff;
	i->mc_step = v.a & 15;
	i->mc_cpu_caps[0] = v.d;
	i->mc_cpu_caps[4] = v.c;
	i->mc_cache_alignment = (v.b >> 8 & 0xff) * 8;
	if (cpuid(0x80000000, 0).a >= 0x80000004)
		for (unsigned int leaf = 0; leaf < 3; leaf++) {
			struct cpuid name = cpuid(0x80000002 + leaf, 0);

			memcpy(i->mc_brandid + leaf * 16, &name, 16);
		}
	describe_topology(i);
	if (rdmsr_safe(MSR_MCG_CAP, &i->mc_msrvalues[0].value)) {
		i->mc_msrvalues[0].reg = MSR_MCG_CAP;
		i->mc_nmsrvals = 1;
	}
}

static void cpu_describe_on(unsigned int cpu, struct mcinfo_logical_cpu *i)
{
	struct cpumask one = { { 0 } };

	memset(i, 0, sizeof(*i));
	cpumask_set(&one, cpu);
	if (cpu == cpu_id())
		cpu_describe(i);
	else
		smp_call(&one, cpu_describe, i);
}

/* Without a buffer, how many there are; with one, so many as fit. */
static long mca_physcpuinfo(struct xen_mc *op)
{
	struct xen_mc_physcpuinfo *p = &op->u.mc_physcpuinfo;
	uint64_t to = (uint64_t)p->info.p;
	uint32_t room = to ? p->ncpus : 0, n = 0;
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online) {
		struct mcinfo_logical_cpu info;

		if (n >= room)
			break;
		cpu_describe_on(cpu, &info);
		if (copy_to_guest(to + n * sizeof(info), &info, sizeof(info)))
			return -EFAULT;
		n++;
	}
	p->ncpus = to ? n : cpumask_count(&cpu_online);
	return 0;
}

static long mca_fetch(struct xen_mc *op)
{
	op->u.mc_fetch.flags = XEN_MC_NODATA;
	op->u.mc_fetch.fetch_id = 0;
	return 0;
}

static const struct {
	uint32_t cmd;
	long (*handler)(struct xen_mc *op);
} mca_ops[] = {
	{ XEN_MC_fetch, mca_fetch },
	{ XEN_MC_physcpuinfo, mca_physcpuinfo },
};

long hcall_mca(const uint64_t arg[6])
{
	struct xen_mc op;
	long rc = -ENOSYS;

	if (copy_from_guest(&op, arg[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
		return -EACCES;
	for (unsigned int i = 0; i < ARRAY_SIZE(mca_ops); i++)
		if (mca_ops[i].cmd == op.cmd)
			rc = mca_ops[i].handler(&op);
	if (rc >= 0 && copy_to_guest(arg[0], &op, sizeof(op)))
		return -EFAULT;
	return rc;
}
