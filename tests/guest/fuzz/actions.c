/* What a run is made of: hypercalls alone and in multicalls, tables built and torn, traps and frames. */
#include "fuzz.h"

#include <xen/memory.h>

static uint64_t traps[TRAP_COUNT], fine, refused;
extern uint64_t trap_try_rsp;		/* try.S: the stack below it is free */
static uint64_t *user_root;		/* what NEW_USER_BASEPTR accepted last; NULL: none */

static void note(long result)
{
	if (result >= 0)
		fine++;
	else
		refused++;
}

static int note_trap(int vector)
{
	if (vector >= 0)
		traps[vector]++;
	return vector;
}

static void do_call(void)
{
	struct call c = call_make();

	note(call_run(&c));
}

static void do_multicall(void)
{
	unsigned int n = 1 + random_below(8);
	multicall_entry_t *calls = random_buffer(n * sizeof(*calls));

	for (unsigned int i = 0; i < n; i++) {
		struct call c = call_make();

		calls[i].op = c.number;
		memcpy(calls[i].args, c.args, sizeof(c.args));
	}
	note(hcall(multicall, calls, n));
}

/* Any of the toy's entries: the kind of table does not matter, for its type decides. */
static uint64_t table_entry(unsigned int level)
{
	unsigned int t = random_below(TOYS);

	if (one_in(16))
		return random_pte();
	return MFN_PTE(toy_mfn[t], level == 1 ? (one_in(2) ? PTE_RW : PTE_RO) | (one_in(2) ? PTE_U : 0) :
		PTE_TABLE);
}

/* Makes a plausible table of a level, where the toy can still be written, and takes its own mapping away. */
static void do_build_table(void)
{
	unsigned int t = random_below(TOYS), level = 1 + random_below(4), n = random_below(12);
	uint64_t *table = toy[t];

	if (page_protect(table, true))
		return;
	memset(table, 0, PAGE_SIZE);
	for (unsigned int i = 0; i < n; i++)
		table[one_in(2) ? random_below(4) : random_below(512)] = table_entry(level);
	if (level == 4 && one_in(2)) {
		memcpy(table + 256, (uint64_t *)start_info->pt_base + 256, PAGE_SIZE / 2);
		if (one_in(8))
			table[256 + random_below(16)] = random_pte();
	}
	note(page_protect(table, false));
	note(mmuext_one(MMUEXT_PIN_L1_TABLE + level - 1, toy_mfn[t], 0));
}

static void do_unpin(void)
{
	note(mmuext_one(MMUEXT_UNPIN_TABLE, toy_mfn[random_below(TOYS)], 0));
}

static void store_noise(uint64_t va)
{
	switch (random_below(4)) {
	case 0:
		*(volatile uint64_t *)va = random_pte();
		break;
	case 1:
		__asm__ volatile("lock cmpxchg %1, (%0)" : : "r"(va), "r"(random_pte()), "a"(0ul)
			: "memory", "cc");
		break;
	case 2:
		__asm__ volatile("xchg %1, (%0)" : : "r"(va), "r"(random_pte()) : "memory");
		break;
	default:
		*(volatile uint8_t *)va = (uint8_t)random_bits();
	}
}

static void read_there(uint64_t va) { (void)*(volatile uint64_t *)va; }
static void jump_there(uint64_t va) { ((void (*)(void))va)(); }

/* A write to a toy: plain, or emulated if it is a level 1 table, or a fault. */
static void do_store(void)
{
	uint64_t va = random_toy_va();

	note_trap(trap_try(store_noise, va & (one_in(8) ? ~0ul : ~7ul)));
}

static void do_read(void)
{
	note_trap(trap_try(read_there, random_va()));
}

static void do_jump(void)
{
	static const uint64_t places[] = { 0, 0x1000, HYPERVISOR_VIRT_START, HYPERVISOR_VIRT_END - 1,
		0x7fffffffffff, 0x0000800000000000, 0xffff7fffffffffff, 0x8000000000000000 };

	note_trap(trap_try(jump_there, places[random_below(ARRAY_SIZE(places))]));
}

static void instruction(uint64_t which)
{
	uint64_t v = random_number();
	uint16_t port = (uint16_t)random_bits();

	switch (which) {
	case 0: __asm__ volatile("mov %%cr0, %0" : "=r"(v)); break;
	case 1: __asm__ volatile("mov %%cr2, %0" : "=r"(v)); break;
	case 2: __asm__ volatile("mov %%cr4, %0" : "=r"(v)); break;
	case 3: __asm__ volatile("mov %0, %%cr4" : : "r"(v | 0x20)); break;
	case 4: __asm__ volatile("mov %0, %%cr0" : : "r"(v | 0x80000001)); break;
	case 5: __asm__ volatile("mov %0, %%cr8" : : "r"(v)); break;
	case 6: __asm__ volatile("rdmsr" : : "c"((uint32_t)v) : "rax", "rdx"); break;
	case 7: __asm__ volatile("rdmsr" : : "c"(0xc0000080u + random_below(0x190)) : "rax", "rdx"); break;
	case 8: __asm__ volatile("wrmsr" : : "c"(random_below(0x1000)), "a"((uint32_t)v),
		"d"((uint32_t)random_bits())); break;
	case 9: __asm__ volatile("wrmsr" : : "c"(0xc0000080u + random_below(5)), "a"((uint32_t)v), "d"(0));
		break;
	case 10: __asm__ volatile("inb %w0, %%al" : : "d"(port) : "rax"); break;
	case 11: __asm__ volatile("inw %w0, %%ax" : : "d"(port) : "rax"); break;
	case 12: __asm__ volatile("inl %w0, %%eax" : : "d"(port) : "rax"); break;
	case 13: __asm__ volatile("outb %%al, $0x80" : : "a"((uint8_t)v)); break;
	case 14: __asm__ volatile("hlt"); break;
	case 15: __asm__ volatile("cli; sti"); break;
	case 16: __asm__ volatile("clts"); break;
	case 17: __asm__ volatile("wbinvd"); break;
	case 18: __asm__ volatile("lgdt (%0)" : : "r"(random_toy_va())); break;
	case 19: __asm__ volatile("lidt (%0)" : : "r"(random_toy_va())); break;
	case 20: __asm__ volatile("ltr %w0" : : "r"(port)); break;
	case 21: __asm__ volatile("lldt %w0" : : "r"(port)); break;
	case 22: __asm__ volatile("mov %w0, %%ds" : : "r"(port)); break;
	case 23: __asm__ volatile("mov %w0, %%es" : : "r"((uint16_t)(random_below(1024) << 3 | 3))); break;
	case 24: __asm__ volatile("mov %w0, %%fs" : : "r"((uint16_t)(random_below(1024) << 3 | 7))); break;
	case 25: __asm__ volatile("swapgs"); break;
	case 26: __asm__ volatile("sysretq"); break;
	case 27: __asm__ volatile("int $0x20"); break;
	case 28: __asm__ volatile("int $0x80"); break;
	case 29: __asm__ volatile("int $0x0d"); break;
	case 30: __asm__ volatile("int3"); break;
	case 31: __asm__ volatile("ud2"); break;
	case 32: __asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : : "a"((uint32_t)v), "c"(random_below(8))
		: "rbx", "rdx"); break;
	case 33: __asm__ volatile("xsetbv" : : "a"((uint32_t)v), "d"(0), "c"(random_below(2))); break;
	case 34: __asm__ volatile("mov %0, %%dr7" : : "r"(v & 0x400)); break;
	case 35: __asm__ volatile("mov %%dr6, %0" : "=r"(v)); break;
	case 36: __asm__ volatile("invlpg (%0)" : : "r"(random_va())); break;
	case 37: __asm__ volatile("vmmcall"); break;
	case 38: __asm__ volatile("sysenter"); break;
	case 39: __asm__ volatile("div %0" : : "r"(0ul), "a"(1ul), "d"(0ul)); break;
	case 40: __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" : : : "memory", "cc"); break;
	case 41: __asm__ volatile("ud2; .ascii \"xen\"; hlt"); break;
	case 42: __asm__ volatile("rep insb" : : "d"(port), "D"(random_toy_va()), "c"(random_below(64))
		: "memory"); break;
	case 43: __asm__ volatile("lock; .byte 0x0f, 0x0b"); break;
	case 44: __asm__ volatile("rdtscp" : : : "rax", "rdx", "rcx"); break;
	default: __asm__ volatile("rdpmc" : : "c"((uint32_t)v) : "rax", "rdx"); break;
	}
}

static void do_instruction(void)
{
	note_trap(trap_try(instruction, random_below(46)));
	__asm__ volatile("mov %w0, %%ds; mov %w0, %%es; mov %w0, %%fs" : : "r"(0));
}

/* Where a random frame may go in kernel mode: nowhere that does anything. */
extern const uint8_t fuzz_trap[];	/* a ud2 */
__asm__(".pushsection .text; .globl fuzz_trap; fuzz_trap: ud2; .popsection");

static void enter_frame(uint64_t user)
{
	static const uint64_t rips[] = { 0, 0x1000, 0x7fffffffffff, 0x0000800000000000, 0xffff7fffffffffff,
		HYPERVISOR_VIRT_START, HYPERVISOR_VIRT_END - 1, 0x8000000000000000 };
	static const uint16_t selectors[] = { 0, 3, FLAT_RING3_CS64, FLAT_RING3_CS32, FLAT_RING3_DS32,
		0xe008, 0xe010, 0xe038, 8, 0x10, 0xffff };
	struct regs r = { .rax = random_bits(), .rdi = random_va(), .rsi = random_toy_va() };

	r.rip = one_in(4) ? (uintptr_t)fuzz_trap : rips[random_below(ARRAY_SIZE(rips))];
	r.cs = one_in(2) ? FLAT_RING3_CS64 : selectors[random_below(ARRAY_SIZE(selectors))];
	r.ss = one_in(2) ? FLAT_RING3_SS64 : selectors[random_below(ARRAY_SIZE(selectors))];
	r.rsp = (uintptr_t)toy[0] + random_below(64);
	r.rflags = one_in(2) ? 0x202 : random_number() & ~0x100ul;
	if (user) {
		r.rip = one_in(4) ? random_va() : random_below(512) << 12;
		r.cs |= 3;
		r.rflags |= 0x200;		/* so that the timer can end what goes on for ever */
	} else {
		r.cs &= ~3ul;
		/* 32-bit code would cut RSP, and the next trap would find no stack: our own fault */
		if (r.cs == (FLAT_RING3_CS32 & ~3ul) || (r.cs && r.cs < 0xe000))
			r.cs = 0xe038;
		/* what returns to kernel mode needs a stack for the trap that follows */
		r.rsp = trap_try_rsp - 512;
		r.rflags &= ~0x200ul;
	}
	user_enter(&r);
}

/* Toys can map shared_info, so noise may have masked the timer that ends user code. */
static void timer_revive(void)
{
	shared_info.evtchn_mask[timer_port / 64] &= ~(1ul << timer_port % 64);
	for (int i = 0; i < 64; i++)
		shared_info.evtchn_pending[i] = 0;
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
}

static void do_frame(void)
{
	bool user = user_root && one_in(2);

	if (user)
		timer_revive();
	note_trap(trap_try(enter_frame, user));
}

/* The toy can be read where it belongs. */
static bool toy_is_at_home(unsigned int t)
{
	uint64_t pte = *pte_of((uintptr_t)toy[t], 1);

	return (pte & PTE_P) && PTE_MFN(pte) == toy_mfn[t] && trap_try(read_there, (uintptr_t)toy[t]) < 0;
}

static void do_user_root(void)
{
	unsigned int t = random_below(TOYS);

	if (!toy_is_at_home(t) || (toy[t][511] & PTE_P))	/* user mode must not see the kernel */
		return;

	if (one_in(4)) {
		user_root = NULL;
		note(mmuext_one(MMUEXT_NEW_USER_BASEPTR, 0, 0));
	} else if (mmuext_one(MMUEXT_NEW_USER_BASEPTR, toy_mfn[t], 0) == 0) {
		user_root = toy[t];
		fine++;
	} else {
		refused++;
	}
}

/* A root of ours that has all of the kernel: goes there, acts, and comes back. */
static void do_kernel_root(void)
{
	const uint64_t *own = (const uint64_t *)start_info->pt_base;
	unsigned int t = random_below(TOYS);
	uint64_t last = 0;
	struct call c;

	if (!toy_is_at_home(t))
		return;
	last = toy[t][511] ^ own[511];
	if (last & ~(PTE_A | PTE_D))
		return;
	note(mmuext_one(MMUEXT_NEW_BASEPTR, toy_mfn[t], 0));
	c.number = __HYPERVISOR_xen_version;
	memset(c.args, 0, sizeof(c.args));
	call_run(&c);
	if (mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(own), 0))
		guest_panic("the own root was refused");
}

static void do_breakpoint(void)
{
	hcall(set_debugreg, random_below(4), random_breakpoint());
	note(hcall(set_debugreg, 7, one_in(2) ? random_bits() : 0x000d0001ul << random_below(2)));
	note_trap(trap_try(store_noise, random_toy_va()));
	hcall(set_debugreg, 7, 0);
}

static bool reservation_one(unsigned int cmd, xen_pfn_t *frame)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, frame);
	return hcall(memory_op, cmd, &r) == 1;
}

/* A toy given back and another page got for it. */
static void do_balloon(void)
{
	unsigned int t = random_below(TOYS);
	uint64_t pfn = ((uintptr_t)toy[t] - VIRT_BASE) / PAGE_SIZE;
	xen_pfn_t frame = toy_mfn[t];

	if (toy[t] == user_root || pte_set(toy[t], 0) || !reservation_one(XENMEM_decrease_reservation, &frame))
		return;
	frame = pfn;
	if (!reservation_one(XENMEM_populate_physmap, &frame))
		frame = (1ul << 40) - 1;	/* no memory: the toy is without a frame from now on */
	toy_mfn[t] = frame;
	((uint64_t *)start_info->mfn_list)[pfn] = frame;
	note(page_protect(toy[t], true));
}

/* Now and then the toys are put in order, lest all ends as tables that nothing can change. */
static void do_tidy(void)
{
	unsigned int t = random_below(TOYS);

	for (int i = 0; i < 4; i++)
		mmuext_one(MMUEXT_UNPIN_TABLE, toy_mfn[t], 0);
	for (int i = 0; i < 512; i++)
		mmu_update_one(toy_mfn[t] << 12 | (unsigned int)i << 3, 0);
	page_protect(toy[t], true);
}

static const struct {
	unsigned int weight;
	void (*run)(void);
} actions[] = {
	{ 1000, do_call }, { 150, do_multicall }, { 60, do_build_table }, { 40, do_unpin },
	{ 150, do_store }, { 30, do_read }, { 20, do_jump }, { 80, do_instruction }, { 60, do_frame },
	{ 20, do_user_root }, { 20, do_kernel_root }, { 10, do_breakpoint }, { 10, do_balloon },
	{ 2, do_tidy },
};

void action_run(void)
{
	unsigned int total = 0, at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		total += actions[i].weight;
	at = random_below(total);
	for (i = 0; at >= actions[i].weight; i++)
		at -= actions[i].weight;
	buffers_reset();
	actions[i].run();
}

void actions_report(void)
{
	print("calls: %lu fine, %lu refused; traps:", fine, refused);
	for (int i = 0; i < TRAP_COUNT; i++) {
		if (traps[i])
			print(" %d: %lu", i, traps[i]);
	}
	print("\n");
}
