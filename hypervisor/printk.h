/* The log: levels, rate limits for what guests cause, and where it goes (ring, serial, VGA: console.c). */
#ifndef HV_PRINTK_H
#define HV_PRINTK_H

#include <stdarg.h>
#include <stddef.h>

/* Prefixes, as in XENLOG_*: loglvl= and guest_loglvl= choose what is shown. */
#define LOG_ERR   "<0>"
#define LOG_WARN  "<1>"
#define LOG_INFO  "<2>"
#define LOG_DEBUG "<3>"
#define LOG_GUEST "<G>"			/* before a level: caused by a guest, rate-limited */

__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);
void vprintk(const char *format, va_list args);
__attribute__((format(printf, 3, 0))) int vsnprintf(char *buf, size_t size, const char *format, va_list args);
/* A broken invariant of ours: says so with the stack, and ends the machine. */
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *format, ...);
/* What the machine or the boot line lacks: the same end, but the sentence stands alone on the screen. */
__attribute__((noreturn, format(printf, 1, 2))) void fatal(const char *format, ...);

#define BUG_ON(condition) do { if (__builtin_expect(!!(condition), 0))			\
	panic("BUG at %s:%d: %s", __FILE__, __LINE__, #condition); } while (0)
#define ASSERT(condition) BUG_ON(!(condition))

#endif
