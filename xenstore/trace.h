/* trace.h - the trace log: a line for each request, with who asked, for what, and the result. */
#ifndef XENSTORE_TRACE_H
#define XENSTORE_TRACE_H

#include <stdbool.h>

struct request;

/* Write to this file from now on (NULL: none); the string is borrowed.  0 or -errno. */
int trace_open(const char *path);
/* Open the same file anew: it may have been moved away. */
void trace_reopen(void);
bool trace_is_on(void);
void trace_request(const struct request *r, const char *result);

#endif
