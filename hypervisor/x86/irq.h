/*
 * Interrupts from vector to handler.  An irq is a line or a message of a device: numbers below gsi_count
 * are global system interrupts (I/O APIC pins, or 8259 lines with noapic), the ones above are allocated
 * for MSIs.  Each is delivered to one CPU, at a vector of that CPU's own table.
 *
 * irq->lock is taken with interrupts disabled; it is inside d->evtchn.lock and pirq_map.lock, and no event
 * is sent while it is held.
 */
#ifndef HV_X86_IRQ_H
#define HV_X86_IRQ_H

#include "abi.h"
#include "cpu.h"
#include "domain.h"

#define IRQ_MAX 2048			/* GSIs and MSIs of a machine */
#define IRQ_GUESTS_MAX 8		/* domains that share one line */

struct irq;

/* The interrupt controller.  All are called with irq->lock held. */
struct irq_ops {
	const char *name;
	void (*mask)(struct irq *irq);
	void (*unmask)(struct irq *irq);
	void (*ack)(struct irq *irq);	/* at its start, on the CPU that it came to */
	/* From now on to `vector` of `c`: 0, -EBUSY if that can't be done just now. */
	int (*set_target)(struct irq *irq, struct cpu *c, unsigned int vector);
};

/* A domain that gets the interrupt as an event. */
struct irq_guest {
	struct domain *d;
	uint32_t pirq, port;
	bool awaits_eoi;		/* sent, and it has not said PHYSDEVOP_eoi yet */
};

struct irq {
	struct spinlock lock;
	unsigned int number;
	const struct irq_ops *ops;	/* NULL: no such line */
	bool is_level, is_low;
	bool is_masked;
	uint8_t vector;			/* 0: none yet */
	uint8_t old_vector;		/* was moved: what is under way to the old place still counts */
	struct cpu *cpu, *old_cpu;
	void (*handler)(void *data);	/* ours; NULL: guests' or nobody's */
	void *data;
	const char *name;
	unsigned int guest_count;
	bool is_shared;			/* guests agreed to */
	struct irq_guest guest[IRQ_GUESTS_MAX];
	unsigned int in_dispatch;	/* CPUs that send its events now; atomic */
	uint64_t count;
	void *chip;			/* the controller's record: struct msi_entry … */
};

extern unsigned int gsi_count;

void irq_init(unsigned int gsis);	/* boot CPU: the records of so many lines, 16 at least */
int irq_cpu_init(struct cpu *c);	/* before `c` takes interrupts: -ENOMEM */
struct irq *irq_get(unsigned int number);	/* NULL: no such */
struct irq *irq_alloc(const struct irq_ops *ops, void *chip);	/* an MSI's; NULL: none left */
void irq_free(struct irq *irq);		/* unused again: no handler, no guest */

/* Gives it a vector on `c` (NULL: some CPU) if it has none; -ENOSPC: all of them are taken. */
int irq_assign_vector(struct irq *irq, struct cpu *c);
/* `count` irqs at consecutive vectors of one CPU, the first a multiple of the power of two `count` (multi-MSI). */
int irq_assign_vectors(struct irq **irqs, unsigned int count, struct cpu *c);
void irq_release_vector(struct irq *irq);
int irq_move(struct irq *irq, struct cpu *c);	/* -EBUSY: later; -ENOSPC */

/* An interrupt of ours, unmasked at once: -EBUSY, -ENODEV, -ENOSPC. */
int irq_request(struct irq *irq, void (*handler)(void *data), void *data, const char *name);
int irq_request_isa(unsigned int isa_irq, void (*handler)(void *data), void *data, const char *name);

void irq_set_fixed_vector(struct irq *irq, struct cpu *c, unsigned int vector);	/* at boot: the 8259s' */
int irq_bind_guest(struct irq *irq, struct domain *d, uint32_t pirq, uint32_t port, bool share);
void irq_unbind_guest(struct irq *irq, struct domain *d);
void irq_wait_dispatch(struct irq *irq);	/* no CPU uses a binding any more that was removed before */
void irq_guest_eoi(struct irq *irq, struct domain *d);	/* unmasks once the last has said so */

/* Every vector from 0x20 on; from the assembly's stubs, interrupts disabled. */
void irq_dispatch(struct cpu_user_regs *regs, unsigned int vector);

void irq_dump(void);			/* debug key i */

#endif
