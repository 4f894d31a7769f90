/*
 * What dom0 does with devices: PIRQs (a domain's numbers for interrupts) and PCI.  A PIRQ is mapped to an
 * irq, then bound to an event channel.
 *
 * Locks: pirq_map.lock is outside msi.c's and irq->lock.
 */
#ifndef HV_X86_PHYSDEV_H
#define HV_X86_PHYSDEV_H

#include "domain.h"

void physdev_domain_release(struct domain *d);	/* it dies: unbinds and unmaps everything; no lock held */
void physdev_domain_free(struct domain *d);	/* its last reference has gone */

/* Calls `visit` for each of the domain's frames that is held here with a writable reference. */
void physdev_visit_pages(struct domain *d, void (*visit)(struct page *pg, void *data), void *data);

#endif
