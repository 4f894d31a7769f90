/* Devices: the elements of vif, vfb, pci, ioports, irq, vtpm, vscsi, vusb, access_control. */
#include "xend/config_build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const config_classes[] = {
	"vbd", "tap", "vif", "vif2", "vfb", "vkbd", "pci", "ioports", "irq", "vtpm", "vscsi", "vusb",
	"console",
};

const char *config_class_find(const char *class)
{
	for (size_t i = 0; i < sizeof(config_classes) / sizeof(config_classes[0]); i++)
		if (!strcmp(config_classes[i], class))
			return config_classes[i];
	return NULL;
}

struct config_device *config_device_add(struct config *c, const char *class,
					struct config_where where)
{
	struct config_device *grown = reallocarray(c->device, c->devices + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	c->device = grown;
	c->device[c->devices] = (struct config_device){ .class = config_class_find(class),
							.where = where };
	return &c->device[c->devices++];
}

/* A key given twice has its last value, as in a dictionary. */
static int config_device_set_n(struct config_device *d, const char *key, const char *value, size_t n)
{
	struct config_pair *grown;
	char *text = strndup(value, n);

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < d->pairs; i++) {
		if (strcmp(d->pair[i].key, key))
			continue;
		free(d->pair[i].value);
		d->pair[i].value = text;
		return 0;
	}
	grown = reallocarray(d->pair, d->pairs + 1, sizeof(*grown));
	if (grown) {
		d->pair = grown;
		d->pair[d->pairs].key = strdup(key);
	}
	if (!grown || !d->pair[d->pairs].key) {
		free(text);
		return -ENOMEM;
	}
	d->pair[d->pairs++].value = text;
	return 0;
}

int config_device_set(struct config_device *d, const char *key, const char *value)
{
	return config_device_set_n(d, key, value, strlen(value));
}

void config_device_clear(struct config_device *d)
{
	for (size_t i = 0; i < d->pairs; i++) {
		free(d->pair[i].key);
		free(d->pair[i].value);
	}
	free(d->pair);
	d->pair = NULL;
	d->pairs = 0;
}

const struct config_device *config_device_find(const struct config *c, const char *class, size_t n)
{
	for (size_t i = 0; i < c->devices; i++)
		if (c->device[i].class && !strcmp(c->device[i].class, class) && n-- == 0)
			return &c->device[i];
	return NULL;
}

const char *config_device_get(const struct config_device *d, const char *key)
{
	for (size_t i = 0; i < d->pairs; i++)
		if (!strcmp(d->pair[i].key, key))
			return d->pair[i].value;
	return NULL;
}

/* ---- key=value, key=value ---- */

struct config_span {
	const char *at;
	size_t length;
};

static struct config_span config_trim(const char *start, const char *end)
{
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	return (struct config_span){ start, (size_t)(end - start) };
}

struct config_keys {
	const char *class;
	const char *const *key;		/* in the order of the S-expression; NULL: any */
	const char *unknown;		/* how xm said that a key is unknown */
};

static const char *config_key_find(const struct config_keys *keys, struct config_span name)
{
	for (size_t i = 0; keys->key[i]; i++)
		if (strlen(keys->key[i]) == name.length && !memcmp(keys->key[i], name.at, name.length))
			return keys->key[i];
	return NULL;
}

static int config_key_unknown(struct config_build *b, const struct config_keys *keys,
			      struct config_span name, struct config_where where)
{
	const char *best = NULL;
	unsigned least = 3;
	char text[64], hint[200];

	snprintf(text, sizeof(text), "%.*s", (int)(name.length < 60 ? name.length : 60), name.at);
	for (size_t i = 0; keys->key[i]; i++) {
		unsigned distance = config_distance(text, keys->key[i], 2);

		if (distance < least) {
			least = distance;
			best = keys->key[i];
		}
	}
	snprintf(hint, sizeof(hint), best ? "did you mean '%s'?" : "xmdomain.cfg(5) lists the keys of %s",
		 best ? best : keys->class);
	return config_fail(b, where, hint, keys->unknown, text);
}

/* One element into a device whose pairs stand in the order of the keys. */
static int config_pairs(struct config_build *b, const struct config_keys *keys,
			const struct config_item *item, struct config_device *d)
{
	const char *at = item->text, *end, *equals;

	if (!config_trim(at, at + strlen(at)).length)
		return 0;
	for (; at; at = *end ? end + 1 : NULL) {
		struct config_span name, value;
		const char *key;

		end = strchrnul(at, ',');
		if (!config_trim(at, end).length && !*end)
			break;			/* a comma last: xl's habit */
		equals = memchr(at, '=', (size_t)(end - at));
		if (!equals)
			return config_fail(b, item->where, "expected KEY=VALUE, KEY=VALUE",
					   "%.*s should be a pair, separated by an equals sign.",
					   (int)(end - at < 200 ? end - at : 200), at);
		name = config_trim(at, equals);
		value = config_trim(equals + 1, end);
		key = config_key_find(keys, name);
		if (!key)
			return config_key_unknown(b, keys, name, item->where);
		if (config_device_set_n(d, key, value.at, value.length))
			return config_no_memory(b);
	}
	return 0;
}

static void config_sort_pairs(const struct config_keys *keys, struct config_device *d)
{
	size_t n = 0;

	for (size_t k = 0; keys->key[k]; k++)
		for (size_t i = n; i < d->pairs; i++) {
			struct config_pair pair = d->pair[i];

			if (strcmp(pair.key, keys->key[k]))
				continue;
			memmove(&d->pair[n + 1], &d->pair[n], (i - n) * sizeof(pair));
			d->pair[n++] = pair;
			break;
		}
}

static int config_build_pairs(struct config_build *b, const struct config_keys *keys,
			      const struct config_item *item)
{
	struct config_device *d = config_device_add(b->c, keys->class, item->where);
	int rc = d ? config_pairs(b, keys, item, d) : config_no_memory(b);

	if (rc == 0)
		config_sort_pairs(keys, d);
	return rc;
}

/* ---- vif ---- */

static const char *const vif_keys[] = {
	"bridge", "mac", "ip", "script", "type", "model", "vifname", "backend", "rate", "accel",
	"policy", "label", "security_label",
	/* xl's */
	"gatewaydev", "netdev", "devid", "trusted", "mtu", NULL
};

static const struct config_keys vif_row = { "vif", vif_keys, "Invalid vif option: %s" };

static int vif_build(struct config_build *b, const struct config_item *item)
{
	return config_build_pairs(b, &vif_row, item);
}

/* nics=N: an old way to ask for N interfaces. */
static int vif_pad(struct config_build *b)
{
	const struct config_value *nics = &b->c->var[CONFIG_NICS];
	size_t count = b->c->var[CONFIG_VIF].items;

	if (!nics->is_set || nics->origin == CONFIG_FROM_DEFAULT || nics->number < 0)
		return 0;
	if (nics->number == 0) {
		config_warn(b, nics->where, "The nics option is deprecated.  "
			    "Please remove it.");
		return 0;
	}
	if (nics->number > 64)
		return config_fail(b, nics->where, "expected 1 to 64", "Invalid value: %lld",
				   (long long)nics->number);
	config_warn(b, nics->where, "The nics option is deprecated.  "
		    "Please use an empty vif entry instead: vif = [ '' ]");
	for (; count < (size_t)nics->number; count++)
		if (!config_device_add(b->c, "vif", nics->where))
			return config_no_memory(b);
	return 0;
}

static const char *const vif2_keys[] = {
	"front_mac", "back_mac", "backend", "trusted", "back_trusted", "bridge", "filter_mac",
	"front_filter_mac", "pdev", "max_bypasses", NULL
};
static const struct config_keys vif2_row = { "vif2", vif2_keys, "Invalid vif2 option: %s" };

static int vif2_build(struct config_build *b, const struct config_item *item)
{
	return config_build_pairs(b, &vif2_row, item);
}

/* ---- vfb ---- */

static const char *const vfb_keys[] = {
	"vncunused", "type", "vnc", "sdl", "vncdisplay", "vnclisten", "vncpasswd", "keymap",
	"videoram", "opengl", "serial", "monitor", "display", "xauthority", "backend", NULL
};
static const struct config_keys vfb_row = { "vfb", vfb_keys,
	"configuration option %s unknown to vfbs" };

static int vfb_environment(struct config_build *b, struct config_device *d)
{
	const char *display = config_text(b->c, CONFIG_DISPLAY);
	const char *xauthority = config_text(b->c, CONFIG_XAUTHORITY);

	if (display && !config_device_get(d, "display") && config_device_set(d, "display", display))
		return config_no_memory(b);
	if (xauthority && !config_device_get(d, "xauthority") &&
	    config_device_set(d, "xauthority", xauthority))
		return config_no_memory(b);
	config_sort_pairs(&vfb_row, d);
	return 0;
}

/* Every frame buffer comes with a keyboard and mouse. */
static int vfb_build(struct config_build *b, const struct config_item *item)
{
	int rc;

	if (!config_device_add(b->c, "vkbd", item->where))
		return config_no_memory(b);
	rc = config_build_pairs(b, &vfb_row, item);
	return rc ? rc : vfb_environment(b, &b->c->device[b->c->devices - 1]);
}

static const char *const vusb_keys[] = {
	"usbver", "numports", "backend", "port_1", "port_2", "port_3", "port_4", "port_5", "port_6",
	"port_7", "port_8", "port_9", "port_10", "port_11", "port_12", "port_13", "port_14", "port_15",
	"port_16", NULL
};
static const struct config_keys vusb_row = { "vusb", vusb_keys, "Invalid vusb option: %s" };

static int vusb_build(struct config_build *b, const struct config_item *item)
{
	return config_build_pairs(b, &vusb_row, item);
}

/* ---- pci ---- */

/* Hexadecimal digits, 1 to most; the length, 0 when there are none or more. */
static size_t pci_digits(const char *at, size_t most)
{
	size_t n = strspn(at, "0123456789abcdefABCDEF");

	return n <= most ? n : 0;
}

/* [DDDD:]BB:SS.F, with `,` for the separators too: the digits of each part as they stand. */
static bool pci_parse(const char *at, char part[4][16])
{
	size_t n[3];
	const char *start[3];
	int parts = 0;

	at += strspn(at, " \t");
	while (parts < 3 && (n[parts] = pci_digits(at, 4))) {
		start[parts] = at;
		at += n[parts++];
		if (*at != ':' && *at != ',' && *at != '.')
			return false;
		at++;
		if (at[-1] == '.' || (parts == 3))
			break;
		/* a comma before the function: what follows are one digit and no separator */
		if (at[-1] == ',' && parts >= 2 && isxdigit((unsigned char)at[0]) &&
		    !isxdigit((unsigned char)at[1]) && at[1] != ':' && at[1] != ',' && at[1] != '.')
			break;
	}
	if (parts < 2 || n[parts - 1] > 2 || n[parts - 2] > 2 || *at < '0' || *at > '7')
		return false;
	snprintf(part[0], 16, "0x%.*s", parts == 3 ? (int)n[0] : 1, parts == 3 ? start[0] : "0");
	snprintf(part[1], 16, "0x%.*s", (int)n[parts - 2], start[parts - 2]);
	snprintf(part[2], 16, "0x%.*s", (int)n[parts - 1], start[parts - 1]);
	snprintf(part[3], 16, "0x%c", *at);
	return true;
}

/* 4.1: @VSLOT and ,key=value behind it. */
static int pci_options(struct config_build *b, const struct config_item *item,
		       struct config_device *d)
{
	const char *at = strchr(item->text, '@'), *options = strchr(item->text, '=');
	size_t n = at ? pci_digits(at + 1, 2) : 0;
	char vslot[8];

	if (at && !n)
		return config_fail(b, item->where, "expected a slot in hexadecimal after '@'",
				   "Invalid pci specifier: %s", item->text);
	snprintf(vslot, sizeof(vslot), "0x%.*s", (int)n, at ? at + 1 : "");
	if (at && config_device_set(d, "vslot", vslot))
		return config_no_memory(b);
	while (options && options > item->text && options[-1] != ',')
		options--;
	if (options && options > item->text && config_device_set(d, "opts", options))
		return config_no_memory(b);
	return 0;
}

static int pci_build(struct config_build *b, const struct config_item *item)
{
	static const char *const names[] = { "domain", "bus", "slot", "func" };
	struct config_device *d;
	char part[4][16];

	if (!pci_parse(item->text, part)) {
		config_warn(b, item->where, "pci: '%s' is ignored, as always: expected "
			    "[DDDD:]BB:SS.F", item->text);
		return 0;
	}
	d = config_device_add(b->c, "pci", item->where);
	for (size_t i = 0; i < 4; i++)
		if (!d || config_device_set(d, names[i], part[i]))
			return config_no_memory(b);
	return pci_options(b, item, d);
}

/* ---- ioports, irq, vtpm, vscsi ---- */

static int ioports_build(struct config_build *b, const struct config_item *item)
{
	static const char hint[] = "expected FROM or FROM-TO in hexadecimal, up to ffff";
	struct config_device *d;
	unsigned long from, to;
	char *end;

	errno = 0;
	from = to = strtoul(item->text, &end, 16);
	if (*end == '-')
		to = strtoul(end + 1, &end, 16);
	if (errno || *end || !isxdigit((unsigned char)item->text[0]) || from > to || to > 0xffff)
		return config_fail(b, item->where, hint, "Invalid i/o port range specifier: %s",
				   item->text);
	d = config_device_add(b->c, "ioports", item->where);
	end = strchr(item->text, '-');
	if (!d || config_device_set_n(d, "from", item->text, end ? (size_t)(end - item->text) :
				      strlen(item->text)) ||
	    config_device_set(d, "to", end ? end + 1 : item->text))
		return config_no_memory(b);
	return 0;
}

static int irq_build(struct config_build *b, const struct config_item *item)
{
	struct config_device *d;
	int64_t n;

	if (!config_number(item->text, &n) || n < 0 || n > 65535)
		return config_fail(b, item->where, "expected the number of an interrupt",
				   "irq: Invalid config setting irq: %s", item->text);
	d = config_device_add(b->c, "irq", item->where);
	return !d || config_device_set(d, "irq", item->text) ? config_no_memory(b) : 0;
}

static const char *const vtpm_keys[] = { "pref_instance", "instance", "backend", "uuid", NULL };
static const struct config_keys vtpm_row = { "vtpm", vtpm_keys, "Invalid vtpm specifier: %s" };

/* instance=N,backend=DOM; N becomes pref_instance. */
static int vtpm_build(struct config_build *b, const struct config_item *item)
{
	struct config_device *d;
	const char *text;
	int64_t n = 1;
	int rc = config_build_pairs(b, &vtpm_row, item);

	if (rc)
		return rc;
	d = &b->c->device[b->c->devices - 1];
	text = config_device_get(d, "instance");
	if (text && !config_number(text, &n))
		return config_fail(b, item->where, NULL,
				   "Vm config error: could not parse instance number.");
	if (n == 0)
		return config_fail(b, item->where, "expected 1 to 255",
				   "VM config error: vTPM instance must not be 0.");
	for (size_t i = 0; i < d->pairs; i++)
		if (!strcmp(d->pair[i].key, "instance")) {
			char *key = strdup("pref_instance");

			if (!key)
				return config_no_memory(b);
			free(d->pair[i].key);
			d->pair[i].key = key;
		}
	return 0;
}

/* PDEV, VDEV[, DOM]; VDEV is H:C:T:L or host. */
static int vscsi_build(struct config_build *b, const struct config_item *item)
{
	static const char *const names[] = { "p-dev", "v-dev", "backend" };
	struct config_device *d = config_device_add(b->c, "vscsi", item->where);
	const char *at = item->text, *end;
	size_t n = 0;

	for (; d && at && n < 3; at = *end ? end + 1 : NULL) {
		struct config_span part;

		end = strchrnul(at, ',');
		part = config_trim(at, end);
		if (config_device_set_n(d, names[n++], part.at, part.length))
			return config_no_memory(b);
	}
	if (d && (at || n < 2))
		return config_fail(b, item->where, "expected 'PDEV, VDEV[, DOM]'",
				   "vscsi syntax error \"%s\"", item->text);
	return d ? 0 : config_no_memory(b);
}

/* ---- access_control ---- */

static const char *const label_keys[] = { "policy", "label", NULL };
static const struct config_keys label_row = { "access_control", label_keys,
	"Invalid access_control specifier: %s" };

static int label_build(struct config_build *b, const struct config_item *item)
{
	struct config_device d = { .class = NULL };
	const char *policy, *label;
	int rc = config_pairs(b, &label_row, item, &d);

	policy = config_device_get(&d, "policy");
	label = config_device_get(&d, "label");
	if (rc == 0 && (!policy || !label))
		rc = config_fail(b, item->where, "expected 'policy=P,label=L'",
				 "Invalid access_control specifier: %s", item->text);
	if (rc == 0 && b->c->security_policy)
		rc = config_fail(b, item->where, NULL, "Multiple access_control definitions.");
	if (rc == 0) {
		b->c->security_policy = strdup(policy);
		b->c->security_label = strdup(label);
		if (!b->c->security_policy || !b->c->security_label)
			rc = config_no_memory(b);
	}
	config_device_clear(&d);
	return rc;
}

/* ---- all of them, in the order of the S-expression ---- */

static const struct config_device_row {
	enum config_id id;
	int (*build)(struct config_build *b, const struct config_item *item);
	size_t most;			/* further elements are ignored; 0: no limit */
	int (*finish)(struct config_build *b);
} config_device_rows[] = {
	{ CONFIG_ACCESS_CONTROL, label_build, 0, NULL },
	{ CONFIG_DISK, config_disk_build, 0, NULL },
	{ CONFIG_PCI, pci_build, 0, NULL },
	{ CONFIG_IOPORTS, ioports_build, 0, NULL },
	{ CONFIG_IRQ, irq_build, 0, NULL },
	{ CONFIG_VSCSI, vscsi_build, 0, NULL },
	{ CONFIG_VUSB, vusb_build, 0, NULL },
	{ CONFIG_VIF, vif_build, 0, vif_pad },
	{ CONFIG_VIF2, vif2_build, 0, NULL },
	{ CONFIG_VTPM, vtpm_build, 1, NULL },
	{ CONFIG_VFB, vfb_build, 0, NULL },
};

/* Where X is, for frame buffers and device models. */
static int config_take_environment(struct config_build *b)
{
	const char *display = getenv("DISPLAY"), *xauthority = getenv("XAUTHORITY");
	const char *home = getenv("HOME");
	char path[4096];
	int rc = 0;

	if (!b->c->var[CONFIG_DISPLAY].is_set && display)
		rc = config_set_text(b, CONFIG_DISPLAY, display, CONFIG_FROM_DEFAULT, config_nowhere);
	if (rc || b->c->var[CONFIG_XAUTHORITY].is_set)
		return rc;
	snprintf(path, sizeof(path), "%s/.Xauthority", home ? home : "/root");
	return config_set_text(b, CONFIG_XAUTHORITY, xauthority ? xauthority : path,
			       CONFIG_FROM_DEFAULT, config_nowhere);
}

static int config_check_nfs(struct config_build *b)
{
	const char *root = config_text(b->c, CONFIG_NFS_ROOT);
	const char *server = config_text(b->c, CONFIG_NFS_SERVER);

	if (!root || !*root || (server && *server))
		return 0;
	return config_fail(b, b->c->var[CONFIG_NFS_ROOT].where, "nfs_server is missing",
			   "Must set nfs root and nfs server");
}

int config_devices_build(struct config_build *b)
{
	int rc = config_take_environment(b);

	for (size_t i = 0; i < sizeof(config_device_rows) / sizeof(config_device_rows[0]); i++) {
		const struct config_device_row *row = &config_device_rows[i];
		const struct config_value *value = &b->c->var[row->id];
		size_t count = row->most && value->items > row->most ? row->most : value->items;

		for (size_t k = 0; k < count && config_goes_on(b, rc); k++)
			rc = row->build(b, &value->item[k]);
		if (!config_goes_on(b, rc))
			return rc;
		rc = row->finish ? row->finish(b) : 0;
		if (!config_goes_on(b, rc))
			return rc;
		rc = 0;
	}
	rc = config_check_nfs(b);
	return config_goes_on(b, rc) ? 0 : rc;
}
