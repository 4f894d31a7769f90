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
		uint64_t word;			/* these four at once */
		struct {
			uint32_t count;		/* PAGE_ALLOCATED and the number of references */
			domid_t owner;		/* DOMID_INVALID: free or the hypervisor's own */
			uint8_t order;		/* head of a free block, or of the hypervisor's own */
			uint8_t flags;		/* PAGEF_* */
		};
		uint32_t prev;			/* head of a free block: mfn link, see heap.c */
	};
	union {
		uint32_t type;			/* enum page_type, TYPE_* flags and the number of type references */
		uint32_t next;			/* head of a free block */
	};
	uint32_t tlb_stamp;			/* TLB clock when the last type reference was dropped */
};
_Static_assert(sizeof(struct page) == 16, "the frame table costs 16 bytes a frame");

#define PAGE_ALLOCATED	(1U << 31)	/* the owner's own reference, counted as one */
#define PAGE_REFS	(PAGE_ALLOCATED - 1)

#define PAGEF_FREE	1		/* head of a free block in the heap */
#define PAGEF_XEN	2		/* hypervisor memory shared with a domain */
#define PAGEF_BROKEN	4
#define PAGEF_CLEAN	8		/* head of a block, free or just allocated, that heap_clear() need not clear */

enum page_type { PAGE_NONE, PAGE_WRITABLE, PAGE_L1, PAGE_L2, PAGE_L3, PAGE_L4, PAGE_SEGDESC };

#define TYPE_SHIFT	28
#define TYPE_PINNED	(1U << 27)	/* the guest holds one reference by MMUEXT_PIN */
#define TYPE_VALIDATED	(1U << 26)	/* entries checked, their references held */
#define TYPE_BUSY	(1U << 25)	/* being validated or undone; it may take its time, see x86/pv_tree.h */
#define TYPE_COUNT	(TYPE_BUSY - 1)

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

static inline uint32_t page_type_count(const struct page *pg)
{
	return READ_ONCE(pg->type) & TYPE_COUNT;
}

/* Gives an allocated frame to `d` (counted against its maximum): 0, -E2BIG (over it), -EINVAL (dying). */
int page_assign(struct domain *d, struct page *pg, unsigned int order);
/* Hypervisor memory that `d` may map: writable or read-only.  Not counted. */
void page_share(struct domain *d, struct page *pg, bool writable);
/* Takes it back from a dead domain: freed when the last mapping of it by others has gone. */
void page_unshare(struct page *pg);

#endif
