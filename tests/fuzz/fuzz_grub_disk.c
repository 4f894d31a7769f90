/*
 * Partition tables.  The first two bytes are the disk's size in sectors; then changes (sector,
 * offset, value) follow, so that a table can stand anywhere; a GPT's sums are put right.
 * Every partition must lie within the disk.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "xend/grub_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTORS 1024
static uint8_t image[SECTORS * 512];

static int image_read(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	if (at > d->size || n > d->size - at)
		abort();
	memcpy(to, d->data + at, n);
	return 0;
}

static void put32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* With sums that hold, the fuzzer gets behind them. */
static void gpt_sum(uint8_t *header)
{
	uint32_t entries = header[80], bytes = entries * 128;

	memcpy(header, "EFI PART", 8);
	put32(header + 12, 92);
	put32(header + 88, (uint32_t)crc32(0, image + 1024, bytes));
	put32(header + 16, 0);
	put32(header + 16, (uint32_t)crc32(0, header, 92));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grub_part part[GRUB_PARTS_MAX];
	struct grub_disk disk = { .read = image_read, .data = image };
	int n;

	if (size < 3)
		return 0;
	memset(image, 0, sizeof image);
	disk.size = (data[0] | (uint64_t)data[1] << 8) % (SECTORS + 1) * 512 + data[2] % 3;
	if (disk.size > sizeof image)
		disk.size = sizeof image;
	for (size_t i = 3; i + 4 <= size; i += 4)
		image[(size_t)(data[i] | (data[i + 1] & 3) << 8) * 512 +
		      ((size_t)data[i + 2] | (size_t)(data[i + 1] & 4) << 6)] = data[i + 3];
	if (data[2] & 0x80)
		gpt_sum(image + 512);
	n = grub_disk_scan(&disk, part, GRUB_PARTS_MAX);
	if (n < 0 || n > GRUB_PARTS_MAX)
		abort();
	for (int i = 0; i < n; i++)
		if (!part[i].size || part[i].start >= disk.size ||
		    part[i].size > disk.size - part[i].start)
			abort();
	return 0;
}
