/* A server that keeps no store. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tests/bench/load/load.h"
#include "xenstore/unixsock.h"

/* Watches of the null server: exact paths only, so that "fanout" works. */
struct null_watch {
	int fd;
	char path[48];
	char token[48];
};

struct null_conn {
	int fd;
	bool gone;              /* a write failed: drop it at the next read */
	size_t in_len, out_len;
	unsigned char in[64 * 1024];
	unsigned char out[160 * 1024];
};

static struct {
	struct null_conn *conn[4096];           /* by file descriptor */
	struct null_watch *watch;
	size_t watches;
	char names[XENSTORE_PAYLOAD_MAX];                /* "0\0" "1\0" ... "999\0" */
	size_t name_end[1001];
} null;

static void null_flush(struct null_conn *c)
{
	size_t at = 0;

	while (at < c->out_len && !c->gone) {
		ssize_t n = write(c->fd, c->out + at, c->out_len - at);

		if (n > 0)
			at += n;
		else if (errno != EINTR)
			c->gone = true;
	}
	c->out_len = 0;
}

static void null_put(struct null_conn *c, uint32_t type, const struct xsd_sockmsg *q,
		     const void *data, size_t len)
{
	if (sizeof(c->out) - c->out_len < FRAME_MAX)
		null_flush(c);
	c->out_len += frame(c->out + c->out_len, type, q->req_id, q->tx_id,
			    data, len, NULL, 0);
}

static void null_event(const struct null_watch *w)
{
	static const struct xsd_sockmsg zero;
	char data[2 * sizeof(w->path)];
	size_t n = strlen(w->path) + 1, m = strlen(w->token) + 1;

	memcpy(data, w->path, n);
	memcpy(data + n, w->token, m);
	null_put(null.conn[w->fd], XS_WATCH_EVENT, &zero, data, n + m);
}

static void null_answer(struct null_conn *c, const struct xsd_sockmsg *q,
			const char *data)
{
	switch (q->type) {
	case XS_READ:
		if (strcmp(data, BIG_PATH))
			null_put(c, q->type, q, VALUE16, 16);
		else
			null_put(c, q->type, q, null.names, BIG_SIZE);
		return;
	case XS_TRANSACTION_START:
		null_put(c, q->type, q, "1", 2);
		return;
	case XS_DIRECTORY: {
		const char *p = strrchr(data, '/');
		unsigned long n = p ? strtoul(p + 1, NULL, 10) : 0;

		null_put(c, q->type, q, null.names,
			 null.name_end[n > 1000 ? 1000 : n]);
		return;
	}
	case XS_DIRECTORY_PART:
		null_put(c, XS_ERROR, q, "ENOSYS", 7);
		return;
	case XS_WATCH: {
		struct null_watch *w;

		null.watch = realloc(null.watch,
				     ++null.watches * sizeof(*null.watch));
		w = &null.watch[null.watches - 1];
		w->fd = c->fd;
		snprintf(w->path, sizeof(w->path), "%s", data);
		snprintf(w->token, sizeof(w->token), "%s",
			 data + strlen(data) + 1);
		null_put(c, q->type, q, "OK", 3);
		null_event(w);
		return;
	}
	case XS_WRITE:
		null_put(c, q->type, q, "OK", 3);
		for (size_t i = 0; i < null.watches; i++)
			if (!strcmp(null.watch[i].path, data))
				null_event(&null.watch[i]);
		return;
	default:
		null_put(c, q->type, q, "OK", 3);
	}
}

/* Read once, answer all that is complete; false at the end. */
static bool null_serve(struct null_conn *c)
{
	struct xsd_sockmsg q;
	size_t at = 0;
	ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len - 1);

	if (n <= 0 || c->gone)
		return false;
	c->in_len += n;
	while (c->in_len - at >= sizeof(q)) {
		memcpy(&q, c->in + at, sizeof(q));
		if (q.len > XENSTORE_PAYLOAD_MAX)
			return false;
		if (c->in_len - at < sizeof(q) + q.len)
			break;
		null_answer(c, &q, (char *)c->in + at + sizeof(q));
		at += sizeof(q) + q.len;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	if (null.watches)
		for (size_t i = 0; i < COUNT(null.conn); i++)
			if (null.conn[i])
				null_flush(null.conn[i]);
	null_flush(c);
	return true;
}

static void null_drop(struct null_conn *c)
{
	size_t k = 0;

	for (size_t i = 0; i < null.watches; i++)
		if (null.watch[i].fd != c->fd)
			null.watch[k++] = null.watch[i];
	null.watches = k;
	null.conn[c->fd] = NULL;
	close(c->fd);
	free(c);
}

static struct null_conn *null_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct null_conn *c = calloc(1, sizeof(*c));

	if (fd < 0 || fd >= (int)COUNT(null.conn) || !c)
		die("accept: %s", strerror(errno));
	c->fd = fd;
	return null.conn[fd] = c;
}

void null_server(const char *path, bool blocking)
{
	struct sockaddr_un a;
	int s = unixsock_new(path, 0, &a);
	struct epoll_event ev[64], e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned int i = 0; i < 1000; i++)
		null.name_end[i + 1] = null.name_end[i] + 1 +
			snprintf(null.names + null.name_end[i], 8, "%u", i);
	signal(SIGPIPE, SIG_IGN);
	unlink(path);
	if (s < 0)
		die("%s: %s", path, strerror(-s));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 64))
		die("%s: %s", path, strerror(errno));
	while (blocking) {
		struct null_conn *c = null_accept(s);

		while (null_serve(c))
			;
		null_drop(c);
	}
	e.data.fd = s;
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	for (;;) {
		int n = epoll_wait(ep, ev, COUNT(ev), -1);

		for (int i = 0; i < n; i++) {
			struct null_conn *c;

			if (ev[i].data.fd == s) {
				c = null_accept(s);
				e.data.fd = c->fd;
				epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
				continue;
			}
			c = null.conn[ev[i].data.fd];
			if (c && !null_serve(c))
				null_drop(c);
		}
	}
}
