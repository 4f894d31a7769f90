/*
 * Random calls of the core by domains that mean no good: nothing of ours breaks (sanitizers, assertions),
 * nothing is leaked (the teardown counts), and the references at the end are those at the beginning.
 */
#include "fake.h"
#include "evtchn_abi.h"
#include "gnttab.h"
#include "gnttab_table.h"
#include "hypercalls.h"
#include <stdlib.h>
#include <string.h>

#define DOMAINS 4
#define FRAMES 6

static struct domain *d[DOMAINS];
static uint64_t frame[DOMAINS][FRAMES];

/* Mostly small numbers that name something, sometimes any. */
static uint64_t number(void)
{
	static const uint64_t odd[] = { 0, ~0UL, 1UL << 31, 1UL << 32, 1UL << 63, 0x7ff0, 0xffff, 4095, 4096, 5000 };

	switch (random() % 8) {
	case 0:
		return odd[random() % ARRAY_SIZE(odd)];
	case 1:
		return (uint64_t)random() << random() % 33;
	case 2:
		return frame[random() % DOMAINS][random() % FRAMES];
	default:
		return random() % 12;
	}
}

/* An argument structure: of 32-bit words or of 64-bit ones, each a number of its own. */
static void fill(void *op, size_t bytes)
{
	bool is_wide = random() % 2;

	for (size_t i = 0; i < bytes / 8; i++)
		((uint64_t *)op)[i] = is_wide ? number() : number() << 32 | (uint32_t)number();
	if (is_wide)
		*(uint64_t *)op = frame[current_vcpu()->domain->id][random() % FRAMES];
}

static void random_call(void)
{
	static uint64_t op[64];		/* all of the guest's memory */
	const uint64_t at = random() % 50 ? (uint64_t)op : number() % PAGE_SIZE;
	uint64_t arg[6] = { number(), at, 1 + random() % 3 };

	fake_guest_start = (uint64_t)op;
	fake_guest_end = fake_guest_start + sizeof(op);
	fill(op, sizeof(op));
	switch (random() % 6) {
	case 0:
	case 1:
	case 2:
		evtchn_op(random() % 50 ? random() % EVTCHNOP_reset : 10 + random() % 5, at);
		if (random() % 10 == 0)
			evtchn_op(EVTCHNOP_init_control + random() % 3, at);
		break;
	case 3:
		arg[0] = random() % 13;
		hcall_grant_table_op(arg);
		break;
	case 4:
		/* VCPUOP_initialise reads more than we have, _down ends the domain */
		vcpu_op(3 + random() % 11, number(), at);
		break;
	default:
		/* not 2 and 4: it would all be over; poll's ports are a pointer */
		if (random() % 2) {
			struct sched_poll *poll = (struct sched_poll *)op;

			set_xen_guest_handle(poll->ports, (evtchn_port_t *)((uint64_t)op + 8 * (random() % 80)));
			poll->nr_ports = random() % 4;
			poll->timeout = fake_now + random() % 1000;
			sched_op(SCHEDOP_poll, (uint64_t)op);
		} else {
			static const unsigned int cmd[] = { SCHEDOP_yield, SCHEDOP_block, SCHEDOP_pin_override };

			sched_op(cmd[random() % ARRAY_SIZE(cmd)], at);
		}
	}
}

/* A transfer takes a frame away, whoever gets it. */
static void replace_lost(struct domain *victim)
{
	for (unsigned int k = 0; k < FRAMES; k++)
		if (page_owner(mfn_to_page(MFN(frame[victim->id][k]))) != victim->id)
			frame[victim->id][k] = fake_frame(victim);
}

/* Whoever runs makes a few calls; who runs is the scheduler's choice. */
static void random_round(void)
{
	unsigned int cpu = random() % cpu_count;

	fake_be_cpu(cpu);
	for (unsigned int i = 0; i < 4 && !vcpu_is_idle(fake_running(cpu)); i++)
		random_call();
	fake_be_cpu(0);
	fake_run(random() % (2 * NS_PER_MS));
	if (random() % 4 == 0) {
		struct domain *victim = d[random() % DOMAINS];

		for (unsigned int k = 0; k < victim->max_vcpus; k++)
			vcpu_unblock(victim->vcpu[k]);
	}
	if (random() % 16 == 0) {
		struct domain *victim = d[random() % DOMAINS];
		struct grant_entry_v1 *e = (struct grant_entry_v1 *)victim->gnttab->shared[0] + random() % 12;

		replace_lost(victim);
		*e = (struct grant_entry_v1){ (random() % 8 ? GTF_permit_access : GTF_accept_transfer) | (e->flags & (GTF_reading | GTF_writing)) |
					      (random() % 2 ? GTF_readonly : 0), random() % DOMAINS,
					      frame[victim->id][random() % FRAMES] };
	}
}

static void begin(void)
{
	for (unsigned int i = 0; i < DOMAINS; i++) {
		d[i] = fake_domain(i, 2);
		for (unsigned int k = 0; k < FRAMES; k++)
			frame[i][k] = fake_frame(d[i]);
	}
}

static void run(unsigned int seed, unsigned int rounds)
{
	srandom(seed);
	fake_frames_may_stay = true;
	begin();
	for (unsigned int i = 0; i < rounds; i++)
		random_round();
}

/* Everything that may hold a frame is told to let go; then nobody may hold one. */
static void end(void)
{
	struct cpumask all = { { ~0UL } };

	for (unsigned int i = 0; i < DOMAINS; i++)
		for (unsigned int k = 0; k < d[i]->max_vcpus; k++) {
			if (d[i]->vcpu[k]->is_pinned_now)
				CHECK_EQ(vcpu_pin_override(d[i]->vcpu[k], -1), 0);
			CHECK_EQ(vcpu_set_affinity(d[i]->vcpu[k], &all, NULL), 0);
		}
	for (unsigned int i = 0; i < DOMAINS; i++)
		CHECK_EQ(evtchn_close_all(d[i]), 0);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		CHECK_EQ(d[i]->evtchn.ports_in_use, 0);
		CHECK_EQ(gnttab_release_maps(d[i]), 0);
		CHECK_EQ(d[i]->gnttab->maps, 0);
		d[i]->gnttab->release_next = 0;
		for (unsigned int k = 0; k < d[i]->max_vcpus; k++)
			vcpu_release_info(d[i]->vcpu[k]);
	}
	for (uint64_t addr = 0; addr < 64 * PAGE_SIZE; addr += PAGE_SIZE)
		fake_pte_clear(addr);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		for (unsigned int k = 0; k < FRAMES; k++) {
			struct page *pg = mfn_to_page(MFN(frame[i][k]));

			if (!page_is_owned_by(pg, i) || page_is_shared(pg))
				continue;	/* transferred, or free again */
			CHECK_EQ(page_refs(pg), 1);
			CHECK_EQ(page_type_count(pg), 0);
		}
		/* its own, its frames', its shared page's, its table's */
		CHECK_EQ(d[i]->refs, 1 + d[i]->tot_pages + 1 + d[i]->gnttab->frames + d[i]->gnttab->status_frames);
	}
}

static void random_calls_break_and_leak_nothing(void)
{
	run(11, 6000);
	end();
}

static void random_calls_on_four_cpus_break_and_leak_nothing(void)
{
	run(12, 6000);
	end();
}

static void domains_that_die_in_the_middle_of_it_leave_nothing(void)
{
	for (unsigned int seed = 20; seed < 40; seed++) {
		run(seed, 300);
		for (unsigned int i = DOMAINS; i--;) {
			struct domain *victim = d[(i + seed) % DOMAINS];

			fake_pte_owner = DOMID_INVALID;		/* whose they are nobody knows any more */
			fake_destroy(victim);
		}
		for (uint64_t addr = 0; addr < 64 * PAGE_SIZE; addr += PAGE_SIZE)
			fake_pte_clear(addr);
		fake_softirqs();
		for (unsigned int i = 0; i < DOMAINS; i++)
			CHECK(domain_owner(i) == NULL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(random_calls_break_and_leak_nothing),
		FAKE_TEST_CPUS(random_calls_on_four_cpus_break_and_leak_nothing, 4),
		FAKE_TEST_CPUS(domains_that_die_in_the_middle_of_it_leave_nothing, 2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
