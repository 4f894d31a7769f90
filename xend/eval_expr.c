/* Expressions: names, displays, subscripts, logic. */
#include "xend/eval_run.h"

#include <string.h>

typedef struct eval_value *eval_expr_fn(struct eval *e, const struct eval_node *n);

static struct eval_value *eval_const(struct eval *e, const struct eval_node *n)
{
	return n->value;
}

static struct eval_value *eval_name(struct eval *e, const struct eval_node *n)
{
	struct eval_symbol *s = n->symbol;
	struct eval_value *v;

	s->is_read = true;
	for (struct eval_frame *f = e->frame; f; f = f->outer)
		for (size_t i = 0; i < f->count; i++)
			if (f->local[i].symbol == s && f->local[i].value)
				return f->local[i].value;
	if (s->value && !s->value->where.line && s->value->type <= EVAL_STR) {
		/* True, or from the command line: it stands where it is read */
		v = eval_new_value(e, s->value->type, n->where);
		if (v) {
			*v = *s->value;
			v->where = n->where;
		}
		return v;
	}
	if (s->value)
		return s->value;
	eval_raise(e, n->where, "NameError", "name '%s' is not defined", s->name);
	eval_hint(e, "a text stands in quotes: '%.60s'", s->name);
	return NULL;
}

static struct eval_value *eval_display(struct eval *e, const struct eval_node *n)
{
	enum eval_type type = n->kind == NODE_LIST ? EVAL_LIST :
		n->kind == NODE_TUPLE ? EVAL_TUPLE : EVAL_DICT;
	struct eval_value *v = eval_sequence(e, type, n->where, 0), *item, *key = NULL;

	if (!v)
		return NULL;
	for (const struct eval_node *child = n->first; child; child = child->next) {
		item = eval_expr(e, child);
		if (!item)
			return NULL;
		if (type != EVAL_DICT) {
			if (!eval_append(e, v, item))
				return NULL;
		} else if (!key) {
			key = item;
		} else {
			if (!eval_dict_set(e, v, key, item))
				return NULL;
			key = NULL;
		}
	}
	return v;
}

/* ---- going through things ---- */

static bool eval_iterate_text(struct eval *e, struct eval_value *list, const struct eval_value *v)
{
	for (size_t i = 0; i < v->length; i++) {
		struct eval_value *c = eval_string(e, v->where, v->text + i, 1);

		if (!c || !eval_append(e, list, c))
			return false;
	}
	return true;
}

struct eval_value *eval_iterate(struct eval *e, struct eval_where where,
				const struct eval_value *v)
{
	struct eval_value *list;
	size_t step = v->type == EVAL_DICT ? 2 : 1;

	if (!eval_is_string(v) && !eval_is_sequence(v) && v->type != EVAL_DICT)
		return eval_type_error(e, where, "'%s' object is not iterable", eval_type_name(v));
	list = eval_sequence(e, EVAL_LIST, where, 0);
	if (!list)
		return NULL;
	if (eval_is_string(v))
		return eval_iterate_text(e, list, v) ? list : NULL;
	if (!eval_charge(e, where, v->items->count / 4))
		return NULL;
	for (size_t i = 0; i < v->items->count; i += step)
		if (!eval_append(e, list, v->items->item[i]))
			return NULL;
	return list;
}

static bool eval_comprehend(struct eval *e, const struct eval_node *element,
			    const struct eval_node *clause, struct eval_value *list)
{
	struct eval_value *v = eval_expr(e, clause ? (clause->kind == NODE_FOR ? clause->b : clause->a) :
					 element);
	struct eval_value *items;

	if (!v)
		return false;
	if (!clause)
		return eval_append(e, list, v);
	if (clause->kind == NODE_IF)
		return !eval_truth(v) || eval_comprehend(e, element, clause->next, list);
	items = eval_iterate(e, clause->where, v);
	if (!items || !eval_enter(e, clause->where))
		return false;
	for (size_t i = 0; i < items->items->count && !e->failed; i++)
		if (eval_assign(e, clause->a, items->items->item[i]))
			eval_comprehend(e, element, clause->next, list);
	eval_leave(e);
	return !e->failed;
}

static struct eval_value *eval_comprehension(struct eval *e, const struct eval_node *n)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, n->where, 0);

	return list && eval_comprehend(e, n->a, n->first, list) ? list : NULL;
}

/* ---- a.b, a[b], a[b:c] ---- */

static struct eval_value *eval_attribute(struct eval *e, const struct eval_node *n)
{
	struct eval_value *object = eval_expr(e, n->a), *method;
	const struct eval_builtin *row;

	if (!object)
		return NULL;
	if (object->type == EVAL_MODULE)
		return eval_module_get(e, n->where, object->what, n->symbol->name);
	row = eval_method_find(object->type, n->symbol->name);
	if (!row)
		return eval_raise(e, n->where, "AttributeError",
				  "'%s' object has no attribute '%.100s'",
				  eval_type_name(object), n->symbol->name);
	method = eval_new_value(e, EVAL_BUILTIN, n->where);
	if (!method)
		return NULL;
	method->builtin = row;
	method->self = object;
	return method;
}

long eval_position(struct eval *e, struct eval_where where, const struct eval_value *index,
		   size_t count, const char *what)
{
	int64_t i;

	if (!eval_is_integer(index)) {
		eval_type_error(e, where, "%s indices must be integers, not %s", what,
				eval_type_name(index));
		return -1;
	}
	i = index->number;
	if (i < 0 && i >= -(int64_t)count)
		i += (int64_t)count;
	if (i < 0 || i >= (int64_t)count) {
		eval_raise(e, where, "IndexError", "%s index out of range", what);
		eval_hint(e, "it has %zu elements, the first has index 0", count);
		return -1;
	}
	return (long)i;
}

struct eval_value *eval_index(struct eval *e, struct eval_where where, struct eval_value *object,
			      struct eval_value *index)
{
	struct eval_value *repr;
	long at;

	if (eval_is_string(object)) {
		at = eval_position(e, where, index, object->length, "string");
		return at < 0 ? NULL : eval_string(e, where, object->text + at, 1);
	}
	if (eval_is_sequence(object)) {
		at = eval_position(e, where, index, object->items->count, eval_type_name(object));
		return at < 0 ? NULL : object->items->item[at];
	}
	if (object->type != EVAL_DICT)
		return eval_type_error(e, where, "'%s' object has no elements: it cannot be indexed",
				       eval_type_name(object));
	at = eval_dict_find(e, object, index);
	if (at >= 0)
		return object->items->item[at + 1];
	repr = at == -1 ? eval_to_repr(e, where, index) : NULL;
	return repr ? eval_raise(e, where, "KeyError", "%s", repr->text) : NULL;
}

static struct eval_value *eval_subscript(struct eval *e, const struct eval_node *n)
{
	struct eval_value *object = eval_expr(e, n->a);
	struct eval_value *index = object ? eval_expr(e, n->b) : NULL;

	return index ? eval_index(e, n->b->where, object, index) : NULL;
}

/* A slice's bound in 0..count (-1..count-1 when going backwards). */
static bool eval_bound(struct eval *e, const struct eval_node *n, int64_t count, int64_t fallback,
		       bool is_backward, int64_t *bound)
{
	struct eval_value *v;
	int64_t least = is_backward ? -1 : 0, most = is_backward ? count - 1 : count;

	*bound = fallback;
	if (n->kind == NODE_NOTHING)
		return true;
	v = eval_expr(e, n);
	if (!v)
		return false;
	if (v->type == EVAL_NONE)
		return true;
	if (!eval_is_integer(v))
		return eval_type_error(e, n->where, "slice indices must be integers, not %s",
				       eval_type_name(v));
	*bound = v->number < 0 ? (v->number < -count ? least : v->number + count) : v->number;
	*bound = *bound < least ? least : *bound > most ? most : *bound;
	return true;
}

static struct eval_value *eval_slice_items(struct eval *e, const struct eval_node *n,
					   struct eval_value *object, int64_t start, int64_t stop,
					   int64_t step)
{
	struct eval_out text = { e, n->where };
	struct eval_value *v = eval_is_string(object) ? NULL :
		eval_sequence(e, object->type, n->where, 0);

	for (int64_t i = start; step > 0 ? i < stop : i > stop; ) {
		if (eval_is_string(object))
			eval_put(&text, object->text + i, 1);
		else if (!v || !eval_append(e, v, object->items->item[i]))
			return NULL;
		if (__builtin_add_overflow(i, step, &i))
			break;
	}
	if (!eval_charge(e, n->where, (size_t)(start < stop ? stop - start : start - stop) / 16))
		return NULL;
	return eval_is_string(object) ? eval_take(&text) : v;
}

static struct eval_value *eval_slice(struct eval *e, const struct eval_node *n)
{
	struct eval_value *object = eval_expr(e, n->a);
	const struct eval_node *low = n->first, *high = low->next, *by = high->next;
	int64_t count, start, stop, step = 1;

	if (!object)
		return NULL;
	if (!eval_is_string(object) && !eval_is_sequence(object))
		return eval_type_error(e, n->where, "'%s' object cannot be sliced",
				       eval_type_name(object));
	if (by->kind != NODE_NOTHING) {
		struct eval_value *v = eval_expr(e, by);

		if (!v)
			return NULL;
		if (!eval_is_integer(v) || v->number == 0 || v->number == INT64_MIN)
			return eval_raise(e, by->where, "ValueError",
					  "slice step must be an integer other than zero");
		step = v->number;
	}
	count = (int64_t)(eval_is_string(object) ? object->length : object->items->count);
	if (!eval_bound(e, low, count, step > 0 ? 0 : count - 1, step < 0, &start) ||
	    !eval_bound(e, high, count, step > 0 ? count : -1, step < 0, &stop))
		return NULL;
	return eval_slice_items(e, n, object, start, stop, step);
}

/* ---- operators ---- */

static struct eval_value *eval_sign(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->a);

	return v ? eval_unary(e, n->where, n->op, v) : NULL;
}

static struct eval_value *eval_operation(struct eval *e, const struct eval_node *n)
{
	struct eval_value *a = eval_expr(e, n->a);
	struct eval_value *b = a ? eval_expr(e, n->b) : NULL;
	struct eval_value *v = b ? eval_binary(e, n->where, n->op, a, b) : NULL;

	if (v)
		v->where = a->where;	/* what was computed stands where it begins */
	return v;
}

static struct eval_value *eval_comparison(struct eval *e, const struct eval_node *n)
{
	struct eval_value *a = eval_expr(e, n->a), *b;
	int rc = 1;

	for (const struct eval_node *link = n->first; a && rc == 1 && link; link = link->next) {
		b = eval_expr(e, link->a);
		rc = b ? eval_compare(e, link->where, link->op, a, b) : -1;
		a = b;
	}
	return a && rc >= 0 ? eval_bool(e, n->where, rc) : NULL;
}

static struct eval_value *eval_logic(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->a);

	if (!v || eval_truth(v) == (n->kind == NODE_OR))
		return v;
	return eval_expr(e, n->b);
}

static struct eval_value *eval_not(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->a);

	return v ? eval_bool(e, n->where, !eval_truth(v)) : NULL;
}

static struct eval_value *eval_choice(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v = eval_expr(e, n->b);

	return v ? eval_expr(e, eval_truth(v) ? n->a : n->c) : NULL;
}

static eval_expr_fn *const eval_exprs[] = {
	[NODE_CONST] = eval_const, [NODE_NAME] = eval_name,
	[NODE_LIST] = eval_display, [NODE_TUPLE] = eval_display, [NODE_DICT] = eval_display,
	[NODE_ATTR] = eval_attribute, [NODE_INDEX] = eval_subscript, [NODE_SLICE] = eval_slice,
	[NODE_CALL] = eval_call_node, [NODE_UNARY] = eval_sign, [NODE_BINARY] = eval_operation,
	[NODE_COMPARE] = eval_comparison, [NODE_AND] = eval_logic, [NODE_OR] = eval_logic,
	[NODE_NOT] = eval_not, [NODE_CHOICE] = eval_choice,
	[NODE_LAMBDA] = eval_make_function, [NODE_COMPREHENSION] = eval_comprehension,
};

struct eval_value *eval_expr(struct eval *e, const struct eval_node *n)
{
	struct eval_value *v;

	if (n->kind > NODE_COMPREHENSION || !eval_exprs[n->kind])
		return eval_type_error(e, n->where, "expected a value here");
	if (!eval_charge(e, n->where, 1) || !eval_enter(e, n->where))
		return NULL;
	v = eval_exprs[n->kind](e, n);
	eval_leave(e);
	return v;
}
