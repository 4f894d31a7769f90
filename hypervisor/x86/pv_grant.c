/* Level-1 entries that map a granted frame: made and cleared for gnttab.c only. */
#include "arch.h"
#include "pv_mm.h"
#include "tlb.h"

/* The entry that the caller named, with the table's reference in *table (or NULL); NULL: there's none. */
static uint64_t *grant_entry(struct domain *d, uint64_t addr, uint32_t flags, struct page **table)
{
	mfn_t mfn = MFN(addr >> PAGE_SHIFT);

	*table = NULL;
	if (!(flags & GNTMAP_contains_pte))
		return pv_walk(current_vcpu()->arch.pv.root_kernel, addr);
	if (addr & 7)
		return NULL;
	*table = page_get_mfn(mfn, d);
	if (!*table || page_type(*table) != PAGE_L1 || !page_type_count(*table))
		return NULL;
	return (uint64_t *)((char *)mfn_to_virt(mfn) + (addr & (PAGE_SIZE - 1)));
}

static uint64_t grant_pte(mfn_t mfn, uint32_t flags)
{
	uint64_t available = (flags >> _GNTMAP_guest_avail0 & 7) << 9;	/* bits 9-11, SDM 3A table 4-20 */

	return pte_make(mfn, PTE_P | PTE_U | PTE_A | PTE_D | available | (flags & GNTMAP_readonly ? 0 : PTE_RW));
}

int arch_grant_map_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, struct domain *granter)
{
	struct page *table;
	uint64_t *entry;
	int rc = GNTST_bad_virt_addr;

	spin_lock(&d->arch.mm_lock);
	entry = grant_entry(d, addr, flags, &table);
	if (entry)
		rc = pv_entry_set(1, entry, grant_pte(mfn, flags), d, granter, false) ? GNTST_general_error :
			GNTST_okay;
	spin_unlock(&d->arch.mm_lock);
	if (table)
		page_put(table);
	return rc;
}

/* Moves what `new_addr` maps, a frame of d's own or nothing, to `entry`; mm_lock held. */
static int grant_replace(struct domain *d, uint64_t *entry, uint64_t new_addr)
{
	uint64_t *from = pv_walk(current_vcpu()->arch.pv.root_kernel, new_addr);

	if (!from || from == entry)
		return GNTST_bad_virt_addr;
	if (pv_entry_set(1, entry, READ_ONCE(*from), d, d, false))
		return GNTST_general_error;
	pv_entry_set(1, from, 0, d, d, false);	/* clearing can't fail */
	return GNTST_okay;
}

int arch_grant_unmap_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, uint64_t new_addr)
{
	struct page *table;
	uint64_t *entry;
	int rc = GNTST_bad_virt_addr;

	spin_lock(&d->arch.mm_lock);
	entry = grant_entry(d, addr, flags, &table);
	if (!entry)
		goto out;
	rc = GNTST_general_error;
	if (!(*entry & PTE_P) || !mfn_eq(pte_mfn(*entry), mfn) || !(*entry & PTE_RW) != !!(flags & GNTMAP_readonly))
		goto out;
	rc = new_addr ? grant_replace(d, entry, new_addr) : GNTST_okay;
	if (!new_addr)
		pv_entry_set(1, entry, 0, d, d, false);
out:
	spin_unlock(&d->arch.mm_lock);
	if (table)
		page_put(table);
	return rc;
}

void arch_grant_flush(struct domain *d)
{
	tlb_flush_cpus(&d->arch.dirty_cpus);
}

/* No x86-64 CPU has shorter lines than this, and CLFLUSH takes any address in a line (SDM 2A). */
#define LINE_MIN 32

void arch_cache_write_back(const void *at, uint32_t length)
{
	const char *end = (const char *)at + length;

	__asm__ volatile("mfence" ::: "memory");
	for (const char *p = (const char *)((uintptr_t)at & ~(LINE_MIN - 1UL)); p < end; p += LINE_MIN)
		__asm__ volatile("clflush %0" : : "m"(*p) : "memory");
	__asm__ volatile("mfence" ::: "memory");
}
