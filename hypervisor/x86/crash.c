#include "crash.h"

#include "arch.h"
#include "asm.h"
#include "console.h"
#include "desc.h"
#include "guest.h"
#include "mm.h"
#include "options.h"
#include "panic.h"
#include "printk.h"
#include "smp.h"
#include "string.h"
#include "symbols.h"
#include "traps.h"
#include "watchdog.h"

#define CODE_BYTES 32			/* shown, half of them before RIP */
#define STACK_WORDS 32
#define TRACE_LINES 32

extern const char _image_start[], _text_end[];
size_t copy_unsafe(void *to, const void *from, size_t bytes);	/* entry.S: the bytes not copied after a fault */

#define NMI_REASON_PORT 0x61
#define NMI_SERR 0x80
#define NMI_IOCHK 0x40
#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MC_STATUS(bank) (0x401 + 4 * (bank))
#define MSR_MC_ADDRESS(bank) (0x402 + 4 * (bank))
#define MC_VALID (1UL << 63)
#define MC_HAS_ADDRESS (1UL << 58)

static bool is_text(uint64_t address)
{
	return address >= (uint64_t)_image_start && address < (uint64_t)_text_end;
}

static void show_symbol(uint64_t address)
{
	uint64_t offset;
	const char *name = is_text(address) ? symbol_find(address, &offset) : NULL;

	if (name)
		printk(" %s+%#lx", name, offset);
}

static void show_general(const struct cpu_user_regs *r)
{
	bool guest = r->cs & 3;

	printk("RIP:    %04x:%016lx", r->cs, r->rip);
	if (!guest)
		show_symbol(r->rip);
	printk("\nRFLAGS: %016lx   vector %#x, error %#x\n", r->rflags, r->entry_vector, r->error_code);
	printk("rax: %016lx   rbx: %016lx   rcx: %016lx\n", r->rax, r->rbx, r->rcx);
	printk("rdx: %016lx   rsi: %016lx   rdi: %016lx\n", r->rdx, r->rsi, r->rdi);
	printk("rbp: %016lx   rsp: %016lx   r8:  %016lx\n", r->rbp, r->rsp, r->r8);
	printk("r9:  %016lx   r10: %016lx   r11: %016lx\n", r->r9, r->r10, r->r11);
	printk("r12: %016lx   r13: %016lx   r14: %016lx\n", r->r12, r->r13, r->r14);
	printk("r15: %016lx   ss: %04x\n", r->r15, r->ss);
}

static void crash_show_registers(const struct cpu_user_regs *r)
{
	struct vcpu *v = current_vcpu();

	printk("CPU:    %u, %s", cpu_id(), r->cs & 3 ? "guest" : "hypervisor");
	if (v && !vcpu_is_idle(v))
		printk(", d%uv%u", v->domain->id, v->id);
	printk("\n");
	show_general(r);
	printk("cr2: %016lx   cr3: %016lx\n", read_cr2(), read_cr3());
}

/* From the guest's address space or ours: a fault means that it isn't there. */
static bool peek(uint64_t from, void *to, size_t bytes, bool ours)
{
	if (ours)
		return !copy_unsafe(to, (const void *)from, bytes);
	return !copy_from_guest(to, from, bytes);
}

static void crash_show_code(const struct cpu_user_regs *r)
{
	bool ours = !(r->cs & 3);

	printk("code:");
	for (uint64_t at = r->rip - CODE_BYTES / 2; at != r->rip + CODE_BYTES / 2; at++) {
		uint8_t byte;

		if (!peek(at, &byte, 1, ours))
			printk(" ??");
		else
			printk(at == r->rip ? " <%02x>" : " %02x", byte);
	}
	printk("\n");
}

/* Behind a CALL: E8 and four bytes, or FF /2 with its possible lengths (SDM 2A CALL). */
static bool is_return_address(uint64_t address)
{
	static const uint8_t lengths[] = { 2, 3, 4, 6, 7 };
	uint8_t bytes[8];

	if (!is_text(address) || !is_text(address - 8) || !peek(address - 8, bytes, 8, true))
		return false;
	if (bytes[3] == 0xe8)
		return true;
	for (unsigned int i = 0; i < sizeof(lengths); i++)
		if (bytes[8 - lengths[i]] == 0xff && (bytes[9 - lengths[i]] & 0x38) == 0x10)
			return true;
	return false;
}

static uint64_t stack_limit(uint64_t rsp) { return (rsp | (STACK_SIZE - 1)) + 1; }

static void show_trace(uint64_t rsp)
{
	unsigned int lines = 0;

	printk("call trace (return addresses found on the stack):\n");
	for (uint64_t at = rsp; at < stack_limit(rsp) && lines < TRACE_LINES; at += 8) {
		uint64_t word;

		if (!peek(at, &word, 8, true))
			break;
		if (!is_return_address(word))
			continue;
		printk("  [%016lx]", word);
		show_symbol(word);
		printk("\n");
		lines++;
	}
}

/* Words, then those that look like return addresses. */
static void crash_show_stack(uint64_t rsp, bool ours)
{
	printk("stack at %016lx:\n", rsp);
	for (unsigned int i = 0; i < STACK_WORDS && (!ours || rsp + i * 8 < stack_limit(rsp)); i++) {
		uint64_t word;

		if (!peek(rsp + i * 8, &word, 8, ours)) {
			printk(" (not mapped)");
			break;
		}
		printk(i % 4 == 3 ? " %016lx\n" : " %016lx", word);
	}
	printk("\n");
	if (ours)
		show_trace(rsp);
}

static void show_all(const struct cpu_user_regs *r)
{
	crash_show_registers(r);
	crash_show_code(r);
	crash_show_stack(r->rsp, !(r->cs & 3));
}

void fatal_trap(struct cpu_user_regs *regs)
{
	panic_begin();
	printk("\n*** Fatal %s (vector %u, error code %#x)\n", trap_name(regs->entry_vector),
	       regs->entry_vector, regs->error_code);
	show_all(regs);
	panic_end();
}

/* panic() has no frame: its own stack tells who called it. */
void arch_panic_show(void)
{
	uint64_t rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	crash_show_stack(rsp, true);
}

void nmi_handle(struct cpu_user_regs *regs)
{
	uint8_t reason;

	this_cpu()->arch.nmi_count++;
	if (smp_nmi())
		return;
	if (watchdog_is_victim()) {
		panic_begin();
		printk("\n*** Watchdog: CPU %u has run nothing else for %u s\n", cpu_id(),
		       options.watchdog_timeout_s);
		show_all(regs);
		panic_end();
	}
	reason = inb(NMI_REASON_PORT);
	if (reason & (NMI_SERR | NMI_IOCHK)) {
		printk(LOG_ERR "CPU %u: NMI: %s\n", cpu_id(),
		       reason & NMI_SERR ? "memory or bus error (SERR)" : "I/O check");
		outb(NMI_REASON_PORT, (reason & 0xf) | 0xc);	/* clears both, and lets them come again */
		outb(NMI_REASON_PORT, reason & 3);
		return;
	}
	printk(LOG_WARN "CPU %u: NMI without a known reason (%#x)\n", cpu_id(), reason);
}

void machine_check_handle(struct cpu_user_regs *regs)
{
	uint64_t cap = 0, status;

	panic_begin();
	printk("\n*** Machine check\n");
	rdmsr_safe(MSR_MCG_CAP, &cap);
	for (unsigned int bank = 0; bank < (cap & 0xff); bank++) {
		if (!rdmsr_safe(MSR_MC_STATUS(bank), &status) || !(status & MC_VALID))
			continue;
		printk("bank %u: status %016lx", bank, status);
		if (status & MC_HAS_ADDRESS)
			printk(" address %016lx", rdmsr(MSR_MC_ADDRESS(bank)));
		printk("\n");
	}
	show_all(regs);
	panic_end();
}

static void show_guest(const struct cpu_user_regs *r)
{
	crash_show_registers(r);
	crash_show_code(r);
	crash_show_stack(r->rsp, false);
}

void arch_guest_show(void)
{
	uint64_t flags = console_lock();

	show_guest(cpu_guest_frame(this_cpu()));
	console_unlock(flags);
}

/* Debug key d: each CPU shows what it was doing when the call came. */
static void dump_cpu(void *data)
{
	const struct cpu_user_regs *regs = smp_interrupted();
	uint64_t flags = console_lock();

	if (regs && regs->cs & 3) {
		show_guest(regs);
	} else if (regs) {
		crash_show_registers(regs);
		crash_show_stack(regs->rsp, true);
	}
	console_unlock(flags);
}

void crash_dump_cpus(void)
{
	printk("CPU %u runs this key's handler:\n", cpu_id());
	arch_panic_show();
	smp_call(&cpu_online, dump_cpu, NULL);
}

/* On the CPU where it runs: what it was doing when it last came to us. */
static void dump_running(void *data)
{
	if (current_vcpu() == data)
		arch_guest_show();
}

/* Its registers are where they were left: maybe on the CPU where it ran last. */
static void dump_vcpu(struct vcpu *v)
{
	struct cpu *c = READ_ONCE(v->cpu), *loaded = READ_ONCE(v->arch.loaded_on);
	struct cpumask one = { { 0 } };

	printk("d%uv%u: stop %#x pauses %u%s, in its %s\n", v->domain->id, v->id, v->stop, v->pauses,
	       v->is_running ? " running" : "", v->arch.pv.in_kernel ? "kernel" : "user mode");
	if (v == current_vcpu()) {
		arch_guest_show();
	} else if (READ_ONCE(v->is_running)) {
		cpumask_set(&one, c->id);
		smp_call(&one, dump_running, v);
	} else if (v->is_initialised) {
		show_general(loaded ? cpu_guest_frame(loaded) : &v->arch.regs);
	}
}

void crash_dump_dom0(void)
{
	for (unsigned int i = 0; dom0 && i < dom0->max_vcpus; i++)
		if (dom0->vcpu[i])
			dump_vcpu(dom0->vcpu[i]);
}
