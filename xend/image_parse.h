/*
 * The half of image.c that touches hostile bytes: finds the ELF file in a kernel image, unpacks
 * it piece by piece, and lays its segments out in a file.  image.c runs it in a child without
 * privileges; tests and the fuzzer call it directly.
 */
#ifndef XEND_IMAGE_PARSE_H
#define XEND_IMAGE_PARSE_H

#include "xend/fault.h"
#include "xend/image.h"

/* What stands in the first page of the result; the flat image follows it. */
#define IMAGE_FLAT_OFFSET 4096
#define IMAGE_MAGIC 0x314d4958444e4558ULL	/* "XENDXIM1"; changes with struct image_header */

struct image_header {
	uint64_t magic;
	uint64_t start, size;		/* as in struct image */
	struct image_notes notes;
};

/* Parse the kernel in `file` and write header and flat image to `fd` (an empty file that can
 * be resized and written).  -ENOEXEC, -EFBIG, -ENOMEM …, and `f` explains. */
int image_parse(const uint8_t *file, size_t size, int fd, struct fault *f);

/* Is this header one that image_parse() may have written for a result of `file_size` bytes?
 * The header comes from a process without privileges, or from a disk. */
int image_header_check(const struct image_header *hdr, uint64_t file_size);

/* The parts of image_parse(), each in a file of its own. */

/* Takes the unpacked bytes in order.  0: go on; 1: enough; -errno: stop with this. */
struct unpack_sink {
	int (*put)(void *ctx, const uint8_t *data, size_t len);
	void *ctx;
};

/* Unpack whatever `in` is packed with into the sink: 0 at its end, 1 if the sink had enough,
 * -errno.  `in` itself if it is not packed. */
int unpack(const uint8_t *in, size_t size, const struct unpack_sink *sink, struct fault *f);

/* The payload of a bzImage as a part of `in`; `in` unchanged if it is none. */
int bzimage_payload(const uint8_t **in, size_t *size, struct fault *f);

/* Read the Xen notes in one run of ELF notes; returns how many there were. */
int notes_parse(const uint8_t *data, size_t size, struct image_notes *notes, struct fault *f);

/* Are the notes those of a 64-bit PV kernel that we can start?  -ENOEXEC and why not. */
int notes_check(const struct image_notes *notes, struct fault *f);

#endif
