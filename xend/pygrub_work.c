/* The child's work: find, choose, copy. */
#include "xend/pygrub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xend/grub_boot.h"
#include "xend/grub_screen.h"
#include "xenstore/buf.h"
#include "xenstore/fdio.h"

#define CONFIG_MAX GRUB_TEXT_MAX

static int print(int fd, struct buf *text)
{
	int rc = text->failed ? -ENOMEM : fdio_write(fd, text->data, text->len);

	buf_free(text);
	return rc;
}

/* ------------------------------------------------------------------- lists */

static void list_entry(struct buf *out, const struct grub_entry *e)
{
	buf_printf(out, "title: %s\n", e->title);
	buf_printf(out, "  root: %s\n", *e->root ? e->root : "None");
	buf_printf(out, "  kernel: %s\n", e->kernel.path ? e->kernel.path : "None");
	buf_printf(out, "  args: %s\n", e->args);
	if (!e->initrds)
		buf_add_string(out, "  initrd: None\n");
	for (size_t i = 0; i < e->initrds; i++)
		buf_printf(out, "  initrd: %s\n", e->initrd[i].path);
}

static int list_print(const struct grub_menu *m, bool is_default_only)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < m->entries; i++)
		if (!is_default_only || i == m->chosen)
			list_entry(&out, m->entry[i]);
	return print(STDOUT_FILENO, &out);
}

static int config_read(const struct pygrub_task *t, struct grub_boot *b, struct fault *f)
{
	const struct grub_disk file = { .read = grub_disk_read_fd, .fd = t->fd, .size = t->size };
	struct grub_arena arena = { 0 };
	char *text = t->size <= CONFIG_MAX ? grub_alloc(&arena, t->size + 1) : NULL;
	int rc;

	if (!text)
		return fault_set(f, EFBIG, "%s is too large for a menu", t->disk);
	rc = grub_disk_read(&file, 0, text, t->size);
	if (rc < 0)
		fault_errno(f, -rc, "Unable to read %s", t->disk);
	else
		rc = grub_boot_read_text(b, t->disk, text, t->size, f);
	grub_arena_free(&arena);
	return rc;
}

/* ------------------------------------------------------------------ choice */

static int choose_named(const struct grub_menu *m, const char *name, struct fault *f)
{
	int i = grub_menu_find(m, name);

	if (i < 0) {
		fault_set(f, ENOENT, "The menu has no entry '%s'", name);
		fault_hint(f, "It has %zu entries, from 0; -l lists them.", m->entries);
		return -ENOENT;
	}
	return i;
}

static int choose(const struct pygrub_task *t, struct grub_boot *b, struct fault *f)
{
	struct grub_screen s = {
		.in = STDIN_FILENO, .out = STDOUT_FILENO, .rows = t->rows, .columns = t->columns,
	};
	char heading[256];
	int i = (int)b->menu.chosen;

	if (t->entry) {
		i = choose_named(&b->menu, t->entry, f);
	} else if (t->is_menu) {
		snprintf(heading, sizeof heading, "Boot menu of %s: %s (%s)", t->disk,
			 b->menu_path, b->menu_kind);
		s.heading = heading;
		i = grub_screen_choose(&s, &b->menu);
		if (i == -ECANCELED)
			fault_set(f, ECANCELED, "No kernel image selected!");
		else if (i < 0)
			fault_set(f, -i, "The terminal is gone");
	}
	if (i >= 0 && !grub_entry_boots(b->menu.entry[i])) {
		fault_set(f, ENOEXEC, "The entry '%s' names no Linux kernel",
			  b->menu.entry[i]->title);
		fault_hint(f, "Choose another one with --entry; -l lists them.");
		return -ENOEXEC;
	}
	return i;
}

/* --kernel, --ramdisk and --args: with a kernel there is no menu; else they add to the entry. */
static int apply_named(const struct pygrub_task *t, struct grub_menu *m, struct grub_entry *e,
		       struct fault *f)
{
	size_t n = strlen(e->args), more = t->args ? strlen(t->args) : 0;
	char *args = grub_alloc(&m->arena, n + more + 2);

	if (!args)
		return fault_set(f, ENOMEM, "Out of memory");
	memcpy(args, e->args, n);
	if (n && more)
		args[n++] = ' ';
	if (more)
		memcpy(args + n, t->args, more);
	e->args = args;
	if (t->kernel)
		e->kernel = grub_file_read(&m->arena, t->kernel, "");
	if (t->ramdisk) {
		e->initrd[0] = grub_file_read(&m->arena, t->ramdisk, "");
		e->initrds = 1;
	}
	if (!e->kernel.path || (t->ramdisk && !e->initrd[0].path))
		return fault_set(f, EINVAL, "Paths on the guest's disk begin with a slash");
	return 0;
}

static int entry_find(const struct pygrub_task *t, struct grub_boot *b, struct grub_entry **out,
		      struct fault *f)
{
	int i;

	if (t->kernel) {
		*out = grub_menu_add(&b->menu);
		return *out ? 0 : fault_set(f, ENOMEM, "Out of memory");
	}
	i = grub_boot_read(b, f);
	if (i == 0)
		i = choose(t, b, f);
	if (i >= 0)
		*out = b->menu.entry[i];
	return i < 0 ? i : 0;
}

/* ------------------------------------------------------------------- files */

/* Initial RAM disks one behind the other, each from a multiple of 4 on: the kernel reads cpio
 * archives so (Documentation/driver-api/early-userspace/buffer-format.rst). */
static int copy_initrds(const struct pygrub_task *t, struct grub_boot *b,
			const struct grub_entry *e, struct fault *f)
{
	uint64_t done = 0;
	int rc = 0;

	for (size_t i = 0; i < e->initrds && rc == 0; i++) {
		done = (done + 3) & ~3ULL;
		rc = grub_boot_copy(b, &e->initrd[i], t->ramdisk_fd, &done, PYGRUB_RAMDISK_MAX, f);
	}
	return rc;
}

static int copy_files(const struct pygrub_task *t, struct grub_boot *b, const struct grub_entry *e,
		      struct fault *f)
{
	uint64_t done = 0;
	int rc = grub_boot_copy(b, &e->kernel, t->kernel_fd, &done, PYGRUB_KERNEL_MAX, f);

	return rc == 0 ? copy_initrds(t, b, e, f) : rc;
}

/* Nothing is copied, but all of it must be there. */
static int check_files(struct grub_boot *b, const struct grub_entry *e, struct fault *f)
{
	struct grub_node node;
	struct grub_fs *fs;
	int rc = grub_boot_find(b, &e->kernel, &fs, &node, f);

	for (size_t i = 0; i < e->initrds && rc == 0; i++)
		rc = grub_boot_find(b, &e->initrd[i], &fs, &node, f);
	return rc;
}

static int answer_fill(struct pygrub_answer *a, const struct grub_entry *e, struct fault *f)
{
	const char *ramdisk = e->initrds ? e->initrd[0].path : "";

	if (strlen(e->kernel.path) >= sizeof a->kernel || strlen(ramdisk) >= sizeof a->ramdisk ||
	    strlen(e->args) >= sizeof a->args)
		return fault_set(f, E2BIG, "A path or the command line is too long");
	strcpy(a->kernel, e->kernel.path);
	strcpy(a->ramdisk, ramdisk);
	strcpy(a->args, e->args);
	a->has_ramdisk = e->initrds > 0;
	return 0;
}

static void debug(const struct pygrub_task *t, const struct grub_boot *b)
{
	struct buf out = { 0 };

	if (!t->is_debug)
		return;
	for (size_t i = 0; i < b->volumes; i++)
		buf_printf(&out, "%s: ext file system, %llu KiB from byte %llu\n",
			   b->volume[i].device, (unsigned long long)b->volume[i].part.size >> 10,
			   (unsigned long long)b->volume[i].part.start);
	if (b->menu_path)
		buf_printf(&out, "Using %s (%s) on %s\n", b->menu_path, b->menu_kind,
			   b->volume[b->home].device);
	print(STDERR_FILENO, &out);
}

static int boot(const struct pygrub_task *t, struct grub_boot *b, struct pygrub_answer *a)
{
	struct fault *f = &a->fault;
	struct grub_entry *e = NULL;
	int rc;

	if (t->is_list) {
		rc = grub_boot_read(b, f);
		debug(t, b);
		a->is_printed = true;
		return rc == 0 ? list_print(&b->menu, false) : rc;
	}
	rc = entry_find(t, b, &e, f);
	debug(t, b);
	if (rc == 0)
		rc = apply_named(t, &b->menu, e, f);
	if (rc == 0)
		rc = answer_fill(a, e, f);
	if (rc == 0)
		rc = t->is_dry ? check_files(b, e, f) : copy_files(t, b, e, f);
	return rc;
}

void pygrub_work(const struct pygrub_task *t, struct pygrub_answer *a)
{
	const struct grub_disk disk = { .read = grub_disk_read_fd, .fd = t->fd, .size = t->size };
	struct grub_boot b = { 0 };
	int rc;

	if (t->is_config) {
		rc = config_read(t, &b, &a->fault);
		a->is_printed = true;
		if (rc == 0)
			rc = list_print(&b.menu, true);
	} else {
		rc = grub_boot_open(&b, &disk, t->offset, &a->fault);
		if (rc == 0)
			rc = boot(t, &b, a);
	}
	if (rc < 0)
		fault_errno(&a->fault, -rc, "Unable to find what to boot");
	grub_boot_free(&b);
	a->magic = PYGRUB_ANSWER;
}
