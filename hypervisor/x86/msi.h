/*
 * Message-signalled interrupts: irqs whose chip is a write of the device's to the local APICs (PCI 3.0
 * section 6.8; SDM 3A 11.11).  We write address and data; whether the device uses them (the enable bit)
 * is its driver's business.
 */
#ifndef HV_X86_MSI_H
#define HV_X86_MSI_H

#include "irq.h"

#define MSI_MAX 32			/* vectors of one MSI capability */

struct msi_request {
	uint16_t segment;
	uint16_t bdf;
	bool is_msix;
	uint32_t entry;			/* MSI-X: of its table */
	uint32_t count;			/* MSI: 1, or a power of two up to 32 */
	uint64_t table_base;		/* MSI-X: where the table's BAR is, for functions whose BARs are elsewhere (VFs) */
};

/*
 * Makes r->count irqs (in irqs[]), each with a vector, masked; the device is programmed.  -ENODEV: no such
 * device or capability, -EINVAL: entry or count out of its range, -EBUSY: (that entry is) in use,
 * -ENXIO: its memory is switched off, -ENOSPC, -ENOMEM.
 */
int msi_map(const struct msi_request *r, struct irq **irqs);
void msi_unmap(struct irq *irq);	/* with all irqs of its request; masked */
unsigned int msi_group(struct irq *irq, struct irq **irqs);	/* the irqs of its request, in order; 0: not an MSI */
int msi_restore(uint16_t segment, uint16_t bdf);	/* after a reset of the device: -ENODEV: nothing of it is mapped */
int msix_prepare(uint16_t segment, uint16_t bdf);	/* -ENODEV: has no usable MSI-X */
bool msi_is_used(uint16_t segment, uint16_t bdf);
void msi_dump(void);			/* debug key M */

#endif
