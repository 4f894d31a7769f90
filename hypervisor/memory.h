/* A domain's RAM: blocks of frames, given and taken (XENMEM_*). */
#ifndef HV_MEMORY_H
#define HV_MEMORY_H

#include "domain.h"

/* A cleared block of 2^order frames for `d`, whose M2P says pfn, pfn + 1 …; ~0: none.  NULL: no memory, or over
 * its maximum. */
struct page *memory_populate(struct domain *d, unsigned int order, unsigned int address_bits, pfn_t pfn);
/*
 * Takes a frame out of its owner's accounts that nothing refers to but the owner's own claim; it's the caller's
 * to assign, or to free.  NULL: it is in use, or none of `d`.
 */
struct page *memory_take_frame(struct domain *d, mfn_t mfn);
/* Of free memory, so many pages are promised to domains (XENMEM_claim_pages). */
uint64_t memory_claimed_pages(void);
void memory_drop_claim(struct domain *d);	/* what is left of its own; it's dying */

#endif
