#include "xend/image_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "xend/dirs.h"

#define CACHE_SUFFIX ".kernel"
#define CACHE_TEMP ".new-"		/* .new-<pid>: being written */
#define CACHE_TEMP_AGE_S 3600		/* older ones were left by a crash */
#define CACHE_CHUNK (256 * 1024)
#define PAGE 4096UL

static void cache_name(char *buf, size_t size, const struct image_key *k)
{
	snprintf(buf, size, "%lx-%lx-%lx-%lx-%lx" CACHE_SUFFIX, k->dev, k->inode, k->size,
		 k->mtime_ns, k->ctime_ns);
}

static int cache_open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A file that anybody but us could have written is not ours. */
static int cache_trusted(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return -ENOENT;
	return 0;
}

int image_cache_find(const char *dir, const struct image_key *key)
{
	char name[NAME_MAX];
	int dirfd = cache_open_dir(dir), fd;

	if (dirfd < 0)
		return -ENOENT;
	cache_name(name, sizeof(name), key);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	close(dirfd);
	if (fd < 0)
		return -ENOENT;
	if (cache_trusted(fd) < 0) {
		close(fd);
		return -ENOENT;
	}
	futimens(fd, NULL);		/* last use; if that fails it only looks older */
	return fd;
}

void image_cache_drop(const char *dir, const struct image_key *key)
{
	char name[NAME_MAX];
	int dirfd = cache_open_dir(dir);

	if (dirfd < 0)
		return;
	cache_name(name, sizeof(name), key);
	unlinkat(dirfd, name, 0);
	close(dirfd);
}

static int cache_write(int fd, const uint8_t *data, size_t len, uint64_t to)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)to);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		data += n;
		to += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Page by page, so that zeros stay holes. */
static int cache_write_chunk(int fd, const uint8_t *data, size_t len, uint64_t to)
{
	static const uint8_t zeros[PAGE];
	int rc = 0;

	for (size_t done = 0, n; done < len && !rc; done += n) {
		n = len - done < PAGE ? len - done : PAGE;
		if (memcmp(data + done, zeros, n))
			rc = cache_write(fd, data + done, n, to + done);
	}
	return rc;
}

static int cache_copy(int from, int to)
{
	uint8_t *buf = malloc(CACHE_CHUNK);
	uint64_t pos = 0;
	ssize_t n = 1;
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	while (!rc && n > 0) {
		n = pread(from, buf, CACHE_CHUNK, (off_t)pos);
		if (n < 0)
			rc = -errno;
		else
			rc = cache_write_chunk(to, buf, (size_t)n, pos);
		pos += n > 0 ? (uint64_t)n : 0;
	}
	if (!rc && ftruncate(to, (off_t)pos) < 0)
		rc = -errno;
	if (!rc && fdatasync(to) < 0)
		rc = -errno;
	free(buf);
	return rc;
}

struct cache_entry {
	char name[NAME_MAX + 1];
	uint64_t bytes;
	struct timespec used;
};

static int cache_older(const void *a, const void *b)
{
	const struct cache_entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static bool cache_is_entry(const char *name)
{
	size_t len = strlen(name), tail = strlen(CACHE_SUFFIX);

	return len > tail && !strcmp(name + len - tail, CACHE_SUFFIX);
}

/* Collect the entries (at most `max`), removing what crashes have left. */
static size_t cache_scan(DIR *d, struct cache_entry *list, size_t max)
{
	struct dirent *de;
	struct stat st;
	size_t n = 0;

	while (n < max && (de = readdir(d))) {
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!strncmp(de->d_name, CACHE_TEMP, strlen(CACHE_TEMP)) &&
		    st.st_mtime < time(NULL) - CACHE_TEMP_AGE_S)
			unlinkat(dirfd(d), de->d_name, 0);
		if (!cache_is_entry(de->d_name))
			continue;
		snprintf(list[n].name, sizeof(list[n].name), "%s", de->d_name);
		list[n].bytes = (uint64_t)st.st_blocks * 512;
		list[n].used = st.st_mtim;
		n++;
	}
	return n;
}

/* Remove the least recently used entries until at most `max` bytes are left. */
static void cache_shrink(int dirfd, uint64_t max)
{
	enum { ENTRIES = 256 };
	struct cache_entry *list = calloc(ENTRIES, sizeof(*list));
	int fd = dup(dirfd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t total = 0;
	size_t n = 0;

	if (!d && fd >= 0)
		close(fd);
	if (d && list) {
		rewinddir(d);
		n = cache_scan(d, list, ENTRIES);
		qsort(list, n, sizeof(*list), cache_older);
	}
	for (size_t i = 0; i < n; i++)
		total += list[i].bytes;
	for (size_t i = 0; i < n && total > max; i++) {
		unlinkat(dirfd, list[i].name, 0);
		total -= list[i].bytes;
	}
	if (d)
		closedir(d);
	free(list);
}

/* Write it under a temporary name, then give it its own: a half-written one is never found. */
static int cache_store(int dirfd, const char *name, int from)
{
	char temp[64];
	int fd, rc;

	snprintf(temp, sizeof(temp), CACHE_TEMP "%d", getpid());
	unlinkat(dirfd, temp, 0);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = cache_copy(from, fd);
	close(fd);
	if (!rc && renameat(dirfd, temp, dirfd, name) < 0)
		rc = -errno;
	if (rc)
		unlinkat(dirfd, temp, 0);
	return rc;
}

int image_cache_put(const struct image *img, const char *cache_dir, uint64_t max)
{
	char name[NAME_MAX];
	int rc, dirfd;

	if (img->fd < 0)
		return -EBADF;
	if (img->cached)
		return 0;
	if (img->size > max)
		return -EFBIG;
	rc = dirs_make(cache_dir);
	if (rc)
		return rc;
	dirfd = cache_open_dir(cache_dir);
	if (dirfd < 0)
		return dirfd;
	cache_name(name, sizeof(name), &img->key);
	rc = cache_store(dirfd, name, img->fd);
	if (!rc)
		cache_shrink(dirfd, max);
	close(dirfd);
	return rc;
}
