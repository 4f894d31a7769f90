#include "xend/sysctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DOMAINS_STEP 256

int sysctl_physinfo(struct hyp *h, struct xen_sysctl_physinfo *info)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo };
	int rc = hyp_sysctl(h, &op);

	if (rc >= 0)
		*info = op.u.physinfo;
	return rc;
}

int sysctl_domains_all(struct hyp *h, struct xen_domctl_getdomaininfo **list)
{
	struct xen_domctl_getdomaininfo *all = NULL, *more;
	uint32_t first = 0;
	int n = 0, rc;

	do {
		more = realloc(all, ((size_t)n + DOMAINS_STEP) * sizeof(*all));
		if (!more) {
			free(all);
			return -ENOMEM;
		}
		all = more;
		rc = hyp_domain_list(h, first, DOMAINS_STEP, all + n);
		if (rc < 0) {
			free(all);
			return rc;
		}
		n += rc;
		if (rc)
			first = all[n - 1].domain + 1U;
	} while (rc == DOMAINS_STEP);
	*list = all;
	return n;
}

/* ---------------------------------------------------------------- topology */

int sysctl_cpu_topology(struct hyp *h, struct xen_sysctl_cputopo *cpus, unsigned int max)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cputopoinfo };
	xen_sysctl_cputopo_t *buf = hyp_buffer_new(h, max * sizeof(*buf) + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	op.u.cputopoinfo.num_cpus = max;
	set_xen_guest_handle(op.u.cputopoinfo.cputopo, buf);
	rc = hyp_sysctl(h, &op);
	if (rc >= 0) {
		rc = (int)(op.u.cputopoinfo.num_cpus < max ? op.u.cputopoinfo.num_cpus : max);
		memcpy(cpus, buf, (size_t)rc * sizeof(*buf));
	}
	hyp_buffer_free(h, buf);
	return rc;
}

/* The hypervisor packs the rows of the distances by its own number of nodes. */
static void numa_unpack(uint32_t *to, const uint32_t *from, unsigned int nodes, unsigned int max)
{
	for (unsigned int i = 0; i < nodes; i++)
		memcpy(to + (size_t)i * max, from + (size_t)i * nodes, nodes * sizeof(*to));
}

int sysctl_numa(struct hyp *h, struct xen_sysctl_meminfo *nodes, uint32_t *distance,
		unsigned int max)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_numainfo };
	xen_sysctl_meminfo_t *mem = hyp_buffer_new(h, max * sizeof(*mem) + 1);
	uint32_t *dist = hyp_buffer_new(h, (size_t)max * max * sizeof(*dist) + 1);
	int rc = -ENOMEM;

	if (mem && dist) {
		op.u.numainfo.num_nodes = max;
		set_xen_guest_handle(op.u.numainfo.meminfo, mem);
		if (distance)
			set_xen_guest_handle(op.u.numainfo.distance, dist);
		rc = hyp_sysctl(h, &op);
	}
	if (rc >= 0) {
		if (op.u.numainfo.num_nodes > max)
			rc = -ENOBUFS;
		else
			rc = (int)op.u.numainfo.num_nodes;
	}
	if (rc > 0) {
		memcpy(nodes, mem, (size_t)rc * sizeof(*mem));
		if (distance)
			numa_unpack(distance, dist, (unsigned int)rc, max);
	}
	hyp_buffer_free(h, mem);
	hyp_buffer_free(h, dist);
	return rc;
}

/* ----------------------------------------------------------------- console */

int sysctl_console_read(struct hyp *h, char *data, size_t size, uint32_t *index, bool clear,
			bool incremental)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_readconsole };
	char *buf = hyp_buffer_new(h, size + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	op.u.readconsole.clear = clear;
	op.u.readconsole.incremental = incremental;
	op.u.readconsole.index = *index;
	op.u.readconsole.count = (uint32_t)size;
	set_xen_guest_handle(op.u.readconsole.buffer, buf);
	rc = hyp_sysctl(h, &op);
	if (rc >= 0) {
		rc = (int)(op.u.readconsole.count < size ? op.u.readconsole.count : size);
		memcpy(data, buf, (size_t)rc);
		*index = op.u.readconsole.index;
	}
	hyp_buffer_free(h, buf);
	return rc;
}

int sysctl_debug_keys(struct hyp *h, const char *keys)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_debug_keys };
	size_t len = strlen(keys);
	char *buf = hyp_buffer_new(h, len + 1);
	int rc;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, keys, len);
	set_xen_guest_handle(op.u.debug_keys.keys, buf);
	op.u.debug_keys.nr_keys = (uint32_t)len;
	rc = hyp_sysctl(h, &op);
	hyp_buffer_free(h, buf);
	return rc;
}

/* --------------------------------------------------------- schedulers, pools */

int sysctl_sched_id(struct hyp *h, uint32_t *sched_id)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_sched_id };
	int rc = hyp_sysctl(h, &op);

	if (rc >= 0)
		*sched_id = op.u.sched_id.sched_id;
	return rc;
}

/* A pool operation, whose bitmap of processors comes back. */
static int pool_op(struct hyp *h, struct xen_sysctl_cpupool_op *pool, uint8_t *cpus,
		   size_t bytes)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cpupool_op };
	uint8_t *buf = hyp_buffer_new(h, bytes);
	int rc;

	if (!buf)
		return -ENOMEM;
	op.u.cpupool_op = *pool;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, buf);
	op.u.cpupool_op.cpumap.nr_bits = (uint32_t)(bytes * 8);
	rc = hyp_sysctl(h, &op);
	if (rc >= 0) {
		*pool = op.u.cpupool_op;
		memcpy(cpus, buf, bytes);
	}
	hyp_buffer_free(h, buf);
	return rc;
}

int sysctl_pool_info(struct hyp *h, uint32_t id, struct sysctl_pool *pool, uint8_t *cpus,
		     size_t bytes)
{
	struct xen_sysctl_cpupool_op op = { .op = XEN_SYSCTL_CPUPOOL_OP_INFO, .cpupool_id = id };
	uint8_t none[16] = { 0 };
	int rc = pool_op(h, &op, cpus ? cpus : none, cpus ? bytes : sizeof(none));

	if (rc >= 0)
		*pool = (struct sysctl_pool){ op.cpupool_id, op.sched_id, op.n_dom };
	return rc;
}

int sysctl_pool_free_cpus(struct hyp *h, uint8_t *cpus, size_t bytes)
{
	struct xen_sysctl_cpupool_op op = { .op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO };

	return pool_op(h, &op, cpus, bytes);
}

/* ----------------------------------------------------------------- version */

int sysctl_version(struct hyp *h, struct sysctl_version *v)
{
	struct xen_platform_parameters platform = { 0 };
	const struct {
		unsigned int cmd;
		void *to;
		size_t size;
	} parts[] = {
		{ XENVER_extraversion, v->extra, sizeof(v->extra) },
		{ XENVER_compile_info, &v->compile, sizeof(v->compile) },
		{ XENVER_capabilities, v->capabilities, sizeof(v->capabilities) },
		{ XENVER_changeset, v->changeset, sizeof(v->changeset) },
		{ XENVER_commandline, v->commandline, sizeof(v->commandline) },
		{ XENVER_platform_parameters, &platform, sizeof(platform) },
	};
	long rc = hyp_call(h, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);

	if (rc < 0)
		return (int)rc;
	memset(v, 0, sizeof(*v));
	v->major = (unsigned int)rc >> 16;
	v->minor = (unsigned int)rc & 0xffff;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		rc = hyp_xen_version(h, parts[i].cmd, parts[i].to, parts[i].size);
		if (rc < 0)
			return (int)rc;
	}
	rc = hyp_call(h, __HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0, 0);
	if (rc < 0)
		return (int)rc;
	v->page_size = (uint32_t)rc;
	v->virt_start = platform.virt_start;
	return 0;
}
