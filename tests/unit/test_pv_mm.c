/*
 * Page types and references of PV page tables: what a guest may build from its frames, what is refused, and
 * that nothing is left over from a refusal.  The hypercalls are called as the guest would.
 */
#include "fake.h"
#include "hypercalls.h"
#include "ioapic.h"
#include "pv_mm.h"
#include "pv_tree.h"
#include "tlb.h"
#include <stdlib.h>
#include <string.h>

#define L1E (PTE_P | PTE_U | PTE_A | PTE_D)
#define RW PTE_RW

static struct domain *d;

/* ---- What pv_mm.c and pv_mmu.c need of the machine */

uint64_t hv_root[512];
unsigned int paddr_bits = 40;
uint64_t pte_nx = PTE_NX;
static unsigned int flushes, stamped_flushes;
static paddr_t cr3;

void tlb_flush_local(void) { flushes++; }
void tlb_flush_cpus(const struct cpumask *targets) { flushes++; }
void tlb_flush_page_cpus(const struct cpumask *targets, uint64_t va) { flushes++; }
void tlb_flush_stamped(const struct cpumask *of, uint32_t stamp) { stamped_flushes++; }
void cr3_load(paddr_t root) { cr3 = root; }
bool ioapic_is_at(uint64_t page) { return page == 0xfec00000; }
bool paddr_is_hypervisors(paddr_t start, paddr_t end) { return false; }
int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries) { return -EINVAL; }
void m2p_set(mfn_t mfn, uint64_t pfn) { }

/* ---- Frames and tables of the guest */

static struct page *page(uint64_t mfn) { return mfn_to_page(MFN(mfn)); }
static uint64_t *table(uint64_t mfn) { return fake_frame_data(mfn); }
static uint64_t entry(uint64_t mfn, uint64_t flags) { return mfn << PAGE_SHIFT | flags; }

static uint64_t refs(uint64_t mfn) { return page_refs(page(mfn)); }

static void is_plain(uint64_t mfn)
{
	CHECK_EQ(refs(mfn), 1);
	CHECK_EQ(page_type_count(page(mfn)), 0);
}

static long mmuext(unsigned int cmd, uint64_t mfn)
{
	struct mmuext_op op = { .cmd = cmd, .arg1.mfn = mfn };
	const uint64_t arg[6] = { (uint64_t)&op, 1, 0, DOMID_SELF };

	return hcall_mmuext_op(arg);
}

static long update(uint64_t table_mfn, unsigned int i, uint64_t value)
{
	struct mmu_update req = { (table_mfn << PAGE_SHIFT) + i * 8, value };
	const uint64_t arg[6] = { (uint64_t)&req, 1, 0, DOMID_SELF };

	return hcall_mmu_update(arg);
}

/* A domain, and one whole tree: root → l3 → l2 → l1 → two data frames, one of them read-only. */
static uint64_t root, l3, l2, l1, data, readonly;

static void start(void)
{
	d = fake_domain(1, 1);
	fake_be(d->vcpu[0]);
	d->vcpu[0]->arch.pv.in_kernel = true;
	root = fake_frame(d);
	l3 = fake_frame(d);
	l2 = fake_frame(d);
	l1 = fake_frame(d);
	data = fake_frame(d);
	readonly = fake_frame(d);
	table(root)[0] = entry(l3, L1E | RW);
	table(l3)[1] = entry(l2, L1E | RW);
	table(l2)[2] = entry(l1, L1E | RW);
	table(l1)[3] = entry(data, L1E | RW);
	table(l1)[4] = entry(readonly, L1E);
}

static void all_plain(void)
{
	const uint64_t all[] = { root, l3, l2, l1, data, readonly };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		is_plain(all[i]);
}

static void a_pinned_tree_holds_references_and_gives_them_back(void)
{
	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(page_type(page(root)), PAGE_L4);
	CHECK_EQ(page_type(page(l1)), PAGE_L1);
	CHECK_EQ(page_type_count(page(l1)), 1);
	CHECK_EQ(page_type(page(data)), PAGE_WRITABLE);
	CHECK_EQ(refs(data), 2);
	CHECK_EQ(refs(readonly), 2);
	CHECK_EQ(page_type_count(page(readonly)), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	fake_destroy(d);
}

static void pinning_twice_or_unpinning_the_unpinned_is_refused(void)
{
	start();
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), -EINVAL);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), -EINVAL);
	CHECK_EQ(page_type_count(page(root)), 1);
	CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, root), -EINVAL);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), -EINVAL);
	all_plain();
	fake_destroy(d);
}

static void a_bad_entry_anywhere_undoes_the_whole_validation(void)
{
	/* another domain's frame, a table mapped writable, one too large, reserved bits, a large page */
	struct domain *other;
	uint64_t foreign, bad[5];

	start();
	other = fake_domain(2, 1);
	foreign = fake_frame(other);
	bad[0] = entry(foreign, L1E);
	bad[1] = entry(l2, L1E | RW);
	bad[2] = entry(1UL << 30, L1E);
	bad[3] = entry(data, L1E) | 1UL << 45;
	bad[4] = entry(FAKE_FRAMES + 5, L1E);		/* a device's */
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		table(l1)[511] = bad[i];
		CHECK(mmuext(MMUEXT_PIN_L4_TABLE, root) < 0);
		all_plain();
		CHECK_EQ(refs(foreign), 1);
	}
	table(l1)[511] = 0;
	table(l2)[511] = entry(data, L1E | RW | PTE_PSE);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), -EINVAL);
	all_plain();
	table(l2)[511] = entry(l1, L1E | RW);		/* twice the same table is fine */
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(page_type_count(page(l1)), 2);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	fake_destroy(other);
	fake_destroy(d);
}

static void a_table_can_be_seen_but_not_written(void)
{
	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(update(l1, 5, entry(l1, L1E)), 0);
	CHECK_EQ(update(l1, 6, entry(root, L1E | RW)), -EINVAL);
	CHECK_EQ(update(l1, 5, entry(l1, L1E | RW)), -EINVAL);
	CHECK_EQ(table(l1)[5], entry(l1, L1E));
	CHECK_EQ(refs(l1), 3);			/* owner, level 2, itself */
	CHECK_EQ(update(l1, 5, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	fake_destroy(d);
}

static void a_writable_frame_cant_become_a_table(void)
{
	uint64_t new;

	start();
	new = fake_frame(d);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(update(l1, 7, entry(new, L1E | RW)), 0);
	CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, new), -EINVAL);
	CHECK_EQ(update(l2, 9, entry(new, L1E | RW)), -EINVAL);
	CHECK_EQ(update(l1, 7, entry(new, L1E)), 0);
	stamped_flushes = 0;
	CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, new), 0);
	CHECK(stamped_flushes);			/* writable a moment ago: nobody's TLB may say so still */
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, new), 0);
	CHECK_EQ(update(l1, 7, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	is_plain(new);
	fake_destroy(d);
}

static void our_slots_are_filled_and_cant_be_changed(void)
{
	start();
	hv_root[256] = 0x1234063;
	table(root)[256] = entry(data, L1E | RW);	/* whatever is there is overwritten */
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(table(root)[256], 0x1234063);
	CHECK_EQ(update(root, 256, 0), -EINVAL);
	CHECK_EQ(update(root, 271, entry(l3, L1E | RW)), -EINVAL);
	CHECK_EQ(update(root, 272, entry(l3, L1E | RW)), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	CHECK_EQ(table(root)[256], 0);
	hv_root[256] = 0;
	all_plain();
	fake_destroy(d);
}

static void a_root_may_map_itself_but_only_to_be_read(void)
{
	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(update(root, 300, entry(root, L1E)), 0);
	CHECK_EQ(update(root, 300, entry(root, L1E | RW)), -EINVAL);
	CHECK_EQ(refs(root), 2);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);	/* with the map in it */
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	fake_destroy(d);
}

/* By such a map an upper table can be where a walk takes level-1 entries from. */
static void a_walk_through_a_root_that_maps_itself_ends_at_no_upper_table(void)
{
	const uint64_t self = 0xffff000000000000 | 300UL << 39;

	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(update(root, 300, entry(root, L1E)), 0);
	CHECK(pv_walk(page(root), 1UL << 30 | 2UL << 21 | 3UL << 12) == &table(l1)[3]);
	CHECK(!pv_walk(page(root), self | 1UL << 21));			/* level 2 */
	CHECK(!pv_walk(page(root), self | 300UL << 30));		/* level 3 */
	CHECK(!pv_walk(page(root), self | 300UL << 30 | 300UL << 21));
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	fake_destroy(d);
}

static void changing_only_flags_keeps_the_references(void)
{
	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(update(l1, 3, entry(data, L1E | RW | PTE_PWT)), 0);
	CHECK_EQ(refs(data), 2);
	CHECK_EQ(update(l1, 3, entry(data, PTE_P | RW)), 0);
	CHECK_EQ(table(l1)[3], entry(data, PTE_P | RW | PTE_U));	/* guests run in ring 3 */
	CHECK_EQ(update(l1, 3, entry(data, L1E)), 0);
	CHECK_EQ(page_type_count(page(data)), 0);
	CHECK_EQ(refs(data), 2);
	CHECK_EQ(update(l1, 3, 0x7ff0), 0);			/* not present: its own business */
	CHECK_EQ(table(l1)[3], 0x7ff0);
	CHECK_EQ(refs(data), 1);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	all_plain();
	fake_destroy(d);
}

static void the_accessed_and_dirty_bits_can_be_preserved(void)
{
	struct mmu_update req;
	const uint64_t arg[6] = { (uint64_t)&req, 1, 0, DOMID_SELF };

	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	req = (struct mmu_update){ ((l1 << PAGE_SHIFT) + 3 * 8) | MMU_PT_UPDATE_PRESERVE_AD,
				   entry(data, PTE_P | PTE_U | RW) };
	CHECK_EQ(hcall_mmu_update(arg), 0);
	CHECK_EQ(table(l1)[3], entry(data, L1E | RW));
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	fake_destroy(d);
}

static void updates_stop_at_the_first_that_fails_and_say_where(void)
{
	struct mmu_update req[3];
	uint32_t done = 77;
	const uint64_t arg[6] = { (uint64_t)req, 3, (uint64_t)&done, DOMID_SELF };

	start();
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	req[0] = (struct mmu_update){ (l1 << PAGE_SHIFT) + 8 * 8, entry(data, L1E) };
	req[1] = (struct mmu_update){ (l1 << PAGE_SHIFT) + 9 * 8, entry(l2, L1E | RW) };
	req[2] = (struct mmu_update){ (l1 << PAGE_SHIFT) + 10 * 8, entry(data, L1E) };
	CHECK_EQ(hcall_mmu_update(arg), -EINVAL);
	CHECK_EQ(done, 1);
	CHECK_EQ(table(l1)[8], entry(data, L1E));
	CHECK_EQ(table(l1)[9] | table(l1)[10], 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	fake_destroy(d);
}

/* Linux goes on behind what was done: it would run off its list if that were left as it was. */
static void updates_for_a_domain_that_is_not_there_say_that_none_was_done(void)
{
	struct mmu_update req = { 0 };
	struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE };
	uint32_t done = 77;
	const uint64_t update_arg[6] = { (uint64_t)&req, 1, (uint64_t)&done, 5 };
	const uint64_t tables_arg[6] = { (uint64_t)&req, 1, (uint64_t)&done, DOMID_SELF | 6 << 16 };
	const uint64_t ext_arg[6] = { (uint64_t)&op, 1, (uint64_t)&done, 5 };

	start();
	d->is_privileged = true;
	CHECK_EQ(hcall_mmu_update(update_arg), -ESRCH);
	CHECK_EQ(done, 0);
	done = 77;
	CHECK_EQ(hcall_mmu_update(tables_arg), -ESRCH);
	CHECK_EQ(done, 0);
	done = 77;
	CHECK_EQ(hcall_mmuext_op(ext_arg), -ESRCH);
	CHECK_EQ(done, 0);
	d->is_privileged = false;
	CHECK_EQ(hcall_mmu_update(update_arg), -EPERM);
	CHECK_EQ(done, 0);
	fake_destroy(d);
}

static void an_ordinary_frame_is_just_written(void)
{
	start();
	CHECK_EQ(update(data, 0, 0xdead), 0);
	CHECK_EQ(table(data)[0], 0xdead);
	is_plain(data);
	CHECK_EQ(update(FAKE_FRAMES + 1, 0, 0), -EINVAL);
	fake_destroy(d);
}

static void roots_are_switched_with_their_references(void)
{
	uint64_t other;

	start();
	other = fake_frame(d);
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, root), 0);
	CHECK_EQ(cr3, root << PAGE_SHIFT);
	CHECK_EQ(page_type(page(root)), PAGE_L4);
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, l1), -EINVAL);	/* a table of another level */
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, other), 0);
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
	is_plain(other);
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, other), 0);
	all_plain();
	page_put_and_type(d->vcpu[0]->arch.pv.root_kernel);
	d->vcpu[0]->arch.pv.root_kernel = NULL;
	fake_destroy(d);
}

static void descriptors_never_reach_our_ring(void)
{
	uint64_t code = 0x00af9a000000ffffULL, gate = 0x0000ec0000100000ULL, tss = 0x0000890000000067ULL, none = 0;

	CHECK_EQ(pv_descriptor_check(&code), 0);
	CHECK_EQ(code >> 45 & 3, 3);
	CHECK_EQ(pv_descriptor_check(&gate), 0);
	CHECK_EQ(gate >> 47 & 1, 0);
	CHECK_EQ(pv_descriptor_check(&tss), -EINVAL);
	CHECK_EQ(pv_descriptor_check(&none), 0);
}

/* ---- Trees that take longer than a slice */

#define TABLES 40

/* Under l2 of the tree that start() makes, many more level-1 tables. */
static uint64_t wide[TABLES];

static void start_wide(void)
{
	start();
	for (unsigned int i = 0; i < TABLES; i++) {
		wide[i] = fake_frame(d);
		table(l2)[100 + i] = entry(wide[i], L1E | RW);
		table(wide[i])[i] = entry(data, L1E);
	}
}

static void wide_is_plain(void)
{
	for (unsigned int i = 0; i < TABLES; i++)
		is_plain(wide[i]);
	all_plain();
}

/* Between slices nobody holds the lock, and who wants the frame for something else would wait for ever. */
static void no_level_1_table_is_busy(void)
{
	const struct pv_tree *t = &d->arch.tree;

	if (t->depth)
		CHECK(page_type(t->table[t->depth - 1].pg) != PAGE_L1);
}

/* Calls until it's done, as the guest does who issues the hypercall again. */
static unsigned int again;

static long until_done(unsigned int cmd, uint64_t mfn)
{
	long rc;

	for (again = 0; (rc = mmuext(cmd, mfn)) == FAKE_CONTINUED; again++) {
		no_level_1_table_is_busy();
		fake_yield_after = 0;
	}
	return rc;
}

static void settle(void)
{
	fake_yield_after = -1;
	while (pv_tree_settle(d))
		;
}

static void a_large_tree_is_pinned_and_unpinned_in_slices(void)
{
	start_wide();
	fake_yield_after = 0;
	CHECK_EQ(until_done(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK(again >= TABLES);
	CHECK_EQ(page_type_count(page(root)), 1);
	CHECK_EQ(refs(root), 2);
	CHECK_EQ(refs(data), 2 + TABLES);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), FAKE_CONTINUED);
	CHECK(d->arch.tree.depth);
	settle();
	wide_is_plain();
	fake_destroy(d);
}

/* Far from each other, the way to one is a slice of its own. */
static void no_slice_ends_within_a_level_1_table(void)
{
	start();
	for (unsigned int i = 0; i < TABLES; i++) {
		wide[i] = fake_frame(d);
		table(i % 2 ? l2 : l3)[100 + i * 10] = entry(wide[i], L1E | RW);
		if (i % 2 == 0)
			table(wide[i])[511] = entry(fake_frame(d), L1E | RW);
	}
	for (unsigned int yields_after = 0; yields_after < 4; yields_after++) {
		fake_yield_after = yields_after;
		CHECK_EQ(until_done(MMUEXT_PIN_L4_TABLE, root), 0);
		fake_yield_after = yields_after;
		CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), FAKE_CONTINUED);
		for (no_level_1_table_is_busy(); pv_tree_settle(d); no_level_1_table_is_busy())
			fake_yield_after = yields_after;
	}
	wide_is_plain();
	fake_destroy(d);
}

static void what_is_found_wrong_late_is_told_and_undone_in_slices(void)
{
	start_wide();
	table(wide[TABLES - 1])[5] = entry(root, L1E | RW);
	fake_yield_after = 0;
	CHECK_EQ(until_done(MMUEXT_PIN_L4_TABLE, root), -EINVAL);
	CHECK(again >= TABLES);
	CHECK_EQ(d->arch.tree.outcomes, 0);
	settle();
	wide_is_plain();
	fake_destroy(d);
}

static void who_comes_next_goes_on_with_what_another_began(void)
{
	uint64_t other;

	start_wide();
	other = fake_frame(d);
	fake_yield_after = 0;
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), FAKE_CONTINUED);
	CHECK_EQ(page_get_type(page(l2), PAGE_WRITABLE), -EINVAL);
	CHECK_EQ(update(l1, 5, entry(data, L1E)), 0);		/* being validated, or not yet: just data */
	CHECK_EQ(until_done(MMUEXT_PIN_L1_TABLE, other), 0);
	CHECK(again >= TABLES - 2);
	CHECK_EQ(d->arch.tree.outcomes, 1);			/* waits for who began it */
	CHECK_EQ(page_type_count(page(root)), 1);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), 0);
	CHECK_EQ(d->arch.tree.outcomes, 0);
	CHECK_EQ(page_type_count(page(root)), 1);
	CHECK_EQ(refs(root), 2);
	settle();
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, root), 0);
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, other), 0);
	wide_is_plain();
	fake_destroy(d);
}

static void the_error_waits_for_who_began_it(void)
{
	uint64_t other;

	start_wide();
	other = fake_frame(d);
	table(wide[TABLES - 1])[5] = entry(root, L1E | RW);
	fake_yield_after = 0;
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), FAKE_CONTINUED);
	CHECK_EQ(until_done(MMUEXT_PIN_L1_TABLE, other), 0);
	CHECK_EQ(refs(root), 2);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, root), -EINVAL);
	CHECK_EQ(refs(root), 1);
	settle();
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, other), 0);
	wide_is_plain();
	fake_destroy(d);
}

static void an_entry_that_brings_a_large_tree_is_set_once_it_is_valid(void)
{
	uint64_t new;

	start_wide();
	new = fake_frame(d);
	CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, new), 0);
	fake_yield_after = 0;
	CHECK_EQ(update(new, 1, entry(l3, L1E | RW)), FAKE_CONTINUED);
	CHECK_EQ(table(new)[1], 0);
	while (update(new, 1, entry(l3, L1E | RW)) == FAKE_CONTINUED)
		;
	CHECK_EQ(table(new)[1], entry(l3, L1E | RW));
	CHECK_EQ(page_type_count(page(l3)), 1);
	CHECK_EQ(update(new, 1, 0), FAKE_CONTINUED);		/* gone at once; the tables follow */
	CHECK_EQ(table(new)[1], 0);
	settle();
	wide_is_plain();
	CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, new), 0);
	fake_destroy(d);
}

static void forsaken_outcomes_make_room_and_go_at_the_end(void)
{
	uint64_t roots[PV_TREE_OUTCOMES + 2], top;

	start_wide();
	top = fake_frame(d);
	for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++) {
		roots[i] = fake_frame(d);
		for (unsigned int j = 0; j < 4; j++)		/* a level-2 table with tables of its own */
			table(roots[i])[j] = entry(fake_frame(d), L1E | RW);
		fake_yield_after = 0;
		CHECK_EQ(mmuext(MMUEXT_PIN_L2_TABLE, roots[i]), FAKE_CONTINUED);
		CHECK_EQ(until_done(MMUEXT_PIN_L1_TABLE, top), 0);	/* finishes it, and doesn't want it */
		fake_yield_after = -1;
		CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, top), 0);
	}
	CHECK_EQ(d->arch.tree.outcomes, PV_TREE_OUTCOMES);
	is_plain(roots[0]);
	CHECK_EQ(page_type_count(page(roots[2])), 1);
	CHECK_EQ(pv_tree_drop_outcomes(d), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++)
		is_plain(roots[i]);
	fake_destroy(d);
}

/* ---- Anything goes: random operations, after each of which all counts must be what the tables say */

#define POOL 24

static uint64_t pool[POOL];
static unsigned int want_refs[FAKE_FRAMES], want_types[FAKE_FRAMES];

static void count_table(uint64_t mfn)
{
	unsigned int level = page_type(page(mfn)) - PAGE_L1 + 1;

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t e = table(mfn)[i], to = pte_mfn(e).n;

		if (!(e & PTE_P) || (level == 4 && ((i >= 256 && i < 272) || to == mfn)))
			continue;
		want_refs[to]++;
		want_types[to] += level > 1 || e & RW;
	}
}

static void audit(void)
{
	memset(want_refs, 0, sizeof(want_refs));
	memset(want_types, 0, sizeof(want_types));
	for (unsigned int i = 0; i < POOL; i++) {
		enum page_type t = page_type(page(pool[i]));

		want_refs[pool[i]]++;
		if (page(pool[i])->type & TYPE_PINNED) {
			want_refs[pool[i]]++;
			want_types[pool[i]]++;
		}
		if (t >= PAGE_L1 && t <= PAGE_L4 && page_type_count(page(pool[i])))
			count_table(pool[i]);
	}
	for (unsigned int i = 0; i < d->arch.tree.outcomes; i++) {
		uint64_t mfn = page_to_mfn(d->arch.tree.outcome[i].pg).n;

		want_refs[mfn]++;
		want_types[mfn] += !d->arch.tree.outcome[i].error;
	}
	for (unsigned int i = 0; i < POOL; i++) {
		CHECK_EQ(refs(pool[i]), want_refs[pool[i]]);
		CHECK_EQ(page_type_count(page(pool[i])), want_types[pool[i]]);
	}
}

static uint64_t any(void) { return pool[rand() % POOL]; }

static void random_operation(void)
{
	static const uint64_t flags[] = { 0, L1E, L1E | RW, PTE_P | RW, L1E | RW | PTE_PSE, PTE_P | 1UL << 45 };
	uint64_t value = entry(any(), flags[rand() % ARRAY_SIZE(flags)]);

	switch (rand() % 4) {
	case 0:
		mmuext(MMUEXT_PIN_L1_TABLE + rand() % 4, any());
		break;
	case 1:
		mmuext(MMUEXT_UNPIN_TABLE, any());
		break;
	default:
		update(any(), rand() % 3 ? rand() % 8 : rand() % 512, value);
		break;
	}
}

static void random_operations_never_lose_count(void)
{
	start();
	srand(4711);
	for (unsigned int i = 0; i < POOL; i++)
		pool[i] = fake_frame(d);
	for (unsigned int i = 0; i < 40000; i++) {
		fake_yield_after = rand() % 2 ? rand() % 4 : -1;	/* most that stop aren't called again */
		random_operation();
		no_level_1_table_is_busy();
		if (i % 16)
			continue;
		settle();
		audit();
	}
	fake_yield_after = -1;
	while (pv_tree_drop_outcomes(d))
		;
	for (unsigned int i = 0; i < POOL; i++)
		mmuext(MMUEXT_UNPIN_TABLE, pool[i]);
	for (unsigned int i = 0; i < POOL; i++)
		is_plain(pool[i]);
	fake_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(a_pinned_tree_holds_references_and_gives_them_back),
		FAKE_TEST(pinning_twice_or_unpinning_the_unpinned_is_refused),
		FAKE_TEST(a_bad_entry_anywhere_undoes_the_whole_validation),
		FAKE_TEST(a_table_can_be_seen_but_not_written),
		FAKE_TEST(a_writable_frame_cant_become_a_table),
		FAKE_TEST(our_slots_are_filled_and_cant_be_changed),
		FAKE_TEST(a_root_may_map_itself_but_only_to_be_read),
		FAKE_TEST(a_walk_through_a_root_that_maps_itself_ends_at_no_upper_table),
		FAKE_TEST(changing_only_flags_keeps_the_references),
		FAKE_TEST(the_accessed_and_dirty_bits_can_be_preserved),
		FAKE_TEST(updates_stop_at_the_first_that_fails_and_say_where),
		FAKE_TEST(updates_for_a_domain_that_is_not_there_say_that_none_was_done),
		FAKE_TEST(an_ordinary_frame_is_just_written),
		FAKE_TEST(roots_are_switched_with_their_references),
		FAKE_TEST(descriptors_never_reach_our_ring),
		FAKE_TEST(a_large_tree_is_pinned_and_unpinned_in_slices),
		FAKE_TEST(no_slice_ends_within_a_level_1_table),
		FAKE_TEST(what_is_found_wrong_late_is_told_and_undone_in_slices),
		FAKE_TEST(who_comes_next_goes_on_with_what_another_began),
		FAKE_TEST(the_error_waits_for_who_began_it),
		FAKE_TEST(an_entry_that_brings_a_large_tree_is_set_once_it_is_valid),
		FAKE_TEST(forsaken_outcomes_make_room_and_go_at_the_end),
		FAKE_TEST(random_operations_never_lose_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
