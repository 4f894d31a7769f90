/* Between device_attach.c and device_detach.c: waiting, and domain 0's kernel's half of a device. */
#ifndef XEND_DEVICE_WAIT_H
#define XEND_DEVICE_WAIT_H

#include "xenstore/buf.h"
#include "xend/device_store.h"

/* Until is_over(xs, n): 0, -ETIMEDOUT, -ENOTCONN.  Woken by the back-end's nodes, and now and
 * then for what is not in XenStore. */
int device_wait(struct xs *xs, const struct device_name *n,
		bool (*is_over)(struct xs *xs, const struct device_name *n), int limit_ms);

/* Runs the device's script with its word; as hotplug_run(), -ENOENT when it has none. */
int device_script_run(struct xs *xs, const struct device_name *n, const char *word, int limit_ms,
		      struct buf *said);

/* Of devices that domain 0 serves, by its sysfs. */
bool device_has_driver(const struct device_class *class);
bool device_has_kernel_half(const struct device_name *n);
/* blkback has opened the disk. */
bool device_is_open(const struct device_name *n);

#endif
