/* One node, one request outstanding; and 32 of them. */
#include <stdio.h>
#include <string.h>
#include "tests/bench/load/load.h"

void step_read(struct ctx *x)
{
	struct reply r;

	if (call(x->c, XS_READ, 0, x->path, NULL, 0, &r) || r.h.len != 16)
		die("read of %s went wrong", x->path);
}

void w_read(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/read/device/vbd/state" };
	struct result r = { 0 };

	put(x.c, 0, x.path, VALUE16);
	repeat(&r, step_read, &x);
	report(&r, "read", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

void step_write(struct ctx *x)
{
	must(x->c, XS_WRITE, 0, x->path, "4", 1);
}

void w_write(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/write/device/vbd/state" };
	struct result r = { 0 };

	put(x.c, 0, x.path, "1");
	repeat(&r, step_write, &x);
	report(&r, "write", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

static void step_cycle(struct ctx *x)
{
	must(x->c, XS_MKDIR, 0, "/bench/cycle/new", NULL, 0);
	must(x->c, XS_WRITE, 0, "/bench/cycle/new/state", "1", 1);
	must(x->c, XS_RM, 0, "/bench/cycle/new", NULL, 0);
}

void w_cycle(void)
{
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };

	must(x.c, XS_MKDIR, 0, "/bench/cycle", NULL, 0);
	repeat(&r, step_cycle, &x);
	report(&r, "mkdir+write+rm", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

static void step_connect(struct ctx *x)
{
	conn_open(x->c);
	step_read(x);
	conn_close(x->c);
}

void w_connect(void)
{
	struct conn *setup = conn_new(), c;
	struct ctx x = { .c = &c, .path = "/bench/connect" };
	struct result r = { 0 };

	put(setup, 0, x.path, VALUE16);
	repeat(&r, step_connect, &x);
	report(&r, "connect+read", NULL);
	prune(setup, "/bench");
	conn_free(setup);
}

static void step_big(struct ctx *x)
{
	static const char value[BIG_SIZE] = { [0 ... BIG_SIZE - 1] = 'x' };
	struct reply r;

	must(x->c, XS_WRITE, 0, x->path, value, sizeof(value));
	if (call(x->c, XS_READ, 0, x->path, NULL, 0, &r))
		die("read of %s: %s", x->path, strerror(r.err));
}

void w_big(void)
{
	struct ctx x = { .c = conn_new(), .path = BIG_PATH };
	struct result r = { 0 };

	repeat(&r, step_big, &x);
	report(&r, "write+read 2000", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

#define WINDOW 32

/* Keep WINDOW requests under way; each free place is used at once. */
static void pipelined(struct result *r, struct conn *c, uint32_t type,
		      const char *path, const char *data)
{
	static unsigned char out[WINDOW * 256];
	uint64_t sent_at[WINDOW], t, stop;
	uint32_t first = c->next_id;
	unsigned int room = WINDOW;
	bool measuring = false;
	struct reply reply;
	size_t len;

	stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	for (;;) {
		t = now_ns();
		if (t >= stop) {
			if (measuring)
				break;
			measuring = true;
			begin(r);
			stop = t + (uint64_t)(opt.secs * 1e9);
		}
		for (len = 0; room; room--) {
			sent_at[c->next_id % WINDOW] = t;
			len += frame(out + len, type, c->next_id++, 0, path,
				     strlen(path) + 1, data, strlen(data));
		}
		send_all(c->fd, out, len);
		fill(c);
		t = now_ns();
		while (take(c, &reply)) {
			if (reply.err || reply.h.req_id < first)
				die("a pipelined reply went wrong");
			if (measuring) {
				sample(&r->lat,
				       t - sent_at[reply.h.req_id % WINDOW]);
				r->cycles++;
			}
			room++;
		}
	}
	finish(r);
	while (room < WINDOW) {
		receive(c, &reply);
		room++;
	}
}

void w_pipe(void)
{
	const char *path = "/bench/pipe/device/vbd/state";
	struct conn *c = conn_new();
	struct result r = { 0 };

	put(c, 0, path, VALUE16);
	pipelined(&r, c, XS_READ, path, "");
	report(&r, "read x32", NULL);
	pipelined(&r, c, XS_WRITE, path, "4");
	report(&r, "write x32", NULL);
	prune(c, "/bench");
	conn_free(c);
}
