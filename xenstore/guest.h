/*
 * guest.h - what the daemon needs of the host to talk to a guest's ring.
 *
 * guest_xen.c does it through the hypervisor; tests link a guest of their own making instead.
 */
#ifndef XENSTORE_GUEST_H
#define XENSTORE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct xenstore_domain_interface;

struct guest_state {
	uint32_t domid;
	bool exists;
	bool dying;
	bool shutdown;
	unsigned char handle[16];	/* tells two bearers of one domid apart */
};

/*
 * Start: 0, or -errno when there is no hypervisor.  on_event(port) is called from the loop when
 * a local port was signalled, on_change() when some domain died or shut down.
 */
int guest_open(struct loop *l, void (*on_event)(uint32_t port), void (*on_change)(void));

/* The ring page of a domain: its frame, or its reserved grant.  0 or -errno. */
int guest_map(uint32_t domid, uint64_t gfn, struct xenstore_domain_interface **page);
void guest_unmap(uint32_t domid, struct xenstore_domain_interface *page);

/* dom0's own ring, which its kernel offers.  *port is the kernel's end. */
int guest_map_own(struct xenstore_domain_interface **page, uint32_t *port);

/* The local port (> 0), or -errno. */
int guest_bind(uint32_t domid, uint32_t remote_port);
void guest_unbind(uint32_t port);
void guest_notify(uint32_t port);

/* 0, or -errno if nothing can be known. */
int guest_state(uint32_t domid, struct guest_state *out);
/* Up to max domains from domid first upwards, in order: how many, or -errno. */
int guest_list(uint32_t first, unsigned int max, struct guest_state *out);

#endif
