/* control.h - XS_CONTROL: what an administrator may ask and set; xenstore-control(8). */
#ifndef XENSTORE_CONTROL_H
#define XENSTORE_CONTROL_H

#include <stddef.h>

struct buf;
struct conn;

/*
 * Run the command in the n strings.  0 with the answer's text in out, or -errno.  What it
 * changes is part of the batch.
 */
int control_run(struct conn *c, const char *const *arg, size_t n, struct buf *out);

#endif
