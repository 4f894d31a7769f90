/* Connections to the daemon, and the wire protocol on them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/bench/load/load.h"
#include "xenstore/fdio.h"
#include "xenstore/unixsock.h"

void conn_open(struct conn *c)
{
	c->next_id = 1;
	c->events = 0;
	c->head = c->tail = 0;
	c->fd = unixsock_connect(opt.socket);
	if (c->fd < 0)
		die("connect %s: %s", opt.socket, strerror(-c->fd));
}

void conn_close(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
}

struct conn *conn_new(void)
{
	struct conn *c = malloc(sizeof(*c));

	if (!c)
		die("out of memory");
	conn_open(c);
	return c;
}

void conn_free(struct conn *c)
{
	conn_close(c);
	free(c);
}

void send_all(int fd, const void *data, size_t len)
{
	int rc = fdio_write(fd, data, len);

	if (rc)
		die("write: %s", strerror(-rc));
}

/* Lay out one request at "out"; returns its length. */
size_t frame(unsigned char *out, uint32_t type, uint32_t id, uint32_t tx,
		    const void *a, size_t alen, const void *b, size_t blen)
{
	struct xsd_sockmsg h = { type, id, tx, alen + blen };

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), a, alen);
	if (blen)
		memcpy(out + sizeof(h) + alen, b, blen);
	return sizeof(h) + alen + blen;
}

/* A path counts with its NUL; more data may follow it. */
void request(struct conn *c, uint32_t type, uint32_t tx,
		    const char *path, const void *data, size_t len)
{
	unsigned char out[FRAME_MAX];

	send_all(c->fd, out, frame(out, type, c->next_id++, tx, path,
				   strlen(path) + 1, data, len));
}

static int error_number(const char *name)
{
	for (size_t i = 0; i < COUNT(xsd_errors); i++)
		if (!strcmp(name, xsd_errors[i].errstring))
			return xsd_errors[i].errnum;
	return EIO;
}

/* Take one complete message out of the buffer, if there is one. */
bool take(struct conn *c, struct reply *r)
{
	size_t have = c->tail - c->head;

	if (have < sizeof(r->h))
		return false;
	memcpy(&r->h, c->buf + c->head, sizeof(r->h));
	if (r->h.len > XENSTORE_PAYLOAD_MAX)
		die("the server sent a payload of %u bytes", r->h.len);
	if (have < sizeof(r->h) + r->h.len)
		return false;
	r->data = (char *)c->buf + c->head + sizeof(r->h);
	c->head += sizeof(r->h) + r->h.len;
	r->err = 0;
	if (r->h.type == XS_ERROR) {
		char name[32] = "";

		memcpy(name, r->data, r->h.len < 31 ? r->h.len : 31);
		r->err = error_number(name);
	}
	return true;
}

/* One read() into the buffer. */
void fill(struct conn *c)
{
	ssize_t n;

	if (c->head == c->tail) {
		c->head = c->tail = 0;
	} else if (sizeof(c->buf) - c->tail < FRAME_MAX) {
		memmove(c->buf, c->buf + c->head, c->tail - c->head);
		c->tail -= c->head;
		c->head = 0;
	}
	do
		n = read(c->fd, c->buf + c->tail, sizeof(c->buf) - c->tail);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		die("the server closed the connection%s%s", n ? ": " : "",
		    n ? strerror(errno) : "");
	c->tail += n;
}

/* The next message that is no watch event. */
void receive(struct conn *c, struct reply *r)
{
	for (;;) {
		while (!take(c, r))
			fill(c);
		if (r->h.type != XS_WATCH_EVENT)
			return;
		c->events++;
	}
}

/* One more watch event. */
void receive_event(struct conn *c)
{
	struct reply r;

	while (!take(c, &r))
		fill(c);
	if (r.h.type != XS_WATCH_EVENT)
		die("an unexpected message came");
	c->events++;
}

int call(struct conn *c, uint32_t type, uint32_t tx, const char *path,
		const void *data, size_t len, struct reply *out)
{
	struct reply r;

	request(c, type, tx, path, data, len);
	receive(c, &r);
	if (out)
		*out = r;
	return r.err;
}

void must(struct conn *c, uint32_t type, uint32_t tx, const char *path,
		 const void *data, size_t len)
{
	int err = call(c, type, tx, path, data, len, NULL);

	if (err)
		die("request %u on %s: %s", type, path, strerror(err));
}

void put(struct conn *c, uint32_t tx, const char *path, const char *val)
{
	must(c, XS_WRITE, tx, path, val, strlen(val));
}

/* Remove a tree; it need not be there. */
void prune(struct conn *c, const char *path)
{
	int err = call(c, XS_RM, 0, path, NULL, 0, NULL);

	if (err && err != ENOENT)
		die("removing %s: %s", path, strerror(err));
}

uint32_t txn_start(struct conn *c)
{
	struct reply r;

	if (call(c, XS_TRANSACTION_START, 0, "", NULL, 0, &r))
		die("no transaction: %s", strerror(r.err));
	return strtoul(r.data, NULL, 10);
}

int txn_end(struct conn *c, uint32_t tx)
{
	return call(c, XS_TRANSACTION_END, tx, "T", NULL, 0, NULL);
}
