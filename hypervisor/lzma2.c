/*
 * LZMA2.  A sequence is a row of chunks; each starts with a control byte:
 *	0x00		end of the sequence
 *	0x01, 0x02	plain bytes; 0x01 also resets the dictionary
 *	0x80..0xff	LZMA; bits 5-6 say what is reset: nothing, state, state and properties, all
 *
 * Most of a boot under emulation is spent in lzma_decode(), so it is built for speed: the range coder
 * lives in registers (all of struct rc is local and every helper is inlined), and the input is checked
 * once for each symbol, not for each byte.  That is safe because a symbol takes at most 48 steps of the
 * range coder (match: 1 + 1, length: 2 + 8, slot: 6, direct bits: 26, align: 4), one more ends the chunk,
 * each reads at most one byte, and LZMA2_SLACK bytes behind a chunk can be read: a chunk too near to the
 * end of the input is decoded from a copy.
 */
#include <stdbool.h>
#include "errno.h"
#include "lzma2.h"
#include "unpack_io.h"

#define RC_TOP (1U << 24)
#define PROB_BITS 11
#define PROB_INIT (1U << (PROB_BITS - 1))
#define PROB_MOVE 5
#define PROB_CEILING ((1 << PROB_BITS) - (1 << PROB_MOVE) + 1)	/* see rc_bit() */
#define MATCH_LEN_MIN 2

/* States 0-6 follow a literal, 7-11 a match. */
#define STATE_FIRST_MATCH 7

struct rc {
	uint32_t range, code;
	const uint8_t *in;
};

UNPACK_INLINE void rc_normalise(struct rc *rc)
{
	if (rc->range < RC_TOP) {
		rc->range <<= 8;
		rc->code = rc->code << 8 | *rc->in++;
	}
}

/* A bit that the program branches on. */
UNPACK_INLINE uint32_t rc_bit(struct rc *rc, lzma_prob *prob)
{
	uint32_t p = *prob, bound;

	rc_normalise(rc);
	bound = (rc->range >> PROB_BITS) * p;
	if (rc->code < bound) {
		rc->range = bound;
		/* p + ((2^11 - p) >> 5), an operation shorter */
		*prob = (lzma_prob)(p - (uint32_t)((int32_t)(p - PROB_CEILING) >> PROB_MOVE));
		return 0;
	}
	rc->range -= bound;
	rc->code -= bound;
	*prob = p - (p >> PROB_MOVE);
	return 1;
}

/* One level down a tree of probabilities: 2 * node, or 2 * node + 1. */
UNPACK_INLINE uint32_t rc_step(struct rc *rc, lzma_prob *tree, uint32_t node)
{
	return node * 2 + rc_bit(rc, &tree[node]);
}

/* A value of `bits` bits, highest first, plus 2^bits. */
UNPACK_INLINE uint32_t rc_tree(struct rc *rc, lzma_prob *tree, unsigned int bits)
{
	uint32_t node = 1;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < bits; i++)
		node = rc_step(rc, tree, node);
	return node;
}

/* A value of `bits` bits, lowest first. */
UNPACK_INLINE uint32_t rc_tree_reverse(struct rc *rc, lzma_prob *tree, unsigned int bits)
{
	uint32_t node = 1, value = 0;

	for (unsigned int i = 0; i < bits; i++) {
		node = rc_step(rc, tree, node);
		value |= (node & 1) << i;
	}
	return value;
}

/* Bits that are as likely 0 as 1. */
UNPACK_INLINE uint32_t rc_direct(struct rc *rc, unsigned int bits)
{
	uint32_t value = 0;

	do {
		uint32_t below;

		rc_normalise(rc);
		rc->range >>= 1;
		rc->code -= rc->range;
		below = 0 - (rc->code >> 31);	/* all ones if the bit is 0 */
		rc->code += rc->range & below;
		value = value * 2 + 1 + below;
	} while (--bits);
	return value;
}

UNPACK_INLINE uint8_t lzma_literal(struct rc *rc, lzma_prob *probs)
{
	uint32_t node = 1;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < 8; i++)
		node = rc_step(rc, probs, node);
	return (uint8_t)node;
}

/*
 * A literal right after a match differs from the byte at the last distance, so that byte's bits pick the
 * probabilities, up to the first difference.
 */
UNPACK_INLINE uint8_t lzma_literal_matched(struct rc *rc, lzma_prob *probs, uint32_t match)
{
	uint32_t node = 1, expected;

	do {
		match <<= 1;
		expected = match & 0x100;
		if (rc_bit(rc, &probs[0x100 + expected + node])) {
			node = node * 2 + 1;
			if (!expected)
				break;
		} else {
			node *= 2;
			if (expected)
				break;
		}
	} while (node < 0x100);
	while (node < 0x100)
		node = rc_step(rc, probs, node);
	return (uint8_t)node;
}

UNPACK_INLINE uint32_t lzma_length(struct rc *rc, struct lzma_len *l, uint32_t pos_state)
{
	if (!rc_bit(rc, &l->choice))
		return rc_tree(rc, l->low[pos_state], 3) - 8 + MATCH_LEN_MIN;
	if (!rc_bit(rc, &l->choice2))
		return rc_tree(rc, l->mid[pos_state], 3) + MATCH_LEN_MIN;
	return rc_tree(rc, l->high, 8) - 256 + 16 + MATCH_LEN_MIN;
}

/* The distance of a match of length `len`, less one. */
UNPACK_INLINE uint32_t lzma_distance(struct rc *rc, struct lzma_probs *p, uint32_t len)
{
	uint32_t by_len = len < MATCH_LEN_MIN + 4 ? len - MATCH_LEN_MIN : 3;
	uint32_t slot = rc_tree(rc, p->slot[by_len], 6) - 64;
	uint32_t bits = (slot >> 1) - 1, dist;

	if (slot < 4)
		return slot;
	dist = (2 | (slot & 1)) << bits;
	if (slot < 14)
		return dist + rc_tree_reverse(rc, p->special + dist - slot, bits);
	dist += rc_direct(rc, bits - 4) << 4;
	return dist + rc_tree_reverse(rc, p->align, 4);
}

/*
 * A match at one of the last four distances, which moves to the front.  True if it is of one byte, at the
 * last distance; else a length follows.
 */
UNPACK_INLINE bool lzma_rep_is_short(struct rc *rc, struct lzma_row *row, struct lzma_history *h,
				     size_t pos_state)
{
	uint32_t dist;

	if (!rc_bit(rc, &row->is_rep0))
		return !rc_bit(rc, &row->is_rep0_long[pos_state]);
	if (!rc_bit(rc, &row->is_rep1)) {
		dist = h->rep[1];
	} else {
		if (!rc_bit(rc, &row->is_rep2)) {
			dist = h->rep[2];
		} else {
			dist = h->rep[3];
			h->rep[3] = h->rep[2];
		}
		h->rep[2] = h->rep[1];
	}
	h->rep[1] = h->rep[0];
	h->rep[0] = dist;
	return false;
}

/* A match: gives its length, while its distance, less one, becomes rep[0]; neither has been checked. */
UNPACK_INLINE uint32_t lzma_match(struct rc *rc, struct lzma_probs *p, struct lzma_history *h, size_t pos_state)
{
	struct lzma_row *row = &p->row[h->state];
	struct lzma_len *coder = &p->rep_len;
	bool after_match = h->state >= STATE_FIRST_MATCH;
	uint32_t len;

	h->state = after_match ? 11 : 8;
	if (!rc_bit(rc, &row->is_rep)) {
		h->state--;
		coder = &p->match_len;
	} else if (lzma_rep_is_short(rc, row, h, pos_state)) {
		h->state = after_match ? 11 : 9;
		return 1;
	}
	len = lzma_length(rc, coder, pos_state);
	if (coder == &p->match_len) {
		h->rep[3] = h->rep[2];
		h->rep[2] = h->rep[1];
		h->rep[1] = h->rep[0];
		h->rep[0] = lzma_distance(rc, p, len);
	}
	return len;
}

/*
 * Decodes one chunk: the compressed bytes in .. in_end (LZMA2_SLACK more can be read) to out .. out_end;
 * `limit` is the end of the whole output.  False if the chunk is corrupt.
 */
static bool lzma_decode(struct lzma2 *s, const uint8_t *in, const uint8_t *in_end,
			uint8_t *out, uint8_t *out_end, const uint8_t *limit)
{
	static const uint8_t after_literal[12] = { 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5 };
	struct lzma_probs *const p = &s->probs;
	struct rc rc = { 0xffffffffU, get_be32(in + 1), in + 5 };
	struct lzma_history h = s->history;
	const uint32_t lc = s->lc, lp_mask = s->lp_mask, pos_mask = s->pos_mask;
	uint8_t *const dict = s->dict;

	while (out < out_end && rc.in <= in_end) {
		size_t pos = (size_t)(out - dict), pos_state = pos & pos_mask, len;

		if (!rc_bit(&rc, &p->row[h.state].is_match[pos_state])) {
			uint32_t prev = pos ? out[-1] : 0;
			lzma_prob *lit = p->literal[((pos & lp_mask) << lc) + (prev >> (8 - lc))];

			/* that rep[0] lies in the dictionary was checked when the match was copied */
			*out = h.state < STATE_FIRST_MATCH ? lzma_literal(&rc, lit) :
				lzma_literal_matched(&rc, lit, *(out - h.rep[0] - 1));
			out++;
			h.state = after_literal[h.state];
			continue;
		}
		len = lzma_match(&rc, p, &h, pos_state);
		if (h.rep[0] >= pos || len > (size_t)(out_end - out))
			return false;
		out = copy_match(out, (size_t)h.rep[0] + 1, len, limit);
	}
	rc_normalise(&rc);
	s->history = h;
	return out == out_end && rc.in == in_end && rc.code == 0;
}

static void lzma_reset(struct lzma2 *s)
{
	lzma_prob *p = (lzma_prob *)&s->probs;

	for (size_t i = 0; i < sizeof(s->probs) / sizeof(*p); i++)
		p[i] = PROB_INIT;
	s->history = (struct lzma_history){ 0 };
}

/* The properties byte is (pb * 5 + lp) * 9 + lc, and LZMA2 allows lc + lp <= 4. */
static bool lzma_set_props(struct lzma2 *s, uint32_t props)
{
	uint32_t lc = props % 9, lp = props / 9 % 5, pb = props / 45;

	if (props >= 9 * 5 * 5 || lc + lp > 4)
		return false;
	s->lc = lc;
	s->lp_mask = (1U << lp) - 1;
	s->pos_mask = (1U << pb) - 1;
	return true;
}

/* A chunk of plain bytes; the control byte is consumed. */
static int lzma2_plain(struct unpack *u)
{
	const uint8_t *in = u->in + u->consumed;
	size_t size;

	if (u->in_len - u->consumed < 2)
		return unpack_fail(u, -EINVAL, "xz: truncated LZMA2 chunk");
	size = (size_t)get_be16(in) + 1;
	if (u->in_len - u->consumed - 2 < size)
		return unpack_fail(u, -EINVAL, "xz: truncated LZMA2 chunk");
	if (u->out_len - u->produced < size)
		return unpack_fail(u, -ENOSPC, "xz: the output is larger than its room");
	memcpy(u->out + u->produced, in + 2, size);
	u->consumed += 2 + size;
	u->produced += size;
	return 0;
}

/* What an LZMA chunk's control byte resets, before its data. */
static int lzma2_prepare(struct lzma2 *s, struct unpack *u, uint8_t control, uint8_t props)
{
	if (control >= 0xc0) {
		if (!lzma_set_props(s, props))
			return unpack_fail(u, -EINVAL, "xz: invalid LZMA properties");
		s->need_props = false;
	} else if (s->need_props) {
		return unpack_fail(u, -EINVAL, "xz: LZMA2 chunk without properties");
	}
	if (control >= 0xa0)
		lzma_reset(s);
	return 0;
}

/* A chunk of LZMA; the control byte is consumed. */
static int lzma2_lzma(struct lzma2 *s, struct unpack *u, uint8_t control)
{
	const uint8_t *in = u->in + u->consumed, *end;
	size_t left = u->in_len - u->consumed, header = control >= 0xc0 ? 5 : 4, packed, size;
	uint8_t *out = u->out + u->produced;
	int rc;

	if (left < header)
		return unpack_fail(u, -EINVAL, "xz: truncated LZMA2 chunk");
	size = ((size_t)(control & 0x1f) << 16 | get_be16(in)) + 1;
	packed = (size_t)get_be16(in + 2) + 1;
	if (left - header < packed)
		return unpack_fail(u, -EINVAL, "xz: truncated LZMA2 chunk");
	if (u->out_len - u->produced < size)
		return unpack_fail(u, -ENOSPC, "xz: the output is larger than its room");
	rc = lzma2_prepare(s, u, control, in[4]);
	if (rc)
		return rc;
	in += header;
	left -= header + packed;
	u->consumed += header + packed;
	u->produced += size;
	if (left < LZMA2_SLACK) {
		memcpy(s->tail, in, packed);
		memset(s->tail + packed, 0, LZMA2_SLACK);
		in = s->tail;
	}
	end = in + packed;
	if (packed < 5 || in[0] != 0 || !lzma_decode(s, in, end, out, out + size, u->out + u->out_len))
		return unpack_fail(u, -EINVAL, "xz: corrupt LZMA data");
	return 0;
}

int lzma2_run(struct lzma2 *s, struct unpack *u)
{
	s->need_dict = s->need_props = true;
	for (;;) {
		uint8_t control;
		int rc;

		if (u->consumed >= u->in_len)
			return unpack_fail(u, -EINVAL, "xz: truncated LZMA2 chunk");
		control = u->in[u->consumed++];
		if (control == 0x00)
			return 0;
		if (control >= 0xe0 || control == 0x01) {
			s->dict = u->out + u->produced;
			s->need_dict = false;
			s->need_props = true;
		}
		if (s->need_dict || (control > 0x02 && control < 0x80))
			return unpack_fail(u, -EINVAL, "xz: invalid LZMA2 control byte");
		rc = control < 0x80 ? lzma2_plain(u) : lzma2_lzma(s, u, control);
		if (rc)
			return rc;
	}
}
