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
		return xm_error("Xen is running with the %s scheduler", format_scheduler(sched_id));
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

static int sched_command(struct xm_args *a, uint32_t sched_id, const char *job)
{
	const char *domain = xm_opt(a, "domain"), *weight = xm_opt(a, "weight");
	const char *cap = xm_opt(a, "cap");
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

/* Gone from the hypervisor since Xen 4.6: the answer is always what runs instead. */
static int cmd_sched_sedf(struct xm_args *a)
{
	return scheduler_check(UINT32_MAX);
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
	{ 0 },
};

const struct xm_command sched_commands[] = {
	{ "sched-credit", "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]]", 0, -1, cmd_sched_credit,
	  "Show or change parameters of the credit scheduler.", credit_options, 0, XM_SCHEDULER },
	{ "sched-credit2", "[-d <Domain> [-w[=WEIGHT]]]", 0, -1, cmd_sched_credit2,
	  "Show or change parameters of the credit2 scheduler.", credit2_options, 0,
	  XM_SCHEDULER },
	{ "sched-sedf", "<Domain> [options]", 1, 11, cmd_sched_sedf,
	  "Parameters of the SEDF scheduler, which today's hypervisors don't have.",
	  sedf_options, 0, XM_SCHEDULER },
	{ 0 },
};
