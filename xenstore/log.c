#include "xenstore/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *program;
	const char *path;
	enum log_level level;
	int fd;
} logger = { "xylem", NULL, LOG_LEVEL_INFO, STDERR_FILENO };

static const char *const level_name[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

int log_reopen(void)
{
	int fd;

	if (!logger.path)
		return 0;
	fd = open(logger.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return -errno;
	if (logger.fd != STDERR_FILENO)
		close(logger.fd);
	logger.fd = fd;
	return 0;
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

/* One write() per line, so that lines of two processes don't mix. */
static void log_line(enum log_level level, int err, const char *fmt, va_list ap)
{
	char line[1024];
	struct timespec now;
	struct tm tm;
	size_t n;
	int k;

	if (level > logger.level)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n += snprintf(line + n, sizeof(line) - n, ".%03ldZ %s: %s: ", now.tv_nsec / 1000000,
		      logger.program, level_name[level]);
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
