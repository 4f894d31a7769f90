#include "check.h"

#include "x86/tsc_scale.h"

static const uint64_t rates[] = { 1, 1000, 3579545, 14318180, 100000000, 999999999, 1000000000, 1000000001,
				  1999999999, 2000000000, 2000000001, 2600000000, 3400000000, 5000000000,
				  20000000000 };
#define RATES (sizeof(rates) / sizeof(*rates))

static void a_second_of_ticks_is_a_second(void)
{
	for (unsigned int i = 0; i < RATES; i++) {
		uint64_t ns = tsc_scale_apply(tsc_scale_for(rates[i]), rates[i]);

		/* 31 bits of multiplier: less than 1 ns in a second off, and the bits shifted out */
		CHECK(ns <= 1000000001 && ns >= 999999990);
	}
}

static void a_year_of_ticks_does_not_overflow(void)
{
	const uint64_t year = 365 * 86400UL;
	uint64_t ns = tsc_scale_apply(tsc_scale_for(3000000000), 3000000000 * year);

	CHECK(ns > (year - 1) * 1000000000 && ns <= year * 1000000000);
}

static void the_multiplier_uses_all_its_bits(void)
{
	for (unsigned int i = 0; i < RATES; i++)
		CHECK(tsc_scale_for(rates[i]).mul >= 1U << 31);
}

static void the_inverse_is_the_first_tick_that_is_late_enough(void)
{
	static const uint64_t times[] = { 0, 1, 2, 999, 1000, 123456789, 1000000000, 86400000000000 };

	for (unsigned int i = 0; i < RATES; i++) {
		struct tsc_scale s = tsc_scale_for(rates[i]);

		for (unsigned int t = 0; t < sizeof(times) / sizeof(*times); t++) {
			uint64_t ticks = tsc_scale_invert(s, times[t]);

			CHECK(tsc_scale_apply(s, ticks) >= times[t]);
			if (ticks)
				CHECK(tsc_scale_apply(s, ticks - 1) <= times[t]);
		}
	}
}

static void what_can_not_be_reached_is_never(void)
{
	CHECK(tsc_scale_invert(tsc_scale_for(20000000000), UINT64_MAX) == UINT64_MAX);
}

static void time_never_goes_back_with_the_ticks(void)
{
	struct tsc_scale s = tsc_scale_for(2593992000);
	uint64_t last = 0;

	for (uint64_t ticks = 1UL << 40; ticks < (1UL << 40) + 100000; ticks++) {
		uint64_t ns = tsc_scale_apply(s, ticks);

		CHECK(ns >= last);
		last = ns;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_of_ticks_is_a_second),
		TEST(a_year_of_ticks_does_not_overflow),
		TEST(the_multiplier_uses_all_its_bits),
		TEST(the_inverse_is_the_first_tick_that_is_late_enough),
		TEST(what_can_not_be_reached_is_never),
		TEST(time_never_goes_back_with_the_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
