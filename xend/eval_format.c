/* '…%d…' % values, as C's printf but with Python's errors. */
#include "xend/eval_run.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define EVAL_FIELD_MAX 4096		/* columns that a width or precision may ask for */

struct eval_formatter {
	struct eval *e;
	struct eval_where where;
	const char *at, *end;
	struct eval_value *values;	/* right of the % */
	size_t next;			/* of a tuple's items */
	struct eval_out out;
};

struct eval_field {
	bool is_left, is_zero, has_plus, has_blank, is_alternate;
	int width, precision;		/* precision -1: none */
	struct eval_value *value;	/* from %(name)s */
};

static void *eval_format_fail(struct eval_formatter *f, const char *text)
{
	return eval_raise(f->e, f->where, "ValueError", "%s", text);
}

static struct eval_value *eval_format_next(struct eval_formatter *f)
{
	bool is_tuple = f->values->type == EVAL_TUPLE;

	if (f->next >= (is_tuple ? f->values->items->count : 1))
		return eval_type_error(f->e, f->where, "not enough arguments for format string");
	f->next++;
	return is_tuple ? f->values->items->item[f->next - 1] : f->values;
}

/* %(name)s takes from a dict. */
static bool eval_format_key(struct eval_formatter *f, struct eval_field *field)
{
	const char *start = ++f->at;
	struct eval_value *key;

	while (f->at < f->end && *f->at != ')')
		f->at++;
	if (f->at == f->end)
		return eval_format_fail(f, "incomplete format key: expected ')'");
	if (f->values->type != EVAL_DICT)
		return eval_type_error(f->e, f->where, "format requires a mapping");
	key = eval_string(f->e, f->where, start, (size_t)(f->at - start));
	field->value = key ? eval_index(f->e, f->where, f->values, key) : NULL;
	f->at++;
	return field->value;
}

static void eval_format_flags(struct eval_formatter *f, struct eval_field *field)
{
	for (; f->at < f->end && *f->at && strchr("-0+ #", *f->at); f->at++) {
		field->is_left |= *f->at == '-';
		field->is_zero |= *f->at == '0';
		field->has_plus |= *f->at == '+';
		field->has_blank |= *f->at == ' ';
		field->is_alternate |= *f->at == '#';
	}
}

/* Digits or *; none leaves *n as it is. */
static bool eval_format_number(struct eval_formatter *f, int *n)
{
	struct eval_value *v;

	if (f->at < f->end && *f->at == '*') {
		f->at++;
		v = eval_format_next(f);
		if (!v || !eval_is_integer(v))
			return v ? eval_type_error(f->e, f->where, "* wants int") : NULL;
		if (v->number < -EVAL_FIELD_MAX || v->number > EVAL_FIELD_MAX)
			return eval_format_fail(f, "a field of more than 4096 columns");
		*n = (int)v->number;
		return true;
	}
	if (f->at < f->end && isdigit((unsigned char)*f->at))
		*n = 0;
	for (; f->at < f->end && isdigit((unsigned char)*f->at); f->at++) {
		*n = *n * 10 + *f->at - '0';
		if (*n > EVAL_FIELD_MAX)
			return eval_format_fail(f, "a field of more than 4096 columns");
	}
	return true;
}

static void eval_format_fill(struct eval_formatter *f, char c, int count)
{
	while (count-- > 0 && !f->out.failed)
		eval_put(&f->out, &c, 1);
}

/* sign and prefix, zeros, digits, within the width. */
static void eval_format_put(struct eval_formatter *f, const struct eval_field *field,
			    const char *prefix, const char *text, size_t length, bool may_zero)
{
	size_t used = strlen(prefix) + length;
	int fill = field->width > 0 && (size_t)field->width > used ?
		field->width - (int)used : 0;
	bool zeros = field->is_zero && may_zero && !field->is_left;

	if (!zeros && !field->is_left)
		eval_format_fill(f, ' ', fill);
	eval_puts(&f->out, prefix);
	if (zeros)
		eval_format_fill(f, '0', fill);
	eval_put(&f->out, text, length);
	if (field->is_left)
		eval_format_fill(f, ' ', fill);
}

static const char *eval_format_sign(const struct eval_field *field, bool is_negative)
{
	return is_negative ? "-" : field->has_plus ? "+" : field->has_blank ? " " : "";
}

static bool eval_format_integer(struct eval_formatter *f, struct eval_field *field, char how,
				const struct eval_value *v)
{
	char digits[32], prefix[8], *text;
	uint64_t n;
	int length, zeros;
	bool is_negative;
	int64_t number;

	if (v->type == EVAL_FLOAT && (!isfinite(v->real) || fabs(v->real) >= 9e18))
		return eval_raise(f->e, f->where, "OverflowError", "the float does not fit 64 bits");
	if (!eval_is_number(v))
		return eval_type_error(f->e, f->where, "%%%c format: a number is required, not %s",
				       how, eval_type_name(v));
	number = v->type == EVAL_FLOAT ? (int64_t)v->real : v->number;
	is_negative = number < 0;
	n = is_negative ? -(uint64_t)number : (uint64_t)number;
	length = snprintf(digits, sizeof(digits), how == 'x' ? "%llx" : how == 'X' ? "%llX" :
			  how == 'o' ? "%llo" : "%llu", (unsigned long long)n);
	snprintf(prefix, sizeof(prefix), "%s%s", eval_format_sign(field, is_negative),
		 !field->is_alternate ? "" : how == 'x' ? "0x" : how == 'X' ? "0X" :
		 how == 'o' && n ? "0" : "");
	zeros = field->precision > length ? field->precision - length : 0;
	text = eval_alloc(f->e, (size_t)(zeros + length) + 1);
	if (!text)
		return false;
	memset(text, '0', (size_t)zeros);
	memcpy(text + zeros, digits, (size_t)length);
	eval_format_put(f, field, prefix, text, (size_t)(zeros + length), true);
	return true;
}

static bool eval_format_real(struct eval_formatter *f, struct eval_field *field, char how,
			     const struct eval_value *v)
{
	char format[] = "%.*f", text[512];
	int precision = field->precision < 0 ? 6 : field->precision > 100 ? 100 : field->precision;
	double real;

	if (!eval_is_number(v))
		return eval_type_error(f->e, f->where, "float argument required, not %s",
				       eval_type_name(v));
	real = eval_real(v);
	format[3] = how;
	snprintf(text, sizeof(text), format, precision, fabs(real));
	eval_format_put(f, field, eval_format_sign(field, real < 0), text, strlen(text), true);
	return true;
}

static bool eval_format_text(struct eval_formatter *f, struct eval_field *field, char how,
			     const struct eval_value *v)
{
	struct eval_value *text = how == 's' ? eval_to_str(f->e, f->where, v) :
		eval_to_repr(f->e, f->where, v);
	size_t length;

	if (!text)
		return false;
	length = text->length;
	if (field->precision >= 0 && (size_t)field->precision < length)
		length = (size_t)field->precision;
	eval_format_put(f, field, "", text->text, length, false);
	return true;
}

static bool eval_format_char(struct eval_formatter *f, struct eval_field *field, char how,
			     const struct eval_value *v)
{
	char c;

	if (eval_is_string(v) && v->length == 1)
		c = v->text[0];
	else if (eval_is_integer(v) && v->number > 0 && v->number < 256)
		c = (char)v->number;
	else
		return eval_type_error(f->e, f->where, "%%c requires int (1 to 255) or char");
	eval_format_put(f, field, "", &c, 1, false);
	return true;
}

static const struct {
	const char *letters;
	bool (*put)(struct eval_formatter *f, struct eval_field *field, char how,
		    const struct eval_value *v);
} eval_conversions[] = {
	{ "diuxXo", eval_format_integer }, { "eEfFgG", eval_format_real },
	{ "sr", eval_format_text }, { "c", eval_format_char },
};

/* From behind a % to behind its letter. */
static bool eval_format_field(struct eval_formatter *f)
{
	struct eval_field field = { .precision = -1 };
	char how;

	if (f->at < f->end && *f->at == '(' && !eval_format_key(f, &field))
		return false;
	eval_format_flags(f, &field);
	if (!eval_format_number(f, &field.width))
		return false;
	if (field.width < 0) {
		field.is_left = true;
		field.width = -field.width;
	}
	if (f->at < f->end && *f->at == '.') {
		f->at++;
		field.precision = 0;
		if (!eval_format_number(f, &field.precision))
			return false;
	}
	while (f->at < f->end && *f->at && strchr("hlL", *f->at))
		f->at++;
	if (f->at == f->end)
		return eval_format_fail(f, "incomplete format: expected a letter such as d or s "
					"after '%'");
	how = *f->at++;
	if (how == '%') {
		eval_puts(&f->out, "%");
		return true;
	}
	for (size_t i = 0; i < sizeof(eval_conversions) / sizeof(eval_conversions[0]); i++) {
		if (!strchr(eval_conversions[i].letters, how))
			continue;
		if (!field.value)
			field.value = eval_format_next(f);
		return field.value && eval_conversions[i].put(f, &field, how, field.value);
	}
	return eval_raise(f->e, f->where, "ValueError",
			  "unsupported format character '%c'", isprint((unsigned char)how) ? how : '?');
}

struct eval_value *eval_format(struct eval *e, struct eval_where where,
			       const struct eval_value *format, struct eval_value *values)
{
	struct eval_formatter f = { e, where, format->text, format->text + format->length, values,
				    0, { e, where } };
	const char *percent;

	while ((percent = memchr(f.at, '%', (size_t)(f.end - f.at)))) {
		eval_put(&f.out, f.at, (size_t)(percent - f.at));
		f.at = percent + 1;
		if (!eval_format_field(&f) || !eval_charge(e, where, 1))
			return NULL;
	}
	eval_put(&f.out, f.at, (size_t)(f.end - f.at));
	if (values->type == EVAL_TUPLE ? f.next < values->items->count :
	    values->type != EVAL_DICT && !f.next)
		return eval_type_error(e, where, "not all arguments converted during string formatting");
	return eval_take(&f.out);
}
