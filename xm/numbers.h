/* Numbers that people type: memory sizes and lists of processors.  Pure. */
#ifndef XM_NUMBERS_H
#define XM_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MiB unless it ends in g, m or k; *is_odd: another letter, and the number counts bytes.
 * 0 or -EINVAL. */
int number_mib(const char *text, int64_t *mib, bool *is_odd);

/* "0-3,5,^1" or "all" into the numbers' list as xend takes it: sorted "0,2,3,5".
 * 0, -EINVAL, -E2BIG. */
int number_cpus(const char *text, char *list, size_t size);

#endif
