/*
 * CRC-32 and CRC-64, eight bytes at a step: row[k][b] is what the byte b does to the CRC when k more
 * bytes follow it, so eight independent look-ups replace eight dependent ones.
 */
#include "crc.h"
#include "unpack_io.h"

#define CRC32_POLY 0xedb88320U			/* IEEE 802.3, bits reversed */
#define CRC64_POLY 0xc96c5795d7870f42ULL	/* ECMA-182, bits reversed */

#define CRC_BUILD(t, poly) do { \
	for (unsigned int b = 0; b < 256; b++) { \
		(t)->row[0][b] = b; \
		for (unsigned int i = 0; i < 8; i++) \
			(t)->row[0][b] = (t)->row[0][b] >> 1 ^ ((t)->row[0][b] & 1 ? (poly) : 0); \
	} \
	for (unsigned int k = 1; k < 8; k++) \
		for (unsigned int b = 0; b < 256; b++) \
			(t)->row[k][b] = (t)->row[k - 1][b] >> 8 ^ \
				(t)->row[0][(t)->row[k - 1][b] & 0xff]; \
} while (0)

void crc32_build(struct crc32_table *t)
{
	CRC_BUILD(t, CRC32_POLY);
}

void crc64_build(struct crc64_table *t)
{
	CRC_BUILD(t, CRC64_POLY);
}

/* The word holds the CRC xor the next eight bytes, first byte lowest: that one has seven behind it. */
#define CRC_STEP(t, w) \
	((t)->row[7][(w) & 0xff] ^ (t)->row[6][(w) >> 8 & 0xff] ^ \
	 (t)->row[5][(w) >> 16 & 0xff] ^ (t)->row[4][(w) >> 24 & 0xff] ^ \
	 (t)->row[3][(w) >> 32 & 0xff] ^ (t)->row[2][(w) >> 40 & 0xff] ^ \
	 (t)->row[1][(w) >> 48 & 0xff] ^ (t)->row[0][(w) >> 56])

uint32_t crc32_feed(const struct crc32_table *t, uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w = get_le64(p) ^ crc;

		crc = CRC_STEP(t, w);
	}
	for (; len; len--)
		crc = crc >> 8 ^ t->row[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

uint64_t crc64_feed(const struct crc64_table *t, uint64_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w = get_le64(p) ^ crc;

		crc = CRC_STEP(t, w);
	}
	for (; len; len--)
		crc = crc >> 8 ^ t->row[0][(crc ^ *p++) & 0xff];
	return ~crc;
}
