/*
 * ring.h - a client by shared page (io/xs_wire.h).
 *
 * The page is the guest's: each of its indexes is read once, judged, and only then used, and
 * ours are kept in the chan, never read back.  A request leaves the ring, and an answer enters
 * it, in the same batch as what it does, so that a daemon that died takes up exactly there.
 */
#ifndef XENSTORE_RING_H
#define XENSTORE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chan;
struct conn;
struct domain;
struct xsd_sockmsg;

/* Events that a guest does not read are dropped after this time (20 s); 0: never. */
void ring_set_patience(uint64_t ns);

/* A new client: take the page's indexes as they are.  Part of the introduction's batch. */
void ring_start(struct domain *d);
/* The daemon is new, the client is not. */
void ring_resume(struct domain *d);
/* Signal, and look at the ring soon. */
void ring_kick(struct domain *d);
/* The domain signalled: send what waits, take what came. */
void ring_serve(struct domain *d);

int ring_reserve(struct conn *c, size_t len);
int ring_put(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
	     const void *b, size_t b_len);
/* Events are refused to a guest that reads nothing, or for which too much is held. */
bool ring_put_event(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
		    const void *b, size_t b_len);
/* The request at hand has left the ring (in this batch). */
void ring_taken(struct conn *c);
/* Free all that the chan holds but watches and transactions. */
void ring_end(struct conn *c);

/* After a start: judge and mark. */
bool ring_mark(struct chan *ch);

#endif
