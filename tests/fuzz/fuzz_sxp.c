/* Whatever parses must print to something that parses to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xend/sxp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Empty strings print as nothing (so did xend's), and are lost when read again. */
static int has_empty(const struct sxp *s)
{
	if (!s->is_list)
		return s->length == 0;
	for (size_t i = 0; i < s->count; i++)
		if (has_empty(s->item[i]))
			return 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sxp_error err;
	struct sxp *s, *again;
	char *text, *second, *pretty;

	if (sxp_parse_all((const char *)data, size, &s, &err))
		return 0;
	text = sxp_print(s);
	pretty = sxp_pretty(s, SXP_WIDTH);
	if (!text || !pretty || sxp_parse(text, strlen(text), &again, NULL, &err))
		abort();
	second = sxp_print(again);
	if (!second || (!has_empty(s) && strcmp(text, second)))
		abort();
	sxp_free(again);
	if (sxp_parse(pretty, strlen(pretty), &again, NULL, &err))
		abort();
	sxp_free(again);
	free(second);
	free(pretty);
	free(text);
	sxp_free(s);
	return 0;
}
