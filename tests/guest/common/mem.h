/* The memory that a guest starts with (xen/xen.h, "start of day"): frames, page tables, spare pages. */
#ifndef GUEST_MEM_H
#define GUEST_MEM_H

#include "guest.h"

/* Page-table bits (SDM 3A 4.5). */
#define PTE_P		(1ul << 0)
#define PTE_W		(1ul << 1)
#define PTE_U		(1ul << 2)
#define PTE_PCD		(1ul << 4)
#define PTE_A		(1ul << 5)
#define PTE_D		(1ul << 6)
#define PTE_PSE		(1ul << 7)
#define PTE_NX		(1ul << 63)
#define PTE_TABLE	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RW		(PTE_P | PTE_W | PTE_A | PTE_D)
#define PTE_RO		(PTE_P | PTE_A | PTE_D)
#define PTE_MFN(pte)	(((pte) >> 12) & ((1ul << 40) - 1))
#define MFN_PTE(mfn, flags) (((uint64_t)(mfn) << 12) | (flags))

/* The page-to-machine list, and the machine-to-page one that the hypervisor shows to all. */
uint64_t mfn_of(const void *va);		/* va: in the mapping that the guest started with */
uint64_t maddr_of(const void *va);
void *mfn_to_va(uint64_t mfn);

/* A root that the guest has loaded itself; NULL: that which it started with. */
extern uint64_t *guest_root;

/* The entry of level 1-4 that maps va in the current kernel root (read only); NULL without one. */
uint64_t *pte_of(uint64_t va, int level);
int pte_set(void *va, uint64_t pte);		/* update_va_mapping with INVLPG */
int page_protect(void *page, bool writable);
int mmu_update_one(uint64_t ptr, uint64_t value);
int mmuext_one(unsigned int cmd, uint64_t arg1, uint64_t arg2);

/* Zeroed pages, mapped writable; a guest that asks for too many panics. */
void *page_get(void);
void page_put(void *page);			/* mapped writable again */

#endif
