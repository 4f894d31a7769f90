/* Live update. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "tests/bench/load/load.h"

#define UPDATE_NODES 55000
#define UPDATE_LIMIT 30			/* seconds that it may take */

static void control(struct conn *c, const char *const *arg, size_t n)
{
	char data[512];
	size_t len = 0;

	for (size_t i = 1; i < n; i++)
		len += (size_t)snprintf(data + len, sizeof(data) - len, "%s", arg[i]) + 1;
	request(c, XS_CONTROL, 0, arg[0], data, len);
}

static bool readable(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What another client sees while the daemon starts again: the longest of its reads is the stall. */
void w_update(void)
{
	const char *const prepare[] = { "live-update", "-f", opt.update };
	const char *const start[] = { "live-update", "-s", "-t", "30" };
	struct ctx x = { .c = conn_new(), .path = "/bench/update/0/0" };
	struct conn *c = conn_new();
	struct result r = { 0 };
	struct reply reply;
	uint64_t t, stop;
	char path[64];

	if (!opt.update)
		die("update: no program (-U)");
	for (unsigned int i = 0; i < UPDATE_NODES; i++) {
		snprintf(path, sizeof(path), "/bench/update/%u/%u", i / 50, i % 50);
		put(c, 0, path, VALUE16);
	}
	control(c, prepare, 3);
	receive(c, &reply);
	if (reply.err)
		die("live-update -f %s: %s", opt.update, strerror(reply.err));
	begin(&r);
	control(c, start, 4);
	stop = now_ns() + UPDATE_LIMIT * 1000000000ull;
	for (bool answered = false; (t = now_ns()) < stop; r.cycles++) {
		step_read(&x);
		sample(&r.lat, now_ns() - t);
		if (answered || !readable(c))
			continue;
		receive(c, &reply);
		if (reply.err)
			die("live-update: %s", strerror(reply.err));
		answered = true;
		stop = t + 500000000;
	}
	finish(&r);
	report(&r, "update", "nodes=%u, the stall is the longest read", UPDATE_NODES);
	prune(c, "/bench");
	conn_free(x.c);
	conn_free(c);
}
