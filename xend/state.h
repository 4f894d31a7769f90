/*
 * state.h - the file of a saved domain: what stands before its stream (stream.h).
 *
 * As xend has always written it: "LinuxGuestRecord", the length of the configuration (4 bytes,
 * big-endian), the configuration as an S-expression on one line.
 */
#ifndef XEND_STATE_H
#define XEND_STATE_H

#include "xend/fault.h"

#define STATE_SIGNATURE "LinuxGuestRecord"	/* without its NUL */

/* 0 or -errno with f said. */
int state_head_write(int fd, const char *config, struct fault *f);
/* fd then stands where the stream begins; *config, of which nothing has been checked, is the caller's
 * to free. */
int state_head_read(int fd, char **config, struct fault *f);

#endif
