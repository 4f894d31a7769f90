/* Memory and processors of a domain: mem-set, mem-max, vcpu-set, vcpu-pin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "xend/domctl.h"
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/numbers.h"
#include "xm/open.h"

#define CLOSE_KIB 2048		/* a balloon driver rounds */

/* ------------------------------------------------------------------- wait */

/* What a guest was asked to do; it does so when it likes. */
struct wish {
	const char *phase;
	int64_t mem_kib;		/* -1: not about memory */
	long vcpus;
};

/* How much of the way is left, in the wish's own units. */
static int64_t wish_left(const struct wish *w, const struct xen_domctl_getdomaininfo *info)
{
	int64_t left;

	if (w->mem_kib < 0)
		return labs((long)info->nr_online_vcpus - w->vcpus);
	left = llabs((long long)info->tot_pages * 4 - w->mem_kib);
	return left <= CLOSE_KIB ? 0 : left;
}

static void wish_show(const struct wish *w, int64_t all, int64_t left)
{
	if (isatty(STDERR_FILENO) && all > 0 && left <= all)
		fprintf(stderr, "\r%-40.40s %3d%%", w->phase, (int)((all - left) * 100 / all));
}

static int wish_wait(struct xm_args *a, int domid, const struct wish *w)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	const char *limit = xm_opt(a, "timeout");
	time_t end = limit ? time(NULL) + atoi(limit) : 0;
	int64_t all = -1, left;

	for (;;) {
		struct xen_domctl_getdomaininfo info;
		int rc = domctl_info(xm_hyp(), (domid_t)domid, &info);

		if (rc == -ESRCH)
			return xm_error("Domain '%s' ended meanwhile.", a->argv[0]);
		if (rc < 0)
			return xm_hyp_error("Unable to ask about the domain", rc);
		left = wish_left(w, &info);
		if (all < 0)
			all = left;
		if (left && end && time(NULL) >= end)
			return xm_error("'%s' has not done so within %s seconds: it may lack the "
					"driver for it, or the memory.", a->argv[0], limit);
		wish_show(w, all, left);
		if (!left)
			break;
		nanosleep(&step, NULL);
	}
	if (isatty(STDERR_FILENO) && all > 0)
		fprintf(stderr, "\r%46s\r", "");
	return XM_OK;
}

/* After the job: waits, if that was asked for and the domain runs. */
static int wish_follow(struct xm_args *a, struct wish *w)
{
	struct dom_list l;
	struct dom *d;
	int domid, status;

	if (!xm_opt(a, "wait"))
		return XM_OK;
	status = xm_find(&l, a->argv[0], &d);
	if (status)
		return status;
	domid = d->domid;
	if (w->mem_kib < 0 && (unsigned long)w->vcpus > d->vcpus)
		w->vcpus = d->vcpus;	/* more than there are */
	dom_list_free(&l);
	return domid == DOM_HALTED ? XM_OK : wish_wait(a, domid, w);
}

/* --------------------------------------------------------------- commands */

static int memory_command(struct xm_args *a, const char *job)
{
	struct wish wish = { .phase = "waiting for the balloon" };
	char mib_text[24];
	int64_t mib;
	bool is_odd;
	int status;

	if (number_mib(a->argv[1], &mib, &is_odd) < 0)
		return xm_usage_error(a, "Invalid argument.");
	if (is_odd)
		puts("ignoring unknown unit");
	snprintf(mib_text, sizeof mib_text, "%lld", (long long)mib);
	status = xm_job(a, job, a->argv[0], mib_text, NULL);
	wish.mem_kib = mib * 1024;
	return status || strcmp(job, "mem-set") ? status : wish_follow(a, &wish);
}

static int cmd_mem_set(struct xm_args *a)
{
	return memory_command(a, "mem-set");
}

static int cmd_mem_max(struct xm_args *a)
{
	return memory_command(a, "mem-max");
}

static int cmd_vcpu_set(struct xm_args *a)
{
	struct wish wish = { .phase = "waiting for processors", .mem_kib = -1 };
	char *end;
	long vcpus = strtol(a->argv[1], &end, 10);
	int status;

	if (end == a->argv[1] || *end)
		return xm_usage_error(a, "Invalid argument.");
	if (vcpus <= 0)
		return xm_usage_error(a, "Invalid VCPUs");
	status = xm_job(a, "vcpu-set", a->argv[0], a->argv[1], NULL);
	wish.vcpus = vcpus;
	return status ? status : wish_follow(a, &wish);
}

static int cmd_vcpu_pin(struct xm_args *a)
{
	char cpus[JOB_PIECE];
	const char *vcpu = a->argv[1];

	if (number_cpus(a->argv[2], cpus, sizeof cpus) < 0)
		return xm_usage_error(a, "Invalid argument.");
	if (strcasecmp(vcpu, "all") && vcpu[strspn(vcpu, "0123456789")])
		return xm_usage_error(a, "Cannot pin vcpu: %s to cpu: [%s] - invalid literal for "
				      "int() with base 10: '%s'", vcpu, cpus, vcpu);
	return xm_job(a, "vcpu-pin", a->argv[0], vcpu, cpus, NULL);
}

static const struct xm_option wait_options[] = {
	{ 0, "wait", NULL, "Wait until the guest has done so.", true },
	XM_OPT_TIMEOUT,
	{ 0 },
};

const struct xm_command tune_commands[] = {
	{ "mem-set", "<Domain> <Mem>", 2, 2, cmd_mem_set,
	  "Set how much memory a domain should use now.", wait_options, XM_COMMON | XM_RAW },
	{ "mem-max", "<Domain> <Mem>", 2, 2, cmd_mem_max,
	  "Set the most memory a domain may have.", xm_timeout_option, XM_RAW },
	{ "vcpu-set", "<Domain> <vCPUs>", 2, 2, cmd_vcpu_set,
	  "Set how many processors a domain should use.", wait_options, XM_COMMON | XM_RAW },
	{ "vcpu-pin", "<Domain> <VCPU|all> <CPUs|all>", 3, 3, cmd_vcpu_pin,
	  "Set where a domain's processors may run.", xm_timeout_option, XM_RAW },
	{ 0 },
};
