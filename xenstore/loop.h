/*
 * loop.h - an event loop on epoll: file descriptors, timers, calls put off, signals.
 *
 * One thread.  The structs below are embedded in the caller's own and belong to the caller; a
 * zeroed one is idle.  Any of them may be removed, and freed, from inside any callback.
 */
#ifndef XENSTORE_LOOP_H
#define XENSTORE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

struct loop_fd {
	int fd;
	uint32_t events;	/* EPOLLIN, EPOLLOUT … asked for */
	bool added;
	void (*ready)(struct loop_fd *w, uint32_t events);
	void *ctx;		/* the caller's */
};

struct loop_timer {
	uint64_t due_ns;	/* on loop_now_ns()'s clock */
	size_t place;		/* 1 + index in the heap; 0 while idle */
	void (*fire)(struct loop_timer *t);
	void *ctx;
};

struct loop_call {
	struct loop_call *next, **prev;	/* prev is NULL while idle */
	struct loop *loop;		/* where it waits */
	void (*run)(struct loop_call *c);
	void *ctx;
};

/* NULL and errno when there is no memory or descriptor. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* The clock of timers: CLOCK_MONOTONIC in nanoseconds. */
uint64_t loop_now_ns(void);

/* Call w->ready whenever one of the events holds (level-triggered).  0 or -errno. */
int loop_fd_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
		void (*ready)(struct loop_fd *w, uint32_t events), void *ctx);
int loop_fd_set(struct loop *l, struct loop_fd *w, uint32_t events);
/* Before the descriptor is closed.  Does nothing to an idle one. */
void loop_fd_del(struct loop *l, struct loop_fd *w);

/* (Re)start a one-shot timer.  fire and ctx are set by the caller.  0 or -ENOMEM. */
int loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ns);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Call c->run once, before the loop sleeps again.  Already waiting: no change. */
void loop_defer(struct loop *l, struct loop_call *c);
void loop_defer_cancel(struct loop_call *c);

/*
 * Call handler(signal, ctx) from the loop (never from signal context) whenever the signal came.
 * Blocks the signal's default action; a child must unblock it before exec().  0 or -errno.
 */
int loop_signal(struct loop *l, int signal, void (*handler)(int signal, void *ctx), void *ctx);

/* Run until loop_stop(); returns what it was given, or -errno if epoll itself fails. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int rc);

/* One round: wait for at most timeout_ms (-1: for ever), dispatch.  0 or -errno. */
int loop_once(struct loop *l, int timeout_ms);

#endif
