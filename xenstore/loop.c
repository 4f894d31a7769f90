#include "xenstore/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LOOP_BATCH 64
#define LOOP_SIGNALS 65

struct loop_handler {
	void (*fn)(int signal, void *ctx);
	void *ctx;
};

struct loop {
	int epoll;
	bool stopped;
	int rc;
	int batch;			/* events of this round; the rest of them are */
	struct epoll_event event[LOOP_BATCH];	/* … forgotten when their watcher goes */
	struct loop_timer **timer;	/* binary heap by due_ns */
	size_t timers, timer_cap;
	struct loop_call *calls;
	struct loop_call **calls_end;
	struct loop_fd signal_fd;
	sigset_t signals;
	struct loop_handler handler[LOOP_SIGNALS];
};

uint64_t loop_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	l->calls_end = &l->calls;
	sigemptyset(&l->signals);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_fd.added) {
		loop_fd_del(l, &l->signal_fd);
		close(l->signal_fd.fd);
	}
	close(l->epoll);
	free(l->timer);
	free(l);
}

/* ------------------------------------------------------------- descriptors */

int loop_fd_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
		void (*ready)(struct loop_fd *w, uint32_t events), void *ctx)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	*w = (struct loop_fd){ fd, events, true, ready, ctx };
	return 0;
}

int loop_fd_set(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (w->events == events)
		return 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e) < 0)
		return -errno;
	w->events = events;
	return 0;
}

void loop_fd_del(struct loop *l, struct loop_fd *w)
{
	if (!w->added)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	for (int i = 0; i < l->batch; i++)
		if (l->event[i].data.ptr == w)
			l->event[i].data.ptr = NULL;
}

/* ------------------------------------------------------------------ timers */

static void timer_put(struct loop *l, size_t i, struct loop_timer *t)
{
	l->timer[i] = t;
	t->place = i + 1;
}

static void timer_up(struct loop *l, size_t i)
{
	struct loop_timer *t = l->timer[i];

	while (i && l->timer[(i - 1) / 2]->due_ns > t->due_ns) {
		timer_put(l, i, l->timer[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	timer_put(l, i, t);
}

static void timer_down(struct loop *l, size_t i)
{
	struct loop_timer *t = l->timer[i];

	for (;;) {
		size_t k = 2 * i + 1;

		if (k >= l->timers)
			break;
		if (k + 1 < l->timers && l->timer[k + 1]->due_ns < l->timer[k]->due_ns)
			k++;
		if (l->timer[k]->due_ns >= t->due_ns)
			break;
		timer_put(l, i, l->timer[k]);
		i = k;
	}
	timer_put(l, i, t);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	size_t i = t->place;
	struct loop_timer *last;

	if (!i)
		return;
	t->place = 0;
	last = l->timer[--l->timers];
	if (last == t)
		return;
	timer_put(l, i - 1, last);
	timer_up(l, i - 1);
	timer_down(l, last->place - 1);
}

int loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ns)
{
	loop_timer_stop(l, t);
	if (l->timers == l->timer_cap) {
		size_t cap = l->timer_cap ? 2 * l->timer_cap : 16;
		struct loop_timer **more = realloc(l->timer, cap * sizeof(struct loop_timer *));

		if (!more)
			return -ENOMEM;
		l->timer = more;
		l->timer_cap = cap;
	}
	t->due_ns = loop_now_ns() + delay_ns;
	timer_put(l, l->timers++, t);
	timer_up(l, l->timers - 1);
	return 0;
}

static void timers_fire(struct loop *l)
{
	uint64_t now;

	if (!l->timers)
		return;
	now = loop_now_ns();
	while (l->timers && l->timer[0]->due_ns <= now) {
		struct loop_timer *t = l->timer[0];

		loop_timer_stop(l, t);
		t->fire(t);
	}
}

/* ------------------------------------------------------------ calls put off */

void loop_defer(struct loop *l, struct loop_call *c)
{
	if (c->prev)
		return;
	c->loop = l;
	c->next = NULL;
	c->prev = l->calls_end;
	*l->calls_end = c;
	l->calls_end = &c->next;
}

void loop_defer_cancel(struct loop_call *c)
{
	if (!c->prev)
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else if (c->loop->calls_end == &c->next)
		c->loop->calls_end = c->prev;
	c->prev = NULL;
}

/* Those that are put off meanwhile run in the next round. */
static void calls_run(struct loop *l)
{
	struct loop_call *todo = l->calls;

	if (!todo)
		return;
	todo->prev = &todo;
	l->calls = NULL;
	l->calls_end = &l->calls;
	while (todo) {
		struct loop_call *c = todo;

		loop_defer_cancel(c);
		c->run(c);
	}
}

/* ----------------------------------------------------------------- signals */

static void signal_ready(struct loop_fd *w, uint32_t events)
{
	struct loop *l = w->ctx;
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo < LOOP_SIGNALS && l->handler[info.ssi_signo].fn)
			l->handler[info.ssi_signo].fn((int)info.ssi_signo,
						      l->handler[info.ssi_signo].ctx);
}

int loop_signal(struct loop *l, int signal, void (*handler)(int signal, void *ctx), void *ctx)
{
	int old = l->signal_fd.added ? l->signal_fd.fd : -1, fd;

	if (signal <= 0 || signal >= LOOP_SIGNALS)
		return -EINVAL;
	sigaddset(&l->signals, signal);
	fd = signalfd(old, &l->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &l->signals, NULL) < 0)
		return -errno;
	l->handler[signal] = (struct loop_handler){ handler, ctx };
	return old >= 0 ? 0 : loop_fd_add(l, &l->signal_fd, fd, EPOLLIN, signal_ready, l);
}

/* --------------------------------------------------------------------- run */

static int loop_timeout(const struct loop *l, int timeout_ms)
{
	uint64_t now, wait_ms;

	if (l->calls)
		return 0;
	if (!l->timers)
		return timeout_ms;
	now = loop_now_ns();
	if (l->timer[0]->due_ns <= now)
		return 0;
	wait_ms = (l->timer[0]->due_ns - now + 999999) / 1000000;
	if (timeout_ms >= 0 && wait_ms > (uint64_t)timeout_ms)
		return timeout_ms;
	return wait_ms > 1000000 ? 1000000 : (int)wait_ms;
}

int loop_once(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll, l->event, LOOP_BATCH, loop_timeout(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	l->batch = n < 0 ? 0 : n;
	for (int i = 0; i < l->batch; i++) {
		struct loop_fd *w = l->event[i].data.ptr;

		if (w)
			w->ready(w, l->event[i].events);
	}
	l->batch = 0;
	timers_fire(l);
	calls_run(l);
	return 0;
}

int loop_run(struct loop *l)
{
	l->stopped = false;
	while (!l->stopped) {
		int rc = loop_once(l, -1);

		if (rc)
			return rc;
	}
	return l->rc;
}

void loop_stop(struct loop *l, int rc)
{
	l->stopped = true;
	l->rc = rc;
}
