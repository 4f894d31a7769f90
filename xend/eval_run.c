/* Statements. */
#include "xend/eval_run.h"

#include <string.h>

typedef enum eval_flow eval_statement_fn(struct eval *e, const struct eval_node *n);

static enum eval_flow eval_failed(const struct eval *e)
{
	return e->failed ? FLOW_FAILED : FLOW_ON;
}

/* ---- assignment ---- */

static bool eval_set_local(struct eval *e, struct eval_symbol *symbol, struct eval_value *value)
{
	struct eval_frame *f = e->frame;

	for (size_t i = 0; i < f->count; i++) {
		if (f->local[i].symbol != symbol)
			continue;
		if (!f->local[i].value)
			return false;		/* said to be global */
		f->local[i].value = value;
		return true;
	}
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 8;
		struct eval_local *grown = room > 256 ? NULL : eval_alloc(e, room * sizeof(*grown));

		if (!grown) {
			eval_raise(e, value->where, NULL, "more than 128 names in one function");
			return true;
		}
		if (f->count)
			memcpy(grown, f->local, f->count * sizeof(*grown));
		f->local = grown;
		f->room = room;
	}
	f->local[f->count++] = (struct eval_local){ symbol, value };
	return true;
}

bool eval_set_name(struct eval *e, struct eval_symbol *symbol, struct eval_value *value)
{
	if (e->frame && eval_set_local(e, symbol, value))
		return !e->failed;
	symbol->value = value;
	if (!symbol->is_assigned) {
		symbol->is_assigned = true;
		*e->assigned_end = symbol;
		e->assigned_end = &symbol->next_assigned;
	}
	return true;
}

static bool eval_set_element(struct eval *e, const struct eval_node *target,
			     struct eval_value *value)
{
	struct eval_value *object = eval_expr(e, target->a);
	struct eval_value *index = object ? eval_expr(e, target->b) : NULL;
	long at;

	if (!index)
		return false;
	if (object->type == EVAL_DICT)
		return eval_dict_set(e, object, index, value);
	if (object->type != EVAL_LIST)
		return eval_type_error(e, target->where, "'%s' object does not support item assignment",
				       eval_type_name(object));
	at = eval_position(e, target->where, index, object->items->count, "list");
	if (at >= 0)
		object->items->item[at] = value;
	return at >= 0;
}

static bool eval_unpack(struct eval *e, const struct eval_node *target, struct eval_value *value)
{
	struct eval_value *items = eval_iterate(e, target->where, value);
	size_t wanted = 0, i = 0;

	if (!items)
		return false;
	for (const struct eval_node *t = target->first; t; t = t->next)
		wanted++;
	if (items->items->count != wanted) {
		eval_raise(e, target->where, "ValueError", items->items->count < wanted ?
			   "need more than %zu values to unpack" : "too many values to unpack",
			   items->items->count);
		eval_hint(e, "%zu names on the left, %zu values on the right", wanted,
			  items->items->count);
		return false;
	}
	for (const struct eval_node *t = target->first; t; t = t->next)
		if (!eval_assign(e, t, items->items->item[i++]))
			return false;
	return true;
}

bool eval_assign(struct eval *e, const struct eval_node *target, struct eval_value *value)
{
	bool ok;

	if (target->kind == NODE_NAME)
		return eval_set_name(e, target->symbol, value);
	if (!eval_enter(e, target->where))
		return false;
	ok = target->kind == NODE_INDEX ? eval_set_element(e, target, value) :
		eval_unpack(e, target, value);
	eval_leave(e);
	return ok;
}

static enum eval_flow eval_do_assign(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->a);

	for (const struct eval_node *t = n->first; v && t; t = t->next)
		if (!eval_assign(e, t, v))
			return FLOW_FAILED;
	return eval_failed(e);
}

/* list += changes the list itself, which other names may share. */
static enum eval_flow eval_do_augment(struct eval *e, const struct eval_node *n)
{
	struct eval_value *old = eval_expr(e, n->a);
	struct eval_value *by = old ? eval_expr(e, n->b) : NULL, *items, *result;

	if (!by)
		return FLOW_FAILED;
	if (old->type == EVAL_LIST && n->op == OP_ADD) {
		items = eval_iterate(e, n->where, by);
		for (size_t i = 0; items && i < items->items->count; i++)
			if (!eval_append(e, old, items->items->item[i]))
				return FLOW_FAILED;
		return items && eval_assign(e, n->a, old) ? FLOW_ON : FLOW_FAILED;
	}
	result = eval_binary(e, n->where, n->op, old, by);
	if (!result)
		return FLOW_FAILED;
	result->where = by->where;
	return eval_assign(e, n->a, result) ? FLOW_ON : FLOW_FAILED;
}

static bool eval_forget(struct eval *e, const struct eval_node *target)
{
	struct eval_value *object, *index;
	long at;

	if (target->kind == NODE_NAME) {
		for (size_t i = 0; e->frame && i < e->frame->count; i++)
			if (e->frame->local[i].symbol == target->symbol) {
				e->frame->local[i] = e->frame->local[--e->frame->count];
				return true;
			}
		if (!target->symbol->value)
			return eval_raise(e, target->where, "NameError", "name '%s' is not defined",
					  target->symbol->name);
		target->symbol->value = NULL;
		return true;
	}
	if (target->kind != NODE_INDEX)
		return eval_type_error(e, target->where, "expected a name or an element after 'del'");
	object = eval_expr(e, target->a);
	index = object ? eval_expr(e, target->b) : NULL;
	if (!index || !eval_index(e, target->where, object, index))
		return false;
	if (object->type != EVAL_LIST && object->type != EVAL_DICT)
		return eval_type_error(e, target->where, "'%s' object doesn't support item deletion",
				       eval_type_name(object));
	if (object->type == EVAL_DICT) {
		at = eval_dict_find(e, object, index);
		if (at < 0)
			return false;
		eval_remove(object, (size_t)at + 1);
	} else {
		at = eval_position(e, target->where, index, object->items->count, "list");
	}
	eval_remove(object, (size_t)at);
	return eval_charge(e, target->where, object->items->count / 16);
}

static enum eval_flow eval_do_delete(struct eval *e, const struct eval_node *n)
{
	for (const struct eval_node *t = n->first; t; t = t->next)
		if (!eval_forget(e, t))
			return FLOW_FAILED;
	return FLOW_ON;
}

static enum eval_flow eval_do_global(struct eval *e, const struct eval_node *n)
{
	struct eval_value *none;

	for (const struct eval_node *t = n->first; e->frame && t; t = t->next) {
		none = eval_none(e, n->where);
		if (!none || !eval_set_local(e, t->symbol, none) || e->failed)
			continue;
		for (size_t i = 0; i < e->frame->count; i++)
			if (e->frame->local[i].symbol == t->symbol)
				e->frame->local[i].value = NULL;
	}
	return eval_failed(e);
}

/* ---- branches and loops ---- */

static enum eval_flow eval_do_if(struct eval *e, const struct eval_node *n)
{
	while (n && n->kind == NODE_IF) {
		struct eval_value *v = eval_expr(e, n->a);

		if (!v)
			return FLOW_FAILED;
		if (eval_truth(v))
			return eval_block(e, n->b);
		n = n->c;
	}
	return n ? eval_block(e, n) : FLOW_ON;
}

static enum eval_flow eval_do_while(struct eval *e, const struct eval_node *n)
{
	for (;;) {
		struct eval_value *v = eval_expr(e, n->a);
		enum eval_flow flow;

		if (!v)
			return FLOW_FAILED;
		if (!eval_truth(v))
			return n->c ? eval_block(e, n->c) : FLOW_ON;
		flow = eval_block(e, n->b);
		if (flow == FLOW_BREAK)
			return FLOW_ON;
		if (flow == FLOW_RETURN || flow == FLOW_FAILED)
			return flow;
	}
}

static enum eval_flow eval_do_for(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->b);
	struct eval_value *items = v ? eval_iterate(e, n->b->where, v) : NULL;
	enum eval_flow flow;

	if (!items)
		return FLOW_FAILED;
	for (size_t i = 0; i < items->items->count; i++) {
		if (!eval_assign(e, n->a, items->items->item[i]))
			return FLOW_FAILED;
		flow = eval_block(e, n->c);
		if (flow == FLOW_BREAK)
			return FLOW_ON;
		if (flow == FLOW_RETURN || flow == FLOW_FAILED)
			return flow;
	}
	return n->first ? eval_block(e, n->first) : FLOW_ON;
}

static enum eval_flow eval_do_pass(struct eval *e, const struct eval_node *n)
{
	return n->kind == NODE_BREAK ? FLOW_BREAK :
		n->kind == NODE_CONTINUE ? FLOW_CONTINUE : FLOW_ON;
}

/* ---- functions, errors ---- */

static enum eval_flow eval_do_def(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_make_function(e, n);

	return v && eval_set_name(e, n->symbol, v) ? FLOW_ON : FLOW_FAILED;
}

static enum eval_flow eval_do_return(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = n->a ? eval_expr(e, n->a) : eval_none(e, n->where);

	if (!v)
		return FLOW_FAILED;
	if (!e->frame) {
		eval_raise(e, n->where, "SyntaxError", "'return' outside function");
		return FLOW_FAILED;
	}
	e->frame->result = v;
	return FLOW_RETURN;
}

static enum eval_flow eval_do_raise(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = n->a ? eval_expr(e, n->a) : NULL;
	struct eval_value *text = v && n->b ? eval_expr(e, n->b) : NULL;
	const struct eval_exception *x;

	if (e->failed)
		return FLOW_FAILED;
	if (!v) {
		eval_raise(e, n->where, "RuntimeError", "'raise' without an error to raise");
		return FLOW_FAILED;
	}
	text = text ? eval_to_str(e, n->where, text) : NULL;
	if (v->type == EVAL_EXCEPTION) {
		x = v->what;
		eval_raise(e, n->where, x->name, "%s", text ? text->text :
			   x->message ? x->message : "");
	} else if (eval_is_string(v)) {
		eval_raise(e, n->where, "Exception", "%s", v->text);
	} else {
		eval_type_error(e, n->where, "expected an error such as ValueError after 'raise', "
				"not %s", eval_type_name(v));
	}
	return FLOW_FAILED;
}

static enum eval_flow eval_do_assert(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->a), *text = NULL;

	if (!v || eval_truth(v))
		return eval_failed(e);
	if (n->b)
		text = eval_expr(e, n->b);
	if (text)
		text = eval_to_str(e, n->where, text);
	eval_raise(e, n->where, "AssertionError", "%s", text ? text->text : "");
	return FLOW_FAILED;
}

/* Whether an except clause is for this error: 1, 0, -1 with a new error. */
static int eval_catches(struct eval *e, const struct eval_node *clause, const char *exception)
{
	static const char *const all[] = { "Exception", "StandardError", NULL };
	struct eval_value *v, *items;

	if (!clause->a)
		return 1;
	v = eval_expr(e, clause->a);
	items = v && v->type == EVAL_TUPLE ? eval_iterate(e, clause->where, v) :
		eval_sequence(e, EVAL_LIST, clause->where, 1);
	if (!v || !items || (v->type != EVAL_TUPLE && !eval_append(e, items, v)))
		return -1;
	for (size_t i = 0; i < items->items->count; i++) {
		const struct eval_exception *x = items->items->item[i]->what;

		if (items->items->item[i]->type != EVAL_EXCEPTION) {
			eval_type_error(e, clause->where, "expected an error such as ValueError "
					"after 'except'");
			return -1;
		}
		if (!strcmp(x->name, exception) || !strcmp(x->name, all[0]) ||
		    !strcmp(x->name, all[1]))
			return 1;
	}
	return 0;
}

static enum eval_flow eval_handle(struct eval *e, const struct eval_node *n)
{
	struct eval_error error = e->error;
	const char *exception = e->exception;

	e->failed = false;
	for (const struct eval_node *clause = n->first; clause; clause = clause->next) {
		int rc = eval_catches(e, clause, exception);

		if (rc < 0)
			return FLOW_FAILED;
		if (rc && clause->symbol) {
			struct eval_value *text = eval_string(e, clause->where, error.text,
							      strlen(error.text));

			if (!text || !eval_set_name(e, clause->symbol, text))
				return FLOW_FAILED;
		}
		if (rc)
			return eval_block(e, clause->b);
	}
	e->failed = true;
	e->error = error;
	e->exception = exception;
	return FLOW_FAILED;
}

static enum eval_flow eval_do_try(struct eval *e, const struct eval_node *n)
{
	enum eval_flow flow = eval_block(e, n->b), last;
	struct eval_error error;
	const char *exception;

	if (flow == FLOW_FAILED && e->exception)
		flow = eval_handle(e, n);
	else if (flow == FLOW_ON && n->c)
		flow = eval_block(e, n->c);
	if (!n->a || (flow == FLOW_FAILED && !e->exception))
		return flow;
	error = e->error;		/* `finally` runs whatever happened, which goes on after it */
	exception = e->exception;
	e->failed = false;
	last = eval_block(e, n->a);
	if (last != FLOW_ON)
		return last;
	e->failed = flow == FLOW_FAILED;
	e->error = error;
	e->exception = exception;
	return flow;
}

/* ---- import, print ---- */

static enum eval_flow eval_do_import(struct eval *e, const struct eval_node *n)
{
	for (const struct eval_node *a = n->first; a; a = a->next) {
		struct eval_value *v = eval_module_import(e, a->where, a->value->text);
		struct eval_symbol *symbol = a->symbol;

		/* `import os.path` makes os known, which already is: only whole names are bound */
		if (v && strchr(a->value->text, '.') &&
		    !strncmp(a->value->text, symbol->name, symbol->length) &&
		    a->value->text[symbol->length] == '.')
			v = eval_module_import(e, a->where, symbol->name);
		if (!v || !eval_set_name(e, symbol, v))
			return FLOW_FAILED;
	}
	return FLOW_ON;
}

static enum eval_flow eval_do_from(struct eval *e, const struct eval_node *n)
{
	struct eval_value *module = eval_module_import(e, n->a->where, n->a->value->text), *v;
	const struct eval_module *m = module ? module->what : NULL;

	if (!m)
		return FLOW_FAILED;
	for (const struct eval_node *a = n->first; a; a = a->next) {
		v = eval_module_get(e, a->where, m, a->value->text);
		if (!v || !eval_set_name(e, a->symbol, v))
			return FLOW_FAILED;
	}
	for (const struct eval_member *row = m->member; !n->first && row->call.name; row++) {
		struct eval_symbol *symbol = eval_symbol(e, row->call.name, strlen(row->call.name));

		v = symbol ? eval_module_get(e, n->where, m, row->call.name) : NULL;
		if (!v || !eval_set_name(e, symbol, v))
			return FLOW_FAILED;
	}
	return FLOW_ON;
}

#define EVAL_PRINT_MAX (64u << 10)

static enum eval_flow eval_do_print(struct eval *e, const struct eval_node *n)
{
	for (const struct eval_node *item = n->first; item; item = item->next) {
		struct eval_value *v = eval_expr(e, item);

		v = v ? eval_to_str(e, item->where, v) : NULL;
		if (!v)
			return FLOW_FAILED;
		if (!e->print || v->length > EVAL_PRINT_MAX - e->printed)
			continue;
		e->printed += v->length;
		fprintf(e->print, "%s%s", v->text, item->next || n->b ? " " : "");
	}
	if (e->print && !n->b && e->printed < EVAL_PRINT_MAX) {
		e->printed++;
		fputc('\n', e->print);
	}
	return FLOW_ON;
}

static enum eval_flow eval_do_expression(struct eval *e, const struct eval_node *n)
{
	return eval_expr(e, n->a) ? FLOW_ON : FLOW_FAILED;
}

static eval_statement_fn *const eval_statements[] = {
	[NODE_BLOCK] = eval_block, [NODE_EXPRESSION] = eval_do_expression,
	[NODE_ASSIGN] = eval_do_assign, [NODE_AUGMENT] = eval_do_augment,
	[NODE_IF] = eval_do_if, [NODE_WHILE] = eval_do_while, [NODE_FOR] = eval_do_for,
	[NODE_DEF] = eval_do_def, [NODE_RETURN] = eval_do_return,
	[NODE_PASS] = eval_do_pass, [NODE_BREAK] = eval_do_pass, [NODE_CONTINUE] = eval_do_pass,
	[NODE_IMPORT] = eval_do_import, [NODE_FROM] = eval_do_from,
	[NODE_PRINT] = eval_do_print, [NODE_RAISE] = eval_do_raise, [NODE_TRY] = eval_do_try,
	[NODE_DELETE] = eval_do_delete, [NODE_GLOBAL] = eval_do_global,
	[NODE_ASSERT] = eval_do_assert,
};

enum eval_flow eval_block(struct eval *e, const struct eval_node *block)
{
	enum eval_flow flow = FLOW_ON;

	if (!eval_enter(e, block->where))
		return FLOW_FAILED;
	for (const struct eval_node *n = block->first; n && flow == FLOW_ON; n = n->next)
		flow = eval_charge(e, n->where, 1) ? eval_statements[n->kind](e, n) : FLOW_FAILED;
	eval_leave(e);
	return flow;
}
