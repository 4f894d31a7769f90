/* Writes to level 1 tables that the hypervisor carries out (xen.h, VMASST_TYPE_writable_pagetables). */
#include "claim.h"

#include <xen/errno.h>

static uint64_t *l1;		/* pinned, mapped read only */
static uint8_t *page;

static void store(uint64_t value) { *(volatile uint64_t *)&l1[5] = value; }

static void exchange(uint64_t value)
{
	__asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(l1[5]) : : "memory");
}

static void compare_exchange(uint64_t value)
{
	uint64_t old = l1[5];

	__asm__ volatile("lock cmpxchg %2, %1" : "+a"(old), "+m"(l1[5]) : "r"(value) : "memory", "cc");
}

static void a_table_is_made_for_what_follows(void)
{
	page = page_get();
	l1 = page_get();
	CHECK_EQ(page_protect(l1, false), 0);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(l1), 0), 0);
}

static void assists_can_be_switched(void)
{
	CHECK_EQ(hcall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
	CHECK_EQ(hcall(vm_assist, 7, VMASST_TYPE_writable_pagetables), -XEN_ENOSYS);
	CHECK_EQ(hcall(vm_assist, VMASST_CMD_enable, 63), -XEN_EINVAL);
}

static void a_mov_is_carried_out(void)
{
	CHECK_TRAP(store, MFN_PTE(mfn_of(page), PTE_RW), -1);
	CHECK_EQ(PTE_MFN(l1[5]), mfn_of(page));
	CHECK_TRAP(store, 0x1000, -1);
	CHECK_EQ(l1[5], 0x1000);
}

static void exchanges_are_carried_out(void)
{
	CHECK_TRAP(exchange, MFN_PTE(mfn_of(page), PTE_RO), -1);
	CHECK_EQ(PTE_MFN(l1[5]), mfn_of(page));
	CHECK_TRAP(compare_exchange, 0x2000, -1);
	CHECK_EQ(l1[5], 0x2000);
}

static void a_bad_entry_faults_and_stores_nothing(void)
{
	CHECK_TRAP(store, 0, -1);
	CHECK_TRAP(store, MFN_PTE((1ul << 40) - 1, PTE_RW), 14);
	CHECK_EQ(trap_last.error, 3);
	CHECK_TRAP(store, MFN_PTE(mfn_of(l1), PTE_RW), 14);
	CHECK_EQ(l1[5], 0);
}

static void an_emulated_writable_entry_counts(void)
{
	CHECK_TRAP(store, MFN_PTE(mfn_of(page), PTE_RW), -1);
	CHECK_EQ(page_protect(page, false), 0);
	CHECK(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0) < 0);
	CHECK_TRAP(store, 0, -1);
	CHECK_EQ(mmuext_one(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(page), 0), 0);
}

static void higher_levels_still_fault(void)
{
	CHECK_TRAP(touch_write, start_info->pt_base, 14);	/* level 4 */
	CHECK_TRAP(touch_write, (uintptr_t)pte_of(VIRT_BASE, 2), 14);
}

static void other_read_only_pages_still_fault(void)
{
	CHECK_TRAP(touch_write, page, 14);
	CHECK_EQ(mmuext_one(MMUEXT_UNPIN_TABLE, mfn_of(l1), 0), 0);
	page_put(l1);
	page_put(page);
}

const struct claim ptwr_claims[] = {
	{ "a level 1 table is pinned for the next claims", a_table_is_made_for_what_follows },
	{ "vm_assist knows its types", assists_can_be_switched },
	{ "a mov to a level 1 table is carried out", a_mov_is_carried_out },
	{ "xchg and cmpxchg on a level 1 table are carried out", exchanges_are_carried_out },
	{ "a bad entry faults and is not stored", a_bad_entry_faults_and_stores_nothing },
	{ "an entry written that way counts as any other", an_emulated_writable_entry_counts },
	{ "tables of higher levels fault", higher_levels_still_fault },
	{ "other read-only pages fault", other_read_only_pages_still_fault },
	{ NULL, NULL },
};
