/* Statements and blocks. */
#include "xend/eval_parse.h"
#include "xend/eval_lex.h"

#include <string.h>

static struct eval_node *eval_parse_statement(struct eval_parser *p);
static struct eval_node *eval_parse_suite(struct eval_parser *p);

static bool eval_parse_at_end(const struct eval_parser *p)
{
	enum eval_token_kind kind = p->x->token.kind;

	return kind == TOKEN_NEWLINE || kind == TOKEN_END || eval_lex_is(p->x, ";");
}

/* ---- simple statements; each starts behind its keyword, which made n ---- */

/* a = b = value, a += value, or a value alone. */
static struct eval_node *eval_parse_assignment(struct eval_parser *p)
{
	static const struct { const char *text; enum eval_op op; } augment[] = {
		{ "+=", OP_ADD }, { "-=", OP_SUBTRACT }, { "*=", OP_MULTIPLY }, { "/=", OP_DIVIDE },
		{ "//=", OP_FLOOR }, { "%=", OP_MODULO }, { "**=", OP_POWER }, { "&=", OP_AND },
		{ "|=", OP_OR }, { "^=", OP_XOR }, { "<<=", OP_LEFT }, { ">>=", OP_RIGHT },
	};
	struct eval_node *n = eval_node_new(p, NODE_EXPRESSION), **end;

	if (!n || !(n->a = eval_parse_exprs(p)))
		return NULL;
	for (size_t i = 0; i < sizeof(augment) / sizeof(augment[0]); i++) {
		if (!eval_lex_is(p->x, augment[i].text))
			continue;
		if ((n->a->kind != NODE_NAME && n->a->kind != NODE_INDEX) || !eval_lex_next(p->x)) {
			eval_parse_is_target(p, n->a);
			return eval_lex_expected(p->x, "one variable on the left");
		}
		n->kind = NODE_AUGMENT;
		n->op = augment[i].op;
		n->b = eval_parse_exprs(p);
		return n->b ? n : NULL;
	}
	for (end = &n->first; eval_lex_is(p->x, "="); end = &(*end)->next) {
		n->kind = NODE_ASSIGN;
		*end = n->a;
		if (!eval_parse_is_target(p, n->a) || !eval_lex_next(p->x) ||
		    !(n->a = eval_parse_exprs(p)))
			return NULL;
	}
	return n;
}

static bool eval_parse_print(struct eval_parser *p, struct eval_node *n)
{
	struct eval_node **end = &n->first;

	if (eval_parse_accept(p, ">>")) {	/* print >>sys.stderr, …: it all goes to one place */
		if (!eval_parse_expr(p))
			return false;
		if (!eval_parse_at_end(p) && !eval_parse_expect(p, ","))
			return false;
	}
	while (!eval_parse_at_end(p)) {
		n->b = NULL;
		if (!(*end = eval_parse_expr(p)))
			return false;
		end = &(*end)->next;
		if (!eval_parse_at_end(p)) {
			n->b = n;		/* a comma last: the line stays open */
			if (!eval_parse_expect(p, ","))
				return false;
		}
	}
	return true;
}

static bool eval_parse_return(struct eval_parser *p, struct eval_node *n)
{
	return eval_parse_at_end(p) || (n->a = eval_parse_exprs(p));
}

static bool eval_parse_raise(struct eval_parser *p, struct eval_node *n)
{
	if (eval_parse_at_end(p))
		return true;
	n->a = eval_parse_expr(p);
	if (!n->a || !eval_parse_accept(p, ","))
		return n->a && !p->e->failed;
	n->b = eval_parse_expr(p);
	return n->b;
}

static bool eval_parse_assert(struct eval_parser *p, struct eval_node *n)
{
	n->a = eval_parse_expr(p);
	if (!n->a || !eval_parse_accept(p, ","))
		return n->a && !p->e->failed;
	n->b = eval_parse_expr(p);
	return n->b;
}

static bool eval_parse_nothing(struct eval_parser *p, struct eval_node *n)
{
	return true;
}

static bool eval_parse_delete(struct eval_parser *p, struct eval_node *n)
{
	struct eval_node **end = &n->first;

	do {
		*end = eval_parse_expr(p);
		if (!*end || !eval_parse_is_target(p, *end))
			return false;
		end = &(*end)->next;
	} while (eval_parse_accept(p, ","));
	return !p->e->failed;
}

static bool eval_parse_global(struct eval_parser *p, struct eval_node *n)
{
	struct eval_node **end = &n->first;

	do {
		*end = eval_node_new(p, NODE_NAME);
		if (!*end || !((*end)->symbol = eval_parse_name(p, "a name")))
			return false;
		end = &(*end)->next;
	} while (eval_parse_accept(p, ","));
	return !p->e->failed;
}

/* a.b.c [as d] */
static struct eval_node *eval_parse_alias(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_ALIAS);
	struct eval_out name = { p->e, p->x->token.where };
	struct eval_symbol *part;

	do {
		part = n ? eval_parse_name(p, "a module's name") : NULL;
		if (!part)
			return NULL;
		if (!n->symbol)
			n->symbol = part;
		else
			eval_puts(&name, ".");
		eval_puts(&name, part->name);
	} while (eval_parse_accept(p, "."));
	n->value = eval_take(&name);
	if (eval_parse_accept(p, "as"))
		n->symbol = eval_parse_name(p, "a name after 'as'");
	return n->value && n->symbol && !p->e->failed ? n : NULL;
}

static bool eval_parse_aliases(struct eval_parser *p, struct eval_node **end)
{
	do {
		*end = eval_parse_alias(p);
		if (!*end)
			return false;
		end = &(*end)->next;
	} while (eval_parse_accept(p, ","));
	return !p->e->failed;
}

static bool eval_parse_import(struct eval_parser *p, struct eval_node *n)
{
	return eval_parse_aliases(p, &n->first);
}

static bool eval_parse_from(struct eval_parser *p, struct eval_node *n)
{
	bool has_bracket;

	n->a = eval_parse_alias(p);
	if (!n->a || !eval_parse_expect(p, "import"))
		return false;
	if (eval_parse_accept(p, "*"))
		return true;
	has_bracket = eval_parse_accept(p, "(");
	return eval_parse_aliases(p, &n->first) && (!has_bracket || eval_parse_expect(p, ")"));
}

static const struct eval_simple {
	const char *keyword;
	enum eval_node_kind kind;
	bool (*parse)(struct eval_parser *p, struct eval_node *n);
} eval_simples[] = {
	{ "print", NODE_PRINT, eval_parse_print },
	{ "return", NODE_RETURN, eval_parse_return },
	{ "raise", NODE_RAISE, eval_parse_raise },
	{ "assert", NODE_ASSERT, eval_parse_assert },
	{ "pass", NODE_PASS, eval_parse_nothing },
	{ "break", NODE_BREAK, eval_parse_nothing },
	{ "continue", NODE_CONTINUE, eval_parse_nothing },
	{ "del", NODE_DELETE, eval_parse_delete },
	{ "global", NODE_GLOBAL, eval_parse_global },
	{ "import", NODE_IMPORT, eval_parse_import },
	{ "from", NODE_FROM, eval_parse_from },
};

static struct eval_node *eval_parse_simple(struct eval_parser *p)
{
	static const char *const refused[] = { "class", "exec", "with", "yield" };
	struct eval_node *n;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (!eval_lex_is(p->x, refused[i]))
			continue;
		return eval_lex_fail(p->x, p->x->token.where, "'%s' is not part of the "
				     "configuration language: a configuration can compute values, "
				     "but not execute or open anything", refused[i]);
	}
	for (size_t i = 0; i < sizeof(eval_simples) / sizeof(eval_simples[0]); i++) {
		if (!eval_lex_is(p->x, eval_simples[i].keyword))
			continue;
		n = eval_node_new(p, eval_simples[i].kind);
		return n && eval_lex_next(p->x) && eval_simples[i].parse(p, n) ? n : NULL;
	}
	return eval_parse_assignment(p);
}

/* One line of simple statements with `;` between them, appended to the chain. */
static struct eval_node **eval_parse_line(struct eval_parser *p, struct eval_node **end)
{
	do {
		enum eval_token_kind kind = p->x->token.kind;

		if (kind == TOKEN_NEWLINE || kind == TOKEN_END)
			break;
		*end = eval_parse_simple(p);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	} while (eval_parse_accept(p, ";"));
	if (p->e->failed)
		return NULL;
	if (p->x->token.kind == TOKEN_END)
		return end;
	if (p->x->token.kind != TOKEN_NEWLINE)
		return eval_lex_expected(p->x, "the end of the line");
	return eval_lex_next(p->x) ? end : NULL;
}

/* ---- compound statements ---- */

/* `else:` and its block, if there is one. */
static bool eval_parse_else(struct eval_parser *p, struct eval_node **block)
{
	if (eval_parse_accept(p, "else"))
		*block = eval_parse_suite(p);
	return !p->e->failed;
}

/* if, and every elif: those hang in a chain of c. */
static struct eval_node *eval_parse_if(struct eval_parser *p)
{
	struct eval_node *top = NULL, **end = &top;

	do {
		struct eval_node *n = eval_node_new(p, NODE_IF);

		if (!n || !eval_lex_next(p->x) || !(n->a = eval_parse_expr(p)) ||
		    !(n->b = eval_parse_suite(p)))
			return NULL;
		*end = n;
		end = &n->c;
	} while (eval_lex_is(p->x, "elif"));
	return eval_parse_else(p, end) ? top : NULL;
}

static struct eval_node *eval_parse_while(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_WHILE);

	if (!n || !eval_lex_next(p->x) || !(n->a = eval_parse_expr(p)) ||
	    !(n->b = eval_parse_suite(p)))
		return NULL;
	return eval_parse_else(p, &n->c) ? n : NULL;
}

static struct eval_node *eval_parse_for(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_FOR);

	if (!n || !eval_lex_next(p->x) || !(n->a = eval_parse_targets(p)) ||
	    !eval_parse_expect(p, "in") || !(n->b = eval_parse_exprs(p)) ||
	    !(n->c = eval_parse_suite(p)))
		return NULL;
	return eval_parse_else(p, &n->first) ? n : NULL;
}

static struct eval_node *eval_parse_def(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_DEF);

	if (!n || !eval_lex_next(p->x) || !(n->symbol = eval_parse_name(p, "the function's name")) ||
	    !eval_parse_expect(p, "(") || !eval_parse_parameters(p, ")", &n->first))
		return NULL;
	n->b = eval_parse_suite(p);
	return n->b ? n : NULL;
}

static struct eval_node *eval_parse_except(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_EXCEPT);

	if (!n || !eval_lex_next(p->x))
		return NULL;
	if (!eval_lex_is(p->x, ":")) {
		n->a = eval_parse_expr(p);
		if (!n->a)
			return NULL;
		if ((eval_parse_accept(p, ",") || eval_parse_accept(p, "as")) &&
		    !(n->symbol = eval_parse_name(p, "a name for the error")))
			return NULL;
	}
	n->b = p->e->failed ? NULL : eval_parse_suite(p);
	return n->b ? n : NULL;
}

static struct eval_node *eval_parse_try(struct eval_parser *p)
{
	struct eval_node *n = eval_node_new(p, NODE_TRY), **end;

	if (!n || !eval_lex_next(p->x) || !(n->b = eval_parse_suite(p)))
		return NULL;
	for (end = &n->first; eval_lex_is(p->x, "except"); end = &(*end)->next)
		if (!(*end = eval_parse_except(p)))
			return NULL;
	if (!eval_parse_else(p, &n->c))
		return NULL;
	if (eval_parse_accept(p, "finally"))
		n->a = eval_parse_suite(p);
	else if (!n->first)
		return eval_lex_expected(p->x, "'except' or 'finally'");
	return p->e->failed ? NULL : n;
}

static const struct eval_compound {
	const char *keyword;
	struct eval_node *(*parse)(struct eval_parser *p);
} eval_compounds[] = {
	{ "if", eval_parse_if }, { "while", eval_parse_while }, { "for", eval_parse_for },
	{ "def", eval_parse_def }, { "try", eval_parse_try },
};

static struct eval_node *eval_parse_statement(struct eval_parser *p)
{
	for (size_t i = 0; i < sizeof(eval_compounds) / sizeof(eval_compounds[0]); i++)
		if (eval_lex_is(p->x, eval_compounds[i].keyword))
			return eval_compounds[i].parse(p);
	return NULL;
}

/* Appends the statements of one line, or one compound statement. */
static struct eval_node **eval_parse_append(struct eval_parser *p, struct eval_node **end)
{
	*end = eval_parse_statement(p);
	if (*end)
		return &(*end)->next;
	return p->e->failed ? NULL : eval_parse_line(p, end);
}

/* `:` and either the rest of the line or an indented block. */
static struct eval_node *eval_parse_suite_nested(struct eval_parser *p)
{
	struct eval_node *block, **end;

	if (!eval_parse_expect(p, ":"))
		return NULL;
	block = eval_node_new(p, NODE_BLOCK);
	if (!block)
		return NULL;
	end = &block->first;
	if (p->x->token.kind != TOKEN_NEWLINE)
		return eval_parse_line(p, end) ? block : NULL;
	if (!eval_lex_next(p->x))
		return NULL;
	if (p->x->token.kind != TOKEN_INDENT)
		return eval_lex_expected(p->x, "an indented block after ':'");
	if (!eval_lex_next(p->x))
		return NULL;
	while (p->x->token.kind != TOKEN_DEDENT && p->x->token.kind != TOKEN_END) {
		if (p->x->token.kind == TOKEN_INDENT)
			return eval_lex_expected(p->x, "a line indented like the one before");
		end = eval_parse_append(p, end);
		if (!end)
			return NULL;
	}
	if (p->x->token.kind == TOKEN_DEDENT && !eval_lex_next(p->x))
		return NULL;
	return block;
}

static struct eval_node *eval_parse_suite(struct eval_parser *p)
{
	struct eval_node *block;

	if (p->e->failed || !eval_parse_enter(p))
		return NULL;
	block = eval_parse_suite_nested(p);
	p->nesting--;
	return block;
}

/* To the first token, with a block for what follows. */
static struct eval_node *eval_parse_start(struct eval_parser *p, const char *text, size_t length, bool is_flat)
{
	eval_lex_start(p->x, p->e, text, length);
	p->x->is_flat = is_flat;
	return eval_lex_next(p->x) ? eval_node_new(p, NODE_BLOCK) : NULL;
}

struct eval_node *eval_parse(struct eval *e, const char *text, size_t length)
{
	struct eval_lexer x;
	struct eval_parser p = { &x, e, 0 };
	struct eval_node *block = eval_parse_start(&p, text, length, false), **end;

	if (!block)
		return NULL;
	for (end = &block->first; x.token.kind != TOKEN_END; ) {
		if (x.token.kind == TOKEN_INDENT)
			return eval_lex_expected(&x, "no indentation here: "
						 "no block is open");
		end = eval_parse_append(&p, end);
		if (!end)
			return NULL;
	}
	return block;
}

struct eval_node *eval_parse_flat(struct eval *e, const char *text, size_t length)
{
	struct eval_lexer x;
	struct eval_parser p = { &x, e, 0 };
	struct eval_node *block = eval_parse_start(&p, text, length, true), **end;

	if (!block)
		return NULL;
	for (end = &block->first; x.token.kind != TOKEN_END; ) {
		if (x.token.kind != TOKEN_NAME && x.token.kind != TOKEN_NEWLINE)
			return eval_lex_expected(&x, "NAME = VALUE");
		end = eval_parse_line(&p, end);
		if (!end)
			return NULL;
	}
	for (struct eval_node *n = block->first; n; n = n->next)
		if (n->kind != NODE_ASSIGN && n->kind != NODE_AUGMENT)
			return eval_lex_fail(&x, n->where, "expected NAME = VALUE");
	return block;
}
