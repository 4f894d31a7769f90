/*
 * reap.h - the end of domains: destroys, releases, removes nodes.  Everything here may be done
 * twice, and to what is only half there.
 */
#ifndef XEND_REAP_H
#define XEND_REAP_H

#include <stdint.h>

struct hyp;
struct xs;

/* Destroys a domain, if it is there, and removes its nodes.  0 or the hypervisor's -errno. */
int reap_domid(struct hyp *h, struct xs *xs, int domid);
/* Every domain that has this UUID, complete or not, and /vm/<uuid>.  0 or -errno. */
int reap_uuid(struct hyp *h, struct xs *xs, const uint8_t uuid[16]);
/* Nodes of domains that were ours and are no more: /vm/<uuid> whose marked domain the
 * hypervisor doesn't have, unless spare() says that a job is at it.  Gives how many. */
int reap_orphans(struct hyp *h, struct xs *xs, int (*spare)(const char *uuid));

#endif
