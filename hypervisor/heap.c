#include "heap.h"
#include "arch.h"
#include "printk.h"
#include "string.h"

/* Blocks below 4 GiB are kept apart: devices without 64-bit addressing live on them. */
enum zone { ZONE_LOW, ZONE_HIGH, ZONES };
#define ZONE_LOW_END (1UL << (32 - PAGE_SHIFT))

/* Free blocks of one size, linked through the heads' next and prev: frame numbers, or NONE. */
#define NONE (~0U)

static struct spinlock heap_lock;
static uint32_t heap_free_blocks[ZONES][HEAP_MAX_ORDER + 1];	/* the first of each */
static uint64_t heap_free_count, heap_total_count;
static bool heap_is_ready;

static void heap_init_lists(void)
{
	for (unsigned int z = 0; z < ZONES; z++)
		for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
			heap_free_blocks[z][o] = NONE;
	heap_is_ready = true;
}

static enum zone heap_zone(mfn_t mfn)
{
	return mfn.n < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH;
}

static struct page *heap_block(uint32_t mfn) { return mfn == NONE ? NULL : mfn_to_page(MFN(mfn)); }

static void heap_insert(mfn_t mfn, unsigned int order)
{
	uint32_t *first = &heap_free_blocks[heap_zone(mfn)][order];
	struct page *pg = mfn_to_page(mfn);

	*pg = (struct page){ .owner = DOMID_INVALID, .order = order, .flags = PAGEF_FREE,
			     .tlb_stamp = pg->tlb_stamp };
	pg->prev = NONE;
	pg->next = *first;
	if (pg->next != NONE)
		heap_block(pg->next)->prev = mfn.n;
	*first = mfn.n;
}

static void heap_remove(struct page *pg)
{
	if (pg->prev != NONE)
		heap_block(pg->prev)->next = pg->next;
	else
		heap_free_blocks[heap_zone(page_to_mfn(pg))][pg->order] = pg->next;
	if (pg->next != NONE)
		heap_block(pg->next)->prev = pg->prev;
	*pg = (struct page){ .owner = DOMID_INVALID, .tlb_stamp = pg->tlb_stamp };
}

/* Puts a block back, merged with its free buddies; heap_lock held. */
static void heap_merge(mfn_t mfn, unsigned int order)
{
	for (; order < HEAP_MAX_ORDER; order++) {
		mfn_t buddy_mfn = MFN(mfn.n ^ (1UL << order));
		struct page *buddy;

		if (!mfn_is_ram(buddy_mfn))
			break;
		buddy = mfn_to_page(buddy_mfn);
		if (!(buddy->flags & PAGEF_FREE) || buddy->order != order)
			break;
		heap_remove(buddy);
		mfn = MFN(mfn.n & ~(1UL << order));
	}
	heap_insert(mfn, order);
}

void heap_add_range(paddr_t start, paddr_t end)
{
	uint64_t mfn = ROUND_UP(start, PAGE_SIZE) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	if (!heap_is_ready)
		heap_init_lists();
	while (mfn < last) {
		unsigned int order = mfn ? MIN(__builtin_ctzll(mfn), HEAP_MAX_ORDER) : HEAP_MAX_ORDER;

		while (mfn + (1UL << order) > last)
			order--;
		spin_lock(&heap_lock);
		heap_free_count += 1UL << order;
		heap_merge(MFN(mfn), order);
		spin_unlock(&heap_lock);
		mfn += 1UL << order;
	}
}

/* Splits `pg` down to `order`, keeping its lower end; heap_lock held. */
static struct page *heap_split(struct page *pg, unsigned int order)
{
	unsigned int o = pg->order;
	mfn_t mfn = page_to_mfn(pg);

	heap_remove(pg);
	while (o > order) {
		o--;
		heap_insert(mfn_add(mfn, 1UL << o), o);
	}
	return pg;
}

/* A free block of at least `order` whose lower 2^order frames end below `limit`; heap_lock held. */
static struct page *heap_find(enum zone z, unsigned int order, uint64_t limit)
{
	for (unsigned int o = order; o <= HEAP_MAX_ORDER; o++) {
		struct page *pg = heap_block(heap_free_blocks[z][o]);

		for (; pg; pg = heap_block(pg->next))
			if (page_to_mfn(pg).n + (1UL << order) <= limit)
				return pg;
	}
	return NULL;
}

struct page *heap_alloc(unsigned int order, unsigned int address_bits)
{
	uint64_t limit = ~0UL;
	struct page *pg = NULL;

	if (order > HEAP_MAX_ORDER || (address_bits && address_bits <= PAGE_SHIFT))
		return NULL;
	if (address_bits && address_bits < 64)
		limit = 1UL << (address_bits - PAGE_SHIFT);
	spin_lock(&heap_lock);
	if (limit > ZONE_LOW_END)
		pg = heap_find(ZONE_HIGH, order, limit);
	if (!pg)
		pg = heap_find(ZONE_LOW, order, limit);
	if (pg) {
		pg = heap_split(pg, order);
		heap_free_count -= 1UL << order;
	}
	spin_unlock(&heap_lock);
	return pg;
}

void heap_free(struct page *pg, unsigned int order)
{
	spin_lock(&heap_lock);
	heap_free_count += 1UL << order;
	heap_merge(page_to_mfn(pg), order);
	spin_unlock(&heap_lock);
}

/* How much of the block [mfn, mfn + pages) lies in [from, to). */
static uint64_t overlap(uint64_t mfn, uint64_t pages, uint64_t from, uint64_t to)
{
	uint64_t start = MAX(mfn, from), end = MIN(mfn + pages, to);

	return end > start ? end - start : 0;
}

uint64_t heap_free_between(uint64_t from, uint64_t to)
{
	uint64_t pages = 0;

	spin_lock(&heap_lock);
	for (unsigned int z = 0; z < ZONES; z++)
		for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
			for (struct page *pg = heap_block(heap_free_blocks[z][o]); pg; pg = heap_block(pg->next))
				pages += overlap(page_to_mfn(pg).n, 1UL << o, from, to);
	spin_unlock(&heap_lock);
	return pages;
}

uint64_t heap_free_pages(void) { return READ_ONCE(heap_free_count); }
uint64_t heap_total_pages(void) { return heap_total_count; }
void heap_set_total(uint64_t pages) { heap_total_count = pages; }

void *pages_alloc_zeroed(unsigned int order)
{
	struct page *pg = heap_alloc(order, 0);
	void *p;

	if (!pg)
		return NULL;
	pg->owner = DOMID_INVALID;
	pg->order = order;
	arch_frames_reused(pg, order);	/* else a guest that gave it back unflushed could write to it */
	p = mfn_to_virt(page_to_mfn(pg));
	memset(p, 0, PAGE_SIZE << order);
	return p;
}

void pages_free(void *p, unsigned int order)
{
	if (p)
		heap_free(mfn_to_page(virt_to_mfn(p)), order);
}

void *page_alloc_zeroed(void) { return pages_alloc_zeroed(0); }

/*
 * Small pieces: a slab is one page that begins with its header and holds pieces of one size.  A piece is
 * therefore never page-aligned, and what is page-aligned was allocated as whole pages.
 */
#define SLAB_MIN_SHIFT 4
#define SLAB_CLASSES 8			/* 16 … 2032 bytes */

struct slab {
	struct slab *next, *prev;	/* slabs of this class with a free piece */
	void *free;			/* chain of free pieces */
	uint16_t used, class;
};

static struct spinlock slab_lock;
static struct slab *slab_partial[SLAB_CLASSES];

static size_t slab_piece_size(unsigned int class)
{
	size_t room = PAGE_SIZE - ROUND_UP(sizeof(struct slab), 16);
	size_t size = 1UL << (class + SLAB_MIN_SHIFT);

	return class == SLAB_CLASSES - 1 ? room / 2 / 16 * 16 : size;
}

static void slab_link(struct slab *s)
{
	s->prev = NULL;
	s->next = slab_partial[s->class];
	if (s->next)
		s->next->prev = s;
	slab_partial[s->class] = s;
}

static void slab_unlink(struct slab *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		slab_partial[s->class] = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

static struct slab *slab_new(unsigned int class)
{
	struct slab *s = page_alloc_zeroed();
	size_t size = slab_piece_size(class);

	if (!s)
		return NULL;
	s->class = class;
	for (size_t at = ROUND_UP(sizeof(*s), 16); at + size <= PAGE_SIZE; at += size) {
		void **piece = (void **)((char *)s + at);

		*piece = s->free;
		s->free = piece;
	}
	return s;
}

static unsigned int slab_class(size_t bytes)
{
	unsigned int class = 0;

	while (class < SLAB_CLASSES && slab_piece_size(class) < bytes)
		class++;
	return class;
}

static unsigned int order_of(size_t bytes)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

void *mem_alloc(size_t bytes)
{
	unsigned int class = slab_class(bytes);
	struct slab *s;
	void **piece;

	if (class == SLAB_CLASSES)
		return bytes <= PAGE_SIZE << HEAP_MAX_ORDER ? pages_alloc_zeroed(order_of(bytes)) : NULL;
	spin_lock(&slab_lock);
	s = slab_partial[class];
	if (!s) {
		s = slab_new(class);
		if (!s) {
			spin_unlock(&slab_lock);
			return NULL;
		}
		slab_link(s);
	}
	piece = s->free;
	s->free = *piece;
	s->used++;
	if (!s->free)
		slab_unlink(s);
	spin_unlock(&slab_lock);
	memset(piece, 0, slab_piece_size(class));
	return piece;
}

static void slab_free(void **piece)
{
	struct slab *s = (struct slab *)((uint64_t)piece & PAGE_MASK);
	bool was_full, is_empty;

	spin_lock(&slab_lock);
	was_full = !s->free;
	*piece = s->free;
	s->free = piece;
	is_empty = --s->used == 0;
	if (was_full && !is_empty)
		slab_link(s);
	else if (!was_full && is_empty)
		slab_unlink(s);
	spin_unlock(&slab_lock);
	if (is_empty)
		pages_free(s, 0);
}

void mem_free(void *p)
{
	if (!p)
		return;
	if ((uint64_t)p & (PAGE_SIZE - 1))
		slab_free(p);
	else
		pages_free(p, mfn_to_page(virt_to_mfn(p))->order);
}
