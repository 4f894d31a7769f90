#include "xenstore/quota.h"

#include <errno.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenstore/heap.h"
#include "xenstore/roots.h"

static const struct {
	const char *name;
	uint32_t value;
	const char *help;
} quotas[QUOTA_COUNT] = {
	[QUOTA_NODES] = { "nodes", 1000, "nodes that a domain owns" },
	[QUOTA_WATCHES] = { "watches", 128, "watches per domain" },
	[QUOTA_TRANSACTIONS] = { "transactions", 10, "open transactions per domain" },
	[QUOTA_OUTSTANDING] = { "outstanding", 20, "replies that a domain has not taken" },
	[QUOTA_TRANSACTION_NODES] = { "transaction-nodes", 1024, "nodes in one transaction" },
	[QUOTA_MEMORY] = { "memory", 2560 * 1024, "bytes held for a domain" },
	[QUOTA_NODE_PERMISSIONS] = { "permissions", 5, "permissions of a node" },
	[QUOTA_NODE_SIZE] = { "node-size", 2048, "bytes of a node's value" },
	[QUOTA_PATH_MAX] = { "path-max", XENSTORE_ABS_PATH_MAX, "bytes of an absolute path" },
	[QUOTA_SOFT_MEMORY] = { "soft-memory", 2048 * 1024, "bytes that earn a warning" },
};

static uint32_t *common;	/* QUOTA_COUNT words in the heap */

const char *quota_name(enum quota q)
{
	return quotas[q].name;
}

const char *quota_help(enum quota q)
{
	return quotas[q].help;
}

int quota_find(const char *name)
{
	for (int q = 0; q < QUOTA_COUNT; q++)
		if (!strcmp(quotas[q].name, name))
			return q;
	return -ENOENT;
}

int quota_open(bool fresh)
{
	uint64_t *root = heap_root(ROOT_LIMITS);
	uint32_t ref = (uint32_t)*root;

	if (fresh) {
		ref = heap_alloc(QUOTA_COUNT * sizeof(*common));
		if (!ref)
			return -ENOMEM;
		for (int q = 0; q < QUOTA_COUNT; q++)
			((uint32_t *)heap_at(ref))[q] = quotas[q].value;
		heap_touch(root, sizeof(*root));
		*root = ref;
	}
	common = heap_at(ref);
	return heap_valid(ref, QUOTA_COUNT * sizeof(*common)) ? 0 : -EINVAL;
}

bool quota_mark(void)
{
	return heap_mark(heap_ref(common), QUOTA_COUNT * sizeof(*common));
}

uint32_t quota_common(enum quota q)
{
	return common[q];
}

void quota_common_set(enum quota q, uint32_t limit)
{
	heap_touch(&common[q], sizeof(*common));
	common[q] = limit;
}
