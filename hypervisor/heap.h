/*
 * Memory: frames in blocks of 2^order (a buddy allocator), and smaller pieces for our own records.
 * Any context but interrupt handlers.
 */
#ifndef HV_HEAP_H
#define HV_HEAP_H

#include "page.h"

#define HEAP_MAX_ORDER 18		/* 1 GiB */

void heap_add_range(paddr_t start, paddr_t end);	/* at boot: hands RAM to the allocator */
/* A block of frames, below 2^address_bits if that isn't 0; contents undefined, count 0, no owner; or NULL. */
struct page *heap_alloc(unsigned int order, unsigned int address_bits);
/* Zeros in a block just allocated, to which no TLB leads any more: for a domain, or for us to trust. */
void heap_clear(struct page *pg, unsigned int order);
void heap_free(struct page *pg, unsigned int order);
uint64_t heap_free_pages(void);
uint64_t heap_free_between(uint64_t from, uint64_t to);	/* … of the frames numbered from … to - 1 */
uint64_t heap_total_pages(void);	/* all of RAM, ours included */
void heap_set_total(uint64_t pages);

/*
 * What is free is cleared by CPUs that have nothing else to do, so that who allocates need not.  One small step;
 * false: there is nothing to clear.  What was there from boot on is left as it is unless `boot_too` said so.
 */
bool heap_scrub(void);
void heap_scrub_start(bool boot_too);	/* at boot, once */

/* How much of the free blocks is not as it should be: owners, marks, zeros, number.  The log names each block. */
long heap_audit(void);

/* They may wait for other CPUs to flush their TLBs: interrupts must be enabled once guests run. */
void *page_alloc_zeroed(void);		/* one page of ours by its virtual address; NULL: none left */
void *pages_alloc_zeroed(unsigned int order);
void pages_free(void *p, unsigned int order);

void *mem_alloc(size_t bytes);		/* zeroed, 16-byte aligned; NULL */
void mem_free(void *p);			/* NULL is fine */

#endif
