#include "pic.h"

#include "asm.h"
#include "errno.h"
#include "ioapic.h"
#include "irq.h"
#include "vectors.h"

#define MASTER 0x20
#define SLAVE 0xa0
#define EDGE_LEVEL 0x4d0		/* ELCR: two bytes */
#define OCW2_EOI 0x20
#define OCW3_READ_ISR 0x0b

static struct spinlock pic_lock;	/* irqsave; inside irq->lock */
static uint16_t pic_mask = 0xffff;
static bool pic_is_used;

static void pic_write_mask(void)
{
	outb(MASTER + 1, pic_mask & 0xff);
	outb(SLAVE + 1, pic_mask >> 8);
}

/* Initialisation command words 1-4 (8259A data sheet). */
static void pic_reset(void)
{
	outb(MASTER, 0x11);
	outb(SLAVE, 0x11);
	outb(MASTER + 1, VECTOR_PIC);
	outb(SLAVE + 1, VECTOR_PIC + 8);
	outb(MASTER + 1, 4);		/* the slave is at line 2 */
	outb(SLAVE + 1, 2);
	outb(MASTER + 1, 1);
	outb(SLAVE + 1, 1);
	pic_write_mask();
}

static void pic_set_masked(struct irq *irq, bool masked)
{
	uint64_t flags = spin_lock_irqsave(&pic_lock);

	if (masked)
		pic_mask |= 1U << irq->number;
	else
		pic_mask &= ~(1U << irq->number);
	pic_write_mask();
	spin_unlock_irqrestore(&pic_lock, flags);
}

static void pic_mask_irq(struct irq *irq) { pic_set_masked(irq, true); }
static void pic_unmask_irq(struct irq *irq) { pic_set_masked(irq, false); }

static void pic_ack(struct irq *irq)
{
	uint64_t flags = spin_lock_irqsave(&pic_lock);

	if (irq->number >= 8)
		outb(SLAVE, OCW2_EOI);
	outb(MASTER, OCW2_EOI);
	spin_unlock_irqrestore(&pic_lock, flags);
}

static int pic_set_target(struct irq *irq, struct cpu *c, unsigned int vector)
{
	return c->id == 0 && vector == VECTOR_PIC + irq->number ? 0 : -EINVAL;
}

static const struct irq_ops pic_ops = { "8259", pic_mask_irq, pic_unmask_irq, pic_ack, pic_set_target };

void pic_init(void)
{
	uint16_t level = inb(EDGE_LEVEL) | inb(EDGE_LEVEL + 1) << 8;

	pic_is_used = !ioapic_is_used();
	pic_mask = 0xffff & ~(pic_is_used ? 1U << 2 : 0);	/* the cascade */
	pic_reset();
	if (!pic_is_used)
		return;
	for (unsigned int n = 0; n < 16; n++) {
		struct irq *irq = irq_get(n);

		if (!irq || n == 2)
			continue;
		irq->ops = &pic_ops;
		irq->is_level = level >> n & 1;
		irq_set_fixed_vector(irq, cpus[0], VECTOR_PIC + n);
	}
}

bool pic_is_spurious(unsigned int line)
{
	unsigned int port = line < 8 ? MASTER : SLAVE;
	uint8_t in_service;
	uint64_t flags;

	if (!pic_is_used)
		return true;
	if (line % 8 != 7)
		return false;
	flags = spin_lock_irqsave(&pic_lock);
	outb(port, OCW3_READ_ISR);
	in_service = inb(port);
	if (!(in_service & 0x80) && line == 15)
		outb(MASTER, OCW2_EOI);		/* for the master it was real */
	spin_unlock_irqrestore(&pic_lock, flags);
	return !(in_service & 0x80);
}
