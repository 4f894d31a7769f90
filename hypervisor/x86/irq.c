#include "irq.h"

#include "acpi.h"
#include "apic.h"
#include "errno.h"
#include "evtchn.h"
#include "heap.h"
#include "ioapic.h"
#include "pic.h"
#include "printk.h"
#include "smp.h"
#include "softirq.h"
#include "string.h"
#include "vectors.h"

unsigned int gsi_count;

static struct irq *irqs[IRQ_MAX];
static struct spinlock irqs_lock;	/* the numbers above gsi_count; irqsave */

static struct irq **vector_tables[MAX_CPUS];	/* [256] each; entries change under vectors_lock */
static struct spinlock vectors_lock;	/* irqsave; inside irq->lock */

struct irq *irq_get(unsigned int number)
{
	return number < IRQ_MAX ? READ_ONCE(irqs[number]) : NULL;
}

static struct irq *irq_new(unsigned int number)
{
	struct irq *irq = mem_alloc(sizeof(*irq));

	if (irq) {
		irq->number = number;
		irq->is_masked = true;
	}
	return irq;
}

void irq_init(unsigned int gsis)
{
	gsi_count = MAX(MIN(gsis, IRQ_MAX / 2U), 16U);
	for (unsigned int i = 0; i < gsi_count; i++)
		if (!(irqs[i] = irq_new(i)))
			panic("No memory for interrupts");
}

int irq_cpu_init(struct cpu *c)
{
	if (!vector_tables[c->id])
		vector_tables[c->id] = mem_alloc(256 * sizeof(struct irq *));
	return vector_tables[c->id] ? 0 : -ENOMEM;
}

struct irq *irq_alloc(const struct irq_ops *ops, void *chip)
{
	struct irq *irq = irq_new(0);
	unsigned int n = gsi_count;
	uint64_t flags;

	if (!irq)
		return NULL;
	irq->ops = ops;
	irq->chip = chip;
	flags = spin_lock_irqsave(&irqs_lock);
	while (n < IRQ_MAX && irqs[n])
		n++;
	if (n < IRQ_MAX) {
		irq->number = n;
		irqs[n] = irq;
	}
	spin_unlock_irqrestore(&irqs_lock, flags);
	if (n < IRQ_MAX)
		return irq;
	mem_free(irq);
	return NULL;
}

void irq_free(struct irq *irq)
{
	uint64_t flags;

	irq_release_vector(irq);
	irq_wait_dispatch(irq);
	flags = spin_lock_irqsave(&irqs_lock);
	irqs[irq->number] = NULL;
	spin_unlock_irqrestore(&irqs_lock, flags);
	mem_free(irq);
}

/* I/O APICs and MSIs name a CPU by 8 bits of APIC id (there's no interrupt remapping here). */
static bool cpu_is_target(const struct cpu *c)
{
	return c && cpumask_test(&cpu_online, c->id) && c->arch.apic_id < 255 && vector_tables[c->id];
}

/* The CPU with the fewest vectors in use among those that can be named. */
static struct cpu *target_choose(void)
{
	struct cpu *best = NULL;
	unsigned int cpu, best_used = ~0U;

	cpumask_for_each(cpu, &cpu_online) {
		unsigned int used = 0;

		if (!cpu_is_target(cpus[cpu]))
			continue;
		for (unsigned int v = VECTOR_FIRST; v <= VECTOR_LAST; v++)
			used += vector_tables[cpu][v] != NULL;
		if (used < best_used) {
			best_used = used;
			best = cpus[cpu];
		}
	}
	return best ? best : cpus[0];
}

/* First of `count` free vectors, aligned to it; 0: none.  vectors_lock held. */
static unsigned int vectors_find(struct irq *const *table, unsigned int count)
{
	for (unsigned int v = ROUND_UP(VECTOR_FIRST, count); v + count - 1 <= VECTOR_LAST; v += count) {
		unsigned int n = 0;

		while (n < count && !table[v + n] && v + n != 0x80)
			n++;
		if (n == count)
			return v;
	}
	return 0;
}

static unsigned int vectors_take(struct irq **for_irqs, unsigned int count, struct cpu *c)
{
	struct irq **table = vector_tables[c->id];
	uint64_t flags = spin_lock_irqsave(&vectors_lock);
	unsigned int v = vectors_find(table, count);

	for (unsigned int i = 0; v && i < count; i++)
		WRITE_ONCE(table[v + i], for_irqs[i]);
	spin_unlock_irqrestore(&vectors_lock, flags);
	return v;
}

static void vector_drop(struct irq *irq, struct cpu *c, unsigned int vector)
{
	uint64_t flags = spin_lock_irqsave(&vectors_lock);

	if (vector && vector_tables[c->id][vector] == irq)
		WRITE_ONCE(vector_tables[c->id][vector], NULL);
	spin_unlock_irqrestore(&vectors_lock, flags);
}

int irq_assign_vectors(struct irq **for_irqs, unsigned int count, struct cpu *c)
{
	unsigned int v;

	if (!cpu_is_target(c))
		c = target_choose();
	v = vectors_take(for_irqs, count, c);
	for (unsigned int cpu = 0; !v && cpu < cpu_count; cpu++)	/* full: any other */
		if (cpu_is_target(cpus[cpu])) {
			c = cpus[cpu];
			v = vectors_take(for_irqs, count, c);
		}
	if (!v)
		return -ENOSPC;
	for (unsigned int i = 0; i < count; i++) {
		uint64_t flags = spin_lock_irqsave(&for_irqs[i]->lock);

		for_irqs[i]->cpu = c;
		for_irqs[i]->vector = v + i;
		for_irqs[i]->ops->set_target(for_irqs[i], c, v + i);
		spin_unlock_irqrestore(&for_irqs[i]->lock, flags);
	}
	return 0;
}

int irq_assign_vector(struct irq *irq, struct cpu *c)
{
	return irq->vector ? 0 : irq_assign_vectors(&irq, 1, c);
}

void irq_release_vector(struct irq *irq)
{
	uint64_t flags = spin_lock_irqsave(&irq->lock);

	irq->ops->mask(irq);
	irq->is_masked = true;
	vector_drop(irq, irq->old_cpu, irq->old_vector);
	vector_drop(irq, irq->cpu, irq->vector);
	irq->vector = irq->old_vector = 0;
	spin_unlock_irqrestore(&irq->lock, flags);
}

int irq_move(struct irq *irq, struct cpu *c)
{
	uint64_t flags;
	unsigned int v;
	int rc = 0;

	if (!cpu_is_target(c))
		return -EINVAL;
	flags = spin_lock_irqsave(&irq->lock);
	if (!irq->vector || irq->cpu == c)
		goto out;
	rc = -EBUSY;
	if (irq->old_vector)
		goto out;
	rc = -ENOSPC;
	v = vectors_take(&irq, 1, c);
	if (!v)
		goto out;
	rc = irq->ops->set_target(irq, c, v);
	if (rc) {
		vector_drop(irq, c, v);
		goto out;
	}
	irq->old_cpu = irq->cpu;	/* dropped by the first interrupt at the new place */
	irq->old_vector = irq->vector;
	irq->cpu = c;
	irq->vector = v;
out:
	spin_unlock_irqrestore(&irq->lock, flags);
	return rc;
}

static void irq_unmask_locked(struct irq *irq)
{
	irq->is_masked = false;
	irq->ops->unmask(irq);
}

static void irq_mask_locked(struct irq *irq)
{
	irq->is_masked = true;
	irq->ops->mask(irq);
}

int irq_request(struct irq *irq, void (*handler)(void *data), void *data, const char *name)
{
	uint64_t flags;
	int rc;

	if (!irq || !irq->ops)
		return -ENODEV;
	rc = irq_assign_vector(irq, cpus[0]);
	if (rc)
		return rc;
	flags = spin_lock_irqsave(&irq->lock);
	if (irq->handler || irq->guest_count) {
		rc = -EBUSY;
	} else {
		irq->data = data;
		irq->name = name;
		irq->handler = handler;
		irq_unmask_locked(irq);
	}
	spin_unlock_irqrestore(&irq->lock, flags);
	return rc;
}

int irq_request_isa(unsigned int isa_irq, void (*handler)(void *data), void *data, const char *name)
{
	return irq_request(irq_get(ioapic_isa_gsi(isa_irq)), handler, data, name);
}

static bool irq_is_bound_to(const struct irq *irq, const struct domain *d)
{
	for (unsigned int i = 0; i < irq->guest_count; i++)
		if (irq->guest[i].d == d)
			return true;
	return false;
}

int irq_bind_guest(struct irq *irq, struct domain *d, uint32_t pirq, uint32_t port, bool share)
{
	uint64_t flags;
	int rc;

	if (!irq->ops)
		return -ENODEV;
	rc = irq_assign_vector(irq, d->vcpu[0] ? d->vcpu[0]->cpu : NULL);
	if (rc)
		return rc;
	flags = spin_lock_irqsave(&irq->lock);
	if (irq_is_bound_to(irq, d)) {
		rc = -EEXIST;
	} else if (irq->handler || (irq->guest_count && !(share && irq->is_shared))) {
		rc = -EBUSY;
	} else if (irq->guest_count == IRQ_GUESTS_MAX) {
		rc = -ENOSPC;
	} else {
		irq->is_shared = share;
		irq->guest[irq->guest_count++] = (struct irq_guest){ d, pirq, port, false };
		if (irq->guest_count == 1)
			irq_unmask_locked(irq);
	}
	spin_unlock_irqrestore(&irq->lock, flags);
	return rc;
}

/* A level line stays masked while one of its guests has not ended its interrupt. */
static void irq_unmask_if_ended(struct irq *irq)
{
	for (unsigned int i = 0; i < irq->guest_count; i++)
		if (irq->guest[i].awaits_eoi)
			return;
	if (irq->guest_count && irq->is_masked)
		irq_unmask_locked(irq);
}

void irq_unbind_guest(struct irq *irq, struct domain *d)
{
	uint64_t flags = spin_lock_irqsave(&irq->lock);

	for (unsigned int i = 0; i < irq->guest_count; i++)
		if (irq->guest[i].d == d) {
			irq->guest[i] = irq->guest[--irq->guest_count];
			break;
		}
	if (!irq->guest_count && !irq->handler)
		irq_mask_locked(irq);
	else
		irq_unmask_if_ended(irq);
	spin_unlock_irqrestore(&irq->lock, flags);
}

void irq_wait_dispatch(struct irq *irq)
{
	while (__atomic_load_n(&irq->in_dispatch, __ATOMIC_SEQ_CST))
		cpu_relax();
}

void irq_guest_eoi(struct irq *irq, struct domain *d)
{
	uint64_t flags = spin_lock_irqsave(&irq->lock);

	for (unsigned int i = 0; i < irq->guest_count; i++)
		if (irq->guest[i].d == d)
			irq->guest[i].awaits_eoi = false;
	if (irq->is_level)
		irq_unmask_if_ended(irq);
	spin_unlock_irqrestore(&irq->lock, flags);
}

/*
 * Acknowledges, and copies who is to be told: events are sent without the lock.  in_dispatch keeps the
 * copies' domains alive (irq_wait_dispatch()).  A line that belongs to nobody stays masked.
 */
static unsigned int irq_begin(struct irq *irq, unsigned int vector, struct irq_guest *to)
{
	unsigned int n;

	spin_lock(&irq->lock);
	if (irq->is_level && !irq->handler)
		irq_mask_locked(irq);	/* before its end is signalled, or it comes again at once */
	if (!irq->is_level || !irq->handler)
		irq->ops->ack(irq);
	irq->count++;
	if (irq->old_vector && irq->cpu == this_cpu() && irq->vector == vector) {
		vector_drop(irq, irq->old_cpu, irq->old_vector);
		irq->old_vector = 0;
	}
	n = irq->guest_count;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = irq->guest[i];
		irq->guest[i].awaits_eoi = irq->is_level;
	}
	__atomic_add_fetch(&irq->in_dispatch, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&irq->lock);
	return n;
}

static void irq_run(struct irq *irq, unsigned int vector)
{
	struct irq_guest to[IRQ_GUESTS_MAX];
	unsigned int n = irq_begin(irq, vector, to);

	if (irq->handler) {
		irq->handler(irq->data);
		if (irq->is_level)	/* the device is content now */
			irq->ops->ack(irq);
	}
	for (unsigned int i = 0; i < n; i++)
		evtchn_send_pirq(to[i].d, to[i].port);
	__atomic_sub_fetch(&irq->in_dispatch, 1, __ATOMIC_SEQ_CST);
}

static void timer_interrupt(struct cpu_user_regs *regs)
{
	perf_inc(timer_interrupts);
	softirq_raise(SOFTIRQ_TIMER);
}


static void kick_interrupt(struct cpu_user_regs *regs) { }	/* the return path looks at the softirqs */
static void error_interrupt(struct cpu_user_regs *regs) { apic_error_interrupt(); }

/* Our own vectors, acknowledged before the handler runs. */
static void (*const own_vectors[])(struct cpu_user_regs *regs) = {
	[VECTOR_STOP - VECTOR_OWN] = smp_stop_interrupt,
	[VECTOR_FLUSH - VECTOR_OWN] = smp_flush_interrupt,
	[VECTOR_CALL - VECTOR_OWN] = smp_call_interrupt,
	[VECTOR_KICK - VECTOR_OWN] = kick_interrupt,
	[VECTOR_TIMER - VECTOR_OWN] = timer_interrupt,
	[VECTOR_ERROR - VECTOR_OWN] = error_interrupt,
};

static void own_dispatch(struct cpu_user_regs *regs, unsigned int vector)
{
	void (*handler)(struct cpu_user_regs *regs) = NULL;

	if (vector == VECTOR_SPURIOUS)		/* takes no EOI: SDM 3A 11.9 */
		return;
	apic_eoi();
	if (vector - VECTOR_OWN < ARRAY_SIZE(own_vectors))
		handler = own_vectors[vector - VECTOR_OWN];
	if (handler)
		handler(regs);
}

void irq_dispatch(struct cpu_user_regs *regs, unsigned int vector)
{
	struct cpu *c = this_cpu();
	struct irq *irq;

	c->arch.irq_count++;
	perf_inc(interrupts);
	if (vector >= VECTOR_OWN) {
		own_dispatch(regs, vector);
		return;
	}
	if (vector >= VECTOR_PIC && vector < VECTOR_PIC + 16 && pic_is_spurious(vector - VECTOR_PIC))
		return;
	irq = READ_ONCE(vector_tables[c->id][vector]);
	if (irq) {
		irq_run(irq, vector);
	} else if (apic_is_in_service(vector)) {
		apic_eoi();
		printk(LOG_WARN "CPU %u: interrupt at vector %#x that nobody has\n", c->id, vector);
	}
}

/* Lines of the 8259s keep their fixed vectors. */
void irq_set_fixed_vector(struct irq *irq, struct cpu *c, unsigned int vector)
{
	irq->cpu = c;
	irq->vector = vector;
	vector_tables[c->id][vector] = irq;
}

void irq_dump(void)
{
	printk("Interrupts:\n");
	for (unsigned int n = 0; n < IRQ_MAX; n++) {
		struct irq *irq = irq_get(n);

		if (!irq || !irq->ops || !irq->vector)
			continue;
		printk("  irq %4u %-7s %s%s cpu %3u vector %02x count %lu %s", n, irq->ops->name,
		       irq->is_level ? "level" : "edge", irq->is_masked ? " masked" : "", irq->cpu->id,
		       irq->vector, irq->count, irq->handler ? irq->name : "");
		for (unsigned int i = 0; i < irq->guest_count; i++)
			printk(" d%u:pirq %u port %u%s", irq->guest[i].d->id, irq->guest[i].pirq,
			       irq->guest[i].port, irq->guest[i].awaits_eoi ? " (awaits EOI)" : "");
		printk("\n");
	}
}
