/* A guest's disk made of a table of files, for the tests and fuzzers of menu parsers. */
#ifndef TESTS_UNIT_GRUB_VIEW_H
#define TESTS_UNIT_GRUB_VIEW_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "xend/grub_menu.h"

struct view_file {
	const char *device, *path, *text;
	size_t n;			/* 0: as long as a string */
};

struct view_disk {
	const struct view_file *file;	/* up to one without a path */
	const char *uuid, *label;	/* of the device "hd0,gpt2" */
};

static inline const struct view_file *view_find(const struct grub_view *v,
						const struct grub_file *file)
{
	const struct view_disk *d = v->ctx;
	const char *device = *file->device ? file->device : v->device;

	for (const struct view_file *f = d->file; f && f->path; f++)
		if (!strcmp(f->device, device) && !strcmp(f->path, file->path))
			return f;
	return NULL;
}

static inline size_t view_length(const struct view_file *f)
{
	return f->n ? f->n : strlen(f->text);
}

static inline int view_read(const struct grub_view *v, struct grub_arena *a,
			    const struct grub_file *file, const char **text, size_t *n)
{
	const struct view_file *f = view_find(v, file);

	if (!f)
		return -ENOENT;
	*n = view_length(f);
	*text = grub_copy(a, f->text, *n);
	return *text ? 0 : -ENOMEM;
}

static inline bool view_has(const struct grub_view *v, const struct grub_file *file, uint64_t *size)
{
	const struct view_file *f = view_find(v, file);

	*size = f ? view_length(f) : 0;
	return f;
}

static inline const char *view_search(const struct grub_view *v, enum grub_search by,
				      const char *what)
{
	const struct view_disk *d = v->ctx;

	if (by == GRUB_BY_UUID && d->uuid && !strcmp(d->uuid, what))
		return "hd0,gpt2";
	if (by == GRUB_BY_LABEL && d->label && !strcmp(d->label, what))
		return "hd0,gpt2";
	for (const struct view_file *f = d->file; by == GRUB_BY_FILE && f && f->path; f++)
		if (!strcmp(f->path, what))
			return f->device;
	return NULL;
}

static inline int view_list(const struct grub_view *v, struct grub_arena *a,
			    const struct grub_file *dir, const char *suffix, const char **name,
			    size_t max)
{
	const struct view_disk *d = v->ctx;
	size_t n = 0, length = strlen(dir->path);

	for (const struct view_file *f = d->file; f && f->path && n < max; f++)
		if (!strcmp(f->device, *dir->device ? dir->device : v->device) &&
		    !strncmp(f->path, dir->path, length) && f->path[length] == '/' &&
		    strlen(f->path) > length + 1 + strlen(suffix) &&
		    !strcmp(f->path + strlen(f->path) - strlen(suffix), suffix))
			name[n++] = f->path + length + 1;
	return (int)n;
}

/* The menu is on "hd0,gpt1", in /boot/grub. */
#define GRUB_VIEW(disk) {							\
	.read = view_read, .has = view_has, .search = view_search, .list = view_list,	\
	.device = "hd0,gpt1", .directory = "/boot/grub", .ctx = (disk),		\
}

#endif
