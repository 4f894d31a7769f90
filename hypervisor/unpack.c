/* The formats that kernels come in, and the door to their decompressors. */
#include "unpack.h"
#include "errno.h"
#include "unpack_io.h"

/* Magic numbers as in each format's specification; those of Linux' Makefile.lib. */
static const struct unpack_format unpack_formats[] = {
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, UNPACK_WORK_XZ, false, unxz, unxz_size },
	{ "gzip", { 0x1f, 0x8b }, 2, UNPACK_WORK_GZIP, true, gunzip, gunzip_size },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, UNPACK_WORK_ZSTD, false, unzstd, unzstd_size },
	{ "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, UNPACK_WORK_LZ4, false, unlz4, unlz4_size },
	{ "bzip2", { 'B', 'Z', 'h' }, 3 },
	{ "lzma", { 0x5d, 0, 0 }, 3 },
	{ "lzo", { 0x89, 'L', 'Z', 'O' }, 4 },
	{ "lz4 (framed)", { 0x04, 0x22, 0x4d, 0x18 }, 4 },
};

const struct unpack_format *unpack_identify(const void *in, size_t in_len)
{
	for (size_t i = 0; i < sizeof(unpack_formats) / sizeof(unpack_formats[0]); i++) {
		const struct unpack_format *f = &unpack_formats[i];

		if (in_len >= f->magic_len && memcmp(in, f->magic, f->magic_len) == 0)
			return f;
	}
	return NULL;
}

/* Runs the job on what is left of its input and output, and adds up. */
static int unpack_stream(const struct unpack_format *f, struct unpack *u)
{
	struct unpack part = *u;
	int rc;

	part.in += u->consumed;
	part.in_len -= u->consumed;
	part.out += u->produced;
	part.out_len -= u->produced;
	part.consumed = part.produced = 0;
	rc = f->run(&part);
	u->consumed += part.consumed;
	u->produced += part.produced;
	u->reason = part.reason;
	return rc;
}

int unpack(struct unpack *u)
{
	const struct unpack_format *f = unpack_identify(u->in, u->in_len);
	int rc;

	u->consumed = u->produced = 0;
	u->reason = NULL;
	if (!f)
		return unpack_fail(u, -EINVAL, "not a known compression format");
	if (!f->run)
		return unpack_fail(u, -EOPNOTSUPP,
				   "compressed in a format that is not supported: use xz, gzip, zstd or lz4 -l");
	if (u->work_len < f->work_len)
		return unpack_fail(u, -ENOSPC, "too little work memory");
	do
		rc = unpack_stream(f, u);
	while (rc == 0 && unpack_identify(u->in + u->consumed, u->in_len - u->consumed) == f);
	return rc;
}
