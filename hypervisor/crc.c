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

/*
 * Much data is first folded into its last CRC32_FOLD words (of eight bytes): four table-free operations a
 * word instead of some thirty.  The message is a polynomial over GF(2), each word weighs y = x^64 times
 * the next, and modulo CRC-32's polynomial y^3006 = y^2866 + y^2215 + 1 (found by search: the smallest
 * such relation of four terms).  So a word can be taken out if it is added to those 140, 791 and 3006
 * further on; or, as done here, each takes in those that far behind it, which lie in a ring.
 */
#define CRC32_TAP1 (3006 - 2866)
#define CRC32_TAP2 (3006 - 2215)

struct crc32_ring {
	uint64_t *word;
	size_t at, tap1, tap2;		/* the slots of this word (and of that 3006 before), 140 and 791 before */
};

/* Moves on by `words`, no further than the end of the ring. */
static void crc32_ring_advance(struct crc32_ring *r, size_t words)
{
	r->at = r->at + words == CRC32_FOLD ? 0 : r->at + words;
	r->tap1 = r->tap1 + words == CRC32_FOLD ? 0 : r->tap1 + words;
	r->tap2 = r->tap2 + words == CRC32_FOLD ? 0 : r->tap2 + words;
}

/* Words until one of the slots comes to the end of the ring. */
static size_t crc32_ring_run(const struct crc32_ring *r)
{
	size_t last = r->at > r->tap1 ? r->at : r->tap1;

	return CRC32_FOLD - (last > r->tap2 ? last : r->tap2);
}

/* Takes in the words p[0..words). */
static void crc32_fold(struct crc32_ring *r, const uint8_t *p, size_t words)
{
	while (words) {
		size_t run = crc32_ring_run(r);
		uint64_t *at = r->word + r->at;
		const uint64_t *tap1 = r->word + r->tap1, *tap2 = r->word + r->tap2;

		if (run > words)
			run = words;
#pragma GCC unroll 4
		for (size_t i = 0; i < run; i++)
			at[i] ^= get_le64(p + 8 * i) ^ tap1[i] ^ tap2[i];
		crc32_ring_advance(r, run);
		p += 8 * run;
		words -= run;
	}
}

/* The state of the CRC after len bytes, a multiple of eight, that are more than the ring holds. */
static uint32_t crc32_feed_folded(struct crc32_table *t, uint32_t crc, const uint8_t *p, size_t len)
{
	struct crc32_ring r = { t->fold, 0, CRC32_FOLD - CRC32_TAP1, CRC32_FOLD - CRC32_TAP2 };
	const uint8_t *last = p + len - 8 * CRC32_FOLD;

	memset(t->fold, 0, sizeof(t->fold));
	t->fold[0] = crc;
	crc32_fold(&r, p, (size_t)(last - p) / 8);
	crc = 0;
	for (p = last; p < last + 8 * CRC32_FOLD; p += 8) {
		uint64_t w = get_le64(p) ^ r.word[r.at] ^ r.word[r.tap1] ^ r.word[r.tap2] ^ crc;

		r.word[r.at] = 0;	/* these words are not taken out: they have nothing to pass on */
		crc32_ring_advance(&r, 1);
		crc = CRC_STEP(t, w);
	}
	return crc;
}

uint32_t crc32_feed(struct crc32_table *t, uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t much = len & ~7UL;

	crc = ~crc;
	if (much >= 2 * sizeof(t->fold)) {
		crc = crc32_feed_folded(t, crc, p, much);
		p += much;
		len -= much;
	}
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
