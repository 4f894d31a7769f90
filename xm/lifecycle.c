/* A domain's life once it is there: destroy, shutdown, reboot, pause, rename and their kin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/xs.h"
#include "xend/roster.h"
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/open.h"

static int cmd_destroy(struct xm_args *a)
{
	return xm_job(a, "destroy", a->argv[0], NULL);
}

static int cmd_pause(struct xm_args *a)
{
	return xm_job(a, "pause", a->argv[0], NULL);
}

static int cmd_unpause(struct xm_args *a)
{
	return xm_job(a, "unpause", a->argv[0], NULL);
}

static int cmd_reset(struct xm_args *a)
{
	return xm_job(a, "reset", a->argv[0], NULL);
}

static int cmd_suspend(struct xm_args *a)
{
	return xm_job(a, "suspend", a->argv[0], NULL);
}

static int cmd_resume(struct xm_args *a)
{
	if (a->argc != 1)
		return xm_usage_error(a, "Expects 1 argument");
	return xm_job(a, "resume", a->argv[0], xm_opt(a, "paused") ? "paused" : "", NULL);
}

static int cmd_rename(struct xm_args *a)
{
	return xm_job(a, "rename", a->argv[0], a->argv[1], NULL);
}

static int cmd_sysrq(struct xm_args *a)
{
	if (strlen(a->argv[1]) != 1)
		return xm_usage_error(a, "%s is not convertible to a character", a->argv[1]);
	return xm_job(a, "sysrq", a->argv[0], a->argv[1], NULL);
}

static int cmd_trigger(struct xm_args *a)
{
	return xm_job(a, "trigger", a->argv[0], a->argv[1], a->argc > 2 ? a->argv[2] : "0", NULL);
}

/* A domain that someone waits for: what identifies it, whatever it is called meanwhile. */
struct awaited {
	char *name;
	int domid;
	uint8_t uuid[16];
	char restarts[16];		/* xend/restart_count when the wait began */
	unsigned absent;		/* polls in a row that didn't see it */
	bool is_over;
};

struct shutting {
	struct xm_args *a;
	struct awaited *domain;
	size_t count;
	bool is_reboot;
};

#define ABSENT_MAX 30			/* polls of a second that a reboot may take without it */

static void restarts_read(const uint8_t uuid[16], char text[16])
{
	struct dom d = { 0 };
	char path[ROSTER_PATH];
	char *count;

	memcpy(d.uuid, uuid, sizeof d.uuid);
	count = xs_get(xm_xs(), XS_TXN_NONE, roster_vm_path(&d, "xend", path), "restart_count");
	snprintf(text, 16, "%s", count ? count : "");
	free(count);
}

/* Did what we wait for happen to it?  Says so, once. */
static void awaited_check(const struct shutting *s, struct awaited *w, const struct dom_list *l)
{
	struct dom *d = dom_list_find_domid(l, w->domid);
	char restarts[16];

	if (!s->is_reboot) {
		w->is_over = !d;
		if (w->is_over)
			printf("Domain %s terminated\n", w->name);
		return;
	}
	restarts_read(w->uuid, restarts);
	if (*restarts && strcmp(restarts, w->restarts)) {
		w->is_over = true;
		printf("Domain %s rebooted\n", w->name);
	} else if (d) {
		w->absent = 0;
	} else if (++w->absent > ABSENT_MAX) {
		w->is_over = true;
		printf("Domain %s destroyed for failing to reboot\n", w->name);
	}
}

/* How many are still awaited; -errno. */
static int awaited_count(const struct shutting *s)
{
	struct dom_list l;
	int left = 0, rc = roster_read_running(xm_hyp(), NULL, &l);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < s->count; i++) {
		if (!s->domain[i].is_over)
			awaited_check(s, &s->domain[i], &l);
		left += !s->domain[i].is_over;
	}
	dom_list_free(&l);
	fflush(stdout);
	return left;
}

/* A death is told at once by XenStore; a second is the longest it can go unnoticed. */
static int shutdown_wait(const struct shutting *s)
{
	const char *limit = xm_opt(s->a, "timeout");
	time_t end = limit ? time(NULL) + atoi(limit) : 0;
	struct xs *xs = xm_xs();
	int left;

	xs_watch(xs, "@releaseDomain", "wait");
	while ((left = awaited_count(s)) > 0) {
		struct xs_event ev;

		if (end && time(NULL) >= end)
			return xm_error("%d domain%s did not obey within %s seconds.\n"
					"See what they do: xm console; end them: xm destroy", left,
					left == 1 ? "" : "s", limit);
		if (xs_wait_event(xs, &ev, 1000) == 0)
			xs_event_free(&ev);
	}
	xs_unwatch(xs, "@releaseDomain", "wait");
	if (left < 0)
		return xm_hyp_error("Unable to list domains", left);
	puts(s->is_reboot ? "All domains rebooted" : "All domains terminated");
	return XM_OK;
}

static void awaited_fill(struct awaited *w, const struct dom *d, const char *name)
{
	w->name = strdup(name);
	w->domid = d->domid;
	memcpy(w->uuid, d->uuid, sizeof w->uuid);
	restarts_read(w->uuid, w->restarts);
}

static const char *shutdown_reason(const struct xm_args *a)
{
	if (xm_opt(a, "reboot") || !strcmp(a->command->name, "reboot"))
		return "reboot";
	return xm_opt(a, "halt") ? "halt" : "poweroff";
}

/* Those to shut down: all guests, or the one that is named.  Filled before the first is told,
 * so that none is missed that obeys at once. */
static int shutdown_choose(struct shutting *s, struct dom_list *l)
{
	struct xm_args *a = s->a;
	struct dom *d = xm_opt(a, "all") ? NULL : dom_list_find(l, a->argv[0]);

	if (!xm_opt(a, "all") && !d)
		return xm_no_domain(a->argv[0]);
	s->domain = calloc(l->count + 1, sizeof *s->domain);
	if (!s->domain)
		return xm_error("Out of memory.");
	if (d) {
		awaited_fill(&s->domain[s->count++], d, a->argv[0]);
		return XM_OK;
	}
	for (size_t i = 0; i < l->count; i++)
		if (l->dom[i].domid > 0)
			awaited_fill(&s->domain[s->count++], &l->dom[i], l->dom[i].name);
	return XM_OK;
}

static int shutdown_run(struct shutting *s)
{
	struct xm_args *a = s->a;
	struct dom_list l;
	int status = xm_xs() ? xm_roster_for(&l, a->argv, a->argc) : XM_FAILED;

	if (status)
		return status;
	status = shutdown_choose(s, &l);
	for (size_t i = 0; i < s->count && status == XM_OK; i++)
		status = xm_job(s->a, "shutdown", s->domain[i].name, shutdown_reason(s->a), NULL);
	dom_list_free(&l);
	if (status == XM_OK && xm_opt(s->a, "wait"))
		status = shutdown_wait(s);
	for (size_t i = 0; i < s->count; i++)
		free(s->domain[i].name);
	free(s->domain);
	return status;
}

static int cmd_shutdown(struct xm_args *a)
{
	struct shutting s = { .a = a, .is_reboot = !strcmp(shutdown_reason(a), "reboot") };

	if (xm_opt(a, "halt") && s.is_reboot)
		return xm_error("Can't specify halt and reboot");
	if (!a->argc && !xm_opt(a, "all"))
		return xm_error("No domain parameter given");
	if (a->argc > 1 && !xm_opt(a, "all"))
		return xm_error("No multiple domain parameters allowed");
	return shutdown_run(&s);
}

/* /var/xen/dump/YYYY-MMDD-HHMM.SS-NAME.DOMID.core is made by xend, which knows both. */
static int cmd_dump_core(struct xm_args *a)
{
	char path[4096] = "", here[2048];
	int status;

	if (a->argc < 1 || a->argc > 2)
		return xm_usage_error(a, "Expects 1 or 2 argument(s)");
	if (xm_opt(a, "crash") && xm_opt(a, "reset"))
		return xm_usage_error(a, "You may not specify more than one '-CR' option");
	if (a->argc == 2 && a->argv[1][0] != '/' && getcwd(here, sizeof here))
		snprintf(path, sizeof path, "%s/%s", here, a->argv[1]);
	else if (a->argc == 2)
		snprintf(path, sizeof path, "%s", a->argv[1]);
	printf("Dumping core of domain: %s ...\n", a->argv[0]);
	status = xm_job(a, "dump-core", a->argv[0], path, xm_opt(a, "live") ? "live" : "", NULL);
	if (status == XM_OK && xm_opt(a, "crash")) {
		printf("Destroying domain: %s ...\n", a->argv[0]);
		status = xm_job(a, "destroy", a->argv[0], NULL);
	}
	if (status == XM_OK && xm_opt(a, "reset")) {
		printf("Resetting domain: %s ...\n", a->argv[0]);
		status = xm_job(a, "reset", a->argv[0], NULL);
	}
	return status;
}

static const struct xm_option shutdown_options[] = {
	{ 'a', "all", NULL, "All domains but Domain-0." },
	{ 'w', "wait", NULL, "Wait until they have obeyed." },
	{ 'H', "halt", NULL, "Halt instead of powering off: the domain is not started again." },
	{ 'R', "reboot", NULL, "Restart instead of powering off." },
	XM_OPT_TIMEOUT,
	{ 0 },
};

static const struct xm_option reboot_options[] = {
	{ 'a', "all", NULL, "All domains but Domain-0." },
	{ 'w', "wait", NULL, "Wait until they are back." },
	XM_OPT_TIMEOUT,
	{ 0 },
};

static const struct xm_option dump_options[] = {
	{ 'L', "live", NULL, "Don't pause the domain meanwhile." },
	{ 'C', "crash", NULL, "Destroy the domain afterwards." },
	{ 'R', "reset", NULL, "Restart the domain afterwards." },
	XM_OPT_TIMEOUT,
	{ 0 },
};

static const struct xm_option resume_options[] = {
	{ 'p', "paused", NULL, "Leave the domain paused." },
	XM_OPT_TIMEOUT,
	{ 0 },
};

const struct xm_command lifecycle_commands[] = {
	{ "destroy", "<Domain>", 1, 1, cmd_destroy, "End a domain at once.", xm_timeout_option,
	  XM_COMMON | XM_RAW },
	{ "reset", "<Domain>", 1, 1, cmd_reset, "Destroy a domain and start it again.",
	  xm_timeout_option, XM_RAW },
	{ "suspend", "<DomainName>", 1, 1, cmd_suspend,
	  "Put a managed domain away, with all that it is doing.",
	  xm_timeout_option, XM_COMMON | XM_RAW },
	{ "resume", "<DomainName> [-p|--paused]", 1, 2, cmd_resume,
	  "Bring a suspended domain back, where it left off.", resume_options,
	  XM_COMMON },
	{ "shutdown", "<Domain> [-waRH]", 1, 4, cmd_shutdown, "Ask a domain to shut down.",
	  shutdown_options, XM_COMMON },
	{ "reboot", "<Domain> [-wa]", 1, 3, cmd_shutdown, "Ask a domain to restart.",
	  reboot_options, XM_COMMON },
	{ "pause", "<Domain>", 1, 1, cmd_pause, "Stop a domain's processors.",
	  xm_timeout_option,
	  XM_COMMON | XM_RAW },
	{ "unpause", "<Domain>", 1, 1, cmd_unpause, "Let a paused domain go on.",
	  xm_timeout_option,
	  XM_COMMON | XM_RAW },
	{ "rename", "<Domain> <NewDomainName>", 2, 2, cmd_rename, "Give a domain another name.",
	  xm_timeout_option, XM_RAW },
	{ "sysrq", "<Domain> <letter>", 2, 2, cmd_sysrq, "Press a magic SysRq key in a domain.",
	  xm_timeout_option, XM_RAW },
	{ "trigger", "<Domain> <nmi|reset|init|s3resume|power> [<VCPU>]", 2, 3, cmd_trigger,
	  "Send a domain a hardware event.", xm_timeout_option, XM_RAW },
	{ "dump-core", "[-L|--live] [-C|--crash] [-R|--reset] <Domain> [Filename]", 0, -1,
	  cmd_dump_core, "Write a domain's memory to a file.", dump_options, XM_COMMON },
	{ 0 },
};
