/*
 * quota.h - the limits of a guest, by name and number.
 *
 * dom0 and the sockets have none.  A limit of 0 means no limit.
 */
#ifndef XENSTORE_QUOTA_H
#define XENSTORE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quota {
	QUOTA_NODES,
	QUOTA_WATCHES,
	QUOTA_TRANSACTIONS,
	QUOTA_OUTSTANDING,		/* messages that the guest has not taken yet */
	QUOTA_TRANSACTION_NODES,
	QUOTA_MEMORY,			/* bytes */
	QUOTA_NODE_PERMISSIONS,
	QUOTA_NODE_SIZE,		/* bytes of a value */
	QUOTA_PATH_MAX,			/* bytes of an absolute path */
	QUOTA_SOFT_MEMORY,		/* bytes: only a warning */
	QUOTA_COUNT
};

/* A domain's own value of a limit; QUOTA_DEFAULT: the common one. */
#define QUOTA_DEFAULT UINT32_MAX

const char *quota_name(enum quota q);
const char *quota_help(enum quota q);
/* The number of that name, or -ENOENT. */
int quota_find(const char *name);

/* The common limits hang on a heap root.  0 or -ENOMEM. */
int quota_open(bool fresh);
bool quota_mark(void);
uint32_t quota_common(enum quota q);
/* Touches the heap: commit. */
void quota_common_set(enum quota q, uint32_t limit);

static inline bool quota_exceeded(uint64_t n, uint32_t limit)
{
	return limit && n > limit;
}

#endif
