/* Exceptions and events as a PV kernel meets them (xen/arch-x86/xen.h, xen-x86_64.h). */
#include "claim.h"

#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>

static uint8_t *event_mask(void)
{
	return &shared_info.vcpu_info[0].evtchn_upcall_mask;
}

static void run_ud2(uint64_t arg) { __asm__ volatile("ud2"); }
static void run_int3(uint64_t arg) { __asm__ volatile("int3"); }
static void run_hlt(uint64_t arg) { __asm__ volatile("hlt"); }

static void run_divide(uint64_t arg)
{
	__asm__ volatile("div %0" : : "r"(0ul), "a"(1ul), "d"(0ul));
}

static void ud2_arrives_as_vector_6(void)
{
	CHECK_TRAP(run_ud2, 0, 6);
	CHECK_EQ(((const uint8_t *)trap_last.rip)[0], 0x0f);	/* a fault: RIP is at the instruction */
	CHECK_EQ(((const uint8_t *)trap_last.rip)[1], 0x0b);
}

static void int3_arrives_behind_the_instruction(void)
{
	CHECK_TRAP(run_int3, 0, 3);
	CHECK_EQ(((const uint8_t *)trap_last.rip)[-1], 0xcc);
}

static void divide_error_arrives(void)
{
	CHECK_TRAP(run_divide, 0, 0);
}

static void privileged_instruction_is_gp(void)
{
	CHECK_TRAP(run_hlt, 0, 13);
	CHECK_EQ(trap_last.error, 0);
}

static void non_canonical_access_is_gp(void)
{
	CHECK_TRAP(touch_read, 0x8000000000000000, 13);
	CHECK_EQ(trap_last.error, 0);
}

static void the_frame_says_kernel_mode(void)
{
	CHECK_TRAP(run_ud2, 0, 6);
	CHECK_EQ(trap_last.cs & 0xffff, FLAT_KERNEL_CS & ~3);	/* RPL 0: from the kernel */
	CHECK_EQ(trap_last.ss & 0xffff, FLAT_KERNEL_SS & 0xffff);
	CHECK_EQ(trap_last.rflags & 0x3000, 0);			/* IOPL */
}

static void the_frame_is_aligned(void)
{
	CHECK_TRAP(run_ud2, 0, 6);
	CHECK_EQ(trap_last_frame % 16, 0);
	CHECK(trap_last_frame <= trap_last.rsp && trap_last.rsp - trap_last_frame < 16);
}

static void the_frame_tells_the_event_mask(void)
{
	*event_mask() = 1;
	CHECK_TRAP(run_ud2, 0, 6);
	CHECK_EQ(trap_last.cs >> 32 & 0xff, 1);
	CHECK_EQ(trap_last.rflags & 0x200, 0);
	*event_mask() = 0;
	CHECK_TRAP(run_ud2, 0, 6);
	CHECK_EQ(trap_last.cs >> 32 & 0xff, 0);
	CHECK_EQ(trap_last.rflags & 0x200, 0x200);
	*event_mask() = 1;
}

static uint8_t mask_in_handler;

static bool note_mask(struct regs *r)
{
	mask_in_handler = *event_mask();
	r->rip += 2;		/* ud2 */
	return true;
}

static int gate_set(unsigned int vector, unsigned int flags, uint64_t address)
{
	struct trap_info table[2] = { { .vector = (uint8_t)vector, .flags = (uint8_t)flags,
		.cs = FLAT_KERNEL_CS, .address = address }, { 0 } };

	return (int)hcall(set_trap_table, table);
}

static void a_gate_can_mask_events(void)
{
	trap_hook[6] = note_mask;
	*event_mask() = 0;
	run_ud2(0);
	CHECK_EQ(mask_in_handler, 0);
	CHECK_EQ(gate_set(6, 4, (uintptr_t)trap_stubs[6]), 0);
	run_ud2(0);
	CHECK_EQ(mask_in_handler, 1);
	CHECK_EQ(*event_mask(), 0);	/* the iret hypercall took it back from the frame's IF */
	CHECK_EQ(gate_set(6, 0, (uintptr_t)trap_stubs[6]), 0);
	trap_hook[6] = NULL;
	*event_mask() = 1;
}

static bool skip_ud2(struct regs *r)
{
	r->rip += 2;
	return true;
}

static void a_bounce_and_iret_keep_all_registers(void)
{
	uint64_t in[16], out[16];

	for (int i = 0; i < 16; i++)
		in[i] = 0x0101010101010101ul * (unsigned int)(i + 1);
	trap_hook[6] = skip_ud2;
	__asm__ volatile(
		"push %%rbp; push %%rbx; push %[out];"
		"mov 0(%[in]), %%rbx; mov 8(%[in]), %%rcx; mov 16(%[in]), %%rdx; mov 24(%[in]), %%rdi;"
		"mov 32(%[in]), %%rbp; mov 40(%[in]), %%r8; mov 48(%[in]), %%r9; mov 56(%[in]), %%r10;"
		"mov 64(%[in]), %%r11; mov 72(%[in]), %%r12; mov 80(%[in]), %%r13; mov 88(%[in]), %%r14;"
		"mov 96(%[in]), %%r15; mov 104(%[in]), %%rax; mov 112(%[in]), %[in];"
		"ud2;"
		"push %%rax; mov 8(%%rsp), %%rax;"
		"mov %%rbx, 0(%%rax); mov %%rcx, 8(%%rax); mov %%rdx, 16(%%rax); mov %%rdi, 24(%%rax);"
		"mov %%rbp, 32(%%rax); mov %%r8, 40(%%rax); mov %%r9, 48(%%rax); mov %%r10, 56(%%rax);"
		"mov %%r11, 64(%%rax); mov %%r12, 72(%%rax); mov %%r13, 80(%%rax); mov %%r14, 88(%%rax);"
		"mov %%r15, 96(%%rax); mov %%rsi, 112(%%rax); pop %%rcx; mov %%rcx, 104(%%rax);"
		"pop %%rax; pop %%rbx; pop %%rbp"
		: : [in] "S"(in), [out] "a"(out)
		: "rcx", "rdx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	trap_hook[6] = NULL;
	for (int i = 0; i < 15; i++)
		CHECK_EQ(out[i], in[i]);
}

static void page_faults_say_what_was_tried(void)
{
	uint8_t *page = page_get();

	CHECK_EQ(pte_set(page, 0), 0);
	CHECK_TRAP(touch_read, page, 14);
	CHECK_EQ(trap_last.error, 0);
	CHECK_EQ(trap_last_cr2, (uintptr_t)page);
	CHECK_TRAP(touch_write, page + 5, 14);
	CHECK_EQ(trap_last.error, 2);
	CHECK_EQ(trap_last_cr2, (uintptr_t)page + 5);
	CHECK_EQ(page_protect(page, false), 0);
	CHECK_TRAP(touch_write, page, 14);
	CHECK_EQ(trap_last.error, 3);
	page_put(page);
}

static void no_execute_is_honoured(void)
{
	uint8_t *page = page_get();

	page[0] = 0xc3;
	CHECK_EQ(pte_set(page, MFN_PTE(mfn_of(page), PTE_RW | PTE_NX)), 0);
	CHECK_TRAP(touch_run, page, 14);
	CHECK_EQ(trap_last.error, 0x11);
	CHECK_EQ(pte_set(page, MFN_PTE(mfn_of(page), PTE_RW)), 0);
	CHECK_TRAP(touch_run, page, -1);
	page_put(page);
}

static void the_reserved_area_faults(void)
{
	CHECK_TRAP(touch_write, HYPERVISOR_VIRT_START, 14);
	CHECK_TRAP(touch_read, 0xffff808000000000, 14);
	CHECK_EQ(trap_last_cr2, 0xffff808000000000);
	CHECK_TRAP(touch_read, HYPERVISOR_VIRT_END - 1, 14);
	CHECK_TRAP(touch_run, HYPERVISOR_VIRT_START, 14);
}

static void non_canonical_handlers_are_refused(void)
{
	CHECK_EQ(gate_set(6, 0, 0x0000800000000000), -XEN_EINVAL);
	CHECK_TRAP(run_ud2, 0, 6);		/* the old one still stands */
}

static void a_jump_to_nowhere_is_a_fetch_fault(void)
{
	CHECK_TRAP(touch_run, 0, 14);
	CHECK_EQ(trap_last.rip, 0);
	CHECK_EQ(trap_last_cr2, 0);
}

static void run_int80(uint64_t arg) { __asm__ volatile("int $0x80"); }

static void int80_arrives_behind_the_instruction(void)
{
	CHECK_TRAP(run_int80, 0, TRAP_INT80);
	CHECK_EQ(((const uint8_t *)trap_last.rip)[-2], 0xcd);
	CHECK_EQ(((const uint8_t *)trap_last.rip)[-1], 0x80);
}

static void run_step(uint64_t arg)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" : : : "memory", "cc");
}

static void single_steps_arrive_without_the_trap_flag(void)
{
	CHECK_TRAP(run_step, 0, 1);
	CHECK_EQ(trap_last.rflags & 0x100, 0x100);
}

static void callback_addresses_must_be_canonical(void)
{
	struct callback_register op = { .type = CALLBACKTYPE_event, .address = 0x0000800000000000 };
	struct callback_register unknown = { .type = 77, .address = VIRT_BASE };
	struct callback_unregister event = { .type = CALLBACKTYPE_event };

	CHECK_EQ(hcall(callback_op, CALLBACKOP_register, &op), -XEN_EINVAL);
	CHECK_EQ(hcall(callback_op, CALLBACKOP_register, &unknown), -XEN_ENOSYS);
	CHECK_EQ(hcall(callback_op, CALLBACKOP_unregister, &event), -XEN_EINVAL);
	CHECK_EQ(hcall(callback_op, 77, &op), -XEN_ENOSYS);
}

static bool event_seen;

static bool note_event(struct regs *r)
{
	event_seen = true;
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	return true;
}

/* Any hypercall looks at the pending flag on its way out; xen_version serves for that. */
static void a_pending_event_bounces_to_the_callback(void)
{
	trap_hook[TRAP_EVENT] = note_event;
	event_seen = false;
	*event_mask() = 1;
	shared_info.vcpu_info[0].evtchn_upcall_pending = 1;
	hcall(xen_version, 0, NULL);
	CHECK(!event_seen);
	*event_mask() = 0;
	hcall(xen_version, 0, NULL);
	CHECK(event_seen);
	CHECK_EQ(*event_mask(), 0);
	*event_mask() = 1;
	trap_hook[TRAP_EVENT] = NULL;
}

static unsigned int nmis, nmi_depth, nmi_depth_most, nmi_again;

static long nmi_send(unsigned int vcpu) { return hcall(vcpu_op, VCPUOP_send_nmi, vcpu, NULL); }

static bool take_nmi(struct regs *r)
{
	nmis++;
	nmi_depth_most = ++nmi_depth > nmi_depth_most ? nmi_depth : nmi_depth_most;
	mask_in_handler = *event_mask();
	for (; nmi_again; nmi_again--)
		CHECK_EQ(nmi_send(0), 0);
	hcall(xen_version, 0, NULL);	/* on its way out the next could slip in */
	nmi_depth--;
	return true;
}

static void an_nmi_comes_at_once_but_not_into_the_handler_of_another(void)
{
	struct callback_register op = { .type = CALLBACKTYPE_nmi, .address = (uintptr_t)trap_stubs[2] };
	struct callback_unregister undo = { .type = CALLBACKTYPE_nmi };

	CHECK_EQ(nmi_send(8191), -XEN_ENOENT);
	CHECK_EQ(hcall(callback_op, CALLBACKOP_register, &op), 0);
	trap_hook[2] = take_nmi;
	*event_mask() = 0;
	CHECK_EQ(nmi_send(0), 0);
	CHECK_EQ(nmis, 1);
	CHECK_EQ(mask_in_handler, 1);
	CHECK_EQ(*event_mask(), 0);
	nmi_again = 2;				/* of several in a handler one is remembered */
	CHECK_EQ(nmi_send(0), 0);
	CHECK_EQ(nmis, 3);
	CHECK_EQ(nmi_depth_most, 1);
	*event_mask() = 1;
	trap_hook[2] = NULL;
	CHECK_EQ(hcall(callback_op, CALLBACKOP_unregister, &undo), 0);
}

static void fpu_run(uint64_t arg)
{
	uint32_t mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	CHECK_EQ(mxcsr & ~0x3fu, 0x1f80);
}

static void fpu_taskswitch_raises_vector_7_once(void)
{
	CHECK_EQ(hcall(fpu_taskswitch, 1), 0);
	CHECK_TRAP(fpu_run, 0, 7);
	CHECK_TRAP(fpu_run, 0, -1);	/* delivery cleared the flag */
	CHECK_EQ(hcall(fpu_taskswitch, 1), 0);
	CHECK_EQ(hcall(fpu_taskswitch, 0), 0);
	CHECK_TRAP(fpu_run, 0, -1);
}

const struct claim trap_claims[] = {
	{ "ud2 bounces to vector 6, RIP at the instruction", ud2_arrives_as_vector_6 },
	{ "int3 bounces to vector 3, RIP behind the instruction", int3_arrives_behind_the_instruction },
	{ "a division by zero bounces to vector 0", divide_error_arrives },
	{ "hlt in the kernel bounces to vector 13 with error code 0", privileged_instruction_is_gp },
	{ "a non-canonical access bounces to vector 13", non_canonical_access_is_gp },
	{ "the frame shows ring 0 selectors and no IOPL", the_frame_says_kernel_mode },
	{ "the frame is aligned to 16 bytes, right below RSP", the_frame_is_aligned },
	{ "the frame's IF and saved mask tell the event mask", the_frame_tells_the_event_mask },
	{ "a gate with flag 4 masks events, and iret unmasks them", a_gate_can_mask_events },
	{ "a bounce and the iret hypercall keep all registers", a_bounce_and_iret_keep_all_registers },
	{ "a page fault brings cr2 and the right error code", page_faults_say_what_was_tried },
	{ "a page without execute permission faults on fetch", no_execute_is_honoured },
	{ "the reserved addresses fault, and m2p is read only", the_reserved_area_faults },
	{ "a non-canonical handler is refused", non_canonical_handlers_are_refused },
	{ "a jump to address 0 bounces to vector 14", a_jump_to_nowhere_is_a_fetch_fault },
	{ "int 0x80 in the kernel bounces behind the instruction", int80_arrives_behind_the_instruction },
	{ "a single step bounces to vector 1", single_steps_arrive_without_the_trap_flag },
	{ "callback_op refuses what it does not know", callback_addresses_must_be_canonical },
	{ "a pending event bounces at the next hypercall unless masked",
		a_pending_event_bounces_to_the_callback },
	{ "an NMI that is sent comes at once, but not into the handler of another",
		an_nmi_comes_at_once_but_not_into_the_handler_of_another },
	{ "fpu_taskswitch makes the next FPU use bounce to vector 7",
		fpu_taskswitch_raises_vector_7_once },
	{ NULL, NULL },
};
