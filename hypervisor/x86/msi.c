#include "msi.h"

#include "apic.h"
#include "errno.h"
#include "heap.h"
#include "list.h"
#include "mm.h"
#include "mmio.h"
#include "options.h"
#include "pci.h"
#include "printk.h"

#define COMMAND 4			/* configuration registers */
#define COMMAND_MEMORY 2
#define BAR0 0x10
#define HEADER_TYPE 0x0e

#define MSI_CONTROL 2			/* from the capability on */
#define MSI_ADDRESS 4
#define MSI_CAPABLE(control) ((control) >> 1 & 7)	/* log2 of the vectors it can do */
#define MSI_ENABLED_SHIFT 4		/* log2 of those it may use */
#define MSI_64BIT 0x80
#define MSI_MASKABLE 0x100

#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_SIZE(control) (((control) & 0x7ff) + 1)
#define MSIX_ENTRY_SIZE 16
#define MSIX_ENTRY_CONTROL 12
#define MSIX_ENTRY_MASKED 1U

#define MESSAGE_ADDRESS 0xfee00000U	/* + destination << 12: physical, no redirection */

struct msi_device;

/* One request's irqs. */
struct msi_entry {
	struct list link;		/* of its device */
	struct msi_device *dev;
	bool is_msix, is_64bit, can_mask;
	unsigned int cap;		/* configuration register */
	unsigned int index, count;	/* MSI-X entry; vectors */
	void *slot;			/* MSI-X: the entry's registers */
	struct irq *irqs[];
};

struct msi_device {
	struct list link;
	uint16_t segment, bdf;
	struct list entries;
	paddr_t table_address;		/* what `table` maps; 0: nothing yet */
	void *table;
	unsigned int table_size;
};

static struct list devices = LIST_INIT(devices);
static struct spinlock devices_lock;	/* list, entries; outside irq->lock */

static struct msi_device *device_find(uint16_t segment, uint16_t bdf)
{
	struct msi_device *dev;

	list_for_each(dev, &devices, link)
		if (dev->segment == segment && dev->bdf == bdf)
			return dev;
	return NULL;
}

static struct msi_device *device_get(uint16_t segment, uint16_t bdf)
{
	struct msi_device *dev = device_find(segment, bdf);

	if (dev || pci_config_read(segment, bdf, 0, 2) == 0xffff)
		return dev;
	dev = mem_alloc(sizeof(*dev));
	if (!dev)
		return NULL;
	dev->segment = segment;
	dev->bdf = bdf;
	list_init(&dev->entries);
	list_add_tail(&devices, &dev->link);
	return dev;
}

static uint32_t config_read(const struct msi_entry *e, unsigned int reg, unsigned int bytes)
{
	return pci_config_read(e->dev->segment, e->dev->bdf, e->cap + reg, bytes);
}

static void config_write(const struct msi_entry *e, unsigned int reg, unsigned int bytes, uint32_t v)
{
	pci_config_write(e->dev->segment, e->dev->bdf, e->cap + reg, bytes, v);
}

static unsigned int position(const struct irq *irq)
{
	const struct msi_entry *e = irq->chip;

	for (unsigned int i = 0; i < e->count; i++)
		if (e->irqs[i] == irq)
			return i;
	return 0;
}

/* A device whose memory is switched off loses what is written; it can't send either. */
static bool memory_is_on(const struct msi_device *dev)
{
	return pci_config_read(dev->segment, dev->bdf, COMMAND, 2) & COMMAND_MEMORY;
}

static void msi_set_masked(struct irq *irq, bool masked)
{
	struct msi_entry *e = irq->chip;
	unsigned int reg = e->is_64bit ? 0x10 : 0xc;
	uint32_t bit = 1U << position(irq), v;

	if (e->is_msix) {
		if (memory_is_on(e->dev)) {
			mmio_write32(e->slot, MSIX_ENTRY_CONTROL, masked ? MSIX_ENTRY_MASKED : 0);
			mmio_read32(e->slot, MSIX_ENTRY_CONTROL);	/* the write has arrived */
		}
	} else if (e->can_mask) {
		v = config_read(e, reg, 4);
		config_write(e, reg, 4, masked ? v | bit : v & ~bit);
	}
}

static void msi_mask(struct irq *irq) { msi_set_masked(irq, true); }
static void msi_unmask(struct irq *irq) { msi_set_masked(irq, false); }
static void msi_ack(struct irq *irq) { apic_eoi(); }

static void message_write(struct msi_entry *e, uint32_t address, uint32_t data)
{
	if (e->is_msix) {
		if (!memory_is_on(e->dev))
			return;
		mmio_write32(e->slot, 0, address);
		mmio_write32(e->slot, 4, 0);
		mmio_write32(e->slot, 8, data);
		return;
	}
	config_write(e, MSI_ADDRESS, 4, address);
	if (e->is_64bit)
		config_write(e, MSI_ADDRESS + 4, 4, 0);
	config_write(e, e->is_64bit ? 12 : 8, 2, data);
}

/*
 * Address and data are separate writes: a message must not be sent between them, so a live one that
 * can't be masked stays where it is, and so do several that share one message.
 */
static int msi_set_target(struct irq *irq, struct cpu *c, unsigned int vector)
{
	struct msi_entry *e = irq->chip;
	bool can_mask = e->is_msix || e->can_mask;

	if (irq->vector != vector && ((!irq->is_masked && !can_mask) || e->count > 1))
		return -EBUSY;
	if (position(irq))			/* the first of a group speaks for all */
		return 0;
	msi_set_masked(irq, true);
	message_write(e, MESSAGE_ADDRESS | c->arch.apic_id << 12, vector);
	if (!irq->is_masked)
		msi_set_masked(irq, false);
	return 0;
}

static const struct irq_ops msi_ops = { "MSI", msi_mask, msi_unmask, msi_ack, msi_set_target };
static const struct irq_ops msix_ops = { "MSI-X", msi_mask, msi_unmask, msi_ack, msi_set_target };

/* Where memory BAR number `bar` points to; 0: not a memory BAR, or not set. */
static paddr_t bar_address(const struct msi_device *dev, unsigned int bar)
{
	unsigned int bars = (pci_config_read(dev->segment, dev->bdf, HEADER_TYPE, 1) & 0x7f) == 0 ? 6 : 2;
	uint32_t low;
	uint64_t high = 0;

	if (bar >= bars)
		return 0;
	low = pci_config_read(dev->segment, dev->bdf, BAR0 + 4 * bar, 4);
	if (low & 1 || low == ~0U)
		return 0;
	if ((low & 6) == 4 && bar + 1 < bars)		/* 64 bits wide */
		high = pci_config_read(dev->segment, dev->bdf, BAR0 + 4 * bar + 4, 4);
	return high << 32 | (low & ~15U);
}

/* Maps the table if it isn't mapped, or was elsewhere.  `base`: its BAR, if configuration space doesn't tell. */
static int msix_table_map(struct msi_device *dev, unsigned int cap, uint64_t base)
{
	uint32_t where = pci_config_read(dev->segment, dev->bdf, cap + MSIX_TABLE, 4);
	unsigned int size = MSIX_SIZE(pci_config_read(dev->segment, dev->bdf, cap + MSIX_CONTROL, 2));
	paddr_t address = bar_address(dev, where & 7);

	if (!address)
		address = base & ~15UL;
	if (!address || address >= 1UL << paddr_bits || paddr_is_hypervisors(address, address + 1))
		return -EINVAL;
	address += where & ~7U;
	if (mfn_is_ram(paddr_to_mfn(address)))
		return -EINVAL;
	if (dev->table_address == address && dev->table_size >= size)
		return 0;
	if (!list_empty(&dev->entries))
		return -EBUSY;
	dev->table = ioremap(address, size * MSIX_ENTRY_SIZE);
	dev->table_address = dev->table ? address : 0;
	dev->table_size = size;
	return dev->table ? 0 : -ENOMEM;
}

static bool entry_is_used(const struct msi_device *dev, bool is_msix, unsigned int index)
{
	struct msi_entry *e;

	list_for_each(e, &dev->entries, link)
		if (!is_msix || !e->is_msix || e->index == index)	/* never MSI and MSI-X together */
			return true;
	return false;
}

static int msix_set_up(struct msi_entry *e, const struct msi_request *r)
{
	int rc;

	if (r->count != 1)
		return -EINVAL;
	if (!memory_is_on(e->dev))
		return -ENXIO;
	rc = msix_table_map(e->dev, e->cap, r->table_base);
	if (rc)
		return rc;
	if (r->entry >= e->dev->table_size)
		return -EINVAL;
	e->index = r->entry;
	e->slot = (char *)e->dev->table + r->entry * MSIX_ENTRY_SIZE;
	return 0;
}

static int msi_set_up(struct msi_entry *e, const struct msi_request *r)
{
	uint32_t control = config_read(e, MSI_CONTROL, 2), log = __builtin_ctz(r->count);

	e->is_64bit = control & MSI_64BIT;
	e->can_mask = control & MSI_MASKABLE;
	if (log > MSI_CAPABLE(control))
		return -EINVAL;
	config_write(e, MSI_CONTROL, 2, (control & ~(7U << MSI_ENABLED_SHIFT)) | log << MSI_ENABLED_SHIFT);
	return 0;
}

static void entry_free(struct msi_entry *e)
{
	for (unsigned int i = 0; i < e->count; i++)
		if (e->irqs[i])
			irq_free(e->irqs[i]);
	mem_free(e);
}

static int entry_make_irqs(struct msi_entry *e)
{
	for (unsigned int i = 0; i < e->count; i++) {
		e->irqs[i] = irq_alloc(e->is_msix ? &msix_ops : &msi_ops, e);
		if (!e->irqs[i])
			return -ENOSPC;
	}
	return irq_assign_vectors(e->irqs, e->count, NULL);
}

static int entry_new(struct msi_device *dev, const struct msi_request *r, struct msi_entry **out)
{
	unsigned int cap = pci_find_capability(r->segment, r->bdf, r->is_msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
	struct msi_entry *e;
	int rc;

	if (!cap)
		return -ENODEV;
	if (entry_is_used(dev, r->is_msix, r->entry))
		return -EBUSY;
	e = mem_alloc(sizeof(*e) + r->count * sizeof(e->irqs[0]));
	if (!e)
		return -ENOMEM;
	e->dev = dev;
	e->cap = cap;
	e->is_msix = r->is_msix;
	e->count = r->count;
	rc = r->is_msix ? msix_set_up(e, r) : msi_set_up(e, r);
	if (!rc)
		rc = entry_make_irqs(e);
	if (rc) {
		entry_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

int msi_map(const struct msi_request *r, struct irq **irqs)
{
	struct msi_device *dev;
	struct msi_entry *e;
	int rc = -ENODEV;

	if (!options.msi)
		return -EOPNOTSUPP;
	if (!r->count || r->count > MSI_MAX || r->count & (r->count - 1))
		return -EINVAL;
	spin_lock(&devices_lock);
	dev = device_get(r->segment, r->bdf);
	if (dev)
		rc = entry_new(dev, r, &e);
	if (!rc) {
		list_add_tail(&dev->entries, &e->link);
		for (unsigned int i = 0; i < e->count; i++)
			irqs[i] = e->irqs[i];
	}
	spin_unlock(&devices_lock);
	return rc;
}

static struct msi_entry *entry_of(struct irq *irq)
{
	return irq->ops == &msi_ops || irq->ops == &msix_ops ? irq->chip : NULL;
}

void msi_unmap(struct irq *irq)
{
	struct msi_entry *e = entry_of(irq);

	spin_lock(&devices_lock);
	list_del(&e->link);
	spin_unlock(&devices_lock);
	entry_free(e);
}

unsigned int msi_group(struct irq *irq, struct irq **irqs)
{
	struct msi_entry *e = entry_of(irq);

	for (unsigned int i = 0; e && i < e->count; i++)
		irqs[i] = e->irqs[i];
	return e ? e->count : 0;
}

static void entry_restore(struct msi_entry *e)
{
	for (unsigned int i = 0; i < e->count; i++) {
		struct irq *irq = e->irqs[i];
		uint64_t flags = spin_lock_irqsave(&irq->lock);

		if (irq->vector)
			msi_set_target(irq, irq->cpu, irq->vector);
		msi_set_masked(irq, irq->is_masked);
		spin_unlock_irqrestore(&irq->lock, flags);
	}
	if (!e->is_msix)
		config_write(e, MSI_CONTROL, 2, (config_read(e, MSI_CONTROL, 2) & ~(7U << MSI_ENABLED_SHIFT)) |
			     __builtin_ctz(e->count) << MSI_ENABLED_SHIFT);
}

int msi_restore(uint16_t segment, uint16_t bdf)
{
	struct msi_device *dev;
	struct msi_entry *e;
	int rc = -ENODEV;

	spin_lock(&devices_lock);
	dev = device_find(segment, bdf);
	if (dev)
		list_for_each(e, &dev->entries, link) {
			entry_restore(e);
			rc = 0;
		}
	spin_unlock(&devices_lock);
	return rc;
}

int msix_prepare(uint16_t segment, uint16_t bdf)
{
	unsigned int cap = pci_find_capability(segment, bdf, PCI_CAP_MSIX);
	struct msi_device *dev;
	int rc = -ENODEV;

	if (!cap)
		return -ENODEV;
	spin_lock(&devices_lock);
	dev = device_get(segment, bdf);
	if (dev)
		rc = memory_is_on(dev) ? msix_table_map(dev, cap, 0) : -ENXIO;
	spin_unlock(&devices_lock);
	return rc;
}

bool msi_is_used(uint16_t segment, uint16_t bdf)
{
	struct msi_device *dev;
	bool used;

	spin_lock(&devices_lock);
	dev = device_find(segment, bdf);
	used = dev && !list_empty(&dev->entries);
	spin_unlock(&devices_lock);
	return used;
}

void msi_dump(void)
{
	struct msi_device *dev;
	struct msi_entry *e;

	printk("MSI:\n");
	spin_lock(&devices_lock);
	list_for_each(dev, &devices, link)
		list_for_each(e, &dev->entries, link)
			for (unsigned int i = 0; i < e->count; i++)
				printk("  %04x:%02x:%02x.%u %s %u: irq %u, CPU %u vector %02x%s\n", dev->segment,
				       dev->bdf >> 8, dev->bdf >> 3 & 31, dev->bdf & 7,
				       e->is_msix ? "MSI-X" : "MSI", e->is_msix ? e->index : i,
				       e->irqs[i]->number, e->irqs[i]->cpu->id, e->irqs[i]->vector,
				       e->irqs[i]->is_masked ? ", masked" : "");
	spin_unlock(&devices_lock);
}
