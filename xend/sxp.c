/* S-expression trees: building, reading (xend.md's grammar), looking up. */
#include "xend/sxp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sxp *sxp_atom_n(const char *text, size_t length)
{
	struct sxp *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->text = malloc(length + 1);
	if (!s->text) {
		free(s);
		return NULL;
	}
	memcpy(s->text, text, length);
	s->text[length] = '\0';
	s->length = length;
	return s;
}

struct sxp *sxp_atom(const char *text)
{
	return text ? sxp_atom_n(text, strlen(text)) : NULL;
}

struct sxp *sxp_atomf(const char *format, ...)
{
	struct sxp *s;
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	s = sxp_atom_n(text, (size_t)n);
	free(text);
	return s;
}

struct sxp *sxp_list(void)
{
	struct sxp *s = calloc(1, sizeof(*s));

	if (s)
		s->is_list = true;
	return s;
}

struct sxp *sxp_named(const char *name)
{
	struct sxp *s = sxp_list();

	sxp_push(s, sxp_atom(name));
	return s;
}

struct sxp *sxp_pair(const char *name, struct sxp *value)
{
	struct sxp *s = sxp_named(name);

	sxp_push(s, value);
	return s;
}

void sxp_push(struct sxp *list, struct sxp *item)
{
	if (!list) {
		sxp_free(item);
		return;
	}
	if (!item) {
		list->failed = true;
		return;
	}
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 4;
		struct sxp **grown = reallocarray(list->item, room, sizeof(*grown));

		if (!grown) {
			list->failed = true;
			sxp_free(item);
			return;
		}
		list->item = grown;
		list->room = room;
	}
	list->item[list->count++] = item;
	list->failed |= item->failed;
}

void sxp_push_text(struct sxp *list, const char *name, const char *text)
{
	sxp_push(list, sxp_pair(name, sxp_atom(text)));
}

void sxp_push_int(struct sxp *list, const char *name, long long number)
{
	sxp_push(list, sxp_pair(name, sxp_atomf("%lld", number)));
}

struct sxp *sxp_copy(const struct sxp *s)
{
	struct sxp *copy;

	if (!s)
		return NULL;
	copy = s->is_list ? sxp_list() : sxp_atom_n(s->text, s->length);
	if (!copy)
		return NULL;
	copy->is_quoted = s->is_quoted;
	copy->line = s->line;
	copy->column = s->column;
	copy->failed = s->failed;
	for (size_t i = 0; i < s->count; i++)
		sxp_push(copy, sxp_copy(s->item[i]));
	return copy;
}

void sxp_free(struct sxp *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		sxp_free(s->item[i]);
	free(s->item);
	free(s->text);
	free(s);
}

bool sxp_failed(const struct sxp *s)
{
	return !s || s->failed;
}

const char *sxp_text(const struct sxp *s)
{
	return s && !s->is_list ? s->text : NULL;
}

const char *sxp_head(const struct sxp *s)
{
	return s && s->is_list && s->count ? sxp_text(s->item[0]) : NULL;
}

struct sxp *sxp_child(const struct sxp *s, const char *name)
{
	for (size_t i = 0; s && s->is_list && i < s->count; i++) {
		const char *head = sxp_head(s->item[i]);

		if (head && !strcmp(head, name))
			return s->item[i];
	}
	return NULL;
}

const char *sxp_child_text(const struct sxp *s, const char *name)
{
	const struct sxp *child = sxp_child(s, name);

	if (!child)
		return NULL;
	return child->count < 2 ? "" : sxp_text(child->item[1]);
}

/* ---- reading ---- */

struct sxp_reader {
	const char *text;
	size_t length, at;
	unsigned line, column;
	char *atom;			/* as long as the text: an atom never grows past its source */
	struct sxp_error *err;
};

#define SXP_EOF (-1)

static int sxp_peek(const struct sxp_reader *r)
{
	/* Ctrl-D ends the input: what a terminal sends */
	if (r->at >= r->length || r->text[r->at] == '\004')
		return SXP_EOF;
	return (unsigned char)r->text[r->at];
}

static void sxp_next(struct sxp_reader *r)
{
	if (r->text[r->at++] == '\n') {
		r->line++;
		r->column = 1;
	} else {
		r->column++;
	}
}

static int sxp_fail(struct sxp_reader *r, const char *text)
{
	if (r->err) {
		r->err->line = r->line;
		r->err->column = r->column;
		snprintf(r->err->text, sizeof(r->err->text), "%s", text);
	}
	return -EINVAL;
}

static bool sxp_is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool sxp_ends_atom(int c)
{
	return c == SXP_EOF || sxp_is_space(c) || (c && strchr("#{}()<>[]!;", c));
}

static void sxp_skip_blank(struct sxp_reader *r)
{
	int c;

	while ((c = sxp_peek(r)) != SXP_EOF) {
		if (c == '#') {
			while ((c = sxp_peek(r)) != SXP_EOF && c != '\n')
				sxp_next(r);
		} else if (sxp_is_space(c)) {
			sxp_next(r);
		} else {
			return;
		}
	}
}

/* `digits` digits of a base at most; gives how many there were. */
static unsigned sxp_read_digits(struct sxp_reader *r, unsigned digits, unsigned base, unsigned *value)
{
	static const char hex[] = "0123456789abcdef";
	unsigned n = 0;

	for (*value = 0; n < digits; n++) {
		int c = sxp_peek(r);
		const char *digit = c > 0 ? strchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

		if (!digit || (unsigned)(digit - hex) >= base)
			break;
		*value = *value * base + (unsigned)(digit - hex);
		sxp_next(r);
	}
	return n;
}

/* After a backslash: one byte, or -EINVAL.  An unknown escape is the backslash alone. */
static int sxp_read_escape(struct sxp_reader *r)
{
	static const char names[] = "abtnvfr\\'\"", bytes[] = "\a\b\t\n\v\f\r\\'\"";
	int c = sxp_peek(r);
	const char *found;
	unsigned value;

	if (c == SXP_EOF)
		return sxp_fail(r, "the text ends inside a string: expected the closing quote");
	if (c >= '0' && c <= '7') {
		sxp_read_digits(r, 3, 8, &value);
	} else if (c == 'x') {
		sxp_next(r);
		if (!sxp_read_digits(r, 2, 16, &value))
			return sxp_fail(r, "expected two hexadecimal digits after \\x");
	} else {
		found = c ? strchr(names, c) : NULL;
		sxp_next(r);
		return found ? bytes[found - names] : '\\';
	}
	if (value == 0 || value > 255)
		return sxp_fail(r, "expected an escape between \\001 and \\377");
	return (int)value;
}

static int sxp_read_string(struct sxp_reader *r, size_t *length)
{
	int quote = sxp_peek(r), c;
	size_t n = 0;

	for (sxp_next(r); (c = sxp_peek(r)) != quote; r->atom[n++] = (char)c) {
		if (c == SXP_EOF)
			return sxp_fail(r, "the text ends inside a string: "
					"expected the closing quote");
		if (c == 0)
			return sxp_fail(r, "a NUL byte inside a string");
		sxp_next(r);
		if (c == '\\' && (c = sxp_read_escape(r)) < 0)
			return c;
	}
	sxp_next(r);
	*length = n;
	return 0;
}

static int sxp_read_bare(struct sxp_reader *r, size_t *length)
{
	size_t n = 0;
	int c;

	while (!sxp_ends_atom(c = sxp_peek(r))) {
		if (c == 0)
			return sxp_fail(r, "a NUL byte");
		r->atom[n++] = (char)c;
		sxp_next(r);
	}
	*length = n;
	return n ? 0 : sxp_fail(r, "expected a word, a string or a list");
}

static int sxp_read(struct sxp_reader *r, unsigned depth, struct sxp **out);

static int sxp_read_items(struct sxp_reader *r, unsigned depth, struct sxp *list)
{
	for (;;) {
		struct sxp *item;
		int rc;

		sxp_skip_blank(r);
		if (sxp_peek(r) == ')') {
			sxp_next(r);
			return list->failed ? -ENOMEM : 0;
		}
		rc = sxp_read(r, depth + 1, &item);
		if (rc)
			return rc;
		sxp_push(list, item);
	}
}

static int sxp_read_list(struct sxp_reader *r, unsigned depth, struct sxp **out)
{
	struct sxp *list;
	int rc;

	if (depth >= SXP_DEPTH_MAX)
		return sxp_fail(r, "lists within lists, more than 64 deep");
	sxp_next(r);
	list = sxp_list();
	rc = list ? sxp_read_items(r, depth, list) : -ENOMEM;
	if (rc) {
		sxp_free(list);
		return rc;
	}
	*out = list;
	return 0;
}

/* One expression, blanks before it already skipped. */
static int sxp_read(struct sxp_reader *r, unsigned depth, struct sxp **out)
{
	unsigned line = r->line, column = r->column;
	int c = sxp_peek(r), rc;
	bool is_quoted = c == '\'' || c == '"';
	size_t length = 0;

	if (c == SXP_EOF)
		return sxp_fail(r, "the text ends inside a list: expected ')'");
	if (c == '(') {
		rc = sxp_read_list(r, depth, out);
	} else {
		rc = is_quoted ? sxp_read_string(r, &length) : sxp_read_bare(r, &length);
		if (rc == 0) {
			*out = sxp_atom_n(r->atom, length);
			rc = *out ? 0 : -ENOMEM;
		}
	}
	if (rc)
		return rc;
	(*out)->line = line;
	(*out)->column = column;
	(*out)->is_quoted = is_quoted;
	return 0;
}

int sxp_parse(const char *text, size_t length, struct sxp **out, size_t *used,
	      struct sxp_error *err)
{
	struct sxp_reader r = { text, length, 0, 1, 1, NULL, err };
	int rc;

	*out = NULL;
	r.atom = malloc(length + 1);
	if (!r.atom)
		return -ENOMEM;
	sxp_skip_blank(&r);
	rc = sxp_peek(&r) == SXP_EOF ? -ENOENT : sxp_read(&r, 0, out);
	if (used)
		*used = r.at;
	free(r.atom);
	return rc;
}

int sxp_parse_all(const char *text, size_t length, struct sxp **out, struct sxp_error *err)
{
	struct sxp_reader r = { text, length, 0, 1, 1, NULL, err };
	struct sxp *list = sxp_list(), *item;
	int rc = 0;

	*out = NULL;
	r.atom = malloc(length + 1);
	if (!r.atom || !list)
		rc = -ENOMEM;
	while (rc == 0) {
		sxp_skip_blank(&r);
		if (sxp_peek(&r) == SXP_EOF)
			break;
		rc = sxp_read(&r, 0, &item);
		if (rc == 0)
			sxp_push(list, item);
	}
	if (rc == 0 && list->failed)
		rc = -ENOMEM;
	if (rc)
		sxp_free(list);
	else
		*out = list;
	free(r.atom);
	return rc;
}
