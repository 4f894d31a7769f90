/* What the decompressors share: failing, unaligned loads, and the copy of a match. */
#ifndef HV_UNPACK_IO_H
#define HV_UNPACK_IO_H

#include "string.h"
#include "unpack.h"

#define UNPACK_INLINE static inline __attribute__((always_inline))

static inline int unpack_fail(struct unpack *u, int rc, const char *reason)
{
	u->reason = reason;
	return rc;
}

/*
 * Unaligned values; x86 is little-endian.  The builtin becomes one move, also in a
 * freestanding build, where plain memcpy is a call.
 */
UNPACK_INLINE uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

UNPACK_INLINE uint16_t get_be16(const uint8_t *p)
{
	return __builtin_bswap16(get_le16(p));
}

UNPACK_INLINE uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

UNPACK_INLINE uint32_t get_be32(const uint8_t *p)
{
	return __builtin_bswap32(get_le32(p));
}

UNPACK_INLINE uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

UNPACK_INLINE void put_le32(uint8_t *p, uint32_t v)
{
	__builtin_memcpy(p, &v, sizeof(v));
}

UNPACK_INLINE void copy8(uint8_t *to, const uint8_t *from)
{
	uint64_t v;

	__builtin_memcpy(&v, from, sizeof(v));
	__builtin_memcpy(to, &v, sizeof(v));
}

/*
 * Repeats `len` > 0 bytes from `dist` bytes back, at `out`; the ranges may overlap, which repeats the last
 * `dist` bytes.  The caller has checked that dist bytes lie before `out`, and len bytes before `end`.
 * Up to 7 bytes more may be scribbled on, but never at or behind `end`.
 */
UNPACK_INLINE uint8_t *copy_match(uint8_t *out, size_t dist, size_t len, const uint8_t *end)
{
	const uint8_t *from = out - dist;
	uint8_t *stop = out + len;

	if ((size_t)(end - stop) < 8) {
		while (out < stop)
			*out++ = *from++;
		return stop;
	}
	while (dist < 8) {	/* each round doubles the period that lies ready */
		copy8(out, from);
		if ((size_t)(stop - out) <= dist)
			return stop;
		out += dist;
		dist += dist;
	}
	do {
		copy8(out, out - dist);
		out += 8;
	} while (out < stop);
	return stop;
}

/*
 * Copies `len` bytes that do not overlap.  Up to 15 more may be read before in_end and scribbled on before
 * `end`; the caller has checked that len bytes lie before both.
 */
UNPACK_INLINE uint8_t *copy_literals(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *end,
				     const uint8_t *in_end)
{
	if (len <= 16 && end - out >= 16 && in_end - in >= 16) {
		copy8(out, in);
		copy8(out + 8, in + 8);
	} else {
		memcpy(out, in, len);
	}
	return out + len;
}

#endif
