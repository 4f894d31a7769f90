/* The life of an evaluation: state, parse, run, look at what came of it. */
#include "xend/eval.h"
#include "xend/eval_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void eval_free(struct eval *e)
{
	if (!e)
		return;
	eval_release(e);
	free(e);
}

struct eval *eval_new(FILE *print)
{
	struct eval *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->print = print;
	e->assigned_end = &e->assigned;
	e->declared_end = &e->declared;
	if (!eval_builtins_define(e) || !eval_modules_define(e)) {
		eval_free(e);
		return NULL;
	}
	return e;
}

int eval_define(struct eval *e, const char *name, const char *text)
{
	const struct eval_where nowhere = { 0, 0 };
	struct eval_symbol *s = eval_symbol(e, name, strlen(name));
	struct eval_value *v = s ? eval_string(e, nowhere, text, strlen(text)) : NULL;

	return v && eval_set_name(e, s, v) ? 0 : -ENOMEM;
}

/* xl's files know no indentation: when Python's rules fail, they get a chance before the error
 * stands. */
static struct eval_node *eval_parse_either(struct eval *e, const char *text, size_t length)
{
	struct eval_node *block = eval_parse(e, text, length);
	struct eval_error error = e->error;

	if (block || !error.is_syntax)
		return block;
	e->failed = false;
	memset(&e->error, 0, sizeof(e->error));
	block = eval_parse_flat(e, text, length);
	if (!block && e->error.is_syntax)
		e->error = error;
	return block;
}

static void eval_run_block(struct eval *e, const struct eval_node *block)
{
	enum eval_flow flow = eval_block(e, block);

	if (flow == FLOW_BREAK || flow == FLOW_CONTINUE)
		eval_raise(e, block->where, "SyntaxError", "'%s' outside loop",
			   flow == FLOW_BREAK ? "break" : "continue");
	if (e->failed && !e->error.text[0])
		snprintf(e->error.text, sizeof(e->error.text), "%s",
			 e->exception ? e->exception : "error");
}

int eval_run(struct eval *e, const char *text, size_t length, struct eval_error *err)
{
	struct eval_node *block = eval_parse_either(e, text, length);

	if (block)
		eval_run_block(e, block);
	if (e->failed)
		*err = e->error;
	return !e->failed ? 0 : e->out_of_memory ? -ENOMEM : -EINVAL;
}

const struct eval_value *eval_get(struct eval *e, const char *name)
{
	struct eval_symbol *s = eval_symbol(e, name, strlen(name));

	return s ? s->value : NULL;
}

void eval_each(struct eval *e, eval_visit *visit, void *context)
{
	for (struct eval_symbol *s = e->assigned; s; s = s->next_assigned)
		if (s->value && !visit(context, s->name, s->value, s->is_read))
			return;
}

const char *eval_str(struct eval *e, const struct eval_value *v)
{
	struct eval_value *text = eval_to_str(e, v->where, v);

	return text ? text->text : NULL;
}
