/*
 * launch.h - from a configuration to a domain that runs: builds it, writes its nodes, introduces
 * it, marks it complete, lets it go.  Runs in a worker.
 *
 * The order is what makes a crash harmless.  The hypervisor knows the domain by its UUID from
 * the first moment; the nodes and the mark come in one transaction; whatever has the UUID but
 * not the mark is half-built, and reap_uuid() takes it down.
 */
#ifndef XEND_LAUNCH_H
#define XEND_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include "xend/config.h"
#include "xend/fault.h"
#include "xend/worker.h"

struct launch {
	const struct config *config;
	const struct sxp *source;	/* the same as an expression, kept for restarts */
	uint8_t uuid[16];
	bool stay_paused;
	unsigned restarts;		/* how often it was restarted before */
};

/* What can be refused before anything is made: builder, kernel and ramdisk files, devices that
 * are not available.  0 or -errno with f said. */
int launch_check(const struct config *c, struct fault *f);

/* 0: it runs (or is paused, as asked) and *domid is its number.  On failure nothing is left. */
int launch_domain(struct workshop *w, const struct launch *l, int *domid, struct fault *f);

/* The same from a saved state (stream.h) that begins where fd stands.  commit() is called when all is
 * there and before it runs: once it has given 0 the domain stays, even if it can't be let go. */
int launch_restore(struct workshop *w, const struct launch *l, int fd,
		   int (*commit)(void *ctx, struct fault *f), void *ctx, int *domid, struct fault *f);

#endif
