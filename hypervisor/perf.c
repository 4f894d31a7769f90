#include "perf.h"
#include "cpu.h"
#include "errno.h"
#include "guest.h"
#include "string.h"

static const struct {
	char text[sizeof(((struct xen_sysctl_perfc_desc *)0)->name)];
	uint16_t elements, at;		/* ... of struct perf_counts, in words */
} counters[] = {
#define PERF_ROW(name, text, n) { text, n, offsetof(struct perf_counts, name) / sizeof(uint32_t) },
	PERF_COUNTERS(PERF_ROW)
#undef PERF_ROW
};

static const uint32_t *words_of(const struct cpu *c) { return (const uint32_t *)&c->perf; }

static void reset(void)
{
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
		if (cpus[cpu])
			memset(&cpus[cpu]->perf, 0, sizeof(cpus[cpu]->perf));
}

/* A single counter has a value for each CPU, an array one for each element: the sum of all CPUs'. */
static uint32_t values_of(unsigned int i) { return counters[i].elements == 1 ? cpu_count : counters[i].elements; }

static uint32_t value(unsigned int i, uint32_t n)
{
	uint32_t sum = 0;

	if (counters[i].elements == 1)
		return cpus[n] ? words_of(cpus[n])[counters[i].at] : 0;
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
		if (cpus[cpu])
			sum += words_of(cpus[cpu])[counters[i].at + n];
	return sum;
}

static int describe(uint64_t to, unsigned int i)
{
	struct xen_sysctl_perfc_desc d = { .nr_vals = values_of(i) };

	memcpy(d.name, counters[i].text, sizeof(d.name));
	return to ? copy_to_guest(to + i * sizeof(d), &d, sizeof(d)) : 0;
}

static long query(struct xen_sysctl_perfc_op *op)
{
	uint64_t at = (uint64_t)op->val.p;
	uint32_t total = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++) {
		if (describe((uint64_t)op->desc.p, i))
			return -EFAULT;
		for (uint32_t n = 0; n < values_of(i); n++, total++) {
			uint32_t x = value(i, n);

			if (at && copy_to_guest(at + total * sizeof(x), &x, sizeof(x)))
				return -EFAULT;
		}
	}
	op->nr_counters = ARRAY_SIZE(counters);
	op->nr_vals = total;
	return 0;
}

long perf_op(struct xen_sysctl_perfc_op *op)
{
	switch (op->cmd) {
	case XEN_SYSCTL_PERFCOP_reset:
		reset();
		return 0;
	case XEN_SYSCTL_PERFCOP_query:
		return query(op);
	default:
		return -EINVAL;
	}
}
