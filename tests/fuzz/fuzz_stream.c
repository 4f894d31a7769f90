/*
 * The reader of saved states.  The first byte says what the rest is: a stream as it is, or changes
 * (offset, value) to a small right one.  What the sinks get must keep the promises of stream.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xend/stream.h"
#include "xenstore/hyp.h"

#define PFNS 4096
#define VCPUS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
	uint64_t pfns;
};

static void must(int holds)
{
	if (!holds)
		abort();
}

static int in_read(void *ctx, void *to, size_t len)
{
	struct input *in = ctx;

	if (in->left < len)
		return -EIO;
	memcpy(to, in->data, len);
	in->data += len;
	in->left -= len;
	return 0;
}

static int in_p2m(void *ctx, uint64_t pfns, const uint64_t *frame, size_t frames)
{
	struct input *in = ctx;

	must(!in->pfns && pfns && pfns <= PFNS && frames == (pfns + 511) / 512);
	for (size_t i = 0; i < frames; i++)
		must(frame[i] < pfns);
	in->pfns = pfns;
	return 0;
}

/* The last byte of what is promised is there: the sanitizer looks. */
static void touch(const void *data, size_t len)
{
	static volatile uint8_t sum;

	if (len)
		sum = (uint8_t)(sum + ((const uint8_t *)data)[0] + ((const uint8_t *)data)[len - 1]);
}

static int in_pages(void *ctx, const uint64_t *entry, size_t count, const uint8_t *data, size_t pages)
{
	const struct input *in = ctx;
	size_t n = 0;

	must(count && count <= STREAM_BATCH);
	for (size_t i = 0; i < count; i++) {
		must(STREAM_PFN(entry[i]) < in->pfns);
		must(stream_pfinfo_is_known(STREAM_PFINFO(entry[i])));
		n += (size_t)stream_has_data(STREAM_PFINFO(entry[i]));
	}
	must(n == pages);
	touch(data, pages * STREAM_PAGE);
	return 0;
}

static int in_tsc(void *ctx, const struct stream_tsc *tsc)
{
	touch(tsc, sizeof(*tsc));
	return 0;
}

static int in_shared(void *ctx, const uint8_t *page)
{
	touch(page, STREAM_PAGE);
	return 0;
}

static int in_vcpu(void *ctx, enum stream_type what, uint32_t vcpu, const void *data, size_t len)
{
	must(vcpu < VCPUS && len <= STREAM_XSAVE_MAX);
	must(what != STREAM_VCPU_BASIC || len == sizeof(vcpu_guest_context_t));
	touch(data, len);
	return 0;
}

static void parse(const uint8_t *data, size_t size)
{
	struct input in = { data, size, 0 };
	const struct stream_source src = { in_read, &in };
	const struct stream_limits limits = { PFNS, VCPUS };
	const struct stream_sink sink = { &in, in_p2m, in_pages, in_tsc, in_shared, in_vcpu };
	struct fault f = { 0 };
	int rc = stream_parse(&src, &limits, &sink, &f);

	must(rc == -f.err);
	must(rc || in.pfns);
}

static uint8_t *put(uint8_t *to, const void *data, size_t len)
{
	memcpy(to, data, len);
	return to + len;
}

static uint8_t *record(uint8_t *to, uint32_t type, const void *body, uint32_t len)
{
	const struct stream_record r = { type, len };

	to = put(to, &r, sizeof(r));
	return put(to, body, (len + 7) & ~7U);
}

static size_t whole(uint8_t *to)
{
	static uint8_t body[24 + 3 * STREAM_PAGE];
	const struct stream_image image = { STREAM_MARKER, htobe32(STREAM_ID), htobe32(STREAM_VERSION) };
	const struct stream_domain domain = { STREAM_TYPE_PV, STREAM_PAGE_SHIFT };
	const struct stream_pv_info info = { 8, 4 };
	const uint32_t p2m[] = { 0, 511, 1, 0 };
	const uint64_t pages[] = { 2, STREAM_ENTRY(0UL, 7), STREAM_ENTRY(15UL, 8) };
	uint8_t *at = to;

	at = put(at, &image, sizeof(image));
	at = put(at, &domain, sizeof(domain));
	at = record(at, STREAM_PV_INFO, &info, sizeof(info));
	at = record(at, STREAM_PV_P2M_FRAMES, p2m, sizeof(p2m));
	memset(body, 0, sizeof(body));
	memcpy(body, pages, sizeof(pages));
	at = record(at, STREAM_PAGE_DATA, body, sizeof(pages) + STREAM_PAGE);
	memset(body, 0, sizeof(body));
	at = record(at, STREAM_SHARED_INFO, body, STREAM_PAGE);
	at = record(at, STREAM_VCPU_BASIC, body, 8 + sizeof(vcpu_guest_context_t));
	at = record(at, STREAM_VCPU_XSAVE, body, 8 + 100);
	at = record(at, STREAM_END, body, 0);
	return (size_t)(at - to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t stream[1 << 16];
	size_t len;

	if (!size || data[0] % 2 == 0) {
		parse(data + !!size, size - !!size);
		return 0;
	}
	len = whole(stream);
	for (data++, size--; size >= 3; data += 3, size -= 3)
		stream[(data[0] | (size_t)data[1] << 8) % len] = data[2];
	parse(stream, len);
	return 0;
}
