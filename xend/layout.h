/*
 * Where everything lies in a new PV guest: which pseudo-physical frame holds what, which
 * virtual address it has, and the page tables that say so.  Pure arithmetic on 64-bit numbers,
 * no hypercalls.  Facts: xen/xen.h (start-of-day layout), xen/elfnote.h.
 */
#ifndef XEND_LAYOUT_H
#define XEND_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xend/fault.h"
#include "xend/image.h"

struct layout_run {		/* a run of frames */
	uint64_t pfn, count;	/* count 0: there is none */
};

/* Page tables for one contiguous virtual range, frames in the order L4? L3 L2 L1, each level
 * ascending.  The L4 belongs to the main range alone. */
struct layout_tables {
	uint64_t virt, end;		/* the mapped range [virt, end), page aligned */
	struct layout_run level[5];	/* [4], [3], [2], [1]; [0] unused */
};

struct layout {
	uint64_t nr_pages;		/* pfns 0 … nr_pages - 1 are populated */
	uint64_t virt_base;		/* pfn k is mapped at virt_base + 4096 k below virt_end */
	uint64_t virt_end;
	struct layout_run image, initrd, p2m, start_info, store, console, tables, stack;
	bool initrd_mapped, p2m_mapped;	/* inside virt_base … virt_end */
	uint64_t p2m_virt;		/* where the guest sees the p2m array */
	struct layout_tables main;	/* its frames are `tables` */
	struct layout_tables p2m_map;	/* if !p2m_mapped: frames right behind `p2m`, no L4 */
	uint64_t used;			/* the first pfn that nothing above uses */
};

/* Lay out a guest of `nr_pages` frames (4 KiB) with this kernel and an initrd of so many
 * bytes (0: none).  -ENOEXEC: the notes make no sense; -E2BIG: it doesn't fit (`f` says how
 * much would). */
int layout_compute(struct layout *l, const struct image *img, uint64_t initrd_bytes,
		   uint64_t nr_pages, struct fault *f);

/* Fill the tables.  `mfn` translates all pfns of the layout; `page(ctx, pfn)` lends the zeroed
 * 4 KiB of that table's frame (tables are asked for one after the other, ascending). */
struct layout_frames {
	const uint64_t *mfn;			/* nr_pages entries */
	uint64_t *(*page)(void *ctx, uint64_t pfn);
	void *ctx;
};

int layout_fill_tables(const struct layout *l, const struct layout_frames *frames);

/* The guest's virtual address of a frame below virt_end. */
static inline uint64_t layout_virt(const struct layout *l, uint64_t pfn)
{
	return l->virt_base + (pfn << 12);
}

#endif
