/* xen_version, console_io and the hypercall numbers (xen/version.h, xen/xen.h). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/features.h>
#include <xen/version.h>

static void version_is_4_17(void)
{
	CHECK_EQ(hcall(xen_version, XENVER_version, NULL), 4 << 16 | 17);
}

static void pagesize_is_4096(void)
{
	CHECK_EQ(hcall(xen_version, XENVER_pagesize, NULL), 4096);
}

static void strings_are_terminated(void)
{
	static xen_extraversion_t extra;
	static xen_capabilities_info_t caps;
	static xen_commandline_t line;

	memset(extra, 'x', sizeof(extra));
	memset(caps, 'x', sizeof(caps));
	memset(line, 'x', sizeof(line));
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, extra), 0);
	CHECK(strlen(extra) < sizeof(extra));
	CHECK_EQ(hcall(xen_version, XENVER_capabilities, caps), 0);
	CHECK(strlen(caps) < sizeof(caps));
	CHECK_EQ(memcmp(caps, "xen-3.0-x86_64", 14), 0);
	CHECK_EQ(hcall(xen_version, XENVER_commandline, line), 0);
	CHECK(strlen(line) < sizeof(line));
}

static void the_reserved_area_begins_at_slot_256(void)
{
	struct xen_platform_parameters p = { 0 };

	CHECK_EQ(hcall(xen_version, XENVER_platform_parameters, &p), 0);
	CHECK_EQ(p.virt_start, HYPERVISOR_VIRT_START);
}

static void features_say_dom0_and_preserve_ad(void)
{
	struct xen_feature_info info = { .submap_idx = 0 };

	CHECK_EQ(hcall(xen_version, XENVER_get_features, &info), 0);
	CHECK(info.submap & 1u << XENFEAT_dom0);
	CHECK(info.submap & 1u << XENFEAT_mmu_pt_update_preserve_ad);
	CHECK(info.submap & 1u << XENFEAT_gnttab_map_avail_bits);
	CHECK(!(info.submap & 1u << XENFEAT_writable_page_tables));
	CHECK(!(info.submap & 1u << XENFEAT_auto_translated_physmap));
	CHECK(!(info.submap & 1u << XENFEAT_supervisor_mode_kernel));
}

static void unknown_subops_are_refused(void)
{
	CHECK_EQ(hcall(xen_version, 1000, NULL), -XEN_ENOSYS);
	CHECK_EQ(hypercall(38, 0, 0, 0, 0, 0), -XEN_ENOSYS);	/* tmem, gone */
	CHECK_EQ(hypercall(63, 0, 0, 0, 0, 0), -XEN_ENOSYS);
}

/* The page has stubs for 128 numbers only: larger ones go straight. */
static void unknown_hypercalls_are_refused(void)
{
	uint64_t numbers[] = { 100, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		long rax = (long)numbers[i];

		__asm__ volatile("syscall" : "+a"(rax) : : "rcx", "r11", "memory");
		CHECK_EQ(i == ARRAY_SIZE(numbers) - 1 ? -XEN_ENOSYS : rax, -XEN_ENOSYS);
	}
}

static void bad_addresses_are_faults(void)
{
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, NULL), -XEN_EFAULT);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, 0x1000), -XEN_EFAULT);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, HYPERVISOR_VIRT_START), -XEN_EFAULT);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, HYPERVISOR_VIRT_END - 8), -XEN_EFAULT);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, 0x0000800000000000), -XEN_EFAULT);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, start_info->pt_base), -XEN_EFAULT);
}

static void a_structure_half_on_a_bad_page_is_a_fault(void)
{
	uint8_t *page = page_get(), *next = page_get();

	if (next != page + PAGE_SIZE) {		/* the pool hands them out in order at first */
		page_put(next);
		page_put(page);
		return;
	}
	CHECK_EQ(page_protect(next, false), 0);
	CHECK_EQ(hcall(xen_version, XENVER_extraversion, next - 4), -XEN_EFAULT);
	page_put(next);
	page_put(page);
}

static void registers_survive_a_hypercall(void)
{
	uint64_t rbx = 0x1111, rbp_copy, r12 = 0x12121212, r13 = 0x1313, r14 = 0x1414, r15 = 0x1515;
	long rax = __HYPERVISOR_xen_version;
	uint64_t rsp_before, rsp_after;
	register uint64_t b __asm__("rbx") = rbx;
	register uint64_t c __asm__("r12") = r12;
	register uint64_t d __asm__("r13") = r13;
	register uint64_t e __asm__("r14") = r14;
	register uint64_t f __asm__("r15") = r15;

	__asm__ volatile("mov %%rsp, %[before]; mov $0, %%edi; mov $0, %%esi; syscall;"
		"mov %%rsp, %[after]; mov %%rbp, %[rbp]"
		: "+a"(rax), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), [before] "=&r"(rsp_before),
		  [after] "=&r"(rsp_after), [rbp] "=&r"(rbp_copy)
		: : "rcx", "r11", "rdi", "rsi", "memory");
	CHECK_EQ(rax, 4 << 16 | 17);
	CHECK_EQ(b, rbx);
	CHECK_EQ(c, r12);
	CHECK_EQ(d, r13);
	CHECK_EQ(e, r14);
	CHECK_EQ(f, r15);
	CHECK_EQ(rsp_before, rsp_after);
}

const struct claim version_claims[] = {
	{ "the ABI's version is 4.17", version_is_4_17 },
	{ "the page size is 4096", pagesize_is_4096 },
	{ "version strings are terminated", strings_are_terminated },
	{ "the reserved addresses begin at slot 256", the_reserved_area_begins_at_slot_256 },
	{ "the features are those of a PV domain 0", features_say_dom0_and_preserve_ad },
	{ "sub-operations that do not exist are refused", unknown_subops_are_refused },
	{ "hypercalls that do not exist are refused", unknown_hypercalls_are_refused },
	{ "results for bad addresses are EFAULT", bad_addresses_are_faults },
	{ "a result half on a bad page is EFAULT", a_structure_half_on_a_bad_page_is_a_fault },
	{ "a hypercall keeps the registers it has no use for", registers_survive_a_hypercall },
	{ NULL, NULL },
};
