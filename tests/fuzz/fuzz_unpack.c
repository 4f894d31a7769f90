/*
 * Any bytes into any decompressor: the first picks the format, the second the room.  The magic is
 * supplied.  Buffers are exact, so that the sanitizers see every byte too far.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct { uint8_t magic[6]; size_t len; } magics[] = {
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	{ { 0x1f, 0x8b, 8 }, 3 },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct unpack u = { .work_len = UNPACK_WORK_MAX };
	const struct unpack_format *f;
	size_t magic;
	uint8_t *in;

	if (len < 2)
		return 0;
	magic = data[0] % (sizeof(magics) / sizeof(magics[0]));
	u.in_len = magics[magic].len + len - 2;
	u.out_len = (size_t)data[1] * data[1] * 4 + data[1] % 16;
	in = malloc(u.in_len);
	memcpy(in, magics[magic].magic, magics[magic].len);
	memcpy(in + magics[magic].len, data + 2, len - 2);
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
