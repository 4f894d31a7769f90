/* The Huffman coding of zstd's literals (RFC 8878, 4.2). */
#ifndef HV_ZHUFF_H
#define HV_ZHUFF_H

#include <stdbool.h>
#include "fse.h"

#define ZHUFF_MAX_BITS 11
#define ZHUFF_WEIGHT_LOG 6	/* greatest accuracy of the table that codes the weights */

struct zhuff_cell {
	uint8_t symbol;
	uint8_t bits;
};

struct zhuff {
	struct zhuff_cell cell[1 << ZHUFF_MAX_BITS];
	unsigned int log;		/* bits that index it; 0: there is no table yet */
	struct fse_cell weights[1 << ZHUFF_WEIGHT_LOG];
};

/*
 * Reads a tree's description, at in .. end, and builds the table; eight bytes before `in` must exist.
 * Gives what follows, or NULL if it is corrupt.
 */
const uint8_t *zhuff_read(struct zhuff *h, const uint8_t *in, const uint8_t *end);

/*
 * Decodes to out .. out_end, which must be what the stream of len bytes at `in` holds exactly; eight
 * bytes before `in` must exist.  False if corrupt.
 */
bool zhuff_decode(const struct zhuff *h, const uint8_t *in, size_t len, uint8_t *out, uint8_t *out_end);

/* The same for four streams, behind a table of the first three's sizes; each but the last holds a quarter. */
bool zhuff_decode4(const struct zhuff *h, const uint8_t *in, size_t len, uint8_t *out, uint8_t *out_end);

#endif
