/* xs.c - a connection: how it is made, messages over it, events from it. */
#include "xenstore/xs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenstore/buf.h"
#include "xenstore/loop.h"
#include "xenstore/unixsock.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define XS_FRAME_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)
#define XS_DEVICE "/dev/xen/xenbus"
#define XS_RUNDIR "/run/xenstored"

struct queued_event {
	struct queued_event *next;
	struct xs_event ev;
};

struct xs {
	int fd;
	bool lost;
	uint32_t next_id;
	struct buf in;			/* bytes received, not yet a whole message */
	struct queued_event *events, **events_end;
	struct loop *loop;		/* while attached */
	struct loop_fd watch;
	struct loop_call drain;		/* events queued during another call */
	void (*on_event)(struct xs *xs, const struct xs_event *ev, void *ctx);
	void *ctx;
	bool *gone;			/* set if closed inside on_event() */
};

/* -------------------------------------------------------------- connecting */

const char *xs_socket_path(bool read_only)
{
	static char path[PATH_MAX];
	const char *env = getenv("XENSTORED_PATH"), *dir = getenv("XENSTORED_RUNDIR");

	if (env && *env && !read_only)
		snprintf(path, sizeof(path), "%s", env);
	else
		snprintf(path, sizeof(path), "%s/socket%s", dir && *dir ? dir : XS_RUNDIR,
			 read_only ? "_ro" : "");
	return path;
}

static int device_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* XENSTORED_PATH may name either kind. */
static int connect_any(unsigned int flags)
{
	const char *path = xs_socket_path(flags & XS_OPEN_READ_ONLY);
	struct stat st;
	int fd, dev;

	if (stat(path, &st) == 0 && S_ISCHR(st.st_mode))
		return device_open(path);
	fd = unixsock_connect(path);
	if (fd >= 0 || (flags & (XS_OPEN_SOCKET_ONLY | XS_OPEN_READ_ONLY)) ||
	    getenv("XENSTORED_PATH"))
		return fd;
	dev = device_open(XS_DEVICE);
	return dev == -ENOENT ? fd : dev;
}

int xs_open(struct xs **out, unsigned int flags)
{
	struct xs *xs = calloc(1, sizeof(*xs));

	if (!xs)
		return -ENOMEM;
	xs->fd = connect_any(flags);
	if (xs->fd < 0) {
		int rc = xs->fd;

		free(xs);
		return rc;
	}
	xs->events_end = &xs->events;
	*out = xs;
	return 0;
}

void xs_close(struct xs *xs)
{
	struct xs_event ev;

	if (!xs)
		return;
	xs_detach(xs);
	xs->lost = true;
	while (xs_next_event(xs, &ev) == 0)
		xs_event_free(&ev);
	close(xs->fd);
	buf_free(&xs->in);
	free(xs);
}

/* ---------------------------------------------------------------- messages */

static int xs_lost(struct xs *xs)
{
	xs->lost = true;
	if (xs->loop)
		loop_defer(xs->loop, &xs->drain);
	return -ENOTCONN;
}

static int send_all(struct xs *xs, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(xs->fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK)
			n = write(xs->fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return xs_lost(xs);
		data += n;
		len -= n;
	}
	return 0;
}

/* One read(); blocks unless the caller knows that there is something. */
static int receive(struct xs *xs)
{
	ssize_t n;

	if (buf_reserve(&xs->in, XS_FRAME_MAX)) {
		xs->in.failed = false;
		return -ENOMEM;
	}
	do
		n = read(xs->fd, xs->in.data + xs->in.len, XS_FRAME_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return xs_lost(xs);
	xs->in.len += n;
	return 0;
}

/* Whether a whole message stands at the buffer's front.  -ENOTCONN if it can't be one. */
static int message_whole(struct xs *xs, struct xsd_sockmsg *h)
{
	if (xs->in.len < sizeof(*h))
		return 0;
	memcpy(h, xs->in.data, sizeof(*h));
	if (h->len > XENSTORE_PAYLOAD_MAX)
		return xs_lost(xs);
	return xs->in.len >= sizeof(*h) + h->len;
}

static void event_queue(struct xs *xs, const char *data, size_t len)
{
	size_t path_len = strnlen(data, len);
	struct queued_event *q = calloc(1, sizeof(*q));

	if (q && path_len < len) {
		q->ev.path = strndup(data, path_len);
		q->ev.token = strndup(data + path_len + 1, len - path_len - 1);
	}
	/* An event that is lost must not be lost silently: the connection goes with it. */
	if (!q || !q->ev.path || !q->ev.token) {
		if (q)
			xs_event_free(&q->ev);
		free(q);
		xs_lost(xs);
		return;
	}
	*xs->events_end = q;
	xs->events_end = &q->next;
	if (xs->loop)
		loop_defer(xs->loop, &xs->drain);
}

/* Take all events off the buffer's front.  1 if another message stands there then. */
static int events_take(struct xs *xs, struct xsd_sockmsg *h)
{
	for (;;) {
		int rc = message_whole(xs, h);

		if (rc <= 0 || h->type != XS_WATCH_EVENT)
			return rc;
		event_queue(xs, xs->in.data + sizeof(*h), h->len);
		buf_consume(&xs->in, sizeof(*h) + h->len);
	}
}

static int error_number(const char *name)
{
	for (size_t i = 0; i < COUNT(xsd_errors); i++)
		if (!strcmp(xsd_errors[i].errstring, name))
			return -xsd_errors[i].errnum;
	return !strcmp(name, "ENOTCONN") ? -ENOTCONN : -EIO;
}

/* The reply to request id, which stands at the buffer's front. */
static int reply_take(struct xs *xs, const struct xsd_sockmsg *h, uint32_t type, char **reply,
		      size_t *len)
{
	char *data = malloc((size_t)h->len + 1);

	if (data) {
		memcpy(data, xs->in.data + sizeof(*h), h->len);
		data[h->len] = '\0';
	}
	buf_consume(&xs->in, sizeof(*h) + h->len);
	if (!data)
		return -ENOMEM;
	if (h->type == type) {
		*reply = data;
		*len = h->len;
		return 0;
	}
	if (h->type == XS_ERROR) {
		int rc = error_number(data);

		free(data);
		return rc;
	}
	free(data);
	return xs_lost(xs);
}

static int reply_wait(struct xs *xs, uint32_t id, uint32_t type, char **reply, size_t *len)
{
	struct xsd_sockmsg h;

	for (;;) {
		int rc = events_take(xs, &h);

		if (xs->lost)
			return -ENOTCONN;
		if (rc > 0 && h.req_id != id)
			buf_consume(&xs->in, sizeof(h) + h.len);	/* of a call that failed */
		else if (rc > 0)
			return reply_take(xs, &h, type, reply, len);
		else if ((rc = receive(xs)) < 0)
			return rc;
	}
}

int xs_request(struct xs *xs, uint32_t type, uint32_t t, const void *payload, size_t len,
	       char **reply, size_t *reply_len)
{
	char frame[XS_FRAME_MAX], *data = NULL;
	struct xsd_sockmsg h = { type, ++xs->next_id, t, (uint32_t)len };
	size_t n = 0;
	int rc;

	if (xs->lost)
		return -ENOTCONN;
	if (len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	memcpy(frame, &h, sizeof(h));
	if (len)
		memcpy(frame + sizeof(h), payload, len);
	rc = send_all(xs, frame, sizeof(h) + len);
	if (!rc)
		rc = reply_wait(xs, h.req_id, type, &data, &n);
	if (rc)
		return rc;
	if (reply)
		*reply = data;
	else
		free(data);
	if (reply_len)
		*reply_len = n;
	return 0;
}

/* So many requests under way never fill the socket both ways: neither side waits for the other. */
#define BATCH_MAX 32

/* Every step-th of n strings. */
static int batch_send(struct xs *xs, uint32_t type, uint32_t t, const char *const *s, size_t n,
		      size_t step, uint32_t *first_id)
{
	struct buf b = { 0 };
	int rc;

	if (xs->lost)
		return -ENOTCONN;
	*first_id = xs->next_id + 1;
	for (size_t i = 0; i < n; i += step) {
		size_t len = strlen(s[i]) + 1;
		struct xsd_sockmsg h = { type, ++xs->next_id, t, (uint32_t)len };

		if (len > XENSTORE_PAYLOAD_MAX) {
			buf_free(&b);
			return -E2BIG;
		}
		buf_add(&b, &h, sizeof(h));
		buf_add(&b, s[i], len);
	}
	rc = b.failed ? -ENOMEM : send_all(xs, b.data, b.len);
	buf_free(&b);
	return rc;
}

static int batch_receive(struct xs *xs, uint32_t type, size_t n, size_t step, uint32_t id,
			 char **reply)
{
	size_t len;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i += step) {
		rc = reply_wait(xs, id++, type, &reply[i], &len);
		if (rc && rc != -ENOTCONN && rc != -ENOMEM)
			rc = 0;			/* the daemon's answer: no such node … */
	}
	return rc;
}

int xs_request_each(struct xs *const *xs, size_t count, uint32_t type, uint32_t t,
		    const char *const *s, size_t n, char **reply)
{
	uint32_t id[XS_SPREAD_MAX];
	int rc = count > XS_SPREAD_MAX ? -EINVAL : 0;

	memset(reply, 0, n * sizeof(*reply));
	for (size_t done = 0, part; done < n && !rc; done += part) {
		part = n - done < count * BATCH_MAX ? n - done : count * BATCH_MAX;
		for (size_t c = 0; c < count && c < part && !rc; c++)
			rc = batch_send(xs[c], type, t, s + done + c, part - c, count, &id[c]);
		for (size_t c = 0; c < count && c < part && !rc; c++)
			rc = batch_receive(xs[c], type, part - c, count, id[c], reply + done + c);
	}
	for (size_t i = 0; i < n && rc; i++) {
		free(reply[i]);
		reply[i] = NULL;
	}
	return rc;
}

/* ------------------------------------------------------------------ events */

static bool event_pop(struct xs *xs, struct xs_event *ev)
{
	struct queued_event *q = xs->events;

	if (!q)
		return false;
	xs->events = q->next;
	if (!xs->events)
		xs->events_end = &xs->events;
	*ev = q->ev;
	free(q);
	return true;
}

int xs_wait_event(struct xs *xs, struct xs_event *ev, int timeout_ms)
{
	uint64_t end = timeout_ms < 0 ? UINT64_MAX :
		loop_now_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd p = { .fd = xs->fd, .events = POLLIN };
	struct xsd_sockmsg h;

	for (;;) {
		uint64_t now;
		int n, rc;

		if (event_pop(xs, ev))
			return 0;
		if (xs->lost)
			return -ENOTCONN;
		now = loop_now_ns();
		n = poll(&p, 1, timeout_ms < 0 ? -1 : now >= end ? 0 :
			 (int)((end - now + 999999) / 1000000));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && (timeout_ms == 0 || loop_now_ns() >= end))
			return -ETIMEDOUT;
		rc = n > 0 ? receive(xs) : 0;
		if (rc && rc != -ENOTCONN)
			return rc;
		/* No call is under way: any other message is of one that failed. */
		while (!xs->lost && events_take(xs, &h) > 0)
			buf_consume(&xs->in, sizeof(h) + h.len);
	}
}

int xs_next_event(struct xs *xs, struct xs_event *ev)
{
	int rc = xs_wait_event(xs, ev, 0);

	return rc == -ETIMEDOUT ? -EAGAIN : rc;
}

void xs_event_free(struct xs_event *ev)
{
	free(ev->path);
	free(ev->token);
	*ev = (struct xs_event){ 0 };
}

/* Stop at once when on_event() has closed or detached the connection. */
static void events_deliver(struct xs *xs)
{
	bool gone = false;
	struct xs_event ev;
	int rc = 0;

	xs->gone = &gone;
	while (!gone && (rc = xs_next_event(xs, &ev)) == 0) {
		xs->on_event(xs, &ev, xs->ctx);
		xs_event_free(&ev);
	}
	if (gone)
		return;
	xs->gone = NULL;
	if (rc == -ENOTCONN) {
		void (*on_event)(struct xs *, const struct xs_event *, void *) = xs->on_event;
		void *ctx = xs->ctx;

		xs_detach(xs);
		on_event(xs, NULL, ctx);
	}
}

static void xs_ready(struct loop_fd *w, uint32_t events)
{
	events_deliver(w->ctx);
}

static void xs_drain(struct loop_call *c)
{
	events_deliver(c->ctx);
}

int xs_attach(struct xs *xs, struct loop *l,
	      void (*on_event)(struct xs *xs, const struct xs_event *ev, void *ctx), void *ctx)
{
	int rc = loop_fd_add(l, &xs->watch, xs->fd, EPOLLIN, xs_ready, xs);

	if (rc)
		return rc;
	xs->loop = l;
	xs->on_event = on_event;
	xs->ctx = ctx;
	xs->drain = (struct loop_call){ .run = xs_drain, .ctx = xs };
	loop_defer(l, &xs->drain);	/* what came before */
	return 0;
}

void xs_detach(struct xs *xs)
{
	if (!xs->loop)
		return;
	loop_fd_del(xs->loop, &xs->watch);
	loop_defer_cancel(&xs->drain);
	xs->loop = NULL;
	if (xs->gone)
		*xs->gone = true;
	xs->gone = NULL;
}
