/*
 * feed.h - a saved state, read by a caged child and handed on in messages.
 *
 * The child (sandbox.h) takes the stream apart; what it passes on has few, fixed forms.  The parent,
 * which has the rights to build domains, checks each again as it would a stranger's.
 */
#ifndef XEND_FEED_H
#define XEND_FEED_H

#include <sys/types.h>

#include "xend/stream.h"

struct feed {
	pid_t pid;
	int fd;				/* messages come here */
	struct stream_limits limits;
	uint8_t *buf;
};

/* Start a child that reads `fd` from where it stands.  0, or -errno with f said. */
int feed_open(struct feed *feed, int fd, const struct stream_limits *limits, struct fault *f);
/* All of it to the sink, which may rely on what stream.h promises.  0 once END has come. */
int feed_run(struct feed *feed, const struct stream_sink *sink, struct fault *f);
/* Ends the child, if it is still there. */
void feed_close(struct feed *feed);

#endif
