/* The domain model as S-expressions: (vm …) of a dry run, (domain …) of `xm list -l`. */
#include "xend/config_build.h"

#include <stdlib.h>
#include <string.h>

/* ---- single values ---- */

static bool config_is_falsy(const struct config_value *value, enum config_type type)
{
	if (!value->is_set)
		return true;
	if (type == CONFIG_STRING)
		return !value->text[0];
	if (type == CONFIG_LIST || (type == CONFIG_AFFINITY && !value->text))
		return !value->items;
	return type != CONFIG_AFFINITY && !value->number;
}

/* (KEY VALUE); lists as (KEY (A B)). */
static void config_push_as(struct sxp *list, const struct config *c, enum config_id id,
			   const char *key)
{
	const struct config_value *value = &c->var[id];
	struct sxp *items;

	if (value->text) {
		sxp_push_text(list, key, value->text);
	} else if (value->item) {
		items = sxp_list();
		for (size_t i = 0; i < value->items; i++)
			sxp_push(items, sxp_atom(value->item[i].text));
		sxp_push(list, sxp_pair(key, items));
	} else {
		sxp_push_int(list, key, value->number);
	}
}

/* What stands in a row of the order below. */
enum config_when {
	WHEN_TRUE,			/* left out when empty or 0 */
	WHEN_SET,			/* left out when None */
	WHEN_GIVEN,			/* left out unless somebody gave it: newer than 3.2 */
};

struct config_row {
	enum config_id id;
	enum config_when when;
	const char *key;		/* NULL: the variable's name */
};

static void config_push_rows(struct sxp *list, const struct config *c,
			     const struct config_row *row, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		const struct config_var *var = &config_vars[row[i].id];
		const struct config_value *value = &c->var[row[i].id];

		if (row[i].when == WHEN_TRUE ? config_is_falsy(value, var->type) :
		    !value->is_set || (row[i].when == WHEN_GIVEN &&
				       value->origin == CONFIG_FROM_DEFAULT))
			continue;
		config_push_as(list, c, row[i].id, row[i].key ? row[i].key : var->name);
	}
}

/* ---- parts ---- */

/* IP:SERVER:GATEWAY:NETMASK:HOSTNAME:INTERFACE:DHCP for the kernel; NULL when not wanted or out
 * of memory, which *wanted tells apart. */
static char *config_ip(const struct config *c, bool *wanted)
{
	static const char *const none = "";
	const char *part[] = {
		config_text(c, CONFIG_IP), config_text(c, CONFIG_NFS_SERVER),
		config_text(c, CONFIG_GATEWAY), config_text(c, CONFIG_NETMASK),
		config_text(c, CONFIG_HOSTNAME), config_text(c, CONFIG_INTERFACE),
		config_text(c, CONFIG_DHCP),
	};
	char *text;

	*wanted = (part[0] && *part[0]) || (part[6] && *part[6] && strcmp(part[6], "off"));
	if (!*wanted)
		return NULL;
	if (!part[1] || !*part[1])
		part[1] = "1.2.3.4";		/* no server: the kernel wants something there */
	for (size_t i = 0; i < 7; i++)
		part[i] = part[i] ? part[i] : none;
	return asprintf(&text, "%s:%s:%s:%s:%s:%s:%s", part[0], part[1], part[2], part[3], part[4],
			part[5], part[6]) < 0 ? NULL : text;
}

static const char *config_root(const struct config *c)
{
	const char *root = config_text(c, CONFIG_ROOT);

	if (root && !strncmp(root, "root=", 5))
		root += 5;
	return root && *root ? root : NULL;
}

/* extra, after the NFS root if there is one. */
static char *config_extra(const struct config *c)
{
	const char *extra = config_text(c, CONFIG_EXTRA), *root = config_text(c, CONFIG_NFS_ROOT);
	char *text;

	if (!root || !*root)
		return strdup(extra ? extra : "");
	return asprintf(&text, "nfsroot=%s:%s %s", config_text(c, CONFIG_NFS_SERVER), root,
			extra ? extra : "") < 0 ? NULL : text;
}

char *config_cmdline(const struct config *c)
{
	const char *root = config_root(c);
	char *extra = config_extra(c), *ip, *text = NULL;
	bool wanted;

	ip = config_ip(c, &wanted);
	if (extra && (ip || !wanted) &&
	    asprintf(&text, "%s%s%s%s%s%s%s", root ? "root=" : "", root ? root : "",
		     root && (ip || *extra) ? " " : "", ip ? "ip=" : "", ip ? ip : "",
		     ip && *extra ? " " : "", extra) < 0)
		text = NULL;
	free(extra);
	free(ip);
	return text;
}

static void config_push_owned(struct sxp *list, const char *key, char *text)
{
	if (!text || *text)
		sxp_push_text(list, key, text);
	free(text);
}

static const struct config_row config_hvm_rows[] = {
	{ CONFIG_DEVICE_MODEL, WHEN_SET }, { CONFIG_PAE, WHEN_SET }, { CONFIG_VCPUS, WHEN_SET },
	{ CONFIG_BOOT, WHEN_SET }, { CONFIG_FDA, WHEN_SET }, { CONFIG_FDB, WHEN_SET },
	{ CONFIG_TIMER_MODE, WHEN_SET }, { CONFIG_LOCALTIME, WHEN_SET }, { CONFIG_SERIAL, WHEN_SET },
	{ CONFIG_STDVGA, WHEN_SET }, { CONFIG_ISA, WHEN_SET }, { CONFIG_NOGRAPHIC, WHEN_SET },
	{ CONFIG_SOUNDHW, WHEN_SET }, { CONFIG_VNC, WHEN_SET }, { CONFIG_VNCDISPLAY, WHEN_SET },
	{ CONFIG_VNCUNUSED, WHEN_SET }, { CONFIG_VNCCONSOLE, WHEN_SET },
	{ CONFIG_VNCLISTEN, WHEN_SET }, { CONFIG_SDL, WHEN_SET }, { CONFIG_DISPLAY, WHEN_SET },
	{ CONFIG_XAUTHORITY, WHEN_SET }, { CONFIG_RTC_TIMEOFFSET, WHEN_SET },
	{ CONFIG_MONITOR, WHEN_SET }, { CONFIG_ACPI, WHEN_SET }, { CONFIG_APIC, WHEN_SET },
	{ CONFIG_USB, WHEN_SET }, { CONFIG_USBDEVICE, WHEN_SET }, { CONFIG_KEYMAP, WHEN_SET },
};

/* The rest of an HVM image, behind the list of PCI functions. */
static const struct config_row config_hvm_more[] = {
	{ CONFIG_GUEST_OS_TYPE, WHEN_SET }, { CONFIG_VNCPASSWD, WHEN_SET },
	{ CONFIG_LOADER, WHEN_GIVEN }, { CONFIG_HPET, WHEN_GIVEN }, { CONFIG_HAP, WHEN_GIVEN },
	{ CONFIG_OOS, WHEN_GIVEN }, { CONFIG_S3_INTEGRITY, WHEN_GIVEN },
	{ CONFIG_NESTEDHVM, WHEN_GIVEN }, { CONFIG_VIRIDIAN, WHEN_GIVEN },
	{ CONFIG_VPT_ALIGN, WHEN_GIVEN }, { CONFIG_XEN_PLATFORM_PCI, WHEN_GIVEN },
	{ CONFIG_XEN_EXTENDED_POWER_MGMT, WHEN_GIVEN }, { CONFIG_PARALLEL, WHEN_GIVEN },
	{ CONFIG_MONITOR_PATH, WHEN_GIVEN }, { CONFIG_VIDEORAM, WHEN_GIVEN },
	{ CONFIG_GFX_PASSTHRU, WHEN_GIVEN }, { CONFIG_OPENGL, WHEN_GIVEN },
	{ CONFIG_PCI_MSITRANSLATE, WHEN_GIVEN }, { CONFIG_PCI_POWER_MGMT, WHEN_GIVEN },
	{ CONFIG_MEMORY_SHARING, WHEN_GIVEN },
};

static void config_push_hvm(struct sxp *image, const struct config *c)
{
	struct sxp *functions = sxp_list(), *one;
	const struct config_device *d;

	config_push_rows(image, c, config_hvm_rows, sizeof(config_hvm_rows) / sizeof(config_hvm_rows[0]));
	for (size_t i = 0; (d = config_device_find(c, "pci", i)); i++) {
		one = sxp_list();
		for (size_t k = 0; k < 4 && k < d->pairs; k++)
			sxp_push(one, sxp_atom(d->pair[k].value));
		sxp_push(functions, one);
	}
	sxp_push(image, sxp_pair("pci", functions));
	config_push_rows(image, c, config_hvm_more, sizeof(config_hvm_more) / sizeof(config_hvm_more[0]));
}

static const char *config_builder(const struct config *c)
{
	const char *builder = config_text(c, CONFIG_BUILDER);

	return builder && *builder ? builder : "linux";
}

/* (image (BUILDER …)); joined: with the whole command line as args, as a running domain shows. */
static struct sxp *config_image(const struct config *c, bool is_joined)
{
	static const struct config_row kernel[] = {
		{ CONFIG_KERNEL, WHEN_TRUE }, { CONFIG_RAMDISK, WHEN_TRUE },
	};
	static const struct config_row more[] = {
		{ CONFIG_VHPT, WHEN_TRUE }, { CONFIG_SUPERPAGES, WHEN_GIVEN },
	};
	struct sxp *image = sxp_named(config_builder(c));
	bool wanted;
	char *ip;

	config_push_rows(image, c, kernel, 2);
	if (is_joined) {
		config_push_owned(image, "args", config_cmdline(c));
	} else {
		ip = config_ip(c, &wanted);
		if (wanted)
			config_push_owned(image, "ip", ip);
		if (config_root(c))
			sxp_push_text(image, "root", config_root(c));
		config_push_owned(image, "args", config_extra(c));
	}
	if (!strcmp(config_builder(c), "hvm"))
		config_push_hvm(image, c);
	else if (c->var[CONFIG_DEVICE_MODEL].is_set && *config_text(c, CONFIG_DEVICE_MODEL))
		config_push_as(image, c, CONFIG_DEVICE_MODEL, "device_model");
	config_push_rows(image, c, more, 2);
	return sxp_pair("image", image);
}

static struct sxp *config_device_sxp(const struct config_device *d)
{
	struct sxp *s = sxp_named(d->class);

	for (size_t i = 0; i < d->pairs; i++)
		sxp_push_text(s, d->pair[i].key, d->pair[i].value);
	return s;
}

/* All pci functions are one device with a (dev …) each. */
static struct sxp *config_pci_sxp(const struct config *c)
{
	struct sxp *pci = sxp_named("pci"), *dev;
	const struct config_device *d;

	for (size_t n = 0; (d = config_device_find(c, "pci", n)); n++) {
		dev = sxp_named("dev");
		for (size_t i = 0; i < d->pairs; i++)
			sxp_push_text(dev, d->pair[i].key, d->pair[i].value);
		sxp_push(pci, dev);
	}
	return pci;
}

static void config_push_devices(struct sxp *list, const struct config *c)
{
	bool had_pci = false;

	for (size_t i = 0; i < c->devices; i++) {
		bool is_pci = !strcmp(c->device[i].class, "pci");

		if (is_pci && had_pci)
			continue;
		had_pci |= is_pci;
		sxp_push(list, sxp_pair("device", is_pci ? config_pci_sxp(c) :
					config_device_sxp(&c->device[i])));
	}
}

static void config_push_backends(struct sxp *list, const struct config *c)
{
	static const struct { enum config_id id; const char *name; } row[] = {
		{ CONFIG_BLKIF, "blkif" }, { CONFIG_NETIF, "netif" }, { CONFIG_TPMIF, "tpmif" },
	};

	for (size_t i = 0; i < 3; i++)
		if (config_int(c, row[i].id, 0))
			sxp_push(list, sxp_pair("backend", sxp_named(row[i].name)));
}

static void config_push_security(struct sxp *list, const struct config *c)
{
	struct sxp *label, *outer;

	if (!c->security_policy)
		return;
	label = sxp_named("access_control");
	sxp_push_text(label, "policy", c->security_policy);
	sxp_push_text(label, "label", c->security_label);
	outer = sxp_list();
	sxp_push(outer, label);
	sxp_push(list, sxp_pair("security", outer));
}

/* pygrub needs no arguments, but to be told that nobody is at the console (-q). */
static void config_push_bootloader(struct sxp *list, const struct config *c)
{
	const char *args = config_text(c, CONFIG_BOOTARGS);
	const char *loader = config_text(c, CONFIG_BOOTLOADER);

	if (config_is_falsy(&c->var[CONFIG_BOOTLOADER], CONFIG_STRING))
		return;
	sxp_push_text(list, "bootloader", strcmp(loader, "pygrub") ? loader : "/usr/bin/pygrub");
	sxp_push_text(list, "bootloader_args", args && *args ? args :
		      c->option.console_autoconnect == 1 ? "" : "-q");
}

/* maxvcpus beside vcpus: all of them exist, and the first vcpus start. */
static void config_push_vcpus(struct sxp *list, const struct config *c)
{
	int64_t most = config_int(c, CONFIG_MAXVCPUS, 0), vcpus = config_int(c, CONFIG_VCPUS, 1);

	if (!most || most == vcpus) {
		if (vcpus)
			sxp_push_int(list, "vcpus", vcpus);
		if (!config_is_falsy(&c->var[CONFIG_VCPU_AVAIL], CONFIG_MASK))
			config_push_as(list, c, CONFIG_VCPU_AVAIL, "vcpu_avail");
		return;
	}
	sxp_push_int(list, "vcpus", most);
	sxp_push(list, sxp_pair("vcpu_avail", sxp_atomf("%llu",
			(unsigned long long)config_vcpu_mask(c))));
}

/* ---- (vm …) ---- */

static const struct config_row config_vm_head[] = {
	{ CONFIG_NAME, WHEN_TRUE }, { CONFIG_MEMORY, WHEN_TRUE }, { CONFIG_MAXMEM, WHEN_TRUE },
	{ CONFIG_SHADOW_MEMORY, WHEN_TRUE }, { CONFIG_RESTART, WHEN_TRUE },
	{ CONFIG_ON_POWEROFF, WHEN_TRUE }, { CONFIG_ON_REBOOT, WHEN_TRUE },
	{ CONFIG_ON_CRASH, WHEN_TRUE },
};

static const struct config_row config_vm_body[] = {
	{ CONFIG_FEATURES, WHEN_TRUE }, { CONFIG_ON_XEND_START, WHEN_TRUE },
	{ CONFIG_ON_XEND_STOP, WHEN_TRUE },
	{ CONFIG_TSC_MODE, WHEN_GIVEN }, { CONFIG_NOMIGRATE, WHEN_GIVEN },
	{ CONFIG_TARGET, WHEN_GIVEN }, { CONFIG_CPUID, WHEN_TRUE }, { CONFIG_CPUID_CHECK, WHEN_TRUE },
	{ CONFIG_MACHINE_ADDRESS_SIZE, WHEN_GIVEN },
	{ CONFIG_SUPPRESS_SPURIOUS_PAGE_FAULTS, WHEN_GIVEN }, { CONFIG_DESCRIPTION, WHEN_TRUE },
	{ CONFIG_UUID, WHEN_SET }, { CONFIG_CPU, WHEN_SET }, { CONFIG_CPUS, WHEN_SET },
	{ CONFIG_CPU_CAP, WHEN_SET }, { CONFIG_CPU_WEIGHT, WHEN_SET },
	{ CONFIG_POOL, WHEN_TRUE, "pool_name" },
};

struct sxp *config_to_sxp(const struct config *c)
{
	static const struct config_row localtime[] = { { CONFIG_LOCALTIME, WHEN_TRUE } };
	struct sxp *vm;

	if (c->sxp)
		return sxp_copy(c->sxp);
	vm = sxp_named("vm");
	config_push_rows(vm, c, config_vm_head, sizeof(config_vm_head) / sizeof(config_vm_head[0]));
	config_push_vcpus(vm, c);
	config_push_rows(vm, c, config_vm_body, sizeof(config_vm_body) / sizeof(config_vm_body[0]));
	config_push_backends(vm, c);
	config_push_rows(vm, c, localtime, 1);
	config_push_bootloader(vm, c);
	sxp_push(vm, config_image(c, false));
	config_push_security(vm, c);
	config_push_devices(vm, c);
	if (sxp_failed(vm)) {
		sxp_free(vm);
		return NULL;
	}
	return vm;
}

/* ---- (domain …) ---- */

static void config_push_or(struct sxp *list, const struct config *c, enum config_id id,
			   const char *fallback)
{
	if (config_is_falsy(&c->var[id], config_vars[id].type))
		sxp_push_text(list, config_vars[id].name, fallback);
	else
		config_push_as(list, c, id, config_vars[id].name);
}

/* restart= says three things at once; what is said about one event alone comes before it. */
const char *config_action(const struct config *c, enum config_id id)
{
	static const struct { enum config_id id; const char *fallback, *onreboot; } row[] = {
		{ CONFIG_ON_POWEROFF, "destroy", "destroy" },
		{ CONFIG_ON_REBOOT, "restart", "restart" },
		{ CONFIG_ON_CRASH, "restart", "destroy" },
	};
	const char *restart = config_text(c, CONFIG_RESTART), *own = config_text(c, id);

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (row[i].id != id)
			continue;
		if ((own && *own) || !restart)
			return own && *own ? own : row[i].fallback;
		return !strcmp(restart, "always") ? "restart" : !strcmp(restart, "never") ?
			"destroy" : !strcmp(restart, "onreboot") ? row[i].onreboot : row[i].fallback;
	}
	return NULL;
}

unsigned config_vcpus(const struct config *c)
{
	int64_t vcpus = config_int(c, CONFIG_VCPUS, 1), most = config_int(c, CONFIG_MAXVCPUS, 0);

	vcpus = most > 0 ? most : vcpus;
	return vcpus > 0 ? (unsigned)vcpus : 1;
}

uint64_t config_vcpu_mask(const struct config *c)
{
	int64_t vcpus = config_int(c, CONFIG_VCPUS, 1), most = config_int(c, CONFIG_MAXVCPUS, 0);
	unsigned exist = config_vcpus(c);
	uint64_t all = exist < 64 ? ((uint64_t)1 << exist) - 1 : UINT64_MAX, mask = all;

	if (config_int(c, CONFIG_VCPU_AVAIL, 0))
		mask = (uint64_t)config_int(c, CONFIG_VCPU_AVAIL, 0);
	else if (most > 0 && vcpus > 0 && vcpus < 64)
		mask = ((uint64_t)1 << vcpus) - 1;
	return mask & all ? mask & all : 1;	/* the first always starts */
}

/* One list of CPU numbers for each vcpu, which all have the same when one text was given. */
static struct sxp *config_cpus_sxp(const struct config *c)
{
	const struct config_value *value = &c->var[CONFIG_CPUS];
	int64_t vcpus = value->text ? config_int(c, CONFIG_VCPUS, 1) : (int64_t)value->items;
	struct sxp *all = sxp_list(), *one;
	bool map[256];

	for (int64_t v = 0; v < vcpus && v < 128; v++) {
		struct config_error err;
		const char *text = value->text ? value->text : value->item[v].text;

		one = sxp_list();
		if (*text && !config_cpus_parse(text, map, 256, &err))
			for (unsigned i = 0; i < 256; i++)
				if (map[i])
					sxp_push(one, sxp_atomf("%u", i));
		sxp_push(all, one);
	}
	return sxp_pair("cpus", all);
}

/* What only the file on disk holds, as ever. */
static void config_push_kept(struct sxp *s, const struct config *c)
{
	struct sxp *params = sxp_list();

	sxp_push_int(params, "cap", config_int(c, CONFIG_CPU_CAP, 0));
	sxp_push_int(params, "weight", config_int(c, CONFIG_CPU_WEIGHT, 256));
	sxp_push(s, sxp_pair("vcpus_params", params));
	if (c->var[CONFIG_VCPU_AVAIL].is_set || c->var[CONFIG_MAXVCPUS].is_set)
		sxp_push(s, sxp_pair("vcpu_avail", sxp_atomf("%llu",
				(unsigned long long)config_vcpu_mask(c))));
	if (c->var[CONFIG_CPU].is_set)
		config_push_as(s, c, CONFIG_CPU, "cpu");
	if (!config_is_falsy(&c->var[CONFIG_DESCRIPTION], CONFIG_STRING))
		config_push_as(s, c, CONFIG_DESCRIPTION, "description");
	config_push_backends(s, c);
}

static void config_push_names(struct sxp *s, const struct config *c)
{
	const char *loader = config_text(c, CONFIG_BOOTLOADER), *args = config_text(c, CONFIG_BOOTARGS);
	int64_t memory = config_int(c, CONFIG_MEMORY, 128), maxmem = config_int(c, CONFIG_MAXMEM, 0);

	sxp_push_text(s, "bootloader", loader ? loader : "");
	sxp_push_text(s, config_vars[CONFIG_ON_CRASH].name, config_action(c, CONFIG_ON_CRASH));
	if (c->var[CONFIG_UUID].is_set)
		config_push_as(s, c, CONFIG_UUID, "uuid");
	sxp_push_text(s, "bootloader_args", args ? args : "");
	sxp_push_int(s, "vcpus", config_vcpus(c));
	config_push_or(s, c, CONFIG_NAME, "");
	sxp_push_text(s, config_vars[CONFIG_ON_REBOOT].name, config_action(c, CONFIG_ON_REBOOT));
	sxp_push_text(s, config_vars[CONFIG_ON_POWEROFF].name, config_action(c, CONFIG_ON_POWEROFF));
	sxp_push_int(s, "maxmem", maxmem ? maxmem : memory);
	sxp_push_int(s, "memory", memory);
	sxp_push_int(s, "shadow_memory", config_int(c, CONFIG_SHADOW_MEMORY, 0));
	config_push_or(s, c, CONFIG_FEATURES, "");
	config_push_or(s, c, CONFIG_ON_XEND_START, "ignore");
	config_push_or(s, c, CONFIG_ON_XEND_STOP, "ignore");
	if (!config_is_falsy(&c->var[CONFIG_CPUS], CONFIG_AFFINITY) &&
	    (!c->var[CONFIG_CPUS].text || *c->var[CONFIG_CPUS].text))
		sxp_push(s, config_cpus_sxp(c));
}

static void config_push_running(struct sxp *s, const struct config_live *live)
{
	if (live->start_time >= 0)
		sxp_push(s, sxp_pair("start_time", sxp_atomf("%.12g", live->start_time)));
	if (live->domid >= 0)
		sxp_push(s, sxp_pair("cpu_time", sxp_atomf("%.12g", live->cpu_time)));
	sxp_push_int(s, "online_vcpus", live->online_vcpus);
}

struct sxp *config_to_domain_sxp(const struct config *c, const struct config_live *live)
{
	struct sxp *s = sxp_named("domain");

	if (live && live->domid >= 0)
		sxp_push_int(s, "domid", live->domid);
	config_push_names(s, c);
	if (live)
		config_push_running(s, live);
	else
		config_push_kept(s, c);
	config_push_security(s, c);
	sxp_push(s, config_image(c, true));
	if (live) {
		sxp_push_int(s, "status", live->status);
		if (live->state)
			sxp_push_text(s, "state", live->state);
		if (live->store_mfn)
			sxp_push_int(s, "store_mfn", (long long)live->store_mfn);
		if (live->console_mfn)
			sxp_push_int(s, "console_mfn", (long long)live->console_mfn);
	}
	config_push_devices(s, c);
	if (sxp_failed(s)) {
		sxp_free(s);
		return NULL;
	}
	return s;
}
