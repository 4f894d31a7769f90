/* A small printf to the console, and the memory functions that the compiler calls. */
#include "console.h"

#include <stdarg.h>

struct line {
	char text[256];
	unsigned int used;
};

static void line_flush(struct line *l)
{
	console_write(l->text, l->used);
	l->used = 0;
}

static void line_put(struct line *l, char c)
{
	if (l->used == sizeof(l->text))
		line_flush(l);
	l->text[l->used++] = c;
}

static void line_put_number(struct line *l, uint64_t value, unsigned int base, int width, char pad,
	bool negative)
{
	char digits[24];
	int n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while ((value /= base));
	if (negative)
		digits[n++] = '-';
	for (int i = n; i < width; i++)
		line_put(l, pad);
	while (n)
		line_put(l, digits[--n]);
}

static void line_put_string(struct line *l, const char *s, int width)
{
	int n = 0;

	for (; s[n]; n++)
		line_put(l, s[n]);
	for (; n < width; n++)
		line_put(l, ' ');
}

/* One conversion, *f just behind its '%'; returns where the format goes on. */
static const char *line_convert(struct line *l, const char *f, va_list *args)
{
	char pad = ' ';
	int width = 0, longs = 0;
	long value;

	for (; *f == '0' || *f == '-'; f++)
		pad = *f == '0' ? '0' : ' ';
	for (; *f >= '0' && *f <= '9'; f++)
		width = width * 10 + *f - '0';
	for (; *f == 'l'; f++)
		longs++;
	switch (*f) {
	case 's':
		line_put_string(l, va_arg(*args, const char *), width);
		break;
	case 'c':
		line_put(l, (char)va_arg(*args, int));
		break;
	case 'd':
		value = longs ? va_arg(*args, long) : va_arg(*args, int);
		line_put_number(l, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, pad,
			value < 0);
		break;
	case 'u':
	case 'x':
		line_put_number(l, longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int),
			*f == 'x' ? 16 : 10, width, pad, false);
		break;
	default:
		line_put(l, *f);
	}
	return f + 1;
}

void print(const char *format, ...)
{
	struct line l = { .used = 0 };
	va_list args;

	va_start(args, format);
	while (*format) {
		if (*format == '%')
			format = line_convert(&l, format + 1, &args);
		else
			line_put(&l, *format++);
	}
	va_end(args);
	line_flush(&l);
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return start;
}

void *memset(void *to, int byte, size_t n)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
	return start;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}
