/* Disks: xm's 'UNAME,VDEV[:TYPE],MODE[,BACKEND[,PROTOCOL]]' and xl's two ways of saying it. */
#include "xend/config_build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISK_FIELDS 16
#define DISK_TEXT_MAX 4096

struct disk_text {
	char buffer[DISK_TEXT_MAX];
	char *field[DISK_FIELDS];
	size_t fields;
};

static int disk_fail(struct config_build *b, const struct config_item *item, const char *hint)
{
	return config_fail(b, item->where, hint ? hint :
			   "expected 'UNAME,VDEV[:cdrom],MODE[,BACKEND]', "
			   "such as 'phy:vg/root,xvda1,w'",
			   "Invalid disk specifier: %s", item->text);
}

static bool disk_split(const char *text, struct disk_text *t)
{
	char *at = t->buffer;

	if (strlen(text) >= sizeof(t->buffer))
		return false;
	strcpy(t->buffer, text);
	for (t->fields = 0; at; t->fields++) {
		if (t->fields == DISK_FIELDS)
			return false;
		t->field[t->fields] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = '\0';
	}
	return true;
}

static struct config_device *disk_add(struct config_build *b, const struct config_item *item,
				      const char *uname, const char *dev, const char *mode)
{
	struct config_device *d = config_device_add(b->c, strncmp(uname, "tap:", 4) ? "vbd" : "tap",
						    item->where);

	if (d && strncmp(uname, "tap2:", 5) == 0)
		d->class = "tap";
	if (!strncmp(dev, "ioemu:", 6))		/* old HVM syntax: every HVM disk is emulated too */
		dev += 6;
	if (!d || config_device_set(d, "uname", uname) || config_device_set(d, "dev", dev) ||
	    config_device_set(d, "mode", mode))
		return NULL;
	return d;
}

static int disk_build_xm(struct config_build *b, const struct config_item *item,
			 const struct disk_text *t)
{
	struct config_device *d;

	if (t->fields < 3 || t->fields > 5)
		return disk_fail(b, item, NULL);
	d = disk_add(b, item, t->field[0], t->field[1], t->field[2]);
	if (!d || (t->fields > 3 && config_device_set(d, "backend", t->field[3])) ||
	    (t->fields > 4 && config_device_set(d, "protocol", t->field[4])))
		return config_no_memory(b);
	return 0;
}

/* ---- xl ---- */

struct disk_xl {
	const char *target, *format, *vdev, *access, *backend, *script;
	bool is_cdrom;
};

static char *disk_strip(char *text)
{
	char *end;

	text += strspn(text, " \t\n");
	for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]); )
		*--end = '\0';
	return text;
}

static bool disk_is_format(const char *text)
{
	static const char *const names[] = { "raw", "qcow", "qcow2", "vhd", "qed", "vdi" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], text))
			return true;
	return false;
}

static const char **disk_xl_key(struct disk_xl *x, const char *key)
{
	const struct { const char *key; const char **value; } keys[] = {
		{ "target", &x->target }, { "format", &x->format }, { "vdev", &x->vdev },
		{ "access", &x->access }, { "backend", &x->backend }, { "script", &x->script },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].key, key))
			return keys[i].value;
	return NULL;
}

/* KEY=VALUE, or a word of its own; xl's other keys have no meaning here. */
static bool disk_xl_named(struct disk_xl *x, char *field)
{
	static const char *const known[] = { "backendtype", "devtype", "specification", "trusted",
					     "colo", "discard", "no-discard", "direct-io-safe" };
	char *equals = strchr(field, '=');
	const char **value;

	if (!strcmp(field, "cdrom") || !strcmp(field, "devtype=cdrom")) {
		x->is_cdrom = true;
		return true;
	}
	if (equals)
		*equals = '\0';
	value = equals ? disk_xl_key(x, field) : NULL;
	if (value)
		*value = equals + 1;
	for (size_t i = 0; !value && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i], field))
			return true;
	if (equals && !value)
		*equals = '=';
	return value;
}

/* Whether this is xl's: a key of xl's, or a format where xm has the device. */
static bool disk_is_xl(const struct disk_text *t)
{
	struct disk_xl x = { NULL };
	char copy[DISK_TEXT_MAX];
	uint32_t number;

	if (t->fields >= 3 && (disk_is_format(t->field[1]) ||
			       (!t->field[1][0] && !config_vdev_parse(t->field[2], &number))))
		return true;
	for (size_t i = 0; i < t->fields; i++) {
		strcpy(copy, t->field[i]);
		if (strchr(copy, '=') && disk_xl_named(&x, disk_strip(copy)))
			return true;
	}
	return false;
}

/* The target comes last in xl's keys and may hold commas: what the item's text has after it. */
static const char *disk_xl_target(const struct config_item *item)
{
	const char *at = strstr(item->text, "target=");

	return at ? at + strlen("target=") : NULL;
}

static bool disk_xl_parse(const struct config_item *item, struct disk_text *t, struct disk_xl *x)
{
	const char **position[] = { &x->target, &x->format, &x->vdev, &x->access };
	size_t next = 0;

	for (size_t i = 0; i < t->fields; i++) {
		char *field = disk_strip(t->field[i]);

		if (!strncmp(field, "target=", 7)) {
			x->target = disk_xl_target(item);
			return x->target;
		}
		if (disk_xl_named(x, field))
			continue;
		if (next == 4 || strchr(field, '='))
			return false;
		*position[next++] = field;
	}
	return true;
}

static const char *disk_xl_mode(const char *access)
{
	static const char *const modes[][2] = {
		{ "r", "r" }, { "ro", "r" }, { "w", "w" }, { "rw", "w" }, { "w!", "w!" }, { "", "w" },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i][0], access))
			return modes[i][1];
	return NULL;
}

static int disk_build_xl(struct config_build *b, const struct config_item *item,
			 struct disk_text *t)
{
	static const char hint[] = "expected xl's 'TARGET,FORMAT,VDEV,ACCESS' or "
		"'format=raw, vdev=xvda, access=rw, target=/dev/…'";
	struct disk_xl x = { "", "", "", "", NULL, NULL, false };
	struct config_device *d;
	const char *mode, *prefix;
	char *uname, *dev;
	int rc = 0;

	mode = disk_xl_parse(item, t, &x) ? disk_xl_mode(x.access) : NULL;
	if (!mode || !x.vdev[0])
		return disk_fail(b, item, hint);
	prefix = !x.target[0] ? "" : strchr(x.target, ':') && x.target[0] != '/' ? "" :
		*x.format && strcmp(x.format, "raw") ? "tap:" :
		!strncmp(x.target, "/dev/", 5) ? "phy:" : "file:";
	if (asprintf(&uname, "%s%s%s%s", prefix, !strcmp(prefix, "tap:") ? x.format : "",
		     !strcmp(prefix, "tap:") ? ":" : "", x.target) < 0)
		return config_no_memory(b);
	if (asprintf(&dev, "%s%s", x.vdev, x.is_cdrom && !strchr(x.vdev, ':') ? ":cdrom" : "") < 0) {
		free(uname);
		return config_no_memory(b);
	}
	d = disk_add(b, item, uname, dev, mode);
	if (!d || (x.backend && config_device_set(d, "backend", x.backend)) ||
	    (x.script && config_device_set(d, "script", x.script)))
		rc = config_no_memory(b);
	free(uname);
	free(dev);
	return rc;
}

int config_disk_build(struct config_build *b, const struct config_item *item)
{
	struct disk_text t;

	if (!disk_split(item->text, &t))
		return disk_fail(b, item, NULL);
	return disk_is_xl(&t) ? disk_build_xl(b, item, &t) : disk_build_xm(b, item, &t);
}

/* ---- device numbers (xen-vbd-interface: IDE, SCSI and xvd majors) ---- */

/* Letters as a number: a is 0, z 25, aa 26. */
static bool vdev_letters(const char **text, unsigned *disk)
{
	unsigned n = 0;
	int count = 0;

	for (; **text >= 'a' && **text <= 'z' && count < 2; ++*text, count++)
		n = (n + (count > 0)) * 26 + (unsigned)(**text - 'a');
	*disk = n;
	return count > 0;
}

/* A partition up to most, behind it the end or `:cdrom`; no digits are the whole disk, 0. */
static bool vdev_partition(const char *text, unsigned most, unsigned *partition)
{
	char *end = (char *)(uintptr_t)text;

	*partition = 0;
	if (*text >= '1' && *text <= '9')
		*partition = strtoul(text, &end, 10) > most ? most + 1 :
			(unsigned)strtoul(text, NULL, 10);
	return *partition <= most && (*end == '\0' || *end == ':');
}

static bool vdev_ide(unsigned disk, unsigned partition, uint32_t *number)
{
	static const unsigned majors[] = { 3, 22, 33, 34, 56, 57, 88, 89, 90, 91 };

	if (disk / 2 >= sizeof(majors) / sizeof(majors[0]))
		return false;
	*number = majors[disk / 2] << 8 | (disk % 2) << 6 | partition;
	return true;
}

static bool vdev_scsi(unsigned disk, unsigned partition, uint32_t *number)
{
	static const unsigned majors[] = { 8, 65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132,
					   133, 134, 135 };

	if (disk / 16 >= sizeof(majors) / sizeof(majors[0]))
		return false;
	*number = majors[disk / 16] << 8 | (disk % 16) << 4 | partition;
	return true;
}

static bool vdev_xvd(unsigned disk, unsigned partition, uint32_t *number)
{
	if (disk < 16 && partition < 16)
		*number = 202u << 8 | disk << 4 | partition;
	else			/* the extended numbers of more disks and partitions */
		*number = 1u << 28 | disk << 8 | partition;
	return true;
}

static const struct {
	const char *prefix;
	unsigned partitions;
	bool (*number)(unsigned disk, unsigned partition, uint32_t *number);
} vdev_kinds[] = {
	{ "hd", 63, vdev_ide }, { "sd", 15, vdev_scsi }, { "xvd", 255, vdev_xvd },
};

int config_vdev_parse(const char *dev, uint32_t *number)
{
	unsigned disk, partition;
	unsigned long value;
	const char *rest;
	char *end;

	if (!strncmp(dev, "ioemu:", 6))
		dev += 6;
	if (!strncmp(dev, "/dev/", 5))
		dev += 5;
	for (size_t i = 0; i < sizeof(vdev_kinds) / sizeof(vdev_kinds[0]); i++) {
		rest = dev + strlen(vdev_kinds[i].prefix);
		if (strncmp(dev, vdev_kinds[i].prefix, strlen(vdev_kinds[i].prefix)))
			continue;
		if (vdev_letters(&rest, &disk) &&
		    vdev_partition(rest, vdev_kinds[i].partitions, &partition))
			return vdev_kinds[i].number(disk, partition, number) ? 0 : -EINVAL;
	}
	if (!isxdigit((unsigned char)*dev))
		return -EINVAL;
	errno = 0;
	value = strtoul(dev, &end, 16);
	if (errno || value > UINT32_MAX || (*end && *end != ':'))
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}
