/*
 * log.h - one log per process: a file, or stderr.
 *
 * A line is "<UTC time> <program>: <level>: <text>", or, as xend's log has always been,
 * "[<local time> <pid>] <LEVEL> (<program>) <text>".  Nothing here allocates, so it may be used
 * when memory is short.  Not for signal handlers.
 */
#ifndef XENSTORE_LOG_H
#define XENSTORE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * Name the program and send the log to the file path (appended to, mode 0640), or to stderr if
 * path is NULL.  path is kept, not copied.  Returns 0 or -errno; then the log goes to stderr.
 */
int log_open(const char *program, const char *path, enum log_level level);

/* Open the file anew (after logrotate has moved it).  0 or -errno; then the old one stays. */
int log_reopen(void);

enum log_style { LOG_STYLE_PLAIN, LOG_STYLE_XEND };

void log_set_style(enum log_style style);

/* A file that reaches so many bytes is moved to path.1, older ones along to path.<files>.
 * 0 bytes (the default): the file is never moved. */
void log_set_limit(long long bytes, unsigned int files);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Log the text and what errno means, as an error.  Returns -errno. */
int log_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Log the text and what -rc means, as an error.  Returns rc. */
int log_rc(int rc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
