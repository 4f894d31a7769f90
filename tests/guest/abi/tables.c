/* Page-table types: pins, roots, and emulated writes (xen.h, mmuext_op). */
#include "claim.h"

#include <xen/errno.h>

#define SPARE_VA	0xffffff0000000000ul	/* slot 510, which nothing else uses */

/* A level 1 table that maps one page, and is mapped read only itself. */
static uint64_t *l1_make(const void *page, uint64_t flags)
{
	uint64_t *l1 = page_get();

	l1[0] = page ? MFN_PTE(mfn_of(page), flags) : 0;
	CHECK_EQ(page_protect(l1, false), 0);
	return l1;
}

static uint64_t *table_make(const uint64_t *below)
{
	uint64_t *table = page_get();

	if (below)
		table[0] = MFN_PTE(mfn_of(below), PTE_TABLE);
	CHECK_EQ(page_protect(table, false), 0);
	return table;
}

static void a_page_mapped_writable_cannot_be_pinned(void)
{
	uint64_t *page = page_get();

	CHECK(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0) < 0);
	CHECK(mmuext_one(MMUEXT_PIN_L4_TABLE, mfn_of(page), 0) < 0);
	page_put(page);
}

static void a_table_is_pinned_once(void)
{
	uint8_t *page = page_get();
	uint64_t *l1 = l1_make(page, PTE_RW);

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), -XEN_EINVAL);
	CHECK(mmuext_one(MMUEXT_PIN_L2_TABLE, mfn_of(l1), 0) < 0);
	CHECK(page_protect(l1, true) < 0);
	CHECK_EQ(mmu_update_one(maddr_of(&l1[1]), MFN_PTE(mfn_of(page), PTE_RO)), 0);
	CHECK_EQ(PTE_MFN(l1[1]), mfn_of(page));
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), -XEN_EINVAL);
	CHECK_EQ(page_protect(l1, true), 0);
	page_put(l1);
	page_put(page);
}

static void a_bad_entry_refuses_the_pin_and_changes_nothing(void)
{
	uint8_t *page = page_get();
	uint64_t *l1 = page_get();

	l1[0] = MFN_PTE(mfn_of(page), PTE_RW);
	l1[511] = MFN_PTE((1ul << 40) - 1, PTE_RW);
	CHECK_EQ(page_protect(l1, false), 0);
	CHECK(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0) < 0);
	CHECK_EQ(page_protect(l1, true), 0);		/* no type is left */
	CHECK_EQ(page_protect(page, false), 0);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0), 0);	/* nor a writable use of it */
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(page), 0), 0);
	page_put(l1);
	page_put(page);
}

static void a_writable_entry_keeps_its_page_from_becoming_a_table(void)
{
	uint8_t *page = page_get();
	uint64_t *l1 = l1_make(page, PTE_RW);

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), 0);
	CHECK_EQ(page_protect(page, false), 0);
	CHECK(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0) < 0);
	CHECK_EQ(mmu_update_one(maddr_of(&l1[0]), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(page), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), 0);
	page_put(l1);
	page_put(page);
}

static void a_table_that_maps_itself_writable_is_refused(void)
{
	uint64_t *l1 = page_get();

	l1[0] = MFN_PTE(mfn_of(l1), PTE_RW);
	CHECK_EQ(page_protect(l1, false), 0);
	CHECK(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0) < 0);
	CHECK_EQ(page_protect(l1, true), 0);
	page_put(l1);
}

static void large_pages_are_refused(void)
{
	uint64_t *l2 = page_get();

	l2[0] = MFN_PTE(mfn_of(l2) & ~511ul, PTE_P | PTE_A | PTE_PSE);
	CHECK_EQ(page_protect(l2, false), 0);
	CHECK(mmuext_one(MMUEXT_PIN_L2_TABLE, mfn_of(l2), 0) < 0);
	page_put(l2);
}

static void a_table_holds_those_below_it(void)
{
	uint64_t *l1 = l1_make(NULL, 0), *l2 = table_make(l1), *l3 = table_make(l2);

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L3_TABLE, mfn_of(l3), 0), 0);
	CHECK(page_protect(l1, true) < 0);
	CHECK(page_protect(l2, true) < 0);
	CHECK(page_protect(l3, true) < 0);
	CHECK_EQ(mmu_update_one(maddr_of(&l3[0]), 0), 0);
	CHECK_EQ(page_protect(l1, true), 0);
	CHECK_EQ(page_protect(l2, true), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l3), 0), 0);
	page_put(l1);
	page_put(l2);
	page_put(l3);
}

static void levels_cannot_be_mixed(void)
{
	uint64_t *l1 = l1_make(NULL, 0), *l3;

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), 0);
	l3 = table_make(l1);		/* a level 1 where level 2 belongs */
	CHECK(mmuext_one(MMUEXT_PIN_L3_TABLE, mfn_of(l3), 0) < 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), 0);
	page_put(l3);
	page_put(l1);
}

static void the_reserved_slots_cannot_be_written(void)
{
	uint64_t *root = (uint64_t *)start_info->pt_base;

	CHECK(mmu_update_one(maddr_of(&root[256]), 0) < 0);
	CHECK(mmu_update_one(maddr_of(&root[271]), 0) < 0);
	CHECK_EQ(mmu_update_one(maddr_of(&root[272]), 0), 0);
	CHECK_EQ(mmu_update_one(maddr_of(&root[255]), 0), 0);
}

static void a_new_branch_is_used_at_once(void)
{
	uint64_t *root = (uint64_t *)start_info->pt_base;
	uint8_t *page = page_get();
	uint64_t *l1 = l1_make(page, PTE_RW), *l2 = table_make(l1), *l3 = table_make(l2);
	uint64_t slot = SPARE_VA >> 39 & 511;

	page[9] = 9;
	CHECK_EQ(mmu_update_one(maddr_of(&root[slot]), MFN_PTE(mfn_of(l3), PTE_TABLE)), 0);
	CHECK_EQ(((volatile uint8_t *)SPARE_VA)[9], 9);
	CHECK_EQ(mmu_update_one(maddr_of(&root[slot]), 0), 0);
	CHECK_TRAP(touch_read, SPARE_VA + 9, 14);
	page_put(l1);
	page_put(l2);
	page_put(l3);
	page_put(page);
}

static uint64_t *root_copy(void)
{
	uint64_t *root = page_get();

	memcpy(root, (void *)start_info->pt_base, PAGE_SIZE);
	for (int slot = 256; slot < 272; slot++)
		root[slot] = 0x1234;		/* ignored: these are the hypervisor's */
	CHECK_EQ(page_protect(root, false), 0);
	return root;
}

static void a_new_root_can_be_loaded(void)
{
	uint64_t *root = root_copy();
	uint64_t old = mfn_of((void *)start_info->pt_base);

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L4_TABLE, mfn_of(root), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(root), 0), 0);
	CHECK(machine_to_phys_mapping[old] < start_info->nr_pages);	/* the shared slots are there */
	CHECK_EQ(mmuext_one(MMUEXT_NEW_BASEPTR, old, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(root), 0), 0);
	page_put(root);
}

/* A root's type goes when it is no longer loaded, if nothing pins it. */
static void an_unpinned_root_can_be_loaded(void)
{
	uint64_t *root = root_copy();
	uint64_t old = mfn_of((void *)start_info->pt_base);

	CHECK_EQ(mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(root), 0), 0);
	CHECK(page_protect(root, true) < 0);
	CHECK_EQ(mmuext_one(MMUEXT_NEW_BASEPTR, old, 0), 0);
	CHECK_EQ(page_protect(root, true), 0);
	page_put(root);
}

static void only_a_root_can_be_loaded(void)
{
	uint64_t *l1 = l1_make(NULL, 0);
	uint8_t *page = page_get();

	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), 0);
	CHECK(mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(l1), 0) < 0);
	CHECK(mmuext_one(MMUEXT_NEW_BASEPTR, mfn_of(page), 0) < 0);
	CHECK(mmuext_one(MMUEXT_NEW_BASEPTR, ~0ul >> 12, 0) < 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), 0);
	page_put(l1);
	page_put(page);
}

/* Slot 4 of our root maps the root itself: by that, upper tables have addresses. */
static uint64_t through_self(uint64_t i3, uint64_t i2, uint64_t i1)
{
	return 4ul << 39 | i3 << 30 | i2 << 21 | i1 << 12;
}

static void upper_tables_are_no_level_1_tables(void)
{
	uint64_t *root = (uint64_t *)start_info->pt_base;
	uint8_t *page = page_get();
	const uint64_t places[] = { through_self(511, 510, 300), through_self(4, 511, 300), through_self(4, 4, 300) };

	CHECK_EQ(mmu_update_one(maddr_of(&root[4]), MFN_PTE(mfn_of(root), PTE_RO | PTE_U)), 0);
	CHECK_TRAP(touch_read, through_self(4, 4, 4), -1);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		CHECK(hcall(update_va_mapping, places[i], MFN_PTE(mfn_of(page), PTE_RW), UVMF_INVLPG) < 0);
	CHECK_EQ(mmu_update_one(maddr_of(&root[4]), 0), 0);
	page_put(page);
}

const struct claim pin_claims[] = {
	{ "a page mapped writable cannot be pinned", a_page_mapped_writable_cannot_be_pinned },
	{ "a table is pinned once, unpinned once, and writable after that", a_table_is_pinned_once },
	{ "a bad entry refuses the pin and leaves no type behind",
		a_bad_entry_refuses_the_pin_and_changes_nothing },
	{ "a page that some table maps writable cannot become a table",
		a_writable_entry_keeps_its_page_from_becoming_a_table },
	{ "a table that maps itself writable is refused", a_table_that_maps_itself_writable_is_refused },
	{ "large pages are refused", large_pages_are_refused },
	{ "a table keeps those below it from being written", a_table_holds_those_below_it },
	{ "a table of the wrong level is refused", levels_cannot_be_mixed },
	{ NULL, NULL },
};

const struct claim root_claims[] = {
	{ "slots 256 to 271 of a root cannot be written, those beside them can",
		the_reserved_slots_cannot_be_written },
	{ "a branch put into the root works at once, and is gone at once", a_new_branch_is_used_at_once },
	{ "a new root can be pinned and loaded", a_new_root_can_be_loaded },
	{ "a root need not be pinned to be loaded", an_unpinned_root_can_be_loaded },
	{ "through a root that maps itself no upper table can be written", upper_tables_are_no_level_1_tables },
	{ "only a root can be loaded", only_a_root_can_be_loaded },
	{ NULL, NULL },
};
