/*
 * Finding the ELF image in a kernel file: a bzImage, an ELF file, or a compressed ELF file.  Only looks:
 * nothing is copied or unpacked.
 */
#ifndef HV_BZIMAGE_H
#define HV_BZIMAGE_H

#include <stddef.h>
#include <stdint.h>
#include "unpack.h"

struct bzimage {
	const uint8_t *payload;			/* inside the file; an ELF image, packed or not */
	size_t payload_len;			/* bytes */
	const struct unpack_format *format;	/* NULL: the payload is the ELF image itself */
	/*
	 * Bytes of the ELF image, as far as the file tells: exact for bzImages, at most so much for an LZ4
	 * file, 0 if not told.  Untrusted: compare it with the memory there is.
	 */
	uint64_t size;
	uint16_t protocol;			/* boot protocol version of a bzImage, such as 0x20f; else 0 */
};

/*
 * 0, or -EINVAL (none of these, or damaged), -EOPNOTSUPP (too old, or a compression that is not
 * supported), with a static sentence in *reason.
 */
int bzimage_parse(const void *file, size_t len, struct bzimage *image, const char **reason);

#endif
