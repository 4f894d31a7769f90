/* What xend refuses when it gets a domain: ranges, names, modes, in xend's words. */
#include "xend/config_build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_VCPUS_MAX 128
#define CHECK_CPUS_MAX 4096

typedef int config_check_fn(struct config_build *b);

static int check_name(struct config_build *b)
{
	static const char others[] = "_-.:/+";
	const char *name = config_text(b->c, CONFIG_NAME);
	struct config_where where = b->c->var[CONFIG_NAME].where;

	for (const char *at = name; at && *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(others, *at))
			return config_fail(b, where, "expected letters, digits and _ - . : / +",
					   "Invalid VM Name");
	return name && *name ? 0 : config_fail(b, where, "a name is missing", "Invalid VM Name");
}

static int check_builder(struct config_build *b)
{
	const char *builder = config_text(b->c, CONFIG_BUILDER);

	if (!builder || !*builder || !strcmp(builder, "linux") || !strcmp(builder, "hvm"))
		return 0;
	return config_fail(b, b->c->var[CONFIG_BUILDER].where, "expected linux or hvm",
			   "unknown image type: %s", builder);
}

static int check_memory(struct config_build *b)
{
	int64_t memory = config_int(b->c, CONFIG_MEMORY, 128);
	int64_t maxmem = config_int(b->c, CONFIG_MAXMEM, 0);

	if (memory <= 0)
		return config_fail(b, b->c->var[CONFIG_MEMORY].where, "memory counts MiB",
				   "memory_dynamic_max must be greater than zero");
	if (memory > 1 << 24 || maxmem > 1 << 24)
		return config_fail(b, b->c->var[CONFIG_MEMORY].where, "memory counts MiB",
				   "Invalid value: %lld", (long long)memory);
	if (maxmem && maxmem < memory)
		return config_fail(b, b->c->var[CONFIG_MAXMEM].where,
				   "maxmem must not be less than memory",
				   "memory_dynamic_max must be less than or equal to memory_static_max");
	return 0;
}

static int check_vcpus(struct config_build *b)
{
	static const enum config_id ids[] = { CONFIG_VCPUS, CONFIG_MAXVCPUS };

	for (size_t i = 0; i < 2; i++) {
		int64_t n = config_int(b->c, ids[i], 1);

		if (n < 0 || n > CHECK_VCPUS_MAX)
			return config_fail(b, b->c->var[ids[i]].where, "expected 1 to 128",
					   "Invalid value: %lld", (long long)n);
	}
	return 0;
}

static int check_action(struct config_build *b, enum config_id id, bool may_dump)
{
	static const char *const modes[] = { "destroy", "restart", "preserve", "rename-restart",
					     "coredump-destroy", "coredump-restart" };
	const char *mode = config_text(b->c, id);

	if (!mode || !*mode)
		return 0;
	for (size_t i = 0; i < (may_dump ? 6u : 4u); i++)
		if (!strcmp(modes[i], mode))
			return 0;
	return config_fail(b, b->c->var[id].where, may_dump ?
			   "expected destroy, restart, preserve, rename-restart, coredump-destroy or "
			   "coredump-restart" : "expected destroy, restart, preserve or rename-restart",
			   "Invalid event handling mode: %s", mode);
}

static int check_on_poweroff(struct config_build *b)
{
	return check_action(b, CONFIG_ON_POWEROFF, false);
}

static int check_on_reboot(struct config_build *b)
{
	return check_action(b, CONFIG_ON_REBOOT, false);
}

static int check_on_crash(struct config_build *b)
{
	return check_action(b, CONFIG_ON_CRASH, true);
}

static int check_uuid(struct config_build *b)
{
	const char *uuid = config_text(b->c, CONFIG_UUID);
	size_t digits = 0;

	for (const char *at = uuid; at && *at; at++) {
		if (*at == '-')
			continue;
		if (!isxdigit((unsigned char)*at))
			return config_fail(b, b->c->var[CONFIG_UUID].where,
					   "expected xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
					   "invalid literal for int() with base 16: '%.60s'", uuid);
		digits++;
	}
	return !uuid || !*uuid || digits == 32 ? 0 :
		config_fail(b, b->c->var[CONFIG_UUID].where,
			    "expected xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
			    "Invalid value: %.60s", uuid);
}

/* ---- cpus ---- */

/* N or N-M at *at; false when it is neither. */
static bool cpus_range(const char **at, unsigned long *low, unsigned long *high)
{
	char *end;

	*at += strspn(*at, " ");
	if (!isdigit((unsigned char)**at))
		return false;
	*low = *high = strtoul(*at, &end, 10);
	end += strspn(end, " ");
	if (*end == '-') {
		end++;
		end += strspn(end, " ");
		if (!isdigit((unsigned char)*end))
			return false;
		*high = strtoul(end, &end, 10);
	}
	*at = end + strspn(end, " ");
	return **at == ',' || **at == '\0';
}

int config_cpus_parse(const char *text, bool *map, size_t cpus, struct config_error *err)
{
	const char *at = text + strspn(text, " ");
	unsigned long low, high;

	/* xl says `all` for any */
	bool any = !*at || !strncmp(at, "all", 3);

	if (any && *at)
		at += 3 + (at[3] == ',');
	for (size_t i = 0; i < cpus; i++)
		map[i] = any;
	while (*at) {
		const char *start = at;
		bool not = *at == '^';

		at += not;
		if (!cpus_range(&at, &low, &high) || low > high || high >= CHECK_CPUS_MAX) {
			snprintf(err->text, sizeof(err->text), "%.*s",
				 (int)strcspn(start, ","), start);
			return -EINVAL;
		}
		for (; low <= high; low++)
			if (low < cpus)
				map[low] = !not;
		if (*at == ',')
			at++;
		at += strspn(at, " ");
	}
	return 0;
}

static int check_cpus(struct config_build *b)
{
	const struct config_value *value = &b->c->var[CONFIG_CPUS];
	size_t count = value->text ? 1 : value->items;
	struct config_error err;
	bool map[1];

	for (size_t i = 0; i < count; i++) {
		const char *text = value->text ? value->text : value->item[i].text;

		if (config_cpus_parse(text, map, 1, &err))
			return config_fail(b, value->text ? value->where : value->item[i].where,
					   "expected CPU numbers such as \"0-3,5,^1\"",
					   "cpus = %s: invalid literal for int() with base 10: '%s'",
					   text, err.text);
	}
	return 0;
}

static int check_weight(struct config_build *b)
{
	int64_t weight = config_int(b->c, CONFIG_CPU_WEIGHT, 256);
	int64_t cap = config_int(b->c, CONFIG_CPU_CAP, 0);

	if (weight < 1 || weight > 65535)
		return config_fail(b, b->c->var[CONFIG_CPU_WEIGHT].where, "expected 1 to 65535",
				   "weight is out of range");
	if (cap < 0 || cap > 65535)
		return config_fail(b, b->c->var[CONFIG_CPU_CAP].where,
				   "expected percent of one CPU, 0 for no limit", "cap is out of range");
	return 0;
}

/* ---- devices ---- */

static int check_disk(struct config_build *b, const struct config_device *d)
{
	const char *mode = config_device_get(d, "mode"), *dev = config_device_get(d, "dev");
	uint32_t number;

	if (mode && strcmp(mode, "r") && strcmp(mode, "w") && strcmp(mode, "w!") &&
	    strcmp(mode, "ro") && strcmp(mode, "rw"))
		return config_fail(b, d->where, "expected r, w or w!", "Invalid mode");
	if (!dev || config_vdev_parse(dev, &number))
		return config_fail(b, d->where, "expected a name such as xvda1, sda1 or hda",
				   "Unable to find number for device (%s)", dev ? dev : "");
	return 0;
}

static int check_twins(struct config_build *b, const struct config_device *d, size_t before)
{
	uint32_t number, other;

	if (config_vdev_parse(config_device_get(d, "dev"), &number))
		return 0;
	for (size_t i = 0; i < before; i++) {
		const struct config_device *o = &b->c->device[i];
		const char *dev = config_device_get(o, "dev");

		if ((!strcmp(o->class, "vbd") || !strcmp(o->class, "tap")) && dev &&
		    !config_vdev_parse(dev, &other) && other == number)
			return config_fail(b, d->where, "two disks cannot have one name",
					   "Device %s (%u, vbd) is already connected.", dev, number);
	}
	return 0;
}

static int check_devices(struct config_build *b)
{
	int rc = 0;

	for (size_t i = 0; i < b->c->devices; i++) {
		const struct config_device *d = &b->c->device[i];

		if (strcmp(d->class, "vbd") && strcmp(d->class, "tap"))
			continue;
		rc = check_disk(b, d);
		if (rc == 0)
			rc = check_twins(b, d, i);
		if (!config_goes_on(b, rc))
			return rc;
		rc = 0;
	}
	return 0;
}

/* 10MB/s@20ms: decimal K M G, b bits or B bytes; xend refilled every 50 ms if nothing is said. */
int config_rate_parse(const char *text, uint64_t *bytes, uint64_t *interval_us)
{
	static const char units[] = "KMG";
	unsigned long long n, per = 50000;
	uint64_t per_second;
	const char *unit;
	char *end;
	bool is_bits;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	for (long i = unit ? unit - units + 1 : 0; i; i--)
		if (__builtin_mul_overflow(n, 1000u, &n))
			return -EINVAL;
	end += unit != NULL;
	is_bits = *end == 'b';
	if ((*end != 'b' && *end != 'B') || strncmp(end + 1, "/s", 2))
		return -EINVAL;
	end += 3;
	if (*end == '@') {
		if (!isdigit((unsigned char)end[1]))
			return -EINVAL;
		per = strtoull(end + 1, &end, 10);
		if (errno || per > 1000000000)
			return -EINVAL;
		per *= *end == 'm' ? 1000 : *end == 'u' ? 1 : 1000000;
		end += *end == 'm' || *end == 'u';
		if (*end++ != 's')
			return -EINVAL;
	}
	per_second = is_bits ? n / 8 : n;
	if (*end || !per || (per_second && per > UINT64_MAX / per_second))
		return -EINVAL;
	*bytes = per_second * per / 1000000;
	*interval_us = per;
	return 0;
}

static config_check_fn *const config_checks[] = {
	check_name, check_builder, check_memory, check_vcpus, check_on_poweroff, check_on_reboot,
	check_on_crash, check_uuid, check_cpus, check_weight, check_devices,
};

int config_check_all(struct config_build *b)
{
	for (size_t i = 0; i < sizeof(config_checks) / sizeof(config_checks[0]); i++) {
		int rc = config_checks[i](b);

		if (!config_goes_on(b, rc))
			return rc;
	}
	return 0;
}

int config_check(const struct config *c, struct config_error *err)
{
	struct config_build b = { .c = (struct config *)(uintptr_t)c, .err = err };
	int rc;

	memset(err, 0, sizeof(*err));
	rc = config_check_all(&b);	/* changes nothing */
	if (rc)
		snprintf(err->file, sizeof(err->file), "%s", c->file ? c->file : "");
	return rc;
}
