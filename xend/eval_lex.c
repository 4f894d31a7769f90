/* Tokens: names, numbers, strings in all quotings, operators, and line structure. */
#include "xend/eval_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const eval_keywords[] = {
	"and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else",
	"except", "exec", "finally", "for", "from", "global", "if", "import", "in", "is",
	"lambda", "not", "or", "pass", "print", "raise", "return", "try", "while", "with",
	"yield", NULL
};

/* Longest first, so that the first match is the right one. */
static const char *const eval_operators[] = {
	"**=", "//=", "<<=", ">>=",
	"**", "//", "<<", ">>", "<=", ">=", "==", "!=", "<>", "+=", "-=", "*=", "/=", "%=",
	"&=", "|=", "^=",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}",
	",", ":", ".", ";", "=", NULL
};

void eval_lex_start(struct eval_lexer *x, struct eval *e, const char *text, size_t length)
{
	*x = (struct eval_lexer){ .e = e, .text = text, .length = length, .line = 1,
				  .at_line_start = true };
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))	/* a byte order mark */
		x->at = x->line_start = 3;
}

static int eval_peek(const struct eval_lexer *x, size_t ahead)
{
	return x->at + ahead < x->length ? (unsigned char)x->text[x->at + ahead] : -1;
}

static struct eval_where eval_here(const struct eval_lexer *x)
{
	return (struct eval_where){ x->line, (unsigned)(x->at - x->line_start) + 1 };
}

/* The line at fault, for the message; x has not gone past it yet or is at most at its end. */
static void eval_lex_quote_line(struct eval_lexer *x, unsigned line)
{
	size_t start = 0, end;

	for (unsigned n = 1; n < line && start < x->length; start++)
		n += x->text[start] == '\n';
	for (end = start; end < x->length && x->text[end] != '\n' && x->text[end] != '\r'; end++)
		;
	snprintf(x->e->error.source, sizeof(x->e->error.source), "%.*s",
		 (int)(end - start < 199 ? end - start : 199), x->text + start);
}

void *eval_lex_fail(struct eval_lexer *x, struct eval_where where, const char *format, ...)
{
	char text[400];
	va_list ap;

	if (x->e->failed)
		return NULL;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	eval_raise(x->e, where, NULL, "%s", text);
	x->e->error.is_syntax = true;
	eval_lex_quote_line(x, where.line);
	return NULL;
}

void *eval_lex_expected(struct eval_lexer *x, const char *what)
{
	static const char *const found[] = {
		[TOKEN_END] = "the end of the file", [TOKEN_NEWLINE] = "the end of the line",
		[TOKEN_INDENT] = "an indented line", [TOKEN_DEDENT] = "a line less indented",
	};
	const struct eval_token *t = &x->token;

	if (t->kind <= TOKEN_DEDENT)
		return eval_lex_fail(x, t->where, "expected %s, found %s", what, found[t->kind]);
	return eval_lex_fail(x, t->where, "expected %s, found %s%.*s%s", what,
			     t->kind == TOKEN_VALUE ? "" : "'",
			     (int)(t->length < 60 ? t->length : 60), t->text,
			     t->kind == TOKEN_VALUE ? "" : "'");
}

bool eval_lex_is(const struct eval_lexer *x, const char *text)
{
	const struct eval_token *t = &x->token;

	return (t->kind == TOKEN_OP || t->kind == TOKEN_KEYWORD) &&
		t->length == strlen(text) && !memcmp(t->text, text, t->length);
}

/* ---- blanks, lines and blocks ---- */

static void eval_lex_newline(struct eval_lexer *x)
{
	x->at++;
	x->line++;
	x->line_start = x->at;
}

/* Blanks, comments, backslash-newline; inside brackets and in flat files also empty lines. */
static void eval_lex_skip(struct eval_lexer *x)
{
	for (;;) {
		int c = eval_peek(x, 0);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			x->at++;
		} else if (c == '#') {
			while ((c = eval_peek(x, 0)) != -1 && c != '\n')
				x->at++;
		} else if (c == '\n' && x->brackets) {
			eval_lex_newline(x);
		} else if (c == '\\' && (eval_peek(x, 1) == '\n' ||
					 (eval_peek(x, 1) == '\r' && eval_peek(x, 2) == '\n'))) {
			x->at += eval_peek(x, 1) == '\r' ? 2 : 1;
			eval_lex_newline(x);
		} else {
			return;
		}
	}
}

/* The width of the next line's indentation that is not blank; tabs go to multiples of 8. */
static unsigned eval_lex_indentation(struct eval_lexer *x)
{
	for (;;) {
		unsigned width = 0;
		int c;

		for (; (c = eval_peek(x, 0)) == ' ' || c == '\t' || c == '\f'; x->at++)
			width = c == '\t' ? (width / 8 + 1) * 8 : c == '\f' ? 0 : width + 1;
		if (c == '#')
			while ((c = eval_peek(x, 0)) != -1 && c != '\n')
				x->at++;
		if (c == '\r' && eval_peek(x, 1) == '\n')
			c = (unsigned char)x->text[++x->at];
		if (c == -1)
			return 0;
		if (c != '\n')
			return width;
		eval_lex_newline(x);
	}
}

/* At the start of a line: INDENT, or how many DEDENTs are due.  True when a token came of it. */
static bool eval_lex_blocks(struct eval_lexer *x, bool *failed)
{
	unsigned width = eval_lex_indentation(x);
	struct eval_where where = eval_here(x);

	x->at_line_start = false;
	if (x->is_flat || width == x->indent[x->indents])
		return false;
	x->token.where = where;
	if (width > x->indent[x->indents]) {
		if (x->indents + 1 >= EVAL_INDENTS) {
			eval_lex_fail(x, where, "blocks within blocks, more than %d deep",
				      EVAL_INDENTS);
			*failed = true;
			return true;
		}
		x->indent[++x->indents] = width;
		x->token.kind = TOKEN_INDENT;
		return true;
	}
	while (width < x->indent[x->indents]) {
		x->indents--;
		x->dedents_due++;
	}
	if (width != x->indent[x->indents]) {
		eval_lex_fail(x, where, "expected the indentation of a block that is open: "
			      "%u columns, found %u", x->indent[x->indents], width);
		*failed = true;
	}
	return true;
}

/* ---- numbers ---- */

static bool eval_lex_integer(struct eval_lexer *x, const char *digits, int base, bool *is_long)
{
	struct eval_where where = eval_here(x);
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(digits, &end, base);
	if (errno || n > INT64_MAX)
		return eval_lex_fail(x, where, "the number does not fit 64 bits");
	*is_long = *end == 'l' || *end == 'L';
	end += *is_long;
	if (*end || end == digits)
		return eval_lex_fail(x, where, "'%s' is not a number", digits);
	x->token.value = eval_int(x->e, where, (int64_t)n);
	if (x->token.value && *is_long)
		x->token.value->type = EVAL_LONG;
	return x->token.value;
}

static bool eval_lex_real(struct eval_lexer *x, const char *digits)
{
	struct eval_where where = eval_here(x);
	char *end;
	double real = strtod(digits, &end);

	if (*end)
		return eval_lex_fail(x, where, "'%s' is not a number", digits);
	x->token.value = eval_float(x->e, where, real);
	return x->token.value;
}

static bool eval_lex_number(struct eval_lexer *x)
{
	char text[80];
	size_t n = 0;
	bool is_hex, is_real, is_long;
	int c;

	is_hex = eval_peek(x, 0) == '0' && (eval_peek(x, 1) == 'x' || eval_peek(x, 1) == 'X');
	while ((c = eval_peek(x, n)) != -1 && n < sizeof(text) - 1) {
		bool is_sign = (c == '+' || c == '-') && n && !is_hex &&
			(text[n - 1] == 'e' || text[n - 1] == 'E');

		if (!isalnum(c) && c != '.' && c != '_' && !is_sign)
			break;
		text[n++] = (char)c;
	}
	text[n] = '\0';
	x->token.kind = TOKEN_VALUE;
	x->token.length = n;
	if (n == sizeof(text) - 1)
		return eval_lex_fail(x, eval_here(x), "a number of more than %zu digits", n);
	is_real = !is_hex && strpbrk(text, ".eE");
	if (is_real ? !eval_lex_real(x, text) :
	    text[0] == '0' && (text[1] == 'o' || text[1] == 'O') ?
	    !eval_lex_integer(x, text + 2, 8, &is_long) :
	    text[0] == '0' && (text[1] == 'b' || text[1] == 'B') ?
	    !eval_lex_integer(x, text + 2, 2, &is_long) :
	    !eval_lex_integer(x, text, 0, &is_long))
		return false;
	x->at += n;
	return true;
}

/* ---- strings ---- */

static int eval_hex_digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* After a backslash.  The bytes that the escape stands for go to out; how many, or -1. */
static int eval_lex_escape(struct eval_lexer *x, char *out)
{
	static const char names[] = "abfnrtv\\'\"", bytes[] = "\a\b\f\n\r\t\v\\'\"";
	struct eval_where where = eval_here(x);
	int c = eval_peek(x, 0), value = 0;
	const char *found = c > 0 ? strchr(names, c) : NULL;

	if (c == '\n') {
		eval_lex_newline(x);
		return 0;
	}
	x->at++;
	if (found) {
		out[0] = bytes[found - names];
		return 1;
	}
	if (c >= '0' && c <= '7') {
		value = c - '0';
		for (int i = 0; i < 2 && (c = eval_peek(x, 0)) >= '0' && c <= '7'; i++, x->at++)
			value = value * 8 + c - '0';
	} else if (c == 'x') {
		for (int i = 0; i < 2; i++, x->at++) {
			if ((c = eval_hex_digit(eval_peek(x, 0))) < 0) {
				eval_lex_fail(x, where, "expected two hexadecimal digits after \\x");
				return -1;
			}
			value = value * 16 + c;
		}
	} else {			/* unknown: both characters stay */
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if ((value & 0xff) == 0) {
		eval_lex_fail(x, where, "a NUL character cannot be part of a value");
		return -1;
	}
	out[0] = (char)value;
	return 1;
}

static bool eval_lex_closes(const struct eval_lexer *x, int quote, bool is_triple)
{
	return eval_peek(x, 0) == quote &&
		(!is_triple || (eval_peek(x, 1) == quote && eval_peek(x, 2) == quote));
}

/* From the opening quote on; the bytes go to out. */
static bool eval_lex_quoted(struct eval_lexer *x, bool is_raw, struct eval_out *out)
{
	struct eval_where start = eval_here(x);
	int quote = eval_peek(x, 0), c, n;
	bool is_triple = eval_peek(x, 1) == quote && eval_peek(x, 2) == quote;
	char bytes[2];

	for (x->at += is_triple ? 3 : 1; !eval_lex_closes(x, quote, is_triple); ) {
		c = eval_peek(x, 0);
		if (c == -1 || (c == '\n' && !is_triple))
			return eval_lex_fail(x, start, "expected the string to end with %s%c "
					     "before the %s ends", is_triple ? "three " : "", quote,
					     is_triple ? "file" : "line");
		if (c == 0)
			return eval_lex_fail(x, eval_here(x), "a NUL character in a string");
		bytes[0] = (char)c;
		n = 1;
		if (c == '\n') {
			eval_lex_newline(x);
		} else if (c != '\\') {
			x->at++;
		} else if (is_raw && eval_peek(x, 1) > 0 && eval_peek(x, 1) != '\n') {
			bytes[1] = x->text[x->at + 1];	/* a quote too: both stay */
			n = 2;
			x->at += 2;
		} else {
			x->at++;
			if (eval_peek(x, 0) <= 0)
				continue;	/* the next round reports it */
			n = is_raw ? 1 : eval_lex_escape(x, bytes);
			if (n < 0)
				return false;
		}
		eval_put(out, bytes, (size_t)n);
	}
	x->at += is_triple ? 3 : 1;
	return true;
}

/* How long a prefix (r, u, b and pairs) stands before a quote here; -1: no string. */
static int eval_lex_prefix(const struct eval_lexer *x)
{
	for (int n = 0; n <= 2; n++) {
		int c = eval_peek(x, (size_t)n);

		if (c == '\'' || c == '"')
			return n;
		if (c <= 0 || !strchr("rRuUbB", c))
			return -1;
	}
	return -1;
}

/* Adjacent strings are one. */
static bool eval_lex_string(struct eval_lexer *x)
{
	struct eval_out out = { x->e, eval_here(x) };
	bool is_unicode = false;
	size_t start = x->at, end = x->at;
	int n;

	while ((n = eval_lex_prefix(x)) >= 0) {
		bool is_raw = false;

		for (; n; n--, x->at++) {
			is_raw |= (x->text[x->at] | 32) == 'r';
			is_unicode |= (x->text[x->at] | 32) == 'u';
		}
		if (!eval_lex_quoted(x, is_raw, &out))
			return false;
		end = x->at;
		eval_lex_skip(x);
	}
	x->token.kind = TOKEN_VALUE;
	x->token.length = end - start;
	x->token.value = eval_take(&out);
	if (x->token.value && is_unicode)
		x->token.value->type = EVAL_UNICODE;
	return x->token.value;
}

/* ---- the rest ---- */

static bool eval_lex_name(struct eval_lexer *x)
{
	struct eval_token *t = &x->token;
	int c;

	for (t->length = 0; (c = eval_peek(x, t->length)) == '_' || isalnum(c); t->length++)
		;
	x->at += t->length;
	t->kind = TOKEN_NAME;
	for (size_t i = 0; eval_keywords[i]; i++)
		if (t->length == strlen(eval_keywords[i]) &&
		    !memcmp(t->text, eval_keywords[i], t->length))
			t->kind = TOKEN_KEYWORD;
	return true;
}

static bool eval_lex_operator(struct eval_lexer *x)
{
	int c = eval_peek(x, 0);

	for (size_t i = 0; eval_operators[i]; i++) {
		size_t n = strlen(eval_operators[i]);

		if (n > x->length - x->at || memcmp(x->text + x->at, eval_operators[i], n))
			continue;
		if (strchr("([{", c))
			x->brackets++;
		else if (strchr(")]}", c) && x->brackets)
			x->brackets--;
		x->token.kind = TOKEN_OP;
		x->token.length = n;
		x->at += n;
		return true;
	}
	if (isprint(c))
		return eval_lex_fail(x, eval_here(x), "'%c' is not part of the language here", c);
	return eval_lex_fail(x, eval_here(x), "byte 0x%02x is not part of the language here", c);
}

bool eval_lex_next(struct eval_lexer *x)
{
	struct eval_token *t = &x->token;
	bool failed = false;
	int c;

	if (x->at_line_start && eval_lex_blocks(x, &failed) && (failed || !x->dedents_due))
		return !failed;
	if (x->dedents_due) {
		x->dedents_due--;
		t->kind = TOKEN_DEDENT;
		return true;
	}
	eval_lex_skip(x);
	t->where = eval_here(x);
	t->text = x->text + x->at;
	t->length = 0;
	c = eval_peek(x, 0);
	if (c == -1 && !x->brackets && t->kind != TOKEN_NEWLINE && t->kind != TOKEN_END && t->kind != TOKEN_DEDENT) {
		t->kind = TOKEN_NEWLINE;	/* a last line without its end */
		x->at_line_start = true;
		return true;
	}
	if (c == -1) {
		t->kind = TOKEN_END;
		return true;
	}
	if (c == '\n') {
		eval_lex_newline(x);
		t->kind = TOKEN_NEWLINE;
		x->at_line_start = true;
		return true;
	}
	if (eval_lex_prefix(x) >= 0)
		return eval_lex_string(x);
	if (isdigit(c) || (c == '.' && isdigit(eval_peek(x, 1))))
		return eval_lex_number(x);
	if (c == '_' || isalpha(c))
		return eval_lex_name(x);
	return eval_lex_operator(x);
}
