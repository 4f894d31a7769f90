/* The allocator: blocks are whole and nobody else's, and hold zeros when asked to, whoever wrote to them last. */
#include "check.h"
#include <stdlib.h>

#include "arch.h"
#include "heap.h"
#include "printk.h"
#include "string.h"

enum { FRAMES = 1024, FIRST = 16 };	/* those below FIRST stay out */

/* ---- The machine ---- */

struct page *frame_table;
uint64_t max_mfn = FRAMES - 1;
uint8_t *fake_ram;
bool fake_irqs_on = true;
struct cpu *fake_this_cpu;
static uint32_t clock_now = 1, flushed;		/* TLBs hold what was let go at `flushed` or later */
static uint32_t let_go[FRAMES];			/* when the last guest had it */
static unsigned int flushes;
static void (*during_flush)(void);		/* what another CPU does meanwhile */

bool mfn_is_ram(mfn_t mfn) { return mfn.n >= FIRST && mfn.n < FRAMES; }
struct page *mfn_to_page(mfn_t mfn) { return &frame_table[mfn.n]; }
mfn_t page_to_mfn(const struct page *pg) { return MFN((uint64_t)(pg - frame_table)); }
void cpu_relax(void) { fail(); }
void printk(const char *format, ...) { }
void panic(const char *format, ...) { fail_msg("%s", format); abort(); }
bool arch_tlb_is_stale(uint32_t stamp) { return stamp && stamp >= flushed; }

/* Who had a frame that a TLB still leads to writes to it till the last moment. */
static void guests_write(void)
{
	for (unsigned int n = FIRST; n < FRAMES; n++)
		if (arch_tlb_is_stale(let_go[n]))
			memset(mfn_to_virt(MFN(n)), 0xee, PAGE_SIZE);
}

void arch_tlb_flush_stale(uint32_t stamp)
{
	void (*meanwhile)(void) = during_flush;

	guests_write();
	flushes++;
	flushed = ++clock_now;
	during_flush = NULL;
	if (meanwhile)
		meanwhile();
}

void arch_frames_reused(struct page *pg, unsigned int order)
{
	for (unsigned int i = 0; i < 1U << order; i++) {
		if (arch_tlb_is_stale(page_stamp(&pg[i])))
			arch_tlb_flush_stale(page_stamp(&pg[i]));
		pg[i].use &= ~USE_STAMP;
	}
}

/* ---- What tests do ---- */

static bool is_zero(const struct page *pg, unsigned int order)
{
	const uint8_t *p = mfn_to_virt(page_to_mfn(pg));

	for (size_t i = 0; i < PAGE_SIZE << order; i++)
		if (p[i])
			return false;
	return true;
}

/* A guest had it: its contents are the guest's, and so they may be a while longer. */
static void give_back(struct page *pg, unsigned int order)
{
	for (unsigned int i = 0; i < 1U << order; i++) {
		pg[i] = (struct page){ .use = USE_NOBODY | clock_now };
		let_go[page_to_mfn(pg + i).n] = clock_now;
	}
	memset(mfn_to_virt(page_to_mfn(pg)), 0xdd, PAGE_SIZE << order);
	heap_free(pg, order);
}

static void scrub_all(void)
{
	CHECK_EQ(heap_audit(), 0);
	for (unsigned int steps = 0; heap_scrub(); steps++)
		CHECK(steps < 10 * FRAMES);
	CHECK_EQ(heap_audit(), 0);
}

static void start(void)
{
	static bool is_ready;

	if (is_ready)
		return;
	is_ready = true;
	frame_table = calloc(FRAMES, sizeof(*frame_table));
	fake_ram = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);
	memset(fake_ram, 0xbb, FRAMES * PAGE_SIZE);
	for (unsigned int n = 0; n < FRAMES; n++)
		frame_table[n].use = USE_NOBODY;
	heap_add_range(FIRST * PAGE_SIZE, FRAMES * PAGE_SIZE);
}

/* ---- Claims ---- */

static void what_was_there_from_boot_on_is_left_alone_unless_told_otherwise(void)
{
	struct page *pg;

	start();
	heap_scrub_start(false);
	CHECK(!heap_scrub());
	pg = heap_alloc(3, 0);
	CHECK(!is_zero(pg, 3));
	heap_clear(pg, 3);
	CHECK(is_zero(pg, 3));
	heap_free(pg, 3);
	heap_scrub_start(true);
	scrub_all();
	CHECK(!heap_scrub());
	for (unsigned int n = FIRST; n < FRAMES; n++)
		CHECK(is_zero(&frame_table[n], 0));
}

static void what_a_tlb_leads_to_is_cleared_after_the_flush(void)
{
	struct page *pg;

	start();
	scrub_all();
	pg = heap_alloc(0, 0);
	give_back(pg, 0);
	flushes = 0;
	CHECK(heap_scrub());
	CHECK_EQ(flushes, 1);
	CHECK(is_zero(pg, 0));
	guests_write();
	CHECK(is_zero(pg, 0));
}

/* Everything is taken and given back: to a guest that may still write to it. */
static void everything_is_used(void)
{
	static struct page *all[FRAMES];
	unsigned int n = 0;

	while ((all[n] = heap_alloc(0, 0)))
		n++;
	while (n)
		give_back(all[--n], 0);
}

static void what_was_used_during_the_flush_is_not_taken_for_flushed(void)
{
	struct page *pg;

	start();
	scrub_all();
	pg = heap_alloc(0, 0);
	give_back(pg, 0);
	during_flush = everything_is_used;
	CHECK(heap_scrub());
	CHECK_EQ(heap_audit(), 0);
	scrub_all();
	guests_write();
	CHECK_EQ(heap_audit(), 0);
}

static void the_clean_go_first(void)
{
	struct page *dirty, *pg;

	start();
	scrub_all();
	dirty = heap_alloc(0, 0);
	give_back(dirty, 0);
	pg = heap_alloc(0, 0);
	CHECK(pg != dirty && is_zero(pg, 0));
	heap_clear(pg, 0);		/* nothing to do: no flush for what is clean */
	heap_free(pg, 0);
}

static void clean_and_dirty_neighbours_make_a_large_block_when_it_is_needed(void)
{
	struct page *other, *pg[2], *large;
	uint64_t all;

	start();
	scrub_all();
	all = heap_free_pages();
	other = heap_alloc(8, 0);	/* all others of that size are two halves */
	pg[0] = heap_alloc(8, 0);
	pg[1] = heap_alloc(8, 0);
	CHECK_EQ((pg[0] - frame_table) ^ 256, pg[1] - frame_table);
	give_back(pg[0], 8);
	scrub_all();
	give_back(pg[1], 8);		/* one clean half, one dirty one, and of that size nothing else */
	large = heap_alloc(9, 0);
	CHECK(large != NULL);
	heap_clear(large, 9);
	CHECK(is_zero(large, 9));
	give_back(large, 9);
	give_back(other, 8);
	scrub_all();
	CHECK_EQ(heap_free_pages(), all);
}

/* Any order of things: blocks are disjoint, cleared when asked for, and all comes together at the end. */
static void the_audit_finds_what_was_written_to_after_it_was_cleared(void)
{
	struct page *pg;

	start();
	pg = heap_alloc(0, 0);
	give_back(pg, 0);
	scrub_all();
	((uint8_t *)mfn_to_virt(page_to_mfn(pg)))[77] = 1;
	CHECK_EQ(heap_audit(), 1);
	((uint8_t *)mfn_to_virt(page_to_mfn(pg)))[77] = 0;
	CHECK_EQ(heap_audit(), 0);
}

static void at_random_nothing_is_lost_shared_or_dirty(void)
{
	struct { struct page *pg; unsigned int order; } held[64] = { { 0 } };
	uint64_t all;

	start();
	all = heap_free_pages();
	srandom(1);
	for (unsigned int n = 0; n < 40000; n++) {
		unsigned int i = random() % 64, order = random() % 6;

		if (random() % 4 == 0) {
			heap_scrub();
		} else if (held[i].pg) {
			const uint8_t *p = mfn_to_virt(page_to_mfn(held[i].pg));

			CHECK_EQ(p[0], i + 1);	/* nobody else wrote to it */
			CHECK_EQ(p[(PAGE_SIZE << held[i].order) - 1], i + 1);
			give_back(held[i].pg, held[i].order);
			held[i].pg = NULL;
		} else {
			held[i].pg = heap_alloc(order, 0);
			held[i].order = order;
			if (!held[i].pg)
				continue;
			CHECK_EQ(page_to_mfn(held[i].pg).n % (1U << order), 0);
			heap_clear(held[i].pg, order);
			guests_write();		/* whoever still can */
			CHECK(is_zero(held[i].pg, order));
			memset(mfn_to_virt(page_to_mfn(held[i].pg)), (int)i + 1, PAGE_SIZE << order);
		}
	}
	for (unsigned int i = 0; i < 64; i++)
		if (held[i].pg)
			give_back(held[i].pg, held[i].order);
	scrub_all();
	CHECK_EQ(heap_free_pages(), all);
	CHECK_EQ(heap_free_between(FIRST, FRAMES), all);
	CHECK(heap_alloc(9, 0) != NULL);	/* 512 … 1023: nothing is in between any more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_there_from_boot_on_is_left_alone_unless_told_otherwise),
		TEST(what_a_tlb_leads_to_is_cleared_after_the_flush),
		TEST(what_was_used_during_the_flush_is_not_taken_for_flushed),
		TEST(the_clean_go_first),
		TEST(clean_and_dirty_neighbours_make_a_large_block_when_it_is_needed),
		TEST(the_audit_finds_what_was_written_to_after_it_was_cleared),
		TEST(at_random_nothing_is_lost_shared_or_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
