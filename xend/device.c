/* Devices: classes, paths, and what a configuration may ask for. */
#include "xend/device.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xend/hotplug.h"
#include "xend/settings.h"

const struct device_class device_vbd = { "vbd", "xen-blkback", "add", "remove" };
const struct device_class device_vif = { "vif", "xen-netback", "online", "offline" };

static const struct {
	const char *name;
	const struct device_class *class;
} classes[] = {
	{ "vbd", &device_vbd }, { "tap", &device_vbd }, { "vif", &device_vif },
};

const struct device_class *device_class_find(const char *name)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (!strcmp(classes[i].name, name))
			return classes[i].class;
	return NULL;
}

const char *device_front(const struct device_name *n, char path[DEVICE_PATH])
{
	snprintf(path, DEVICE_PATH, "/local/domain/%" PRIu32 "/device/%s/%" PRIu32, n->domid,
		 n->class->name, n->id);
	return path;
}

const char *device_back(const struct device_name *n, char path[DEVICE_PATH])
{
	snprintf(path, DEVICE_PATH, "/local/domain/%" PRIu32 "/backend/%s/%" PRIu32 "/%" PRIu32,
		 n->backend, n->class->name, n->domid, n->id);
	return path;
}

const char *device_script_path(const struct device_name *n, char path[DEVICE_PATH])
{
	snprintf(path, DEVICE_PATH, "backend/%s/%" PRIu32 "/%" PRIu32, n->class->name, n->domid,
		 n->id);
	return path;
}

const char *device_nodes_get(const struct device_nodes *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->node[i].name, name))
			return n->node[i].value;
	return NULL;
}

void device_nodes_free(struct device_nodes *n)
{
	while (n->count)
		free(n->node[--n->count].value);
}

/* ----------------------------------------------------------------- disks */

const char *device_uname_rest(const char *uname, char type[32])
{
	size_t n = strcspn(uname, ":/");

	if (!*uname) {
		*type = '\0';
		return uname;		/* no medium */
	}
	if (uname[n] != ':' || !n || n >= 32)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)uname[i]) && !strchr("-_", uname[i]))
			return NULL;	/* it becomes part of a script's name */
	memcpy(type, uname, n);
	type[n] = '\0';
	return uname + n + 1;
}

const char *device_image(const char *uname, bool *is_direct)
{
	static const struct {
		const char *prefix;
		bool is_direct;
	} kinds[] = {
		{ "file:", false }, { "tap:aio:", true }, { "tap:sync:", true },
		{ "tap2:aio:", true }, { "tap2:sync:", true },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strncmp(uname, kinds[i].prefix, strlen(kinds[i].prefix))) {
			*is_direct = kinds[i].is_direct;
			return uname + strlen(kinds[i].prefix);
		}
	return NULL;
}

int device_vdev(const struct config_device *c, uint32_t *id, struct fault *f)
{
	const char *dev = config_device_get(c, "dev");

	if (!dev || config_vdev_parse(dev, id) < 0) {
		fault_set(f, EINVAL, "Unable to find number for device (%s)", dev ? dev : "");
		fault_hint(f, "Disks are called xvda, xvda1 …, sda1 or hda in the guest.");
		return -EINVAL;
	}
	return 0;
}

int device_id_parse(const struct device_class *class, const char *word, uint32_t *id)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (isdigit((unsigned char)*word) && !*end && !errno && number <= UINT32_MAX) {
		*id = (uint32_t)number;
		return 0;
	}
	return class == &device_vbd ? config_vdev_parse(word, id) : -EINVAL;
}

static int check_image(const char *file, struct fault *f)
{
	if (*file != '/')
		return fault_set(f, EINVAL, "The image '%s' is not named by its full path", file);
	if (access(file, F_OK) < 0)
		return fault_set(f, ENOENT, "%s does not exist.", file);
	return 0;
}

static int check_script(const char *text, struct fault *f)
{
	struct hotplug h;
	int rc = hotplug_parse(&h, text);

	if (rc == -EINVAL)
		fault_set(f, EINVAL, "'%s' names no script", text);
	else if (rc == 0 && access(h.path, X_OK) < 0)
		rc = fault_errno(f, errno, "Unable to run the script %s", h.path);
	hotplug_free(&h);
	return rc;
}

/* What blktap's own formats need is a process that knows them; none is here. */
static int check_uname(const char *uname, struct fault *f)
{
	char type[32], script[64];
	bool is_direct;
	const char *file = device_image(uname, &is_direct), *rest = device_uname_rest(uname, type);

	if (file)
		return check_image(file, f);
	if (!rest) {
		fault_set(f, EINVAL, "Invalid disk specifier: %s", uname);
		fault_hint(f, "Say what it is: phy:DEVICE for a block device, file:PATH for an image.");
		return -EINVAL;
	}
	if (!strcmp(type, "tap") || !strcmp(type, "tap2")) {
		fault_set(f, ENOSYS, "Images of the kind '%s' are not served", uname);
		fault_hint(f, "Convert it (qemu-img convert -O raw OLD NEW) and use file:NEW.");
		return -ENOSYS;
	}
	if (!*type || !strcmp(type, "phy"))
		return check_script("block", f);
	snprintf(script, sizeof script, "block-%s", type);
	return check_script(script, f);
}

static int check_disk(const struct config_device *c, struct fault *f)
{
	static const char *const modes[] = { "r", "w", "w!", "ro", "rw" };
	const char *uname = config_device_get(c, "uname"), *mode = config_device_get(c, "mode");
	const char *script = config_device_get(c, "script");
	bool is_mode = !mode;
	uint32_t id;
	int rc;

	for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
		is_mode |= !strcmp(modes[i], mode);
	if (!is_mode) {
		fault_set(f, EINVAL, "Invalid mode");
		fault_hint(f, "r is read only, w read and write, w! does not check who else uses it.");
		return -EINVAL;
	}
	rc = device_vdev(c, &id, f);
	if (rc == 0)
		rc = script && *script ? check_script(script, f) : check_uname(uname ? uname : "", f);
	return rc;
}

/* ------------------------------------------------------------ interfaces */

void device_mac(const uint8_t uuid[16], uint32_t id, char text[18])
{
	uint64_t hash = 14695981039346656037ull;	/* FNV-1a, 64 bits */

	for (size_t i = 0; i < 20; i++) {
		uint8_t byte = i < 16 ? uuid[i] : (uint8_t)(id >> (i - 16) * 8);

		hash = (hash ^ byte) * 1099511628211ull;
	}
	hash ^= hash >> 32;
	snprintf(text, 18, "00:16:3e:%02x:%02x:%02x", (unsigned)(hash >> 16) & 0x7f,
		 (unsigned)(hash >> 8) & 0xff, (unsigned)hash & 0xff);
}

bool device_mac_is_valid(const char *text)
{
	unsigned any = 0;

	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
		any |= text[i] != ':' && text[i] != '0';
	}
	return !text[17] && any && !(strtoul(text, NULL, 16) & 1);
}

/* A name that the kernel takes: 1 to 15 characters, no slash, no blank. */
static bool is_interface(const char *name)
{
	size_t n = strlen(name);

	return n && n < 16 && !strpbrk(name, "/ :\t\n") && strcmp(name, ".") && strcmp(name, "..");
}

static int check_vif(const struct config_device *c, struct fault *f)
{
	const char *mac = config_device_get(c, "mac"), *name = config_device_get(c, "vifname");
	const char *type = config_device_get(c, "type"), *script = config_device_get(c, "script");
	const char *bridge = config_device_get(c, "bridge");

	if (mac && *mac && !device_mac_is_valid(mac)) {
		fault_set(f, EINVAL, "'%s' is no MAC address", mac);
		fault_hint(f, "Six pairs of hexadecimal digits, such as 00:16:3e:00:00:11; without mac= "
			   "one is made up.");
		return -EINVAL;
	}
	if (name && *name && !is_interface(name))
		return fault_set(f, EINVAL, "'%s' can't be the name of an interface", name);
	if (bridge && *bridge && !is_interface(bridge))
		return fault_set(f, EINVAL, "'%s' can't be the name of a bridge", bridge);
	if (type && !strcmp(type, "ioemu"))
		return fault_set(f, ENOSYS, "Emulated network cards (type=ioemu) are for HVM guests, "
				 "which are not available yet in this version");
	return check_script(script && *script ? script : settings_text("vif-script"), f);
}

/* ------------------------------------------------------------------- all */

int device_check(const struct config_device *c, struct fault *f)
{
	const struct device_class *class = device_class_find(c->class);

	if (!class)
		return fault_set(f, ENOSYS, "Devices of class %s are not available yet in this version",
				 c->class);
	return class == &device_vbd ? check_disk(c, f) : check_vif(c, f);
}

static int check_twin_vif(const struct config *c, size_t n, struct fault *f)
{
	const char *mac = config_device_get(&c->device[n], "mac"), *other;

	for (size_t i = 0; mac && i < n; i++) {
		other = strcmp(c->device[i].class, "vif") ? NULL :
			config_device_get(&c->device[i], "mac");
		if (other && !strcasecmp(other, mac))
			return fault_set(f, EEXIST, "The mac \"%s\" is already defined", mac);
	}
	return 0;
}

int device_check_all(const struct config *c, struct fault *f)
{
	int rc = 0;

	for (size_t i = 0; i < c->devices && rc == 0; i++) {
		if (!strcmp(c->device[i].class, "console"))
			continue;
		rc = device_check(&c->device[i], f);
		if (rc == 0 && !strcmp(c->device[i].class, "vif"))
			rc = check_twin_vif(c, i, f);
	}
	return rc;		/* config_check() has seen to disks of one name */
}
