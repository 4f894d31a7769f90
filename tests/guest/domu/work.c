/*
 * Work that any mistake of the hypervisor's spoils: memory that must keep what was written, checksums in
 * user-visible registers only, sleeps that must end when they should.  Says "WORKED <round>" after each
 * round, "WORK IS WRONG: …" if anything isn't as it must be.
 */
#include "work.h"

#include "clock.h"
#include "guest.h"

enum { WORDS = 1 << 18, SLEEPS = 5 };		/* 2 MiB */
#define SLEEP_NS 10000000ul
#define LATE_NS 60000000000ul			/* a loaded machine is late, but not for ever */

static uint64_t block[WORDS];

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t block_fill(uint64_t round)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORDS; i++) {
		block[i] = mix(round * WORDS + i);
		sum = mix(sum ^ block[i]);
	}
	return sum;
}

static bool block_is_whole(uint64_t round, uint64_t sum)
{
	uint64_t now = 0;

	for (unsigned int i = 0; i < WORDS; i++) {
		if (block[i] != mix(round * WORDS + i))
			print("WORK IS WRONG: word %u is 0x%lx\r\n", i, block[i]);
		now = mix(now ^ block[i]);
	}
	if (now != sum)
		print("WORK IS WRONG: the sum was 0x%lx, is 0x%lx\r\n", sum, now);
	return now == sum;
}

static bool sleeps_end(void)
{
	for (unsigned int i = 0; i < SLEEPS; i++) {
		uint64_t before = now_ns(), now;
		struct sched_poll poll = { .timeout = before + SLEEP_NS };
		long rc = hcall(sched_op, SCHEDOP_poll, &poll);

		now = now_ns();
		if (rc || now < before || now > poll.timeout + LATE_NS) {
			print("WORK IS WRONG: slept from %lu to %lu: %ld\r\n", before, now, rc);
			return false;
		}
	}
	return true;
}

void work(void)
{
	for (uint64_t round = 1;; round++) {
		uint64_t sum = block_fill(round);

		if (sleeps_end() && block_is_whole(round, sum))
			print("WORKED %lu\r\n", round);
	}
}
