/*
 * conn.h - a client: what it says, what it is told, what it holds.
 *
 * A client on a socket is a struct conn and nothing else.  A client on a ring (ring.h) also has
 * a struct chan in the heap, so that the daemon's death loses neither half a request nor an
 * answer nor an event.
 *
 * Nothing blocks.  Requests of one client are taken in order; a client whose answers pile up
 * is not listened to until it reads.
 */
#ifndef XENSTORE_CONN_H
#define XENSTORE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenstore/buf.h"
#include "xenstore/loop.h"
#include "xenstore/perms.h"

#define FRAME_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

struct domain;
struct watch;
struct txn;

/* A message that waits for room in a ring. */
struct chan_message {		/* durable */
	uint32_t next;
	uint32_t len;
	uint32_t event;		/* a watch event: may be dropped */
	uint32_t unused;
	char bytes[];
};

struct chan {			/* durable */
	uint32_t req_cons;	/* our indexes: the page's are copies of them */
	uint32_t rsp_prod;
	uint32_t in;		/* bytes of a request that is not whole, FRAME_MAX of room; or 0 */
	uint32_t in_len;
	uint32_t out_first, out_last;	/* struct chan_message */
	uint32_t out_sent;	/* bytes of the first one that are in the ring */
	uint32_t out_count;
	uint32_t watches;	/* struct watch_rec */
	uint32_t txns;		/* struct txn_rec */
};

struct conn {
	struct conn *next, **prev;
	uint32_t number;	/* for the log */
	struct caller who;
	bool read_only;
	bool dead;		/* to be freed at the round's end */
	bool parked;		/* a request waits for another's transaction */
	bool flushing;		/* on the list of those with output */
	struct conn *flush_next;
	struct conn *dead_next;

	struct watch *watches;
	struct txn *txns;
	uint32_t watch_count, txn_count;
	uint32_t conflicts;	/* commits in a row that were told EAGAIN */
	uint32_t lost_events;
	uint64_t out_total;	/* bytes ever queued … */
	uint64_t out_done;	/* … and of these, taken by the client */
	uint64_t stalled_ns;	/* since when nothing has been taken; 0: nothing waits */

	/* on a socket */
	int fd;
	struct loop_fd io;
	struct buf in, out;
	size_t out_sent;
	bool choked;		/* not listened to, its answers pile up */
	uint32_t request_id;	/* of the request at hand */
	const char *rest;	/* what was read behind it */
	size_t rest_len;

	/* on a ring */
	struct domain *domain;
	struct chan *chan;
	uint32_t taken;		/* req_cons once the request at hand is done */
	uint32_t reserved;	/* a struct chan_message for the answer, or 0 */
	size_t reserved_len;
};

extern struct conn *conns;

static inline bool conn_privileged(const struct conn *c)
{
	return c->who.domid == 0;
}

void conn_init(struct loop *l);

/* A client on a socket; the descriptor becomes ours.  NULL: closed again. */
struct conn *conn_new_socket(int fd, bool read_only);
/* A client on the domain's ring. */
struct conn *conn_new_ring(struct domain *d);
/* End it: watches, transactions, output.  Its memory goes when the round is over. */
void conn_end(struct conn *c);

/*
 * Queue a message.  -ENOMEM (ring only).  Part of the batch: a rollback takes it back.
 */
int conn_put(struct conn *c, uint32_t type, const struct xsd_sockmsg *to, const void *a,
	     size_t a_len, const void *b, size_t b_len);
/* A watch event; false: dropped, as the client has not read for too long or too much waits for it. */
bool conn_put_event(struct conn *c, const char *path, size_t path_len, const char *token);

/* Make sure that one message of len bytes can be put.  -ENOMEM. */
int conn_reserve(struct conn *c, size_t len);

/* Part of the batch too: the request at hand is done. */
void conn_taken(struct conn *c);

/* Bytes that wait for the client. */
size_t conn_backlog(const struct conn *c);
void conn_flush_later(struct conn *c);
/* Take up the requests of those who were parked. */
void conns_unpark(void);
void conn_park(struct conn *c);

/* From live update: a conn as it was. */
struct conn *conn_restore_socket(int fd, bool read_only, const char *in, size_t in_len,
				 const char *out, size_t out_len);

#endif
