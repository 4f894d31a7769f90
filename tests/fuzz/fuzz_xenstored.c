/*
 * A guest and a socket that say anything: requests through request_handle(), rings through
 * ring_serve(), with everything behind them.  Again and again the store must prove sound.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "../fake/xs_guest.h"
#include "xenstore/batch.h"
#include "xenstore/buf.h"
#include "xenstore/conn.h"
#include "xenstore/control.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/request.h"
#include "xenstore/ring.h"
#include "xenstore/start.h"
#include "xenstore/txn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct conn *client;

static void on_event(uint32_t port)
{
}

static void introduce(uint32_t domid)
{
	if (domain_introduce(domid, 1000, 7))
		abort();
	batch_end(0);
}

static void world(void)
{
	bool fresh;
	int fds[2];

	log_open("fuzz", "/dev/null", LOG_LEVEL_ERROR);
	fake_guests_new();
	loop = loop_new();
	conn_init(loop);
	txn_init(loop);
	if (start_store(NULL, &fresh) || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	guest_open(loop, on_event, domains_check);
	if (domain_introduce_own())
		abort();
	batch_end(0);
	client = conn_new_socket(fds[0], false);
}

static void check(void)
{
	static const char *const arg[] = { "check" };
	struct buf out = { 0 };

	if (control_run(NULL, arg, 1, &out) || strncmp(buf_string(&out), "OK", 2))
		abort();
	buf_free(&out);
}

/* CONTROL names files to write and programs to run: not what is tried here. */
static bool is_dangerous(const struct xsd_sockmsg *h, const uint8_t *data)
{
	return h->type == XS_CONTROL && h->len && (*data == 'l' || *data == 'm');
}

/* Answers go nowhere, or they would fill the socket. */
static void forget_answers(struct conn *c)
{
	if (!c->chan) {
		c->out.len = c->out_sent = 0;
		c->out_done = c->out_total;
	}
}

static void one_request(struct conn *c, const uint8_t *data, size_t size)
{
	static char frame[FRAME_MAX];
	struct xsd_sockmsg h = { 0 };

	if (size < 2)
		return;
	h.type = data[0] % 28;
	h.tx_id = data[1] % 16;
	h.len = (uint32_t)(size - 2 > XENSTORE_PAYLOAD_MAX ? XENSTORE_PAYLOAD_MAX : size - 2);
	if (is_dangerous(&h, data + 2))
		return;
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), data + 2, h.len);
	request_handle(c, frame, sizeof(h) + h.len);
	c->parked = false;
	forget_answers(c);
}

/* The guest may write anything anywhere in its page. */
static void scribble(uint32_t domid, const uint8_t *data, size_t size)
{
	struct xenstore_domain_interface *page = fake_guest[domid].page;
	size_t at, n;

	if (size < 2)
		return;
	at = (size_t)(data[0] | data[1] << 8) % sizeof(*page);
	n = size - 2;
	if (n > sizeof(*page) - at)
		n = sizeof(*page) - at;
	memcpy((char *)page + at, data + 2, n);
}

static void guest_step(uint32_t domid, uint8_t how, const uint8_t *data, size_t size)
{
	static char sink[XENSTORE_RING_SIZE];
	struct domain *d = domain_find(domid);
	struct xenstore_domain_interface *page = fake_guest[domid].page;

	if (!d || !d->conn) {
		memset(page, 0, 4096);
		introduce(domid);
		d = domain_find(domid);
	}
	if (how % 4 == 0)
		scribble(domid, data, size);
	else if (how % 4 == 1 && !(d->rec->flags & DOMAIN_BAD))
		one_request(d->conn, data, size);
	else if (page->req_prod - page->req_cons <= XENSTORE_RING_SIZE)
		fake_send(domid, data, size);
	if (d->conn && !d->conn->dead)
		ring_serve(d);
	if (how & 64 && page->rsp_prod - page->rsp_cons <= XENSTORE_RING_SIZE)
		fake_take(domid, sink, sizeof(sink));
}

/* The input is pieces: a length, who, how, and what. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int runs;

	if (!loop)
		world();
	while (size > 6) {
		size_t n = (size_t)(data[0] | (data[1] & 15) << 8) + 2;
		uint8_t who = data[2] % 4, how = data[3];

		data += 4;
		size -= 4;
		if (n > size)
			n = size;
		if (who == 0)
			one_request(client, data, n);
		else
			guest_step(who, how, data, n);
		data += n;
		size -= n;
		loop_once(loop, 0);
	}
	if (++runs % 16 == 0)
		check();
	if (runs % 512 == 0) {
		/* Back to a small store. */
		one_request(client, (const uint8_t *)"\x0d\0/local", 9);
		for (uint32_t i = 1; i < 4; i++)
			if (domain_is_introduced(i))
				batch_end(domain_release(i));
		check();
	}
	return 0;
}
