/* Partition tables.  MBR: as every PC's BIOS and fdisk know it; GPT: UEFI 2.10, chapter 5. */
#include "xend/grub_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define SECTOR 512
#define LOGICAL_MAX 64			/* links of a chain of logical partitions */
#define GPT_ENTRIES_MAX 1024		/* the usual number is 128 */
#define GPT_HEADER_MIN 92		/* UEFI 2.10, table 5.5 */
#define GPT_ENTRY_MIN 128

struct mbr_entry {
	uint8_t status, first_chs[3], type, last_chs[3];
	uint8_t start[4], sectors[4];	/* little endian */
};

#define MBR_TABLE 446
#define MBR_ENTRIES 4
#define MBR_SIGNATURE 510
#define TYPE_PROTECTIVE 0xee		/* a GPT covers this disk */

struct scan {
	const struct grub_disk *disk;
	struct grub_part *part;
	size_t max, n;
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

int grub_disk_read(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	if (at > d->size || n > d->size - at)
		return -ERANGE;
	return n ? d->read(d, at, to, n) : 0;
}

int grub_disk_read_fd(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	uint8_t *p = to;

	while (n) {
		ssize_t got = pread(d->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;	/* it shrank */
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* A partition that begins outside is left out, one that ends outside is cut. */
static void scan_add(struct scan *s, enum grub_table table, unsigned number, uint64_t sector,
		     uint64_t sectors, unsigned sector_size, bool is_active)
{
	uint64_t limit = s->disk->size / sector_size;
	struct grub_part *p;

	if (s->n >= s->max || !sectors || sector >= limit)
		return;
	if (sectors > limit - sector)
		sectors = limit - sector;
	p = &s->part[s->n++];
	*p = (struct grub_part){
		.table = table, .number = number, .start = sector * sector_size,
		.size = sectors * sector_size, .is_active = is_active,
	};
}

/* ------------------------------------------------------------------- MBR */

static bool mbr_is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/* The table of an MBR, or of a link in the chain of logical partitions. */
static int mbr_read(const struct grub_disk *d, uint64_t sector, struct mbr_entry *entry)
{
	uint8_t block[SECTOR];
	int rc;

	if (sector >= d->size / SECTOR)
		return -ERANGE;
	rc = grub_disk_read(d, sector * SECTOR, block, sizeof block);
	if (rc < 0)
		return rc;
	if (block[MBR_SIGNATURE] != 0x55 || block[MBR_SIGNATURE + 1] != 0xaa)
		return -ENOENT;
	memcpy(entry, block + MBR_TABLE, MBR_ENTRIES * sizeof *entry);
	return 0;
}

/* The boot sector of a file system has the signature too, but code where the table would be. */
static bool mbr_is_table(const struct mbr_entry *entry)
{
	bool has_any = false;

	for (int i = 0; i < MBR_ENTRIES; i++) {
		if (entry[i].status & 0x7f)
			return false;
		has_any |= entry[i].type != 0;
	}
	return has_any;
}

/* Logical partitions: each link names one, relative to itself, and the next link, relative to
 * the extended partition. */
static void mbr_scan_logical(struct scan *s, uint64_t base, uint64_t sectors)
{
	uint64_t seen[LOGICAL_MAX], at = base;
	struct mbr_entry entry[MBR_ENTRIES];

	for (unsigned n = 0; n < LOGICAL_MAX; n++) {
		for (unsigned i = 0; i < n; i++)
			if (seen[i] == at)
				return;
		seen[n] = at;
		if (mbr_read(s->disk, at, entry) < 0)
			return;
		if (entry[0].type && !mbr_is_extended(entry[0].type))
			scan_add(s, GRUB_MBR, 5 + n, at + le32(entry[0].start),
				 le32(entry[0].sectors), SECTOR, entry[0].status & 0x80);
		if (!mbr_is_extended(entry[1].type) || le32(entry[1].start) >= sectors)
			return;
		at = base + le32(entry[1].start);
	}
}

static void mbr_scan(struct scan *s, const struct mbr_entry *entry)
{
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		if (entry[i].type && entry[i].type != TYPE_PROTECTIVE &&
		    !mbr_is_extended(entry[i].type))
			scan_add(s, GRUB_MBR, i + 1, le32(entry[i].start), le32(entry[i].sectors),
				 SECTOR, entry[i].status & 0x80);
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		if (mbr_is_extended(entry[i].type))
			mbr_scan_logical(s, le32(entry[i].start), le32(entry[i].sectors));
}

/* ------------------------------------------------------------------- GPT */

struct gpt {
	unsigned sector_size;
	uint64_t entries_at;		/* bytes */
	uint32_t entries, entry_size, entries_crc;
};

static int gpt_header(const struct grub_disk *d, uint64_t sector, unsigned sector_size,
		      struct gpt *g)
{
	uint8_t h[SECTOR];
	uint32_t size, crc;

	if (sector >= d->size / sector_size ||
	    grub_disk_read(d, sector * sector_size, h, sizeof h) < 0 || memcmp(h, "EFI PART", 8))
		return -ENOENT;
	size = le32(h + 12);
	crc = le32(h + 16);
	if (size < GPT_HEADER_MIN || size > sizeof h || le64(h + 24) != sector)
		return -EINVAL;
	memset(h + 16, 0, 4);		/* it is summed with its sum as 0 */
	if (crc32(0, h, size) != crc || le64(h + 72) >= d->size / sector_size)
		return -EINVAL;
	g->sector_size = sector_size;
	g->entries_at = le64(h + 72) * sector_size;
	g->entries = le32(h + 80);
	g->entry_size = le32(h + 84);
	g->entries_crc = le32(h + 88);
	if (!g->entries || g->entries > GPT_ENTRIES_MAX || g->entry_size < GPT_ENTRY_MIN ||
	    g->entry_size > 4096 || g->entry_size % 8)
		return -EINVAL;
	return 0;
}

static void gpt_add(struct scan *s, const struct gpt *g, unsigned number, const uint8_t *e)
{
	static const uint8_t unused[16];
	uint64_t first = le64(e + 32), last = le64(e + 40);

	if (memcmp(e, unused, sizeof unused) && first <= last && last < UINT64_MAX)
		scan_add(s, GRUB_GPT, number, first, last - first + 1, g->sector_size,
			 e[48] & 4);	/* attribute 2: legacy BIOS bootable */
}

static int gpt_scan_at(struct scan *s, uint64_t sector, unsigned sector_size)
{
	struct gpt g;
	uint8_t *table;
	size_t bytes;
	int rc = gpt_header(s->disk, sector, sector_size, &g);

	if (rc < 0)
		return rc;
	bytes = (size_t)g.entries * g.entry_size;
	table = malloc(bytes);
	if (!table)
		return -ENOMEM;
	rc = grub_disk_read(s->disk, g.entries_at, table, bytes);
	if (rc == 0 && crc32(0, table, (uInt)bytes) != g.entries_crc)
		rc = -EINVAL;
	for (unsigned i = 0; rc == 0 && i < g.entries; i++)
		gpt_add(s, &g, i + 1, table + (size_t)i * g.entry_size);
	free(table);
	return rc;
}

/* The first header, or the copy at the disk's end where that is damaged. */
static int gpt_scan(struct scan *s)
{
	static const unsigned sector_sizes[] = { 512, 4096 };

	for (size_t i = 0; i < sizeof sector_sizes / sizeof *sector_sizes; i++) {
		unsigned size = sector_sizes[i];

		if (gpt_scan_at(s, 1, size) == 0)
			return 0;
		if (s->disk->size / size > 2 && gpt_scan_at(s, s->disk->size / size - 1, size) == 0)
			return 0;
	}
	return -ENOENT;
}

/* ------------------------------------------------------------------ both */

static bool mbr_has_protective(const struct mbr_entry *entry)
{
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		if (entry[i].type == TYPE_PROTECTIVE)
			return true;
	return false;
}

int grub_disk_scan(const struct grub_disk *d, struct grub_part *part, size_t max)
{
	struct scan s = { .disk = d, .part = part, .max = max ? max - 1 : 0 };
	struct mbr_entry entry[MBR_ENTRIES];
	int rc = mbr_read(d, 0, entry);

	if (rc < 0 && rc != -ENOENT && rc != -ERANGE)
		return rc;
	if (rc == 0 && mbr_is_table(entry) &&
	    (!mbr_has_protective(entry) || gpt_scan(&s) < 0))
		mbr_scan(&s, entry);
	s.max = max;
	scan_add(&s, GRUB_WHOLE, 0, 0, d->size, 1, false);
	return (int)s.n;
}
