/* The compressors that kernels come in.  Each unpacks in pieces of fixed size into a sink, so
 * memory does not depend on what the file claims. */
#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "xend/image_parse.h"

#define UNPACK_CHUNK (256 * 1024)
#define UNPACK_DICT_MAX (160ULL << 20)	/* memory that a decoder may take; xz -9 needs 65 MiB */
#define LZ4_LEGACY_BLOCK (8 << 20)	/* lz4 frame format: blocks of the legacy frame */

struct unpack_job {
	const uint8_t *in;
	size_t size;
	uint8_t *out;			/* UNPACK_CHUNK bytes */
	const struct unpack_sink *sink;
	struct fault *f;
};

static int unpack_corrupt(struct unpack_job *j, const char *format, const char *why)
{
	return fault_set(j->f, ENOEXEC, "the %s data in the kernel image is damaged (%s)",
			 format, why);
}

static int unpack_gzip(struct unpack_job *j)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)j->in, .avail_in = (uInt)j->size };
	int rc = 0, st = inflateInit2(&z, 15 + 16);	/* 16: gzip wrapper; zlib.h */

	if (st != Z_OK)
		return fault_set(j->f, ENOMEM, "not enough memory to unpack the kernel");
	do {
		z.next_out = j->out;
		z.avail_out = UNPACK_CHUNK;
		st = inflate(&z, Z_NO_FLUSH);
		if (st != Z_OK && st != Z_STREAM_END) {
			rc = unpack_corrupt(j, "gzip", z.msg ? z.msg : "it ends too early");
			break;
		}
		rc = j->sink->put(j->sink->ctx, j->out, UNPACK_CHUNK - z.avail_out);
	} while (!rc && st != Z_STREAM_END);
	inflateEnd(&z);
	return rc;
}

static const char *lzma_why(lzma_ret st)
{
	if (st == LZMA_OK || st == LZMA_BUF_ERROR)
		return "it ends too early";
	return st == LZMA_OPTIONS_ERROR ? "unsupported options" : "checksum or coding error";
}

/* Runs a prepared decoder, and ends it. */
static int unpack_lzma_run(struct unpack_job *j, lzma_stream *s, const char *format)
{
	lzma_ret st;
	int rc;

	s->next_in = j->in;
	s->avail_in = j->size;
	do {
		s->next_out = j->out;
		s->avail_out = UNPACK_CHUNK;
		st = lzma_code(s, LZMA_RUN);
		if (st == LZMA_MEM_ERROR || st == LZMA_MEMLIMIT_ERROR)
			rc = fault_set(j->f, ENOMEM, "the kernel's %s dictionary is too large",
				       format);
		else if (st != LZMA_OK && st != LZMA_STREAM_END)
			rc = unpack_corrupt(j, format, lzma_why(st));
		else
			rc = j->sink->put(j->sink->ctx, j->out, UNPACK_CHUNK - s->avail_out);
	} while (!rc && st == LZMA_OK);
	lzma_end(s);
	return rc;
}

static int unpack_xz(struct unpack_job *j)
{
	lzma_stream s = LZMA_STREAM_INIT;

	if (lzma_stream_decoder(&s, UNPACK_DICT_MAX, 0) != LZMA_OK)
		return fault_set(j->f, ENOMEM, "not enough memory to unpack the kernel");
	return unpack_lzma_run(j, &s, "XZ");
}

static int unpack_lzma(struct unpack_job *j)
{
	lzma_stream s = LZMA_STREAM_INIT;

	if (lzma_alone_decoder(&s, UNPACK_DICT_MAX) != LZMA_OK)
		return fault_set(j->f, ENOMEM, "not enough memory to unpack the kernel");
	return unpack_lzma_run(j, &s, "LZMA");
}

static int unpack_zstd(struct unpack_job *j)
{
	ZSTD_inBuffer in = { j->in, j->size, 0 };
	ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t left = 1;
	int rc = 0;

	if (!z)
		return fault_set(j->f, ENOMEM, "not enough memory to unpack the kernel");
	while (!rc && left) {
		ZSTD_outBuffer out = { j->out, UNPACK_CHUNK, 0 };
		size_t before = in.pos;

		left = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(left))
			rc = unpack_corrupt(j, "Zstandard", ZSTD_getErrorName(left));
		else if (left && !out.pos && in.pos == before)
			rc = unpack_corrupt(j, "Zstandard", "it ends too early");
		else
			rc = j->sink->put(j->sink->ctx, j->out, out.pos);
	}
	ZSTD_freeDCtx(z);
	return rc;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The legacy frame: the magic, then blocks of a 32-bit length and that many bytes, each of
 * which unpacks to 8 MiB but the last.  What is no block (its length is too large for one) ends
 * it: the kernel's build appends the unpacked size. */
static int unpack_lz4(struct unpack_job *j)
{
	uint8_t *block = malloc(LZ4_LEGACY_BLOCK);
	size_t pos = 4;
	int rc = 0, got = LZ4_LEGACY_BLOCK;

	if (!block)
		return fault_set(j->f, ENOMEM, "not enough memory to unpack the kernel");
	while (!rc && got == LZ4_LEGACY_BLOCK && j->size - pos >= 4) {
		uint32_t len = le32(j->in + pos);

		pos += 4;
		if (!len || len > (uint32_t)LZ4_compressBound(LZ4_LEGACY_BLOCK) || pos == j->size)
			break;
		if (len > j->size - pos) {
			rc = unpack_corrupt(j, "LZ4", "it ends too early");
			break;
		}
		got = LZ4_decompress_safe((const char *)j->in + pos, (char *)block, (int)len,
					  LZ4_LEGACY_BLOCK);
		pos += len;
		if (got < 0)
			rc = unpack_corrupt(j, "LZ4", "coding error");
		else
			rc = j->sink->put(j->sink->ctx, block, (size_t)got);
	}
	free(block);
	return rc;
}

static int unpack_bzip2(struct unpack_job *j)
{
	return fault_set(j->f, ENOEXEC, "the kernel is packed with bzip2, which is not supported");
}

static int unpack_lzo(struct unpack_job *j)
{
	return fault_set(j->f, ENOEXEC, "the kernel is packed with LZO, which is not supported");
}

static const struct unpack_format {
	uint8_t magic[6];
	uint8_t len;
	int (*run)(struct unpack_job *j);
} unpack_formats[] = {
	{ { 0x1f, 0x8b }, 2, unpack_gzip },			/* RFC 1952 */
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, unpack_xz },	/* xz-file-format.txt */
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, unpack_zstd },		/* RFC 8878 */
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, unpack_lz4 },		/* lz4_Frame_format.md, legacy */
	{ { 0x5d, 0x00, 0x00 }, 3, unpack_lzma },		/* lc=3 lp=0 pb=2, 64 KiB up */
	{ { 'B', 'Z', 'h' }, 3, unpack_bzip2 },
	{ { 0x89, 'L', 'Z', 'O' }, 4, unpack_lzo },
};

int unpack(const uint8_t *in, size_t size, const struct unpack_sink *sink, struct fault *f)
{
	struct unpack_job j = { .in = in, .size = size, .sink = sink, .f = f };
	int rc;

	for (size_t i = 0; i < sizeof(unpack_formats) / sizeof(unpack_formats[0]); i++) {
		const struct unpack_format *fmt = &unpack_formats[i];

		if (size < fmt->len || memcmp(in, fmt->magic, fmt->len))
			continue;
		j.out = malloc(UNPACK_CHUNK);
		if (!j.out)
			return fault_set(f, ENOMEM, "not enough memory to unpack the kernel");
		rc = fmt->run(&j);
		free(j.out);
		return rc;
	}
	return sink->put(sink->ctx, in, size);
}

/*
 * Linux Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, 0xaa55 at 0x1fe, "HdrS" at 0x202,
 * version at 0x206, payload_offset and payload_length at 0x248 and 0x24c since version 2.08,
 * counted from the start of the protected-mode code.
 */
int bzimage_payload(const uint8_t **in, size_t *size, struct fault *f)
{
	const uint8_t *p = *in;
	uint64_t sects, offset, length;
	unsigned int version;

	if (*size < 0x250 || p[0x1fe] != 0x55 || p[0x1ff] != 0xaa || memcmp(p + 0x202, "HdrS", 4))
		return 0;
	version = p[0x206] | (unsigned int)p[0x207] << 8;
	if (version < 0x208) {
		fault_set(f, ENOEXEC, "the bzImage has boot protocol %u.%02u, without a payload "
			  "that can be found", version >> 8, version & 0xff);
		fault_hint(f, "Use the kernel's vmlinux file instead.");
		return -ENOEXEC;
	}
	sects = p[0x1f1] ? p[0x1f1] : 4;
	offset = (sects + 1) * 512 + le32(p + 0x248);
	length = le32(p + 0x24c);
	if (offset > *size || length > *size - offset || length < 8)
		return fault_set(f, ENOEXEC, "the bzImage is cut off: its payload should end at "
				 "byte %lu, but the file has %zu",
				 (offset + length), *size);
	*in = p + offset;
	*size = length;
	return 0;
}
