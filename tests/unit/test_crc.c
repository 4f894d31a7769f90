/* The CRCs, against their published check values and against the definition, bit by bit. */
#include "check.h"
#include <stdlib.h>
#include "crc.h"

static uint64_t bit_by_bit(uint64_t poly, unsigned int width, uint64_t crc, const uint8_t *p, size_t len)
{
	uint64_t mask = ~0ULL >> (64 - width);

	for (crc ^= mask; len; len--) {
		crc ^= *p++;
		for (unsigned int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? poly : 0);
	}
	return crc ^ mask;
}

static uint8_t *random_bytes(size_t len)
{
	uint8_t *p = malloc(len);
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

static void the_check_values_come_out(void)
{
	struct crc32_table *t32 = malloc(sizeof(*t32));
	struct crc64_table *t64 = malloc(sizeof(*t64));

	crc32_build(t32);
	crc64_build(t64);
	CHECK_EQ(crc32_feed(t32, 0, "123456789", 9), 0xcbf43926);
	CHECK_EQ(crc64_feed(t64, 0, "123456789", 9), 0x995dc9bbdf1939faULL);
	CHECK_EQ(crc32_feed(t32, 0, "", 0), 0);
	CHECK_EQ(crc64_feed(t64, 0, "", 0), 0);
	free(t32);
	free(t64);
}

static void any_length_and_alignment_agrees_with_the_definition(void)
{
	struct crc32_table *t32 = malloc(sizeof(*t32));
	struct crc64_table *t64 = malloc(sizeof(*t64));
	uint8_t *p = random_bytes(300);

	crc32_build(t32);
	crc64_build(t64);
	for (size_t len = 0; len < 280; len++) {
		const uint8_t *at = p + len % 11;

		CHECK_EQ(crc32_feed(t32, 0, at, len), bit_by_bit(0xedb88320, 32, 0, at, len));
		CHECK_EQ(crc64_feed(t64, 0, at, len), bit_by_bit(0xc96c5795d7870f42ULL, 64, 0, at, len));
	}
	free(p);
	free(t32);
	free(t64);
}

/* Where the folding of long data begins and ends, and the ring wraps. */
static void long_data_agrees_with_the_definition(void)
{
	static const size_t lengths[] = {
		2 * 8 * CRC32_FOLD - 1, 2 * 8 * CRC32_FOLD, 2 * 8 * CRC32_FOLD + 1, 2 * 8 * CRC32_FOLD + 8,
		3 * 8 * CRC32_FOLD - 8, 3 * 8 * CRC32_FOLD + 5, 100001, 250000, 500007
	};
	struct crc32_table *t = malloc(sizeof(*t));
	uint8_t *p = random_bytes(500016);

	crc32_build(t);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		CHECK_EQ(crc32_feed(t, 0, p + i, lengths[i]), bit_by_bit(0xedb88320, 32, 0, p + i, lengths[i]));
	free(p);
	free(t);
}

static void pieces_add_up_to_the_whole(void)
{
	struct crc32_table *t32 = malloc(sizeof(*t32));
	struct crc64_table *t64 = malloc(sizeof(*t64));
	uint8_t *p = random_bytes(200000);
	uint32_t crc32 = 0;
	uint64_t crc64 = 0;

	crc32_build(t32);
	crc64_build(t64);
	for (size_t at = 0, n = 1; at < 200000; at += n, n *= 3) {
		if (n > 200000 - at)
			n = 200000 - at;
		crc32 = crc32_feed(t32, crc32, p + at, n);
		crc64 = crc64_feed(t64, crc64, p + at, n);
	}
	CHECK_EQ(crc32, crc32_feed(t32, 0, p, 200000));
	CHECK_EQ(crc64, crc64_feed(t64, 0, p, 200000));
	free(p);
	free(t32);
	free(t64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_check_values_come_out),
		TEST(any_length_and_alignment_agrees_with_the_definition),
		TEST(long_data_agrees_with_the_definition),
		TEST(pieces_add_up_to_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
