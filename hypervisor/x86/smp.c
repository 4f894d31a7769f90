#include "smp.h"

#include "acpi.h"
#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "desc.h"
#include "errno.h"
#include "heap.h"
#include "irq.h"
#include "mm.h"
#include "mtrr.h"
#include "options.h"
#include "panic.h"
#include "printk.h"
#include "sched.h"
#include "string.h"
#include "time.h"
#include "tlb.h"
#include "trampoline.h"
#include "vectors.h"

#define START_WAIT_US 1000000		/* for a CPU to answer; slow firmware and emulation included */

struct cpu *cpus[MAX_CPUS];
struct cpumask cpu_online;
unsigned int cpu_count;

static struct spinlock start_lock;	/* one at a time: they share the trampoline */
static uint32_t start_state;		/* enum start */
enum start { START_WAITING, START_ALIVE, START_GO };

/* The boot CPU may be listed anywhere; it is number 0. */
static struct cpu *cpu_new(unsigned int id, uint32_t apic_id, uint32_t acpi_id)
{
	struct cpu *c = mem_alloc(sizeof(*c));

	if (!c)
		return NULL;
	c->id = id;
	c->arch.apic_id = apic_id;
	c->arch.acpi_id = acpi_id;
	cpus[id] = c;
	cpu_count = id + 1;
	return c;
}

static bool cpu_can_run(const struct acpi_cpu *a)
{
	return a->is_enabled && (apic_is_x2 || a->apic_id < 255);
}

static unsigned int cpus_wanted(void)
{
	if (!options.smp)
		return 1;
	return options.maxcpus ? MIN(options.maxcpus, (uint32_t)MAX_CPUS) : MAX_CPUS;
}

void smp_prepare(void)
{
	struct cpu *boot = cpus[0];
	uint32_t own = apic_own_id();
	unsigned int left_out = 0;

	cpu_count = 1;
	boot->arch.apic_id = own;
	for (uint32_t i = 0; i < acpi.cpu_count; i++) {
		const struct acpi_cpu *a = &acpi.cpu[i];

		if (a->apic_id == own)
			boot->arch.acpi_id = a->acpi_id;
		else if (cpu_can_run(a) && cpu_count < cpus_wanted())
			cpu_new(cpu_count, a->apic_id, a->acpi_id);
		else
			left_out += a->is_enabled;
	}
	if (left_out)
		printk(LOG_INFO "SMP: %u CPUs left out\n", left_out);
}

/* In the order in which each needs the others. */
static int cpu_resources(struct cpu *c)
{
	int rc = c->arch.stack ? 0 : desc_cpu_init(c);

	if (!rc)
		rc = irq_cpu_init(c);
	if (rc || c->idle)
		return rc;
	rc = timer_cpu_init(c);
	if (rc)
		return rc;
	c->idle = vcpu_new_idle(c);
	return c->idle ? sched_cpu_init(c) : -ENOMEM;
}

/* The CPU's first C: on its own stack, boot page tables, interrupts disabled. */
static void cpu_main(void)
{
	struct cpu *c = this_cpu();

	cpu_load_descriptors(c);
	cpu_init(c);
	mtrr_apply();
	apic_cpu_init(c);
	__atomic_store_n(&start_state, START_ALIVE, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&start_state, __ATOMIC_SEQ_CST) != START_GO)
		cpu_relax();
	time_check_sync_ap();
	time_cpu_init();
	cpumask_set(&cpu_online, c->id);
	irq_enable();
	idle_loop();
}

static void stack_prepare(struct cpu *c)
{
	struct stack_end *end = (struct stack_end *)(c->arch.stack + STACK_SIZE) - 1;

	*end = (struct stack_end){ .cpu = c, .current = c->idle, .hw_cr3 = hv_root_paddr };
}

static void trampoline_fill(struct cpu *c)
{
	char *page = paddr_to_virt(TRAMPOLINE_PADDR);
	struct trampoline_words words = {
		.root = hv_root_paddr,
		.efer = rdmsr(MSR_EFER) & 0x901,	/* SCE, LME, NXE */
		.stack = (uint64_t)c->arch.stack + STACK_SIZE - 512,	/* guest frame, stack_end */
		.entry = (uint64_t)cpu_main,
	};

	memcpy(page, trampoline_start, trampoline_end - trampoline_start);
	memcpy(page + (trampoline_words - trampoline_start), &words, sizeof(words));
}

static bool wait_for(enum start state, uint64_t us)
{
	for (uint64_t start = now_ns(); now_ns() - start < us * NS_PER_US;) {
		if (__atomic_load_n(&start_state, __ATOMIC_SEQ_CST) == state)
			return true;
		cpu_relax();
	}
	return false;
}

/* INIT, then STARTUP twice unless the first was enough (SDM 3A 8.4.4.1). */
static bool cpu_wake(struct cpu *c)
{
	apic_send_init(c->arch.apic_id);
	time_delay_us(10000);
	apic_send_startup(c->arch.apic_id, TRAMPOLINE_PADDR);
	if (wait_for(START_ALIVE, 1000))
		return true;
	apic_send_startup(c->arch.apic_id, TRAMPOLINE_PADDR);
	return wait_for(START_ALIVE, START_WAIT_US);
}

static int cpu_bring_up(struct cpu *c)
{
	int rc = cpu_resources(c);

	if (rc)
		return rc;
	stack_prepare(c);
	trampoline_fill(c);
	__atomic_store_n(&start_state, START_WAITING, __ATOMIC_SEQ_CST);
	if (!cpu_wake(c)) {
		apic_send_init(c->arch.apic_id);	/* so that it doesn't turn up later */
		return -ENODEV;
	}
	__atomic_store_n(&start_state, START_GO, __ATOMIC_SEQ_CST);
	time_check_sync_boot();
	while (!cpumask_test(&cpu_online, c->id))
		cpu_relax();
	time_start_cpu(c);
	return 0;
}

int smp_start_cpu(struct cpu *c)
{
	int rc = -EEXIST;

	spin_lock(&start_lock);
	if (!cpumask_test(&cpu_online, c->id))
		rc = cpu_bring_up(c);
	spin_unlock(&start_lock);
	return rc;
}

void smp_boot_all(void)
{
	mtrr_save();
	for (unsigned int id = 1; id < cpu_count; id++) {
		int rc = smp_start_cpu(cpus[id]);

		if (rc)
			printk(LOG_ERR "SMP: CPU %u (APIC %u) does not start (error %d)\n", id,
			       cpus[id]->arch.apic_id, -rc);
	}
	printk(LOG_INFO "SMP: %u of %u CPUs run\n", cpumask_count(&cpu_online), cpu_count);
}

static void ipi_send_mask(const struct cpumask *to, unsigned int vector)
{
	unsigned int cpu;

	cpumask_for_each(cpu, to) {
		perf_inc(ipis);
		apic_send_ipi(cpus[cpu]->arch.apic_id, vector);
	}
}

void arch_kick_cpu(struct cpu *c)
{
	perf_inc(ipis);
	apic_send_ipi(c->arch.apic_id, VECTOR_KICK);
}

/*
 * One call at a time in the machine.  Who waits for the lock, or for the others, has interrupts enabled
 * (or answers by itself), so that two callers don't wait for each other.
 */
static struct spinlock call_lock;
static struct {
	void (*function)(void *data);
	void *data;
	struct cpumask pending;		/* who has not run it yet */
} call;

static void call_answer(void)
{
	uint64_t flags = irq_save();		/* or the interrupt would come in between and run it twice */

	if (cpumask_test(&call.pending, cpu_id())) {
		call.function(call.data);
		cpumask_clear(&call.pending, cpu_id());
	}
	irq_restore(flags);
}

static const struct cpu_user_regs *interrupted[MAX_CPUS];	/* each CPU's own */

const struct cpu_user_regs *smp_interrupted(void) { return interrupted[cpu_id()]; }

void smp_call_interrupt(struct cpu_user_regs *regs)
{
	interrupted[cpu_id()] = regs;
	call_answer();
	interrupted[cpu_id()] = NULL;
}

/* Others but this one, online. */
static struct cpumask others_of(const struct cpumask *on)
{
	struct cpumask m;

	cpumask_and(&m, on, &cpu_online);
	cpumask_clear(&m, cpu_id());
	return m;
}

static void call_others(struct cpumask others, unsigned int vector, void (*function)(void *data), void *data)
{
	while (!spin_trylock(&call_lock)) {
		call_answer();			/* with interrupts disabled nobody else would */
		cpu_relax();
	}
	call.function = function;
	call.data = data;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	call.pending = others;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ipi_send_mask(&others, vector);
	while (!cpumask_empty(&call.pending))
		cpu_relax();
	spin_unlock(&call_lock);
}

void smp_call(const struct cpumask *on, void (*function)(void *data), void *data)
{
	struct cpumask others = others_of(on);

	if (!cpumask_empty(&others))
		call_others(others, VECTOR_CALL, function, data);
}

#define FLUSH_ALL (~0UL)

static void flush_here(void *data)
{
	uint64_t va = *(uint64_t *)data;

	if (va == FLUSH_ALL)
		tlb_flush_local();
	else
		tlb_flush_page_local(va);
}

void smp_flush_interrupt(struct cpu_user_regs *regs) { call_answer(); }

static void flush_cpus(const struct cpumask *on, uint64_t va)
{
	struct cpumask others = others_of(on);

	if (cpumask_test(on, cpu_id()))
		flush_here(&va);
	if (cpumask_empty(&others))
		return;
	perf_inc(tlb_flushes);
	call_others(others, VECTOR_FLUSH, flush_here, &va);
}

void tlb_flush_cpus(const struct cpumask *on) { flush_cpus(on, FLUSH_ALL); }
void tlb_flush_page_cpus(const struct cpumask *on, uint64_t va) { flush_cpus(on, va); }

/* Stopping for good: by IPI, which most take at once, then by NMI for those that have interrupts disabled. */
static bool is_stopping;

__attribute__((noreturn)) static void stop_here(void)
{
	irq_disable();
	apic_cpu_shutdown();
	this_cpu()->arch.is_parked = true;
	cpumask_clear(&cpu_online, cpu_id());
	for (;;)
		halt();
}

void smp_stop_interrupt(struct cpu_user_regs *regs) { stop_here(); }

bool smp_nmi(void)
{
	if (READ_ONCE(is_stopping))
		stop_here();
	return false;
}

static bool others_are_gone(uint64_t wait_us)
{
	for (uint64_t waited = 0; waited < wait_us; waited += 10) {
		struct cpumask others = others_of(&cpu_online);

		if (cpumask_empty(&others))
			return true;
		time_delay_us(10);
	}
	return false;
}

void smp_stop_others(void)
{
	struct cpumask others;

	if (cpumask_count(&cpu_online) < 2)	/* perhaps so early that there's no record of this CPU yet */
		return;
	others = others_of(&cpu_online);
	WRITE_ONCE(is_stopping, true);
	ipi_send_mask(&others, VECTOR_STOP);
	if (others_are_gone(100000))
		return;
	apic_send_nmi_others();
	others_are_gone(100000);
}

void arch_stop_others(void) { smp_stop_others(); }

/*
 * Taking one out of service needs its vcpus, timers and interrupts moved while it runs; the scheduler has
 * no operation for that, so it is refused.
 */
int smp_stop_cpu(struct cpu *c)
{
	return c->id == 0 ? -EBUSY : -EOPNOTSUPP;
}
