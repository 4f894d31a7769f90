/*
 * pygrub.h - the boot loader helper: a parent that opens what is named and prints the result,
 * and a child that does everything with the guest's disk, in a cage.
 *
 * The child has the disk (for reading), the two files to fill and a pipe; over the pipe it sends
 * one answer.  It parsed hostile bytes, so the parent believes nothing in it before it looked.
 */
#ifndef XEND_PYGRUB_H
#define XEND_PYGRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "xend/fault.h"
#include "xend/grub_menu.h"

#define PYGRUB_KERNEL_MAX (256ULL << 20)	/* bytes: what the builder takes (IMAGE_FILE_MAX) */
#define PYGRUB_RAMDISK_MAX (1024ULL << 20)

/* What the command line asked for. */
struct pygrub_task {
	const char *disk;		/* its name, for messages */
	bool is_config, is_list, is_debug;
	bool is_menu;			/* show it on the terminal, in and out */
	bool is_dry;			/* name the files, copy nothing */
	unsigned rows, columns;
	const char *entry, *kernel, *ramdisk, *args;	/* NULL: not given */
	uint64_t offset;		/* bytes, or GRUB_ANYWHERE */
	int fd, kernel_fd, ramdisk_fd;	/* the disk; the files to fill, -1 when dry */
	uint64_t size;			/* bytes of the disk */
};

#define PYGRUB_ANSWER 0x42555247	/* an answer is whole when it ends with this */

struct pygrub_answer {
	struct fault fault;		/* err 0: the rest holds */
	bool is_printed;		/* there was only something to show, and it was */
	bool has_ramdisk;
	char kernel[GRUB_PATH_MAX], ramdisk[GRUB_PATH_MAX];	/* on the guest's disk */
	char args[GRUB_ARGS_MAX];
	uint32_t magic;
};

/* In the child, in the cage: does the task and fills the answer. */
void pygrub_work(const struct pygrub_task *t, struct pygrub_answer *a);

#endif
