#include "xend/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fault_vset(struct fault *f, int err, const char *fmt, va_list ap)
{
	f->err = err;
	f->hint[0] = '\0';
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
}

int fault_set(struct fault *f, int err, const char *fmt, ...)
{
	va_list ap;

	if (f && !f->err) {
		va_start(ap, fmt);
		fault_vset(f, err, fmt, ap);
		va_end(ap);
	}
	return -err;
}

int fault_errno(struct fault *f, int err, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (f && !f->err) {
		va_start(ap, fmt);
		fault_vset(f, err, fmt, ap);
		va_end(ap);
		len = strlen(f->text);
		snprintf(f->text + len, sizeof(f->text) - len, ": %s", strerror(err));
	}
	return -err;
}

void fault_hint(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	if (!f || f->hint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(f->hint, sizeof(f->hint), fmt, ap);
	va_end(ap);
}

static void text_clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			*text = '?';
}

void fault_clean(struct fault *f)
{
	text_clean(f->text, sizeof(f->text));
	text_clean(f->hint, sizeof(f->hint));
	if (f->err < 0 || f->err > 4095)
		f->err = EIO;
}
