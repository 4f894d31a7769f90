/*
 * dirs.h - directories that are made when they are first needed.
 */
#ifndef XEND_DIRS_H
#define XEND_DIRS_H

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* The directory for root alone, those above it for all to see; each may be there.  0 or -errno. */
static inline int dirs_make(const char *dir)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, len + 1);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

#endif
