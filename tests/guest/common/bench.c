#include "bench.h"
#include "clock.h"

enum { ROUNDS = 2000 };

void bench_print(const char *name, uint64_t total_ns, uint64_t operations)
{
	print("BENCH %s %lu.%02lu\n", name, total_ns / operations, total_ns % operations * 100 / operations);
}

static void bench_loop(const struct bench *b, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++)
		b->run();
}

void bench_run(const struct bench *b)
{
	unsigned int divide = b->divide ? b->divide : 1, rounds = ROUNDS / (divide > 100 ? 10 : 1);
	uint64_t start;

	shared_info.vcpu_info[0].evtchn_upcall_mask = !b->takes_events;
	bench_loop(b, rounds / 10);		/* what is done once is done now */
	start = now_ns();
	bench_loop(b, rounds);
	bench_print(b->name, now_ns() - start - (uint64_t)rounds * b->slept_ns, (uint64_t)rounds * divide);
	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
}
