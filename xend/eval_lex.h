/* The tokens of a configuration file, one at a time, with Python's indentation. */
#ifndef XEND_EVAL_LEX_H
#define XEND_EVAL_LEX_H

#include "xend/eval_value.h"

#define EVAL_INDENTS 60

enum eval_token_kind {
	TOKEN_END, TOKEN_NEWLINE, TOKEN_INDENT, TOKEN_DEDENT,
	TOKEN_NAME, TOKEN_KEYWORD, TOKEN_OP, TOKEN_VALUE,
};

struct eval_token {
	enum eval_token_kind kind;
	struct eval_where where;
	const char *text;		/* in the source, not terminated */
	size_t length;
	struct eval_value *value;	/* of TOKEN_VALUE: a number or string */
};

struct eval_lexer {
	struct eval *e;
	const char *text;
	size_t length, at, line_start;
	unsigned line;
	unsigned brackets;		/* open ones: line ends and indentation mean nothing there */
	bool is_flat;			/* indentation means nothing anywhere: xl's files */
	bool at_line_start;
	unsigned indent[EVAL_INDENTS];	/* columns of the open blocks; [0] is 0 */
	unsigned indents, dedents_due;
	struct eval_token token;	/* the current one */
};

void eval_lex_start(struct eval_lexer *x, struct eval *e, const char *text, size_t length);
/* Moves to the next token; false with the error recorded. */
bool eval_lex_next(struct eval_lexer *x);

/* Whether the current token is this keyword or operator. */
bool eval_lex_is(const struct eval_lexer *x, const char *text);
/* A syntax error at the current token: "expected WHAT, found …". */
void *eval_lex_expected(struct eval_lexer *x, const char *what);
/* A syntax error at a place of its own. */
void *eval_lex_fail(struct eval_lexer *x, struct eval_where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
