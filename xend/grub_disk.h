/*
 * grub_disk.h - the partitions of a guest's disk: MBR with logical ones, GPT, or none at all.
 *
 * The disk is hostile: every number in its tables is checked against the disk's size, every
 * chain has an end.  Sectors are 512 bytes in an MBR; a GPT may also count in 4096.
 */
#ifndef XEND_GRUB_DISK_H
#define XEND_GRUB_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRUB_PARTS_MAX 128

struct grub_disk {
	/* All of n bytes, or -errno.  Only called within size. */
	int (*read)(const struct grub_disk *d, uint64_t at, void *to, size_t n);
	uint64_t size;			/* bytes */
	int fd;				/* for grub_disk_read_fd() */
	const uint8_t *data;		/* for a disk in memory */
};

enum grub_table { GRUB_WHOLE, GRUB_MBR, GRUB_GPT };

struct grub_part {
	enum grub_table table;
	unsigned number;		/* as the guest counts: 1 is sda1; 0 for the whole disk */
	uint64_t start, size;		/* bytes; within the disk, size is not 0 */
	bool is_active;			/* marked as the one to boot */
};

/* The partitions in their table's order, then the disk as a whole (a file system may begin at
 * its first byte, table or not).  How many, or -errno when the disk can't be read. */
int grub_disk_scan(const struct grub_disk *d, struct grub_part *part, size_t max);

/* n bytes at `at`, which may be anywhere: -ERANGE beyond the end. */
int grub_disk_read(const struct grub_disk *d, uint64_t at, void *to, size_t n);

/* The read of a disk that is a file or a block device, d->fd; it uses pread() alone. */
int grub_disk_read_fd(const struct grub_disk *d, uint64_t at, void *to, size_t n);

#endif
