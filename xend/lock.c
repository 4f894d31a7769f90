/* Pid files that are locked while their daemon lives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "xend/lock.h"

#define LOCK_STEP_MS 20

static int lock_wait(int fd, int wait_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000L };

	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wait_ms <= 0)
			return -EBUSY;
		nanosleep(&step, NULL);
		wait_ms -= LOCK_STEP_MS;
	}
}

static int lock_write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

int lock_take(const char *path, int wait_ms)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int rc;

	if (fd < 0)
		return -errno;
	rc = lock_wait(fd, wait_ms);
	if (rc == 0)
		rc = lock_write_pid(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int lock_is_held(const char *path, pid_t *pid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[16] = "";
	int held;

	if (fd < 0)
		return -errno;
	/* Shared, so that two that only ask don't see each other. */
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (read(fd, text, sizeof text - 1) < 0)
		text[0] = '\0';
	if (pid)
		*pid = atoi(text);
	close(fd);
	return held;
}
