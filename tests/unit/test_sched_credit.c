/* The credit scheduler in simulated time: shares, caps, affinity, promptness. */
#include "fake.h"
#include <stdlib.h>

#define SECONDS (NS_PER_S)

static void put(struct domain *d, uint16_t weight, uint16_t cap)
{
	struct xen_domctl_scheduler_op op = { .cmd = XEN_DOMCTL_SCHEDOP_putinfo,
					      .u.credit = { .weight = weight, .cap = cap } };

	CHECK_EQ(scheduler->adjust_domain(d, &op), 0);
}

static uint64_t ran(struct domain *d)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < d->max_vcpus; i++)
		sum += vcpu_cpu_time_ns(d->vcpu[i]);
	return sum;
}

/* Runs for a while and says what the domain got of it, in parts per thousand of one CPU. */
static unsigned int share(struct domain *d, uint64_t before, uint64_t ns)
{
	return (ran(d) - before) * 1000 / ns;
}

static void pin(struct domain *d, unsigned int cpu)
{
	struct cpumask m = { { 0 } };

	cpumask_set(&m, cpu);
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		CHECK_EQ(vcpu_set_affinity(d->vcpu[i], &m, NULL), 0);
}

static void check_near(unsigned int got, unsigned int want, unsigned int percent)
{
	if (got * 100 < want * (100 - percent) || got * 100 > want * (100 + percent))
		fail_msg("got %u per mille, want %u within %u %%", got, want, percent);
}

static void equals_get_equal_shares(void)
{
	struct domain *d[5];

	for (unsigned int i = 0; i < 5; i++)
		d[i] = fake_domain(1 + i, 1);
	fake_run(20 * SECONDS);
	for (unsigned int i = 0; i < 5; i++)
		check_near(share(d[i], 0, 20 * SECONDS), 200, 2);
}

static void twice_the_weight_gets_twice_the_time_on_one_cpu(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	put(a, 512, 0);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 667, 5);
	check_near(share(b, 0, 20 * SECONDS), 333, 5);
}

static void weights_hold_on_two_cpus(void)
{
	struct domain *a = fake_domain(1, 2), *b = fake_domain(2, 2);

	put(a, 512, 0);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 1333, 5);
	check_near(share(b, 0, 20 * SECONDS), 667, 5);
}

static void weights_hold_whatever_the_number_of_vcpus(void)
{
	struct domain *a = fake_domain(1, 4), *b = fake_domain(2, 8);

	put(a, 512, 0);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 2667, 5);
	check_near(share(b, 0, 20 * SECONDS), 1333, 5);
}

static void weights_hold_among_vcpus_pinned_to_one_cpu_of_many(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	pin(a, 2);
	pin(b, 2);
	put(a, 512, 0);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 667, 5);
	check_near(share(b, 0, 20 * SECONDS), 333, 5);
}

/* Of what both have in a stretch, `a` has so many times what `b` has. */
static void check_ratio(struct domain *a, struct domain *b, unsigned int times, uint64_t ns)
{
	uint64_t before_a = ran(a), before_b = ran(b);
	unsigned int all;

	fake_run(ns);
	all = share(a, before_a, ns) + share(b, before_b, ns);
	check_near(share(a, before_a, ns), all * times / (times + 1), 5);
	check_near(share(b, before_b, ns), all / (times + 1), 5);
}

static void weights_hold_among_the_pinned_whatever_the_other_cpus_do(void)
{
	struct domain *zero = fake_domain(0, 1), *a = fake_domain(1, 1), *b = fake_domain(2, 1), *c;
	static struct fake_load load;

	fake_load_start(&load, zero->vcpu[0], 100 * NS_PER_US, 3 * NS_PER_MS);
	pin(a, 0);
	pin(b, 0);
	put(a, 512, 0);
	check_ratio(a, b, 2, 10 * SECONDS);		/* the other CPU is nearly idle */
	c = fake_domain(3, 1);
	check_ratio(a, b, 2, 10 * SECONDS);		/* somebody is busy there */
	pin(c, 1);
	for (unsigned int i = 0; i < 4; i++)
		pin(fake_domain(4 + i, 1), 1);
	check_ratio(a, b, 2, 10 * SECONDS);		/* many are */
}

/* A guest with one busy vcpu and one that hardly runs competes as one with a single busy vcpu does. */
static void a_vcpu_that_hardly_runs_costs_its_domain_no_share(void)
{
	struct domain *a = fake_domain(1, 2), *b = fake_domain(2, 1);
	static struct fake_load load;

	fake_load_start(&load, a->vcpu[1], 20 * NS_PER_US, 5 * NS_PER_MS);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 500, 5);
	check_near(share(b, 0, 20 * SECONDS), 500, 5);
}

/* A CPU that nobody else could use is no debt that is paid back later. */
static void what_a_vcpu_ran_while_alone_is_not_held_against_it(void)
{
	struct domain *a, *b = fake_domain(1, 1), *other[3];

	pin(b, 1);
	for (unsigned int i = 0; i < 3; i++) {
		other[i] = fake_domain(3 + i, 1);
		pin(other[i], 0);
	}
	fake_run(20 * SECONDS);		/* b has twice what it would if others could use its CPU */
	a = fake_domain(2, 1);
	pin(a, 1);
	put(a, 1024, 0);
	fake_run(NS_PER_S / 5);
	check_ratio(a, b, 4, 2 * SECONDS);
}

static void three_equal_hogs_share_two_cpus_evenly(void)
{
	struct domain *d[3];

	for (unsigned int i = 0; i < 3; i++)
		d[i] = fake_domain(1 + i, 1);
	fake_run(20 * SECONDS);
	for (unsigned int i = 0; i < 3; i++)
		check_near(share(d[i], 0, 20 * SECONDS), 667, 5);
}

static void extreme_weights_hold_and_starve_nobody(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	put(a, 65535, 0);
	put(b, 1, 0);
	fake_run(100 * SECONDS);
	CHECK(share(a, 0, 100 * SECONDS) >= 985);
	CHECK(ran(b) > 0);
}

static void a_cap_holds_on_an_idle_machine(void)
{
	struct domain *a = fake_domain(1, 1);

	put(a, 0, 50);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 500, 3);
}

static void a_cap_holds_beside_others_who_get_the_rest(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	put(a, 0, 25);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 250, 3);
	check_near(share(b, 0, 20 * SECONDS), 750, 3);
}

static void a_cap_of_more_than_one_cpu_is_shared_by_the_vcpus(void)
{
	struct domain *a = fake_domain(1, 4);

	put(a, 0, 150);
	fake_run(20 * SECONDS);
	check_near(share(a, 0, 20 * SECONDS), 1500, 3);
}

static void caps_and_weights_are_changed_while_it_runs(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	uint64_t before;

	put(a, 0, 10);
	fake_run(5 * SECONDS);
	put(a, 256, 0);
	fake_run(1 * SECONDS);
	before = ran(a);
	fake_run(10 * SECONDS);
	check_near(share(a, before, 10 * SECONDS), 500, 3);
	put(b, 768, 0);
	fake_run(1 * SECONDS);
	before = ran(a);
	fake_run(10 * SECONDS);
	check_near(share(a, before, 10 * SECONDS), 250, 5);
}

static void no_cpu_idles_while_somebody_could_run_there(void)
{
	struct domain *d[7];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < 7; i++)
		d[i] = fake_domain(1 + i, 1);
	fake_run(10 * SECONDS);
	for (unsigned int i = 0; i < 7; i++)
		sum += ran(d[i]);
	CHECK(sum >= 4 * 10 * SECONDS - 40 * NS_PER_MS);
	for (unsigned int i = 0; i < 7; i++)
		check_near(share(d[i], 0, 10 * SECONDS), 571, 5);
}

static void hard_affinity_is_never_left(void)
{
	struct domain *a = fake_domain(1, 2), *b = fake_domain(2, 4);

	pin(a, 1);
	for (unsigned int i = 0; i < 2000; i++) {
		fake_run(3 * NS_PER_MS);
		for (unsigned int cpu = 0; cpu < 4; cpu++)
			if (fake_running(cpu)->domain == a)
				CHECK_EQ(cpu, 1);
	}
	CHECK(ran(a) > 0);
	CHECK(ran(b) > 0);
	pin(a, 3);		/* while it runs and waits */
	fake_softirqs();
	CHECK(fake_running(1)->domain != a);
	fake_run(1 * SECONDS);
	CHECK_EQ(a->vcpu[0]->cpu->id, 3);
	CHECK_EQ(a->vcpu[1]->cpu->id, 3);
}

static void soft_affinity_is_kept_while_there_is_room(void)
{
	struct domain *a = fake_domain(1, 1), *b;
	struct cpumask soft = { { 0 } };

	cpumask_set(&soft, 3);
	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], NULL, &soft), 0);
	vcpu_stop_set(a->vcpu[0], VCPU_BLOCKED);
	fake_softirqs();
	vcpu_unblock(a->vcpu[0]);
	fake_run(10 * NS_PER_MS);
	CHECK_EQ(a->vcpu[0]->cpu->id, 3);
	b = fake_domain(2, 1);
	pin(b, 3);		/* somebody else's there: rather an idle CPU than waiting */
	fake_run(2 * SECONDS);
	check_near(share(a, 0, 2 * SECONDS), 1000, 5);
}

/* It never sleeps, so nothing but a look now and then can tell that its CPU is free. */
static void a_hog_goes_where_it_would_rather_be_once_there_is_room(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	struct cpumask soft = { { 0 } };

	pin(b, 1);
	fake_run(10 * NS_PER_MS);
	cpumask_set(&soft, 1);
	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], NULL, &soft), 0);
	fake_run(1 * SECONDS);
	CHECK_EQ(a->vcpu[0]->cpu->id, 0);
	vcpu_stop_set(b->vcpu[0], VCPU_BLOCKED);
	fake_run(100 * NS_PER_MS);
	CHECK_EQ(a->vcpu[0]->cpu->id, 1);
	CHECK_EQ(fake_running(1), a->vcpu[0]);
	CHECK(ran(a) >= 1100 * NS_PER_MS);
}

static void affinity_without_a_cpu_is_refused(void)
{
	struct domain *a = fake_domain(1, 1);
	struct cpumask none = { { 0 } };

	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], &none, NULL), -EINVAL);
	cpumask_set(&none, 77);
	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], &none, NULL), -EINVAL);
	CHECK(cpumask_test(&a->vcpu[0]->hard_affinity, 0));
}

static void one_that_sleeps_much_is_served_promptly_beside_hogs(void)
{
	struct domain *io = fake_domain(1, 1);
	static struct fake_load load;

	for (unsigned int i = 0; i < 6; i++)
		fake_domain(2 + i, 1);
	fake_load_start(&load, io->vcpu[0], 100 * NS_PER_US, 3 * NS_PER_MS);
	fake_run(10 * SECONDS);
	CHECK(load.wakes > 2500);
	CHECK(load.latency_max_ns <= 2 * NS_PER_MS);	/* at worst another's minimal turn */
	CHECK(load.latency_sum_ns / load.wakes <= 500 * NS_PER_US);
}

static void waking_often_is_no_way_to_more_than_ones_share(void)
{
	struct domain *cheat = fake_domain(1, 1), *honest = fake_domain(2, 1);
	static struct fake_load load;

	fake_load_start(&load, cheat->vcpu[0], 900 * NS_PER_US, 10 * NS_PER_US);
	fake_run(20 * SECONDS);
	CHECK(share(cheat, 0, 20 * SECONDS) <= 525);
	CHECK(share(honest, 0, 20 * SECONDS) >= 475);
}

static void a_yield_lets_others_go_first(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	struct vcpu *first;

	fake_softirqs();
	first = fake_running(0);
	vcpu_yield();
	fake_softirqs();
	CHECK(fake_running(0) == (first == a->vcpu[0] ? b->vcpu[0] : a->vcpu[0]));
	vcpu_pause(first);
	vcpu_yield();
	fake_softirqs();
	CHECK(fake_running(0) != cpus[0]->idle);	/* alone: it goes on */
	vcpu_unpause(first);
}

static void many_vcpus_that_come_and_go_get_lost_nowhere(void)
{
	static struct fake_load load[40];
	struct domain *d[20];

	srandom(5);
	for (unsigned int i = 0; i < 20; i++)
		d[i] = fake_domain(1 + i, 2);
	for (unsigned int i = 0; i < 40; i++)
		fake_load_start(&load[i], d[i / 2]->vcpu[i % 2], 1 + random() % (5 * NS_PER_MS),
				1 + random() % (40 * NS_PER_MS));
	for (unsigned int i = 0; i < 300; i++) {
		struct vcpu *v = d[random() % 20]->vcpu[random() % 2];
		struct cpumask m = { { 0 } };

		fake_run(random() % (20 * NS_PER_MS));
		fake_be_cpu(random() % 4);
		m.bits[0] = 1 + random() % 15;
		CHECK_EQ(vcpu_set_affinity(v, &m, NULL), 0);
		if (v != current_vcpu() && random() % 2) {
			vcpu_pause(v);
			CHECK(!v->is_running);
			fake_run(random() % (5 * NS_PER_MS));
			vcpu_unpause(v);
		}
		fake_softirqs();
		for (unsigned int cpu = 0; cpu < 4; cpu++) {
			struct vcpu *r = fake_running(cpu);

			CHECK_EQ(r->cpu, cpus[cpu]);
			CHECK(r->is_running && !r->is_queued);
			CHECK(cpumask_test(&r->hard_affinity, cpu));
		}
	}
	fake_be_cpu(0);
	fake_run(5 * SECONDS);
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t wakes = load[i].wakes;

		fake_run(SECONDS);
		CHECK(load[i].wakes > wakes);
	}
}

static void pin_override_pins_and_gives_back(void)
{
	struct domain *zero = fake_domain(0, 1), *d = fake_domain(1, 1);
	struct sched_pin_override op = { .pcpu = 2 };
	struct vcpu *v = zero->vcpu[0];

	fake_be(v);
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), 0);
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), -EBUSY);
	CHECK_EQ(vcpu_set_affinity(v, &cpu_online, NULL), -EBUSY);
	fake_be(v->cpu->idle);
	fake_softirqs();
	CHECK_EQ(fake_running(2), v);
	fake_be(v);
	op.pcpu = 64;
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), -EINVAL);
	op.pcpu = -1;
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), 0);
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), -EINVAL);
	CHECK(cpumask_test(&v->hard_affinity, 0));
	fake_be_cpu(0);
	fake_softirqs();
	fake_be(d->vcpu[0]);
	CHECK_EQ(sched_op(SCHEDOP_pin_override, (uint64_t)&op), -EPERM);
	fake_be_cpu(0);
}

static void parameters_are_read_back_and_checked(void)
{
	struct domain *d = fake_domain(1, 1);
	struct xen_domctl_scheduler_op op = { .cmd = XEN_DOMCTL_SCHEDOP_getinfo };
	struct xen_sysctl_scheduler_op g = { .cmd = XEN_SYSCTL_SCHEDOP_getinfo };

	CHECK_EQ(scheduler->adjust_domain(d, &op), 0);
	CHECK_EQ(op.u.credit.weight, 256);
	CHECK_EQ(op.u.credit.cap, 0);
	put(d, 0, 30);
	put(d, 77, 0xffff);
	CHECK_EQ(scheduler->adjust_domain(d, &op), 0);
	CHECK_EQ(op.u.credit.weight, 77);
	CHECK_EQ(op.u.credit.cap, 30);
	op.cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo;
	CHECK_EQ(scheduler->adjust_domain(d, &op), -EINVAL);
	CHECK_EQ(scheduler->adjust_global(&g), 0);
	CHECK_EQ(g.u.sched_credit.tslice_ms, 10);
	g.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
	g.u.sched_credit.tslice_ms = 1001;
	CHECK_EQ(scheduler->adjust_global(&g), -EINVAL);
	g.u.sched_credit.tslice_ms = 10;
	g.u.sched_credit.ratelimit_us = 50;
	CHECK_EQ(scheduler->adjust_global(&g), -EINVAL);
	g.u.sched_credit.ratelimit_us = 1000;
	CHECK_EQ(scheduler->adjust_global(&g), 0);
}

static void an_idle_machine_has_no_timer_left(void)
{
	struct domain *d = fake_domain(1, 1);

	fake_run(SECONDS);
	vcpu_stop_set(d->vcpu[0], VCPU_BLOCKED);
	fake_run(SECONDS);
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	CHECK(!cpus[0]->timers.root);
	vcpu_unblock(d->vcpu[0]);
	fake_run(SECONDS);
	CHECK_EQ(fake_running(0), d->vcpu[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(equals_get_equal_shares),
		FAKE_TEST(twice_the_weight_gets_twice_the_time_on_one_cpu),
		FAKE_TEST_CPUS(weights_hold_on_two_cpus, 2),
		FAKE_TEST_CPUS(weights_hold_whatever_the_number_of_vcpus, 4),
		FAKE_TEST_CPUS(weights_hold_among_vcpus_pinned_to_one_cpu_of_many, 4),
		FAKE_TEST_CPUS(weights_hold_among_the_pinned_whatever_the_other_cpus_do, 2),
		FAKE_TEST(a_vcpu_that_hardly_runs_costs_its_domain_no_share),
		FAKE_TEST_CPUS(what_a_vcpu_ran_while_alone_is_not_held_against_it, 2),
		FAKE_TEST_CPUS(three_equal_hogs_share_two_cpus_evenly, 2),
		FAKE_TEST(extreme_weights_hold_and_starve_nobody),
		FAKE_TEST_CPUS(a_cap_holds_on_an_idle_machine, 2),
		FAKE_TEST(a_cap_holds_beside_others_who_get_the_rest),
		FAKE_TEST_CPUS(a_cap_of_more_than_one_cpu_is_shared_by_the_vcpus, 4),
		FAKE_TEST(caps_and_weights_are_changed_while_it_runs),
		FAKE_TEST_CPUS(no_cpu_idles_while_somebody_could_run_there, 4),
		FAKE_TEST_CPUS(hard_affinity_is_never_left, 4),
		FAKE_TEST_CPUS(soft_affinity_is_kept_while_there_is_room, 4),
		FAKE_TEST_CPUS(a_hog_goes_where_it_would_rather_be_once_there_is_room, 2),
		FAKE_TEST(affinity_without_a_cpu_is_refused),
		FAKE_TEST(one_that_sleeps_much_is_served_promptly_beside_hogs),
		FAKE_TEST(waking_often_is_no_way_to_more_than_ones_share),
		FAKE_TEST(a_yield_lets_others_go_first),
		FAKE_TEST_CPUS(many_vcpus_that_come_and_go_get_lost_nowhere, 4),
		FAKE_TEST_CPUS(pin_override_pins_and_gives_back, 4),
		FAKE_TEST(parameters_are_read_back_and_checked),
		FAKE_TEST(an_idle_machine_has_no_timer_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
