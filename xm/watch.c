/* What is going on: the jobs that xend has, and events as they come. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include "xenstore/xs.h"
#include "xend/domain.h"
#include "xend/job.h"
#include "xend/sysctl.h"
#include "xend/roster.h"
#include "xm/groups.h"
#include "xm/json.h"
#include "xm/open.h"

/* ------------------------------------------------------------------ jobs */

struct job_row {
	unsigned number;
	char *command, *subject, *state, *client;
	struct job_progress progress;
};

static char *or_dash(char *text)
{
	return text && *text ? text : NULL;
}

static void job_row_read(struct job_row *r)
{
	char dir[JOB_PATH];
	char *progress;
	struct xs *xs = xm_xs();

	job_path(r->number, "", dir);
	r->command = xs_get(xs, XS_TXN_NONE, dir, "command");
	r->subject = xs_get(xs, XS_TXN_NONE, dir, "arg/0");
	r->state = xs_get(xs, XS_TXN_NONE, dir, "state");
	r->client = xs_get(xs, XS_TXN_NONE, dir, "client");
	progress = xs_get(xs, XS_TXN_NONE, dir, "progress");
	if (!progress || !job_progress_parse(progress, &r->progress))
		r->progress = (struct job_progress){ 0 };
	free(progress);
}

static void job_row_free(struct job_row *r)
{
	free(r->command);
	free(r->subject);
	free(r->state);
	free(r->client);
}

static void job_row_json(struct json *j, const struct job_row *r)
{
	json_map(j, NULL);
	json_int(j, "job", r->number);
	json_text(j, "command", r->command);
	json_text(j, "subject", r->subject);
	json_text(j, "state", r->state ? r->state : "new");
	json_text(j, "phase", or_dash((char *)r->progress.phase));
	json_int(j, "done", (int64_t)r->progress.done);
	json_int(j, "total", (int64_t)r->progress.total);
	if (r->client && *r->client)
		json_int(j, "client_pid", atoi(r->client));
	else
		json_null(j, "client_pid");
	json_end_map(j);
}

static void job_row_print(const struct job_row *r)
{
	char percent[16] = "";

	if (r->progress.total)
		snprintf(percent, sizeof percent, "%d%%",
			 (int)(r->progress.done * 100 / r->progress.total));
	printf("%5u %-14s %-32s %-9s %8s %s %s\n", r->number, r->command,
	       r->subject ? r->subject : "", r->state ? r->state : "new",
	       r->client && *r->client ? strtok(r->client, " ") : "xend", r->progress.phase, percent);
}

static int compare_numbers(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return atoi(*left) - atoi(*right);
}

static int cmd_jobs(struct xm_args *a)
{
	struct json *j = NULL;
	char **names;
	int n;

	if (!xm_xs())
		return XM_FAILED;
	n = xs_directory(xm_xs(), XS_TXN_NONE, JOB_ROOT, &names);
	if (n < 0 && n != -ENOENT)
		return xm_error("Unable to read the jobs: %s.", strerror(-n));
	if (xm_opt(a, "json")) {
		j = json_open(stdout, true);
		json_list(j, NULL);
	} else if (n > 0) {
		printf("%5s %-14s %-32s %-9s %8s %s\n", "Job", "Command", "Subject", "State",
		       "Client", "Phase");
	}
	if (n > 0)
		qsort(names, (size_t)n, sizeof *names, compare_numbers);
	for (int i = 0; i < n; i++) {
		struct job_row r = { .number = (unsigned)atoi(names[i]) };

		job_row_read(&r);
		if (r.command && j)
			job_row_json(j, &r);
		else if (r.command)
			job_row_print(&r);
		job_row_free(&r);
	}
	if (n >= 0)
		free(names);
	if (j) {
		json_end_list(j);
		json_close(j);
	}
	return XM_OK;
}

/* ---------------------------------------------------------------- events */

struct stream {
	struct json *json;
	struct dom_list known;
	unsigned limit, count;		/* limit 0: for ever */
};

static const char *const reasons[] = {
	"poweroff", "reboot", "suspend", "crash", "watchdog", "soft_reset",
};

static const char *reason_of(const struct dom *d)
{
	unsigned reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

	return reason < sizeof reasons / sizeof *reasons ? reasons[reason] : "unknown";
}

static void event_say(struct stream *s, const char *what, const struct dom *d, const char *detail)
{
	char uuid[DOM_UUID_TEXT], when[32];
	struct timeval tv;
	struct tm tm;

	s->count++;
	gettimeofday(&tv, NULL);
	dom_uuid_print(d->uuid, uuid);
	if (s->json) {
		json_map(s->json, NULL);
		json_float(s->json, "time", (double)tv.tv_sec);
		json_text(s->json, "event", what);
		json_text(s->json, "name", d->name);
		json_int(s->json, "domid", d->domid);
		json_text(s->json, "uuid", uuid);
		if (detail)
			json_text(s->json, "detail", detail);
		json_end_map(s->json);
		json_line(s->json);
		return;
	}
	localtime_r(&tv.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s %-10s %s (%d)%s%s\n", when, what, d->name, d->domid, detail ? " " : "",
	       detail ? detail : "");
	fflush(stdout);
}

static const struct dom *find_same(const struct dom_list *l, const struct dom *d)
{
	const struct dom *twin = dom_list_find_domid(l, d->domid);

	return twin && !memcmp(twin->uuid, d->uuid, sizeof d->uuid) ? twin : NULL;
}

static void compare_one(struct stream *s, const struct dom *old, const struct dom *d)
{
	uint32_t came = d->flags & ~old->flags, went = old->flags & ~d->flags;

	if (strcmp(old->name, d->name) && d->has_name)
		event_say(s, old->has_name ? "renamed" : "named", d, old->name);
	if (came & XEN_DOMINF_shutdown)
		event_say(s, "shutdown", d, reason_of(d));
	if (came & XEN_DOMINF_dying)
		event_say(s, "dying", d, NULL);
	else if (came & XEN_DOMINF_paused)
		event_say(s, "paused", d, NULL);
	else if (went & XEN_DOMINF_paused)
		event_say(s, "unpaused", d, NULL);
}

static int stream_look(struct stream *s, bool is_first)
{
	struct dom_list l;
	int rc = roster_read_running(xm_hyp(), xm_xs(), &l);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < l.count; i++) {
		const struct dom *old = find_same(&s->known, &l.dom[i]);

		if (!old)
			event_say(s, is_first ? "present" : "created", &l.dom[i], NULL);
		else
			compare_one(s, old, &l.dom[i]);
	}
	for (size_t i = 0; i < s->known.count; i++)
		if (!find_same(&l, &s->known.dom[i]))
			event_say(s, "gone", &s->known.dom[i], NULL);
	dom_list_free(&s->known);
	s->known = l;
	return 0;
}

/* XenStore tells of comings and goings at once; pauses only the hypervisor knows, who is asked
 * every second. */
static int stream_run(struct stream *s)
{
	static const char *const paths[] = { "@introduceDomain", "@releaseDomain", "/vm" };
	struct xs *xs = xm_xs();
	bool is_first = true;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		xs_watch(xs, paths[i], "events");
	for (;;) {
		struct xs_event ev;
		int rc = stream_look(s, is_first);

		is_first = false;
		if (rc < 0)
			return xm_hyp_error("Unable to list domains", rc);
		if (s->limit && s->count >= s->limit)
			return XM_OK;
		rc = xs_wait_event(xs, &ev, 1000);
		if (rc == 0)
			xs_event_free(&ev);
		if (rc == -ENOTCONN)
			return xm_error("Lost the connection to XenStore.");
		while (rc == 0 && xs_next_event(xs, &ev) == 0)
			xs_event_free(&ev);
	}
}

static int cmd_events(struct xm_args *a)
{
	struct stream s = { 0 };
	int status;

	if (!xm_hyp() || !xm_xs())
		return XM_FAILED;
	s.limit = xm_opt(a, "count") ? (unsigned)atoi(xm_opt(a, "count")) : 0;
	s.json = xm_opt(a, "json") ? json_open(stdout, false) : NULL;
	status = stream_run(&s);
	if (s.json)
		json_close(s.json);
	dom_list_free(&s.known);
	return status;
}

/* The old name, and what it always said without the Xen-API. */
static int cmd_event_monitor(struct xm_args *a)
{
	xm_error("Event monitoring not supported unless using Xen-API.");
	return XM_OK;
}

static int cmd_xenapi_only(struct xm_args *a)
{
	return xm_error("This function is only supported by Xen-API");
}

static const struct xm_option event_options[] = {
	{ 0, "count", "N", "Stop after so many events." },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command watch_commands[] = {
	{ "jobs", "[--json]", 0, 0, cmd_jobs, "Show what xend is doing.", xm_json_option,
	  XM_ADDED, XM_HOST },
	{ "events", "[--json] [--count=N]", 0, -1, cmd_events,
	  "Print what happens to domains, as it happens.", event_options, XM_ADDED, XM_HOST },
	{ "event-monitor", "[class ...]", 0, -1, cmd_event_monitor,
	  "Print events of the Xen-API.", NULL, XM_HIDDEN | XM_RAW },
	{ "network-new", "<Name>", 1, 1, cmd_xenapi_only, "Make a network.", NULL, XM_HIDDEN },
	{ "network-del", "<Name>", 1, 1, cmd_xenapi_only, "Remove a network.", NULL, XM_HIDDEN },
	{ "network-show", "", 0, 0, cmd_xenapi_only, "Show networks.", NULL, XM_HIDDEN },
	{ 0 },
};
