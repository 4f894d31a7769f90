/* Finding the menu, and what it names. */
#include "xend/grub_boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kind {
	const char *name;
	grub_parse_fn *parse;
	const char *const *path;	/* where it is, the first that is there */
};

static const char *const cfg_paths[] = {
	"/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg", "/grub2/grub.cfg", NULL,
};

static const char *const legacy_paths[] = {
	"/boot/grub/menu.lst", "/boot/grub/grub.conf", "/grub/menu.lst", "/grub/grub.conf", NULL,
};

static const char *const syslinux_paths[] = {
	"/boot/extlinux/extlinux.conf", "/extlinux/extlinux.conf", "/boot/extlinux.conf",
	"/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/syslinux/syslinux.cfg",
	"/syslinux.cfg", "/boot/isolinux/isolinux.cfg", "/isolinux/isolinux.cfg", NULL,
};

/* A disk with several has its newest menu first. */
static const struct kind kinds[] = {
	{ "GRUB 2", grub_cfg_parse, cfg_paths },
	{ "GRUB legacy", grub_legacy_parse, legacy_paths },
	{ "extlinux", grub_syslinux_parse, syslinux_paths },
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* ------------------------------------------------------------------- open */

static void volume_add(struct grub_boot *b, const struct grub_part *p)
{
	static const char *const table[] = { [GRUB_MBR] = "msdos", [GRUB_GPT] = "gpt" };
	struct grub_volume *v = &b->volume[b->volumes];

	if (b->volumes >= GRUB_PARTS_MAX || grub_fs_open(&v->fs, b->disk, p) < 0)
		return;
	v->part = *p;
	if (p->table == GRUB_WHOLE)
		snprintf(v->device, sizeof v->device, "hd0");
	else
		snprintf(v->device, sizeof v->device, "hd0,%s%u", table[p->table], p->number);
	b->volumes++;
}

/* Why no file system was found: what there is instead. */
static int open_refuse(struct grub_boot *b, const struct grub_part *part, size_t n,
		       struct fault *f)
{
	char found[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		const char *guess = grub_fs_guess(b->disk, &part[i]);

		if (guess && used < sizeof found)
			used += (size_t)snprintf(found + used, sizeof found - used, "%s%s %s on "
						 "partition %u", used ? ", " : "", used ? "" :
						 "there is", guess, part[i].number);
	}
	fault_set(f, ENOENT, "No ext2, ext3 or ext4 file system was found on the disk%s%s",
		  used ? ": " : "", found);
	fault_hint(f, "Let the guest boot itself, with GRUB's image for Xen as its kernel=, or name "
		   "kernel= and ramdisk= files of the host (pygrub(8)).");
	return -ENOENT;
}

int grub_boot_open(struct grub_boot *b, const struct grub_disk *d, uint64_t offset, struct fault *f)
{
	struct grub_part part[GRUB_PARTS_MAX];
	int n;

	*b = (struct grub_boot){ .disk = d };
	if (offset == GRUB_ANYWHERE) {
		n = grub_disk_scan(d, part, GRUB_PARTS_MAX);
		if (n < 0)
			return fault_errno(f, -n, "Unable to read the disk");
	} else {
		if (offset >= d->size)
			return fault_set(f, ERANGE, "The disk has only %llu bytes",
					 (unsigned long long)d->size);
		part[0] = (struct grub_part){ .start = offset, .size = d->size - offset };
		n = 1;
	}
	for (int active = 1; active >= 0; active--)
		for (int i = 0; i < n; i++)
			if (part[i].is_active == active)
				volume_add(b, &part[i]);
	return b->volumes ? 0 : open_refuse(b, part, (size_t)n, f);
}

void grub_boot_free(struct grub_boot *b)
{
	for (size_t i = 0; i < b->volumes; i++)
		grub_fs_close(b->volume[i].fs);
	b->volumes = 0;
	grub_menu_free(&b->menu);
}

/* ------------------------------------------------------------------ files */

/* "hd0,msdos1", "(hd0,1)", "ahci0,gpt2": the table's and the disk's names don't matter, for
 * there is one disk; but hd1 is another. */
static struct grub_volume *volume_find(struct grub_boot *b, const char *device)
{
	const char *number;
	unsigned long n;

	device += *device == '(';
	if (!strncmp(device, "hd", 2) && device[2] >= '1' && device[2] <= '9')
		return NULL;
	number = strchr(device, ',');
	if (number)
		number += strcspn(number, "0123456789");
	n = number ? strtoul(number, NULL, 10) : 0;
	for (size_t i = 0; i < b->volumes && *device; i++)
		if (b->volume[i].part.number == n)
			return &b->volume[i];
	return NULL;
}

static int volume_has(struct grub_volume *v, const char *path, struct grub_node *node)
{
	int rc = v ? grub_fs_find(v->fs, path, node) : -ENOENT;

	return rc < 0 || !node->is_file ? -ENOENT : 0;
}

/* NULL: nowhere. */
static struct grub_volume *file_find(struct grub_boot *b, const struct grub_file *file,
				     struct grub_node *node)
{
	struct grub_volume *v = volume_find(b, file->device);

	if (volume_has(v, file->path, node) == 0)
		return v;
	for (size_t i = b->home; i < b->volumes && (i == b->home || !b->menu_path); i++)
		if (volume_has(&b->volume[i], file->path, node) == 0)
			return &b->volume[i];
	return NULL;
}

int grub_boot_find(struct grub_boot *b, const struct grub_file *file, struct grub_fs **fs,
		   struct grub_node *node, struct fault *f)
{
	struct grub_volume *v = file_find(b, file, node);

	if (!v)
		return fault_set(f, ENOENT, "The guest's disk has no file %s%s%s%s", file->path,
				 *file->device ? " (looked for on " : "", file->device,
				 *file->device ? ")" : "");
	*fs = v->fs;
	return 0;
}

struct text {
	char *data;
	size_t n, room;
};

static int text_take(void *ctx, const void *data, size_t n)
{
	struct text *t = ctx;

	if (n > t->room - t->n)
		return -EFBIG;
	memcpy(t->data + t->n, data, n);
	t->n += n;
	return 0;
}

static int text_read(struct grub_fs *fs, const struct grub_node *node, struct grub_arena *a,
		     const char **text, size_t *n)
{
	struct text t = { .room = node->size };
	int rc;

	if (node->size > GRUB_TEXT_MAX)
		return -EFBIG;
	t.data = grub_alloc(a, t.room + 1);
	if (!t.data)
		return -ENOMEM;
	rc = grub_fs_read(fs, node, text_take, &t);
	*text = t.data;
	*n = t.n;
	return rc;
}

struct output {
	int fd;
	uint64_t *done, max;
};

static int output_take(void *ctx, const void *data, size_t n)
{
	struct output *o = ctx;

	if (n > o->max - *o->done)
		return -EFBIG;
	for (size_t at = 0; at < n;) {
		ssize_t wrote = pwrite(o->fd, (const char *)data + at, n - at, (off_t)*o->done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote ? -errno : -ENOSPC;
		at += (size_t)wrote;
		*o->done += (uint64_t)wrote;
	}
	return 0;
}

int grub_boot_copy(struct grub_boot *b, const struct grub_file *file, int to, uint64_t *done,
		   uint64_t max, struct fault *f)
{
	struct output o = { .fd = to, .done = done, .max = max };
	struct grub_node node;
	struct grub_fs *fs;
	int rc = grub_boot_find(b, file, &fs, &node, f);

	if (rc < 0)
		return rc;
	if (!node.size)
		return fault_set(f, ENODATA, "%s on the guest's disk is empty", file->path);
	rc = *done > max || node.size > max - *done ? -EFBIG : grub_fs_read(fs, &node, output_take, &o);
	if (rc == -EFBIG)
		return fault_set(f, EFBIG, "%s on the guest's disk is larger than %llu MiB",
				 file->path, (unsigned long long)max >> 20);
	if (rc == -EIO || rc == -ENODATA)
		return fault_set(f, EIO, "%s on the guest's disk is damaged", file->path);
	return rc < 0 ? fault_errno(f, -rc, "Unable to copy %s", file->path) : 0;
}

/* ------------------------------------------------------------------- view */

static int view_read(const struct grub_view *v, struct grub_arena *a, const struct grub_file *file,
		     const char **text, size_t *n)
{
	struct grub_boot *b = v->ctx;
	struct grub_node node;
	struct grub_volume *volume = file_find(b, file, &node);

	return volume ? text_read(volume->fs, &node, a, text, n) : -ENOENT;
}

static bool view_has(const struct grub_view *v, const struct grub_file *file, uint64_t *size)
{
	struct grub_boot *b = v->ctx;
	struct grub_node node;

	if (!file_find(b, file, &node))
		return false;
	*size = node.size;
	return true;
}

struct names {
	struct grub_arena *arena;
	const char **name;
	size_t n;
};

static int names_take(void *ctx, const void *name, size_t n)
{
	struct names *names = ctx;

	names->name[names->n] = grub_copy(names->arena, name, n);
	return names->name[names->n++] ? 0 : -ENOMEM;
}

static int view_list(const struct grub_view *v, struct grub_arena *a, const struct grub_file *dir,
		     const char *suffix, const char **name, size_t max)
{
	struct grub_boot *b = v->ctx;
	struct names names = { .arena = a, .name = name };
	struct grub_volume *volume = volume_find(b, dir->device);
	int rc;

	if (!volume && b->home < b->volumes)
		volume = &b->volume[b->home];
	if (!volume)
		return -ENOENT;
	rc = grub_fs_list(volume->fs, dir->path, suffix, max, names_take, &names);
	return rc < 0 ? rc : (int)names.n;
}

static const char *view_search(const struct grub_view *v, enum grub_search by, const char *what)
{
	struct grub_boot *b = v->ctx;
	char uuid[GRUB_UUID_TEXT], label[GRUB_LABEL_TEXT];
	struct grub_node node;

	for (size_t i = 0; i < b->volumes; i++) {
		struct grub_volume *volume = &b->volume[i];

		grub_fs_uuid(volume->fs, uuid);
		grub_fs_label(volume->fs, label);
		if ((by == GRUB_BY_UUID && !strcmp(uuid, what)) ||
		    (by == GRUB_BY_LABEL && !strcmp(label, what)) ||
		    (by == GRUB_BY_FILE && volume_has(volume, what, &node) == 0))
			return volume->device;
	}
	return NULL;
}

/* ------------------------------------------------------------------- menu */

static int menu_parse(struct grub_boot *b, const struct kind *kind, const char *device,
		      const char *text, size_t n, struct fault *f)
{
	char directory[GRUB_PATH_MAX];
	char *slash;
	struct grub_view view = {
		.read = view_read, .has = view_has, .search = view_search, .list = view_list,
		.device = device, .directory = directory, .ctx = b,
	};

	snprintf(directory, sizeof directory, "%s", b->menu_path);
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	b->menu_kind = kind->name;
	return kind->parse(&b->menu, &view, text, n, f);
}

static int menu_read(struct grub_boot *b, const struct kind *kind, const struct grub_node *node,
		     struct fault *f)
{
	struct grub_volume *v = &b->volume[b->home];
	const char *text;
	size_t n;
	int rc = text_read(v->fs, node, &b->menu.arena, &text, &n);

	if (rc == -EFBIG)
		return fault_set(f, EFBIG, "%s on the guest's disk is larger than %d KiB",
				 b->menu_path, GRUB_TEXT_MAX >> 10);
	if (rc < 0)
		return fault_set(f, EIO, "%s on the guest's disk is damaged", b->menu_path);
	return menu_parse(b, kind, v->device, text, n, f);
}

int grub_boot_read(struct grub_boot *b, struct fault *f)
{
	struct grub_node node;

	for (b->home = 0; b->home < b->volumes; b->home++) {
		for (size_t k = 0; k < KINDS; k++) {
			for (const char *const *path = kinds[k].path; *path; path++) {
				if (volume_has(&b->volume[b->home], *path, &node) < 0)
					continue;
				b->menu_path = *path;
				return menu_read(b, &kinds[k], &node, f);
			}
		}
	}
	b->home = 0;
	fault_set(f, ENOENT, "No boot menu was found on the guest's disk (%zu file system%s "
		  "searched)", b->volumes, b->volumes == 1 ? "" : "s");
	fault_hint(f, "GRUB 2, GRUB legacy and extlinux menus are known, at their usual places; or "
		   "name the files: bootargs = \"--kernel=/boot/vmlinuz --ramdisk=/boot/initrd\".");
	return -ENOENT;
}

/* By its name's end; else by words that only one kind has. */
static const struct kind *kind_guess(const char *name, const char *data, size_t n)
{
	for (size_t k = 0; k < KINDS; k++) {
		for (const char *const *path = kinds[k].path; *path; path++) {
			const char *base = strrchr(*path, '/');
			size_t tail = strlen(base + 1), length = strlen(name);

			if (length >= tail && !strcmp(name + length - tail, base + 1))
				return &kinds[k];
		}
	}
	if (memmem(data, n, "menuentry", 9))
		return &kinds[0];
	if (memmem(data, n, "title", 5))
		return &kinds[1];
	return &kinds[2];
}

int grub_boot_read_text(struct grub_boot *b, const char *name, const char *data, size_t n,
			struct fault *f)
{
	*b = (struct grub_boot){ .menu_path = name };
	return menu_parse(b, kind_guess(name, data, n), "hd0", data, n, f);
}
