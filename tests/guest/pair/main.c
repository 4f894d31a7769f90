/*
 * Two guests that measure what goes on between them, in virtual ns ("BENCH name ns" on their consoles).
 * Command line: role=answer or role=ask, and peer=N, the other's domain id.  The one that answers grants
 * its pages and opens a port; the one that asks does the measuring, and both end.
 */
#include "bench.h"
#include "clock.h"
#include "mem.h"

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/vcpu.h>

enum { BATCH = 32, REF_FIRST = 16, PORTS_TRIED = 32, YIELDS = 2000 };

/* What the first granted page holds. */
struct control { uint64_t mode, yields; };
enum { MODE_ANSWER, MODE_YIELD, MODE_END };

static domid_t peer;
static unsigned int port;
static volatile unsigned long events;
static uint8_t *pages[BATCH];
static void *landing;			/* where granted data is copied to */
static struct gnttab_map_grant_ref maps[BATCH];
static struct gnttab_unmap_grant_ref unmaps[BATCH];
static struct gnttab_copy copies[BATCH];

static const char *argument(const char *name)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t length = strlen(name);

	for (; *line; line++)
		if (strlen(line) >= length && !memcmp(line, name, length))
			return line + length;
	guest_panic("an argument is missing: role=answer|ask peer=N");
}

static domid_t argument_domid(void)
{
	const char *digit = argument("peer=");
	unsigned int id = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++)
		id = id * 10 + (unsigned int)(*digit - '0');
	return (domid_t)id;
}

static bool event_take(struct regs *r)
{
	shared_info.vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info.vcpu_info[0].evtchn_pending_sel = 0;
	__atomic_fetch_and(&shared_info.evtchn_pending[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
	events++;
	return true;
}

/* Every port but ours is somebody else's: the console's, the store's. */
static void events_prepare(void)
{
	trap_hook[TRAP_EVENT] = event_take;
	hcall(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(shared_info.evtchn_mask); i++)
		shared_info.evtchn_mask[i] = ~0ul;
	__atomic_fetch_and(&shared_info.evtchn_mask[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

static void peer_notify(void)
{
	struct evtchn_send op = { .port = port };

	hcall(event_channel_op, EVTCHNOP_send, &op);
}

/* Sleeps until there is an event more than `before`; events are masked on entry, and on return. */
static void event_await(unsigned long before)
{
	while (events == before) {
		hcall(sched_op, SCHEDOP_block, NULL);
		shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	}
}

/* --- the one that answers */

/* The first frame of our grant table, in the place of `page`. */
static grant_entry_v1_t *grants_map(void *page)
{
	xen_pfn_t frame;
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };

	set_xen_guest_handle(setup.frame_list, &frame);
	if (hcall(grant_table_op, GNTTABOP_setup_table, &setup, 1) || setup.status ||
	    pte_set(page, MFN_PTE(frame, PTE_RW)))
		guest_panic("no grant table");
	return page;
}

static void pages_grant(void)
{
	grant_entry_v1_t *table = grants_map(page_get());

	for (unsigned int i = 0; i < BATCH; i++) {
		grant_entry_v1_t *entry = &table[REF_FIRST + i];

		entry->domid = peer;
		entry->frame = (uint32_t)mfn_of(pages[i]);
		__atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
	}
}

static void port_open(void)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = peer };

	if (hcall(event_channel_op, EVTCHNOP_alloc_unbound, &op))
		guest_panic("no port");
	port = op.port;
}

static void answer_main(void)
{
	volatile struct control *control = (struct control *)pages[0];
	unsigned long seen = 0;

	pages_grant();
	port_open();
	events_prepare();
	print("PAIR answers\n");
	while (control->mode != MODE_END) {
		event_await(seen);
		seen = events;
		peer_notify();
		for (; control->mode == MODE_YIELD; control->yields++)
			hcall(sched_op, SCHEDOP_yield, NULL);
	}
}

/* --- the one that asks */

static void port_join(void)
{
	struct evtchn_bind_interdomain op = { .remote_dom = peer };

	for (op.remote_port = 1; op.remote_port < PORTS_TRIED; op.remote_port++)
		if (!hcall(event_channel_op, EVTCHNOP_bind_interdomain, &op)) {
			port = op.local_port;
			return;
		}
	guest_panic("the peer has no port for us");
}

static void grant_map(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		maps[i].host_addr = (uintptr_t)pages[i];
		maps[i].flags = GNTMAP_host_map;
		maps[i].ref = REF_FIRST + i;
		maps[i].dom = peer;
	}
	if (hcall(grant_table_op, GNTTABOP_map_grant_ref, maps, n))
		guest_panic("map_grant_ref was refused");
	for (unsigned int i = 0; i < n; i++)
		if (maps[i].status)
			guest_panic("a grant was not mapped");
}

static void grant_unmap(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		unmaps[i].host_addr = (uintptr_t)pages[i];
		unmaps[i].handle = maps[i].handle;
		unmaps[i].dev_bus_addr = 0;
	}
	if (hcall(grant_table_op, GNTTABOP_unmap_grant_ref, unmaps, n) || unmaps[n - 1].status)
		guest_panic("unmap_grant_ref was refused");
}

static void grant_copy(unsigned int n, unsigned int bytes)
{
	for (unsigned int i = 0; i < n; i++) {
		copies[i].source.u.ref = REF_FIRST + i;
		copies[i].source.domid = peer;
		copies[i].dest.u.gmfn = mfn_of(landing);
		copies[i].dest.domid = DOMID_SELF;
		copies[i].source.offset = copies[i].dest.offset = 0;
		copies[i].len = (uint16_t)bytes;
		copies[i].flags = GNTCOPY_source_gref;
	}
	if (hcall(grant_table_op, GNTTABOP_copy, copies, n) || copies[n - 1].status)
		guest_panic("a grant was not copied");
}

static void bench_grant_1(void) { grant_map(1); grant_unmap(1); }
static void bench_grant_32(void) { grant_map(BATCH); grant_unmap(BATCH); }
static void bench_copy_1(void) { grant_copy(1, PAGE_SIZE); }
static void bench_copy_32(void) { grant_copy(BATCH, PAGE_SIZE); }
static void bench_copy_small(void) { grant_copy(1, 64); }

static void bench_event_and_back(void)
{
	unsigned long before = events;

	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	peer_notify();
	event_await(before);
}

static const struct bench benches[] = {
	{ "event-to-guest-and-back", bench_event_and_back, .takes_events = true },
	{ "grant-map-unmap-1", bench_grant_1 },
	{ "grant-map-unmap-32", bench_grant_32, BATCH },
	{ "grant-copy-64", bench_copy_small },
	{ "grant-copy-4096", bench_copy_1 },
	{ "grant-copy-4096-32", bench_copy_32, BATCH },
};

/* Both do nothing but yield to each other: each switch is one's yield. */
static void bench_switch(volatile struct control *theirs)
{
	uint64_t start, yields;

	theirs->mode = MODE_YIELD;
	bench_event_and_back();
	yields = theirs->yields;
	start = now_ns();
	for (unsigned int i = 0; i < YIELDS; i++)
		hcall(sched_op, SCHEDOP_yield, NULL);
	yields = theirs->yields - yields + YIELDS;
	bench_print("guest-switch", now_ns() - start, yields);
	theirs->mode = MODE_ANSWER;
}

/* The peer's first page, mapped in the place of one of ours; what it maps then is not ours any more. */
static struct control *control_map(void)
{
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_host_map, .ref = REF_FIRST, .dom = peer };
	void *page = page_get();

	map.host_addr = (uintptr_t)page;
	if (pte_set(page, 0) || hcall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1) || map.status)
		guest_panic("the peer's page was not mapped");
	return page;
}

static void ask_main(void)
{
	volatile struct control *theirs;

	port_join();
	events_prepare();
	theirs = control_map();
	landing = page_get();
	for (unsigned int i = 0; i < BATCH; i++)
		if (pte_set(pages[i], 0))
			guest_panic("a page cannot be unmapped");
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		bench_run(&benches[i]);
	bench_switch(theirs);
	theirs->mode = MODE_END;
	peer_notify();
	print("PAIR done\n");
}

void test_main(void)
{
	peer = argument_domid();
	for (unsigned int i = 0; i < BATCH; i++)
		pages[i] = page_get();
	shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	if (*argument("role=") == 'a' && argument("role=")[1] == 'n')
		answer_main();
	else
		ask_main();
}
