/*
 * LZMA2, the compression inside xz: chunks of LZMA, or of plain bytes.  The output is the dictionary:
 * nothing else is kept of what was decoded.
 */
#ifndef HV_LZMA2_H
#define HV_LZMA2_H

#include <stdbool.h>
#include "unpack.h"

#define LZMA2_CHUNK_MAX 65536		/* compressed bytes of one chunk */
#define LZMA2_SLACK 64			/* bytes that one symbol may read beyond a chunk: see lzma2.c */
#define LZMA_LITERAL_CODERS 16		/* 2^(lc + lp), and lc + lp <= 4 in LZMA2 */

/* Adaptive probabilities, all 11 bits, that a bit is 0; names as in the LZMA specification. */
typedef uint16_t lzma_prob;

struct lzma_len {
	lzma_prob choice, choice2;
	lzma_prob low[16][8], mid[16][8];	/* by position */
	lzma_prob high[256];
};

/* Which kind of symbol comes next, by what came before (the state). */
struct lzma_row {
	lzma_prob is_match[16], is_rep0_long[16];	/* by position */
	lzma_prob is_rep, is_rep0, is_rep1, is_rep2;
};

struct lzma_probs {
	struct lzma_row row[12];
	lzma_prob slot[4][64];		/* by length */
	lzma_prob special[128];		/* low bits of short distances */
	lzma_prob align[16];		/* low four bits of long distances */
	struct lzma_len match_len, rep_len;
	lzma_prob literal[LZMA_LITERAL_CODERS][0x300];
};

struct lzma_history {
	uint32_t state;			/* which kinds the last symbols were: 0..11 */
	uint32_t rep[4];		/* the last four distances, less one */
};

struct lzma2 {
	struct lzma_probs probs;
	struct lzma_history history;
	uint32_t lc, lp_mask, pos_mask;
	uint8_t *dict;			/* where the dictionary begins, in the output */
	bool need_dict, need_props;	/* a chunk must bring these before data can be decoded */
	uint8_t tail[LZMA2_CHUNK_MAX + LZMA2_SLACK];
};

/*
 * Decodes one LZMA2 sequence from u->in + u->consumed to u->out + u->produced, and advances both.
 * Errors as unpack().
 */
int lzma2_run(struct lzma2 *s, struct unpack *u);

#endif
