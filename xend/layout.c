#include "xend/layout.h"

#include <errno.h>
#include <string.h>
#include <xen/elfnote.h>
#include <xen/xen.h>

#define PAGE 4096UL
#define LAYOUT_ALIGN (4UL << 20)	/* xen/xen.h: the bootstrap area ends on 4 MiB … */
#define LAYOUT_SLACK (512UL << 10)	/* … with at least 512 KiB of it free */
#define CANONICAL_LOW_END (1UL << 47)
#define CANONICAL_HIGH (~0UL << 47)
#define TABLES_MAX (1UL << 16)		/* 128 GiB mapped at the start: no kernel wants that */

/* SDM 3A 4.5; what of it xen/xen.h's mmu interface allows a guest.  The hypervisor adds the user
 * bit itself and so tells the guest's kernel from its programs. */
#define PTE_PRESENT 0x01UL
#define PTE_WRITE 0x02UL
#define PTE_USER 0x04UL
#define PTE_ACCESSED 0x20UL
#define PTE_DIRTY 0x40UL
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

static unsigned int level_shift(int level)	/* log2 of what one table of it maps */
{
	return 12 + 9 * (unsigned int)level;
}

static bool virt_range_ok(uint64_t start, uint64_t end)
{
	if (end <= start)
		return false;
	if (end <= CANONICAL_LOW_END)
		return true;
	return start >= CANONICAL_HIGH &&
	       (end <= HYPERVISOR_VIRT_START || start >= HYPERVISOR_VIRT_END);
}

/* How many tables of a level the range [virt, end) needs. */
static uint64_t tables_count(uint64_t virt, uint64_t end, int level)
{
	return level == 4 ? 1 : ((end - 1) >> level_shift(level)) -
				(virt >> level_shift(level)) + 1;
}

/* Give the tables of levels `top` to 1 their frames from `pfn` on; returns how many. */
static uint64_t tables_place(struct layout_tables *t, uint64_t virt, uint64_t end, int top,
			     uint64_t pfn)
{
	uint64_t first = pfn;

	t->virt = virt;
	t->end = end;
	for (int level = top; level >= 1; level--) {
		t->level[level].pfn = pfn;
		t->level[level].count = tables_count(virt, end, level);
		pfn += t->level[level].count;
	}
	return pfn - first;
}

static struct layout_run run_take(uint64_t *next, uint64_t count)
{
	struct layout_run run = { count ? *next : 0, count };

	*next += count;
	return run;
}

static uint64_t pages_for(uint64_t bytes)
{
	return bytes / PAGE + (bytes % PAGE != 0);
}

/* The guest's tables map themselves too: add tables until there are enough. */
static int layout_main(struct layout *l, uint64_t next)
{
	uint64_t count = 0, want = 4, first = next, end;

	while (count < want) {
		count = want;
		if (count > TABLES_MAX)
			return -ENOEXEC;
		next = first;
		l->tables = run_take(&next, count);
		l->stack = run_take(&next, 1);
		end = layout_virt(l, next) + LAYOUT_SLACK;
		l->virt_end = (end + LAYOUT_ALIGN - 1) & ~(LAYOUT_ALIGN - 1);
		if (!virt_range_ok(l->virt_base, l->virt_end))
			return -ENOEXEC;
		want = tables_place(&l->main, l->virt_base, l->virt_end, 4, first);
	}
	/* Enough may be one too many; what start_info counts are the tables. */
	l->tables.count = want;
	return 0;
}

static int layout_kernel_check(const struct layout *l, const struct image *img, struct fault *f)
{
	const struct image_notes *n = &img->notes;
	uint64_t start = layout_virt(l, l->image.pfn), end = start + img->size;

	if (l->virt_base % PAGE || !virt_range_ok(start, end))
		return fault_set(f, ENOEXEC, "the kernel wants to be at %#lx, where no guest "
				 "can be", start);
	if (n->entry < start || n->entry >= end)
		return fault_set(f, ENOEXEC, "the kernel's entry point (%#lx) lies outside of it "
				 "(%#lx to %#lx)", n->entry, start, end);
	if (IMAGE_HAS(n, XEN_ELFNOTE_HYPERCALL_PAGE) &&
	    (n->hypercall_page % PAGE || n->hypercall_page < start || n->hypercall_page >= end))
		return fault_set(f, ENOEXEC, "the kernel's hypercall page (%#lx) lies outside of "
				 "it", n->hypercall_page);
	if (IMAGE_HAS(n, XEN_ELFNOTE_HV_START_LOW) && n->hv_start_low > HYPERVISOR_VIRT_START)
		return fault_set(f, ENOEXEC, "the kernel does not leave the hypervisor its "
				 "addresses");
	return 0;
}

/* The p2m array in an address range of its own (XEN_ELFNOTE_INIT_P2M). */
static int layout_p2m_map(struct layout *l, uint64_t *next, struct fault *f)
{
	uint64_t end = l->p2m_virt + l->p2m.count * PAGE;

	if (l->p2m_virt % PAGE || !virt_range_ok(l->p2m_virt, end) ||
	    (l->p2m_virt >> 39 <= (l->virt_end - 1) >> 39 && (end - 1) >> 39 >= l->virt_base >> 39))
		return fault_set(f, ENOEXEC, "the kernel wants its p2m array at %#lx, where it "
				 "can't be", l->p2m_virt);
	*next += tables_place(&l->p2m_map, l->p2m_virt, end, 3, *next);
	return 0;
}

static int layout_fits(const struct layout *l, struct fault *f)
{
	uint64_t mib = (l->used + 255) / 256;

	if (l->used <= l->nr_pages)
		return 0;
	fault_set(f, E2BIG, "the domain's %lu MiB are too few: its kernel, initrd and page tables "
		  "alone need %lu MiB", l->nr_pages / 256, mib);
	fault_hint(f, "Set memory to %lu or more.", mib + mib / 2);
	return -E2BIG;
}

int layout_compute(struct layout *l, const struct image *img, uint64_t initrd_bytes,
		   uint64_t nr_pages, struct fault *f)
{
	const struct image_notes *n = &img->notes;
	uint64_t next = (img->start + img->size) / PAGE, p2m = pages_for(nr_pages * 8);
	uint64_t initrd = pages_for(initrd_bytes);
	int rc;

	memset(l, 0, sizeof(*l));
	if (img->start > UINT64_MAX / 4 || nr_pages > UINT64_MAX / PAGE ||
	    initrd > UINT64_MAX / PAGE / 4)
		return fault_set(f, ENOEXEC, "the kernel lies beyond any memory");
	l->nr_pages = nr_pages;
	l->virt_base = n->virt_base;
	l->image = (struct layout_run){ img->start / PAGE, img->size / PAGE };
	l->initrd_mapped = initrd && !n->mod_start_pfn;
	l->p2m_mapped = !IMAGE_HAS(n, XEN_ELFNOTE_INIT_P2M);
	rc = layout_kernel_check(l, img, f);
	if (rc)
		return rc;
	if (l->initrd_mapped)
		l->initrd = run_take(&next, initrd);
	if (l->p2m_mapped) {
		l->p2m = run_take(&next, p2m);
		l->p2m_virt = layout_virt(l, l->p2m.pfn);
	}
	l->start_info = run_take(&next, 1);
	l->store = run_take(&next, 1);
	l->console = run_take(&next, 1);
	if (layout_main(l, next) < 0)
		return fault_set(f, ENOEXEC, "the kernel and what must lie behind it don't fit "
				 "into the addresses above %#lx", l->virt_base);
	next = (l->virt_end - l->virt_base) / PAGE;
	if (initrd && !l->initrd_mapped)
		l->initrd = run_take(&next, initrd);
	if (!l->p2m_mapped) {
		l->p2m = run_take(&next, p2m);
		l->p2m_virt = n->init_p2m;
		rc = layout_p2m_map(l, &next, f);
		if (rc)
			return rc;
	}
	l->used = next;
	return layout_fits(l, f);
}

/* ------------------------------------------------------------------ tables */

struct fill {
	const struct layout *l;
	const struct layout_frames *frames;
};

static bool run_has(const struct layout_run *run, uint64_t pfn)
{
	return pfn - run->pfn < run->count;
}

/* A leaf: page tables are read only, whatever the guest may do with the rest. */
static uint64_t fill_leaf(const struct fill *c, uint64_t pfn)
{
	uint64_t flags = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

	if (!run_has(&c->l->tables, pfn))
		flags |= PTE_WRITE;
	return c->frames->mfn[pfn] << 12 | flags;
}

/* Enter into one table of a level (the one that maps region `region`) all that lies below. */
static void fill_table(const struct fill *c, const struct layout_tables *t, int level,
		       uint64_t region, uint64_t *table, uint64_t first_pfn)
{
	unsigned int shift = level_shift(level - 1);
	uint64_t from = t->virt >> shift, to = (t->end - 1) >> shift;
	uint64_t low = region << 9, high = low + 511;

	if (level == 4)			/* one table, whatever the sign extension */
		low = from, high = to;
	if (low < from)
		low = from;
	if (high > to)
		high = to;
	for (uint64_t i = low; i <= high; i++) {
		uint64_t *entry = &table[i & 511];

		if (level == 1)
			*entry = fill_leaf(c, first_pfn + (i - from));
		else
			*entry = c->frames->mfn[t->level[level - 1].pfn + (i - from)] << 12 |
				 PTE_TABLE;
	}
}

static int fill_tables(const struct fill *c, const struct layout_tables *t, int top,
		       uint64_t first_pfn)
{
	for (int level = top; level >= 1; level--) {
		const struct layout_run *run = &t->level[level];

		for (uint64_t i = 0; i < run->count; i++) {
			uint64_t *table = c->frames->page(c->frames->ctx, run->pfn + i);
			uint64_t region = (t->virt >> level_shift(level)) + i;

			if (!table)
				return -EFAULT;
			fill_table(c, t, level, region, table, first_pfn);
			if (level == 4 && !c->l->p2m_mapped)
				fill_table(c, &c->l->p2m_map, 4, 0, table, 0);
		}
	}
	return 0;
}

int layout_fill_tables(const struct layout *l, const struct layout_frames *frames)
{
	struct fill c = { l, frames };
	int rc = fill_tables(&c, &l->main, 4, 0);

	if (!rc && !l->p2m_mapped)
		rc = fill_tables(&c, &l->p2m_map, 3, l->p2m.pfn);
	return rc;
}
