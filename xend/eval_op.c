/* Operators.  Integers are 64 bits; what does not fit is an error, never something else. */
#include "xend/eval_run.h"

#include <math.h>
#include <string.h>

static struct eval_value *eval_overflow(struct eval *e, struct eval_where where)
{
	return eval_raise(e, where, "OverflowError", "the result does not fit 64 bits");
}

static struct eval_value *eval_by_zero(struct eval *e, struct eval_where where)
{
	return eval_raise(e, where, "ZeroDivisionError", "integer division or modulo by zero");
}

struct eval_value *eval_unary(struct eval *e, struct eval_where where, enum eval_op op,
			      struct eval_value *v)
{
	if (v->type == EVAL_FLOAT && op != OP_INVERT)
		return eval_float(e, where, op == OP_MINUS ? -v->real : v->real);
	if (!eval_is_integer(v))
		return eval_type_error(e, where, "bad operand type for a sign: '%s'",
				       eval_type_name(v));
	if (op == OP_INVERT)
		return eval_int(e, where, ~v->number);
	if (op == OP_MINUS && v->number == INT64_MIN)
		return eval_overflow(e, where);
	return eval_int(e, where, op == OP_MINUS ? -v->number : v->number);
}

/* Towards minus infinity, as Python divides. */
static bool eval_divide(int64_t a, int64_t b, int64_t *quotient, int64_t *rest)
{
	if (a == INT64_MIN && b == -1)
		return false;
	*quotient = a / b;
	*rest = a % b;
	if (*rest && (*rest < 0) != (b < 0)) {
		--*quotient;
		*rest += b;
	}
	return true;
}

static struct eval_value *eval_power(struct eval *e, struct eval_where where, int64_t base,
				     int64_t exponent)
{
	int64_t result = 1;

	if (exponent < 0)
		return base ? eval_float(e, where, pow((double)base, (double)exponent)) :
			eval_by_zero(e, where);
	while (exponent) {		/* at most 63 rounds */
		if (exponent & 1 && __builtin_mul_overflow(result, base, &result))
			return eval_overflow(e, where);
		exponent >>= 1;
		if (exponent && __builtin_mul_overflow(base, base, &base))
			return eval_overflow(e, where);
	}
	return eval_int(e, where, result);
}

static struct eval_value *eval_shift(struct eval *e, struct eval_where where, int64_t a,
				     int64_t by, bool is_left)
{
	if (by < 0)
		return eval_raise(e, where, "ValueError", "negative shift count");
	if (!is_left)
		return eval_int(e, where, by > 63 ? (a < 0 ? -1 : 0) : a >> by);
	if (a && (by > 62 || a > INT64_MAX >> by || a < INT64_MIN >> by))
		return eval_overflow(e, where);
	return eval_int(e, where, a ? a * ((int64_t)1 << by) : 0);
}

static struct eval_value *eval_integers(struct eval *e, struct eval_where where, enum eval_op op,
					int64_t a, int64_t b)
{
	int64_t result = 0, rest;

	switch (op) {
	case OP_ADD:
		return __builtin_add_overflow(a, b, &result) ? eval_overflow(e, where) :
			eval_int(e, where, result);
	case OP_SUBTRACT:
		return __builtin_sub_overflow(a, b, &result) ? eval_overflow(e, where) :
			eval_int(e, where, result);
	case OP_MULTIPLY:
		return __builtin_mul_overflow(a, b, &result) ? eval_overflow(e, where) :
			eval_int(e, where, result);
	case OP_DIVIDE: case OP_FLOOR: case OP_MODULO:
		if (!b)
			return eval_by_zero(e, where);
		if (!eval_divide(a, b, &result, &rest))
			return eval_overflow(e, where);
		return eval_int(e, where, op == OP_MODULO ? rest : result);
	case OP_POWER:
		return eval_power(e, where, a, b);
	case OP_LEFT: case OP_RIGHT:
		return eval_shift(e, where, a, b, op == OP_LEFT);
	case OP_AND:
		return eval_int(e, where, a & b);
	case OP_OR:
		return eval_int(e, where, a | b);
	case OP_XOR:
		return eval_int(e, where, a ^ b);
	default:
		return eval_type_error(e, where, "unsupported operator for integers");
	}
}

static struct eval_value *eval_reals(struct eval *e, struct eval_where where, enum eval_op op,
				     double a, double b)
{
	switch (op) {
	case OP_ADD: return eval_float(e, where, a + b);
	case OP_SUBTRACT: return eval_float(e, where, a - b);
	case OP_MULTIPLY: return eval_float(e, where, a * b);
	case OP_POWER: return eval_float(e, where, pow(a, b));
	case OP_DIVIDE: case OP_FLOOR: case OP_MODULO:
		if (b == 0)
			return eval_raise(e, where, "ZeroDivisionError", "float division by zero");
		if (op == OP_MODULO)
			return eval_float(e, where, a - b * floor(a / b));
		return eval_float(e, where, op == OP_FLOOR ? floor(a / b) : a / b);
	default:
		return eval_type_error(e, where, "unsupported operator for float");
	}
}

static struct eval_value *eval_concatenate(struct eval *e, struct eval_where where,
					   const struct eval_value *a, const struct eval_value *b)
{
	struct eval_out text = { e, where };
	struct eval_value *v;

	if (eval_is_string(a)) {
		eval_put(&text, a->text, a->length);
		eval_put(&text, b->text, b->length);
		return eval_take(&text);
	}
	v = eval_sequence(e, a->type, where, a->items->count + b->items->count);
	for (size_t i = 0; v && i < a->items->count; i++)
		if (!eval_append(e, v, a->items->item[i]))
			return NULL;
	for (size_t i = 0; v && i < b->items->count; i++)
		if (!eval_append(e, v, b->items->item[i]))
			return NULL;
	return v && eval_charge(e, where, v->items->count / 4) ? v : NULL;
}

static struct eval_value *eval_repeat(struct eval *e, struct eval_where where,
				      const struct eval_value *v, int64_t times)
{
	struct eval_out text = { e, where };
	struct eval_value *list;
	size_t length = eval_is_string(v) ? v->length : v->items->count;

	times = times < 0 || !length ? 0 : times;
	if (times > (int64_t)(EVAL_MEMORY_MAX / (length ? length : 1)))
		return eval_raise(e, where, "MemoryError", "the result is too long");
	if (eval_is_string(v)) {
		for (; times && !text.failed; times--)
			eval_put(&text, v->text, v->length);
		return eval_take(&text);
	}
	list = eval_sequence(e, v->type, where, 0);
	for (; list && times; times--) {
		if (!eval_charge(e, where, length / 4))
			return NULL;
		for (size_t i = 0; i < length; i++)
			if (!eval_append(e, list, v->items->item[i]))
				return NULL;
	}
	return list;
}

static struct eval_value *eval_unsupported(struct eval *e, struct eval_where where,
					   enum eval_op op, const struct eval_value *a,
					   const struct eval_value *b)
{
	static const char *const signs[] = { "+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&",
					     "|", "^" };

	if (op == OP_ADD && (eval_is_string(a) || eval_is_string(b))) {
		eval_type_error(e, where, "cannot concatenate '%s' and '%s' objects",
				eval_type_name(a), eval_type_name(b));
		eval_hint(e, "write str(…) around the one that is not a text, "
			  "or '…%%s…' %% (…)");
		return NULL;
	}
	return eval_type_error(e, where, "unsupported operand type(s) for %s: '%s' and '%s'",
			       signs[op], eval_type_name(a), eval_type_name(b));
}

struct eval_value *eval_binary(struct eval *e, struct eval_where where, enum eval_op op,
			       struct eval_value *a, struct eval_value *b)
{
	if (eval_is_integer(a) && eval_is_integer(b))
		return eval_integers(e, where, op, a->number, b->number);
	if (eval_is_number(a) && eval_is_number(b))
		return eval_reals(e, where, op, eval_real(a), eval_real(b));
	if (op == OP_MODULO && eval_is_string(a))
		return eval_format(e, where, a, b);
	if (op == OP_ADD && ((eval_is_string(a) && eval_is_string(b)) ||
			     (eval_is_sequence(a) && a->type == b->type)))
		return eval_concatenate(e, where, a, b);
	if (op == OP_MULTIPLY && eval_is_integer(b) && (eval_is_string(a) || eval_is_sequence(a)))
		return eval_repeat(e, where, a, b->number);
	if (op == OP_MULTIPLY && eval_is_integer(a) && (eval_is_string(b) || eval_is_sequence(b)))
		return eval_repeat(e, where, b, a->number);
	return eval_unsupported(e, where, op, a, b);
}

static int eval_contains(struct eval *e, struct eval_where where, struct eval_value *item,
			 struct eval_value *in)
{
	if (eval_is_string(in) && eval_is_string(item))
		return eval_charge(e, where, in->length / 16) ?
			memmem(in->text, in->length, item->text, item->length) != NULL : -1;
	if (in->type == EVAL_DICT) {
		long at = eval_dict_find(e, in, item);

		return at == -2 ? -1 : at >= 0;
	}
	if (!eval_is_sequence(in)) {
		eval_type_error(e, where, "'in' needs a list, a tuple, a dict or two texts: "
				"found '%s' in '%s'", eval_type_name(item), eval_type_name(in));
		return -1;
	}
	for (size_t i = 0; i < in->items->count; i++) {
		int rc = eval_equal(e, in->items->item[i], item);

		if (rc)
			return rc;
	}
	return 0;
}

/* Constants are equal values here, not always the same one: `is` on them asks for both. */
static int eval_is(struct eval *e, struct eval_value *a, struct eval_value *b)
{
	if (a->type != b->type)
		return 0;
	return eval_is_sequence(a) || a->type == EVAL_DICT ? a == b : eval_equal(e, a, b);
}

int eval_compare(struct eval *e, struct eval_where where, enum eval_op op, struct eval_value *a,
		 struct eval_value *b)
{
	int rc, order;

	switch (op) {
	case OP_EQ: case OP_NE:
		rc = eval_equal(e, a, b);
		return rc < 0 ? rc : rc == (op == OP_EQ);
	case OP_IN: case OP_NOT_IN:
		rc = eval_contains(e, where, a, b);
		return rc < 0 ? rc : rc == (op == OP_IN);
	case OP_IS: case OP_IS_NOT:
		rc = eval_is(e, a, b);
		return rc < 0 ? rc : rc == (op == OP_IS);
	default:
		if (!eval_order(e, where, a, b, &order))
			return -1;
		return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 :
			op == OP_GT ? order > 0 : order >= 0;
	}
}
