/*
 * What the operations of the PV ABI cost, in virtual ns per operation: under QEMU's -icount that counts
 * instructions, so two hypervisors can be compared exactly.  Prints "BENCH name ns".
 */
#include "clock.h"
#include "mem.h"

#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>
#include <xen/version.h>

enum { ROUNDS = 2000, BATCH = 512, WAKE_NS = 100000 };

static uint8_t *pages[BATCH];		/* plain pages, whose mappings are changed */
static struct mmu_update requests[BATCH];
static multicall_entry_t calls[32];
static uint64_t *l1, *roots[2];
static unsigned int ipi_port, timer_port;
static volatile unsigned long events;

static void bench_null(void) { hcall(xen_version, XENVER_version, NULL); }

static void bench_event_to_self(void)
{
	struct evtchn_send op = { .port = ipi_port };

	hcall(event_channel_op, EVTCHNOP_send, &op);
}

static void update_some(unsigned int n)
{
	hcall(mmu_update, requests, n, NULL, DOMID_SELF);
}

static void bench_mmu_update_1(void) { update_some(1); }
static void bench_mmu_update_32(void) { update_some(32); }
static void bench_mmu_update_512(void) { update_some(512); }

static void bench_update_va_mapping(void)
{
	hcall(update_va_mapping, pages[0], MFN_PTE(mfn_of(pages[0]), PTE_RW), UVMF_NONE);
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

static void bench_ptwr(void) { *(volatile uint64_t *)&l1[7] = MFN_PTE(mfn_of(pages[1]), PTE_RW); }

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

static void bench_context_switch(void)
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

static bool event_take(struct regs *r)
{
	unsigned int ports[] = { ipi_port, timer_port };

	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		shared_info.evtchn_pending[ports[i] / 64] &= ~(1ul << (ports[i] % 64));
	events++;
	return true;
}

/* An IPI to oneself, taken at once by the callback. */
static void bench_ipi(void)
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
	while (events == before)
		hcall(sched_op, SCHEDOP_block, NULL);
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

static const struct bench {
	const char *name;
	void (*run)(void);
	unsigned int divide;		/* operations in one call */
	unsigned int slept_ns;		/* of each call, which is no cost */
} benches[] = {
	{ "null-hypercall", bench_null, 1 },
	{ "event-to-self-masked", bench_event_to_self, 1 },
	{ "event-to-self-taken", bench_ipi, 1 },
	{ "mmu_update-1", bench_mmu_update_1, 1 },
	{ "mmu_update-32", bench_mmu_update_32, 32 },
	{ "mmu_update-512", bench_mmu_update_512, 512 },
	{ "update_va_mapping", bench_update_va_mapping, 1 },
	{ "protect-and-flush", bench_protect_and_back, 2 },
	{ "page-fault-bounce", bench_page_fault, 1 },
	{ "ud-bounce", bench_bounce_ud, 1 },
	{ "write-emulation", bench_ptwr, 1 },
	{ "iret", bench_iret, 1 },
	{ "multicall-32", bench_multicall_32, 32 },
	{ "new-root", bench_new_root, 2 },
	{ "context-switch", bench_context_switch, 2 },
	{ "pin-unpin-l1", bench_pin_unpin, 1 },
	{ "block-and-wake", bench_block_and_wake, 1, WAKE_NS },
	{ "emulated-cpuid", bench_cpuid, 1 },
	{ "emulated-rdmsr", bench_rdmsr, 1 },
};

static void prepare_pages(void)
{
	for (int i = 0; i < BATCH; i++) {
		pages[i] = page_get();
		requests[i].ptr = maddr_of(pte_of((uintptr_t)pages[i], 1)) | MMU_PT_UPDATE_PRESERVE_AD;
		requests[i].val = MFN_PTE(mfn_of(pages[i]), PTE_RW);
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

static void prepare_events(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER, .vcpu = 0 };

	if (hcall(event_channel_op, EVTCHNOP_bind_ipi, &ipi) ||
	    hcall(event_channel_op, EVTCHNOP_bind_virq, &timer) ||
	    hcall(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL))
		guest_panic("no events");
	ipi_port = ipi.port;
	timer_port = timer.port;
	trap_hook[TRAP_EVENT] = event_take;
	trap_hook[6] = fault_skip;
	trap_hook[14] = fault_skip;
	shared_info.evtchn_mask[0] = 0;
	event_take(NULL);
}

/* Events are masked but where they are what is measured. */
static void bench_run(const struct bench *b)
{
	bool takes = b->run == bench_ipi || b->run == bench_block_and_wake;
	unsigned int rounds = ROUNDS / (b->divide > 100 ? 10 : 1);
	uint64_t start, loop, ns;

	shared_info.vcpu_info[0].evtchn_upcall_mask = !takes;
	for (unsigned int i = 0; i < rounds / 10; i++)
		b->run();
	start = now_ns();
	for (unsigned int i = 0; i < rounds; i++)
		b->run();
	ns = now_ns() - start - (uint64_t)rounds * b->slept_ns;
	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	loop = (uint64_t)rounds * b->divide;
	print("BENCH %s %lu.%02lu\n", b->name, ns / loop, ns % loop * 100 / loop);
}

void test_main(void)
{
	/* Under -icount the TSC counts ns since the machine was reset. */
	print("BENCH reset-to-guest-ms %lu.%02lu\n", tsc_get() / 1000000, tsc_get() % 1000000 / 10000);
	prepare_pages();
	prepare_tables();
	prepare_events();
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		bench_run(&benches[i]);
	print("ALL TESTS RAN\n");
}
