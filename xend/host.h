/*
 * host.h - what the machine and its hypervisor are: the facts of `xm info`, read straight from
 * the hypervisor.  Plain data once read.
 */
#ifndef XEND_HOST_H
#define XEND_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/utsname.h>

#include "xend/sysctl.h"

struct hyp;

#define HOST_CPUS_MAX 1024
#define HOST_NODES_MAX 64

struct host {
	struct utsname uts;		/* of dom0's kernel */
	struct xen_sysctl_physinfo phys;
	struct sysctl_version version;
	uint32_t sched_id;
	unsigned cpus, nodes;		/* entries below */
	struct xen_sysctl_cputopo cpu[HOST_CPUS_MAX];
	struct xen_sysctl_meminfo node[HOST_NODES_MAX];	/* bytes */
	uint32_t distance[HOST_NODES_MAX * HOST_NODES_MAX];	/* nodes x nodes, row by row */
	unsigned free_cpus;		/* in no pool */
};

/* Malloc()ed, the caller's to free().  0 or -errno. */
int host_read(struct hyp *h, struct host **out);

#endif
