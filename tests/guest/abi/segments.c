/* Descriptor tables and segment bases (xen.h: set_gdt, update_descriptor, MMUEXT_SET_LDT). */
#include "claim.h"

#include <xen/errno.h>

#define DATA_DPL3	0x00cff2000000ffffull	/* present, DPL 3, writable data, flat */
#define DATA_DPL0	0x00cf92000000ffffull
#define CODE64_DPL3	0x00affa000000ffffull
#define TSS_DPL0	0x0000890000000067ull	/* an available TSS: a system descriptor */

static uint64_t *gdt;

static void load_ds(uint64_t selector)
{
	__asm__ volatile("mov %w0, %%ds" : : "r"(selector));
}

static uint16_t ds_get(void)
{
	uint16_t ds;

	__asm__ volatile("mov %%ds, %0" : "=r"(ds));
	return ds;
}

static void fixed_selectors_can_be_loaded(void)
{
	CHECK_TRAP(load_ds, FLAT_RING3_DS32, -1);
	CHECK_EQ(ds_get(), FLAT_RING3_DS32);
	CHECK_TRAP(load_ds, 0, -1);
	CHECK_TRAP(load_ds, 0xe008, 13);
	CHECK_EQ(trap_last.error, 0xe008);
}

static int gdt_load(uint64_t *table, unsigned int entries)
{
	unsigned long frame = mfn_of(table);

	return (int)hcall(set_gdt, &frame, entries);
}

static void a_writable_page_is_no_gdt(void)
{
	gdt = page_get();
	CHECK(gdt_load(gdt, 512) != 0);
}

static void a_gdt_can_be_loaded(void)
{
	gdt[2] = DATA_DPL3;
	CHECK_EQ(page_protect(gdt, false), 0);
	CHECK_EQ(gdt_load(gdt, 512), 0);
	CHECK_TRAP(load_ds, 2 * 8 | 3, -1);
	CHECK_EQ(ds_get(), 2 * 8 | 3);
	CHECK_TRAP(load_ds, 0, -1);
}

static void a_live_gdt_cannot_be_mapped_writable(void)
{
	CHECK(page_protect(gdt, true) != 0);
}

static void descriptors_are_updated_and_checked(void)
{
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[3]), DATA_DPL3), 0);
	CHECK_EQ(gdt[3], DATA_DPL3);
	CHECK_TRAP(load_ds, 3 * 8 | 3, -1);
	CHECK_TRAP(load_ds, 0, -1);
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[4]), CODE64_DPL3), 0);
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[3]), 0), 0);
	CHECK_TRAP(load_ds, 3 * 8 | 3, 13);
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[5]), TSS_DPL0), -XEN_EINVAL);
	CHECK_EQ(gdt[5], 0);
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[5]) + 4, DATA_DPL3), -XEN_EINVAL);
}

/* What a guest cannot be given, its privilege, is taken from the descriptor. */
static void a_descriptor_never_keeps_ring_0(void)
{
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[6]), DATA_DPL0), 0);
	CHECK_EQ(gdt[6] >> 45 & 3, 3);
	CHECK_EQ(hcall(update_descriptor, maddr_of(&gdt[6]), 0), 0);
}

static void gdt_sizes_are_checked(void)
{
	unsigned long frames[16];

	for (int i = 0; i < 16; i++)
		frames[i] = mfn_of(gdt);
	CHECK_EQ(hcall(set_gdt, frames, FIRST_RESERVED_GDT_ENTRY), 0);
	CHECK_EQ(hcall(set_gdt, frames, FIRST_RESERVED_GDT_ENTRY + 1), -XEN_EINVAL);
	frames[0] = ~0ul >> 12;
	CHECK_EQ(hcall(set_gdt, frames, 1), -XEN_EINVAL);
	CHECK_EQ(hcall(set_gdt, 8, 1), -XEN_EFAULT);
}

static void a_gdt_goes_with_its_last_use(void)
{
	CHECK_EQ(hcall(set_gdt, NULL, 0), 0);
	CHECK_TRAP(load_ds, 2 * 8 | 3, 13);
	page_put(gdt);
}

static void an_ldt_can_be_loaded(void)
{
	uint64_t *ldt = page_get();

	ldt[1] = DATA_DPL3;
	CHECK_EQ(page_protect(ldt, false), 0);
	CHECK_EQ(mmuext_one(MMUEXT_SET_LDT, (uintptr_t)ldt, 512), 0);
	CHECK_TRAP(load_ds, 1 * 8 | 4 | 3, -1);
	CHECK_TRAP(load_ds, 2 * 8 | 4 | 3, 13);
	CHECK_TRAP(load_ds, 0, -1);
	CHECK_EQ(mmuext_one(MMUEXT_SET_LDT, (uintptr_t)ldt, 8193), -XEN_EINVAL);
	CHECK_EQ(mmuext_one(MMUEXT_SET_LDT, (uintptr_t)ldt + 8, 512), -XEN_EINVAL);
	CHECK_EQ(mmuext_one(MMUEXT_SET_LDT, 0, 0), 0);
	page_put(ldt);
}

static void fs_base_is_set(void)
{
	uint64_t value = 0xabcdef, seen;

	CHECK_EQ(hcall(set_segment_base, SEGBASE_FS, &value), 0);
	__asm__ volatile("mov %%fs:0, %0" : "=r"(seen));
	CHECK_EQ(seen, value);
	CHECK_EQ(hcall(set_segment_base, SEGBASE_FS, 0x0000800000000000), -XEN_EINVAL);
	CHECK_EQ(hcall(set_segment_base, SEGBASE_FS, 0), 0);
}

const struct claim segment_claims[] = {
	{ "the fixed selectors can be loaded, the hypervisor's own cannot", fixed_selectors_can_be_loaded },
	{ "a page with a writable mapping is refused as GDT", a_writable_page_is_no_gdt },
	{ "a GDT can be loaded and its selectors used", a_gdt_can_be_loaded },
	{ "a GDT in use cannot be mapped writable", a_live_gdt_cannot_be_mapped_writable },
	{ "update_descriptor checks and stores descriptors", descriptors_are_updated_and_checked },
	{ "a descriptor never keeps ring 0", a_descriptor_never_keeps_ring_0 },
	{ "set_gdt checks its size and frames", gdt_sizes_are_checked },
	{ "without GDT its selectors are gone and its page is free", a_gdt_goes_with_its_last_use },
	{ "an LDT can be loaded, used and dropped", an_ldt_can_be_loaded },
	{ "set_segment_base sets the FS base", fs_base_is_set },
	{ NULL, NULL },
};
