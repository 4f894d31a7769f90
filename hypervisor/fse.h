/*
 * Finite-state entropy coding (RFC 8878, 4.1) and the backward bit streams that zstd keeps it in.
 */
#ifndef HV_FSE_H
#define HV_FSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "unpack_io.h"

#define FSE_MAX_LOG 9
#define FSE_MAX_SYMBOLS 256

/*
 * A bit stream that is read from its end to its start; the highest bit set in its last byte marks where
 * it begins.  Of the input, the eight bytes before `start` must exist: they may be loaded, but what is
 * taken from them is detected (left < 0).
 */
struct backbits {
	uint64_t buf;		/* the next bits, highest first; 57 of them after a fill */
	int64_t left;		/* bits of the stream that were not taken; < 0: more were taken than there are */
	const uint8_t *start;
};

/* False if there is no such stream. */
static inline bool backbits_open(struct backbits *b, const uint8_t *start, size_t len)
{
	if (len == 0 || start[len - 1] == 0)
		return false;
	b->start = start;
	b->left = (int64_t)len * 8 - 1 - (__builtin_clz(start[len - 1]) - 24);
	return true;
}

/* Makes at least 57 bits ready, of which those behind the end of the stream are garbage.  Needs left >= 0. */
UNPACK_INLINE void backbits_fill(struct backbits *b)
{
	int64_t bytes = (b->left + 7) >> 3;

	b->buf = get_le64(b->start + bytes - 8) << (bytes * 8 - b->left);
}

/* Takes n < 32 bits. */
UNPACK_INLINE uint32_t backbits_take(struct backbits *b, unsigned int n)
{
	uint32_t value = (uint32_t)(b->buf >> 1 >> (63 - n));

	b->buf <<= n;
	b->left -= n;
	return value;
}

/*
 * A cell of a decoding table: the symbol of this state (or what it stands for: base and extra bits), and
 * where to go: next + `bits` more bits.
 */
struct fse_cell {
	uint32_t base;
	uint16_t next;
	uint8_t extra;
	uint8_t bits;
};

/*
 * Reads a table description of at most max_log accuracy and `symbols` symbols, from in to end.  Fills in
 * counts (-1: less than one), the accuracy and how many symbols there are.  Gives what follows, or NULL.
 */
const uint8_t *fse_read_counts(const uint8_t *in, const uint8_t *end, int16_t *counts, unsigned int symbols,
			       unsigned int max_log, unsigned int *log, unsigned int *used);

/* Builds the table of 2^log cells; `base` becomes the symbol.  False if the counts don't add up. */
bool fse_build(struct fse_cell *table, unsigned int log, const int16_t *counts, unsigned int symbols);

#endif
