/*
 * What test guests share: hypercalls, printing, traps and the memory they start with.  A guest defines
 * test_main(); when that returns, the domain powers off.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include <xen/xen.h>
#include <xen/sched.h>

#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define VIRT_BASE 0xffffffff80000000ul	/* guest.lds, start.S */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The registers at a trap, as start.S saves them. */
struct regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

enum trap_number {		/* the stubs behind those of the CPU's vectors 0-31 */
	TRAP_EVENT = 32,	/* event callback */
	TRAP_FAILSAFE,
	TRAP_SYSCALL,		/* from user mode */
	TRAP_SYSCALL32,
	TRAP_INT80,
	TRAP_COUNT = 40,
};

extern struct start_info *start_info;
extern struct shared_info shared_info;	/* mapped by guest_init() */
extern uint8_t hypercall_page[PAGE_SIZE];
extern const uint8_t trap_stubs[TRAP_COUNT][32];

/* What the registers were as the guest was entered. */
extern const struct entry_state {
	uint64_t rsp, rflags;
	uint16_t cs, ss, ds, es, fs, gs;
} entry_state;

void test_main(void);

/*
 * A vcpu is known by the stack it runs on: vcpu 0 starts on the first of these, others that a test brings up
 * and that meet traps must have theirs.  Who runs elsewhere counts as vcpu 0.
 */
enum { GUEST_STACK = 65536, GUEST_VCPUS = 8 };		/* start.S, try.S */
extern uint8_t guest_stacks[GUEST_VCPUS][GUEST_STACK];
unsigned int vcpu_self(void);
void traps_install(void);	/* trap table and callbacks of this vcpu; vcpu 0 has them from the start */

/* Formats %s %c %d %u %x (with l, a width and zero padding); writes to the hypervisor's console. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void guest_shutdown(unsigned int reason);	/* SHUTDOWN_* */
_Noreturn void guest_panic(const char *why);

/*
 * A test that provokes traps installs its handler: true means that the trap was dealt with and the
 * guest goes on as *r says.  Without one, or on false, the guest prints the registers and crashes.
 */
typedef bool trap_handler(struct regs *r);
extern trap_handler *trap_hook[TRAP_COUNT];

/* What the last trap found; its frame (ss) ended at trap_last_frame. */
extern struct regs trap_last;
extern uint64_t trap_last_cr2, trap_last_frame;

/* Runs fn(arg) until it returns (-1) or meets a trap, in kernel or user mode (the trap's number). */
int trap_try(void (*fn)(uint64_t arg), uint64_t arg);
_Noreturn void user_enter(const struct regs *r);

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* A hypercall through the page that the hypervisor filled in: five arguments, as the ABI has them. */
static inline long hypercall(unsigned int number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
	uint64_t a5)
{
	register uint64_t r10 __asm__("r10") = a4;
	register uint64_t r8 __asm__("r8") = a5;
	long result;

	__asm__ volatile("call *%[target]"
		: "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
		: [target] "r"(&hypercall_page[number * 32])
		: "rcx", "r11", "r9", "memory");
	return result;
}

#define HCALL_ARG(x) ((uint64_t)(x))
#define HCALL_PICK(nr, a, b, c, d, e, ...) hypercall(nr, HCALL_ARG(a), HCALL_ARG(b), HCALL_ARG(c), \
	HCALL_ARG(d), HCALL_ARG(e))
/* hcall(xen_version, XENVER_version, NULL): the arguments that are not given are 0. */
#define hcall(name, ...) HCALL_PICK(__HYPERVISOR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0)

#endif
