/* Devices come: nodes, the kernel's driver, the loop device, the script, the verdict. */
#include "xend/device_attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/xs.h"
#include "xend/device_wait.h"
#include "xend/hotplug.h"
#include "xend/loopdev.h"
#include "xend/settings.h"

#define DRIVER_MS 20000			/* the kernel makes its half at once, or never */
#define MODPROBE_MS 30000

/* ------------------------------------------------------------------ words */

static int refuse(struct fault *f, const struct device_name *n, int err, const char *why)
{
	return fault_set(f, err, "Device %" PRIu32 " (%s) could not be connected.%s%s", n->id,
			 n->class->name, *why == '\n' ? "" : " ", why);
}

/* "Backend device not found." and, when the kernel said something, that too. */
static int refuse_driver(struct xs *xs, struct fault *f, const struct device_name *n)
{
	char *words = device_error_get(xs, n, true);
	char text[256];

	snprintf(text, sizeof text, "Backend device not found.%s%.200s", words ? " The driver says: " : "",
		 words ? words : "");
	free(words);
	return refuse(f, n, ENODEV, text);
}

/* ----------------------------------------------------------------- driver */

/* Domain 0's kernel has the driver, or gets it now. */
static int load_driver(const struct device_name *n, struct fault *f)
{
	struct hotplug h = { .path = "/sbin/modprobe" };
	struct buf said = { 0 };

	if (device_has_driver(n->class))
		return 0;
	if (hotplug_arg(&h, n->class->module) == 0)
		hotplug_run(&h, MODPROBE_MS, &said);
	hotplug_free(&h);
	if (!device_has_driver(n->class)) {
		refuse(f, n, ENODEV, "Backend device not found.");
		fault_hint(f, "Domain 0's kernel has no driver %s: %s", n->class->module,
			   said.len ? buf_string(&said) : "modprobe did not bring it");
	}
	buf_free(&said);
	return f->err ? -f->err : 0;
}

static bool driver_is_there(struct xs *xs, const struct device_name *n)
{
	enum device_state state = device_back_state(xs, n);

	return state >= DEVICE_CLOSING || (state >= DEVICE_INIT_WAIT && device_has_kernel_half(n));
}

static int wait_driver(struct xs *xs, const struct device_name *n, struct fault *f)
{
	int rc = device_wait(xs, n, driver_is_there, DRIVER_MS);

	if (rc == 0 && device_back_state(xs, n) < DEVICE_CLOSING)
		return 0;
	return rc == -ENOTCONN ? fault_errno(f, ENOTCONN, "Lost XenStore") : refuse_driver(xs, f, n);
}

/* The disk is open in blkback, or the driver has given up. */
static bool driver_has_disk(struct xs *xs, const struct device_name *n)
{
	return device_is_open(n) || device_back_state(xs, n) >= DEVICE_CLOSING;
}

/* ----------------------------------------------------------------- script */

static int script_env(struct hotplug *h, struct xs *xs, const struct device_name *n, const char *word)
{
	char path[DEVICE_PATH], vif[32];
	int rc = hotplug_env(h, "ACTION", !strcmp(word, "online") ? "add" :
			     !strcmp(word, "offline") ? "remove" : word);

	device_script_path(n, path);
	snprintf(vif, sizeof vif, "vif%" PRIu32 ".%" PRIu32, n->domid, n->id);
	if (rc == 0)
		rc = hotplug_env(h, "XENBUS_TYPE", n->class->name);
	if (rc == 0)
		rc = hotplug_env(h, "XENBUS_PATH", path);
	if (rc == 0)
		rc = hotplug_env(h, "XENBUS_BASE_PATH", "backend");
	if (rc == 0 && n->class == &device_vif)
		rc = hotplug_env(h, "vif", vif);
	if (rc == 0)
		rc = hotplug_env(h, "script", h->path);
	return rc == 0 ? hotplug_env(h, "XEN_SCRIPT_DIR", hotplug_dir()) : rc;
}

/* The command word comes first, as udev's rules had it; the configuration's words follow. */
int device_script_run(struct xs *xs, const struct device_name *n, const char *word, int limit_ms,
		      struct buf *said)
{
	char *script = device_back_get(xs, n, "script");
	struct hotplug h, named;
	int rc;

	if (!script)
		return -ENOENT;
	rc = hotplug_parse(&named, script);
	free(script);
	h = (struct hotplug){ 0 };
	memcpy(h.path, named.path, sizeof h.path);
	if (rc == 0)
		rc = hotplug_arg(&h, word);
	for (size_t i = 0; i < named.args && rc == 0; i++)
		rc = hotplug_arg(&h, named.arg[i]);
	if (rc == 0)
		rc = script_env(&h, xs, n, word);
	if (rc == 0)
		rc = hotplug_run(&h, limit_ms, said);
	hotplug_free(&named);
	hotplug_free(&h);
	return rc;
}

static bool script_has_said(struct xs *xs, const struct device_name *n)
{
	char *status = device_back_get(xs, n, "hotplug-status");
	bool has = status != NULL;

	free(status);
	return has;
}

/* "It did not work": the script's own words, or those that fit. */
static int refuse_script(struct xs *xs, struct fault *f, const struct device_name *n,
			 const char *status, struct buf *said)
{
	char *words = device_back_get(xs, n, "hotplug-error");
	bool is_busy = !strcmp(status, "busy");
	char text[400];

	if (!words && said->len)
		words = strdup(buf_string(said));
	snprintf(text, sizeof text, "%s%s", is_busy ? "\n" : "",
		 words ? words : is_busy ? "Busy." : "Backend device not found.");
	free(words);
	return refuse(f, n, is_busy ? EBUSY : ENODEV, text);
}

/* The script has ended with rc; what did it bring about? */
static int judge_script(struct xs *xs, const struct device_name *n, int rc, int left_ms,
			struct buf *said, struct fault *f)
{
	char *status;
	char text[400];

	if (rc == -ETIMEDOUT) {
		snprintf(text, sizeof text, "Hotplug scripts not working. It did not finish in time%s%.200s",
			 said->len ? "; its last words: " : ".", said->len ? buf_string(said) : "");
		return refuse(f, n, ETIMEDOUT, text);
	}
	if (rc < 0)
		return refuse(f, n, -rc, strerror(-rc));
	if (rc == 0)
		device_wait(xs, n, script_has_said, left_ms);
	status = device_back_get(xs, n, "hotplug-status");
	if (status && strcmp(status, "error") && strcmp(status, "busy"))
		rc = 0;
	else if (!status && rc == 0)
		rc = refuse(f, n, ETIMEDOUT, "Hotplug scripts not working.");
	else
		rc = refuse_script(xs, f, n, status ? status : "error", said);
	free(status);
	return rc;
}

static int run_script(struct xs *xs, const struct device_name *n, int limit_ms, struct fault *f)
{
	struct buf said = { 0 };
	uint64_t start_ns = loop_now_ns();
	int rc = device_script_run(xs, n, n->class->add, limit_ms, &said);
	int used_ms = (int)((loop_now_ns() - start_ns) / 1000000);

	rc = judge_script(xs, n, rc, limit_ms > used_ms ? limit_ms - used_ms : 0, &said, f);
	buf_free(&said);
	return rc;
}

/* ------------------------------------------------------------------ disks */

/* An image becomes a loop device, which the script finds under `node`. */
static int open_image(struct xs *xs, const struct device *d, struct loopdev *l, struct fault *f)
{
	const char *type = device_nodes_get(&d->back, "type");
	const char *params = device_nodes_get(&d->back, "params");
	const char *mode = device_nodes_get(&d->back, "mode"), *file;
	char uname[4200], path[DEVICE_PATH + 8];
	bool is_direct;
	int rc;

	snprintf(uname, sizeof uname, "%s:%s", type ? type : "", params ? params : "");
	file = device_image(uname, &is_direct);
	if (!file)
		return 0;
	rc = loopdev_open(l, file, mode && !strcmp(mode, "r"), is_direct);
	if (rc < 0) {
		char why[300];

		snprintf(why, sizeof why, "%s %.200s%s%s", rc == -ENODEV ? "No loop device for" : "Unable to open",
			 file, rc == -ENODEV ? "" : ": ", rc == -ENODEV ? "" : strerror(-rc));
		return refuse(f, &d->name, -rc, rc == -ENOENT ? "File not found." : why);
	}
	device_back(&d->name, path);
	strcat(path, "/node");
	rc = xs_printf(xs, XS_TXN_NONE, path, "%s", l->path);
	return rc < 0 ? fault_errno(f, -rc, "Unable to write %s", path) : 0;
}

/* blkback opens what the script found; only then may our own hold of a loop device end. */
static int wait_disk(struct xs *xs, const struct device_name *n, struct fault *f)
{
	char *number = device_back_get(xs, n, "physical-device");
	int rc;

	if (!number)
		return 0;		/* no medium */
	free(number);
	rc = device_wait(xs, n, driver_has_disk, DRIVER_MS);
	return rc == 0 && device_is_open(n) ? 0 : refuse_driver(xs, f, n);
}

/* ----------------------------------------------------------------- attach */

/* In a driver domain, its own tools run the script. */
static int attach_elsewhere(struct xs *xs, const struct device_name *n, int limit_ms, struct fault *f)
{
	struct buf said = { 0 };
	int rc = device_wait(xs, n, script_has_said, limit_ms);

	rc = rc < 0 ? refuse(f, n, ETIMEDOUT, "Hotplug scripts not working.")
		    : judge_script(xs, n, 0, 0, &said, f);
	if (rc < 0)
		fault_hint(f, "Domain %" PRIu32 " is to serve it: does it run a hotplug daemon?",
			   n->backend);
	return rc;
}

static int attach_here(struct xs *xs, const struct device *d, int limit_ms, struct fault *f)
{
	struct loopdev l = { .fd = -1 };
	int rc = wait_driver(xs, &d->name, f);

	if (rc == 0 && d->name.class == &device_vbd)
		rc = open_image(xs, d, &l, f);
	if (rc == 0)
		rc = run_script(xs, &d->name, limit_ms, f);
	if (rc == 0 && d->name.class == &device_vbd)
		rc = wait_disk(xs, &d->name, f);
	loopdev_close(&l);
	return rc;
}

static int attach_written(struct xs *xs, const struct device *d, struct fault *f)
{
	int limit_ms = (int)settings_int("device-create-timeout") * 1000;

	return d->name.backend ? attach_elsewhere(xs, &d->name, limit_ms, f)
			       : attach_here(xs, d, limit_ms, f);
}

static int write_one(struct xs *xs, const struct device *d, struct fault *f)
{
	const char *dev = device_nodes_get(&d->back, "dev");
	int rc = d->name.backend ? 0 : load_driver(&d->name, f);

	if (rc == 0)
		rc = device_write(xs, d);
	if (rc == -EEXIST)
		return fault_set(f, EEXIST, "Device %s (%" PRIu32 ", %s) is already connected.",
				 dev ? dev : "", d->name.id, d->name.class->name);
	return rc < 0 && !f->err ? fault_errno(f, -rc, "Unable to write the device's nodes") : rc;
}

int device_attach(struct xs *xs, const struct device *d, struct fault *f)
{
	int rc = write_one(xs, d, f);

	if (rc < 0)
		return rc;
	rc = attach_written(xs, d, f);
	if (rc < 0)
		device_detach(xs, &d->name, true, NULL);
	return rc;
}

/* ------------------------------------------------------------- a domain's */

static int plan_one(struct xs *xs, const struct config_device *c, const struct device_owner *owner,
		    uint32_t *next_vif, struct device *d, struct fault *f)
{
	struct device_name n = { .class = device_class_find(c->class), .domid = owner->domid };
	int rc = device_backend_find(xs, config_device_get(c, "backend"), &n.backend, f);

	if (rc == 0 && n.class == &device_vbd)
		rc = device_vdev(c, &n.id, f);
	else if (rc == 0)
		n.id = (*next_vif)++;
	return rc == 0 ? device_plan(d, &n, c, owner, f) : rc;
}

static int plan_all(struct xs *xs, const struct config *c, const struct device_owner *owner,
		    struct device *d, size_t *count, struct fault *f)
{
	uint32_t next_vif = 0;
	int rc = 0;

	for (size_t i = 0; i < c->devices && rc == 0; i++)
		if (device_class_find(c->device[i].class)) {
			rc = plan_one(xs, &c->device[i], owner, &next_vif, &d[*count], f);
			++*count;
		}
	return rc;
}

/* All are written before the first script runs: the drivers work while scripts do. */
int device_attach_all(struct xs *xs, const struct config *c, const struct device_owner *owner,
		      struct fault *f)
{
	struct device *d = calloc(c->devices + 1, sizeof *d);
	size_t count = 0;
	int rc = d ? plan_all(xs, c, owner, d, &count, f) : fault_set(f, ENOMEM, "Out of memory");

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = write_one(xs, &d[i], f);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = attach_written(xs, &d[i], f);
	for (size_t i = 0; i < count; i++)
		device_free(&d[i]);
	free(d);
	return rc;
}
