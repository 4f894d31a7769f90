#include "time.h"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "clocks.h"
#include "cmos.h"
#include "cpu.h"
#include "options.h"
#include "panic.h"
#include "printk.h"
#include "string.h"
#include "wallclock.h"

#define CALIBRATE_NS (20 * NS_PER_MS)
#define CALIBRATE_ROUNDS 2
#define CORRECT_PERIOD_NS NS_PER_S
#define CORRECT_MAX_NS (100 * NS_PER_MS)	/* further behind: step; further ahead: slow down by this much */
#define WARP_ROUNDS 2000

/* This CPU's view: system time is base_ns at TSC base_tsc.  Changed by the CPU itself, interrupts off. */
struct cpu_time {
	uint64_t base_tsc, base_ns;
	struct tsc_scale scale;
	uint64_t sync_tsc, sync_ns;	/* TSC and platform time at the last correction */
	struct timer timer;
};

uint64_t tsc_hz;
static bool tsc_is_stable;

static bool is_ready;
static struct cpu_time times[MAX_CPUS];

static struct clock *platform;
static struct spinlock platform_lock;	/* irqsave */
static uint64_t platform_last, platform_total_ns, platform_rest;	/* counter; its time; fraction in 1/hz ns */

/* Not before what precedes it in the program: SDM 2B RDTSC. */
static uint64_t rdtsc_ordered(void)
{
	__asm__ volatile("lfence" ::: "memory");
	return arch_tsc();
}

uint64_t now_ns(void)
{
	const struct cpu_time *t;

	if (!is_ready)
		return 0;
	t = &times[cpu_id()];
	return t->base_ns + tsc_scale_apply(t->scale, rdtsc_ordered() - t->base_tsc);
}

void time_delay_us(uint64_t us)
{
	uint64_t start = rdtsc_ordered(), ticks = us * (tsc_hz / 1000) / 1000;

	while (rdtsc_ordered() - start < ticks)
		cpu_relax();
}

void arch_delay_ms(unsigned int ms) { time_delay_us(ms * 1000UL); }

struct reading { uint64_t tsc, counter, uncertainty; };

/* Counter and TSC at one moment: the best of several tries. */
static struct reading clock_read_pair(const struct clock *c)
{
	struct reading best = { .uncertainty = ~0UL };

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t before = rdtsc_ordered(), counter = c->read(), after = rdtsc_ordered();

		if (after - before < best.uncertainty)
			best = (struct reading){ before + (after - before) / 2, counter, after - before };
	}
	return best;
}

static uint64_t tsc_measure(struct clock *c)
{
	uint64_t best = ~0UL, hz = 0;

	for (unsigned int round = 0; round < CALIBRATE_ROUNDS; round++) {
		uint64_t want = c->hz * (CALIBRATE_NS / NS_PER_US) / 1000000, counted;
		struct reading from, to;

		if (!c->is_continuous)
			c->init(c);
		from = clock_read_pair(c);
		while (((c->read() - from.counter) & c->mask) < want)
			cpu_relax();
		to = clock_read_pair(c);
		counted = (to.counter - from.counter) & c->mask;
		if (from.uncertainty + to.uncertainty < best) {
			best = from.uncertainty + to.uncertainty;
			hz = mul_div(to.tsc - from.tsc, c->hz, counted);
		}
	}
	return hz;
}

/* The crystal and its ratio, where the CPU tells both (SDM 3B 18.7.3); 0: it doesn't. */
static uint64_t tsc_from_cpuid(void)
{
	struct cpuid r;

	if (cpuid(0, 0).a < 0x15)
		return 0;
	r = cpuid(0x15, 0);
	return r.a && r.b && r.c ? (uint64_t)r.c * r.b / r.a : 0;
}

/*
 * A rate that never changes: the CPU says so (CPUID 0x80000007 EDX bit 8), or it is QEMU's emulation,
 * whose TSCs all read one clock of its host.
 */
static bool tsc_is_constant(void)
{
	struct cpuid r;

	if (options.tsc != TSC_AUTO)
		return options.tsc == TSC_STABLE;
	if (cpuid(0x80000000, 0).a >= 0x80000007 && cpuid(0x80000007, 0).d & 1U << 8)
		return true;
	if (!(cpuid(1, 0).c & 1U << 31))		/* no hypervisor below */
		return false;
	r = cpuid(0x40000000, 0);
	return r.b == 0x54474354 && r.c == 0x43544743 && r.d == 0x47435447;	/* "TCGTCGTCGTCG" */
}

static void platform_anchor(uint64_t ns)
{
	uint64_t flags = spin_lock_irqsave(&platform_lock);

	platform_last = platform->read();
	platform_total_ns = ns;
	platform_rest = 0;
	spin_unlock_irqrestore(&platform_lock, flags);
}

/* Its 64-bit time; must be called within each turn of the counter (24 bits of PM timer: 4.6 s). */
static uint64_t platform_now_ns(uint64_t *tsc)
{
	uint64_t flags = spin_lock_irqsave(&platform_lock), ns, ticks;
	struct reading r = clock_read_pair(platform);
	uint64_t scaled;

	ticks = (r.counter - platform_last) & platform->mask;
	if (ticks > platform->mask / 2 + platform->mask / 4)	/* another CPU was later with an older value */
		ticks = 0;
	else
		platform_last = r.counter;
	scaled = ticks * NS_PER_S + platform_rest;	/* 32 bits of ticks at most */
	platform_total_ns += scaled / platform->hz;
	platform_rest = scaled % platform->hz;
	ns = platform_total_ns;
	spin_unlock_irqrestore(&platform_lock, flags);
	*tsc = r.tsc;
	return ns;
}

static void wallclock_init(void)
{
	uint64_t seconds;

	if (cmos_read_time(&seconds)) {
		printk(LOG_WARN "The real-time clock shows no valid time; it is 1970 until dom0 sets it\n");
		return;
	}
	wallclock_set(seconds, 0, now_ns());
}

static void tsc_init(void)
{
	uint64_t measured, told = tsc_from_cpuid();

	measured = tsc_measure(platform);
	if (!measured)
		fatal("The TSC does not count");
	tsc_hz = measured;
	if (told && (told > measured ? told - measured : measured - told) < measured / 1000)
		tsc_hz = told;
	tsc_is_stable = tsc_is_constant();
	if (!tsc_is_stable && !platform->is_continuous) {
		printk(LOG_WARN "The TSC's rate may change, and there's neither HPET nor PM timer to correct it\n");
		tsc_is_stable = true;
	}
}

void time_init(void)
{
	struct cpu_time *t = &times[cpu_id()];

	platform = clock_choose();
	if (!platform)
		fatal("No timer of known rate found (HPET, ACPI PM timer, PIT)");
	tsc_init();
	t->scale = tsc_scale_for(tsc_hz);
	t->base_tsc = rdtsc_ordered();
	t->sync_tsc = t->base_tsc;
	is_ready = true;
	platform_anchor(0);
	printk(LOG_INFO "Time: TSC %lu.%03lu MHz%s, by %s\n", tsc_hz / 1000000, tsc_hz / 1000 % 1000,
	       tsc_is_stable ? " constant" : ", corrected", platform->name);
	wallclock_init();
}

/* With equal TSCs the boot CPU's view is everyone's; else start from platform time. */
void time_cpu_init(void)
{
	struct cpu_time *t = &times[cpu_id()];

	if (tsc_is_stable) {
		t->base_tsc = times[0].base_tsc;
		t->base_ns = times[0].base_ns;
		t->scale = times[0].scale;
		return;
	}
	t->scale = tsc_scale_for(tsc_hz);
	t->base_ns = platform_now_ns(&t->base_tsc);
	t->sync_tsc = t->base_tsc;
	t->sync_ns = t->base_ns;
}

/* Both CPUs take turns as they can: a TSC smaller than one read before it elsewhere is a warp. */
static struct spinlock warp_lock;
static uint64_t warp_last, warp_max;
static unsigned int warp_present;
static bool warp_is_over;

/* Says that we are there, and waits until so many have said so; false: the other one isn't coming. */
static bool warp_meet(unsigned int count)
{
	uint64_t start = arch_tsc();

	__atomic_add_fetch(&warp_present, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(warp_present) < count) {
		if (arch_tsc() - start > tsc_hz)
			return false;
		cpu_relax();		/* the two may share a CPU of some host's */
	}
	return true;
}

static void warp_check(void)
{
	if (!warp_meet(2))
		return;
	for (unsigned int i = 0; i < WARP_ROUNDS; i++) {
		uint64_t now;

		spin_lock(&warp_lock);
		now = rdtsc_ordered();
		if (now < warp_last)
			warp_max = MAX(warp_max, warp_last - now);
		warp_last = now;
		spin_unlock(&warp_lock);
	}
	warp_meet(4);
}

static void time_give_up_on_tsc(void)
{
	if (!platform->is_continuous)
		return;
	printk(LOG_WARN "TSCs differ between CPUs by %lu ticks: corrected against %s\n", warp_max,
	       platform->name);
	tsc_is_stable = false;
}

/* The AP waits in its half until ours is over, however late it came, so nothing is shared by three. */
void time_check_sync_boot(void)
{
	platform_anchor(now_ns());
	warp_last = warp_max = 0;
	warp_check();
	if (warp_max && tsc_is_stable)
		time_give_up_on_tsc();
	__atomic_store_n(&warp_is_over, true, __ATOMIC_SEQ_CST);
}

void time_check_sync_ap(void)
{
	warp_check();
	while (!READ_ONCE(warp_is_over))
		cpu_relax();
	warp_present = 0;
	warp_is_over = false;
}

/*
 * What the next second needs: the rate measured since the last correction, changed so that the error is
 * gone by its end.  Time never goes back; a large lag is made up at once.
 */
static void time_correct(struct cpu_time *t)
{
	uint64_t flags = irq_save(), tsc, platform_ns = platform_now_ns(&tsc);
	uint64_t local = t->base_ns + tsc_scale_apply(t->scale, tsc - t->base_tsc);
	uint64_t passed = platform_ns - t->sync_ns, hz = tsc_hz;
	int64_t error = platform_ns - local;

	if (passed > CORRECT_PERIOD_NS / 4)
		hz = mul_div(tsc - t->sync_tsc, NS_PER_S, passed);
	if (error > (int64_t)CORRECT_MAX_NS) {
		local = platform_ns;
		error = 0;
	}
	error = MAX(error, -(int64_t)CORRECT_MAX_NS);
	if (hz) {
		hz = mul_div(hz, NS_PER_S, NS_PER_S + error);
		t->scale = tsc_scale_for(hz ? hz : tsc_hz);
	}
	t->base_tsc = t->sync_tsc = tsc;
	t->base_ns = local;
	t->sync_ns = platform_ns;
	irq_restore(flags);
}

static void correct_tick(void *data)
{
	struct cpu_time *t = data;
	struct vcpu *v = current_vcpu();

	time_correct(t);
	if (v && !vcpu_is_idle(v))
		arch_vcpu_time_update(v);
	timer_set(&t->timer, now_ns() + CORRECT_PERIOD_NS);
}

void time_start_cpu(struct cpu *c)
{
	struct cpu_time *t = &times[c->id];

	if (tsc_is_stable)
		return;
	timer_init(&t->timer, c, correct_tick, t);
	timer_set(&t->timer, now_ns() + CORRECT_PERIOD_NS);
}

void time_start(void)
{
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online)
		time_start_cpu(cpus[cpu]);
}

/* xen/xen.h: the version is odd while the fields change. */
void time_fill_vcpu_info(struct vcpu_time_info *info)
{
	uint64_t flags = irq_save();
	const struct cpu_time *t = &times[cpu_id()];
	uint32_t version = READ_ONCE(info->version) | 1;	/* the guest may have scribbled on it */

	WRITE_ONCE(info->version, version);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(info->tsc_timestamp, t->base_tsc);
	WRITE_ONCE(info->system_time, t->base_ns);
	WRITE_ONCE(info->tsc_to_system_mul, t->scale.mul);
	WRITE_ONCE(info->tsc_shift, t->scale.shift);
	WRITE_ONCE(info->flags, tsc_is_stable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(info->version, version + 1);
	irq_restore(flags);
}

/* This CPU's TSC at system time `ns`, rounded up. */
static uint64_t time_ns_to_tsc(uint64_t ns)
{
	const struct cpu_time *t = &times[cpu_id()];

	return ns <= t->base_ns ? t->base_tsc : t->base_tsc + tsc_scale_invert(t->scale, ns - t->base_ns);
}

/* Late rather than early: an interrupt before the deadline would find nothing due and come again. */
static uint32_t count_until(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), ns, count;

	if (deadline_ns <= now)
		return 1;
	ns = MIN(deadline_ns - now, 2 * NS_PER_S);	/* farther ones are programmed again then */
	count = ns * (apic_timer_hz / 1000) / 1000000 + 1;
	return MIN(count, (uint64_t)UINT32_MAX);
}

void arch_timer_program(uint64_t deadline_ns)
{
	uint64_t flags = irq_save();

	if (apic_has_deadline)
		apic_timer_set_deadline(deadline_ns ? MAX(time_ns_to_tsc(deadline_ns), 1UL) : 0);
	else
		apic_timer_set_count(deadline_ns ? count_until(deadline_ns) : 0);
	irq_restore(flags);
}

void time_dump(void)
{
	unsigned int cpu;
	uint64_t tsc;

	printk("System time %lu ns, TSC %lu Hz %s\n", now_ns(), tsc_hz,
	       tsc_is_stable ? "constant on all CPUs" : "corrected every second");
	if (platform->is_continuous && !tsc_is_stable)
		printk("  %s: %lu ns\n", platform->name, platform_now_ns(&tsc));
	cpumask_for_each(cpu, &cpu_online)
		printk("  CPU %u: base %lu ns at TSC %lu, mul %u shift %d\n", cpu, times[cpu].base_ns,
		       times[cpu].base_tsc, times[cpu].scale.mul, times[cpu].scale.shift);
}
