#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>

#include "check.h"
#include "xend/layout.h"

#define PAGE 4096UL
#define MIB 256UL			/* in frames */

/* Debian's kernel: /boot/vmlinuz-6.1.0 as `readelf -n` and `-l` show it. */
static struct image debian(void)
{
	struct image img = IMAGE_NONE;

	img.start = 0x1000000;
	img.size = 0x3a00000;
	img.notes.entry = 0xffffffff830791c0;
	img.notes.virt_base = 0xffffffff80000000;
	img.notes.init_p2m = 0x8000000000;
	img.notes.mod_start_pfn = 1;
	img.notes.has = 1 << XEN_ELFNOTE_ENTRY | 1 << XEN_ELFNOTE_VIRT_BASE |
			1 << XEN_ELFNOTE_INIT_P2M | 1 << XEN_ELFNOTE_MOD_START_PFN;
	return img;
}

/* XTF's test guests, small and with no notes but the entry point and the hypercall page. */
static struct image xtf(void)
{
	struct image img = IMAGE_NONE;

	img.start = 0x100000;
	img.size = 0x20000;
	img.notes.entry = 0x100000;
	img.notes.hypercall_page = 0x101000;
	img.notes.has = 1 << XEN_ELFNOTE_ENTRY | 1 << XEN_ELFNOTE_HYPERCALL_PAGE;
	return img;
}

/* --------------------------------------------- a processor's view of it all */

struct machine {
	struct layout l;
	uint64_t *mfn;		/* pfn → mfn: backwards, so that no mix-up goes unseen */
	uint64_t **table;	/* pfn → the table that was written there */
	uint64_t last;
};

#define MFN(m, pfn) ((m)->l.nr_pages * 2 - (pfn))
#define PFN(m, mfn) ((m)->l.nr_pages * 2 - (mfn))

static uint64_t *machine_page(void *ctx, uint64_t pfn)
{
	struct machine *m = ctx;

	CHECK(pfn > m->last || !m->last);	/* ascending, as promised */
	m->last = pfn;
	CHECK(pfn < m->l.nr_pages);
	CHECK(!m->table[pfn]);
	m->table[pfn] = calloc(1, PAGE);
	return m->table[pfn];
}

static void machine_fill(struct machine *m)
{
	struct layout_frames frames;

	m->mfn = calloc(m->l.nr_pages, sizeof(*m->mfn));
	m->table = calloc(m->l.nr_pages, sizeof(*m->table));
	m->last = 0;
	for (uint64_t pfn = 0; pfn < m->l.nr_pages; pfn++)
		m->mfn[pfn] = MFN(m, pfn);
	frames = (struct layout_frames){ m->mfn, machine_page, m };
	CHECK_EQ(layout_fill_tables(&m->l, &frames), 0);
}

static void machine_free(struct machine *m)
{
	for (uint64_t pfn = 0; pfn < m->l.nr_pages; pfn++)
		free(m->table[pfn]);
	free(m->table);
	free(m->mfn);
}

/* Walk as the processor does; returns the leaf entry or 0. */
static uint64_t machine_walk(const struct machine *m, uint64_t virt)
{
	uint64_t pfn = m->l.tables.pfn, entry = 0;

	for (int level = 4; level >= 1; level--) {
		CHECK(pfn < m->l.nr_pages);
		CHECK(m->table[pfn]);
		entry = m->table[pfn][virt >> (3 + 9 * level) & 511];
		if (!(entry & 1))
			return 0;
		CHECK_EQ(entry & 0xfff0000000000f98, 0);	/* no NX, PSE, G, PCD, PWT … */
		pfn = PFN(m, entry >> 12);
	}
	return entry;
}

/* How many leaves there are below a table in all. */
static uint64_t machine_leaves(const struct machine *m, uint64_t pfn, int level)
{
	uint64_t n = 0;

	for (int i = 0; i < 512; i++) {
		uint64_t entry = m->table[pfn][i];

		if (entry & 1)
			n += level == 1 ? 1 : machine_leaves(m, PFN(m, entry >> 12), level - 1);
	}
	return n;
}

static bool run_has(const struct layout_run *run, uint64_t pfn)
{
	return pfn >= run->pfn && pfn < run->pfn + run->count;
}

/* Every promise of xen/xen.h's start-of-day layout, checked on the tables themselves. */
static void machine_check(struct machine *m)
{
	const struct layout *l = &m->l;
	uint64_t pages = (l->virt_end - l->virt_base) / PAGE;

	machine_fill(m);
	CHECK(!(l->virt_end & ((4 << 20) - 1)));
	CHECK(l->virt_end - layout_virt(l, l->stack.pfn + 1) >= 512 << 10);
	for (uint64_t pfn = 0; pfn < pages; pfn++) {
		uint64_t entry = machine_walk(m, layout_virt(l, pfn));

		CHECK_EQ(PFN(m, entry >> 12), pfn);
		CHECK_EQ(!!(entry & 2), !run_has(&l->tables, pfn));
	}
	for (uint64_t i = 0; i < l->p2m.count; i++) {
		uint64_t entry = machine_walk(m, l->p2m_virt + i * PAGE);

		CHECK_EQ(PFN(m, entry >> 12), l->p2m.pfn + i);
		CHECK(entry & 2);
	}
	CHECK_EQ(machine_leaves(m, l->tables.pfn, 4),
		 pages + (l->p2m_mapped ? 0 : l->p2m.count));
	machine_free(m);
}

/* No frame has two uses, and all exist. */
static void layout_check_runs(const struct layout *l)
{
	const struct layout_run *runs[] = { &l->image, &l->initrd, &l->p2m, &l->start_info,
		&l->store, &l->console, &l->tables, &l->stack, &l->p2m_map.level[3],
		&l->p2m_map.level[2], &l->p2m_map.level[1] };
	size_t n = sizeof(runs) / sizeof(runs[0]);

	for (size_t i = 0; i < n; i++) {
		if (!runs[i]->count)
			continue;
		CHECK(runs[i]->pfn + runs[i]->count <= l->used);
		for (size_t k = 0; k < i; k++)
			CHECK(!runs[k]->count ||
			      runs[k]->pfn + runs[k]->count <= runs[i]->pfn ||
			      runs[i]->pfn + runs[i]->count <= runs[k]->pfn);
	}
	CHECK(l->used <= l->nr_pages);
}

static void whole(const struct image *img, uint64_t initrd, uint64_t pages)
{
	struct machine m;
	struct fault f = { 0 };

	CHECK_EQ(layout_compute(&m.l, img, initrd, pages, &f), 0);
	layout_check_runs(&m.l);
	machine_check(&m);
}

/* ------------------------------------------------------------------- tests */

static void debians_kernel_lies_as_xl_lays_it(void)
{
	struct image img = debian();
	struct layout l;

	CHECK_EQ(layout_compute(&l, &img, 5000, 256 * MIB, NULL), 0);
	CHECK_EQ(l.image.pfn, 0x1000);
	CHECK_EQ(l.start_info.pfn, 0x4a00);
	CHECK_EQ(l.store.pfn, 0x4a01);
	CHECK_EQ(l.console.pfn, 0x4a02);
	CHECK_EQ(l.tables.pfn, 0x4a03);
	CHECK_EQ(l.tables.count, 41);		/* 1 L4, 1 L3, 1 L2 and 38 L1: 76 MiB */
	CHECK_EQ(l.virt_end, 0xffffffff84c00000);
	CHECK_EQ(l.initrd.pfn, 0x4c00);		/* right behind, and not mapped */
	CHECK_EQ(l.initrd.count, 2);
	CHECK(!l.initrd_mapped);
	CHECK_EQ(l.p2m.pfn, 0x4c02);
	CHECK_EQ(l.p2m.count, 128);
	CHECK_EQ(l.used, 0x4c02 + 128 + 3);
}

static void page_tables_say_what_the_layout_says(void)
{
	struct image linux_like = debian(), small = xtf();

	whole(&linux_like, 5000, 256 * MIB);
	whole(&linux_like, 0, 80 * MIB);
	whole(&linux_like, 0, 80 * MIB + 3);
	whole(&linux_like, 40 << 20, 2048 * MIB + 1);	/* p2m longer than an L1 table maps */
	whole(&small, 0, 16 * MIB);
	whole(&small, 5 << 20, 64 * MIB);
}

static void an_old_kernel_has_initrd_and_p2m_in_its_first_mapping(void)
{
	struct image img = debian();
	struct layout l;

	img.notes.has = 1 << XEN_ELFNOTE_ENTRY;
	img.notes.mod_start_pfn = 0;
	CHECK_EQ(layout_compute(&l, &img, 10 << 20, 512 * MIB, NULL), 0);
	CHECK(l.initrd_mapped && l.p2m_mapped);
	CHECK_EQ(l.initrd.pfn, 0x4a00);
	CHECK_EQ(l.p2m.pfn, 0x4a00 + 2560);
	CHECK_EQ(l.p2m_virt, 0xffffffff84a00000 + (10 << 20));
	whole(&img, 10 << 20, 512 * MIB);
	whole(&img, 300 << 20, 1024 * MIB);
}

/* Addresses where a table of some level begins or ends. */
static void mappings_may_cross_any_boundary(void)
{
	static const uint64_t bases[] = { 0, 0x3f800000, 0x7fffc00000, 0x7fc0000000,
		0xffff880000000000, 0xffffff7fffe00000, 0xffffffffc0000000, 0x600000 };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct image img = xtf();

		img.notes.virt_base = bases[i];
		img.notes.entry += bases[i];
		img.notes.hypercall_page += bases[i];
		img.size = 0x300000;
		whole(&img, 3 << 20, 32 * MIB);
		img.notes.has |= 1 << XEN_ELFNOTE_INIT_P2M;
		img.notes.init_p2m = 0x1013ffff000;	/* crosses into another L1 and L2 … */
		whole(&img, 3 << 20, 32 * MIB);
		img.notes.init_p2m = 0x17ffffff000;	/* … and L3 table */
		whole(&img, 3 << 20, 32 * MIB);
	}
}

static void too_little_memory_says_how_much_is_enough(void)
{
	struct image img = debian();
	struct fault f = { 0 };
	struct layout l;

	CHECK_EQ(layout_compute(&l, &img, 10 << 20, 64 * MIB, &f), -E2BIG);
	CHECK_STR(f.text, "the domain's 64 MiB are too few: its kernel, initrd and page tables "
		  "alone need 87 MiB");
	CHECK(f.hint[0]);
	CHECK_EQ(layout_compute(&l, &img, 10 << 20, 87 * MIB, NULL), 0);
	CHECK_EQ(layout_compute(&l, &img, 10 << 20, 86 * MIB, NULL), -E2BIG);
	CHECK_EQ(layout_compute(&l, &img, UINT64_MAX, 86 * MIB, NULL), -ENOEXEC);
	CHECK_EQ(layout_compute(&l, &img, UINT64_MAX >> 3, 86 * MIB, NULL), -E2BIG);
}

#define REFUSED(change) do {						\
	struct image img = debian();					\
	struct fault f = { 0 };						\
	struct layout l;						\
	change;								\
	CHECK_EQ(layout_compute(&l, &img, 0, 256 * MIB, &f), -ENOEXEC);	\
	CHECK(f.text[0]);						\
} while (0)

static void notes_that_make_no_sense_are_refused(void)
{
	REFUSED(img.notes.virt_base = 0xffff800000000000);	/* the hypervisor's own */
	REFUSED(img.notes.virt_base = 0xffff7fffff000000);
	REFUSED(img.notes.virt_base = 0x0000800000000000);	/* not canonical */
	REFUSED(img.notes.virt_base = 0xfffffffffffff000);
	REFUSED(img.notes.virt_base = 0xffffffffff000000);	/* wraps */
	REFUSED(img.notes.virt_base += 1);
	REFUSED(img.start = UINT64_MAX & ~0xfffUL);
	REFUSED(img.start = 1UL << 62);
	REFUSED(img.notes.entry = 0);
	REFUSED(img.notes.entry = 0xffffffff84a00000);
	REFUSED((img.notes.has |= 1 << XEN_ELFNOTE_HYPERCALL_PAGE,
		 img.notes.hypercall_page = 0xffffffff81000001));
	REFUSED((img.notes.has |= 1 << XEN_ELFNOTE_HYPERCALL_PAGE,
		 img.notes.hypercall_page = 0xffffffff84a00000));
	REFUSED((img.notes.has |= 1 << XEN_ELFNOTE_HV_START_LOW,
		 img.notes.hv_start_low = 0xffff880000000000));
	REFUSED(img.notes.init_p2m = 0xffff800000000000);
	REFUSED(img.notes.init_p2m = 0x8000000001);
	REFUSED(img.notes.init_p2m = 0xffffff8000000000);	/* the kernel's own L4 slot */
	REFUSED(img.notes.init_p2m = 0x00007ffffffff000);
}

/* Whatever a parser's child could hand back: an answer or a refusal, never a stray access. */
static void random_notes_never_lead_astray(void)
{
	unsigned int ok = 0;
	uint64_t x = 88172645463325252;

	for (int i = 0; i < 200000; i++) {
		struct image img = debian();
		uint64_t *field[] = { &img.start, &img.notes.virt_base, &img.notes.entry,
				      &img.notes.init_p2m, &img.notes.has };
		struct layout l;

		for (int k = 0; k < 3; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;	/* xorshift64 */
			*field[x % 5] ^= 1UL << (x >> 8) % 64;
		}
		img.start &= ~0xfffUL;
		if (layout_compute(&l, &img, x >> 50, 256 * MIB, NULL) == 0) {
			layout_check_runs(&l);
			ok++;
		}
	}
	CHECK(ok > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(debians_kernel_lies_as_xl_lays_it),
		TEST(page_tables_say_what_the_layout_says),
		TEST(an_old_kernel_has_initrd_and_p2m_in_its_first_mapping),
		TEST(mappings_may_cross_any_boundary),
		TEST(too_little_memory_says_how_much_is_enough),
		TEST(notes_that_make_no_sense_are_refused),
		TEST(random_notes_never_lead_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
