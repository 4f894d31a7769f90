#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "check.h"
#include "kernel.h"
#include "xend/image.h"
#include "xend/image_parse.h"

static struct fault fault;

/* Parse, and leave the result's descriptor in *out if it went well. */
static int parse(const void *data, size_t size, int *out)
{
	int fd = memfd_create("test", MFD_CLOEXEC), rc;
	uint8_t *copy = malloc(size ? size : 1);	/* so that overreads are seen */

	memset(&fault, 0, sizeof(fault));
	memcpy(copy, data, size);
	rc = image_parse(copy, size, fd, &fault);
	free(copy);
	CHECK_EQ(rc, -fault.err);
	if (rc || !out)
		close(fd);
	if (!rc && out)
		*out = fd;
	return rc;
}

/* The result has the kernel's text, then zeros, and the notes. */
static void check_result(int fd, const struct kernel *k)
{
	struct image_header hdr;
	uint8_t page[4096], zeros[4096] = { 0 };
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(pread(fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
	CHECK_EQ(image_header_check(&hdr, (uint64_t)st.st_size), 0);
	CHECK_EQ(hdr.start, KERNEL_PADDR);
	CHECK_EQ(hdr.size, 4 * 4096);
	CHECK_EQ(hdr.notes.entry, KERNEL_ENTRY);
	CHECK_EQ(hdr.notes.virt_base, KERNEL_VIRT);
	CHECK_EQ(hdr.notes.mod_start_pfn, 1);
	CHECK_STR(hdr.notes.guest_os, "test");
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pread(fd, page, 4096, IMAGE_FLAT_OFFSET + i * 4096), 4096);
		CHECK_MEM(page, k->text + i * 4096, 4096);
	}
	CHECK_EQ(pread(fd, page, 4096, IMAGE_FLAT_OFFSET + 3 * 4096), 4096);
	CHECK_MEM(page, zeros, 4096);
	close(fd);
}

static void an_elf_kernel_is_flattened_with_its_notes(void)
{
	struct kernel *k = kernel_new();
	int fd;

	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	check_result(fd, k);
	free(k);
}

/* ------------------------------------------------------------- compressors */

static size_t pack_gzip(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)size,
		       .next_out = out, .avail_out = (uInt)room };

	CHECK_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static size_t pack_xz(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	size_t pos = 0;

	CHECK_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, in, size, out, &pos, room),
		 LZMA_OK);
	return pos;
}

static size_t pack_lzma(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma opt;

	CHECK(!lzma_lzma_preset(&opt, 1));
	CHECK_EQ(lzma_alone_encoder(&s, &opt), LZMA_OK);
	s.next_in = in;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = room;
	CHECK_EQ(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&s);
	return room - s.avail_out;
}

static size_t pack_zstd(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	size_t n = ZSTD_compress(out, room, in, size, 3);

	CHECK(!ZSTD_isError(n));
	return n;
}

static size_t pack_lz4(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	static const uint8_t magic[] = { 0x02, 0x21, 0x4c, 0x18 };
	int n = LZ4_compress_default((const char *)in, (char *)out + 8, (int)size,
				     (int)room - 8);
	uint32_t len = (uint32_t)n;

	CHECK(n > 0);
	memcpy(out, magic, 4);
	memcpy(out + 4, &len, 4);
	return 8 + len;
}

static size_t (*const packers[])(const uint8_t *in, size_t size, uint8_t *out, size_t room) = {
	pack_gzip, pack_xz, pack_lzma, pack_zstd, pack_lz4,
};

#define PACKERS (sizeof(packers) / sizeof(packers[0]))
#define ROOM (256 * 1024)

static void each_compressor_is_unpacked_alone_and_in_a_bzimage(void)
{
	struct kernel *k = kernel_new();
	uint8_t *packed = malloc(ROOM), *bz;

	for (size_t i = 0; i < PACKERS; i++) {
		size_t n = packers[i]((const uint8_t *)k, sizeof(*k), packed, ROOM - 4), size;
		uint32_t unpacked = sizeof(*k);
		int fd;

		CHECK_EQ(parse(packed, n, &fd), 0);
		check_result(fd, k);
		memcpy(packed + n, &unpacked, 4);	/* as Linux's build appends it */
		bz = kernel_bzimage(packed, n + 4, &size);
		CHECK_EQ(parse(bz, size, &fd), 0);
		check_result(fd, k);
		free(bz);
	}
	free(packed);
	free(k);
}

/* Every prefix of a packed kernel is refused, none is read beyond its end. */
static void cut_off_kernels_are_refused(void)
{
	struct kernel *k = kernel_new();
	uint8_t *packed = malloc(ROOM);

	for (size_t i = 0; i < PACKERS; i++) {
		size_t n = packers[i]((const uint8_t *)k, sizeof(*k), packed, ROOM);

		for (size_t cut = 0; cut < n / 2; cut += n / 61 + 1)
			CHECK(parse(packed, cut, NULL) < 0);
	}
	for (size_t cut = 0; cut < sizeof(*k); cut += 97)
		CHECK_EQ(parse(k, cut, NULL), -ENOEXEC);
	free(packed);
	free(k);
}

static void flipped_bits_never_crash_the_parser(void)
{
	struct kernel *k = kernel_new();
	uint8_t *packed = malloc(ROOM);

	for (size_t i = 0; i < PACKERS; i++) {
		size_t n = packers[i]((const uint8_t *)k, sizeof(*k), packed, ROOM);

		for (size_t bit = 0; bit < n * 8; bit += 131) {
			packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			parse(packed, n, NULL);
			packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	free(packed);
	free(k);
}

static void compressors_that_are_not_supported_are_named(void)
{
	CHECK_EQ(parse("BZh91AY&SY", 10, NULL), -ENOEXEC);
	CHECK(strstr(fault.text, "bzip2"));
	CHECK_EQ(parse("\x89LZO\0\r\n", 7, NULL), -ENOEXEC);
	CHECK(strstr(fault.text, "LZO"));
}

/* A megabyte of gzip that would become a gigabyte stops as soon as it is seen to be no ELF. */
static void a_bomb_does_not_go_off(void)
{
	size_t size = 64 << 20, room = 1 << 20, n;
	uint8_t *zeros = calloc(1, size), *packed = malloc(room);

	n = pack_gzip(zeros, size, packed, room);
	CHECK_EQ(parse(packed, n, NULL), -ENOEXEC);
	free(zeros);
	free(packed);
}

/* --------------------------------------------------------------- hostile ELF */

/* Change one kernel, and expect it to be refused. */
#define REFUSED(rc, change) do {					\
	struct kernel *k = kernel_new();				\
	change;								\
	CHECK_EQ(parse(k, sizeof(*k), NULL), rc);			\
	CHECK(fault.text[0]);						\
	free(k);							\
} while (0)

static void headers_that_lie_are_refused(void)
{
	REFUSED(-ENOEXEC, k->eh.e_ident[EI_CLASS] = ELFCLASS32);
	REFUSED(-ENOEXEC, k->eh.e_machine = EM_AARCH64);
	REFUSED(-ENOEXEC, k->eh.e_type = ET_DYN);
	REFUSED(-ENOEXEC, k->eh.e_phnum = 0);
	REFUSED(-ENOEXEC, k->eh.e_phnum = 65535);
	REFUSED(-ENOEXEC, k->eh.e_phoff = UINT64_MAX - 8);
	REFUSED(-ENOEXEC, k->eh.e_phoff = 16384 - 8);
	REFUSED(-ENOEXEC, k->eh.e_phentsize = 1);
}

static void segments_that_lie_are_refused(void)
{
	REFUSED(-ENOEXEC, k->ph[0].p_filesz = k->ph[0].p_memsz + 1);
	REFUSED(-ENOEXEC, k->ph[0].p_paddr = UINT64_MAX - 4096);
	REFUSED(-ENOEXEC, k->ph[0].p_memsz = UINT64_MAX - 8192);
	REFUSED(-EFBIG, k->ph[0].p_memsz = IMAGE_FLAT_MAX + 4096);
	REFUSED(-ENOEXEC, k->ph[0].p_offset = UINT64_MAX - 1);
	REFUSED(-ENOEXEC, k->ph[0].p_offset = sizeof(*k) - 1);
	REFUSED(-ENOEXEC, k->ph[0].p_type = PT_NULL);
	REFUSED(-ENOEXEC, (k->eh.e_phnum = 3, k->ph[2] = k->ph[0]));
	REFUSED(-EFBIG, (k->eh.e_phnum = 3, k->ph[2] = k->ph[0],
			 k->ph[2].p_paddr = IMAGE_FLAT_MAX + (32UL << 20)));
}

/* filesz without memsz: nothing is loaded, and nothing is written outside of the image. */
static void a_segment_without_memory_is_not_loaded(void)
{
	struct kernel *k = kernel_new();
	int fd;

	k->eh.e_phnum = 3;
	k->ph[2] = k->ph[0];
	k->ph[2].p_memsz = 0;
	k->ph[2].p_paddr = UINT64_MAX / 2;
	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	check_result(fd, k);
	free(k);
}

static void segments_may_come_in_any_order_and_leave_holes(void)
{
	struct kernel *k = kernel_new();
	uint8_t byte = 1;
	int fd;

	k->eh.e_phnum = 4;
	k->ph[2] = k->ph[3] = k->ph[0];
	k->ph[2].p_paddr = KERNEL_PADDR + (64 << 20) + 5;	/* not even aligned */
	k->ph[2].p_filesz = 100;
	k->ph[3].p_paddr = KERNEL_PADDR - (1 << 20);
	k->ph[3].p_memsz = 4096;
	k->ph[3].p_filesz = 0;
	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	CHECK_EQ(pread(fd, &byte, 1, IMAGE_FLAT_OFFSET), 1);
	CHECK_EQ(byte, 0);
	CHECK_EQ(pread(fd, &byte, 1, IMAGE_FLAT_OFFSET + (65 << 20) + 5 + 99), 1);
	CHECK_EQ(byte, k->text[99]);
	close(fd);
	free(k);
}

/* ------------------------------------------------------------------- notes */

static void a_kernel_without_xen_notes_is_told_apart_from_damage(void)
{
	REFUSED(-ENOEXEC, k->ph[1].p_type = PT_NULL);
	CHECK(strstr(fault.text, "no Xen notes"));
	CHECK(fault.hint[0]);
	REFUSED(-ENOEXEC, k->notes[8] = XEN_ELFNOTE_PHYS32_ENTRY);
	CHECK(strstr(fault.text, "no PV entry point"));
}

static void without_the_note_the_elf_headers_entry_counts(void)
{
	struct kernel *k = kernel_new();
	int fd;

	k->notes[12] = 'x';			/* the entry point's owner */
	k->eh.e_entry = KERNEL_ENTRY;
	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	check_result(fd, k);
	free(k);
}

static void notes_that_lie_are_refused(void)
{
	REFUSED(-ENOEXEC, k->notes[4] = 9);		/* an entry point of nine bytes */
	REFUSED(-ENOEXEC, memset(k->notes, 0xff, 4));	/* a name of 4 GiB */
	REFUSED(-ENOEXEC, memset(k->notes + 4, 0xff, 4));
	REFUSED(-ENOEXEC, k->ph[1].p_filesz = 1 << 20);
	REFUSED(-ENOEXEC, k->ph[1].p_filesz = UINT64_MAX);
}

static void sections_serve_where_there_is_no_note_segment(void)
{
	struct kernel *k = kernel_new();
	int fd;

	k->eh.e_phnum = 1;
	k->eh.e_shoff = offsetof(struct kernel, sh);
	k->eh.e_shentsize = sizeof(Elf64_Shdr);
	k->eh.e_shnum = 2;
	k->sh[1].sh_type = SHT_NOTE;
	k->sh[1].sh_offset = k->ph[1].p_offset;
	k->sh[1].sh_size = k->ph[1].p_filesz;
	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	check_result(fd, k);
	k->sh[1].sh_size = UINT64_MAX - 5;
	CHECK_EQ(parse(k, sizeof(*k), NULL), -ENOEXEC);
	k->eh.e_shoff = UINT64_MAX - 3;
	CHECK_EQ(parse(k, sizeof(*k), NULL), -ENOEXEC);
	free(k);
}

static void note_texts_are_cut_and_cleaned(void)
{
	struct image_notes n = { 0 };
	uint8_t data[400] = { 4, 0, 0, 0, 0x40, 1, 0, 0, XEN_ELFNOTE_GUEST_OS, 0, 0, 0, 'X', 'e', 'n' };

	memset(data + 16, 'a', 0x140);
	data[17] = '\033';
	CHECK_EQ(notes_parse(data, 16 + 0x140, &n, NULL), 1);
	CHECK_EQ(strlen(n.guest_os), sizeof(n.guest_os) - 1);
	CHECK_EQ(n.guest_os[1], '?');
}

/* ----------------------------------------------------------------- bzImage */

static void bzimages_that_lie_are_refused(void)
{
	size_t size;
	uint8_t *b = kernel_bzimage("payload…", 8, &size);
	uint32_t far = 0xfffffff0;

	memcpy(b + 0x248, &far, 4);
	CHECK_EQ(parse(b, size, NULL), -ENOEXEC);
	memcpy(b + 0x24c, &far, 4);
	CHECK_EQ(parse(b, size, NULL), -ENOEXEC);
	b[0x206] = 0x07;		/* 2.07: no payload fields yet */
	CHECK_EQ(parse(b, size, NULL), -ENOEXEC);
	CHECK(strstr(fault.text, "2.07"));
	free(b);
}

/* ------------------------------------------------- the whole, with its child */

static char dir[] = "/tmp/test_image.XXXXXX";

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, data, size), size);
	close(fd);
}

static int load(struct image *img, const char *path, const char *cache)
{
	memset(&fault, 0, sizeof(fault));
	return image_load(img, path, cache, &fault);
}

static unsigned int fds_open(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_child_parses_and_the_cache_remembers(void)
{
	struct kernel *k = kernel_new();
	char path[64], cache[64];
	unsigned int fds = fds_open();
	struct image img;
	uint8_t page[4096];

	snprintf(path, sizeof(path), "%s/kernel", dir);
	snprintf(cache, sizeof(cache), "%s/a/cache", dir);
	write_file(path, k, sizeof(*k));
	CHECK_EQ(load(&img, path, cache), 0);
	CHECK(!img.cached);
	CHECK_EQ(img.size, 4 * 4096);
	CHECK_EQ(image_read(&img, 4096, page, 4096), 0);
	CHECK_MEM(page, k->text + 4096, 4096);
	CHECK_EQ(image_read(&img, 4 * 4096, page, 1), -ERANGE);
	CHECK_EQ(image_read(&img, UINT64_MAX, page, 2), -ERANGE);
	CHECK_EQ(image_cache_put(&img, cache, IMAGE_CACHE_MAX), 0);
	image_free(&img);
	CHECK_EQ(load(&img, path, cache), 0);
	CHECK(img.cached);
	CHECK_EQ(image_read(&img, 4096, page, 4096), 0);
	CHECK_MEM(page, k->text + 4096, 4096);
	image_free(&img);
	k->text[0]++;			/* another kernel under the same name */
	write_file(path, k, sizeof(*k));
	CHECK_EQ(load(&img, path, cache), 0);
	CHECK(!img.cached);
	image_free(&img);
	CHECK_EQ(fds_open(), fds);
	free(k);
}

/* The least recently used go first, and the newest always fits. */
static void the_cache_stays_below_its_bound(void)
{
	struct kernel *k = kernel_new();
	char path[64], cache[64];
	struct image img;
	int kept = 0;

	snprintf(cache, sizeof(cache), "%s/bound", dir);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/kernel%d", dir, i);
		write_file(path, k, sizeof(*k));
		CHECK_EQ(load(&img, path, cache), 0);
		CHECK_EQ(image_cache_put(&img, cache, 3 * 5 * 4096), 0);
		image_free(&img);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/kernel%d", dir, i);
		CHECK_EQ(load(&img, path, cache), 0);
		kept += img.cached;
		if (i == 5)
			CHECK(img.cached);
		image_free(&img);
	}
	CHECK(kept >= 1 && kept <= 4);
	free(k);
}

static void a_damaged_cache_entry_is_thrown_away(void)
{
	struct kernel *k = kernel_new();
	char path[64], cache[64], command[128];
	struct image img;

	snprintf(path, sizeof(path), "%s/kernel", dir);
	snprintf(cache, sizeof(cache), "%s/damaged", dir);
	write_file(path, k, sizeof(*k));
	CHECK_EQ(load(&img, path, cache), 0);
	CHECK_EQ(image_cache_put(&img, cache, IMAGE_CACHE_MAX), 0);
	image_free(&img);
	snprintf(command, sizeof(command), "truncate -s -1 %s/*.kernel", cache);
	CHECK_EQ(system(command), 0);
	CHECK_EQ(load(&img, path, cache), 0);
	CHECK(!img.cached);
	image_free(&img);
	free(k);
}

static void files_that_are_no_kernels_are_explained(void)
{
	struct image img;
	char path[64];

	CHECK_EQ(load(&img, "/nonexistent", NULL), -ENOENT);
	CHECK_STR(fault.text, "Kernel image does not exist: /nonexistent");
	CHECK_EQ(load(&img, "/dev/null", NULL), -ENOEXEC);
	CHECK_EQ(load(&img, dir, NULL), -ENOEXEC);
	snprintf(path, sizeof(path), "%s/empty", dir);
	write_file(path, "", 0);
	CHECK_EQ(load(&img, path, NULL), -ENOEXEC);
	CHECK(strstr(fault.text, path));
	CHECK_EQ(img.fd, -1);
	image_free(&img);
}

/* What a hostile child could hand back. */
static void headers_are_judged_again_by_the_parent(void)
{
	struct kernel *k = kernel_new();
	struct image_header good, bad;
	uint64_t size = IMAGE_FLAT_OFFSET + 4 * 4096;
	int fd;

	CHECK_EQ(parse(k, sizeof(*k), &fd), 0);
	CHECK_EQ(pread(fd, &good, sizeof(good), 0), sizeof(good));
	CHECK_EQ(image_header_check(&good, size), 0);
	CHECK_EQ(image_header_check(&good, size + 4096), -EINVAL);
	CHECK_EQ(image_header_check(&good, size - 4096), -EINVAL);
	bad = good, bad.magic++;
	CHECK_EQ(image_header_check(&bad, size), -EINVAL);
	bad = good, bad.size = UINT64_MAX - 4095;
	CHECK_EQ(image_header_check(&bad, IMAGE_FLAT_OFFSET + bad.size), -EINVAL);
	bad = good, bad.start = UINT64_MAX - 4095;
	CHECK_EQ(image_header_check(&bad, size), -EINVAL);
	bad = good, memset(bad.notes.guest_os, 'a', sizeof(bad.notes.guest_os));
	CHECK_EQ(image_header_check(&bad, size), -EINVAL);
	bad = good, bad.notes.has = 0;
	CHECK_EQ(image_header_check(&bad, size), -EINVAL);
	close(fd);
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_elf_kernel_is_flattened_with_its_notes),
		TEST(each_compressor_is_unpacked_alone_and_in_a_bzimage),
		TEST(cut_off_kernels_are_refused),
		TEST(flipped_bits_never_crash_the_parser),
		TEST(compressors_that_are_not_supported_are_named),
		TEST(a_bomb_does_not_go_off),
		TEST(headers_that_lie_are_refused),
		TEST(segments_that_lie_are_refused),
		TEST(a_segment_without_memory_is_not_loaded),
		TEST(segments_may_come_in_any_order_and_leave_holes),
		TEST(a_kernel_without_xen_notes_is_told_apart_from_damage),
		TEST(without_the_note_the_elf_headers_entry_counts),
		TEST(notes_that_lie_are_refused),
		TEST(sections_serve_where_there_is_no_note_segment),
		TEST(note_texts_are_cut_and_cleaned),
		TEST(bzimages_that_lie_are_refused),
		TEST(a_child_parses_and_the_cache_remembers),
		TEST(the_cache_stays_below_its_bound),
		TEST(a_damaged_cache_entry_is_thrown_away),
		TEST(files_that_are_no_kernels_are_explained),
		TEST(headers_are_judged_again_by_the_parent),
	};
	char command[64];
	int rc;

	if (!mkdtemp(dir))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) ? 1 : rc;
}
