#include "topology.h"
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "smp.h"

static unsigned int log2_up(unsigned int n)
{
	unsigned int log = 0;

	while (1U << log < n)
		log++;
	return log;
}

/* SDM 2A CPUID: leaf 1 EBX has the logical CPUs of a package, leaf 4 (Intel) or 0x80000008 (AMD) its cores. */
void topology_here(struct cpu_topology *t)
{
	struct cpuid v = cpuid(1, 0);
	unsigned int siblings = v.d & 1U << 28 ? v.b >> 16 & 0xff : 1, cores = 1, core_bits, thread_bits;
	unsigned int id = this_cpu()->arch.apic_id;

	if (!cpu_is_intel() && cpuid(0x80000000, 0).a >= 0x80000008)
		cores = (cpuid(0x80000008, 0).c & 0xff) + 1;
	else if (cpu_is_intel() && cpuid(0, 0).a >= 4)
		cores = (cpuid(4, 0).a >> 26) + 1;
	siblings = MAX(siblings, cores);
	core_bits = log2_up(siblings);
	thread_bits = log2_up(siblings / cores);
	t->cores = cores;
	t->threads = siblings / cores;
	t->package = id >> core_bits;
	t->core = (id & ((1U << core_bits) - 1)) >> thread_bits;
	t->thread = id & ((1U << thread_bits) - 1);
}

static void topology_call(void *data) { topology_here(data); }

void topology_of(unsigned int cpu, struct cpu_topology *t)
{
	struct cpumask one = { { 0 } };

	cpumask_set(&one, cpu);
	if (cpu == cpu_id())
		topology_here(t);
	else
		smp_call(&one, topology_call, t);
}
