/* The sedf scheduler in simulated time: reservations, deadlines, extra time. */
#include "fake.h"
#include "sched_sedf.h"
#include <stdlib.h>
#include <string.h>

#define MS NS_PER_MS

static long put_raw(struct domain *d, struct sched_sedf_params p)
{
	struct xen_domctl ctl = { 0 };		/* the parameters are longer than today's union */

	ctl.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	memcpy(&ctl.u.scheduler_op.u, &p, sizeof(p));
	return scheduler->adjust_domain(d, &ctl.u.scheduler_op);
}

static struct sched_sedf_params get(struct domain *d)
{
	struct xen_domctl ctl = { 0 };
	struct sched_sedf_params p;

	ctl.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	CHECK_EQ(scheduler->adjust_domain(d, &ctl.u.scheduler_op), 0);
	memcpy(&p, &ctl.u.scheduler_op.u, sizeof(p));
	return p;
}

static void reserve(struct domain *d, uint64_t slice_ns, uint64_t period_ns, uint32_t extra)
{
	CHECK_EQ(put_raw(d, (struct sched_sedf_params){ .slice_ns = slice_ns, .period_ns = period_ns,
							.extratime = extra }), 0);
}

static unsigned int share(struct domain *d, uint64_t ns)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < d->max_vcpus; i++)
		sum += vcpu_cpu_time_ns(d->vcpu[i]);
	return sum * 1000 / ns;
}

static void check_near(unsigned int got, unsigned int want, unsigned int percent)
{
	if (got * 100 < want * (100 - percent) || got * 100 > want * (100 + percent))
		fail_msg("got %u per mille, want %u within %u %%", got, want, percent);
}

static void a_reservation_is_kept_in_every_period_beside_hogs(void)
{
	struct domain *a = fake_domain(1, 1), *hog[3];

	for (unsigned int i = 0; i < 3; i++)
		hog[i] = fake_domain(2 + i, 1);
	reserve(a, 5 * MS, 20 * MS, 0);
	fake_run(20 * MS);
	for (unsigned int i = 0; i < 500; i++) {
		uint64_t before = vcpu_cpu_time_ns(a->vcpu[0]);

		fake_run(20 * MS);
		CHECK_EQ(vcpu_cpu_time_ns(a->vcpu[0]) - before, 5 * MS);
	}
	for (unsigned int i = 0; i < 3; i++)
		check_near(share(hog[i], 501 * 20 * MS), 250, 2);
}

static void reservations_up_to_the_whole_cpu_are_all_kept(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1), *c = fake_domain(3, 1), *hog = fake_domain(4, 1);

	reserve(a, 3 * MS, 10 * MS, 0);
	reserve(b, 20 * MS, 50 * MS, 0);
	reserve(c, 2 * MS, 7 * MS, 0);
	fake_run(7000 * MS);
	check_near(share(a, 7000 * MS), 300, 1);
	check_near(share(b, 7000 * MS), 400, 1);
	check_near(share(c, 7000 * MS), 286, 1);
	check_near(share(hog, 7000 * MS), 14, 15);
}

static void without_extra_time_a_cpu_rather_idles(void)
{
	struct domain *a = fake_domain(1, 1);

	reserve(a, 10 * MS, 40 * MS, 0);
	fake_run(4000 * MS);
	check_near(share(a, 4000 * MS), 250, 1);
	reserve(a, 10 * MS, 40 * MS, 1);
	fake_run(4000 * MS);
	check_near(share(a, 4000 * MS), 1250, 1);
}

static void extra_time_is_shared_by_weight(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1), *r = fake_domain(3, 1);

	CHECK_EQ(put_raw(a, (struct sched_sedf_params){ .weight = 512 }), 0);
	CHECK_EQ(put_raw(b, (struct sched_sedf_params){ .weight = 256 }), 0);
	reserve(r, 4 * MS, 10 * MS, 0);
	fake_run(10000 * MS);
	check_near(share(a, 10000 * MS), 400, 3);
	check_near(share(b, 10000 * MS), 200, 3);
	check_near(share(r, 10000 * MS), 400, 1);
}

static void domains_begin_with_extra_time_and_domain_0_with_most_of_a_cpu(void)
{
	struct domain *zero = fake_domain(0, 1), *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	CHECK_EQ(get(zero).slice_ns, 15 * MS);
	CHECK_EQ(get(a).slice_ns, 0);
	CHECK_EQ(get(a).extratime, 1);
	fake_run(6000 * MS);
	CHECK(share(zero, 6000 * MS) >= 750);
	check_near(share(a, 6000 * MS), share(b, 6000 * MS), 3);
}

static void one_that_wakes_is_served_within_its_latency(void)
{
	struct domain *io = fake_domain(1, 1), *slow = fake_domain(2, 1), *hog = fake_domain(3, 1);
	static struct fake_load load, slow_load;

	CHECK_EQ(put_raw(io, (struct sched_sedf_params){ .slice_ns = 5 * MS, .period_ns = 100 * MS,
							 .latency_ns = 2 * MS, .extratime = 1 }), 0);
	reserve(slow, 40 * MS, 100 * MS, 1);
	reserve(hog, 40 * MS, 90 * MS, 1);
	fake_load_start(&load, io->vcpu[0], MS / 10, 17 * MS);
	fake_load_start(&slow_load, slow->vcpu[0], 30 * MS, 5 * MS);
	fake_run(10000 * MS);
	CHECK(load.wakes > 500);
	CHECK(load.latency_max_ns <= 2 * MS);
}

static void sleeping_saves_nothing_up(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);

	reserve(a, 5 * MS, 10 * MS, 0);
	reserve(b, 4 * MS, 10 * MS, 0);
	vcpu_stop_set(a->vcpu[0], VCPU_BLOCKED);
	fake_run(1003 * MS);
	vcpu_unblock(a->vcpu[0]);
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t a_before = vcpu_cpu_time_ns(a->vcpu[0]), b_before = vcpu_cpu_time_ns(b->vcpu[0]);

		fake_run(30 * MS);
		CHECK(vcpu_cpu_time_ns(a->vcpu[0]) - a_before <= 20 * MS);	/* never two slices of a period */
		CHECK(vcpu_cpu_time_ns(b->vcpu[0]) - b_before >= 8 * MS);
	}
	check_near(share(b, 4003 * MS), 400, 1);
}

static void a_cpu_takes_what_waits_on_another(void)
{
	struct domain *d[3];

	for (unsigned int i = 0; i < 3; i++)
		d[i] = fake_domain(1 + i, 1);
	fake_run(4000 * MS);
	CHECK(share(d[0], 4000 * MS) + share(d[1], 4000 * MS) + share(d[2], 4000 * MS) >= 1995);
	for (unsigned int i = 0; i < 3; i++)
		CHECK(share(d[i], 4000 * MS) >= 450);
}

static void a_hog_goes_where_it_would_rather_be_once_there_is_room(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	struct cpumask one = { { 1 << 1 } }, zero = { { 1 << 0 } };

	CHECK_EQ(vcpu_set_affinity(b->vcpu[0], &one, NULL), 0);
	fake_run(10 * MS);
	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], NULL, &one), 0);
	fake_run(100 * MS);
	CHECK_EQ(a->vcpu[0]->cpu->id, 0);
	vcpu_stop_set(b->vcpu[0], VCPU_BLOCKED);
	fake_run(10 * MS);
	CHECK_EQ(fake_running(1), a->vcpu[0]);
	CHECK_EQ(vcpu_set_affinity(a->vcpu[0], NULL, &zero), 0);	/* that one is idle now */
	fake_run(10 * MS);
	CHECK_EQ(fake_running(0), a->vcpu[0]);
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
}

static void impossible_parameters_are_refused_and_change_nothing(void)
{
	struct domain *a = fake_domain(1, 1);
	static const struct sched_sedf_params bad[] = {
		{ .slice_ns = 20 * MS, .period_ns = 10 * MS },
		{ .slice_ns = 0, .period_ns = 10 * MS },			/* it would never run */
		{ .slice_ns = 1, .period_ns = 10 * MS },
		{ .slice_ns = 1 * MS, .period_ns = 0 },
		{ .slice_ns = 1 * MS, .period_ns = 11 * NS_PER_S },
		{ .slice_ns = 1 * MS, .period_ns = ~0UL },
		{ .slice_ns = ~0UL, .period_ns = 10 * MS },
		{ .slice_ns = 1 * MS, .period_ns = 10 * MS, .latency_ns = 11 * MS },
		{ .slice_ns = 1 * MS, .period_ns = 10 * MS, .extratime = 2 },
		{ .weight = 65536 },
	};
	struct xen_domctl ctl = { .u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(put_raw(a, bad[i]), -EINVAL);
	CHECK_EQ(get(a).period_ns, 100 * MS);
	CHECK_EQ(get(a).slice_ns, 0);
	CHECK_EQ(scheduler->adjust_domain(a, &ctl.u.scheduler_op), -EINVAL);
	CHECK_EQ(scheduler->adjust_global(NULL), -EINVAL);
}

static void many_vcpus_that_come_and_go_get_lost_nowhere(void)
{
	static struct fake_load load[24];
	struct domain *d[12];

	srandom(7);
	for (unsigned int i = 0; i < 12; i++) {
		d[i] = fake_domain(1 + i, 2);
		if (i % 2)
			reserve(d[i], (1 + random() % 5) * MS, (50 + random() % 100) * MS, i % 4 == 1);
	}
	for (unsigned int i = 0; i < 24; i++)
		fake_load_start(&load[i], d[i / 2]->vcpu[i % 2], 1 + random() % (5 * MS), 1 + random() % (40 * MS));
	for (unsigned int i = 0; i < 200; i++) {
		struct vcpu *v = d[random() % 12]->vcpu[random() % 2];
		struct cpumask m = { { 0 } };

		fake_run(random() % (20 * MS));
		fake_be_cpu(random() % 4);
		m.bits[0] = 1 + random() % 15;
		CHECK_EQ(vcpu_set_affinity(v, &m, NULL), 0);
		if (v != current_vcpu() && random() % 2) {
			vcpu_pause(v);
			fake_run(random() % (5 * MS));
			vcpu_unpause(v);
		}
		fake_softirqs();
		for (unsigned int cpu = 0; cpu < 4; cpu++)
			CHECK(cpumask_test(&fake_running(cpu)->hard_affinity, cpu));
	}
	fake_be_cpu(0);
	for (unsigned int i = 0; i < 24; i++) {
		uint64_t wakes = load[i].wakes;

		fake_run(4 * NS_PER_S);
		CHECK(load[i].wakes > wakes);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(a_reservation_is_kept_in_every_period_beside_hogs),
		FAKE_TEST(reservations_up_to_the_whole_cpu_are_all_kept),
		FAKE_TEST(without_extra_time_a_cpu_rather_idles),
		FAKE_TEST(extra_time_is_shared_by_weight),
		FAKE_TEST(domains_begin_with_extra_time_and_domain_0_with_most_of_a_cpu),
		FAKE_TEST(one_that_wakes_is_served_within_its_latency),
		FAKE_TEST(sleeping_saves_nothing_up),
		FAKE_TEST_CPUS(a_cpu_takes_what_waits_on_another, 2),
		FAKE_TEST_CPUS(a_hog_goes_where_it_would_rather_be_once_there_is_room, 2),
		FAKE_TEST(a_yield_lets_others_go_first),
		FAKE_TEST(impossible_parameters_are_refused_and_change_nothing),
		FAKE_TEST_CPUS(many_vcpus_that_come_and_go_get_lost_nowhere, 4),
	};

	fake_scheduler = "sedf";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
