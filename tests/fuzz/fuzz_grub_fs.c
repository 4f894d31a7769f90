/*
 * A guest's file system, from its superblock to the kernel in it.  mke2fs makes a right one once;
 * the input is a list of changes (where, in which of its parts; value), so that the fuzzer need
 * not invent one.  Whatever comes of it must end, and stay within its bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xend/grub_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define IMAGE_MAX (1 << 20)
static uint8_t right[IMAGE_MAX], image[IMAGE_MAX];
static size_t image_size;

static const char make[] =
	"cd %s && mkdir -p root/boot/grub && head -c 30000 /dev/zero | tr '\\0' k >root/boot/vmlinuz && "
	"ln -s vmlinuz root/boot/current && "
	"printf 'menuentry x {\\nlinux /boot/current a\\n}\\n' >root/boot/grub/grub.cfg && "
	"PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -b 1024 -O ^has_journal -d root image 512k";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char top[] = "/tmp/fuzz-XXXXXX", command[1024], path[64];
	FILE *f;

	if (!mkdtemp(top))
		abort();
	snprintf(command, sizeof command, make, top);
	if (system(command))
		abort();
	snprintf(path, sizeof path, "%s/image", top);
	f = fopen(path, "re");
	if (!f)
		abort();
	image_size = fread(right, 1, sizeof right, f);
	fclose(f);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static int image_read(const struct grub_disk *d, uint64_t at, void *to, size_t n)
{
	if (at > d->size || n > d->size - at)
		abort();
	memcpy(to, d->data + at, n);
	return 0;
}

/* The metadata is in the first 128 KiB; most changes go to the superblock and what follows. */
static void change(const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		size_t at = data[0] | (size_t)data[1] << 8 | (size_t)(data[2] & 1) << 16;

		image[(data[2] & 2 ? 1024 + at % 3072 : at) % image_size] = data[3];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct grub_disk disk = { .read = image_read, .size = image_size, .data = image };
	static int to = -1;
	struct grub_boot b;
	struct fault f = { 0 };
	uint64_t done = 0;
	int rc;

	if (to < 0)
		to = memfd_create("kernel", MFD_CLOEXEC);
	if (ftruncate(to, 0) < 0)
		abort();
	memcpy(image, right, image_size);
	change(data, size);
	rc = grub_boot_open(&b, &disk, GRUB_ANYWHERE, &f);
	if (rc == 0)
		rc = grub_boot_read(&b, &f);
	if (rc == 0 && !size && (b.menu.entries != 1 || !grub_entry_boots(b.menu.entry[0])))
		abort();		/* unchanged, it must boot */
	if (rc == 0 && grub_entry_boots(b.menu.entry[0]))
		rc = grub_boot_copy(&b, &b.menu.entry[0]->kernel, to, &done, 100000, &f);
	if (rc != -f.err || done > 100000 || (!size && done != 30000))
		abort();
	grub_boot_free(&b);
	return 0;
}
