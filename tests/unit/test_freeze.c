/* Everybody stands still, so that a debug key may look: and nobody waits for who waits for him. */
#include "fake.h"
#include "freeze.h"

static struct domain *ours, *other;

static void two_domains(void)
{
	fake_domain(0, 1);
	ours = dom0;
	other = fake_domain(1, 2);
	fake_softirqs();
}

static void all_others_stop_and_go_on(void)
{
	struct vcpu *v;

	two_domains();
	fake_be(ours->vcpu[0]);
	CHECK(domains_freeze());
	CHECK(spin_is_locked(&domain_list_lock));
	for (unsigned int i = 0; i < 2; i++) {
		v = other->vcpu[i];
		CHECK(!v->is_running);
		CHECK(v->stop & VCPU_FROZEN);
	}
	CHECK(!(ours->vcpu[0]->stop & VCPU_FROZEN));
	domains_thaw();
	CHECK(!spin_is_locked(&domain_list_lock));
	fake_run(NS_PER_S);
	CHECK(!other->vcpu[0]->stop && !other->vcpu[1]->stop);
	CHECK(vcpu_cpu_time_ns(other->vcpu[0]));
}

/* The CPU that a vcpu has to leave has something to do first that needs the list of domains. */
static void a_vcpu_that_needs_the_list_to_stop_gets_it(void)
{
	struct domain *dies;

	two_domains();
	dies = fake_domain(2, 1);
	domain_get_counted(dies);
	fake_destroy(dies);
	fake_softirqs();
	fake_be_cpu(1);
	domain_put(dies);		/* to be freed by CPU 1, in SOFTIRQ_DOMAIN */
	fake_be_cpu(0);
	fake_be(ours->vcpu[0]);
	CHECK(domains_freeze());
	CHECK(!domain_owner(2));
	domains_thaw();
}

static void the_second_of_two_at_once_is_refused(void)
{
	two_domains();
	fake_be(ours->vcpu[0]);
	CHECK(domains_freeze());
	CHECK(!domains_freeze());
	domains_thaw();
	CHECK(domains_freeze());
	domains_thaw();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST_CPUS(all_others_stop_and_go_on, 2),
		FAKE_TEST_CPUS(a_vcpu_that_needs_the_list_to_stop_gets_it, 2),
		FAKE_TEST_CPUS(the_second_of_two_at_once_is_refused, 2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
