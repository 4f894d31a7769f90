/* ext2/3/4 on a partition: an io_manager of our own, which reads the disk's descriptor and knows
 * no names; so libext2fs opens nothing. */
#include "xend/grub_fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"	/* its inline functions */
#include <ext2fs/ext2fs.h>
#pragma GCC diagnostic pop

#define PIECE (64 * 1024)
#define BLOCK_MAX (64 * 1024)		/* ext4's largest */

struct volume {
	const struct grub_disk *disk;
	uint64_t start, size;
};

struct grub_fs {
	ext2_filsys ext;
	struct volume volume;
};

/* ------------------------------------------------------------ io_manager */

static errcode_t volume_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	ext2fs_free_mem(&channel->name);
	ext2fs_free_mem(&channel);
	return 0;
}

static errcode_t volume_set_blksize(io_channel channel, int size)
{
	if (size <= 0 || size > BLOCK_MAX)
		return EXT2_ET_INVALID_ARGUMENT;
	channel->block_size = size;
	return 0;
}

/* A negative count is one of bytes. */
static errcode_t volume_read64(io_channel channel, unsigned long long block, int count, void *data)
{
	const struct volume *v = channel->private_data;
	uint64_t size = (uint64_t)channel->block_size, bytes, at;

	bytes = count < 0 ? (uint64_t)-(int64_t)count : (uint64_t)count * size;
	if (__builtin_mul_overflow(block, size, &at) || at > v->size || bytes > v->size - at)
		return EXT2_ET_SHORT_READ;
	if (grub_disk_read(v->disk, v->start + at, data, bytes) < 0)
		return EXT2_ET_SHORT_READ;
	return 0;
}

static errcode_t volume_read(io_channel channel, unsigned long block, int count, void *data)
{
	return volume_read64(channel, block, count, data);
}

static errcode_t volume_write64(io_channel channel, unsigned long long block, int count,
				const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t volume_write(io_channel channel, unsigned long block, int count,
			      const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t volume_flush(io_channel channel)
{
	return 0;
}

/* ext2fs_open2() hands us a name, not a pointer: this is what it stands for meanwhile. */
static struct volume *volume_opening;

static errcode_t volume_open(const char *name, int flags, io_channel *out);

static struct struct_io_manager volume_manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "a partition of a guest's disk",
	.open = volume_open,
	.close = volume_close,
	.set_blksize = volume_set_blksize,
	.read_blk = volume_read,
	.read_blk64 = volume_read64,
	.write_blk = volume_write,
	.write_blk64 = volume_write64,
	.flush = volume_flush,
};

static errcode_t volume_open(const char *name, int flags, io_channel *out)
{
	io_channel channel;
	errcode_t err = ext2fs_get_memzero(sizeof *channel, &channel);

	if (err)
		return err;
	err = ext2fs_get_memzero(strlen(name) + 1, &channel->name);
	if (err) {
		ext2fs_free_mem(&channel);
		return err;
	}
	memcpy(channel->name, name, strlen(name));
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &volume_manager;
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = volume_opening;
	*out = channel;
	return 0;
}

/* ----------------------------------------------------------------- files */

int grub_fs_open(struct grub_fs **out, const struct grub_disk *d, const struct grub_part *p)
{
	struct grub_fs *fs = calloc(1, sizeof *fs);
	errcode_t err;

	if (!fs)
		return -ENOMEM;
	fs->volume = (struct volume){ .disk = d, .start = p->start, .size = p->size };
	volume_opening = &fs->volume;
	err = ext2fs_open2("guest", NULL, EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS, 0, 0,
			   &volume_manager, &fs->ext);
	volume_opening = NULL;
	if (err) {
		free(fs);
		return err == EXT2_ET_BAD_MAGIC || err == EXT2_ET_SHORT_READ ? -ENOENT : -EINVAL;
	}
	*out = fs;
	return 0;
}

void grub_fs_close(struct grub_fs *fs)
{
	if (!fs)
		return;
	ext2fs_free(fs->ext);		/* not ext2fs_close(): nothing is to be written */
	free(fs);
}

void grub_fs_uuid(const struct grub_fs *fs, char uuid[GRUB_UUID_TEXT])
{
	const uint8_t *u = fs->ext->super->s_uuid;

	snprintf(uuid, GRUB_UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

void grub_fs_label(const struct grub_fs *fs, char label[GRUB_LABEL_TEXT])
{
	memcpy(label, fs->ext->super->s_volume_name, GRUB_LABEL_TEXT - 1);
	label[GRUB_LABEL_TEXT - 1] = '\0';
}

int grub_fs_find(struct grub_fs *fs, const char *path, struct grub_node *node)
{
	struct ext2_inode inode;
	ext2_ino_t number;
	errcode_t err = ext2fs_namei_follow(fs->ext, EXT2_ROOT_INO, EXT2_ROOT_INO, path, &number);

	if (err == EXT2_ET_FILE_NOT_FOUND || err == EXT2_ET_NO_DIRECTORY)
		return -ENOENT;
	if (err || ext2fs_read_inode(fs->ext, number, &inode))
		return -EIO;
	node->inode = number;
	node->size = EXT2_I_SIZE(&inode);
	node->is_file = LINUX_S_ISREG(inode.i_mode);
	return 0;
}

static int file_read(ext2_file_t file, uint64_t size, char *piece,
		     int (*take)(void *ctx, const void *data, size_t n), void *ctx)
{
	int rc = 0;

	for (uint64_t done = 0; rc >= 0 && done < size;) {
		unsigned want = size - done < PIECE ? (unsigned)(size - done) : PIECE, got = 0;

		if (ext2fs_file_read(file, piece, want, &got))
			return -EIO;
		if (!got)
			return -ENODATA;
		rc = take(ctx, piece, got);
		done += got;
	}
	return rc < 0 ? rc : 0;
}

int grub_fs_read(struct grub_fs *fs, const struct grub_node *node,
		 int (*take)(void *ctx, const void *data, size_t n), void *ctx)
{
	ext2_file_t file;
	char *piece;
	int rc;

	if (!node->is_file)
		return -EINVAL;
	if (ext2fs_file_open(fs->ext, node->inode, 0, &file))
		return -EIO;
	piece = malloc(PIECE);
	rc = piece ? file_read(file, node->size, piece, take, ctx) : -ENOMEM;
	free(piece);
	ext2fs_file_close(file);
	return rc;
}

/* ------------------------------------------------------------- directories */

struct listing {
	const char *suffix;
	size_t left;
	int (*take)(void *ctx, const void *name, size_t n);
	void *ctx;
	int rc;
};

static int list_name(ext2_ino_t dir, int entry, struct ext2_dir_entry *e, int offset,
		     int blocksize, char *buf, void *ctx)
{
	struct listing *l = ctx;
	size_t n = (size_t)ext2fs_dirent_name_len(e), tail = strlen(l->suffix);

	if (n <= tail || memcmp(e->name + n - tail, l->suffix, tail))
		return 0;
	if (!l->left--)
		return DIRENT_ABORT;
	l->rc = l->take(l->ctx, e->name, n);
	return l->rc < 0 ? DIRENT_ABORT : 0;
}

int grub_fs_list(struct grub_fs *fs, const char *path, const char *suffix, size_t max,
		 int (*take)(void *ctx, const void *name, size_t n), void *ctx)
{
	struct listing l = { .suffix = suffix, .left = max, .take = take, .ctx = ctx };
	struct grub_node node;
	int rc = grub_fs_find(fs, path, &node);

	if (rc < 0)
		return rc;
	if (ext2fs_dir_iterate2(fs->ext, node.inode, 0, NULL, list_name, &l))
		return -EIO;
	return l.rc < 0 ? l.rc : 0;
}

/* --------------------------------------------------------------- guesses */

/* Where each kind has its mark: xfs_format.h, btrfs's and LVM's on-disk formats, blkid(8). */
static const struct {
	uint64_t at;
	const char *mark;
	const char *name;
} marks[] = {
	{ 0, "XFSB", "XFS" },
	{ 65536 + 64, "_BHRfS_M", "btrfs" },
	{ 512, "LABELONE", "LVM" },
	{ 0, "LUKS\xba\xbe", "LUKS" },
	{ 4096 - 10, "SWAPSPACE2", "swap" },
	{ 32769, "CD001", "ISO 9660" },
	{ 54, "FAT1", "FAT" },
	{ 82, "FAT32", "FAT" },
	{ 3, "NTFS", "NTFS" },
	{ 65536 + 52, "ReIsEr", "ReiserFS" },
	{ 1024 + 56, "\x53\xef", "ext" },
};

const char *grub_fs_guess(const struct grub_disk *d, const struct grub_part *p)
{
	char found[16];

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		size_t n = strlen(marks[i].mark);

		if (marks[i].at + n <= p->size &&
		    grub_disk_read(d, p->start + marks[i].at, found, n) == 0 &&
		    !memcmp(found, marks[i].mark, n))
			return marks[i].name;
	}
	return NULL;
}
