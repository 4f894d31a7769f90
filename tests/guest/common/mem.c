/* Frames, page tables and spare pages. */
#include "mem.h"

enum { POOL_PAGES = 1024 };

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static void *pool_free[POOL_PAGES];
static unsigned int pool_left, pool_used;

uint64_t mfn_of(const void *va)
{
	const uint64_t *p2m = (const uint64_t *)start_info->mfn_list;

	return p2m[((uintptr_t)va - VIRT_BASE) / PAGE_SIZE];
}

uint64_t maddr_of(const void *va)
{
	return mfn_of(va) * PAGE_SIZE + (uintptr_t)va % PAGE_SIZE;
}

void *mfn_to_va(uint64_t mfn)
{
	return (void *)(VIRT_BASE + machine_to_phys_mapping[mfn] * PAGE_SIZE);
}

uint64_t *guest_root;

uint64_t *pte_of(uint64_t va, int level)
{
	uint64_t *table = guest_root ? guest_root : (uint64_t *)start_info->pt_base;

	for (int l = 4;; l--) {
		uint64_t *entry = &table[(va >> (12 + 9 * (l - 1))) & 511];

		if (l == level)
			return entry;
		if (!(*entry & PTE_P))
			return NULL;
		table = mfn_to_va(PTE_MFN(*entry));
	}
}

int pte_set(void *va, uint64_t pte)
{
	return (int)hcall(update_va_mapping, va, pte, UVMF_INVLPG);
}

int page_protect(void *page, bool writable)
{
	return pte_set(page, MFN_PTE(mfn_of(page), writable ? PTE_RW : PTE_RO));
}

int mmu_update_one(uint64_t ptr, uint64_t value)
{
	struct mmu_update request = { .ptr = ptr, .val = value };

	return (int)hcall(mmu_update, &request, 1, NULL, DOMID_SELF);
}

int mmuext_one(unsigned int cmd, uint64_t arg1, uint64_t arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.mfn = arg1;
	op.arg2.src_mfn = arg2;
	return (int)hcall(mmuext_op, &op, 1, NULL, DOMID_SELF);
}

void *page_get(void)
{
	void *page;

	if (pool_left)
		page = pool_free[--pool_left];
	else if (pool_used < POOL_PAGES)
		page = pool[pool_used++];
	else
		guest_panic("out of pages");
	return memset(page, 0, PAGE_SIZE);
}

void page_put(void *page)
{
	if (page_protect(page, true))
		guest_panic("a page cannot be made writable again");
	pool_free[pool_left++] = page;
}
