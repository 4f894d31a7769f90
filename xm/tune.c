/* Memory and processors of a domain: mem-set, mem-max, vcpu-set, vcpu-pin. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/numbers.h"

static int memory_command(struct xm_args *a, const char *job)
{
	char mib_text[24];
	int64_t mib;
	bool is_odd;

	if (number_mib(a->argv[1], &mib, &is_odd) < 0)
		return xm_usage_error(a, "Invalid argument.");
	if (is_odd)
		puts("ignoring unknown unit");
	snprintf(mib_text, sizeof mib_text, "%lld", (long long)mib);
	return xm_job(a, job, a->argv[0], mib_text, NULL);
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
	char *end;
	long vcpus = strtol(a->argv[1], &end, 10);

	if (end == a->argv[1] || *end)
		return xm_usage_error(a, "Invalid argument.");
	if (vcpus <= 0)
		return xm_usage_error(a, "Invalid VCPUs");
	return xm_job(a, "vcpu-set", a->argv[0], a->argv[1], NULL);
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

const struct xm_command tune_commands[] = {
	{ "mem-set", "<Domain> <Mem>", 2, 2, cmd_mem_set,
	  "Set how much memory a domain should use now.", NULL, XM_COMMON | XM_RAW },
	{ "mem-max", "<Domain> <Mem>", 2, 2, cmd_mem_max,
	  "Set the most memory a domain may have.", NULL, XM_RAW },
	{ "vcpu-set", "<Domain> <vCPUs>", 2, 2, cmd_vcpu_set,
	  "Set how many processors a domain should use.", NULL, XM_COMMON | XM_RAW },
	{ "vcpu-pin", "<Domain> <VCPU|all> <CPUs|all>", 3, 3, cmd_vcpu_pin,
	  "Set where a domain's processors may run.", NULL, XM_RAW },
	{ 0 },
};
