/* A claim is one sentence about the ABI, and the code that tries it. */
#ifndef CLAIM_H
#define CLAIM_H

#include "mem.h"

struct claim {
	const char *says;
	void (*run)(void);
};

/* A table of claims ends with an empty one. */
extern const struct claim boot_claims[], version_claims[], trap_claims[], user_claims[], segment_claims[],
	mmu_claims[], pin_claims[], root_claims[], ptwr_claims[], emulate_claims[], evtchn_claims[],
	fifo_claims[], time_claims[], vcpu_claims[], memory_claims[], physdev_claims[], grant_claims[];

/* A check that fails names itself; the claim goes on, so that it puts back what it changed. */
void claim_failed(const char *file, int line, const char *what, uint64_t is, uint64_t want);

#define CHECK(cond) do { \
	if (!(cond)) \
		claim_failed(__FILE__, __LINE__, #cond, 0, 1); \
} while (0)

#define CHECK_EQ(a, b) do { \
	uint64_t is_ = (uint64_t)(int64_t)(a), want_ = (uint64_t)(int64_t)(b); \
	if (is_ != want_) \
		claim_failed(__FILE__, __LINE__, #a, is_, want_); \
} while (0)

/* A trap that fn(arg) meets. */
#define CHECK_TRAP(fn, arg, vector) CHECK_EQ(trap_try(fn, (uint64_t)(arg)), vector)

void touch_read(uint64_t va);		/* for trap_try() */
void touch_write(uint64_t va);
void touch_run(uint64_t va);

#endif
