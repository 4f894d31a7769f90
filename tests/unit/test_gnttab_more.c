/* What grant tables do beside maps and copies of one's own pages: frames that change hands, grants of others' grants, caches. */
#include "fake.h"
#include "gnttab.h"
#include "gnttab_table.h"
#include "hypercalls.h"

static struct domain *giver, *taker, *third;

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

static void three_domains(void)
{
	struct domain *all[3];

	for (unsigned int i = 0; i < 3; i++) {
		all[i] = fake_domain(1 + i, 1);
		vcpu_stop_set(all[i]->vcpu[0], VCPU_BLOCKED);
	}
	giver = all[0];
	taker = all[1];
	third = all[2];
	fake_softirqs();
}

static void set_version_2(struct domain *d)
{
	struct gnttab_set_version op = { .version = 2 };

	CHECK_EQ(call(d, GNTTABOP_set_version, &op, 1), 0);
}

static struct grant_entry_v1 *v1(struct domain *d, uint32_t ref)
{
	return (struct grant_entry_v1 *)d->gnttab->shared[0] + ref;
}

static union grant_entry_v2 *v2(struct domain *d, uint32_t ref)
{
	return (union grant_entry_v2 *)d->gnttab->shared[0] + ref;
}

static struct page *page(uint64_t mfn) { return mfn_to_page(MFN(mfn)); }
static unsigned int refs(uint64_t mfn) { return page_refs(page(mfn)); }

/* ---- Transfers ---- */

static int16_t transfer(uint64_t mfn, domid_t to, uint32_t ref)
{
	struct gnttab_transfer op = { .mfn = mfn, .domid = to, .ref = ref };

	CHECK_EQ(call(giver, GNTTABOP_transfer, &op, 1), 0);
	return op.status;
}

static void accept(uint32_t ref, domid_t from, uint32_t pfn)
{
	*v1(taker, ref) = (struct grant_entry_v1){ GTF_accept_transfer, from, pfn };
	taker->max_pages = taker->tot_pages + 1;
}

static void a_frame_goes_to_who_has_asked_for_it(void)
{
	uint64_t mfn, had;

	three_domains();
	mfn = fake_frame(giver);
	had = taker->tot_pages;
	*(char *)fake_frame_data(mfn) = 'x';
	accept(9, 1, 77);
	CHECK_EQ(transfer(mfn, 2, 9), GNTST_okay);
	CHECK_EQ(page_owner(page(mfn)), 2);
	CHECK_EQ(refs(mfn), 1);
	CHECK_EQ(giver->tot_pages, 0);
	CHECK_EQ(taker->tot_pages, had + 1);
	CHECK_EQ(*(char *)fake_frame_data(mfn), 'x');
	CHECK_EQ(v1(taker, 9)->flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
	CHECK_EQ(v1(taker, 9)->frame, mfn);
	CHECK_EQ(transfer(mfn, 2, 9), GNTST_bad_page);	/* it isn't the giver's any more */
}

static void a_frame_goes_to_an_entry_of_version_2(void)
{
	uint64_t mfn;

	three_domains();
	set_version_2(taker);
	mfn = fake_frame(giver);
	taker->max_pages = taker->tot_pages + 1;
	v2(taker, 9)->full_page.frame = 77;
	v2(taker, 9)->hdr = (struct grant_entry_header){ GTF_accept_transfer, 1 };
	CHECK_EQ(transfer(mfn, 2, 9), GNTST_okay);
	CHECK_EQ(v2(taker, 9)->full_page.frame, mfn);
	CHECK_EQ(v2(taker, 9)->hdr.flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
}

static void a_frame_in_use_stays(void)
{
	uint64_t mfn;

	three_domains();
	mfn = fake_frame(giver);
	accept(9, 1, 77);
	CHECK(page_get_and_type(page(mfn), giver, PAGE_WRITABLE));
	CHECK_EQ(transfer(mfn, 2, 9), GNTST_bad_page);
	CHECK_EQ(v1(taker, 9)->flags, GTF_accept_transfer);
	page_put_and_type(page(mfn));
	CHECK_EQ(transfer(~0UL, 2, 9), GNTST_bad_page);
	CHECK_EQ(transfer(fake_frame(third), 2, 9), GNTST_bad_page);
	CHECK_EQ(transfer(page_to_mfn(mfn_to_page(virt_to_mfn(giver->gnttab->shared[0]))).n, 2, 9), GNTST_bad_page);
	CHECK_EQ(giver->tot_pages, 1);
	CHECK_EQ(transfer(mfn, 2, 9), GNTST_okay);
}

/* xen/grant_table.h: then the page is nobody's; and nothing may be lost by that. */
static void a_frame_that_nobody_takes_is_freed(void)
{
	uint64_t free;

	three_domains();
	free = heap_free_pages();
	accept(9, 3, 77);			/* for another */
	CHECK_EQ(transfer(fake_frame(giver), 2, 9), GNTST_general_error);
	CHECK_EQ(v1(taker, 9)->flags, GTF_accept_transfer);
	CHECK_EQ(transfer(fake_frame(giver), 2, 1U << 30), GNTST_general_error);
	v1(taker, 10)->flags = GTF_permit_access;
	v1(taker, 10)->domid = 1;
	CHECK_EQ(transfer(fake_frame(giver), 2, 10), GNTST_general_error);
	CHECK_EQ(transfer(fake_frame(giver), 99, 9), GNTST_bad_domain);
	accept(9, 1, 77);
	taker->max_pages = taker->tot_pages;	/* no room */
	CHECK_EQ(transfer(fake_frame(giver), 2, 9), GNTST_general_error);
	CHECK_EQ(v1(taker, 9)->flags, GTF_accept_transfer);
	CHECK_EQ(giver->tot_pages, 0);
	CHECK_EQ(heap_free_pages(), free);
}

/* ---- Grants of grants ---- */

static int16_t copy(uint32_t ref, uint64_t to)
{
	struct gnttab_copy op = { .source = { .u.ref = ref, .domid = 2 }, .dest = { .u.gmfn = to, .domid = DOMID_SELF },
				  .len = 8, .flags = GNTCOPY_source_gref };

	CHECK_EQ(call(third, GNTTABOP_copy, &op, 1), 0);
	return op.status;
}

static int16_t copy_back(uint32_t ref, uint64_t from)
{
	struct gnttab_copy op = { .source = { .u.gmfn = from, .domid = DOMID_SELF }, .dest = { .u.ref = ref, .domid = 2 },
				  .len = 8, .flags = GNTCOPY_dest_gref };

	CHECK_EQ(call(third, GNTTABOP_copy, &op, 1), 0);
	return op.status;
}

static void lend(uint32_t ref, uint16_t flags, domid_t whose, uint32_t theirs)
{
	v2(taker, ref)->transitive.trans_domid = whose;
	v2(taker, ref)->transitive.gref = theirs;
	v2(taker, ref)->hdr = (struct grant_entry_header){ GTF_transitive | flags, 3 };
}

static void a_grant_of_a_grant_is_copied_from_and_to(void)
{
	uint64_t mfn, ours;

	three_domains();
	set_version_2(taker);
	mfn = fake_frame(giver);
	ours = fake_frame(third);
	*v1(giver, 9) = (struct grant_entry_v1){ GTF_permit_access, 2, mfn };
	lend(20, 0, 1, 9);
	*(uint64_t *)fake_frame_data(mfn) = 4711;
	CHECK_EQ(copy(20, ours), GNTST_okay);
	CHECK_EQ(*(uint64_t *)fake_frame_data(ours), 4711);
	*(uint64_t *)fake_frame_data(ours) = 4712;
	CHECK_EQ(copy_back(20, ours), GNTST_okay);
	CHECK_EQ(*(uint64_t *)fake_frame_data(mfn), 4712);
	CHECK_EQ(v1(giver, 9)->flags, GTF_permit_access);	/* all is let go */
	CHECK_EQ(taker->gnttab->status[0][20], 0);
	CHECK_EQ(refs(mfn), 1);
	CHECK_EQ(page_type_count(page(mfn)), 0);
}

static void a_grant_of_a_grant_permits_no_more_than_both_do(void)
{
	struct gnttab_map_grant_ref map = { .ref = 20, .dom = 2, .flags = GNTMAP_device_map };
	uint64_t mfn, ours;

	three_domains();
	set_version_2(taker);
	mfn = fake_frame(giver);
	ours = fake_frame(third);
	*v1(giver, 9) = (struct grant_entry_v1){ GTF_permit_access | GTF_readonly, 2, mfn };
	*v1(giver, 10) = (struct grant_entry_v1){ GTF_permit_access, 3, mfn };	/* not for the one that lends it */
	lend(20, 0, 1, 9);
	lend(21, 0, 1, 10);
	lend(22, 0, 1, 1U << 30);
	lend(23, 0, 99, 9);
	lend(24, 0, 2, 25);			/* its own grants are not another's */
	lend(25, 0, 1, 9);
	CHECK_EQ(copy(20, ours), GNTST_okay);
	CHECK_EQ(copy_back(20, ours), GNTST_general_error);
	CHECK_EQ(copy(21, ours), GNTST_general_error);
	CHECK_EQ(copy(22, ours), GNTST_bad_gntref);
	CHECK_EQ(copy(23, ours), GNTST_general_error);
	CHECK_EQ(copy(24, ours), GNTST_general_error);
	v1(giver, 9)->flags = GTF_permit_access;
	lend(20, GTF_readonly, 1, 9);
	CHECK_EQ(copy(20, ours), GNTST_okay);
	CHECK_EQ(copy_back(20, ours), GNTST_general_error);
	CHECK_EQ(call(third, GNTTABOP_map_grant_ref, &map, 1), 0);
	CHECK_EQ(map.status, GNTST_general_error);
	v2(taker, 20)->hdr.domid = 1;
	CHECK_EQ(copy(20, ours), GNTST_general_error);
	for (unsigned int ref = 20; ref <= 25; ref++)
		CHECK_EQ(taker->gnttab->status[0][ref], 0);
	CHECK_EQ(v1(giver, 9)->flags, GTF_permit_access);
	CHECK_EQ(refs(mfn), 1);
}

static void a_grant_of_a_grant_of_a_grant_is_refused(void)
{
	uint64_t ours;

	three_domains();
	set_version_2(taker);
	set_version_2(giver);
	ours = fake_frame(third);
	lend(20, 0, 1, 9);
	v2(giver, 9)->transitive.trans_domid = 3;
	v2(giver, 9)->transitive.gref = 9;
	v2(giver, 9)->hdr = (struct grant_entry_header){ GTF_transitive, 2 };
	*v1(third, 9) = (struct grant_entry_v1){ GTF_permit_access, 1, fake_frame(third) };
	CHECK_EQ(copy(20, ours), GNTST_general_error);
	CHECK_EQ(taker->gnttab->status[0][20] | giver->gnttab->status[0][9], 0);
	CHECK_EQ(v1(third, 9)->flags, GTF_permit_access);
}

/* ---- Caches ---- */

static long flush(uint64_t mfn, uint16_t offset, uint16_t length, uint32_t how)
{
	gnttab_cache_flush_t op = { .a.dev_bus_addr = mfn * PAGE_SIZE, .offset = offset, .length = length, .op = how };

	return call(taker, GNTTABOP_cache_flush, &op, 1);
}

/* As Xen 4.17 answers: tests/guest/abi says the same. */
static void caches_are_written_back_for_own_and_granted_frames_only(void)
{
	struct gnttab_map_grant_ref map = { .ref = 9, .dom = 1, .flags = GNTMAP_device_map };
	struct gnttab_unmap_grant_ref unmap = { 0 };
	uint64_t own, theirs;

	three_domains();
	own = fake_frame(taker);
	theirs = fake_frame(giver);
	CHECK_EQ(flush(own, 8, 64, GNTTAB_CACHE_CLEAN), 0);
	CHECK_EQ(fake_cache_written, 64);
	CHECK_EQ(flush(own, 0, 4096, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL), 0);
	CHECK_EQ(fake_cache_written, 64 + 4096);
	CHECK_EQ(flush(own, 0, 64, GNTTAB_CACHE_INVAL), -EOPNOTSUPP);
	CHECK_EQ(flush(own, 0, 64, 0), 0);
	CHECK_EQ(flush(own, 0, 0, GNTTAB_CACHE_CLEAN), 0);
	CHECK_EQ(flush(own, 1, 4096, GNTTAB_CACHE_CLEAN), -EINVAL);
	CHECK_EQ(flush(own, 0xffff, 0xffff, GNTTAB_CACHE_CLEAN), -EINVAL);
	CHECK_EQ(flush(own, 0, 64, 8), -EINVAL);
	CHECK_EQ(flush(own, 0, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF), -EINVAL);
	CHECK_EQ(flush(~0UL >> 12, 0, 64, GNTTAB_CACHE_CLEAN), -EINVAL);
	CHECK_EQ(flush(theirs, 0, 64, GNTTAB_CACHE_CLEAN), -EINVAL);
	*v1(giver, 9) = (struct grant_entry_v1){ GTF_permit_access, 2, theirs };
	CHECK_EQ(call(taker, GNTTABOP_map_grant_ref, &map, 1), 0);
	CHECK_EQ(map.status, GNTST_okay);
	CHECK_EQ(flush(theirs, 0, 64, GNTTAB_CACHE_CLEAN), 0);
	unmap.handle = map.handle;
	unmap.dev_bus_addr = map.dev_bus_addr;
	CHECK_EQ(call(taker, GNTTABOP_unmap_grant_ref, &unmap, 1), 0);
	CHECK_EQ(unmap.status, GNTST_okay);
	CHECK_EQ(flush(theirs, 0, 64, GNTTAB_CACHE_CLEAN), -EINVAL);
	CHECK_EQ(fake_cache_written, 64 + 4096 + 64);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(a_frame_goes_to_who_has_asked_for_it),
		FAKE_TEST(a_frame_goes_to_an_entry_of_version_2),
		FAKE_TEST(a_frame_in_use_stays),
		FAKE_TEST(a_frame_that_nobody_takes_is_freed),
		FAKE_TEST(a_grant_of_a_grant_is_copied_from_and_to),
		FAKE_TEST(a_grant_of_a_grant_permits_no_more_than_both_do),
		FAKE_TEST(a_grant_of_a_grant_of_a_grant_is_refused),
		FAKE_TEST(caches_are_written_back_for_own_and_granted_frames_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
