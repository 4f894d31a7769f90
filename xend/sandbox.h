/*
 * A child that parses hostile bytes: nothing open but what it was given, no rights, no new
 * files, processes or programs; it may compute, allocate, read and write.  Whatever else it
 * tries kills it.
 */
#ifndef XEND_SANDBOX_H
#define XEND_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

struct sandbox_limits {
	uint64_t memory;	/* bytes of address space more than now */
	uint64_t file;		/* bytes that a file may grow to */
	unsigned int cpu_s;	/* seconds of processor time */
};

/* In a freshly forked child: give up everything but the `n` descriptors in `keep` and stderr.
 * Returns 0, or -errno when the cage can't be closed: then the child must not go on. */
int sandbox_enter(const int *keep, size_t n, const struct sandbox_limits *limits);

#endif
