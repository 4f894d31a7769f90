/* Tables of domains: list, vcpu-list, uptime, schedulers. */
#include <inttypes.h>
#include <string.h>
#include "xend/domctl.h"
#include "xm/format.h"

#define NS_PER_S 1e9

static const char *format_domid(const struct dom *d, char text[16])
{
	if (d->domid == DOM_HALTED)
		return "";
	snprintf(text, 16, "%d", d->domid);
	return text;
}

void format_list_head(FILE *out, bool has_label)
{
	fprintf(out, "%-40s %5s %5s %5s %10s %9s", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
	if (has_label)
		fprintf(out, " %-10s", "Label");
	fputc('\n', out);
}

void format_list_row(FILE *out, const struct dom *d, const char *label)
{
	char domid[16], state[7];

	dom_state(d, state);
	fprintf(out, "%-40s %5s %5" PRIu64 " %5u %10s %8.1f", d->name, format_domid(d, domid),
		d->mem_kib / 1024, d->domid == DOM_HALTED ? d->vcpus : d->vcpus_online, state,
		(double)d->cpu_time_ns / NS_PER_S);
	if (label)
		fprintf(out, " %10s", label);
	fputc('\n', out);
}

static bool map_has(const uint8_t *map, unsigned bit)
{
	return map[bit / 8] >> bit % 8 & 1;
}

static unsigned map_count(const uint8_t *map, unsigned bits)
{
	unsigned count = 0;

	for (unsigned i = 0; i < bits; i++)
		count += map_has(map, i);
	return count;
}

/* One run of set bits from first to last, as "3" or "3-5". */
static size_t format_run(char *text, size_t size, size_t used, unsigned first, unsigned last)
{
	int n;

	if (used >= size)
		return used;
	if (first == last)
		n = snprintf(text + used, size - used, "%s%u", used ? "," : "", first);
	else
		n = snprintf(text + used, size - used, "%s%u-%u", used ? "," : "", first, last);
	return used + (size_t)n;
}

void format_affinity(char *text, size_t size, const uint8_t *map, unsigned cpus)
{
	unsigned count = map ? map_count(map, cpus) : cpus;
	size_t used = 0;

	if (count == cpus || count == 0) {
		snprintf(text, size, "%s", count || !map ? "any cpu" : "no cpus");
		return;
	}
	for (unsigned i = 0; i < cpus; i++) {
		unsigned first = i;

		if (!map_has(map, i))
			continue;
		while (i + 1 < cpus && map_has(map, i + 1))
			i++;
		used = format_run(text, size, used, first, i);
	}
}

void format_vcpu_head(FILE *out)
{
	fprintf(out, "%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State",
		"Time(s)", "CPU Affinity");
}

void format_vcpu_row(FILE *out, const struct dom *d, const struct dom_vcpu *v, unsigned vcpu,
		     unsigned cpus)
{
	char domid[16], cpu[16] = "", state[4] = "", affinity[512];

	format_affinity(affinity, sizeof affinity, v ? v->affinity : NULL, cpus);
	if (v && v->is_online) {
		snprintf(cpu, sizeof cpu, "%u", v->cpu);
		snprintf(state, sizeof state, "%c%c-", v->is_running ? 'r' : '-',
			 v->is_blocked ? 'b' : '-');
	} else if (v) {
		strcpy(cpu, "-");
		strcpy(state, "--p");
	}
	fprintf(out, "%-32s %5s %5u %5s %5s  %8.1f %s\n", d->name, format_domid(d, domid), vcpu,
		cpu, state, v ? (double)v->cpu_time_ns / NS_PER_S : 0.0, affinity);
}

void format_uptime_head(FILE *out)
{
	fprintf(out, "%-32s %5s %s \n", "Name", "ID", "Uptime");
}

static void format_days(FILE *out, uint64_t seconds)
{
	uint64_t days = seconds / 86400;

	if (days)
		fprintf(out, "%" PRIu64 " day%s, ", days, days == 1 ? "" : "s");
}

void format_uptime_row(FILE *out, const struct dom *d, uint64_t seconds)
{
	char domid[16];

	fprintf(out, "%-32s %5s ", d->name, format_domid(d, domid));
	format_days(out, seconds);
	fprintf(out, "%2u:%02u:%02u\n", (unsigned)(seconds / 3600 % 24),
		(unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

void format_uptime_short(FILE *out, const struct dom *d, uint64_t seconds, unsigned now)
{
	char domid[16];

	fprintf(out, " %02u:%02u:%02u up ", now / 3600, now / 60 % 60, now % 60);
	format_days(out, seconds);
	fprintf(out, "%2u:%02u, %s (%s)\n", (unsigned)(seconds / 3600 % 24),
		(unsigned)(seconds / 60 % 60), d->name, format_domid(d, domid));
}

void format_credit_head(FILE *out)
{
	fprintf(out, "%-32s %5s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

void format_credit_row(FILE *out, const struct dom *d, const struct format_sched *s)
{
	char domid[16];

	fprintf(out, "%-32s %5s %6d %4d\n", d->name, format_domid(d, domid), s->weight, s->cap);
}

void format_credit2_head(FILE *out)
{
	fprintf(out, "%-33s %4s %6s\n", "Name", "ID", "Weight");
}

void format_credit2_row(FILE *out, const struct dom *d, const struct format_sched *s)
{
	char domid[16];

	fprintf(out, "%-32s %5s %6d\n", d->name, format_domid(d, domid), s->weight);
}

void format_sedf_head(FILE *out)
{
	fprintf(out, "%-32s %5s %10s %9s %7s %5s %6s\n", "Name", "ID", "Period(ms)", "Slice(ms)",
		"Lat(ms)", "Extra", "Weight");
}

void format_sedf_row(FILE *out, const struct dom *d, const struct domctl_sedf *p)
{
	fprintf(out, "%-32s %5d %9.1f %9.1f %7.1f %6u %6u\n", d->name, d->domid,
		(double)p->period_ns / 1e6, (double)p->slice_ns / 1e6, (double)p->latency_ns / 1e6,
		p->extratime, p->weight);
}
