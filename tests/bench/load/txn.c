/* Transactions, of one client and of several at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tests/bench/load/load.h"

void step_txn(struct ctx *x)
{
	uint32_t tx = txn_start(x->c);
	char path[128];

	for (unsigned int i = 0; i < TXN_WRITES; i++) {
		snprintf(path, sizeof(path), "%s/key%u", x->path, i);
		must(x->c, XS_WRITE, tx, path, "value", 5);
	}
	if (txn_end(x->c, tx))
		x->note++;
}

void w_txn(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/txn/dev" };
	struct result r = { 0 };

	repeat(&r, step_txn, &x);
	report(&r, "txn 10 writes", "failed=%llu", (unsigned long long)x.note);
	prune(x.c, "/bench");
	conn_free(x.c);
}

/*
 * Several clients, each in a transaction most of the time.  One thread plays
 * them all: whenever a client's reply has come, its next request goes out.
 */
#define CLIENTS 8

enum contention {
	DISJOINT,       /* each rewrites nodes of its own subtree */
	OWN_CREATE,     /* each creates and removes nodes in its own subtree */
	SHARED_PARENT,  /* each creates and removes its own child of one node */
	SAME_NODE,      /* all count up in one node: real conflicts */
};

static const char *const contention_name[] = {
	"txn disjoint", "txn own create", "txn one parent", "txn same node",
};

struct actor {
	struct conn *c;
	unsigned int id;
	unsigned int step;              /* request under way */
	uint32_t tx;
	unsigned long count;            /* what it read, with SAME_NODE */
	uint64_t committed;
	uint64_t since;                 /* first attempt of this transaction */
};

/* Send the request of the actor's current step. The last one is the commit. */
static void act(struct actor *a, enum contention how)
{
	char path[128];

	if (a->step == 0) {
		request(a->c, XS_TRANSACTION_START, 0, "", NULL, 0);
		return;
	}
	if (a->step == 5) {
		request(a->c, XS_TRANSACTION_END, a->tx, "T", NULL, 0);
		return;
	}
	switch (how) {
	case DISJOINT:
		snprintf(path, sizeof(path), "/bench/par/%u/key%u", a->id,
			 a->step);
		if (a->step == 1)
			request(a->c, XS_READ, a->tx, path, NULL, 0);
		else
			request(a->c, XS_WRITE, a->tx, path, "value", 5);
		return;
	case OWN_CREATE:
	case SHARED_PARENT:
		snprintf(path, sizeof(path),
			 how == OWN_CREATE ? "/bench/par/%u/dev" :
			 "/bench/par/dev%u", a->id);
		if (a->step == 1 || a->step == 4) {
			request(a->c, a->step == 1 ? XS_MKDIR : XS_RM, a->tx,
				path, NULL, 0);
			return;
		}
		snprintf(path + strlen(path), 16, "/key%u", a->step);
		request(a->c, XS_WRITE, a->tx, path, "value", 5);
		return;
	case SAME_NODE:
		if (a->step == 1) {
			request(a->c, XS_READ, a->tx, "/bench/par/one", NULL, 0);
			return;
		}
		snprintf(path, sizeof(path), "%lu", a->count + 1);
		request(a->c, XS_WRITE, a->tx, "/bench/par/one", path,
			strlen(path));
		return;
	}
}

/* The number that a reply's payload, which has no NUL, stands for. */
static unsigned long number(const struct reply *r)
{
	char text[24] = "";

	memcpy(text, r->data, r->h.len < 23 ? r->h.len : 23);
	return strtoul(text, NULL, 10);
}

static void parallel(struct result *r, struct conn *setup, enum contention how)
{
	struct epoll_event ev[CLIENTS];
	struct actor actor[CLIENTS];
	uint64_t conflicts = 0, share[CLIENTS] = { 0 }, t, stop;
	bool measuring = false, done = false;
	uint64_t worst, best, total = 0;
	int64_t lost = 0;
	struct reply reply;
	char path[64];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	prune(setup, "/bench");
	put(setup, 0, "/bench/par/one", "0");
	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		for (unsigned int k = 1; k < 5; k++) {
			snprintf(path, sizeof(path), "/bench/par/%u/key%u", i, k);
			put(setup, 0, path, "0");
		}
		actor[i] = (struct actor){ .c = conn_new(), .id = i };
		if (epoll_ctl(ep, EPOLL_CTL_ADD, actor[i].c->fd, &e))
			die("epoll: %s", strerror(errno));
	}
	stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		actor[i].since = now_ns();
		act(&actor[i], how);
	}
	while (!done) {
		int n = epoll_wait(ep, ev, CLIENTS, 1000);

		if (n <= 0)
			die("the server stopped answering");
		t = now_ns();
		for (int i = 0; i < n; i++) {
			struct actor *a = &actor[ev[i].data.u32];

			fill(a->c);
			if (!take(a->c, &reply))
				continue;
			if (reply.err && reply.err != EAGAIN)
				die("%s, step %u: %s", contention_name[how],
				    a->step, strerror(reply.err));
			if (a->step == 0)
				a->tx = strtoul(reply.data, NULL, 10);
			if (a->step == 1)
				a->count = number(&reply);
			if (a->step < 5) {
				a->step++;
			} else {
				a->step = 0;
				if (reply.err) {
					conflicts++;
				} else {
					a->committed++;
					if (measuring) {
						sample(&r->lat, t - a->since);
						share[a->id]++;
						r->cycles++;
					}
					a->since = t;
				}
			}
			act(a, how);
		}
		if (t >= stop) {
			if (measuring) {
				done = true;
			} else {
				measuring = true;
				conflicts = 0;
				begin(r);
				stop = r->t0 + (uint64_t)(opt.secs * 1e9);
			}
		}
	}
	finish(r);
	worst = best = share[0];
	for (unsigned int i = 0; i < CLIENTS; i++) {
		worst = share[i] < worst ? share[i] : worst;
		best = share[i] > best ? share[i] : best;
		/* One request is still under way: it may be a commit. */
		receive(actor[i].c, &reply);
		total += actor[i].committed + (actor[i].step == 5 && !reply.err);
		conn_free(actor[i].c);
	}
	close(ep);
	if (how == SAME_NODE) {
		if (call(setup, XS_READ, 0, "/bench/par/one", NULL, 0, &reply))
			die("reading the count: %s", strerror(reply.err));
		lost = total - number(&reply);
	}
	report(r, contention_name[how],
	       "conflicts/commit=%.3f share=%llu..%llu lost=%lld",
	       r->cycles ? (double)conflicts / r->cycles : 0,
	       (unsigned long long)worst, (unsigned long long)best,
	       (long long)lost);
}

void w_parallel(void)
{
	struct conn *c = conn_new();
	struct result r = { 0 };

	for (enum contention how = DISJOINT; how <= SAME_NODE; how++)
		parallel(&r, c, how);
	prune(c, "/bench");
	conn_free(c);
}
