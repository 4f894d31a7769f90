/* GRUB legacy's menu.lst or grub.conf (GRUB 0.97 manual, chapters 13 and "default"). */
#include "xend/grub_menu.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct legacy {
	struct grub_menu *menu;
	const struct grub_view *view;
	struct grub_entry *entry;	/* the last title's, or NULL */
	const char *root;		/* device of paths without one */
	const char *choice, *fallback;	/* what `default` and `fallback` said; NULL: nothing */
	bool has_modules;
	int rc;
};

/* The manual's "(hd0,0)" counts partitions from 0; "hd0,1" is what all else here calls it. */
static const char *device_read(struct legacy *l, const char *word, const char **behind)
{
	const char *comma, *end = *word == '(' ? strchr(word, ')') : NULL;
	char text[64];

	if (!end)
		return NULL;
	*behind = end + 1;
	comma = memchr(word, ',', (size_t)(end - word));
	if (comma && isdigit((unsigned char)comma[1]))
		snprintf(text, sizeof text, "%.*s,%lu", (int)(comma - word - 1 > 32 ? 32 :
			 comma - word - 1), word + 1, strtoul(comma + 1, NULL, 10) % 1000 + 1);
	else
		snprintf(text, sizeof text, "%.*s", (int)(end - word - 1 > 60 ? 60 :
			 end - word - 1), word + 1);
	return grub_copy(&l->menu->arena, text, strlen(text));
}

static struct grub_file file_read(struct legacy *l, const char *word)
{
	struct grub_file file = { .device = l->root, .path = word };

	if (*word == '(')
		file.device = device_read(l, word, &file.path);
	if (!file.device || *file.path != '/')
		file = (struct grub_file){ 0 };
	return file;
}

/* Cuts the first word off; the rest, behind blanks. */
static char *word_cut(char *text)
{
	char *p = text + strcspn(text, " \t");

	if (*p)
		*p++ = '\0';
	return p + strspn(p, " \t");
}

/* Behind options such as --type=linux. */
static char *options_skip(char *text)
{
	while (!strncmp(text, "--", 2))
		text = text + strcspn(text, " \t") + strspn(text + strcspn(text, " \t"), " \t");
	return text;
}

/* --------------------------------------------------------------- commands */

static void on_default(struct legacy *l, char *rest)
{
	l->choice = rest;
}

static void on_fallback(struct legacy *l, char *rest)
{
	l->fallback = rest;
}

static void on_timeout(struct legacy *l, char *rest)
{
	long value = strtol(rest, NULL, 10);

	l->menu->timeout_s = value < 0 ? GRUB_WAIT_FOR_EVER : value > 3600 ? 3600 : (int)value;
}

static void on_title(struct legacy *l, char *rest)
{
	l->entry = grub_menu_add(l->menu);
	l->has_modules = false;
	l->root = "";
	if (l->entry)
		l->entry->title = rest;
	else
		l->rc = -E2BIG;
}

static void on_root(struct legacy *l, char *rest)
{
	const char *behind, *device = device_read(l, rest, &behind);

	if (!device)
		return;
	l->root = device;
	if (l->entry)
		l->entry->root = device;
}

static void on_uuid(struct legacy *l, char *rest)
{
	const char *device = l->view->search(l->view, GRUB_BY_UUID, rest);

	if (device)
		l->root = device;
}

static void on_kernel(struct legacy *l, char *rest)
{
	if (!l->entry)
		return;
	rest = options_skip(rest);
	l->entry->args = word_cut(rest);
	l->entry->kernel = file_read(l, rest);
	l->entry->initrds = 0;
	l->has_modules = false;
}

static void initrd_add(struct legacy *l, char *path)
{
	struct grub_file file;

	word_cut(path);
	file = file_read(l, path);
	if (file.path && l->entry->initrds < GRUB_INITRDS_MAX)
		l->entry->initrd[l->entry->initrds++] = file;
}

static void on_initrd(struct legacy *l, char *rest)
{
	if (!l->entry)
		return;
	l->entry->initrds = 0;
	initrd_add(l, options_skip(rest));
}

/* Behind Xen's own image come the domain 0 kernel, which is the one to boot, and its initrd. */
static void on_module(struct legacy *l, char *rest)
{
	bool is_first = !l->has_modules;

	if (!l->entry)
		return;
	if (is_first)
		on_kernel(l, rest);
	else
		initrd_add(l, options_skip(rest));
	l->has_modules = true;
}

static const struct {
	const char *name;
	void (*run)(struct legacy *l, char *rest);
} commands[] = {
	{ "default", on_default }, { "fallback", on_fallback }, { "timeout", on_timeout },
	{ "title", on_title }, { "root", on_root }, { "rootnoverify", on_root },
	{ "uuid", on_uuid }, { "kernel", on_kernel }, { "initrd", on_initrd },
	{ "module", on_module }, { "modulenounzip", on_module },
};

/* `command rest`, `command=rest`; comments have # in the first column. */
static void line_run(struct legacy *l, const char *line, size_t n)
{
	char *text = grub_copy_line(&l->menu->arena, line, n), *rest;
	size_t name;

	if (!text) {
		l->rc = -ENOMEM;
		return;
	}
	name = strcspn(text, " \t=");
	if (*text == '#' || !name)
		return;
	rest = text + name + strspn(text + name, " \t=");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strlen(commands[i].name) == name && !strncasecmp(text, commands[i].name, name))
			commands[i].run(l, rest);
}

/* `default saved`: the number stands in a file beside the menu. */
static const char *saved_read(struct legacy *l)
{
	char path[GRUB_PATH_MAX];
	struct grub_file file = { .device = l->view->device, .path = path };
	const char *text;
	size_t n;

	snprintf(path, sizeof path, "%s/default", l->view->directory);
	return l->view->read(l->view, &l->menu->arena, &file, &text, &n) < 0 ? "0" : text;
}

static int number_read(const struct legacy *l, const char *text)
{
	char *end;
	long n = text ? strtol(text, &end, 10) : -1;

	return text && end != text && n >= 0 && (size_t)n < l->menu->entries ? (int)n : -1;
}

static void choose(struct legacy *l)
{
	int n;

	if (l->choice && !strncmp(l->choice, "saved", 5))
		l->choice = saved_read(l);
	n = number_read(l, l->choice);
	if (n < 0)
		n = number_read(l, l->fallback);
	l->menu->chosen = n < 0 ? 0 : (size_t)n;
}

int grub_legacy_parse(struct grub_menu *m, const struct grub_view *v, const char *text, size_t n,
		      struct fault *f)
{
	struct legacy l = { .menu = m, .view = v, .root = "" };
	const char *at = text, *end = text + n, *line;

	m->timeout_s = GRUB_WAIT_FOR_EVER;
	while (l.rc == 0 && (line = grub_line_next(&at, end, &n)))
		line_run(&l, line, n);
	if (l.rc < 0)
		return fault_set(f, -l.rc, "The menu has too many entries or is too large");
	choose(&l);
	return grub_menu_finish(m, f);
}
