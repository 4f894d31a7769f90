/*
 * loopdev.h - loop devices that can't leak.
 *
 * A device is bound to its file and told to let go of it with its last user, in one step.  While
 * the caller's descriptor is open it stays; once a back-end has opened it too, the descriptor may
 * be closed, and the device then lives as long as the back-end uses it.  Whoever dies on the way
 * takes it along.
 */
#ifndef XEND_LOOPDEV_H
#define XEND_LOOPDEV_H

#include <stdbool.h>

#define LOOPDEV_PATH 32

struct loopdev {
	int fd;				/* -1: none */
	char path[LOOPDEV_PATH];	/* /dev/loopN */
};

/* is_direct: past the page cache where the file system can do that.  0 or -errno: of opening the
 * file, or -ENODEV without loop devices. */
int loopdev_open(struct loopdev *l, const char *file, bool is_read_only, bool is_direct);
void loopdev_close(struct loopdev *l);

#endif
