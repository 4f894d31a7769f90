/*
 * The decompressors, against what the real tools packed (unpack-data), and against what nobody packed.
 * Buffers are exactly as large as unpack() is told: the sanitizers see every byte too far.
 */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "errno.h"
#include "unpack.h"

struct file {
	uint8_t *data;
	size_t len;
};

static struct file file_read(const char *name, const char *extension)
{
	char path[256];
	struct file f;
	FILE *s;

	snprintf(path, sizeof(path), "%s/%s.%s", UNPACK_DATA, name, extension);
	s = fopen(path, "rb");
	if (!s)
		fail_msg("cannot open %s", path);
	fseek(s, 0, SEEK_END);
	f.len = (size_t)ftell(s);
	rewind(s);
	f.data = malloc(f.len ? f.len : 1);
	CHECK_EQ(fread(f.data, 1, f.len, s), f.len);
	fclose(s);
	return f;
}

/* What unpack() made of `in`, with `room` bytes for the output, which it owns. */
struct result {
	struct unpack u;
	int rc;
};

static struct result result_of(const uint8_t *in, size_t in_len, size_t room)
{
	const struct unpack_format *f = unpack_identify(in, in_len);
	struct result r = { .u = { .work_len = f ? f->work_len : 0, .out_len = room, .in_len = in_len } };
	uint8_t *copy = malloc(in_len ? in_len : 1);

	memcpy(copy, in, in_len);
	r.u.in = copy;
	r.u.out = malloc(room ? room : 1);
	r.u.work = aligned_alloc(16, r.u.work_len + 16);
	memset(r.u.work, 0xa5, r.u.work_len);
	r.rc = unpack(&r.u);
	CHECK((r.rc != 0) == (r.u.reason != NULL));
	free(r.u.work);
	free(copy);
	return r;
}

static void result_free(struct result *r)
{
	free(r->u.out);
}

static const char *const raws[] = { "empty", "one", "run", "repeats", "text", "random", "code", "small" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The output is that of the tool's input, all of the file is used, and the file's word on sizes is right. */
static void expect_raw(const char *name, const char *variant)
{
	struct file raw = file_read(name, "raw"), packed = file_read(name, variant);
	const struct unpack_format *f = unpack_identify(packed.data, packed.len);
	struct result r = result_of(packed.data, packed.len, raw.len);
	uint64_t size;

	if (r.rc)
		fail_msg("%s.%s: %s", name, variant, r.u.reason);
	CHECK_EQ(r.u.produced, raw.len);
	CHECK_MEM(r.u.out, raw.data, raw.len);
	CHECK_EQ(r.u.consumed, packed.len);
	size = f->size(packed.data, packed.len);
	if (strcmp(f->name, "lz4") == 0)
		CHECK(size >= raw.len && size < raw.len + (8UL << 20));
	else if (strcmp(variant, "zst-stream") != 0)	/* the size wasn't known to zstd */
		CHECK_EQ(size, raw.len);
	result_free(&r);
	free(raw.data);
	free(packed.data);
}

static void expect_raws(const char *const *variants, size_t n)
{
	for (size_t v = 0; v < n; v++)
		for (size_t i = 0; i < COUNT(raws); i++)
			expect_raw(raws[i], variants[v]);
}

static void xz_gives_what_was_packed(void)
{
	static const char *const variants[] = {
		"xz-0", "xz-6", "xz-9e", "xz-x86", "xz-start", "xz-lp4", "xz-pb4", "xz-blocks", "xz-sized"
	};

	expect_raws(variants, COUNT(variants));
}

static void gzip_gives_what_was_packed(void)
{
	static const char *const variants[] = { "gz-1", "gz-6", "gz-9", "gz-name" };

	expect_raws(variants, COUNT(variants));
}

static void zstd_gives_what_was_packed(void)
{
	static const char *const variants[] = {
		"zst-1", "zst-3", "zst-9", "zst-19", "zst-22", "zst-stream", "zst-fast"
	};

	expect_raws(variants, COUNT(variants));
}

static void lz4_gives_what_was_packed(void)
{
	static const char *const variants[] = { "lz4-1", "lz4-9" };

	expect_raws(variants, COUNT(variants));
	expect_raw("blocks", "lz4-1");
}

static const char *const one_of_each[] = { "xz-6", "xz-x86", "gz-9", "gz-name", "zst-22", "lz4-9" };

static void streams_that_follow_each_other_are_joined(void)
{
	struct file a = file_read("text", "raw"), b = file_read("small", "raw");

	for (size_t i = 0; i < COUNT(one_of_each); i++) {
		struct file pa = file_read("text", one_of_each[i]), pb = file_read("small", one_of_each[i]);
		uint8_t *both = malloc(pa.len + pb.len);
		struct result r;

		memcpy(both, pa.data, pa.len);
		memcpy(both + pa.len, pb.data, pb.len);
		r = result_of(both, pa.len + pb.len, a.len + b.len);
		CHECK_EQ(r.rc, 0);
		CHECK_EQ(r.u.produced, a.len + b.len);
		CHECK_MEM(r.u.out, a.data, a.len);
		CHECK_MEM(r.u.out + a.len, b.data, b.len);
		result_free(&r);
		free(both);
		free(pa.data);
		free(pb.data);
	}
	free(a.data);
	free(b.data);
}

static void what_follows_a_stream_is_left_alone(void)
{
	for (size_t i = 0; i < COUNT(one_of_each) - 1; i++) {	/* LZ4 has no end but the file's */
		struct file f = file_read("small", one_of_each[i]);
		uint8_t *longer = calloc(1, f.len + 100);
		struct result r;

		memcpy(longer, f.data, f.len);
		memcpy(longer + f.len, "\xbc\x02\0\0", 4);	/* as in a bzImage: the size, 700 */
		r = result_of(longer, f.len + 100, 700);
		CHECK_EQ(r.rc, 0);
		CHECK_EQ(r.u.consumed, f.len);
		result_free(&r);
		free(longer);
		free(f.data);
	}
}

static void too_little_room_is_told_apart_from_damage(void)
{
	static const char *const names[] = { "one", "run", "repeats", "text", "random", "small" };

	for (size_t i = 0; i < COUNT(one_of_each); i++) {
		for (size_t j = 0; j < COUNT(names); j++) {
			struct file raw = file_read(names[j], "raw"), f = file_read(names[j], one_of_each[i]);
			struct result r = result_of(f.data, f.len, raw.len - 1);

			CHECK_EQ(r.rc, -ENOSPC);
			result_free(&r);
			r = result_of(f.data, f.len, 0);
			CHECK_EQ(r.rc, -ENOSPC);
			result_free(&r);
			free(raw.data);
			free(f.data);
		}
	}
}

static void more_room_than_needed_does_no_harm(void)
{
	struct file raw = file_read("small", "raw");

	for (size_t i = 0; i < COUNT(one_of_each); i++) {
		struct file f = file_read("small", one_of_each[i]);

		for (size_t more = 0; more < 40; more++) {
			struct result r = result_of(f.data, f.len, raw.len + more);

			CHECK_EQ(r.rc, 0);
			CHECK_EQ(r.u.produced, raw.len);
			CHECK_MEM(r.u.out, raw.data, raw.len);
			result_free(&r);
		}
		free(f.data);
	}
	free(raw.data);
}

static void every_truncation_is_noticed(void)
{
	for (size_t i = 0; i < COUNT(one_of_each); i++) {
		struct file f = file_read("small", one_of_each[i]);

		for (size_t n = 0; n < f.len; n++) {
			struct result r = result_of(f.data, n, 700);

			/* an LZ4 file may end after any block: here, after the magic */
			if (strcmp(one_of_each[i], "lz4-9") == 0 && n == 4)
				CHECK_EQ(r.u.produced, 0);
			else
				CHECK_EQ(r.rc, -EINVAL);
			result_free(&r);
		}
		free(f.data);
	}
}

/* Of an xz file every bit is checked; gzip and zstd have header bits that mean nothing; LZ4 checks nothing. */
static void every_flipped_bit_is_noticed_or_means_nothing(void)
{
	struct file raw = file_read("small", "raw");

	for (size_t i = 0; i < COUNT(one_of_each); i++) {
		struct file f = file_read("small", one_of_each[i]);
		bool xz = strncmp(one_of_each[i], "xz", 2) == 0, lz4 = strncmp(one_of_each[i], "lz4", 3) == 0;

		for (size_t bit = 0; bit < f.len * 8; bit++) {
			struct result r;

			f.data[bit / 8] ^= 1 << bit % 8;
			r = result_of(f.data, f.len, 700);
			f.data[bit / 8] ^= 1 << bit % 8;
			CHECK(r.rc || !xz);
			if (r.rc == 0 && !lz4) {
				CHECK_EQ(r.u.produced, raw.len);
				CHECK_MEM(r.u.out, raw.data, raw.len);
			}
			result_free(&r);
		}
		free(f.data);
	}
	free(raw.data);
}

/* Damage anywhere in a larger file, where whole tables and long matches are hit. */
static void damage_in_large_files_is_noticed(void)
{
	static const char *const variants[] = { "xz-6", "xz-x86", "xz-9e", "gz-6", "zst-22", "lz4-1" };
	struct file raw = file_read("text", "raw");
	uint32_t random = 1;

	for (size_t i = 0; i < COUNT(variants); i++) {
		struct file f = file_read("text", variants[i]);
		bool checked = strcmp(variants[i], "lz4-1") != 0 && strcmp(variants[i], "xz-9e") != 0;

		for (unsigned int round = 0; round < 150; round++) {
			struct result r;
			size_t at;
			uint8_t old;

			random = random * 1664525 + 1013904223;
			at = 10 + random % (f.len - 10);
			old = f.data[at];
			f.data[at] ^= (random >> 24) | 1;
			r = result_of(f.data, f.len, raw.len);
			f.data[at] = old;
			if (checked)
				CHECK(r.rc || (r.u.produced == raw.len &&
					       memcmp(r.u.out, raw.data, raw.len) == 0));
			result_free(&r);
		}
		free(f.data);
	}
	free(raw.data);
}

static void expect_refusal(const char *name, const char *variant, int rc, const char *reason)
{
	struct file f = file_read(name, variant);
	struct result r = result_of(f.data, f.len, 1 << 20);

	CHECK_EQ(r.rc, rc);
	CHECK(strstr(r.u.reason, reason));
	result_free(&r);
	free(f.data);
}

static void what_is_not_supported_is_named(void)
{
	static const uint8_t bzip2[] = "BZh91AY&SY", lzo[] = "\x89LZO\0\r\n\x1a\n";
	struct result r;

	expect_refusal("text", "sha256", -EOPNOTSUPP, "check other than");
	expect_refusal("text", "delta", -EOPNOTSUPP, "filter other than");
	expect_refusal("text", "lzma", -EOPNOTSUPP, "not supported");
	expect_refusal("text", "lz4-frame", -EOPNOTSUPP, "not supported");
	r = result_of(bzip2, sizeof(bzip2), 100);
	CHECK_EQ(r.rc, -EOPNOTSUPP);
	result_free(&r);
	r = result_of(lzo, sizeof(lzo), 100);
	CHECK_EQ(r.rc, -EOPNOTSUPP);
	result_free(&r);
	CHECK_STR(unpack_identify(bzip2, sizeof(bzip2))->name, "bzip2");
}

static void what_is_no_format_is_refused(void)
{
	struct result r = result_of((const uint8_t *)"hello, world", 12, 100);

	CHECK_EQ(r.rc, -EINVAL);
	result_free(&r);
	r = result_of((const uint8_t *)"", 0, 100);
	CHECK_EQ(r.rc, -EINVAL);
	result_free(&r);
	CHECK(!unpack_identify("\xfd" "7zX", 4));	/* a magic cut short */
}

static void too_little_work_memory_is_refused(void)
{
	struct file f = file_read("small", "xz-6");
	uint8_t out[700];
	struct unpack u = { f.data, f.len, out, sizeof(out), NULL, UNPACK_WORK_XZ - 1 };

	CHECK_EQ(unpack(&u), -ENOSPC);
	CHECK_STR(u.reason, "too little work memory");
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xz_gives_what_was_packed),
		TEST(gzip_gives_what_was_packed),
		TEST(zstd_gives_what_was_packed),
		TEST(lz4_gives_what_was_packed),
		TEST(streams_that_follow_each_other_are_joined),
		TEST(what_follows_a_stream_is_left_alone),
		TEST(too_little_room_is_told_apart_from_damage),
		TEST(more_room_than_needed_does_no_harm),
		TEST(every_truncation_is_noticed),
		TEST(every_flipped_bit_is_noticed_or_means_nothing),
		TEST(damage_in_large_files_is_noticed),
		TEST(what_is_not_supported_is_named),
		TEST(what_is_no_format_is_refused),
		TEST(too_little_work_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
