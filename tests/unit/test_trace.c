/* The trace buffers as xentrace sees them, and the performance counters as xenperf does. */
#include "fake.h"
#include "page.h"
#include "perf.h"
#include "trace.h"
#include <stdlib.h>
#include <string.h>

#define PAGES 2
#define DATA_BYTES (PAGES * PAGE_SIZE - sizeof(struct t_buf))
#define CLASS_EVENT TRC_SCHED_WAKE

static struct t_buf *buf;		/* of CPU 0 */

static long op(uint32_t cmd, uint32_t mask, uint32_t size, struct xen_sysctl_tbuf_op *out)
{
	struct xen_sysctl_tbuf_op o = { .cmd = cmd, .evt_mask = mask, .size = size };
	uint8_t on[MAX_CPUS / 8];
	long rc;

	memset(on, mask, sizeof(on));
	o.cpu_mask.nr_bits = MAX_CPUS;
	o.cpu_mask.bitmap.p = on;
	rc = trace_op(&o);
	if (out)
		*out = o;
	return rc;
}

static const struct t_info *info_get(uint32_t *bytes)
{
	struct xen_sysctl_tbuf_op o;

	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_get_info, 0, 0, &o), 0);
	*bytes = o.size;
	return o.size ? fake_frame_data(o.buffer_mfn) : NULL;
}

/* Buffers once made stay: every test begins with them on and empty. */
static void start(void)
{
	const struct t_info *info;
	uint32_t bytes;

	fake_be_cpu(0);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_size, 0, PAGES, NULL), 0);
	fake_memory_stays();
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_cpu_mask, 0xff, 0, NULL), 0);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_evt_mask, TRC_ALL, 0, NULL), 0);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_enable, 0, 0, NULL), 0);
	info = info_get(&bytes);
	buf = fake_frame_data(((const uint32_t *)info)[info->mfn_offset[0]]);
	buf->cons = buf->prod;
}

static void stop(void)
{
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_disable, 0, 0, NULL), 0);
}

/* The next record, skipping what only fills the end; its words of data. */
static uint32_t read_one(uint32_t data[TRACE_EXTRA_MAX], uint64_t *tsc)
{
	for (;;) {
		const uint32_t *at = (const uint32_t *)((const uint8_t *)(buf + 1) + buf->cons % DATA_BYTES);
		unsigned int words = at[0] >> TRACE_EXTRA_SHIFT & TRACE_EXTRA_MAX;
		bool has_cycles = at[0] & TRC_HD_CYCLE_FLAG;

		CHECK(buf->cons != buf->prod);
		CHECK(buf->cons % DATA_BYTES + (1 + 2 * has_cycles + words) * 4 <= DATA_BYTES);
		buf->cons = (buf->cons + (1 + 2 * has_cycles + words) * 4) % (2 * DATA_BYTES);
		if (TRC_HD_TO_EVENT(at[0]) == TRC_TRACE_WRAP_BUFFER)
			continue;
		CHECK(has_cycles);
		*tsc = at[1] | (uint64_t)at[2] << 32;
		memcpy(data, at + 3, words * 4);
		return TRC_HD_TO_EVENT(at[0]);
	}
}

static void without_buffers_nothing_can_be_switched_on(void)
{
	uint32_t bytes;

	CHECK(!info_get(&bytes));
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_enable, 0, 0, NULL), -EINVAL);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_size, 0, 0, NULL), -EINVAL);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_size, 0, 1 << 20, NULL), -EINVAL);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_disable + 1, 0, 0, NULL), -EINVAL);
	trace(CLASS_EVENT, 1, 2);
}

static void domain_0_finds_the_buffers_and_may_map_them(void)
{
	const struct t_info *info;
	uint32_t bytes, mfn;

	start();
	info = info_get(&bytes);
	CHECK_EQ(info->tbuf_size, PAGES);
	CHECK(bytes >= PAGE_SIZE);
	mfn = ((const uint32_t *)info)[info->mfn_offset[0] + 1];
	CHECK_EQ(page_owner(mfn_to_page(MFN(mfn))), DOMID_XEN);
	CHECK_EQ(page_type(mfn_to_page(MFN(mfn))), PAGE_WRITABLE);
	CHECK(page_type(mfn_to_page(virt_to_mfn(info))) != PAGE_WRITABLE);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_size, 0, PAGES, NULL), 0);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_size, 0, PAGES + 1, NULL), -EINVAL);
	stop();
}

static void a_record_has_its_event_time_and_data(void)
{
	uint32_t data[TRACE_EXTRA_MAX];
	uint64_t tsc;

	start();
	fake_tsc = 0x1122334455667788;
	trace(CLASS_EVENT, 7, 8, 9);
	fake_tsc++;
	trace(TRC_MEM_PAGE_GRANT_MAP, 5);
	CHECK_EQ(read_one(data, &tsc), CLASS_EVENT);
	CHECK_EQ(tsc, 0x1122334455667788);
	CHECK_EQ(data[0], 7);
	CHECK_EQ(data[2], 9);
	CHECK_EQ(read_one(data, &tsc), TRC_MEM_PAGE_GRANT_MAP);
	CHECK_EQ(tsc, 0x1122334455667789);
	CHECK_EQ(buf->cons, buf->prod);
	stop();
	trace(CLASS_EVENT, 1);
	CHECK_EQ(buf->cons, buf->prod);
}

static void only_what_was_asked_for_is_recorded(void)
{
	uint32_t data[TRACE_EXTRA_MAX];
	uint64_t tsc;

	start();
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_evt_mask, TRC_SCHED_MIN & TRC_ALL, 0, NULL), 0);
	trace(TRC_SCHED_WAKE, 1, 1);			/* another subclass of the same class */
	trace(TRC_MEM_PAGE_GRANT_MAP, 1);
	trace(TRC_SCHED_RUNSTATE_CHANGE | 2 << 8 | 1 << 4, 0x10002);
	CHECK_EQ(read_one(data, &tsc), TRC_SCHED_RUNSTATE_CHANGE | 2 << 8 | 1 << 4);
	CHECK_EQ(buf->cons, buf->prod);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_evt_mask, TRC_ALL, 0, NULL), 0);
	CHECK_EQ(op(XEN_SYSCTL_TBUFOP_set_cpu_mask, 0, 0, NULL), 0);
	trace(CLASS_EVENT, 1);
	CHECK_EQ(buf->cons, buf->prod);
	stop();
}

static void a_buffer_goes_round_without_a_record_over_its_end(void)
{
	uint32_t data[TRACE_EXTRA_MAX], seen = 0, written = 0;
	uint64_t tsc;

	start();
	srand(1);
	for (unsigned int round = 0; round < 5000; round++) {
		if (rand() % 2) {
			uint32_t words[TRACE_EXTRA_MAX] = { written++ };

			trace_record(CLASS_EVENT, words, 1 + rand() % TRACE_EXTRA_MAX);
		} else if (buf->cons != buf->prod) {
			CHECK_EQ(read_one(data, &tsc), CLASS_EVENT);
			CHECK_EQ(data[0], seen++);
		}
	}
	CHECK(written > 2000);
	stop();
}

static void what_finds_no_room_is_counted_and_told(void)
{
	uint32_t data[TRACE_EXTRA_MAX], kept = 0, event;
	uint64_t tsc;

	start();
	for (fake_tsc = 1; fake_tsc <= 1000; fake_tsc++)
		trace(CLASS_EVENT, fake_tsc, 0, 0, 0, 0, 0, 0);
	while (buf->cons != buf->prod) {
		CHECK_EQ(read_one(data, &tsc), CLASS_EVENT);
		CHECK_EQ(data[0], ++kept);
	}
	CHECK(kept > 100 && kept < 1000);
	trace(CLASS_EVENT, 4711);
	event = read_one(data, &tsc);
	CHECK_EQ(event, TRC_LOST_RECORDS);
	CHECK_EQ(data[0], 1000 - kept);
	CHECK_EQ(data[2], kept + 1);			/* when the first was lost */
	CHECK_EQ(read_one(data, &tsc), CLASS_EVENT);
	CHECK_EQ(data[0], 4711);
	stop();
}

static void a_reader_who_scribbles_hurts_only_itself(void)
{
	start();
	for (unsigned int i = 0; i < 3000; i++) {
		static const uint32_t wild[] = { 0, 3, 4, 0xffffffff, 0x7ffffffc, DATA_BYTES, 2 * DATA_BYTES, 12 };

		buf->cons = wild[rand() % ARRAY_SIZE(wild)];
		buf->prod = wild[rand() % ARRAY_SIZE(wild)];
		trace(CLASS_EVENT, 1, 2, 3, 4, 5, 6, 7);	/* the sanitizers watch */
	}
	trace(CLASS_EVENT, 1);
	stop();
	buf->cons = 0;
}

static void counters_are_described_summed_and_reset(void)
{
	struct xen_sysctl_perfc_desc desc[40];
	uint32_t values[512], at = 0;
	struct xen_sysctl_perfc_op o = { .cmd = XEN_SYSCTL_PERFCOP_query };
	bool found = false;

	CHECK_EQ(perf_op(&(struct xen_sysctl_perfc_op){ .cmd = XEN_SYSCTL_PERFCOP_reset }), 0);
	perf_inc_at(hypercalls, 17);
	perf_inc_at(hypercalls, 17);
	CHECK_EQ(perf_op(&o), 0);
	CHECK(o.nr_counters > 10 && o.nr_counters <= ARRAY_SIZE(desc) && o.nr_vals <= ARRAY_SIZE(values));
	o.desc.p = desc;
	o.val.p = values;
	CHECK_EQ(perf_op(&o), 0);
	for (unsigned int i = 0; i < o.nr_counters; at += desc[i++].nr_vals)
		if (!strcmp(desc[i].name, "hypercalls")) {
			found = true;
			CHECK_EQ(desc[i].nr_vals, 64);
			CHECK_EQ(values[at + 17], 2);
			CHECK_EQ(values[at + 18], 0);
		}
	CHECK(found);
	CHECK_EQ(at, o.nr_vals);
	o.cmd = 77;
	CHECK_EQ(perf_op(&o), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(without_buffers_nothing_can_be_switched_on),
		FAKE_TEST(domain_0_finds_the_buffers_and_may_map_them),
		FAKE_TEST(a_record_has_its_event_time_and_data),
		FAKE_TEST(only_what_was_asked_for_is_recorded),
		FAKE_TEST(a_buffer_goes_round_without_a_record_over_its_end),
		FAKE_TEST(what_finds_no_room_is_counted_and_told),
		FAKE_TEST(a_reader_who_scribbles_hurts_only_itself),
		FAKE_TEST(counters_are_described_summed_and_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
