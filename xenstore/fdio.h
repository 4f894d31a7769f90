/*
 * fdio.h - all of a run of bytes through a descriptor that blocks: what one call leaves over, the
 * next one takes.
 */
#ifndef XENSTORE_FDIO_H
#define XENSTORE_FDIO_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* How many bytes came, fewer than len only where the end was reached; or read(2)'s error negated. */
static inline ssize_t fdio_read(int fd, void *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)to + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* All len bytes: 0; read(2)'s error negated, or -EIO if the end comes first. */
static inline int fdio_read_all(int fd, void *to, size_t len)
{
	ssize_t n = fdio_read(fd, to, len);

	return n < 0 ? (int)n : (size_t)n == len ? 0 : -EIO;
}

/* 0; write(2)'s error negated, or -ENOSPC if nothing is taken. */
static inline int fdio_write(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

#endif
