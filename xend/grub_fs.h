/*
 * grub_fs.h - files in a guest's ext2, ext3 or ext4 file system, through libext2fs.
 *
 * Read only: the journal is not replayed, as GRUB does not either.  The file system is hostile;
 * libext2fs bounds what it follows, the caller bounds what is read, and all of it happens in a
 * cage (sandbox.h) with limited time and memory.  One thread.
 */
#ifndef XEND_GRUB_FS_H
#define XEND_GRUB_FS_H

#include <stddef.h>
#include <stdint.h>

#include "xend/grub_disk.h"

struct grub_fs;

/* 0 and *out, which the caller closes; -ENOENT: nothing that we can read is there; -EINVAL: an
 * ext file system too damaged, or too new. */
int grub_fs_open(struct grub_fs **out, const struct grub_disk *d, const struct grub_part *p);
void grub_fs_close(struct grub_fs *fs);

/* "0fc63daf-8483-4772-8e79-3d69d8477de4" and the volume's label. */
#define GRUB_UUID_TEXT 37
#define GRUB_LABEL_TEXT 17
void grub_fs_uuid(const struct grub_fs *fs, char uuid[GRUB_UUID_TEXT]);
void grub_fs_label(const struct grub_fs *fs, char label[GRUB_LABEL_TEXT]);

struct grub_node {
	uint32_t inode;
	uint64_t size;			/* bytes; not to be believed before it is bounded */
	bool is_file;			/* regular: the only ones that are read */
};

/* Symbolic links are followed.  0, -ENOENT, or -EIO. */
int grub_fs_find(struct grub_fs *fs, const char *path, struct grub_node *node);

/* The file's bytes in order, in pieces, to take(): 0, its first negative answer, -EIO, or -ENODATA
 * when it ends before node->size. */
int grub_fs_read(struct grub_fs *fs, const struct grub_node *node,
		 int (*take)(void *ctx, const void *data, size_t n), void *ctx);

/* The names in a directory that end in `suffix`, at most `max`, to take(); other answers as above. */
int grub_fs_list(struct grub_fs *fs, const char *path, const char *suffix, size_t max,
		 int (*take)(void *ctx, const void *name, size_t n), void *ctx);

/* What lies there, for messages: "XFS", "LVM", "swap" …; NULL: nothing that is known. */
const char *grub_fs_guess(const struct grub_disk *d, const struct grub_part *p);

#endif
