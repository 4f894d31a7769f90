#include "pv_mm.h"
#include "arch.h"
#include "ioapic.h"
#include "layout.h"
#include "errno.h"
#include "heap.h"
#include "printk.h"
#include "string.h"

#define HV_SLOT_FIRST 256
#define HV_SLOT_LAST 271

/* What a guest may not set; not-present entries are its own business. */
#define L1_DISALLOWED(e) (((e) & PTE_ADDR) >> paddr_bits || ((e) & PTE_NX && !pte_nx))
#define UPPER_DISALLOWED(e) (L1_DISALLOWED(e) || (e) & (PTE_PSE | PTE_G))

#define CACHE_BITS (PTE_PWT | PTE_PCD | PTE_PAT)
#define CACHE_UC (PTE_PWT | PTE_PCD)	/* index 3 of the PAT that guests see: UC */

void pv_root_fill(uint64_t *table)
{
	memcpy(&table[HV_SLOT_FIRST], &hv_root[HV_SLOT_FIRST],
	       (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(*table));
}

/* Device frames: the hardware domain may map them, but not those that would give it other domains. */
bool pv_may_map_io(const struct domain *d, mfn_t mfn)
{
	paddr_t pa = mfn_to_paddr(mfn);

	if (!d->is_privileged || (mfn.n >> (paddr_bits - PAGE_SHIFT)))
		return false;
	if (pa >= 0xfee00000 && pa < 0xfef00000)	/* local APIC, and where MSIs are written: SDM 3A 11.11 */
		return false;
	return !paddr_is_hypervisors(pa, pa + PAGE_SIZE) && !ioapic_is_at(pa);
}

static int l1_get_io(uint64_t *e, const struct domain *d)
{
	uint64_t index = (*e & PTE_PWT ? 1 : 0) | (*e & PTE_PCD ? 2 : 0) | (*e & PTE_PAT ? 4 : 0);

	if (!pv_may_map_io(d, pte_mfn(*e)))
		return -EPERM;
	if (index == 0 || index == 1 || index == 5)	/* WB, WT, WP make no sense for devices */
		*e = (*e & ~CACHE_BITS) | CACHE_UC;
	return 0;
}

static int l1_get(uint64_t *e, const struct domain *d, const struct domain *owner)
{
	struct page *pg;

	if (!(*e & PTE_P))
		return 0;
	if (L1_DISALLOWED(*e))
		return -EINVAL;
	*e |= PTE_U;
	if (!mfn_is_ram(pte_mfn(*e)))
		return l1_get_io(e, d);
	pg = mfn_to_page(pte_mfn(*e));
	if (!page_get(pg, owner))
		return -EINVAL;
	if (*e & PTE_RW) {
		int rc = page_get_type(pg, PAGE_WRITABLE);

		if (rc) {
			page_put(pg);
			return rc;
		}
	}
	return 0;
}

static void l1_put(uint64_t e)
{
	struct page *pg;

	if (!(e & PTE_P) || !mfn_is_ram(pte_mfn(e)))
		return;
	pg = mfn_to_page(pte_mfn(e));
	if (e & PTE_RW)
		page_put_type(pg);
	page_put(pg);
}

static enum page_type table_type(unsigned int level) { return PAGE_L1 + level - 1; }

static int upper_get(unsigned int level, uint64_t *e, const struct domain *d)
{
	struct page *pg;
	int rc;

	if (!(*e & PTE_P))
		return 0;
	if (UPPER_DISALLOWED(*e))
		return -EINVAL;
	pg = page_get_mfn(pte_mfn(*e), d);
	if (!pg)
		return -EINVAL;
	rc = page_get_type(pg, table_type(level - 1));
	if (rc) {
		page_put(pg);
		return rc;
	}
	*e |= PTE_U | (level == 4 ? PTE_A : 0);
	return 0;
}

static void upper_put(uint64_t e)
{
	if (e & PTE_P)
		page_put_and_type(mfn_to_page(pte_mfn(e)));
}

/*
 * A level-4 table may map itself, read-only: guests find their tables by that.  No reference is needed,
 * for it lives as long as its table.  `at` is where the entry is, or will be.
 */
static bool is_self_map(unsigned int level, const uint64_t *at, uint64_t e)
{
	return level == 4 && e & PTE_P && mfn_eq(pte_mfn(e), virt_to_mfn(at));
}

static int self_map_get(uint64_t *e)
{
	if (UPPER_DISALLOWED(*e) || *e & PTE_RW)
		return -EINVAL;
	*e |= PTE_U | PTE_A;
	return 0;
}

static int entry_get(unsigned int level, const uint64_t *at, uint64_t *e, const struct domain *d,
		     const struct domain *owner)
{
	if (level == 1)
		return l1_get(e, d, owner);
	if (owner != d)
		return -EINVAL;
	return is_self_map(level, at, *e) ? self_map_get(e) : upper_get(level, e, d);
}

static void entry_put(unsigned int level, const uint64_t *at, uint64_t e)
{
	if (level == 1)
		l1_put(e);
	else if (!is_self_map(level, at, e))
		upper_put(e);
}

static bool is_hv_slot(unsigned int level, unsigned int i)
{
	return level == 4 && i >= HV_SLOT_FIRST && i <= HV_SLOT_LAST;
}

static void table_release(uint64_t *table, unsigned int level, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!is_hv_slot(level, i))
			entry_put(level, &table[i], table[i]);
}

static int table_validate(uint64_t *table, unsigned int level, const struct domain *d)
{
	for (unsigned int i = 0; i < 512; i++) {
		uint64_t e = table[i];
		int rc;

		if (!(e & PTE_P) || is_hv_slot(level, i))
			continue;
		rc = entry_get(level, &table[i], &e, d, d);
		if (rc) {
			table_release(table, level, i);
			return rc;
		}
		if (e != table[i])
			table[i] = e;
	}
	if (level == 4)
		pv_root_fill(table);
	return 0;
}

int pv_descriptor_check(uint64_t *descriptor)
{
	uint64_t x = *descriptor;
	unsigned int type = x >> 40 & 0x1f;

	if (!(x >> 47 & 1))				/* not present: nothing to fear */
		return 0;
	if (type & 0x10) {				/* code or data: never the hypervisor's ring */
		*descriptor = x | 3ULL << 45;
		return 0;
	}
	if (type == 0xc) {				/* call gate: kept, but not usable */
		*descriptor = x & ~(1ULL << 47);
		return 0;
	}
	return -EINVAL;
}

static int segdesc_validate(uint64_t *table)
{
	for (unsigned int i = 0; i < 512; i++) {
		uint64_t x = table[i];

		if (pv_descriptor_check(&x))
			return -EINVAL;
		if (x != table[i])
			table[i] = x;
	}
	return 0;
}

int arch_page_validate(struct page *pg, enum page_type type)
{
	struct domain *d = domain_owner(pg->owner);
	uint64_t *table = mfn_to_virt(page_to_mfn(pg));

	if (type == PAGE_SEGDESC)
		return segdesc_validate(table);
	return table_validate(table, type - PAGE_L1 + 1, d);
}

void arch_page_devalidate(struct page *pg, enum page_type type)
{
	uint64_t *table = mfn_to_virt(page_to_mfn(pg));
	unsigned int level = type - PAGE_L1 + 1;

	if (type == PAGE_SEGDESC)
		return;
	table_release(table, level, 512);
	if (level == 4)
		memset(&table[HV_SLOT_FIRST], 0, (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(*table));
}

/* No CPU that ran the owner may still hold a translation from when the frame was something else. */
void arch_page_type_changed(struct page *pg, enum page_type old)
{
	struct domain *d = domain_owner(pg->owner);

	if (old != PAGE_NONE || pg->tlb_stamp)
		tlb_flush_stamped(&d->arch.dirty_cpus, pg->tlb_stamp);
}

static void entry_write(uint64_t *entry, uint64_t value, bool preserve_ad)
{
	uint64_t old = READ_ONCE(*entry), new = value;

	if (!preserve_ad) {
		WRITE_ONCE(*entry, value);
		return;
	}
	do {
		new = value | (old & (PTE_A | PTE_D));
	} while (!__atomic_compare_exchange_n(entry, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

/* The same frame with the same right to write: references stay, only flags change. */
static bool l1_is_same_mapping(uint64_t a, uint64_t b)
{
	return a & b & PTE_P && !((a ^ b) & (PTE_ADDR | PTE_RW));
}

int pv_entry_set(unsigned int level, uint64_t *entry, uint64_t value, struct domain *d,
		 struct domain *owner, bool preserve_ad)
{
	uint64_t old = READ_ONCE(*entry);
	int rc;

	if (is_hv_slot(level, (uint64_t)entry / 8 % 512))
		return -EINVAL;
	if (level == 1 && l1_is_same_mapping(old, value) && mfn_is_ram(pte_mfn(value)) &&
	    !L1_DISALLOWED(value)) {
		entry_write(entry, value | PTE_U, preserve_ad);
		return 0;
	}
	rc = entry_get(level, entry, &value, d, owner);
	if (rc)
		return rc;
	entry_write(entry, value, preserve_ad);
	if (old & PTE_P) {
		if (level > 1)		/* paging-structure caches: SDM 3A 4.10.3 */
			tlb_flush_cpus(&d->arch.dirty_cpus);
		entry_put(level, entry, old);
	}
	return 0;
}

uint64_t *pv_walk(const struct page *root, uint64_t va)
{
	uint64_t *table;

	if (!root || (va >= HV_VIRT_START && va < HV_VIRT_END))
		return NULL;
	table = mfn_to_virt(page_to_mfn(root));
	for (unsigned int level = 4; level > 1; level--) {
		uint64_t e = READ_ONCE(table[pt_index(va, level)]);

		if (!(e & PTE_P) || e & PTE_PSE)
			return NULL;
		table = mfn_to_virt(pte_mfn(e));
	}
	return &table[pt_index(va, 1)];
}

/* The frame as a root of `d`, with both references; NULL. */
static struct page *root_get(struct domain *d, mfn_t mfn)
{
	struct page *pg;

	if (!mfn_is_ram(mfn))
		return NULL;
	pg = mfn_to_page(mfn);
	return page_get_and_type(pg, d, PAGE_L4) ? pg : NULL;
}

void pv_load_root(struct vcpu *v)
{
	struct page *root = v->arch.pv.in_kernel ? v->arch.pv.root_kernel : v->arch.pv.root_user;

	cr3_load(mfn_to_paddr(page_to_mfn(root)));
}

int pv_new_root(struct vcpu *v, mfn_t mfn)
{
	struct pv_vcpu *pv = &v->arch.pv;
	struct domain *d = v->domain;
	struct page *old, *pg;

	spin_lock(&d->arch.mm_lock);
	pg = root_get(d, mfn);
	if (!pg) {
		spin_unlock(&d->arch.mm_lock);
		return -EINVAL;
	}
	old = pv->root_kernel;
	pv->root_kernel = pg;
	if (v == current_vcpu()) {
		if (old == pg)
			tlb_flush_local();
		else
			pv_load_root(v);
	}
	if (old)
		page_put_and_type(old);
	spin_unlock(&d->arch.mm_lock);
	return 0;
}

int pv_new_user_root(struct vcpu *v, mfn_t mfn)
{
	struct pv_vcpu *pv = &v->arch.pv;
	struct domain *d = v->domain;
	struct page *old, *pg = NULL;

	spin_lock(&d->arch.mm_lock);
	if (mfn.n) {
		pg = root_get(d, mfn);
		if (!pg) {
			spin_unlock(&d->arch.mm_lock);
			return -EINVAL;
		}
	}
	old = pv->root_user;
	pv->root_user = pg;
	if (old)
		page_put_and_type(old);
	spin_unlock(&d->arch.mm_lock);
	return 0;
}
