/* The menu on a terminal. */
#include "xend/grub_screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "xenstore/buf.h"

#define FRAME_ROWS 9			/* lines that are not the list's */
#define ESCAPE_WAIT_MS 100		/* what follows an Escape key's code within this is one key */

enum key {
	KEY_NONE = 256, KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_HOME, KEY_END, KEY_PAGE_UP,
	KEY_PAGE_DOWN, KEY_DELETE, KEY_ESCAPE, KEY_GONE,
};

#define CTRL(c) ((c) & 0x1f)

struct screen {
	const struct grub_screen *term;
	struct grub_menu *menu;
	unsigned rows, columns;
	struct buf out;
	size_t at;			/* the entry under the bar */
	uint64_t due_ms;		/* when the default boots; 0: never */
};

/* ------------------------------------------------------------------ output */

/* At most `columns` wide; bytes that continue a UTF-8 character take no room. */
static void put_text(struct screen *s, const char *text, unsigned columns)
{
	unsigned used = 0;

	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && used++ >= columns)
			return;
		buf_add_char(&s->out, *text);
	}
}

static void put_line(struct screen *s, const char *text, bool is_marked)
{
	buf_add_string(&s->out, is_marked ? " \033[7m " : "  ");
	put_text(s, text, s->columns - 4);
	buf_add_string(&s->out, is_marked ? " \033[0m\033[K\r\n" : "\033[K\r\n");
}

static int flush(struct screen *s)
{
	int rc = s->out.failed ? -ENOMEM : 0;

	for (size_t at = 0; rc == 0 && at < s->out.len;) {
		ssize_t n = write(s->term->out, s->out.data + at, s->out.len - at);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			rc = -EIO;
		if (n > 0)
			at += (size_t)n;
	}
	buf_clear(&s->out);
	return rc;
}

static void begin(struct screen *s)
{
	buf_add_string(&s->out, "\033[H\033[0m");
	put_line(s, s->term->heading, false);
	put_line(s, "", false);
}

static int end(struct screen *s)
{
	buf_add_string(&s->out, "\033[J");
	return flush(s);
}

/* ------------------------------------------------------------------- input */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A byte, KEY_NONE after wait_ms (-1: never), KEY_GONE at the terminal's end. */
static int byte_read(const struct screen *s, int wait_ms)
{
	struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000L };
	unsigned char c;
	fd_set in;
	ssize_t n;
	int rc;

	FD_ZERO(&in);
	FD_SET(s->term->in, &in);
	rc = pselect(s->term->in + 1, &in, NULL, NULL, wait_ms < 0 ? NULL : &wait, NULL);
	if (rc < 0 && errno == EINTR)
		return KEY_NONE;
	if (rc <= 0)
		return rc ? KEY_GONE : KEY_NONE;
	n = read(s->term->in, &c, 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return KEY_NONE;
	return n == 1 ? c : KEY_GONE;
}

/* Escape [ A, Escape O A, Escape [ 3 ~: what VT100s and Linux send (console_codes(4)). */
static const struct {
	const char *code;
	enum key key;
} escapes[] = {
	{ "[A", KEY_UP }, { "OA", KEY_UP }, { "[B", KEY_DOWN }, { "OB", KEY_DOWN },
	{ "[C", KEY_RIGHT }, { "OC", KEY_RIGHT }, { "[D", KEY_LEFT }, { "OD", KEY_LEFT },
	{ "[H", KEY_HOME }, { "OH", KEY_HOME }, { "[1~", KEY_HOME }, { "[7~", KEY_HOME },
	{ "[F", KEY_END }, { "OF", KEY_END }, { "[4~", KEY_END }, { "[8~", KEY_END },
	{ "[5~", KEY_PAGE_UP }, { "[6~", KEY_PAGE_DOWN }, { "[3~", KEY_DELETE },
};

static int escape_read(const struct screen *s)
{
	char code[8] = "";

	for (size_t n = 0; n + 1 < sizeof code; n++) {
		int c = byte_read(s, ESCAPE_WAIT_MS);

		if (c >= KEY_NONE)
			return n ? KEY_NONE : KEY_ESCAPE;
		code[n] = (char)c;
		for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
			if (!strcmp(code, escapes[i].code))
				return (int)escapes[i].key;
		if (n && (c == '~' || (c >= 'A' && c <= 'Z')))
			return KEY_NONE;	/* whole, but not one of ours */
	}
	return KEY_NONE;
}

static int key_read(const struct screen *s, int wait_ms)
{
	int c = byte_read(s, wait_ms);

	return c == 0x1b ? escape_read(s) : c;
}

/* -------------------------------------------------------------- line editor */

struct line {
	char text[GRUB_ARGS_MAX];
	size_t n, at;
};

static void line_delete(struct line *l, size_t from, size_t to)
{
	memmove(l->text + from, l->text + to, l->n - to + 1);
	l->n -= to - from;
	l->at = from;
}

static void line_insert(struct line *l, int c)
{
	if (l->n + 1 >= sizeof l->text)
		return;
	memmove(l->text + l->at + 1, l->text + l->at, l->n - l->at + 1);
	l->text[l->at++] = (char)c;
	l->n++;
}

static void line_key(struct line *l, int key)
{
	if (key == KEY_LEFT || key == CTRL('b'))
		l->at -= l->at > 0;
	else if (key == KEY_RIGHT || key == CTRL('f'))
		l->at += l->at < l->n;
	else if (key == KEY_HOME || key == CTRL('a'))
		l->at = 0;
	else if (key == KEY_END || key == CTRL('e'))
		l->at = l->n;
	else if ((key == 0x7f || key == CTRL('h')) && l->at > 0)
		line_delete(l, l->at - 1, l->at);
	else if ((key == KEY_DELETE || key == CTRL('d')) && l->at < l->n)
		line_delete(l, l->at, l->at + 1);
	else if (key == CTRL('u'))
		line_delete(l, 0, l->at);
	else if (key == CTRL('k'))
		line_delete(l, l->at, l->n);
	else if (key >= ' ' && key < 0x7f)
		line_insert(l, key);
}

/* The part around the cursor. */
static int line_draw(struct screen *s, const struct line *l, const char *what)
{
	size_t room = s->columns - 6, from = l->at < room ? 0 : l->at - room + 1;
	char title[160];

	snprintf(title, sizeof title, "Edit the %s", what);
	begin(s);
	put_line(s, title, false);
	put_line(s, "", false);
	buf_add_string(&s->out, "  > ");
	for (size_t i = from; i < l->n && i < from + room; i++)
		buf_add_char(&s->out, l->text[i]);
	buf_add_string(&s->out, "\033[K\r\n");
	put_line(s, "", false);
	put_line(s, "Enter keeps the change, Escape drops it.", false);
	buf_add_string(&s->out, "\033[J");
	buf_printf(&s->out, "\033[5;%zuH", 5 + l->at - from);
	return flush(s);
}

/* *text becomes what was typed; -ECANCELED: nothing changed. */
static int line_edit(struct screen *s, const char *what, const char **text)
{
	struct line l;
	int key, rc;

	l.n = (size_t)snprintf(l.text, sizeof l.text, "%s", *text);
	if (l.n >= sizeof l.text)
		l.n = sizeof l.text - 1;
	l.at = l.n;
	for (;;) {
		rc = line_draw(s, &l, what);
		key = rc < 0 ? KEY_GONE : key_read(s, -1);
		if (key == KEY_GONE)
			return -EIO;
		if (key == KEY_ESCAPE || key == CTRL('c'))
			return -ECANCELED;
		if (key == '\r' || key == '\n')
			break;
		line_key(&l, key);
	}
	*text = grub_copy(&s->menu->arena, l.text, l.n);
	return *text ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------ entry editor */

static int file_edit(struct screen *s, const char *what, struct grub_file *file)
{
	const char *path = file->path ? file->path : "";
	int rc = line_edit(s, what, &path);

	if (rc == 0)
		*file = grub_file_read(&s->menu->arena, path, file->path ? file->device : "");
	return rc;
}

/* The kernel, its arguments, and each RAM disk are a line each. */
static int part_edit(struct screen *s, struct grub_entry *e, unsigned part)
{
	int rc;

	if (part == 0)
		return file_edit(s, "kernel's path", &e->kernel);
	if (part == 1)
		return line_edit(s, "kernel's command line", &e->args);
	if (part - 2 < e->initrds) {
		rc = file_edit(s, "initial RAM disk's path", &e->initrd[part - 2]);
		if (rc == 0 && !e->initrd[part - 2].path) {	/* emptied: it goes */
			memmove(&e->initrd[part - 2], &e->initrd[part - 1],
				(e->initrds - part + 1) * sizeof *e->initrd);
			e->initrds--;
		}
		return rc;
	}
	e->initrd[e->initrds] = (struct grub_file){ 0 };
	rc = file_edit(s, "initial RAM disk's path", &e->initrd[e->initrds]);
	e->initrds += rc == 0 && e->initrd[e->initrds].path;
	return rc;
}

static unsigned entry_parts(const struct grub_entry *e)
{
	return 2 + (unsigned)e->initrds + (e->initrds < GRUB_INITRDS_MAX);
}

static int entry_draw(struct screen *s, const struct grub_entry *e, unsigned at)
{
	char text[GRUB_ARGS_MAX + 16];

	begin(s);
	put_line(s, e->title, false);
	put_line(s, "", false);
	snprintf(text, sizeof text, "kernel  %s", e->kernel.path ? e->kernel.path : "");
	put_line(s, text, at == 0);
	snprintf(text, sizeof text, "args    %s", e->args);
	put_line(s, text, at == 1);
	for (unsigned i = 0; i + 2 < entry_parts(e); i++) {
		snprintf(text, sizeof text, "initrd  %s", i < e->initrds ? e->initrd[i].path : "");
		put_line(s, text, at == i + 2);
	}
	put_line(s, "", false);
	put_line(s, "Enter or e edits the line, b boots the entry, Escape goes back.", false);
	return end(s);
}

/* 1: boot it; 0: back to the menu; -EIO. */
static int entry_edit(struct screen *s, struct grub_entry *e)
{
	unsigned at = 1;
	int rc = 0;

	while (rc == 0 || rc == -ECANCELED) {
		int key = entry_draw(s, e, at) < 0 ? KEY_GONE : key_read(s, -1);

		rc = 0;
		if (key == KEY_GONE)
			return -EIO;
		if (key == KEY_ESCAPE || key == 'q' || key == CTRL('c'))
			return 0;
		if (key == 'b' || key == CTRL('x'))
			return 1;
		if (key == KEY_UP || key == CTRL('p'))
			at -= at > 0;
		else if ((key == KEY_DOWN || key == CTRL('n')) && at + 1 < entry_parts(e))
			at++;
		else if (key == '\r' || key == '\n' || key == 'e')
			rc = part_edit(s, e, at);
		if (at >= entry_parts(e))
			at = entry_parts(e) - 1;
	}
	return rc;
}

/* -------------------------------------------------------------------- menu */

/* The lines of the list: a submenu's name stands above its entries. */
static bool has_heading(const struct screen *s, size_t i)
{
	const struct grub_menu *m = s->menu;

	return *m->entry[i]->group && (!i || strcmp(m->entry[i - 1]->group, m->entry[i]->group));
}

/* The first entry to show, so that the one under the bar is seen. */
static size_t list_start(const struct screen *s, size_t room)
{
	size_t first = s->at, used = 1u + has_heading(s, s->at);

	while (first > 0 && used + 1 + has_heading(s, first - 1) <= room) {
		used += 1u + has_heading(s, first - 1);
		first--;
	}
	return first;
}

static void list_draw(struct screen *s)
{
	size_t room = s->rows > FRAME_ROWS + 2 ? s->rows - FRAME_ROWS : 2, used = 0;
	char text[512];

	for (size_t i = list_start(s, room); i < s->menu->entries && used < room; i++) {
		const struct grub_entry *e = s->menu->entry[i];

		if (has_heading(s, i)) {
			snprintf(text, sizeof text, "%s:", e->group);
			put_line(s, text, false);
			used++;
		}
		if (used++ >= room)
			return;
		snprintf(text, sizeof text, "%s%s%s", *e->group ? "  " : "",
			 *e->title ? e->title : "(no title)",
			 grub_entry_boots(e) ? "" : "  [has no kernel]");
		put_line(s, text, i == s->at);
	}
}

static int menu_draw(struct screen *s)
{
	char text[96] = "";

	begin(s);
	list_draw(s);
	put_line(s, "", false);
	put_line(s, "Arrows choose, Enter boots, e edits the entry, a its arguments, q gives up.",
		 false);
	if (s->due_ms) {
		uint64_t now = now_ms(), left = s->due_ms > now ? s->due_ms - now : 0;

		snprintf(text, sizeof text, "Will boot the selected entry in %llu seconds.",
			 (unsigned long long)(left + 999) / 1000);
	}
	put_line(s, text, false);
	return end(s);
}

static void menu_move(struct screen *s, int key)
{
	size_t last = s->menu->entries - 1, page = s->rows / 2;

	if (key == KEY_UP || key == CTRL('p') || key == 'k')
		s->at -= s->at > 0;
	else if (key == KEY_DOWN || key == CTRL('n') || key == 'j')
		s->at += s->at < last;
	else if (key == KEY_HOME)
		s->at = 0;
	else if (key == KEY_END)
		s->at = last;
	else if (key == KEY_PAGE_UP)
		s->at = s->at > page ? s->at - page : 0;
	else if (key == KEY_PAGE_DOWN)
		s->at = last - s->at > page ? s->at + page : last;
}

/* 1: boot what is under the bar; 0: go on; -ECANCELED or -EIO. */
static int menu_key(struct screen *s, int key)
{
	struct grub_entry *e = s->menu->entry[s->at];
	int rc = 0;

	if (key == KEY_GONE)
		return -EIO;
	if (key == 'q' || key == CTRL('c'))
		return -ECANCELED;
	if (key == '\r' || key == '\n' || key == 'b')
		return grub_entry_boots(e);
	if (key == 'e')
		rc = entry_edit(s, e);
	else if (key == 'a')
		rc = line_edit(s, "kernel's command line", &e->args);
	else
		menu_move(s, key);
	if (rc > 0)
		return grub_entry_boots(e);
	return rc == -ECANCELED ? 0 : rc;
}

static int menu_run(struct screen *s)
{
	for (;;) {
		int key, rc = menu_draw(s);

		if (rc < 0)
			return rc;
		key = key_read(s, s->due_ms ? 250 : -1);
		if (key == KEY_NONE) {
			if (s->due_ms && now_ms() >= s->due_ms)
				return 0;
			continue;
		}
		s->due_ms = 0;		/* somebody is there */
		rc = menu_key(s, key);
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

int grub_screen_choose(const struct grub_screen *term, struct grub_menu *m)
{
	struct screen s = { .term = term, .menu = m, .at = m->chosen };
	int rc;

	s.rows = term->rows >= FRAME_ROWS + 2 && term->rows < 1000 ? term->rows : 24;
	s.columns = term->columns >= 20 && term->columns < 1000 ? term->columns : 80;
	if (m->timeout_s != GRUB_WAIT_FOR_EVER)
		s.due_ms = now_ms() + (uint64_t)m->timeout_s * 1000;
	buf_add_string(&s.out, "\033[2J");
	rc = menu_run(&s);
	buf_add_string(&s.out, "\033[0m\033[H\033[J");
	flush(&s);
	buf_free(&s.out);
	return rc < 0 ? rc : (int)s.at;
}
