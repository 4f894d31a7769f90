/*
 * Throws random and structured hypercalls, page-table updates, descriptors, traps and frames at the
 * hypervisor.  "seed=N count=N" on the command line; the same seed gives the same actions.  It says at its
 * end that it is still there; a debug hypervisor looks over its own books when it ends.
 */
#include "clock.h"
#include "fuzz.h"

#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/callback.h>

uint64_t *toy[TOYS];
uint64_t toy_mfn[TOYS];
unsigned int timer_port;
static uint8_t kernel_stack[16384] __attribute__((aligned(16)));

/* The number behind `name` on the command line. */
static uint64_t parameter(const char *name, uint64_t otherwise)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t n = strlen(name);
	uint64_t value = 0;

	for (; *line; line++) {
		if (memcmp(line, name, n) != 0)
			continue;
		for (line += n; *line >= '0' && *line <= '9'; line++)
			value = value * 10 + (uint64_t)(*line - '0');
		return value;
	}
	return otherwise;
}

/* The timer ends user code that would go on for ever; elsewhere events are only put away. */
static bool event_take(struct regs *r)
{
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
	for (int i = 0; i < 64; i++)
		shared_info.evtchn_pending[i] = 0;
	return (r->cs & 3) != 3;
}

/* Breakpoints may hit anywhere: they are switched off, lest the same instruction meets them for ever. */
static bool debug_take(struct regs *r)
{
	hcall(set_debugreg, 7, 0);
	return (r->cs & 3) != 3 && !(r->rflags & 0x100);
}

static void prepare(void)
{
	struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER, .vcpu = 0 };
	struct physdev_set_iopl iopl = { .iopl = 1 };
	struct callback_register syscall = { .type = CALLBACKTYPE_syscall,
		.address = (unsigned long)trap_stubs[TRAP_SYSCALL] };
	struct callback_register syscall32 = { .type = CALLBACKTYPE_syscall32,
		.address = (unsigned long)trap_stubs[TRAP_SYSCALL32] };

	for (int i = 0; i < TOYS; i++) {
		toy[i] = page_get();
		toy_mfn[i] = mfn_of(toy[i]);
	}
	if (hcall(event_channel_op, EVTCHNOP_bind_virq, &timer) ||
	    hcall(physdev_op, PHYSDEVOP_set_iopl, &iopl) ||
	    hcall(callback_op, CALLBACKOP_register, &syscall) ||
	    hcall(callback_op, CALLBACKOP_register, &syscall32) ||
	    hcall(stack_switch, FLAT_KERNEL_SS, kernel_stack + sizeof(kernel_stack)))
		guest_panic("the start was refused");
	timer_port = timer.port;
	shared_info.evtchn_mask[timer_port / 64] &= ~(1ul << timer_port % 64);
	trap_hook[TRAP_EVENT] = event_take;
	trap_hook[1] = debug_take;
	hcall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
}

/* Time for somebody at the console, before the domain ends. */
static void wait_s(uint64_t seconds)
{
	uint64_t end = now_ns() + seconds * 1000000000;

	if (seconds)
		print("fuzz: all actions are done\n");
	while (now_ns() < end)
		hcall(sched_op, SCHEDOP_yield, NULL);
}

void test_main(void)
{
	uint64_t seed = parameter("seed=", 1), count = parameter("count=", 100000);

	print("fuzz: seed %lu, %lu actions\n", seed, count);
	prepare();
	random_seed(seed);
	for (uint64_t i = 0; i < count; i++) {
		action_run();
		if (i % (count / 10 + 1) == 0)
			print("fuzz: %lu\n", i);
	}
	actions_report();
	wait_s(parameter("linger=", 0));
	print("TEST ok survives %lu actions of seed %lu\n", count, seed);
	print("ALL TESTS RAN\n");
}
