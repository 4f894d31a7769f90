#include "pv_io.h"
#include "arch.h"
#include "asm.h"
#include "guest.h"
#include "pci.h"
#include "pv_traps.h"
#include "serial.h"
#include "cmos.h"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define PIT_CHANNEL2	0x42		/* the speaker's, and kernels' to calibrate with; 0 and 1 are ours */
#define PIT_COMMAND	0x43		/* bits 7-6: which channel */

/* Ports of devices that we drive: interrupt controllers, the PIT, the clock chip, PCI's address register. */
static const struct { uint16_t first, last; } own_ports[] = {
	{ 0x20, 0x21 }, { 0xa0, 0xa1 }, { 0x40, 0x43 }, { 0x70, 0x71 }, { PCI_ADDRESS, PCI_DATA + 3 },
};

static bool is_own_port(uint16_t port)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(own_ports); i++)
		if (port >= own_ports[i].first && port <= own_ports[i].last)
			return true;
	return serial_owns_port(port);
}

void pv_io_bitmap_init(uint8_t *bitmap)
{
	for (unsigned int port = 0; port < 0x10000; port++)
		if (is_own_port(port))
			bitmap[port / 8] |= 1 << port % 8;
		else
			bitmap[port / 8] &= ~(1 << port % 8);
}

void pv_io_bitmap_switch(struct vcpu *v)
{
	bool open = v->domain->is_privileged && v->arch.pv.in_kernel && v->arch.pv.iopl >= pv_kernel_ring(v);

	/* an offset behind the segment's limit denies all: SDM 1 19.5.2 */
	this_cpu()->arch.tss->tss.iobitmap_offset =
		open ? offsetof(struct tss_block, iobitmap) : sizeof(struct tss_block);
}

bool pv_io_permitted(struct vcpu *v, uint16_t port, unsigned int bytes)
{
	const struct pv_vcpu *pv = &v->arch.pv;
	uint16_t bits = 0xffff;

	if (pv->iopl >= (pv->in_kernel ? pv_kernel_ring(v) : 3))
		return true;
	if (pv->in_kernel || port + bytes > pv->iobitmap_ports)
		return false;
	if (copy_from_guest(&bits, pv->iobitmap + port / 8, port % 8 + bytes > 8 ? 2 : 1))
		return false;
	return !(bits >> port % 8 & ((1 << bytes) - 1));
}

static bool is_pci_data(uint16_t port) { return port >= PCI_DATA && port < PCI_DATA + 4; }

/* Configuration mechanism 1 with an address latch per vcpu, so that domains can't mix theirs. */
static uint32_t pci_data_read(const struct vcpu *v, uint16_t port, unsigned int bytes)
{
	uint32_t cf8 = v->arch.pv.pci_cf8;

	if (!(cf8 >> 31))
		return ~0U;
	return pci_config_read(0, cf8 >> 8 & 0xffff, (cf8 & 0xfc) + (port - PCI_DATA), bytes);
}

static void pci_data_write(const struct vcpu *v, uint16_t port, unsigned int bytes, uint32_t value)
{
	uint32_t cf8 = v->arch.pv.pci_cf8;

	if (cf8 >> 31)
		pci_config_write(0, cf8 >> 8 & 0xffff, (cf8 & 0xfc) + (port - PCI_DATA), bytes, value);
}

/* What nobody answers reads as ones; but 0x42 as 0, which ends Linux' calibration by the PIT at once. */
static uint32_t nobody_reads(uint16_t port) { return port == 0x42 ? 0 : ~0U; }

uint32_t pv_io_read(struct vcpu *v, uint16_t port, unsigned int bytes)
{
	if (!v->domain->is_privileged)
		return nobody_reads(port);
	if (port == PCI_ADDRESS && bytes == 4)
		return v->arch.pv.pci_cf8;
	if (is_pci_data(port) && port + bytes <= PCI_DATA + 4)
		return pci_data_read(v, port, bytes);
	if ((port == 0x70 || port == 0x71) && bytes == 1)
		return port == 0x70 ? ~0U : cmos_read(v->domain->arch.cmos_index & 0x7f);
	if (port == PIT_CHANNEL2 && bytes == 1)
		return inb(port);
	return is_own_port(port) ? ~0U : port_read(port, bytes);
}

void pv_io_write(struct vcpu *v, uint16_t port, unsigned int bytes, uint32_t value)
{
	if (!v->domain->is_privileged)
		return;
	if (port == PCI_ADDRESS && bytes == 4)
		v->arch.pv.pci_cf8 = value;
	else if (is_pci_data(port) && port + bytes <= PCI_DATA + 4)
		pci_data_write(v, port, bytes, value);
	else if (port == 0x70 && bytes == 1)
		v->domain->arch.cmos_index = value;
	else if (port == 0x71 && bytes == 1)
		cmos_write(v->domain->arch.cmos_index & 0x7f, value);
	else if ((port == PIT_CHANNEL2 || (port == PIT_COMMAND && value >> 6 == 2)) && bytes == 1)
		outb(port, value);
	else if (!is_own_port(port))
		port_write(port, bytes, value);
}
