#include "format.h"

#include <stdbool.h>
#include <stdint.h>

struct output { char *buf; size_t size, length; };

struct spec {			/* one conversion, between '%' and its letter */
	bool left, zero, plus, space, alternate;
	int width, precision;	/* precision -1: none given */
	char length;		/* 'h', 'H' (hh), 'l' (l, ll, z: all 64 bits here) or 0 */
};

static void out_char(struct output *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void out_repeat(struct output *o, char c, int count)
{
	while (count-- > 0)
		out_char(o, c);
}

/* Prefix (sign or 0x), zeros and body, padded to the width. */
static void out_field(struct output *o, const struct spec *s, const char *prefix, int zeros,
		      const char *body, int length)
{
	int prefix_length = 0, pad;

	while (prefix[prefix_length])
		prefix_length++;
	pad = s->width - prefix_length - zeros - length;
	if (!s->left)
		out_repeat(o, ' ', pad);
	for (int i = 0; i < prefix_length; i++)
		out_char(o, prefix[i]);
	out_repeat(o, '0', zeros);
	for (int i = 0; i < length; i++)
		out_char(o, body[i]);
	if (s->left)
		out_repeat(o, ' ', pad);
}

static void out_number(struct output *o, const struct spec *s, uint64_t value, unsigned int base,
		       bool upper, const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int at = sizeof(text), zeros, length, prefix_length = 0;

	while (value) {
		text[--at] = digits[value % base];
		value /= base;
	}
	if (at == sizeof(text) && s->precision != 0)
		text[--at] = '0';
	length = sizeof(text) - at;
	zeros = s->precision - length;
	while (prefix[prefix_length])
		prefix_length++;
	if (s->precision < 0 && s->zero && !s->left)
		zeros = s->width - prefix_length - length;
	out_field(o, s, prefix, zeros > 0 ? zeros : 0, text + at, length);
}

static void out_string(struct output *o, const struct spec *s, const char *text)
{
	int length = 0;

	if (!text)
		text = "(null)";
	while ((s->precision < 0 || length < s->precision) && text[length])
		length++;
	out_field(o, s, "", 0, text, length);
}

static bool spec_flag(struct spec *s, char c)
{
	switch (c) {
	case '-': s->left = true; return true;
	case '0': s->zero = true; return true;
	case '+': s->plus = true; return true;
	case ' ': s->space = true; return true;
	case '#': s->alternate = true; return true;
	default: return false;
	}
}

/* A decimal number; capped so that no format makes us count for ages. */
static int spec_number(const char **format)
{
	int n = 0;

	while (**format >= '0' && **format <= '9') {
		n = n * 10 + (*(*format)++ - '0');
		if (n > 4096)
			n = 4096;
	}
	return n;
}

static void spec_length(struct spec *s, const char **format)
{
	for (; **format == 'h' || **format == 'l' || **format == 'z'; (*format)++)
		s->length = **format == 'h' ? (s->length == 'h' ? 'H' : 'h') : 'l';
}

static int64_t truncate_signed(const struct spec *s, int64_t v)
{
	return s->length == 'H' ? (signed char)v : s->length == 'h' ? (short)v : v;
}

static uint64_t truncate_unsigned(const struct spec *s, uint64_t v)
{
	return s->length == 'H' ? (unsigned char)v : s->length == 'h' ? (unsigned short)v : v;
}

static void out_signed(struct output *o, const struct spec *s, int64_t v)
{
	const char *sign = v < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	v = truncate_signed(s, v);
	out_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, false, sign);
}

static void out_unsigned(struct output *o, const struct spec *s, uint64_t v, char conversion)
{
	bool hex = conversion == 'x' || conversion == 'X';

	v = truncate_unsigned(s, v);
	out_number(o, s, v, hex ? 16 : conversion == 'o' ? 8 : 10, conversion == 'X',
		   hex && s->alternate && v ? (conversion == 'X' ? "0X" : "0x") : "");
}

/* Pointers always show 16 digits: columns line up in dumps. */
static void out_pointer(struct output *o, struct spec *s, const void *p)
{
	s->precision = 16;
	out_number(o, s, (uintptr_t)p, 16, false, "");
}

static void spec_parse(struct spec *s, const char **format, va_list *args)
{
	while (spec_flag(s, **format))
		(*format)++;
	if (**format == '*') {
		(*format)++;
		s->width = va_arg(*args, int);
		if (s->width < 0) {
			s->left = true;
			s->width = s->width < -4096 ? 4096 : -s->width;
		}
	} else {
		s->width = spec_number(format);
	}
	if (**format == '.') {
		(*format)++;
		if (**format == '*') {
			(*format)++;
			s->precision = va_arg(*args, int);
		} else {
			s->precision = spec_number(format);
		}
	}
	spec_length(s, format);
}

static void out_conversion(struct output *o, struct spec *s, char c, va_list *args)
{
	char text[3] = { '%', c, 0 };

	switch (c) {
	case 'd':
	case 'i':
		out_signed(o, s, s->length == 'l' ? va_arg(*args, int64_t) : va_arg(*args, int));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		out_unsigned(o, s, s->length == 'l' ? va_arg(*args, uint64_t)
						    : va_arg(*args, unsigned int), c);
		break;
	case 'c':
		text[0] = va_arg(*args, int);
		out_field(o, s, "", 0, text, 1);
		break;
	case 's':
		out_string(o, s, va_arg(*args, const char *));
		break;
	case 'p':
		out_pointer(o, s, va_arg(*args, const void *));
		break;
	case '%':
		out_char(o, '%');
		break;
	default:		/* shown as it stands */
		out_field(o, s, "", 0, text, c ? 2 : 1);
	}
}

int format_text(char *buf, size_t size, const char *format, va_list args)
{
	struct output o = { buf, size, 0 };
	va_list ap;

	va_copy(ap, args);
	while (*format) {
		struct spec s = { .precision = -1 };

		if (*format != '%') {
			out_char(&o, *format++);
			continue;
		}
		format++;
		spec_parse(&s, &format, &ap);
		out_conversion(&o, &s, *format, &ap);
		if (*format)
			format++;
	}
	va_end(ap);
	if (size)
		buf[o.length < size ? o.length : size - 1] = 0;
	return o.length;
}
