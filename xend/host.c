/* The machine and its hypervisor, as `xm info` shows them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/hyp.h"
#include "xend/host.h"

static int host_read_topology(struct hyp *h, struct host *host)
{
	int n = sysctl_cpu_topology(h, host->cpu, HOST_CPUS_MAX);

	if (n < 0)
		return n;
	host->cpus = (unsigned)n < HOST_CPUS_MAX ? (unsigned)n : HOST_CPUS_MAX;
	/* The matrix comes HOST_NODES_MAX wide; xm's tables want it as wide as there are nodes. */
	n = sysctl_numa(h, host->node, host->distance, HOST_NODES_MAX);
	if (n < 0)
		return n;
	host->nodes = (unsigned)n < HOST_NODES_MAX ? (unsigned)n : HOST_NODES_MAX;
	return 0;
}

static int host_read_pools(struct hyp *h, struct host *host)
{
	uint8_t map[HOST_CPUS_MAX / 8] = { 0 };
	int rc = sysctl_pool_free_cpus(h, map, sizeof map);

	for (size_t i = 0; i < HOST_CPUS_MAX; i++)
		host->free_cpus += map[i / 8] >> i % 8 & 1;
	return rc == -ENOSYS ? 0 : rc;
}

int host_read(struct hyp *h, struct host **out)
{
	struct host *host = calloc(1, sizeof *host);
	int rc;

	if (!host)
		return -ENOMEM;
	uname(&host->uts);
	rc = sysctl_physinfo(h, &host->phys);
	if (rc == 0)
		rc = sysctl_version(h, &host->version);
	if (rc == 0)
		rc = sysctl_sched_id(h, &host->sched_id);
	if (rc == 0)
		rc = host_read_topology(h, host);
	if (rc == 0)
		rc = host_read_pools(h, host);
	if (rc < 0) {
		free(host);
		return rc;
	}
	*out = host;
	return 0;
}
