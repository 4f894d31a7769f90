#include "xenstore/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xenstore/batch.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/request.h"
#include "xenstore/ring.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define HEADER sizeof(struct xsd_sockmsg)
#define READ_MAX 65536u			/* from one client at a time */
#define CHOKE_BYTES (256u << 10)	/* answers that wait: listen to it no more */
#define OUT_BYTES_MAX (8u << 20)	/* events that wait: it is not reading at all */
#define RETRY_NS (50 * UINT64_C(1000000))
#define KEEP_BYTES 4096u		/* of an empty buffer */

struct conn *conns;

static struct {
	struct loop *loop;
	uint32_t numbers;
	struct conn *flush;		/* those with output */
	struct conn *dead;		/* those to be freed */
	struct loop_call flush_call;
	struct loop_call unpark_call;
	struct loop_call reap_call;
	struct loop_timer retry;	/* of those that wait for memory, or for others */
	char in[READ_MAX];
} io;

static void socket_ready(struct loop_fd *w, uint32_t events);

/* ------------------------------------------------------------ come and go */

static void flush_run(struct loop_call *call);
static void reap_run(struct loop_call *call);
static void unpark_run(struct loop_call *call);

static void retry_fire(struct loop_timer *t)
{
	conns_unpark();
}

void conn_init(struct loop *l)
{
	io.loop = l;
	io.flush_call.run = flush_run;
	io.unpark_call.run = unpark_run;
	io.reap_call.run = reap_run;
	io.retry.fire = retry_fire;
}

static struct conn *conn_new(void)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->number = ++io.numbers;
	c->who.target = CALLER_NO_TARGET;
	c->fd = -1;
	c->prev = &conns;
	c->next = conns;
	if (c->next)
		c->next->prev = &c->next;
	conns = c;
	return c;
}

struct conn *conn_new_socket(int fd, bool read_only)
{
	struct conn *c = conn_new();

	if (!c || loop_fd_add(io.loop, &c->io, fd, EPOLLIN, socket_ready, c)) {
		close(fd);
		if (c)
			conn_end(c);
		return NULL;
	}
	c->fd = fd;
	c->read_only = read_only;
	return c;
}

struct conn *conn_new_ring(struct domain *d)
{
	struct conn *c = conn_new();

	if (!c)
		return NULL;
	c->who.domid = d->domid;
	c->domain = d;
	c->chan = &d->rec->chan;
	return c;
}

void conn_end(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	c->dead_next = io.dead;
	io.dead = c;
	watch_del_all(c);
	txn_drop_all(c);
	if (c->chan)
		ring_end(c);
	if (c->fd >= 0) {
		loop_fd_del(io.loop, &c->io);
		close(c->fd);
		c->fd = -1;
	}
	loop_defer(io.loop, &io.reap_call);
}

/* Frees those that ended. */
static void reap_run(struct loop_call *call)
{
	struct conn *c = io.dead, *next;

	io.dead = NULL;
	for (; c; c = next) {
		next = c->dead_next;
		if (c->flushing) {	/* still on that list */
			c->dead_next = io.dead;
			io.dead = c;
			continue;
		}
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
		buf_free(&c->in);
		buf_free(&c->out);
		free(c);
	}
}

/* ------------------------------------------------------------------ output */

void conn_flush_later(struct conn *c)
{
	if (c->flushing)
		return;
	c->flushing = true;
	c->flush_next = io.flush;
	io.flush = c;
	loop_defer(io.loop, &io.flush_call);
}

size_t conn_backlog(const struct conn *c)
{
	return c->chan ? (size_t)(c->out_total - c->out_done) : c->out.len - c->out_sent;
}

int conn_reserve(struct conn *c, size_t len)
{
	return c->chan ? ring_reserve(c, len) : buf_reserve(&c->out, len);
}

int conn_put(struct conn *c, uint32_t type, const struct xsd_sockmsg *to, const void *a,
	     size_t a_len, const void *b, size_t b_len)
{
	struct xsd_sockmsg h = { type, to->req_id, to->tx_id, (uint32_t)(a_len + b_len) };
	char *to_end;

	conn_flush_later(c);
	if (c->chan)
		return ring_put(c, &h, a, a_len, b, b_len);
	if (buf_reserve(&c->out, HEADER + a_len + b_len))
		return -ENOMEM;
	to_end = c->out.data + c->out.len;
	memcpy(to_end, &h, HEADER);
	if (a_len)
		memcpy(to_end + HEADER, a, a_len);
	if (b_len)
		memcpy(to_end + HEADER + a_len, b, b_len);
	c->out.len += HEADER + a_len + b_len;
	c->out_total += HEADER + a_len + b_len;
	return 0;
}

/* An event too large for a payload can't be told (XSA-324). */
bool conn_put_event(struct conn *c, const char *path, size_t path_len, const char *token)
{
	struct xsd_sockmsg h = { XS_WATCH_EVENT, 0, 0, 0 };
	size_t token_len = strlen(token) + 1;
	static char text[XENSTORE_PAYLOAD_MAX];

	if (c->dead || path_len + 1 + token_len > sizeof(text))
		return false;
	memcpy(text, path, path_len);
	text[path_len] = '\0';
	h.len = (uint32_t)(path_len + 1 + token_len);
	if (c->chan) {
		conn_flush_later(c);
		return ring_put_event(c, &h, text, path_len + 1, token, token_len);
	}
	if (conn_backlog(c) < OUT_BYTES_MAX &&
	    !conn_put(c, XS_WATCH_EVENT, &h, text, path_len + 1, token, token_len))
		return true;
	/* To lose an event silently would be worse for a program than to lose its connection. */
	log_warn("client %u reads no events: disconnected", c->number);
	c->lost_events++;
	shutdown(c->fd, SHUT_RDWR);
	return false;
}

static void out_sent(struct conn *c)
{
	if (c->out_sent < c->out.len) {
		/* Moving the rest each time would cost its square. */
		if (c->out_sent > c->out.len / 2) {
			buf_consume(&c->out, c->out_sent);
			c->out_sent = 0;
		}
		return;
	}
	c->out_sent = 0;
	buf_clear(&c->out);
	if (c->out.cap > KEEP_BYTES)
		buf_free(&c->out);
}

static void socket_flush(struct conn *c)
{
	while (c->out_sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			conn_end(c);
			batch_end(0);
			return;
		}
		c->out_sent += (size_t)n;
		c->out_done += (uint64_t)n;
	}
	out_sent(c);
	c->choked = conn_backlog(c) > CHOKE_BYTES;
	loop_fd_set(io.loop, &c->io, (c->choked ? 0 : (uint32_t)EPOLLIN) |
		    (c->out.len ? (uint32_t)EPOLLOUT : 0));
}

static void conn_flush(struct conn *c)
{
	if (c->dead)
		return;
	if (!c->chan) {
		socket_flush(c);
		if (!c->dead && !c->parked && !c->choked && c->in.len)
			conns_unpark();
	} else if (c->domain->page) {
		ring_serve(c->domain);
	}
}

/* Sends what waits, as far as it goes, to all who have something.  Serving a ring may queue output for
 * others, and for itself: that is the next round's. */
static void flush_run(struct loop_call *call)
{
	struct conn *c = io.flush, *next;

	io.flush = NULL;
	for (; c; c = next) {
		next = c->flush_next;
		c->flushing = false;
		conn_flush(c);
		if (c->dead)
			loop_defer(io.loop, &io.reap_call);
	}
}

/* ------------------------------------------------------------------- input */

void conn_taken(struct conn *c)
{
	if (c->chan)
		ring_taken(c);
}

/* Handle the whole requests among len bytes; returns the bytes done, or -EPROTO. */
static ssize_t input_handle(struct conn *c, const char *data, size_t len)
{
	size_t done = 0;

	while (len - done >= HEADER && !c->dead) {
		struct xsd_sockmsg h;

		memcpy(&h, data + done, HEADER);
		if (h.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		if (len - done < HEADER + h.len || conn_backlog(c) > CHOKE_BYTES)
			break;
		c->rest = data + done + HEADER + h.len;
		c->rest_len = len - done - HEADER - h.len;
		if (request_handle(c, data + done, HEADER + h.len))
			break;
		done += HEADER + h.len;
	}
	return (ssize_t)done;
}

static void input_end(struct conn *c, const char *why)
{
	if (why)
		log_info("client %u: %s", c->number, why);
	conn_end(c);
	batch_end(0);
}

/* What stood in the client's own buffer before: handle it, keep the rest. */
static void input_resume(struct conn *c)
{
	ssize_t n = input_handle(c, c->in.data, c->in.len);

	if (c->dead)
		return;
	if (n < 0) {
		input_end(c, "payload too large");
		return;
	}
	buf_consume(&c->in, (size_t)n);
	if (!c->in.len && c->in.cap > KEEP_BYTES)
		buf_free(&c->in);
}

static bool input_waits(const struct conn *c)
{
	struct xsd_sockmsg h;

	if (c->in.len < HEADER)
		return false;
	memcpy(&h, c->in.data, HEADER);
	return c->in.len >= HEADER + h.len;
}

/* Most of the time whole requests come in: they are handled where they were read to. */
static void input_new(struct conn *c, size_t len)
{
	ssize_t n = 0;

	if (!c->in.len) {
		n = input_handle(c, io.in, len);
		if (c->dead)
			return;
	}
	if (n < 0) {
		input_end(c, "payload too large");
		return;
	}
	if ((size_t)n < len && buf_add(&c->in, io.in + n, len - (size_t)n)) {
		input_end(c, "no memory for its request");
		return;
	}
	if (c->in.len && n == 0)
		input_resume(c);
}

static void socket_read(struct conn *c)
{
	ssize_t n = recv(c->fd, io.in, sizeof(io.in), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		input_end(c, NULL);
		return;
	}
	input_new(c, (size_t)n);
}

static void socket_ready(struct loop_fd *w, uint32_t events)
{
	struct conn *c = w->ctx;
	bool flushing = c->flushing;

	c->flushing = true;	/* below: what it is answered needs no second round */
	if (events & EPOLLOUT)
		socket_flush(c);
	if (!c->dead && !c->parked && !c->choked && input_waits(c))
		input_resume(c);
	else if (!c->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		socket_read(c);
	if (!c->dead && c->out.len && !(c->io.events & EPOLLOUT))
		socket_flush(c);
	c->flushing = flushing;
	/* No event will come for what was read already. */
	if (!c->dead && !c->parked && input_waits(c) && conn_backlog(c) <= CHOKE_BYTES)
		loop_defer(io.loop, &io.unpark_call);
}

/* ----------------------------------------------------------------- parking */

/* Not listened to meanwhile, or its next bytes would spin the loop. */
void conn_park(struct conn *c)
{
	c->parked = true;
	if (!io.retry.place)
		loop_timer_start(io.loop, &io.retry, RETRY_NS);
	if (c->fd >= 0)
		loop_fd_set(io.loop, &c->io, c->out.len ? (uint32_t)EPOLLOUT : 0);
}

void conns_unpark(void)
{
	loop_defer(io.loop, &io.unpark_call);
}

static void unpark_run(struct loop_call *call)
{
	struct conn *c, *next;

	for (c = conns; c; c = next) {
		next = c->next;
		if (c->dead || !(c->parked || (c->fd >= 0 && input_waits(c))))
			continue;
		c->parked = false;
		if (c->chan) {
			conn_flush_later(c);
			continue;
		}
		input_resume(c);
		if (!c->dead && !c->parked)
			socket_flush(c);
	}
}

/* ------------------------------------------------------------- live update */

struct conn *conn_restore_socket(int fd, bool read_only, const char *in, size_t in_len,
				 const char *out, size_t out_len)
{
	struct conn *c = conn_new_socket(fd, read_only);

	if (!c)
		return NULL;
	buf_add(&c->in, in, in_len);
	buf_add(&c->out, out, out_len);
	c->out_total = out_len;
	if (out_len)
		conn_flush_later(c);
	if (in_len)
		loop_defer(io.loop, &io.unpark_call);
	return c;
}
