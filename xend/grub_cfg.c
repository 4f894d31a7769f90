/* GRUB 2's grub.cfg: the commands that grub-mkconfig writes, and the choice of the default
 * (GRUB manual 2.06, chapters 6 and 16). */
#include "xend/grub_bls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEM_MEMORY "it needs too much memory"

/* -------------------------------------------------------------- variables */

static int cmd_set(struct script *s, const struct script_words *w)
{
	const char *equals = w->n > 1 ? strchr(w->word[1], '=') : NULL;
	char *name;

	if (w->n < 2)
		return 0;
	if (!equals || equals == w->word[1])
		return 1;
	name = grub_copy(&s->menu->arena, w->word[1], (size_t)(equals - w->word[1]));
	if (!name)
		return script_fail(s, E2BIG, PROBLEM_MEMORY);
	script_set(s, name, equals + 1);
	return 0;
}

static int cmd_unset(struct script *s, const struct script_words *w)
{
	for (size_t i = 1; i < w->n; i++)
		script_unset(s, w->word[i]);
	return 0;
}

static struct grub_file file_of(struct script *s, const char *word)
{
	return grub_file_read(&s->menu->arena, word, script_get(s, "root") ?: "");
}

/* A line of the environment block: name=value, where a backslash hides what follows it. */
static void env_line(struct script *s, const char *line, size_t n, const struct script_words *only,
		     size_t first)
{
	const char *equals = memchr(line, '=', n);
	char *name = equals ? grub_copy(&s->menu->arena, line, (size_t)(equals - line)) : NULL;
	char *value = equals ? grub_copy(&s->menu->arena, equals + 1,
					 (size_t)(line + n - equals - 1)) : NULL;
	bool is_wanted = first >= only->n;
	char *to = value;

	if (!name || !value || *line == '#')
		return;
	for (const char *from = value; *from; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	for (size_t i = first; i < only->n; i++)
		is_wanted |= !strcmp(only->word[i], name);
	if (is_wanted)
		script_set(s, name, value);
}

/* load_env [-f FILE] [NAME …] */
static int cmd_load_env(struct script *s, const struct script_words *w)
{
	const char *path = NULL, *text, *line;
	struct grub_file file;
	size_t first = 1, n;
	char fallback[GRUB_PATH_MAX];

	for (; first < w->n && w->word[first][0] == '-'; first++) {
		if (!strncmp(w->word[first], "--file=", 7))
			path = w->word[first] + 7;
		else if (first + 1 < w->n && (!strcmp(w->word[first], "-f") ||
					      !strcmp(w->word[first], "--file")))
			path = w->word[++first];
	}
	snprintf(fallback, sizeof fallback, "%s/grubenv", script_get(s, "prefix") ?: "");
	file = file_of(s, path ? path : fallback);
	if (!file.path || s->view->read(s->view, &s->menu->arena, &file, &text, &n) < 0)
		return 1;
	for (const char *at = text, *end = text + n; (line = grub_line_next(&at, end, &n));)
		env_line(s, line, n, w, first);
	return 0;
}

/* The disk is not written to: what GRUB would remember is not. */
static int cmd_true(struct script *s, const struct script_words *w)
{
	return 0;
}

static int cmd_test(struct script *s, const struct script_words *w)
{
	size_t n = w->n - 1;

	if (!strcmp(w->word[0], "[")) {
		if (!n || strcmp(w->word[n], "]"))
			return 1;
		n--;
	}
	return script_test(s, w->word + 1, n);
}

static int cmd_leave(struct script *s, const struct script_words *w)
{
	s->is_left = true;
	return w->n > 1 ? atoi(w->word[1]) != 0 : 0;
}

static int cmd_source(struct script *s, const struct script_words *w)
{
	struct grub_file file;
	const char *text;
	size_t n;

	if (w->n != 2)
		return 1;
	file = file_of(s, w->word[1]);
	if (!file.path || s->view->read(s->view, &s->menu->arena, &file, &text, &n) < 0)
		return 1;
	script_run(s, text, n);
	return s->status;
}

/* ----------------------------------------------------------------- search */

/* `search.fs_uuid WHAT VARIABLE HINT…` is the short form of early configurations. */
static int search_short(struct script *s, const struct script_words *w, enum grub_search by)
{
	const char *device = w->n > 1 ? s->view->search(s->view, by, w->word[1]) : NULL;

	if (!device)
		return 1;
	script_set(s, w->n > 2 ? w->word[2] : "root", device);
	return 0;
}

static int cmd_search_uuid(struct script *s, const struct script_words *w)
{
	return search_short(s, w, GRUB_BY_UUID);
}

static int cmd_search_label(struct script *s, const struct script_words *w)
{
	return search_short(s, w, GRUB_BY_LABEL);
}

static int cmd_search_file(struct script *s, const struct script_words *w)
{
	return search_short(s, w, GRUB_BY_FILE);
}

static const struct {
	const char *longer, *shorter;
	enum grub_search by;
} search_options[] = {
	{ "--fs-uuid", "-u", GRUB_BY_UUID }, { "--label", "-l", GRUB_BY_LABEL },
	{ "--file", "-f", GRUB_BY_FILE },
};

/* search [--no-floppy] [--set[=VAR]] [--fs-uuid|--label|--file] [--hint…=X] WHAT */
static int cmd_search(struct script *s, const struct script_words *w)
{
	enum grub_search by = GRUB_BY_FILE;
	const char *what = NULL, *var = NULL, *device;

	for (size_t i = 1; i < w->n; i++) {
		const char *word = w->word[i];

		for (size_t k = 0; k < sizeof search_options / sizeof *search_options; k++)
			if (!strcmp(word, search_options[k].longer) ||
			    !strcmp(word, search_options[k].shorter))
				by = search_options[k].by;
		if (!strncmp(word, "--set=", 6))
			var = word + 6;
		else if (!strcmp(word, "--set") || !strcmp(word, "-s"))
			var = "root";
		else if (!strcmp(word, "--hint") || !strcmp(word, "-h"))
			i++;
		else if (*word != '-')
			what = word;
	}
	device = what ? s->view->search(s->view, by, what) : NULL;
	if (!device)
		return 1;
	if (var)
		script_set(s, var, device);
	return 0;
}

/* ---------------------------------------------------------------- kernels */

/* GRUB puts a word with blanks in it between quotes, and a backslash before what is special
 * in them. */
static size_t quote_word(const char *word, char *to)
{
	bool has_blank = strchr(word, ' ') || strchr(word, '\t');
	size_t n = 0;

	if (has_blank)
		to[n++] = '"';
	for (; *word; word++) {
		if (has_blank && strchr("\"\\'", *word))
			to[n++] = '\\';
		to[n++] = *word;
	}
	if (has_blank)
		to[n++] = '"';
	to[n] = '\0';
	return n;
}

static const char *join_words(struct script *s, const struct script_words *w, size_t first)
{
	size_t room = 1, n = 0;
	char *text;

	for (size_t i = first; i < w->n; i++)
		room += 2 * strlen(w->word[i]) + 3;
	text = grub_alloc(&s->menu->arena, room);
	if (!text) {
		script_fail(s, E2BIG, PROBLEM_MEMORY);
		return "";
	}
	for (size_t i = first; i < w->n; i++) {
		if (i > first)
			text[n++] = ' ';
		n += quote_word(w->word[i], text + n);
	}
	return text;
}

static int kernel_set(struct script *s, const char *path, const char *args)
{
	struct grub_file file = file_of(s, path);

	if (!file.path)
		return 1;
	s->entry->kernel = file;
	s->entry->root = script_get(s, "root") ?: "";
	s->entry->args = args;
	return 0;
}

static int initrd_add(struct script *s, const char *path)
{
	struct grub_file file = file_of(s, path);

	if (!file.path || s->entry->initrds >= GRUB_INITRDS_MAX)
		return 1;
	s->entry->initrd[s->entry->initrds++] = file;
	return 0;
}

static int cmd_linux(struct script *s, const struct script_words *w)
{
	if (!s->entry || w->n < 2)
		return 1;
	s->entry->initrds = 0;
	return kernel_set(s, w->word[1], join_words(s, w, 2));
}

static int cmd_initrd(struct script *s, const struct script_words *w)
{
	int rc = 0;

	if (!s->entry || w->n < 2)
		return 1;
	s->entry->initrds = 0;
	for (size_t i = 1; i < w->n && rc == 0; i++)
		rc = initrd_add(s, w->word[i]);
	return rc;
}

/* An entry that starts Xen has a domain 0 kernel as its first module.  Where Xen runs already,
 * that is the kernel. */
static int cmd_multiboot(struct script *s, const struct script_words *w)
{
	s->is_multiboot = true;
	s->modules = 0;
	return 0;
}

static int cmd_module(struct script *s, const struct script_words *w)
{
	size_t i = 1;

	while (i < w->n && !strncmp(w->word[i], "--", 2))
		i++;
	if (!s->entry || !s->is_multiboot || i >= w->n)
		return 1;
	if (s->modules++)
		return initrd_add(s, w->word[i]);
	return kernel_set(s, w->word[i], join_words(s, w, i + 1 + (i + 1 < w->n &&
			  !strcmp(w->word[i + 1], "placeholder"))));
}

static int cmd_blscfg(struct script *s, const struct script_words *w)
{
	return s->entry ? 1 : grub_bls_add(s);
}

/* ------------------------------------------------------------------ table */

static const struct {
	const char *name;
	int (*run)(struct script *s, const struct script_words *w);
} builtins[] = {
	{ "set", cmd_set }, { "unset", cmd_unset }, { "export", cmd_true },
	{ "load_env", cmd_load_env }, { "save_env", cmd_true },
	{ "[", cmd_test }, { "test", cmd_test }, { "true", cmd_true },
	{ "return", cmd_leave }, { "exit", cmd_leave },
	{ "source", cmd_source }, { ".", cmd_source }, { "configfile", cmd_source },
	{ "search", cmd_search }, { "search.fs_uuid", cmd_search_uuid },
	{ "search.fs_label", cmd_search_label }, { "search.file", cmd_search_file },
	{ "search_fs_uuid", cmd_search_uuid }, { "search_label", cmd_search_label },
	{ "search_fs_file", cmd_search_file },
	{ "linux", cmd_linux }, { "linux16", cmd_linux }, { "linuxefi", cmd_linux },
	{ "initrd", cmd_initrd }, { "initrd16", cmd_initrd }, { "initrdefi", cmd_initrd },
	{ "blscfg", cmd_blscfg },
	{ "multiboot", cmd_multiboot }, { "multiboot2", cmd_multiboot },
	{ "module", cmd_module }, { "module2", cmd_module },
	{ "insmod", cmd_true }, { "echo", cmd_true }, { "terminal_output", cmd_true },
	{ "terminal_input", cmd_true }, { "serial", cmd_true }, { "clear", cmd_true },
};

int script_builtin(struct script *s, const struct script_words *w)
{
	for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
		if (!strcmp(builtins[i].name, w->word[0]))
			return builtins[i].run(s, w);
	return 1;
}

/* ---------------------------------------------------------------- default */

/* A part of "A>B>>C": up to a single '>', with '>>' as one.  Gives what is behind, or NULL. */
static const char *part_next(const char *spec, char *part, size_t room)
{
	size_t n = 0;

	for (; *spec; spec++) {
		if (*spec == '>' && spec[1] != '>') {
			part[n] = '\0';
			return spec + 1;
		}
		spec += *spec == '>';
		if (n + 1 < room)
			part[n++] = *spec;
	}
	part[n] = '\0';
	return NULL;
}

/* Is it the item that `part` names in the menu at `menu`? */
static bool item_is(const char *place, const char *id, const char *title, const char *menu,
		    const char *part)
{
	size_t n = strlen(menu);
	const char *number = place;

	if (n) {
		if (strncmp(place, menu, n) || place[n] != '>')
			return false;
		number = place + n + 1;
	}
	if (strchr(number, '>'))
		return false;		/* deeper down */
	return !strcmp(number, part) || (*part && (!strcmp(id, part) || !strcmp(title, part)));
}

/* The first entry below a place. */
static int entry_below(const struct grub_menu *m, const char *place)
{
	size_t n = strlen(place);

	for (size_t i = 0; i < m->entries; i++)
		if (!strncmp(m->entry[i]->place, place, n) && m->entry[i]->place[n] == '>')
			return (int)i;
	return -1;
}

static int default_find(const struct script *s, const char *spec)
{
	const struct grub_menu *m = s->menu;
	char part[SCRIPT_WORD_MAX];
	const char *menu = "", *inner;

	do {
		spec = part_next(spec, part, sizeof part);
		for (size_t i = 0; i < m->entries; i++)
			if (item_is(m->entry[i]->place, m->entry[i]->id, m->entry[i]->title, menu,
				    part))
				return (int)i;
		inner = NULL;
		for (size_t i = 0; i < s->submenus && !inner; i++)
			if (item_is(s->submenu[i].place, s->submenu[i].id, s->submenu[i].title,
				    menu, part))
				inner = s->submenu[i].place;
		if (!inner)
			return -1;
		menu = inner;
	} while (spec);
	return entry_below(m, menu);
}

static void default_choose(struct script *s)
{
	const char *spec = script_get(s, "default"), *fallback = script_get(s, "fallback");
	int i = -1;

	if (spec && !strcmp(spec, "saved"))
		spec = script_get(s, "saved_entry");
	if (spec && *spec)
		i = default_find(s, spec);
	if (i < 0 && fallback && *fallback)
		i = default_find(s, fallback);
	s->menu->chosen = i < 0 ? 0 : (size_t)i;
}

/* ------------------------------------------------------------------ parse */

/* What GRUB sets before it reads its menu: on a PV guest's disk it would be grub-xen. */
static void variables_start(struct script *s)
{
	static const char *const features[] = {
		"feature_menuentry_id", "feature_menuentry_options", "feature_timeout_style",
		"feature_platform_search_hint", "feature_default_font_path",
		"feature_all_video_module", "feature_200_final", "feature_nativedisk_cmd",
	};
	char prefix[GRUB_PATH_MAX];

	snprintf(prefix, sizeof prefix, "(%s)%s", s->view->device, s->view->directory);
	script_set(s, "prefix", prefix);
	script_set(s, "config_directory", prefix);
	script_set(s, "root", s->view->device);
	script_set(s, "grub_platform", "xen");
	script_set(s, "grub_cpu", "x86_64");
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		script_set(s, features[i], "y");
}

static int timeout_read(const char *text)
{
	long value = text ? strtol(text, NULL, 10) : 0;

	if (!text || value < 0)
		return GRUB_WAIT_FOR_EVER;
	return value > 3600 ? 3600 : (int)value;
}

int grub_cfg_parse(struct grub_menu *m, const struct grub_view *v, const char *text, size_t n,
		   struct fault *f)
{
	struct script *s = grub_alloc(&m->arena, sizeof *s);

	if (!s)
		return fault_set(f, ENOMEM, "Out of memory");
	s->menu = m;
	s->view = v;
	s->fault = f;
	s->group = s->place = "";
	variables_start(s);
	script_run(s, text, n);
	script_run_entries(s, 0);
	if (s->err)
		return s->err;
	default_choose(s);
	m->timeout_s = timeout_read(script_get(s, "timeout"));
	return grub_menu_finish(m, f);
}
