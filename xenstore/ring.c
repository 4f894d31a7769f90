#include "xenstore/ring.h"

#include <errno.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/request.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define RING XENSTORE_RING_SIZE
#define HEADER sizeof(struct xsd_sockmsg)
/* dom0's kernel speaks for many programs: its bound only guards against an endless queue. */
#define OUTSTANDING_OWN 4096u

static uint64_t patience_ns = 20 * UINT64_C(1000000000);

void ring_set_patience(uint64_t ns)
{
	patience_ns = ns;
}

static uint32_t index_read(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void index_write(uint32_t *p, uint32_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* n bytes from the ring at index at. */
static void ring_copy_out(void *to, const char *ring, uint32_t at, size_t n)
{
	size_t first = RING - MASK_XENSTORE_IDX(at);

	if (first > n)
		first = n;
	memcpy(to, ring + MASK_XENSTORE_IDX(at), first);
	memcpy((char *)to + first, ring, n - first);
}

static void ring_copy_in(char *ring, uint32_t at, const void *from, size_t n)
{
	size_t first = RING - MASK_XENSTORE_IDX(at);

	if (first > n)
		first = n;
	memcpy(ring + MASK_XENSTORE_IDX(at), from, first);
	memcpy(ring, (const char *)from + first, n - first);
}

static struct chan_message *message_at(uint32_t ref)
{
	return heap_at(ref);
}

static size_t message_size(size_t len)
{
	return offsetof(struct chan_message, bytes) + len;
}

static void message_free(struct conn *c, uint32_t ref)
{
	size_t size = message_size(message_at(ref)->len);

	domain_charge_held(c->domain, -(long)size);
	heap_free(ref, size);
}

static void chan_touch(struct chan *ch)
{
	heap_touch(ch, sizeof(*ch));
}

/* Everything that waits in either direction. */
static void chan_clear(struct conn *c)
{
	struct chan *ch = c->chan;

	chan_touch(ch);
	for (uint32_t ref = ch->out_first; ref; ref = message_at(ref)->next)
		message_free(c, ref);
	heap_free(ch->in, FRAME_MAX);
	ch->out_first = ch->out_last = ch->out_sent = ch->out_count = 0;
	ch->in = ch->in_len = 0;
	c->out_done = c->out_total;
}

void ring_end(struct conn *c)
{
	chan_clear(c);
}

static void ring_forget(struct conn *c)
{
	watch_del_all(c);
	txn_drop_all(c);
	chan_clear(c);
}

/* The ring makes no sense: say so in the page, and listen no more until the domain is gone. */
static void ring_bad(struct domain *d, uint32_t error)
{
	log_warn("domain %u: its ring is broken (error %u), ignored from now on", d->domid, error);
	heap_touch(&d->rec->flags, sizeof(d->rec->flags));
	d->rec->flags |= DOMAIN_BAD;
	ring_forget(d->conn);
	batch_end(0);
	d->page->error = error;
	guest_notify(d->port);
}

/* ------------------------------------------------------------------ output */

int ring_reserve(struct conn *c, size_t len)
{
	c->reserved = heap_alloc(message_size(len));
	c->reserved_len = len;
	return c->reserved ? 0 : -ENOMEM;
}

/* The answer has its memory already; events must not take it. */
static uint32_t message_new(struct conn *c, bool event, size_t len)
{
	uint32_t ref = c->reserved;

	if (event || !ref || c->reserved_len != len)
		return heap_alloc(message_size(len));
	c->reserved = 0;
	return ref;
}

static int message_put(struct conn *c, bool event, const struct xsd_sockmsg *h, const void *a,
		       size_t a_len, const void *b, size_t b_len)
{
	size_t len = HEADER + a_len + b_len;
	uint32_t ref = message_new(c, event, len);
	struct chan *ch = c->chan;
	struct chan_message *m;

	if (!ref)
		return -ENOMEM;
	m = message_at(ref);
	*m = (struct chan_message){ 0, (uint32_t)len, event };
	memcpy(m->bytes, h, HEADER);
	if (a_len)
		memcpy(m->bytes + HEADER, a, a_len);
	if (b_len)
		memcpy(m->bytes + HEADER + a_len, b, b_len);
	chan_touch(ch);
	if (ch->out_last) {
		heap_touch(message_at(ch->out_last), sizeof(*m));
		message_at(ch->out_last)->next = ref;
	} else {
		ch->out_first = ref;
	}
	ch->out_last = ref;
	ch->out_count++;
	domain_charge_held(c->domain, (long)message_size(len));
	c->out_total += len;
	return 0;
}

int ring_put(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
	     const void *b, size_t b_len)
{
	return message_put(c, false, h, a, a_len, b, b_len);
}

/* Drop the events that wait, but not one of which the guest has read a part. */
static void events_purge(struct conn *c)
{
	struct chan *ch = c->chan;
	uint32_t *link = &ch->out_first, last = 0, ref;

	chan_touch(ch);
	while ((ref = *link) != 0) {
		struct chan_message *m = message_at(ref);

		if (!m->event || (ref == ch->out_first && ch->out_sent)) {
			last = ref;
			link = &m->next;
			continue;
		}
		heap_touch(link, sizeof(*link));
		*link = m->next;
		ch->out_count--;
		c->out_total -= m->len;
		c->lost_events++;
		message_free(c, ref);
	}
	ch->out_last = last;
}

bool ring_put_event(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
		    const void *b, size_t b_len)
{
	size_t size = message_size(HEADER + a_len + b_len);

	if (c->domain->rec->flags & DOMAIN_BAD)
		return false;
	if (c->who.domid && patience_ns && c->stalled_ns &&
	    loop_now_ns() - c->stalled_ns > patience_ns) {
		events_purge(c);
		c->lost_events++;
		return false;
	}
	if (domain_afford(c->who.domid, 0, (long)size) ||
	    message_put(c, true, h, a, a_len, b, b_len)) {
		c->lost_events++;
		return false;
	}
	return true;
}

/* Copy what fits, and note how far that is.  The guest sees it once rsp_prod is published. */
static size_t chan_fill(struct conn *c, struct xenstore_domain_interface *page, size_t room)
{
	struct chan *ch = c->chan;
	size_t done = 0;

	chan_touch(ch);
	while (ch->out_first && done < room) {
		uint32_t ref = ch->out_first;
		struct chan_message *m = message_at(ref);
		size_t n = m->len - ch->out_sent;

		if (n > room - done)
			n = room - done;
		ring_copy_in(page->rsp, ch->rsp_prod + (uint32_t)done, m->bytes + ch->out_sent, n);
		done += n;
		ch->out_sent += (uint32_t)n;
		if (ch->out_sent < m->len)
			break;
		ch->out_sent = 0;
		ch->out_first = m->next;
		if (!m->next)
			ch->out_last = 0;
		ch->out_count--;
		message_free(c, ref);
	}
	ch->rsp_prod += (uint32_t)done;
	return done;
}

/*
 * The guest signals only when it takes from a full ring: having filled it, look again whether
 * it was emptied meanwhile.
 */
static void ring_flush(struct conn *c)
{
	struct domain *d = c->domain;
	struct xenstore_domain_interface *page = d->page;
	size_t sent = 0;

	while (page && c->chan->out_first && !(d->rec->flags & DOMAIN_BAD)) {
		uint32_t used = c->chan->rsp_prod - index_read(&page->rsp_cons);
		size_t n;

		if (used > RING) {
			ring_bad(d, XENSTORE_ERROR_RINGIDX);
			return;
		}
		if (used == RING)
			break;
		n = chan_fill(c, page, RING - used);
		batch_end(0);
		c->out_done += n;
		sent += n;
		index_write(&page->rsp_prod, c->chan->rsp_prod);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	if (sent)
		guest_notify(d->port);
	if (sent || !c->chan->out_first)
		c->stalled_ns = 0;
	if (c->chan->out_first && !c->stalled_ns)
		c->stalled_ns = loop_now_ns();
}

/* ------------------------------------------------------------------- input */

void ring_taken(struct conn *c)
{
	struct chan *ch = c->chan;

	chan_touch(ch);
	if (ch->in) {
		heap_free(ch->in, FRAME_MAX);
		ch->in = ch->in_len = 0;
	}
	ch->req_cons = c->taken;
}

/*
 * Move the bytes of a request that is not whole out of the ring.  They can't wait there: a guest
 * signals only what it writes into a ring that it sees empty (Linux, xb_write()).
 */
static int chan_gather(struct conn *c, const struct xenstore_domain_interface *page, size_t n)
{
	struct chan *ch = c->chan;

	chan_touch(ch);
	if (!ch->in) {
		ch->in = heap_alloc(FRAME_MAX);
		ch->in_len = 0;
	}
	if (!ch->in) {
		batch_end(-ENOMEM);
		conn_park(c);		/* it is tried again soon */
		return -ENOMEM;
	}
	ring_copy_out((char *)heap_at(ch->in) + ch->in_len, page->req, ch->req_cons, n);
	ch->in_len += (uint32_t)n;
	ch->req_cons += (uint32_t)n;
	batch_end(0);
	return 0;
}

/*
 * The next request, copied out of the page: its length with the header, 0 if it is not whole
 * yet, -EPROTO if it can't be one.
 */
static int request_next(struct conn *c, const struct xenstore_domain_interface *page,
			uint32_t have, char *frame)
{
	struct chan *ch = c->chan;
	struct xsd_sockmsg h;
	size_t total;

	if (ch->in_len + have < HEADER)
		return have ? chan_gather(c, page, have) : 0;
	if (ch->in_len)
		memcpy(&h, heap_at(ch->in), ch->in_len < HEADER ? ch->in_len : HEADER);
	if (ch->in_len < HEADER)
		ring_copy_out((char *)&h + ch->in_len, page->req, ch->req_cons,
			      HEADER - ch->in_len);
	if (h.len > XENSTORE_PAYLOAD_MAX)
		return -EPROTO;
	total = HEADER + h.len;
	if (ch->in_len + have < total)
		return have ? chan_gather(c, page, have) : 0;
	if (ch->in_len)
		memcpy(frame, heap_at(ch->in), ch->in_len);
	ring_copy_out(frame + ch->in_len, page->req, ch->req_cons, total - ch->in_len);
	memcpy(frame, &h, HEADER);	/* what was judged, not what the guest wrote since */
	c->taken = ch->req_cons + (uint32_t)(total - ch->in_len);
	return (int)total;
}

static bool ring_choked(const struct conn *c)
{
	uint32_t limit = c->who.domid ? domain_quota(c->domain, QUOTA_OUTSTANDING) : OUTSTANDING_OWN;

	return quota_exceeded(c->chan->out_count, limit) || c->parked;
}

/*
 * One look at the ring takes what it holds at that moment: nobody is served for ever.  What came
 * before the guest saw how far we are is not signalled, so there is a next look.
 */
static void ring_take(struct domain *d)
{
	static char frame[FRAME_MAX];
	struct xenstore_domain_interface *page = d->page;
	struct conn *c = d->conn;
	uint32_t prod = index_read(&page->req_prod), before = c->chan->req_cons;

	while (!c->dead && !ring_choked(c)) {
		uint32_t have = prod - c->chan->req_cons;
		int n;

		if (have > RING) {
			ring_bad(d, XENSTORE_ERROR_RINGIDX);
			return;
		}
		n = request_next(c, page, have, frame);
		if (n == -EPROTO) {
			ring_bad(d, XENSTORE_ERROR_PROTO);
			return;
		}
		if (n <= 0)
			break;
		if (request_handle(c, frame, (size_t)n))
			break;		/* parked */
	}
	if (c->dead || c->chan->req_cons == before)
		return;
	index_write(&page->req_cons, c->chan->req_cons);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (index_read(&page->req_prod) != c->chan->req_cons)
		conn_flush_later(c);
	guest_notify(d->port);
}

static void ring_reconnect(struct domain *d)
{
	struct xenstore_domain_interface *page = d->page;
	struct chan *ch = d->conn->chan;

	ring_forget(d->conn);
	chan_touch(ch);
	ch->req_cons = ch->rsp_prod = 0;
	batch_end(0);
	page->req_cons = page->req_prod = page->rsp_cons = page->rsp_prod = 0;
	index_write(&page->connection, XENSTORE_CONNECTED);
	guest_notify(d->port);
}

void ring_serve(struct domain *d)
{
	if (d->page && d->conn)
		log_debug("domain %u: requests %u-%u, answers %u-%u, connection %u, flags %#x",
			  d->domid, d->conn->chan->req_cons, d->page->req_prod, d->page->rsp_cons,
			  d->conn->chan->rsp_prod, d->page->connection, d->rec->flags);
	if (!d->page || !d->conn || d->rec->flags & DOMAIN_BAD)
		return;
	if (d->rec->features & XENSTORE_SERVER_FEATURE_RECONNECTION &&
	    index_read(&d->page->connection) == XENSTORE_RECONNECT) {
		ring_reconnect(d);
		return;
	}
	ring_flush(d->conn);
	ring_take(d);
	if (d->conn && !d->conn->dead)
		ring_flush(d->conn);
}

/* ------------------------------------------------------------- come and go */

void ring_kick(struct domain *d)
{
	guest_notify(d->port);
	conn_flush_later(d->conn);
}

void ring_start(struct domain *d)
{
	struct chan *ch = &d->rec->chan;

	*ch = (struct chan){ .req_cons = index_read(&d->page->req_cons),
			     .rsp_prod = index_read(&d->page->rsp_prod) };
	d->page->server_features = d->rec->features;
	d->page->error = XENSTORE_ERROR_NONE;
	ring_kick(d);
}

void ring_resume(struct domain *d)
{
	struct chan *ch = &d->rec->chan;

	if (!(d->rec->flags & DOMAIN_BAD)) {
		index_write(&d->page->req_cons, ch->req_cons);
		index_write(&d->page->rsp_prod, ch->rsp_prod);
	}
	ring_kick(d);
}

bool ring_mark(struct chan *ch)
{
	uint32_t last = 0, n = 0;

	if (ch->in ? !heap_mark(ch->in, FRAME_MAX) || ch->in_len > FRAME_MAX : ch->in_len != 0)
		return false;
	for (uint32_t ref = ch->out_first; ref; ref = message_at(ref)->next, n++) {
		struct chan_message *m = message_at(ref);

		if (!heap_valid(ref, sizeof(*m)) || m->len > FRAME_MAX || m->len < HEADER ||
		    !heap_mark(ref, message_size(m->len)))
			return false;
		last = ref;
	}
	return last == ch->out_last && n == ch->out_count &&
		(!ch->out_first ? !ch->out_sent : ch->out_sent < message_at(ch->out_first)->len);
}
