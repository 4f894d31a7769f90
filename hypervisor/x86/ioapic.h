/* I/O APICs: pins of devices' lines, numbered through as global system interrupts (82093AA data sheet). */
#ifndef HV_X86_IOAPIC_H
#define HV_X86_IOAPIC_H

#include "types.h"

/* After ACPI: maps and masks them all, gives the GSIs' irqs their controller.  How many GSIs there are, 0: none. */
unsigned int ioapic_find(void);		/* before irq_init(): counts */
bool ioapic_is_used(void);		/* it found one */
void ioapic_init(void);			/* after it */
unsigned int ioapic_isa_gsi(unsigned int isa_irq);	/* by the MADT's overrides */
int ioapic_set_up_gsi(unsigned int gsi, bool level, bool low);	/* -ENODEV, -EBUSY: in use with other settings */
void ioapic_mask_all(void);
bool ioapic_is_at(uint64_t page_address);	/* its registers lie in that page */

/* Registers as PHYSDEVOP_apic_read and _write name them; -ENODEV: no I/O APIC at that address. */
int ioapic_read_register(uint64_t address, uint32_t reg, uint32_t *value);
int ioapic_write_register(uint64_t address, uint32_t reg, uint32_t value);
void ioapic_dump(void);			/* debug key z */

#endif
