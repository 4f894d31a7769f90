/* Timers: order, changes, handlers that set and stop, CPUs. */
#include "fake.h"
#include <stdlib.h>

#define MAX_TIMERS 500

static struct timer timers[MAX_TIMERS];
static unsigned int fired_count, fired[MAX_TIMERS];
static uint64_t fired_at[MAX_TIMERS];

static void note(void *data)
{
	unsigned int i = (struct timer *)data - timers;

	fired[fired_count++ % MAX_TIMERS] = i;
	fired_at[i] = fake_now;
}

static void timers_new(unsigned int count)
{
	fired_count = 0;
	for (unsigned int i = 0; i < count; i++) {
		timer_init(&timers[i], cpus[0], note, &timers[i]);
		fired_at[i] = 0;
	}
}

static void timers_fire_in_the_order_of_their_times_each_at_its_time(void)
{
	uint64_t start = fake_now;

	srandom(1);
	timers_new(MAX_TIMERS);
	for (unsigned int i = 0; i < MAX_TIMERS; i++)
		timer_set(&timers[i], start + 1 + random() % 100000);
	for (unsigned int i = 0; i < MAX_TIMERS; i += 3)
		timer_stop(&timers[i]);
	for (unsigned int i = 0; i < MAX_TIMERS; i += 6)
		timer_set(&timers[i], start + 1 + random() % 100000);
	fake_run(100001);
	CHECK_EQ(fired_count, MAX_TIMERS - (MAX_TIMERS + 2) / 3 + (MAX_TIMERS + 5) / 6);
	for (unsigned int i = 0; i < MAX_TIMERS; i++) {
		CHECK(!timer_is_set(&timers[i]));
		if (fired_at[i])
			CHECK_EQ(fired_at[i], timers[i].expires_ns);
		else
			CHECK(i % 3 == 0 && i % 6 != 0);
	}
	for (unsigned int i = 1; i < fired_count; i++)
		CHECK(fired_at[fired[i - 1]] <= fired_at[fired[i]]);
}

static void a_heap_under_random_changes_keeps_what_a_plain_array_keeps(void)
{
	uint64_t expires[64] = { 0 };

	srandom(2);
	timers_new(64);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int i = random() % 64;

		if (random() % 3) {
			expires[i] = fake_now + 1 + random() % 1000;
			timer_set(&timers[i], expires[i]);
		} else {
			timer_stop(&timers[i]);
			expires[i] = 0;
		}
		if (round % 7 == 0)
			fake_run(random() % 100);
		for (unsigned int k = 0; k < 64; k++) {
			bool is_due = expires[k] && expires[k] <= fake_now;

			if (is_due) {
				CHECK_EQ(fired_at[k], expires[k]);
				expires[k] = 0;
			}
			CHECK_EQ(timer_is_set(&timers[k]), expires[k] != 0);
		}
	}
}

static void a_time_that_has_passed_fires_at_once(void)
{
	timers_new(2);
	timer_set(&timers[0], fake_now - 5);
	timer_set(&timers[1], 0);
	fake_run(0);
	CHECK_EQ(fired_count, 2);
	CHECK_EQ(fired_at[0], fake_now);
}

static void setting_again_replaces_the_earlier_time(void)
{
	uint64_t start = fake_now;

	timers_new(1);
	timer_set(&timers[0], start + 10);
	timer_set(&timers[0], start + 30);
	fake_run(20);
	CHECK_EQ(fired_count, 0);
	timer_set(&timers[0], start + 25);
	fake_run(20);
	CHECK_EQ(fired_count, 1);
	CHECK_EQ(fired_at[0], start + 25);
}

static void again(void *data)
{
	struct timer *t = data;

	if (++fired_count < 5)
		timer_set(t, fake_now + 10);
	else
		timer_kill(t);		/* from its own handler: must not wait for itself */
}

static void a_handler_may_set_its_own_timer_again_or_kill_it(void)
{
	timers_new(1);
	timers[0].handler = again;
	timer_set(&timers[0], fake_now + 10);
	fake_run(1000);
	CHECK_EQ(fired_count, 5);
	timer_set(&timers[0], fake_now + 10);
	CHECK(!timer_is_set(&timers[0]));
}

static void stop_next(void *data)
{
	note(data);
	timer_stop((struct timer *)data + 1);
}

static void a_handler_may_stop_one_that_is_due_as_well(void)
{
	timers_new(2);
	timers[0].handler = stop_next;
	timer_set(&timers[0], fake_now + 10);
	timer_set(&timers[1], fake_now + 11);
	fake_now += 100;
	fake_run(0);
	fake_run(100);
	CHECK_EQ(fired_count, 1);
	CHECK_EQ(fired[0], 0);
}

static void a_killed_timer_can_not_be_set(void)
{
	timers_new(1);
	timer_set(&timers[0], fake_now + 10);
	timer_kill(&timers[0]);
	timer_set(&timers[0], fake_now + 10);
	fake_run(100);
	CHECK_EQ(fired_count, 0);
}

static unsigned int ran_on;

static void note_cpu(void *data)
{
	note(data);
	ran_on = this_cpu()->id;
}

static void a_timer_of_another_cpu_fires_there_and_moves_when_asked(void)
{
	timers_new(1);
	timers[0].handler = note_cpu;
	timer_migrate(&timers[0], cpus[1]);
	fake_be_cpu(0);
	timer_set(&timers[0], fake_now + 10);
	fake_run(100);
	CHECK_EQ(fired_count, 1);
	CHECK_EQ(ran_on, 1);
	timer_set(&timers[0], fake_now + 10);
	timer_migrate(&timers[0], cpus[0]);
	CHECK(timer_is_set(&timers[0]));
	fake_run(100);
	CHECK_EQ(fired_count, 2);
	CHECK_EQ(ran_on, 0);
}

static void no_interrupt_is_asked_for_when_nothing_is_set(void)
{
	timers_new(1);
	timer_set(&timers[0], fake_now + 10);
	CHECK_EQ(cpus[0]->timers.programmed_ns, fake_now + 10);
	fake_run(100);
	CHECK_EQ(cpus[0]->timers.programmed_ns, 0);
	CHECK(fake_irqs_on);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(timers_fire_in_the_order_of_their_times_each_at_its_time),
		FAKE_TEST(a_heap_under_random_changes_keeps_what_a_plain_array_keeps),
		FAKE_TEST(a_time_that_has_passed_fires_at_once),
		FAKE_TEST(setting_again_replaces_the_earlier_time),
		FAKE_TEST(a_handler_may_set_its_own_timer_again_or_kill_it),
		FAKE_TEST(a_handler_may_stop_one_that_is_due_as_well),
		FAKE_TEST(a_killed_timer_can_not_be_set),
		FAKE_TEST_CPUS(a_timer_of_another_cpu_fires_there_and_moves_when_asked, 2),
		FAKE_TEST(no_interrupt_is_asked_for_when_nothing_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
