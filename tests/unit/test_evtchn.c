/* Event channels: binding, sending, closing, with every refusal; the 2-level ABI. */
#include "fake.h"
#include "evtchn_abi.h"

#define OP(d, name, ...) ({							\
	struct evtchn_##name op_ = { __VA_ARGS__ };				\
	call(d, EVTCHNOP_##name, &op_); })

static long call(struct domain *d, unsigned int cmd, void *op)
{
	struct cpu *was = this_cpu();
	struct vcpu *ran = current_vcpu();
	long rc;

	fake_be(d->vcpu[0]);
	rc = evtchn_op(cmd, (uint64_t)op);
	fake_be(ran);
	fake_this_cpu = was;
	return rc;
}

static uint32_t open_port(struct domain *d, domid_t dom, domid_t remote)
{
	struct evtchn_alloc_unbound op = { .dom = dom, .remote_dom = remote };

	CHECK_EQ(call(d, EVTCHNOP_alloc_unbound, &op), 0);
	return op.port;
}

static uint32_t join_port(struct domain *d, domid_t remote, uint32_t port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = port };

	CHECK_EQ(call(d, EVTCHNOP_bind_interdomain, &op), 0);
	return op.local_port;
}

static uint32_t bind_ipi(struct domain *d, uint32_t vcpu)
{
	struct evtchn_bind_ipi op = { .vcpu = vcpu };

	CHECK_EQ(call(d, EVTCHNOP_bind_ipi, &op), 0);
	return op.port;
}

static uint32_t bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu };

	CHECK_EQ(call(d, EVTCHNOP_bind_virq, &op), 0);
	return op.port;
}

static struct evtchn_status status_of(struct domain *d, domid_t dom, uint32_t port)
{
	struct evtchn_status op = { .dom = dom, .port = port };

	CHECK_EQ(call(d, EVTCHNOP_status, &op), 0);
	return op;
}

static bool is_pending(struct domain *d, uint32_t port)
{
	return bit_test((uint64_t *)d->shared->evtchn_pending, port);
}

static void take(struct domain *d, uint32_t port)
{
	struct vcpu_info *info = d->vcpu[evtchn_find(d, port)->notify_vcpu]->info;

	bit_clear((uint64_t *)d->shared->evtchn_pending, port);
	info->evtchn_pending_sel = 0;
	info->evtchn_upcall_pending = 0;
}

static void mask(struct domain *d, uint32_t port)
{
	bit_set((uint64_t *)d->shared->evtchn_mask, port);
}

/* ---- */

static void ports_are_given_lowest_first_from_1(void)
{
	struct domain *d = fake_domain(1, 1);

	for (uint32_t port = 1; port <= 200; port++)
		CHECK_EQ(open_port(d, DOMID_SELF, 0), port);
	CHECK_EQ(OP(d, close, .port = 7), 0);
	CHECK_EQ(OP(d, close, .port = 190), 0);
	CHECK_EQ(open_port(d, DOMID_SELF, 0), 7);
	CHECK_EQ(open_port(d, DOMID_SELF, 0), 190);
	CHECK_EQ(open_port(d, DOMID_SELF, 0), 201);
}

static void a_domain_may_have_as_many_ports_as_it_was_given(void)
{
	struct domain *d = fake_domain(1, 1);

	d->evtchn.max_port = 10;
	for (uint32_t port = 1; port <= 10; port++)
		open_port(d, DOMID_SELF, 0);
	CHECK_EQ(OP(d, alloc_unbound, .dom = DOMID_SELF), -ENOSPC);
	CHECK_EQ(OP(d, bind_ipi, .vcpu = 0), -ENOSPC);
	CHECK_EQ(OP(d, bind_virq, .virq = VIRQ_TIMER), -ENOSPC);
	CHECK_EQ(OP(d, bind_pirq, .pirq = 3), -ENOSPC);
	CHECK_EQ(fake_pirqs_bound, 0);
}

static void the_2_level_abi_ends_at_4096_ports(void)
{
	struct domain *d = fake_domain(1, 1);

	for (uint32_t port = 1; port <= 4095; port++)
		CHECK_EQ(open_port(d, DOMID_SELF, 0), port);
	CHECK_EQ(OP(d, alloc_unbound, .dom = DOMID_SELF), -ENOSPC);
}

static void without_memory_a_port_is_refused_and_nothing_is_lost(void)
{
	struct domain *d = fake_domain(1, 1);

	fake_mem_left = 0;
	CHECK_EQ(OP(d, alloc_unbound, .dom = DOMID_SELF), -ENOMEM);
	fake_mem_left = -1;
	CHECK_EQ(open_port(d, DOMID_SELF, 0), 1);
	CHECK_EQ(d->evtchn.ports_in_use, 1);
}

static void only_the_privileged_domain_opens_ports_for_others(void)
{
	struct domain *zero = fake_domain(0, 1), *d = fake_domain(1, 1);

	CHECK_EQ(open_port(zero, 1, 0), 1);
	CHECK_EQ(evtchn_find(d, 1)->state, EVTCHN_UNBOUND);
	CHECK_EQ(OP(d, alloc_unbound, .dom = 0), -EPERM);
	CHECK_EQ(OP(zero, alloc_unbound, .dom = 7), -ESRCH);
	CHECK_EQ(OP(zero, alloc_unbound, .dom = DOMID_XEN), -ESRCH);
	CHECK_EQ(OP(d, alloc_unbound, .dom = 1), 0);	/* oneself by number */
}

static void bind_raises_our_end_in_case_the_peer_sent_first(void)
{
	struct domain *back = fake_domain(0, 1), *front = fake_domain(1, 1);
	uint32_t theirs = open_port(front, DOMID_SELF, 0), ours;

	CHECK_EQ(OP(front, send, .port = theirs), 0);	/* into the void, silently */
	ours = join_port(back, 1, theirs);
	CHECK(is_pending(back, ours));
	CHECK(!is_pending(front, theirs));
	CHECK_EQ(evtchn_find(front, theirs)->state, EVTCHN_INTERDOMAIN);
}

static void bind_is_refused_to_a_domain_the_port_was_not_opened_for(void)
{
	struct domain *front = fake_domain(1, 1), *thief = fake_domain(2, 1);
	uint32_t port = open_port(front, DOMID_SELF, 0), refs = front->refs;

	CHECK_EQ(OP(thief, bind_interdomain, .remote_dom = 1, .remote_port = port), -EINVAL);
	CHECK_EQ(front->refs, refs);		/* the failed path put back what it got */
	CHECK_EQ(thief->evtchn.ports_in_use, 0);
}

static void bind_is_refused_for_ports_that_do_not_exist_or_are_taken(void)
{
	struct domain *front = fake_domain(1, 1), *back = fake_domain(2, 1);
	uint32_t port = open_port(front, DOMID_SELF, 2), ipi = bind_ipi(front, 0);

	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 9, .remote_port = port), -ESRCH);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = 0), -EINVAL);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = ipi), -EINVAL);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = 63), -EINVAL);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = 4000), -EINVAL);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = ~0U), -EINVAL);
	join_port(back, 1, port);
	CHECK_EQ(OP(back, bind_interdomain, .remote_dom = 1, .remote_port = port), -EINVAL);
}

static void an_event_crosses_to_the_other_end_and_wakes_it(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	uint32_t pa = open_port(a, DOMID_SELF, 2), pb = join_port(b, 1, pa);

	take(b, pb);
	__atomic_fetch_or(&a->vcpu[0]->stop, VCPU_BLOCKED, __ATOMIC_SEQ_CST);
	CHECK_EQ(OP(b, send, .port = pb), 0);
	CHECK(is_pending(a, pa));
	CHECK_EQ(a->vcpu[0]->info->evtchn_pending_sel, 1UL << (pa / 64));
	CHECK_EQ(a->vcpu[0]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(a->vcpu[0]->stop, 0);
	CHECK(!is_pending(b, pb));
	CHECK_EQ(OP(a, send, .port = pa), 0);
	CHECK(is_pending(b, pb));
}

static void a_masked_event_waits_until_it_is_unmasked(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t port = bind_ipi(d, 0);

	mask(d, port);
	CHECK_EQ(OP(d, send, .port = port), 0);
	CHECK(is_pending(d, port));
	CHECK_EQ(d->vcpu[0]->info->evtchn_upcall_pending, 0);
	CHECK_EQ(OP(d, unmask, .port = port), 0);
	CHECK_EQ(d->vcpu[0]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(fake_upcalls, 1);
	CHECK_EQ(OP(d, unmask, .port = port), 0);	/* it wasn't masked: nothing new */
	CHECK_EQ(fake_upcalls, 1);
}

static void one_upcall_tells_of_many_events(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t a = bind_ipi(d, 0), b = bind_ipi(d, 0);

	CHECK_EQ(OP(d, send, .port = a), 0);
	CHECK_EQ(OP(d, send, .port = a), 0);
	CHECK_EQ(OP(d, send, .port = b), 0);
	CHECK_EQ(fake_upcalls, 1);
	CHECK(is_pending(d, b));
}

static void sending_needs_a_port_that_can_send(void)
{
	struct domain *d = fake_domain(0, 1);
	uint32_t virq = bind_virq(d, VIRQ_TIMER, 0);

	CHECK_EQ(OP(d, send, .port = virq), -EINVAL);
	CHECK_EQ(OP(d, send, .port = 0), -EINVAL);
	CHECK_EQ(OP(d, send, .port = virq + 1), -EINVAL);
	CHECK_EQ(OP(d, send, .port = 100000), -EINVAL);
	CHECK_EQ(OP(d, send, .port = ~0U), -EINVAL);
}

static void closing_one_end_opens_the_other_for_the_same_domain_again(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	uint32_t refs_a = a->refs, refs_b = b->refs;
	uint32_t pa = open_port(a, DOMID_SELF, 2), pb = join_port(b, 1, pa);

	CHECK_EQ(a->refs, refs_a + 1);
	CHECK_EQ(b->refs, refs_b + 1);
	CHECK_EQ(OP(b, close, .port = pb), 0);
	CHECK_EQ(evtchn_find(a, pa)->state, EVTCHN_UNBOUND);
	CHECK_EQ(evtchn_find(a, pa)->remote_domid, 2);
	CHECK_EQ(evtchn_find(b, pb)->state, EVTCHN_FREE);
	CHECK(!is_pending(b, pb));
	CHECK_EQ(a->refs, refs_a);
	CHECK_EQ(b->refs, refs_b);
	CHECK_EQ(OP(b, close, .port = pb), -EINVAL);
	CHECK_EQ(join_port(b, 1, pa), pb);
}

static void a_domain_may_talk_to_itself(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t refs = d->refs, a = open_port(d, DOMID_SELF, DOMID_SELF), b = join_port(d, DOMID_SELF, a);

	take(d, b);
	CHECK_EQ(OP(d, send, .port = b), 0);
	CHECK(is_pending(d, a));
	CHECK_EQ(OP(d, close, .port = a), 0);
	CHECK_EQ(d->refs, refs);
	CHECK_EQ(evtchn_find(d, b)->state, EVTCHN_UNBOUND);
}

static void an_ipi_goes_to_its_vcpu(void)
{
	struct domain *d = fake_domain(1, 3);
	uint32_t port = bind_ipi(d, 2);

	CHECK_EQ(OP(d, send, .port = port), 0);
	CHECK_EQ(d->vcpu[2]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(d->vcpu[0]->info->evtchn_upcall_pending, 0);
	CHECK_EQ(OP(d, bind_ipi, .vcpu = 3), -ENOENT);
	CHECK_EQ(OP(d, bind_ipi, .vcpu = ~0U), -ENOENT);
}

static void virqs_are_bound_once_to_a_vcpu_that_exists(void)
{
	struct domain *d = fake_domain(0, 2), *u = fake_domain(1, 1);
	uint32_t port = bind_virq(d, VIRQ_TIMER, 1);

	CHECK_EQ(OP(d, bind_virq, .virq = VIRQ_TIMER, .vcpu = 1), -EEXIST);
	bind_virq(d, VIRQ_TIMER, 0);
	CHECK_EQ(OP(d, bind_virq, .virq = VIRQ_TIMER, .vcpu = 2), -ENOENT);
	CHECK_EQ(OP(d, bind_virq, .virq = NR_VIRQS), -EINVAL);
	CHECK_EQ(OP(d, bind_virq, .virq = ~0U), -EINVAL);
	CHECK_EQ(OP(d, bind_virq, .virq = VIRQ_CONSOLE, .vcpu = 1), -EINVAL);
	CHECK_EQ(OP(u, bind_virq, .virq = VIRQ_CONSOLE), -EPERM);
	evtchn_send_virq(d->vcpu[1], VIRQ_TIMER);
	CHECK(is_pending(d, port));
	CHECK_EQ(d->vcpu[1]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(OP(d, close, .port = port), 0);
	CHECK_EQ(bind_virq(d, VIRQ_TIMER, 1), port);
}

static void global_virqs_reach_domain_0_wherever_it_moved_them(void)
{
	struct domain *d = fake_domain(0, 2);
	uint32_t port = bind_virq(d, VIRQ_DOM_EXC, 0);

	evtchn_send_global_virq(VIRQ_DOM_EXC);
	CHECK(is_pending(d, port));
	take(d, port);
	CHECK_EQ(OP(d, bind_vcpu, .port = port, .vcpu = 1), 0);
	evtchn_send_global_virq(VIRQ_DOM_EXC);
	CHECK_EQ(d->vcpu[1]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(OP(d, close, .port = port), 0);
	evtchn_send_global_virq(VIRQ_DOM_EXC);
	CHECK(!is_pending(d, port));
}

static void only_ports_without_a_vcpu_of_their_own_can_be_moved(void)
{
	struct domain *d = fake_domain(0, 2);
	uint32_t unbound = open_port(d, DOMID_SELF, 1), ipi = bind_ipi(d, 0), timer = bind_virq(d, VIRQ_TIMER, 0);

	CHECK_EQ(OP(d, bind_vcpu, .port = unbound, .vcpu = 1), 0);
	CHECK_EQ(status_of(d, DOMID_SELF, unbound).vcpu, 1);
	CHECK_EQ(OP(d, bind_vcpu, .port = unbound, .vcpu = 2), -ENOENT);
	CHECK_EQ(OP(d, bind_vcpu, .port = ipi, .vcpu = 1), -EINVAL);
	CHECK_EQ(OP(d, bind_vcpu, .port = timer, .vcpu = 1), -EINVAL);
	CHECK_EQ(OP(d, bind_vcpu, .port = 50, .vcpu = 1), -EINVAL);
	CHECK_EQ(OP(d, close, .port = unbound), 0);
	CHECK_EQ(open_port(d, DOMID_SELF, 1), unbound);
	CHECK_EQ(status_of(d, DOMID_SELF, unbound).vcpu, 0);	/* a new port begins at vcpu 0 */
}

static void pirqs_are_connected_and_disconnected_with_their_port(void)
{
	struct domain *d = fake_domain(0, 1);
	struct evtchn_bind_pirq op = { .pirq = 9, .flags = BIND_PIRQ__WILL_SHARE };

	CHECK_EQ(call(d, EVTCHNOP_bind_pirq, &op), 0);
	CHECK_EQ(fake_pirqs_bound, 1);
	evtchn_send_pirq(d, op.port);
	CHECK(is_pending(d, op.port));
	CHECK_EQ(OP(d, bind_pirq, .pirq = 9, .flags = 2), -EINVAL);
	fake_pirq_rc = -EEXIST;
	CHECK_EQ(OP(d, bind_pirq, .pirq = 9), -EEXIST);
	CHECK_EQ(d->evtchn.ports_in_use, 1);
	CHECK_EQ(OP(d, close, .port = op.port), 0);
	CHECK_EQ(fake_pirqs_bound, 0);
	evtchn_send_pirq(d, op.port);		/* an interrupt that was on its way */
	CHECK(!is_pending(d, op.port));
}

static void status_tells_what_a_port_is(void)
{
	struct domain *a = fake_domain(0, 2), *b = fake_domain(1, 1);
	uint32_t pb = open_port(b, DOMID_SELF, 0), pa = join_port(a, 1, pb), free_port = 60;
	struct evtchn_status s = status_of(a, DOMID_SELF, pa);

	CHECK_EQ(s.status, EVTCHNSTAT_interdomain);
	CHECK_EQ(s.u.interdomain.dom, 1);
	CHECK_EQ(s.u.interdomain.port, pb);
	CHECK_EQ(status_of(a, 1, pb).u.interdomain.dom, 0);
	s = status_of(a, DOMID_SELF, bind_virq(a, VIRQ_TIMER, 1));
	CHECK_EQ(s.status, EVTCHNSTAT_virq);
	CHECK_EQ(s.u.virq, VIRQ_TIMER);
	CHECK_EQ(s.vcpu, 1);
	CHECK_EQ(status_of(a, DOMID_SELF, bind_ipi(a, 1)).status, EVTCHNSTAT_ipi);
	CHECK_EQ(status_of(a, DOMID_SELF, open_port(a, DOMID_SELF, 5)).u.unbound.dom, 5);
	CHECK_EQ(status_of(a, DOMID_SELF, free_port).status, EVTCHNSTAT_closed);
	CHECK_EQ(OP(a, status, .dom = DOMID_SELF, .port = 5001), -EINVAL);
	CHECK_EQ(OP(b, status, .dom = 0, .port = 1), -EPERM);
	CHECK_EQ(OP(a, status, .dom = 44, .port = 1), -ESRCH);
}

static void reset_closes_everything_and_can_be_interrupted(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	uint32_t refs = b->refs, pa = 0;
	struct evtchn_reset op = { .dom = DOMID_SELF };

	for (unsigned int i = 0; i < 100; i++) {
		pa = open_port(a, DOMID_SELF, 2);
		join_port(b, 1, pa);
	}
	bind_ipi(a, 0);
	bind_virq(a, VIRQ_TIMER, 0);
	fake_yield_after = 10;
	CHECK_EQ(call(a, EVTCHNOP_reset, &op), FAKE_CONTINUED);
	CHECK(a->evtchn.ports_in_use > 0);
	fake_yield_after = -1;
	CHECK_EQ(call(a, EVTCHNOP_reset, &op), 0);
	CHECK_EQ(a->evtchn.ports_in_use, 0);
	CHECK_EQ(b->refs, refs);
	CHECK_EQ(evtchn_find(b, 1)->state, EVTCHN_UNBOUND);
	CHECK_EQ(bind_virq(a, VIRQ_TIMER, 0), 1);
	CHECK_EQ(OP(a, reset, .dom = 2), -EPERM);
}

static void a_dying_domain_leaves_no_channel_behind(void)
{
	struct domain *a = fake_domain(1, 1), *b = fake_domain(2, 1);
	uint32_t pb = open_port(b, DOMID_SELF, 1), pa = join_port(a, 2, pb);

	CHECK_EQ(pa, 1);
	fake_destroy(a);
	CHECK_EQ(evtchn_find(b, pb)->state, EVTCHN_UNBOUND);
	CHECK_EQ(OP(b, send, .port = pb), 0);
	CHECK_EQ(OP(b, bind_interdomain, .remote_dom = 1, .remote_port = 1), -ESRCH);
}

static void unknown_operations_and_unreadable_arguments_are_refused(void)
{
	struct domain *d = fake_domain(1, 1);
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF };

	CHECK_EQ(call(d, 14, &op), -ENOSYS);
	CHECK_EQ(call(d, ~0U, &op), -ENOSYS);
	CHECK_EQ(call(d, EVTCHNOP_send, NULL), -EFAULT);
	CHECK_EQ(OP(d, set_priority, .port = bind_ipi(d, 0), .priority = 3), -ENOSYS);
	CHECK_EQ(OP(d, expand_array, .array_gfn = 1), -ENOSYS);
	CHECK_EQ(OP(d, unmask, .port = 99), -EINVAL);
}

static void a_port_that_is_used_again_begins_without_an_event(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t port = bind_ipi(d, 0);

	OP(d, send, .port = port);
	OP(d, close, .port = port);
	CHECK(!is_pending(d, port));
	bit_set((uint64_t *)d->shared->evtchn_pending, port);	/* the guest may do that */
	CHECK_EQ(bind_ipi(d, 0), port);
	CHECK(!is_pending(d, port));
}

static void a_poller_is_woken_by_the_port_it_waits_for_even_if_masked(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t port = bind_ipi(d, 0), other = bind_ipi(d, 0);
	struct sched_poll poll = { .nr_ports = 1 };
	struct vcpu *v = d->vcpu[0];

	set_xen_guest_handle(poll.ports, &port);
	mask(d, port);
	mask(d, other);
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), 0);
	fake_softirqs();
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	CHECK_EQ(v->runstate.state, RUNSTATE_blocked);
	OP(d, send, .port = other);
	fake_softirqs();
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	OP(d, send, .port = port);
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), 0);	/* pending already */
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
}

static void poll_ends_at_its_timeout_and_refuses_nonsense(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t ports[2] = { bind_ipi(d, 0), 5001 };
	struct sched_poll poll = { .nr_ports = 1, .timeout = fake_now + NS_PER_MS };

	fake_softirqs();
	set_xen_guest_handle(poll.ports, ports);
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), 0);
	fake_run(NS_PER_MS / 2);
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	fake_run(NS_PER_MS);
	CHECK_EQ(fake_running(0), d->vcpu[0]);
	poll.nr_ports = 2;
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), -EINVAL);
	poll.nr_ports = 129;
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), -EINVAL);
	set_xen_guest_handle(poll.ports, (evtchn_port_t *)8);
	poll.nr_ports = 2;
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), -EFAULT);
	fake_softirqs();
	CHECK_EQ(fake_running(0), d->vcpu[0]);
	CHECK_EQ(d->vcpu[0]->stop, 0);
}

static void block_ends_at_once_if_an_event_waits(void)
{
	struct domain *d = fake_domain(1, 1);
	uint32_t port = bind_ipi(d, 0);
	struct vcpu *v = d->vcpu[0];

	fake_softirqs();
	v->info->evtchn_upcall_mask = 1;
	OP(d, send, .port = port);
	CHECK_EQ(sched_op(SCHEDOP_block, 0), 0);
	CHECK_EQ(v->info->evtchn_upcall_mask, 0);	/* block lets events in (xen/sched.h) */
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
	take(d, port);
	CHECK_EQ(sched_op(SCHEDOP_block, 0), 0);
	fake_softirqs();
	CHECK_EQ(fake_running(0), cpus[0]->idle);
	OP(d, send, .port = port);
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
}

/* Its sender found nobody blocked, and left it to the vcpu to see it. */
static void block_and_poll_end_at_once_if_an_nmi_waits(void)
{
	struct domain *d = fake_domain(1, 2);
	struct sched_poll poll = { .nr_ports = 0 };
	struct vcpu *v = d->vcpu[0];

	vcpu_stop_set(d->vcpu[1], VCPU_BLOCKED);
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
	fake_nmi_for = v;
	CHECK_EQ(sched_op(SCHEDOP_block, 0), 0);
	CHECK_EQ(v->stop, 0);
	CHECK_EQ(sched_op(SCHEDOP_poll, (uint64_t)&poll), 0);
	CHECK_EQ(v->stop, 0);
	fake_softirqs();
	CHECK_EQ(fake_running(0), v);
	fake_nmi_for = d->vcpu[1];		/* another's is no reason */
	CHECK_EQ(sched_op(SCHEDOP_block, 0), 0);
	fake_softirqs();
	CHECK_EQ(fake_running(0), cpus[0]->idle);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(ports_are_given_lowest_first_from_1),
		FAKE_TEST(a_domain_may_have_as_many_ports_as_it_was_given),
		FAKE_TEST(the_2_level_abi_ends_at_4096_ports),
		FAKE_TEST(without_memory_a_port_is_refused_and_nothing_is_lost),
		FAKE_TEST(only_the_privileged_domain_opens_ports_for_others),
		FAKE_TEST(bind_raises_our_end_in_case_the_peer_sent_first),
		FAKE_TEST(bind_is_refused_to_a_domain_the_port_was_not_opened_for),
		FAKE_TEST(bind_is_refused_for_ports_that_do_not_exist_or_are_taken),
		FAKE_TEST(an_event_crosses_to_the_other_end_and_wakes_it),
		FAKE_TEST(a_masked_event_waits_until_it_is_unmasked),
		FAKE_TEST(one_upcall_tells_of_many_events),
		FAKE_TEST(sending_needs_a_port_that_can_send),
		FAKE_TEST(closing_one_end_opens_the_other_for_the_same_domain_again),
		FAKE_TEST(a_domain_may_talk_to_itself),
		FAKE_TEST(an_ipi_goes_to_its_vcpu),
		FAKE_TEST(virqs_are_bound_once_to_a_vcpu_that_exists),
		FAKE_TEST(global_virqs_reach_domain_0_wherever_it_moved_them),
		FAKE_TEST(only_ports_without_a_vcpu_of_their_own_can_be_moved),
		FAKE_TEST(pirqs_are_connected_and_disconnected_with_their_port),
		FAKE_TEST(status_tells_what_a_port_is),
		FAKE_TEST(reset_closes_everything_and_can_be_interrupted),
		FAKE_TEST(a_dying_domain_leaves_no_channel_behind),
		FAKE_TEST(unknown_operations_and_unreadable_arguments_are_refused),
		FAKE_TEST(a_port_that_is_used_again_begins_without_an_event),
		FAKE_TEST(a_poller_is_woken_by_the_port_it_waits_for_even_if_masked),
		FAKE_TEST(poll_ends_at_its_timeout_and_refuses_nonsense),
		FAKE_TEST(block_ends_at_once_if_an_event_waits),
		FAKE_TEST(block_and_poll_end_at_once_if_an_nmi_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
