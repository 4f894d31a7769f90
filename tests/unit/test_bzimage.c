/* Finding the ELF image in kernel files, most of them damaged on purpose. */
#include "check.h"
#include <stdlib.h>
#include <string.h>
#include "bzimage.h"
#include "errno.h"

#define SETUP_SECTS 2
#define PROTECTED ((SETUP_SECTS + 1) * 512)

/* A bzImage whose payload, 16 bytes into the protected-mode part, is `payload` and a size of 0x123456. */
struct file {
	uint8_t data[4096];
	size_t len;
};

static void put(struct file *f, size_t at, uint64_t value, size_t width)
{
	memcpy(f->data + at, &value, width);
}

static struct file file_bzimage(const char *payload, size_t len)
{
	struct file f = { .len = PROTECTED + 16 + len + 4 };

	f.data[0x1f1] = SETUP_SECTS;
	put(&f, 0x1fe, 0xaa55, 2);
	memcpy(f.data + 0x202, "HdrS", 4);
	put(&f, 0x206, 0x20f, 2);
	f.data[0x211] = 1;
	put(&f, 0x248, 16, 4);
	put(&f, 0x24c, len + 4, 4);
	memcpy(f.data + PROTECTED + 16, payload, len);
	put(&f, PROTECTED + 16 + len, 0x123456, 4);
	return f;
}

#define XZ "\xfd" "7zXZ\0 and so on"
#define GZIP "\x1f\x8b\x08 and so on, and a CRC"
#define ZSTD "\x28\xb5\x2f\xfd and so on"
#define LZ4 "\x02\x21\x4c\x18 and so on"
#define ELF "\177ELF\2\1\1 and so on"

/* Parses a copy of exactly that size, which the caller frees through image->payload's file. */
static int parse(const struct file *f, struct bzimage *image, const char **reason)
{
	uint8_t *copy = malloc(f->len ? f->len : 1);
	int rc;

	memcpy(copy, f->data, f->len);
	rc = bzimage_parse(copy, f->len, image, reason);
	CHECK((rc != 0) == (*reason != NULL));
	if (rc == 0) {		/* leave it pointing into the caller's */
		CHECK(image->payload >= copy && image->payload_len <= f->len - (size_t)(image->payload - copy));
		image->payload = f->data + (image->payload - copy);
	}
	free(copy);
	return rc;
}

static void expect_refusal(const struct file *f, int rc, const char *why)
{
	struct bzimage image;
	const char *reason;

	CHECK_EQ(parse(f, &image, &reason), rc);
	if (!strstr(reason, why))
		fail_msg("\"%s\" where \"%s\" was expected", reason, why);
}

static void expect_payload(const char *payload, size_t len, const char *format, size_t trailer)
{
	struct file f = file_bzimage(payload, len);
	struct bzimage image;
	const char *reason;

	CHECK_EQ(parse(&f, &image, &reason), 0);
	CHECK(image.payload == f.data + PROTECTED + 16);
	CHECK_EQ(image.payload_len, len + 4 - trailer);
	CHECK_STR(image.format->name, format);
	CHECK_EQ(image.size, 0x123456);
	CHECK_EQ(image.protocol, 0x20f);
}

static void a_bzimage_has_a_payload_then_its_size(void)
{
	expect_payload(XZ, sizeof(XZ), "xz", 4);
	expect_payload(ZSTD, sizeof(ZSTD), "zstd", 4);
	expect_payload(LZ4, sizeof(LZ4), "lz4", 4);
}

static void the_size_belongs_to_a_gzip_payload_itself(void)
{
	expect_payload(GZIP, sizeof(GZIP), "gzip", 0);
}

static void no_setup_sectors_means_four(void)
{
	struct file f = { .len = 5 * 512 + 100 };
	struct bzimage image;
	const char *reason;

	memcpy(f.data, file_bzimage(XZ, sizeof(XZ)).data, 0x250);
	f.data[0x1f1] = 0;
	memcpy(f.data + 5 * 512 + 16, XZ, sizeof(XZ));
	CHECK_EQ(parse(&f, &image, &reason), 0);
	CHECK(image.payload == f.data + 5 * 512 + 16);
}

static void a_payload_may_be_an_elf_image(void)
{
	struct file f = file_bzimage(ELF, sizeof(ELF));
	struct bzimage image;
	const char *reason;

	CHECK_EQ(parse(&f, &image, &reason), 0);
	CHECK(!image.format);
	CHECK_EQ(image.size, image.payload_len);
}

static void a_file_may_be_an_elf_image(void)
{
	struct file f = { .data = ELF, .len = sizeof(ELF) };
	struct bzimage image;
	const char *reason;

	CHECK_EQ(parse(&f, &image, &reason), 0);
	CHECK(!image.format && image.payload == f.data);
	CHECK_EQ(image.payload_len, f.len);
	CHECK_EQ(image.protocol, 0);
}

static void a_file_may_be_a_packed_elf_image(void)
{
	struct file f = { .data = GZIP, .len = sizeof(GZIP) };
	struct bzimage image;
	const char *reason;

	put(&f, f.len - 4, 0x777, 4);
	CHECK_EQ(parse(&f, &image, &reason), 0);
	CHECK_STR(image.format->name, "gzip");
	CHECK_EQ(image.size, 0x777);
	CHECK_EQ(image.payload_len, f.len);
}

static void other_files_are_refused(void)
{
	struct file f = { .data = "#!/bin/sh\n", .len = 10 };

	expect_refusal(&f, -EINVAL, "not a bzImage or ELF64 image");
	f.len = 0;
	expect_refusal(&f, -EINVAL, "not a bzImage or ELF64 image");
	f = file_bzimage(XZ, sizeof(XZ));
	f.len = 0x24f;		/* too short for the header */
	expect_refusal(&f, -EINVAL, "not a bzImage or ELF64 image");
	f = file_bzimage(XZ, sizeof(XZ));
	f.data[0x1fe] = 0;
	expect_refusal(&f, -EINVAL, "not a bzImage or ELF64 image");
}

static void old_kernels_are_refused(void)
{
	struct file f = file_bzimage(XZ, sizeof(XZ));

	put(&f, 0x206, 0x207, 2);
	expect_refusal(&f, -EOPNOTSUPP, "2.08");
	f = file_bzimage(XZ, sizeof(XZ));
	f.data[0x211] = 0;	/* a zImage */
	expect_refusal(&f, -EOPNOTSUPP, "2.08");
}

static void a_payload_beyond_the_file_is_refused(void)
{
	struct file f = file_bzimage(XZ, sizeof(XZ));

	f.len--;
	expect_refusal(&f, -EINVAL, "payload beyond the end");
	f = file_bzimage(XZ, sizeof(XZ));
	put(&f, 0x248, 0xffffffff, 4);
	expect_refusal(&f, -EINVAL, "payload beyond the end");
	f = file_bzimage(XZ, sizeof(XZ));
	put(&f, 0x24c, 0xffffffff, 4);
	expect_refusal(&f, -EINVAL, "payload beyond the end");
	f = file_bzimage(XZ, sizeof(XZ));
	f.data[0x1f1] = 255;
	expect_refusal(&f, -EINVAL, "payload beyond the end");
}

static void payloads_that_cannot_be_unpacked_are_refused(void)
{
	struct file f = file_bzimage("BZh9", 4);

	expect_refusal(&f, -EOPNOTSUPP, "not supported");
	f = file_bzimage("????????", 8);
	expect_refusal(&f, -EINVAL, "unknown compression format");
	f = file_bzimage(XZ, sizeof(XZ));
	put(&f, 0x24c, 3, 4);
	expect_refusal(&f, -EINVAL, "no payload");
	put(&f, 0x24c, 0, 4);
	expect_refusal(&f, -EINVAL, "no payload");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bzimage_has_a_payload_then_its_size),
		TEST(the_size_belongs_to_a_gzip_payload_itself),
		TEST(no_setup_sectors_means_four),
		TEST(a_payload_may_be_an_elf_image),
		TEST(a_file_may_be_an_elf_image),
		TEST(a_file_may_be_a_packed_elf_image),
		TEST(other_files_are_refused),
		TEST(old_kernels_are_refused),
		TEST(a_payload_beyond_the_file_is_refused),
		TEST(payloads_that_cannot_be_unpacked_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
