/* Kernel files.  The bzImage header is described in Linux' Documentation/x86/boot.rst. */
#include "bzimage.h"
#include <stdbool.h>
#include "errno.h"
#include "unpack_io.h"

/* Offsets in the file, and values there (boot.rst, "The Real-Mode Kernel Header"). */
#define BZ_SETUP_SECTS 0x1f1
#define BZ_BOOT_FLAG 0x1fe		/* aa55 */
#define BZ_MAGIC 0x202			/* "HdrS" */
#define BZ_VERSION 0x206
#define BZ_LOADFLAGS 0x211		/* bit 0: a bzImage, not a zImage */
#define BZ_PAYLOAD_OFFSET 0x248		/* from the protected-mode part */
#define BZ_PAYLOAD_LENGTH 0x24c
#define BZ_HEADER_END 0x250
#define BZ_SECTOR 512
#define BZ_SETUP_SECTS_DEFAULT 4	/* what 0 means */
#define BZ_VERSION_PAYLOAD 0x208	/* the first with a payload offset */

static int bz_fail(const char **reason, int rc, const char *why)
{
	*reason = why;
	return rc;
}

static bool bz_is_elf(const uint8_t *p, size_t len)
{
	return len >= 4 && memcmp(p, "\177ELF", 4) == 0;
}

/* Names the payload's format.  It must be an ELF image or something that can be unpacked. */
static int bz_identify(struct bzimage *image, const char **reason, const char *unknown)
{
	if (bz_is_elf(image->payload, image->payload_len)) {
		image->size = image->payload_len;
		return 0;
	}
	image->format = unpack_identify(image->payload, image->payload_len);
	if (!image->format)
		return bz_fail(reason, -EINVAL, unknown);
	if (!image->format->run)
		return bz_fail(reason, -EOPNOTSUPP,
			       "kernel compressed in a format that is not supported (xz, gzip, zstd and lz4 are)");
	return 0;
}

static int bz_parse(const uint8_t *file, size_t len, struct bzimage *image, const char **reason)
{
	uint64_t sects = file[BZ_SETUP_SECTS] ? file[BZ_SETUP_SECTS] : BZ_SETUP_SECTS_DEFAULT;
	uint64_t start = (sects + 1) * BZ_SECTOR + get_le32(file + BZ_PAYLOAD_OFFSET);
	uint64_t size = get_le32(file + BZ_PAYLOAD_LENGTH);
	int rc;

	image->protocol = get_le16(file + BZ_VERSION);
	if (image->protocol < BZ_VERSION_PAYLOAD || !(file[BZ_LOADFLAGS] & 1))
		return bz_fail(reason, -EOPNOTSUPP, "bzImage too old: boot protocol 2.08 is needed");
	if (start > len || size > len - start)
		return bz_fail(reason, -EINVAL, "bzImage: payload beyond the end of the file");
	if (size < 4)
		return bz_fail(reason, -EINVAL, "bzImage: no payload");
	image->payload = file + start;
	image->payload_len = size;
	rc = bz_identify(image, reason, "bzImage: payload in an unknown compression format");
	if (rc || !image->format)
		return rc;
	/* The last four bytes are the size: gzip's own trailer, or appended by Linux' build. */
	image->size = get_le32(image->payload + size - 4);
	if (!image->format->ends_in_size)
		image->payload_len -= 4;
	return 0;
}

int bzimage_parse(const void *file, size_t len, struct bzimage *image, const char **reason)
{
	const uint8_t *p = file;
	int rc;

	*image = (struct bzimage){ .payload = p, .payload_len = len };
	*reason = NULL;
	if (len >= BZ_HEADER_END && get_le16(p + BZ_BOOT_FLAG) == 0xaa55 && memcmp(p + BZ_MAGIC, "HdrS", 4) == 0)
		return bz_parse(p, len, image, reason);
	rc = bz_identify(image, reason, "not a bzImage or ELF64 image");
	if (rc == 0 && image->format)
		image->size = image->format->size(p, len);
	return rc;
}
