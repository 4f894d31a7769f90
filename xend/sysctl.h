/*
 * What a toolstack may ask of the whole machine: typed wrappers over XEN_SYSCTL_* and
 * xen_version.  Each returns 0 (or a count) or the hypervisor's -errno.  Relies on hyp.
 */
#ifndef XEND_SYSCTL_H
#define XEND_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/hyp.h"
#include <xen/version.h>

int sysctl_physinfo(struct hyp *h, struct xen_sysctl_physinfo *info);

/* All domains, ascending: *list is malloc()ed and the caller's to free(); returns how many. */
int sysctl_domains_all(struct hyp *h, struct xen_domctl_getdomaininfo **list);

/* Topology: arrays of `max` entries; each returns how many were written.  A node's distances
 * (null: not wanted) are `max` times `max`, row by row. */
int sysctl_cpu_topology(struct hyp *h, struct xen_sysctl_cputopo *cpus, unsigned int max);
int sysctl_numa(struct hyp *h, struct xen_sysctl_meminfo *nodes, uint32_t *distance,
		unsigned int max);

/*
 * The console ring: up to `size` bytes from *index on, which moves along; returns how many.
 * `incremental` false starts at the oldest byte that is there; `clear` empties the ring.
 */
int sysctl_console_read(struct hyp *h, char *buf, size_t size, uint32_t *index, bool clear,
			bool incremental);
int sysctl_debug_keys(struct hyp *h, const char *keys);

int sysctl_sched_id(struct hyp *h, uint32_t *sched_id);

/* Pools of processors.  `cpus` is a bitmap of `bytes` bytes, or null where a pool is asked for. */
struct sysctl_pool {
	uint32_t id, sched_id, domains;
};
/* The first pool whose id is at least `id`; -ENOENT: none. */
int sysctl_pool_info(struct hyp *h, uint32_t id, struct sysctl_pool *pool, uint8_t *cpus,
		     size_t bytes);
int sysctl_pool_free_cpus(struct hyp *h, uint8_t *cpus, size_t bytes);

/* xen_version: the text and number sub-operations. */
struct sysctl_version {
	unsigned int major, minor;
	xen_extraversion_t extra;
	struct xen_compile_info compile;
	xen_capabilities_info_t capabilities;
	xen_changeset_info_t changeset;
	xen_commandline_t commandline;
	uint64_t virt_start;
	uint32_t page_size;
};
int sysctl_version(struct hyp *h, struct sysctl_version *v);

#endif
