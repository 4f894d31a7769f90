/*
 * device.h - a guest's disks and network interfaces, as both ends see them: what a configuration
 * asks for, and the nodes that say it to the drivers.  Nothing here talks to XenStore or runs
 * anything; device_attach.h does.
 *
 * A device is a pair of directories of XenStore: the front-end's in the guest's part, which the
 * guest may write, and the back-end's in the part of the domain that serves it, which it may not.
 * All that xend acts on later is read from the back-end's.
 */
#ifndef XEND_DEVICE_H
#define XEND_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xend/config.h"
#include "xend/fault.h"

#define DEVICE_PATH 128			/* bytes of a device's directory */
#define DEVICE_NODES 32
#define DEVICE_MARK "xend-vm"		/* back-end's node: the UUID of the domain; ours alone have it */

/* XenbusState of xen/io/xenbus.h; Linux's drivers move through these. */
enum device_state {
	DEVICE_UNKNOWN, DEVICE_INITIALISING, DEVICE_INIT_WAIT, DEVICE_INITIALISED, DEVICE_CONNECTED,
	DEVICE_CLOSING, DEVICE_CLOSED,
};

struct device_class {
	const char *name;		/* of both directories, and of the kernel's driver */
	const char *module;		/* of Linux's that serves it */
	const char *add, *remove;	/* what its script is told */
};

extern const struct device_class device_vbd, device_vif;

/* "vbd", "tap" (served as a vbd) or "vif"; NULL for what is not served. */
const struct device_class *device_class_find(const char *name);

/* Which one: all that its paths are made of. */
struct device_name {
	const struct device_class *class;
	uint32_t domid, backend, id;	/* the guest, the domain that serves it, its number there */
};

const char *device_front(const struct device_name *n, char path[DEVICE_PATH]);
const char *device_back(const struct device_name *n, char path[DEVICE_PATH]);
/* As dom0's scripts are told: relative to its part of XenStore. */
const char *device_script_path(const struct device_name *n, char path[DEVICE_PATH]);

struct device_node {
	const char *name;
	char *value;
};

struct device_nodes {
	struct device_node node[DEVICE_NODES];
	size_t count;
	bool failed;			/* memory ran out */
};

/* Lent; NULL. */
const char *device_nodes_get(const struct device_nodes *n, const char *name);
void device_nodes_free(struct device_nodes *n);

struct device {
	struct device_name name;
	struct device_nodes front, back;
};

/* What a device belongs to. */
struct device_owner {
	uint32_t domid;
	uint8_t uuid[16];
	const char *name;
};

/* The nodes of one device; backend and id are settled by the caller (device_vdev() for disks).
 * 0, -EINVAL or -ENOMEM with f said.  device_free() in every case. */
int device_plan(struct device *d, const struct device_name *name, const struct config_device *c,
		const struct device_owner *owner, struct fault *f);
void device_free(struct device *d);

/* What can be refused before anything is made: class, kind of disk, mode, name, address, rate,
 * the script.  0 or -errno with f said. */
int device_check(const struct config_device *c, struct fault *f);
/* The same for all devices of a configuration, and that no two are the same. */
int device_check_all(const struct config *c, struct fault *f);

/* A disk's number from its name; 0 or -EINVAL with f said. */
int device_vdev(const struct config_device *c, uint32_t *id, struct fault *f);
/* What a person types for a device that is there: a number, or a disk's name.  0 or -EINVAL. */
int device_id_parse(const struct device_class *class, const char *word, uint32_t *id);

/* "phy:vg/root": its type and the rest, lent from uname.  NULL: no such word before a colon. */
const char *device_uname_rest(const char *uname, char type[32]);
/* The file that a loop device is to be made of, lent from uname; NULL: it is no image.
 * *is_direct: past the page cache (tap:aio:). */
const char *device_image(const char *uname, bool *is_direct);

/* 00:16:3e:… for an interface that was given none: always the same for a UUID and a number. */
void device_mac(const uint8_t uuid[16], uint32_t id, char text[18]);
/* xx:xx:xx:xx:xx:xx, not a group's, not all zero. */
bool device_mac_is_valid(const char *text);

#endif
