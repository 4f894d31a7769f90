/*
 * LZ4 in the legacy frame that Linux' build uses (lz4 -l): the magic, then blocks, each behind its packed
 * size, independent, and of 8 MiB unpacked but for the last.  Nothing marks the end but the end of the
 * file, or the magic of another frame; there are no checksums.  Format: lz4_Frame_format.md ("Legacy
 * frame") and lz4_Block_format.md.
 */
#include <stdbool.h>
#include "errno.h"
#include "unpack_io.h"

#define LZ4_MAGIC 0x184c2102U
#define LZ4_BLOCK_MAX (8UL << 20)
#define LZ4_PACKED_MAX (LZ4_BLOCK_MAX + LZ4_BLOCK_MAX / 255 + 16)
#define LZ4_MATCH_MIN 4

/*
 * A length of 15 goes on in the following bytes, up to and with the first that is not 255.  False if the
 * input ends before.  The sum can't overflow: it is below 256 for each byte of the block.
 */
UNPACK_INLINE bool lz4_length(const uint8_t **in, const uint8_t *end, size_t *len)
{
	uint8_t byte;

	if (*len != 15)
		return true;
	do {
		if (*in == end)
			return false;
		byte = *(*in)++;
		*len += byte;
	} while (byte == 255);
	return true;
}

/*
 * Decodes one block, in .. end, to out, with room up to `limit`.  Gives where the output ends, or NULL: if
 * *full is set because the room does not do, else because the block is corrupt.
 */
static uint8_t *lz4_block(const uint8_t *in, const uint8_t *end, uint8_t *out, const uint8_t *limit, bool *full)
{
	const uint8_t *start = out;

	while (in < end) {
		size_t literals = *in >> 4, len = *in & 15, dist;

		in++;
		if (!lz4_length(&in, end, &literals) || literals > (size_t)(end - in))
			return NULL;
		*full = literals > (size_t)(limit - out);
		if (*full)
			return NULL;
		out = copy_literals(out, in, literals, limit, end);
		in += literals;
		if (in == end)		/* the last sequence has no match */
			return out;
		if (end - in < 2)
			return NULL;
		dist = get_le16(in);
		in += 2;
		if (dist == 0 || dist > (size_t)(out - start) || !lz4_length(&in, end, &len))
			return NULL;
		len += LZ4_MATCH_MIN;
		*full = len > (size_t)(limit - out);
		if (*full)
			return NULL;
		out = copy_match(out, dist, len, limit);
	}
	return NULL;
}

/* The block behind u->consumed, packed bytes long, all of which are there. */
static int lz4_unpack_block(struct unpack *u, size_t packed)
{
	const uint8_t *in = u->in + u->consumed;
	uint8_t *out = u->out + u->produced, *end;
	size_t room = u->out_len - u->produced;
	bool full = false, cut = room < LZ4_BLOCK_MAX;

	end = lz4_block(in, in + packed, out, out + (cut ? room : LZ4_BLOCK_MAX), &full);
	if (!end && full && cut)
		return unpack_fail(u, -ENOSPC, "lz4: the output is larger than its room");
	if (!end)
		return unpack_fail(u, -EINVAL, "lz4: corrupt block");
	u->consumed += packed;
	u->produced += (size_t)(end - out);
	return 0;
}

int unlz4(struct unpack *u)
{
	int rc = 0;

	u->consumed = 4;	/* the magic, which the caller has seen */
	while (rc == 0 && u->consumed < u->in_len) {
		size_t left = u->in_len - u->consumed, packed;

		if (left < 4)
			return unpack_fail(u, -EINVAL, "lz4: truncated");
		packed = get_le32(u->in + u->consumed);
		if (packed == LZ4_MAGIC)	/* no block is so large: another frame */
			return 0;
		if (packed == 0 || packed > LZ4_PACKED_MAX)
			return unpack_fail(u, -EINVAL, "lz4: corrupt block size");
		if (packed > left - 4)
			return unpack_fail(u, -EINVAL, "lz4: truncated block");
		u->consumed += 4;
		rc = lz4_unpack_block(u, packed);
	}
	return rc;
}

/* As if every block were full: no size is written anywhere. */
uint64_t unlz4_size(const uint8_t *in, size_t in_len)
{
	uint64_t sum = 0;
	size_t at = 4, packed;

	while (in_len >= 4 && at <= in_len - 4) {
		packed = get_le32(in + at);
		at += 4;
		if (packed == LZ4_MAGIC)
			continue;
		if (packed > LZ4_PACKED_MAX || packed > in_len - at)
			return 0;
		at += packed;
		sum += LZ4_BLOCK_MAX;
	}
	return sum;
}
