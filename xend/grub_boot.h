/*
 * grub_boot.h - from a guest's disk to its menu, and from an entry to the files that it names.
 *
 * Partitions that are marked to be booted come first, then the others in their order; the first
 * that has a menu is the one.  Meant for a cage (sandbox.h): nothing here opens anything.
 */
#ifndef XEND_GRUB_BOOT_H
#define XEND_GRUB_BOOT_H

#include "xend/fault.h"
#include "xend/grub_disk.h"
#include "xend/grub_fs.h"
#include "xend/grub_menu.h"

struct grub_volume {
	struct grub_part part;
	struct grub_fs *fs;
	char device[32];		/* "hd0,msdos1" */
};

struct grub_boot {
	const struct grub_disk *disk;
	struct grub_volume volume[GRUB_PARTS_MAX];	/* those with a file system of ours */
	size_t volumes;
	size_t home;			/* where the menu is */
	const char *menu_kind, *menu_path;	/* "GRUB 2", "/boot/grub/grub.cfg" */
	struct grub_menu menu;
};

#define GRUB_ANYWHERE UINT64_MAX

/* Finds the file systems; with an offset in bytes, only the one that begins there.  -ENOENT when
 * there is none.  *b is to be freed whatever comes out. */
int grub_boot_open(struct grub_boot *b, const struct grub_disk *d, uint64_t offset, struct fault *f);
/* Finds the menu, and reads it. */
int grub_boot_read(struct grub_boot *b, struct fault *f);
/* A menu that is not on a disk: `data` is it, of a kind that its name or its look tells. */
int grub_boot_read_text(struct grub_boot *b, const char *name, const char *data, size_t n,
			struct fault *f);
void grub_boot_free(struct grub_boot *b);

/* Where a file is: on its device if the disk has that, else where the menu is; without a menu,
 * on the first file system that has it. */
int grub_boot_find(struct grub_boot *b, const struct grub_file *file, struct grub_fs **fs,
		   struct grub_node *node, struct fault *f);
/* Copies it behind what `to` has, which is *done bytes; all of it is at most max bytes. */
int grub_boot_copy(struct grub_boot *b, const struct grub_file *file, int to, uint64_t *done,
		   uint64_t max, struct fault *f);

#endif
