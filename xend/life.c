/* What happens when a domain has shut down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "xenstore/hyp.h"
#include <xen/sched.h>
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/xs.h"
#include "xend/device_jobs.h"
#include "xend/jobs.h"
#include "xend/life.h"
#include "xend/managed.h"
#include "xend/reap.h"
#include "xend/roster.h"
#include "xend/settings.h"
#include "xend/suspend.h"

#define RESTART_MIN_S 20		/* a domain that comes back sooner is not restarted again */
#define SHUTDOWN_MAX_S 300		/* how long a guest may take to obey */
#define LOOK_NS (10 * 1000000000ULL)	/* how often slow guests are looked for */

static struct loop_timer timer;
static struct loop_call call;

/* Which on_… speaks for which reason; the fallback is xend's when none was written down. */
static const struct {
	const char *node, *fallback;
} events[] = {
	[SHUTDOWN_poweroff] = { "on_poweroff", "destroy" },
	[SHUTDOWN_reboot] = { "on_reboot", "restart" },
	[SHUTDOWN_crash] = { "on_crash", "restart" },
	[SHUTDOWN_watchdog] = { "on_crash", "restart" },
};

static const struct {
	const char *name, *job;		/* NULL: nothing is done */
	bool dumps;
} actions[] = {
	{ "destroy", "reap", false },
	{ "restart", "restart", false },
	{ "preserve", NULL, false },
	{ "rename-restart", "rename-restart", false },
	{ "coredump-destroy", "reap", true },
	{ "coredump-restart", "restart", true },
};

static char *vm_get(struct xend *x, const struct dom *d, const char *name)
{
	char path[ROSTER_PATH];

	return xs_get(x->xs, XS_TXN_NONE, roster_vm_path(d, "", path), name);
}

static void vm_put(struct xend *x, const struct dom *d, const char *name, const char *value)
{
	char path[ROSTER_PATH];
	int rc = xs_write(x->xs, XS_TXN_NONE, roster_vm_path(d, name, path), value, strlen(value));

	if (rc < 0)
		log_rc(rc, "write %s of %s", name, d->name);
}

static double vm_number(struct xend *x, const struct dom *d, const char *name)
{
	char *text = vm_get(x, d, name);
	double number = text ? strtod(text, NULL) : 0;

	free(text);
	return number;
}

static bool is_ours(struct xend *x, const struct dom *d)
{
	char *mark = d->domid > 0 ? vm_get(x, d, XEND_MARK) : NULL;
	bool ours = mark && atoi(mark) == d->domid;

	free(mark);
	return ours;
}

/* Restarting again at once, and again, helps nobody. */
static bool restarts_too_fast(struct xend *x, const struct dom *d)
{
	double before = vm_number(x, d, "xend/previous_restart_time");

	return before > 0 && (double)time(NULL) - before < RESTART_MIN_S;
}

static void queue(struct xend *x, const struct dom *d, const char *job, bool dumps)
{
	char uuid[DOM_UUID_TEXT], restarts[16], domid[16], twin[DOM_UUID_TEXT];
	uint8_t twin_uuid[16];
	struct sxp *config = NULL;
	char *body = NULL;

	if (roster_config(x->xs, d, &config) == 0)
		body = sxp_print(config);
	sxp_free(config);
	dom_uuid_print(d->uuid, uuid);
	dom_uuid_new(twin_uuid);
	dom_uuid_print(twin_uuid, twin);
	snprintf(restarts, sizeof restarts, "%.0f", vm_number(x, d, "xend/restart_count") + 1);
	snprintf(domid, sizeof domid, "%d", d->domid);
	jobs_add(x, body, job, uuid, domid, dumps ? "dump" : "", restarts, twin, NULL);
	free(body);
}

static void do_action(struct xend *x, const struct dom *d, const char *name, bool has_crashed)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		const char *job = actions[i].job;

		if (strcmp(actions[i].name, name))
			continue;
		if (!job) {
			vm_put(x, d, "xend/preserved", "1");
			return;
		}
		if (strcmp(job, "reap") && restarts_too_fast(x, d)) {
			log_error("%s (%d) restarts too fast (less than %d s since it last did): "
				  "destroying it", d->name, d->domid, RESTART_MIN_S);
			job = "reap";
		}
		queue(x, d, job, actions[i].dumps || (has_crashed && settings_bool("enable-dump")));
		return;
	}
	log_error("%s (%d): unknown action '%s'; destroying it", d->name, d->domid, name);
	queue(x, d, "reap", false);
}

/* It obeyed too late, or whoever asked it has died: it goes on, or away. */
static void on_suspended(struct xend *x, const struct dom *d)
{
	char *asked = vm_get(x, d, SUSPEND_MARK);

	if (asked) {
		log_warn("%s (%d) is suspended, and nobody waits for it any more", d->name, d->domid);
		queue(x, d, "wake", false);
	}
	free(asked);
}

/* It has shut down, and nobody has acted on that yet. */
static void on_shutdown(struct xend *x, const struct dom *d)
{
	unsigned reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	bool is_known = reason < sizeof events / sizeof *events && events[reason].node;
	char *preserved = vm_get(x, d, "xend/preserved"), *asked = vm_get(x, d, "xend/asked");
	char *action = is_known ? vm_get(x, d, events[reason].node) : NULL;

	if (preserved)
		goto out;
	if (reason == SHUTDOWN_suspend) {
		on_suspended(x, d);
		goto out;
	}
	log_info("%s (%d) has shut down: reason %u", d->name, d->domid, reason);
	if (reason == SHUTDOWN_poweroff && asked && !strcmp(asked, "halt"))
		do_action(x, d, "destroy", false);	/* halt means: and stay down */
	else if (!is_known)
		do_action(x, d, "destroy", false);
	else
		do_action(x, d, action && *action ? action : events[reason].fallback,
			  reason == SHUTDOWN_crash || reason == SHUTDOWN_watchdog);
out:
	free(preserved);
	free(asked);
	free(action);
}

/* It was told to shut down long ago. */
static void on_slow(struct xend *x, const struct dom *d)
{
	double since = vm_number(x, d, "xend/shutdown_start_time");

	if (since <= 0 || (double)time(NULL) - since < SHUTDOWN_MAX_S)
		return;
	log_error("%s (%d) has not obeyed for %d s: destroying it", d->name, d->domid,
		  SHUTDOWN_MAX_S);
	vm_put(x, d, "xend/unresponsive", "True");
	queue(x, d, "reap", false);
}

static int spare_job(const char *uuid)
{
	return jobs_has_target(uuid);
}

static void look(struct xend *x)
{
	struct dom_list l;
	char uuid[DOM_UUID_TEXT];

	if (x->is_stopping || !x->xs || roster_read_told(x->hyp, x->xs, &l) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		const struct dom *d = &l.dom[i];

		dom_uuid_print(d->uuid, uuid);
		if (d->flags & XEN_DOMINF_dying || jobs_has_target(uuid) || !is_ours(x, d))
			continue;
		if (d->flags & XEN_DOMINF_shutdown)
			on_shutdown(x, d);
		else
			on_slow(x, d);
	}
	dom_list_free(&l);
	device_sweep(x);		/* before: what has devices is spared until they are gone */
	if (reap_orphans(x->hyp, x->xs, spare_job) > 0)
		log_info("removed the nodes of domains that are gone");
	jobs_run(x);
}

static void on_call(struct loop_call *c)
{
	look(c->ctx);
}

void life_event(struct xend *x)
{
	loop_defer(x->loop, &call);	/* many deaths at once are one look */
}

static void on_timer(struct loop_timer *t)
{
	struct xend *x = t->ctx;

	if (x->xs) {
		look(x);
		jobs_sweep(x);
	}
	loop_timer_start(x->loop, t, LOOK_NS);
}

int life_start(struct xend *x)
{
	int rc = xs_watch(x->xs, "@releaseDomain", "life");

	if (rc < 0)
		return log_rc(rc, "watch for the end of domains");
	call = (struct loop_call){ .run = on_call, .ctx = x };
	if (!timer.fire) {
		timer = (struct loop_timer){ .fire = on_timer, .ctx = x };
		loop_timer_start(x->loop, &timer, LOOK_NS);
	}
	look(x);
	return 0;
}

void life_autostart(struct xend *x)
{
	struct managed_list managed;
	struct dom_list l;

	if (roster_read(x->hyp, x->xs, &l) < 0)
		return;
	if (managed_list(&managed, NULL) == 0) {
		for (size_t i = 0; i < managed.count; i++) {
			const char *wish = sxp_child_text(managed.domain[i].config, "on_xend_start");
			struct dom *d = dom_list_find(&l, managed.domain[i].name);

			if (wish && !strcmp(wish, "start") && d && d->domid == DOM_HALTED)
				jobs_add(x, NULL, d->is_suspended ? "resume" : "start", d->name, "",
					 NULL);
		}
		managed_list_free(&managed);
	}
	dom_list_free(&l);
	jobs_run(x);
}

static void ask_poweroff(struct xend *x, const struct dom *d)
{
	char path[64];

	snprintf(path, sizeof path, "/local/domain/%d/control/shutdown", d->domid);
	xs_printf(x->xs, XS_TXN_NONE, path, "poweroff");
}

void life_stop(struct xend *x)
{
	struct dom_list l;

	if (roster_read_told(x->hyp, x->xs, &l) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		char *wish = is_ours(x, &l.dom[i]) ? vm_get(x, &l.dom[i], "on_xend_stop") : NULL;

		if (wish && !strcmp(wish, "shutdown"))
			ask_poweroff(x, &l.dom[i]);
		free(wish);
	}
	dom_list_free(&l);
}
