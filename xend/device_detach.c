/* Devices go: the guest is asked, the driver lets go, the script undoes, the nodes go. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/device_attach.h"
#include "xend/device_wait.h"
#include "xend/settings.h"

#define RELEASE_MS 10000		/* a driver that was told to let go needs no longer */

/* ------------------------------------------------------------------- asks */

/* The back-end shall close, and then not wait for another front-end. */
static int ask_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct device_name *n = ctx;
	char dir[DEVICE_PATH], path[DEVICE_PATH + 16];
	uint64_t state;
	int rc = xs_get_u64(xs, t, device_back(n, dir), "state", &state);

	if (rc < 0)
		return rc == -EINVAL ? 0 : rc;
	snprintf(path, sizeof path, "%s/online", dir);
	rc = xs_printf(xs, t, path, "0");
	snprintf(path, sizeof path, "%s/state", dir);
	if (rc == 0 && state < DEVICE_CLOSING)
		rc = xs_printf(xs, t, path, "%d", DEVICE_CLOSING);
	return rc;
}

static int ask_to_close(struct xs *xs, const struct device_name *n)
{
	int rc = xs_txn(xs, ask_body, (void *)(uintptr_t)n);

	return rc == -ENOENT ? 0 : rc;
}

static bool has_gone(struct xs *xs, const struct device_name *n)
{
	enum device_state state = device_back_state(xs, n);

	return state == DEVICE_UNKNOWN || (state == DEVICE_CLOSED &&
					   (n->backend || !device_has_kernel_half(n)));
}

/* A front-end that never came up has nothing to close. */
static bool never_connected(struct xs *xs, const struct device_name *n)
{
	char dir[DEVICE_PATH];
	uint64_t state;

	return xs_get_u64(xs, XS_TXN_NONE, device_front(n, dir), "state", &state) < 0 ||
	       state == DEVICE_INITIALISING || state == DEVICE_CLOSED;
}

static bool has_answered(struct xs *xs, const struct device_name *n)
{
	char *words;
	bool refused;

	if (has_gone(xs, n))
		return true;
	words = device_error_get(xs, n, false);
	refused = words != NULL;
	free(words);
	return refused;
}

/* ------------------------------------------------------------------- ends */

static void run_remove(struct xs *xs, const struct device_name *n)
{
	struct buf said = { 0 };
	int rc;

	if (n->backend)
		return;
	rc = device_script_run(xs, n, n->class->remove,
			       (int)settings_int("device-destroy-timeout") * 1000, &said);
	if (rc && rc != -ENOENT)
		log_error("device %" PRIu32 " (%s) of domain %" PRIu32 ": its script's '%s' %s: %s",
			  n->id, n->class->name, n->domid, n->class->remove,
			  rc == -ETIMEDOUT ? "was killed for its slowness" : "failed",
			  said.len ? buf_string(&said) : rc < 0 ? strerror(-rc) : "no word");
	buf_free(&said);
}

static bool is_released(struct xs *xs, const struct device_name *n)
{
	return n->backend || !device_has_kernel_half(n);
}

/* Without its front-end a driver has nobody to serve, and lets go. */
static void drop_front(struct xs *xs, const struct device_name *n)
{
	char dir[DEVICE_PATH];

	ask_to_close(xs, n);
	xs_rm(xs, XS_TXN_NONE, device_front(n, dir));
}

static int take_down(struct xs *xs, const struct device_name *n)
{
	drop_front(xs, n);
	if (device_wait(xs, n, is_released, RELEASE_MS) < 0)
		log_error("device %" PRIu32 " (%s) of domain %" PRIu32 ": its driver does not let go",
			  n->id, n->class->name, n->domid);
	run_remove(xs, n);
	return device_erase(xs, n);
}

/* ----------------------------------------------------------------- detach */

static int refuse(struct xs *xs, const struct device_name *n, struct fault *f)
{
	char *words = device_error_get(xs, n, false);

	device_leaving_add(xs, n);
	fault_set(f, EBUSY, "Device %" PRIu32 " (%s) could not be disconnected. %s%.200s", n->id,
		  n->class->name, words ? "The guest says: " : "", words ? words : "");
	fault_hint(f, "It goes as soon as the guest no longer uses it (unmount it there); -f takes it away "
		   "at once.");
	free(words);
	return -EBUSY;
}

static void forget_old_error(struct xs *xs, const struct device_name *n)
{
	char path[DEVICE_PATH * 2];

	snprintf(path, sizeof path, "/local/domain/%" PRIu32 "/error/device/%s/%" PRIu32, n->domid,
		 n->class->name, n->id);
	xs_rm(xs, XS_TXN_NONE, path);
}

int device_detach(struct xs *xs, const struct device_name *n, bool force, struct fault *f)
{
	int rc = 0;

	if (!force) {
		forget_old_error(xs, n);
		rc = ask_to_close(xs, n);
		if (rc == 0 && !never_connected(xs, n))
			rc = device_wait(xs, n, has_answered,
					 (int)settings_int("device-destroy-timeout") * 1000);
		if (rc == 0 && !never_connected(xs, n) && !has_gone(xs, n))
			rc = -EBUSY;
	}
	if (rc == -EBUSY || rc == -ETIMEDOUT)
		return refuse(xs, n, f);
	if (rc == 0)
		rc = take_down(xs, n);
	return rc < 0 ? fault_errno(f, -rc, "Device %" PRIu32 " (%s) could not be disconnected", n->id,
				    n->class->name) : 0;
}

int device_remove_all(struct xs *xs, uint32_t domid, const char *uuid)
{
	struct device_list l;
	int rc = device_list_read(xs, domid, uuid, &l), failed = 0;

	for (size_t i = 0; i < l.count && rc == 0; i++)
		drop_front(xs, &l.name[i]);	/* they let go side by side */
	for (size_t i = 0; i < l.count && rc == 0; i++) {
		int one = take_down(xs, &l.name[i]);

		failed = one < 0 ? one : failed;
	}
	device_list_free(&l);
	return rc < 0 ? rc : failed;
}

/* ---------------------------------------------------------------- orphans */

struct hunt {
	struct xs *xs;
	bool (*is_alive)(void *ctx, uint32_t domid, const char *uuid);
	void *ctx;
	struct device_orphan *orphan;
	size_t most, count;
};

static void hunt_add(struct hunt *h, uint32_t domid, const char *uuid)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->orphan[i].domid == domid && !strcmp(h->orphan[i].uuid, uuid))
			return;
	if (h->count == h->most)
		return;
	h->orphan[h->count].domid = domid;
	snprintf(h->orphan[h->count++].uuid, sizeof h->orphan->uuid, "%s", uuid);
}

/* The mark of one of the guest's devices is enough: they share its fate. */
static void hunt_guest(struct hunt *h, uint32_t domid)
{
	struct device_list l;

	if (device_list_read(h->xs, domid, NULL, &l) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		char *mark = device_back_get(h->xs, &l.name[i], DEVICE_MARK);

		if (mark && !h->is_alive(h->ctx, domid, mark))
			hunt_add(h, domid, mark);
		free(mark);
	}
	device_list_free(&l);
}

static void hunt_class(struct hunt *h, const char *backend, const char *class)
{
	char dir[DEVICE_PATH], **names;
	int n;

	snprintf(dir, sizeof dir, "/local/domain/%.20s/backend/%s", backend, class);
	n = xs_directory(h->xs, XS_TXN_NONE, dir, &names);
	for (int i = 0; i < n; i++) {
		uint32_t domid = (uint32_t)strtoul(names[i], NULL, 10);

		if (!h->is_alive(h->ctx, domid, NULL))
			hunt_guest(h, domid);
	}
	if (n >= 0)
		free(names);
}

static void hunt_left(struct hunt *h)
{
	struct device_list l;

	if (device_leaving_list(h->xs, &l) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		char *mark = has_gone(h->xs, &l.name[i]) || never_connected(h->xs, &l.name[i]) ?
			device_back_get(h->xs, &l.name[i], DEVICE_MARK) : NULL;

		if (mark)
			hunt_add(h, l.name[i].domid, mark);
		else if (device_back_state(h->xs, &l.name[i]) == DEVICE_UNKNOWN)
			device_erase(h->xs, &l.name[i]);	/* somebody else took it away */
		free(mark);
	}
	device_list_free(&l);
}

int device_orphans(struct xs *xs, bool (*is_alive)(void *ctx, uint32_t domid, const char *uuid),
		   void *ctx, struct device_orphan *orphan, size_t most)
{
	struct hunt h = { xs, is_alive, ctx, orphan, most, 0 };
	char **names;
	int n = xs_directory(xs, XS_TXN_NONE, "/local/domain", &names);

	if (n < 0)
		return n == -ENOENT ? 0 : n;
	for (int i = 0; i < n; i++) {
		hunt_class(&h, names[i], device_vbd.name);
		hunt_class(&h, names[i], device_vif.name);
	}
	free(names);
	hunt_left(&h);
	return (int)h.count;
}

int device_reap_left(struct xs *xs, uint32_t domid)
{
	struct device_list l;
	int rc = device_leaving_list(xs, &l);

	for (size_t i = 0; i < l.count && rc == 0; i++)
		if (l.name[i].domid == domid && (has_gone(xs, &l.name[i]) ||
						 never_connected(xs, &l.name[i])))
			rc = take_down(xs, &l.name[i]);
	device_list_free(&l);
	return rc;
}
