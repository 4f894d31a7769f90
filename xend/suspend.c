/* suspend and resume: asking the guest, writing its state, making sure that it is only once there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include <xen/sched.h>
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/device.h"
#include "xend/domctl.h"
#include "xend/launch.h"
#include "xend/managed.h"
#include "xend/plan.h"
#include "xend/reap.h"
#include "xend/roster.h"
#include "xend/save.h"
#include "xend/state.h"
#include "xend/suspend.h"

#define HEAR_S 30			/* until the guest takes the request */
#define OBEY_S 60			/* from then until it is suspended: its drivers let go */
#define LOOK_MS 500			/* how soon an end is noticed that XenStore doesn't tell */

enum progress { RUNS, SUSPENDED, GONE };

/* Shut down with this reason is what "suspended" means to the hypervisor. */
static enum progress look(struct workshop *w, int domid, struct fault *f)
{
	struct xen_domctl_getdomaininfo info;

	if (domctl_info(w->hyp, (domid_t)domid, &info) < 0 || info.flags & XEN_DOMINF_dying) {
		fault_set(f, ESRCH, "The domain has ended");
		return GONE;
	}
	if (!(info.flags & XEN_DOMINF_shutdown))
		return RUNS;
	if ((info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend)
		return SUSPENDED;
	fault_set(f, EINVAL, "The domain has shut down instead");
	return GONE;
}

/* --------------------------------------------------------------- the guest */

#define SHUTDOWN_NODE "/local/domain/%d/control/shutdown"

struct request {
	char path[64];
	const char *from, *to;		/* from NULL: whatever is there */
	bool is_changed;
};

/* The guest, too, takes it in a transaction: it has either heard, or never will. */
static int request_body(struct xs *xs, uint32_t t, void *ctx)
{
	struct request *r = ctx;
	char *now;
	size_t len;
	int rc = xs_read(xs, t, r->path, &now, &len);

	if (rc < 0)
		return rc;
	r->is_changed = !r->from || !strcmp(now, r->from);
	free(now);
	return r->is_changed ? xs_write(xs, t, r->path, r->to, strlen(r->to)) : 0;
}

static int request(struct workshop *w, int domid, const char *from, const char *to, bool *is_changed)
{
	struct request r = { .from = from, .to = to };
	int rc;

	snprintf(r.path, sizeof r.path, SHUTDOWN_NODE, domid);
	rc = xs_txn(w->xs, request_body, &r);
	*is_changed = rc == 0 && r.is_changed;
	return rc;
}

/* The guest has emptied the node. */
static bool has_heard(struct workshop *w, const char *path)
{
	char *now;
	size_t len;
	bool heard;

	if (xs_read(w->xs, XS_TXN_NONE, path, &now, &len) < 0)
		return false;
	heard = !len;
	free(now);
	return heard;
}

/* That it is we who suspend it, so that nobody else's suspended domain is let go (life.c). */
static int mark(struct workshop *w, bool is_asked)
{
	char path[ROSTER_PATH];
	int rc;

	snprintf(path, sizeof path, "/vm/%s/" SUSPEND_MARK, w->job->target);
	if (is_asked)
		return xs_printf(w->xs, XS_TXN_NONE, path, "1");
	rc = xs_rm(w->xs, XS_TXN_NONE, path);
	return rc == -ENOENT ? 0 : rc;
}

/* Until it is suspended or gone, or the time is over: RUNS. */
static enum progress await(struct workshop *w, int domid, struct fault *f)
{
	uint64_t begin = loop_now_ns(), end = begin + HEAR_S * 1000000000ULL;
	char path[64];
	enum progress now;
	bool heard = false;

	snprintf(path, sizeof path, SHUTDOWN_NODE, domid);
	xs_watch(w->xs, path, "suspend");
	xs_watch(w->xs, "@releaseDomain", "suspend");
	while ((now = look(w, domid, f)) == RUNS && loop_now_ns() < end) {
		struct xs_event ev;

		if (!heard && has_heard(w, path)) {
			heard = true;
			end = loop_now_ns() + OBEY_S * 1000000000ULL;
			worker_progress(w, "waiting for the guest to stop", 0, 0);
		}
		if (xs_wait_event(w->xs, &ev, LOOK_MS) == 0)
			xs_event_free(&ev);
	}
	xs_unwatch(w->xs, "@releaseDomain", "suspend");
	xs_unwatch(w->xs, path, "suspend");
	return now;
}

static int refuse_deaf(struct workshop *w, int domid, struct fault *f)
{
	char dir[64];
	char *able;

	snprintf(dir, sizeof dir, "/local/domain/%d/control", domid);
	able = xs_get(w->xs, XS_TXN_NONE, dir, "feature-suspend");
	fault_set(f, ETIMEDOUT, "The guest did not obey within %d seconds; it goes on running", HEAR_S);
	if (able && !strcmp(able, "1"))
		fault_hint(f, "It may be busy or hung: xm console, xm top.");
	else
		fault_hint(f, "Its kernel has not said that it can be suspended (Linux needs "
			   "CONFIG_HIBERNATE_CALLBACKS), or has not come so far yet.");
	free(able);
	return -ETIMEDOUT;
}

/* Takes the request back.  What it has begun by then it will finish, and be let go on (wake). */
static int refuse_slow(struct workshop *w, int domid, struct fault *f)
{
	bool taken_back;
	int rc = request(w, domid, "suspend", "", &taken_back);

	if (rc == 0 && taken_back) {
		mark(w, false);
		return refuse_deaf(w, domid, f);
	}
	fault_set(f, ETIMEDOUT, "The guest has begun to suspend, but has not finished within %d "
		  "seconds; it will go on running", OBEY_S);
	fault_hint(f, "xm console and xm dmesg may say what it waits for.");
	return -ETIMEDOUT;
}

static int guest_suspend(struct workshop *w, int domid, struct fault *f)
{
	enum progress now = look(w, domid, f);
	bool asked;
	int rc;

	if (now == GONE)
		return -f->err;
	if (now == SUSPENDED)
		return 0;
	worker_progress(w, "asking the guest", 0, 0);
	rc = mark(w, true);
	if (rc == 0)
		rc = request(w, domid, NULL, "suspend", &asked);
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to ask the guest");
	now = await(w, domid, f);
	if (now == RUNS)
		return refuse_slow(w, domid, f);
	return now == SUSPENDED ? 0 : -f->err;
}

/* As if nothing had been asked: XenStore, too, has noted that it had shut down. */
static int let_go(struct workshop *w, int domid)
{
	int rc = save_let_go(w->hyp, (uint16_t)domid);

	if (rc == 0)
		rc = xs_resume(w->xs, (uint32_t)domid);
	if (rc == 0)
		rc = mark(w, false);
	return rc;
}

/* ----------------------------------------------------------------- suspend */

int suspend_act(struct xend *x, struct job *j, const struct dom *d)
{
	if (d->domid == 0)
		return fault_set(&j->fault, EPERM, "Cannot save privileged domain %s", j->arg[0]);
	if (d->domid == DOM_HALTED && !(j->is_redo && d->is_suspended))
		return fault_set(&j->fault, EINVAL, "Domain is not running");
	if (!d->is_managed)
		return fault_set(&j->fault, EINVAL,
				 "Domain is not managed by Xend lifecycle support.");
	if (d->flags & XEN_DOMINF_paused && !(d->flags & XEN_DOMINF_shutdown)) {
		fault_set(&j->fault, EBUSY, "Domain is paused, and can't be asked to suspend");
		fault_hint(&j->fault, "Let it go on first: xm unpause %s", d->name);
		return -EBUSY;
	}
	j->domid = d->domid;
	return 0;
}

/* Better now than when the guest has stopped. */
static int check_space(struct workshop *w, int domid, const uint8_t uuid[16], struct fault *f)
{
	struct xen_domctl_getdomaininfo info;
	struct statvfs fs;
	char path[4096];
	uint64_t free_kib;
	int rc = managed_file(uuid, "", path, sizeof path);

	if (rc == 0)
		rc = domctl_info(w->hyp, (domid_t)domid, &info);
	if (rc == 0 && statvfs(path, &fs) < 0)
		rc = -errno;
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to look whether the state would fit on the disk");
	free_kib = (uint64_t)fs.f_bavail * fs.f_frsize / 1024;
	if (!fs.f_blocks || free_kib >= info.tot_pages * 4 + 1024)
		return 0;		/* some file systems don't say */
	fault_set(f, ENOSPC, "The domain's state takes %llu MiB, but %s has only %llu MiB free",
		  (unsigned long long)info.tot_pages / 256 + 1, managed_path(),
		  (unsigned long long)free_kib / 1024);
	fault_hint(f, "Make room there, or shrink the domain: xm mem-set. It runs on.");
	return -ENOSPC;
}

/* The configuration that it ran with, for whoever restores it elsewhere. */
static char *config_text_of(struct workshop *w, const uint8_t uuid[16])
{
	struct dom d = { .domid = 1 };
	struct sxp *config;
	char *text;

	memcpy(d.uuid, uuid, sizeof d.uuid);
	if (roster_config(w->xs, &d, &config) < 0 && managed_load(uuid, &config) < 0)
		return NULL;
	text = sxp_print(config);
	sxp_free(config);
	return text;
}

static int write_state(struct workshop *w, int domid, const uint8_t uuid[16], int fd,
		       struct fault *f)
{
	const struct save s = {
		.domid = (uint16_t)domid, .fd = fd, .progress = worker_progress, .ctx = w,
	};
	char *config = config_text_of(w, uuid);
	int rc;

	if (!config)
		return fault_set(f, EIO, "Unable to read the domain's configuration");
	rc = state_head_write(fd, config, f);
	free(config);
	if (rc == 0)
		rc = save_domain(w->hyp, &s, f);
	return rc;
}

static int keep_state(struct workshop *w, int domid, const uint8_t uuid[16], struct fault *f)
{
	int rc, fd = managed_state_new(uuid);

	if (fd < 0)
		return fault_errno(f, -fd, "Unable to create the state's file in %s", managed_path());
	rc = write_state(w, domid, uuid, fd, f);
	if (rc == 0) {
		worker_progress(w, "waiting for the disk", 0, 0);
		rc = managed_state_keep(uuid, fd);
		if (rc < 0)
			fault_errno(f, -rc, "Unable to write the state's file in %s", managed_path());
	}
	close(fd);
	if (rc < 0)
		managed_state_drop_new(uuid);
	return rc;
}

static int take_down(struct workshop *w, const uint8_t uuid[16], struct fault *f)
{
	int rc = reap_uuid(w->hyp, w->xs, uuid);

	return rc < 0 ? fault_errno(f, -rc, "The domain's state is kept, but the domain can't be "
				    "taken down") : 0;
}

int suspend_work(struct workshop *w)
{
	struct job *j = w->job;
	struct fault *f = &j->fault;
	uint8_t uuid[16];
	int rc;

	dom_uuid_parse(j->target, uuid);
	if (j->domid == DOM_HALTED)
		return 0;		/* done over: it was done */
	if (managed_has_state(uuid)) {
		if (look(w, j->domid, NULL) == SUSPENDED)
			return take_down(w, uuid, f);
		rc = managed_state_drop(uuid);	/* it runs: this is of an earlier life */
		if (rc < 0)
			return fault_errno(f, -rc, "Unable to remove an old state");
	}
	rc = check_space(w, j->domid, uuid, f);
	if (rc == 0)
		rc = guest_suspend(w, j->domid, f);
	if (rc == 0)
		rc = keep_state(w, j->domid, uuid, f);
	if (rc == 0)
		rc = take_down(w, uuid, f);
	return rc;
}

/* A worker failed, died or was killed: either the state is whole and the domain goes, or it is not
 * and the domain goes on. */
static int settle(struct workshop *w, int domid, const uint8_t uuid[16])
{
	enum progress now = domid == DOM_HALTED ? GONE : look(w, domid, NULL);
	bool taken_back, heard;
	char path[64];
	int rc;

	managed_state_drop_new(uuid);
	if (now == SUSPENDED)
		return managed_has_state(uuid) ? reap_uuid(w->hyp, w->xs, uuid) : let_go(w, domid);
	if (now == GONE)
		return 0;
	snprintf(path, sizeof path, SHUTDOWN_NODE, domid);
	heard = has_heard(w, path);	/* then it will suspend, and wake_work() lets it go */
	rc = request(w, domid, "suspend", "", &taken_back);
	return rc == 0 && (taken_back || !heard) ? mark(w, false) : rc;
}

int suspend_undo(struct workshop *w)
{
	uint8_t uuid[16];
	int rc;

	if (dom_uuid_parse(w->job->target, uuid) < 0)
		return 0;
	rc = settle(w, w->job->domid, uuid);
	if (rc < 0)
		log_rc(rc, "let %s go on", w->job->target);
	return rc;
}

int wake_work(struct workshop *w)
{
	int domid = atoi(w->job->arg[1]);	/* as queue() in life.c puts it */
	uint8_t uuid[16];
	int rc;

	if (dom_uuid_parse(w->job->target, uuid) < 0)
		return 0;
	rc = settle(w, domid, uuid);
	return rc < 0 ? fault_errno(&w->job->fault, -rc, "Unable to let domain %d go on", domid) : 0;
}

/* ------------------------------------------------------------------ resume */

#define RESUMING "Error occurred when resuming: "

int resume_act(struct xend *x, struct job *j, const struct dom *d)
{
	int rc;

	if (d->domid == 0)
		return fault_set(&j->fault, EPERM, RESUMING "Cannot save privileged domain %s",
				 j->arg[0]);
	if (!d->is_suspended && !j->is_redo)
		return fault_set(&j->fault, EINVAL,
				 RESUMING "Cannot resume domain that is not suspended.");
	rc = plan_take_managed(j, d);
	return rc < 0 ? fault_errno(&j->fault, -rc, RESUMING "Unable to read the configuration of '%s'", d->name)
		      : 0;
}

/* From here on the domain is what there is. */
static int drop_state(void *ctx, struct fault *f)
{
	const uint8_t *uuid = ctx;
	int rc = managed_state_drop(uuid);

	return rc < 0 ? fault_errno(f, -rc, "Unable to remove the state's file") : 0;
}

static int state_open(const uint8_t uuid[16], struct fault *f)
{
	char *config;
	int rc, fd = managed_state_open(uuid);

	if (fd < 0)
		return fault_errno(f, -fd, "Failed to read stored checkpoint file");
	rc = state_head_read(fd, &config, f);
	free(config);			/* the one of the managed domain counts */
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static int restore_plan(struct workshop *w, struct plan *p, uint8_t uuid[16], struct fault *f)
{
	struct launch l = {
		.config = &p->config, .source = p->source,
		.stay_paused = !strcmp(w->job->arg[1], "paused"),
	};
	int domid, fd, rc = device_check_all(&p->config, f);

	if (rc < 0)
		return rc;
	memcpy(l.uuid, uuid, sizeof l.uuid);
	fd = state_open(uuid, f);
	if (fd < 0)
		return fd;
	rc = launch_restore(w, &l, fd, drop_state, uuid, &domid, f);
	close(fd);
	if (rc == 0)
		buf_printf(&w->job->result, "%d", domid);
	return rc;
}

/* It was done, all but the last step, by one who was killed. */
static int finish(struct workshop *w)
{
	struct xen_domctl_getdomaininfo info;
	int domid = plan_find_complete(w, w->job->target, &info);

	if (domid < 0)
		return fault_set(&w->job->fault, ENOENT, "The domain and its state are gone");
	return plan_finish(w, domid, &info, !strcmp(w->job->arg[1], "paused"));
}

static int resume(struct workshop *w, uint8_t uuid[16])
{
	struct job *j = w->job;
	struct plan p = { 0 };
	int rc = 0;

	if (j->is_redo && !managed_has_state(uuid))
		return finish(w);
	if (j->is_redo)
		rc = reap_uuid(w->hyp, w->xs, uuid);
	if (rc == 0)
		rc = plan_read(&p, j);
	if (rc < 0)
		return rc;
	rc = restore_plan(w, &p, uuid, &j->fault);
	plan_free(&p);
	return rc;
}

int resume_work(struct workshop *w)
{
	struct fault *f = &w->job->fault, said;
	uint8_t uuid[16];
	int rc;

	dom_uuid_parse(w->job->target, uuid);
	rc = resume(w, uuid);
	if (rc < 0 && f->err) {
		said = *f;
		snprintf(f->text, sizeof f->text, RESUMING "%.400s", said.text);
	}
	return rc;
}

/* Whatever was built goes while the state is there; once that is gone the domain stays. */
int resume_undo(struct workshop *w)
{
	uint8_t uuid[16];
	int rc;

	if (dom_uuid_parse(w->job->target, uuid) < 0)
		return 0;
	rc = managed_has_state(uuid) ? reap_uuid(w->hyp, w->xs, uuid) : finish(w);
	if (rc < 0)
		log_rc(rc, "undo what '%s' left of %s", w->job->command, w->job->target);
	return rc;
}

int suspend_forget(struct job *j, const struct dom *d)
{
	int rc = managed_state_drop(d->uuid);

	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to remove the state of '%s'", d->name);
	j->domid = d->domid;
	return 0;
}
