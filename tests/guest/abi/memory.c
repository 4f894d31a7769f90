/* Memory reservations (xen/memory.h). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

static void reservations_are_told(void)
{
	domid_t self = DOMID_SELF, nobody = 0x1234;

	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), start_info->nr_pages);
	CHECK(hcall(memory_op, XENMEM_maximum_reservation, &self) >= (long)start_info->nr_pages);
	CHECK(hcall(memory_op, XENMEM_current_reservation, &nobody) < 0);
	CHECK(hcall(memory_op, XENMEM_maximum_ram_page, NULL) > 0);
	CHECK_EQ(hcall(memory_op, 60, NULL), -XEN_ENOSYS);
}

static void m2p_is_where_the_abi_says(void)
{
	struct xen_machphys_mapping map = { 0 };

	CHECK_EQ(hcall(memory_op, XENMEM_machphys_mapping, &map), 0);
	CHECK_EQ(map.v_start, MACH2PHYS_VIRT_START);
	CHECK(map.v_end > map.v_start && map.v_end <= HYPERVISOR_VIRT_END);
	CHECK(map.max_mfn + 1 >= (uint64_t)hcall(memory_op, XENMEM_maximum_ram_page, NULL));
}

static void domain_0_sees_the_machines_map(void)
{
	static struct { uint64_t addr, size; uint32_t type; } __attribute__((packed)) entries[128];
	struct xen_memory_map map = { .nr_entries = ARRAY_SIZE(entries) };
	unsigned int ram = 0;

	set_xen_guest_handle(map.buffer, (void *)entries);
	CHECK_EQ(hcall(memory_op, XENMEM_machine_memory_map, &map), 0);
	CHECK(map.nr_entries > 2 && map.nr_entries <= ARRAY_SIZE(entries));
	for (unsigned int i = 0; i < map.nr_entries; i++) {
		ram += entries[i].type == 1;
		CHECK(i == 0 || entries[i].addr >= entries[i - 1].addr + entries[i - 1].size);
	}
	CHECK(ram >= 2);
}

static long reservation(unsigned int cmd, xen_pfn_t *frames, uint64_t n, unsigned int order)
{
	struct xen_memory_reservation r = { .nr_extents = n, .extent_order = order, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, frames);
	return hcall(memory_op, cmd, &r);
}

static void a_page_can_be_given_back_and_got_again(void)
{
	uint8_t *page = page_get();
	uint64_t pfn = machine_to_phys_mapping[mfn_of(page)];
	xen_pfn_t frame = mfn_of(page);
	domid_t self = DOMID_SELF;
	long before = hcall(memory_op, XENMEM_current_reservation, &self);

	CHECK_EQ(pte_set(page, 0), 0);
	CHECK_EQ(reservation(XENMEM_decrease_reservation, &frame, 1, 0), 1);
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), before - 1);
	CHECK(pte_set(page, MFN_PTE(frame, PTE_RW)) < 0);
	frame = pfn;
	CHECK_EQ(reservation(XENMEM_populate_physmap, &frame, 1, 0), 1);
	CHECK_EQ(machine_to_phys_mapping[frame], pfn);
	((uint64_t *)start_info->mfn_list)[pfn] = frame;
	CHECK_EQ(page_protect(page, true), 0);
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), before);
	page_put(page);
}

/* The hypervisor's own use of a frame that a guest gave back without flushing: a grant table that grows. */
static void what_was_given_back_is_out_of_reach(void)
{
	enum { N = 16 };
	static xen_pfn_t shared[N + 1];
	struct gnttab_setup_table grow = { .dom = DOMID_SELF, .nr_frames = N + 1 };
	uint8_t *pages[N], *window = page_get();

	/* every second frame: none is merged with its neighbour, and they are the next to be taken */
	for (int i = 0; i < N; i++) {
		pages[i] = page_get();
		page_get();
		touch_write((uintptr_t)pages[i]);
	}
	for (int i = 0; i < N; i++) {
		xen_pfn_t frame = mfn_of(pages[i]);

		CHECK_EQ(hcall(update_va_mapping, pages[i], 0, UVMF_NONE), 0);
		CHECK_EQ(reservation(XENMEM_decrease_reservation, &frame, 1, 0), 1);
	}
	set_xen_guest_handle(grow.frame_list, shared);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_setup_table, &grow, 1), 0);
	CHECK_EQ(grow.status, GNTST_okay);
	for (int i = 0; i < N; i++)		/* by what the TLB may still hold */
		trap_try(touch_write, (uintptr_t)pages[i] + 64);
	for (int i = 1; i <= N; i++) {
		CHECK_EQ(pte_set(window, MFN_PTE(shared[i], PTE_RO)), 0);
		CHECK_EQ(window[64], 0);
	}
	CHECK_EQ(page_protect(window, true), 0);
	for (int i = 0; i < N; i++) {
		uint64_t pfn = ((uintptr_t)pages[i] - VIRT_BASE) / PAGE_SIZE;
		xen_pfn_t frame = pfn;

		CHECK_EQ(reservation(XENMEM_populate_physmap, &frame, 1, 0), 1);
		((uint64_t *)start_info->mfn_list)[pfn] = frame;
		CHECK_EQ(page_protect(pages[i], true), 0);
	}
}

static void what_cannot_be_given_back_stays(void)
{
	xen_pfn_t bad = (1ul << 40) - 1, table = mfn_of((void *)start_info->pt_base);
	domid_t self = DOMID_SELF;
	long before = hcall(memory_op, XENMEM_current_reservation, &self);

	CHECK_EQ(reservation(XENMEM_decrease_reservation, &bad, 1, 0), 0);
	/* A page in use: the domain gives up its claim, and the page goes with its last use. */
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), before);
	CHECK_EQ(machine_to_phys_mapping[table] < start_info->nr_pages, 1);
	CHECK_EQ(hcall(memory_op, XENMEM_decrease_reservation, 0x1000), 0);	/* none was done */
}

/* What swiotlb does: pages from anywhere for contiguous ones below 4 GiB. */
static void pages_are_exchanged_for_contiguous_ones(void)
{
	enum { N = 64 };
	static xen_pfn_t in[N], out[1];
	struct xen_memory_exchange x;
	uint8_t *pages[N];

	for (int i = 0; i < N; i++) {
		pages[i] = page_get();
		in[i] = mfn_of(pages[i]);
		CHECK_EQ(pte_set(pages[i], 0), 0);
	}
	out[0] = machine_to_phys_mapping[in[0]];
	memset(&x, 0, sizeof(x));
	set_xen_guest_handle(x.in.extent_start, in);
	x.in.nr_extents = N;
	x.in.domid = DOMID_SELF;
	set_xen_guest_handle(x.out.extent_start, out);
	x.out.nr_extents = 1;
	x.out.extent_order = 6;
	x.out.mem_flags = XENMEMF_address_bits(32);
	x.out.domid = DOMID_SELF;
	CHECK_EQ(hcall(memory_op, XENMEM_exchange, &x), 0);
	CHECK_EQ(x.nr_exchanged, N);
	CHECK(out[0] + N <= 1ul << 20);
	CHECK_EQ(out[0] % N, 0);
	for (int i = 0; i < N; i++) {
		uint64_t pfn = ((uintptr_t)pages[0] - VIRT_BASE) / PAGE_SIZE + (unsigned int)i;

		CHECK_EQ(machine_to_phys_mapping[out[0] + (unsigned int)i], pfn);
		((uint64_t *)start_info->mfn_list)[pfn] = out[0] + (unsigned int)i;
		CHECK_EQ(page_protect((void *)(VIRT_BASE + pfn * PAGE_SIZE), true), 0);
	}
	for (int i = 0; i < N; i++)
		page_put((uint8_t *)pages[0] + (unsigned int)i * PAGE_SIZE);
}

static void a_failed_exchange_takes_nothing(void)
{
	uint8_t *page = page_get();
	xen_pfn_t in[2] = { mfn_of(page), (1ul << 40) - 1 }, out[1] = { 5 };
	struct xen_memory_exchange x;

	memset(&x, 0, sizeof(x));
	set_xen_guest_handle(x.in.extent_start, in);
	x.in.nr_extents = 2;
	x.in.domid = DOMID_SELF;
	set_xen_guest_handle(x.out.extent_start, out);
	x.out.nr_extents = 1;
	x.out.extent_order = 1;
	x.out.domid = DOMID_SELF;
	CHECK_EQ(pte_set(page, 0), 0);
	CHECK(hcall(memory_op, XENMEM_exchange, &x) < 0);
	CHECK_EQ(x.nr_exchanged, 0);
	CHECK_EQ(page_protect(page, true), 0);		/* it is still ours */
	x.out.nr_extents = 2;				/* sizes that do not agree */
	CHECK_EQ(hcall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL);
	page_put(page);
}

const struct claim memory_claims[] = {
	{ "reservations are told", reservations_are_told },
	{ "m2p is where the ABI says", m2p_is_where_the_abi_says },
	{ "domain 0 sees the machine's memory map, in order", domain_0_sees_the_machines_map },
	{ "a page can be given back and got again", a_page_can_be_given_back_and_got_again },
	{ "what is not ours cannot be given back", what_cannot_be_given_back_stays },
	{ "what was given back unflushed is out of reach once it is used", what_was_given_back_is_out_of_reach },
	{ "pages are exchanged for contiguous ones below 4 GiB", pages_are_exchanged_for_contiguous_ones },
	{ "a failed exchange takes nothing", a_failed_exchange_takes_nothing },
	{ NULL, NULL },
};
