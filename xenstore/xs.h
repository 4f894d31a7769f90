/*
 * xs.h - the client's side of XenStore.
 *
 * One struct xs is one connection, for one thread.  Calls block until the daemon has answered;
 * watch events that come in meanwhile are queued.  Every call returns 0 (or what it says) or
 * -errno: the daemon's own answer (ENOENT, EACCES, EAGAIN …), or -ENOTCONN once the connection
 * is lost.  A lost connection stays lost: close it and open another.
 *
 * Paths are absolute, or relative to the caller's /local/domain/<domid>.  t is a transaction
 * from xs_txn_start(), or XS_TXN_NONE.
 */
#ifndef XENSTORE_XS_H
#define XENSTORE_XS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XS_TXN_NONE 0u

struct xs;
struct loop;

enum xs_open_flags {
	XS_OPEN_SOCKET_ONLY = 1,	/* never /dev/xen/xenbus */
	XS_OPEN_READ_ONLY = 2,		/* the daemon's read-only socket */
};

struct xs_perm {
	uint32_t domid;
	char access;		/* 'n' none, 'r' read, 'w' write, 'b' both */
};

struct xs_event {
	char *path;		/* what changed; both live until xs_event_free() */
	char *token;
};

/*
 * Connect: the socket or device that XENSTORED_PATH names; else the daemon's socket
 * (XENSTORED_RUNDIR/socket, /run/xenstored/socket); else the kernel's /dev/xen/xenbus.
 */
int xs_open(struct xs **out, unsigned int flags);
void xs_close(struct xs *xs);

/* The socket of the daemon as the environment names it; the string is static. */
const char *xs_socket_path(bool read_only);

/* ----------------------------------------------------------------- nodes */

/* *value is malloc()ed and ends in a NUL that *len (may be NULL) does not count. */
int xs_read(struct xs *xs, uint32_t t, const char *path, char **value, size_t *len);
int xs_write(struct xs *xs, uint32_t t, const char *path, const void *value, size_t len);
int xs_mkdir(struct xs *xs, uint32_t t, const char *path);
int xs_rm(struct xs *xs, uint32_t t, const char *path);
/* 1 if the node is there, 0 if not. */
int xs_exists(struct xs *xs, uint32_t t, const char *path);

/* *names is one allocation, ends in a NULL, and is given back with free().  Returns the count. */
int xs_directory(struct xs *xs, uint32_t t, const char *path, char ***names);

/* The first entry is the owner and what all others may.  Returns the count. */
int xs_get_perms(struct xs *xs, uint32_t t, const char *path, struct xs_perm **perms);
int xs_set_perms(struct xs *xs, uint32_t t, const char *path, const struct xs_perm *perms,
		 size_t n);

/* Write a value made by printf(), without its NUL. */
int xs_printf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* sscanf() of a node's value.  The count of conversions, or -errno. */
int xs_scanf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
	__attribute__((format(scanf, 4, 5)));
/* The value at dir/name, malloc()ed; NULL and errno when there is none. */
char *xs_get(struct xs *xs, uint32_t t, const char *dir, const char *name);
/* A value that is a number (decimal, or 0x…); -EINVAL when it is not. */
int xs_get_u64(struct xs *xs, uint32_t t, const char *dir, const char *name, uint64_t *out);

/* --------------------------------------------------------- transactions */

int xs_txn_start(struct xs *xs, uint32_t *t);
/* -EAGAIN: somebody else was faster; start over. */
int xs_txn_end(struct xs *xs, uint32_t t, bool commit);
/*
 * Run body(xs, t, ctx) in a transaction, again for as long as the commit is told EAGAIN.  A body
 * that returns -errno ends it without a trace, and xs_txn() returns that.  It may run several
 * times, so it must change nothing but the store, or be ready for that.
 */
int xs_txn(struct xs *xs, int (*body)(struct xs *xs, uint32_t t, void *ctx), void *ctx);

/* -------------------------------------------------------------- watches */

/* An event comes at once, and for every change of the node or below it. */
int xs_watch(struct xs *xs, const char *path, const char *token);
/* Only changes at most depth levels below; -EINVAL from a daemon that has no depth. */
int xs_watch_depth(struct xs *xs, const char *path, const char *token, unsigned int depth);
int xs_unwatch(struct xs *xs, const char *path, const char *token);

/*
 * The next event: 0; -EAGAIN if there is none yet (never blocks); -ENOTCONN.  Events queue up
 * during other calls too, so take them until -EAGAIN.
 */
int xs_next_event(struct xs *xs, struct xs_event *ev);
/* Wait for an event, for at most timeout_ms (-1: for ever).  0, -ETIMEDOUT, -ENOTCONN. */
int xs_wait_event(struct xs *xs, struct xs_event *ev, int timeout_ms);
void xs_event_free(struct xs_event *ev);

/*
 * In an event loop: on_event(xs, ev, ctx) for each event (which is freed after it), and with ev
 * NULL once the connection is lost.  Calls of this file may be made inside on_event().
 */
int xs_attach(struct xs *xs, struct loop *l,
	      void (*on_event)(struct xs *xs, const struct xs_event *ev, void *ctx), void *ctx);
void xs_detach(struct xs *xs);

/* -------------------------------------------------------------- domains */

int xs_introduce(struct xs *xs, uint32_t domid, uint64_t gfn, uint32_t port);
int xs_release(struct xs *xs, uint32_t domid);
int xs_resume(struct xs *xs, uint32_t domid);

/* XS_CONTROL with n strings.  *answer is malloc()ed. */
int xs_control(struct xs *xs, const char *const *arg, size_t n, char **answer);

/* Any request: len bytes of payload out; *reply is malloc()ed and NUL-ended. */
int xs_request(struct xs *xs, uint32_t type, uint32_t t, const void *payload, size_t len,
	       char **reply, size_t *reply_len);

#define XS_SPREAD_MAX 8
/*
 * The same request with each of n strings as its payload (paths to read, say), several under way
 * at a time: for many short questions.  They are spread over count connections: a daemon that
 * takes one request of each in turn answers faster then.  reply[i] is malloc()ed and NUL-ended, or
 * NULL where the daemon said an error.  -errno: none is answered.
 */
int xs_request_each(struct xs *const *xs, size_t count, uint32_t type, uint32_t t,
		    const char *const *s, size_t n, char **reply);
/* The values at these paths, by xs_request_each(). */
int xs_read_each(struct xs *const *xs, size_t count, uint32_t t, const char *const *path, size_t n,
		 char **value);

#endif
