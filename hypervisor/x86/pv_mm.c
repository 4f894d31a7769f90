#include "pv_mm.h"
#include "pv_tree.h"
#include "arch.h"
#include "ioapic.h"
#include "layout.h"
#include "errno.h"
#include "heap.h"
#include "printk.h"
#include "string.h"
#include "tlb.h"

/* What a guest may not set; not-present entries are its own business. */
#define L1_DISALLOWED(e) (((e) & PTE_ADDR) >> paddr_bits || ((e) & PTE_NX && !pte_nx))
#define UPPER_DISALLOWED(e) (L1_DISALLOWED(e) || (e) & (PTE_PSE | PTE_G))

#define CACHE_BITS (PTE_PWT | PTE_PCD | PTE_PAT)
#define CACHE_UC (PTE_PWT | PTE_PCD)	/* index 3 of the PAT that guests see: UC */

void pv_root_fill(uint64_t *table)
{
	memcpy(&table[HV_FIRST_SLOT], &hv_root[HV_FIRST_SLOT],
	       HV_SLOTS * sizeof(*table));
}

/* Device frames: the hardware domain may map them, but not those that would give it other domains. */
static bool pv_may_map_io(const struct domain *d, mfn_t mfn)
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

int pv_l1_get(uint64_t *e, const struct domain *d, const struct domain *owner)
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

void pv_l1_put(uint64_t e)
{
	struct page *pg;

	if (!(e & PTE_P) || !mfn_is_ram(pte_mfn(e)))
		return;
	pg = mfn_to_page(pte_mfn(e));
	if (e & PTE_RW)
		page_put_type(pg);
	page_put(pg);
}

int pv_upper_judge(unsigned int level, uint64_t *e)
{
	if (UPPER_DISALLOWED(*e))
		return -EINVAL;
	*e |= PTE_U | (level == 4 ? PTE_A : 0);
	return 0;
}

static int upper_get(unsigned int level, uint64_t *e, struct domain *d)
{
	struct page *pg;
	int rc;

	if (!(*e & PTE_P))
		return 0;
	rc = pv_upper_judge(level, e);
	if (rc)
		return rc;
	pg = page_get_mfn(pte_mfn(*e), d);
	if (!pg)
		return -EINVAL;
	rc = pv_tree_get_type(d, pg, level - 1);
	if (rc)
		page_put(pg);
	return rc;
}

/*
 * A level-4 table may map itself, read-only: guests find their tables by that.  No reference is needed,
 * for it lives as long as its table.  `at` is where the entry is, or will be.
 */
bool pv_is_self_map(unsigned int level, const uint64_t *at, uint64_t e)
{
	return level == 4 && e & PTE_P && mfn_eq(pte_mfn(e), virt_to_mfn(at));
}

int pv_self_map_judge(uint64_t *e)
{
	return *e & PTE_RW ? -EINVAL : pv_upper_judge(4, e);
}

bool pv_is_hv_slot(unsigned int level, unsigned int i)
{
	return level == 4 && i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT;
}

static int entry_get(unsigned int level, const uint64_t *at, uint64_t *e, struct domain *d,
		     const struct domain *owner)
{
	if (level == 1)
		return pv_l1_get(e, d, owner);
	if (owner != d)
		return -EINVAL;
	return pv_is_self_map(level, at, *e) ? pv_self_map_judge(e) : upper_get(level, e, d);
}

static void entry_put(unsigned int level, const uint64_t *at, uint64_t e)
{
	if (level == 1)
		pv_l1_put(e);
	else if (e & PTE_P && !pv_is_self_map(level, at, e))
		page_put_and_type(mfn_to_page(pte_mfn(e)));
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

/* No CPU that ran the owner may still hold a translation from when the frame was something else. */
void arch_page_type_changed(struct page *pg, uint32_t stamp)
{
	struct domain *d = domain_owner(page_owner(pg));

	tlb_flush_stamped(&d->arch.dirty_cpus, stamp);
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

	if (pv_is_hv_slot(level, (uint64_t)entry / 8 % 512))
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
	/* A root that maps itself leads to tables of other levels, whose entries nobody may take for level 1. */
	if (page_type(mfn_to_page(virt_to_mfn(table))) != PAGE_L1)
		return NULL;
	return &table[pt_index(va, 1)];
}

void pv_load_root(struct vcpu *v)
{
	struct page *root = v->arch.pv.in_kernel ? v->arch.pv.root_kernel : v->arch.pv.root_user;

	cr3_load(mfn_to_paddr(page_to_mfn(root)));
}

/* The frame as a root of `d`, with both references.  -EINVAL, -ERESTART. */
static int root_get(struct domain *d, mfn_t mfn, struct page **root)
{
	struct page *pg = page_get_mfn(mfn, d);
	int rc;

	if (!pg)
		return -EINVAL;
	rc = pv_tree_get_type(d, pg, 4);
	if (rc) {
		page_put(pg);
		return rc == -ERESTART ? rc : -EINVAL;
	}
	*root = pg;
	return 0;
}

static int new_root(struct vcpu *v, mfn_t mfn)
{
	struct pv_vcpu *pv = &v->arch.pv;
	struct page *old = pv->root_kernel;
	int rc = root_get(v->domain, mfn, &pv->root_kernel);

	if (rc)
		return rc;
	if (v == current_vcpu()) {
		if (old == pv->root_kernel)
			tlb_flush_local();
		else
			pv_load_root(v);
	}
	if (old)
		page_put_and_type(old);
	return 0;
}

static int new_user_root(struct vcpu *v, mfn_t mfn)
{
	struct pv_vcpu *pv = &v->arch.pv;
	struct page *old = pv->root_user, *pg = NULL;
	int rc = mfn.n ? root_get(v->domain, mfn, &pg) : 0;

	if (rc)
		return rc;
	pv->root_user = pg;
	if (old)
		page_put_and_type(old);
	return 0;
}

static int root_switch(struct vcpu *v, mfn_t mfn, int (*to)(struct vcpu *v, mfn_t mfn))
{
	int rc = pv_tree_lock(v->domain);

	if (!rc) {
		rc = to(v, mfn);
		spin_unlock(&v->domain->arch.mm_lock);
	}
	return rc;
}

int pv_new_root(struct vcpu *v, mfn_t mfn) { return root_switch(v, mfn, new_root); }
int pv_new_user_root(struct vcpu *v, mfn_t mfn) { return root_switch(v, mfn, new_user_root); }
