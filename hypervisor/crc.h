/*
 * CRC-32 (IEEE 802.3) and CRC-64 (ECMA-182), both reflected, as gzip and xz use them.  The tables are the
 * caller's, so that they can be dropped after boot: build once, then feed.
 */
#ifndef HV_CRC_H
#define HV_CRC_H

#include <stddef.h>
#include <stdint.h>

#define CRC32_FOLD 3006			/* words: see crc.c */

struct crc32_table {
	uint32_t row[8][256];
	uint64_t fold[CRC32_FOLD];	/* used while feeding much at once */
};

struct crc64_table {
	uint64_t row[8][256];
};

void crc32_build(struct crc32_table *t);
void crc64_build(struct crc64_table *t);

/* The CRC of what was fed before followed by data; start with 0. */
uint32_t crc32_feed(struct crc32_table *t, uint32_t crc, const void *data, size_t len);
uint64_t crc64_feed(const struct crc64_table *t, uint64_t crc, const void *data, size_t len);

#endif
