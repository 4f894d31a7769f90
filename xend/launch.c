/* Launching a domain: build, describe in XenStore, introduce, unpause. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/bootloader.h"
#include "xend/build.h"
#include "xend/device_attach.h"
#include "xend/domain.h"
#include "xend/domctl.h"
#include "xend/image.h"
#include "xend/jobs.h"
#include "xend/launch.h"
#include "xend/lock.h"
#include "xend/prefill.h"
#include "xend/reap.h"
#include "xend/restore.h"
#include "xend/room.h"
#include "xend/settings.h"
#include "xend/sysctl.h"
#include "xend/xend.h"

#define CONSOLE_WAIT_MS 2000
#define MEMORY_FALLBACK_MIB 128		/* what a configuration without memory= gets */

/* ---------------------------------------------------------------- checks */

static int check_builder(const struct config *c, struct fault *f)
{
	const char *builder = config_text(c, CONFIG_BUILDER);

	if (builder && !strcmp(builder, "hvm"))
		return fault_set(f, ENOSYS, "HVM guests are not available yet in this version");
	if (builder && strcmp(builder, "linux") && strcmp(builder, "generic"))
		return fault_set(f, EINVAL, "unknown image type: %s", builder);
	return 0;
}

static int check_files(const struct config *c, struct fault *f)
{
	const char *kernel = config_text(c, CONFIG_KERNEL), *ramdisk = config_text(c, CONFIG_RAMDISK);

	if (bootloader_is_wanted(c))
		return bootloader_check(c, f);
	if (!kernel || !*kernel)
		return fault_set(f, EINVAL, "The configuration names no kernel");
	if (access(kernel, F_OK) < 0)
		return fault_set(f, ENOENT, "Kernel image does not exist: %s", kernel);
	if (ramdisk && *ramdisk && access(ramdisk, F_OK) < 0)
		return fault_set(f, ENOENT, "Kernel ramdisk does not exist: %s", ramdisk);
	return 0;
}

int launch_check(const struct config *c, struct fault *f)
{
	int rc = check_builder(c, f);

	if (rc == 0)
		rc = check_files(c, f);
	if (rc == 0)
		rc = device_check_all(c, f);
	return rc;
}

/* ----------------------------------------------------------------- sizes */

static uint64_t memory_kib(const struct config *c)
{
	return (uint64_t)config_int(c, CONFIG_MEMORY, MEMORY_FALLBACK_MIB) * 1024;
}

static uint64_t maxmem_kib(const struct config *c)
{
	uint64_t max = (uint64_t)config_int(c, CONFIG_MAXMEM, 0) * 1024;

	return max > memory_kib(c) ? max : memory_kib(c);
}

static bool vcpu_is_online(const struct config *c, unsigned vcpu)
{
	return vcpu >= 64 || config_vcpu_mask(c) >> vcpu & 1;
}

/* -------------------------------------------------------------- affinity */

static int cpumap_read(const char *text, struct build_cpumap *out, struct fault *f)
{
	bool map[BUILD_CPUMAP_BYTES * 8];
	struct config_error err;

	if (config_cpus_parse(text, map, sizeof map, &err) < 0)
		return fault_set(f, EINVAL, "%s", err.text);
	for (size_t cpu = 0; *text && cpu < sizeof map; cpu++)
		if (map[cpu])
			out->bits[cpu / 8] |= (uint8_t)(1 << cpu % 8);
	return 0;
}

/* One map per vcpu, from cpus= (a string for all, or a list), or from the old cpu= for the first
 * alone; NULL: any cpu. */
static int affinity_read(const struct config *c, unsigned vcpus, struct build_cpumap **out,
			 struct fault *f)
{
	const struct config_value *v = &c->var[CONFIG_CPUS];
	bool has_cpus = v->is_set && (v->items || (v->text && *v->text));
	int64_t cpu = config_int(c, CONFIG_CPU, -1);
	struct build_cpumap *maps;
	int rc = 0;

	*out = NULL;
	if (!has_cpus && (cpu < 0 || cpu >= BUILD_CPUMAP_BYTES * 8))
		return 0;
	maps = calloc(vcpus, sizeof *maps);
	if (!maps)
		return fault_set(f, ENOMEM, "Out of memory");
	if (!has_cpus)
		maps[0].bits[cpu / 8] |= (uint8_t)(1 << cpu % 8);
	for (unsigned i = 0; has_cpus && i < vcpus && rc == 0; i++)
		rc = cpumap_read(v->items ? v->item[i % v->items].text : v->text, &maps[i], f);
	if (rc < 0)
		free(maps);
	else
		*out = maps;
	return rc;
}

/* pool=, by name or number. */
static int pool_read(struct workshop *w, const struct config *c, uint32_t *pool, struct fault *f)
{
	const char *wanted = config_text(c, CONFIG_POOL);
	struct sysctl_pool info;
	char path[64], number[16];

	*pool = 0;
	if (!wanted || !*wanted)
		return 0;
	for (uint32_t id = 0; sysctl_pool_info(w->hyp, id, &info, NULL, 0) == 0; id = info.id + 1) {
		char *name;
		bool is_it;

		snprintf(path, sizeof path, "/local/pool/%u", info.id);
		snprintf(number, sizeof number, "%u", info.id);
		name = xs_get(w->xs, XS_TXN_NONE, path, "name");
		is_it = (name && !strcmp(name, wanted)) || !strcmp(number, wanted);
		free(name);
		*pool = info.id;
		if (is_it)
			return 0;
	}
	return fault_set(f, ENOENT, "Pool '%s' does not exist.", wanted);
}

/* ----------------------------------------------------------------- nodes */

/* Writes below one directory and remembers the first failure. */
struct writer {
	struct xs *xs;
	uint32_t t;
	char base[64];
	int rc;
};

static void put(struct writer *w, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct writer *w, const char *name, const char *format, ...)
{
	char path[256], value[JOB_PIECE];
	va_list va;
	int n;

	if (w->rc < 0)
		return;
	va_start(va, format);
	n = vsnprintf(value, sizeof value, format, va);
	va_end(va);
	snprintf(path, sizeof path, "%s/%s", w->base, name);
	if (n < 0 || (size_t)n >= sizeof value)
		w->rc = -E2BIG;
	else
		w->rc = xs_write(w->xs, w->t, path, value, (size_t)n);
}

static void put_owner(struct writer *w, const char *name, const struct xs_perm *perm, size_t n)
{
	char path[256];

	if (w->rc < 0)
		return;
	snprintf(path, sizeof path, "%s%s%s", w->base, *name ? "/" : "", name);
	w->rc = xs_mkdir(w->xs, w->t, path);
	if (w->rc == 0)
		w->rc = xs_set_perms(w->xs, w->t, path, perm, n);
}

struct description {
	const struct launch *launch;
	const struct build_result *built;
	const struct image *image;	/* NULL: it is restored */
	const struct bootloader *boot;	/* what it boots; NULL as well */
	char uuid[DOM_UUID_TEXT];
	char *source;			/* the configuration on one line */
};

static const char *text_or(const struct config *c, enum config_id id, const char *fallback)
{
	const char *text = config_text(c, id);

	return text && *text ? text : fallback;
}

/* /local/domain/N: for the guest to read.  It owns only what its kernel writes to: what others act
 * on (devices, rings, limits) is out of its reach. */
static void describe_domain(struct writer *w, const struct description *d)
{
	const struct config *c = d->launch->config;
	uint32_t domid = d->built->domid;
	const struct xs_perm own = { domid, 'n' };
	const struct xs_perm read_only[] = { { 0, 'n' }, { domid, 'r' } };
	static const char *const readable[] = {
		"cpu", "memory", "console", "store", "control", "device",
	};
	static const char *const writable[] = {
		"data", "drivers", "error", "feature", "attr", "control/shutdown",
		"control/sysrq", "control/feature-poweroff", "control/feature-reboot",
		"control/feature-suspend", "device/suspend/event-channel",
	};

	snprintf(w->base, sizeof w->base, "/local/domain/%u", domid);
	put_owner(w, "", read_only, 2);
	put(w, "domid", "%u", domid);
	put(w, "vm", "/vm/%s", d->uuid);
	put(w, "name", "%s", config_text(c, CONFIG_NAME));
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
		put_owner(w, readable[i], read_only, 2);
	for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
		put_owner(w, writable[i], &own, 1);
	put(w, "control/platform-feature-multiprocessor-suspend", "1");
	put(w, "memory/target", "%llu", (unsigned long long)memory_kib(c));
	put(w, "memory/static-max", "%llu", (unsigned long long)maxmem_kib(c));
	put(w, "store/port", "%u", d->built->store_port);
	put(w, "store/ring-ref", "%llu", (unsigned long long)d->built->store_frame);
	put(w, "console/type", "xenconsoled");
	put(w, "console/limit", "%lld", (long long)settings_int("console-limit") * 1024);
	put(w, "console/port", "%u", d->built->console_port);
	put(w, "console/ring-ref", "%llu", (unsigned long long)d->built->console_frame);
	put_owner(w, "console/tty", read_only, 2);
	for (unsigned i = 0; i < config_vcpus(c); i++) {
		char name[32];

		snprintf(name, sizeof name, "cpu/%u/availability", i);
		put(w, name, vcpu_is_online(c, i) ? "online" : "offline");
	}
}

static void describe_image(struct writer *w, const struct description *d)
{
	const struct image_notes *n;

	put(w, "image/ostype", "linux");
	if (!d->image)			/* restored: nothing was loaded */
		return;
	n = &d->image->notes;
	put(w, "image/kernel", "%s", d->boot->kernel);
	put(w, "image/ramdisk", "%s", d->boot->ramdisk ? d->boot->ramdisk : "");
	put(w, "image/cmdline", "%s", d->boot->args);
	put(w, "image/entry", "%#llx", (unsigned long long)n->entry);
	put(w, "image/guest-os", "%s", n->guest_os);
	put(w, "image/guest-version", "%s", n->guest_version);
	put(w, "image/xen-version", "%s", n->xen_version);
}

/* /vm/UUID: ours; the guest may read its uuid, no more. */
static void describe_vm(struct writer *w, const struct description *d)
{
	const struct config *c = d->launch->config;
	const struct xs_perm own = { 0, 'n' };
	const struct xs_perm read_only[] = { { 0, 'n' }, { d->built->domid, 'r' } };

	snprintf(w->base, sizeof w->base, "/vm/%s", d->uuid);
	put_owner(w, "", &own, 1);
	put(w, "uuid", "%s", d->uuid);
	put_owner(w, "uuid", read_only, 2);
	put(w, "uuid", "%s", d->uuid);
	put(w, "name", "%s", config_text(c, CONFIG_NAME));
	put(w, "vcpus", "%u", config_vcpus(c));
	put(w, "memory", "%llu", (unsigned long long)memory_kib(c) / 1024);
	put(w, "maxmem", "%llu", (unsigned long long)maxmem_kib(c) / 1024);
	put(w, "shadow_memory", "0");
	put(w, "start_time", "%.2f", (double)time(NULL));
	put(w, "on_poweroff", "%s", config_action(c, CONFIG_ON_POWEROFF));
	put(w, "on_reboot", "%s", config_action(c, CONFIG_ON_REBOOT));
	put(w, "on_crash", "%s", config_action(c, CONFIG_ON_CRASH));
	put(w, "on_xend_start", "%s", text_or(c, CONFIG_ON_XEND_START, "ignore"));
	put(w, "on_xend_stop", "%s", text_or(c, CONFIG_ON_XEND_STOP, "ignore"));
	describe_image(w, d);
	put(w, "xend/restart_count", "%u", d->launch->restarts);
	put(w, "xend/previous_restart_time", "%.2f", d->launch->restarts ? (double)time(NULL) : 0);
}

/* All the nodes and the mark: at once, so that no reader sees half a domain. */
static int describe_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct description *d = ctx;
	struct writer w = { .xs = xs, .t = t };
	char path[256];

	describe_domain(&w, d);
	describe_vm(&w, d);
	if (w.rc < 0)
		return w.rc;
	snprintf(path, sizeof path, "/vm/%s/xend/config", d->uuid);
	w.rc = job_text_write(xs, t, path, d->source);
	put(&w, XEND_MARK, "%u", d->built->domid);
	return w.rc;
}

static int describe(struct workshop *w, struct description *d, struct fault *f)
{
	int rc = -ENOMEM;

	dom_uuid_print(d->launch->uuid, d->uuid);
	d->source = sxp_print(d->launch->source);
	if (d->source)
		rc = xs_txn(w->xs, describe_body, d);
	free(d->source);
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to describe the domain in XenStore");
	rc = xs_introduce(w->xs, d->built->domid, d->built->store_frame, d->built->store_port);
	return rc < 0 ? fault_errno(f, -rc, "XenStore refuses the domain") : 0;
}

/* ------------------------------------------------------------------ boot */

#define MENU_WAIT_MS 5000		/* xm comes at once, or not at all */

static void menu_offer(void *ctx, const char *socket)
{
	char phase[64];

	snprintf(phase, sizeof phase, BOOTLOADER_MENU "%s", socket);
	worker_progress(ctx, phase, 0, 0);
}

static int boot_from_disk(struct workshop *w, const struct config *c, const char *cmdline,
			  struct bootloader *boot, struct fault *f)
{
	char disk[PATH_MAX];
	const struct bootloader_call call = {
		.program = config_text(c, CONFIG_BOOTLOADER), .args = text_or(c, CONFIG_BOOTARGS, NULL),
		.cmdline = cmdline, .disk = disk, .wait_ms = MENU_WAIT_MS, .ctx = w,
		.offer = w->job->client && *w->job->client ? menu_offer : NULL,
	};
	int rc = bootloader_disk(c, disk, sizeof disk, f);

	worker_progress(w, "running the boot loader", 0, 0);
	return rc < 0 ? rc : bootloader_run(boot, &call, f);
}

/* Kernel, ramdisk and command line: of the configuration, or what its boot loader makes of the
 * guest's disk. */
static int boot_find(struct workshop *w, const struct config *c, struct bootloader *boot,
		     struct fault *f)
{
	const char *ramdisk = text_or(c, CONFIG_RAMDISK, NULL);
	char *cmdline = config_cmdline(c);
	int rc = 0;

	if (cmdline && bootloader_is_wanted(c)) {
		rc = boot_from_disk(w, c, cmdline, boot, f);
		free(cmdline);
		return rc;
	}
	boot->kernel = strdup(config_text(c, CONFIG_KERNEL));
	boot->ramdisk = ramdisk ? strdup(ramdisk) : NULL;
	boot->args = cmdline;
	if (!boot->kernel || !boot->args || (ramdisk && !boot->ramdisk))
		rc = fault_set(f, ENOMEM, "Out of memory");
	return rc;
}

/* ----------------------------------------------------------------- build */

/* What builder and restorer are told alike; *affinity is to be freed. */
static int build_settle(struct workshop *w, const struct launch *l, struct build_config *b,
			struct build_cpumap **affinity, struct fault *f)
{
	const struct config *c = l->config;
	int rc;

	*affinity = NULL;
	build_config_init(b);
	memcpy(b->uuid, l->uuid, sizeof b->uuid);
	b->mem_kib = memory_kib(c);
	b->maxmem_kib = maxmem_kib(c);
	b->vcpus = config_vcpus(c);
	b->weight = (unsigned)config_int(c, CONFIG_CPU_WEIGHT, 0);
	b->cap = (unsigned)config_int(c, CONFIG_CPU_CAP, 0);
	b->tsc_mode = (uint32_t)config_int(c, CONFIG_TSC_MODE, 0);
	b->progress = worker_progress;
	b->progress_ctx = w;
	rc = pool_read(w, c, &b->cpupool, f);
	if (rc == 0)
		rc = affinity_read(c, b->vcpus, affinity, f);
	b->affinity = *affinity;
	return rc;
}

static int build(struct workshop *w, const struct launch *l, const struct bootloader *boot,
		 const struct image *image, struct build_result *built, struct fault *f)
{
	struct build_cpumap *affinity;
	struct build_config b;
	int room = -1, rc = build_settle(w, l, &b, &affinity, f);

	b.initrd_path = boot->ramdisk;
	b.cmdline = boot->args;
	if (rc == 0)
		rc = build_check(&b, f);
	if (rc == 0)
		rc = room_make(w, build_memory_kib(&b), &room, f);
	if (rc == 0)
		rc = build_domain(w->hyp, &b, image, built, f);
	room_release(room);
	free(affinity);
	return rc;
}

static int restore(struct workshop *w, const struct launch *l, int fd, struct build_result *built,
		   struct fault *f)
{
	struct build_cpumap *affinity;
	struct build_config b;
	int room = -1, rc = build_settle(w, l, &b, &affinity, f);

	if (rc == 0)
		rc = build_check(&b, f);
	if (rc == 0)
		rc = room_make(w, build_memory_kib(&b), &room, f);
	if (rc == 0)
		rc = restore_domain(w->hyp, &b, fd, built, f);
	room_release(room);
	free(affinity);
	return rc;
}

static int64_t now_ms(void)
{
	return (int64_t)(loop_now_ns() / 1000000);
}

/* The console daemon has to listen before the guest speaks: one that dies at once would die
 * unheard.  Where none runs, or none answers, the guest starts all the same. */
static void console_await(struct xs *xs, int domid)
{
	int64_t end = now_ms() + CONSOLE_WAIT_MS, left;
	struct xs_event ev;
	char path[64];

	snprintf(path, sizeof path, "/local/domain/%d/console/tty", domid);
	if (lock_is_held(XENCONSOLED_PID_FILE, NULL) != 1 || xs_watch(xs, path, "tty") < 0)
		return;
	while (xs_exists(xs, XS_TXN_NONE, path) == 0 && (left = end - now_ms()) > 0)
		if (xs_wait_event(xs, &ev, (int)left) == 0)
			xs_event_free(&ev);
	xs_unwatch(xs, path, "tty");
}

/* Every disk and interface that the configuration promises, then the mark that all is there. */
static int connect_devices(struct workshop *w, const struct launch *l, int domid, struct fault *f)
{
	struct device_owner owner = {
		.domid = (uint32_t)domid, .name = config_text(l->config, CONFIG_NAME),
	};
	char uuid[DOM_UUID_TEXT], path[256];
	int rc;

	worker_progress(w, "connecting devices", 0, 0);
	memcpy(owner.uuid, l->uuid, sizeof owner.uuid);
	rc = device_attach_all(w->xs, l->config, &owner, f);
	if (rc < 0)
		return rc;
	dom_uuid_print(l->uuid, uuid);
	snprintf(path, sizeof path, "/vm/%s/" XEND_READY, uuid);
	rc = xs_printf(w->xs, XS_TXN_NONE, path, "1");
	return rc < 0 ? fault_errno(f, -rc, "Unable to write %s", path) : 0;
}

/* Nodes, devices, a listening console: all but the last word.  On failure nothing is left. */
static int settle_in(struct workshop *w, struct description *d, struct fault *f)
{
	int domid = d->built->domid, rc = describe(w, d, f);

	if (rc == 0)
		rc = connect_devices(w, d->launch, domid, f);
	if (rc < 0)
		reap_domid(w->hyp, w->xs, domid);
	else
		console_await(w->xs, domid);
	return rc;
}

static int go(struct workshop *w, const struct launch *l, int domid, struct fault *f)
{
	int rc = l->stay_paused ? 0 : domctl_unpause(w->hyp, (domid_t)domid);
	return rc < 0 ? fault_errno(f, -rc, "Unable to unpause the new domain") : 0;
}

int launch_domain(struct workshop *w, const struct launch *l, int *domid, struct fault *f)
{
	struct build_result built = { 0 };
	struct image image = IMAGE_NONE;
	struct bootloader boot = { .lock = -1 };
	struct description d = { .launch = l, .built = &built, .image = &image, .boot = &boot };
	const char *cache = bootloader_is_wanted(l->config) ? NULL : IMAGE_CACHE_DIR;
	int rc = boot_find(w, l->config, &boot, f);

	worker_progress(w, "reading the kernel", 0, 0);
	if (rc == 0)
		rc = image_load(&image, boot.kernel, cache, f);
	if (rc == 0)
		rc = build(w, l, &boot, &image, &built, f);
	if (rc == 0)
		rc = settle_in(w, &d, f);
	if (rc == 0) {
		rc = go(w, l, built.domid, f);
		if (rc < 0)
			reap_domid(w->hyp, w->xs, built.domid);
	}
	if (rc == 0) {
		*domid = built.domid;
		if (cache)		/* a copy of a guest's kernel is never seen again */
			prefill_image(&image);
	}
	image_free(&image);
	bootloader_end(&boot);
	return rc;
}

/* No kernel is read: what it was booted from need not be there any more. */
int launch_restore(struct workshop *w, const struct launch *l, int fd,
		   int (*commit)(void *ctx, struct fault *f), void *ctx, int *domid, struct fault *f)
{
	struct build_result built = { 0 };
	struct description d = { .launch = l, .built = &built };
	int rc = restore(w, l, fd, &built, f);

	if (rc == 0)
		rc = settle_in(w, &d, f);
	if (rc < 0)
		return rc;
	*domid = built.domid;
	rc = commit(ctx, f);
	if (rc < 0) {
		reap_domid(w->hyp, w->xs, built.domid);
		return rc;
	}
	rc = go(w, l, built.domid, f);
	if (rc < 0)
		fault_hint(f, "It is there, but paused: xm unpause %d lets it go on.", built.domid);
	return rc;
}
