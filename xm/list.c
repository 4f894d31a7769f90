/* Who is there: list, vcpu-list, domid, domname, domstate, uptime.  All ask the hypervisor and
 * XenStore themselves; no daemon has to run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "xenstore/xs.h"
#include "xend/roster.h"
#include "xend/sysctl.h"
#include "xm/format.h"
#include "xm/groups.h"
#include "xm/json.h"
#include "xm/open.h"

typedef bool (*wanted_fn)(const struct dom *d, const void *ctx);

/* Those that the words name, in their order; without words all that are wanted.
 * Pointers are lent from l; the caller frees the array.  NULL: the error is said, *status set. */
static struct dom **choose(struct dom_list *l, const struct xm_args *a, wanted_fn wanted,
			   const void *ctx, size_t *count, int *status)
{
	size_t room = l->count > (size_t)a->argc ? l->count : (size_t)a->argc;
	struct dom **chosen = calloc(room + 1, sizeof *chosen);

	*count = 0;
	*status = XM_FAILED;
	if (!chosen) {
		xm_error("Out of memory.");
		return NULL;
	}
	for (int i = 0; i < a->argc; i++) {
		chosen[*count] = dom_list_find(l, a->argv[i]);
		if (!chosen[(*count)++]) {
			*status = xm_no_domain(a->argv[i]);
			free(chosen);
			return NULL;
		}
	}
	for (size_t i = 0; a->argc == 0 && i < l->count; i++)
		if (!wanted || wanted(&l->dom[i], ctx))
			chosen[(*count)++] = &l->dom[i];
	*status = XM_OK;
	return chosen;
}

/* For the domains that the words name, or for all. */
static int each_named(struct xm_args *a, int (*print)(struct xm_args *a, struct dom **d, size_t count))
{
	struct dom_list l;
	struct dom **d;
	size_t count;
	int status = xm_roster_for(&l, a->argv, a->argc);

	if (status)
		return status;
	d = choose(&l, a, NULL, NULL, &count, &status);
	if (d)
		status = print(a, d, count);
	free(d);
	dom_list_free(&l);
	return status;
}

static bool has_status(const struct dom *d, const void *ctx)
{
	const int *status = ctx;

	return *status == -2 || (int)dom_status(d) == *status;
}

static bool in_pool(const struct dom *d, const void *ctx)
{
	const uint32_t *pool = ctx;

	return d->domid != DOM_HALTED && d->cpupool == *pool;
}

static const char *const shutdown_reasons[] = {
	"poweroff", "reboot", "suspend", "crash", "watchdog", "soft_reset",
};

/* One word for what a domain is doing; unlike 4.1's, also for one that runs at this moment. */
static const char *state_word(const struct dom *d)
{
	char state[7];

	if (d->domid == DOM_HALTED)
		return "shutoff";
	dom_state(d, state);
	if (state[5] == 'd' || state[3] == 's')
		return "shutdown";
	if (state[4] == 'c')
		return "crashed";
	if (state[2] == 'p')
		return "paused";
	return state[0] == 'r' ? "running" : "idle";
}

static void json_dom(struct json *j, struct dom *d)
{
	static const char *const power[] = {
		"halted", "paused", "running", "suspended", "shutdown", "unknown",
	};
	char uuid[DOM_UUID_TEXT], state[7];
	unsigned reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

	dom_uuid_print(d->uuid, uuid);
	dom_state(d, state);
	json_map(j, NULL);
	json_text(j, "name", d->name);
	if (d->domid == DOM_HALTED)
		json_null(j, "domid");
	else
		json_int(j, "domid", d->domid);
	json_text(j, "uuid", uuid);
	json_bool(j, "managed", d->is_managed);
	json_text(j, "power_state", power[dom_status(d)]);
	json_text(j, "state", state);
	json_text(j, "doing", state_word(d));
	json_int(j, "memory_kib", (int64_t)d->mem_kib);
	if (d->max_kib == DOM_NO_LIMIT)
		json_null(j, "max_memory_kib");
	else
		json_int(j, "max_memory_kib", (int64_t)d->max_kib);
	json_int(j, "vcpus", d->vcpus);
	json_int(j, "online_vcpus", d->vcpus_online);
	json_float(j, "cpu_seconds", (double)d->cpu_time_ns / 1e9);
	if (d->flags & XEN_DOMINF_shutdown &&
	    reason < sizeof shutdown_reasons / sizeof *shutdown_reasons)
		json_text(j, "shutdown_reason", shutdown_reasons[reason]);
	if (d->start_time >= 0)
		json_float(j, "start_time", d->start_time);
	json_end_map(j);
}

static int list_json(struct dom **d, size_t count)
{
	struct json *j = json_open(stdout, true);

	roster_start_times(xm_xs_quiet(), d, count);
	json_list(j, NULL);
	for (size_t i = 0; i < count; i++)
		json_dom(j, d[i]);
	json_end_list(j);
	return json_close(j) < 0 ? XM_FAILED : XM_OK;
}

/* What another toolstack's domain, or dom0, shows of itself. */
static struct sxp *config_guess(const struct dom *d)
{
	struct sxp *s = sxp_named("domain"), *image = sxp_named("linux");
	char uuid[DOM_UUID_TEXT];

	dom_uuid_print(d->uuid, uuid);
	sxp_push_text(s, "name", d->name);
	sxp_push_text(s, "uuid", uuid);
	sxp_push_int(s, "memory", (long long)(d->mem_kib / 1024));
	sxp_push_int(s, "maxmem", d->max_kib == DOM_NO_LIMIT ? 16777215
							     : (long long)(d->max_kib / 1024));
	sxp_push_int(s, "vcpus", d->vcpus);
	sxp_push_text(image, "kernel", "");
	sxp_push(s, sxp_pair("image", image));
	return s;
}

static double dom_seconds(const struct dom *d)
{
	return (double)d->cpu_time_ns / 1e9;
}

/* (domain …), what is configured and what is now. */
static int list_long_one(struct dom *d)
{
	struct config_error err;
	struct config config;
	struct sxp *source = NULL, *shown;
	char state[7], *text;
	int rc;

	dom_state(d, state);
	roster_start_time(xm_xs_quiet(), d);
	if (roster_config(xm_xs_quiet(), d, &source) < 0)
		source = config_guess(d);
	rc = sxp_failed(source) ? -ENOMEM : config_from_sxp(&config, source, &err);
	sxp_free(source);
	if (rc < 0)
		return xm_error("Domain '%s': its configuration is damaged: %s", d->name,
				rc == -ENOMEM ? "out of memory" : err.text);
	shown = config_to_domain_sxp(&config, &(struct config_live){
		.domid = d->domid, .start_time = d->domid == 0 ? -1 : d->start_time,
		.cpu_time = dom_seconds(d), .online_vcpus = d->vcpus_online,
		.status = dom_status(d), .state = *state ? state : NULL,
	});
	config_free(&config);
	text = sxp_failed(shown) ? NULL : sxp_pretty(shown, SXP_WIDTH);
	sxp_free(shown);
	if (!text)
		return xm_error("Out of memory.");
	fputs(text, stdout);
	free(text);
	return XM_OK;
}

static int list_long(struct dom **d, size_t count)
{
	int status = XM_OK;

	for (size_t i = 0; i < count && status == XM_OK; i++)
		status = list_long_one(d[i]);
	return status;
}

static int list_plain(struct dom **d, size_t count, bool has_label)
{
	format_list_head(stdout, has_label);
	for (size_t i = 0; i < count; i++)
		format_list_row(stdout, d[i], has_label ? "" : NULL);
	return XM_OK;
}

static int list_print(const struct xm_args *a, struct dom **d, size_t count)
{
	if (xm_opt(a, "json"))
		return list_json(d, count);
	if (xm_opt(a, "long"))
		return list_long(d, count);
	return list_plain(d, count, xm_opt(a, "label") != NULL);
}

/* --state=S as a dom_status; -2: all; -1: a word that nothing is in. */
static int wanted_status(const char *word)
{
	if (!word || !strcmp(word, "all"))
		return -2;
	return dom_status_parse(word);
}

static int cmd_vcpu_list(struct xm_args *a);

static int cmd_list(struct xm_args *a)
{
	int state = wanted_status(xm_opt(a, "state"));
	const char *pool_word = xm_opt(a, "pool");
	struct dom_list l;
	struct dom **d;
	uint32_t pool;
	size_t count;
	int status;

	if (xm_opt(a, "vcpus")) {
		fputs("xm list -v is deprecated.  Please use xm vcpu-list.\n", stderr);
		return cmd_vcpu_list(a);
	}
	if (xm_opt(a, "state") && a->argc)
		return xm_usage_error(a, "You may specify either a state or a particular VM, "
				      "but not both");
	status = pool_word ? xm_pool_find(pool_word, &pool) : XM_OK;
	if (status == XM_OK)
		status = xm_roster_for(&l, a->argv, a->argc);
	if (status)
		return status;
	d = pool_word ? choose(&l, a, in_pool, &pool, &count, &status)
		      : choose(&l, a, has_status, &state, &count, &status);
	if (d)
		status = list_print(a, d, count);
	free(d);
	dom_list_free(&l);
	return status;
}

static void json_vcpu(struct json *j, const struct dom_vcpu *v, unsigned cpus)
{
	json_map(j, NULL);
	json_int(j, "vcpu", v->vcpu);
	json_bool(j, "online", v->is_online);
	json_bool(j, "running", v->is_running);
	json_bool(j, "blocked", v->is_blocked);
	json_int(j, "cpu", v->cpu);
	json_float(j, "cpu_seconds", (double)v->cpu_time_ns / 1e9);
	json_list(j, "affinity");
	for (unsigned i = 0; i < cpus; i++)
		if (v->affinity[i / 8] >> i % 8 & 1)
			json_int(j, NULL, i);
	json_end_list(j);
	json_end_map(j);
}

static void vcpu_rows(struct json *j, const struct dom *d, const struct dom_vcpu *v, int n,
		      unsigned cpus)
{
	if (j) {
		json_map(j, NULL);
		json_text(j, "name", d->name);
		json_int(j, "domid", d->domid);
		json_list(j, "vcpus");
	}
	for (int i = 0; i < n; i++) {
		if (j)
			json_vcpu(j, &v[i], cpus);
		else
			format_vcpu_row(stdout, d, &v[i], (unsigned)i, cpus);
	}
	if (j) {
		json_end_list(j);
		json_end_map(j);
	}
}

static int vcpu_list_one(struct json *j, struct dom *d, unsigned cpus)
{
	struct dom_vcpu *v;
	int n;

	if (d->domid == DOM_HALTED) {
		for (unsigned i = 0; !j && i < d->vcpus; i++)
			format_vcpu_row(stdout, d, NULL, i, cpus);
		return XM_OK;
	}
	n = roster_vcpus(xm_hyp(), d, cpus, &v);
	if (n == -ESRCH)
		return XM_OK;	/* it died while we looked */
	if (n < 0)
		return xm_hyp_error("Unable to read vcpus", n);
	vcpu_rows(j, d, v, n, cpus);
	roster_vcpus_free(v);
	return XM_OK;
}

static int vcpu_list_print(struct xm_args *a, struct dom **d, size_t count)
{
	struct xen_sysctl_physinfo phys;
	int status = XM_OK, rc = sysctl_physinfo(xm_hyp(), &phys);
	struct json *j;

	if (rc < 0)
		return xm_hyp_error("Unable to read the host's processors", rc);
	j = xm_opt(a, "json") ? json_open(stdout, true) : NULL;
	if (j)
		json_list(j, NULL);
	else
		format_vcpu_head(stdout);
	for (size_t i = 0; i < count && status == XM_OK; i++)
		status = vcpu_list_one(j, d[i], phys.max_cpu_id + 1);
	if (j) {
		json_end_list(j);
		json_close(j);
	}
	return status;
}

static int cmd_vcpu_list(struct xm_args *a)
{
	return each_named(a, vcpu_list_print);
}

/* One domain, as domid, domname and domstate answer with --json. */
static int one_json(struct dom *d)
{
	struct json *j = json_open(stdout, true);

	roster_start_time(xm_xs_quiet(), d);
	json_dom(j, d);
	return json_close(j) < 0 ? XM_FAILED : XM_OK;
}

static void say_id(struct dom *d)
{
	if (d->domid == DOM_HALTED)
		puts("None");
	else
		printf("%d\n", d->domid);
}

static void say_name(struct dom *d)
{
	puts(d->name);
}

static void say_state(struct dom *d)
{
	puts(state_word(d));
}

/* What one word about one domain answers. */
static int answer_one(struct xm_args *a, void (*say)(struct dom *d))
{
	struct dom_list l;
	struct dom *d;
	int status = xm_find(&l, a->argv[0], &d);

	if (status)
		return status;
	if (xm_opt(a, "json"))
		status = one_json(d);
	else
		say(d);
	dom_list_free(&l);
	return status;
}

static int cmd_domid(struct xm_args *a)
{
	return answer_one(a, say_id);
}

static int cmd_domname(struct xm_args *a)
{
	return answer_one(a, say_name);
}

static int cmd_domstate(struct xm_args *a)
{
	return answer_one(a, say_state);
}

static uint64_t dom_uptime(struct dom *d, time_t now)
{
	if (d->domid == DOM_HALTED)
		return 0;
	if (d->start_time < 0 || d->start_time > (double)now)
		return 0;
	return (uint64_t)((double)now - d->start_time);
}

static void uptime_json(struct dom **d, size_t count, time_t now)
{
	struct json *j = json_open(stdout, true);

	json_list(j, NULL);
	for (size_t i = 0; i < count; i++) {
		json_map(j, NULL);
		json_text(j, "name", d[i]->name);
		json_int(j, "domid", d[i]->domid);
		json_int(j, "uptime_seconds", (int64_t)dom_uptime(d[i], now));
		json_end_map(j);
	}
	json_end_list(j);
	json_close(j);
}

static int uptime_print(struct xm_args *a, struct dom **d, size_t count)
{
	bool is_short = xm_opt(a, "short") != NULL;
	time_t now = time(NULL);
	struct tm tm;

	roster_start_times(xm_xs_quiet(), d, count);
	if (xm_opt(a, "json")) {
		uptime_json(d, count, now);
		return XM_OK;
	}
	localtime_r(&now, &tm);
	if (!is_short)
		format_uptime_head(stdout);
	for (size_t i = 0; i < count; i++) {
		uint64_t seconds = dom_uptime(d[i], now);

		if (is_short)
			format_uptime_short(stdout, d[i], seconds,
					    (unsigned)(tm.tm_hour * 3600 + tm.tm_min * 60 +
						       tm.tm_sec));
		else
			format_uptime_row(stdout, d[i], seconds);
	}
	return XM_OK;
}

static int cmd_uptime(struct xm_args *a)
{
	return each_named(a, uptime_print);
}

static const struct xm_option list_options[] = {
	{ 'l', "long", NULL, "Everything about each domain, as an S-expression." },
	{ 0, "label", NULL, "Add a column with security labels." },
	{ 0, "state", "STATE", "Only domains in this state: halted, paused, running, suspended, "
	  "shutdown, unknown or all." },
	{ 0, "pool", "POOL", "Only domains of this cpu pool." },
	{ 'v', "vcpus", NULL, "Old name of xm vcpu-list." },
	XM_OPT_JSON,
	{ 0 },
};

static const struct xm_option uptime_options[] = {
	{ 's', "short", NULL, "One short line per domain, without a header." },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command list_commands[] = {
	{ "list", "[options] [Domain, ...]", 0, -1, cmd_list,
	  "Show domains: those that run, and managed ones that are halted.", list_options,
	  XM_COMMON },
	{ "vcpu-list", "[Domain, ...]", 0, -1, cmd_vcpu_list,
	  "Show virtual processors: where each runs and where it may run.", xm_json_option },
	{ "domid", "<DomainName>", 1, 1, cmd_domid, "Turn a domain's name into its number.",
	  xm_json_option,
	  XM_RAW },
	{ "domname", "<DomId>", 1, 1, cmd_domname, "Turn a domain's number into its name.",
	  xm_json_option,
	  XM_RAW },
	{ "domstate", "<Domain>", 1, 1, cmd_domstate, "Say in a word what a domain is doing.",
	  xm_json_option, XM_RAW },
	{ "uptime", "[-s] [Domain, ...]", 0, -1, cmd_uptime, "Show how long domains have been up.",
	  uptime_options, XM_COMMON },
	{ 0 },
};
