/*
 * The formatter behind printk() and vsnprintf(): flags "-0+ #", width and precision (numbers or *),
 * h hh l ll z, and d i u x X o c s p %.  No floating point.  Needs nothing but the compiler.
 */
#ifndef HV_FORMAT_H
#define HV_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf(3): writes at most size-1 bytes and a NUL, returns the length of the whole text. */
__attribute__((format(printf, 3, 0)))
int format_text(char *buf, size_t size, const char *format, va_list args);

#endif
