/* Event channels, two-level (xen/event_channel.h, xen.h). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/event_channel.h>

static bool pending(unsigned int port)
{
	return shared_info.evtchn_pending[port / 64] >> (port % 64) & 1;
}

static void pending_clear(unsigned int port)
{
	shared_info.evtchn_pending[port / 64] &= ~(1ul << (port % 64));
}

static void mask_set(unsigned int port, bool on)
{
	if (on)
		shared_info.evtchn_mask[port / 64] |= 1ul << (port % 64);
	else
		shared_info.evtchn_mask[port / 64] &= ~(1ul << (port % 64));
}

static void upcall_clear(void)
{
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
}

static int port_close(unsigned int port)
{
	struct evtchn_close op = { .port = port };

	return (int)hcall(event_channel_op, EVTCHNOP_close, &op);
}

static int port_send(unsigned int port)
{
	struct evtchn_send op = { .port = port };

	return (int)hcall(event_channel_op, EVTCHNOP_send, &op);
}

static unsigned int port_alloc(domid_t remote)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote };

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_alloc_unbound, &op), 0);
	return op.port;
}

static struct evtchn_status port_status(unsigned int port)
{
	struct evtchn_status op = { .dom = DOMID_SELF, .port = port };

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_status, &op), 0);
	return op;
}

static void ports_are_given_lowest_first(void)
{
	unsigned int a = port_alloc(DOMID_SELF), b = port_alloc(DOMID_SELF);

	CHECK_EQ(b, a + 1);
	CHECK(a > 0);
	CHECK_EQ(port_close(a), 0);
	CHECK_EQ(port_alloc(DOMID_SELF), a);
	CHECK_EQ(port_close(a), 0);
	CHECK_EQ(port_close(b), 0);
	CHECK_EQ(port_close(b), -XEN_EINVAL);
}

static void status_tells_the_state(void)
{
	unsigned int a = port_alloc(DOMID_SELF);

	CHECK_EQ(port_status(a).status, EVTCHNSTAT_unbound);
	CHECK_EQ(port_close(a), 0);
	CHECK_EQ(port_status(a).status, EVTCHNSTAT_closed);
}

static void an_event_to_oneself_sets_all_flags(void)
{
	unsigned int a = port_alloc(DOMID_SELF);
	struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF, .remote_port = a };
	unsigned int b;

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_interdomain, &bind), 0);
	b = bind.local_port;
	CHECK_EQ(port_status(b).status, EVTCHNSTAT_interdomain);
	CHECK_EQ(port_status(b).u.interdomain.port, a);
	CHECK(pending(b));			/* in case the other end has sent already */
	pending_clear(b);
	upcall_clear();
	mask_set(a, false);
	CHECK_EQ(port_send(b), 0);
	CHECK(pending(a));
	CHECK(!pending(b));
	CHECK_EQ(shared_info.vcpu_info[0].evtchn_upcall_pending, 1);
	CHECK_EQ(shared_info.vcpu_info[0].evtchn_pending_sel, 1ul << (a / 64));
	pending_clear(a);
	upcall_clear();
	CHECK_EQ(port_close(a), 0);
	CHECK_EQ(port_status(b).status, EVTCHNSTAT_unbound);
	CHECK_EQ(port_close(b), 0);
}

static void a_masked_event_waits_for_unmask(void)
{
	struct evtchn_bind_ipi bind = { .vcpu = 0 };
	struct evtchn_unmask unmask;

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &bind), 0);
	CHECK_EQ(port_status(bind.port).status, EVTCHNSTAT_ipi);
	mask_set(bind.port, true);
	upcall_clear();
	CHECK_EQ(port_send(bind.port), 0);
	CHECK(pending(bind.port));
	CHECK_EQ(shared_info.vcpu_info[0].evtchn_upcall_pending, 0);
	unmask.port = bind.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_unmask, &unmask), 0);
	CHECK_EQ(shared_info.evtchn_mask[bind.port / 64] >> (bind.port % 64) & 1, 0);
	CHECK_EQ(shared_info.vcpu_info[0].evtchn_upcall_pending, 1);
	pending_clear(bind.port);
	upcall_clear();
	CHECK_EQ(port_close(bind.port), 0);
}

static void virqs_are_bound_once(void)
{
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER, .vcpu = 0 }, again = bind;
	struct evtchn_bind_virq unknown = { .virq = 1000 }, far = { .virq = VIRQ_TIMER, .vcpu = 9999 };
	struct evtchn_bind_virq global = { .virq = VIRQ_DOM_EXC, .vcpu = 0 };

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &bind), 0);
	CHECK_EQ(port_status(bind.port).status, EVTCHNSTAT_virq);
	CHECK_EQ(port_status(bind.port).u.virq, VIRQ_TIMER);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &again), -XEN_EEXIST);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &unknown), -XEN_EINVAL);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &far), -XEN_ENOENT);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &global), 0);
	CHECK_EQ(port_close(global.port), 0);
	CHECK_EQ(port_close(bind.port), 0);
}

static void bad_ports_are_refused(void)
{
	struct evtchn_status status = { .dom = DOMID_SELF, .port = 1u << 20 };
	struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF, .remote_port = 999 };
	struct evtchn_bind_ipi ipi = { .vcpu = 4000 };
	struct evtchn_alloc_unbound alloc = { .dom = 0x1234, .remote_dom = DOMID_SELF };

	CHECK_EQ(port_send(0), -XEN_EINVAL);
	CHECK_EQ(port_send(1u << 20), -XEN_EINVAL);
	CHECK_EQ(port_close(0), -XEN_EINVAL);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_status, &status), -XEN_EINVAL);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_interdomain, &bind), -XEN_EINVAL);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &ipi), -XEN_ENOENT);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_alloc_unbound, &alloc), -XEN_ESRCH);
	CHECK_EQ(hcall(event_channel_op, 99, &alloc), -XEN_ENOSYS);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_send, 0x1000), -XEN_EFAULT);
}

static void a_port_moves_to_another_vcpu_if_it_may(void)
{
	unsigned int a = port_alloc(DOMID_SELF);
	struct evtchn_bind_vcpu bind = { .port = a, .vcpu = 0 };
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_vcpu, &bind), 0);
	bind.vcpu = 4000;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_vcpu, &bind), -XEN_ENOENT);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &ipi), 0);
	bind.vcpu = 0;
	bind.port = ipi.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_vcpu, &bind), -XEN_EINVAL);
	CHECK_EQ(port_close(ipi.port), 0);
	CHECK_EQ(port_close(a), 0);
}

const struct claim evtchn_claims[] = {
	{ "ports are given lowest first, and again after close", ports_are_given_lowest_first },
	{ "status tells a port's state", status_tells_the_state },
	{ "an event to oneself sets pending, selector and upcall", an_event_to_oneself_sets_all_flags },
	{ "a masked event waits for unmask", a_masked_event_waits_for_unmask },
	{ "a virq is bound once per vcpu", virqs_are_bound_once },
	{ "bad ports, vcpus and domains are refused", bad_ports_are_refused },
	{ "bind_vcpu moves a port, but no IPI", a_port_moves_to_another_vcpu_if_it_may },
	{ NULL, NULL },
};

/* Last of all, for there is no way back to two levels: FIFO events (event_channel.h). */
static struct evtchn_fifo_control_block *control;
static event_word_t *words;

static void fifo_starts_with_a_control_block(void)
{
	struct evtchn_init_control init = { .vcpu = 0 };
	struct evtchn_expand_array expand = { 0 };

	control = page_get();
	words = page_get();
	init.control_gfn = mfn_of(control);
	init.offset = 8 * 511;			/* it would cross the page */
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_init_control, &init), -XEN_EINVAL);
	init.offset = 0;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_init_control, &init), 0);
	CHECK_EQ(init.link_bits, EVTCHN_FIFO_LINK_BITS);
	expand.array_gfn = mfn_of(words);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_expand_array, &expand), 0);
}

static void a_fifo_event_is_linked_into_its_queue(void)
{
	struct evtchn_bind_ipi bind = { .vcpu = 0 };
	struct evtchn_set_priority priority;

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &bind), 0);
	priority.port = bind.port;
	priority.priority = 3;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_set_priority, &priority), 0);
	priority.priority = 16;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_set_priority, &priority), -XEN_EINVAL);
	words[bind.port] &= ~(1u << EVTCHN_FIFO_MASKED);
	upcall_clear();
	CHECK_EQ(port_send(bind.port), 0);
	CHECK(words[bind.port] & 1u << EVTCHN_FIFO_PENDING);
	CHECK(words[bind.port] & 1u << EVTCHN_FIFO_LINKED);
	CHECK_EQ(control->ready & 1u << 3, 1u << 3);
	CHECK_EQ(control->head[3], bind.port);
	CHECK_EQ(shared_info.vcpu_info[0].evtchn_upcall_pending, 1);
	words[bind.port] = 0;
	control->ready = 0;
	control->head[3] = 0;
	upcall_clear();
	CHECK_EQ(port_close(bind.port), 0);
}

static void a_masked_fifo_event_is_not_linked(void)
{
	struct evtchn_bind_ipi bind = { .vcpu = 0 };
	struct evtchn_unmask unmask;

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &bind), 0);
	words[bind.port] = 1u << EVTCHN_FIFO_MASKED;
	CHECK_EQ(port_send(bind.port), 0);
	CHECK(words[bind.port] & 1u << EVTCHN_FIFO_PENDING);
	CHECK(!(words[bind.port] & 1u << EVTCHN_FIFO_LINKED));
	unmask.port = bind.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_unmask, &unmask), 0);
	CHECK(!(words[bind.port] & 1u << EVTCHN_FIFO_MASKED));
	CHECK(words[bind.port] & 1u << EVTCHN_FIFO_LINKED);
	CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], bind.port);
	words[bind.port] = 0;
	control->ready = 0;
	control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = 0;
	upcall_clear();
	CHECK_EQ(port_close(bind.port), 0);
}

const struct claim fifo_claims[] = {
	{ "FIFO events start with a control block and an array", fifo_starts_with_a_control_block },
	{ "a FIFO event is linked into its priority's queue", a_fifo_event_is_linked_into_its_queue },
	{ "a masked FIFO event is linked at its unmask", a_masked_fifo_event_is_not_linked },
	{ NULL, NULL },
};
