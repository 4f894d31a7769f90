/* Page-table updates (xen.h: mmu_update, update_va_mapping, mmuext_op). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/version.h>

static void a_mapping_can_change(void)
{
	uint8_t *a = page_get(), *b = page_get();

	a[0] = 1, b[0] = 2;
	CHECK_EQ(pte_set(a, MFN_PTE(mfn_of(b), PTE_RW)), 0);
	CHECK_EQ(*(volatile uint8_t *)a, 2);
	CHECK_EQ(page_protect(a, true), 0);
	CHECK_EQ(*(volatile uint8_t *)a, 1);
	page_put(a);
	page_put(b);
}

static void absent_entries_are_kept_as_they_are(void)
{
	uint8_t *page = page_get();

	CHECK_EQ(pte_set(page, 0xdeadbeef12345670), 0);
	CHECK_EQ(*pte_of((uintptr_t)page, 1), 0xdeadbeef12345670);
	page_put(page);
}

static void unmapped_addresses_are_refused(void)
{
	uint8_t *page = page_get();

	CHECK(hcall(update_va_mapping, 0x123456789000, MFN_PTE(mfn_of(page), PTE_RW), 0) < 0);
	CHECK(hcall(update_va_mapping, HYPERVISOR_VIRT_START, 0, 0) < 0);
	CHECK(hcall(update_va_mapping, 0xffff888000000000, 0, 0) < 0);
	page_put(page);
}

static void frames_that_are_not_ours_are_refused(void)
{
	uint8_t *page = page_get();

	CHECK(pte_set(page, MFN_PTE((1ul << 40) - 1, PTE_RW)) < 0);
	CHECK(pte_set(page, MFN_PTE(0xfee00, PTE_RW)) < 0);		/* the local APIC */
	CHECK_EQ(*pte_of((uintptr_t)page, 1) & PTE_P, PTE_P);
	page_put(page);
}

static void page_tables_cannot_be_mapped_writable(void)
{
	uint8_t *page = page_get();
	uint64_t root = mfn_of((void *)start_info->pt_base);

	CHECK(pte_set(page, MFN_PTE(root, PTE_RW)) < 0);
	CHECK_EQ(pte_set(page, MFN_PTE(root, PTE_RO)), 0);
	page_put(page);
}

static void reserved_bits_are_refused(void)
{
	uint8_t *page = page_get();

	CHECK(pte_set(page, MFN_PTE(mfn_of(page), PTE_RW) | 1ul << 51) < 0);
	page_put(page);
}

static void mmu_update_does_all_requests(void)
{
	uint8_t *a = page_get(), *b = page_get();
	struct mmu_update r[2];
	unsigned int done = 77;

	r[0].ptr = maddr_of(pte_of((uintptr_t)a, 1)) | MMU_NORMAL_PT_UPDATE;
	r[0].val = MFN_PTE(mfn_of(b), PTE_RO);
	r[1].ptr = maddr_of(pte_of((uintptr_t)b, 1)) | MMU_NORMAL_PT_UPDATE;
	r[1].val = MFN_PTE(mfn_of(a), PTE_RO);
	CHECK_EQ(hcall(mmu_update, r, 2, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 2);
	CHECK_EQ(PTE_MFN(*pte_of((uintptr_t)a, 1)), mfn_of(b));
	CHECK_EQ(PTE_MFN(*pte_of((uintptr_t)b, 1)), mfn_of(a));
	page_put(a);
	page_put(b);
}

static void mmu_update_stops_at_the_first_error(void)
{
	uint8_t *a = page_get();
	struct mmu_update r[3];
	unsigned int done = 77;

	r[0].ptr = maddr_of(pte_of((uintptr_t)a, 1));
	r[0].val = 0;
	r[1].ptr = r[0].ptr;
	r[1].val = MFN_PTE((1ul << 40) - 1, PTE_RW);
	r[2].ptr = r[0].ptr;
	r[2].val = 0x1230;
	CHECK(hcall(mmu_update, r, 3, &done, DOMID_SELF) < 0);
	CHECK_EQ(done, 1);
	CHECK_EQ(*pte_of((uintptr_t)a, 1), 0);
	page_put(a);
}

static void mmu_update_checks_its_arguments(void)
{
	struct mmu_update r = { .ptr = ~0ul << 3, .val = 0 };
	unsigned int done = 77;

	CHECK(hcall(mmu_update, &r, 1, &done, DOMID_SELF) < 0);
	CHECK_EQ(hcall(mmu_update, 0x1000, 1, NULL, DOMID_SELF), -XEN_EFAULT);
	CHECK_EQ(hcall(mmu_update, &r, 0, &done, DOMID_SELF), 0);
	CHECK(hcall(mmu_update, &r, 1, &done, 0x1234) < 0);
	r.ptr = maddr_of(pte_of(VIRT_BASE + 0x100000, 1)) | 7;	/* no such request */
	CHECK(hcall(mmu_update, &r, 1, &done, DOMID_SELF) < 0);
}

static void mmu_update_writes_plain_pages_too(void)
{
	uint64_t *page = page_get();

	CHECK_EQ(mmu_update_one(maddr_of(&page[3]), 0x123456789abcdef), 0);
	CHECK_EQ(page[3], 0x123456789abcdef);
	page_put(page);
}

static void preserve_ad_keeps_accessed_and_dirty(void)
{
	uint8_t *page = page_get();
	uint64_t *pte = pte_of((uintptr_t)page, 1);

	CHECK_EQ(pte_set(page, MFN_PTE(mfn_of(page), PTE_P | PTE_W | PTE_A | PTE_D)), 0);
	CHECK_EQ(mmu_update_one(maddr_of(pte) | MMU_PT_UPDATE_PRESERVE_AD,
		MFN_PTE(mfn_of(page), PTE_P | PTE_W)), 0);
	CHECK_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
	CHECK_EQ(mmu_update_one(maddr_of(pte) | MMU_NORMAL_PT_UPDATE,
		MFN_PTE(mfn_of(page), PTE_P)), 0);
	CHECK_EQ(*pte & PTE_D, 0);
	page_put(page);
}

static void machphys_is_updated_by_the_owner(void)
{
	uint8_t *page = page_get();
	uint64_t mfn = mfn_of(page), pfn = machine_to_phys_mapping[mfn];

	CHECK_EQ(mmu_update_one(mfn << 12 | MMU_MACHPHYS_UPDATE, 0x4321), 0);
	CHECK_EQ(machine_to_phys_mapping[mfn], 0x4321);
	CHECK_EQ(mmu_update_one(mfn << 12 | MMU_MACHPHYS_UPDATE, pfn), 0);
	CHECK(mmu_update_one((1ul << 50) | MMU_MACHPHYS_UPDATE, pfn) < 0);
	page_put(page);
}

static void the_vga_page_can_be_mapped(void)
{
	uint8_t *page = page_get();
	struct mmu_update r = { .ptr = maddr_of(pte_of((uintptr_t)page, 1)),
		.val = MFN_PTE(0xb8, PTE_RW | PTE_PCD) };

	CHECK_EQ(hcall(mmu_update, &r, 1, NULL, DOMID_IO), 0);
	CHECK_EQ(mmuext_one(MMUEXT_INVLPG_LOCAL, (uintptr_t)page, 0), 0);
	CHECK_TRAP(touch_read, page, -1);
	CHECK_EQ(mmu_update_one(r.ptr, r.val), 0);		/* as ourselves as well */
	page_put(page);
}

static void clear_and_copy_page_work_on_plain_pages(void)
{
	uint8_t *a = page_get(), *b = page_get();
	uint64_t root = mfn_of((void *)start_info->pt_base);

	memset(a, 0x5a, PAGE_SIZE);
	CHECK_EQ(mmuext_one(MMUEXT_COPY_PAGE, mfn_of(b), mfn_of(a)), 0);
	CHECK_EQ(memcmp(a, b, PAGE_SIZE), 0);
	CHECK_EQ(mmuext_one(MMUEXT_CLEAR_PAGE, mfn_of(a), 0), 0);
	CHECK_EQ(a[17], 0);
	CHECK_EQ(mmuext_one(MMUEXT_CLEAR_PAGE, root, 0), -XEN_EINVAL);
	CHECK_EQ(mmuext_one(MMUEXT_COPY_PAGE, root, mfn_of(a)), -XEN_EINVAL);
	page_put(a);
	page_put(b);
}

static void flushes_succeed(void)
{
	uint64_t mask = 1;

	CHECK_EQ(mmuext_one(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_INVLPG_LOCAL, VIRT_BASE, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_INVLPG_ALL, VIRT_BASE, 0), 0);
	CHECK_EQ(mmuext_one(MMUEXT_TLB_FLUSH_MULTI, 0, (uintptr_t)&mask), 0);
	CHECK_EQ(mmuext_one(MMUEXT_INVLPG_MULTI, VIRT_BASE, (uintptr_t)&mask), 0);
	CHECK(mmuext_one(MMUEXT_TLB_FLUSH_MULTI, 0, 0x1000) < 0);
	CHECK_EQ(mmuext_one(1000, 0, 0), -XEN_ENOSYS);
}

static void mmuext_counts_what_is_done(void)
{
	struct mmuext_op ops[3] = { { .cmd = MMUEXT_TLB_FLUSH_LOCAL }, { .cmd = 1000 },
		{ .cmd = MMUEXT_TLB_FLUSH_LOCAL } };
	unsigned int done = 77;

	CHECK_EQ(hcall(mmuext_op, ops, 3, &done, DOMID_SELF), -XEN_ENOSYS);
	CHECK_EQ(done, 1);
	CHECK_EQ(hcall(mmuext_op, ops, 1, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 1);
	CHECK_EQ(hcall(mmuext_op, 0x1000, 1, &done, DOMID_SELF), -XEN_EFAULT);
}

static void multicall_goes_on_after_an_error(void)
{
	static multicall_entry_t calls[4];

	memset(calls, 0, sizeof(calls));
	calls[0].op = __HYPERVISOR_xen_version;
	calls[1].op = 1000;
	calls[2].op = __HYPERVISOR_multicall;
	calls[2].args[0] = (uintptr_t)calls;
	calls[2].args[1] = 1;
	calls[3].op = __HYPERVISOR_xen_version;
	calls[3].args[0] = XENVER_pagesize;
	CHECK_EQ(hcall(multicall, calls, 4), 0);
	CHECK_EQ(calls[0].result, 4 << 16 | 17);
	CHECK_EQ(calls[1].result, -XEN_ENOSYS);
	CHECK_EQ(calls[2].result, -XEN_EINVAL);
	CHECK_EQ(calls[3].result, 4096);
	CHECK_EQ(hcall(multicall, 0x1000, 1), -XEN_EFAULT);
}

const struct claim mmu_claims[] = {
	{ "update_va_mapping moves a page", a_mapping_can_change },
	{ "entries that are not present are stored as they are", absent_entries_are_kept_as_they_are },
	{ "update_va_mapping refuses addresses without a table", unmapped_addresses_are_refused },
	{ "frames that a guest may not map are refused", frames_that_are_not_ours_are_refused },
	{ "a page table can be mapped read only, not writable", page_tables_cannot_be_mapped_writable },
	{ "address bits beyond the machine's are refused", reserved_bits_are_refused },
	{ "mmu_update does all its requests", mmu_update_does_all_requests },
	{ "mmu_update stops at the first error and counts", mmu_update_stops_at_the_first_error },
	{ "mmu_update checks its arguments", mmu_update_checks_its_arguments },
	{ "mmu_update writes pages that are no page tables", mmu_update_writes_plain_pages_too },
	{ "preserve_ad keeps accessed and dirty bits", preserve_ad_keeps_accessed_and_dirty },
	{ "the m2p entry of an own frame can be changed", machphys_is_updated_by_the_owner },
	{ "the VGA text page can be mapped", the_vga_page_can_be_mapped },
	{ "clear_page and copy_page work, but not on page tables", clear_and_copy_page_work_on_plain_pages },
	{ "TLB flushes of all kinds succeed", flushes_succeed },
	{ "mmuext_op stops at the first error and counts", mmuext_counts_what_is_done },
	{ "a multicall goes on after an error, and does not nest", multicall_goes_on_after_an_error },
	{ NULL, NULL },
};
