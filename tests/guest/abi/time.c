/* Clocks, timers and waiting (xen/vcpu.h, xen/sched.h, xen.h vcpu_time_info). */
#include "claim.h"
#include "clock.h"

#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/platform.h>
#include <xen/vcpu.h>

static bool pending(unsigned int port)
{
	return ((volatile xen_ulong_t *)shared_info.evtchn_pending)[port / 64] >> (port % 64) & 1;
}

static void pending_clear(unsigned int port)
{
	shared_info.evtchn_pending[port / 64] &= ~(1ul << (port % 64));
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
}

static unsigned int timer_port;

static void system_time_goes_on(void)
{
	uint64_t first = now_ns(), last = first, next;

	CHECK(first > 0);
	for (int i = 0; i < 100000; i++) {
		next = now_ns();
		CHECK(next >= last);
		if (next < last)
			break;
		last = next;
	}
	CHECK(last > first);
}

static void the_periodic_timer_can_be_stopped(void)
{
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER, .vcpu = 0 };

	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_virq, &bind), 0);
	timer_port = bind.port;
	CHECK_EQ(hcall(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL), 0);
	pending_clear(timer_port);
}

static void wait_by_block(void)
{
	/* block unmasks events; the callback's handler masks nothing but ends the wait */
	CHECK_EQ(hcall(sched_op, SCHEDOP_block, NULL), 0);
	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
}

static bool event_taken(struct regs *r)
{
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	r->rflags &= ~0x200ul;		/* stay masked */
	return true;
}

static void a_single_shot_wakes_block(void)
{
	struct vcpu_set_singleshot_timer op = { .timeout_abs_ns = now_ns() + 20000000 };

	shared_info.evtchn_mask[timer_port / 64] &= ~(1ul << (timer_port % 64));
	pending_clear(timer_port);
	trap_hook[TRAP_EVENT] = event_taken;
	CHECK_EQ(hcall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &op), 0);
	while (!pending(timer_port))
		wait_by_block();
	CHECK(now_ns() >= op.timeout_abs_ns);
	trap_hook[TRAP_EVENT] = NULL;
	pending_clear(timer_port);
}

static void a_time_in_the_past(void)
{
	struct vcpu_set_singleshot_timer op = { .timeout_abs_ns = now_ns() - 1000000 };

	CHECK_EQ(hcall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &op), 0);
	for (int i = 0; i < 1000000 && !pending(timer_port); i++)
		hcall(xen_version, 0, NULL);
	CHECK(pending(timer_port));
	pending_clear(timer_port);
	op.flags = VCPU_SSHOTTMR_future;
	CHECK_EQ(hcall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &op), 0);	/* the flag is ignored */
	CHECK_EQ(hcall(vcpu_op, VCPUOP_stop_singleshot_timer, 0, NULL), 0);
}

static void set_timer_op_works_too(void)
{
	uint64_t end = now_ns() + 5000000;

	pending_clear(timer_port);
	CHECK_EQ(hcall(set_timer_op, end), 0);
	while (!pending(timer_port))
		hcall(sched_op, SCHEDOP_yield, NULL);
	CHECK(now_ns() >= end);
	pending_clear(timer_port);
	CHECK_EQ(hcall(set_timer_op, 0), 0);
}

static void poll_waits_for_its_port_or_time(void)
{
	evtchn_port_t port = timer_port;
	struct sched_poll op = { .nr_ports = 1, .timeout = now_ns() + 5000000 };
	uint64_t end = op.timeout;
	struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = now_ns() + 10000000 };

	set_xen_guest_handle(op.ports, &port);
	shared_info.evtchn_mask[port / 64] |= 1ul << (port % 64);
	pending_clear(port);
	CHECK_EQ(hcall(sched_op, SCHEDOP_poll, &op), 0);	/* by the time */
	CHECK(now_ns() >= end);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &timer), 0);
	op.timeout = 0;
	CHECK_EQ(hcall(sched_op, SCHEDOP_poll, &op), 0);	/* by the port, masked as it is */
	CHECK(pending(port));
	CHECK_EQ(hcall(sched_op, SCHEDOP_poll, &op), 0);	/* at once: it is still pending */
	pending_clear(port);
	op.nr_ports = 129;
	CHECK_EQ(hcall(sched_op, SCHEDOP_poll, &op), -XEN_EINVAL);
}

static unsigned int nmis;

static bool nmi_taken(struct regs *r)
{
	nmis++;
	return true;
}

/* Sent and taken away in one call, so that it is still to come. */
static void an_nmi_without_its_handler_is_dropped(void)
{
	struct callback_register op = { .type = CALLBACKTYPE_nmi, .address = (uintptr_t)trap_stubs[2] };
	struct callback_unregister undo = { .type = CALLBACKTYPE_nmi };
	multicall_entry_t calls[2] = {
		{ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_send_nmi } },
		{ .op = __HYPERVISOR_callback_op, .args = { CALLBACKOP_unregister, (uintptr_t)&undo } },
	};

	nmis = 0;
	trap_hook[2] = nmi_taken;
	for (unsigned int tries = 0; tries < 5; tries++) {
		CHECK_EQ(hcall(callback_op, CALLBACKOP_register, &op), 0);
		CHECK_EQ(hcall(multicall, calls, 2), 0);
		CHECK_EQ(calls[0].result | calls[1].result, 0);
	}
	trap_hook[2] = NULL;
	CHECK(nmis < 5);
}

static void the_wall_clock_can_be_set(void)
{
	struct xen_platform_op op = { .cmd = XENPF_settime64,
		.interface_version = XENPF_INTERFACE_VERSION };
	uint32_t before = shared_info.wc_sec;

	op.u.settime64.secs = before + 1000;
	op.u.settime64.system_time = 0;
	CHECK_EQ(hcall(platform_op, &op), 0);
	CHECK(shared_info.wc_sec - before - 1000 <= 1);
	op.u.settime64.secs = before;
	CHECK_EQ(hcall(platform_op, &op), 0);
	op.interface_version = 1;
	CHECK_EQ(hcall(platform_op, &op), -XEN_EACCES);
}

static void scheduling_calls_are_checked(void)
{
	CHECK_EQ(hcall(sched_op, SCHEDOP_yield, NULL), 0);
	CHECK_EQ(hcall(sched_op, 99, NULL), -XEN_ENOSYS);
	CHECK_EQ(hcall(sched_op, SCHEDOP_poll, 0x1000), -XEN_EFAULT);
	CHECK_EQ(hcall(sched_op, SCHEDOP_shutdown, 0x1000), -XEN_EFAULT);
}

const struct claim time_claims[] = {
	{ "system time goes on and never back", system_time_goes_on },
	{ "the periodic timer can be stopped", the_periodic_timer_can_be_stopped },
	{ "a single-shot timer ends block, not too early", a_single_shot_wakes_block },
	{ "a time in the past fires at once, whatever its flags", a_time_in_the_past },
	{ "set_timer_op fires as well", set_timer_op_works_too },
	{ "poll ends with its port or its time", poll_waits_for_its_port_or_time },
	{ "an NMI whose handler is taken away before it comes is dropped", an_nmi_without_its_handler_is_dropped },
	{ "the wall clock can be set", the_wall_clock_can_be_set },
	{ "scheduling calls are checked", scheduling_calls_are_checked },
	{ NULL, NULL },
};
