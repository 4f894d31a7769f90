/*
 * device_store.h - devices as XenStore holds them: written, found, listed, removed.
 *
 * What is found is found at the back-end's side, in parts of the tree that guests can't write.
 */
#ifndef XEND_DEVICE_STORE_H
#define XEND_DEVICE_STORE_H

#include "xend/device.h"

struct xs;

/* A domain that serves devices: its number or name, "" or NULL for domain 0.
 * 0, or -ENODEV with f said. */
int device_backend_find(struct xs *xs, const char *word, uint32_t *domid, struct fault *f);

/* Both directories at once.  -EEXIST: there is one of them already. */
int device_write(struct xs *xs, const struct device *d);
/* Both directories, what the drivers said of them, and parents that are empty now.
 * What isn't there counts as removed. */
int device_erase(struct xs *xs, const struct device_name *n);

struct device_list {
	struct device_name *name;
	size_t count;
};

/* All devices that some domain serves to domid, of all classes.  uuid: only those that are marked
 * as that domain's; NULL: all. */
int device_list_read(struct xs *xs, uint32_t domid, const char *uuid, struct device_list *l);
void device_list_free(struct device_list *l);
/* The one of a class and number.  -ENODEV: none. */
int device_find(struct xs *xs, const struct device_class *class, uint32_t domid, uint32_t id,
		struct device_name *out);
/* The lowest number that no interface of the domain has. */
int device_free_id(struct xs *xs, const struct device_class *class, uint32_t domid, uint32_t *id);

/* A node of the back-end's, malloc()ed; NULL and errno. */
char *device_back_get(struct xs *xs, const struct device_name *n, const char *node);
/* The back-end's state; DEVICE_UNKNOWN when it has none. */
enum device_state device_back_state(struct xs *xs, const struct device_name *n);
/* What either driver complained of, malloc()ed without its number; NULL: nothing. */
char *device_error_get(struct xs *xs, const struct device_name *n, bool of_back);

/* Devices that were asked to go and whose guests did not let them: remembered until they have. */
#define DEVICE_LEAVING "/tool/xend/leaving"
int device_leaving_add(struct xs *xs, const struct device_name *n);
int device_leaving_list(struct xs *xs, struct device_list *l);

#endif
