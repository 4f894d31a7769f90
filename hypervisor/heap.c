#include "heap.h"
#include "arch.h"
#include "printk.h"
#include "string.h"

/* Blocks below 4 GiB are kept apart: devices without 64-bit addressing live on them. */
enum zone { ZONE_LOW, ZONE_HIGH, ZONES };
#define ZONE_LOW_END (1UL << (32 - PAGE_SHIFT))

/* Blocks that hold nothing but zeros, and that no TLB leads to, are kept apart as well. */
enum cleanness { CLEAN, DIRTY, CLEANNESSES };

/* Free blocks of one size, linked through the heads' next and prev: PAGE_LINK and a frame number, or NONE. */
#define NONE (~0U)

static struct spinlock heap_lock;
static uint32_t heap_free_blocks[ZONES][CLEANNESSES][HEAP_MAX_ORDER + 1];	/* the first of each */
static uint64_t heap_free_count, heap_total_count;
static uint64_t heap_scrub_due;		/* so many frames that idle CPUs are to clear, or fewer; heap_lock */
static bool heap_is_ready;

static void heap_init_lists(void)
{
	for (unsigned int z = 0; z < ZONES; z++)
		for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
			heap_free_blocks[z][CLEAN][o] = heap_free_blocks[z][DIRTY][o] = NONE;
	heap_is_ready = true;
}

static enum zone heap_zone(mfn_t mfn)
{
	return mfn.n < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH;
}

static struct page *heap_block(uint32_t link) { return link == NONE ? NULL : mfn_to_page(MFN(link & ~PAGE_LINK)); }
static uint32_t heap_link(mfn_t mfn) { return PAGE_LINK | (uint32_t)mfn.n; }

static bool page_is_free_block(const struct page *pg)
{
	return (pg->use & (USE_NOBODY | USE_FREE)) == (USE_NOBODY | USE_FREE);
}

static enum cleanness heap_cleanness(const struct page *pg) { return pg->use & USE_CLEAN ? CLEAN : DIRTY; }

/* The list that a block is on. */
static uint32_t *heap_list(const struct page *pg)
{
	return &heap_free_blocks[heap_zone(page_to_mfn(pg))][heap_cleanness(pg)][page_order(pg)];
}

static void heap_insert(mfn_t mfn, unsigned int order, enum cleanness c)
{
	uint32_t *first;
	struct page *pg = mfn_to_page(mfn);

	pg->use = USE_NOBODY | USE_FREE | (c == CLEAN ? USE_CLEAN : 0) | USE_ORDER(order) | page_stamp(pg);
	first = heap_list(pg);
	pg->prev = NONE;
	pg->next = *first;
	if (pg->next != NONE)
		heap_block(pg->next)->prev = heap_link(mfn);
	*first = heap_link(mfn);
}

static void heap_remove(struct page *pg)
{
	if (pg->prev != NONE)
		heap_block(pg->prev)->next = pg->next;
	else
		*heap_list(pg) = pg->next;
	if (pg->next != NONE)
		heap_block(pg->next)->prev = pg->prev;
	*pg = (struct page){ .use = USE_NOBODY | page_stamp(pg) };
}

/* Puts a block back, merged with free buddies that are as clean; heap_lock held. */
static void heap_merge(mfn_t mfn, unsigned int order, enum cleanness c)
{
	for (; order < HEAP_MAX_ORDER; order++) {
		mfn_t buddy_mfn = MFN(mfn.n ^ (1UL << order));
		struct page *buddy;

		if (!mfn_is_ram(buddy_mfn))
			break;
		buddy = mfn_to_page(buddy_mfn);
		if (!page_is_free_block(buddy) || page_order(buddy) != order || heap_cleanness(buddy) != c)
			break;
		heap_remove(buddy);
		mfn = MFN(mfn.n & ~(1UL << order));
	}
	heap_insert(mfn, order, c);
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
		heap_merge(MFN(mfn), order, DIRTY);
		spin_unlock(&heap_lock);
		mfn += 1UL << order;
	}
}

/* Splits `pg` down to `order`, keeping its lower end; heap_lock held. */
static struct page *heap_split(struct page *pg, unsigned int order)
{
	enum cleanness c = heap_cleanness(pg);
	unsigned int o = page_order(pg);
	mfn_t mfn = page_to_mfn(pg);

	heap_remove(pg);
	while (o > order) {
		o--;
		heap_insert(mfn_add(mfn, 1UL << o), o, c);
	}
	return pg;
}

/* A free block of at least `order` whose lower 2^order frames end below `limit`, a clean one if there is. */
static struct page *heap_find_in(enum zone z, unsigned int order, uint64_t limit)
{
	for (enum cleanness c = CLEAN; c < CLEANNESSES; c++)
		for (unsigned int o = order; o <= HEAP_MAX_ORDER; o++) {
			struct page *pg = heap_block(heap_free_blocks[z][c][o]);

			for (; pg; pg = heap_block(pg->next))
				if (page_to_mfn(pg).n + (1UL << order) <= limit)
					return pg;
		}
	return NULL;
}

/* Low memory only where nothing else will do; heap_lock held. */
static struct page *heap_find(unsigned int order, uint64_t limit)
{
	struct page *pg = NULL;

	if (limit > ZONE_LOW_END)
		pg = heap_find_in(ZONE_HIGH, order, limit);
	return pg ? pg : heap_find_in(ZONE_LOW, order, limit);
}

/* Clean blocks too small for `order` count as dirty, so that all neighbours are merged; heap_lock held. */
static void heap_unite(unsigned int order)
{
	for (unsigned int z = 0; z < ZONES; z++)
		for (unsigned int o = 0; o < order; o++)
			while (heap_free_blocks[z][CLEAN][o] != NONE) {
				struct page *pg = heap_block(heap_free_blocks[z][CLEAN][o]);

				heap_remove(pg);
				heap_merge(page_to_mfn(pg), o, DIRTY);
				heap_scrub_due += 1UL << o;
			}
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
	pg = heap_find(order, limit);
	if (!pg && order) {
		heap_unite(order);
		pg = heap_find(order, limit);
	}
	if (pg) {
		uint32_t clean = pg->use & USE_CLEAN;

		pg = heap_split(pg, order);
		pg->use |= clean;
		heap_free_count -= 1UL << order;
	}
	spin_unlock(&heap_lock);
	return pg;
}

void heap_clear(struct page *pg, unsigned int order)
{
	if (pg->use & USE_CLEAN)
		return;
	arch_frames_reused(pg, order);	/* else a guest that gave it back unflushed could write to it */
	memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE << order);
}

void heap_free(struct page *pg, unsigned int order)
{
	spin_lock(&heap_lock);
	heap_free_count += 1UL << order;
	heap_scrub_due += 1UL << order;
	heap_merge(page_to_mfn(pg), order, DIRTY);
	spin_unlock(&heap_lock);
}

/* How much of the block [mfn, mfn + pages) lies in [from, to). */
static uint64_t overlap(uint64_t mfn, uint64_t pages, uint64_t from, uint64_t to)
{
	uint64_t start = MAX(mfn, from), end = MIN(mfn + pages, to);

	return end > start ? end - start : 0;
}

static uint64_t heap_list_overlap(uint32_t first, uint64_t from, uint64_t to)
{
	uint64_t pages = 0;

	for (struct page *pg = heap_block(first); pg; pg = heap_block(pg->next))
		pages += overlap(page_to_mfn(pg).n, 1UL << page_order(pg), from, to);
	return pages;
}

uint64_t heap_free_between(uint64_t from, uint64_t to)
{
	uint64_t pages = 0;

	spin_lock(&heap_lock);
	for (unsigned int z = 0; z < ZONES; z++)
		for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
			pages += heap_list_overlap(heap_free_blocks[z][CLEAN][o], from, to) +
				 heap_list_overlap(heap_free_blocks[z][DIRTY][o], from, to);
	spin_unlock(&heap_lock);
	return pages;
}

uint64_t heap_free_pages(void) { return READ_ONCE(heap_free_count); }
uint64_t heap_total_pages(void) { return heap_total_count; }
void heap_set_total(uint64_t pages) { heap_total_count = pages; }

/* ---- Scrubbing ---- */

#define SCRUB_ORDER 2			/* frames cleared while the lock is held: a microsecond or two */

void heap_scrub_start(bool boot_too)
{
	spin_lock(&heap_lock);
	heap_scrub_due = boot_too ? heap_free_count : 0;
	spin_unlock(&heap_lock);
}

/* Small ones first: what is cleaned then finds its neighbours, and large ones stay whole. */
static struct page *heap_find_dirty(void)
{
	for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
		for (unsigned int z = 0; z < ZONES; z++)
			if (heap_free_blocks[z][DIRTY][o] != NONE)
				return heap_block(heap_free_blocks[z][DIRTY][o]);
	return NULL;
}

static uint32_t latest_stamp(const struct page *pg, unsigned int order)
{
	uint32_t latest = 0;

	for (unsigned int i = 0; i < 1U << order; i++)
		latest = MAX(latest, page_stamp(&pg[i]));
	return latest;
}

static void heap_clean(struct page *pg, unsigned int order)
{
	mfn_t mfn = page_to_mfn(pg);

	heap_split(pg, order);
	for (unsigned int i = 0; i < 1U << order; i++)
		pg[i].use &= ~USE_STAMP;
	memset(mfn_to_virt(mfn), 0, PAGE_SIZE << order);
	heap_merge(mfn, order, CLEAN);
	heap_scrub_due -= MIN(heap_scrub_due, 1UL << order);
}

/* What a step is about: the lower end of the first dirty block. */
struct scrub { struct page *pg; unsigned int order; uint32_t stamp; };

static struct scrub heap_scrub_next(void)
{
	struct scrub s = { .pg = heap_find_dirty() };

	if (s.pg) {
		s.order = MIN(page_order(s.pg), SCRUB_ORDER);
		s.stamp = latest_stamp(s.pg, s.order);
	}
	return s;
}

/*
 * Who had the frames may write to them as long as a TLB leads there: first the flush, for which heap_lock is let
 * go.  false: somebody else had them meanwhile, and they were let go later.
 */
static bool heap_scrub_flush(const struct scrub *s)
{
	struct scrub now;

	if (!arch_tlb_is_stale(s->stamp))
		return true;
	spin_unlock(&heap_lock);
	arch_tlb_flush_stale(s->stamp);
	spin_lock(&heap_lock);
	now = heap_scrub_next();
	return now.pg == s->pg && now.order == s->order && now.stamp == s->stamp;
}

bool heap_scrub(void)
{
	struct scrub s;

	if (!READ_ONCE(heap_scrub_due))
		return false;
	spin_lock(&heap_lock);
	s = heap_scrub_next();
	if (!s.pg)
		heap_scrub_due = 0;
	else if (heap_scrub_flush(&s))
		heap_clean(s.pg, s.order);
	spin_unlock(&heap_lock);
	return s.pg;
}

/* ---- Audit ---- */

#define ZERO_PAGES_MAX 65536		/* so many clean pages are read, or it would take seconds */

struct heap_tally { uint64_t frames, zero_pages; long wrong; };

static bool is_zero_page(mfn_t mfn)
{
	const uint64_t *p = mfn_to_virt(mfn);

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*p); i++)
		if (p[i])
			return false;
	return true;
}

static bool is_clean_page(struct heap_tally *t, const struct page *pg)
{
	if (page_stamp(pg))
		return false;
	return t->zero_pages++ >= ZERO_PAGES_MAX || is_zero_page(page_to_mfn(pg));
}

static void tally_block(struct heap_tally *t, const struct page *pg, enum cleanness c, unsigned int order)
{
	bool is_marked = page_is_free_block(pg) && heap_cleanness(pg) == c && page_order(pg) == order;
	long wrong = !is_marked;

	for (uint64_t i = 0; i < 1UL << order; i++)
		wrong += page_owner(&pg[i]) != DOMID_INVALID || (c == CLEAN && !is_clean_page(t, pg + i));
	t->frames += 1UL << order;
	t->wrong += wrong;
	if (wrong)
		printk(LOG_ERR "Audit: free block %#lx of order %u, use %#x: %ld wrong\n", page_to_mfn(pg).n,
		       order, pg->use, wrong);
}

static void tally_lists(struct heap_tally *t, enum zone z, enum cleanness c)
{
	for (unsigned int o = 0; o <= HEAP_MAX_ORDER; o++)
		for (struct page *pg = heap_block(heap_free_blocks[z][c][o]); pg; pg = heap_block(pg->next))
			tally_block(t, pg, c, o);
}

long heap_audit(void)
{
	struct heap_tally t = { 0 };

	spin_lock(&heap_lock);
	for (enum zone z = 0; z < ZONES; z++) {
		tally_lists(&t, z, CLEAN);
		tally_lists(&t, z, DIRTY);
	}
	if (t.frames != heap_free_count) {
		t.wrong++;
		printk(LOG_ERR "Audit: %lu free frames, %lu counted\n", t.frames, heap_free_count);
	}
	spin_unlock(&heap_lock);
	return t.wrong;
}

/* ---- Our own memory ---- */

void *pages_alloc_zeroed(unsigned int order)
{
	struct page *pg = heap_alloc(order, 0);

	if (!pg)
		return NULL;
	heap_clear(pg, order);
	*pg = (struct page){ .use = USE_NOBODY | USE_ORDER(order) };
	return mfn_to_virt(page_to_mfn(pg));
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
		pages_free(p, page_order(mfn_to_page(virt_to_mfn(p))));
}
