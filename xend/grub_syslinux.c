/* SYSLINUX, EXTLINUX and ISOLINUX menus (the Syslinux project's wiki: "Config" and "Menu"). */
#include "xend/grub_menu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INCLUDES_MAX 32			/* files in all, and in each other */

struct syslinux {
	struct grub_menu *menu;
	const struct grub_view *view;
	struct grub_entry *entry;	/* the last label's, or NULL */
	const char *choice;		/* DEFAULT */
	const char *args;		/* the APPEND for labels without one */
	bool has_menu_default;
	bool is_help;			/* between TEXT HELP and ENDTEXT */
	unsigned includes;
	int rc;
};

static void text_run(struct syslinux *l, const char *text, size_t n);

/* Relative paths begin where the menu is. */
static struct grub_file file_read(struct syslinux *l, const char *word)
{
	struct grub_file file = { .device = "", .path = word };
	char path[GRUB_PATH_MAX];

	if (*word == '/' || !*word)
		return *word ? file : (struct grub_file){ 0 };
	snprintf(path, sizeof path, "%s/%s", l->view->directory, word);
	file.path = grub_copy(&l->menu->arena, path, strlen(path));
	return file;
}

static void on_default(struct syslinux *l, char *rest)
{
	l->choice = rest;
}

/* Tenths of a second; 0 waits for ever. */
static void on_timeout(struct syslinux *l, char *rest)
{
	long value = strtol(rest, NULL, 10);

	l->menu->timeout_s = value <= 0 ? GRUB_WAIT_FOR_EVER :
			     value > 36000 ? 3600 : (int)((value + 9) / 10);
}

static void on_label(struct syslinux *l, char *rest)
{
	l->entry = grub_menu_add(l->menu);
	if (!l->entry) {
		l->rc = -E2BIG;
		return;
	}
	l->entry->id = l->entry->title = rest;
	l->entry->args = l->args;
}

static void on_kernel(struct syslinux *l, char *rest)
{
	if (!l->entry)
		return;
	rest[strcspn(rest, " \t")] = '\0';
	l->entry->kernel = file_read(l, rest);
}

/* A menu module or a chain loader is no kernel. */
static void on_other(struct syslinux *l, char *rest)
{
	if (l->entry)
		l->entry->kernel = (struct grub_file){ 0 };
}

static void on_initrd(struct syslinux *l, char *rest)
{
	char *save = NULL;

	if (!l->entry)
		return;
	l->entry->initrds = 0;
	for (char *p = strtok_r(rest, ", \t", &save); p; p = strtok_r(NULL, ", \t", &save)) {
		struct grub_file file = file_read(l, p);

		if (file.path && l->entry->initrds < GRUB_INITRDS_MAX)
			l->entry->initrd[l->entry->initrds++] = file;
	}
}

/* `initrd=` among the arguments is for the loader, `-` stands for no arguments at all. */
static void on_append(struct syslinux *l, char *rest)
{
	char *from = strncmp(rest, "initrd=", 7) ? strstr(rest, " initrd=") : rest, *end, *copy;

	if (!strcmp(rest, "-"))
		*rest = '\0';
	if (from && l->entry) {
		from += *from == ' ';
		end = from + strcspn(from, " \t");
		copy = grub_copy(&l->menu->arena, from + 7, (size_t)(end - from - 7));
		if (copy)
			on_initrd(l, copy);
		end += strspn(end, " \t");
		memmove(from, end, strlen(end) + 1);
		for (size_t n = strlen(rest); n && rest[n - 1] == ' '; n--)
			rest[n - 1] = '\0';
	}
	if (l->entry)
		l->entry->args = rest;
	else
		l->args = rest;
}

static void on_include(struct syslinux *l, char *rest)
{
	struct grub_file file;
	const char *text;
	size_t n;

	rest[strcspn(rest, " \t")] = '\0';
	file = file_read(l, rest);
	if (!file.path || l->view->read(l->view, &l->menu->arena, &file, &text, &n) < 0)
		return;
	if (l->includes++ >= INCLUDES_MAX)
		l->rc = -ELOOP;
	else
		text_run(l, text, n);
}

/* In a label a circumflex marks the key that chooses it. */
static void menu_label(struct syslinux *l, char *rest)
{
	char *mark = strchr(rest, '^');

	if (!l->entry)
		return;
	if (mark)
		memmove(mark, mark + 1, strlen(mark));
	l->entry->title = rest;
}

static void menu_default(struct syslinux *l, char *rest)
{
	if (!l->entry)
		return;
	l->menu->chosen = l->menu->entries - 1;
	l->has_menu_default = true;
}

static void on_text(struct syslinux *l, char *rest)
{
	l->is_help = !strncasecmp(rest, "help", 4);
}

struct command {
	const char *name;
	void (*run)(struct syslinux *l, char *rest);
};

static const struct command menu_commands[] = {
	{ "label", menu_label }, { "default", menu_default }, { "include", on_include }, { 0 },
};

static void on_menu(struct syslinux *l, char *rest);

static const struct command commands[] = {
	{ "default", on_default }, { "timeout", on_timeout }, { "label", on_label },
	{ "kernel", on_kernel }, { "linux", on_kernel }, { "initrd", on_initrd },
	{ "append", on_append }, { "include", on_include }, { "menu", on_menu },
	{ "text", on_text }, { "com32", on_other }, { "boot", on_other }, { "bss", on_other },
	{ "pxe", on_other }, { "fdimage", on_other }, { "localboot", on_other }, { 0 },
};

static void command_run(struct syslinux *l, const struct command *table, char *text)
{
	size_t name = strcspn(text, " \t");
	char *rest = text + name + strspn(text + name, " \t");

	for (; table->name; table++) {
		if (strlen(table->name) == name && !strncasecmp(text, table->name, name)) {
			table->run(l, rest);
			return;
		}
	}
}

static void on_menu(struct syslinux *l, char *rest)
{
	command_run(l, menu_commands, rest);
}

static void line_run(struct syslinux *l, const char *line, size_t n)
{
	char *text = grub_copy_line(&l->menu->arena, line, n);

	if (!text) {
		l->rc = -ENOMEM;
		return;
	}
	if (l->is_help)
		l->is_help = strncasecmp(text, "endtext", 7);
	else if (*text && *text != '#')
		command_run(l, commands, text);
}

static void text_run(struct syslinux *l, const char *text, size_t n)
{
	const char *at = text, *end = text + n, *line;

	while (l->rc == 0 && (line = grub_line_next(&at, end, &n)))
		line_run(l, line, n);
}

/* DEFAULT names a label, and may have arguments of its own behind it. */
static void choose(struct syslinux *l)
{
	const struct grub_menu *m = l->menu;
	size_t n = l->choice ? strcspn(l->choice, " \t") : 0;

	for (size_t i = 0; i < m->entries && n && !l->has_menu_default; i++) {
		if (strlen(m->entry[i]->id) == n && !strncmp(m->entry[i]->id, l->choice, n)) {
			l->menu->chosen = i;
			return;
		}
	}
}

int grub_syslinux_parse(struct grub_menu *m, const struct grub_view *v, const char *text, size_t n,
			struct fault *f)
{
	struct syslinux l = { .menu = m, .view = v, .args = "" };

	m->timeout_s = GRUB_WAIT_FOR_EVER;
	text_run(&l, text, n);
	if (l.rc == -ELOOP)
		return fault_set(f, ELOOP, "The menu includes too many files");
	if (l.rc < 0)
		return fault_set(f, -l.rc, "The menu has too many entries or is too large");
	choose(&l);
	return grub_menu_finish(m, f);
}
