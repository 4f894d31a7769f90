/*
 * conring.h - a guest's console ring (xen/io/console.h), seen from the daemon's side.
 *
 * The page is shared with a guest that may write anything to it at any time: each index is read
 * once, judged, and only then used.  Pure: no hypercalls.
 */
#ifndef XEND_CONRING_H
#define XEND_CONRING_H

#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>

/* Takes what the guest has written, up to size bytes: the count, or -EINVAL when its indexes
 * are impossible (the ring is then set to empty, so that it can recover). */
int conring_read(struct xencons_interface *ring, char *data, size_t size);
/* Gives the guest input: how many bytes found room; -EINVAL as above. */
int conring_write(struct xencons_interface *ring, const char *data, size_t size);

#endif
