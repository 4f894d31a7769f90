/* GRUB 2's script language (GRUB manual 2.06, chapter 6, "Writing full configuration files
 * directly"): words, variables, blocks. */
#include "xend/grub_script.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int script_fail(struct script *s, int err, const char *why)
{
	if (!s->err) {
		s->err = -err;
		fault_set(s->fault, err, "The menu can't be read: %s", why);
	}
	return -err;
}

static bool script_work(struct script *s, size_t bytes)
{
	s->work += bytes;
	if (s->work > SCRIPT_WORK_MAX)
		script_fail(s, E2BIG, "it has too much to run");
	return !s->err;
}

/* ------------------------------------------------------------- variables */

static struct script_var *var_find(const struct script *s, const char *name, size_t n)
{
	for (size_t i = 0; i < s->vars; i++)
		if (!strncmp(s->var[i].name, name, n) && !s->var[i].name[n])
			return (struct script_var *)&s->var[i];
	return NULL;
}

const char *script_get(const struct script *s, const char *name)
{
	const struct script_var *v = var_find(s, name, strlen(name));

	return v ? v->value : NULL;
}

void script_set(struct script *s, const char *name, const char *value)
{
	struct script_var *v = var_find(s, name, strlen(name));
	const char *copy = grub_copy(&s->menu->arena, value, strlen(value));

	if (!v && s->vars < SCRIPT_VARS_MAX) {
		v = &s->var[s->vars];
		v->name = grub_copy(&s->menu->arena, name, strlen(name));
		s->vars += v->name != NULL;
	}
	if (!v || !v->name || !copy)
		script_fail(s, E2BIG, "it has too many variables");
	else
		v->value = copy;
}

void script_unset(struct script *s, const char *name)
{
	struct script_var *v = var_find(s, name, strlen(name));

	if (v)
		*v = s->var[--s->vars];
}

/* ----------------------------------------------------------------- words */

enum token { TOKEN_WORD, TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EOF };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Behind blanks, continued lines and comments. */
static void skip_blanks(struct script_span *in)
{
	while (in->at < in->end) {
		if (is_blank(*in->at))
			in->at++;
		else if (*in->at == '\\' && in->end - in->at > 1 && in->at[1] == '\n')
			in->at += 2;
		else if (*in->at == '#')
			while (in->at < in->end && *in->at != '\n')
				in->at++;
		else
			return;
	}
}

/* Behind what is quoted from *p on; NULL when the quote has no end. */
static const char *skip_quoted(const char *p, const char *end)
{
	char quote = *p++;

	for (; p < end && *p != quote; p++)
		if (*p == '\\' && quote == '"' && p + 1 < end)
			p++;
	return p < end ? p + 1 : NULL;
}

/* Behind a word.  Its quotes and variables are still in it. */
static const char *skip_word(struct script *s, const char *p, const char *end)
{
	while (p < end && !is_blank(*p) && *p != '\n' && *p != ';' && *p != '{' && *p != '}') {
		if (*p == '\'' || *p == '"')
			p = skip_quoted(p, end);
		else if (*p == '\\' && p + 1 < end)
			p += 2;
		else if (*p == '$' && p + 1 < end && p[1] == '{')
			p = memchr(p, '}', (size_t)(end - p)) ?
			    (const char *)memchr(p, '}', (size_t)(end - p)) + 1 : NULL;
		else
			p++;
		if (!p) {
			script_fail(s, EINVAL, "a quote or a brace is never closed");
			return end;
		}
	}
	return p;
}

static enum token token_next(struct script *s, struct script_span *in, struct script_span *word)
{
	const char *from = in->at;

	skip_blanks(in);
	*word = (struct script_span){ in->at, in->at };
	if (s->err || in->at >= in->end)
		return TOKEN_EOF;
	if (*in->at == '\n' || *in->at == ';' || *in->at == '{' || *in->at == '}') {
		char c = *in->at++;

		script_work(s, (size_t)(in->at - from));
		return c == '{' ? TOKEN_OPEN : c == '}' ? TOKEN_CLOSE : TOKEN_END;
	}
	in->at = word->end = skip_word(s, in->at, in->end);
	return script_work(s, (size_t)(in->at - from)) ? TOKEN_WORD : TOKEN_EOF;
}

static bool span_is(const struct script_span *span, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(span->end - span->at) == n && !memcmp(span->at, text, n);
}

/* ------------------------------------------------------------- expansion */

struct expansion {
	struct script *s;
	struct script_words *out;
	char text[SCRIPT_WORD_MAX];	/* the word so far */
	size_t n;
	bool has_begun;			/* quotes begin a word, even an empty one */
};

static void expand_add(struct expansion *x, char c)
{
	x->has_begun = true;
	if (x->n < sizeof x->text)
		x->text[x->n++] = c;
	else
		script_fail(x->s, E2BIG, "a word is too long");
}

static void expand_end(struct expansion *x)
{
	const char *word;

	if (!x->has_begun)
		return;
	word = grub_copy(&x->s->menu->arena, x->text, x->n);
	if (!word)
		script_fail(x->s, E2BIG, "it needs too much memory");
	else if (x->out->n >= SCRIPT_WORDS_MAX)
		script_fail(x->s, E2BIG, "a command is too long");
	else
		x->out->word[x->out->n++] = word;
	x->n = 0;
	x->has_begun = false;
}

/* A value outside of quotes is as many words as it has. */
static void expand_value(struct expansion *x, const char *value, bool is_quoted)
{
	if (!script_work(x->s, strlen(value)))
		return;
	for (; *value && !x->s->err; value++) {
		if (!is_quoted && (is_blank(*value) || *value == '\n'))
			expand_end(x);
		else
			expand_add(x, *value);
	}
}

static void expand_all_args(struct expansion *x, bool is_quoted)
{
	const struct script_words *a = x->s->args;

	for (size_t i = 1; a && i < a->n; i++) {
		if (i > 1)
			expand_value(x, " ", is_quoted);
		expand_value(x, a->word[i], is_quoted);
	}
}

static void expand_name(struct expansion *x, const char *name, size_t n, bool is_quoted)
{
	const struct script_words *a = x->s->args;
	const struct script_var *v;
	char number[16];

	if (n == 1 && (*name == '@' || *name == '*')) {
		expand_all_args(x, is_quoted);
	} else if (n == 1 && (*name == '?' || *name == '#')) {
		snprintf(number, sizeof number, "%zu",
			 *name == '?' ? (size_t)x->s->status : a && a->n ? a->n - 1 : 0);
		expand_value(x, number, is_quoted);
	} else if (n == 1 && *name >= '1' && *name <= '9') {
		if (a && (size_t)(*name - '0') < a->n)
			expand_value(x, a->word[*name - '0'], is_quoted);
	} else {
		v = var_find(x->s, name, n);
		if (v)
			expand_value(x, v->value, is_quoted);
	}
}

/* `$name`, `${name}`, `$1`; a dollar before anything else is itself.  Gives what is behind. */
static const char *expand_dollar(struct expansion *x, const char *p, const char *end, bool is_quoted)
{
	const char *name = ++p;

	if (p < end && *p == '{') {
		for (name = ++p; p < end && *p != '}'; p++)
			;
		expand_name(x, name, (size_t)(p - name), is_quoted);
		return p < end ? p + 1 : p;
	}
	if (p < end && *p && strchr("@*?#123456789", *p)) {
		expand_name(x, p, 1, is_quoted);
		return p + 1;
	}
	while (p < end && is_name(*p))
		p++;
	if (p > name)
		expand_name(x, name, (size_t)(p - name), is_quoted);
	else if (!(p < end && *p == '"' && !is_quoted))	/* $"…" is a text to be translated */
		expand_add(x, '$');
	return p;
}

static const char *expand_quoted(struct expansion *x, const char *p, const char *end)
{
	char quote = *p++;

	x->has_begun = true;
	while (p < end && *p != quote && !x->s->err) {
		if (quote == '"' && *p == '$') {
			p = expand_dollar(x, p, end, true);
		} else if (quote == '"' && *p == '\\' && p + 1 < end && strchr("$\"\\\n", p[1])) {
			if (p[1] != '\n')
				expand_add(x, p[1]);
			p += 2;
		} else {
			expand_add(x, *p++);
		}
	}
	return p < end ? p + 1 : p;
}

/* The words that one word of the text becomes are added to `out`. */
static void expand(struct script *s, const struct script_span *word, struct script_words *out)
{
	struct expansion x;
	const char *p = word->at, *end = word->end;

	x.s = s;
	x.out = out;
	x.n = 0;
	x.has_begun = false;
	while (p < end && !s->err) {
		if (*p == '\'' || *p == '"') {
			p = expand_quoted(&x, p, end);
		} else if (*p == '$') {
			p = expand_dollar(&x, p, end, false);
		} else if (*p == '\\' && p + 1 < end) {
			if (p[1] != '\n')
				expand_add(&x, p[1]);
			p += 2;
		} else {
			expand_add(&x, *p++);
		}
	}
	expand_end(&x);
}

/* ---------------------------------------------------------------- blocks */

/* What may end a list of commands. */
enum stop {
	STOP_EOF = 1, STOP_CLOSE = 2, STOP_THEN = 4, STOP_ELIF = 8, STOP_ELSE = 16, STOP_FI = 32,
	STOP_DO = 64, STOP_DONE = 128,
};

static const struct {
	const char *word;
	enum stop stop;
} stop_words[] = {
	{ "then", STOP_THEN }, { "elif", STOP_ELIF }, { "else", STOP_ELSE }, { "fi", STOP_FI },
	{ "do", STOP_DO }, { "done", STOP_DONE },
};

static enum stop run_list(struct script *s, struct script_span *in, unsigned stops, bool is_live);

/* The words up to the command's end, or up to a brace, which is left there if it closes. */
static enum token read_words(struct script *s, struct script_span *in,
			     const struct script_span *first, struct script_words *w, bool is_live)
{
	struct script_span word = *first;
	const char *before;
	enum token t = TOKEN_WORD;

	w->n = 0;
	while (t == TOKEN_WORD && !s->err) {
		if (is_live)
			expand(s, &word, w);
		before = in->at;
		t = token_next(s, in, &word);
		if (t == TOKEN_CLOSE)
			in->at = before;
	}
	return t;
}

/* From behind `{` to before `}`, which is read over. */
static struct script_span read_body(struct script *s, struct script_span *in)
{
	struct script_span body = { in->at, in->at };

	run_list(s, in, STOP_CLOSE, false);
	body.end = in->at > body.at ? in->at - 1 : body.at;
	return body;
}

static void run_if(struct script *s, struct script_span *in, bool is_live)
{
	bool is_done = false;
	enum stop at;

	do {
		bool is_chosen;

		run_list(s, in, STOP_THEN, is_live && !is_done);
		is_chosen = is_live && !is_done && s->status == 0;
		at = run_list(s, in, STOP_ELIF | STOP_ELSE | STOP_FI, is_chosen);
		is_done |= is_chosen;
	} while (at == STOP_ELIF && !s->err);
	if (at == STOP_ELSE)
		run_list(s, in, STOP_FI, is_live && !is_done);
}

/* `while` and `until`: the text is run again and again, until the work runs out. */
static void run_while(struct script *s, struct script_span *in, bool is_live, bool is_until)
{
	struct script_span from = *in;
	bool goes_on = is_live;

	do {
		*in = from;
		run_list(s, in, STOP_DO, goes_on);
		goes_on = goes_on && !s->is_left && (s->status == 0) != is_until;
		run_list(s, in, STOP_DONE, goes_on);
	} while (goes_on && !s->err);
}

static void run_for(struct script *s, struct script_span *in, bool is_live)
{
	struct script_span name, word, body;
	struct script_words values = { .n = 0 }, target = { .n = 0 };

	if (token_next(s, in, &name) != TOKEN_WORD || token_next(s, in, &word) != TOKEN_WORD ||
	    !span_is(&word, "in")) {
		script_fail(s, EINVAL, "'for' without 'in'");
		return;
	}
	expand(s, &name, &target);
	while (token_next(s, in, &word) == TOKEN_WORD)
		if (is_live)
			expand(s, &word, &values);
	run_list(s, in, STOP_DO, false);
	body = *in;
	run_list(s, in, STOP_DONE, false);
	for (size_t i = 0; i < values.n && target.n && !s->err && !s->is_left; i++) {
		struct script_span again = { body.at, in->end };

		script_set(s, target.word[0], values.word[i]);
		run_list(s, &again, STOP_DONE, true);
	}
}

static void run_function(struct script *s, struct script_span *in, bool is_live)
{
	struct script_span name, body, brace;
	struct script_words w = { .n = 0 };
	enum token t;

	if (token_next(s, in, &name) != TOKEN_WORD) {
		script_fail(s, EINVAL, "'function' without a name");
		return;
	}
	do
		t = token_next(s, in, &brace);
	while (t == TOKEN_END);
	if (t != TOKEN_OPEN) {
		script_fail(s, EINVAL, "'function' without a body");
		return;
	}
	body = read_body(s, in);
	expand(s, &name, &w);
	if (!is_live || s->err || !w.n)
		return;
	if (s->functions >= SCRIPT_FUNCTIONS_MAX)
		script_fail(s, E2BIG, "it has too many functions");
	else
		s->function[s->functions++] = (struct script_function){ w.word[0], body };
}

/* ------------------------------------------------------------- the menu */

/* The title is the first word that is no option; --id and --class take a word, the others not. */
static void item_read(struct script *s, const struct script_words *w, struct script_item *item)
{
	static const char *const with_word[] = { "--class", "--users", "--hotkey", "--source" };
	struct script_words *args = grub_alloc(&s->menu->arena, sizeof *args);

	if (!args) {
		script_fail(s, E2BIG, "it needs too much memory");
		return;
	}
	item->title = item->id = "";
	args->word[args->n++] = "";
	for (size_t i = 1; i < w->n; i++) {
		const char *word = w->word[i];
		bool takes = false;

		for (size_t k = 0; k < sizeof with_word / sizeof *with_word; k++)
			takes |= !strcmp(word, with_word[k]);
		if (!strncmp(word, "--id=", 5))
			item->id = word + 5;
		else if (!strcmp(word, "--id") && i + 1 < w->n)
			item->id = w->word[++i];
		else if (takes)
			i++;
		else if (strncmp(word, "--", 2) && !*item->title)
			item->title = word;
		else if (strncmp(word, "--", 2))
			args->word[args->n++] = word;
	}
	item->args = args;
}

const char *script_place_next(struct script *s)
{
	char text[512];

	snprintf(text, sizeof text, "%s%s%u", s->place, *s->place ? ">" : "", s->items++);
	return grub_copy(&s->menu->arena, text, strlen(text));
}

static void entry_add(struct script *s, const struct script_item *item)
{
	struct grub_entry *e = grub_menu_add(s->menu);

	if (!e) {
		script_fail(s, E2BIG, "it has too many entries");
		return;
	}
	e->title = item->title;
	e->id = item->id;
	e->place = item->place;
	e->group = s->group;
	s->item[s->menu->entries - 1] = *item;
}

/* A menu of its own, with variables of its own. */
static void submenu_add(struct script *s, const struct script_item *item)
{
	struct script_var var[SCRIPT_VARS_MAX];
	size_t vars = s->vars, first = s->menu->entries;
	const char *group = s->group, *place = s->place;
	unsigned items = s->items;
	char text[512];

	if (s->submenus >= SCRIPT_SUBMENUS_MAX) {
		script_fail(s, E2BIG, "it has too many submenus");
		return;
	}
	s->submenu[s->submenus++] = *item;
	memcpy(var, s->var, sizeof var);
	snprintf(text, sizeof text, "%s%s%s", group, *group ? ">" : "", item->title);
	s->group = grub_copy(&s->menu->arena, text, strlen(text));
	s->place = item->place;
	s->items = 0;
	if (s->group)
		script_run(s, item->body.at, (size_t)(item->body.end - item->body.at));
	else
		script_fail(s, E2BIG, "it needs too much memory");
	script_run_entries(s, first);
	memcpy(s->var, var, sizeof var);
	s->vars = vars;
	s->group = group;
	s->place = place;
	s->items = items;
}

/* `menuentry` or `submenu`, its first word read already. */
static void run_item(struct script *s, struct script_span *in, const struct script_span *first,
		     bool is_live)
{
	struct script_words w;
	struct script_item item = { 0 };

	if (read_words(s, in, first, &w, is_live) != TOKEN_OPEN) {
		script_fail(s, EINVAL, "'menuentry' or 'submenu' without a body");
		return;
	}
	item.body = read_body(s, in);
	if (!is_live || s->entry || s->is_left || s->err)
		return;
	item_read(s, &w, &item);
	item.place = script_place_next(s);
	if (!item.place)
		script_fail(s, E2BIG, "it needs too much memory");
	else if (!s->err && span_is(first, "submenu"))
		submenu_add(s, &item);
	else if (!s->err)
		entry_add(s, &item);
}

void script_run_entries(struct script *s, size_t first)
{
	s->is_left = false;
	for (size_t i = first; i < s->menu->entries && !s->err; i++) {
		const struct script_item *item = &s->item[i];
		struct script_var var[SCRIPT_VARS_MAX];
		size_t vars = s->vars;

		if (!item->body.at)
			continue;	/* a submenu's, and done */
		if (!script_work(s, sizeof var))
			return;
		memcpy(var, s->var, sizeof var);
		script_set(s, "chosen", item->title);
		s->entry = s->menu->entry[i];
		s->args = item->args;
		s->is_multiboot = false;
		s->modules = 0;
		script_run(s, item->body.at, (size_t)(item->body.end - item->body.at));
		s->item[i].body.at = NULL;
		s->is_left = false;
		s->entry = NULL;
		s->args = NULL;
		memcpy(s->var, var, sizeof var);
		s->vars = vars;
	}
}

/* -------------------------------------------------------------- commands */

static void call_function(struct script *s, const struct script_function *f,
			  const struct script_words *w)
{
	const struct script_words *outer = s->args;

	s->args = w;
	script_run(s, f->body.at, (size_t)(f->body.end - f->body.at));
	s->args = outer;
	s->is_left = false;
}

/* `name=value` is a command too. */
static bool is_assignment(const char *word, size_t *name)
{
	size_t n = 0;

	while (is_name(word[n]))
		n++;
	*name = n;
	return n && word[n] == '=';
}

static void run_words(struct script *s, const struct script_words *w)
{
	size_t n;

	if (s->err || !w->n)
		return;
	for (size_t i = s->functions; i-- > 0;) {	/* the last of a name holds */
		if (!strcmp(s->function[i].name, w->word[0])) {
			call_function(s, &s->function[i], w);
			return;
		}
	}
	if (is_assignment(w->word[0], &n)) {
		char *name = grub_copy(&s->menu->arena, w->word[0], n);

		if (name)
			script_set(s, name, w->word[0] + n + 1);
		s->status = 0;
		return;
	}
	s->status = script_builtin(s, w);
}

static void run_command(struct script *s, struct script_span *in, const struct script_span *first,
			bool is_live)
{
	struct script_words w;

	if (read_words(s, in, first, &w, is_live) == TOKEN_OPEN)
		script_fail(s, EINVAL, "a brace where none belongs");
	else if (is_live)
		run_words(s, &w);
}

static void run_one(struct script *s, struct script_span *in, const struct script_span *word,
		    bool is_live)
{
	if (span_is(word, "if"))
		run_if(s, in, is_live);
	else if (span_is(word, "while") || span_is(word, "until"))
		run_while(s, in, is_live, span_is(word, "until"));
	else if (span_is(word, "for"))
		run_for(s, in, is_live);
	else if (span_is(word, "function"))
		run_function(s, in, is_live);
	else if (span_is(word, "menuentry") || span_is(word, "submenu"))
		run_item(s, in, word, is_live);
	else
		run_command(s, in, word, is_live);
}

static unsigned stop_of(enum token t, const struct script_span *word)
{
	if (t == TOKEN_EOF)
		return STOP_EOF;
	if (t == TOKEN_CLOSE)
		return STOP_CLOSE;
	for (size_t i = 0; t == TOKEN_WORD && i < sizeof stop_words / sizeof *stop_words; i++)
		if (span_is(word, stop_words[i].word))
			return stop_words[i].stop;
	return 0;
}

/* Commands up to one of `stops`, which is read over and returned; run if is_live. */
static enum stop run_list(struct script *s, struct script_span *in, unsigned stops, bool is_live)
{
	struct script_span word;
	bool is_negated = false;

	if (++s->depth > SCRIPT_DEPTH_MAX)
		script_fail(s, E2BIG, "too much in each other");
	for (;;) {
		enum token t = token_next(s, in, &word);
		unsigned stop = stop_of(t, &word);

		if (s->err)
			stop = stops;	/* nobody goes on */
		if (stop && !(stop & stops))
			script_fail(s, EINVAL, "a block ends where it should not");
		if (stop || s->err) {
			s->depth--;
			return (enum stop)(stop & stops);
		}
		if (t == TOKEN_OPEN)
			script_fail(s, EINVAL, "a brace where none belongs");
		if (t != TOKEN_WORD)
			continue;
		if (span_is(&word, "!")) {
			is_negated = !is_negated;
			continue;
		}
		run_one(s, in, &word, is_live && !s->is_left);
		if (is_negated && is_live)
			s->status = !s->status;
		is_negated = false;
	}
}

void script_run(struct script *s, const char *text, size_t n)
{
	struct script_span in = { text, text + n };

	run_list(s, &in, STOP_EOF, true);
}
