/* Expressions, by precedence. */
#include "xend/eval_lex.h"
#include "xend/eval_parse.h"

#include <string.h>

#define PRECEDENCE_COMPARE 1
#define PRECEDENCE_UNARY 7
#define PRECEDENCE_POWER 8

static const struct eval_binary {
	const char *text;
	unsigned precedence;		/* higher binds tighter */
	enum eval_op op;
} eval_binaries[] = {
	{ "==", 1, OP_EQ }, { "!=", 1, OP_NE }, { "<>", 1, OP_NE }, { "<", 1, OP_LT },
	{ "<=", 1, OP_LE }, { ">", 1, OP_GT }, { ">=", 1, OP_GE }, { "in", 1, OP_IN },
	{ "not", 1, OP_NOT_IN }, { "is", 1, OP_IS },
	{ "|", 2, OP_OR }, { "^", 3, OP_XOR }, { "&", 4, OP_AND },
	{ "<<", 5, OP_LEFT }, { ">>", 5, OP_RIGHT },
	{ "+", 6, OP_ADD }, { "-", 6, OP_SUBTRACT },
	{ "*", 7, OP_MULTIPLY }, { "/", 7, OP_DIVIDE }, { "//", 7, OP_FLOOR },
	{ "%", 7, OP_MODULO },
	{ "**", PRECEDENCE_POWER, OP_POWER },
};

struct eval_node *eval_node_new(struct eval_parser *p, enum eval_node_kind kind)
{
	struct eval_node *n = eval_alloc(p->e, sizeof(*n));

	if (n) {
		n->kind = kind;
		n->where = p->x->token.where;
	}
	return n;
}

bool eval_parse_enter(struct eval_parser *p)
{
	if (p->nesting >= EVAL_NESTING_MAX)
		return eval_lex_fail(p->x, p->x->token.where,
				     "brackets or blocks within each other, more than %d deep",
				     EVAL_NESTING_MAX);
	p->nesting++;
	return true;
}

bool eval_parse_accept(struct eval_parser *p, const char *text)
{
	return eval_lex_is(p->x, text) && eval_lex_next(p->x);
}

bool eval_parse_expect(struct eval_parser *p, const char *text)
{
	char what[16];

	if (eval_lex_is(p->x, text))
		return eval_lex_next(p->x);
	snprintf(what, sizeof(what), "'%s'", text);
	return eval_lex_expected(p->x, what);
}

struct eval_symbol *eval_parse_name(struct eval_parser *p, const char *what)
{
	struct eval_token *t = &p->x->token;
	struct eval_symbol *symbol;

	if (t->kind != TOKEN_NAME)
		return eval_lex_expected(p->x, what);
	symbol = eval_symbol(p->e, t->text, t->length);
	return symbol && eval_lex_next(p->x) ? symbol : NULL;
}

static struct eval_node *eval_parse_unary(struct eval_parser *p);
static struct eval_node *eval_parse_binary(struct eval_parser *p, unsigned least);
static struct eval_node *eval_parse_or(struct eval_parser *p);

/* ---- displays: lists, tuples, dicts ---- */

/* `for a in b` and `if c` after the element of a list: they nest from left to right. */
static struct eval_node *eval_parse_comprehension(struct eval_parser *p, struct eval_node *list)
{
	struct eval_node **end = &list->first, *clause;

	list->kind = NODE_COMPREHENSION;
	list->a = list->first;
	list->first = NULL;
	while (!eval_lex_is(p->x, "]")) {
		bool is_for = eval_lex_is(p->x, "for");

		if (!is_for && !eval_lex_is(p->x, "if"))
			return eval_lex_expected(p->x, "'for', 'if' or ']'");
		clause = eval_node_new(p, is_for ? NODE_FOR : NODE_IF);
		if (!clause || !eval_lex_next(p->x))
			return NULL;
		if (is_for) {
			clause->a = eval_parse_targets(p);
			if (!clause->a || !eval_parse_expect(p, "in"))
				return NULL;
			clause->b = eval_parse_or(p);
		} else {
			clause->a = eval_parse_or(p);
		}
		if (p->e->failed)
			return NULL;
		*end = clause;
		end = &clause->next;
	}
	return eval_lex_next(p->x) ? list : NULL;
}

/* Elements up to a closing bracket, a comma after the last allowed. */
static bool eval_parse_elements(struct eval_parser *p, const char *close, struct eval_node **end)
{
	while (!eval_parse_accept(p, close)) {
		*end = p->e->failed ? NULL : eval_parse_expr(p);
		if (!*end)
			return false;
		end = &(*end)->next;
		if (eval_lex_is(p->x, close))
			continue;
		if (!eval_lex_is(p->x, ","))
			return eval_lex_expected(p->x, close[0] == ']' ? "',' or ']'" :
						 "',' or ')'");
		if (!eval_lex_next(p->x))
			return false;
	}
	return !p->e->failed;
}

static struct eval_node *eval_parse_list(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_LIST);

	if (!n || !eval_lex_next(p->x))
		return NULL;
	if (eval_lex_is(p->x, "]"))
		return eval_lex_next(p->x) ? n : NULL;
	n->first = eval_parse_expr(p);
	if (!n->first)
		return NULL;
	if (eval_lex_is(p->x, "for"))
		return eval_parse_comprehension(p, n);
	if (eval_parse_accept(p, "]"))
		return n;
	if (!eval_lex_is(p->x, ","))
		return eval_lex_expected(p->x, "',' or ']'");
	return eval_lex_next(p->x) && eval_parse_elements(p, "]", &n->first->next) ? n : NULL;
}

static struct eval_node *eval_parse_parenthesis(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_TUPLE), *inner;

	if (!n || !eval_lex_next(p->x))
		return NULL;
	if (eval_lex_is(p->x, ")"))
		return eval_lex_next(p->x) ? n : NULL;
	inner = eval_parse_expr(p);
	if (!inner)
		return NULL;
	if (eval_lex_is(p->x, ")"))
		return eval_lex_next(p->x) ? inner : NULL;
	n->first = inner;
	if (!eval_lex_is(p->x, ","))
		return eval_lex_expected(p->x, "',' or ')'");
	return eval_lex_next(p->x) && eval_parse_elements(p, ")", &inner->next) ? n : NULL;
}

static struct eval_node *eval_parse_dict(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_DICT), **end;

	if (!n || !eval_lex_next(p->x))
		return NULL;
	for (end = &n->first; !eval_lex_is(p->x, "}"); ) {
		*end = eval_parse_expr(p);
		if (!*end || !eval_parse_expect(p, ":"))
			return NULL;
		end = &(*end)->next;
		*end = eval_parse_expr(p);
		if (!*end)
			return NULL;
		end = &(*end)->next;
		if (!eval_lex_is(p->x, ",") && !eval_lex_is(p->x, "}"))
			return eval_lex_expected(p->x, "',' or '}'");
		if (eval_lex_is(p->x, ",") && !eval_lex_next(p->x))
			return NULL;
	}
	return eval_lex_next(p->x) ? n : NULL;
}

/* ---- atoms and what follows them ---- */

static struct eval_node *eval_parse_atom_nested(struct eval_parser *p)
{
	if (eval_lex_is(p->x, "["))
		return eval_parse_list(p);
	if (eval_lex_is(p->x, "("))
		return eval_parse_parenthesis(p);
	if (eval_lex_is(p->x, "{"))
		return eval_parse_dict(p);
	return eval_lex_expected(p->x, "a value");
}

static struct eval_node *eval_parse_atom(struct eval_parser *p)
{
	struct eval_token *t = &p->x->token;
	struct eval_node *n;

	if (t->kind == TOKEN_VALUE) {
		n = eval_node_new(p, NODE_CONST);
		if (!n)
			return NULL;
		n->value = t->value;
		return eval_lex_next(p->x) ? n : NULL;
	}
	if (t->kind == TOKEN_NAME) {
		n = eval_node_new(p, NODE_NAME);
		if (!n)
			return NULL;
		n->symbol = eval_parse_name(p, "a name");
		return n->symbol ? n : NULL;
	}
	if (!eval_parse_enter(p))
		return NULL;
	n = eval_parse_atom_nested(p);
	p->nesting--;
	return n;
}

/* f(a, b, key=c): keywords come last. */
static struct eval_node *eval_parse_call(struct eval_parser *p, struct eval_node *callee)
{
	struct eval_node *n = eval_node_new(p, NODE_CALL), **end, *arg;

	if (!n || !eval_lex_next(p->x))
		return NULL;
	n->a = callee;
	n->where = callee->where;
	for (end = &n->first; !eval_lex_is(p->x, ")"); end = &arg->next) {
		arg = eval_parse_expr(p);
		if (!arg)
			return NULL;
		if (arg->kind == NODE_NAME && eval_lex_is(p->x, "=")) {
			arg->kind = NODE_KEYWORD;
			if (!eval_lex_next(p->x) || !(arg->a = eval_parse_expr(p)))
				return NULL;
		} else if (n->op == OP_EQ) {	/* there was a keyword */
			return eval_lex_fail(p->x, arg->where, "expected KEY=VALUE: "
					     "arguments by position come first");
		}
		n->op = arg->kind == NODE_KEYWORD ? OP_EQ : n->op;
		*end = arg;
		if (!eval_lex_is(p->x, ",") && !eval_lex_is(p->x, ")"))
			return eval_lex_expected(p->x, "',' or ')'");
		if (eval_lex_is(p->x, ",") && !eval_lex_next(p->x))
			return NULL;
	}
	return eval_lex_next(p->x) ? n : NULL;
}

/* One bound of a slice, or NODE_NOTHING. */
static struct eval_node *eval_parse_bound(struct eval_parser *p)
{
	if (eval_lex_is(p->x, ":") || eval_lex_is(p->x, "]"))
		return eval_node_new(p, NODE_NOTHING);
	return eval_parse_expr(p);
}

static struct eval_node *eval_parse_index(struct eval_parser *p, struct eval_node *object)
{
	struct eval_node *n = eval_node_new(p, NODE_INDEX), *bound, **end;

	if (!n || !eval_lex_next(p->x))
		return NULL;
	n->a = object;
	n->where = object->where;
	bound = eval_parse_bound(p);
	if (!bound)
		return NULL;
	if (bound->kind == NODE_NOTHING && !eval_lex_is(p->x, ":"))
		return eval_lex_expected(p->x, "an index");
	n->b = bound;
	if (eval_lex_is(p->x, ":")) {
		n->kind = NODE_SLICE;
		n->first = bound;
		end = &bound->next;
		for (int i = 0; i < 2; i++) {
			bool more = eval_parse_accept(p, ":");

			*end = more ? eval_parse_bound(p) : eval_node_new(p, NODE_NOTHING);
			if (!*end || p->e->failed)
				return NULL;
			end = &(*end)->next;
		}
	}
	return eval_parse_expect(p, "]") ? n : NULL;
}

static struct eval_node *eval_parse_attribute(struct eval_parser *p, struct eval_node *object)
{
	struct eval_node *n = eval_node_new(p, NODE_ATTR);

	if (!n || !eval_lex_next(p->x))
		return NULL;
	n->a = object;
	n->where = object->where;
	n->symbol = eval_parse_name(p, "a name after '.'");
	return n->symbol ? n : NULL;
}

static struct eval_node *eval_parse_postfix(struct eval_parser *p)
{
	struct eval_node *n = eval_parse_atom(p);

	while (n) {
		if (eval_lex_is(p->x, "("))
			n = eval_parse_call(p, n);
		else if (eval_lex_is(p->x, "["))
			n = eval_parse_index(p, n);
		else if (eval_lex_is(p->x, "."))
			n = eval_parse_attribute(p, n);
		else
			return n;
	}
	return NULL;
}

/* ---- operators ---- */

static struct eval_node *eval_parse_sign(struct eval_parser *p, enum eval_op op)
{
	struct eval_node *n = eval_node_new(p, NODE_UNARY);

	if (!n || !eval_lex_next(p->x) || !eval_parse_enter(p))
		return NULL;
	n->op = op;
	n->a = eval_parse_unary(p);
	p->nesting--;
	return n->a ? n : NULL;
}

static struct eval_node *eval_parse_unary(struct eval_parser *p)
{
	struct eval_node *base, *n;

	if (eval_lex_is(p->x, "-"))
		return eval_parse_sign(p, OP_MINUS);
	if (eval_lex_is(p->x, "+"))
		return eval_parse_sign(p, OP_PLUS);
	if (eval_lex_is(p->x, "~"))
		return eval_parse_sign(p, OP_INVERT);
	base = eval_parse_postfix(p);
	if (!base || !eval_lex_is(p->x, "**"))
		return base;
	n = eval_node_new(p, NODE_BINARY);
	if (!n || !eval_lex_next(p->x) || !eval_parse_enter(p))
		return NULL;
	n->op = OP_POWER;
	n->a = base;
	n->b = eval_parse_unary(p);
	p->nesting--;
	return n->b ? n : NULL;
}

static const struct eval_binary *eval_parse_operator(struct eval_parser *p)
{
	if (p->x->token.kind != TOKEN_OP && p->x->token.kind != TOKEN_KEYWORD)
		return NULL;
	for (size_t i = 0; i < sizeof(eval_binaries) / sizeof(eval_binaries[0]); i++)
		if (eval_lex_is(p->x, eval_binaries[i].text))
			return &eval_binaries[i];
	return NULL;
}

/* Past a comparison's operator, which may be two words. */
static bool eval_parse_comparison(struct eval_parser *p, struct eval_node *n, enum eval_op op)
{
	n->op = op;
	if (!eval_lex_next(p->x))
		return false;
	if (op == OP_NOT_IN)
		return eval_parse_expect(p, "in");
	if (op == OP_IS && eval_parse_accept(p, "not"))
		n->op = OP_IS_NOT;
	return !p->e->failed;
}

/* a < b < c is one chain. */
static struct eval_node *eval_parse_compare(struct eval_parser *p, struct eval_node *left,
					    const struct eval_binary *row)
{
	struct eval_node *n = eval_node_new(p, NODE_COMPARE), **end;

	if (!n)
		return NULL;
	n->a = left;
	for (end = &n->first; row && row->precedence == PRECEDENCE_COMPARE; end = &(*end)->next) {
		*end = eval_node_new(p, NODE_COMPARE);
		if (!*end || !eval_parse_comparison(p, *end, row->op))
			return NULL;
		(*end)->a = eval_parse_binary(p, PRECEDENCE_COMPARE + 1);
		if (!(*end)->a)
			return NULL;
		row = eval_parse_operator(p);
	}
	return n;
}

static struct eval_node *eval_parse_binary(struct eval_parser *p, unsigned least)
{
	struct eval_node *left = eval_parse_unary(p), *n;
	const struct eval_binary *row;

	while (left && (row = eval_parse_operator(p)) && row->precedence >= least) {
		if (row->precedence == PRECEDENCE_COMPARE) {
			left = eval_parse_compare(p, left, row);
			continue;
		}
		n = eval_node_new(p, NODE_BINARY);
		if (!n || !eval_lex_next(p->x))
			return NULL;
		n->op = row->op;
		n->a = left;
		n->b = eval_parse_binary(p, row->precedence + 1);
		left = n->b ? n : NULL;
	}
	return left;
}

static struct eval_node *eval_parse_not(struct eval_parser *p)
{
	struct eval_node *n;

	if (!eval_lex_is(p->x, "not"))
		return eval_parse_binary(p, PRECEDENCE_COMPARE);
	n = eval_node_new(p, NODE_NOT);
	if (!n || !eval_lex_next(p->x) || !eval_parse_enter(p))
		return NULL;
	n->a = eval_parse_not(p);
	p->nesting--;
	return n->a ? n : NULL;
}

static struct eval_node *eval_parse_and(struct eval_parser *p)
{
	struct eval_node *left = eval_parse_not(p), *n;

	while (left && eval_lex_is(p->x, "and")) {
		n = eval_node_new(p, NODE_AND);
		if (!n || !eval_lex_next(p->x))
			return NULL;
		n->a = left;
		n->b = eval_parse_not(p);
		left = n->b ? n : NULL;
	}
	return left;
}

static struct eval_node *eval_parse_or(struct eval_parser *p)
{
	struct eval_node *left = eval_parse_and(p), *n;

	while (left && eval_lex_is(p->x, "or")) {
		n = eval_node_new(p, NODE_OR);
		if (!n || !eval_lex_next(p->x))
			return NULL;
		n->a = left;
		n->b = eval_parse_and(p);
		left = n->b ? n : NULL;
	}
	return left;
}

bool eval_parse_parameters(struct eval_parser *p, const char *close, struct eval_node **first)
{
	struct eval_node **end = first;
	bool has_default = false;

	while (!eval_lex_is(p->x, close)) {
		*end = eval_node_new(p, NODE_PARAMETER);
		if (!*end || !((*end)->symbol = eval_parse_name(p, "a parameter's name")))
			return false;
		if (eval_parse_accept(p, "=")) {
			(*end)->a = eval_parse_expr(p);
			has_default = true;
		} else if (has_default) {
			return eval_lex_expected(p->x, "a default value: the parameter before has one");
		}
		if (p->e->failed)
			return false;
		end = &(*end)->next;
		if (!eval_lex_is(p->x, close) && !eval_parse_expect(p, ","))
			return false;
	}
	return eval_lex_next(p->x);
}

static struct eval_node *eval_parse_lambda(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_LAMBDA);

	if (!n || !eval_lex_next(p->x) || !eval_parse_parameters(p, ":", &n->first))
		return NULL;
	n->b = eval_parse_expr(p);
	return n->b ? n : NULL;
}

static struct eval_node *eval_parse_choice(struct eval_parser *p)
{
	struct eval_node *left, *n;

	if (eval_lex_is(p->x, "lambda"))
		return eval_parse_lambda(p);
	left = eval_parse_or(p);
	if (!left || !eval_lex_is(p->x, "if"))
		return left;
	n = eval_node_new(p, NODE_CHOICE);
	if (!n || !eval_lex_next(p->x))
		return NULL;
	n->a = left;
	n->b = eval_parse_or(p);
	if (!n->b || !eval_parse_expect(p, "else"))
		return NULL;
	n->c = eval_parse_expr(p);
	return n->c ? n : NULL;
}

struct eval_node *eval_parse_expr(struct eval_parser *p)
{
	struct eval_node *n;

	if (!eval_parse_enter(p))
		return NULL;
	n = eval_parse_choice(p);
	p->nesting--;
	return n;
}

/* ---- several expressions, and what can be assigned to ---- */

/* One `parse`d thing, or a tuple of them when a comma follows. */
static struct eval_node *eval_parse_tuple(struct eval_parser *p,
					  struct eval_node *(*parse)(struct eval_parser *p))
{
	struct eval_node *n = eval_node_new(p, NODE_TUPLE), **end;

	if (!n || !(n->first = parse(p)))
		return NULL;
	if (!eval_lex_is(p->x, ","))
		return n->first;
	for (end = &n->first->next; eval_parse_accept(p, ","); end = &(*end)->next) {
		enum eval_token_kind kind = p->x->token.kind;

		if (kind == TOKEN_NEWLINE || kind == TOKEN_END || eval_lex_is(p->x, "=") ||
		    eval_lex_is(p->x, ";") || eval_lex_is(p->x, "in"))
			break;
		*end = parse(p);
		if (!*end)
			return NULL;
	}
	return p->e->failed ? NULL : n;
}

struct eval_node *eval_parse_exprs(struct eval_parser *p)
{
	return eval_parse_tuple(p, eval_parse_expr);
}

struct eval_node *eval_parse_targets(struct eval_parser *p)
{
	struct eval_node *n = eval_parse_tuple(p, eval_parse_postfix);

	return n && eval_parse_is_target(p, n) ? n : NULL;
}

bool eval_parse_is_target(struct eval_parser *p, const struct eval_node *n)
{
	if (n->kind == NODE_NAME || n->kind == NODE_INDEX)
		return true;
	if (n->kind != NODE_TUPLE && n->kind != NODE_LIST)
		return eval_lex_fail(p->x, n->where, "expected a variable's name "
				     "as what is assigned to");
	for (const struct eval_node *item = n->first; item; item = item->next)
		if (!eval_parse_is_target(p, item))
			return false;
	return true;
}
