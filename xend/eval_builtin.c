/* The names that every configuration starts with: int(), str(), range(), ValueError … and those
 * that Python has but a configuration must not use. */
#include "xend/eval_run.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- conversions ---- */

static struct eval_value *eval_int_text(struct eval *e, struct eval_call *call,
					const struct eval_value *v, int base)
{
	const char *start = v->text, *end = v->text + v->length;
	char *stop;
	long long n;

	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	errno = 0;
	n = strtoll(start, &stop, base);
	if (start == end || stop != end || isspace((unsigned char)*start)) {
		struct eval_value *repr = eval_to_repr(e, call->where, v);

		return repr ? eval_raise(e, call->where, "ValueError",
					 "invalid literal for int() with base %d: %.200s",
					 base, repr->text) : NULL;
	}
	if (errno)
		return eval_raise(e, call->where, "OverflowError",
				  "the number does not fit 64 bits: %.40s", v->text);
	return eval_int(e, call->where, n);
}

static struct eval_value *eval_do_int(struct eval *e, struct eval_call *call)
{
	struct eval_value *v = eval_arg(call, 0, NULL), *base = eval_arg(call, 1, "base");

	if (!v)
		return eval_int(e, call->where, 0);
	if (base && (!eval_is_integer(base) || base->number < 0 || base->number > 36 ||
		     base->number == 1))
		return eval_raise(e, call->where, "ValueError",
				  "int() base must be >= 2 and <= 36");
	if (eval_is_string(v))
		return eval_int_text(e, call, v, base ? (int)base->number : 10);
	if (base)
		return eval_type_error(e, call->where,
				       "int() can't convert non-string with explicit base");
	if (eval_is_integer(v))
		return eval_int(e, call->where, v->number);
	if (v->type == EVAL_FLOAT) {
		if (!isfinite(v->real) || fabs(v->real) >= 9.2e18)
			return eval_raise(e, call->where, "OverflowError",
					  "the float does not fit 64 bits");
		return eval_int(e, call->where, (int64_t)v->real);
	}
	return eval_type_error(e, call->where,
			       "int() argument must be a string or a number, not '%s'",
			       eval_type_name(v));
}

static struct eval_value *eval_do_long(struct eval *e, struct eval_call *call)
{
	struct eval_value *v = eval_do_int(e, call);

	if (v)
		v->type = EVAL_LONG;
	return v;
}

static struct eval_value *eval_do_float(struct eval *e, struct eval_call *call)
{
	struct eval_value *v = eval_arg(call, 0, NULL);
	char *end;
	double real;

	if (!v)
		return eval_float(e, call->where, 0);
	if (eval_is_number(v))
		return eval_float(e, call->where, eval_real(v));
	if (!eval_is_string(v))
		return eval_type_error(e, call->where,
				       "float() argument must be a string or a number");
	real = strtod(v->text, &end);
	while (isspace((unsigned char)*end))
		end++;
	if (end == v->text || *end)
		return eval_raise(e, call->where, "ValueError",
				  "could not convert string to float: %.100s", v->text);
	return eval_float(e, call->where, real);
}

static struct eval_value *eval_do_str(struct eval *e, struct eval_call *call)
{
	return call->args ? eval_to_str(e, call->where, call->arg[0]) :
		eval_string(e, call->where, "", 0);
}

static struct eval_value *eval_do_repr(struct eval *e, struct eval_call *call)
{
	return eval_to_repr(e, call->where, call->arg[0]);
}

static struct eval_value *eval_do_bool(struct eval *e, struct eval_call *call)
{
	return eval_bool(e, call->where, call->args && eval_truth(call->arg[0]));
}

static struct eval_value *eval_do_list(struct eval *e, struct eval_call *call)
{
	return call->args ? eval_iterate(e, call->where, call->arg[0]) :
		eval_sequence(e, EVAL_LIST, call->where, 0);
}

static struct eval_value *eval_do_tuple(struct eval *e, struct eval_call *call)
{
	struct eval_value *v = eval_do_list(e, call);

	if (v)
		v->type = EVAL_TUPLE;
	return v;
}

/* dict(), dict(other), dict(a=1), dict([(a, 1)]) */
static struct eval_value *eval_do_dict(struct eval *e, struct eval_call *call)
{
	struct eval_value *d = eval_sequence(e, EVAL_DICT, call->where, 0), *key, *items;
	struct eval_value *from = call->args ? call->arg[0] : NULL;
	bool is_dict = from && from->type == EVAL_DICT;

	items = !d ? NULL : !from || is_dict ? d : eval_iterate(e, call->where, from);
	if (!items)
		return NULL;
	for (size_t i = 0; is_dict && i < from->items->count; i += 2)
		if (!eval_dict_set(e, d, from->items->item[i], from->items->item[i + 1]))
			return NULL;
	for (size_t i = 0; items != d && i < items->items->count; i++) {
		const struct eval_value *pair = items->items->item[i];

		if (!eval_is_sequence(pair) || pair->items->count != 2)
			return eval_type_error(e, call->where, "dict() needs pairs (key, value)");
		if (!eval_dict_set(e, d, pair->items->item[0], pair->items->item[1]))
			return NULL;
	}
	for (size_t i = 0; i < call->keywords; i++) {
		key = eval_string(e, call->where, call->keyword[i].name->name,
				  call->keyword[i].name->length);
		if (!key || !eval_dict_set(e, d, key, call->keyword[i].value))
			return NULL;
	}
	return d;
}

static struct eval_value *eval_do_base(struct eval *e, struct eval_call *call, const char *format)
{
	char text[40];
	int64_t n;

	if (!eval_arg_int(e, call, 0, &n))
		return NULL;
	snprintf(text, sizeof(text), format, n < 0 ? "-" : "",
		 n < 0 ? -(unsigned long long)n : (unsigned long long)n);
	return eval_string(e, call->where, text, strlen(text));
}

static struct eval_value *eval_do_hex(struct eval *e, struct eval_call *call)
{
	return eval_do_base(e, call, "%s0x%llx");
}

static struct eval_value *eval_do_oct(struct eval *e, struct eval_call *call)
{
	return eval_do_base(e, call, "%s0%llo");
}

static struct eval_value *eval_do_chr(struct eval *e, struct eval_call *call)
{
	int64_t n;
	char c;

	if (!eval_arg_int(e, call, 0, &n))
		return NULL;
	if (n < 1 || n > 255)
		return eval_raise(e, call->where, "ValueError", "chr() arg not in range(1, 256)");
	c = (char)n;
	return eval_string(e, call->where, &c, 1);
}

static struct eval_value *eval_do_ord(struct eval *e, struct eval_call *call)
{
	const struct eval_value *v = eval_arg_text(e, call, 0);

	if (!v)
		return NULL;
	if (v->length != 1)
		return eval_type_error(e, call->where, "ord() expected a character, but string "
				       "of length %zu found", v->length);
	return eval_int(e, call->where, (unsigned char)v->text[0]);
}

/* ---- numbers and sequences ---- */

static struct eval_value *eval_do_len(struct eval *e, struct eval_call *call)
{
	const struct eval_value *v = call->arg[0];

	if (eval_is_string(v))
		return eval_int(e, call->where, (int64_t)v->length);
	if (eval_is_sequence(v) || v->type == EVAL_DICT)
		return eval_int(e, call->where,
				(int64_t)(v->items->count / (v->type == EVAL_DICT ? 2 : 1)));
	return eval_type_error(e, call->where, "object of type '%s' has no len()",
			       eval_type_name(v));
}

static struct eval_value *eval_do_range(struct eval *e, struct eval_call *call)
{
	int64_t start = 0, stop, step = 1;
	struct eval_value *list, *v;

	if (!eval_arg_int(e, call, call->args > 1 ? 1 : 0, &stop) ||
	    (call->args > 1 && !eval_arg_int(e, call, 0, &start)) ||
	    (call->args > 2 && !eval_arg_int(e, call, 2, &step)))
		return NULL;
	if (!step)
		return eval_raise(e, call->where, "ValueError", "range() step argument must not be zero");
	list = eval_sequence(e, EVAL_LIST, call->where, 0);
	while (list && (step > 0 ? start < stop : start > stop)) {
		v = eval_charge(e, call->where, 1) ? eval_int(e, call->where, start) : NULL;
		if (!v || !eval_append(e, list, v))
			return NULL;
		if (__builtin_add_overflow(start, step, &start))
			break;
	}
	return list;
}

static struct eval_value *eval_do_abs(struct eval *e, struct eval_call *call)
{
	struct eval_value *v = call->arg[0];

	if (eval_is_number(v) && eval_real(v) < 0)
		return eval_unary(e, call->where, OP_MINUS, v);
	return eval_is_number(v) ? v : eval_type_error(e, call->where, "bad operand type for abs(): "
						       "'%s'", eval_type_name(v));
}

static struct eval_value *eval_do_round(struct eval *e, struct eval_call *call)
{
	if (!eval_is_number(call->arg[0]))
		return eval_type_error(e, call->where, "a float is required");
	return eval_float(e, call->where, round(eval_real(call->arg[0])));
}

/* The extreme of the arguments, or of the only one's items. */
static struct eval_value *eval_extreme(struct eval *e, struct eval_call *call, int sign)
{
	struct eval_value *best = NULL, *items;
	struct eval_value **item = call->arg;
	size_t count = call->args;
	int order;

	if (count == 1) {
		items = eval_iterate(e, call->where, call->arg[0]);
		if (!items)
			return NULL;
		item = items->items->item;
		count = items->items->count;
	}
	for (size_t i = 0; i < count; i++) {
		if (best && (!eval_charge(e, call->where, 1) ||
			     !eval_order(e, call->where, item[i], best, &order)))
			return NULL;
		if (!best || order * sign > 0)
			best = item[i];
	}
	return best ? best : eval_raise(e, call->where, "ValueError", "arg is an empty sequence");
}

static struct eval_value *eval_do_max(struct eval *e, struct eval_call *call)
{
	return eval_extreme(e, call, 1);
}

static struct eval_value *eval_do_min(struct eval *e, struct eval_call *call)
{
	return eval_extreme(e, call, -1);
}

static struct eval_value *eval_do_sum(struct eval *e, struct eval_call *call)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[0]);
	struct eval_value *sum = call->args > 1 ? call->arg[1] : eval_int(e, call->where, 0);

	for (size_t i = 0; items && sum && i < items->items->count; i++)
		sum = eval_charge(e, call->where, 1) ?
			eval_binary(e, call->where, OP_ADD, sum, items->items->item[i]) : NULL;
	return items ? sum : NULL;
}

/* Sorts by merging: stable, and never more than n log n comparisons. */
static bool eval_merge_sort(struct eval *e, struct eval_where where, struct eval_value **item,
			    struct eval_value **spare, size_t count)
{
	size_t half = count / 2, i = 0, k = half, n = 0;
	int order;

	if (count < 2)
		return true;
	if (!eval_merge_sort(e, where, item, spare, half) ||
	    !eval_merge_sort(e, where, item + half, spare, count - half))
		return false;
	memcpy(spare, item, count * sizeof(*item));
	while (i < half && k < count) {
		if (!eval_charge(e, where, 1) || !eval_order(e, where, spare[k], spare[i], &order))
			return false;
		item[n++] = order < 0 ? spare[k++] : spare[i++];
	}
	while (i < half)
		item[n++] = spare[i++];
	while (k < count)
		item[n++] = spare[k++];
	return true;
}

bool eval_sort(struct eval *e, struct eval_where where, struct eval_value *list)
{
	struct eval_value **spare = eval_alloc(e, (list->items->count + 1) * sizeof(*spare));

	return spare && eval_merge_sort(e, where, list->items->item, spare, list->items->count);
}

void eval_reverse(struct eval_value *list)
{
	struct eval_items *s = list->items;

	for (size_t i = 0; i < s->count / 2; i++) {
		struct eval_value *v = s->item[i];

		s->item[i] = s->item[s->count - 1 - i];
		s->item[s->count - 1 - i] = v;
	}
}

static struct eval_value *eval_do_sorted(struct eval *e, struct eval_call *call)
{
	struct eval_value *list = eval_iterate(e, call->where, call->arg[0]);
	struct eval_value *reverse = eval_arg(call, 1, "reverse");

	if (!list || !eval_sort(e, call->where, list))
		return NULL;
	if (reverse && eval_truth(reverse))
		eval_reverse(list);
	return list;
}

static struct eval_value *eval_do_reversed(struct eval *e, struct eval_call *call)
{
	struct eval_value *list = eval_iterate(e, call->where, call->arg[0]);

	if (list)
		eval_reverse(list);
	return list;
}

/* Rows of the arguments' items, as long as all have some. */
static struct eval_value *eval_do_zip(struct eval *e, struct eval_call *call)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, call->where, 0), *row;
	struct eval_value *from[8];
	size_t count = SIZE_MAX;

	for (size_t i = 0; i < call->args; i++) {
		from[i] = eval_iterate(e, call->where, call->arg[i]);
		if (!from[i])
			return NULL;
		count = from[i]->items->count < count ? from[i]->items->count : count;
	}
	for (size_t n = 0; list && n < count; n++) {
		row = eval_sequence(e, EVAL_TUPLE, call->where, call->args);
		for (size_t i = 0; row && i < call->args; i++)
			if (!eval_append(e, row, from[i]->items->item[n]))
				return NULL;
		if (!row || !eval_append(e, list, row) || !eval_charge(e, call->where, 1))
			return NULL;
	}
	return list;
}

static struct eval_value *eval_do_enumerate(struct eval *e, struct eval_call *call)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[0]);
	struct eval_value *numbers = eval_sequence(e, EVAL_LIST, call->where, 0), *n;
	struct eval_value *pair[2] = { numbers, items };
	struct eval_call zip = { .where = call->where, .arg = pair, .args = 2 };

	for (size_t i = 0; items && numbers && i < items->items->count; i++) {
		n = eval_int(e, call->where, (int64_t)i);
		if (!n || !eval_append(e, numbers, n))
			return NULL;
	}
	return items && numbers ? eval_do_zip(e, &zip) : NULL;
}

static struct eval_value *eval_map(struct eval *e, struct eval_call *call, bool is_filter)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[1]), *v;
	struct eval_value *list = items ? eval_sequence(e, EVAL_LIST, call->where, 0) : NULL;

	for (size_t i = 0; list && i < items->items->count; i++) {
		struct eval_call one = { .where = call->where, .arg = &items->items->item[i],
					 .args = 1 };

		v = call->arg[0]->type == EVAL_NONE ? items->items->item[i] :
			eval_call_value(e, call->arg[0], &one);
		if (!v || !eval_charge(e, call->where, 1))
			return NULL;
		if (is_filter && !eval_truth(v))
			continue;
		if (!eval_append(e, list, is_filter ? items->items->item[i] : v))
			return NULL;
	}
	return list;
}

static struct eval_value *eval_do_map(struct eval *e, struct eval_call *call)
{
	return eval_map(e, call, false);
}

static struct eval_value *eval_do_filter(struct eval *e, struct eval_call *call)
{
	return eval_map(e, call, true);
}

static struct eval_value *eval_quantify(struct eval *e, struct eval_call *call, bool decisive)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[0]);

	for (size_t i = 0; items && i < items->items->count; i++)
		if (eval_truth(items->items->item[i]) == decisive)
			return eval_bool(e, call->where, decisive);
	return items ? eval_bool(e, call->where, !decisive) : NULL;
}

static struct eval_value *eval_do_any(struct eval *e, struct eval_call *call)
{
	return eval_quantify(e, call, true);
}

static struct eval_value *eval_do_all(struct eval *e, struct eval_call *call)
{
	return eval_quantify(e, call, false);
}

/* Types are functions here, so isinstance() goes by their names. */
static struct eval_value *eval_do_isinstance(struct eval *e, struct eval_call *call)
{
	const struct eval_value *type = call->arg[1];
	const char *name = eval_type_name(call->arg[0]);

	if (type->type != EVAL_BUILTIN)
		return eval_type_error(e, call->where, "isinstance() needs one of str, int, long, "
				       "float, bool, list, tuple, dict");
	return eval_bool(e, call->where, !strcmp(type->builtin->name, name) ||
			 (!strcmp(type->builtin->name, "int") && !strcmp(name, "bool")));
}

static struct eval_value *eval_refuse(struct eval *e, struct eval_call *call)
{
	eval_raise(e, call->where, NULL, "this function is not available in a configuration");
	eval_hint(e, "a configuration can compute values, but not execute or open anything");
	return NULL;
}

static const struct eval_builtin eval_builtins[] = {
	{ "int", eval_do_int, 0, 2 }, { "long", eval_do_long, 0, 2 },
	{ "float", eval_do_float, 0, 1 }, { "str", eval_do_str, 0, 1 },
	{ "repr", eval_do_repr, 1, 1 }, { "bool", eval_do_bool, 0, 1 },
	{ "list", eval_do_list, 0, 1 }, { "tuple", eval_do_tuple, 0, 1 },
	{ "dict", eval_do_dict, 0, 1 }, { "hex", eval_do_hex, 1, 1 }, { "oct", eval_do_oct, 1, 1 },
	{ "chr", eval_do_chr, 1, 1 }, { "ord", eval_do_ord, 1, 1 }, { "len", eval_do_len, 1, 1 },
	{ "range", eval_do_range, 1, 3 }, { "xrange", eval_do_range, 1, 3 },
	{ "abs", eval_do_abs, 1, 1 }, { "round", eval_do_round, 1, 1 },
	{ "max", eval_do_max, 1, 64 }, { "min", eval_do_min, 1, 64 }, { "sum", eval_do_sum, 1, 2 },
	{ "sorted", eval_do_sorted, 1, 1 }, { "reversed", eval_do_reversed, 1, 1 },
	{ "zip", eval_do_zip, 1, 8 }, { "enumerate", eval_do_enumerate, 1, 1 },
	{ "map", eval_do_map, 2, 2 }, { "filter", eval_do_filter, 2, 2 },
	{ "any", eval_do_any, 1, 1 }, { "all", eval_do_all, 1, 1 },
	{ "isinstance", eval_do_isinstance, 2, 2 },
	{ "open", eval_refuse, 0, 64 }, { "file", eval_refuse, 0, 64 },
	{ "eval", eval_refuse, 0, 64 }, { "execfile", eval_refuse, 0, 64 },
	{ "compile", eval_refuse, 0, 64 }, { "input", eval_refuse, 0, 64 },
	{ "raw_input", eval_refuse, 0, 64 }, { "__import__", eval_refuse, 0, 64 },
	{ NULL },
};

static const struct eval_exception eval_exceptions[] = {
	{ "Exception", NULL }, { "StandardError", NULL }, { "ArithmeticError", NULL },
	{ "AssertionError", NULL }, { "AttributeError", NULL }, { "IOError", NULL },
	{ "ImportError", NULL }, { "IndexError", NULL }, { "KeyError", NULL },
	{ "MemoryError", NULL }, { "NameError", NULL }, { "OSError", NULL },
	{ "OverflowError", NULL }, { "RuntimeError", NULL }, { "TypeError", NULL },
	{ "ValueError", NULL }, { "ZeroDivisionError", NULL }, { NULL, NULL },
};

static bool eval_predefine(struct eval *e, const char *name, struct eval_value *v)
{
	struct eval_symbol *s = v ? eval_symbol(e, name, strlen(name)) : NULL;

	if (s)
		s->value = v;
	return s;
}

bool eval_builtins_define(struct eval *e)
{
	const struct eval_where nowhere = { 0, 0 };
	struct eval_value *v;

	for (const struct eval_builtin *b = eval_builtins; b->name; b++) {
		v = eval_new_value(e, EVAL_BUILTIN, nowhere);
		if (v)
			v->builtin = b;
		if (!eval_predefine(e, b->name, v))
			return false;
	}
	for (const struct eval_exception *x = eval_exceptions; x->name; x++) {
		v = eval_new_value(e, EVAL_EXCEPTION, nowhere);
		if (v)
			v->what = x;
		if (!eval_predefine(e, x->name, v))
			return false;
	}
	return eval_predefine(e, "True", eval_bool(e, nowhere, true)) &&
		eval_predefine(e, "False", eval_bool(e, nowhere, false)) &&
		eval_predefine(e, "None", eval_none(e, nowhere));
}
