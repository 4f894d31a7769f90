/* What a run is made of: hypercalls alone and in multicalls, tables built and torn, traps and frames. */
#include "fuzz.h"

#include <xen/memory.h>

extern uint64_t trap_try_rsp[];		/* try.S: the stack below is free */

void note(long result)
{
	if (result >= 0)
		self()->fine++;
	else
		self()->refused++;
}

static int note_trap(int vector)
{
	if (vector >= 0)
		self()->traps[vector]++;
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
static uint64_t table_entry(unsigned int level, uint64_t own)
{
	unsigned int t = random_toy();

	if (one_in(16))
		return random_pte();
	if (one_in(24))				/* tables that map themselves, or what maps them */
		return MFN_PTE(own, one_in(2) ? PTE_TABLE : PTE_RO | PTE_U);
	return MFN_PTE(toy_mfn[t], level == 1 ? (one_in(2) ? PTE_RW : PTE_RO) | (one_in(2) ? PTE_U : 0) :
		PTE_TABLE);
}

struct table { unsigned int toy, level; };

/* The toy may be made unwritable under our hands: a trap ends it. */
static void table_fill(uint64_t arg)
{
	const struct table *new = (const struct table *)arg;
	uint64_t *table = toy[new->toy];
	unsigned int n = random_below(12);

	memset(table, 0, PAGE_SIZE);
	for (unsigned int i = 0; i < n; i++)
		table[one_in(2) ? random_below(4) : random_below(512)] =
			table_entry(new->level, toy_mfn[new->toy]);
	if (new->level == 4 && one_in(2)) {
		memcpy(table + 256, (uint64_t *)start_info->pt_base + 256, PAGE_SIZE / 2);
		if (one_in(8))
			table[256 + random_below(16)] = random_pte();
	}
}

/* Makes a plausible table of a level, where the toy can still be written, and takes its own mapping away. */
static void do_build_table(void)
{
	struct table new = { random_toy(), 1 + random_below(4) };

	if (page_protect(toy[new.toy], true))
		return;
	note_trap(trap_try(table_fill, (uintptr_t)&new));
	note(page_protect(toy[new.toy], false));
	note(mmuext_one(MMUEXT_PIN_L1_TABLE + new.level - 1, toy_mfn[new.toy], 0));
}

static void do_unpin(void)
{
	note(mmuext_one(MMUEXT_UNPIN_TABLE, toy_mfn[random_toy()], 0));
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

struct store { uint64_t *at, value; };

static void store_value(uint64_t store)
{
	const struct store *s = (const struct store *)store;

	*(volatile uint64_t *)s->at = s->value;
}

static void read_there(uint64_t va) { self()->read = *(volatile uint64_t *)va; }
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

/* Where a kernel finds no code. */
static uint64_t random_nowhere(void)
{
	static const uint64_t places[] = { 0, 0x1000, HYPERVISOR_VIRT_START, HYPERVISOR_VIRT_END - 1,
		0x7fffffffffff, 0x0000800000000000, 0xffff7fffffffffff, 0x8000000000000000 };

	return places[random_below(ARRAY_SIZE(places))];
}

static void do_jump(void)
{
	note_trap(trap_try(jump_there, random_nowhere()));
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
	case 38:
		if (has_sysenter)
			__asm__ volatile("sysenter");
		break;
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
	r.rsp = one_in(2) ? random_low_va() : random_toy_va();
	r.rflags = one_in(2) ? 0x202 : random_number() & ~0x100ul;
	if (user) {
		r.rip = one_in(4) ? random_va() : random_low_va();
		r.cs |= 3;
		r.rflags |= 0x200;		/* so that the timer can end what goes on for ever */
	} else {
		r.cs &= ~3ul;
		/* 32-bit code would cut RSP, and the next trap would find no stack: our own fault */
		if (r.cs == (FLAT_RING3_CS32 & ~3ul) || (r.cs && r.cs < 0xe000))
			r.cs = 0xe038;
		/* what returns to kernel mode needs a stack for the trap that follows */
		r.rsp = trap_try_rsp[vcpu_self()] - 512;
		r.rflags &= ~0x200ul;
	}
	user_enter(&r);
}

static void do_frame(void)
{
	struct worker *w = self();
	bool user = w->user_root && one_in(2);

	w->is_in_user = user;
	if (user)
		events_revive();
	note_trap(trap_try(enter_frame, user));
	w->is_in_user = false;
}

/* The toy can be read where it belongs: and its last entry. */
static bool toy_is_at_home(unsigned int t, uint64_t *last)
{
	uint64_t pte = *pte_of((uintptr_t)toy[t], 1);

	if (!(pte & PTE_P) || PTE_MFN(pte) != toy_mfn[t] || trap_try(read_there, (uintptr_t)(toy[t] + 511)) >= 0)
		return false;
	*last = self()->read;
	return true;
}

static void user_root_load(unsigned int t)
{
	uint64_t last;

	if (!toy_is_at_home(t, &last) || last & PTE_P)	/* user mode must not see the kernel */
		return;

	if (one_in(4)) {
		self()->user_root = NULL;
		note(mmuext_one(MMUEXT_NEW_USER_BASEPTR, 0, 0));
	} else if (mmuext_one(MMUEXT_NEW_USER_BASEPTR, toy_mfn[t], 0) == 0) {
		self()->user_root = toy[t];
		self()->fine++;
	} else {
		self()->refused++;
	}
}

/* A root of ours that has all of the kernel: goes there, acts, and comes back. */
static void act_in_root(void)
{
	buffers_reset();
	switch (random_below(4)) {
	case 0:
		note_trap(trap_try(read_there, random_low_va()));
		break;
	case 1:
		note_trap(trap_try(store_noise, random_low_va()));
		break;
	case 2:
		note(hcall(update_va_mapping, random_low_va(), random_pte(), random_below(8)));
		break;
	default:
		do_call();
	}
}

/* Pinned first, so that it can't become another while it is looked at: our part of it stays. */
static void kernel_root_visit(unsigned int t)
{
	const uint64_t *own = (const uint64_t *)start_info->pt_base;
	uint64_t mfn = toy_mfn[t], last;

	note(mmuext_one(MMUEXT_PIN_L4_TABLE, mfn, 0));
	if (!toy_is_at_home(t, &last) || toy_mfn[t] != mfn || (last ^ own[511]) & ~(PTE_A | PTE_D))
		return;
	note(mmuext_one(MMUEXT_NEW_BASEPTR, mfn, 0));
	self()->is_in_toys = true;
	for (unsigned int n = random_below(16); n; n--)
		act_in_root();
	self()->is_in_toys = false;
	if (mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(own), 0))
		guest_panic("the own root was refused");
}

static void do_user_root(void) { user_root_load(random_toy()); }
static void do_kernel_root(void) { kernel_root_visit(random_toy()); }

/* Four toys that were chosen, emptied; level 1 first.  false: one of them is in use as something else. */
static bool tables_take(unsigned int *toys)
{
	unsigned int first = random_below(TOYS - 4);

	for (unsigned int i = 0; i < 4; i++) {
		toys[i] = first + i;
		while (!mmuext_one(MMUEXT_UNPIN_TABLE, toy_mfn[toys[i]], 0))
			;
		if (page_protect(toy[toys[i]], true))
			return false;
	}
	return true;
}

struct tree { unsigned int toys[4]; bool for_kernel; };

static void tree_fill(uint64_t arg)
{
	const struct tree *tree = (const struct tree *)arg;

	for (unsigned int level = 1; level <= 4; level++) {
		uint64_t *table = toy[tree->toys[level - 1]];

		memset(table, 0, PAGE_SIZE);
		for (unsigned int i = 0; i < 4; i++)
			table[i] = level > 1 ? MFN_PTE(toy_mfn[tree->toys[level - 2]], PTE_TABLE) :
				MFN_PTE(toy_mfn[random_below(TOYS)], one_in(2) ? PTE_RO | PTE_U : PTE_RW | PTE_U);
		if (level == 4 && tree->for_kernel)
			memcpy(table + 256, (uint64_t *)start_info->pt_base + 256, PAGE_SIZE / 2);
	}
}

/* A whole tree, for a user root or one of ours: random tables seldom make one. */
static void do_build_tree(void)
{
	struct tree tree = { .for_kernel = one_in(2) };

	if (!tables_take(tree.toys) || trap_try(tree_fill, (uintptr_t)&tree) >= 0)
		return;
	for (unsigned int i = 0; i < 4; i++)
		note(page_protect(toy[tree.toys[i]], false));
	note(mmuext_one(MMUEXT_PIN_L4_TABLE, toy_mfn[tree.toys[3]], 0));
	if (!tree.for_kernel)
		user_root_load(tree.toys[3]);
	else
		kernel_root_visit(tree.toys[3]);
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
	unsigned int t = random_toy();
	uint64_t pfn = ((uintptr_t)toy[t] - VIRT_BASE) / PAGE_SIZE;
	xen_pfn_t frame = toy_mfn[t];

	if (pte_set(toy[t], 0) || !reservation_one(XENMEM_decrease_reservation, &frame))
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
	unsigned int t = random_toy();

	for (int i = 0; i < 4; i++)
		mmuext_one(MMUEXT_UNPIN_TABLE, toy_mfn[t], 0);
	for (int i = 0; i < 512; i++)
		mmu_update_one(toy_mfn[t] << 12 | (unsigned int)i << 3, 0);
	page_protect(toy[t], true);
}

/* Code for user mode: instructions that come to the hypervisor, over and over. */
static void do_code(void)
{
	static const uint64_t patterns[] = { 0x90909090050f9090, 0x90909090340f9090, 0xcd80cd80cd80cd80,
		0x9090cc900b0f9090, 0x0f0b78656e0fa290, 0xfeebfeebfeebfeeb, 0x90909090300f320f, 0xcf4890909090a20f };
	uint64_t pattern = patterns[random_below(ARRAY_SIZE(patterns))];
	unsigned int t = random_toy();

	if (page_protect(toy[t], true))
		return;
	for (unsigned int i = 0; i < 512; i++) {
		struct store s = { toy[t] + i, pattern };

		if (trap_try(store_value, (uintptr_t)&s) >= 0)
			break;
	}
}

struct callbacks { uint64_t event, failsafe, syscall; };

static void callbacks_set(uint64_t callbacks)
{
	const struct callbacks *c = (const struct callbacks *)callbacks;

	note(hcall(set_callbacks, c->event, c->failsafe, c->syscall));
}

static void callbacks_restore(uint64_t arg)
{
	hcall(stack_switch, FLAT_KERNEL_SS, guest_stacks[vcpu_self()] + GUEST_STACK / 2);
	traps_install();
	hcall(set_callbacks, trap_stubs[TRAP_EVENT], trap_stubs[TRAP_FAILSAFE], trap_stubs[TRAP_SYSCALL]);
}

/*
 * Stack and callbacks of any kind.  Nothing uses them here but events, which another vcpu's noise may unmask at
 * any moment: they find no code where they go, and their trap ends the attempt.  0 would be no callback at all:
 * the event that finds none ends the domain.
 */
static void do_callbacks(void)
{
	struct callbacks random = { random_nowhere() | 0x1000, random_va(), random_va() };

	note(hcall(stack_switch, random_number(), random_va()));
	if (!self()->user_root || one_in(2))
		note_trap(trap_try(callbacks_set, (uintptr_t)&random));
	while (trap_try(callbacks_restore, 0) >= 0)
		;
}

/* State of the FPU: noise loaded, the switch flag, components switched on and off. */
static void fpu_noise(uint64_t which)
{
	static uint8_t area[4096] __attribute__((aligned(64)));

	switch (which) {
	case 0: __asm__ volatile("fxrstor64 (%0)" : : "r"(area)); break;
	case 1: __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory"); break;
	case 2: __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u)); break;
	case 3: __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory"); break;
	case 4: __asm__ volatile("ldmxcsr (%0)" : : "r"(random_toy_va())); break;
	case 5: __asm__ volatile("fldcw (%0); fldz; fld1; fdivp; fwait" : : "r"(random_toy_va())); break;
	case 6: __asm__ volatile("fninit"); break;
	case 7: __asm__ volatile("xsetbv" : : "a"(random_below(8) | 1), "d"(0), "c"(0)); break;
	case 8: __asm__ volatile("divsd %%xmm0, %%xmm1" : : : "memory"); break;
	default: area[random_below(600)] = (uint8_t)random_bits();
	}
}

static void do_fpu(void)
{
	if (one_in(2))
		hcall(fpu_taskswitch, random_below(2));
	note_trap(trap_try(fpu_noise, random_below(10)));
}

/* An iret out of a multicall, at times with calls before and behind it. */
static void iret_in_multicall(uint64_t user)
{
	multicall_entry_t *calls = random_buffer(4 * sizeof(*calls));
	unsigned int n = 1 + random_below(4), at = random_below(n);
	struct iret_context frame = { .rip = (uintptr_t)fuzz_trap, .cs = FLAT_KERNEL_CS & ~3u,
		.rflags = 2, .rsp = trap_try_rsp[vcpu_self()] - 512, .ss = FLAT_KERNEL_SS };

	for (unsigned int i = 0; i < n; i++) {
		calls[i].op = i == at ? __HYPERVISOR_iret : __HYPERVISOR_xen_version;
		calls[i].args[0] = 0;
	}
	if (user) {
		frame.cs = FLAT_USER_CS;
		frame.ss = FLAT_USER_SS;
		frame.rip = random_low_va();
		frame.rflags = 0x202;
	}
	__asm__ volatile("mov %0, %%rsp; mov %1, %%eax; syscall; ud2" : : "r"(&frame),
		"i"(__HYPERVISOR_multicall), "D"(calls), "S"((uint64_t)n) : "memory");
	__builtin_unreachable();
}

static void do_iret_in_multicall(void)
{
	struct worker *w = self();

	w->is_in_user = w->user_root && one_in(2);
	if (w->is_in_user)
		events_revive();
	note_trap(trap_try(iret_in_multicall, w->is_in_user));
	w->is_in_user = false;
}

static const struct {
	unsigned int weight;
	void (*run)(void);
} actions[] = {
	{ 1000, do_call }, { 150, do_multicall }, { 60, do_build_table }, { 10, do_build_tree }, { 40, do_unpin },
	{ 150, do_store }, { 30, do_read }, { 20, do_jump }, { 80, do_instruction }, { 60, do_frame },
	{ 20, do_user_root }, { 20, do_kernel_root }, { 10, do_breakpoint }, { 10, do_balloon },
	{ 2, do_tidy }, { 3, do_code }, { 4, do_callbacks }, { 40, do_fpu }, { 10, do_iret_in_multicall },
	{ 30, do_grant }, { 30, do_other_domain },
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
	uint64_t fine = 0, refused = 0, traps[TRAP_COUNT] = { 0 };

	for (unsigned int w = 0; w < worker_count; w++) {
		fine += workers[w].fine;
		refused += workers[w].refused;
		for (int i = 0; i < TRAP_COUNT; i++)
			traps[i] += workers[w].traps[i];
	}
	print("calls: %lu fine, %lu refused; traps:", fine, refused);
	for (int i = 0; i < TRAP_COUNT; i++) {
		if (traps[i])
			print(" %d: %lu", i, traps[i]);
	}
	print("\n");
}
