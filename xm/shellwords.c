/* A line's words. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "xm/shellwords.h"

/* One word from *in, written over the line at *out; 0 or -EINVAL. */
static int word_take(char **in, char **out)
{
	char quote = '\0';

	for (; **in; (*in)++) {
		char c = **in;

		if (quote && c == quote) {
			quote = '\0';
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (!quote && strchr(" \t\n", c)) {
			break;
		} else {
			if (c == '\\' && quote != '\'' && (*in)[1])
				c = *++*in;
			*(*out)++ = c;
		}
	}
	return quote ? -EINVAL : 0;
}

int shellwords_split(char *line, char **word, int max)
{
	char *in = line, *out = line;
	int words = 0;

	for (;;) {
		bool is_last;

		in += strspn(in, " \t\n");
		if (!*in)
			break;
		if (words == max)
			return -E2BIG;
		word[words++] = out;
		if (word_take(&in, &out) < 0)
			return -EINVAL;
		is_last = !*in;
		*out++ = '\0';
		if (is_last)
			break;
		in++;		/* past the blank, which the NUL may have been written over */
	}
	word[words] = NULL;
	return words;
}
