/* The vcpus that act, side by side on the same toys, and the events that end user code which would not. */
#include "clock.h"
#include "fuzz.h"

#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/vcpu.h>

struct worker workers[GUEST_VCPUS];
unsigned int worker_count, spare_first, vcpu_count;
bool has_fifo;
extern uint64_t trap_try_rsp[];		/* try.S */
static uint32_t *fifo_words;
static struct evtchn_fifo_control_block *fifo_control[GUEST_VCPUS];

struct worker *self(void)
{
	return &workers[vcpu_self()];
}

/* ---- Events ---- */

/* Without a console nobody would hear of the end. */
bool is_kept_port(uint32_t port)
{
	if (!(start_info->flags & SIF_INITDOMAIN) && port == start_info->console.domU.evtchn)
		return true;
	for (unsigned int i = 0; i < worker_count; i++)
		if (workers[i].timer_port == port)
			return true;
	return false;
}

uint64_t events_mfn(void)
{
	unsigned int n = has_fifo ? random_below(2 + worker_count) : 0;

	if (n == 0)
		return start_info->shared_info >> 12;
	return mfn_of(n == 1 ? (void *)fifo_words : (void *)fifo_control[n - 2]);
}

/* Toys can map these pages, so they may hold anything. */
static void events_drop(void)
{
	for (unsigned int i = 0; i < worker_count; i++) {
		shared_info.vcpu_info[i].evtchn_upcall_pending = 0;
		shared_info.vcpu_info[i].evtchn_pending_sel = 0;
	}
	for (int i = 0; i < 64; i++)
		shared_info.evtchn_pending[i] = 0;
	if (!has_fifo)
		return;
	for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
		fifo_words[i] = 0;
	for (unsigned int i = 0; i < worker_count; i++)
		memset(fifo_control[i], 0, sizeof(*fifo_control[i]));
}

void events_revive(void)
{
	for (unsigned int i = 0; i < worker_count; i++)
		shared_info.evtchn_mask[workers[i].timer_port / 64] &= ~(1ul << workers[i].timer_port % 64);
	events_drop();
	for (unsigned int i = 0; i < worker_count; i++)
		if (workers[i].is_in_user)
			shared_info.vcpu_info[i].evtchn_upcall_mask = 0;
}

/* The timer ends user code that would go on for ever; elsewhere events are only put away. */
static bool event_take(struct regs *r)
{
	events_drop();
	return (r->cs & 3) != 3;
}

static bool nmi_take(struct regs *r) { return true; }

/* One that nobody provoked ends the run: what the tables say helps to see why. */
static bool page_fault_take(struct regs *r)
{
	uint64_t va = shared_info.vcpu_info[vcpu_self()].arch.cr2, *entry;

	for (int level = 4; !trap_try_rsp[vcpu_self()] && level; level--) {
		entry = pte_of(va, level);
		print("level %d of 0x%lx: 0x%lx\n", level, va, entry ? *entry : 0);
		if (!entry || !(*entry & PTE_P))
			break;
	}
	return false;
}

/* Breakpoints may hit anywhere: they are switched off, lest the same instruction meets them for ever. */
static bool debug_take(struct regs *r)
{
	hcall(set_debugreg, 7, 0);
	return (r->cs & 3) != 3 && !(r->rflags & 0x100);
}

static void fifo_start(unsigned int id)
{
	struct evtchn_init_control init = { .vcpu = id };
	struct evtchn_expand_array expand = { 0 };

	fifo_control[id] = page_get();
	init.control_gfn = mfn_of(fifo_control[id]);
	if (hcall(event_channel_op, EVTCHNOP_init_control, &init))
		guest_panic("init_control was refused");
	if (fifo_words)
		return;
	fifo_words = page_get();
	expand.array_gfn = mfn_of(fifo_words);
	if (hcall(event_channel_op, EVTCHNOP_expand_array, &expand))
		guest_panic("expand_array was refused");
}

/* ---- A vcpu's life ---- */

/* What every vcpu asks for itself. */
static void worker_prepare(unsigned int id)
{
	struct evtchn_bind_virq timer = { .virq = VIRQ_TIMER, .vcpu = id };
	struct physdev_set_iopl iopl = { .iopl = 1 };
	struct callback_register syscall = { .type = CALLBACKTYPE_syscall,
		.address = (unsigned long)trap_stubs[TRAP_SYSCALL] };
	struct callback_register syscall32 = { .type = CALLBACKTYPE_syscall32,
		.address = (unsigned long)trap_stubs[TRAP_SYSCALL32] };
	struct callback_register nmi = { .type = CALLBACKTYPE_nmi, .address = (unsigned long)trap_stubs[2] };

	if (hcall(event_channel_op, EVTCHNOP_bind_virq, &timer) ||
	    hcall(physdev_op, PHYSDEVOP_set_iopl, &iopl) ||
	    hcall(callback_op, CALLBACKOP_register, &syscall) ||
	    hcall(callback_op, CALLBACKOP_register, &syscall32) ||
	    hcall(stack_switch, FLAT_KERNEL_SS, guest_stacks[id] + GUEST_STACK / 2))
		guest_panic("the start was refused");
	hcall(callback_op, CALLBACKOP_register, &nmi);
	workers[id].timer_port = timer.port;
}

static void worker_act(unsigned int id, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		action_run();
		if (i % 64 == 0)
			events_revive();
		if (id == 0 && i % (count / 10 + 1) == 0)
			print("fuzz: %lu\n", i);
	}
	workers[id].is_done = true;
}

static void worker_main(void)
{
	unsigned int id = vcpu_self();

	traps_install();
	worker_prepare(id);
	random_seed(workers[id].random + id);
	while (!workers[id].left)
		hcall(sched_op, SCHEDOP_yield, NULL);
	worker_act(id, workers[id].left);
	for (;;)
		hcall(vcpu_op, VCPUOP_down, id, NULL);
}

/*
 * User code may write to shared_info through a toy, and then no timer ends it: one vcpu that acts not itself
 * puts that right now and then.
 */
static void nurse_main(void)
{
	traps_install();
	for (;;) {
		struct sched_poll poll = { .timeout = clock_ns(&clock) + 50000000 };

		hcall(sched_op, SCHEDOP_poll, &poll);
		events_revive();
	}
}

static void context_make(struct vcpu_guest_context *c, void (*entry)(void), const uint8_t *stack_end)
{
	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = (uintptr_t)entry;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->user_regs.rflags = 0x1000;		/* IOPL 1: the kernel's ring */
	c->user_regs.rsp = (uintptr_t)stack_end - 8;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = (uintptr_t)stack_end;
	c->ctrlreg[3] = xen_pfn_to_cr3(mfn_of((void *)start_info->pt_base));
}

static void worker_start(unsigned int id, void (*entry)(void))
{
	static struct vcpu_guest_context context;

	context_make(&context, entry, guest_stacks[id] + GUEST_STACK);
	if (hcall(vcpu_op, VCPUOP_initialise, id, &context) || hcall(vcpu_op, VCPUOP_up, id, NULL))
		guest_panic("a vcpu does not start");
}

/* ---- Spare vcpus: they run nothing but their own end ---- */

void spare_run(void);
__asm__(".pushsection .text; .globl spare_run; spare_run:"
	"lea spare_stack_end(%rip), %rsp; mov %ebx, %esi; mov $2, %edi; mov $24, %eax;"
	"call hypercall_page + 24 * 32; jmp spare_run; .popsection;"	/* vcpu_op: VCPUOP_down */
	".pushsection .bss; .skip 4096; spare_stack_end: .popsection");
extern uint8_t spare_stack_end[];

/* All spare vcpus share a stack that holds nothing of worth. */
void spare_context(struct vcpu_guest_context *c, unsigned int id)
{
	context_make(c, spare_run, guest_stacks[GUEST_VCPUS - 1] + 8192);
	c->user_regs.rbx = id;
	c->event_callback_eip = c->failsafe_callback_eip = (uintptr_t)spare_run;
	for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
		c->trap_ctxt[i].vector = (uint8_t)i;
		c->trap_ctxt[i].cs = FLAT_KERNEL_CS;
		c->trap_ctxt[i].address = (uintptr_t)spare_run;
	}
}

/* ---- All of them ---- */

void workers_prepare(unsigned int count, uint64_t seed, bool fifo)
{
	while (vcpu_count < 64 && hcall(vcpu_op, VCPUOP_is_up, vcpu_count, NULL) >= 0)
		vcpu_count++;
	worker_count = count > vcpu_count ? vcpu_count : count < 1 ? 1 : count;
	if (worker_count > GUEST_VCPUS - 2)	/* the last stacks are the nurse's and the spare ones' */
		worker_count = GUEST_VCPUS - 2;
	has_fifo = fifo;
	for (unsigned int i = 0; fifo && i < worker_count; i++)
		fifo_start(i);
	worker_prepare(0);
	random_seed(seed);
	trap_hook[TRAP_EVENT] = event_take;
	trap_hook[1] = debug_take;
	trap_hook[2] = nmi_take;
	trap_hook[14] = page_fault_take;
	for (unsigned int i = 1; i < worker_count; i++) {
		workers[i].random = seed + i * 1000;
		worker_start(i, worker_main);
		while (!workers[i].timer_port)
			hcall(sched_op, SCHEDOP_yield, NULL);
	}
	events_revive();
	spare_first = worker_count;
	if (vcpu_count > worker_count)
		worker_start(spare_first++, nurse_main);
}

void workers_run(uint64_t actions)
{
	uint64_t each = actions / worker_count;

	for (unsigned int i = 0; i < worker_count; i++)
		workers[i].left = each;
	worker_act(0, each);
	for (unsigned int i = 1; i < worker_count; i++)
		while (!workers[i].is_done) {
			events_revive();
			hcall(sched_op, SCHEDOP_yield, NULL);
		}
}
