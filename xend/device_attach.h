/*
 * device_attach.h - devices come and go: nodes, drivers, scripts, in the right order, each step
 * with a time limit.  Runs in workers; every function may be killed at any moment, and done over.
 */
#ifndef XEND_DEVICE_ATTACH_H
#define XEND_DEVICE_ATTACH_H

#include <stdbool.h>
#include "xend/device_store.h"

/* What goes wrong while a device is set up and is nobody's leak:
 *	loop devices go with their last user (loopdev.h),
 *	nodes carry the domain's UUID, and device_sweep() looks for those whose domain is gone,
 *	scripts undo what they did when they are told `remove` or `offline`, as often as they are. */

/* Writes the nodes and waits until both the kernel's driver and the script have done their part.
 * The guest may then connect.  0, or -errno with f said and nothing left. */
int device_attach(struct xs *xs, const struct device *d, struct fault *f);

/* All devices of a new domain that does not run yet. */
int device_attach_all(struct xs *xs, const struct config *c, const struct device_owner *owner,
		      struct fault *f);

/* Asks the guest to let go, waits until it has, and removes all of it.
 * force: doesn't ask.  -EBUSY: the guest refuses, and the device stays until it does. */
int device_detach(struct xs *xs, const struct device_name *n, bool force, struct fault *f);

/* All devices of a domain that is dead or about to be; uuid: only those marked so, or NULL.
 * 0 or -errno; scripts that fail are logged, no more. */
int device_remove_all(struct xs *xs, uint32_t domid, const char *uuid);

/* Something for device_reap_work() (device_jobs.h) to do: devices of a domain that is gone, or that were asked
 * to go and now have. */
struct device_orphan {
	uint32_t domid;
	char uuid[40];
};

/* The first count of them; the number, or -errno.  is_alive(domid, uuid) asks the hypervisor.
 * Quick: reads only. */
int device_orphans(struct xs *xs, bool (*is_alive)(void *ctx, uint32_t domid, const char *uuid),
		   void *ctx, struct device_orphan *orphan, size_t most);
/* Those that were asked to go and have gone: removes the rest of them. */
int device_reap_left(struct xs *xs, uint32_t domid);

#endif
