/*
 * The hypervisor's own mappings: made at boot in slots 256-271, shared by every root.  And the TLB clock:
 * each full flush anywhere advances it, so that "has this CPU flushed since?" is one comparison.
 */
#ifndef HV_X86_MM_H
#define HV_X86_MM_H

#include "bitmap.h"
#include "types.h"

struct cpu;

/* Level-n entries: SDM 3A 4.5. */
#define PTE_P		0x001UL
#define PTE_RW		0x002UL
#define PTE_U		0x004UL
#define PTE_PWT		0x008UL
#define PTE_PCD		0x010UL
#define PTE_A		0x020UL
#define PTE_D		0x040UL
#define PTE_PSE		0x080UL		/* levels 2 and 3; PAT at level 1 */
#define PTE_PAT		0x080UL
#define PTE_G		0x100UL
#define PTE_NX		(1UL << 63)
#define PTE_ADDR	0x000ffffffffff000UL

#define PTE_HV		(PTE_P | PTE_RW | PTE_A | PTE_D)

static inline mfn_t pte_mfn(uint64_t pte) { return MFN((pte & PTE_ADDR) >> PAGE_SHIFT); }
static inline uint64_t pte_make(mfn_t mfn, uint64_t flags) { return mfn.n << PAGE_SHIFT | flags; }
static inline unsigned int pt_index(uint64_t va, unsigned int level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
}

extern uint64_t hv_root[512];		/* level-4 table of idle vcpus; slot 0 maps the first 4 GiB one to one */
extern paddr_t hv_root_paddr;
extern unsigned int paddr_bits;		/* CPUID 0x80000008 */
extern uint64_t pte_nx;			/* PTE_NX where the CPU has it, else 0 */

/* Builds direct map, frame table and M2P from boot_info and hands free RAM to the heap. NULL or why not. */
const char *mm_init(void);
bool paddr_is_hypervisors(paddr_t start, paddr_t end);	/* overlaps our image */

void *ioremap(paddr_t pa, size_t bytes);	/* uncached; NULL: no room or memory.  There's no unmap of registers */
void *ioremap_cached(paddr_t pa, size_t bytes);	/* for tables in RAM */
/* `pages` pages of address space with an unmapped page before and after; their level-1 entries in *ptes,
 * contiguous.  pages <= 510.  NULL: none left. */
void *vmap_reserve(unsigned int pages, uint64_t **ptes);

/* One at a time, for the kernel of domain 0 and for the audit: contents undefined; NULL: not so much memory.
 * Freed with the same size. */
void *heap_map_large(size_t bytes);
void heap_unmap_large(void *va, size_t bytes);

void m2p_set(mfn_t mfn, uint64_t pfn);
#define M2P_INVALID (~0UL)
/* The first of the M2P_CHUNK_FRAMES frames of the table's n-th 2 MiB, ~0 for a hole; false: the table ends before it. */
#define M2P_CHUNK_FRAMES 512
bool m2p_chunk(unsigned int n, uint64_t *mfn);

static inline uint64_t read_cr2(void) { uint64_t v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr3(void) { uint64_t v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline void write_cr3(uint64_t v) { __asm__ volatile("mov %0, %%cr3" :: "r"(v) : "memory"); }

/* Bits 47 and above are the same: SDM 1 3.3.7.1. */
static inline bool va_is_canonical(uint64_t va) { return (int64_t)(va << 16) >> 16 == (int64_t)va; }

#endif
