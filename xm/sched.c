/* Schedulers: weights and caps, shown by asking the hypervisor, changed by asking xend. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/xs.h"
#include "xend/domctl.h"
#include "xend/host.h"
#include "xend/roster.h"
#include "xend/sysctl.h"
#include "xm/format.h"
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/json.h"
#include "xm/open.h"

int xm_pool_find(const char *word, uint32_t *pool)
{
	struct hyp *h = xm_hyp();
	struct sysctl_pool info;
	uint32_t id = 0;
	char *end, path[64];
	unsigned long number = strtoul(word, &end, 10);

	if (!h)
		return XM_FAILED;
	for (; sysctl_pool_info(h, id, &info, NULL, 0) == 0; id = info.id + 1) {
		char *name;
		bool is_it;

		snprintf(path, sizeof path, "/local/pool/%u", info.id);
		name = xm_xs_quiet() ? xs_get(xm_xs_quiet(), XS_TXN_NONE, path, "name") : NULL;
		is_it = (name && !strcmp(name, word)) || (*word && !*end && number == info.id);
		free(name);
		*pool = info.id;
		if (is_it)
			return XM_OK;
	}
	return xm_error("Pool '%s' does not exist.", word);
}

/* XM_OK when the host runs this scheduler; else the error names the actual one. */
static int scheduler_check(uint32_t wanted)
{
	struct hyp *h = xm_hyp();
	uint32_t sched_id;
	int rc;

	if (!h)
		return XM_FAILED;
	rc = sysctl_sched_id(h, &sched_id);
	if (rc < 0)
		return xm_hyp_error("Unable to ask for the scheduler", rc);
	if (sched_id != wanted)
		return xm_error("Xen is running with the %s scheduler%s", format_scheduler(sched_id),
				sched_id == XEN_SCHEDULER_CREDIT ? "\nIts parameters: xm sched-credit" :
				sched_id == XEN_SCHEDULER_CREDIT2 ? "\nIts parameters: xm sched-credit2" :
				"");
	return XM_OK;
}

/* What is configured for a halted domain: (vcpus_params …) or the old keys; 256 and 0 else. */
static void params_of_halted(const struct dom *d, struct format_sched *s)
{
	struct sxp *config;
	const char *weight, *cap;

	*s = (struct format_sched){ 256, 0 };
	if (roster_config(NULL, d, &config) < 0)
		return;
	weight = sxp_child_text(config, "cpu_weight");
	cap = sxp_child_text(config, "cpu_cap");
	if (weight && *weight)
		s->weight = atoi(weight);
	if (cap && *cap)
		s->cap = atoi(cap);
	sxp_free(config);
}

static void params_get(uint32_t sched_id, const struct dom *d, struct format_sched *s)
{
	struct xen_domctl_scheduler_op op = {
		.sched_id = sched_id, .cmd = XEN_DOMCTL_SCHEDOP_getinfo,
	};

	if (d->domid == DOM_HALTED) {
		params_of_halted(d, s);
		return;
	}
	*s = (struct format_sched){ -1, -1 };
	if (domctl_sched(xm_hyp(), (domid_t)d->domid, &op) < 0)
		return;
	if (sched_id == XEN_SCHEDULER_CREDIT)
		*s = (struct format_sched){ op.u.credit.weight, op.u.credit.cap };
	else
		*s = (struct format_sched){ op.u.credit2.weight, op.u.credit2.cap };
}

static void json_sched(struct json *j, const struct dom *d, const struct format_sched *s)
{
	json_map(j, NULL);
	json_text(j, "name", d->name);
	json_int(j, "domid", d->domid);
	json_int(j, "weight", s->weight);
	json_int(j, "cap", s->cap);
	json_end_map(j);
}

static void list_print(uint32_t sched_id, struct json *j, const struct dom_list *l,
		       const struct dom *only)
{
	bool is_credit = sched_id == XEN_SCHEDULER_CREDIT;

	if (j)
		json_list(j, NULL);
	else if (is_credit)
		format_credit_head(stdout);
	else
		format_credit2_head(stdout);
	for (size_t i = 0; i < l->count; i++) {
		struct format_sched s;

		if (only && only != &l->dom[i])
			continue;
		params_get(sched_id, &l->dom[i], &s);
		if (j)
			json_sched(j, &l->dom[i], &s);
		else if (is_credit)
			format_credit_row(stdout, &l->dom[i], &s);
		else
			format_credit2_row(stdout, &l->dom[i], &s);
	}
	if (j) {
		json_end_list(j);
		json_close(j);
	}
}

static int sched_list(struct xm_args *a, uint32_t sched_id, const char *domain)
{
	struct dom_list l;
	struct dom *only = NULL;
	int status = domain ? xm_find(&l, domain, &only) : xm_roster(&l);

	if (status)
		return status;
	list_print(sched_id, xm_opt(a, "json") ? json_open(stdout, true) : NULL, &l, only);
	dom_list_free(&l);
	return XM_OK;
}

static bool is_number(const char *text)
{
	char *end;

	strtol(text, &end, 10);
	return *text && !*end;
}

/* Usage writes it as -w[=WEIGHT], and an administrator who takes that at its word types -w=128. */
static const char *number_opt(const struct xm_args *a, const char *name)
{
	const char *value = xm_opt(a, name);

	return value && *value == '=' ? value + 1 : value;
}

static int sched_command(struct xm_args *a, uint32_t sched_id, const char *job)
{
	const char *domain = xm_opt(a, "domain"), *weight = number_opt(a, "weight");
	const char *cap = number_opt(a, "cap");
	int status = scheduler_check(sched_id);

	if (status)
		return status;
	if (!weight && !cap)
		return sched_list(a, sched_id, domain);
	if (!domain)
		return xm_usage_error(a, "No domain given.");
	if ((weight && !is_number(weight)) || (cap && !is_number(cap)))
		return xm_usage_error(a, "Invalid argument.");
	return xm_job(a, job, domain, weight ? weight : "", cap ? cap : "", NULL);
}

static int cmd_sched_credit(struct xm_args *a)
{
	return sched_command(a, XEN_SCHEDULER_CREDIT, "sched-credit");
}

static int cmd_sched_credit2(struct xm_args *a)
{
	return sched_command(a, XEN_SCHEDULER_CREDIT2, "sched-credit2");
}

/* ------------------------------------------------------------------ sedf */

static void json_sedf(struct json *j, const struct dom *d, const struct domctl_sedf *p)
{
	json_map(j, NULL);
	json_text(j, "name", d->name);
	json_int(j, "domid", d->domid);
	json_float(j, "period_ms", (double)p->period_ns / 1e6);
	json_float(j, "slice_ms", (double)p->slice_ns / 1e6);
	json_float(j, "latency_ms", (double)p->latency_ns / 1e6);
	json_bool(j, "extratime", p->extratime);
	json_int(j, "weight", p->weight);
	json_end_map(j);
}

static int sedf_show(struct xm_args *a)
{
	struct domctl_sedf p;
	struct dom_list l;
	struct dom *d;
	int rc, status = xm_find(&l, a->argv[0], &d);

	if (status)
		return status;
	if (a->argc > 1) {
		dom_list_free(&l);
		return xm_usage_error(a, "Expects 1 domain");
	}
	if (d->domid == DOM_HALTED) {
		status = xm_error("Domain '%s' is not started", d->name);
		dom_list_free(&l);
		return status;
	}
	rc = domctl_sedf_get(xm_hyp(), (domid_t)d->domid, &p);
	if (rc < 0) {
		status = xm_error("Failed to get sedf parameters (rv=%d).", rc);
	} else if (xm_opt(a, "json")) {
		struct json *j = json_open(stdout, true);

		json_sedf(j, d, &p);
		json_close(j);
	} else {
		format_sedf_head(stdout);
		format_sedf_row(stdout, d, &p);
	}
	dom_list_free(&l);
	return status;
}

/* Gone from Xen since 4.6; ours has it.  Elsewhere the answer is what runs instead. */
static int cmd_sched_sedf(struct xm_args *a)
{
	static const char *const names[] = { "period", "slice", "latency", "extratime", "weight" };
	const char *value[5];
	bool sets = false;
	int status = scheduler_check(DOMCTL_SCHED_SEDF);

	if (status)
		return status;
	if (!a->argc)
		return xm_usage_error(a, "No domain given.");
	for (int i = 0; i < 5; i++) {
		value[i] = number_opt(a, names[i]);
		if (value[i] && !is_number(value[i]))
			return xm_usage_error(a, "Invalid argument.");
		sets |= value[i] != NULL;
		if (!value[i])
			value[i] = "";
	}
	if (!sets || a->argc > 1)
		status = sedf_show(a);
	if (status == XM_NO_DOMAIN)
		xm_usage(a->command, stdout);
	if (!sets || status)
		return status;
	return xm_job(a, "sched-sedf", a->argv[0], value[0], value[1], value[2], value[3], value[4],
		      NULL);
}

static const struct xm_option credit_options[] = {
	{ 'd', "domain", "DOMAIN", "The domain to show or change." },
	{ 'w', "weight", "WEIGHT", "Its share of the processors, 1 to 65535." },
	{ 'c', "cap", "CAP", "The most it gets, in hundredths of a processor; 0: no cap." },
	XM_OPT_JSON,
	{ 0 },
};

static const struct xm_option credit2_options[] = {
	{ 'd', "domain", "DOMAIN", "The domain to show or change." },
	{ 'w', "weight", "WEIGHT", "Its share of the processors, 1 to 65535." },
	XM_OPT_JSON,
	{ 0 },
};

static const struct xm_option sedf_options[] = {
	{ 'p', "period", "MS", "How often it gets its slice." },
	{ 's', "slice", "MS", "Processor time per period." },
	{ 'l', "latency", "MS", "Scaled period when it does much I/O." },
	{ 'e', "extratime", "FLAG", "May it use what is left over?" },
	{ 'w', "weight", "WEIGHT", "Share instead of period and slice." },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command sched_commands[] = {
	{ "sched-credit", "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]]", 0, -1, cmd_sched_credit,
	  "Show or change parameters of the credit scheduler.", credit_options, 0, XM_SCHEDULER },
	{ "sched-credit2", "[-d <Domain> [-w[=WEIGHT]]]", 0, -1, cmd_sched_credit2,
	  "Show or change parameters of the credit2 scheduler.", credit2_options, 0,
	  XM_SCHEDULER },
	{ "sched-sedf", "<Domain> [options]", 1, 11, cmd_sched_sedf,
	  "Show or change parameters of the sedf scheduler, where the hypervisor has it.",
	  sedf_options, XM_FIRST, XM_SCHEDULER },
	{ 0 },
};
