/*
 * What the operations of the PV ABI cost, in virtual ns per operation: under QEMU's -icount that counts
 * instructions, so two hypervisors can be compared exactly.  Prints "BENCH name ns"; tests/bench/rows says
 * what each name means.
 */
#include "bench.h"
#include "clock.h"
#include "mem.h"

#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>
#include <xen/version.h>

enum { BATCH = 512, WAKE_NS = 100000 };

static uint8_t *pages[BATCH];		/* plain pages, whose mappings are changed */
static struct mmu_update same[BATCH], swapped[2][BATCH];
static multicall_entry_t calls[32];
static uint64_t *l1, *roots[2];
static unsigned int ipi_port, second_port, timer_port;
static volatile unsigned long events, second_events;

static void bench_null(void) { hcall(xen_version, XENVER_version, NULL); }

static void event_send(unsigned int port)
{
	struct evtchn_send op = { .port = port };

	hcall(event_channel_op, EVTCHNOP_send, &op);
}

static void bench_event_to_self(void) { event_send(ipi_port); }

/* Each entry now maps its neighbour's frame, the next time its own again: references move. */
static void update_some(unsigned int n)
{
	static unsigned int turn;

	hcall(mmu_update, swapped[turn ^= 1], n, NULL, DOMID_SELF);
}

static void bench_mmu_update_1(void) { update_some(1); }
static void bench_mmu_update_32(void) { update_some(32); }
static void bench_mmu_update_512(void) { update_some(512); }
static void bench_mmu_update_same_32(void) { hcall(mmu_update, same, 32, NULL, DOMID_SELF); }

static void bench_update_va_mapping(void)
{
	static unsigned int turn;

	hcall(update_va_mapping, pages[0], MFN_PTE(mfn_of(pages[turn ^= 1]), PTE_RW), UVMF_NONE);
}

/* Changes the page's permission there and back, with the flush that this needs. */
static void bench_protect_and_back(void)
{
	hcall(update_va_mapping, pages[0], MFN_PTE(mfn_of(pages[0]), PTE_RO), UVMF_INVLPG);
	hcall(update_va_mapping, pages[0], MFN_PTE(mfn_of(pages[0]), PTE_RW), UVMF_INVLPG);
}

static bool fault_skip(struct regs *r)
{
	r->rip += 2;			/* "mov %al, (%rdi)" and "ud2" are two bytes each */
	return true;
}

static void bench_page_fault(void)
{
	__asm__ volatile("movb %%al, (%0)" : : "D"(start_info->pt_base), "a"(0) : "memory");
}

static void bench_bounce_ud(void) { __asm__ volatile("ud2"); }

static void bench_ptwr(void)
{
	static unsigned int turn;

	*(volatile uint64_t *)&l1[7] = MFN_PTE(mfn_of(pages[turn ^= 1]), PTE_RW);
}

/* iret to the next instruction, as every return of a kernel goes. */
static void bench_iret(void)
{
	__asm__ volatile(
		"mov %%rsp, %%rax; pushq %[ss]; push %%rax; pushf; orq $0x200, (%%rsp); pushq %[cs];"
		"lea 1f(%%rip), %%rax; push %%rax; pushq $0; jmp hypercall_page + 23 * 32; 1:"
		: : [ss] "i"(0xe02b), [cs] "i"(0xe030) : "rax", "rcx", "r11", "memory", "cc");
}

static void bench_multicall_32(void)
{
	hcall(multicall, calls, 32);
}

static void bench_new_root(void)
{
	mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(roots[0]), 0);
	mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(roots[1]), 0);
}

/* What a kernel does to go from one process to another, there and back. */
static void bench_process_switch(void)
{
	struct mmuext_op ops[2] = { { .cmd = MMUEXT_NEW_BASEPTR }, { .cmd = MMUEXT_NEW_USER_BASEPTR } };

	ops[0].arg1.mfn = mfn_of(roots[0]);
	ops[1].arg1.mfn = mfn_of(roots[1]);
	hcall(stack_switch, FLAT_KERNEL_SS, start_info->pt_base);
	hcall(mmuext_op, ops, 2, NULL, DOMID_SELF);
	ops[0].arg1.mfn = mfn_of(roots[1]);
	hcall(mmuext_op, ops, 2, NULL, DOMID_SELF);
}

static void bench_pin_unpin(void)
{
	mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0);
	mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0);
}

static void event_clear(unsigned int port)
{
	__atomic_fetch_and(&shared_info.evtchn_pending[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

static uint8_t second_stack[16384] __attribute__((aligned(16)));

static bool event_take(struct regs *r)
{
	bool is_second = (uint8_t *)r >= second_stack && (uint8_t *)r < second_stack + sizeof(second_stack);
	struct vcpu_info *info = &shared_info.vcpu_info[is_second];

	info->evtchn_upcall_pending = 0;
	info->evtchn_pending_sel = 0;
	if (is_second) {
		event_clear(second_port);
		second_events++;
	} else {
		event_clear(ipi_port);
		event_clear(timer_port);
		events++;
	}
	return true;
}

/* Sleeps until *count is no longer `before`; events are masked on entry, and on return. */
static void block_until_changed(volatile unsigned long *count, unsigned long before, unsigned int vcpu)
{
	while (*count == before) {
		hcall(sched_op, SCHEDOP_block, NULL);
		shared_info.vcpu_info[vcpu].evtchn_upcall_mask = 1;
	}
}

/* An IPI to oneself, taken at once by the callback. */
static void bench_ipi_to_self(void)
{
	unsigned long before = events;

	bench_event_to_self();
	if (events == before)
		guest_panic("the event did not arrive");
}

/* Sleep till a timer that is due at once: set, block, be woken, take the event. */
static void bench_block_and_wake(void)
{
	struct vcpu_set_singleshot_timer op = { .timeout_abs_ns = now_ns() + WAKE_NS };
	unsigned long before = events;

	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	hcall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &op);
	block_until_changed(&events, before, 0);
}

/* The second vcpu, on the same CPU: each IPI is answered by one, and then it sleeps again. */
static void second_main(void)
{
	for (;;) {
		unsigned long before = second_events;

		block_until_changed(&second_events, before, 1);
		event_send(ipi_port);
	}
}

static void bench_ipi_and_back(void)
{
	unsigned long before = events;

	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	event_send(second_port);
	block_until_changed(&events, before, 0);
}

static void bench_cpuid(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void bench_rdmsr(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000102));
}

static const struct bench benches[] = {
	{ "null-hypercall", bench_null },
	{ "event-to-self-masked", bench_event_to_self },
	{ "event-to-self-taken", bench_ipi_to_self, .takes_events = true },
	{ "mmu_update-1", bench_mmu_update_1 },
	{ "mmu_update-32", bench_mmu_update_32, 32 },
	{ "mmu_update-512", bench_mmu_update_512, 512 },
	{ "mmu_update-same-32", bench_mmu_update_same_32, 32 },
	{ "update_va_mapping", bench_update_va_mapping },
	{ "protect-and-flush", bench_protect_and_back, 2 },
	{ "page-fault-bounce", bench_page_fault },
	{ "ud-bounce", bench_bounce_ud },
	{ "write-emulation", bench_ptwr },
	{ "iret", bench_iret },
	{ "multicall-32", bench_multicall_32, 32 },
	{ "new-root", bench_new_root, 2 },
	{ "process-switch", bench_process_switch, 2 },
	{ "pin-unpin-l1", bench_pin_unpin },
	{ "block-and-wake", bench_block_and_wake, .slept_ns = WAKE_NS, .takes_events = true },
	{ "emulated-cpuid", bench_cpuid },
	{ "emulated-rdmsr", bench_rdmsr },
};

static const struct bench bench_second = { "ipi-and-back", bench_ipi_and_back, .takes_events = true };

static void prepare_pages(void)
{
	for (int i = 0; i < BATCH; i++)
		pages[i] = page_get();
	for (int i = 0; i < BATCH; i++) {
		same[i].ptr = maddr_of(pte_of((uintptr_t)pages[i], 1)) | MMU_PT_UPDATE_PRESERVE_AD;
		same[i].val = MFN_PTE(mfn_of(pages[i]), PTE_RW);
		for (int turn = 0; turn < 2; turn++) {
			swapped[turn][i].ptr = same[i].ptr;
			swapped[turn][i].val = MFN_PTE(mfn_of(pages[i ^ turn]), PTE_RW);
		}
	}
	for (int i = 0; i < 32; i++) {
		calls[i].op = __HYPERVISOR_update_va_mapping;
		calls[i].args[0] = (uintptr_t)pages[i];
		calls[i].args[1] = MFN_PTE(mfn_of(pages[i]), PTE_RW);
	}
}

static void prepare_tables(void)
{
	l1 = page_get();
	for (int i = 0; i < 512; i++)
		l1[i] = MFN_PTE(mfn_of(pages[i]), PTE_RW);
	if (page_protect(l1, false) || mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0))
		guest_panic("no level 1 table");
	for (int i = 0; i < 2; i++) {
		roots[i] = page_get();
		memcpy(roots[i], (void *)start_info->pt_base, PAGE_SIZE);
		if (page_protect(roots[i], false) || mmuext_one(MMUEXT_PIN_L4_TABLE, mfn_of(roots[i]), 0))
			guest_panic("no root");
	}
	hcall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
}

static unsigned int ipi_bind(unsigned int vcpu)
{
	struct evtchn_bind_ipi ipi = { .vcpu = vcpu };

	if (hcall(event_channel_op, EVTCHNOP_bind_ipi, &ipi))
		guest_panic("no port for an IPI");
	return ipi.port;
}

static void prepare_events(void)
{
	struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER, .vcpu = 0 };

	ipi_port = ipi_bind(0);
	if (hcall(event_channel_op, EVTCHNOP_bind_virq, &timer) ||
	    hcall(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL))
		guest_panic("no timer");
	timer_port = timer.port;
	trap_hook[TRAP_EVENT] = event_take;
	trap_hook[6] = fault_skip;
	trap_hook[14] = fault_skip;
	shared_info.evtchn_mask[0] = 0;
	event_take((struct regs *)&timer);
}

static void prepare_second(void)
{
	static struct vcpu_guest_context c;

	c.flags = VGCF_in_kernel;
	c.user_regs.rip = (uintptr_t)second_main;
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.user_regs.rflags = 0x1000;		/* IOPL 1: the kernel's ring */
	c.user_regs.rsp = (uintptr_t)second_stack + sizeof(second_stack) - 8;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.kernel_sp = c.user_regs.rsp;
	c.ctrlreg[3] = xen_pfn_to_cr3(mfn_of((void *)start_info->pt_base));
	c.event_callback_eip = (uintptr_t)trap_stubs[TRAP_EVENT];
	c.failsafe_callback_eip = (uintptr_t)trap_stubs[TRAP_FAILSAFE];
	shared_info.vcpu_info[1].evtchn_upcall_mask = 1;
	second_port = ipi_bind(1);
	if (hcall(vcpu_op, VCPUOP_stop_periodic_timer, 1, NULL) ||
	    hcall(vcpu_op, VCPUOP_initialise, 1, &c) || hcall(vcpu_op, VCPUOP_up, 1, NULL))
		guest_panic("no second vcpu");
}

void test_main(void)
{
	/* Under -icount the TSC counts ns since the machine was reset. */
	bench_print("reset-to-tiny-guest-ms", tsc_get(), 1000000);
	prepare_pages();
	prepare_tables();
	prepare_events();
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		bench_run(&benches[i]);
	prepare_second();
	bench_run(&bench_second);
	print("ALL TESTS RAN\n");
}
