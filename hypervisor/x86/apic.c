#include "apic.h"

#include "acpi.h"
#include "arch.h"
#include "asm.h"
#include "cpu.h"
#include "ioapic.h"
#include "mm.h"
#include "mmio.h"
#include "options.h"
#include "printk.h"
#include "time.h"
#include "vectors.h"

/* Registers by their xAPIC offset; the x2APIC MSR is 0x800 + offset / 16 (SDM 3A 11.12.1.2). */
#define APIC_ID		0x020
#define APIC_VERSION	0x030
#define APIC_TPR	0x080
#define APIC_EOI	0x0b0
#define APIC_LDR	0x0d0
#define APIC_DFR	0x0e0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR_HIGH	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PERF	0x340
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_LVT_ERROR	0x370
#define APIC_TIMER_INIT	0x380
#define APIC_TIMER_NOW	0x390
#define APIC_TIMER_DIV	0x3e0

#define X2APIC_MSR	0x800

#define BASE_ENABLE	0x800		/* IA32_APIC_BASE */
#define BASE_X2		0x400
#define SVR_ENABLE	0x100
#define LVT_MASKED	0x10000
#define LVT_LEVEL	0x8000
#define LVT_LOW		0x2000
#define LVT_EXTINT	0x700
#define LVT_NMI		0x400
#define LVT_DEADLINE	0x40000
#define DIVIDE_BY_1	0xb
#define CALIBRATE_NS	(10 * NS_PER_MS)
#define ICR_NMI		0x400
#define ICR_INIT	0x500
#define ICR_STARTUP	0x600
#define ICR_ASSERT	0x4000
#define ICR_LEVEL	0x8000
#define ICR_BUSY	0x1000
#define ICR_OTHERS	0xc0000
#define ICR_WAIT_READS	1000000		/* delivery takes microseconds; then something is broken */

bool apic_is_x2, apic_has_deadline;
uint64_t apic_timer_hz;

static void *regs;			/* xAPIC: the page of each CPU's own */

static uint32_t apic_read(uint32_t reg)
{
	return apic_is_x2 ? (uint32_t)rdmsr(X2APIC_MSR + reg / 16) : mmio_read32(regs, reg);
}

static void apic_write(uint32_t reg, uint32_t v)
{
	if (apic_is_x2)
		wrmsr(X2APIC_MSR + reg / 16, v);
	else
		mmio_write32(regs, reg, v);
}

uint32_t apic_own_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return apic_is_x2 ? id : id >> 24;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

bool apic_is_in_service(unsigned int vector)
{
	return apic_read(APIC_ISR + vector / 32 * 16) >> (vector % 32) & 1;
}

/* x2APIC: where the firmware left it on, where CPUs have ids that xAPIC can't name, or on request. */
static bool x2apic_is_wanted(uint64_t base)
{
	if (!(cpuid(1, 0).c & 1U << 21))
		return false;
	if (base & BASE_X2 || options.x2apic)
		return true;
	for (uint32_t i = 0; i < acpi.cpu_count; i++)
		if (acpi.cpu[i].is_enabled && acpi.cpu[i].apic_id >= 255)
			return true;
	return false;
}

static void apic_enable(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	wrmsr(MSR_APIC_BASE, base | BASE_ENABLE);	/* xAPIC before x2APIC: 11.12.5 */
	if (apic_is_x2)
		wrmsr(MSR_APIC_BASE, base | BASE_ENABLE | BASE_X2);
}

const char *apic_init(void)
{
	uint64_t base;

	if (!options.apic)
		return "switched off by nolapic";
	if (!(cpuid(1, 0).d & 1U << 9) || !rdmsr_safe(MSR_APIC_BASE, &base))
		return "the CPU has none";
	apic_is_x2 = x2apic_is_wanted(base);
	apic_has_deadline = cpuid(1, 0).c & 1U << 24;
	if (!apic_is_x2) {
		paddr_t pa = base & PTE_ADDR;

		if (acpi.lapic_address && acpi.lapic_address != pa)
			printk(LOG_WARN "APIC: the MADT says %#lx, the CPU %#lx\n", acpi.lapic_address, pa);
		regs = ioremap(pa, PAGE_SIZE);
		if (!regs)
			return "its registers can't be mapped";
	}
	apic_enable();
	printk(LOG_INFO "APIC: %s mode%s\n", apic_is_x2 ? "x2APIC" : "xAPIC",
	       apic_has_deadline ? ", TSC deadline timer" : "");
	return NULL;
}

/* LINT0 is the 8259s' on the boot CPU if they are in use; NMI comes where the MADT says. */
static void lints_set_up(struct cpu *c)
{
	uint32_t lint[2] = { LVT_MASKED, LVT_MASKED };
	bool nmi_is_given = false;

	if (c->id == 0 && !ioapic_is_used())
		lint[0] = LVT_EXTINT;
	for (uint32_t i = 0; i < acpi.nmi_count; i++) {
		const struct acpi_lapic_nmi *n = &acpi.nmi[i];

		if (!n->is_for_all && n->acpi_id != c->arch.acpi_id)
			continue;
		lint[n->lint] = LVT_NMI | (ACPI_POLARITY(n->flags) == ACPI_ACTIVE_LOW ? LVT_LOW : 0);
		nmi_is_given = true;
	}
	if (!nmi_is_given && c->id == 0)
		lint[1] = LVT_NMI;		/* where PCs have it */
	apic_write(APIC_LVT_LINT0, lint[0]);
	apic_write(APIC_LVT_LINT1, lint[1]);
}

static unsigned int apic_max_lvt(void)
{
	return apic_read(APIC_VERSION) >> 16 & 0xff;
}

/* What firmware left in service would block everything below it: a dozen EOIs end it. */
static void apic_drain(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		bool any = false;

		for (unsigned int w = 0; w < 8; w++)
			any |= apic_read(APIC_ISR + w * 16);
		if (!any)
			return;
		apic_eoi();
	}
}

void apic_cpu_init(struct cpu *c)
{
	apic_enable();
	c->arch.apic_id = apic_own_id();
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	if (apic_max_lvt() >= 4)
		apic_write(APIC_LVT_PERF, LVT_MASKED);
	if (apic_max_lvt() >= 5)
		apic_write(APIC_LVT_THERMAL, LVT_MASKED);
	if (!apic_is_x2) {			/* flat, no logical destinations in use */
		apic_write(APIC_DFR, 0xffffffff);
		apic_write(APIC_LDR, 0);
	}
	apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	apic_drain();
	lints_set_up(c);
	apic_write(APIC_ESR, 0);
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_write(APIC_TIMER_DIV, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (apic_has_deadline ? LVT_DEADLINE : 0));
	__asm__ volatile("mfence" ::: "memory");	/* before the first deadline: 11.5.4.1 */
}

void apic_cpu_shutdown(void)
{
	if (!apic_is_x2 && !regs)
		return;
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_ERROR, LVT_MASKED | VECTOR_ERROR);
}

/* Interrupts off: an interrupt between the two halves could send in between. */
static void icr_write(uint32_t apic_id, uint32_t low)
{
	uint64_t flags;

	if (apic_is_x2) {
		__asm__ volatile("mfence; lfence" ::: "memory");	/* the MSR write isn't ordered: 11.12.3 */
		wrmsr(X2APIC_MSR + APIC_ICR / 16, (uint64_t)apic_id << 32 | low);
		return;
	}
	flags = irq_save();
	for (unsigned int i = 0; i < ICR_WAIT_READS && apic_read(APIC_ICR) & ICR_BUSY; i++)
		cpu_relax();
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, low);
	irq_restore(flags);
}

void apic_send_ipi(uint32_t apic_id, unsigned int vector) { icr_write(apic_id, ICR_ASSERT | vector); }
void apic_send_nmi(uint32_t apic_id) { icr_write(apic_id, ICR_ASSERT | ICR_NMI); }
void apic_send_nmi_others(void) { icr_write(0, ICR_ASSERT | ICR_NMI | ICR_OTHERS); }
void apic_send_init(uint32_t apic_id) { icr_write(apic_id, ICR_ASSERT | ICR_LEVEL | ICR_INIT); }

void apic_send_startup(uint32_t apic_id, paddr_t page)
{
	icr_write(apic_id, ICR_ASSERT | ICR_STARTUP | (uint32_t)(page >> PAGE_SHIFT));
}

/* The timer's count and the time at one moment: the best of several tries. */
static uint32_t timer_read_at(uint64_t *ns)
{
	uint64_t best = ~0UL;
	uint32_t best_count = 0;

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t before = now_ns();
		uint32_t count = apic_read(APIC_TIMER_NOW);
		uint64_t after = now_ns();

		if (after - before >= best)
			continue;
		best = after - before;
		best_count = count;
		*ns = before + best / 2;
	}
	return best_count;
}

void apic_timer_calibrate(void)
{
	uint64_t flags, start, end;
	uint32_t from, to;

	if (apic_has_deadline)
		return;
	flags = irq_save();
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_TIMER_INIT, 0xffffffff);
	from = timer_read_at(&start);
	while (now_ns() - start < CALIBRATE_NS)
		cpu_relax();
	to = timer_read_at(&end);
	apic_write(APIC_TIMER_INIT, 0);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	irq_restore(flags);
	apic_timer_hz = (uint64_t)(from - to) * NS_PER_S / (end - start);
	printk(LOG_INFO "APIC: timer runs at %lu kHz\n", apic_timer_hz / 1000);
	if (!apic_timer_hz)
		fatal("The APIC timer does not count");
}

void apic_timer_set_deadline(uint64_t tsc) { wrmsr(MSR_TSC_DEADLINE, tsc); }
void apic_timer_set_count(uint32_t count) { apic_write(APIC_TIMER_INIT, count); }

void apic_error_interrupt(void)
{
	uint32_t esr;

	apic_write(APIC_ESR, 0);	/* latches */
	esr = apic_read(APIC_ESR);
	printk(LOG_WARN "CPU %u: APIC error %#x\n", cpu_id(), esr);
}
