#include "xenstore/xs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenstore/buf.h"
#include "xenstore/loop.h"

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

static int socket_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
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
	fd = socket_connect(path);
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

int xs_fd(const struct xs *xs)
{
	return xs->fd;
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

/* A payload of strings, each with its NUL, and tail_len bytes after them. */
static int request_strings(struct xs *xs, uint32_t type, uint32_t t, const char *const *s,
			   size_t n, const void *tail, size_t tail_len, char **reply, size_t *len)
{
	struct buf b = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		buf_add(&b, s[i], strlen(s[i]) + 1);
	buf_add(&b, tail, tail_len);
	rc = b.failed ? -ENOMEM : xs_request(xs, type, t, b.data, b.len, reply, len);
	buf_free(&b);
	return rc;
}

static int request_string(struct xs *xs, uint32_t type, uint32_t t, const char *s, char **reply,
			  size_t *len)
{
	return request_strings(xs, type, t, &s, 1, NULL, 0, reply, len);
}

/* ------------------------------------------------------------------- nodes */

int xs_read(struct xs *xs, uint32_t t, const char *path, char **value, size_t *len)
{
	return request_string(xs, XS_READ, t, path, value, len);
}

int xs_write(struct xs *xs, uint32_t t, const char *path, const void *value, size_t len)
{
	return request_strings(xs, XS_WRITE, t, &path, 1, value, len, NULL, NULL);
}

int xs_mkdir(struct xs *xs, uint32_t t, const char *path)
{
	return request_string(xs, XS_MKDIR, t, path, NULL, NULL);
}

int xs_rm(struct xs *xs, uint32_t t, const char *path)
{
	return request_string(xs, XS_RM, t, path, NULL, NULL);
}

/* GET_PERMS is the cheapest question: no value has to travel. */
int xs_exists(struct xs *xs, uint32_t t, const char *path)
{
	int rc = request_string(xs, XS_GET_PERMS, t, path, NULL, NULL);

	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

/* One listing of names, each with its NUL, into an array with the strings behind it. */
static int names_split(const char *list, size_t len, char ***names)
{
	size_t n = 0, k = 0;
	char **array, *text;

	for (size_t i = 0; i < len; i++)
		n += !list[i];
	array = malloc((n + 1) * sizeof(char *) + len + 1);
	if (!array)
		return -ENOMEM;
	text = (char *)(array + n + 1);
	if (len)
		memcpy(text, list, len);
	text[len] = '\0';
	for (size_t i = 0; k < n; i += strlen(text + i) + 1)
		array[k++] = text + i;
	array[n] = NULL;
	*names = array;
	return (int)n;
}

/* One part from offset on: 1 when it is the last, 0 when more follow, -EAGAIN: start again. */
static int directory_part(struct xs *xs, uint32_t t, const char *path, struct buf *all,
			  char *generation, size_t size)
{
	char offset[24], *reply;
	size_t len, gen;
	bool last;
	int rc;

	snprintf(offset, sizeof(offset), "%zu", all->len);
	rc = request_strings(xs, XS_DIRECTORY_PART, t, (const char *[]){ path, offset }, 2, NULL,
			     0, &reply, &len);
	if (rc)
		return rc;
	gen = strnlen(reply, len) + 1;
	if (gen > len || gen > size) {
		free(reply);
		return -EIO;
	}
	if (all->len && strcmp(generation, reply)) {
		free(reply);
		return -EAGAIN;
	}
	memcpy(generation, reply, gen);
	/* The last part ends in an empty name. */
	last = len == gen || (!reply[len - 1] && !reply[len - 2]);
	buf_add(all, reply + gen, len - gen - (last && len > gen));
	free(reply);
	return all->failed ? -ENOMEM : last;
}

static int directory_parts(struct xs *xs, uint32_t t, const char *path, struct buf *all)
{
	char generation[32];
	int rc;

	do {
		rc = directory_part(xs, t, path, all, generation, sizeof(generation));
		if (rc == -EAGAIN) {
			buf_clear(all);
			rc = 0;
		}
	} while (!rc);
	return rc < 0 ? rc : 0;
}

int xs_directory(struct xs *xs, uint32_t t, const char *path, char ***names)
{
	struct buf all = { 0 };
	size_t len;
	char *list;
	int rc = request_string(xs, XS_DIRECTORY, t, path, &list, &len);

	if (rc == 0) {
		rc = names_split(list, len, names);
		free(list);
		return rc;
	}
	if (rc != -E2BIG)
		return rc;
	rc = directory_parts(xs, t, path, &all);
	if (!rc)
		rc = names_split(all.data, all.len, names);
	buf_free(&all);
	return rc;
}

int xs_get_perms(struct xs *xs, uint32_t t, const char *path, struct xs_perm **perms)
{
	char *reply, **text;
	struct xs_perm *p;
	size_t len;
	int n, rc = request_string(xs, XS_GET_PERMS, t, path, &reply, &len);

	if (rc)
		return rc;
	n = names_split(reply, len, &text);
	free(reply);
	if (n < 0)
		return n;
	p = calloc(n ? n : 1, sizeof(*p));
	rc = p ? n : -ENOMEM;
	for (int i = 0; p && i < n; i++) {
		char *end;

		p[i].access = text[i][0];
		p[i].domid = strtoul(text[i][0] ? text[i] + 1 : "", &end, 10);
		if (*end)
			rc = -EIO;
	}
	free(text);
	if (rc < 0)
		free(p);
	else
		*perms = p;
	return rc;
}

int xs_set_perms(struct xs *xs, uint32_t t, const char *path, const struct xs_perm *perms,
		 size_t n)
{
	struct buf b = { 0 };
	int rc;

	buf_add(&b, path, strlen(path) + 1);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%c%" PRIu32, perms[i].access, perms[i].domid);
		buf_add_char(&b, '\0');
	}
	rc = b.failed ? -ENOMEM : xs_request(xs, XS_SET_PERMS, t, b.data, b.len, NULL, NULL);
	buf_free(&b);
	return rc;
}

int xs_printf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (!rc)
		rc = xs_write(xs, t, path, b.data, b.len);
	buf_free(&b);
	return rc;
}

int xs_scanf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
{
	char *value;
	va_list ap;
	int rc = xs_read(xs, t, path, &value, NULL);

	if (rc)
		return rc;
	va_start(ap, fmt);
	rc = vsscanf(value, fmt, ap);
	va_end(ap);
	free(value);
	return rc < 0 ? 0 : rc;
}

char *xs_get(struct xs *xs, uint32_t t, const char *dir, const char *name)
{
	struct buf b = { 0 };
	char *value = NULL;
	int rc = buf_printf(&b, "%s/%s", dir, name);

	if (!rc)
		rc = xs_read(xs, t, b.data, &value, NULL);
	buf_free(&b);
	if (!rc)
		return value;
	errno = -rc;
	return NULL;
}

int xs_get_u64(struct xs *xs, uint32_t t, const char *dir, const char *name, uint64_t *out)
{
	char *value = xs_get(xs, t, dir, name), *end;
	unsigned long long v;
	int rc = 0;

	if (!value)
		return -errno;
	errno = 0;
	v = strtoull(value, &end, strncmp(value, "0x", 2) ? 10 : 16);
	if (errno || end == value || *end || *value == '-')
		rc = -EINVAL;
	else
		*out = v;
	free(value);
	return rc;
}

/* ------------------------------------------------------------ transactions */

/* A number that is the whole of a reply. */
static int reply_number(char *reply, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(reply, &end, 10);
	int rc = end == reply || *end || v > UINT32_MAX ? -EIO : 0;

	*out = (uint32_t)v;
	free(reply);
	return rc;
}

int xs_txn_start(struct xs *xs, uint32_t *t)
{
	char *reply;
	int rc = request_string(xs, XS_TRANSACTION_START, XS_TXN_NONE, "", &reply, NULL);

	return rc ? rc : reply_number(reply, t);
}

int xs_txn_end(struct xs *xs, uint32_t t, bool commit)
{
	return request_string(xs, XS_TRANSACTION_END, t, commit ? "T" : "F", NULL, NULL);
}

int xs_txn(struct xs *xs, int (*body)(struct xs *xs, uint32_t t, void *ctx), void *ctx)
{
	uint32_t t;
	int rc;

	do {
		rc = xs_txn_start(xs, &t);
		if (rc)
			return rc;
		rc = body(xs, t, ctx);
		if (rc < 0) {
			xs_txn_end(xs, t, false);
			return rc;
		}
		rc = xs_txn_end(xs, t, true);
	} while (rc == -EAGAIN);
	return rc;
}

/* ----------------------------------------------------------------- watches */

int xs_watch(struct xs *xs, const char *path, const char *token)
{
	return request_strings(xs, XS_WATCH, XS_TXN_NONE, (const char *[]){ path, token }, 2, NULL,
			       0, NULL, NULL);
}

int xs_watch_depth(struct xs *xs, const char *path, const char *token, unsigned int depth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", depth);
	return request_strings(xs, XS_WATCH, XS_TXN_NONE, (const char *[]){ path, token, text }, 3,
			       NULL, 0, NULL, NULL);
}

int xs_unwatch(struct xs *xs, const char *path, const char *token)
{
	return request_strings(xs, XS_UNWATCH, XS_TXN_NONE, (const char *[]){ path, token }, 2,
			       NULL, 0, NULL, NULL);
}

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

/* ----------------------------------------------------------------- domains */

/* Numbers as decimal strings, the way all requests about domains take them. */
static int request_numbers(struct xs *xs, uint32_t type, const uint64_t *v, size_t n,
			   char **reply)
{
	char text[3][24];
	const char *s[3];

	for (size_t i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "%" PRIu64, v[i]);
		s[i] = text[i];
	}
	return request_strings(xs, type, XS_TXN_NONE, s, n, NULL, 0, reply, NULL);
}

int xs_introduce(struct xs *xs, uint32_t domid, uint64_t gfn, uint32_t port)
{
	return request_numbers(xs, XS_INTRODUCE, (uint64_t[]){ domid, gfn, port }, 3, NULL);
}

int xs_release(struct xs *xs, uint32_t domid)
{
	return request_numbers(xs, XS_RELEASE, (uint64_t[]){ domid }, 1, NULL);
}

int xs_resume(struct xs *xs, uint32_t domid)
{
	return request_numbers(xs, XS_RESUME, (uint64_t[]){ domid }, 1, NULL);
}

int xs_set_target(struct xs *xs, uint32_t domid, uint32_t target)
{
	return request_numbers(xs, XS_SET_TARGET, (uint64_t[]){ domid, target }, 2, NULL);
}

int xs_is_introduced(struct xs *xs, uint32_t domid)
{
	char *reply;
	int rc = request_numbers(xs, XS_IS_DOMAIN_INTRODUCED, (uint64_t[]){ domid }, 1, &reply);

	if (rc)
		return rc;
	rc = !strcmp(reply, "T");
	free(reply);
	return rc;
}

int xs_domain_path(struct xs *xs, uint32_t domid, char **path)
{
	return request_numbers(xs, XS_GET_DOMAIN_PATH, (uint64_t[]){ domid }, 1, path);
}

int xs_control(struct xs *xs, const char *const *arg, size_t n, char **answer)
{
	return request_strings(xs, XS_CONTROL, XS_TXN_NONE, arg, n, NULL, 0, answer, NULL);
}
