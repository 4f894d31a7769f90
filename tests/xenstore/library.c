/* library DAEMON: the client library's promises (xs.h), each tried against a daemon. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "xenstore/loop.h"
#include "xenstore/xs.h"

static struct daemon d;
static struct xs *one, *two;

static struct xs *connect_new(void)
{
	struct xs *xs;

	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY))
		die("no connection");
	return xs;
}

static bool write_text(struct xs *xs, uint32_t t, const char *path, const char *text)
{
	return !xs_write(xs, t, path, text, strlen(text));
}

static void values(void)
{
	static const char bytes[] = "a\0b";
	char *value = NULL, **names = NULL;
	uint64_t number = 0;
	size_t len = 0;
	int v = 0;

	tap(!xs_write(one, XS_TXN_NONE, "/v/bytes", bytes, 3) &&
	    !xs_read(one, XS_TXN_NONE, "/v/bytes", &value, &len) && len == 3 &&
	    !memcmp(value, bytes, 4), "a value is any bytes, and a NUL is put behind it");
	free(value);
	tap(xs_read(one, XS_TXN_NONE, "/v/nope", &value, NULL) == -ENOENT &&
	    xs_exists(one, XS_TXN_NONE, "/v/nope") == 0 &&
	    xs_exists(one, XS_TXN_NONE, "/v/bytes") == 1, "what is missing is -ENOENT");
	tap(!xs_printf(one, XS_TXN_NONE, "/v/n", "%d", 42) &&
	    xs_scanf(one, XS_TXN_NONE, "/v/n", "%d", &v) == 1 && v == 42 &&
	    !xs_get_u64(one, XS_TXN_NONE, "/v", "n", &number) && number == 42 &&
	    xs_get_u64(one, XS_TXN_NONE, "/v", "bytes", &number) == -EINVAL &&
	    number == 42, "numbers are written and read, and only numbers");
	tap(xs_directory(one, XS_TXN_NONE, "/v", &names) == 2 && !strcmp(names[0], "bytes") &&
	    !strcmp(names[1], "n") && !names[2], "children are listed");
	free(names);
}

/* More than one answer holds: the library asks for the parts. */
static void long_listing(void)
{
	enum { MANY = 4000 };
	char path[64], **names = NULL;
	bool fine = true;
	int n;

	for (int i = 0; i < MANY && fine; i++) {
		sprintf(path, "/many/child-%d", i);
		fine = !xs_mkdir(one, XS_TXN_NONE, path);
	}
	n = xs_directory(one, XS_TXN_NONE, "/many", &names);
	for (int i = 0; i < n && fine; i++) {
		sprintf(path, "child-%d", i);
		fine = !strcmp(names[i], path);
	}
	free(names);
	tap(fine && n == MANY, "a directory of %d children is listed whole", MANY);
}

/* Many reads under way at a time, an event among the answers. */
static void many_reads(void)
{
	enum { MANY = 100 };
	static char paths[MANY][32];
	const char *path[MANY];
	char *value[MANY];
	struct xs *third = connect_new();
	struct xs_event ev = { 0 };
	bool fine = true;

	for (int i = 0; i < MANY; i++) {
		sprintf(paths[i], "/each/%d", i);
		path[i] = paths[i];
		if (i != 50)
			fine &= !xs_printf(two, XS_TXN_NONE, paths[i], "value %d", i);
	}
	fine &= !xs_watch(one, "/each/7", "each");
	fine &= !xs_read_each(&one, 1, XS_TXN_NONE, path, MANY, value);
	for (int i = 0; fine && i < MANY; i++) {
		char wanted[32];

		sprintf(wanted, "value %d", i);
		fine = i == 50 ? !value[i] : value[i] && !strcmp(value[i], wanted);
		free(value[i]);
	}
	tap(fine, "many nodes are read at a stroke, and what is missing is NULL");
	fine = !xs_read_each((struct xs *[]){ two, one, third }, 3, XS_TXN_NONE, path, MANY, value);
	for (int i = 0; fine && i < MANY; i++) {
		fine = i == 50 ? !value[i] : value[i] && atoi(value[i] + 6) == i;
		free(value[i]);
	}
	tap(fine, "so they are over several connections, in their order");
	xs_close(third);
	tap(!xs_wait_event(one, &ev, 1000) && !strcmp(ev.token, "each"),
	    "an event between the answers is kept");
	xs_event_free(&ev);
	fine = !xs_unwatch(one, "/each/7", "each");
	path[3] = "no path at all";
	fine &= !xs_read_each(&one, 1, XS_TXN_NONE, path, 5, value) && !value[3] && value[4];
	for (int i = 0; fine && i < 5; i++)
		free(value[i]);
	tap(fine && xs_exists(one, XS_TXN_NONE, "/each/1") == 1,
	    "a bad path among them harms no other");
}

static int runs;

/* The first time another client comes in between. */
static int count_up(struct xs *xs, uint32_t t, void *ctx)
{
	char *value;
	unsigned long v;
	int rc = xs_read(xs, t, "/count", &value, NULL);

	if (rc)
		return rc;
	v = strtoul(value, NULL, 10);
	free(value);
	if (!runs++)
		write_text(two, XS_TXN_NONE, "/count", "10");
	return xs_printf(xs, t, "/count", "%lu", v + 1);
}

static int give_up(struct xs *xs, uint32_t t, void *ctx)
{
	return write_text(xs, t, "/given-up", "1") ? -EDOM : -EIO;
}

static void transactions(void)
{
	int v = 0;

	write_text(one, XS_TXN_NONE, "/count", "1");
	tap(!xs_txn(one, count_up, NULL) && runs == 2 &&
	    xs_scanf(one, XS_TXN_NONE, "/count", "%d", &v) == 1 && v == 11,
	    "a transaction that met another runs again, on what is there then");
	tap(xs_txn(one, give_up, NULL) == -EDOM && !xs_exists(one, XS_TXN_NONE, "/given-up"),
	    "a body that fails leaves nothing, and its error is returned");
}

static void waiting(void)
{
	struct xs_event ev = { 0 };

	tap(xs_next_event(one, &ev) == -EAGAIN && xs_wait_event(one, &ev, 20) == -ETIMEDOUT,
	    "without an event nobody waits longer than told");
	tap(!xs_watch(one, "/w", "token") && !xs_wait_event(one, &ev, 1000) &&
	    !strcmp(ev.path, "/w") && !strcmp(ev.token, "token"), "a new watch tells at once");
	xs_event_free(&ev);
	write_text(two, XS_TXN_NONE, "/w/a", "1");
	tap(xs_exists(one, XS_TXN_NONE, "/w/a") == 1 && !xs_next_event(one, &ev) &&
	    !strcmp(ev.path, "/w/a"), "an event that comes during a call is kept");
	xs_event_free(&ev);
	tap(xs_watch(one, "/w", "token") == -EEXIST && !xs_unwatch(one, "/w", "token") &&
	    xs_unwatch(one, "/w", "token") == -ENOENT, "a watch is there once");
	xs_watch_depth(one, "/w", "shallow", 0);
	xs_wait_event(one, &ev, 1000);
	xs_event_free(&ev);
	write_text(two, XS_TXN_NONE, "/w/a", "2");
	tap(xs_wait_event(one, &ev, 50) == -ETIMEDOUT, "a watch of depth 0 hears nothing below");
	xs_unwatch(one, "/w", "shallow");
}

/* ------------------------------------------------------------- event loop */

static struct {
	int events, losses;
	char last[64];
	bool answered, close_it;
} heard;

static void on_event(struct xs *xs, const struct xs_event *ev, void *ctx)
{
	if (!ev) {
		heard.losses++;
		return;
	}
	heard.events++;
	snprintf(heard.last, sizeof(heard.last), "%s", ev->path);
	heard.answered = xs_exists(xs, XS_TXN_NONE, "/loop") >= 0;
	if (heard.close_it)
		xs_close(xs);
}

static void rounds(struct loop *l)
{
	for (int i = 0; i < 20; i++)
		loop_once(l, 5);
}

static void event_loop(void)
{
	struct loop *l = loop_new();
	struct xs *xs = connect_new();

	tap(!xs_attach(xs, l, on_event, NULL) && !xs_watch(xs, "/loop", "t") &&
	    write_text(xs, XS_TXN_NONE, "/loop/own", "1"), "a connection joins an event loop");
	rounds(l);
	tap(heard.events == 2 && !strcmp(heard.last, "/loop/own") && heard.answered,
	    "events during calls are told by the loop, and calls work while they are");
	write_text(two, XS_TXN_NONE, "/loop/other", "1");
	rounds(l);
	tap(heard.events == 3 && !strcmp(heard.last, "/loop/other"), "others' changes are told");
	xs_detach(xs);
	write_text(two, XS_TXN_NONE, "/loop/other", "2");
	rounds(l);
	tap(heard.events == 3, "after xs_detach() nothing is");
	heard.close_it = true;
	xs_attach(xs, l, on_event, NULL);
	rounds(l);
	tap(heard.events == 4 && heard.losses == 0, "a connection may be closed inside on_event()");
	heard.close_it = false;
	xs = connect_new();
	xs_attach(xs, l, on_event, NULL);
	daemon_kill(&d, SIGKILL);
	rounds(l);
	tap(heard.losses == 1, "the loop tells once that the daemon is gone");
	tap(xs_exists(xs, XS_TXN_NONE, "/") == -ENOTCONN && xs_exists(one, XS_TXN_NONE, "/") ==
	    -ENOTCONN, "and calls say so");
	xs_close(xs);
	loop_free(l);
}

/* XENSTORED_PATH may name any socket, or a device. */
static void places(void)
{
	struct xs *xs;

	daemon_start(&d, NULL);
	setenv("XENSTORED_PATH", d.socket, 1);
	setenv("XENSTORED_RUNDIR", "/nonexistent", 1);
	tap(!xs_open(&xs, 0) && xs_exists(xs, XS_TXN_NONE, "/w/a") == 1,
	    "XENSTORED_PATH names the socket, and the store is still there");
	xs_close(xs);
	setenv("XENSTORED_PATH", "/nonexistent/socket", 1);
	tap(xs_open(&xs, 0) == -ENOENT, "a socket that isn't there is -ENOENT");
	setenv("XENSTORED_PATH", "/dev/null", 1);
	tap(!xs_open(&xs, 0) && xs_exists(xs, XS_TXN_NONE, "/") == -ENOTCONN,
	    "a device is opened, and one that answers nothing is a lost connection");
	xs_close(xs);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	daemon_place(&d, argv[1]);
	daemon_start(&d, NULL);
	one = connect_new();
	two = connect_new();
	values();
	long_listing();
	many_reads();
	transactions();
	waiting();
	event_loop();
	xs_close(one);
	xs_close(two);
	places();
	daemon_remove(&d);
	return tap_end();
}
