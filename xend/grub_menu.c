/* Menus: their memory, and what all parsers need. */
#include "xend/grub_menu.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (64 * 1024)

struct grub_chunk {
	struct grub_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void *grub_alloc(struct grub_arena *a, size_t n)
{
	struct grub_chunk *c = a->chunks;
	size_t room = alignof(max_align_t);
	void *p;

	if (n > GRUB_ARENA_MAX)
		return NULL;
	n = (n + room - 1) / room * room;
	if (n > GRUB_ARENA_MAX - a->used)
		return NULL;
	if (!c || n > c->size - c->used) {
		size_t size = n > CHUNK ? n : CHUNK;

		c = calloc(1, sizeof *c + size);
		if (!c)
			return NULL;
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	return p;
}

char *grub_copy(struct grub_arena *a, const char *text, size_t n)
{
	char *copy = n < GRUB_ARENA_MAX ? grub_alloc(a, n + 1) : NULL;

	if (copy && n)
		memcpy(copy, text, n);
	return copy;
}

char *grub_copy_line(struct grub_arena *a, const char *line, size_t n)
{
	char *text = grub_copy(a, line, n);

	for (size_t i = text ? strlen(text) : 0; i && isspace((unsigned char)text[i - 1]); i--)
		text[i - 1] = '\0';
	return text ? text + strspn(text, " \t") : NULL;
}

/* How many bytes the character here has: 0 for what is no text, namely bytes below blank, DEL, the
 * controls of ISO 6429 (a terminal may take U+009B for Escape [), and what is not UTF-8. */
static size_t text_length(const unsigned char *p)
{
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* A copy fit to be shown: control characters, and what is not UTF-8, have become blanks. */
static const char *grub_clean(struct grub_arena *a, const char *text)
{
	char *copy = grub_copy(a, text, strlen(text));

	for (char *p = copy; p && *p;) {
		size_t n = text_length((const unsigned char *)p);

		if (!n)
			*p = ' ';
		p += n ? n : 1;
	}
	return copy;
}

void grub_arena_free(struct grub_arena *a)
{
	struct grub_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct grub_arena){ 0 };
}

struct grub_entry *grub_menu_add(struct grub_menu *m)
{
	struct grub_entry *e;

	if (m->entries >= GRUB_ENTRIES_MAX)
		return NULL;
	e = grub_alloc(&m->arena, sizeof *e);
	if (!e)
		return NULL;
	e->title = e->group = e->id = e->place = e->root = e->args = "";
	m->entry[m->entries++] = e;
	return e;
}

static int find_number(const struct grub_menu *m, const char *name)
{
	char *end;
	unsigned long n;

	if (*name < '0' || *name > '9')
		return -1;
	errno = 0;
	n = strtoul(name, &end, 10);
	return *end || errno || n >= m->entries ? -1 : (int)n;
}

int grub_menu_find(const struct grub_menu *m, const char *name)
{
	int n = find_number(m, name);

	if (n >= 0 || !*name)
		return n;
	for (size_t i = 0; i < m->entries; i++)
		if (!strcmp(m->entry[i]->id, name) || !strcmp(m->entry[i]->place, name))
			return (int)i;
	for (size_t i = 0; i < m->entries; i++)
		if (!strcmp(m->entry[i]->title, name))
			return (int)i;
	return -1;
}

/* ---------------------------------------------------------------- finish */

static int finish_file(struct grub_menu *m, struct grub_file *file)
{
	file->path = grub_clean(&m->arena, file->path);
	file->device = grub_clean(&m->arena, file->device);
	if (!file->path || !file->device)
		return -ENOMEM;
	return strlen(file->path) < GRUB_PATH_MAX ? 0 : -E2BIG;
}

static int finish_entry(struct grub_menu *m, struct grub_entry *e)
{
	const char **text[] = { &e->title, &e->group, &e->id, &e->place, &e->root, &e->args };
	int rc = 0;

	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		*text[i] = grub_clean(&m->arena, *text[i]);
		if (!*text[i])
			return -ENOMEM;
	}
	if (e->kernel.path)
		rc = finish_file(m, &e->kernel);
	for (size_t i = 0; i < e->initrds && rc == 0; i++)
		rc = finish_file(m, &e->initrd[i]);
	return rc == 0 && strlen(e->args) >= GRUB_ARGS_MAX ? -E2BIG : rc;
}

int grub_menu_finish(struct grub_menu *m, struct fault *f)
{
	if (!m->entries)
		return fault_set(f, ENOENT, "The menu has no entry");
	for (size_t i = 0; i < m->entries; i++) {
		int rc = finish_entry(m, m->entry[i]);

		if (rc == -E2BIG)
			return fault_set(f, E2BIG, "Entry %zu of the menu has a path of more than "
					 "%d bytes or a command line of more than %d", i,
					 GRUB_PATH_MAX - 1, GRUB_ARGS_MAX - 1);
		if (rc < 0)
			return fault_set(f, -rc, "The menu needs too much memory");
	}
	if (m->chosen >= m->entries)
		m->chosen = 0;
	if (m->timeout_s < 0)
		m->timeout_s = GRUB_WAIT_FOR_EVER;
	return 0;
}

void grub_menu_free(struct grub_menu *m)
{
	grub_arena_free(&m->arena);
	*m = (struct grub_menu){ 0 };
}

/* ------------------------------------------------------------------ text */

struct grub_file grub_file_read(struct grub_arena *a, const char *word, const char *device)
{
	struct grub_file file = { .device = device, .path = word };
	const char *end;

	if (*word == '(') {
		end = strchr(word, ')');
		file.device = end ? grub_copy(a, word + 1, (size_t)(end - word - 1)) : NULL;
		file.path = end ? end + 1 : NULL;
	}
	if (!file.device || !file.path || *file.path != '/')
		file = (struct grub_file){ 0 };
	return file;
}

const char *grub_line_next(const char **at, const char *end, size_t *n)
{
	const char *line = *at, *stop;

	if (line >= end)
		return NULL;
	stop = memchr(line, '\n', (size_t)(end - line));
	*at = stop ? stop + 1 : end;
	if (!stop)
		stop = end;
	if (stop > line && stop[-1] == '\r')
		stop--;
	*n = (size_t)(stop - line);
	return line;
}
