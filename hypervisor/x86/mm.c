#include "mm.h"
#include "arch.h"
#include "asm.h"
#include "bootinfo.h"
#include "bootmem.h"
#include "heap.h"
#include "printk.h"
#include "smp.h"
#include "string.h"
#include "tlb.h"

extern uint64_t boot_l3_image[512], boot_l3_directmap[512];
extern char _image_start[], _image_end[];

paddr_t hv_root_paddr;
unsigned int paddr_bits = 36;
uint64_t pte_nx;

#define SIZE_2M (2UL << 20)
#define LOW_MEMORY_END 0x100000UL	/* BIOS data, option ROMs: dom0 maps it as device memory */

static bool heap_is_up;

static paddr_t image_paddr(const void *p) { return (uint64_t)p - IMAGE_START; }

bool paddr_is_hypervisors(paddr_t start, paddr_t end)
{
	return start < image_paddr(_image_end) && end > image_paddr(_image_start);
}

static uint64_t *table_new(void)
{
	paddr_t pa;

	if (heap_is_up)
		return page_alloc_zeroed();
	pa = bootmem_alloc(PAGE_SIZE, PAGE_SIZE);
	return pa ? paddr_to_virt(pa) : NULL;
}

/* The entry for `va` at `level`, its upper tables made on the way; NULL: no memory. */
static uint64_t *table_entry(uint64_t va, unsigned int level)
{
	uint64_t *table = hv_root;

	for (unsigned int l = 4; l > level; l--) {
		uint64_t *e = &table[pt_index(va, l)];

		if (!(*e & PTE_P)) {
			uint64_t *next = table_new();

			if (!next)
				return NULL;
			/* guests read the M2P in slot 256 */
			*e = virt_to_paddr(next) | PTE_HV | (va < VMAP_START ? PTE_U : 0);
		}
		table = paddr_to_virt(*e & PTE_ADDR);
	}
	return &table[pt_index(va, level)];
}

static bool map_2m(uint64_t va, paddr_t pa, uint64_t flags)
{
	uint64_t *e = table_entry(va, 2);

	if (e)
		*e = pa | flags | PTE_PSE;
	return e;
}

/* boot.S mapped the first 4 GiB; here comes the RAM above. */
static bool directmap_init(void)
{
	for (uint32_t i = 0; i < boot_info.e820.count; i++) {
		const struct e820_entry *e = &boot_info.e820.entry[i];
		paddr_t pa = MAX(e->start & ~(SIZE_2M - 1), BOOT_MAPPED);

		if (e->type != E820_RAM)
			continue;
		for (; pa < e->start + e->size; pa += SIZE_2M)
			if (!map_2m(DIRECTMAP_START + pa, pa, PTE_HV | pte_nx))
				return false;
	}
	return true;
}

static bool is_ram(paddr_t from, paddr_t to)
{
	for (uint32_t i = 0; i < boot_info.e820.count; i++) {
		const struct e820_entry *e = &boot_info.e820.entry[i];

		if (e->type == E820_RAM && e->start < to && e->start + e->size > from)
			return true;
	}
	return false;
}

/*
 * Frame table and M2P have entries only where there's RAM: a bit of `present` stands for 2^shift frames, so
 * that no division is needed when one is looked up.
 */
struct frame_map {
	uint64_t start;			/* virtual address */
	unsigned int shift, entry_bytes;
	uint64_t *present;
};

#define M2P_FLAGS (PTE_P | PTE_A | PTE_D | PTE_U)	/* guests may read it */

#define TABLE_SHIFT 15			/* 128 MiB of RAM */
#define M2P_SHIFT 18
#define FRAMES_MAX ((DIRECTMAP_END - DIRECTMAP_START) / PAGE_SIZE)
_Static_assert((sizeof(struct page) << TABLE_SHIFT) % PAGE_SIZE == 0, "whole pages of the frame table");
_Static_assert(sizeof(uint64_t) << M2P_SHIFT == SIZE_2M, "tools map the M2P in pieces of 2 MiB");

static uint64_t table_present[BITS_TO_WORDS(FRAMES_MAX >> TABLE_SHIFT)];
static uint64_t m2p_present[BITS_TO_WORDS(FRAMES_MAX >> M2P_SHIFT)];
static struct frame_map frames_of_table = { FRAMETABLE_START, TABLE_SHIFT, sizeof(struct page), table_present };
static struct frame_map frames_of_m2p = { M2P_START, M2P_SHIFT, sizeof(uint64_t), m2p_present };

/* New memory at [va, end), by pages of 2 MiB where they fit. */
static bool map_new(uint64_t va, uint64_t end, uint64_t flags, int fill)
{
	uint64_t bytes;

	for (; va < end; va += bytes) {
		bool is_large = va % SIZE_2M == 0 && end - va >= SIZE_2M;
		uint64_t *e = table_entry(va, is_large ? 2 : 1);
		paddr_t pa;

		bytes = is_large ? SIZE_2M : PAGE_SIZE;
		pa = bootmem_alloc(bytes, bytes);
		if (!e || !pa)
			return false;
		memset(paddr_to_virt(pa), fill, bytes);
		*e = pa | flags | (is_large ? PTE_PSE : 0);
	}
	return true;
}

static bool frame_map_init(struct frame_map *m, uint64_t flags, int fill)
{
	uint64_t frames = 1UL << m->shift, bytes = frames * m->entry_bytes, chunk, first, end;

	for (chunk = 0; chunk <= max_mfn / frames; chunk++)
		if (is_ram(chunk * frames * PAGE_SIZE, (chunk + 1) * frames * PAGE_SIZE))
			bit_set(m->present, chunk);
	for (first = 0; first <= max_mfn / frames; first = end + 1) {
		for (end = first; end <= max_mfn / frames && bit_test(m->present, end);)
			end++;
		if (!map_new(m->start + first * bytes, m->start + end * bytes, flags, fill))
			return false;
	}
	return true;
}

static bool frame_map_has(const struct frame_map *m, mfn_t mfn)
{
	return mfn.n <= max_mfn && bit_test(m->present, mfn.n >> m->shift);
}

/* The tables whose entries map the M2P, so that m2p_set() finds a chunk at once: 512 GiB of RAM each. */
#define M2P_CHUNK_ENTRIES (1UL << M2P_SHIFT)
static uint64_t *m2p_tables[FRAMES_MAX / M2P_CHUNK_ENTRIES / 512];

static bool m2p_tables_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(m2p_tables) && i <= max_mfn / M2P_CHUNK_ENTRIES / 512; i++) {
		m2p_tables[i] = table_entry(M2P_START + i * 512 * SIZE_2M, 2);
		if (!m2p_tables[i])
			return false;
	}
	return true;
}

/*
 * A guest looks up device frames as well, and most are below 4 GiB: where no RAM is, one page for all says
 * that they are nobody's memory.  A fault for each would cost Linux a thousand instructions.
 */
static bool m2p_holes_init(void)
{
	const struct frame_map *m = &frames_of_m2p;
	uint64_t *invalid = table_new(), *table = table_new();

	if (!invalid || !table)
		return false;
	memset(invalid, 0xff, PAGE_SIZE);
	for (unsigned int i = 0; i < 512; i++)
		table[i] = virt_to_paddr(invalid) | M2P_FLAGS | pte_nx;
	for (uint64_t chunk = 0; chunk < BOOT_MAPPED >> PAGE_SHIFT >> m->shift; chunk++) {
		uint64_t *e = table_entry(m->start + chunk * SIZE_2M, 2);

		if (!e)
			return false;
		if (!bit_test(m->present, chunk))
			*e = virt_to_paddr(table) | PTE_HV | PTE_U;
	}
	return true;
}

bool mfn_is_ram(mfn_t mfn)
{
	return frame_map_has(&frames_of_table, mfn) && (READ_ONCE(frame_table[mfn.n].use) & USE_NO_RAM) != USE_NO_RAM;
}

/* All of a chunk has a struct page, at first as "not RAM"; RAM above the first MiB loses the mark. */
static void frame_table_init(void)
{
	uint64_t total = 0;

	for (uint64_t n = 0; n <= max_mfn; n++)
		if (frame_map_has(&frames_of_table, MFN(n)))
			frame_table[n].use = USE_NO_RAM;
	for (uint32_t i = 0; i < boot_info.e820.count; i++) {
		const struct e820_entry *e = &boot_info.e820.entry[i];
		uint64_t n = MAX(ROUND_UP(e->start, PAGE_SIZE), LOW_MEMORY_END) >> PAGE_SHIFT;

		if (e->type != E820_RAM)
			continue;
		total += e->size >> PAGE_SHIFT;
		for (; n < (e->start + e->size) >> PAGE_SHIFT; n++)
			frame_table[n].use = USE_NOBODY;
	}
	heap_set_total(total);
}

static void bootmem_init(void)
{
	for (uint32_t i = 0; i < boot_info.e820.count; i++) {
		const struct e820_entry *e = &boot_info.e820.entry[i];
		paddr_t end = e->start + e->size;

		if (e->type != E820_RAM || end <= LOW_MEMORY_END || e->start >= DIRECTMAP_END - DIRECTMAP_START)
			continue;
		max_mfn = MAX(max_mfn, (end >> PAGE_SHIFT) - 1);
		bootmem_add(MAX(e->start, LOW_MEMORY_END), end);
	}
	bootmem_exclude(image_paddr(_image_start), image_paddr(_image_end));
	for (unsigned int i = 0; i < boot_info.module_count; i++)
		bootmem_exclude(boot_info.module[i].start,
				boot_info.module[i].start + boot_info.module[i].bytes);
}

const char *mm_init(void)
{
	hv_root_paddr = image_paddr(hv_root);
	if (cpuid(0x80000000, 0).a >= 0x80000008)
		paddr_bits = cpuid(0x80000008, 0).a & 0xff;
	pte_nx = rdmsr(MSR_EFER) & 0x800 ? PTE_NX : 0;
	frame_table = (struct page *)FRAMETABLE_START;
	bootmem_init();
	/* the level-3 tables of all slots that are ever used must be there, so that every root can share them */
	if (!table_entry(VMAP_START, 3) || !directmap_init() ||
	    !frame_map_init(&frames_of_table, PTE_HV | pte_nx, 0) ||
	    !frame_map_init(&frames_of_m2p, M2P_FLAGS | pte_nx, 0xff) ||
	    !m2p_holes_init() || !m2p_tables_init())
		return "not enough memory for the frame table";
	frame_table_init();
	bootmem_to_heap();
	heap_is_up = true;
	return NULL;
}

void arch_image_release(void *from, size_t bytes)
{
	heap_add_range(image_paddr(from), image_paddr(from) + bytes);
}

void m2p_set(mfn_t mfn, uint64_t pfn)
{
	uint64_t chunk = mfn.n / M2P_CHUNK_ENTRIES, e, *entries;

	if (mfn.n > max_mfn || chunk / 512 >= ARRAY_SIZE(m2p_tables) || !m2p_tables[chunk / 512])
		return;
	e = m2p_tables[chunk / 512][chunk % 512];
	if (!(e & PTE_PSE))		/* a hole */
		return;
	/* guests' mapping is read-only and CR0.WP is set: write through the direct map */
	entries = paddr_to_virt(e & PTE_ADDR & ~(SIZE_2M - 1));
	WRITE_ONCE(entries[mfn.n % M2P_CHUNK_ENTRIES], pfn);
}

bool m2p_chunk(unsigned int n, uint64_t *mfn)
{
	const struct frame_map *m = &frames_of_m2p;

	if (n > max_mfn >> m->shift)
		return false;
	*mfn = bit_test(m->present, n) ? pte_mfn(*table_entry(m->start + n * SIZE_2M, 2)).n : ~0UL;
	return true;
}

/* Address space for mappings that live as long as the hypervisor does. */
static struct spinlock vmap_lock;
static uint64_t vmap_next = VMAP_START + PAGE_SIZE;

void *vmap_reserve(unsigned int pages, uint64_t **ptes)
{
	uint64_t va, *e = NULL;

	spin_lock(&vmap_lock);
	if (pt_index(vmap_next, 1) + pages + 1 > 512)	/* their entries stay in one table */
		vmap_next = ROUND_UP(vmap_next, SIZE_2M) + PAGE_SIZE;
	va = vmap_next;
	if (pages <= 510 && va + (pages + 1) * PAGE_SIZE < VMAP_END)
		e = table_entry(va, 1);
	if (e)
		vmap_next = va + (pages + 1) * PAGE_SIZE;
	spin_unlock(&vmap_lock);
	*ptes = e;
	return e ? (void *)va : NULL;
}

static void *map_frames(paddr_t pa, size_t bytes, uint64_t flags)
{
	paddr_t first = pa & PAGE_MASK, pages = DIV_UP(pa + bytes - first, PAGE_SIZE);
	uint64_t *ptes;
	char *va;

	if (!bytes || pages > 510)
		return NULL;
	va = vmap_reserve(pages, &ptes);
	for (uint64_t i = 0; va && i < pages; i++)
		ptes[i] = (first + i * PAGE_SIZE) | flags;
	return va ? va + (pa - first) : NULL;
}

void *ioremap(paddr_t pa, size_t bytes)
{
	return map_frames(pa, bytes, PTE_HV | PTE_PCD | PTE_PWT | pte_nx);
}

void *ioremap_cached(paddr_t pa, size_t bytes)
{
	if (pa + bytes <= BOOT_MAPPED)		/* in the direct map already */
		return paddr_to_virt(pa);
	return map_frames(pa, bytes, PTE_HV | pte_nx);
}

/*
 * Large pieces of memory for a while: mapped by 2 MiB pages in the upper half of the slot, one at a time
 * (the unpacked kernel of domain 0).
 */
#define LARGE_START (VMAP_START + (1UL << 38))

void heap_unmap_large(void *va, size_t bytes)
{
	for (uint64_t at = (uint64_t)va; at < (uint64_t)va + bytes; at += SIZE_2M) {
		uint64_t *e = table_entry(at, 2);

		if (!(*e & PTE_P))
			break;
		heap_free(mfn_to_page(paddr_to_mfn(*e & PTE_ADDR & ~(SIZE_2M - 1))), 9);
		*e = 0;
	}
	tlb_flush_local();
}

void *heap_map_large(size_t bytes)
{
	for (uint64_t at = LARGE_START; at < LARGE_START + bytes; at += SIZE_2M) {
		struct page *pg = heap_alloc(9, 0);

		if (!pg || !map_2m(at, mfn_to_paddr(page_to_mfn(pg)), PTE_HV | pte_nx)) {
			if (pg)
				heap_free(pg, 9);
			heap_unmap_large((void *)LARGE_START, at - LARGE_START);
			return NULL;
		}
	}
	return (void *)LARGE_START;
}
