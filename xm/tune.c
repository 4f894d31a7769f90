/* Memory and processors of a domain: mem-set, mem-max, vcpu-set, vcpu-pin. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/tune.h"

#define CPUS_MAX 1024		/* XENCTL bitmaps of today's hosts */
#define CPUS_ALL 64		/* what "all" has always meant: 0 to 63 */

static int parse_number(const char *text, const char *end, int64_t *number)
{
	char *stop;

	errno = 0;
	*number = strtoll(text, &stop, 10);
	return stop == text || stop != end || errno ? -EINVAL : 0;
}

int tune_parse_mib(const char *text, int64_t *mib, bool *is_odd)
{
	size_t length = strlen(text);
	char unit = length ? (char)tolower((unsigned char)text[length - 1]) : '\0';
	int64_t number;

	*is_odd = isalpha((unsigned char)unit) && !strchr("gmk", unit);
	if (parse_number(text, text + length - (isalpha((unsigned char)unit) ? 1 : 0), &number) < 0)
		return -EINVAL;
	if (number > INT64_MAX / 1024 || number < INT64_MIN / 1024)
		return -EINVAL;
	if (unit == 'g')
		number *= 1024;
	else if (unit == 'k')
		number /= 1024;
	else if (*is_odd)
		number /= 1024 * 1024;
	*mib = number;
	return 0;
}

static int cpus_range(const char *part, bool *map, bool value)
{
	char *end;
	unsigned long first, last;

	if (!isdigit((unsigned char)*part))
		return -EINVAL;
	first = last = strtoul(part, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (*end || first > last || last >= CPUS_MAX)
		return -EINVAL;
	for (unsigned long i = first; i <= last; i++)
		map[i] = value;
	return 0;
}

static int cpus_print(const bool *map, char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		if (!map[i])
			continue;
		used += (size_t)snprintf(list + used, size - used, "%s%u", used ? "," : "", i);
		if (used >= size)
			return -E2BIG;
	}
	return 0;
}

int tune_parse_cpus(const char *text, char *list, size_t size)
{
	bool map[CPUS_MAX] = { false };
	char part[32];

	if (!strcasecmp(text, "all")) {
		for (int i = 0; i < CPUS_ALL; i++)
			map[i] = true;
		return cpus_print(map, list, size);
	}
	while (*text) {
		size_t length = strcspn(text, ",");
		bool is_out = *text == '^';

		if (length >= sizeof part)
			return -EINVAL;
		snprintf(part, sizeof part, "%.*s", (int)length, text);
		if (*part && cpus_range(part + is_out, map, !is_out) < 0)
			return -EINVAL;
		text += length + (text[length] == ',');
	}
	return cpus_print(map, list, size);
}

static int memory_command(struct xm_args *a, const char *job)
{
	char mib_text[24];
	int64_t mib;
	bool is_odd;

	if (tune_parse_mib(a->argv[1], &mib, &is_odd) < 0)
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

	if (tune_parse_cpus(a->argv[2], cpus, sizeof cpus) < 0)
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
