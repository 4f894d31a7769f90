/*
 * The frame table: one struct page per machine frame of RAM: its owner, how many references keep it
 * allocated, and what it may be used as.  Types are the security boundary of paravirtualised memory: a
 * frame is writable by a guest, or a page table, or a descriptor page, never two of these at once.
 *
 * References ("count") keep a frame from being freed.  Type references ("type") keep its use from
 * changing; each also holds a count reference.  Both are changed with compare-and-exchange only.
 */
#ifndef HV_PAGE_H
#define HV_PAGE_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct domain;

struct page {
	uint64_t count;			/* PAGE_* flags and the number of references */
	uint64_t type;			/* enum page_type, TYPE_* flags and the number of type references */
	uint32_t tlb_stamp;		/* in use: TLB clock when the last type reference was dropped */
	domid_t owner;			/* DOMID_INVALID: free or the hypervisor's own */
	uint8_t order;			/* head of a free block */
	uint8_t flags;			/* PAGEF_* */
	uint32_t next, prev;		/* mfn links of the list it's on; ~0: none */
};
_Static_assert(sizeof(struct page) == 32, "the frame table costs 32 bytes a frame");

#define PAGE_ALLOCATED	(1UL << 63)	/* the owner's own reference, counted as one */
#define PAGE_REFS	((1UL << 32) - 1)

#define PAGEF_FREE	1		/* head of a free block in the heap */
#define PAGEF_XEN	2		/* hypervisor memory shared with a domain */
#define PAGEF_BROKEN	4

enum page_type { PAGE_NONE, PAGE_WRITABLE, PAGE_L1, PAGE_L2, PAGE_L3, PAGE_L4, PAGE_SEGDESC };

#define TYPE_SHIFT	60
#define TYPE_PINNED	(1UL << 59)	/* the guest holds one reference by MMUEXT_PIN */
#define TYPE_VALIDATED	(1UL << 58)	/* entries checked, their references held */
#define TYPE_BUSY	(1UL << 57)	/* being validated or undone; it may take its time, see x86/pv_tree.h */
#define TYPE_COUNT	((1UL << 32) - 1)

struct page_list { uint32_t head, tail; uint64_t count; };
#define PAGE_LIST_END (~0U)
#define PAGE_LIST_INIT { PAGE_LIST_END, PAGE_LIST_END, 0 }

extern struct page *frame_table;
extern uint64_t max_mfn;		/* frames 0..max_mfn have a struct page, but for holes */

bool mfn_is_ram(mfn_t mfn);		/* has a struct page */
struct page *mfn_to_page(mfn_t mfn);	/* only where mfn_is_ram() */
mfn_t page_to_mfn(const struct page *pg);

void page_list_add(struct page_list *l, struct page *pg);
void page_list_add_tail(struct page_list *l, struct page *pg);
void page_list_del(struct page_list *l, struct page *pg);
struct page *page_list_first(const struct page_list *l);
struct page *page_list_next(const struct page *pg);

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

static inline uint64_t page_type_count(const struct page *pg)
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
