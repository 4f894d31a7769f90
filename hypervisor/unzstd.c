/*
 * Zstandard (RFC 8878): one frame, without dictionary.  The output is the window, so any window size
 * will do.  A block's literals are first decoded to a buffer of their own, then woven with the matches.
 */
#include <stdbool.h>
#include "errno.h"
#include "fse.h"
#include "unpack_io.h"
#include "zhuff.h"

#define ZSTD_BLOCK_MAX (128UL << 10)	/* bytes that a block gives */
#define ZSTD_LL_MAX 35			/* greatest literals-length, match-length and offset codes */
#define ZSTD_ML_MAX 52
#define ZSTD_OF_MAX 31

enum zstd_block_type { ZSTD_RAW, ZSTD_RLE, ZSTD_COMPRESSED, ZSTD_RESERVED };
enum zstd_literals_type { ZSTD_LIT_RAW, ZSTD_LIT_RLE, ZSTD_LIT_HUFFMAN, ZSTD_LIT_TREELESS };
enum zstd_mode { ZSTD_PREDEFINED, ZSTD_MODE_RLE, ZSTD_FSE, ZSTD_REPEAT };

/* A table for one of the three codes of a sequence; it stays for blocks that repeat it. */
struct zstd_table {
	struct fse_cell cell[1 << FSE_MAX_LOG];
	unsigned int log;
	bool valid;
};

struct zstd {
	struct zhuff huffman;
	struct zstd_table ll, of, ml;
	uint64_t rep[3];
	struct unpack *u;
	const uint8_t *literals;	/* the block's: in the input, or in the buffer */
	size_t literals_len;
	const uint8_t *literals_end;	/* what can be read from there, a little more */
	uint8_t buffer[ZSTD_BLOCK_MAX + 16];
};

_Static_assert(sizeof(struct zstd) <= UNPACK_WORK_ZSTD, "work memory");

/* What a code means: base + a number of extra bits (RFC 8878, 3.1.1.3.2.1.1), and the default tables. */
struct zstd_code {
	unsigned int max, max_log;
	const uint32_t *base;		/* NULL: 2^code, with as many extra bits as the code says */
	const uint8_t *extra;
	const int16_t *counts;		/* predefined distribution, */
	unsigned int symbols, log;	/* of so many symbols, and accuracy */
};

static const uint32_t zstd_ll_base[ZSTD_LL_MAX + 1] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40,
	48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536
};
static const uint8_t zstd_ll_extra[ZSTD_LL_MAX + 1] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3,
	4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
};
static const int16_t zstd_ll_counts[] = {
	4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1
};
static const uint32_t zstd_ml_base[ZSTD_ML_MAX + 1] = {
	3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259,
	515, 1027, 2051, 4099, 8195, 16387, 32771, 65539
};
static const uint8_t zstd_ml_extra[ZSTD_ML_MAX + 1] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8,
	9, 10, 11, 12, 13, 14, 15, 16
};
static const int16_t zstd_ml_counts[] = {
	1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1,
	-1, -1, -1, -1, -1
};
static const int16_t zstd_of_counts[] = {
	1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	-1, -1, -1, -1, -1
};

static const struct zstd_code zstd_ll_code =
	{ ZSTD_LL_MAX, 9, zstd_ll_base, zstd_ll_extra, zstd_ll_counts, 36, 6 };
static const struct zstd_code zstd_ml_code =
	{ ZSTD_ML_MAX, 9, zstd_ml_base, zstd_ml_extra, zstd_ml_counts, 53, 6 };
static const struct zstd_code zstd_of_code = { ZSTD_OF_MAX, 8, NULL, NULL, zstd_of_counts, 29, 5 };

/* Replaces the symbol in a cell by what it stands for. */
static void zstd_cell_mean(struct fse_cell *cell, const struct zstd_code *code)
{
	uint32_t symbol = cell->base;

	cell->base = code->base ? code->base[symbol] : 1U << symbol;
	cell->extra = code->base ? code->extra[symbol] : (uint8_t)symbol;
}

/* Sets a table up as its mode says.  Gives where the input goes on, or NULL if it is corrupt. */
static const uint8_t *zstd_table_read(struct zstd_table *t, const struct zstd_code *code, unsigned int mode,
				      const uint8_t *in, const uint8_t *end)
{
	int16_t read[ZSTD_ML_MAX + 1];
	const int16_t *counts = code->counts;
	unsigned int symbols = code->symbols;

	if (mode == ZSTD_REPEAT)
		return t->valid ? in : NULL;
	if (mode == ZSTD_MODE_RLE) {		/* one symbol that takes no bits */
		if (in == end || *in > code->max)
			return NULL;
		t->valid = true;
		t->log = 0;
		t->cell[0] = (struct fse_cell){ .base = *in++ };
		zstd_cell_mean(&t->cell[0], code);
		return in;
	}
	t->log = code->log;
	if (mode == ZSTD_FSE) {
		in = fse_read_counts(in, end, read, code->max + 1, code->max_log, &t->log, &symbols);
		counts = read;
	}
	t->valid = in && fse_build(t->cell, t->log, counts, symbols);
	if (!t->valid)
		return NULL;
	for (unsigned int i = 0; i < 1U << t->log; i++)
		zstd_cell_mean(&t->cell[i], code);
	return in;
}

/* A sequence's offset: one of the last three, or a new one; the history moves along.  0 is corrupt. */
UNPACK_INLINE uint64_t zstd_offset(uint64_t *rep, uint64_t value, bool no_literals)
{
	uint64_t offset;

	if (value > 3) {
		offset = value - 3;
	} else {
		value += no_literals;
		if (value == 1)
			return rep[0];
		offset = value == 4 ? rep[0] - 1 : rep[value - 1];
		if (value == 2) {
			rep[1] = rep[0];
			rep[0] = offset;
			return offset;
		}
	}
	rep[2] = rep[1];
	rep[1] = rep[0];
	rep[0] = offset;
	return offset;
}

/* Why a block failed: sequences report by these, as they run in a tight loop. */
enum zstd_result { ZSTD_OK, ZSTD_CORRUPT, ZSTD_FULL };

/*
 * Decodes and runs n > 0 sequences.  The block may fill the output up to `limit`; *out is where it goes
 * on, and the literals that no sequence took are left in z.
 */
static enum zstd_result zstd_sequences(struct zstd *z, struct backbits *bits, unsigned int n,
				       uint8_t **where, const uint8_t *limit)
{
	const struct fse_cell *ll, *of, *ml;
	const uint8_t *literals = z->literals, *const literals_stop = literals + z->literals_len;
	uint8_t *out = *where, *const start = z->u->out;
	uint64_t rep[3] = { z->rep[0], z->rep[1], z->rep[2] };
	struct backbits b = *bits;

	backbits_fill(&b);
	ll = &z->ll.cell[backbits_take(&b, z->ll.log)];
	of = &z->of.cell[backbits_take(&b, z->of.log)];
	ml = &z->ml.cell[backbits_take(&b, z->ml.log)];
	for (;;) {
		uint64_t value, offset;
		size_t lits, len;

		if (b.left < 0)
			return ZSTD_CORRUPT;
		backbits_fill(&b);			/* 31 + 16 bits, then 16 + 9 + 9 + 8 */
		value = of->base + (uint64_t)backbits_take(&b, of->extra);
		len = ml->base + (size_t)backbits_take(&b, ml->extra);
		if (b.left < 0)
			return ZSTD_CORRUPT;
		backbits_fill(&b);
		lits = ll->base + (size_t)backbits_take(&b, ll->extra);
		offset = zstd_offset(rep, value, lits == 0);

		if (lits > (size_t)(literals_stop - literals))
			return ZSTD_CORRUPT;
		if (lits > (size_t)(limit - out) || len > (size_t)(limit - out) - lits)
			return ZSTD_FULL;
		out = copy_literals(out, literals, lits, limit, z->literals_end);
		literals += lits;
		if (offset == 0 || offset > (size_t)(out - start))
			return ZSTD_CORRUPT;
		out = copy_match(out, offset, len, limit);
		if (--n == 0)
			break;
		ll = &z->ll.cell[ll->next + backbits_take(&b, ll->bits)];
		ml = &z->ml.cell[ml->next + backbits_take(&b, ml->bits)];
		of = &z->of.cell[of->next + backbits_take(&b, of->bits)];
	}
	if (b.left != 0)
		return ZSTD_CORRUPT;
	memcpy(z->rep, rep, sizeof(rep));
	z->literals = literals;
	z->literals_len = (size_t)(literals_stop - literals);
	*where = out;
	return ZSTD_OK;
}

/* Fills z->literals from the compressed kinds' section: sizes, perhaps a tree, one or four streams. */
static const uint8_t *zstd_literals_huffman(struct zstd *z, const uint8_t *in, const uint8_t *end)
{
	static const uint8_t header_len[4] = { 3, 3, 4, 5 }, size_bits[4] = { 10, 10, 14, 18 };
	unsigned int type = in[0] & 3, format = in[0] >> 2 & 3, bits = size_bits[format];
	uint64_t header = 0;
	size_t size, packed;
	bool ok;

	if (end - in < header_len[format])
		return NULL;
	memcpy(&header, in, header_len[format]);
	in += header_len[format];
	size = header >> 4 & ((1U << bits) - 1);
	packed = header >> (4 + bits) & ((1U << bits) - 1);
	if (size > ZSTD_BLOCK_MAX || packed > (size_t)(end - in))
		return NULL;
	end = in + packed;
	if (type == ZSTD_LIT_HUFFMAN)
		in = zhuff_read(&z->huffman, in, end);
	if (!in || z->huffman.log == 0)		/* treeless, and none before */
		return NULL;
	z->literals = z->buffer;
	z->literals_len = size;
	z->literals_end = z->buffer + sizeof(z->buffer);
	ok = format == 0 ? zhuff_decode(&z->huffman, in, (size_t)(end - in), z->buffer, z->buffer + size) :
		zhuff_decode4(&z->huffman, in, (size_t)(end - in), z->buffer, z->buffer + size);
	return ok ? end : NULL;
}

/* Finds or makes a block's literals.  Gives what follows their section, or NULL. */
static const uint8_t *zstd_literals(struct zstd *z, const uint8_t *in, const uint8_t *end)
{
	static const uint8_t header_len[4] = { 1, 2, 1, 3 };
	unsigned int type, format;
	uint32_t header = 0;
	size_t size;

	if (in == end)
		return NULL;
	type = in[0] & 3;
	format = in[0] >> 2 & 3;
	if (type == ZSTD_LIT_HUFFMAN || type == ZSTD_LIT_TREELESS)
		return zstd_literals_huffman(z, in, end);
	if (end - in < header_len[format])
		return NULL;
	memcpy(&header, in, header_len[format]);
	in += header_len[format];
	size = header >> (header_len[format] == 1 ? 3 : 4);
	if (size > ZSTD_BLOCK_MAX || (type == ZSTD_LIT_RLE ? 1 : size) > (size_t)(end - in))
		return NULL;
	z->literals_len = size;
	if (type == ZSTD_LIT_RAW) {		/* where they are */
		z->literals = in;
		z->literals_end = end;
		return in + size;
	}
	memset(z->buffer, *in, size);
	z->literals = z->buffer;
	z->literals_end = z->buffer + sizeof(z->buffer);
	return in + 1;
}

/* How many sequences a block has.  Gives what follows that number, or NULL. */
static const uint8_t *zstd_sequence_count(const uint8_t *in, const uint8_t *end, unsigned int *n)
{
	ptrdiff_t left = end - in;

	if (left < 1 || left < (in[0] < 128 ? 1 : in[0] < 255 ? 2 : 3))
		return NULL;
	if (in[0] < 128) {
		*n = in[0];
		return in + 1;
	}
	if (in[0] < 255) {
		*n = ((unsigned int)in[0] - 128) << 8 | in[1];
		return in + 2;
	}
	*n = get_le16(in + 1) + 0x7f00U;
	return in + 3;
}

/* The part of a compressed block behind its literals. */
static enum zstd_result zstd_sequence_section(struct zstd *z, const uint8_t *in, const uint8_t *end,
					      uint8_t **out, const uint8_t *limit)
{
	struct backbits bits;
	unsigned int n, modes;

	in = zstd_sequence_count(in, end, &n);
	if (!in)
		return ZSTD_CORRUPT;
	if (n == 0)
		return in == end ? ZSTD_OK : ZSTD_CORRUPT;
	if (in == end || (*in & 3))
		return ZSTD_CORRUPT;
	modes = *in++;
	in = zstd_table_read(&z->ll, &zstd_ll_code, modes >> 6, in, end);
	if (in)
		in = zstd_table_read(&z->of, &zstd_of_code, modes >> 4 & 3, in, end);
	if (in)
		in = zstd_table_read(&z->ml, &zstd_ml_code, modes >> 2 & 3, in, end);
	if (!in || !backbits_open(&bits, in, (size_t)(end - in)))
		return ZSTD_CORRUPT;
	return zstd_sequences(z, &bits, n, out, limit);
}

/* A compressed block, in .. end.  *out advances. */
static enum zstd_result zstd_block(struct zstd *z, const uint8_t *in, const uint8_t *end,
				   uint8_t **out, const uint8_t *limit)
{
	enum zstd_result result;

	in = zstd_literals(z, in, end);
	if (!in)
		return ZSTD_CORRUPT;
	result = zstd_sequence_section(z, in, end, out, limit);
	if (result != ZSTD_OK)
		return result;
	if (z->literals_len > (size_t)(limit - *out))
		return ZSTD_FULL;
	memcpy(*out, z->literals, z->literals_len);
	*out += z->literals_len;
	return ZSTD_OK;
}

/* One block with its header, at u->consumed. */
static int zstd_next_block(struct zstd *z, bool *last)
{
	struct unpack *u = z->u;
	const uint8_t *in = u->in + u->consumed;
	size_t room = u->out_len - u->produced, size, packed;
	uint8_t *out = u->out + u->produced;
	bool cut = room < ZSTD_BLOCK_MAX;
	enum zstd_result result;
	unsigned int type;

	if (u->in_len - u->consumed < 3)
		return unpack_fail(u, -EINVAL, "zstd: truncated");
	*last = in[0] & 1;
	type = in[0] >> 1 & 3;
	size = (size_t)(get_le16(in) >> 3) | (size_t)in[2] << 13;
	in += 3;
	u->consumed += 3;
	packed = type == ZSTD_RLE ? 1 : size;
	if (type == ZSTD_RESERVED || size > ZSTD_BLOCK_MAX)
		return unpack_fail(u, -EINVAL, "zstd: corrupt block header");
	if (packed > u->in_len - u->consumed)
		return unpack_fail(u, -EINVAL, "zstd: truncated");
	u->consumed += packed;
	if (type == ZSTD_COMPRESSED) {
		result = zstd_block(z, in, in + size, &out, out + (cut ? room : ZSTD_BLOCK_MAX));
		if (result == ZSTD_CORRUPT || (result == ZSTD_FULL && !cut))
			return unpack_fail(u, -EINVAL, "zstd: corrupt block");
	} else {
		result = size > room ? ZSTD_FULL : ZSTD_OK;
		if (result == ZSTD_OK && type == ZSTD_RLE)
			memset(out, in[0], size);
		else if (result == ZSTD_OK)
			memcpy(out, in, size);
		out += size;
	}
	if (result == ZSTD_FULL)
		return unpack_fail(u, -ENOSPC, "zstd: the output is larger than its room");
	u->produced = (size_t)(out - u->out);
	return 0;
}

struct zstd_header {
	size_t len;		/* bytes */
	bool has_size, has_checksum;
	uint64_t size;		/* of the content, if it says */
	uint32_t dictionary;	/* 0: none */
};

static uint64_t get_le(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return v;
}

/* The frame's header (RFC 8878, 3.1.1.1), magic included.  False if it is not all there, or reserved. */
static bool zstd_header(const uint8_t *in, size_t in_len, struct zstd_header *h)
{
	static const uint8_t dict_len[4] = { 0, 1, 2, 4 }, size_len[4] = { 0, 2, 4, 8 };
	size_t window, dict, size;
	bool single;

	if (in_len < 5 || (in[4] & 0x08))
		return false;
	single = in[4] & 0x20;
	window = single ? 0 : 1;
	dict = dict_len[in[4] & 3];
	size = single && in[4] >> 6 == 0 ? 1 : size_len[in[4] >> 6];
	h->len = 5 + window + dict + size;
	if (in_len < h->len)
		return false;
	h->has_size = size != 0;
	h->has_checksum = in[4] & 0x04;
	h->dictionary = (uint32_t)get_le(in + 5 + window, dict);
	h->size = get_le(in + 5 + window + dict, size) + (size == 2 ? 256 : 0);
	return true;
}

/* XXH64 with seed 0 (xxhash_spec.md), of which a frame's checksum is the low half. */
#define XXH_P1 0x9e3779b185ebca87ULL
#define XXH_P2 0xc2b2ae3d27d4eb4fULL
#define XXH_P3 0x165667b19e3779f9ULL
#define XXH_P4 0x85ebca77c2b2ae63ULL
#define XXH_P5 0x27d4eb2f165667c5ULL

static uint64_t rotate_left(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t xxh64_round(uint64_t lane, uint64_t input)
{
	return rotate_left(lane + input * XXH_P2, 31) * XXH_P1;
}

static uint64_t xxh64(const uint8_t *p, size_t len)
{
	uint64_t lane[4] = { XXH_P1 + XXH_P2, XXH_P2, 0, 0 - XXH_P1 }, h = XXH_P5;
	const uint8_t *end = p + len;

	if (len >= 32) {
		for (; end - p >= 32; p += 32)
			for (unsigned int i = 0; i < 4; i++)
				lane[i] = xxh64_round(lane[i], get_le64(p + 8 * i));
		h = rotate_left(lane[0], 1) + rotate_left(lane[1], 7) + rotate_left(lane[2], 12) +
			rotate_left(lane[3], 18);
		for (unsigned int i = 0; i < 4; i++)
			h = (h ^ xxh64_round(0, lane[i])) * XXH_P1 + XXH_P4;
	}
	h += len;
	for (; end - p >= 8; p += 8)
		h = rotate_left(h ^ xxh64_round(0, get_le64(p)), 27) * XXH_P1 + XXH_P4;
	for (; end - p >= 4; p += 4)
		h = rotate_left(h ^ get_le32(p) * XXH_P1, 23) * XXH_P2 + XXH_P3;
	for (; p < end; p++)
		h = rotate_left(h ^ *p * XXH_P5, 11) * XXH_P1;
	h = (h ^ h >> 33) * XXH_P2;
	h = (h ^ h >> 29) * XXH_P3;
	return h ^ h >> 32;
}

int unzstd(struct unpack *u)
{
	struct zstd *z = u->work;
	struct zstd_header h;
	bool last = false;
	int rc = 0;

	if (!zstd_header(u->in, u->in_len, &h))
		return unpack_fail(u, -EINVAL, "zstd: corrupt or truncated header");
	if (h.dictionary)
		return unpack_fail(u, -EOPNOTSUPP, "zstd: needs a dictionary");
	u->consumed = h.len;
	z->u = u;
	z->huffman.log = 0;
	z->ll.valid = z->of.valid = z->ml.valid = false;
	z->rep[0] = 1;		/* RFC 8878, 3.1.1.5 */
	z->rep[1] = 4;
	z->rep[2] = 8;
	while (rc == 0 && !last)
		rc = zstd_next_block(z, &last);
	if (rc)
		return rc;
	if (h.has_size && h.size != u->produced)
		return unpack_fail(u, -EINVAL, "zstd: the size is not what the header says");
	if (!h.has_checksum)
		return 0;
	if (u->in_len - u->consumed < 4)
		return unpack_fail(u, -EINVAL, "zstd: truncated");
	if ((uint32_t)xxh64(u->out, u->produced) != get_le32(u->in + u->consumed))
		return unpack_fail(u, -EINVAL, "zstd: bad checksum");
	u->consumed += 4;
	return 0;
}

uint64_t unzstd_size(const uint8_t *in, size_t in_len)
{
	struct zstd_header h;

	return zstd_header(in, in_len, &h) && h.has_size ? h.size : 0;
}
