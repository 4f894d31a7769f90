/* A device's nodes: what the two drivers and the scripts are told. */
#include "xend/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "xend/domain.h"
#include "xend/hotplug.h"
#include "xend/settings.h"

static void put(struct device_nodes *n, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct device_nodes *n, const char *name, const char *format, ...)
{
	va_list va;
	int length;

	if (n->failed || n->count == DEVICE_NODES) {
		n->failed = true;
		return;
	}
	va_start(va, format);
	length = vasprintf(&n->node[n->count].value, format, va);
	va_end(va);
	n->failed = length < 0;
	if (length >= 0)
		n->node[n->count++].name = name;
}

/* A key of the configuration's, under its own name, if it is there and not empty. */
static void put_key(struct device_nodes *n, const struct config_device *c, const char *key)
{
	const char *value = config_device_get(c, key);

	if (value && *value)
		put(n, key, "%s", value);
}

static void put_common(struct device *d, const struct device_owner *owner)
{
	char path[DEVICE_PATH], text[DOM_UUID_TEXT];
	uint8_t uuid[16];

	put(&d->front, "backend", "%s", device_back(&d->name, path));
	put(&d->front, "backend-id", "%" PRIu32, d->name.backend);
	put(&d->front, "state", "%d", DEVICE_INITIALISING);
	put(&d->back, "domain", "%s", owner->name);
	put(&d->back, "frontend", "%s", device_front(&d->name, path));
	put(&d->back, "frontend-id", "%" PRIu32, d->name.domid);
	put(&d->back, "state", "%d", DEVICE_INITIALISING);
	put(&d->back, "online", "1");
	dom_uuid_print(owner->uuid, text);
	put(&d->back, DEVICE_MARK, "%s", text);
	if (dom_uuid_new(uuid) == 0) {
		dom_uuid_print(uuid, text);
		put(&d->back, "uuid", "%s", text);
	}
}

/* The script with its directory, as netback and scripts of old expect it; its words follow. */
static int put_script(struct device *d, const char *text, struct fault *f)
{
	struct hotplug h;
	size_t skip = strspn(text, " \t"), word = strcspn(text + skip, " \t");
	int rc = hotplug_parse(&h, text);

	if (rc < 0)
		fault_set(f, -rc, "'%s' names no script", text);
	else
		put(&d->back, "script", "%s%s", h.path, text + skip + word);
	hotplug_free(&h);
	return rc;
}

static bool is_cdrom(const char *dev)
{
	const char *colon = strchr(dev, ':');

	return colon && !strcmp(colon, ":cdrom");
}

/* w! stays as it is: blkback looks for a w, the script for the whole. */
static const char *mode_node(const char *mode)
{
	return !mode || !strcmp(mode, "rw") ? "w" : !strcmp(mode, "ro") ? "r" : mode;
}

static int plan_disk(struct device *d, const struct config_device *c, struct fault *f)
{
	const char *uname = config_device_get(c, "uname"), *dev = config_device_get(c, "dev");
	const char *script = config_device_get(c, "script"), *rest;
	char type[32];

	rest = device_uname_rest(uname ? uname : "", type);
	if (!rest || !dev)
		return fault_set(f, EINVAL, "Invalid disk specifier: %s", uname ? uname : "");
	put(&d->front, "virtual-device", "%" PRIu32, d->name.id);
	put(&d->front, "device-type", "%s", is_cdrom(dev) ? "cdrom" : "disk");
	put(&d->back, "dev", "%.*s", (int)strcspn(dev, ":"), dev);
	put(&d->back, "type", "%s", type);
	put(&d->back, "params", "%s", rest);
	put(&d->back, "mode", "%s", mode_node(config_device_get(c, "mode")));
	put(&d->back, "device-type", "%s", is_cdrom(dev) ? "cdrom" : "disk");
	put(&d->back, "removable", "%d", is_cdrom(dev));
	put_key(&d->back, c, "bootable");
	return put_script(d, script && *script ? script : "block", f);
}

static void put_rate(struct device *d, const struct config_device *c)
{
	const char *rate = config_device_get(c, "rate");
	uint64_t bytes, interval_us;

	/* A malformed one has always meant: no limit. */
	if (rate && *rate && config_rate_parse(rate, &bytes, &interval_us) == 0)
		put(&d->back, "rate", "%" PRIu64 ",%" PRIu64, bytes, interval_us);
}

static int plan_vif(struct device *d, const struct config_device *c,
		    const struct device_owner *owner, struct fault *f)
{
	static const char *const keys[] = {
		"bridge", "ip", "vifname", "type", "model", "accel", "gatewaydev", "netdev",
		"security_label",
	};
	const char *script = config_device_get(c, "script"), *mac = config_device_get(c, "mac");
	char made_up[18];

	if (!mac || !*mac) {
		device_mac(owner->uuid, d->name.id, made_up);
		mac = made_up;
	}
	put(&d->front, "handle", "%" PRIu32, d->name.id);
	put(&d->front, "mac", "%s", mac);
	put(&d->back, "handle", "%" PRIu32, d->name.id);
	put(&d->back, "mac", "%s", mac);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		put_key(&d->back, c, keys[i]);
	put_rate(d, c);
	return put_script(d, script && *script ? script : settings_text("vif-script"), f);
}

int device_plan(struct device *d, const struct device_name *name, const struct config_device *c,
		const struct device_owner *owner, struct fault *f)
{
	int rc;

	*d = (struct device){ .name = *name };
	put_common(d, owner);
	rc = name->class == &device_vbd ? plan_disk(d, c, f) : plan_vif(d, c, owner, f);
	if (rc == 0 && (d->front.failed || d->back.failed))
		rc = fault_set(f, ENOMEM, "Out of memory");
	return rc;
}

void device_free(struct device *d)
{
	device_nodes_free(&d->front);
	device_nodes_free(&d->back);
}
