/*
 * buf.h - a growable run of bytes.
 *
 * A zeroed struct buf is an empty one.  Memory running out is remembered in .failed, so that a
 * row of buf_add() calls needs one check at its end.
 */
#ifndef XENSTORE_BUF_H
#define XENSTORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;	/* len bytes are valid; NULL while cap is 0 */
	size_t len;
	size_t cap;
	bool failed;	/* an addition was lost for want of memory */
};

/* Make room for n more bytes at data + len.  0 or -ENOMEM (and .failed is set). */
int buf_grow(struct buf *b, size_t n);

static inline int buf_reserve(struct buf *b, size_t n)
{
	return b->cap - b->len >= n && b->cap ? 0 : buf_grow(b, n);
}

/* Append.  0 or -ENOMEM. */
int buf_add(struct buf *b, const void *data, size_t n);
int buf_add_string(struct buf *b, const char *s);	/* without its NUL */
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);

/* The content as a string: a NUL is put behind it.  "" when empty; NULL if .failed.  Borrowed. */
const char *buf_string(struct buf *b);

/* The content as a malloc()ed string, which the caller owns; the buffer is empty afterwards. */
char *buf_take(struct buf *b);

void buf_free(struct buf *b);

#endif
