#include "pci.h"

#include "acpi.h"
#include "asm.h"
#include "errno.h"
#include "lock.h"
#include "mm.h"
#include "options.h"

#define BUS_BYTES (1UL << 20)
#define CAPABILITIES_MAX 48		/* 4 bytes each in 192: a longer list is a loop */

static struct spinlock ports_lock;	/* irqsave: address and data belong together */
static struct spinlock map_lock;

struct window {
	bool is_refused;		/* dom0 found that it isn't reserved */
	void *bus[256];			/* mapped as they are needed */
};
static struct window windows[ACPI_MAX_MCFGS];

/* The registers of a function in memory; NULL: no window covers it. */
static void *mmcfg_function(unsigned int segment, unsigned int bdf)
{
	unsigned int bus = bdf >> 8;
	void *at = NULL;

	for (uint32_t i = 0; i < acpi.mcfg_count && options.mmcfg; i++) {
		const struct acpi_mcfg *m = &acpi.mcfg[i];

		if (m->segment != segment || bus < m->first_bus || bus > m->last_bus ||
		    windows[i].is_refused)
			continue;
		spin_lock(&map_lock);
		if (!windows[i].bus[bus])
			windows[i].bus[bus] = ioremap(m->base + bus * BUS_BYTES, BUS_BYTES);
		at = windows[i].bus[bus];
		spin_unlock(&map_lock);
		break;
	}
	return at ? (char *)at + ((bdf & 0xff) << 12) : NULL;
}

static uint32_t mmcfg_read(const void *at, unsigned int bytes)
{
	return bytes == 1 ? *(const volatile uint8_t *)at : bytes == 2 ? *(const volatile uint16_t *)at :
		*(const volatile uint32_t *)at;
}

static void mmcfg_write(void *at, unsigned int bytes, uint32_t value)
{
	if (bytes == 1)
		*(volatile uint8_t *)at = value;
	else if (bytes == 2)
		*(volatile uint16_t *)at = value;
	else
		*(volatile uint32_t *)at = value;
}

static bool access_is_valid(unsigned int bdf, unsigned int reg, unsigned int bytes)
{
	return bdf <= 0xffff && reg < 4096 && (bytes == 1 || bytes == 2 || bytes == 4) &&
	       (reg & 3) + bytes <= 4;
}

static uint32_t address_of(unsigned int bdf, unsigned int reg)
{
	return 1U << 31 | bdf << 8 | (reg & 0xfc);
}

uint32_t pci_config_read(unsigned int segment, unsigned int bdf, unsigned int reg, unsigned int bytes)
{
	uint32_t ones = bytes >= 4 ? ~0U : (1U << bytes * 8) - 1, v;
	uint16_t port = PCI_DATA_PORT + (reg & 3);
	uint64_t flags;

	if (!access_is_valid(bdf, reg, bytes))
		return ones;
	if (segment || reg >= 256) {
		char *at = mmcfg_function(segment, bdf);

		return at ? mmcfg_read(at + reg, bytes) : ones;
	}
	flags = spin_lock_irqsave(&ports_lock);
	outl(PCI_ADDRESS, address_of(bdf, reg));
	v = port_read(port, bytes);
	spin_unlock_irqrestore(&ports_lock, flags);
	return v;
}

void pci_config_write(unsigned int segment, unsigned int bdf, unsigned int reg, unsigned int bytes,
		      uint32_t value)
{
	uint16_t port = PCI_DATA_PORT + (reg & 3);
	uint64_t flags;

	if (!access_is_valid(bdf, reg, bytes))
		return;
	if (segment || reg >= 256) {
		char *at = mmcfg_function(segment, bdf);

		if (at)
			mmcfg_write(at + reg, bytes, value);
		return;
	}
	flags = spin_lock_irqsave(&ports_lock);
	outl(PCI_ADDRESS, address_of(bdf, reg));
	port_write(port, bytes, value);
	spin_unlock_irqrestore(&ports_lock, flags);
}

/* PCI 3.0, 6.7: a list through configuration space, which a broken device may have bent into a circle. */
unsigned int pci_find_capability(unsigned int segment, unsigned int bdf, uint8_t id)
{
	unsigned int at;

	if (pci_config_read(segment, bdf, 0, 2) == 0xffff || !(pci_config_read(segment, bdf, 6, 2) & 0x10))
		return 0;
	at = pci_config_read(segment, bdf, 0x34, 1) & 0xfc;
	for (unsigned int i = 0; i < CAPABILITIES_MAX && at >= 0x40; i++) {
		uint32_t header = pci_config_read(segment, bdf, at, 2);

		if ((header & 0xff) == id)
			return at;
		at = header >> 8 & 0xfc;
	}
	return 0;
}

int pci_mmcfg_set_usable(uint64_t address, uint16_t segment, uint8_t first_bus, uint8_t last_bus, bool usable)
{
	for (uint32_t i = 0; i < acpi.mcfg_count; i++) {
		const struct acpi_mcfg *m = &acpi.mcfg[i];

		if (m->base == address && m->segment == segment && m->first_bus == first_bus &&
		    m->last_bus == last_bus) {
			windows[i].is_refused = !usable;
			return 0;
		}
	}
	return -ENODEV;
}
