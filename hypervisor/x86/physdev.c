#include "physdev.h"

#include "arch.h"
#include "errno.h"
#include "heap.h"
#include "hypercall.h"
#include "hypercalls.h"
#include "ioapic.h"
#include "irq.h"
#include "msi.h"
#include "pci.h"
#include "printk.h"
#include "pv_io.h"

#define PIRQS_FOR_MSI 392		/* beyond the GSIs: 416 in all on a PC, as dom0 kernels are used to */
#define BDF(bus, devfn) ((uint16_t)((bus) << 8 | (devfn)))

struct pirq_map {
	struct spinlock lock;
	unsigned int count;
	struct page *eoi_page;		/* PHYSDEVOP_pirq_eoi_gmfn: referenced as writable */
	struct pirq {
		struct irq *irq;	/* NULL: not mapped */
		bool is_reserved;	/* PHYSDEVOP_get_free_pirq gave it out */
	} pirq[];
};

/* The hardware domain gets its map of PIRQs: -ENOMEM. */
static int physdev_domain_init(struct domain *d)
{
	unsigned int count = MIN(gsi_count + PIRQS_FOR_MSI, (unsigned int)IRQ_MAX);
	struct pirq_map *map = mem_alloc(sizeof(*map) + count * sizeof(map->pirq[0]));

	if (!map)
		return -ENOMEM;
	map->count = count;
	d->arch.pirqs = map;
	return 0;
}

/* The page by which the guest sees which PIRQs need PHYSDEVOP_eoi: one bit each. */
static void eoi_bit_update(struct pirq_map *map, unsigned int pirq)
{
	uint64_t *bits = map->eoi_page ? mfn_to_virt(page_to_mfn(map->eoi_page)) : NULL;
	struct irq *irq = map->pirq[pirq].irq;

	if (!bits || pirq >= PAGE_SIZE * 8)
		return;
	if (irq && irq->is_level)
		bit_test_set_atomic(bits, pirq);
	else
		bit_test_clear_atomic(bits, pirq);
}

static struct irq *pirq_irq(struct pirq_map *map, unsigned int pirq)
{
	return map && pirq < map->count ? READ_ONCE(map->pirq[pirq].irq) : NULL;
}

static int pirq_of(const struct pirq_map *map, const struct irq *irq)
{
	for (unsigned int p = 0; p < map->count; p++)
		if (map->pirq[p].irq == irq)
			return p;
	return -ENOENT;
}

/* First of `count` free PIRQs in a row, as high as possible: GSIs keep their own numbers below. */
static int pirqs_find(const struct pirq_map *map, unsigned int count)
{
	unsigned int free = 0;

	for (unsigned int p = map->count; p-- > gsi_count;) {
		free = map->pirq[p].irq || map->pirq[p].is_reserved ? 0 : free + 1;
		if (free == count)
			return p;
	}
	return -ENOSPC;
}

static int gsi_map(struct pirq_map *map, int gsi, int *pirq)
{
	struct irq *irq;
	int at;

	if (gsi < 0 || (unsigned int)gsi >= gsi_count)
		return -EINVAL;
	irq = irq_get(gsi);
	at = pirq_of(map, irq);
	if (*pirq < 0)
		*pirq = at >= 0 ? at : gsi;
	if (at == *pirq)
		return 0;
	if (at >= 0)
		return -EEXIST;			/* under another number */
	if ((unsigned int)*pirq >= map->count)
		return -EINVAL;
	if (map->pirq[*pirq].irq)
		return -EEXIST;
	map->pirq[*pirq].irq = irq;
	eoi_bit_update(map, *pirq);
	return 0;
}

static int msi_pirqs_map(struct pirq_map *map, const struct msi_request *r, int *pirq)
{
	struct irq *irqs[MSI_MAX];
	int rc, first = *pirq;

	if (first < 0)
		first = pirqs_find(map, r->count);
	if (first < 0)
		return first;
	if ((unsigned int)first >= map->count || r->count > map->count - first)
		return -EINVAL;
	for (unsigned int i = 0; i < r->count; i++)
		if (map->pirq[first + i].irq)
			return -EEXIST;
	rc = msi_map(r, irqs);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < r->count; i++) {
		map->pirq[first + i] = (struct pirq){ irqs[i], false };
		eoi_bit_update(map, first + i);
	}
	*pirq = first;
	return 0;
}

/* xen/physdev.h: types MSI (bus without segment), MSI_SEG (segment in bus's upper half), MULTI_MSI. */
static int msi_request_from(const struct physdev_map_pirq *op, struct msi_request *r)
{
	*r = (struct msi_request){
		.segment = op->type == MAP_PIRQ_TYPE_MSI ? 0 : (uint32_t)op->bus >> 16,
		.bdf = BDF((unsigned int)op->bus & 0xff, (unsigned int)op->devfn & 0xff),
		.is_msix = op->type != MAP_PIRQ_TYPE_MULTI_MSI && op->table_base,
		.count = 1,
		.table_base = op->table_base,
	};
	if ((op->bus & 0xff00) || (unsigned int)op->devfn > 0xff || op->entry_nr < 0)
		return -EINVAL;
	if (op->type == MAP_PIRQ_TYPE_MULTI_MSI) {
		if (op->entry_nr < 1 || op->entry_nr > MSI_MAX)
			return -EINVAL;
		while (r->count < (uint32_t)op->entry_nr)
			r->count *= 2;
	} else {
		r->entry = op->entry_nr;
	}
	return 0;
}

static int pirq_map_locked(struct pirq_map *map, struct physdev_map_pirq *op)
{
	struct msi_request r;
	int rc;

	if (op->type == MAP_PIRQ_TYPE_GSI)
		return gsi_map(map, op->index, &op->pirq);
	if (op->type != MAP_PIRQ_TYPE_MSI && op->type != MAP_PIRQ_TYPE_MSI_SEG &&
	    op->type != MAP_PIRQ_TYPE_MULTI_MSI)
		return -EINVAL;
	rc = msi_request_from(op, &r);
	if (!rc)
		rc = msi_pirqs_map(map, &r, &op->pirq);
	if (!rc && op->type == MAP_PIRQ_TYPE_MULTI_MSI)
		op->entry_nr = r.count;
	return rc;
}

/* The domain's map, made on its first use for one that isn't dom0. */
static int domain_map_get(struct domain *d, struct pirq_map **map)
{
	static struct spinlock new_map_lock;
	int rc = 0;

	spin_lock(&new_map_lock);
	if (!d->arch.pirqs)
		rc = physdev_domain_init(d);
	spin_unlock(&new_map_lock);
	*map = d->arch.pirqs;
	return rc;
}

static long physdev_map_pirq(void *arg)
{
	struct physdev_map_pirq *op = arg;
	struct domain *d = domain_get_for(current_vcpu()->domain, op->domid);
	struct pirq_map *map;
	int rc;

	if (!d)
		return -ESRCH;
	rc = domain_map_get(d, &map);
	if (!rc) {
		spin_lock(&map->lock);
		rc = READ_ONCE(d->dying) ? -ESRCH : pirq_map_locked(map, op);
		spin_unlock(&map->lock);
	}
	domain_put(d);
	return rc;
}

/* A pirq, and with it all others of the same MSI.  Event channels that are bound to them get nothing more. */
static void pirq_unmap_locked(struct domain *d, struct pirq_map *map, unsigned int pirq)
{
	struct irq *group[MSI_MAX], *irq = map->pirq[pirq].irq;
	unsigned int count = msi_group(irq, group);

	for (unsigned int i = 0; i < MAX(count, 1U); i++) {
		struct irq *one = count ? group[i] : irq;
		int at = pirq_of(map, one);

		irq_unbind_guest(one, d);
		irq_wait_dispatch(one);
		if (at >= 0) {
			map->pirq[at].irq = NULL;
			eoi_bit_update(map, at);
		}
	}
	if (count)
		msi_unmap(irq);
}

static long physdev_unmap_pirq(void *arg)
{
	struct physdev_unmap_pirq *op = arg;
	struct domain *d = domain_get_for(current_vcpu()->domain, op->domid);
	struct pirq_map *map;
	long rc = -EINVAL;

	if (!d)
		return -ESRCH;
	map = d->arch.pirqs;
	if (map) {
		spin_lock(&map->lock);
		if (op->pirq >= 0 && pirq_irq(map, op->pirq)) {
			pirq_unmap_locked(d, map, op->pirq);
			rc = 0;
		}
		spin_unlock(&map->lock);
	}
	domain_put(d);
	return rc;
}

void physdev_domain_release(struct domain *d)
{
	struct pirq_map *map = d->arch.pirqs;
	struct page *eoi_page;

	if (!map)
		return;
	spin_lock(&map->lock);
	for (unsigned int p = 0; p < map->count; p++)
		if (map->pirq[p].irq)
			pirq_unmap_locked(d, map, p);
	eoi_page = map->eoi_page;
	map->eoi_page = NULL;
	spin_unlock(&map->lock);
	if (eoi_page)
		page_put_and_type(eoi_page);
}

void physdev_domain_free(struct domain *d) { mem_free(d->arch.pirqs); }

int arch_pirq_bind(struct domain *d, unsigned int pirq, unsigned int port, bool will_share)
{
	struct pirq_map *map = d->arch.pirqs;
	int rc = -EINVAL;

	if (!map)
		return -EINVAL;
	spin_lock(&map->lock);
	if (pirq_irq(map, pirq)) {
		rc = irq_bind_guest(map->pirq[pirq].irq, d, pirq, port, will_share);
		eoi_bit_update(map, pirq);
	}
	spin_unlock(&map->lock);
	return rc;
}

void arch_pirq_unbind(struct domain *d, unsigned int pirq)
{
	struct pirq_map *map = d->arch.pirqs;

	if (!map)
		return;
	spin_lock(&map->lock);
	if (pirq_irq(map, pirq))
		irq_unbind_guest(map->pirq[pirq].irq, d);
	spin_unlock(&map->lock);
}

void arch_pirq_follow(struct domain *d, unsigned int pirq, struct vcpu *v)
{
	struct pirq_map *map = d->arch.pirqs;

	if (!map)
		return;
	spin_lock(&map->lock);
	if (pirq_irq(map, pirq) && map->pirq[pirq].irq->guest_count == 1)
		irq_move(map->pirq[pirq].irq, READ_ONCE(v->cpu));
	spin_unlock(&map->lock);
}

static long physdev_eoi(void *arg)
{
	struct physdev_eoi *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct pirq_map *map = d->arch.pirqs;
	struct irq *irq;
	long rc = -EINVAL;

	if (!map)
		return -EINVAL;
	spin_lock(&map->lock);
	irq = pirq_irq(map, op->irq);
	if (irq) {
		irq_guest_eoi(irq, d);
		rc = 0;
	}
	spin_unlock(&map->lock);
	return rc;
}

static long physdev_irq_status_query(void *arg)
{
	struct physdev_irq_status_query *op = arg;
	struct pirq_map *map = current_vcpu()->domain->arch.pirqs;
	struct irq *irq;

	if (!map)
		return -EINVAL;
	spin_lock(&map->lock);
	irq = pirq_irq(map, op->irq);
	if (irq)
		op->flags = (irq->is_level ? XENIRQSTAT_needs_eoi : 0) |
			    (irq->is_shared ? XENIRQSTAT_shared : 0);
	spin_unlock(&map->lock);
	return irq ? 0 : -EINVAL;
}

/*
 * The frame keeps a writable reference of ours until the domain is gone.  There's no _v1, by which
 * PHYSDEVOP_eoi would unmask the event channel too: no kernel since 2011 asks for it.
 */
static long physdev_pirq_eoi_gmfn_v2(void *arg)
{
	const struct physdev_pirq_eoi_gmfn *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct pirq_map *map = d->arch.pirqs;
	struct page *pg;

	if (!map)
		return -EINVAL;			/* it has no PIRQs */
	pg = page_get_mfn(MFN(op->gmfn), d);
	if (!pg)
		return -EINVAL;
	if (page_get_type(pg, PAGE_WRITABLE)) {
		page_put(pg);
		return -EINVAL;
	}
	spin_lock(&map->lock);
	if (map->eoi_page) {
		spin_unlock(&map->lock);
		page_put_and_type(pg);
		return -EBUSY;
	}
	map->eoi_page = pg;
	for (unsigned int p = 0; p < map->count; p++)
		eoi_bit_update(map, p);
	spin_unlock(&map->lock);
	return 0;
}

static long physdev_set_iopl(void *arg)
{
	struct physdev_set_iopl *op = arg;
	struct vcpu *v = current_vcpu();

	if (op->iopl > 3)
		return -EINVAL;
	v->arch.pv.iopl = op->iopl;
	pv_io_bitmap_switch(v);
	pv_io_bitmap_switch(v);
	return 0;
}

static long physdev_set_iobitmap(void *arg)
{
	struct physdev_set_iobitmap *op = arg;
	struct vcpu *v = current_vcpu();

	if (op->nr_ports > 65536)
		return -EINVAL;
	v->arch.pv.iobitmap = (uint64_t)op->bitmap.p;	/* read through copy_from_guest() at each use */
	v->arch.pv.iobitmap_ports = op->nr_ports;
	return 0;
}

static long physdev_apic_read(void *arg)
{
	struct physdev_apic *op = arg;

	return ioapic_read_register(op->apic_physbase, op->reg, &op->value);
}

static long physdev_apic_write(void *arg)
{
	struct physdev_apic *op = arg;

	return ioapic_write_register(op->apic_physbase, op->reg, op->value);
}

/* Vectors are ours; kernels of old only want to hear that the line exists. */
static long physdev_alloc_irq_vector(void *arg)
{
	struct physdev_irq *op = arg;
	struct pirq_map *map = current_vcpu()->domain->arch.pirqs;

	if (!map || op->irq >= map->count)
		return -EINVAL;
	op->vector = op->irq;
	return 0;
}

static long physdev_setup_gsi(void *arg)
{
	struct physdev_setup_gsi *op = arg;
	struct pirq_map *map = current_vcpu()->domain->arch.pirqs;
	int rc, pirq;

	if (op->gsi < 0 || (unsigned int)op->gsi >= gsi_count || op->triggering > 1 || op->polarity > 1)
		return -EINVAL;
	rc = ioapic_set_up_gsi(op->gsi, op->triggering, op->polarity);
	if (rc || !map)
		return rc;
	spin_lock(&map->lock);
	pirq = pirq_of(map, irq_get(op->gsi));
	if (pirq >= 0)
		eoi_bit_update(map, pirq);
	spin_unlock(&map->lock);
	return 0;
}

static long physdev_get_free_pirq(void *arg)
{
	struct physdev_get_free_pirq *op = arg;
	struct pirq_map *map = current_vcpu()->domain->arch.pirqs;
	int pirq;

	if (!map)
		return -EINVAL;
	spin_lock(&map->lock);
	pirq = pirqs_find(map, 1);
	if (pirq >= 0)
		map->pirq[pirq].is_reserved = true;
	spin_unlock(&map->lock);
	if (pirq < 0)
		return pirq;
	op->pirq = pirq;
	return 0;
}

static long physdev_mmcfg_reserved(void *arg)
{
	struct physdev_pci_mmcfg_reserved *op = arg;

	if (op->flags & ~XEN_PCI_MMCFG_RESERVED)
		return -EINVAL;
	return pci_mmcfg_set_usable(op->address, op->segment, op->start_bus, op->end_bus,
				    op->flags & XEN_PCI_MMCFG_RESERVED);
}

/* What dom0 found on the buses. */
struct pci_record {
	struct list link;
	uint16_t segment, bdf, physfn;
	uint32_t flags;			/* XEN_PCI_DEV_* */
};
static struct list pci_records = LIST_INIT(pci_records);
static struct spinlock pci_records_lock;

static struct pci_record *pci_record_find(uint16_t segment, uint16_t bdf)
{
	struct pci_record *r;

	list_for_each(r, &pci_records, link)
		if (r->segment == segment && r->bdf == bdf)
			return r;
	return NULL;
}

static long pci_record_add(uint16_t segment, uint16_t bdf, uint32_t flags, uint16_t physfn)
{
	struct pci_record *fresh, *r;

	if (pci_config_read(segment, bdf, 0, 4) == ~0U && !(flags & XEN_PCI_DEV_VIRTFN))
		return -ENODEV;			/* a virtual function has no ids of its own */
	fresh = mem_alloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	spin_lock(&pci_records_lock);
	r = pci_record_find(segment, bdf);
	if (!r) {
		r = fresh;
		fresh = NULL;
		r->segment = segment;
		r->bdf = bdf;
		list_add_tail(&pci_records, &r->link);
	}
	r->flags = flags;
	r->physfn = physfn;
	spin_unlock(&pci_records_lock);
	mem_free(fresh);
	return 0;
}

static long pci_record_remove(uint16_t segment, uint16_t bdf)
{
	struct pci_record *r;

	if (msi_is_used(segment, bdf))
		return -EBUSY;
	spin_lock(&pci_records_lock);
	r = pci_record_find(segment, bdf);
	if (r)
		list_del(&r->link);
	spin_unlock(&pci_records_lock);
	mem_free(r);
	return r ? 0 : -ENODEV;
}

static long physdev_pci_device_add(void *arg)
{
	struct physdev_pci_device_add *op = arg;

	return pci_record_add(op->seg, BDF(op->bus, op->devfn), op->flags,
			      BDF(op->physfn.bus, op->physfn.devfn));
}

static long physdev_pci_device_remove(void *arg)
{
	struct physdev_pci_device *op = arg;

	return pci_record_remove(op->seg, BDF(op->bus, op->devfn));
}

static long physdev_manage_pci_add(void *arg)
{
	struct physdev_manage_pci *op = arg;

	return pci_record_add(0, BDF(op->bus, op->devfn), 0, 0);
}

static long physdev_manage_pci_remove(void *arg)
{
	struct physdev_manage_pci *op = arg;

	return pci_record_remove(0, BDF(op->bus, op->devfn));
}

static long physdev_manage_pci_add_ext(void *arg)
{
	struct physdev_manage_pci_ext *op = arg;

	return pci_record_add(0, BDF(op->bus, op->devfn), (op->is_extfn ? XEN_PCI_DEV_EXTFN : 0) |
			      (op->is_virtfn ? XEN_PCI_DEV_VIRTFN : 0),
			      BDF(op->physfn.bus, op->physfn.devfn));
}

static long physdev_restore_msi(void *arg)
{
	struct physdev_restore_msi *op = arg;

	return msi_restore(0, BDF(op->bus, op->devfn));
}

static long physdev_restore_msi_ext(void *arg)
{
	struct physdev_pci_device *op = arg;

	return msi_restore(op->seg, BDF(op->bus, op->devfn));
}

static long physdev_prepare_msix(void *arg)
{
	struct physdev_pci_device *op = arg;

	return msix_prepare(op->seg, BDF(op->bus, op->devfn));
}

static long physdev_release_msix(void *arg)
{
	struct physdev_pci_device *op = arg;

	return msi_is_used(op->seg, BDF(op->bus, op->devfn)) ? -EBUSY : 0;
}

#define OP(name, handler, type, flags) [PHYSDEVOP_##name] = { handler, sizeof(struct type), flags }

static const struct hypercall_op physdev_ops[] = {
	OP(eoi, physdev_eoi, physdev_eoi, 0),
	OP(pirq_eoi_gmfn_v2, physdev_pirq_eoi_gmfn_v2, physdev_pirq_eoi_gmfn, 0),
	OP(irq_status_query, physdev_irq_status_query, physdev_irq_status_query, HC_COPY_BACK),
	OP(set_iopl, physdev_set_iopl, physdev_set_iopl, 0),
	OP(set_iobitmap, physdev_set_iobitmap, physdev_set_iobitmap, 0),
	OP(apic_read, physdev_apic_read, physdev_apic, HC_COPY_BACK | HC_PRIVILEGED),
	OP(apic_write, physdev_apic_write, physdev_apic, HC_PRIVILEGED),
	OP(alloc_irq_vector, physdev_alloc_irq_vector, physdev_irq, HC_COPY_BACK | HC_PRIVILEGED),
	OP(map_pirq, physdev_map_pirq, physdev_map_pirq, HC_COPY_BACK | HC_PRIVILEGED),
	OP(unmap_pirq, physdev_unmap_pirq, physdev_unmap_pirq, HC_PRIVILEGED),
	OP(manage_pci_add, physdev_manage_pci_add, physdev_manage_pci, HC_PRIVILEGED),
	OP(manage_pci_remove, physdev_manage_pci_remove, physdev_manage_pci, HC_PRIVILEGED),
	OP(manage_pci_add_ext, physdev_manage_pci_add_ext, physdev_manage_pci_ext, HC_PRIVILEGED),
	OP(restore_msi, physdev_restore_msi, physdev_restore_msi, HC_PRIVILEGED),
	OP(restore_msi_ext, physdev_restore_msi_ext, physdev_pci_device, HC_PRIVILEGED),
	OP(setup_gsi, physdev_setup_gsi, physdev_setup_gsi, HC_PRIVILEGED),
	OP(get_free_pirq, physdev_get_free_pirq, physdev_get_free_pirq, HC_COPY_BACK | HC_PRIVILEGED),
	OP(pci_mmcfg_reserved, physdev_mmcfg_reserved, physdev_pci_mmcfg_reserved, HC_PRIVILEGED),
	[PHYSDEVOP_pci_device_add] = { physdev_pci_device_add,
		offsetof(struct physdev_pci_device_add, optarr), HC_PRIVILEGED },
	OP(pci_device_remove, physdev_pci_device_remove, physdev_pci_device, HC_PRIVILEGED),
	OP(prepare_msix, physdev_prepare_msix, physdev_pci_device, HC_PRIVILEGED),
	OP(release_msix, physdev_release_msix, physdev_pci_device, HC_PRIVILEGED),
};

long hcall_physdev_op(const uint64_t arg[6])
{
	return hypercall_sub_op(physdev_ops, ARRAY_SIZE(physdev_ops), arg[0], arg[1]);
}

void physdev_visit_pages(struct domain *d, void (*visit)(struct page *pg, void *data), void *data)
{
	if (d->arch.pirqs && d->arch.pirqs->eoi_page)
		visit(d->arch.pirqs->eoi_page, data);
}
