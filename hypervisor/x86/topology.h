/* Where a logical CPU sits: which package, core and thread, as CPUID tells. */
#ifndef HV_X86_TOPOLOGY_H
#define HV_X86_TOPOLOGY_H

struct cpu_topology {
	unsigned int package, core, thread;	/* core: within its package; thread: within its core */
	unsigned int cores, threads;		/* of a package; of a core */
};

void topology_here(struct cpu_topology *t);			/* of the CPU it runs on */
void topology_of(unsigned int cpu, struct cpu_topology *t);	/* of one that is online */

#endif
