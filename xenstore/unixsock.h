/*
 * unixsock.h - stream sockets with a path in the file system, for daemons and their clients.
 */
#ifndef XENSTORE_UNIXSOCK_H
#define XENSTORE_UNIXSOCK_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A new socket, closed on exec, and in *a the address for the path.  flags: SOCK_NONBLOCK or 0.
 * -ENAMETOOLONG, or socket(2)'s errors negated. */
static inline int unixsock_new(const char *path, int flags, struct sockaddr_un *a)
{
	int fd;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	return fd < 0 ? -errno : fd;
}

/* Connected to whoever listens at the path; -errno. */
static inline int unixsock_connect(const char *path)
{
	struct sockaddr_un a;
	int fd = unixsock_new(path, 0, &a), rc;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

#endif
