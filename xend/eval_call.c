/* Calls: functions of the script and built-in ones. */
#include "xend/eval_run.h"

#include <string.h>

struct eval_value *eval_make_function(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_new_value(e, EVAL_FUNCTION, n->where);
	struct eval_function *f = eval_alloc(e, sizeof(*f));
	size_t count = 0;

	for (const struct eval_node *p = n->first; p; p = p->next)
		count++;
	if (!v || !f || !(f->fallback = eval_alloc(e, (count + 1) * sizeof(f->fallback[0]))))
		return NULL;
	f->node = n;
	f->outer = e->frame;
	count = 0;
	for (const struct eval_node *p = n->first; p; p = p->next, count++)
		if (p->a && !(f->fallback[count] = eval_expr(e, p->a)))
			return NULL;
	v->what = f;
	return v;
}

static const char *eval_function_name(const struct eval_function *f)
{
	return f->node->symbol ? f->node->symbol->name : "<lambda>";
}

static struct eval_value *eval_keyword(const struct eval_call *call, const struct eval_symbol *name,
				       size_t *index)
{
	for (*index = 0; *index < call->keywords; ++*index)
		if (call->keyword[*index].name == name)
			return call->keyword[*index].value;
	return NULL;
}

/* Gives each parameter its value. */
static bool eval_bind(struct eval *e, const struct eval_function *f, struct eval_call *call)
{
	size_t i = 0, k, used = 0;

	for (const struct eval_node *p = f->node->first; p; p = p->next, i++) {
		struct eval_value *v = eval_keyword(call, p->symbol, &k);

		if (v && i < call->args)
			return eval_type_error(e, call->where, "%s() got multiple values for "
					       "keyword argument '%s'", eval_function_name(f),
					       p->symbol->name);
		used += v != NULL;
		v = i < call->args ? call->arg[i] : v ? v : f->fallback[i];
		if (!v)
			return eval_type_error(e, call->where, "%s() needs a value for '%s'",
					       eval_function_name(f), p->symbol->name);
		if (!eval_set_name(e, p->symbol, v))
			return false;
	}
	if (call->args > i)
		return eval_type_error(e, call->where, "%s() takes %zu arguments (%zu given)",
				       eval_function_name(f), i, call->args);
	if (used < call->keywords)
		return eval_type_error(e, call->where, "%s() got an unexpected keyword argument",
				       eval_function_name(f));
	return true;
}

static struct eval_value *eval_call_function(struct eval *e, const struct eval_function *f,
					     struct eval_call *call)
{
	struct eval_frame *frame = eval_alloc(e, sizeof(*frame)), *caller = e->frame;
	struct eval_value *result = NULL;
	enum eval_flow flow;

	if (!frame || !eval_enter(e, call->where))
		return NULL;
	frame->outer = f->outer;
	e->frame = frame;
	if (!eval_bind(e, f, call)) {
		result = NULL;
	} else if (f->node->kind == NODE_LAMBDA) {
		result = eval_expr(e, f->node->b);
	} else {
		flow = eval_block(e, f->node->b);
		result = flow == FLOW_RETURN ? frame->result :
			flow == FLOW_FAILED ? NULL : eval_none(e, call->where);
	}
	e->frame = caller;
	eval_leave(e);
	return result;
}

static struct eval_value *eval_call_builtin(struct eval *e, const struct eval_builtin *b,
					    struct eval_call *call)
{
	if (call->args < b->min || call->args > b->max) {
		if (b->min == b->max)
			return eval_type_error(e, call->where, "%s() takes exactly %u argument%s "
					       "(%zu given)", b->name, b->min,
					       b->min == 1 ? "" : "s", call->args);
		return eval_type_error(e, call->where, "%s() takes %u to %u arguments (%zu given)",
				       b->name, b->min, b->max, call->args);
	}
	return b->fn(e, call);
}

/* ValueError("text"): an error to raise. */
static struct eval_value *eval_call_exception(struct eval *e, const struct eval_exception *class,
					      struct eval_call *call)
{
	struct eval_value *v = eval_new_value(e, EVAL_EXCEPTION, call->where), *text;
	struct eval_exception *x = eval_alloc(e, sizeof(*x));

	if (!v || !x)
		return NULL;
	x->name = class->name;
	x->message = "";
	if (call->args) {
		text = eval_to_str(e, call->where, call->arg[0]);
		if (!text)
			return NULL;
		x->message = text->text;
	}
	v->what = x;
	return v;
}

struct eval_value *eval_call_value(struct eval *e, struct eval_value *callee,
				   struct eval_call *call)
{
	struct eval_value *v;

	if (!eval_enter(e, call->where))
		return NULL;
	if (callee->type == EVAL_FUNCTION) {
		v = eval_call_function(e, callee->what, call);
	} else if (callee->type == EVAL_BUILTIN) {
		call->self = callee->self;
		v = eval_call_builtin(e, callee->builtin, call);
	} else if (callee->type == EVAL_EXCEPTION) {
		v = eval_call_exception(e, callee->what, call);
	} else {
		v = eval_type_error(e, call->where, "'%s' object is not callable",
				    eval_type_name(callee));
	}
	eval_leave(e);
	return v;
}

struct eval_value *eval_call_node(struct eval *e, const struct eval_node *n)
{
	struct eval_call call = { .where = n->where };
	struct eval_value *callee = eval_expr(e, n->a), *args, *v;

	args = callee ? eval_sequence(e, EVAL_LIST, n->where, 0) : NULL;
	if (!args)
		return NULL;
	for (const struct eval_node *arg = n->first; arg; arg = arg->next) {
		bool is_keyword = arg->kind == NODE_KEYWORD;

		v = eval_expr(e, is_keyword ? arg->a : arg);
		if (!v || (!is_keyword && !eval_append(e, args, v)))
			return NULL;
		if (!is_keyword)
			continue;
		if (call.keywords == sizeof(call.keyword) / sizeof(call.keyword[0]))
			return eval_type_error(e, arg->where, "more than 16 keyword arguments");
		call.keyword[call.keywords].name = arg->symbol;
		call.keyword[call.keywords++].value = v;
	}
	call.arg = args->items->item;
	call.args = args->items->count;
	return eval_call_value(e, callee, &call);
}

struct eval_value *eval_arg(const struct eval_call *call, size_t position, const char *keyword)
{
	if (position < call->args)
		return call->arg[position];
	for (size_t i = 0; keyword && i < call->keywords; i++)
		if (!strcmp(call->keyword[i].name->name, keyword))
			return call->keyword[i].value;
	return NULL;
}

const struct eval_value *eval_arg_text(struct eval *e, const struct eval_call *call,
				       size_t position)
{
	struct eval_value *v = eval_arg(call, position, NULL);

	if (v && eval_is_string(v))
		return v;
	return eval_type_error(e, call->where, "argument %zu must be a string, not %s",
			       position + 1, v ? eval_type_name(v) : "left out");
}

bool eval_arg_int(struct eval *e, const struct eval_call *call, size_t position, int64_t *n)
{
	struct eval_value *v = eval_arg(call, position, NULL);

	if (!v || !eval_is_integer(v))
		return eval_type_error(e, call->where, "an integer is required as argument %zu, not %s",
				       position + 1, v ? eval_type_name(v) : "nothing");
	*n = v->number;
	return true;
}
