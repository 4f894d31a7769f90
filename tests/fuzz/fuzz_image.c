/*
 * The kernel image parser.  The first byte says what the rest is: a file as it is, or a list of
 * changes (offset, value) to a right kernel, plain or in a bzImage, so that the fuzzer need not
 * invent one.  Whatever is accepted must pass the parent's checks.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/kernel.h"
#include "xend/image_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct image_header hdr;
	struct fault f = { 0 };
	struct stat st;
	int rc;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0)
		abort();
	rc = image_parse(data, size, fd, &f);
	if (rc != -f.err)
		abort();
	if (rc)
		return;
	if (fstat(fd, &st) < 0 || pread(fd, &hdr, sizeof(hdr), 0) != sizeof(hdr) ||
	    image_header_check(&hdr, (uint64_t)st.st_size) < 0)
		abort();
}

static void patch(uint8_t *to, size_t room, const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		to[(data[0] | (size_t)data[1] << 8) % room] = data[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel *k;
	uint8_t *file;
	size_t len;

	if (!size || data[0] % 3 == 0) {
		parse(data + !!size, size - !!size);
		return 0;
	}
	k = kernel_new();
	if (data[0] % 3 == 1) {
		patch((uint8_t *)k, sizeof(*k), data + 1, size - 1);
		parse((const uint8_t *)k, sizeof(*k));
	} else {
		file = kernel_bzimage(k, sizeof(*k), &len);
		patch(file, len, data + 1, size - 1);
		parse(file, len);
		free(file);
	}
	free(k);
	return 0;
}
