/* The evaluator's text: what str() and repr() make of values, and text that grows. */
#include "xend/eval_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void eval_put(struct eval_out *o, const char *text, size_t length)
{
	if (o->failed || !length)
		return;
	o->failed = length > EVAL_MEMORY_MAX || !eval_charge(o->e, o->where, length / 16);
	if (!o->failed && o->length + length > o->room) {
		size_t room = (o->length + length) * 2;
		char *grown = eval_alloc(o->e, room);

		o->failed = !grown || !eval_charge(o->e, o->where, o->length / 16);
		if (grown && o->length)
			memcpy(grown, o->text, o->length);
		o->text = grown;
		o->room = room;
	}
	if (o->failed)
		return;
	memcpy(o->text + o->length, text, length);
	o->length += length;
}



void eval_puts(struct eval_out *o, const char *text)
{
	eval_put(o, text, strlen(text));
}

/* The shortest text that is exact: digits as they are up to 1e16, as Python's repr(). */
static void eval_put_exact(double real, char *text, size_t size)
{
	int exponent, digits = 1;

	while (digits < 17) {
		snprintf(text, size, "%.*e", digits - 1, real);
		if (strtod(text, NULL) == real)
			break;
		digits++;
	}
	snprintf(text, size, "%.*e", digits - 1, real);
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	if (exponent >= -4 && exponent < 16)
		snprintf(text, size, "%.*f", digits > exponent + 1 ? digits - exponent - 1 : 0, real);
	else
		snprintf(text, size, "%.*g", digits, real);
}

static void eval_put_float(struct eval_out *o, double real, bool is_repr)
{
	char text[40];

	if (is_repr && isfinite(real))
		eval_put_exact(real, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%.12g", real);
	eval_puts(o, text);
	if (isfinite(real) && !strpbrk(text, ".e"))
		eval_puts(o, ".0");
}

static void eval_put_quoted(struct eval_out *o, const struct eval_value *v)
{
	const char *quote = memchr(v->text, '\'', v->length) && !memchr(v->text, '"', v->length) ?
		"\"" : "'";

	eval_puts(o, quote);
	for (size_t i = 0; i < v->length; i++) {
		unsigned char c = (unsigned char)v->text[i];
		char text[5] = { (char)c };

		if (c == '\n' || c == '\t' || c == '\r')
			snprintf(text, sizeof(text), "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (c == '\\' || c == (unsigned char)*quote)
			snprintf(text, sizeof(text), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(text, sizeof(text), "\\x%02x", c);
		eval_puts(o, text);
	}
	eval_puts(o, quote);
}

static void eval_put_items(struct eval_out *o, const struct eval_value *v)
{
	static const char *const brackets[][2] = {
		[EVAL_LIST] = { "[", "]" }, [EVAL_TUPLE] = { "(", ")" }, [EVAL_DICT] = { "{", "}" },
	};
	size_t count = v->items->count;

	if (!eval_enter(o->e, o->where)) {
		o->failed = true;
		return;
	}
	eval_puts(o, brackets[v->type][0]);
	for (size_t i = 0; i < count && !o->failed; i++) {
		if (i)
			eval_puts(o, v->type == EVAL_DICT && i % 2 ? ": " : ", ");
		eval_put_value(o, v->items->item[i], true);
	}
	if (v->type == EVAL_TUPLE && count == 1)
		eval_puts(o, ",");
	eval_puts(o, brackets[v->type][1]);
	eval_leave(o->e);
}

void eval_put_value(struct eval_out *o, const struct eval_value *v, bool is_repr)
{
	char text[40];

	if (!eval_charge(o->e, o->where, 1))
		o->failed = true;
	switch (v->type) {
	case EVAL_NONE:
		eval_puts(o, "None");
		break;
	case EVAL_BOOL:
		eval_puts(o, v->number ? "True" : "False");
		break;
	case EVAL_INT: case EVAL_LONG:
		snprintf(text, sizeof(text), "%lld%s", (long long)v->number,
			 v->type == EVAL_LONG && is_repr ? "L" : "");
		eval_puts(o, text);
		break;
	case EVAL_FLOAT:
		eval_put_float(o, v->real, is_repr);
		break;
	case EVAL_STR: case EVAL_UNICODE:
		if (is_repr)
			eval_put_quoted(o, v);
		else
			eval_put(o, v->text, v->length);
		break;
	case EVAL_LIST: case EVAL_TUPLE: case EVAL_DICT:
		eval_put_items(o, v);
		break;
	default:
		eval_puts(o, "<");
		eval_puts(o, eval_type_name(v));
		eval_puts(o, ">");
	}
}

struct eval_value *eval_take(struct eval_out *o)
{
	if (o->failed && !o->e->failed)
		eval_raise(o->e, o->where, "MemoryError", "the text is too long");
	return o->failed ? NULL :
		eval_string(o->e, o->where, o->text ? o->text : "", o->length);
}

static struct eval_value *eval_to_text(struct eval *e, struct eval_where where,
				       const struct eval_value *v, bool is_repr)
{
	struct eval_out o = { e, where };

	eval_put_value(&o, v, is_repr);
	return eval_take(&o);
}

struct eval_value *eval_to_str(struct eval *e, struct eval_where where,
			       const struct eval_value *v)
{
	return eval_to_text(e, where, v, false);
}

struct eval_value *eval_to_repr(struct eval *e, struct eval_where where,
				const struct eval_value *v)
{
	return eval_to_text(e, where, v, true);
}
