/* What Domain-0 can't give, of /proc/meminfo's text. */
#include "check.h"
#include "xend/dom0_need.h"

#define MIB 1024ULL			/* in KiB */

static void what_is_not_available_is_needed_and_some_air(void)
{
	CHECK_EQ(dom0_need_of("MemTotal:         900000 kB\nMemFree:          100000 kB\n"
			      "MemAvailable:     614400 kB\nBuffers:            2000 kB\n", 1024 * MIB),
		 (1024 - 600 + 32) * MIB);
}

static void with_next_to_nothing_available_all_is_needed(void)
{
	CHECK_EQ(dom0_need_of("MemTotal: 900000 kB\nMemAvailable: 20000 kB\n", 1024 * MIB), 1024 * MIB);
	CHECK_EQ(dom0_need_of("MemTotal: 900000 kB\nMemAvailable: 0 kB\n", 1024 * MIB), 1024 * MIB);
}

static void never_less_than_the_air(void)
{
	CHECK_EQ(dom0_need_of("MemTotal: 900000 kB\nMemAvailable: 2000000 kB\n", 1024 * MIB), 32 * MIB);
	CHECK_EQ(dom0_need_of("MemTotal: 9 kB\nMemAvailable: 99999999999999999999999 kB\n", 1024 * MIB),
		 32 * MIB);
}

static void where_it_cannot_be_told_nothing_is_claimed(void)
{
	CHECK_EQ(dom0_need_of("", 1024 * MIB), 0);
	CHECK_EQ(dom0_need_of("MemTotal: 900000 kB\nMemFree: 100000 kB\n", 1024 * MIB), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_not_available_is_needed_and_some_air),
		TEST(with_next_to_nothing_available_all_is_needed),
		TEST(never_less_than_the_air),
		TEST(where_it_cannot_be_told_nothing_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
