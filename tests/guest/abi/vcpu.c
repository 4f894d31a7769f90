/* Virtual CPUs (xen/vcpu.h). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>

static void is_up_knows_who_exists(void)
{
	CHECK_EQ(hcall(vcpu_op, VCPUOP_is_up, 0, NULL), 1);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_is_up, 8191, NULL), -XEN_ENOENT);
	CHECK_EQ(hcall(vcpu_op, 99, 0, NULL), -XEN_ENOSYS);
}

static void runstate_is_told(void)
{
	static struct vcpu_runstate_info area;
	struct vcpu_runstate_info info;
	struct vcpu_register_runstate_memory_area reg = { .addr.v = &area };

	memset(&info, 0, sizeof(info));
	CHECK_EQ(hcall(vcpu_op, VCPUOP_get_runstate_info, 0, &info), 0);
	CHECK_EQ(info.state, RUNSTATE_running);
	CHECK(info.time[RUNSTATE_running] > 0);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_runstate_memory_area, 0, &reg), 0);
	CHECK_EQ(area.state, RUNSTATE_running);
	CHECK(area.state_entry_time > 0);
}

/* The second vcpu, where there is one (-smp 2): it counts, answers an IPI, and goes down. */
static volatile unsigned int second_step;
static uint8_t second_stack[16384] __attribute__((aligned(16)));

static void second_main(void)
{
	second_step = 1;
	while (second_step == 1)
		hcall(sched_op, SCHEDOP_yield, NULL);
	second_step = 3;
	hcall(vcpu_op, VCPUOP_down, 1, NULL);
	second_step = 4;
	for (;;)
		hcall(sched_op, SCHEDOP_block, NULL);
}

static void second_prepare(struct vcpu_guest_context *c)
{
	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = (uintptr_t)second_main;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->user_regs.rflags = 0x1000;		/* IOPL 1: the kernel's ring */
	c->user_regs.rsp = (uintptr_t)second_stack + sizeof(second_stack) - 8;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = c->user_regs.rsp;
	c->ctrlreg[3] = xen_pfn_to_cr3(mfn_of((void *)start_info->pt_base));
	c->event_callback_eip = (uintptr_t)trap_stubs[TRAP_EVENT];
	c->failsafe_callback_eip = (uintptr_t)trap_stubs[TRAP_FAILSAFE];
}

static bool second_reaches(unsigned int step)
{
	for (long i = 0; i < 100000000 && second_step != step; i++)
		hcall(sched_op, SCHEDOP_yield, NULL);
	return second_step == step;
}

static void a_second_vcpu_comes_and_goes(void)
{
	static struct vcpu_guest_context context;

	if (hcall(vcpu_op, VCPUOP_is_up, 1, NULL) == -XEN_ENOENT)
		return;
	CHECK_EQ(hcall(vcpu_op, VCPUOP_is_up, 1, NULL), 0);
	CHECK(hcall(vcpu_op, VCPUOP_up, 1, NULL) < 0);		/* it has no state yet */
	second_prepare(&context);
	context.user_regs.rip = 0x0000800000000000;
	CHECK(hcall(vcpu_op, VCPUOP_initialise, 1, &context) < 0);
	second_prepare(&context);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_initialise, 1, &context), 0);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_initialise, 1, &context), -XEN_EEXIST);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_up, 1, NULL), 0);
	CHECK(second_reaches(1));
	CHECK_EQ(hcall(vcpu_op, VCPUOP_is_up, 1, NULL), 1);
	second_step = 2;
	CHECK(second_reaches(3));
	for (long i = 0; i < 100000000 && hcall(vcpu_op, VCPUOP_is_up, 1, NULL) == 1; i++)
		;
	CHECK_EQ(hcall(vcpu_op, VCPUOP_is_up, 1, NULL), 0);
	CHECK_EQ(second_step, 3);
}

static void vcpu_info_moves_once(void)
{
	static struct vcpu_info away __attribute__((aligned(64)));
	struct vcpu_register_vcpu_info op = { .mfn = mfn_of(&away), .offset = 4095 };

	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_info, 8191, &op), -XEN_ENOENT);
	if (hcall(vcpu_op, VCPUOP_is_up, 1, NULL) < 0)
		return;
	/* the second vcpu's, so that ours stays where the other claims look */
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_info, 1, &op), -XEN_ENXIO);
	op.offset = (uint32_t)((uintptr_t)&away % PAGE_SIZE);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_info, 1, &op), 0);
	CHECK_EQ(away.evtchn_upcall_pending, 1);
	CHECK_EQ(away.evtchn_pending_sel, ~0ul);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_info, 1, &op), -XEN_EINVAL);
}

/*
 * shared_info has room for 32: others have no vcpu_info, and so no time and no events, until they register
 * one (dom0_max_vcpus=40 makes some).
 */
enum { LATE = 33 };

static bool has_late_vcpu(void) { return hcall(vcpu_op, VCPUOP_is_up, LATE, NULL) == 0; }

static void a_vcpu_without_vcpu_info_is_harmless(void)
{
	static struct vcpu_time_info time;
	static struct vcpu_runstate_info runstate;
	static struct vcpu_guest_context context;
	struct vcpu_register_time_memory_area time_reg = { .addr.v = &time };
	struct vcpu_register_runstate_memory_area runstate_reg = { .addr.v = &runstate };

	if (!has_late_vcpu())
		return;
	memset(&time, 0x55, sizeof(time));
	second_prepare(&context);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_time_memory_area, LATE, &time_reg), 0);
	CHECK_EQ(time.version & 1, 0);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_runstate_memory_area, LATE, &runstate_reg), 0);
	CHECK_EQ(runstate.state, RUNSTATE_offline);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_initialise, LATE, &context), -XEN_EINVAL);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_up, LATE, NULL), -XEN_EINVAL);
}

static void events_for_a_vcpu_without_vcpu_info_wait(void)
{
	static struct vcpu_info info __attribute__((aligned(64)));
	struct vcpu_register_vcpu_info reg = { .mfn = mfn_of(&info), .offset = (uint32_t)((uintptr_t)&info % PAGE_SIZE) };
	struct evtchn_bind_ipi bind = { .vcpu = LATE };
	struct evtchn_send send;
	struct evtchn_unmask unmask;
	struct evtchn_close close;

	if (!has_late_vcpu())
		return;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_ipi, &bind), 0);
	unmask.port = send.port = close.port = bind.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_send, &send), 0);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_unmask, &unmask), 0);
	CHECK_EQ(shared_info.evtchn_pending[bind.port / 64] >> bind.port % 64 & 1, 1);
	CHECK_EQ(hcall(vcpu_op, VCPUOP_register_vcpu_info, LATE, &reg), 0);
	CHECK_EQ(info.evtchn_upcall_pending, 1);
	CHECK_EQ(info.evtchn_pending_sel, ~0ul);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_close, &close), 0);
}

const struct claim vcpu_claims[] = {
	{ "is_up knows which vcpus exist", is_up_knows_who_exists },
	{ "the run state is told and kept in memory", runstate_is_told },
	{ "a second vcpu is initialised, comes up and goes down", a_second_vcpu_comes_and_goes },
	{ "vcpu_info can be moved once", vcpu_info_moves_once },
	{ "a vcpu without vcpu_info is harmless, and is not brought up", a_vcpu_without_vcpu_info_is_harmless },
	{ "events for a vcpu without vcpu_info wait for it", events_for_a_vcpu_without_vcpu_info_wait },
	{ NULL, NULL },
};
