/* Grant tables: what a granter allows and what it doesn't, in both versions; and who dies when. */
#include "fake.h"
#include "gnttab.h"
#include "gnttab_table.h"
#include "hypercalls.h"
#include <stdlib.h>
#include <string.h>

#define AT(n) ((uint64_t)(n) * PAGE_SIZE)	/* where the grantee maps */

static struct domain *granter, *user;

static long call(struct domain *d, unsigned int cmd, void *ops, unsigned int count)
{
	const uint64_t arg[6] = { cmd, (uint64_t)ops, count };
	long rc;

	fake_be(d->vcpu[0]);
	rc = hcall_grant_table_op(arg);
	fake_be_cpu(0);
	fake_be(fake_running(0));
	return rc;
}

/* Both domains stand still: the test is all that runs. */
static void two_domains(void)
{
	granter = fake_domain(1, 1);
	user = fake_domain(2, 1);
	fake_pte_owner = 2;
	for (unsigned int i = 0; i < 2; i++)
		vcpu_stop_set((i ? user : granter)->vcpu[0], VCPU_BLOCKED);
	fake_softirqs();
}

static struct grant_entry_v1 *v1(uint32_t ref)
{
	return (struct grant_entry_v1 *)granter->gnttab->shared[ref / 512] + ref % 512;
}

static union grant_entry_v2 *v2(uint32_t ref)
{
	return (union grant_entry_v2 *)granter->gnttab->shared[ref / 256] + ref % 256;
}

static uint64_t grant(uint32_t ref, uint16_t flags)
{
	uint64_t mfn = fake_frame(granter);

	*v1(ref) = (struct grant_entry_v1){ .flags = GTF_permit_access | flags, .domid = 2, .frame = mfn };
	return mfn;
}

static struct gnttab_map_grant_ref map_at(uint32_t ref, uint32_t flags, uint64_t at)
{
	struct gnttab_map_grant_ref op = { .ref = ref, .flags = flags, .dom = 1, .host_addr = at };

	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, &op, 1), 0);
	return op;
}

static int16_t unmap(uint32_t handle, uint64_t at, uint64_t bus)
{
	struct gnttab_unmap_grant_ref op = { .handle = handle, .host_addr = at, .dev_bus_addr = bus };

	CHECK_EQ(call(user, GNTTABOP_unmap_grant_ref, &op, 1), 0);
	return op.status;
}

static unsigned int refs(uint64_t mfn) { return page_refs(mfn_to_page(MFN(mfn))); }
static unsigned int writers(uint64_t mfn) { return page_type_count(mfn_to_page(MFN(mfn))); }

static bool is_mapped(uint64_t at, uint64_t mfn, bool writable)
{
	uint64_t there;
	bool w;

	return fake_pte(at, &there, &w) && there == mfn && w == writable;
}

/* ---- Mapping ---- */

static void a_grant_is_mapped_and_unmapped_and_its_owner_sees_that(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn, refs_before;

	two_domains();
	refs_before = granter->refs;
	mfn = grant(9, 0);
	op = map_at(9, GNTMAP_host_map, AT(3));
	CHECK_EQ(op.status, GNTST_okay);
	CHECK_EQ(op.dev_bus_addr, mfn << PAGE_SHIFT);
	CHECK(is_mapped(AT(3), mfn, true));
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	CHECK_EQ(granter->refs, refs_before + 2);	/* the new frame's, and the mapping's */
	CHECK_EQ(refs(mfn), 3);				/* the owner's, the entry's, the mapping's */
	CHECK_EQ(writers(mfn), 2);
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
	CHECK_EQ(fake_flushes, 1);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(refs(mfn), 1);
	CHECK_EQ(writers(mfn), 0);
	CHECK_EQ(granter->refs, refs_before + 1);
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_bad_handle);
	CHECK_EQ(user->gnttab->maps, 0);
}

static void read_only_grants_are_never_mapped_writable(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, GTF_readonly);
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_readonly);
	op = map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(3));
	CHECK_EQ(op.status, GNTST_okay);
	CHECK(is_mapped(AT(3), mfn, false));
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_readonly | GTF_reading);
	CHECK_EQ(writers(mfn), 0);
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
}

static void only_the_named_domain_may_use_a_grant(void)
{
	two_domains();
	grant(9, 0);
	v1(9)->domid = 3;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	v1(9)->domid = DOMID_SELF;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	v1(9)->domid = 2;
	v1(9)->flags = GTF_invalid;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	v1(9)->flags = GTF_accept_transfer;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	v1(9)->flags = GTF_transitive;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	CHECK_EQ(v1(9)->flags, GTF_transitive);
	CHECK_EQ(user->gnttab->maps, 0);
}

static void grants_of_what_the_granter_does_not_own_are_bad(void)
{
	uint64_t stolen;

	two_domains();
	stolen = fake_frame(user);
	grant(9, 0);
	v1(9)->frame = stolen;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_bad_page);
	v1(9)->frame = ~0U;
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_bad_page);
	v1(9)->frame = 0;		/* free, nobody's */
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_bad_page);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);	/* nothing is left marked */
	CHECK_EQ(refs(stolen), 1);
}

static void a_page_table_can_be_granted_to_read_only(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, 0);
	CHECK_EQ(page_get_type(mfn_to_page(MFN(mfn)), PAGE_L1), 0);
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(3)).status, GNTST_bad_page);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	op = map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(3));
	CHECK_EQ(op.status, GNTST_okay);
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
	page_put_type(mfn_to_page(MFN(mfn)));
	op = map_at(9, GNTMAP_host_map, AT(3));
	CHECK_EQ(page_get_type(mfn_to_page(MFN(mfn)), PAGE_L1), -EINVAL);	/* not while it's writable */
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
}

static void references_out_of_range_and_strange_requests_are_refused(void)
{
	struct gnttab_map_grant_ref op = { .ref = 9, .flags = GNTMAP_host_map, .dom = 77 };

	two_domains();
	grant(9, 0);
	CHECK_EQ(map_at(512, GNTMAP_host_map, AT(3)).status, GNTST_bad_gntref);
	CHECK_EQ(map_at(~0U, GNTMAP_host_map, AT(3)).status, GNTST_bad_gntref);
	CHECK_EQ(map_at(9, 0, AT(3)).status, GNTST_bad_gntref);
	CHECK_EQ(map_at(9, GNTMAP_readonly, AT(3)).status, GNTST_bad_gntref);
	CHECK_EQ(map_at(9, GNTMAP_host_map, 0).status, GNTST_bad_virt_addr);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_bad_domain);
	op.dom = DOMID_XEN;
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_bad_domain);
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, NULL, 1), -EFAULT);
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, &op, 0x80000000), -EINVAL);
	CHECK_EQ(call(user, GNTTABOP_dump_table, &op, 1), -ENOSYS);
	CHECK_EQ(call(user, ~0U, &op, 1), -ENOSYS);
	CHECK_EQ(unmap(0, AT(3), 0), GNTST_bad_handle);
	CHECK_EQ(unmap(~0U, AT(3), 0), GNTST_bad_handle);
	CHECK_EQ(user->gnttab->maps, 0);
}

static void several_mappings_of_one_grant_are_counted(void)
{
	struct gnttab_map_grant_ref a, b, c;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, 0);
	a = map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(3));
	b = map_at(9, GNTMAP_host_map, AT(4));
	c = map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(5));
	CHECK_EQ(refs(mfn), 7);
	v1(9)->frame = 1;		/* too late: the frame in use stays the one it was */
	CHECK_EQ(unmap(b.handle, AT(4), 0), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_reading);
	b = map_at(9, GNTMAP_host_map, AT(4));
	CHECK(is_mapped(AT(4), mfn, true));
	CHECK_EQ(unmap(b.handle, AT(4), 0), GNTST_okay);
	CHECK_EQ(unmap(a.handle, AT(3), 0), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_reading);
	CHECK_EQ(unmap(c.handle, AT(5), 0), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(refs(mfn), 1);
}

static void a_grant_in_use_is_not_for_another_domain(void)
{
	struct domain *third = fake_domain(3, 1);
	struct gnttab_map_grant_ref op, other = { .ref = 9, .flags = GNTMAP_host_map, .dom = 1, .host_addr = AT(7) };

	two_domains();
	grant(9, 0);
	op = map_at(9, GNTMAP_host_map, AT(3));
	v1(9)->domid = 3;
	CHECK_EQ(call(third, GNTTABOP_map_grant_ref, &other, 1), 0);
	CHECK_EQ(other.status, GNTST_general_error);
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
}

static void an_unmapping_that_names_the_wrong_place_changes_nothing(void)
{
	struct gnttab_map_grant_ref a, b;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, 0);
	a = map_at(9, GNTMAP_host_map, AT(3));
	b = map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(4));
	CHECK_EQ(unmap(a.handle, AT(5), 0), GNTST_general_error);
	CHECK_EQ(unmap(a.handle, AT(4), 0), GNTST_general_error);	/* would leave a writable one behind */
	CHECK_EQ(unmap(a.handle, 8, 0), GNTST_bad_virt_addr);
	CHECK_EQ(refs(mfn), 5);
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	CHECK_EQ(unmap(a.handle, AT(3), 0), GNTST_okay);
	CHECK_EQ(unmap(b.handle, AT(4), 0), GNTST_okay);
}

static void host_and_device_mappings_of_a_handle_end_one_by_one(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, 0);
	op = map_at(9, GNTMAP_host_map | GNTMAP_device_map, AT(3));
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
	CHECK_EQ(refs(mfn), 2);
	CHECK_EQ(unmap(op.handle, 0, AT(1000)), GNTST_bad_dev_addr);
	CHECK_EQ(unmap(op.handle, 0, mfn << PAGE_SHIFT), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(refs(mfn), 1);
}

static void handles_run_out_and_come_back(void)
{
	enum { MOST = 2 * MAPTRACK_PER_FRAME };
	static uint32_t handle[MOST];
	struct gnttab_map_grant_ref op;

	two_domains();
	grant(9, 0);
	for (unsigned int i = 0; i < MOST; i++) {
		op = map_at(9, GNTMAP_device_map, 0);
		CHECK_EQ(op.status, GNTST_okay);
		handle[i] = op.handle;
	}
	CHECK_EQ(map_at(9, GNTMAP_device_map, 0).status, GNTST_no_device_space);
	CHECK_EQ(unmap(handle[17], 0, op.dev_bus_addr), GNTST_okay);
	CHECK_EQ(map_at(9, GNTMAP_device_map, 0).handle, handle[17]);
	for (unsigned int i = 0; i < MOST; i++)
		CHECK_EQ(unmap(handle[i], 0, op.dev_bus_addr), GNTST_okay);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
}

static void a_long_list_is_done_in_pieces_with_a_flush_for_each(void)
{
	struct gnttab_map_grant_ref map[40];
	struct gnttab_unmap_grant_ref un[40] = { { 0 } };

	two_domains();
	for (unsigned int i = 0; i < 40; i++) {
		grant(20 + i, 0);
		map[i] = (struct gnttab_map_grant_ref){ .ref = 20 + i, .flags = GNTMAP_host_map, .dom = 1,
							.host_addr = AT(1 + i) };
	}
	fake_yield_after = 9;
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, map, 40), FAKE_CONTINUED);
	fake_yield_after = -1;
	CHECK_EQ(user->gnttab->maps, 10);
	CHECK_EQ(call(user, GNTTABOP_map_grant_ref, map + 10, 30), 0);
	for (unsigned int i = 0; i < 40; i++) {
		CHECK_EQ(map[i].status, GNTST_okay);
		un[i].handle = map[i].handle;
		un[i].host_addr = AT(1 + i);
	}
	un[5].handle = 4000;
	CHECK_EQ(call(user, GNTTABOP_unmap_grant_ref, un, 40), 0);
	CHECK_EQ(fake_flushes, 2);
	for (unsigned int i = 0; i < 40; i++)
		CHECK_EQ(un[i].status, i == 5 ? GNTST_bad_handle : GNTST_okay);
	CHECK_EQ(user->gnttab->maps, 1);
	CHECK_EQ(unmap(map[5].handle, AT(6), 0), GNTST_okay);
}

/* ---- The table ---- */

static void the_table_grows_as_asked_and_no_further(void)
{
	uint64_t list[8] = { 0 };
	struct gnttab_setup_table op = { .dom = DOMID_SELF, .nr_frames = 3 };
	struct gnttab_query_size size = { .dom = DOMID_SELF };
	struct gnttab_map_grant_ref map;

	two_domains();
	set_xen_guest_handle(op.frame_list, list);
	CHECK_EQ(call(granter, GNTTABOP_query_size, &size, 1), 0);
	CHECK_EQ(size.nr_frames, 1);
	CHECK_EQ(size.max_nr_frames, 8);
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_okay);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(list[i], virt_to_mfn(granter->gnttab->shared[i]).n);
	CHECK_EQ(page_owner(mfn_to_page(MFN(list[2]))), 1);
	op.nr_frames = 9;
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_general_error);
	op.nr_frames = ~0U;
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_general_error);
	op.nr_frames = 8;
	fake_mem_left = 3;
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_general_error);
	fake_mem_left = -1;
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_okay);
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 2), -EINVAL);
	set_xen_guest_handle(op.frame_list, (xen_pfn_t *)8);
	CHECK_EQ(call(granter, GNTTABOP_setup_table, &op, 1), -EFAULT);
	grant(3000, 0);
	map = map_at(3000, GNTMAP_device_map, 0);
	CHECK_EQ(map.status, GNTST_okay);
	CHECK_EQ(unmap(map.handle, 0, map.dev_bus_addr), GNTST_okay);
}

static void others_tables_are_for_domain_0_only(void)
{
	struct domain *zero = fake_domain(0, 1);
	struct gnttab_query_size size = { .dom = 1 };
	struct gnttab_get_version version = { .dom = 1 };

	two_domains();
	CHECK_EQ(call(user, GNTTABOP_query_size, &size, 1), 0);
	CHECK_EQ(size.status, GNTST_permission_denied);
	CHECK_EQ(call(user, GNTTABOP_get_version, &version, 1), -EPERM);
	CHECK_EQ(call(zero, GNTTABOP_query_size, &size, 1), 0);
	CHECK_EQ(size.status, GNTST_okay);
	size.dom = 99;
	CHECK_EQ(call(zero, GNTTABOP_query_size, &size, 1), 0);
	CHECK_EQ(size.status, GNTST_bad_domain);
	version.dom = 99;
	CHECK_EQ(call(zero, GNTTABOP_get_version, &version, 1), -ESRCH);
	version.dom = 1;
	CHECK_EQ(call(zero, GNTTABOP_get_version, &version, 1), 0);
	CHECK_EQ(version.version, 1);
}

static void the_toolstack_gets_frames_by_their_index(void)
{
	mfn_t mfn;

	two_domains();
	CHECK_EQ(gnttab_frame(granter, false, 0, &mfn), 0);
	CHECK_EQ(mfn.n, virt_to_mfn(granter->gnttab->shared[0]).n);
	CHECK_EQ(gnttab_frame(granter, false, 7, &mfn), 0);
	CHECK_EQ(granter->gnttab->frames, 8);
	CHECK_EQ(gnttab_frame(granter, false, 8, &mfn), -EINVAL);
	CHECK_EQ(gnttab_frame(granter, false, ~0U, &mfn), -EINVAL);
	CHECK_EQ(gnttab_frame(granter, true, 0, &mfn), -EINVAL);
}

static void swapping_exchanges_entries_that_nobody_uses(void)
{
	struct gnttab_swap_grant_ref op = { .ref_a = 9, .ref_b = 10 };
	struct gnttab_map_grant_ref map;
	uint64_t a, b;

	two_domains();
	a = grant(9, 0);
	b = grant(10, GTF_readonly);
	CHECK_EQ(call(granter, GNTTABOP_swap_grant_ref, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_okay);
	CHECK_EQ(v1(9)->frame, b);
	CHECK_EQ(v1(10)->frame, a);
	map = map_at(10, GNTMAP_host_map, AT(3));
	CHECK_EQ(call(granter, GNTTABOP_swap_grant_ref, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_eagain);
	op.ref_b = 512;
	CHECK_EQ(call(granter, GNTTABOP_swap_grant_ref, &op, 1), 0);
	CHECK_EQ(op.status, GNTST_bad_gntref);
	CHECK_EQ(unmap(map.handle, AT(3), 0), GNTST_okay);
}

/* ---- Version 2 ---- */

static void version_2_keeps_the_first_entries_and_has_a_status_of_its_own(void)
{
	struct gnttab_set_version op = { .version = 2 };
	struct gnttab_get_status_frames status = { .dom = DOMID_SELF, .nr_frames = 1 };
	struct gnttab_map_grant_ref kept, map;
	uint64_t mfn, list[1] = { 0 };

	two_domains();
	set_xen_guest_handle(status.frame_list, list);
	mfn = grant(1, 0);
	grant(9, 0);
	kept = map_at(1, GNTMAP_host_map, AT(1));	/* xenstored has the ring */
	map = map_at(9, GNTMAP_host_map, AT(9));
	CHECK_EQ(call(granter, GNTTABOP_get_status_frames, &status, 1), 0);
	CHECK_EQ(status.status, GNTST_general_error);
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), -EBUSY);
	CHECK_EQ(unmap(map.handle, AT(9), 0), GNTST_okay);
	fake_mem_left = 0;
	op.version = 2;
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), -ENOMEM);
	fake_mem_left = -1;
	op.version = 2;
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), 0);
	CHECK_EQ(op.version, 2);
	CHECK_EQ(v2(1)->full_page.frame, mfn);
	CHECK_EQ(v2(1)->hdr.flags, GTF_permit_access);
	CHECK_EQ(v2(9)->hdr.flags, GTF_invalid);
	CHECK_EQ(granter->gnttab->status[0][1], GTF_reading | GTF_writing);
	CHECK_EQ(call(granter, GNTTABOP_get_status_frames, &status, 1), 0);
	CHECK_EQ(status.status, GNTST_okay);
	CHECK_EQ(list[0], virt_to_mfn(granter->gnttab->status[0]).n);
	CHECK_EQ(unmap(kept.handle, AT(1), 0), GNTST_okay);
	CHECK_EQ(granter->gnttab->status[0][1], 0);

	v2(20)->full_page.frame = fake_frame(granter);
	v2(20)->hdr = (struct grant_entry_header){ GTF_permit_access, 2 };
	map = map_at(20, GNTMAP_host_map, AT(20));
	CHECK_EQ(map.status, GNTST_okay);
	CHECK_EQ(granter->gnttab->status[0][20], GTF_reading | GTF_writing);
	CHECK_EQ(v2(20)->hdr.flags, GTF_permit_access);
	CHECK_EQ(unmap(map.handle, AT(20), 0), GNTST_okay);
	CHECK_EQ(granter->gnttab->status[0][20], 0);
	v2(20)->hdr.domid = 3;
	CHECK_EQ(map_at(20, GNTMAP_host_map, AT(20)).status, GNTST_general_error);
	CHECK_EQ(granter->gnttab->status[0][20], 0);
	CHECK_EQ(map_at(256, GNTMAP_host_map, AT(20)).status, GNTST_bad_gntref);

	op.version = 1;
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), 0);
	CHECK_EQ(v1(1)->frame, mfn);
	CHECK_EQ(v1(1)->flags, GTF_permit_access);
	CHECK_EQ(granter->gnttab->status_frames, 0);
	op.version = 3;
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), -EINVAL);
	granter->gnttab->max_version = 1;
	op.version = 2;
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), -ENOSYS);
}

/* ---- Copying ---- */

static struct gnttab_copy copy_op(uint32_t ref, uint16_t from, uint64_t own, uint16_t to, uint16_t len)
{
	return (struct gnttab_copy){
		.source = { .u.ref = ref, .domid = 1, .offset = from },
		.dest = { .u.gmfn = own, .domid = DOMID_SELF, .offset = to },
		.len = len, .flags = GNTCOPY_source_gref,
	};
}

static int16_t copy(struct gnttab_copy op)
{
	CHECK_EQ(call(user, GNTTABOP_copy, &op, 1), 0);
	return op.status;
}

static void copies_go_from_grants_to_ones_own_frames_and_back(void)
{
	uint64_t theirs, ours;
	struct gnttab_copy op, back;

	two_domains();
	theirs = grant(9, 0);
	ours = fake_frame(user);
	strcpy((char *)fake_frame_data(theirs) + 100, "hello");
	CHECK_EQ(copy(copy_op(9, 100, ours, 4090, 6)), GNTST_okay);
	CHECK_STR((char *)fake_frame_data(ours) + 4090, "hello");
	op = copy_op(9, 0, ours, 4090, 6);
	back = (struct gnttab_copy){ .source = op.dest, .dest = op.source, .len = 6, .flags = GNTCOPY_dest_gref };
	CHECK_EQ(copy(back), GNTST_okay);
	CHECK_STR((char *)fake_frame_data(theirs), "hello");
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(refs(theirs), 1);
	CHECK_EQ(writers(theirs), 0);
	CHECK_EQ(refs(ours), 1);
	CHECK_EQ(writers(ours), 0);
	v1(9)->flags |= GTF_readonly;
	CHECK_EQ(copy(back), GNTST_general_error);
	CHECK_EQ(copy(op), GNTST_okay);
}

static void copies_over_a_pages_end_or_without_permission_are_refused(void)
{
	uint64_t theirs, ours;
	struct gnttab_copy op;

	two_domains();
	theirs = grant(9, 0);
	ours = fake_frame(user);
	CHECK_EQ(copy(copy_op(9, 4096, ours, 0, 0)), GNTST_okay);
	CHECK_EQ(copy(copy_op(9, 4096, ours, 0, 1)), GNTST_bad_copy_arg);
	CHECK_EQ(copy(copy_op(9, 0, ours, 0, 4097)), GNTST_bad_copy_arg);
	CHECK_EQ(copy(copy_op(9, 0xffff, ours, 0, 0xffff)), GNTST_bad_copy_arg);
	CHECK_EQ(copy(copy_op(9, 0, ours, 4000, 97)), GNTST_bad_copy_arg);
	CHECK_EQ(copy(copy_op(8, 0, ours, 0, 1)), GNTST_general_error);
	CHECK_EQ(copy(copy_op(9, 0, theirs, 0, 1)), GNTST_bad_page);
	CHECK_EQ(copy(copy_op(9, 0, ~0UL, 0, 1)), GNTST_bad_page);
	op = copy_op(9, 0, ours, 0, 1);
	op.source.domid = 50;
	CHECK_EQ(copy(op), GNTST_bad_domain);
	op.flags = 0;
	op.source.u.gmfn = theirs;
	op.source.domid = 1;
	CHECK_EQ(copy(op), GNTST_permission_denied);
	CHECK_EQ(refs(theirs), 1);
	CHECK_EQ(refs(ours), 1);
}

static void a_list_of_copies_keeps_pages_in_use_and_lets_them_go(void)
{
	struct gnttab_copy ops[30];
	uint64_t a, b, ours;

	two_domains();
	a = grant(9, 0);
	b = grant(10, 0);
	ours = fake_frame(user);
	memset(fake_frame_data(a), 'a', PAGE_SIZE);
	memset(fake_frame_data(b), 'b', PAGE_SIZE);
	for (unsigned int i = 0; i < 30; i++)
		ops[i] = copy_op(i % 7 ? 9 : 10, i, ours, i, 1);
	ops[20].source.u.ref = 11;
	CHECK_EQ(call(user, GNTTABOP_copy, ops, 30), 0);
	for (unsigned int i = 0; i < 30; i++) {
		CHECK_EQ(ops[i].status, i == 20 ? GNTST_general_error : GNTST_okay);
		if (i != 20)
			CHECK_EQ(((char *)fake_frame_data(ours))[i], i % 7 ? 'a' : 'b');
	}
	CHECK_EQ(refs(a) + refs(b) + refs(ours), 3);
	CHECK_EQ(v1(9)->flags | v1(10)->flags, GTF_permit_access);
	fake_yield_after = 3;
	CHECK_EQ(call(user, GNTTABOP_copy, ops, 30), FAKE_CONTINUED);
	CHECK_EQ(refs(a) + refs(b) + refs(ours), 3);
}

static void part_of_a_page_may_be_copied_and_nothing_else_of_it(void)
{
	struct gnttab_set_version op = { .version = 2 };
	uint64_t ours;

	two_domains();
	ours = fake_frame(user);
	CHECK_EQ(call(granter, GNTTABOP_set_version, &op, 1), 0);
	v2(20)->sub_page.frame = fake_frame(granter);
	v2(20)->sub_page.page_off = 100;
	v2(20)->sub_page.length = 50;
	v2(20)->hdr = (struct grant_entry_header){ GTF_permit_access | GTF_sub_page, 2 };
	CHECK_EQ(copy(copy_op(20, 100, ours, 0, 50)), GNTST_okay);
	CHECK_EQ(copy(copy_op(20, 99, ours, 0, 50)), GNTST_general_error);
	CHECK_EQ(copy(copy_op(20, 101, ours, 0, 50)), GNTST_general_error);
	CHECK_EQ(copy(copy_op(20, 0, ours, 0, 1)), GNTST_general_error);
	CHECK_EQ(map_at(20, GNTMAP_host_map, AT(3)).status, GNTST_general_error);
	CHECK_EQ(map_at(20, GNTMAP_device_map, 0).status, GNTST_general_error);
	v2(20)->sub_page.page_off = v2(20)->sub_page.length = 0xffff;	/* a liar */
	CHECK_EQ(copy(copy_op(20, 0, ours, 0, 1)), GNTST_general_error);
	CHECK_EQ(granter->gnttab->status[0][20], 0);
	v2(20)->hdr.flags = GTF_transitive;
	CHECK_EQ(copy(copy_op(20, 0, ours, 0, 1)), GNTST_general_error);
}

/* ---- Lives ---- */

static void a_granter_that_dies_leaves_the_mapped_frame_to_its_user(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn;

	two_domains();
	mfn = grant(9, 0);
	op = map_at(9, GNTMAP_host_map, AT(3));
	fake_frames_may_stay = true;
	fake_destroy(granter);
	CHECK_EQ(domain_owner(1), granter);		/* a zombie */
	CHECK_EQ(map_at(9, GNTMAP_host_map, AT(4)).status, GNTST_bad_domain);
	CHECK_EQ(refs(mfn), 2);
	memset(fake_frame_data(mfn), 1, PAGE_SIZE);	/* still memory of ours to use */
	CHECK_EQ(unmap(op.handle, AT(3), 0), GNTST_okay);
	fake_softirqs();
	CHECK(domain_owner(1) == NULL);
}

static void a_user_that_dies_gives_every_grant_back(void)
{
	struct gnttab_map_grant_ref op;
	uint64_t mfn, before;

	two_domains();
	mfn = grant(9, 0);
	before = granter->refs;
	map_at(9, GNTMAP_host_map, AT(3));
	map_at(9, GNTMAP_host_map | GNTMAP_readonly, AT(4));
	op = map_at(9, GNTMAP_device_map, 0);
	CHECK_EQ(op.status, GNTST_okay);
	fake_yield_after = 1;
	fake_destroy(user);
	CHECK_EQ(v1(9)->flags, GTF_permit_access);
	CHECK_EQ(refs(mfn), 1);
	CHECK_EQ(writers(mfn), 0);
	CHECK_EQ(granter->refs, before);
}

static void a_guest_that_scribbles_over_its_table_breaks_nothing_of_ours(void)
{
	uint32_t handle[64];
	uint64_t at[64];
	unsigned int maps = 0;

	two_domains();
	srandom(6);
	for (uint32_t ref = 8; ref < 40; ref++)
		grant(ref, 0);
	for (unsigned int round = 0; round < 20000; round++) {
		uint32_t ref = 8 + random() % 32;
		struct grant_entry_v1 was = *v1(ref);

		if (random() % 3 == 0)
			v1(ref)->flags ^= 1 << random() % 16;
		if (random() % 9 == 0)
			v1(ref)->frame = random() % 2 ? random() : (long)was.frame;
		if (random() % 9 == 0)
			v1(ref)->domid = random() % 4;
		if (maps < 60 && random() % 2) {
			struct gnttab_map_grant_ref op;
			uint64_t free_at = AT(1), mfn;
			bool w;

			while (fake_pte(free_at, &mfn, &w))
				free_at += PAGE_SIZE;
			op = map_at(ref, GNTMAP_host_map | (random() % 2 ? GNTMAP_readonly : 0), free_at);
			if (op.status == GNTST_okay) {
				handle[maps] = op.handle;
				at[maps++] = free_at;
			}
		} else if (maps) {
			unsigned int i = random() % maps;

			CHECK_EQ(unmap(handle[i], at[i], 0), GNTST_okay);
			handle[i] = handle[--maps];
			at[i] = at[maps];
		}
		*v1(ref) = (struct grant_entry_v1){ v1(ref)->flags, was.domid, was.frame };
		if (random() % 4 == 0)
			v1(ref)->flags = GTF_permit_access | (v1(ref)->flags & (GTF_reading | GTF_writing));
	}
	while (maps--)
		CHECK_EQ(unmap(handle[maps], at[maps], 0), GNTST_okay);
	for (uint32_t ref = 8; ref < 40; ref++) {
		CHECK_EQ(refs(v1(ref)->frame), 1);
		CHECK_EQ(writers(v1(ref)->frame), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(a_grant_is_mapped_and_unmapped_and_its_owner_sees_that),
		FAKE_TEST(read_only_grants_are_never_mapped_writable),
		FAKE_TEST(only_the_named_domain_may_use_a_grant),
		FAKE_TEST(grants_of_what_the_granter_does_not_own_are_bad),
		FAKE_TEST(a_page_table_can_be_granted_to_read_only),
		FAKE_TEST(references_out_of_range_and_strange_requests_are_refused),
		FAKE_TEST(several_mappings_of_one_grant_are_counted),
		FAKE_TEST(a_grant_in_use_is_not_for_another_domain),
		FAKE_TEST(an_unmapping_that_names_the_wrong_place_changes_nothing),
		FAKE_TEST(host_and_device_mappings_of_a_handle_end_one_by_one),
		FAKE_TEST(handles_run_out_and_come_back),
		FAKE_TEST(a_long_list_is_done_in_pieces_with_a_flush_for_each),
		FAKE_TEST(the_table_grows_as_asked_and_no_further),
		FAKE_TEST(others_tables_are_for_domain_0_only),
		FAKE_TEST(the_toolstack_gets_frames_by_their_index),
		FAKE_TEST(swapping_exchanges_entries_that_nobody_uses),
		FAKE_TEST(version_2_keeps_the_first_entries_and_has_a_status_of_its_own),
		FAKE_TEST(copies_go_from_grants_to_ones_own_frames_and_back),
		FAKE_TEST(copies_over_a_pages_end_or_without_permission_are_refused),
		FAKE_TEST(a_list_of_copies_keeps_pages_in_use_and_lets_them_go),
		FAKE_TEST(part_of_a_page_may_be_copied_and_nothing_else_of_it),
		FAKE_TEST(a_granter_that_dies_leaves_the_mapped_frame_to_its_user),
		FAKE_TEST(a_user_that_dies_gives_every_grant_back),
		FAKE_TEST(a_guest_that_scribbles_over_its_table_breaks_nothing_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
