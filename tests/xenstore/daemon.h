/* A xenstored of the test's own, in a directory of its own. */
#ifndef TESTS_XENSTORE_DAEMON_H
#define TESTS_XENSTORE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
	const char *program;
	char dir[64];
	char socket[96];
	pid_t pid;
};

/* Make the directory, on memory where there is some.  Ends the test if it can't. */
void daemon_place(struct daemon *d, const char *program);
/* Start it and wait until its socket answers. */
void daemon_start(struct daemon *d, char *const *options);
void daemon_kill(struct daemon *d, int signal);
/* Kill it if it runs, and remove the directory. */
void daemon_remove(struct daemon *d);
/* A new connection's descriptor; -errno. */
int daemon_connect(const struct daemon *d);

/* One line of TAP. */
void tap(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The plan; returns the exit status. */
int tap_end(void);
/* Cannot go on. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
