/* Waiting for the other halves of a device. */
#include "xend/device_wait.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include "xenstore/loop.h"
#include "xenstore/xs.h"

#define LOOK_MS 50			/* how soon what sysfs shows is noticed */
#define SYSFS_PATH 512

/* /sys, or for tests what XEN_SYS names. */
static const char *sysfs(void)
{
	const char *dir = getenv("XEN_SYS");

	return dir && *dir == '/' ? dir : "/sys";
}

int device_wait(struct xs *xs, const struct device_name *n,
		bool (*is_over)(struct xs *xs, const struct device_name *n), int limit_ms)
{
	uint64_t end_ns = loop_now_ns() + (uint64_t)limit_ms * 1000000;
	char path[DEVICE_PATH];
	int rc = xs_watch(xs, device_back(n, path), "device");
	struct xs_event ev;

	while (rc == 0 && !is_over(xs, n)) {
		if (loop_now_ns() >= end_ns) {
			rc = -ETIMEDOUT;
			break;
		}
		rc = xs_wait_event(xs, &ev, LOOK_MS);
		if (rc == 0)
			xs_event_free(&ev);
		while (rc == 0 && xs_next_event(xs, &ev) == 0)
			xs_event_free(&ev);
		if (rc == -ETIMEDOUT)
			rc = 0;
	}
	xs_unwatch(xs, path, "device");
	return rc;
}

bool device_has_driver(const struct device_class *class)
{
	char path[SYSFS_PATH];

	snprintf(path, sizeof path, "%s/bus/xen-backend/drivers/%s", sysfs(), class->name);
	return access(path, F_OK) == 0;
}

static const char *kernel_half(const struct device_name *n, const char *rest, char path[SYSFS_PATH])
{
	snprintf(path, SYSFS_PATH, "%s/bus/xen-backend/devices/%s-%" PRIu32 "-%" PRIu32 "%s", sysfs(),
		 n->class->name, n->domid, n->id, rest);
	return path;
}

/* An interface counts once it can be given to a bridge. */
bool device_has_kernel_half(const struct device_name *n)
{
	char path[SYSFS_PATH], vif[SYSFS_PATH], renamed[SYSFS_PATH];

	if (access(kernel_half(n, "", path), F_OK) < 0)
		return false;
	snprintf(vif, sizeof vif, "%s/class/net/vif%" PRIu32 ".%" PRIu32, sysfs(), n->domid, n->id);
	kernel_half(n, "/net", renamed);	/* it may have another name by now */
	return n->class != &device_vif || access(vif, F_OK) == 0 || access(renamed, F_OK) == 0;
}

bool device_is_open(const struct device_name *n)
{
	char path[SYSFS_PATH];

	return access(kernel_half(n, "/physical_device", path), F_OK) == 0;
}
