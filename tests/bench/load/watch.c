/* Watches, and connections that say nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tests/bench/load/load.h"

#define WATCHERS 10
#define WATCHES_EACH 100
#define HOT_EACH 10             /* of these, on the node that is written */

struct fanout {
	struct ctx x;
	int ep;
	struct conn *watcher[WATCHERS];
};

/* Count events until "want" have come in from all the watchers together. */
static void collect(struct fanout *f, unsigned int want)
{
	struct epoll_event ev[WATCHERS];
	struct reply r;

	while (want) {
		int n = epoll_wait(f->ep, ev, WATCHERS, 5000);

		if (n <= 0)
			die("%u watch events did not come", want);
		for (int i = 0; i < n; i++) {
			struct conn *c = f->watcher[ev[i].data.u32];

			fill(c);
			while (take(c, &r)) {
				if (r.h.type != XS_WATCH_EVENT || !want)
					die("an unexpected message came");
				want--;
			}
		}
	}
}

static void step_fanout(struct ctx *x)
{
	struct fanout *f = (struct fanout *)x;

	must(x->c, XS_WRITE, 0, "/bench/watch/hot", "1", 1);
	collect(f, WATCHERS * HOT_EACH);
}

static void step_unwatched(struct ctx *x)
{
	must(x->c, XS_WRITE, 0, "/bench/unwatched", "1", 1);
}

void w_watch(void)
{
	struct fanout f = { .x.c = conn_new(), .ep = epoll_create1(EPOLL_CLOEXEC) };
	struct result r = { 0 };
	char path[64], token[32];

	put(f.x.c, 0, "/bench/watch/hot", "0");
	put(f.x.c, 0, "/bench/unwatched", "0");
	for (unsigned int i = 0; i < WATCHERS; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		f.watcher[i] = conn_new();
		if (epoll_ctl(f.ep, EPOLL_CTL_ADD, f.watcher[i]->fd, &e))
			die("epoll: %s", strerror(errno));
	}

	/* Registering: the reply and the first event of each watch. */
	begin(&r);
	for (unsigned int k = 0; k < WATCHES_EACH; k++) {
		for (unsigned int i = 0; i < WATCHERS; i++) {
			struct conn *c = f.watcher[i];
			uint64_t t = now_ns();

			if (k < HOT_EACH)
				strcpy(path, "/bench/watch/hot");
			else
				snprintf(path, sizeof(path),
					 "/bench/watch/%u/%u", i, k);
			snprintf(token, sizeof(token), "token-%u-%u", i, k);
			c->events = 0;
			must(c, XS_WATCH, 0, path, token, strlen(token) + 1);
			while (!c->events)
				receive_event(c);
			sample(&r.lat, now_ns() - t);
			r.cycles++;
		}
	}
	finish(&r);
	report(&r, "watch", "watches=%u", WATCHERS * WATCHES_EACH);

	repeat(&r, step_fanout, &f.x);
	report(&r, "fanout 100/1000", NULL);
	repeat(&r, step_unwatched, &f.x);
	report(&r, "write 0/1000", "no watch fires");

	for (unsigned int i = 0; i < WATCHERS; i++)
		conn_free(f.watcher[i]);
	close(f.ep);
	prune(f.x.c, "/bench");
	conn_free(f.x.c);
}

void w_idle(void)
{
	struct conn **idle = calloc(opt.idle, sizeof(*idle));
	struct ctx x = { .path = "/bench/idle" };
	struct result r = { 0 };
	long before = server_rss_kb(), after;

	/* A request on each: otherwise it may not be accepted yet. */
	x.c = conn_new();
	put(x.c, 0, x.path, VALUE16);
	begin(&r);
	for (unsigned int i = 0; i < opt.idle; i++) {
		struct ctx y = { .c = idle[i] = conn_new(), .path = x.path };
		uint64_t t = now_ns();

		step_read(&y);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	finish(&r);
	after = server_rss_kb();
	report(&r, "connect idle", "clients=%u rss=%ldK->%ldK", opt.idle,
	       before, after);
	repeat(&r, step_read, &x);
	report(&r, "read beside idle", NULL);
	repeat(&r, step_write, &x);
	report(&r, "write beside idle", NULL);
	for (unsigned int i = 0; i < opt.idle; i++)
		conn_free(idle[i]);
	free(idle);
	prune(x.c, "/bench");
	conn_free(x.c);
}
