/* Devices in configurations: find, put, remove. */
#include "xend/device_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "xenstore/xs.h"
#include "xend/domain.h"
#include "xend/job.h"
#include "xend/managed.h"

/* (device (vif …)) → its element when it is of that class. */
static struct sxp *element_of(const struct sxp *child, const struct device_class *class)
{
	const char *head = sxp_head(child);
	struct sxp *element = head && !strcmp(head, "device") && child->count > 1 ? child->item[1] : NULL;

	head = sxp_head(element);
	return head && device_class_find(head) == class ? element : NULL;
}

/* place: the how-manieth of its class. */
static bool is_meant(const struct sxp *element, const struct device_key *key, uint32_t place,
		     const uint8_t uuid[16])
{
	const char *text;
	char made_up[18];
	uint32_t id;

	if (key->class == &device_vbd) {
		text = sxp_child_text(element, "dev");
		return text && config_vdev_parse(text, &id) == 0 && id == key->id;
	}
	if (!key->mac)
		return place == key->id;
	text = sxp_child_text(element, "mac");
	if (!text || !*text) {
		device_mac(uuid, place, made_up);
		text = made_up;
	}
	return !strcasecmp(text, key->mac);
}

/* Its index among config's children; -1. */
static int find_index(const struct sxp *config, const struct device_key *key, const uint8_t uuid[16])
{
	uint32_t place = 0;

	for (size_t i = 0; i < config->count; i++) {
		struct sxp *element = element_of(config->item[i], key->class);

		if (element && is_meant(element, key, place++, uuid))
			return (int)i;
	}
	return -1;
}

struct sxp *device_config_find(const struct sxp *config, const struct device_key *key,
			       const uint8_t uuid[16])
{
	int i = find_index(config, key, uuid);

	return i < 0 ? NULL : element_of(config->item[i], key->class);
}

/* Addresses come from places in the list: before places change, they are written down. */
static int fix_macs(struct sxp *config, const uint8_t uuid[16])
{
	uint32_t place = 0;
	char mac[18];

	for (size_t i = 0; i < config->count; i++) {
		struct sxp *element = element_of(config->item[i], &device_vif);
		const char *text = element ? sxp_child_text(element, "mac") : NULL;

		if (!element)
			continue;
		device_mac(uuid, place++, mac);
		if (!text)
			sxp_push_text(element, "mac", mac);
	}
	return sxp_failed(config) ? -ENOMEM : 0;
}

int device_config_put(struct sxp *config, const struct device_key *key, struct sxp *element,
		      const uint8_t uuid[16])
{
	int i = find_index(config, key, uuid);
	struct sxp *child = sxp_pair("device", element);

	if (fix_macs(config, uuid) < 0 || sxp_failed(child)) {
		sxp_free(child);
		return -ENOMEM;
	}
	if (i >= 0) {
		sxp_free(config->item[i]);
		config->item[i] = child;
		return 0;
	}
	sxp_push(config, child);
	return sxp_failed(config) ? -ENOMEM : 0;
}

int device_config_remove(struct sxp *config, const struct device_key *key, const uint8_t uuid[16])
{
	int i = find_index(config, key, uuid);

	if (i < 0)
		return -ENOENT;
	if (fix_macs(config, uuid) < 0)
		return -ENOMEM;
	sxp_free(config->item[i]);
	config->count--;
	memmove(&config->item[i], &config->item[i + 1],
		(config->count - (size_t)i) * sizeof *config->item);
	return 0;
}

/* ------------------------------------------------------------------ saved */

struct saving {
	const uint8_t *uuid;
	const struct device_key *key;
	const struct sxp *element;
	char path[DEVICE_PATH];
};

static int change(struct sxp *config, const struct saving *s)
{
	int rc;

	if (s->element)
		return device_config_put(config, s->key, sxp_copy(s->element), s->uuid);
	rc = device_config_remove(config, s->key, s->uuid);
	return rc == -ENOENT ? 0 : rc;
}

static int save_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct saving *s = ctx;
	char *text = job_text_read(xs, t, s->path);
	struct sxp *config = NULL;
	struct sxp_error err;
	int rc = text ? 0 : -errno;

	if (rc == 0 && !*text) {
		free(text);
		return 0;		/* nobody wrote it down: another toolstack's */
	}
	if (rc == 0)
		rc = sxp_parse(text, strlen(text), &config, NULL, &err);
	free(text);
	if (rc < 0)
		return rc;
	rc = change(config, s);
	text = rc == 0 ? sxp_print(config) : NULL;
	if (rc == 0)
		rc = text ? xs_rm(xs, t, s->path) : -ENOMEM;
	if (rc == 0)
		rc = job_text_write(xs, t, s->path, text);
	free(text);
	sxp_free(config);
	return rc;
}

static int save_managed(const struct saving *s)
{
	struct sxp *config;
	int rc = managed_load(s->uuid, &config);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = change(config, s);
	if (rc == 0)
		rc = managed_save(s->uuid, config);
	sxp_free(config);
	return rc;
}

int device_config_save(struct xs *xs, const uint8_t uuid[16], const struct device_key *key,
		       const struct sxp *element)
{
	struct saving s = { uuid, key, element, "" };
	char text[DOM_UUID_TEXT];
	int rc = save_managed(&s);

	dom_uuid_print(uuid, text);
	snprintf(s.path, sizeof s.path, "/vm/%s/xend/config", text);
	if (rc == 0)
		rc = xs_txn(xs, save_body, &s);
	return rc == -ENOENT ? 0 : rc;
}
