/* Boot Loader Specification entries. */
#include "xend/grub_bls.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".conf"

/* Newest first, as their names' numbers tell. */
static int by_version(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strverscmp(*y, *x);
}

/* $name and ${name} are GRUB's variables: early Fedora kept the kernel's options in one. */
static const char *expand(struct script *s, const char *text)
{
	char out[SCRIPT_WORD_MAX], name[64];
	size_t n = 0;

	while (*text && n + 1 < sizeof out) {
		const char *value, *p = text + 1 + (text[1] == '{');
		size_t length = 0;

		while (isalnum((unsigned char)p[length]) || p[length] == '_')
			length++;
		if (*text != '$' || !length || length >= sizeof name) {
			out[n++] = *text++;
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)length, p);
		text = p + length;
		text += *text == '}';
		value = script_get(s, name);
		n += (size_t)snprintf(out + n, sizeof out - n, "%s", value ? value : "");
		if (n >= sizeof out)
			n = sizeof out - 1;
	}
	s->work += n;
	while (n && out[n - 1] == ' ')
		n--;
	return grub_copy(&s->menu->arena, out, n);
}

static struct grub_file file_of(struct script *s, const char *word)
{
	return grub_file_read(&s->menu->arena, word, script_get(s, "root") ?: "");
}

static void initrds_add(struct script *s, struct grub_entry *e, const char *value)
{
	const char *text = expand(s, value);
	char *copy = text ? grub_copy(&s->menu->arena, text, strlen(text)) : NULL, *save = NULL;

	for (char *p = copy ? strtok_r(copy, " \t", &save) : NULL; p; p = strtok_r(NULL, " \t", &save)) {
		struct grub_file file = file_of(s, p);

		if (file.path && e->initrds < GRUB_INITRDS_MAX)
			e->initrd[e->initrds++] = file;
	}
}

/* Options may stand on several lines. */
static void options_add(struct script *s, struct grub_entry *e, const char *value)
{
	const char *more = expand(s, value);
	size_t n = strlen(e->args), length = more ? strlen(more) : 0;
	char *text = grub_alloc(&s->menu->arena, n + length + 2);

	if (!text || !more)
		return;
	memcpy(text, e->args, n);
	if (n)
		text[n++] = ' ';
	memcpy(text + n, more, length);
	e->args = text;
}

/* `key value`, comments with #. */
static void line_take(struct script *s, struct grub_entry *e, const char *line, size_t n)
{
	char *text = grub_copy(&s->menu->arena, line, n), *value;

	if (!text)
		return;
	text += strspn(text, " \t");
	value = text + strcspn(text, " \t");
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	if (!strcmp(text, "title"))
		e->title = value;
	else if (!strcmp(text, "linux"))
		e->kernel = file_of(s, value);
	else if (!strcmp(text, "initrd"))
		initrds_add(s, e, value);
	else if (!strcmp(text, "options"))
		options_add(s, e, value);
}

static int entry_add(struct script *s, const struct grub_file *dir, const char *name)
{
	char path[GRUB_PATH_MAX];
	struct grub_file file = { .device = dir->device, .path = path };
	struct grub_entry *e;
	const char *text, *line;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", dir->path, name);
	if (s->view->read(s->view, &s->menu->arena, &file, &text, &n) < 0)
		return 0;		/* a directory, or damaged: the others serve */
	s->work += n;
	e = grub_menu_add(s->menu);
	if (!e || s->work > SCRIPT_WORK_MAX)
		return script_fail(s, E2BIG, "it has too many entries");
	e->id = grub_copy(&s->menu->arena, name, strlen(name) - strlen(SUFFIX));
	e->title = e->id;
	e->group = s->group;
	e->root = script_get(s, "root") ?: "";
	e->place = script_place_next(s);
	s->item[s->menu->entries - 1] = (struct script_item){ 0 };	/* nothing to run */
	for (const char *at = text, *end = text + n; (line = grub_line_next(&at, end, &n));)
		line_take(s, e, line, n);
	return e->id && e->place ? 0 : script_fail(s, E2BIG, "it needs too much memory");
}

int grub_bls_add(struct script *s)
{
	static const char *const places[] = { "/loader/entries", "/boot/loader/entries" };
	const char *name[GRUB_ENTRIES_MAX];
	struct grub_file dir = { .device = script_get(s, "root") ?: "" };
	int n = -ENOENT;

	for (size_t i = 0; n <= 0 && i < sizeof places / sizeof *places; i++) {
		dir.path = places[i];
		n = s->view->list(s->view, &s->menu->arena, &dir, SUFFIX, name, GRUB_ENTRIES_MAX);
	}
	if (n <= 0)
		return 1;
	qsort(name, (size_t)n, sizeof *name, by_version);
	for (int i = 0; i < n && !s->err; i++)
		entry_add(s, &dir, name[i]);
	return 0;
}
