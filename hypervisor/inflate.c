/*
 * gzip (RFC 1952) and the DEFLATE inside it (RFC 1951).  One member; its CRC32 and size are verified.
 */
#include <stdbool.h>
#include "crc.h"
#include "errno.h"
#include "unpack_io.h"

#define DEFLATE_MAX_BITS 15		/* of a code */
#define DEFLATE_LITLEN 288
#define DEFLATE_DIST 32
#define DEFLATE_PRECODE 19
#define DEFLATE_END_OF_BLOCK 256

/*
 * Decoding tables: indexed by the next ROOT bits of input; longer codes lead to a second table.  The
 * lengths are zlib's "enough" numbers for complete codes: 286 symbols with a root of 10 bits, 30 with 8.
 */
#define LITLEN_ROOT 10
#define LITLEN_TABLE 1334
#define DIST_ROOT 8
#define DIST_TABLE 402
#define PRECODE_ROOT 7

/*
 * An entry: bits 0-7 the bits to take, 8-15 the kind, or how many extra bits follow, 16-31 the literal,
 * the base of the length or distance, or where the second table begins (then 0-7 are its index bits).
 */
#define ENTRY(value, kind, bits) ((uint32_t)(value) << 16 | (uint32_t)(kind) << 8 | (bits))
#define KIND_LITERAL 0x80
#define KIND_TABLE 0x40
#define KIND_END 0x20			/* also: an unused code */
#define KIND_BAD 0x30
#define KIND_EXTRA 0x0f			/* mask; none of the above set */

struct inflate {
	struct crc32_table crc32;
	uint32_t litlen[LITLEN_TABLE], dist[DIST_TABLE], precode[1 << PRECODE_ROOT];
	uint8_t lengths[DEFLATE_LITLEN + DEFLATE_DIST];
	uint16_t sorted[DEFLATE_LITLEN];
};

_Static_assert(sizeof(struct inflate) <= UNPACK_WORK_GZIP, "work memory");

/*
 * The input, lowest bit first.  Behind its end come zeroes, so that looking ahead needs no checks; `over`
 * counts these bytes, and whoever has really used one has a truncated input.
 */
struct bits {
	uint64_t buf;
	unsigned int count;		/* valid bits in buf */
	unsigned int over;
	const uint8_t *in, *end;
};

/* At least 56 bits in buf. */
UNPACK_INLINE void bits_fill(struct bits *b)
{
	if (b->end - b->in >= 8) {
		b->buf |= get_le64(b->in) << b->count;
		b->in += (63 - b->count) >> 3;
		b->count |= 56;
		return;
	}
	for (; b->count < 56; b->count += 8) {
		if (b->in < b->end)
			b->buf |= (uint64_t)*b->in++ << b->count;
		else
			b->over++;
	}
}

UNPACK_INLINE void bits_drop(struct bits *b, unsigned int n)
{
	b->buf >>= n;
	b->count -= n;
}

/* Takes n <= 32 bits that are in buf. */
UNPACK_INLINE uint32_t bits_take(struct bits *b, unsigned int n)
{
	uint32_t value = (uint32_t)(b->buf & ((1ULL << n) - 1));

	bits_drop(b, n);
	return value;
}

UNPACK_INLINE bool bits_truncated(const struct bits *b)
{
	return b->over * 8 > b->count;
}

/*
 * Back to whole bytes: the input from b->in on is what was not used.  The caller has
 * seen that the input is not truncated.
 */
static void bits_align(struct bits *b)
{
	b->in -= b->count / 8 - b->over;
	b->buf = b->count = b->over = 0;
}

static uint32_t reverse_bits(uint32_t code, unsigned int len)
{
	uint32_t out = 0;

	for (; len; len--, code >>= 1)
		out = out << 1 | (code & 1);
	return out;
}

/* What a decoded symbol becomes (RFC 1951, 3.2.5), less the code's length. */
typedef uint32_t (*inflate_entry)(unsigned int symbol);

static uint32_t precode_entry(unsigned int symbol)
{
	return ENTRY(symbol, KIND_LITERAL, 0);
}

static uint32_t litlen_entry(unsigned int symbol)
{
	unsigned int n = symbol - 257, extra = n < 8 ? 0 : n / 4 - 1;

	if (symbol < DEFLATE_END_OF_BLOCK)
		return ENTRY(symbol, KIND_LITERAL, 0);
	if (symbol == DEFLATE_END_OF_BLOCK)
		return ENTRY(0, KIND_END, 0);
	if (symbol > 285)
		return ENTRY(0, KIND_BAD, 0);
	if (symbol == 285)
		return ENTRY(258, 0, 0);
	return ENTRY(3 + (n < 8 ? n : (4 + n % 4) << extra), extra, 0);
}

static uint32_t dist_entry(unsigned int symbol)
{
	unsigned int extra = symbol < 4 ? 0 : symbol / 2 - 1;

	if (symbol > 29)
		return ENTRY(0, KIND_BAD, 0);
	return ENTRY(1 + (symbol < 4 ? symbol : (2 + symbol % 2) << extra), extra, 0);
}

/*
 * Counts codes by length and checks that they fill the code space; one code of one bit may leave the
 * other unused.  Sorts the symbols by code.  Gives the longest length, 0 if there is no code, or -1.
 */
static int inflate_sort(struct inflate *z, const uint8_t *lengths, unsigned int n, uint16_t *count)
{
	uint16_t next[DEFLATE_MAX_BITS + 1];
	int left = 1, max = 0;

	memset(count, 0, (DEFLATE_MAX_BITS + 1) * sizeof(*count));
	for (unsigned int i = 0; i < n; i++)
		count[lengths[i]]++;
	next[0] = next[1] = 0;
	for (unsigned int len = 1; len <= DEFLATE_MAX_BITS; len++) {
		left = left * 2 - count[len];
		if (left < 0)
			return -1;
		if (count[len])
			max = (int)len;
		if (len < DEFLATE_MAX_BITS)
			next[len + 1] = next[len] + count[len];
	}
	if (left > 0 && max > 1)
		return -1;
	for (unsigned int i = 0; i < n; i++)
		if (lengths[i])
			z->sorted[next[lengths[i]]++] = (uint16_t)i;
	return max;
}

/* How many bits the second table takes in which the code of length len, the next of `count`, is first. */
static unsigned int inflate_sub_bits(const uint16_t *count, unsigned int len, unsigned int root)
{
	unsigned int bits = len - root;
	int left = (1 << bits) - count[len];

	while (left > 0 && bits + root < DEFLATE_MAX_BITS) {
		bits++;
		left = left * 2 - count[root + bits];
	}
	return bits;
}

/* Builds the table for the codes of these lengths.  False if they are not a prefix code. */
static bool inflate_build(struct inflate *z, const uint8_t *lengths, unsigned int n,
			  uint32_t *table, unsigned int size, unsigned int root, inflate_entry entry)
{
	uint16_t count[DEFLATE_MAX_BITS + 1];
	uint32_t code = 0, prefix = ~0U, *sub = table, used = 1U << root;
	int max = inflate_sort(z, lengths, n, count);
	unsigned int len = 1, sub_bits = 0;

	if (max < 0)
		return false;
	if (max <= 1)		/* the only incomplete codes */
		for (unsigned int i = 0; i < 1U << root; i++)
			table[i] = ENTRY(0, KIND_BAD, 1);
	for (unsigned int i = 0; max > 0; i++, code++) {
		uint32_t bits, step;

		for (; len <= (unsigned int)max && count[len] == 0; len++)
			code <<= 1;
		if (len > (unsigned int)max)
			break;
		bits = reverse_bits(code, len);
		if (len <= root) {
			for (step = bits; step < 1U << root; step += 1U << len)
				table[step] = entry(z->sorted[i]) | len;
		} else {
			if ((bits & ((1U << root) - 1)) != prefix) {
				prefix = bits & ((1U << root) - 1);
				sub_bits = inflate_sub_bits(count, len, root);
				if (used + (1U << sub_bits) > size)
					return false;
				sub = table + used;
				table[prefix] = ENTRY(used, KIND_TABLE, sub_bits);
				used += 1U << sub_bits;
			}
			for (step = bits >> root; step < 1U << sub_bits; step += 1U << (len - root))
				sub[step] = entry(z->sorted[i]) | (len - root);
		}
		count[len]--;
	}
	return true;
}

/* The entry for the next code, whose bits are dropped.  buf holds at least 15 bits. */
UNPACK_INLINE uint32_t inflate_symbol(struct bits *b, const uint32_t *table, unsigned int root)
{
	uint32_t e = table[b->buf & ((1U << root) - 1)];

	if (e >> 8 & KIND_TABLE) {
		bits_drop(b, root);
		e = table[(e >> 16) + (b->buf & ((1U << (e & 0xff)) - 1))];
	}
	bits_drop(b, e & 0xff);
	return e;
}

/* A block of plain bytes: LEN, its complement, the bytes. */
static int inflate_stored(struct unpack *u, struct bits *b)
{
	size_t len;

	bits_align(b);
	if (b->end - b->in < 4)
		return unpack_fail(u, -EINVAL, "gzip: truncated");
	len = get_le16(b->in);
	if ((len ^ get_le16(b->in + 2)) != 0xffff)
		return unpack_fail(u, -EINVAL, "gzip: corrupt stored block");
	b->in += 4;
	if (len > (size_t)(b->end - b->in))
		return unpack_fail(u, -EINVAL, "gzip: truncated");
	if (len > u->out_len - u->produced)
		return unpack_fail(u, -ENOSPC, "gzip: the output is larger than its room");
	memcpy(u->out + u->produced, b->in, len);
	b->in += len;
	u->produced += len;
	return 0;
}

/* The codes that need no description (RFC 1951, 3.2.6). */
static void inflate_fixed(struct inflate *z)
{
	for (unsigned int i = 0; i < DEFLATE_LITLEN; i++)
		z->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	inflate_build(z, z->lengths, DEFLATE_LITLEN, z->litlen, LITLEN_TABLE, LITLEN_ROOT, litlen_entry);
	memset(z->lengths, 5, DEFLATE_DIST);
	inflate_build(z, z->lengths, DEFLATE_DIST, z->dist, DIST_TABLE, DIST_ROOT, dist_entry);
}

/* The lengths of n codes, themselves coded: 0-15 a length, 16 repeats the last, 17 and 18 repeat 0. */
static bool inflate_lengths(struct inflate *z, struct bits *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; ) {
		unsigned int symbol, repeat;
		uint32_t e;

		bits_fill(b);
		if (bits_truncated(b))
			return false;
		e = inflate_symbol(b, z->precode, PRECODE_ROOT);
		symbol = e >> 16;
		if (!(e >> 8 & KIND_LITERAL))
			return false;
		if (symbol < 16) {
			z->lengths[i++] = (uint8_t)symbol;
			continue;
		}
		repeat = symbol == 18 ? 11 + bits_take(b, 7) : 3 + bits_take(b, symbol == 17 ? 3 : 2);
		if (repeat > n - i || (symbol == 16 && i == 0))
			return false;
		memset(z->lengths + i, symbol == 16 ? z->lengths[i - 1] : 0, repeat);
		i += repeat;
	}
	return true;
}

/* The description of a block's own codes (RFC 1951, 3.2.7). */
static bool inflate_dynamic(struct inflate *z, struct bits *b)
{
	static const uint8_t order[DEFLATE_PRECODE] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
	};
	uint8_t precode[DEFLATE_PRECODE] = { 0 };
	unsigned int litlens, dists, codes;

	bits_fill(b);
	litlens = bits_take(b, 5) + 257;
	dists = bits_take(b, 5) + 1;
	codes = bits_take(b, 4) + 4;
	if (litlens > 286 || dists > 30)
		return false;
	for (unsigned int i = 0; i < codes; i++) {
		bits_fill(b);
		precode[order[i]] = (uint8_t)bits_take(b, 3);
	}
	if (!inflate_build(z, precode, DEFLATE_PRECODE, z->precode, 1U << PRECODE_ROOT, PRECODE_ROOT,
			   precode_entry) ||
	    !inflate_lengths(z, b, litlens + dists) || z->lengths[DEFLATE_END_OF_BLOCK] == 0)
		return false;
	return inflate_build(z, z->lengths, litlens, z->litlen, LITLEN_TABLE, LITLEN_ROOT, litlen_entry) &&
		inflate_build(z, z->lengths + litlens, dists, z->dist, DIST_TABLE, DIST_ROOT, dist_entry);
}

/* The symbols of a block.  The bit reader is copied so that the compiler can keep it in registers. */
static int inflate_codes(const struct inflate *z, struct unpack *u, struct bits *in)
{
	uint8_t *out = u->out + u->produced, *const end = u->out + u->out_len;
	struct bits b = *in;
	int rc = -EINVAL;

	for (;;) {
		uint32_t e, len, dist;

		bits_fill(&b);		/* a symbol takes at most 15 + 5 + 15 + 13 bits */
		if (b.over > sizeof(b.buf))
			break;
		e = inflate_symbol(&b, z->litlen, LITLEN_ROOT);
		if (e >> 8 & KIND_LITERAL) {
			if (out == end)
				goto full;
			*out++ = (uint8_t)(e >> 16);
			continue;
		}
		if (e >> 8 & KIND_END) {
			rc = (e >> 8 & KIND_BAD) == KIND_BAD ? -EINVAL : 0;
			break;
		}
		len = (e >> 16) + bits_take(&b, e >> 8 & KIND_EXTRA);
		e = inflate_symbol(&b, z->dist, DIST_ROOT);
		if (e >> 8 & KIND_END)
			break;
		dist = (e >> 16) + bits_take(&b, e >> 8 & KIND_EXTRA);
		if (dist > (size_t)(out - u->out))
			break;
		if (len > (size_t)(end - out))
			goto full;
		out = copy_match(out, dist, len, end);
	}
	*in = b;
	u->produced = (size_t)(out - u->out);
	if (bits_truncated(&b))
		return unpack_fail(u, -EINVAL, "gzip: truncated");
	return rc ? unpack_fail(u, rc, "gzip: corrupt data") : 0;
full:
	if (bits_truncated(&b))
		return unpack_fail(u, -EINVAL, "gzip: truncated");
	return unpack_fail(u, -ENOSPC, "gzip: the output is larger than its room");
}

/* All blocks.  On success b->in is behind the last one. */
static int inflate(struct inflate *z, struct unpack *u, struct bits *b)
{
	bool last;
	int rc;

	do {
		unsigned int type;

		bits_fill(b);
		last = bits_take(b, 1);
		type = bits_take(b, 2);
		if (bits_truncated(b))
			return unpack_fail(u, -EINVAL, "gzip: truncated");
		if (type == 3 || (type == 2 && !inflate_dynamic(z, b)))
			return unpack_fail(u, -EINVAL, bits_truncated(b) ? "gzip: truncated" :
					   "gzip: corrupt block header");
		if (type == 1)
			inflate_fixed(z);
		rc = type == 0 ? inflate_stored(u, b) : inflate_codes(z, u, b);
	} while (rc == 0 && !last);
	if (rc == 0)
		bits_align(b);
	return rc;
}

/* The member's header (RFC 1952, 2.3); bits of its flags byte. */
#define GZIP_HEADER_LEN 10
#define GZIP_METHOD_DEFLATE 8
#define GZIP_HEADER_CRC 0x02
#define GZIP_EXTRA 0x04
#define GZIP_NAME 0x08
#define GZIP_COMMENT 0x10
#define GZIP_RESERVED 0xe0

/* Skips a string and its terminator. */
static const uint8_t *gzip_skip_string(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p)
		p++;
	return p < end ? p + 1 : NULL;
}

static int gzip_header(struct inflate *z, struct unpack *u)
{
	const uint8_t *p = u->in, *end = u->in + u->in_len;
	uint8_t flags;

	if (u->in_len < GZIP_HEADER_LEN)
		return unpack_fail(u, -EINVAL, "gzip: truncated header");
	flags = p[3];
	if (p[2] != GZIP_METHOD_DEFLATE || (flags & GZIP_RESERVED))
		return unpack_fail(u, -EOPNOTSUPP, "gzip: unknown method or flags");
	p += GZIP_HEADER_LEN;
	if (flags & GZIP_EXTRA) {
		if (end - p < 2 || get_le16(p) > end - p - 2)
			return unpack_fail(u, -EINVAL, "gzip: truncated header");
		p += 2 + get_le16(p);
	}
	if (flags & GZIP_NAME)
		p = gzip_skip_string(p, end);
	if (p && (flags & GZIP_COMMENT))
		p = gzip_skip_string(p, end);
	if (!p || ((flags & GZIP_HEADER_CRC) && end - p < 2))
		return unpack_fail(u, -EINVAL, "gzip: truncated header");
	if (flags & GZIP_HEADER_CRC) {
		if ((uint16_t)crc32_feed(&z->crc32, 0, u->in, (size_t)(p - u->in)) != get_le16(p))
			return unpack_fail(u, -EINVAL, "gzip: bad CRC of the header");
		p += 2;
	}
	u->consumed = (size_t)(p - u->in);
	return 0;
}

int gunzip(struct unpack *u)
{
	struct inflate *z = u->work;
	struct bits b = { 0 };
	int rc;

	crc32_build(&z->crc32);
	rc = gzip_header(z, u);
	if (rc)
		return rc;
	b.in = u->in + u->consumed;
	b.end = u->in + u->in_len;
	rc = inflate(z, u, &b);
	if (rc)
		return rc;
	if (b.end - b.in < 8)
		return unpack_fail(u, -EINVAL, "gzip: truncated");
	if (crc32_feed(&z->crc32, 0, u->out, u->produced) != get_le32(b.in))
		return unpack_fail(u, -EINVAL, "gzip: bad CRC32");
	if ((uint32_t)u->produced != get_le32(b.in + 4))
		return unpack_fail(u, -EINVAL, "gzip: the size is not what the trailer says");
	u->consumed = (size_t)(b.in + 8 - u->in);
	return 0;
}

/* What the last member's trailer says, modulo 4 GiB; most files have one member. */
uint64_t gunzip_size(const uint8_t *in, size_t in_len)
{
	return in_len < GZIP_HEADER_LEN + 8 ? 0 : get_le32(in + in_len - 4);
}
