/* Grants beside the usual: frames that change hands, grants of others' grants, caches. */
#define __XEN_TOOLS__ 1		/* another domain has to be there */
#include "claim.h"

#include <xen/domctl.h>
#include <xen/errno.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

enum { PEER = 7, PEER_PAGES = 4 };

static xen_pfn_t peer_frames[PEER_PAGES];
static grant_entry_v1_t *theirs;		/* its table, mapped */
static grant_entry_v2_t *ours;			/* ours, in version 2 */
static uint64_t *landing;			/* what is copied comes here */

static long domctl_run(struct xen_domctl *op, uint32_t cmd)
{
	op->cmd = cmd;
	op->domain = PEER;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return hcall(domctl, op);
}

/* A domain that never runs, with a few pages, whose grant table we write for it. */
static void peer_make(void)
{
	struct xen_domctl op = { 0 };
	struct xen_memory_reservation r = { .nr_extents = PEER_PAGES, .domid = PEER };
	struct xen_mem_acquire_resource table = { .domid = PEER, .type = XENMEM_resource_grant_table,
						  .nr_frames = 1 };
	xen_pfn_t frame;

	op.u.createdomain.max_vcpus = 1;
	op.u.createdomain.max_evtchn_port = 1023;
	op.u.createdomain.max_grant_frames = op.u.createdomain.max_maptrack_frames = 8;
	op.u.createdomain.grant_opts = 2;
	CHECK_EQ(domctl_run(&op, XEN_DOMCTL_createdomain), 0);
	op = (struct xen_domctl){ .u.max_vcpus.max = 1 };
	CHECK_EQ(domctl_run(&op, XEN_DOMCTL_max_vcpus), 0);
	op = (struct xen_domctl){ .u.max_mem.max_memkb = 1024 };
	CHECK_EQ(domctl_run(&op, XEN_DOMCTL_max_mem), 0);
	for (xen_pfn_t i = 0; i < PEER_PAGES; i++)
		peer_frames[i] = i;
	set_xen_guest_handle(r.extent_start, peer_frames);
	CHECK_EQ(hcall(memory_op, XENMEM_populate_physmap, &r), PEER_PAGES);
	set_xen_guest_handle(table.frame_list, &frame);
	CHECK_EQ(hcall(memory_op, XENMEM_acquire_resource, &table), 0);
	theirs = page_get();
	CHECK_EQ(hcall(update_va_mapping_otherdomain, theirs, MFN_PTE(frame, PTE_RW), UVMF_INVLPG | UVMF_ALL, PEER), 0);
}

static void peer_grant(uint32_t ref, uint16_t flags, domid_t domid, uint64_t frame)
{
	theirs[ref].domid = domid;
	theirs[ref].frame = (uint32_t)frame;
	__atomic_store_n(&theirs[ref].flags, flags, __ATOMIC_RELEASE);
}

/* ---- Transfers ---- */

static int transfer(uint64_t mfn, domid_t to, uint32_t ref)
{
	struct gnttab_transfer op = { .mfn = mfn, .domid = to, .ref = ref, .status = 99 };

	CHECK_EQ(hcall(grant_table_op, GNTTABOP_transfer, &op, 1), 0);
	return op.status;
}

static void frames_in_use_are_not_transferred(void)
{
	void *page = page_get();
	uint64_t frame = mfn_of(page);

	peer_make();
	peer_grant(8, GTF_accept_transfer, 0, 77);
	CHECK_EQ(transfer(frame, PEER, 8), GNTST_bad_page);
	CHECK_EQ(transfer(frame, PEER + 1, 8), GNTST_bad_page);
	CHECK_EQ(transfer(1ul << 39, PEER, 8), GNTST_bad_page);
	CHECK_EQ(transfer(peer_frames[0], PEER, 8), GNTST_bad_page);
	CHECK_EQ(theirs[8].flags, GTF_accept_transfer);
	CHECK_EQ(theirs[8].frame, 77);
	page_put(page);
}

static void frames_are_transferred_to_who_accepts_them(void)
{
	domid_t self = DOMID_SELF, peer = PEER;
	void *page = page_get();
	uint64_t frame = mfn_of(page);
	long before = hcall(memory_op, XENMEM_current_reservation, &self);

	peer_grant(8, GTF_accept_transfer, 0, 77);
	CHECK_EQ(pte_set(page, 0), 0);
	CHECK_EQ(transfer(frame, PEER, 8), GNTST_okay);
	CHECK_EQ(theirs[8].flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
	CHECK_EQ(theirs[8].frame, frame);
	CHECK_EQ(machine_to_phys_mapping[frame], 77);
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), before - 1);
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &peer), PEER_PAGES + 1);
	CHECK_EQ(transfer(frame, PEER, 8), GNTST_bad_page);
	CHECK(pte_set(page, MFN_PTE(frame, PTE_RW)) < 0);
}

static void a_frame_that_is_not_accepted_is_lost(void)
{
	domid_t self = DOMID_SELF;
	void *page = page_get();
	uint64_t frame = mfn_of(page);
	long before = hcall(memory_op, XENMEM_current_reservation, &self);

	peer_grant(9, GTF_permit_access, 0, 77);
	CHECK_EQ(pte_set(page, 0), 0);
	CHECK_EQ(transfer(frame, PEER, 9), GNTST_general_error);
	CHECK_EQ(theirs[9].flags, GTF_permit_access);
	CHECK_EQ(hcall(memory_op, XENMEM_current_reservation, &self), before - 1);
	CHECK_EQ(transfer(frame, PEER, 8), GNTST_bad_page);
}

/* ---- Caches ---- */

static long flush(uint64_t mfn, uint16_t offset, uint16_t length, uint32_t how)
{
	gnttab_cache_flush_t op = { .a.dev_bus_addr = mfn << 12, .offset = offset, .length = length, .op = how };

	return hcall(grant_table_op, GNTTABOP_cache_flush, &op, 1);
}

static void caches_are_written_back_but_not_thrown_away(void)
{
	uint64_t frame = mfn_of(landing = page_get());

	CHECK_EQ(flush(frame, 0, 64, GNTTAB_CACHE_CLEAN), 0);
	CHECK_EQ(flush(frame, 0, 4096, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL), 0);
	CHECK_EQ(flush(frame, 0, 64, GNTTAB_CACHE_INVAL), -XEN_EOPNOTSUPP);
	CHECK_EQ(flush(frame, 0, 64, 0), 0);
	CHECK_EQ(flush(frame, 0, 0, GNTTAB_CACHE_CLEAN), 0);
	CHECK_EQ(flush(frame, 1, 4096, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
	CHECK_EQ(flush(frame, 0, 64, 8), -XEN_EINVAL);
	CHECK_EQ(flush(1ul << 39, 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
}

static void anothers_caches_are_flushed_while_a_grant_is_mapped(void)
{
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_device_map, .ref = 11, .dom = PEER };
	struct gnttab_unmap_grant_ref unmap = { 0 };

	CHECK_EQ(flush(peer_frames[0], 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
	peer_grant(11, GTF_permit_access, 0, peer_frames[0]);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1), 0);
	CHECK_EQ(map.status, GNTST_okay);
	CHECK_EQ(flush(peer_frames[0], 0, 64, GNTTAB_CACHE_CLEAN), 0);
	unmap.dev_bus_addr = map.dev_bus_addr;
	unmap.handle = map.handle;
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1), 0);
	CHECK_EQ(unmap.status, GNTST_okay);
}

/* ---- Grants of grants ---- */

static void ours_map(void)
{
	xen_pfn_t frame;
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	struct gnttab_set_version version = { .version = 2 };

	set_xen_guest_handle(setup.frame_list, &frame);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_set_version, &version, 1), 0);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_setup_table, &setup, 1), 0);
	CHECK_EQ(setup.status, GNTST_okay);
	ours = page_get();
	CHECK_EQ(pte_set(ours, MFN_PTE(frame, PTE_RW)), 0);
}

static void lend(uint32_t ref, uint16_t flags, domid_t user, domid_t whose, uint32_t theirs_ref)
{
	ours[ref].transitive.trans_domid = whose;
	ours[ref].transitive.gref = theirs_ref;
	ours[ref].hdr.domid = user;
	__atomic_store_n(&ours[ref].hdr.flags, GTF_transitive | flags, __ATOMIC_RELEASE);
}

static int copy(uint32_t ref, uint16_t flags)
{
	gnttab_copy_t op = { .len = 8, .flags = flags, .status = 99 };
	struct gnttab_copy_ptr *grant = flags == GNTCOPY_source_gref ? &op.source : &op.dest;
	struct gnttab_copy_ptr *own = flags == GNTCOPY_source_gref ? &op.dest : &op.source;

	grant->domid = 0;
	grant->u.ref = ref;
	own->domid = DOMID_SELF;
	own->u.gmfn = mfn_of(landing);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_copy, &op, 1), 0);
	return op.status;
}

static void anothers_grant_is_lent_for_copies(void)
{
	uint64_t *window = page_get();
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_device_map, .ref = 20, .dom = 0 };

	ours_map();
	peer_grant(11, GTF_permit_access, 0, peer_frames[0]);
	CHECK_EQ(hcall(update_va_mapping_otherdomain, window, MFN_PTE(peer_frames[0], PTE_RW), UVMF_INVLPG | UVMF_ALL,
		       PEER), 0);
	*window = 4711;
	lend(20, 0, 0, PEER, 11);
	CHECK_EQ(copy(20, GNTCOPY_source_gref), GNTST_okay);
	CHECK_EQ(*landing, 4711);
	*landing = 4712;
	CHECK_EQ(copy(20, GNTCOPY_dest_gref), GNTST_okay);
	CHECK_EQ(*window, 4712);
	CHECK_EQ(theirs[11].flags, GTF_permit_access);
	CHECK_EQ(hcall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1), 0);
	CHECK_EQ(map.status, GNTST_general_error);
	CHECK_EQ(pte_set(window, 0), 0);
}

static void a_lent_grant_permits_what_both_do(void)
{
	peer_grant(12, GTF_permit_access | GTF_readonly, 0, peer_frames[0]);
	peer_grant(13, GTF_permit_access, 5, peer_frames[0]);
	lend(21, 0, 0, PEER, 12);
	CHECK_EQ(copy(21, GNTCOPY_source_gref), GNTST_okay);
	CHECK_EQ(copy(21, GNTCOPY_dest_gref), GNTST_general_error);
	lend(22, 0, 0, PEER, 13);
	CHECK_EQ(copy(22, GNTCOPY_source_gref), GNTST_general_error);
	lend(23, 0, 0, PEER + 1, 11);
	CHECK_EQ(copy(23, GNTCOPY_source_gref), GNTST_general_error);
	lend(24, 0, 0, 0, 20);
	CHECK_EQ(copy(24, GNTCOPY_source_gref), GNTST_general_error);
	lend(25, 0, 3, PEER, 11);
	CHECK_EQ(copy(25, GNTCOPY_source_gref), GNTST_general_error);
	lend(26, 0, 0, PEER, 1 << 20);
	CHECK_EQ(copy(26, GNTCOPY_source_gref), GNTST_bad_gntref);
	lend(28, GTF_readonly, 0, PEER, 11);
	CHECK_EQ(copy(28, GNTCOPY_source_gref), GNTST_okay);
	CHECK_EQ(copy(28, GNTCOPY_dest_gref), GNTST_general_error);
}

const struct claim grant_claims[] = {
	{ "frames in use are not transferred", frames_in_use_are_not_transferred },
	{ "frames are transferred to who accepts them", frames_are_transferred_to_who_accepts_them },
	{ "a frame that is not accepted is lost", a_frame_that_is_not_accepted_is_lost },
	{ "caches are written back but not thrown away", caches_are_written_back_but_not_thrown_away },
	{ "another's caches are flushed while a grant is mapped", anothers_caches_are_flushed_while_a_grant_is_mapped },
	{ "another's grant is lent for copies", anothers_grant_is_lent_for_copies },
	{ "a lent grant permits what both do", a_lent_grant_permits_what_both_do },
	{ 0 },
};
