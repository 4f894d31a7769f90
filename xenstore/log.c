#include "xenstore/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *program;
	const char *path;
	enum log_level level;
	int fd;
	enum log_style style;
	long long size, limit;		/* bytes; limit 0: none */
	unsigned int files;		/* old ones that are kept */
	pid_t owner;			/* children append, and never rotate */
} logger = { "xylem", NULL, LOG_LEVEL_INFO, STDERR_FILENO };

static const char *const level_name[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *const level_word[] = {	/* in xend's words */
	[LOG_LEVEL_ERROR] = "ERROR",
	[LOG_LEVEL_WARN] = "WARNING",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_DEBUG] = "DEBUG",
};

int log_reopen(void)
{
	struct stat st;
	int fd;

	if (!logger.path)
		return 0;
	fd = open(logger.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return -errno;
	if (logger.fd != STDERR_FILENO)
		close(logger.fd);
	logger.fd = fd;
	logger.owner = getpid();
	logger.size = fstat(fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

void log_set_style(enum log_style style)
{
	logger.style = style;
}

void log_set_limit(long long bytes, unsigned int files)
{
	logger.limit = bytes;
	logger.files = files;
}

/* path becomes path.1, path.1 becomes path.2 …; the oldest goes. */
static void log_rotate(void)
{
	char from[512], to[512];

	for (unsigned int i = logger.files; i > 0; i--) {
		int n = snprintf(to, sizeof(to), "%s.%u", logger.path, i);
		int m = i > 1 ? snprintf(from, sizeof(from), "%s.%u", logger.path, i - 1)
			      : snprintf(from, sizeof(from), "%s", logger.path);

		if (n < 0 || m < 0 || (size_t)n >= sizeof(to) || (size_t)m >= sizeof(from))
			return;
		rename(from, to);
	}
	log_reopen();
}

int log_open(const char *program, const char *path, enum log_level level)
{
	logger.program = program;
	logger.path = path;
	logger.level = level;
	return log_reopen();
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

enum log_level log_get_level(void)
{
	return logger.level;
}

/* What stands before the text; how many bytes. */
static size_t log_head(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	size_t n;
	int k;

	clock_gettime(CLOCK_REALTIME, &now);
	if (logger.style == LOG_STYLE_XEND) {
		localtime_r(&now.tv_sec, &tm);
		n = strftime(line, size, "[%Y-%m-%d %H:%M:%S", &tm);
		k = snprintf(line + n, size - n, " %d] %s (%s) ", (int)getpid(),
			     level_word[level], logger.program);
	} else {
		gmtime_r(&now.tv_sec, &tm);
		n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
		k = snprintf(line + n, size - n, ".%03ldZ %s: %s: ", now.tv_nsec / 1000000,
			     logger.program, level_name[level]);
	}
	return k < 0 ? n : n + (size_t)k;
}

/* One write() per line, so that lines of two processes don't mix. */
static void log_line(enum log_level level, int err, const char *fmt, va_list ap)
{
	char line[1024];
	size_t n;
	int k;

	if (level > logger.level)
		return;
	n = log_head(line, sizeof(line), level);
	k = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	n = k < 0 ? n : n + k;
	if (err && n < sizeof(line))
		n += snprintf(line + n, sizeof(line) - n, ": %s", strerror(err));
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';
	/* There is nobody left to tell when the log itself fails. */
	if (write(logger.fd, line, n) < 0)
		return;
	logger.size += (long long)n;
	if (logger.limit && logger.size >= logger.limit && logger.path && logger.owner == getpid())
		log_rotate();
}

#define LOG_AT(level, err) do { \
	va_list ap; \
	va_start(ap, fmt); \
	log_line(level, err, fmt, ap); \
	va_end(ap); \
} while (0)

void log_error(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR, 0);
}

void log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARN, 0);
}

void log_info(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO, 0);
}

void log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG, 0);
}

int log_errno(const char *fmt, ...)
{
	int err = errno;

	LOG_AT(LOG_LEVEL_ERROR, err);
	return -err;
}

int log_rc(int rc, const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR, rc < 0 ? -rc : 0);
	return rc;
}
