/* hostile DAEMON: clients that misbehave, each beside one that must not notice. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "daemon.h"
#include "xenstore/xs.h"

static struct daemon d;
static struct xs *good;

/* The daemon's private and shared memory, in KiB. */
static long memory_kib(void)
{
	char path[64], line[256];
	long kib = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d.pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &v) == 1 || sscanf(line, "RssShmem: %ld", &v) == 1)
			kib += v;
	if (f)
		fclose(f);
	return kib;
}

/* The good client works: an answer comes, and it is right. */
static bool good_works(void)
{
	char *value = NULL;
	bool right = !xs_write(good, XS_TXN_NONE, "/good/a", "1", 1) &&
		!xs_read(good, XS_TXN_NONE, "/good/a", &value, NULL) && !strcmp(value, "1") &&
		!xs_rm(good, XS_TXN_NONE, "/good");

	free(value);
	return right;
}

static size_t frame(char *out, uint32_t type, uint32_t tx, const char *data, size_t len)
{
	struct xsd_sockmsg h = { type, 1, tx, (uint32_t)len };

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), data, len);
	return sizeof(h) + len;
}

static int bad_connect(void)
{
	int fd = daemon_connect(&d);

	if (fd < 0)
		die("connect: %s", strerror(-fd));
	return fd;
}

static void half_a_header(void)
{
	int fd[200];

	for (int i = 0; i < 200; i++) {
		fd[i] = bad_connect();
		if (write(fd[i], "\2\0\0\0\0\0\0\0\0\0\0\0\100\0\0\0/a", 1 + i % 18) < 0)
			die("write: %s", strerror(errno));
	}
	tap(good_works(), "200 clients that send part of a request and sleep");
	for (int i = 0; i < 200; i++)
		close(fd[i]);
}

/* Requests as fast as the socket takes them, no answer ever read. */
static void reads_no_answers(void)
{
	char out[64];
	size_t len = frame(out, XS_DIRECTORY, 0, "/", 2);
	int fd = bad_connect();
	bool fine = true;
	long n = 0, before = memory_kib();

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int idle = 0; idle < 50 && n < 4000000; n++) {
		if (send(fd, out, len, MSG_NOSIGNAL) == (ssize_t)len) {
			idle = 0;
			continue;
		}
		idle++;
		fine &= good_works();
	}
	tap(fine && good_works() && n < 4000000, "one that reads no answers is not listened to");
	tap(memory_kib() - before < 4096, "… and holds little memory (%ld KiB)",
	    memory_kib() - before);
	close(fd);
}

static void reads_no_events(void)
{
	char out[64], path[64];
	size_t len = frame(out, XS_WATCH, 0, "/\0token-of-the-sleeper", 23);
	int fd = bad_connect();
	bool fine = send(fd, out, len, MSG_NOSIGNAL) == (ssize_t)len;
	long before = memory_kib();

	for (int i = 0; i < 150000 && fine; i++) {
		sprintf(path, "/events/%d/%d", i % 100, i % 977);
		fine = !xs_write(good, XS_TXN_NONE, path, "", 0);
	}
	tap(fine, "one that reads no events holds nobody up");
	tap(memory_kib() - before < 24 * 1024, "… and its memory is bounded (%ld KiB)",
	    memory_kib() - before);
	xs_rm(good, XS_TXN_NONE, "/events");
	close(fd);
}

static void opens_transactions_for_ever(void)
{
	struct xs *bad;
	uint32_t t;
	char path[64], value[256];
	bool fine = true;
	long before = memory_kib();

	memset(value, 'v', sizeof(value));
	if (xs_open(&bad, XS_OPEN_SOCKET_ONLY))
		die("no connection");
	for (int i = 0; i < 20000 && fine; i++) {
		fine = !xs_txn_start(bad, &t);
		sprintf(path, "/txn/%d/%d", i % 10, i % 1000);
		fine &= !xs_write(good, XS_TXN_NONE, path, value, sizeof(value));
	}
	tap(fine && good_works(), "one that opens 20000 transactions");
	tap(memory_kib() - before < 96 * 1024, "… and its memory is bounded (%ld KiB)",
	    memory_kib() - before);
	xs_close(bad);
	xs_rm(good, XS_TXN_NONE, "/txn");
	fine = !xs_txn_start(good, &t) && !xs_write(good, t, "/after", "1", 1) &&
		!xs_txn_end(good, t, true);
	tap(fine, "… and afterwards transactions work");
}

/* The deepest tree that names allow, made and removed. */
static void deep_tree(void)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	size_t len = 0;
	bool fine;

	while (len + 2 <= XENSTORE_ABS_PATH_MAX) {
		path[len++] = '/';
		path[len++] = 'd';
	}
	path[len] = '\0';
	fine = !xs_write(good, XS_TXN_NONE, path, "bottom", 6);
	tap(fine && xs_exists(good, XS_TXN_NONE, path) == 1, "a tree of 1536 levels is made");
	path[2] = '\0';
	tap(!xs_rm(good, XS_TXN_NONE, path) && good_works(), "… and removed");
}

static void garbage(void)
{
	unsigned int state = 99;
	char noise[512];

	for (int i = 0; i < 300; i++) {
		int fd = bad_connect();

		for (size_t k = 0; k < sizeof(noise); k++) {
			state = state * 1103515245u + 12345u;
			/* Headers that look like some, half of the time. */
			noise[k] = (char)(i % 2 && k % 4 ? 0 : state >> 16);
		}
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) < 0 && errno != EPIPE)
			die("send: %s", strerror(errno));
		close(fd);
	}
	tap(good_works(), "300 clients that send noise");
}

static void many_clients(void)
{
	static int fd[2000];
	struct rlimit files;
	int n = 0;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	while (n < 2000 && n + 64 < (int)files.rlim_cur && (fd[n] = daemon_connect(&d)) >= 0)
		n++;
	tap(good_works(), "%d idle clients", n);
	while (n-- > 0)
		close(fd[n]);
}

int main(int argc, char **argv)
{
	static const char *const check[] = { "check" };
	char *answer = NULL;

	signal(SIGPIPE, SIG_IGN);
	daemon_place(&d, argv[1]);
	daemon_start(&d, NULL);
	if (xs_open(&good, XS_OPEN_SOCKET_ONLY))
		die("no connection");
	half_a_header();
	reads_no_answers();
	reads_no_events();
	opens_transactions_for_ever();
	deep_tree();
	garbage();
	many_clients();
	tap(!xs_control(good, check, 1, &answer) && !strncmp(answer, "OK", 2),
	    "the store is sound afterwards");
	free(answer);
	xs_close(good);
	daemon_remove(&d);
	return tap_end();
}
