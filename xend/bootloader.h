/*
 * bootloader.h - bootloader=: a program of domain 0 that takes kernel, initial RAM disk and
 * command line out of a guest's disk, such as pygrub(8).
 *
 * It is called as ever, `PROGRAM ARGS --args=CMDLINE --output=FILE DISK`, and writes
 * `linux (kernel FILE)(ramdisk FILE)(args "TEXT")`.  Its files stand in a directory of its own
 * below BOOTLOADER_DIR, until bootloader_end().  The directory is locked while its worker lives;
 * what a killed one left is removed by the next.
 *
 * Without -q among its arguments it may show a menu.  The place to see it is then offered on a
 * socket; when nobody comes in time, it is run as if nobody were there.
 */
#ifndef XEND_BOOTLOADER_H
#define XEND_BOOTLOADER_H

#include <stdbool.h>

#include "xend/config.h"
#include "xend/fault.h"

#define BOOTLOADER_DIR "/var/run/xend/boot"
/* A job's phase while somebody may come to see the menu; the socket's path stands behind it. */
#define BOOTLOADER_MENU "boot menu at "

struct bootloader_call {
	const char *program;		/* as configured: a path, or a name such as pygrub */
	const char *args;		/* in words as a shell has them; NULL: none */
	const char *cmdline;		/* what the configuration adds to the kernel's; NULL: nothing */
	const char *disk;		/* a block device or an image */
	const char *directory;		/* NULL: BOOTLOADER_DIR */
	/* Where the menu can be seen: NULL when nobody would look. */
	void (*offer)(void *ctx, const char *socket);
	void *ctx;
	int wait_ms;			/* how long to wait for somebody to come */
};

/* What came of it.  A zeroed one is empty. */
struct bootloader {
	char *kernel, *ramdisk;		/* paths in domain 0; ramdisk NULL: none */
	char *args;			/* never NULL after success */
	char directory[64];		/* ours, "" when there is none */
	int lock;			/* the directory's descriptor, held while directory is not "" */
};

/* Does the configuration have one? */
bool bootloader_is_wanted(const struct config *c);
/* Is that our pygrub, whatever else is installed under this name?  Another one is named by its path. */
bool bootloader_means_ours(const char *program);
/* The program, absolute; a pygrub that isn't where it is said to be is ours.  -ENOENT or -EACCES. */
int bootloader_find(const char *program, char *path, size_t size, struct fault *f);
/* The file or device behind the first disk to boot from: -ENOENT: no disk, -ENOSYS: one whose
 * format a boot loader can't read. */
int bootloader_disk(const struct config *c, char *path, size_t size, struct fault *f);
/* What can be refused before anything is made. */
int bootloader_check(const struct config *c, struct fault *f);

/* Runs it to its end.  0 and *b, to be given to bootloader_end() when the files are no longer
 * needed; -errno with f said, and nothing left. */
int bootloader_run(struct bootloader *b, const struct bootloader_call *call, struct fault *f);
/* Removes the files.  An empty one is all right. */
void bootloader_end(struct bootloader *b);
/* Removes what killed workers have left below the directory (NULL: BOOTLOADER_DIR). */
void bootloader_sweep(const char *directory);

#endif
