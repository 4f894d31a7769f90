/* Huffman-coded literals.  Codes are described by weights: 0 is an unused symbol, w a code of log + 1 - w bits. */
#include "zhuff.h"

#define ZHUFF_MAX_SYMBOLS 256

/* Weights in an FSE stream with two interleaved states; at most 255.  Gives how many, or -1. */
static int zhuff_weights_fse(struct zhuff *h, const uint8_t *in, size_t len, uint8_t *weights)
{
	int16_t counts[ZHUFF_MAX_BITS + 2];
	const uint8_t *end = in + len;
	unsigned int log, used, state[2], n = 0;
	struct backbits b;

	in = fse_read_counts(in, end, counts, ZHUFF_MAX_BITS + 2, ZHUFF_WEIGHT_LOG, &log, &used);
	if (!in || !fse_build(h->weights, log, counts, used) || !backbits_open(&b, in, (size_t)(end - in)))
		return -1;
	backbits_fill(&b);
	state[0] = backbits_take(&b, log);
	state[1] = backbits_take(&b, log);
	if (b.left < 0)
		return -1;
	for (;;) {	/* when the bits run out, the other state's symbol is the last */
		const struct fse_cell *c = &h->weights[state[n & 1]];

		if (n >= ZHUFF_MAX_SYMBOLS - 2)
			return -1;
		weights[n++] = (uint8_t)c->base;
		backbits_fill(&b);
		state[(n - 1) & 1] = c->next + backbits_take(&b, c->bits);
		if (b.left < 0)
			break;
	}
	weights[n] = (uint8_t)h->weights[state[n & 1]].base;
	return (int)n + 1;
}

/* The last symbol's weight is not stored: it is what fills the code space.  False if nothing does. */
static bool zhuff_complete(struct zhuff *h, uint8_t *weights, unsigned int *n)
{
	uint32_t sum = 0, rest;

	for (unsigned int i = 0; i < *n; i++) {
		if (weights[i] > ZHUFF_MAX_BITS)
			return false;
		sum += 1U << weights[i] >> 1;
	}
	if (sum == 0)
		return false;
	h->log = 32 - (unsigned int)__builtin_clz(sum);
	rest = (1U << h->log) - sum;
	if (h->log > ZHUFF_MAX_BITS || (rest & (rest - 1)))
		return false;
	weights[(*n)++] = (uint8_t)(32 - __builtin_clz(rest));
	return true;
}

/* Longest codes come first, and within a length symbols in order: so the table fills from its start. */
static void zhuff_build(struct zhuff *h, const uint8_t *weights, unsigned int n)
{
	struct zhuff_cell *cell = h->cell;

	for (unsigned int w = 1; w <= h->log; w++) {
		for (unsigned int s = 0; s < n; s++) {
			if (weights[s] != w)
				continue;
			for (uint32_t i = 0; i < 1U << (w - 1); i++)
				*cell++ = (struct zhuff_cell){ (uint8_t)s, (uint8_t)(h->log + 1 - w) };
		}
	}
}

const uint8_t *zhuff_read(struct zhuff *h, const uint8_t *in, const uint8_t *end)
{
	uint8_t weights[ZHUFF_MAX_SYMBOLS + 1];
	unsigned int n, head;
	size_t len;
	int coded;

	h->log = 0;
	if (in == end)
		return NULL;
	head = *in++;
	len = head < 128 ? head : (head - 127 + 1) / 2;
	if (len > (size_t)(end - in))
		return NULL;
	if (head < 128) {
		coded = zhuff_weights_fse(h, in, len, weights);
		if (coded < 0)
			return NULL;
		n = (unsigned int)coded;
	} else {		/* four bits each */
		n = head - 127;
		for (unsigned int i = 0; i < n; i++)
			weights[i] = i & 1 ? in[i / 2] & 15 : in[i / 2] >> 4;
	}
	if (!zhuff_complete(h, weights, &n)) {
		h->log = 0;
		return NULL;
	}
	zhuff_build(h, weights, n);
	return in + len;
}

UNPACK_INLINE uint8_t zhuff_symbol(const struct zhuff *h, struct backbits *b)
{
	struct zhuff_cell c = h->cell[b->buf >> (64 - h->log)];

	b->buf <<= c.bits;
	b->left -= c.bits;
	return c.symbol;
}

/* Five symbols, of 11 bits at most: one fill. */
UNPACK_INLINE void zhuff_five(const struct zhuff *h, struct backbits *b, uint8_t *out)
{
	backbits_fill(b);
	for (unsigned int i = 0; i < 5; i++)
		out[i] = zhuff_symbol(h, b);
}

/* Decodes what is left of a stream, which then must be at its end. */
static bool zhuff_finish(const struct zhuff *h, struct backbits *b, uint8_t *out, uint8_t *out_end)
{
	for (; out_end - out >= 5 && b->left >= 0; out += 5)
		zhuff_five(h, b, out);
	while (out < out_end && b->left >= 0) {
		backbits_fill(b);
		*out++ = zhuff_symbol(h, b);
	}
	return out == out_end && b->left == 0;
}

bool zhuff_decode(const struct zhuff *h, const uint8_t *in, size_t len, uint8_t *out, uint8_t *out_end)
{
	struct backbits b;

	return backbits_open(&b, in, len) && zhuff_finish(h, &b, out, out_end);
}

bool zhuff_decode4(const struct zhuff *h, const uint8_t *in, size_t len, uint8_t *out, uint8_t *out_end)
{
	struct backbits b0, b1, b2, b3;
	size_t quarter = (size_t)(out_end - out + 3) / 4, len0, len1, len2;
	uint8_t *out1 = out + quarter, *out2 = out1 + quarter, *out3 = out2 + quarter, *const end0 = out1;

	if (len < 6 || (size_t)(out_end - out) < 3 * quarter)
		return false;
	len0 = get_le16(in);
	len1 = get_le16(in + 2);
	len2 = get_le16(in + 4);
	in += 6;
	len -= 6;
	if (len0 + len1 + len2 > len)
		return false;
	if (!backbits_open(&b0, in, len0) || !backbits_open(&b1, in + len0, len1) ||
	    !backbits_open(&b2, in + len0 + len1, len2) ||
	    !backbits_open(&b3, in + len0 + len1 + len2, len - len0 - len1 - len2))
		return false;
	/* The last stream is never the longest; the four don't depend on each other and overlap in the CPU. */
	while (out_end - out3 >= 5 && (b0.left | b1.left | b2.left | b3.left) >= 0) {
		zhuff_five(h, &b0, out);
		zhuff_five(h, &b1, out1);
		zhuff_five(h, &b2, out2);
		zhuff_five(h, &b3, out3);
		out += 5;
		out1 += 5;
		out2 += 5;
		out3 += 5;
	}
	return zhuff_finish(h, &b0, out, end0) && zhuff_finish(h, &b1, out1, end0 + quarter) &&
		zhuff_finish(h, &b2, out2, end0 + 2 * quarter) && zhuff_finish(h, &b3, out3, out_end);
}
