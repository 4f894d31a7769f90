/* Page tables, translated there and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "xend/tables.h"

#define PFNS 64
#define FRAMES(pfn) (0x1000 + (pfn) * 3)	/* where each lies */

static uint64_t mfn[PFNS];

static struct tables_m2p *machine(void)
{
	for (uint64_t pfn = 0; pfn < PFNS; pfn++)
		mfn[pfn] = pfn % 8 == 7 ? TABLES_NONE : FRAMES(pfn);
	return tables_m2p_new(mfn, PFNS);
}

static uint64_t p2m_find(const void *ctx, uint64_t pfn)
{
	return pfn < PFNS ? mfn[pfn] : TABLES_NONE;
}

static void frames_are_found_and_others_are_not(void)
{
	struct tables_m2p *m = machine();

	for (uint64_t pfn = 0; pfn < PFNS; pfn++)
		if (mfn[pfn] != TABLES_NONE)
			CHECK_EQ(tables_m2p_find(m, mfn[pfn]), pfn);
	CHECK_EQ(tables_m2p_find(m, FRAMES(7)), TABLES_NONE);
	CHECK_EQ(tables_m2p_find(m, 0), TABLES_NONE);
	CHECK_EQ(tables_m2p_find(m, TABLES_NONE), TABLES_NONE);
	tables_m2p_free(m);
}

static void a_frame_that_stands_twice_is_what_it_was_first(void)
{
	const uint64_t twice[] = { 9, 5, 9, TABLES_NONE, 5 };
	struct tables_m2p *m = tables_m2p_new(twice, 5);

	CHECK_EQ(tables_m2p_find(m, 9), 0);
	CHECK_EQ(tables_m2p_find(m, 5), 1);
	tables_m2p_free(m);
}

static void a_guest_without_memory_has_no_frames(void)
{
	struct tables_m2p *m = tables_m2p_new(NULL, 0);

	CHECK_EQ(tables_m2p_find(m, 1), TABLES_NONE);
	tables_m2p_free(m);
}

static void tables_come_back_as_they_were(void)
{
	struct tables_m2p *m = machine();
	uint64_t from[512] = { 0 }, there[512], back[512], bad;

	from[0] = FRAMES(3) << 12 | 0x67;
	from[1] = (uint64_t)FRAMES(8) << 12 | 0x8010000000000063;	/* NX, a bit of the guest's */
	from[2] = 0x123456789000;	/* not present: what the guest keeps there is its own */
	from[511] = FRAMES(0) << 12 | 1;
	for (int level = 1; level <= 4; level++) {
		CHECK_EQ(tables_translate(from, there, level, tables_m2p_find, m, &bad), 0);
		CHECK_EQ(there[0], 3 << 12 | 0x67);
		CHECK_EQ(there[1], 8 << 12 | 0x8010000000000063);
		CHECK_EQ(there[2], from[2]);
		memcpy(back, there, sizeof(back));
		CHECK_EQ(tables_translate(back, back, level, p2m_find, NULL, &bad), 0);
		CHECK_MEM(back, from, sizeof(back));
	}
	tables_m2p_free(m);
}

/* Slots 256 to 271 of an L4: xen-x86_64.h. */
static void the_hypervisors_part_of_a_root_comes_out_empty(void)
{
	struct tables_m2p *m = machine();
	uint64_t from[512], to[512], bad;

	for (int i = 0; i < 512; i++)
		from[i] = (i >= 256 && i < 272 ? 0xdead : FRAMES(0)) << 12 | 1;
	CHECK_EQ(tables_translate(from, to, 4, tables_m2p_find, m, &bad), 0);
	for (int i = 0; i < 512; i++)
		CHECK_EQ(to[i], i >= 256 && i < 272 ? 0 : 1);
	CHECK_EQ(tables_translate(from, to, 3, tables_m2p_find, m, &bad), -EINVAL);
	CHECK_EQ(bad, 0xdead);
	tables_m2p_free(m);
}

static void what_leads_elsewhere_is_refused(void)
{
	struct tables_m2p *m = machine();
	uint64_t from[512] = { 0 }, to[512], bad;

	from[100] = FRAMES(7) << 12 | 1;
	CHECK_EQ(tables_translate(from, to, 1, tables_m2p_find, m, &bad), -EINVAL);
	CHECK_EQ(bad, FRAMES(7));
	from[100] = FRAMES(0) << 12 | 0x81;	/* a large page; in an L1 the bit is PAT */
	CHECK_EQ(tables_translate(from, to, 2, tables_m2p_find, m, &bad), -EINVAL);
	CHECK_EQ(tables_translate(from, to, 1, tables_m2p_find, m, &bad), 0);
	tables_m2p_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_are_found_and_others_are_not),
		TEST(a_frame_that_stands_twice_is_what_it_was_first),
		TEST(a_guest_without_memory_has_no_frames),
		TEST(tables_come_back_as_they_were),
		TEST(the_hypervisors_part_of_a_root_comes_out_empty),
		TEST(what_leads_elsewhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
