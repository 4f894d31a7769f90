/* Time, samples, and the line that a workload prints. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/bench/load/load.h"

void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bench: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t server_cpu_ns(void)
{
	struct timespec t;
	clockid_t clock;

	if (!opt.pid || clock_getcpuclockid(opt.pid, &clock) ||
	    clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

long server_rss_kb(void)
{
	char name[64], line[256];
	long kb = 0, v;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)opt.pid);
	f = fopen(name, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &v) == 1 || sscanf(line, "RssShmem: %ld", &v) == 1)
			kb += v;
	fclose(f);
	return kb;
}

void sample(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 65536;
		s->ns = realloc(s->ns, s->cap * sizeof(*s->ns));
		if (!s->ns)
			die("out of memory");
	}
	s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : ns;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The samples have to be sorted. */
static double percentile_us(const struct samples *s, double p)
{
	size_t i = (size_t)(p * s->n);

	if (!s->n)
		return 0;
	return s->ns[i < s->n ? i : s->n - 1] / 1000.0;
}

void begin(struct result *r)
{
	r->lat.n = 0;
	r->cycles = 0;
	r->cpu0 = server_cpu_ns();
	r->t0 = now_ns();
}

void finish(struct result *r)
{
	r->t1 = now_ns();
	r->cpu1 = server_cpu_ns();
}

void report(struct result *r, const char *name, const char *fmt, ...)
{
	double secs = (r->t1 - r->t0) / 1e9;
	double rate = r->cycles / secs;
	double cpu = r->cycles ? (r->cpu1 - r->cpu0) / 1e3 / r->cycles : 0;
	char extra[256] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(extra, sizeof(extra), fmt, ap);
		va_end(ap);
	}
	qsort(r->lat.ns, r->lat.n, sizeof(*r->lat.ns), by_value);
	if (opt.csv)
		printf("%s,%s,%.1f,%.2f,%.2f,%.2f,%.3f,%s\n", opt.label, name,
		       rate, percentile_us(&r->lat, 0.50),
		       percentile_us(&r->lat, 0.99),
		       percentile_us(&r->lat, 1.0), cpu, extra);
	else
		printf("%-17s %10.0f/s  p50 %9.1f  p99 %9.1f  max %9.1f"
		       "  srv-us %8.2f  %s\n", name, rate,
		       percentile_us(&r->lat, 0.50),
		       percentile_us(&r->lat, 0.99),
		       percentile_us(&r->lat, 1.0), cpu, extra);
	fflush(stdout);
	free(r->lat.ns);
	memset(r, 0, sizeof(*r));
}

void repeat(struct result *r, void (*step)(struct ctx *), struct ctx *x)
{
	uint64_t stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	uint64_t t, u;

	do
		step(x);
	while (now_ns() < stop);
	x->note = 0;
	begin(r);
	stop = r->t0 + (uint64_t)(opt.secs * 1e9);
	for (t = r->t0; t < stop; t = u) {
		step(x);
		u = now_ns();
		sample(&r->lat, u - t);
		r->cycles++;
	}
	finish(r);
}
