#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "check.h"
#include "xend/grub_disk.h"

#define SECTORS 4096
static uint8_t image[SECTORS * 512];
static struct grub_part part[GRUB_PARTS_MAX];

static int image_read(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	CHECK(at <= d->size && n <= d->size - at);
	memcpy(to, d->data + at, n);
	return 0;
}

static int scan_size(uint64_t size)
{
	struct grub_disk disk = { .read = image_read, .size = size, .data = image };

	return grub_disk_scan(&disk, part, GRUB_PARTS_MAX);
}

static int scan(void)
{
	return scan_size(sizeof image);
}

static void put32(uint64_t at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		image[at + (uint64_t)i] = (uint8_t)(value >> 8 * i);
}

static void put64(uint64_t at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

/* An entry of the table in this sector. */
static void mbr_put(uint32_t sector, unsigned slot, uint8_t status, uint8_t type, uint32_t start,
		    uint32_t sectors)
{
	uint64_t at = (uint64_t)sector * 512 + 446 + slot * 16;

	image[at] = status;
	image[at + 4] = type;
	put32(at + 8, start);
	put32(at + 12, sectors);
	image[(uint64_t)sector * 512 + 510] = 0x55;
	image[(uint64_t)sector * 512 + 511] = 0xaa;
}

static void clear(void)
{
	memset(image, 0, sizeof image);
}

static void check_part(int i, enum grub_table table, unsigned number, uint64_t start, uint64_t sectors)
{
	CHECK_EQ(part[i].table, table);
	CHECK_EQ(part[i].number, number);
	CHECK_EQ(part[i].start, start * 512);
	CHECK_EQ(part[i].size, sectors * 512);
}

static void a_disk_without_a_table_is_one_volume(void)
{
	clear();
	CHECK_EQ(scan(), 1);
	check_part(0, GRUB_WHOLE, 0, 0, SECTORS);
	CHECK_EQ(scan_size(100), 1);
	CHECK_EQ(part[0].size, 100);
	CHECK_EQ(scan_size(0), 0);
}

static void the_boot_sector_of_a_file_system_is_no_table(void)
{
	clear();
	mbr_put(0, 0, 0x80, 0x83, 8, 100);
	image[446 + 16] = 0x55;		/* no status */
	CHECK_EQ(scan(), 1);
	clear();
	mbr_put(0, 0, 0, 0, 0, 0);	/* all slots are free */
	CHECK_EQ(scan(), 1);
}

static void primary_partitions_have_their_numbers(void)
{
	clear();
	mbr_put(0, 0, 0, 0x82, 8, 100);
	mbr_put(0, 2, 0x80, 0x83, 200, 300);
	CHECK_EQ(scan(), 3);
	check_part(0, GRUB_MBR, 1, 8, 100);
	check_part(1, GRUB_MBR, 3, 200, 300);
	CHECK(!part[0].is_active && part[1].is_active);
	CHECK_EQ(part[2].table, GRUB_WHOLE);
}

static void logical_partitions_are_found_along_their_chain(void)
{
	clear();
	mbr_put(0, 0, 0, 0x83, 8, 92);
	mbr_put(0, 1, 0, 0x05, 100, 3000);
	mbr_put(100, 0, 0, 0x83, 10, 50);
	mbr_put(100, 1, 0, 0x05, 200, 100);	/* relative to the extended one: 300 */
	mbr_put(300, 0, 0x80, 0x83, 10, 60);	/* relative to this link: 310 */
	mbr_put(300, 1, 0, 0x0f, 1000, 100);
	mbr_put(1100, 0, 0, 0x82, 1, 1);
	CHECK_EQ(scan(), 5);
	check_part(1, GRUB_MBR, 5, 110, 50);
	check_part(2, GRUB_MBR, 6, 310, 60);
	CHECK(part[2].is_active);
	check_part(3, GRUB_MBR, 7, 1101, 1);
}

static void a_chain_that_is_a_circle_ends(void)
{
	clear();
	mbr_put(0, 0, 0, 0x05, 100, 3000);
	mbr_put(100, 0, 0, 0x83, 10, 50);
	mbr_put(100, 1, 0, 0x05, 200, 100);
	mbr_put(300, 0, 0, 0x83, 10, 50);
	mbr_put(300, 1, 0, 0x05, 0, 100);
	CHECK_EQ(scan(), 3);
	mbr_put(300, 1, 0, 0x05, 200, 100);
	CHECK_EQ(scan(), 3);
}

static void a_long_chain_is_cut(void)
{
	clear();
	mbr_put(0, 0, 0, 0x05, 10, SECTORS);
	for (uint32_t i = 0; i < 200; i++) {
		mbr_put(10 + i * 2, 0, 0, 0x83, 1, 1);
		mbr_put(10 + i * 2, 1, 0, 0x05, i * 2 + 2, 2);
	}
	CHECK_EQ(scan(), 65);
}

static void numbers_beyond_the_disk_do_no_harm(void)
{
	clear();
	mbr_put(0, 0, 0, 0x83, SECTORS, 10);
	mbr_put(0, 1, 0, 0x83, SECTORS - 1, UINT32_MAX);
	mbr_put(0, 2, 0, 0x05, UINT32_MAX, UINT32_MAX);
	mbr_put(0, 3, 0, 0x05, 10, UINT32_MAX);
	mbr_put(10, 0, 0, 0x83, UINT32_MAX, UINT32_MAX);
	mbr_put(10, 1, 0, 0x05, UINT32_MAX - 1, 1);
	CHECK_EQ(scan(), 2);
	check_part(0, GRUB_MBR, 2, SECTORS - 1, 1);
	CHECK_EQ(scan_size(511), 1);
}

/* A GPT at this sector (of that size) whose table begins two sectors on. */
static void gpt_put(uint64_t sector, unsigned size, uint32_t entries, uint32_t entry_size)
{
	uint64_t at = sector * size, table = at + size;

	memcpy(image + at, "EFI PART", 8);
	put32(at + 12, 92);
	put64(at + 24, sector);
	put64(at + 72, sector + 1);
	put32(at + 80, entries);
	put32(at + 84, entry_size);
	put32(at + 88, (uint32_t)crc32(0, image + table, entries * entry_size));
	put32(at + 16, 0);
	put32(at + 16, (uint32_t)crc32(0, image + at, 92));
}

static void gpt_entry(uint64_t at, uint64_t first, uint64_t last, uint8_t attributes)
{
	memset(image + at, 0x11, 32);
	put64(at + 32, first);
	put64(at + 40, last);
	put64(at + 48, attributes);
}

static void gpt_make(void)
{
	clear();
	mbr_put(0, 0, 0, 0xee, 1, SECTORS - 1);
	gpt_entry(1024, 100, 199, 0);
	gpt_entry(1024 + 2 * 128, 200, 299, 4);
	gpt_put(1, 512, 4, 128);
}

static void a_gpt_is_read(void)
{
	gpt_make();
	CHECK_EQ(scan(), 3);
	check_part(0, GRUB_GPT, 1, 100, 100);
	check_part(1, GRUB_GPT, 3, 200, 100);
	CHECK(part[1].is_active && !part[0].is_active);
}

static void a_gpt_may_count_in_larger_sectors(void)
{
	clear();
	mbr_put(0, 0, 0, 0xee, 1, SECTORS - 1);
	gpt_entry(8192, 10, 19, 0);
	gpt_put(1, 4096, 4, 128);
	CHECK_EQ(scan(), 2);
	check_part(0, GRUB_GPT, 1, 80, 80);
}

static void the_copy_serves_where_the_gpt_is_damaged(void)
{
	gpt_make();
	gpt_entry((SECTORS - 2) * 512, 300, 399, 0);
	put64((SECTORS - 1) * 512 + 72, SECTORS - 2);
	gpt_put(SECTORS - 1, 512, 0, 0);
	put64((SECTORS - 1) * 512 + 72, SECTORS - 2);
	put32((SECTORS - 1) * 512 + 80, 4);
	put32((SECTORS - 1) * 512 + 84, 128);
	put32((SECTORS - 1) * 512 + 88, (uint32_t)crc32(0, image + (SECTORS - 2) * 512, 512));
	put32((SECTORS - 1) * 512 + 16, 0);
	put32((SECTORS - 1) * 512 + 16, (uint32_t)crc32(0, image + (SECTORS - 1) * 512, 92));
	image[1024 + 32] ^= 1;		/* the first table's sum no longer holds */
	CHECK_EQ(scan(), 2);
	check_part(0, GRUB_GPT, 1, 300, 100);
	image[(SECTORS - 1) * 512 + 40] ^= 1;
	CHECK_EQ(scan(), 1);		/* neither holds */
}

static void odd_gpts_are_refused(void)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} rows[] = {
		{ 12, 0 }, { 12, 91 }, { 12, 513 }, { 24, 2 }, { 72, UINT32_MAX }, { 76, 1 },
		{ 80, 0 }, { 80, 1025 }, { 80, UINT32_MAX }, { 84, 0 }, { 84, 127 }, { 84, 8192 },
		{ 88, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		gpt_make();
		put32(512 + rows[i].at, rows[i].value);
		put32(512 + 16, 0);
		put32(512 + 16, (uint32_t)crc32(0, image + 512, 92));
		CHECK_EQ(scan(), 1);
	}
}

static void odd_gpt_entries_are_left_out(void)
{
	gpt_make();
	gpt_entry(1024, 200, 199, 0);
	gpt_entry(1024 + 128, 0, UINT64_MAX, 0);
	gpt_entry(1024 + 256, SECTORS, SECTORS + 1, 0);
	gpt_entry(1024 + 384, SECTORS - 1, UINT64_MAX - 1, 0);
	gpt_put(1, 512, 4, 128);
	CHECK_EQ(scan(), 2);
	check_part(0, GRUB_GPT, 4, SECTORS - 1, 1);
}

static int failing_read(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	return -EIO;
}

static void a_disk_that_cannot_be_read_says_so(void)
{
	const struct grub_disk disk = { .read = failing_read, .size = 1 << 20 };
	char byte;

	CHECK_EQ(grub_disk_scan(&disk, part, GRUB_PARTS_MAX), -EIO);
	CHECK_EQ(grub_disk_read(&disk, 1 << 20, &byte, 1), -ERANGE);
	CHECK_EQ(grub_disk_read(&disk, UINT64_MAX, &byte, 1), -ERANGE);
	CHECK_EQ(grub_disk_read(&disk, 1, &byte, 1 << 20), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_disk_without_a_table_is_one_volume),
		TEST(the_boot_sector_of_a_file_system_is_no_table),
		TEST(primary_partitions_have_their_numbers),
		TEST(logical_partitions_are_found_along_their_chain),
		TEST(a_chain_that_is_a_circle_ends),
		TEST(a_long_chain_is_cut),
		TEST(numbers_beyond_the_disk_do_no_harm),
		TEST(a_gpt_is_read),
		TEST(a_gpt_may_count_in_larger_sectors),
		TEST(the_copy_serves_where_the_gpt_is_damaged),
		TEST(odd_gpts_are_refused),
		TEST(odd_gpt_entries_are_left_out),
		TEST(a_disk_that_cannot_be_read_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
