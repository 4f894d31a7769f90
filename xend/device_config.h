/*
 * device_config.h - devices in a domain's configuration, so that what was attached is there again
 * after a restart, and what was detached is not.
 */
#ifndef XEND_DEVICE_CONFIG_H
#define XEND_DEVICE_CONFIG_H

#include "xend/device.h"
#include "xend/sxp.h"

struct xs;

/* Which one: a disk by its number; an interface by its address, or by its place in the
 * configuration when mac is NULL. */
struct device_key {
	const struct device_class *class;
	uint32_t id;
	const char *mac;
};

/* In (vm …) or (domain …).  uuid: what made-up addresses come from. */
/* The class's element, e.g. (vbd (uname …) …); lent, NULL. */
struct sxp *device_config_find(const struct sxp *config, const struct device_key *key,
			       const uint8_t uuid[16]);
/* Adds it, in the place of one with the same key.  Takes element.  0 or -ENOMEM. */
int device_config_put(struct sxp *config, const struct device_key *key, struct sxp *element,
		      const uint8_t uuid[16]);
/* 0, -ENOENT, -ENOMEM. */
int device_config_remove(struct sxp *config, const struct device_key *key, const uint8_t uuid[16]);

/* The same in all that is written down of a domain: what it runs with and what it would start
 * with.  element: put a copy of it; NULL: remove. */
int device_config_save(struct xs *xs, const uint8_t uuid[16], const struct device_key *key,
		       const struct sxp *element);

#endif
