#include "page.h"
#include "arch.h"
#include "bitmap.h"
#include "domain.h"
#include "errno.h"
#include "heap.h"
#include "printk.h"

struct page *frame_table;
uint64_t max_mfn;

struct page *mfn_to_page(mfn_t mfn) { return &frame_table[mfn.n]; }
mfn_t page_to_mfn(const struct page *pg) { return MFN((uint64_t)(pg - frame_table)); }

static unsigned int page_chunk_count(void) { return (max_mfn >> PAGE_CHUNK_SHIFT) + 1; }

int page_chunks_init(struct domain *d)
{
	d->page_chunks = mem_alloc(BITS_TO_WORDS(page_chunk_count()) * sizeof(uint64_t));
	return d->page_chunks ? 0 : -ENOMEM;
}

void page_chunks_free(struct domain *d) { mem_free(d->page_chunks); }

struct page *page_find_owned(const struct domain *d, mfn_t *at)
{
	uint64_t chunk = bit_find_next(d->page_chunks, page_chunk_count(), at->n >> PAGE_CHUNK_SHIFT);
	uint64_t end = MIN((chunk + 1) << PAGE_CHUNK_SHIFT, max_mfn + 1);

	at->n = MAX(at->n, chunk << PAGE_CHUNK_SHIFT);
	while (at->n < end) {
		struct page *pg = &frame_table[at->n++];

		if (page_is_owned_by(pg, d->id))
			return pg;
	}
	return NULL;
}

/*
 * Whose it is doesn't change while there is a reference: the second look at the owner, under our own, is the one
 * that counts.  The first keeps us from touching what is another's.
 */
bool page_get(struct page *pg, const struct domain *d)
{
	uint32_t x = READ_ONCE(pg->count);

	do {
		uint32_t refs = x & PAGE_REFS;

		/* Another's or unused, or so many that one more would overflow. */
		if (!page_is_owned_by(pg, d->id) || x & PAGE_LINK || !refs || refs == PAGE_REFS)
			return false;
	} while (!__atomic_compare_exchange_n(&pg->count, &x, x + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	if (page_is_owned_by(pg, d->id))
		return true;
	page_put(pg);			/* freed and somebody else's since the first look */
	return false;
}

struct page *page_get_mfn(mfn_t mfn, const struct domain *d)
{
	struct page *pg;

	if (!mfn_is_ram(mfn))
		return NULL;
	pg = mfn_to_page(mfn);
	return page_get(pg, d) ? pg : NULL;
}

void page_disown(struct page *pg)
{
	arch_page_released(pg);
	*pg = (struct page){ .use = USE_NOBODY | arch_tlb_clock() };
}

/* The last reference went: back to the heap. */
static void page_free(struct page *pg)
{
	struct domain *d = domain_owner(page_owner(pg));

	ASSERT(page_type_count(pg) == 0);
	spin_lock(&d->page_lock);
	if (page_is_shared(pg))
		d->xen_pages--;
	else
		d->tot_pages--;
	spin_unlock(&d->page_lock);
	page_disown(pg);
	heap_free(pg, 0);
	domain_put(d);
}

void page_put(struct page *pg)
{
	uint32_t x = __atomic_fetch_sub(&pg->count, 1, __ATOMIC_ACQ_REL);

	ASSERT(x & PAGE_REFS);
	if ((x & PAGE_REFS) == 1)
		page_free(pg);
}

static bool page_type_is_checked(enum page_type t)
{
	return t >= PAGE_L1;		/* page tables and descriptors: their contents must be validated */
}

void page_type_validated(struct page *pg, bool is_valid)
{
	if (is_valid)
		__atomic_fetch_xor(&pg->type, TYPE_BUSY | TYPE_VALIDATED, __ATOMIC_RELEASE);
	else			/* back to no use at all; its entries hold nothing */
		page_type_clear(pg);
}

/* Page tables of levels 2 to 4 can be BUSY for long; whatever else is BUSY is done in a moment. */
static bool is_busy_for_long(uint32_t type)
{
	return type & TYPE_BUSY && type >> TYPE_SHIFT >= PAGE_L2 && type >> TYPE_SHIFT <= PAGE_L4;
}

int page_type_take(struct page *pg, enum page_type t)
{
	uint32_t x = __atomic_load_n(&pg->type, __ATOMIC_ACQUIRE), want;

	for (;;) {
		bool is_unused = !type_count(x), changes = x >> TYPE_SHIFT != t;

		if (type_count(x) == TYPE_COUNT || (changes && !is_unused))
			return -EINVAL;
		if (is_busy_for_long(x))
			return -EBUSY;
		if (x & TYPE_BUSY) {
			cpu_relax();
			x = __atomic_load_n(&pg->type, __ATOMIC_ACQUIRE);
			continue;
		}
		if (!is_unused)
			want = x + 1;
		else
			want = (uint32_t)t << TYPE_SHIFT | 1 |
				(page_type_is_checked(t) ? TYPE_BUSY : TYPE_VALIDATED);
		if (__atomic_compare_exchange_n(&pg->type, &x, want, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			break;
	}
	if (type_count(want) != 1)
		return 0;
	if (x & TYPE_IDLE && x >> TYPE_SHIFT != t)	/* no CPU may still see it as what it was */
		arch_page_type_changed(pg, x & TYPE_COUNT);
	return page_type_is_checked(t);
}

int page_get_type(struct page *pg, enum page_type t)
{
	int rc = page_type_take(pg, t);

	return rc <= 0 ? rc : arch_page_validate(pg, t);
}

bool page_type_drop(struct page *pg)
{
	uint32_t x = __atomic_load_n(&pg->type, __ATOMIC_ACQUIRE), want;
	bool is_last;

	do {
		ASSERT(type_count(x) && !(x & TYPE_BUSY));
		is_last = type_count(x) == 1;
		want = x - 1;
		if (is_last && page_type_is_checked(x >> TYPE_SHIFT))
			want = (want | TYPE_BUSY) & ~TYPE_VALIDATED;
		else if (is_last)
			want |= TYPE_IDLE | arch_tlb_clock();
	} while (!__atomic_compare_exchange_n(&pg->type, &x, want, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return want & TYPE_BUSY;
}

void page_type_clear(struct page *pg)
{
	__atomic_store_n(&pg->type, (uint32_t)PAGE_NONE << TYPE_SHIFT | TYPE_IDLE | arch_tlb_clock(), __ATOMIC_RELEASE);
}

void page_put_type(struct page *pg)
{
	if (page_type_drop(pg))
		arch_page_devalidate(pg, page_type(pg));
}

bool page_get_and_type(struct page *pg, const struct domain *d, enum page_type t)
{
	if (!page_get(pg, d))
		return false;
	if (page_get_type(pg, t) == 0)
		return true;
	page_put(pg);
	return false;
}

void page_put_and_type(struct page *pg)
{
	page_put_type(pg);
	page_put(pg);
}

/* From the last store on others may refer to it; page_lock held. */
static void page_own(struct domain *d, struct page *pg, uint32_t type, uint32_t use)
{
	uint64_t chunk = page_to_mfn(pg).n >> PAGE_CHUNK_SHIFT;

	if (!bit_test(d->page_chunks, chunk))
		bit_set(d->page_chunks, chunk);
	pg->type = type;
	WRITE_ONCE(pg->use, d->id | use);
	__atomic_store_n(&pg->count, PAGE_ALLOCATED | 1, __ATOMIC_RELEASE);
	domain_get_counted(d);
}

int page_assign(struct domain *d, struct page *pg, unsigned int order)
{
	uint64_t pages = 1UL << order;

	spin_lock(&d->page_lock);
	if (d->dying != DOMAIN_ALIVE) {
		spin_unlock(&d->page_lock);
		return -EINVAL;
	}
	if (d->tot_pages + pages > d->max_pages) {
		spin_unlock(&d->page_lock);
		return -E2BIG;
	}
	for (uint64_t i = 0; i < pages; i++)
		page_own(d, &pg[i], page_stamp(&pg[i]) ? TYPE_IDLE | page_stamp(&pg[i]) : 0, 0);
	d->tot_pages += pages;
	spin_unlock(&d->page_lock);
	return 0;
}

void page_share(struct domain *d, struct page *pg, bool writable)
{
	/* One type reference of ours keeps a guest from using it as a page table, or read-only from writing. */
	uint32_t type = (writable ? PAGE_WRITABLE : PAGE_SEGDESC) << TYPE_SHIFT | TYPE_VALIDATED | 1;

	spin_lock(&d->page_lock);
	page_own(d, pg, type, USE_SHARED);
	d->xen_pages++;
	spin_unlock(&d->page_lock);
}

void page_unshare(struct page *pg)
{
	page_put_type(pg);
	if (__atomic_fetch_and(&pg->count, ~PAGE_ALLOCATED, __ATOMIC_ACQ_REL) & PAGE_ALLOCATED)
		page_put(pg);
}
