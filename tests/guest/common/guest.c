/* Start-up, traps and the end of a test guest. */
#include "guest.h"

#include <xen/callback.h>

struct start_info *start_info;
trap_handler *trap_hook[TRAP_COUNT];
struct regs trap_last;
uint64_t trap_last_cr2, trap_last_frame;
uint64_t trap_try_rsp[GUEST_VCPUS];	/* where trap_try() goes on after a trap; 0: it does not run */
extern const uint8_t trap_try_landing[];

_Noreturn void guest_init(struct start_info *si);
void trap_handle(struct regs *r);

_Noreturn void guest_shutdown(unsigned int reason)
{
	struct sched_shutdown op = { .reason = reason };

	for (;;)
		hcall(sched_op, SCHEDOP_shutdown, &op);
}

_Noreturn void guest_panic(const char *why)
{
	print("Guest panic: %s\n", why);
	guest_shutdown(SHUTDOWN_crash);
}

unsigned int vcpu_self(void)
{
	uint64_t here = (uintptr_t)__builtin_frame_address(0), n = (here - (uintptr_t)guest_stacks) / GUEST_STACK;

	return n < GUEST_VCPUS ? (unsigned int)n : 0;
}

static void trap_print(const struct regs *r)
{
	print("Unexpected trap %lu, error code 0x%lx, cr2 0x%lx\n", r->vector, r->error,
		shared_info.vcpu_info[vcpu_self()].arch.cr2);
	print("rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx\n", r->rip, r->cs & 0xffff,
		r->rflags, r->rsp, r->ss);
	print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
	print("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
	print("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
	print("r13 %016lx r14 %016lx r15 %016lx\n", r->r13, r->r14, r->r15);
}

/* Ends what trap_try() called: back to its caller, in kernel mode. */
static bool trap_land(struct regs *r)
{
	bool user = (r->cs & 3) == 3;
	uint64_t *rsp = &trap_try_rsp[vcpu_self()];

	if (!*rsp)
		return false;
	r->rax = r->vector;
	r->rip = (uintptr_t)trap_try_landing;
	r->rsp = *rsp;
	r->cs = FLAT_KERNEL_CS & ~3u;
	r->ss = FLAT_KERNEL_SS;
	/* Events stay masked as they were; after user mode they are. */
	r->rflags = (user ? 0 : r->rflags & 0x200) | 2;
	*rsp = 0;
	return true;
}

void trap_handle(struct regs *r)
{
	trap_handler *hook = trap_hook[r->vector];

	trap_last = *r;
	trap_last_cr2 = shared_info.vcpu_info[0].arch.cr2;
	trap_last_frame = (uintptr_t)(r + 1);
	if ((hook && hook(r)) || trap_land(r))
		return;
	trap_print(r);
	guest_panic("unexpected trap");
}

void traps_install(void)
{
	static const uint8_t vectors[] = { 0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19, 0x80 };
	struct trap_info table[ARRAY_SIZE(vectors) + 1] = { { 0 } };
	struct callback_register event = { .type = CALLBACKTYPE_event,
		.address = (unsigned long)trap_stubs[TRAP_EVENT] };
	struct callback_register failsafe = { .type = CALLBACKTYPE_failsafe,
		.address = (unsigned long)trap_stubs[TRAP_FAILSAFE] };

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		bool user = vectors[i] == 3 || vectors[i] == 4 || vectors[i] == 0x80;

		table[i].vector = vectors[i];
		table[i].flags = user ? 3 : 0;
		table[i].cs = FLAT_KERNEL_CS;
		table[i].address = (unsigned long)
			trap_stubs[vectors[i] == 0x80 ? TRAP_INT80 : vectors[i]];
	}
	if (hcall(set_trap_table, table))
		guest_panic("set_trap_table was refused");
	if (hcall(callback_op, CALLBACKOP_register, &event) ||
	    hcall(callback_op, CALLBACKOP_register, &failsafe))
		guest_panic("callback_op register was refused");
}

_Noreturn void guest_init(struct start_info *si)
{
	uint64_t pte = (si->shared_info & PAGE_MASK) | 0x63;	/* present, writable, accessed, dirty */

	start_info = si;
	traps_install();
	if (hcall(update_va_mapping, &shared_info, pte, UVMF_INVLPG))
		guest_panic("shared_info cannot be mapped");
	test_main();
	guest_shutdown(SHUTDOWN_poweroff);
}
