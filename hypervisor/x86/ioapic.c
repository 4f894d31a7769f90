#include "ioapic.h"

#include "acpi.h"
#include "apic.h"
#include "errno.h"
#include "irq.h"
#include "mm.h"
#include "mmio.h"
#include "options.h"
#include "pic.h"
#include "printk.h"

#define REG_SELECT	0x00		/* indirect: the register's index, then its value at the window */
#define REG_WINDOW	0x10

#define IOAPIC_ID	0
#define IOAPIC_VERSION	1
#define IOAPIC_ENTRY	0x10		/* two 32-bit halves a pin */

#define ENTRY_LOW	(1U << 13)
#define ENTRY_REMOTE_IRR (1U << 14)
#define ENTRY_LEVEL	(1U << 15)
#define ENTRY_MASKED	(1U << 16)

struct ioapic {
	void *regs;
	uint64_t address;
	uint8_t id;
	unsigned int gsi_base, pins;
	struct spinlock lock;		/* select and window; irqsave; inside irq->lock */
};

static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned int ioapic_count;

static uint32_t ioapic_get(struct ioapic *io, uint32_t reg)
{
	uint64_t flags = spin_lock_irqsave(&io->lock);
	uint32_t v;

	mmio_write32(io->regs, REG_SELECT, reg);
	v = mmio_read32(io->regs, REG_WINDOW);
	spin_unlock_irqrestore(&io->lock, flags);
	return v;
}

static void ioapic_set(struct ioapic *io, uint32_t reg, uint32_t v)
{
	uint64_t flags = spin_lock_irqsave(&io->lock);

	mmio_write32(io->regs, REG_SELECT, reg);
	mmio_write32(io->regs, REG_WINDOW, v);
	spin_unlock_irqrestore(&io->lock, flags);
}

static struct ioapic *ioapic_of(unsigned int gsi)
{
	for (unsigned int i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
			return &ioapics[i];
	return NULL;
}

static uint32_t entry_reg(const struct ioapic *io, unsigned int gsi)
{
	return IOAPIC_ENTRY + 2 * (gsi - io->gsi_base);
}

static uint32_t entry_low(const struct irq *irq)
{
	return irq->vector | (irq->is_low ? ENTRY_LOW : 0) | (irq->is_level ? ENTRY_LEVEL : 0) |
	       (irq->is_masked ? ENTRY_MASKED : 0);
}

static void ioapic_write_low(struct irq *irq)
{
	struct ioapic *io = irq->chip;

	ioapic_set(io, entry_reg(io, irq->number), entry_low(irq));
}

static void ioapic_mask(struct irq *irq)
{
	struct ioapic *io = irq->chip;

	ioapic_set(io, entry_reg(io, irq->number), entry_low(irq) | ENTRY_MASKED);
	ioapic_get(io, entry_reg(io, irq->number));	/* the write is there before what follows */
}

static void ioapic_ack(struct irq *irq) { apic_eoi(); }

static int ioapic_set_target(struct irq *irq, struct cpu *c, unsigned int vector)
{
	struct ioapic *io = irq->chip;
	uint32_t reg = entry_reg(io, irq->number), low;

	ioapic_set(io, reg, entry_low(irq) | ENTRY_MASKED);
	/* an EOI matches by vector: one that is outstanding must find the old one */
	if (irq->is_level && ioapic_get(io, reg) & ENTRY_REMOTE_IRR) {
		ioapic_set(io, reg, entry_low(irq));
		return -EBUSY;
	}
	low = (entry_low(irq) & ~0xffU) | vector;
	ioapic_set(io, reg + 1, c->arch.apic_id << 24);
	ioapic_set(io, reg, low);
	return 0;
}

static const struct irq_ops ioapic_ops = {
	"IO-APIC", ioapic_mask, ioapic_write_low, ioapic_ack, ioapic_set_target,
};

static bool ioapic_add(const struct acpi_ioapic *a)
{
	struct ioapic *io = &ioapics[ioapic_count];
	uint32_t version;

	io->regs = ioremap(a->address, 0x20);
	if (!io->regs)
		return false;
	version = ioapic_get(io, IOAPIC_VERSION);
	if (version == 0xffffffff)
		return false;
	io->address = a->address;
	io->id = a->id;
	io->gsi_base = a->gsi_base;
	io->pins = (version >> 16 & 0xff) + 1;
	if (io->gsi_base > IRQ_MAX / 2 - 256)
		return false;
	return true;
}

/* Whatever the firmware left: masked; pins it used as SMI or NMI (delivery mode) stay as they are. */
static void pins_mask(struct ioapic *io)
{
	for (unsigned int pin = 0; pin < io->pins; pin++) {
		uint32_t reg = IOAPIC_ENTRY + 2 * pin, low = ioapic_get(io, reg), mode = low >> 8 & 7;

		if (mode != 2 && mode != 4)
			ioapic_set(io, reg, ENTRY_MASKED);
	}
}

unsigned int ioapic_find(void)
{
	unsigned int gsis = 0;

	if (!options.ioapic)
		return 0;
	for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
		const struct acpi_ioapic *a = &acpi.ioapic[i];

		if (!ioapic_add(a)) {
			printk(LOG_WARN "I/O APIC %u at %#x can't be used\n", a->id, a->address);
			continue;
		}
		pins_mask(&ioapics[ioapic_count]);
		gsis = MAX(gsis, ioapics[ioapic_count].gsi_base + ioapics[ioapic_count].pins);
		printk(LOG_INFO "I/O APIC %u at %#x: GSIs %u-%u\n", a->id, a->address, a->gsi_base,
		       a->gsi_base + ioapics[ioapic_count].pins - 1);
		ioapic_count++;
	}
	return gsis;
}

bool ioapic_is_used(void) { return ioapic_count; }

/* ISA lines are edges, active high, unless an override says otherwise; all others PCI's: level, low. */
static void polarity_init(struct irq *irq)
{
	irq->is_level = irq->is_low = irq->number >= ACPI_ISA_IRQS;
	for (unsigned int i = 0; i < ACPI_ISA_IRQS; i++) {
		const struct acpi_override *o = &acpi.isa[i];

		if (!o->is_given || o->gsi != irq->number)
			continue;
		irq->is_level = ACPI_TRIGGER(o->flags) == ACPI_LEVEL;
		irq->is_low = ACPI_POLARITY(o->flags) == ACPI_ACTIVE_LOW;
	}
}

void ioapic_init(void)
{
	for (unsigned int gsi = 0; gsi < gsi_count; gsi++) {
		struct ioapic *io = ioapic_of(gsi);
		struct irq *irq = irq_get(gsi);

		if (!io)
			continue;
		irq->ops = &ioapic_ops;
		irq->chip = io;
		polarity_init(irq);
	}
}

unsigned int ioapic_isa_gsi(unsigned int isa_irq)
{
	return isa_irq < ACPI_ISA_IRQS && acpi.isa[isa_irq].is_given && ioapic_count ?
		acpi.isa[isa_irq].gsi : isa_irq;
}

int ioapic_set_up_gsi(unsigned int gsi, bool level, bool low)
{
	struct irq *irq = gsi < gsi_count ? irq_get(gsi) : NULL;
	uint64_t flags;
	int rc = 0;

	if (!irq || !irq->ops)
		return -ENODEV;
	flags = spin_lock_irqsave(&irq->lock);
	if (irq->is_level == level && irq->is_low == low) {
		/* nothing to change */
	} else if (irq->handler || irq->guest_count) {
		rc = -EBUSY;
	} else {
		irq->is_level = level;
		irq->is_low = low;
		if (irq->ops == &ioapic_ops)
			ioapic_write_low(irq);
	}
	spin_unlock_irqrestore(&irq->lock, flags);
	return rc;
}

bool ioapic_is_at(uint64_t page_address)
{
	for (unsigned int i = 0; i < acpi.ioapic_count; i++)
		if ((acpi.ioapic[i].address & ~0xfffUL) == page_address)
			return true;
	return false;
}

void ioapic_mask_all(void)
{
	for (unsigned int i = 0; i < ioapic_count; i++)
		pins_mask(&ioapics[i]);
}

static struct ioapic *ioapic_at(uint64_t address)
{
	for (unsigned int i = 0; i < ioapic_count; i++)
		if (ioapics[i].address == address)
			return &ioapics[i];
	return NULL;
}

int ioapic_read_register(uint64_t address, uint32_t reg, uint32_t *value)
{
	struct ioapic *io = ioapic_at(address);

	if (!io)
		return -ENODEV;
	if (reg > 0xff)
		return -EINVAL;
	*value = ioapic_get(io, reg);
	return 0;
}

/*
 * Dom0 may choose trigger and polarity of a pin nobody uses by writing its entry; vector, destination and
 * mask are ours, other registers read-only.
 */
int ioapic_write_register(uint64_t address, uint32_t reg, uint32_t value)
{
	struct ioapic *io = ioapic_at(address);
	unsigned int pin = (reg - IOAPIC_ENTRY) / 2;

	if (!io)
		return -ENODEV;
	if (reg < IOAPIC_ENTRY || pin >= io->pins)
		return -EPERM;
	if (reg & 1)
		return 0;
	return ioapic_set_up_gsi(io->gsi_base + pin, value & ENTRY_LEVEL, value & ENTRY_LOW);
}

void ioapic_dump(void)
{
	for (unsigned int i = 0; i < ioapic_count; i++) {
		struct ioapic *io = &ioapics[i];

		printk("I/O APIC %u at %#lx:\n", io->id, io->address);
		for (unsigned int pin = 0; pin < io->pins; pin++) {
			uint32_t low = ioapic_get(io, IOAPIC_ENTRY + 2 * pin);

			printk("  pin %2u: vector %02x mode %u %s %s%s%s%s, to APIC %u\n", pin, low & 0xff,
			       low >> 8 & 7, low & ENTRY_LEVEL ? "level" : "edge",
			       low & ENTRY_LOW ? "low" : "high", low & 1U << 12 ? ", sending" : "",
			       low & ENTRY_REMOTE_IRR ? ", in service" : "",
			       low & ENTRY_MASKED ? ", masked" : "",
			       ioapic_get(io, IOAPIC_ENTRY + 2 * pin + 1) >> 24);
		}
	}
}
