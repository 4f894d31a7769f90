/* Loop devices: a free one, bound to its file and marked to go by itself, in one ioctl. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xend/loopdev.h"

#define TRIES 64			/* others may be faster in taking the free one */

/* Takes device number n: 0, -EBUSY when somebody was faster, -errno. */
static int loopdev_take(struct loopdev *l, int n, const struct loop_config *wanted)
{
	struct loop_config config = *wanted;
	int rc;

	snprintf(l->path, sizeof l->path, "/dev/loop%d", n);
	l->fd = open(l->path, (config.info.lo_flags & LO_FLAGS_READ_ONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (l->fd < 0)
		return -errno;
	rc = ioctl(l->fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
	if (rc == -EINVAL && config.info.lo_flags & LO_FLAGS_DIRECT_IO) {
		config.info.lo_flags &= ~(unsigned)LO_FLAGS_DIRECT_IO;
		rc = ioctl(l->fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
	}
	if (rc < 0)
		loopdev_close(l);
	return rc;
}

static int loopdev_find(struct loopdev *l, const struct loop_config *config)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int rc = control < 0 ? -ENODEV : -EBUSY;

	for (int i = 0; i < TRIES && rc == -EBUSY; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		rc = n < 0 ? -errno : loopdev_take(l, n, config);
	}
	if (control >= 0)
		close(control);
	return rc;
}

int loopdev_open(struct loopdev *l, const char *file, bool is_read_only, bool is_direct)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	struct stat st;
	int fd = open(file, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	int rc;

	l->fd = -1;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	config.fd = (unsigned)fd;
	config.info.lo_flags |= is_read_only ? LO_FLAGS_READ_ONLY : 0;
	config.info.lo_flags |= is_direct ? LO_FLAGS_DIRECT_IO : 0;
	/* lo_file_name holds 63 bytes; the whole name is in sysfs's backing_file. */
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%.*s", LO_NAME_SIZE - 1, file);
	rc = loopdev_find(l, &config);
	close(fd);
	return rc;
}

void loopdev_close(struct loopdev *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
