/*
 * save.h - writes a suspended PV domain as a stream (stream.h).
 *
 * The domain has shut down with reason "suspend" and stays so; nothing about it is changed.  What
 * the guest says of itself (its p2m, its page tables) is believed as far as the hypervisor
 * confirms that the frames are its own.
 */
#ifndef XEND_SAVE_H
#define XEND_SAVE_H

#include <stdint.h>

#include "xend/fault.h"

struct hyp;

struct save {
	uint16_t domid;
	int fd;				/* where to; a file, a pipe or a socket */
	/* Called now and then (null: never); nonzero ends it with -ECANCELED. */
	int (*progress)(void *ctx, const char *phase, uint64_t done, uint64_t total);
	void *ctx;
};

/* 0: all is written.  -errno with f said: what was written is of no use. */
int save_domain(struct hyp *h, const struct save *s, struct fault *f);

/* Let a suspended domain go on where it is, as if it had not been suspended. */
int save_let_go(struct hyp *h, uint16_t domid);

#endif
