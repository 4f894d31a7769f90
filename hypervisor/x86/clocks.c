#include "clocks.h"

#include "acpi.h"
#include "asm.h"
#include "mm.h"
#include "mmio.h"
#include "options.h"
#include "printk.h"
#include "string.h"

#define PM_TIMER_HZ 3579545
#define PIT_HZ 1193182
#define FS_PER_S 1000000000000000ULL

#define HPET_PERIOD	0x004		/* of a count, in femtoseconds */
#define HPET_CONFIG	0x010
#define HPET_COUNTER	0x0f0
#define HPET_ENABLE	1U
#define HPET_LEGACY	2U		/* routes IRQ 0 and 8: must be off */
#define HPET_PERIOD_MAX	100000000U	/* IA-PC HPET 1.0a 2.3.4 */

static void *hpet;

static uint64_t hpet_read(void) { return mmio_read32(hpet, HPET_COUNTER); }

/* Two reads some microseconds apart differ if it counts. */
static bool clock_counts(const struct clock *c)
{
	uint64_t first = c->read();

	for (unsigned int i = 0; i < 100000; i++)
		if (c->read() != first)
			return true;
	return false;
}

static bool hpet_init(struct clock *c)
{
	uint32_t period;

	if (!options.hpet || !acpi.has_hpet || !(hpet = ioremap(acpi.hpet_address, 1024)))
		return false;
	period = mmio_read32(hpet, HPET_PERIOD);
	if (!period || period > HPET_PERIOD_MAX)
		return false;
	c->hz = (FS_PER_S + period / 2) / period;
	c->mask = 0xffffffff;
	mmio_write32(hpet, HPET_CONFIG,
		     (mmio_read32(hpet, HPET_CONFIG) & ~HPET_LEGACY) | HPET_ENABLE);
	return clock_counts(c);
}

static uint64_t pm_timer_read(void) { return inl(acpi.pm_timer.address); }

static bool pm_timer_init(struct clock *c)
{
	if (!acpi.pm_timer.is_there || acpi.pm_timer.space != ACPI_IO)
		return false;
	c->hz = PM_TIMER_HZ;
	c->mask = acpi.pm_timer_is_32bit ? 0xffffffff : 0xffffff;
	return clock_counts(c);
}

/* Channel 2 by its gate in port 0x61, mode 0: down from 0xffff once. */
static uint64_t pit_read(void)
{
	uint16_t v;

	outb(0x43, 0x80);		/* latch channel 2 */
	v = inb(0x42);
	v |= inb(0x42) << 8;
	return 0xffff - v;
}

static bool pit_init(struct clock *c)
{
	c->hz = PIT_HZ;
	c->mask = 0xffff;
	outb(0x61, (inb(0x61) & ~2) | 1);	/* gate on, speaker off */
	outb(0x43, 0xb0);
	outb(0x42, 0xff);
	outb(0x42, 0xff);
	return clock_counts(c);
}

static struct clock clocks[] = {
	{ .name = "hpet", .is_continuous = true, .init = hpet_init, .read = hpet_read },
	{ .name = "acpi", .is_continuous = true, .init = pm_timer_init, .read = pm_timer_read },
	{ .name = "pit", .init = pit_init, .read = pit_read },
};

struct clock *clock_choose(void)
{
	struct clock *preferred = NULL;

	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++)
		if (!strcmp(clocks[i].name, options.clocksource))
			preferred = &clocks[i];
	if (options.clocksource[0] && !preferred)
		printk(LOG_WARN "clocksource=%s: not known (hpet, acpi, pit)\n", options.clocksource);
	if (preferred && preferred->init(preferred))
		return preferred;
	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++)
		if (clocks[i].init(&clocks[i]))
			return &clocks[i];
	return NULL;
}
