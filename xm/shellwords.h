/* Splits a line into words as a shell quotes them: '…', "…" and backslash. */
#ifndef XM_SHELLWORDS_H
#define XM_SHELLWORDS_H

#include <stddef.h>

/* In place; word[] gets the words and a NULL behind them, so it needs max + 1 places.
 * The count; -EINVAL: a quotation that doesn't end; -E2BIG: more than max words. */
int shellwords_split(char *line, char **word, int max);

#endif
