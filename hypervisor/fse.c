/* Finite-state entropy tables, as RFC 8878, 4.1.1 describes them. */
#include "fse.h"

static unsigned int highest_bit(uint32_t x)
{
	return 31 - (unsigned int)__builtin_clz(x);
}

/* Up to 32 bits from bit `at` on, lowest first; behind the end come zeroes. */
static uint32_t fse_peek(const uint8_t *in, const uint8_t *end, size_t at)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 5 && at / 8 + i < (size_t)(end - in); i++)
		v |= (uint64_t)in[at / 8 + i] << (8 * i);
	return (uint32_t)(v >> (at % 8));
}

const uint8_t *fse_read_counts(const uint8_t *in, const uint8_t *end, int16_t *counts, unsigned int symbols,
			       unsigned int max_log, unsigned int *log, unsigned int *used)
{
	size_t at = 4;
	unsigned int n = 0;
	int32_t left;

	*log = (fse_peek(in, end, 0) & 15) + 5;
	if (*log > max_log)
		return NULL;
	left = (1 << *log) + 1;		/* what remains to be shared out, plus one */
	while (left > 1 && n < symbols) {
		/* a value of 0..left; small ones are a bit shorter */
		unsigned int bits = highest_bit((uint32_t)left) + 1;
		uint32_t spare = (1U << bits) - 1 - (uint32_t)left, v = fse_peek(in, end, at);
		uint32_t low = v & ((1U << (bits - 1)) - 1);

		if (low < spare) {
			v = low;
			at += bits - 1;
		} else {
			v &= (1U << bits) - 1;
			if (v >= 1U << (bits - 1))
				v -= spare;
			at += bits;
		}
		counts[n++] = (int16_t)((int32_t)v - 1);
		left -= v ? (int32_t)v - 1 : 1;
		if (v != 1)
			continue;
		for (uint32_t repeat = 3; repeat == 3; ) {	/* more zeroes, two bits at a time */
			repeat = fse_peek(in, end, at) & 3;
			at += 2;
			for (uint32_t i = 0; i < repeat; i++) {
				if (n == symbols)
					return NULL;
				counts[n++] = 0;
			}
		}
	}
	*used = n;
	if (left != 1 || (at + 7) / 8 > (size_t)(end - in))
		return NULL;
	return in + (at + 7) / 8;
}

bool fse_build(struct fse_cell *table, unsigned int log, const int16_t *counts, unsigned int symbols)
{
	const uint32_t size = 1U << log, step = (size >> 1) + (size >> 3) + 3;
	uint16_t next[FSE_MAX_SYMBOLS];
	uint32_t high = size, pos = 0, sum = 0;

	for (unsigned int s = 0; s < symbols; s++)
		sum += counts[s] < 0 ? 1 : (uint32_t)counts[s];
	if (sum != size)
		return false;
	for (unsigned int s = 0; s < symbols; s++) {	/* the rarest sit at the end */
		next[s] = counts[s] < 0 ? 1 : (uint16_t)counts[s];
		if (counts[s] < 0)
			table[--high].base = s;
	}
	for (unsigned int s = 0; s < symbols; s++) {
		for (int i = 0; i < counts[s]; i++) {
			table[pos].base = s;
			do
				pos = (pos + step) & (size - 1);
			while (pos >= high);
		}
	}
	for (uint32_t i = 0; i < size; i++) {
		uint32_t x = next[table[i].base]++;

		table[i].bits = (uint8_t)(log - highest_bit(x));
		table[i].next = (uint16_t)((x << table[i].bits) - size);
		table[i].extra = 0;
	}
	return true;
}
