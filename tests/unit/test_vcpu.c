/* Virtual CPUs and domains: VCPUOP_*, run states, timers, SCHEDOP_shutdown and its kin, life and death. */
#include "fake.h"
#include "heap.h"
#include <string.h>

static struct domain *d;

static long vcpuop(unsigned int cmd, unsigned int id, void *arg)
{
	long rc;

	fake_be(d->vcpu[0]);
	rc = vcpu_op(cmd, id, (uint64_t)arg);
	fake_be_cpu(0);
	return rc;
}

static long schedop(struct domain *as, unsigned int cmd, void *arg)
{
	struct vcpu *ran = fake_running(0);
	long rc;

	fake_be(as->vcpu[0]);
	rc = sched_op(cmd, (uint64_t)arg);
	fake_be(ran);
	return rc;
}

static uint32_t bind_virq(uint32_t virq, unsigned int id)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = id };

	fake_be(d->vcpu[0]);
	CHECK_EQ(evtchn_op(EVTCHNOP_bind_virq, (uint64_t)&op), 0);
	fake_be_cpu(0);
	return op.port;
}

static bool take(uint32_t port)
{
	bool was = bit_test((uint64_t *)d->shared->evtchn_pending, port);

	bit_clear((uint64_t *)d->shared->evtchn_pending, port);
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		d->vcpu[i]->info->evtchn_upcall_pending = d->vcpu[i]->info->evtchn_pending_sel = 0;
	return was;
}

/* ---- VCPUOP_* ---- */

static void a_vcpu_is_initialised_once_and_comes_up_only_then(void)
{
	struct vcpu_guest_context *ctxt = mem_alloc(sizeof(*ctxt));
	struct vcpu *v;

	d = fake_domain(1, 2);
	v = d->vcpu[1];
	vcpu_stop_set(v, VCPU_DOWN);
	v->is_initialised = false;
	CHECK_EQ(vcpuop(VCPUOP_is_up, 1, NULL), 0);
	CHECK_EQ(vcpuop(VCPUOP_up, 1, NULL), -EINVAL);
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, NULL), -EFAULT);
	fake_mem_left = 0;
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, ctxt), -ENOMEM);
	fake_mem_left = -1;
	fake_context_rc = -EINVAL;
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, ctxt), -EINVAL);
	fake_context_rc = -ERESTART;
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, ctxt), FAKE_CONTINUED);
	fake_context_rc = 0;
	CHECK(!v->is_initialised);
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, ctxt), 0);
	CHECK_EQ(vcpuop(VCPUOP_initialise, 1, ctxt), -EEXIST);
	CHECK_EQ(vcpuop(VCPUOP_is_up, 1, NULL), 0);
	CHECK_EQ(vcpuop(VCPUOP_up, 1, NULL), 0);
	CHECK_EQ(vcpuop(VCPUOP_is_up, 1, NULL), 1);
	fake_run(20 * NS_PER_MS);
	CHECK(vcpu_cpu_time_ns(v) > 0);
	mem_free(ctxt);
}

static void vcpus_that_do_not_exist_are_not_found(void)
{
	d = fake_domain(1, 2);
	for (unsigned int cmd = 0; cmd <= VCPUOP_get_physid; cmd++)
		CHECK_EQ(vcpuop(cmd, 2, &d), -ENOENT);
	CHECK_EQ(vcpuop(VCPUOP_is_up, ~0U, NULL), -ENOENT);
	CHECK_EQ(vcpuop(99, 0, NULL), -ENOSYS);
	CHECK_EQ(vcpuop(~0U, 0, NULL), -ENOSYS);
}

static void a_vcpu_that_goes_down_stops_at_once_and_continues_when_upped(void)
{
	d = fake_domain(1, 2);
	fake_run(30 * NS_PER_MS);
	CHECK_EQ(vcpuop(VCPUOP_down, 1, NULL), 0);
	CHECK_EQ(vcpuop(VCPUOP_is_up, 1, NULL), 0);
	fake_softirqs();
	CHECK_EQ(d->vcpu[1]->runstate.state, RUNSTATE_offline);
	CHECK_EQ(vcpuop(VCPUOP_up, 1, NULL), 0);
	CHECK_EQ(d->vcpu[1]->runstate.state, RUNSTATE_runnable);
}

static void the_last_vcpu_that_goes_down_powers_the_domain_off(void)
{
	d = fake_domain(1, 2);
	CHECK_EQ(vcpuop(VCPUOP_down, 1, NULL), 0);
	CHECK(!d->is_shut_down);
	CHECK_EQ(vcpuop(VCPUOP_down, 0, NULL), 0);
	CHECK(d->is_shut_down);
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_poweroff);
}

static void vcpu_info_moves_once_with_its_contents_and_rings(void)
{
	struct vcpu_register_vcpu_info op = { .offset = 128 };
	struct vcpu_info *moved;
	uint64_t mfn;

	d = fake_domain(1, 2);
	op.mfn = mfn = fake_frame(d);
	d->vcpu[0]->info->evtchn_upcall_mask = 1;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), 0);
	moved = (void *)((char *)fake_frame_data(mfn) + 128);
	CHECK_EQ(d->vcpu[0]->info, moved);
	CHECK_EQ(moved->evtchn_upcall_mask, 1);
	CHECK_EQ(moved->evtchn_upcall_pending, 1);
	CHECK_EQ(moved->evtchn_pending_sel, ~0UL);
	CHECK_EQ(page_type(mfn_to_page(MFN(mfn))), PAGE_WRITABLE);
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -EINVAL);
	CHECK_EQ(page_type_count(mfn_to_page(MFN(mfn))), 1);
}

static void vcpu_info_is_refused_where_it_can_not_be(void)
{
	struct domain *other = fake_domain(2, 1);
	struct vcpu_register_vcpu_info op = { .mfn = fake_frame(other) };
	struct vcpu_info *was;

	d = fake_domain(1, 2);
	was = d->vcpu[0]->info;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -EINVAL);
	op.mfn = ~0UL;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -EINVAL);
	op.mfn = fake_frame(d);
	op.offset = PAGE_SIZE - sizeof(struct vcpu_info) + 8;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -ENXIO);
	op.offset = ~0U - 7;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -ENXIO);
	op.offset = 4;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -ENXIO);
	op.offset = 0;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 1, &op), -EINVAL);	/* it's up, and another */
	CHECK_EQ(page_get_type(mfn_to_page(MFN(op.mfn)), PAGE_L2), 0);
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 0, &op), -EINVAL);
	page_put_type(mfn_to_page(MFN(op.mfn)));
	CHECK_EQ(d->vcpu[0]->info, was);
	CHECK_EQ(page_refs(mfn_to_page(MFN(op.mfn))), 1);
	vcpuop(VCPUOP_down, 1, NULL);
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 1, &op), 0);
}

static void vcpus_above_31_have_events_once_they_registered(void)
{
	struct vcpu_register_vcpu_info op = { 0 };
	struct vcpu *v;
	uint32_t port;

	d = fake_domain(1, 40);
	v = d->vcpu[35];
	CHECK(!v->info);
	vcpu_stop_set(v, VCPU_DOWN);
	port = ({ struct evtchn_bind_ipi ipi = { .vcpu = 35 };
		fake_be(d->vcpu[0]);
		CHECK_EQ(evtchn_op(EVTCHNOP_bind_ipi, (uint64_t)&ipi), 0);
		struct evtchn_send send = { .port = ipi.port };
		CHECK_EQ(evtchn_op(EVTCHNOP_send, (uint64_t)&send), 0);
		fake_be_cpu(0);
		ipi.port; });
	CHECK(bit_test((uint64_t *)d->shared->evtchn_pending, port));
	CHECK(!evtchn_is_deliverable(v));
	op.mfn = fake_frame(d);
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_info, 35, &op), 0);
	CHECK(evtchn_is_deliverable(v));
}

static void runstates_add_up_to_the_time_that_has_passed(void)
{
	struct vcpu_runstate_info r;
	uint64_t start, sum = 0;

	d = fake_domain(1, 2);
	start = fake_now;
	vcpuop(VCPUOP_set_periodic_timer, 0, &(struct vcpu_set_periodic_timer){ 10 * NS_PER_MS });
	fake_run(777 * NS_PER_MS);
	vcpu_stop_set(d->vcpu[0], VCPU_BLOCKED);
	fake_run(100 * NS_PER_MS);
	vcpu_pause(d->vcpu[0]);
	fake_run(100 * NS_PER_MS);
	CHECK_EQ(vcpuop(VCPUOP_get_runstate_info, 0, &r), 0);
	CHECK_EQ(r.state, RUNSTATE_blocked);	/* blocked goes before paused (xen/vcpu.h) */
	vcpu_unpause(d->vcpu[0]);
	vcpu_unblock(d->vcpu[0]);
	fake_run(33 * NS_PER_MS);
	CHECK_EQ(vcpuop(VCPUOP_get_runstate_info, 0, &r), 0);
	for (unsigned int i = 0; i < 4; i++)
		sum += r.time[i];
	CHECK_EQ(sum, fake_now - start);
	CHECK_EQ(r.time[RUNSTATE_blocked], 200 * NS_PER_MS);
	CHECK(r.time[RUNSTATE_running] > 300 * NS_PER_MS);
	CHECK(r.time[RUNSTATE_runnable] > 300 * NS_PER_MS);
	CHECK_EQ(vcpuop(VCPUOP_get_runstate_info, 0, NULL), -EFAULT);
}

static void a_registered_runstate_area_is_written_at_each_publication(void)
{
	struct vcpu_runstate_info area = { 0 };
	struct vcpu_register_runstate_memory_area op = { .addr.p = (uint64_t)&area };

	d = fake_domain(1, 1);
	fake_run(5 * NS_PER_MS);
	CHECK_EQ(vcpuop(VCPUOP_register_runstate_memory_area, 0, &op), 0);
	CHECK_EQ(area.state, RUNSTATE_running);
	memset(&area, 0xff, sizeof(area));
	d->vm_assist |= 1UL << VMASST_TYPE_runstate_update_flag;
	vcpu_runstate_publish(d->vcpu[0]);
	CHECK_EQ(area.state, RUNSTATE_running);
	CHECK_EQ(area.state_entry_time, d->vcpu[0]->runstate.state_entry_time);	/* the flag is down again */
	op.addr.p = 16;
	CHECK_EQ(vcpuop(VCPUOP_register_runstate_memory_area, 0, &op), -EFAULT);
	CHECK_EQ(d->vcpu[0]->runstate_guest, (uint64_t)&area);
	fake_guest_fault = (uint64_t)&area;
	vcpu_runstate_publish(d->vcpu[0]);	/* not mapped now: no harm */
	fake_guest_fault = 0;
	op.addr.p = 0;
	CHECK_EQ(vcpuop(VCPUOP_register_runstate_memory_area, 0, &op), 0);
	memset(&area, 0xff, sizeof(area));
	vcpu_runstate_publish(d->vcpu[0]);
	CHECK_EQ(area.state, -1);
}

/* ---- Timers ---- */

static void a_registered_time_area_is_a_copy_with_its_version(void)
{
	struct vcpu_time_info copy = { 0 };
	struct vcpu_register_time_memory_area area = { .addr.p = (uint64_t)&copy };

	d = fake_domain(1, 1);
	d->vcpu[0]->info->time = (struct vcpu_time_info){ .version = 6, .tsc_timestamp = 11, .system_time = 22 };
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_time_memory_area, 0, &area), 0);
	CHECK_MEM(&copy, &d->vcpu[0]->info->time, sizeof(copy));
	d->vcpu[0]->info->time.system_time = 33;
	d->vcpu[0]->info->time.version = 8;
	vcpu_runstate_publish(d->vcpu[0]);
	CHECK_MEM(&copy, &d->vcpu[0]->info->time, sizeof(copy));
	area.addr.p = fake_guest_fault = 0x10000;
	CHECK_EQ(vcpuop(VCPUOP_register_vcpu_time_memory_area, 0, &area), -EFAULT);
	d->vcpu[0]->time_guest = 0;
}

static void a_singleshot_timer_raises_its_virq_and_wakes(void)
{
	struct vcpu_set_singleshot_timer set = { .timeout_abs_ns = fake_now + 5 * NS_PER_MS };
	uint32_t port;

	d = fake_domain(1, 1);
	fake_softirqs();
	port = bind_virq(VIRQ_TIMER, 0);
	CHECK_EQ(vcpuop(VCPUOP_set_singleshot_timer, 0, &set), 0);
	schedop(d, SCHEDOP_block, NULL);
	fake_run(4 * NS_PER_MS);
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	CHECK(!take(port));
	fake_run(2 * NS_PER_MS);
	CHECK_EQ(fake_running(0), d->vcpu[0]);
	CHECK(take(port));
	set.timeout_abs_ns = fake_now + NS_PER_MS;
	CHECK_EQ(vcpuop(VCPUOP_set_singleshot_timer, 0, &set), 0);
	CHECK_EQ(vcpuop(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
	fake_run(2 * NS_PER_MS);
	CHECK(!take(port));
}

static void a_singleshot_in_the_past_fires_at_once_whatever_its_flags(void)
{
	struct vcpu_set_singleshot_timer set = { .timeout_abs_ns = 5, .flags = VCPU_SSHOTTMR_future };
	uint32_t port;

	d = fake_domain(1, 2);
	port = bind_virq(VIRQ_TIMER, 0);
	CHECK_EQ(vcpuop(VCPUOP_set_singleshot_timer, 0, &set), 0);
	fake_run(0);
	CHECK(take(port));
	set.flags = 0;
	CHECK_EQ(vcpuop(VCPUOP_set_singleshot_timer, 0, &set), 0);
	fake_run(0);
	CHECK(take(port));
	CHECK_EQ(vcpuop(VCPUOP_set_singleshot_timer, 1, &set), -EINVAL);
	CHECK_EQ(vcpuop(VCPUOP_stop_singleshot_timer, 1, NULL), -EINVAL);
}

static void the_periodic_tick_comes_while_it_runs_and_does_not_wake_it(void)
{
	struct vcpu_set_periodic_timer set = { .period_ns = 10 * NS_PER_MS };
	unsigned int ticks = 0;
	uint32_t port;

	d = fake_domain(1, 1);
	fake_softirqs();
	port = bind_virq(VIRQ_TIMER, 0);
	CHECK_EQ(vcpuop(VCPUOP_set_periodic_timer, 0, &set), 0);
	for (unsigned int i = 0; i < 100; i++) {
		fake_run(5 * NS_PER_MS);
		ticks += take(port);
	}
	CHECK_EQ(ticks, 50);
	schedop(d, SCHEDOP_block, NULL);
	fake_run(100 * NS_PER_MS);
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	vcpu_unblock(d->vcpu[0]);
	fake_run(0);
	CHECK(take(port));		/* those missed come as one */
	CHECK_EQ(vcpuop(VCPUOP_stop_periodic_timer, 0, NULL), 0);
	fake_run(100 * NS_PER_MS);
	CHECK(!take(port));
	set.period_ns = NS_PER_MS - 1;
	CHECK_EQ(vcpuop(VCPUOP_set_periodic_timer, 0, &set), -EINVAL);
	set.period_ns = ~0UL;
	CHECK_EQ(vcpuop(VCPUOP_set_periodic_timer, 0, &set), -EINVAL);
}

static void a_new_vcpu_ticks_a_hundred_times_a_second(void)
{
	struct xen_domctl_createdomain config = { .max_vcpus = 1, .max_evtchn_port = 100 };

	CHECK_EQ(domain_create(5, &config, false, &d), 0);
	CHECK_EQ(domain_add_vcpus(d, 1), 0);
	CHECK_EQ(d->vcpu[0]->period_ns, 10 * NS_PER_MS);
	CHECK_EQ(d->vcpu[0]->stop, VCPU_DOWN);
	CHECK_EQ(d->vcpu[0]->pauses, 1);
}

static void the_physical_id_is_told_to_a_pinned_vcpu_only(void)
{
	struct vcpu_get_physid id = { 0 };
	struct cpumask m = { { 2 } };

	d = fake_domain(1, 1);
	CHECK_EQ(vcpuop(VCPUOP_get_physid, 0, &id), -EINVAL);
	CHECK_EQ(vcpu_set_affinity(d->vcpu[0], &m, NULL), 0);
	CHECK_EQ(vcpuop(VCPUOP_get_physid, 0, &id), 0);
	CHECK_EQ(xen_vcpu_physid_to_x86_apicid(id.phys_id), 1);
}

/* ---- Ends ---- */

static void a_shutdown_stops_all_vcpus_and_tells_domain_0(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_reboot };
	struct domain *zero = fake_domain(0, 1);
	uint32_t port;

	d = zero;
	port = bind_virq(VIRQ_DOM_EXC, 0);
	d = fake_domain(1, 2);
	fake_run(30 * NS_PER_MS);
	CHECK_EQ(schedop(d, SCHEDOP_shutdown, &op), 0);
	fake_run(30 * NS_PER_MS);
	CHECK(d->is_shut_down);
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_reboot);
	CHECK(!d->vcpu[0]->is_running && !d->vcpu[1]->is_running);
	CHECK(bit_test((uint64_t *)zero->shared->evtchn_pending, port));
	domain_crash(d, "too late");
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_reboot);
	domain_resume(d);
	CHECK(!d->is_shut_down);
	fake_run(30 * NS_PER_MS);
	CHECK(d->vcpu[0]->is_running || d->vcpu[0]->is_queued);
	op.reason = 256;
	CHECK_EQ(schedop(d, SCHEDOP_shutdown, &op), -EINVAL);
}

static void a_latched_code_is_what_the_shutdown_reports(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_crash };

	d = fake_domain(1, 1);
	CHECK_EQ(schedop(d, SCHEDOP_shutdown_code, &op), 0);
	CHECK(!d->is_shut_down);
	op.reason = SHUTDOWN_poweroff;
	CHECK_EQ(schedop(d, SCHEDOP_shutdown, &op), 0);
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_crash);
}

static void only_domain_0_shuts_others_down(void)
{
	struct domain *zero = fake_domain(0, 1);
	struct sched_remote_shutdown op = { .domain_id = 1, .reason = SHUTDOWN_crash };

	d = fake_domain(1, 1);
	CHECK_EQ(schedop(d, SCHEDOP_remote_shutdown, &op), -EPERM);
	CHECK_EQ(schedop(zero, SCHEDOP_remote_shutdown, &op), 0);
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_crash);
	op.domain_id = 3;
	CHECK_EQ(schedop(zero, SCHEDOP_remote_shutdown, &op), -ESRCH);
}

static void domain_0_takes_the_machine_with_it(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_poweroff };
	struct domain *zero = fake_domain(0, 1);

	CHECK_EQ(schedop(zero, SCHEDOP_shutdown, &op), 0);
	fake_softirqs();
	CHECK_EQ(fake_machine_ended, 1);
	zero->is_shut_down = false;
	op.reason = SHUTDOWN_reboot;
	CHECK_EQ(schedop(zero, SCHEDOP_shutdown, &op), 0);
	fake_softirqs();
	CHECK_EQ(fake_machine_ended, 2);
	zero->is_shut_down = false;
	op.reason = SHUTDOWN_crash;
	CHECK_EQ(schedop(zero, SCHEDOP_shutdown, &op), 0);
	fake_softirqs();
	CHECK_EQ(fake_machine_ended, 3);
}

static void watchdogs_are_set_poked_and_fire(void)
{
	struct sched_watchdog op = { .id = 0, .timeout = 2 };

	d = fake_domain(1, 1);
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), 1);
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), 2);
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), -ENOSPC);
	op = (struct sched_watchdog){ .id = 2, .timeout = 0 };
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), 0);
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), -EINVAL);	/* not in use */
	op.id = 3;
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), -EINVAL);
	op.id = ~0U;
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), -EINVAL);
	op = (struct sched_watchdog){ 0 };
	CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), -EINVAL);
	for (unsigned int i = 0; i < 5; i++) {
		fake_run(NS_PER_S);
		op = (struct sched_watchdog){ .id = 1, .timeout = 2 };
		CHECK_EQ(schedop(d, SCHEDOP_watchdog, &op), 0);
	}
	CHECK(!d->is_shut_down);
	fake_run(3 * NS_PER_S);
	CHECK(d->is_shut_down);
	CHECK_EQ(d->shutdown_reason, SHUTDOWN_watchdog);
}

static void the_controllers_pauses_are_counted(void)
{
	d = fake_domain(1, 2);
	fake_run(NS_PER_MS);
	fake_be_cpu(1);
	vcpu_stop_set(d->vcpu[1], VCPU_BLOCKED);
	fake_softirqs();
	fake_be_cpu(fake_running(0) == d->vcpu[0] ? 1 : 0);
	CHECK_EQ(domain_pause_by_controller(d), 0);
	CHECK(!d->vcpu[0]->is_running);
	CHECK_EQ(domain_pause_by_controller(d), 0);
	CHECK_EQ(domain_unpause_by_controller(d), 0);
	fake_run(NS_PER_MS);
	CHECK(!d->vcpu[0]->is_running);
	CHECK_EQ(domain_unpause_by_controller(d), 0);
	CHECK_EQ(domain_unpause_by_controller(d), -EINVAL);
	fake_run(NS_PER_MS);
	CHECK(d->vcpu[0]->is_running);
	fake_be_cpu(0);
}

/* ---- Birth and death ---- */

static void impossible_domains_are_not_made(void)
{
	struct xen_domctl_createdomain config = { .max_vcpus = 0, .max_evtchn_port = 1023 };

	CHECK_EQ(domain_create(3, &config, false, &d), -EINVAL);
	config.max_vcpus = MAX_VCPUS + 1;
	CHECK_EQ(domain_create(3, &config, false, &d), -EINVAL);
	config.max_vcpus = 1;
	CHECK_EQ(domain_create(DOMID_FIRST_RESERVED, &config, false, &d), -EINVAL);
	CHECK_EQ(domain_create(DOMID_SELF, &config, false, &d), -EINVAL);
	CHECK_EQ(domain_create(3, &config, false, &d), 0);
	CHECK_EQ(domain_create(3, &config, false, &d), -EEXIST);
	CHECK_EQ(domain_add_vcpus(d, 2), -EINVAL);
}

static void a_creation_that_fails_leaves_nothing(void)
{
	struct xen_domctl_createdomain config = { .max_vcpus = 3, .max_evtchn_port = 1023 };
	int rc = -ENOMEM;
	unsigned int left;

	for (left = 0; rc; left++) {
		fake_mem_left = left;
		rc = domain_create(3, &config, false, &d);
		if (rc == 0)
			rc = domain_add_vcpus(d, 3);
		fake_mem_left = -1;
		if (rc)
			CHECK_EQ(rc, -ENOMEM);
		fake_softirqs();
		d = domain_get(3);
		if (rc && d) {		/* made, but not all of its vcpus */
			domain_put(d);
			CHECK_EQ(domain_destroy(d), 0);
			fake_softirqs();
		}
	}
	CHECK(left > 6);
	CHECK_EQ(d->refs, 3);		/* its own, its shared page's, ours */
	domain_put(d);
}

static void numbers_rise_and_are_not_given_twice(void)
{
	struct xen_domctl_createdomain config = { .max_vcpus = 1 };
	struct domain *a, *b, *c;
	domid_t first;

	CHECK_EQ(domain_create(DOMID_ANY, &config, false, &a), 0);
	first = a->id;
	CHECK_EQ(domain_create(DOMID_ANY, &config, false, &b), 0);
	CHECK_EQ(b->id, first + 1);
	fake_destroy(a);
	CHECK_EQ(domain_create(DOMID_ANY, &config, false, &c), 0);
	CHECK_EQ(c->id, first + 2);
	CHECK(domain_owner(first) == NULL);
	CHECK_EQ(domain_owner(c->id), c);
	CHECK(domain_get(DOMID_IO) == NULL);
	CHECK_EQ(domain_owner(DOMID_IO), dom_io);
	CHECK(domain_owner(0xffff) == NULL);
}

static void a_dead_domain_stays_a_zombie_until_its_last_frame_is_let_go(void)
{
	struct page *shared;
	uint32_t refs;

	d = fake_domain(1, 1);
	shared = mfn_to_page(virt_to_mfn(d->shared));
	CHECK(page_get(shared, d));		/* dom0's mapping of it, say */
	fake_destroy(d);
	CHECK_EQ(domain_owner(1), d);
	CHECK_EQ(d->dying, DOMAIN_DEAD);
	refs = d->refs;
	CHECK_EQ(refs, 1);
	CHECK(domain_get(1) == NULL);
	page_put(shared);
	fake_softirqs();
	CHECK(domain_owner(1) == NULL);
}

static void a_destruction_can_be_interrupted(void)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF };

	d = fake_domain(1, 1);
	fake_be(d->vcpu[0]);
	for (unsigned int i = 0; i < 50; i++)
		CHECK_EQ(evtchn_op(EVTCHNOP_alloc_unbound, (uint64_t)&op), 0);
	fake_be(cpus[0]->idle);
	d->vcpu[0]->pauses++;
	vcpu_sleep_nosync(d->vcpu[0]);
	fake_softirqs();
	fake_yield_after = 3;
	CHECK_EQ(domain_destroy(d), -ERESTART);
	CHECK_EQ(d->dying, DOMAIN_DYING);
	CHECK_EQ(domain_add_vcpus(d, 1), -EINVAL);
	fake_yield_after = -1;
	domain_get_counted(d);
	CHECK_EQ(domain_destroy(d), 0);
	CHECK_EQ(domain_destroy(d), 0);
	domain_put(d);
	fake_softirqs();
	CHECK(domain_owner(1) == NULL);
}

static void domain_0_and_oneself_can_not_be_destroyed(void)
{
	struct domain *zero = fake_domain(0, 1);

	CHECK_EQ(domain_destroy(zero), -EINVAL);
	CHECK_EQ(domain_destroy(dom_io), -EINVAL);
	d = fake_domain(1, 1);
	fake_be(d->vcpu[0]);
	CHECK_EQ(domain_destroy(d), -EINVAL);
	fake_be(cpus[0]->idle);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(a_vcpu_is_initialised_once_and_comes_up_only_then),
		FAKE_TEST(vcpus_that_do_not_exist_are_not_found),
		FAKE_TEST(a_vcpu_that_goes_down_stops_at_once_and_continues_when_upped),
		FAKE_TEST(the_last_vcpu_that_goes_down_powers_the_domain_off),
		FAKE_TEST(vcpu_info_moves_once_with_its_contents_and_rings),
		FAKE_TEST(vcpu_info_is_refused_where_it_can_not_be),
		FAKE_TEST(vcpus_above_31_have_events_once_they_registered),
		FAKE_TEST_CPUS(runstates_add_up_to_the_time_that_has_passed, 1),
		FAKE_TEST(a_registered_runstate_area_is_written_at_each_publication),
		FAKE_TEST(a_registered_time_area_is_a_copy_with_its_version),
		FAKE_TEST(a_singleshot_timer_raises_its_virq_and_wakes),
		FAKE_TEST(a_singleshot_in_the_past_fires_at_once_whatever_its_flags),
		FAKE_TEST(the_periodic_tick_comes_while_it_runs_and_does_not_wake_it),
		FAKE_TEST(a_new_vcpu_ticks_a_hundred_times_a_second),
		FAKE_TEST_CPUS(the_physical_id_is_told_to_a_pinned_vcpu_only, 2),
		FAKE_TEST(a_shutdown_stops_all_vcpus_and_tells_domain_0),
		FAKE_TEST(a_latched_code_is_what_the_shutdown_reports),
		FAKE_TEST(only_domain_0_shuts_others_down),
		FAKE_TEST(domain_0_takes_the_machine_with_it),
		FAKE_TEST(watchdogs_are_set_poked_and_fire),
		FAKE_TEST_CPUS(the_controllers_pauses_are_counted, 2),
		FAKE_TEST(impossible_domains_are_not_made),
		FAKE_TEST(a_creation_that_fails_leaves_nothing),
		FAKE_TEST(numbers_rise_and_are_not_given_twice),
		FAKE_TEST(a_dead_domain_stays_a_zombie_until_its_last_frame_is_let_go),
		FAKE_TEST(a_destruction_can_be_interrupted),
		FAKE_TEST(domain_0_and_oneself_can_not_be_destroyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
