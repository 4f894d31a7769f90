/*
 * Any bytes into any decompressor: the first picks the format, the second the room.  What the file begins
 * with is supplied: a magic, or for xz also headers up to the LZMA2 data (with the x86 filter), as mutations
 * can't keep their CRCs right.  Buffers are exact, so that the sanitizers see every byte too far.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct { uint8_t data[24]; size_t len; } starts[] = {
	{ { 0xfd, '7', 'z', 'X', 'Z', 0, 0, 0, 0xff, 0x12, 0xd9, 0x41,
	    2, 1, 4, 0, 0x21, 1, 16, 0, 0x8b, 0x21, 0x6f, 0x49 }, 24 },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	{ { 0x1f, 0x8b, 8 }, 3 },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct unpack u = { .work_len = UNPACK_WORK_MAX };
	const struct unpack_format *f;
	size_t start;
	uint8_t *in;

	if (len < 2)
		return 0;
	start = data[0] % (sizeof(starts) / sizeof(starts[0]));
	u.in_len = starts[start].len + len - 2;
	u.out_len = (size_t)data[1] * data[1] * 4 + data[1] % 16;
	in = malloc(u.in_len);
	memcpy(in, starts[start].data, starts[start].len);
	memcpy(in + starts[start].len, data + 2, len - 2);
	u.in = in;
	u.out = malloc(u.out_len ? u.out_len : 1);
	u.work = aligned_alloc(16, UNPACK_WORK_MAX);
	f = unpack_identify(u.in, u.in_len);
	if (f && f->size)
		f->size(u.in, u.in_len);
	if (unpack(&u) == 0 ? u.reason != NULL : u.reason == NULL)
		abort();
	if (u.produced > u.out_len || u.consumed > u.in_len)
		abort();
	free(u.work);
	free(u.out);
	free(in);
	return 0;
}
