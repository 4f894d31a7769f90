/*
 * The .xz container (The .xz File Format, version 1.1.0): stream header, blocks, index, footer.  One
 * stream; LZMA2, optionally behind the x86 branch filter; checks none, CRC32 and CRC64.  Whatever the
 * file says twice is compared: sizes in block headers, index and footer, and every CRC.
 */
#include <stdbool.h>
#include "crc.h"
#include "errno.h"
#include "lzma2.h"
#include "unpack_io.h"

#define XZ_HEADER_LEN 12
#define XZ_FOOTER_LEN 12
#define XZ_FILTER_X86 0x04
#define XZ_FILTER_LZMA2 0x21
#define XZ_VLI_MAX_LEN 9		/* bytes of a variable-length integer of 63 bits */

enum xz_check { XZ_CHECK_NONE = 0, XZ_CHECK_CRC32 = 1, XZ_CHECK_CRC64 = 4 };

/* What the index must repeat: how many blocks, and a digest of their sizes in order. */
struct xz_records {
	uint64_t count;
	uint32_t digest;
};

struct xz {
	struct lzma2 lzma2;
	struct crc32_table crc32;
	struct crc64_table crc64;
	struct unpack *u;
	uint8_t flags;			/* enum xz_check */
	struct xz_records blocks, index;
};

_Static_assert(sizeof(struct xz) <= UNPACK_WORK_XZ, "work memory");

/* What a block's header says. */
struct xz_block {
	bool has_packed, has_size, has_x86;
	uint64_t packed;		/* compressed bytes */
	uint64_t size;			/* uncompressed bytes */
	uint32_t x86_start;		/* address of the first byte, for the branch filter */
};

/* Part of the input, read from the front. */
struct xz_cursor {
	const uint8_t *p, *end;
};

/* A number in 7-bit groups, lowest first; the shortest form only.  False if it is not there. */
static bool xz_vli(struct xz_cursor *c, uint64_t *value)
{
	*value = 0;
	for (unsigned int i = 0; i < XZ_VLI_MAX_LEN && c->p < c->end; i++) {
		uint8_t byte = *c->p++;

		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return byte != 0 || i == 0;
	}
	return false;
}

static void xz_record(struct xz *x, struct xz_records *r, uint64_t packed, uint64_t size)
{
	uint64_t pair[2] = { packed, size };

	r->count++;
	r->digest = crc32_feed(&x->crc32, r->digest, pair, sizeof(pair));
}

static size_t xz_check_len(uint8_t flags)
{
	return flags == XZ_CHECK_CRC64 ? 8 : flags == XZ_CHECK_CRC32 ? 4 : 0;
}

/* Skips the zeroes up to a multiple of four bytes from the stream's start.  False if there are others. */
static bool xz_padding(struct unpack *u)
{
	for (; u->consumed % 4; u->consumed++)
		if (u->consumed >= u->in_len || u->in[u->consumed])
			return false;
	return true;
}

/* True for the top byte of an address that the branch filter converts: within 16 MiB, either way. */
static bool x86_is_near(uint8_t top)
{
	return top == 0x00 || top == 0xff;
}

/* The first CALL (e8) or JMP (e9) at or after p, or end. */
static uint8_t *x86_find_branch(uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 8; p += 8) {
		/* without their lowest bits the bytes are e8 >> 1 = 74 or not; 80 less the difference can't borrow */
		uint64_t w = (get_le64(p) >> 1 & 0x7f7f7f7f7f7f7f7fULL) ^ 0x7474747474747474ULL;

		w = (0x8080808080808080ULL - w) & 0x8080808080808080ULL;
		if (w)
			return p + (__builtin_ctzll(w) >> 3);
	}
	while (p < end && (*p & 0xfe) != 0xe8)
		p++;
	return p;
}

/*
 * Whether the branch at p was converted by the encoder.  `recent` tells which of the three bytes before
 * look like a branch that was not: bit 0 the last one.  Two of them, or one whose own address would have
 * looked near, and the encoder let this one be.
 */
static bool x86_is_converted(const uint8_t *p, uint32_t recent)
{
	static const uint8_t top_byte[8] = { 4, 3, 2, 0, 1, 0, 0, 0 };	/* of the earlier branch; 0: two */

	return top_byte[recent] && x86_is_near(p[4]) && (!recent || !x86_is_near(p[top_byte[recent]]));
}

/*
 * Turns the absolute target of the branch at p back into a displacement from `next`, the address behind
 * it.  Where an earlier look-alike's address ends in this one's byte n, the encoder kept that byte from
 * looking near, by a second round on the bits up to it.  (It can take no third: it would undo the second.)
 */
static void x86_convert(uint8_t *p, uint32_t next, uint32_t recent)
{
	uint32_t disp = get_le32(p + 1) - next;
	unsigned int bits = recent == 1 ? 24 : recent == 2 ? 16 : 8;

	if (recent && x86_is_near((uint8_t)(disp >> (bits - 8))))
		disp = (disp ^ ((1U << bits) - 1)) - next;
	disp &= 0x01ffffff;
	put_le32(p + 1, disp | (0 - (disp & 0x01000000)));	/* 25 bits, sign-extended */
}

/* Undoes the x86 branch filter on a whole block, whose first byte has the address `start`. */
static void x86_unfilter(uint8_t *data, size_t size, uint32_t start)
{
	uint8_t *p = data, *seen = data;	/* `recent` speaks of the three bytes before `seen` */
	const uint8_t *end = data + size - 4;	/* what lies from there on can't hold a whole branch */
	uint32_t recent = 0;

	if (size < 5)
		return;
	while ((p = x86_find_branch(p, end)) < end) {
		recent = p - seen < 3 ? recent << (p - seen) & 7 : 0;
		if (x86_is_converted(p, recent)) {
			x86_convert(p, start + (uint32_t)(p - data) + 5, recent);
			p += 5;
			recent = 0;
		} else {
			p++;
			recent = (recent << 1 | 1) & 7;
		}
		seen = p;
	}
}

/* One filter's id and properties.  The last must be LZMA2; before it, only the x86 filter. */
static int xz_filter(struct xz *x, struct xz_cursor *c, struct xz_block *b, bool last)
{
	uint64_t id, len;

	if (!xz_vli(c, &id) || !xz_vli(c, &len) || len > (uint64_t)(c->end - c->p))
		return unpack_fail(x->u, -EINVAL, "xz: corrupt block header");
	if (id != (last ? XZ_FILTER_LZMA2 : XZ_FILTER_X86))
		return unpack_fail(x->u, -EOPNOTSUPP, "xz: a filter other than x86 and LZMA2");
	if (last) {	/* the dictionary's size: of no interest, all of the output is there */
		if (len != 1 || c->p[0] > 40)
			return unpack_fail(x->u, -EINVAL, "xz: corrupt block header");
	} else {
		if (len != 0 && len != 4)
			return unpack_fail(x->u, -EINVAL, "xz: corrupt block header");
		b->has_x86 = true;
		b->x86_start = len ? get_le32(c->p) : 0;
	}
	c->p += len;
	return 0;
}

/* The block header that takes u->in[consumed], len bytes with its CRC; all of it is there. */
static int xz_block_header(struct xz *x, struct xz_block *b, size_t len)
{
	const uint8_t *in = x->u->in + x->u->consumed;
	struct xz_cursor c = { in + 2, in + len - 4 };
	unsigned int filters = (in[1] & 3) + 1;
	int rc = 0;

	if (crc32_feed(&x->crc32, 0, in, len - 4) != get_le32(c.end))
		return unpack_fail(x->u, -EINVAL, "xz: bad CRC32 of a block header");
	if (in[1] & 0x3c)
		return unpack_fail(x->u, -EOPNOTSUPP, "xz: unknown flags in a block header");
	if (filters > 2)
		return unpack_fail(x->u, -EOPNOTSUPP, "xz: a filter other than x86 and LZMA2");
	*b = (struct xz_block){ .has_packed = in[1] & 0x40, .has_size = in[1] & 0x80 };
	if ((b->has_packed && !xz_vli(&c, &b->packed)) || (b->has_size && !xz_vli(&c, &b->size)))
		return unpack_fail(x->u, -EINVAL, "xz: corrupt block header");
	for (unsigned int i = 1; i <= filters && rc == 0; i++)
		rc = xz_filter(x, &c, b, i == filters);
	for (; rc == 0 && c.p < c.end; c.p++)
		if (*c.p)
			rc = unpack_fail(x->u, -EOPNOTSUPP, "xz: unknown data in a block header");
	x->u->consumed += len;
	return rc;
}

/* Compares the check behind a block with the block's output. */
static int xz_check(struct xz *x, const uint8_t *out, size_t size)
{
	struct unpack *u = x->u;
	const uint8_t *in = u->in + u->consumed;
	size_t len = xz_check_len(x->flags);

	if (u->in_len - u->consumed < len)
		return unpack_fail(u, -EINVAL, "xz: truncated block");
	u->consumed += len;
	if (len == 4 && crc32_feed(&x->crc32, 0, out, size) != get_le32(in))
		return unpack_fail(u, -EINVAL, "xz: bad CRC32 of the data");
	if (len == 8 && crc64_feed(&x->crc64, 0, out, size) != get_le64(in))
		return unpack_fail(u, -EINVAL, "xz: bad CRC64 of the data");
	return 0;
}

static int xz_block(struct xz *x)
{
	struct unpack *u = x->u;
	size_t header = ((size_t)u->in[u->consumed] + 1) * 4, in_start, out_start = u->produced;
	uint64_t packed, size;
	struct xz_block b;
	int rc;

	if (u->in_len - u->consumed < header)
		return unpack_fail(u, -EINVAL, "xz: truncated block header");
	rc = xz_block_header(x, &b, header);
	if (rc)
		return rc;
	in_start = u->consumed;
	rc = lzma2_run(&x->lzma2, u);
	if (rc)
		return rc;
	packed = u->consumed - in_start;
	size = u->produced - out_start;
	if ((b.has_packed && b.packed != packed) || (b.has_size && b.size != size))
		return unpack_fail(u, -EINVAL, "xz: a block's size is not what its header says");
	xz_record(x, &x->blocks, header + packed + xz_check_len(x->flags), size);
	if (!xz_padding(u))
		return unpack_fail(u, -EINVAL, "xz: corrupt block padding");
	if (b.has_x86)
		x86_unfilter(u->out + out_start, size, b.x86_start);
	return xz_check(x, u->out + out_start, size);
}

/* The index repeats the blocks' sizes.  Gives the index' own length. */
static int xz_index(struct xz *x, uint64_t *len)
{
	struct unpack *u = x->u;
	size_t start = u->consumed;
	struct xz_cursor c = { u->in + start + 1, u->in + u->in_len };
	uint64_t count, packed, size;

	if (!xz_vli(&c, &count) || count != x->blocks.count)
		return unpack_fail(u, -EINVAL, "xz: the index does not match the blocks");
	while (x->index.count < count) {	/* as many as there were blocks, so this ends */
		if (!xz_vli(&c, &packed) || !xz_vli(&c, &size))
			return unpack_fail(u, -EINVAL, "xz: corrupt index");
		xz_record(x, &x->index, packed, size);
	}
	if (x->index.digest != x->blocks.digest)
		return unpack_fail(u, -EINVAL, "xz: the index does not match the blocks");
	u->consumed = (size_t)(c.p - u->in);
	if (!xz_padding(u) || u->in_len - u->consumed < 4)
		return unpack_fail(u, -EINVAL, "xz: corrupt index");
	if (crc32_feed(&x->crc32, 0, u->in + start, u->consumed - start) != get_le32(u->in + u->consumed))
		return unpack_fail(u, -EINVAL, "xz: bad CRC32 of the index");
	u->consumed += 4;
	*len = u->consumed - start;
	return 0;
}

static int xz_footer(struct xz *x, uint64_t index_len)
{
	struct unpack *u = x->u;
	const uint8_t *in = u->in + u->consumed;

	if (u->in_len - u->consumed < XZ_FOOTER_LEN)
		return unpack_fail(u, -EINVAL, "xz: truncated footer");
	if (in[10] != 'Y' || in[11] != 'Z' || crc32_feed(&x->crc32, 0, in + 4, 6) != get_le32(in))
		return unpack_fail(u, -EINVAL, "xz: corrupt footer");
	if (((uint64_t)get_le32(in + 4) + 1) * 4 != index_len || in[8] != 0 || in[9] != x->flags)
		return unpack_fail(u, -EINVAL, "xz: the footer does not match the stream");
	u->consumed += XZ_FOOTER_LEN;
	return 0;
}

static int xz_header(struct xz *x)
{
	const uint8_t *in = x->u->in;

	if (x->u->in_len < XZ_HEADER_LEN)
		return unpack_fail(x->u, -EINVAL, "xz: truncated header");
	if (crc32_feed(&x->crc32, 0, in + 6, 2) != get_le32(in + 8))
		return unpack_fail(x->u, -EINVAL, "xz: bad CRC32 of the header");
	x->flags = in[7];
	if (in[6] || (x->flags != XZ_CHECK_NONE && x->flags != XZ_CHECK_CRC32 &&
		      x->flags != XZ_CHECK_CRC64))
		return unpack_fail(x->u, -EOPNOTSUPP, "xz: a check other than CRC32 and CRC64");
	x->u->consumed = XZ_HEADER_LEN;
	return 0;
}

int unxz(struct unpack *u)
{
	struct xz *x = u->work;
	uint64_t index_len = 0;
	int rc;

	x->u = u;
	x->blocks = x->index = (struct xz_records){ 0 };
	crc32_build(&x->crc32);
	rc = xz_header(x);
	if (rc == 0 && x->flags == XZ_CHECK_CRC64)
		crc64_build(&x->crc64);
	while (rc == 0) {
		if (u->consumed >= u->in_len)
			return unpack_fail(u, -EINVAL, "xz: truncated");
		if (u->in[u->consumed] == 0)	/* not a block header's length: the index */
			break;
		rc = xz_block(x);
	}
	if (rc == 0)
		rc = xz_index(x, &index_len);
	return rc ? rc : xz_footer(x, index_len);
}

/* The sum of the sizes in the index, which the footer at the very end points to. */
uint64_t unxz_size(const uint8_t *in, size_t in_len)
{
	uint64_t index_len, count, packed, size, sum = 0;
	struct xz_cursor c;

	if (in_len < XZ_HEADER_LEN + XZ_FOOTER_LEN)
		return 0;
	c.end = in + in_len - XZ_FOOTER_LEN;
	index_len = ((uint64_t)get_le32(c.end + 4) + 1) * 4;
	if (index_len > in_len - XZ_HEADER_LEN - XZ_FOOTER_LEN || c.end[-(ptrdiff_t)index_len])
		return 0;
	c.p = c.end - index_len + 1;
	if (!xz_vli(&c, &count))
		return 0;
	for (; count; count--, sum += size)
		if (!xz_vli(&c, &packed) || !xz_vli(&c, &size) || sum + size < sum)
			return 0;
	return sum;
}
