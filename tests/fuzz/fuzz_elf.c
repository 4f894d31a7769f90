/* Any bytes as a kernel file: found, parsed, checked, and loaded if it is small. */
#include <stdint.h>
#include <stdlib.h>
#include "bzimage.h"
#include "elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void load(const struct elf_image *e)
{
	size_t len = e->pend - e->pstart;
	uint8_t *image;

	if (len > 1 << 20)
		return;
	image = malloc(len);
	elf_load(e, 0, image, len);
	elf_load(e, len / 3, image, len - len / 3);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bzimage image;
	struct elf_image e;
	const char *reason;
	int rc = bzimage_parse(data, len, &image, &reason);

	if ((rc == 0) != (reason == NULL))
		abort();
	if (rc || image.format)
		return 0;
	rc = elf_parse(image.payload, image.payload_len, &e, &reason);
	if ((rc == 0) != (reason == NULL))
		abort();
	if (rc)
		return 0;
	elf_check_pv(&e, true, &reason);
	load(&e);
	return 0;
}
