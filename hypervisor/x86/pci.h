/* PCI configuration space: ports 0xcf8/0xcfc, and memory (MCFG) for extended registers and other segments. */
#ifndef HV_X86_PCI_H
#define HV_X86_PCI_H

#include "types.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA_PORT 0xcfc

/*
 * bdf: bus in bits 8-15, devfn in 0-7.  The register's bytes (1, 2 or 4) lie within one aligned 32-bit word.
 * Any context; what isn't there reads as ones, and writes to it are lost.
 */
uint32_t pci_config_read(unsigned int segment, unsigned int bdf, unsigned int reg, unsigned int bytes);
void pci_config_write(unsigned int segment, unsigned int bdf, unsigned int reg, unsigned int bytes,
		      uint32_t value);

#define PCI_CAP_MSI 0x05
#define PCI_CAP_MSIX 0x11
unsigned int pci_find_capability(unsigned int segment, unsigned int bdf, uint8_t id);	/* its register; 0: none */

/* Dom0's word on PHYSDEVOP_pci_mmcfg_reserved: -ENODEV: the MCFG has no such window. */
int pci_mmcfg_set_usable(uint64_t address, uint16_t segment, uint8_t first_bus, uint8_t last_bus, bool usable);

#endif
