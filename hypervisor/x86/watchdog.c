#include "watchdog.h"

#include "apic.h"
#include "arch.h"
#include "cpu.h"
#include "options.h"
#include "printk.h"

#define BEAT_NS NS_PER_S

static struct {
	struct timer timer;
	uint64_t beat_ns;		/* when its softirqs ran last; written by itself */
} dogs[MAX_CPUS];

static uint32_t victim;			/* 1 + its number */
static uint32_t holds;			/* why nobody is looked at; atomic */

/* The next CPU online; this one itself if it is alone. */
static unsigned int neighbour_of(unsigned int cpu)
{
	unsigned int next = cpumask_next(&cpu_online, cpu + 1);

	return next < MAX_CPUS ? next : cpumask_next(&cpu_online, 0);
}

static void neighbour_check(unsigned int cpu, uint64_t now)
{
	unsigned int other = neighbour_of(cpu);
	uint64_t last = READ_ONCE(dogs[other].beat_ns), limit = options.watchdog_timeout_s * NS_PER_S;
	uint32_t none = 0;

	if (other == cpu || !last || READ_ONCE(holds) || now < last + limit)
		return;
	if (__atomic_compare_exchange_n(&victim, &none, other + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		apic_send_nmi(cpus[other]->arch.apic_id);
	else if (none == other + 1 && now > last + limit + 2 * BEAT_NS)
		panic("CPU %u is stuck, and an NMI doesn't reach it", other);
}

static void watchdog_beat(void *data)
{
	uint64_t now = now_ns();

	WRITE_ONCE(dogs[cpu_id()].beat_ns, now);
	neighbour_check(cpu_id(), now);
	timer_set(&dogs[cpu_id()].timer, now + BEAT_NS);
}

void watchdog_start(void)
{
	unsigned int cpu;

	if (!options.watchdog || !options.watchdog_timeout_s)
		return;
	if (cpumask_count(&cpu_online) < 2)
		printk(LOG_WARN "watchdog: needs a second CPU\n");
	cpumask_for_each(cpu, &cpu_online) {
		timer_init(&dogs[cpu].timer, cpus[cpu], watchdog_beat, NULL);
		timer_set(&dogs[cpu].timer, now_ns() + BEAT_NS);
	}
}

/* What prints much at a slow serial line keeps a CPU, and those that wait for it, for long. */
void arch_watchdog_hold(void) { __atomic_fetch_add(&holds, 1, __ATOMIC_SEQ_CST); }

void arch_watchdog_release(void)
{
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online)
		if (dogs[cpu].beat_ns)
			WRITE_ONCE(dogs[cpu].beat_ns, now_ns());
	__atomic_fetch_sub(&holds, 1, __ATOMIC_SEQ_CST);
}

bool watchdog_is_victim(void) { return READ_ONCE(victim) == cpu_id() + 1; }
