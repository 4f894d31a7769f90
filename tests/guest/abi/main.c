/*
 * The conformance test: what guests rely on, one claim per line of output.  The claims hold on Xen 4.17 as
 * well, which is how we know that they are right.
 */
#include "claim.h"

static bool failed;
static const struct claim *current;

void claim_failed(const char *file, int line, const char *what, uint64_t is, uint64_t want)
{
	if (!failed)
		print("TEST not ok %s: ", current->says);
	print("%s:%d: %s is %ld (0x%lx), not %ld; ", file, line, what, (long)is, is,
		(long)want);
	failed = true;
}

void touch_read(uint64_t va)
{
	(void)*(volatile uint8_t *)va;
}

void touch_write(uint64_t va)
{
	*(volatile uint8_t *)va = 1;
}

void touch_run(uint64_t va)
{
	((void (*)(void))va)();
}

static unsigned int claims_run(const struct claim *claim)
{
	unsigned int n = 0;

	for (; claim->says; claim++, n++) {
		current = claim;
		failed = false;
		claim->run();
		if (failed)
			print("\n");
		else
			print("TEST ok %s\n", claim->says);
	}
	return n;
}

void test_main(void)
{
	static const struct claim *const tables[] = {
		boot_claims, version_claims, trap_claims, user_claims, segment_claims, mmu_claims,
		pin_claims, root_claims, ptwr_claims, emulate_claims, evtchn_claims, time_claims,
		vcpu_claims, memory_claims, physdev_claims, fifo_claims, grant_claims,
	};
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		n += claims_run(tables[i]);
	print("ALL TESTS RAN: %u claims\n", n);
}
