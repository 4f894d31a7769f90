/* Grants of toys to ourselves and others: the table is written as it comes, and used with all operations. */
#include "fuzz.h"

#include <xen/grant_table.h>

enum {
	TABLE_PAGES = 4, HELD = 64,
	OP_SIZE = 64,			/* none of the operations is larger */
	LONG_LIST = 1000,		/* at times; all of it is made up, lest stale arguments name our own memory */
};

static uint64_t *table[TABLE_PAGES];

/* Maps that were made, so that they can be unmapped as they should. */
static struct { uint64_t host_addr; uint32_t handle; } held[HELD];

void grants_prepare(void)
{
	xen_pfn_t frames[TABLE_PAGES] = { 0 };
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = TABLE_PAGES };

	set_xen_guest_handle(setup.frame_list, frames);
	if (hcall(grant_table_op, GNTTABOP_setup_table, &setup, 1) || setup.status)
		return;
	for (int i = 0; i < TABLE_PAGES; i++) {
		uint64_t *page = page_get();

		if (pte_set(page, MFN_PTE(frames[i], PTE_RW)) == 0)
			table[i] = page;
	}
}

static uint16_t random_flags(void)
{
	return (uint16_t)(one_in(4) ? random_bits() : GTF_permit_access | (one_in(3) ? GTF_readonly : 0));
}

/* An entry of version 1 or 2, whatever the table is now. */
void do_grant(void)
{
	uint64_t *page = table[random_below(TABLE_PAGES)], domid = one_in(2) ? 0 : random_domid();
	unsigned int at = random_below(one_in(2) ? 16 : 512) & ~1u;

	if (!page)
		return;
	if (one_in(2)) {
		page[at] = random_flags() | domid << 16 | random_mfn() << 32;
		return;
	}
	page[at] = random_flags() | domid << 16 | (one_in(4) ? random_bits() << 32 : 0);
	page[at + 1] = random_mfn();
}

static uint32_t random_ref(void)
{
	return one_in(2) ? random_below(32) : one_in(8) ? (uint32_t)random_number() : random_below(2048);
}

static void make_map(uint64_t *words, unsigned int n)
{
	struct gnttab_map_grant_ref *op = (void *)words;

	for (unsigned int i = 0; i < n; i++) {
		op[i].flags = one_in(2) ? GNTMAP_host_map : random_below(64);
		op[i].host_addr = random_toy_va() & PAGE_MASK;
		if (op[i].flags & GNTMAP_contains_pte)
			op[i].host_addr = toy_mfn[random_toy()] << 12 | random_below(511) << 3;
		op[i].ref = random_ref();
		op[i].dom = one_in(2) ? 0 : random_domid();
	}
}

/* After the call: what it mapped. */
static void maps_note(const struct gnttab_map_grant_ref *op, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (op[i].status == 0) {
			unsigned int at = random_below(HELD);

			held[at].host_addr = op[i].host_addr;
			held[at].handle = op[i].handle;
		}
}

static void make_unmap(uint64_t *words, unsigned int n, bool replace)
{
	size_t size = replace ? sizeof(struct gnttab_unmap_and_replace) : sizeof(struct gnttab_unmap_grant_ref);

	for (unsigned int i = 0; i < n; i++) {
		struct gnttab_unmap_grant_ref *op = (void *)((uint8_t *)words + i * size);
		unsigned int at = random_below(HELD);

		op->host_addr = one_in(8) ? random_toy_va() : held[at].host_addr;
		op->dev_bus_addr = one_in(2) ? 0 : replace ? random_toy_va() : random_mfn() << 12;
		op->handle = one_in(8) ? (uint32_t)random_number() : held[at].handle;
	}
}

static void make_copy(uint64_t *words, unsigned int n)
{
	struct gnttab_copy *op = (void *)words;

	for (unsigned int i = 0; i < n; i++) {
		op[i].flags = (uint16_t)random_below(4);
		op[i].source.domid = random_domid();
		op[i].source.u.gmfn = random_mfn();
		if (op[i].flags & GNTCOPY_source_gref)
			op[i].source.u.ref = random_ref();
		op[i].source.offset = (uint16_t)random_below(one_in(2) ? 5000 : 64);
		op[i].dest.domid = DOMID_SELF;
		op[i].dest.u.gmfn = toy_mfn[random_toy()];
		if (op[i].flags & GNTCOPY_dest_gref) {
			op[i].dest.u.ref = random_ref();
			op[i].dest.domid = 0;
		}
		op[i].dest.offset = (uint16_t)random_below(one_in(2) ? 5000 : 64);
		op[i].len = (uint16_t)random_below(one_in(2) ? 5000 : 64);
	}
}

static void make_lists(uint64_t *words, unsigned int cmd)
{
	struct gnttab_setup_table *setup = (void *)words;
	struct gnttab_get_status_frames *status = (void *)words;

	if (cmd == GNTTABOP_setup_table) {
		setup->dom = random_domid();
		setup->nr_frames = one_in(4) ? (uint32_t)random_number() : random_below(8);
		set_xen_guest_handle(setup->frame_list, (xen_pfn_t *)random_toy_va());
	} else {
		status->dom = random_domid();
		status->nr_frames = one_in(4) ? (uint32_t)random_number() : random_below(8);
		set_xen_guest_handle(status->frame_list, (uint64_t *)random_toy_va());
	}
}

static void make_transfer(uint64_t *words, unsigned int n)
{
	struct gnttab_transfer *op = (void *)words;

	for (unsigned int i = 0; i < n; i++) {
		op[i].mfn = one_in(2) ? other_mfn() : (1ul << 40) - 1 - random_below(1000);
		op[i].domid = random_domid();
		op[i].ref = random_ref();
	}
}

void make_grant_table_op(struct call *c)
{
	unsigned int n = one_in(30) ? (unsigned int)(random_number() % LONG_LIST) : 1 + random_below(4);
	uint64_t *words = random_buffer((n + 1) * OP_SIZE);

	c->args[0] = one_in(16) ? random_number() : random_below(13);
	switch (c->args[0]) {
	case GNTTABOP_map_grant_ref:
		make_map(words, n);
		break;
	case GNTTABOP_unmap_grant_ref:
	case GNTTABOP_unmap_and_replace:
		make_unmap(words, n, c->args[0] == GNTTABOP_unmap_and_replace);
		break;
	case GNTTABOP_copy:
		make_copy(words, n);
		break;
	case GNTTABOP_transfer:
		make_transfer(words, n);
		break;
	case GNTTABOP_setup_table:
	case GNTTABOP_get_status_frames:
		make_lists(words, (unsigned int)c->args[0]);
		break;
	case GNTTABOP_set_version:
		words[0] = one_in(4) ? random_number() : 1 + random_below(2);
		n = one_in(30) ? n : 1;
		break;
	case GNTTABOP_swap_grant_ref:
		((uint32_t *)words)[0] = random_ref();
		((uint32_t *)words)[1] = random_ref();
		break;
	default:
		break;
	}
	c->args[1] = random_pointer(words);
	c->args[2] = n;
	if (c->args[0] == GNTTABOP_map_grant_ref && c->args[1] == (uintptr_t)words && one_in(2)) {
		if (call_run(c) == 0)
			maps_note((void *)words, n);
		c->args[0] = GNTTABOP_query_size;
	}
}
