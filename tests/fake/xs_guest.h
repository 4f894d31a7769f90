/* Guests of our own making, for xenstored without a hypervisor: guest.h's other side. */
#ifndef TESTS_FAKE_GUEST_H
#define TESTS_FAKE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#define FAKE_GUESTS 16

struct fake_guest {
	struct xenstore_domain_interface *page;	/* shared with children of fork() */
	bool alive, dying, shutdown;
	unsigned int generation;	/* another bearer of the domid */
	unsigned int notified;		/* times that the daemon signalled */
	bool mapped;
	uint32_t port;			/* the daemon's end while bound */
};

extern struct fake_guest fake_guest[FAKE_GUESTS];
/* What guest_open() was told to call. */
extern void (*fake_on_event)(uint32_t port);
extern void (*fake_on_change)(void);
/* Called when the daemon signals the guest, if set. */
extern void (*fake_on_notify)(unsigned int domid);

/* All guests new: alive, empty pages. */
void fake_guests_new(void);

/* Put a request into guest's ring, as far as it fits; returns the bytes. */
size_t fake_send(unsigned int domid, const void *data, size_t len);
/* Take what is in the answer ring, at most max bytes. */
size_t fake_take(unsigned int domid, void *data, size_t max);

#endif
