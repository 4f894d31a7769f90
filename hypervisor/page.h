/*
 * The frame table: one struct page per machine frame of RAM: its owner, how many references keep it
 * allocated, and what it may be used as.  Types are the security boundary of paravirtualised memory: a
 * frame is writable by a guest, or a page table, or a descriptor page, never two of these at once.
 *
 * References ("count") keep a frame from being freed.  Type references ("type") keep its use from
 * changing; each also holds a count reference.  Both are changed with compare-and-exchange only.
 *
 * A frame that is in use needs no links: a domain finds its frames by their owner, in those pieces of the
 * frame table where it once got some (page_chunks in struct domain).
 */
#ifndef HV_PAGE_H
#define HV_PAGE_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct domain;

struct page {
	union {
		uint32_t count;		/* PAGE_ALLOCATED and the number of references */
		uint32_t prev;		/* head of a free block: a PAGE_LINK */
	};
	union {
		uint32_t type;		/* enum page_type, TYPE_* flags and the number of type references */
		uint32_t next;		/* head of a free block: a PAGE_LINK */
	};
	uint32_t use;			/* whose it is: USE_*; changes only while there are no references */
};
_Static_assert(sizeof(struct page) == 12, "the frame table costs 12 bytes a frame");

#define PAGE_ALLOCATED	(1U << 31)	/* the owner's own reference, counted as one */
#define PAGE_LINK	(1U << 30)	/* not a count but a frame number, so that who came late can't mistake it */
#define PAGE_REFS	(PAGE_LINK - 1)

/* A domain's: its number in the low 16 bits. */
#define USE_NOBODY	(1U << 31)	/* free, or the hypervisor's own */
#define USE_SHARED	(1U << 30)	/* a domain's: hypervisor memory that it may map */
/* Nobody's: the order of a block in its first frame; the TLB clock when a domain let it go, or 0. */
#define USE_NO_RAM	(USE_NOBODY | 1U << 30)	/* the frame table has no gaps where little RAM is missing */
#define USE_FREE	(1U << 29)	/* head of a free block in the heap */
#define USE_CLEAN	(1U << 28)	/* head of a block, free or just allocated, that heap_clear() need not clear */
#define USE_ORDER_SHIFT	23
#define USE_ORDER(n)	((uint32_t)(n) << USE_ORDER_SHIFT)
#define USE_STAMP	(USE_ORDER(1) - 1)

enum page_type { PAGE_NONE, PAGE_WRITABLE, PAGE_L1, PAGE_L2, PAGE_L3, PAGE_L4, PAGE_SEGDESC };

#define TYPE_SHIFT	28
#define TYPE_PINNED	(1U << 27)	/* the guest holds one reference by MMUEXT_PIN */
#define TYPE_VALIDATED	(1U << 26)	/* entries checked, their references held */
#define TYPE_BUSY	(1U << 25)	/* being validated or undone; it may take its time, see x86/pv_tree.h */
#define TYPE_IDLE	(1U << 24)	/* no references: the TLB clock when the last was dropped, not a count */
#define TYPE_COUNT	(TYPE_IDLE - 1)
_Static_assert(USE_STAMP <= TYPE_COUNT, "a stamp fits in the place of a count");

#define PAGE_CHUNK_SHIFT 9		/* struct domain's page_chunks have a bit for each 512 frames */

extern struct page *frame_table;
extern uint64_t max_mfn;		/* frames 0..max_mfn have a struct page, but for holes */

bool mfn_is_ram(mfn_t mfn);		/* has a struct page */
struct page *mfn_to_page(mfn_t mfn);	/* only where mfn_is_ram() */
mfn_t page_to_mfn(const struct page *pg);

int page_chunks_init(struct domain *d);	/* -ENOMEM */
void page_chunks_free(struct domain *d);
/*
 * A frame of d's, hypervisor memory shared with it included, at *at or behind, which moves beyond it.  NULL: there
 * is none so near; when *at is beyond max_mfn there are no more.  Each step is short.  The frame may be freed
 * meanwhile: take a reference, or keep the domains still.
 */
struct page *page_find_owned(const struct domain *d, mfn_t *at);
#define page_for_each_owned(pg, at, d)						\
	for ((at) = MFN(0); (at).n <= max_mfn;)					\
		if (((pg) = page_find_owned(d, &(at))))

/* Takes a reference if the frame belongs to `d` and is in use; false: it isn't, or the count is full. */
bool page_get(struct page *pg, const struct domain *d);
struct page *page_get_mfn(mfn_t mfn, const struct domain *d);	/* NULL likewise, or not RAM */
void page_put(struct page *pg);		/* the last one frees it */
/*
 * Adds a reference of type `t`, validating if it's the first: 0, -EINVAL (wrong use), -EBUSY (page tables
 * that are just being taken into use or let go), -ERESTART (page tables: call again, it goes on from there).
 */
int page_get_type(struct page *pg, enum page_type t);
void page_put_type(struct page *pg);
bool page_get_and_type(struct page *pg, const struct domain *d, enum page_type t);
void page_put_and_type(struct page *pg);

/*
 * The steps of these two, for who validates page tables one after the other.  Taking a reference: 0, or 1:
 * it's the first, the frame is BUSY and the caller validates it and says how that ended; or an error as above.
 * Dropping one: true: it was the last, the frame is BUSY, the caller undoes it and then clears the type.
 */
int page_type_take(struct page *pg, enum page_type t);
void page_type_validated(struct page *pg, bool is_valid);
bool page_type_drop(struct page *pg);
void page_type_clear(struct page *pg);

static inline enum page_type page_type(const struct page *pg)
{
	return READ_ONCE(pg->type) >> TYPE_SHIFT;
}

/* … of a type word that was read. */
static inline uint32_t type_count(uint32_t type) { return type & TYPE_IDLE ? 0 : type & TYPE_COUNT; }

static inline uint32_t page_type_count(const struct page *pg) { return type_count(READ_ONCE(pg->type)); }

static inline uint32_t page_refs(const struct page *pg) { return READ_ONCE(pg->count) & PAGE_REFS; }

static inline bool page_is_owned_by(const struct page *pg, domid_t id)
{
	return (READ_ONCE(pg->use) & ~USE_SHARED) == id;
}

static inline domid_t page_owner(const struct page *pg)	/* DOMID_INVALID: nobody's */
{
	uint32_t use = READ_ONCE(pg->use);

	return use & USE_NOBODY ? DOMID_INVALID : (domid_t)use;
}

static inline bool page_is_shared(const struct page *pg)
{
	return (READ_ONCE(pg->use) & (USE_NOBODY | USE_SHARED)) == USE_SHARED;
}

/* Of a frame that is nobody's: when a domain let it go, in terms of the TLB clock; 0: no TLB can lead to it. */
static inline uint32_t page_stamp(const struct page *pg) { return pg->use & USE_STAMP; }

static inline unsigned int page_order(const struct page *pg)	/* the first of a block that is nobody's */
{
	return pg->use >> USE_ORDER_SHIFT & 0x1f;
}

/* Gives an allocated frame to `d` (counted against its maximum): 0, -E2BIG (over it), -EINVAL (dying). */
int page_assign(struct domain *d, struct page *pg, unsigned int order);
/* Hypervisor memory that `d` may map: writable or read-only.  Not counted. */
void page_share(struct domain *d, struct page *pg, bool writable);
/* Takes it back from a dead domain: freed when the last mapping of it by others has gone. */
void page_unshare(struct page *pg);
/* No longer anybody's, for a domain's frame to which no references are left: for the heap, or the next owner. */
void page_disown(struct page *pg);

#endif
