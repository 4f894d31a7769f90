/*
 * restore.h - builds a PV domain from a stream (stream.h), up to the point where unpausing it lets
 * it go on.  As build.h does from a kernel: nodes and devices are the caller's.
 */
#ifndef XEND_RESTORE_H
#define XEND_RESTORE_H

#include "xend/build.h"

/* `c` as for build_domain(); its memory is what may be needed at least, what the stream holds counts.
 * `fd` stands where the stream begins, and is left behind its end.  0: the domain is there, paused.
 * On failure nothing is left of it, and f says why. */
int restore_domain(struct hyp *h, const struct build_config *c, int fd, struct build_result *res,
		   struct fault *f);

#endif
