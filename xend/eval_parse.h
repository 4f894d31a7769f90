/* The syntax tree of a configuration. */
#ifndef XEND_EVAL_PARSE_H
#define XEND_EVAL_PARSE_H

#include "xend/eval_value.h"

enum eval_node_kind {
	/* expressions */
	NODE_CONST,		/* value */
	NODE_NAME,		/* symbol */
	NODE_LIST, NODE_TUPLE,	/* first… */
	NODE_DICT,		/* first…: key, value, key, value */
	NODE_ATTR,		/* a.symbol */
	NODE_INDEX,		/* a[b] */
	NODE_SLICE,		/* a[first:next:next], each NODE_NOTHING where left out */
	NODE_NOTHING,
	NODE_CALL,		/* a(first…), a NODE_KEYWORD after those by position */
	NODE_KEYWORD,		/* symbol=a */
	NODE_UNARY,		/* op a */
	NODE_BINARY,		/* a op b */
	NODE_COMPARE,		/* a (first: op a)… : a chain */
	NODE_AND, NODE_OR,	/* a, b */
	NODE_NOT,		/* a */
	NODE_CHOICE,		/* a if b else c */
	NODE_LAMBDA,		/* parameters first…, expression b */
	NODE_COMPREHENSION,	/* [a for…]: first…, each NODE_FOR or NODE_IF */
	/* statements */
	NODE_BLOCK,		/* first… */
	NODE_EXPRESSION,	/* a */
	NODE_ASSIGN,		/* first… = a */
	NODE_AUGMENT,		/* a op= b */
	NODE_IF,		/* a: b else c */
	NODE_WHILE,		/* a: b else c */
	NODE_FOR,		/* a in b: c else first */
	NODE_DEF,		/* symbol(first…): b */
	NODE_PARAMETER,		/* symbol=a; a may be NULL */
	NODE_RETURN,		/* a or NULL */
	NODE_PASS, NODE_BREAK, NODE_CONTINUE,
	NODE_IMPORT,		/* first…: NODE_ALIAS */
	NODE_FROM,		/* a is the module's NODE_ALIAS; first…: NODE_ALIAS, none for * */
	NODE_ALIAS,		/* value is the dotted name, symbol what it is called here */
	NODE_PRINT,		/* first…; b is set when the line is not to end */
	NODE_RAISE,		/* a, b; either may be NULL */
	NODE_TRY,		/* b; first…: NODE_EXCEPT; c else; a finally */
	NODE_EXCEPT,		/* a or NULL, symbol or NULL: b */
	NODE_DELETE,		/* first… */
	NODE_GLOBAL,		/* first…: NODE_NAME */
	NODE_ASSERT,		/* a, b or NULL */
};

enum eval_op {
	OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_FLOOR, OP_MODULO, OP_POWER,
	OP_LEFT, OP_RIGHT, OP_AND, OP_OR, OP_XOR, OP_INVERT, OP_PLUS, OP_MINUS,
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN, OP_IS, OP_IS_NOT,
};

struct eval_node {
	enum eval_node_kind kind;
	enum eval_op op;
	struct eval_where where;
	struct eval_node *next;		/* among its siblings */
	struct eval_node *first, *a, *b, *c;
	struct eval_symbol *symbol;
	struct eval_value *value;
};

/* The whole text as a NODE_BLOCK; NULL with the error recorded. */
struct eval_node *eval_parse(struct eval *e, const char *text, size_t length);
/* The same for xl's kind of file: assignments only, indentation means nothing. */
struct eval_node *eval_parse_flat(struct eval *e, const char *text, size_t length);

/* ---- between eval_parse.c (statements) and eval_parse_expr.c ---- */

struct eval_lexer;

struct eval_parser {
	struct eval_lexer *x;
	struct eval *e;
	unsigned nesting;
};

struct eval_node *eval_node_new(struct eval_parser *p, enum eval_node_kind kind);
bool eval_parse_enter(struct eval_parser *p);
/* Goes past this keyword or operator if it is the current one. */
bool eval_parse_accept(struct eval_parser *p, const char *text);
bool eval_parse_expect(struct eval_parser *p, const char *text);
/* A name, gone past; NULL with the error. */
struct eval_symbol *eval_parse_name(struct eval_parser *p, const char *what);
/* One expression; a lambda and x if y else z too. */
struct eval_node *eval_parse_expr(struct eval_parser *p);
/* One, or several with commas: a tuple. */
struct eval_node *eval_parse_exprs(struct eval_parser *p);
/* What stands between `for` and `in`, or left of `=`. */
struct eval_node *eval_parse_targets(struct eval_parser *p);
/* Whether a node may be assigned to; else the error is recorded. */
bool eval_parse_is_target(struct eval_parser *p, const struct eval_node *n);
/* `a, b=1` up to the closing text, which is gone past; *first is the chain. */
bool eval_parse_parameters(struct eval_parser *p, const char *close, struct eval_node **first);

#endif
