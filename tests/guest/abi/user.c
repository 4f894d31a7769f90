/* User mode: its own root, its own GS base, and the ways back into the kernel. */
#include "claim.h"

#include <xen/callback.h>
#include <xen/errno.h>

#define USER_CODE	0x400000ul
#define USER_STACK	0x401000ul
#define USER_DATA	0x402000ul

extern const uint8_t user_code[], user_syscall[], user_ud2[], user_read[], user_write[], user_int80[],
	user_int3[], user_sysenter[], user_in[], user_cli[], user_cpuid[], user_gs[];

static uint64_t *tables[4];		/* level 1-4 of the user root; [0] is level 1 */
static uint8_t *code, *stack, *data;
static uint8_t kernel_stack[8192] __attribute__((aligned(16)));

static void user_map(uint64_t va, const void *page, uint64_t flags)
{
	tables[0][va >> 12 & 511] = MFN_PTE(mfn_of(page), flags | PTE_U);
}

static void user_build(void)
{
	for (int i = 0; i < 4; i++)
		tables[i] = page_get();
	code = page_get();
	stack = page_get();
	data = page_get();
	memcpy(code, user_code, PAGE_SIZE);
	user_map(USER_CODE, code, PTE_RO);
	user_map(USER_STACK, stack, PTE_RW);
	user_map(USER_DATA, data, PTE_RW);
	tables[1][USER_CODE >> 21 & 511] = MFN_PTE(mfn_of(tables[0]), PTE_TABLE);
	tables[2][0] = MFN_PTE(mfn_of(tables[1]), PTE_TABLE);
	tables[3][0] = MFN_PTE(mfn_of(tables[2]), PTE_TABLE);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(page_protect(tables[i], false), 0);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L4_TABLE, mfn_of(tables[3]), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_NEW_USER_BASEPTR, mfn_of(tables[3]), 0), 0);
	CHECK_EQ(hcall(stack_switch, FLAT_KERNEL_SS, kernel_stack + sizeof(kernel_stack)), 0);
}

static void a_user_root_can_be_loaded(void)
{
	user_build();
}

struct user_call {
	const uint8_t *piece;
	uint64_t rax, rdi, flags;
};

static void user_go(uint64_t arg)
{
	const struct user_call *call = (const struct user_call *)arg;
	struct regs r = {
		.rax = call->rax, .rdi = call->rdi, .rbx = 0xb0b0,
		.rip = USER_CODE + (uint64_t)(call->piece - user_code), .cs = FLAT_USER_CS,
		.rsp = USER_STACK + PAGE_SIZE, .ss = FLAT_USER_SS, .rflags = 0x202 | call->flags,
	};

	user_enter(&r);
}

/* Runs a piece of usercode.S; the result is the trap that ended it. */
static int user_run(const uint8_t *piece, uint64_t rax, uint64_t rdi)
{
	struct user_call call = { piece, rax, rdi, 0 };

	return trap_try(user_go, (uintptr_t)&call);
}

static void user_faults_come_with_user_selectors(void)
{
	CHECK_EQ(user_run(user_ud2, 0, 0), 6);
	CHECK_EQ(trap_last.rip, USER_CODE + (uint64_t)(user_ud2 - user_code));
	CHECK_EQ(trap_last.cs & 0xffff, FLAT_USER_CS);
	CHECK_EQ(trap_last.ss & 0xffff, FLAT_USER_SS);
	CHECK_EQ(trap_last.rsp, USER_STACK + PAGE_SIZE);
	CHECK_EQ(trap_last.rbx, 0xb0b0);
}

static void user_faults_arrive_on_the_kernel_stack(void)
{
	CHECK_EQ(user_run(user_ud2, 0, 0), 6);
	CHECK_EQ(trap_last_frame, (uintptr_t)(kernel_stack + sizeof(kernel_stack)));
}

static void user_page_faults_have_the_user_bit(void)
{
	CHECK_EQ(user_run(user_read, 0, 0x7000), 14);
	CHECK_EQ(trap_last.error, 4);
	CHECK_EQ(trap_last_cr2, 0x7000);
	CHECK_EQ(user_run(user_write, 0, USER_CODE), 14);
	CHECK_EQ(trap_last.error, 7);
	CHECK_EQ(user_run(user_write, 77, USER_DATA), 6);
	CHECK_EQ(*(uint64_t *)data, 77);
}

static void user_mode_cannot_see_the_kernel(void)
{
	CHECK_EQ(user_run(user_read, 0, (uintptr_t)start_info), 14);
	CHECK_EQ(trap_last.error & ~1u, 4);
}

static void user_syscalls_go_to_the_callback(void)
{
	struct callback_register op = { .type = CALLBACKTYPE_syscall,
		.address = (unsigned long)trap_stubs[TRAP_SYSCALL] };

	CHECK_EQ(hcall(callback_op, CALLBACKOP_register, &op), 0);
	CHECK_EQ(user_run(user_syscall, __HYPERVISOR_xen_version, 0), TRAP_SYSCALL);
	CHECK_EQ(trap_last.rax, __HYPERVISOR_xen_version);	/* no hypercall was made */
	CHECK_EQ(trap_last.rip, USER_CODE + 2);
	CHECK_EQ(trap_last.rcx, USER_CODE + 2);
	CHECK_EQ(trap_last.cs & 0xffff, FLAT_USER_CS);
	CHECK_EQ(trap_last.ss & 0xffff, FLAT_USER_SS);
	CHECK_EQ(trap_last.rflags & 0x202, 0x202);
}

static void user_int80_and_int3_arrive(void)
{
	CHECK_EQ(user_run(user_int80, 5, 0), TRAP_INT80);
	CHECK_EQ(trap_last.rax, 5);
	CHECK_EQ(trap_last.rip, USER_CODE + (uint64_t)(user_int80 - user_code) + 2);
	CHECK_EQ(user_run(user_int3, 0, 0), 3);
}

/* Intel's keeps the flags as they are, NT among them; AMD's is undefined in long mode. */
static void user_sysenter_is_a_fault(void)
{
	struct user_call call = { user_sysenter, 0, 0, 0 };
	int vector = trap_try(user_go, (uintptr_t)&call);

	CHECK(vector == 13 || vector == 6);
	call.flags = 0x4000;
	CHECK_TRAP(user_go, &call, vector);
}

static void user_ports_and_cli_are_gp(void)
{
	CHECK_EQ(user_run(user_in, 0, 0), 13);
	CHECK_EQ(trap_last.error, 0);
	CHECK_EQ(user_run(user_cli, 0, 0), 13);
}

static void user_mode_may_use_the_forced_cpuid(void)
{
	CHECK_EQ(user_run(user_cpuid, 0x40000000, 0), 6);
	CHECK_EQ(trap_last.rip, USER_CODE + (uint64_t)(user_cpuid - user_code) + 7);
	CHECK_EQ(trap_last.rbx, 0x566e6558);		/* "XenV" */
}

static void user_mode_has_its_own_gs(void)
{
	*(uint64_t *)(data + 0x100) = 0x1234;
	CHECK_EQ(hcall(set_segment_base, SEGBASE_GS_USER, USER_DATA + 0x100), 0);
	CHECK_EQ(hcall(set_segment_base, SEGBASE_GS_KERNEL, data + 8), 0);
	CHECK_EQ(user_run(user_gs, 0, 0), 6);
	CHECK_EQ(trap_last.rax, 0x1234);
	*(uint64_t *)(data + 8) = 0x5678;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(trap_last.rax));
	CHECK_EQ(trap_last.rax, 0x5678);
	CHECK_EQ(hcall(set_segment_base, SEGBASE_GS_KERNEL, 0), 0);
	CHECK_EQ(hcall(set_segment_base, SEGBASE_GS_USER, 0), 0);
	CHECK_EQ(hcall(set_segment_base, 9, 0), -XEN_EINVAL);
}

static void user_root_must_be_a_root(void)
{
	CHECK_EQ(mmuext_one(MMUEXT_NEW_USER_BASEPTR, mfn_of(tables[2]), 0), -XEN_EINVAL);
	CHECK_EQ(mmuext_one(MMUEXT_NEW_USER_BASEPTR, mfn_of(data), 0), -XEN_EINVAL);
	CHECK_EQ(mmuext_one(MMUEXT_NEW_USER_BASEPTR, ~0ul >> 12, 0), -XEN_EINVAL);
}

static void the_user_root_can_be_dropped(void)
{
	CHECK_EQ(mmuext_one(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(tables[3]), 0), 0);
	for (int i = 0; i < 4; i++)
		page_put(tables[i]);
	page_put(code);
	page_put(stack);
	page_put(data);
}

const struct claim user_claims[] = {
	{ "a user root can be pinned and loaded", a_user_root_can_be_loaded },
	{ "a fault in user mode shows ring 3 selectors", user_faults_come_with_user_selectors },
	{ "a fault in user mode arrives on the stack that stack_switch gave",
		user_faults_arrive_on_the_kernel_stack },
	{ "page faults in user mode have the user bit", user_page_faults_have_the_user_bit },
	{ "user mode sees nothing of the kernel root", user_mode_cannot_see_the_kernel },
	{ "syscall in user mode goes to the callback, not to the hypervisor",
		user_syscalls_go_to_the_callback },
	{ "int 0x80 and int3 work in user mode", user_int80_and_int3_arrive },
	{ "sysenter without a callback is a fault, with nested task set too", user_sysenter_is_a_fault },
	{ "ports and cli are general protection faults in user mode", user_ports_and_cli_are_gp },
	{ "user mode may use the forced cpuid", user_mode_may_use_the_forced_cpuid },
	{ "kernel and user mode have GS bases of their own", user_mode_has_its_own_gs },
	{ "only a root can become the user root", user_root_must_be_a_root },
	{ "the user root can be dropped, unpinned and reused", the_user_root_can_be_dropped },
	{ NULL, NULL },
};
