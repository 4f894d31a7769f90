/*
 * grub_menu.h - what a guest's boot menu comes to, whichever boot loader it was written for.
 *
 * All text of a menu lives in the menu's arena and dies with it; it is bounded as a whole, so
 * that no parser has to bound each piece.  Text that comes out of a parser has no control
 * characters: it goes to terminals and into a kernel's command line.
 */
#ifndef XEND_GRUB_MENU_H
#define XEND_GRUB_MENU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xend/fault.h"

#define GRUB_ENTRIES_MAX 256
#define GRUB_INITRDS_MAX 8
#define GRUB_ARGS_MAX 4096		/* bytes of a command line, its NUL included */
#define GRUB_PATH_MAX 1024		/* bytes of a path, its NUL included */
#define GRUB_TEXT_MAX (1024 * 1024)	/* bytes of a menu's file, and of each that it includes */
#define GRUB_ARENA_MAX (16 * 1024 * 1024)

struct grub_arena {
	struct grub_chunk *chunks;
	size_t used;			/* bytes, at most GRUB_ARENA_MAX */
};

/* Zeroed, aligned for anything; NULL when memory or the bound is exhausted. */
void *grub_alloc(struct grub_arena *a, size_t n);
/* A copy with a NUL behind it, the bytes as they are. */
char *grub_copy(struct grub_arena *a, const char *text, size_t n);
/* The same without the blanks around it. */
char *grub_copy_line(struct grub_arena *a, const char *line, size_t n);
void grub_arena_free(struct grub_arena *a);

/* A file on the guest's disk.  Devices are written as GRUB 2 does: "hd0,msdos1", "hd0,gpt2",
 * "hd0,1", "hd0"; "" is where the menu came from. */
struct grub_file {
	const char *device, *path;	/* path: from the file system's root, with a slash */
};

struct grub_entry {
	const char *title;
	const char *group;		/* titles of the submenus it is in, "" at the top */
	const char *id;			/* the name that defaults know it by, "" without */
	const char *place;		/* GRUB 2's: "1>0", first of the second item, a submenu */
	const char *root;		/* the menu's device for it, "" if it names none */
	struct grub_file kernel;	/* path NULL: none, it can't be booted */
	struct grub_file initrd[GRUB_INITRDS_MAX];	/* loaded one behind the other */
	size_t initrds;
	const char *args;		/* never NULL */
};

#define GRUB_WAIT_FOR_EVER (-1)

struct grub_menu {
	struct grub_arena arena;
	struct grub_entry *entry[GRUB_ENTRIES_MAX];
	size_t entries;
	size_t chosen;			/* the default, an index of entry[] */
	int timeout_s;			/* or GRUB_WAIT_FOR_EVER */
};

enum grub_search { GRUB_BY_UUID, GRUB_BY_LABEL, GRUB_BY_FILE };

/* What a parser may ask about the disk. */
struct grub_view {
	/* A whole file into the arena: 0, -ENOENT, -EFBIG, -ENOMEM or -EIO. */
	int (*read)(const struct grub_view *v, struct grub_arena *a, const struct grub_file *file,
		    const char **text, size_t *n);
	bool (*has)(const struct grub_view *v, const struct grub_file *file, uint64_t *size);
	/* The device that has it, or NULL. */
	const char *(*search)(const struct grub_view *v, enum grub_search by, const char *what);
	/* Names of files in a directory that end so: how many, or -errno. */
	int (*list)(const struct grub_view *v, struct grub_arena *a, const struct grub_file *dir,
		    const char *suffix, const char **name, size_t max);
	const char *device;		/* where the menu is, never "" */
	const char *directory;		/* the menu's, "/boot/grub" */
	void *ctx;
};

/* A parser: 0 with at least one entry, or -errno with f said and the menu to be freed all the
 * same.  The menu is zeroed before. */
typedef int grub_parse_fn(struct grub_menu *m, const struct grub_view *v, const char *text,
			  size_t n, struct fault *f);
grub_parse_fn grub_cfg_parse;		/* grub_cfg.c: GRUB 2 */
grub_parse_fn grub_legacy_parse;	/* grub_legacy.c */
grub_parse_fn grub_syslinux_parse;	/* grub_syslinux.c */

/* A new entry, empty but for "" where text is wanted; NULL when there are too many. */
struct grub_entry *grub_menu_add(struct grub_menu *m);
/* By number, GRUB 2's place, id, or title; -1: there is none such. */
int grub_menu_find(const struct grub_menu *m, const char *name);
/* The last word of every parser: makes text fit to be shown; -ENOENT without entries, -E2BIG for
 * paths or arguments too long. */
int grub_menu_finish(struct grub_menu *m, struct fault *f);
/* Is it a menu that can boot this entry? */
static inline bool grub_entry_boots(const struct grub_entry *e)
{
	return e->kernel.path;
}
void grub_menu_free(struct grub_menu *m);

/* "(hd0,1)/x" is a file on a device, "/x" one on the given device.  NULL path: neither. */
struct grub_file grub_file_read(struct grub_arena *a, const char *word, const char *device);

/* The next line of a text, without its end, or NULL behind the last; *at goes forward.
 * The line is not terminated; *n is its length. */
const char *grub_line_next(const char **at, const char *end, size_t *n);

#endif
