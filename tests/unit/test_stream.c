/* The reader of saved states: what it passes on, and that nothing damaged gets through. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "xend/stream.h"
#include "xenstore/hyp.h"

#define PFNS 1100			/* three frames of p2m */

static struct {
	uint8_t data[1 << 20];
	size_t len, at;
} in;

static struct {
	uint64_t pfns, frames, pages, entries, bytes;
	unsigned int tsc, shared, vcpus[16];
} out;

static struct fault fault;

static void put(const void *data, size_t len)
{
	CHECK(in.len + len <= sizeof(in.data));
	memcpy(in.data + in.len, data, len);
	in.len += len;
}

static void put_record(uint32_t type, uint32_t length)
{
	const struct stream_record r = { type, length };

	put(&r, sizeof(r));
}

static void put_zeros(size_t len)
{
	memset(in.data + in.len, 0, len);
	in.len += len;
}

static void put_headers(void)
{
	const struct stream_image i = { STREAM_MARKER, htobe32(STREAM_ID), htobe32(STREAM_VERSION) };
	const struct stream_domain d = { STREAM_TYPE_PV, STREAM_PAGE_SHIFT, 0, 4, 17 };
	const struct stream_pv_info p = { 8, 4 };

	in.len = 0;
	put(&i, sizeof(i));
	put(&d, sizeof(d));
	put_record(STREAM_PV_INFO, sizeof(p));
	put(&p, sizeof(p));
}

static void put_p2m(uint32_t pfns)
{
	const struct stream_p2m m = { 0, pfns - 1 };
	uint64_t frame = 1;

	put_record(STREAM_PV_P2M_FRAMES, 8 + (pfns + 511) / 512 * 8);
	put(&m, sizeof(m));
	for (uint32_t i = 0; i < (pfns + 511) / 512; i++)
		put(&frame, sizeof(frame));
}

static void put_page(unsigned int pfinfo, uint64_t pfn)
{
	const struct stream_pages h = { 1, 0 };
	const uint64_t entry = STREAM_ENTRY((uint64_t)pfinfo, pfn);

	put_record(STREAM_PAGE_DATA, 16 + (stream_has_data(pfinfo) ? STREAM_PAGE : 0));
	put(&h, sizeof(h));
	put(&entry, sizeof(entry));
	if (stream_has_data(pfinfo))
		put_zeros(STREAM_PAGE);
}

static void put_vcpu(uint32_t type, uint32_t vcpu, uint32_t len)
{
	const struct stream_vcpu h = { vcpu, 0 };

	put_record(type, 8 + len);
	put(&h, sizeof(h));
	put_zeros((len + 7) & ~7U);
}

static void put_rest(void)
{
	put_record(STREAM_TSC_INFO, sizeof(struct stream_tsc));
	put_zeros(sizeof(struct stream_tsc));
	put_record(STREAM_SHARED_INFO, STREAM_PAGE);
	put_zeros(STREAM_PAGE);
	put_vcpu(STREAM_VCPU_BASIC, 0, sizeof(vcpu_guest_context_t));
	put_vcpu(STREAM_VCPU_EXTENDED, 0, 48);
	put_vcpu(STREAM_VCPU_XSAVE, 0, 600);
	put_vcpu(STREAM_VCPU_MSRS, 0, 32);
	put_record(STREAM_END, 0);
}

static void put_whole(void)
{
	put_headers();
	put_p2m(PFNS);
	put_page(0, 5);
	put_page(1, 6);
	put_page(STREAM_PINNED | 4, 7);
	put_page(STREAM_INVALID, 8);
	put_rest();
}

static int read_some(void *ctx, void *to, size_t len)
{
	if (in.len - in.at < len)
		return -EIO;
	memcpy(to, in.data + in.at, len);
	in.at += len;
	return 0;
}

static int sink_p2m(void *ctx, uint64_t pfns, const uint64_t *frame, size_t frames)
{
	CHECK_EQ(out.pfns, 0);
	out.pfns = pfns;
	out.frames = frames;
	for (size_t i = 0; i < frames; i++)
		CHECK(frame[i] < pfns);
	return 0;
}

static int sink_pages(void *ctx, const uint64_t *entry, size_t count, const uint8_t *data, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		CHECK(STREAM_PFN(entry[i]) < out.pfns);
		n += (size_t)stream_has_data(STREAM_PFINFO(entry[i]));
	}
	CHECK_EQ(n, pages);
	out.entries += count;
	out.pages += pages;
	return 0;
}

static int sink_tsc(void *ctx, const struct stream_tsc *tsc)
{
	out.tsc++;
	return 0;
}

static int sink_shared(void *ctx, const uint8_t *page)
{
	out.shared++;
	return 0;
}

static int sink_vcpu(void *ctx, enum stream_type what, uint32_t vcpu, const void *data, size_t len)
{
	CHECK(vcpu < 2);
	out.vcpus[what]++;
	out.bytes += len;
	return 0;
}

static int parse(void)
{
	const struct stream_source src = { read_some, NULL };
	const struct stream_limits limits = { PFNS, 2 };
	const struct stream_sink sink = { NULL, sink_p2m, sink_pages, sink_tsc, sink_shared,
					  sink_vcpu };

	memset(&out, 0, sizeof(out));
	memset(&fault, 0, sizeof(fault));
	in.at = 0;
	return stream_parse(&src, &limits, &sink, &fault);
}

static void refused(int err)
{
	CHECK_EQ(parse(), -err);
	CHECK_EQ(fault.err, err);
	CHECK(fault.text[0]);
}

static void a_whole_stream_is_passed_on(void)
{
	put_whole();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(out.pfns, PFNS);
	CHECK_EQ(out.frames, 3);
	CHECK_EQ(out.entries, 4);
	CHECK_EQ(out.pages, 3);
	CHECK_EQ(out.tsc, 1);
	CHECK_EQ(out.shared, 1);
	CHECK_EQ(out.vcpus[STREAM_VCPU_BASIC], 1);
	CHECK_EQ(out.bytes, sizeof(vcpu_guest_context_t) + 48 + 600 + 32);
	CHECK_EQ(in.at, in.len);
}

/* Wherever it is cut. */
static void a_stream_cut_short_is_refused(void)
{
	size_t whole;

	put_whole();
	whole = in.len;
	for (in.len = 0; in.len < whole; in.len += in.len % 97 + 1)
		refused(EINVAL);
}

static void what_follows_the_end_is_left(void)
{
	put_whole();
	put_zeros(100);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(in.at, in.len - 100);
}

static void other_formats_are_named(void)
{
	put_whole();
	in.data[0] = 0;			/* the marker */
	refused(EINVAL);
	put_whole();
	in.data[15] = 9;		/* the version */
	refused(EPROTONOSUPPORT);
	CHECK(strstr(fault.text, "9"));
	put_whole();
	in.data[17] = 1;		/* big-endian */
	refused(EPROTONOSUPPORT);
	put_whole();
	in.data[24] = 2;		/* an HVM guest's */
	refused(EOPNOTSUPP);
	put_whole();
	in.data[28] = 13;		/* page size */
	refused(EINVAL);
	put_whole();
	in.data[48] = 4;		/* 32 bits */
	refused(EOPNOTSUPP);
}

static void optional_records_are_skipped_others_not(void)
{
	put_headers();
	put_record(STREAM_OPTIONAL | 77, 13);
	put_zeros(16);
	put_p2m(PFNS);
	put_rest();
	CHECK_EQ(parse(), 0);
	put_headers();
	put_record(13, 0);		/* VERIFY */
	refused(EPROTONOSUPPORT);
}

static void order_and_number_of_records_are_kept(void)
{
	put_headers();
	put_page(0, 5);
	refused(EINVAL);		/* before the p2m */
	put_headers();
	put_p2m(PFNS);
	put_p2m(PFNS);
	refused(EINVAL);
	put_headers();
	put_p2m(PFNS);
	put_vcpu(STREAM_VCPU_BASIC, 0, sizeof(vcpu_guest_context_t));
	put_vcpu(STREAM_VCPU_BASIC, 0, sizeof(vcpu_guest_context_t));
	refused(EINVAL);
	put_headers();
	put_p2m(PFNS);
	put_record(STREAM_END, 0);
	refused(EINVAL);		/* no vcpu, no shared_info */
	put_headers();
	put_p2m(PFNS);
	put_vcpu(STREAM_VCPU_XSAVE, 1, 600);	/* of a vcpu that has no registers */
	put_rest();
	refused(EINVAL);
}

static void numbers_out_of_range_are_refused(void)
{
	put_headers();
	put_p2m(PFNS + 1);
	refused(E2BIG);
	put_headers();
	put_p2m(PFNS);
	put_page(0, PFNS);
	refused(EINVAL);
	put_headers();
	put_p2m(PFNS);
	put_page(5, 1);			/* a reserved type */
	refused(EINVAL);
	put_headers();
	put_p2m(PFNS);
	put_page(8, 1);			/* pinned, but no page table */
	refused(EINVAL);
	put_headers();
	put_p2m(PFNS);
	put_vcpu(STREAM_VCPU_BASIC, 2, sizeof(vcpu_guest_context_t));
	refused(E2BIG);
	put_headers();
	put_p2m(PFNS);
	put_vcpu(STREAM_VCPU_MSRS, 0, 24);
	refused(EINVAL);
}

static void lengths_that_do_not_fit_are_refused(void)
{
	static const struct {
		uint32_t type, length;
	} bad[] = {
		{ STREAM_PAGE_DATA, 4 }, { STREAM_PAGE_DATA, 8 }, { STREAM_PAGE_DATA, UINT32_MAX },
		{ STREAM_PV_INFO, 8 }, { STREAM_VCPU_BASIC, 8 }, { STREAM_VCPU_BASIC, 5177 },
		{ STREAM_VCPU_EXTENDED, 8 + 129 }, { STREAM_VCPU_XSAVE, 8 + 16385 },
		{ STREAM_VCPU_MSRS, 7 }, { STREAM_SHARED_INFO, 4095 }, { STREAM_TSC_INFO, 25 },
		{ STREAM_END, 8 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_headers();
		put_p2m(PFNS);
		put_record(bad[i].type, bad[i].length);
		put_zeros(20000);
		CHECK_EQ(parse(), -EINVAL);
	}
	put_headers();
	put_record(STREAM_PV_P2M_FRAMES, 0xfffffff0);	/* nothing of that size is allocated */
	refused(E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_stream_is_passed_on),
		TEST(a_stream_cut_short_is_refused),
		TEST(what_follows_the_end_is_left),
		TEST(other_formats_are_named),
		TEST(optional_records_are_skipped_others_not),
		TEST(order_and_number_of_records_are_kept),
		TEST(numbers_out_of_range_are_refused),
		TEST(lengths_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
