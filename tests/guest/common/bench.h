/* Measuring: an operation's cost in virtual ns, printed as "BENCH name ns". */
#ifndef GUEST_BENCH_H
#define GUEST_BENCH_H

#include "guest.h"

struct bench {
	const char *name;
	void (*run)(void);
	unsigned int divide;		/* operations in one call; 0: 1 */
	unsigned int slept_ns;		/* of each call, which is no cost */
	bool takes_events;		/* else they are masked */
};

void bench_run(const struct bench *b);
void bench_print(const char *name, uint64_t total_ns, uint64_t operations);

#endif
