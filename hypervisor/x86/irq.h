/*
 * Interrupts from vector to handler.  An irq is a line or message of a device: numbers below irq_gsi_count
 * are global system interrupts (I/O APIC pins), the ones above are allocated to MSIs.  Each irq is
 * delivered to one CPU at a vector of its own there: every CPU has its own vector table.
 *
 * Locks: irq->lock (irqsave) is inside d->evtchn.lock and outside the console lock only.
 */
#ifndef HV_X86_IRQ_H
#define HV_X86_IRQ_H

#include "abi.h"
#include "bitmap.h"
#include "lock.h"
#include "types.h"

/* An ISA interrupt (0-15), routed by the MADT's overrides, for ourselves: unmasked at once; -EBUSY, -ENOSPC. */
int irq_request_isa(unsigned int isa_irq, void (*handler)(void *data), void *data, const char *name);

#endif
