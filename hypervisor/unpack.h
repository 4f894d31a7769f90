/*
 * Decompressors for kernel images: which format it is, how much it will give, and the unpacking itself,
 * straight into the output.  Needs nothing but string.h: no allocation, no globals, no floating point.
 * All input is hostile: whatever it holds, only out[0..out_len) and work[0..work_len) are written.
 */
#ifndef HV_UNPACK_H
#define HV_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One job.  The caller fills in the first part; unpack() leaves the second. */
struct unpack {
	const uint8_t *in;
	size_t in_len;		/* bytes */
	uint8_t *out;
	size_t out_len;		/* bytes of room; what lies behind `produced` is undefined afterwards */
	void *work;		/* aligned to 16 bytes, lives only during the call */
	size_t work_len;	/* bytes, at least unpack_format.work_len; UNPACK_WORK_MAX does for all */

	size_t consumed;	/* bytes of input used: what follows is not ours */
	size_t produced;	/* bytes of output */
	const char *reason;	/* why it failed, for the log: a static string such as "xz: bad CRC32" */
};

/* Bytes of work memory for each format; the last does for all. */
#define UNPACK_WORK_XZ (144UL << 10)
#define UNPACK_WORK_GZIP (41UL << 10)
#define UNPACK_WORK_ZSTD (156UL << 10)
#define UNPACK_WORK_LZ4 0UL
#define UNPACK_WORK_MAX UNPACK_WORK_ZSTD

/* A compression format, with what the table in unpack.c knows of it. */
struct unpack_format {
	const char *name;	/* "xz" */
	uint8_t magic[8];
	uint8_t magic_len;
	size_t work_len;	/* bytes of work memory that it needs */
	bool ends_in_size;	/* the last four bytes are the size of the output: gzip */

	/*
	 * Unpacks one stream (member, frame) and sets consumed and produced.  NULL: the format is known but
	 * not supported.
	 */
	int (*run)(struct unpack *u);

	/*
	 * How large the output will be, at most, by what a complete file says of itself: untrusted, so a hint
	 * for allocation.  0 if it can't be told.
	 */
	uint64_t (*size)(const uint8_t *in, size_t in_len);
};

/* The format that the input's first bytes announce, or NULL. */
const struct unpack_format *unpack_identify(const void *in, size_t in_len);

/*
 * Unpacks u->in and every further stream of the same format that follows directly.  0, or
 *	-EINVAL		not a known format, corrupt or truncated
 *	-ENOSPC		the output is larger than out_len, or work_len too small
 *	-EOPNOTSUPP	a format, or a variant of one, that is not supported
 * with u->reason set.  After an error the output's contents are undefined.
 */
int unpack(struct unpack *u);

/* The formats, each in its own file; only unpack.c's table uses these. */
int unxz(struct unpack *u);
int gunzip(struct unpack *u);
int unzstd(struct unpack *u);
int unlz4(struct unpack *u);
uint64_t unxz_size(const uint8_t *in, size_t in_len);
uint64_t gunzip_size(const uint8_t *in, size_t in_len);
uint64_t unzstd_size(const uint8_t *in, size_t in_len);
uint64_t unlz4_size(const uint8_t *in, size_t in_len);

#endif
