/* What consoles said: on disk, bounded, and the end of it at hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "xend/conlog.h"

static int file_open(struct conlog *l)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (l->fd < 0)
		return -errno;
	l->size = fstat(l->fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

static void tail_add(struct conlog *l, const char *data, size_t n)
{
	if (n > CONLOG_TAIL_MAX) {
		data += n - CONLOG_TAIL_MAX;
		n = CONLOG_TAIL_MAX;
	}
	if (l->tail.len + n > CONLOG_TAIL_MAX)
		buf_consume(&l->tail, l->tail.len + n - CONLOG_TAIL_MAX);
	buf_add(&l->tail, data, n);
	l->tail.failed = false;		/* a hole in the tail is all that happens */
}

/* The daemon is new, the guest is not: what it said before is in the file. */
static void tail_load(struct conlog *l)
{
	char part[4096];
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return;
	if (l->size > CONLOG_TAIL_MAX / 4)
		lseek(fd, l->size - CONLOG_TAIL_MAX / 4, SEEK_SET);
	while ((n = read(fd, part, sizeof part)) > 0)
		tail_add(l, part, (size_t)n);
	close(fd);
}

int conlog_open(struct conlog *l, const char *dir, const char *file, bool has_timestamps,
		bool resume)
{
	int n, rc;

	*l = (struct conlog){ .fd = -1, .has_timestamps = has_timestamps, .at_line_start = true };
	if (!dir)
		return 0;
	n = snprintf(l->path, sizeof l->path, "%s/", dir);
	if (n < 0 || (size_t)n + strlen(file) >= sizeof l->path) {
		l->path[0] = '\0';
		return -ENAMETOOLONG;
	}
	for (; *file; file++)
		l->path[n++] = *file == '/' ? '_' : *file;
	l->path[n] = '\0';
	rc = file_open(l);
	if (rc == 0 && resume)
		tail_load(l);
	return rc;
}

static void rotate(struct conlog *l)
{
	char from[sizeof l->path + 8], to[sizeof l->path + 8];

	close(l->fd);
	for (int i = CONLOG_FILES; i > 0; i--) {
		snprintf(to, sizeof to, "%s.%d", l->path, i);
		if (i > 1)
			snprintf(from, sizeof from, "%s.%d", l->path, i - 1);
		else
			snprintf(from, sizeof from, "%s", l->path);
		rename(from, to);
	}
	file_open(l);
}

/* A full disk loses bytes of the record, never the console itself. */
static void file_write(struct conlog *l, const char *data, size_t n)
{
	while (n && l->fd >= 0) {
		ssize_t done = write(l->fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		data += done;
		n -= (size_t)done;
		l->size += done;
	}
	if (l->size >= CONLOG_FILE_MAX && l->fd >= 0)
		rotate(l);
}

static void stamp_write(struct conlog *l)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	file_write(l, text, strftime(text, sizeof text, "[%Y-%m-%d %H:%M:%S] ", &tm));
}

static void lines_write(struct conlog *l, const char *data, size_t n)
{
	while (n) {
		const char *end = memchr(data, '\n', n);
		size_t length = end ? (size_t)(end - data) + 1 : n;

		if (l->at_line_start)
			stamp_write(l);
		file_write(l, data, length);
		l->at_line_start = end != NULL;
		data += length;
		n -= length;
	}
}

void conlog_write(struct conlog *l, const char *data, size_t n)
{
	tail_add(l, data, n);
	if (l->fd < 0)
		return;
	if (l->has_timestamps)
		lines_write(l, data, n);
	else
		file_write(l, data, n);
}

int conlog_reopen(struct conlog *l)
{
	if (!l->path[0])
		return 0;
	if (l->fd >= 0)
		close(l->fd);
	return file_open(l);
}

void conlog_close(struct conlog *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_free(&l->tail);
}
