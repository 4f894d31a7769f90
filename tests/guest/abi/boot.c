/* What a PV guest finds when it starts (xen/xen.h, "start of day"). */
#include "claim.h"

#include <xen/memory.h>

static void start_info_is_as_a_privileged_guest_expects(void)
{
	CHECK_EQ(memcmp(start_info->magic, "xen-3.0-x86_64", 14), 0);
	CHECK_EQ(start_info->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN), SIF_PRIVILEGED | SIF_INITDOMAIN);
	CHECK((start_info->shared_info & ~PAGE_MASK) == 0 && start_info->shared_info);
	CHECK(start_info->nr_pages > 1024);
	CHECK_EQ(start_info->store_mfn, 0);
}

static void registers_at_the_start(void)
{
	CHECK_EQ(entry_state.cs, FLAT_RING3_CS64);
	CHECK_EQ(entry_state.ss, FLAT_RING3_SS64);
	CHECK_EQ(entry_state.ds, 0);
	CHECK_EQ(entry_state.es, 0);
	CHECK_EQ(entry_state.fs, 0);
	CHECK_EQ(entry_state.gs, 0);
	CHECK_EQ(entry_state.rflags & 0x200, 0x200);
	CHECK_EQ(entry_state.rsp % PAGE_SIZE, 0);	/* the top of one page of stack */
}

static void structures_lie_in_order(void)
{
	uint64_t tables = start_info->pt_base, stack = tables + start_info->nr_pt_frames * PAGE_SIZE;

	CHECK((uintptr_t)start_info < tables);
	CHECK(start_info->mfn_list < (uintptr_t)start_info);
	CHECK_EQ(entry_state.rsp, stack + PAGE_SIZE);
}

/* xen/xen.h: the mapping ends on 4 MiB, with at least 512 KiB behind the last element. */
static void memory_behind_the_stack_is_mapped(void)
{
	uint64_t end = (entry_state.rsp + 0x80000 + 0x3fffff) & ~0x3ffffful;

	CHECK_TRAP(touch_write, end - 1, -1);
	CHECK_TRAP(touch_write, entry_state.rsp, -1);
}

static void page_tables_are_mapped_read_only(void)
{
	for (uint64_t i = 0; i < start_info->nr_pt_frames; i++) {
		uint64_t va = start_info->pt_base + i * PAGE_SIZE;

		CHECK_TRAP(touch_read, va, -1);
		CHECK_EQ(*pte_of(va, 1) & PTE_W, 0);
	}
	CHECK_TRAP(touch_write, start_info->pt_base, 14);
}

static void the_first_root_is_pt_base(void)
{
	uint64_t *entry = pte_of(VIRT_BASE, 1);

	CHECK(entry && (*entry & PTE_P));
	CHECK_EQ(PTE_MFN(*pte_of((uintptr_t)&shared_info, 1)), start_info->shared_info >> 12);
}

static void the_frame_lists_mirror_each_other(void)
{
	const uint64_t *p2m = (const uint64_t *)start_info->mfn_list;
	uint64_t wrong = 0;

	for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++)
		wrong += machine_to_phys_mapping[p2m[pfn]] != pfn;
	CHECK_EQ(wrong, 0);
}

static void events_are_masked_at_the_start(void)
{
	for (int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		CHECK_EQ(shared_info.vcpu_info[i].evtchn_upcall_mask, 1);
}

static void the_wall_clock_is_set(void)
{
	CHECK(shared_info.wc_sec > 1500000000u);	/* July 2017 */
	CHECK_EQ(shared_info.wc_version & 1, 0);
}

static void bss_is_zero(void)
{
	static uint8_t area[3 * PAGE_SIZE];
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(area); i++)
		sum += ((volatile uint8_t *)area)[i];
	CHECK_EQ(sum, 0);
}

const struct claim boot_claims[] = {
	{ "start_info is as a privileged guest expects it", start_info_is_as_a_privileged_guest_expects },
	{ "the registers at the start are as xen.h says", registers_at_the_start },
	{ "start_info, page tables and stack lie in order", structures_lie_in_order },
	{ "512 KiB behind the stack are mapped, to a multiple of 4 MiB", memory_behind_the_stack_is_mapped },
	{ "the page tables are mapped read only", page_tables_are_mapped_read_only },
	{ "the page tables at pt_base are those in use", the_first_root_is_pt_base },
	{ "p2m and m2p mirror each other for every page", the_frame_lists_mirror_each_other },
	{ "events are masked for all legacy vcpus at the start", events_are_masked_at_the_start },
	{ "the wall clock in shared_info is set", the_wall_clock_is_set },
	{ "what the file does not hold is zero", bss_is_zero },
	{ NULL, NULL },
};
