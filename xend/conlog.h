/*
 * conlog.h - a console's record: a file that is bounded (rotated to .1, .2 …), and the last of
 * it in memory, for those who attach later.
 */
#ifndef XEND_CONLOG_H
#define XEND_CONLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "xenstore/buf.h"

#define CONLOG_FILE_MAX (1024 * 1024)	/* bytes of one file */
#define CONLOG_FILES 4			/* old ones that are kept */
#define CONLOG_TAIL_MAX (64 * 1024)	/* bytes kept in memory */

struct conlog {
	int fd;				/* -1: nothing is written to a file */
	char path[512];
	off_t size;
	bool has_timestamps, at_line_start;
	struct buf tail;
};

/* file: its name in dir, "guest-<name>.log"; slashes in it become underscores.  dir NULL: only
 * the tail is kept.  resume: what the file ends with is the tail to start from.
 * A file that can't be written is no error: -errno is given, and the tail works all the same. */
int conlog_open(struct conlog *l, const char *dir, const char *file, bool has_timestamps,
		bool resume);
void conlog_write(struct conlog *l, const char *data, size_t n);
/* Another program has moved the file away. */
int conlog_reopen(struct conlog *l);
void conlog_close(struct conlog *l);

#endif
