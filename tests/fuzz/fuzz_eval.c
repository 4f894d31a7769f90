/* Any bytes as a configuration: evaluated or refused, in bounded time and memory. */
#include <stdint.h>
#include <stdlib.h>
#include "xend/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool visit(void *context, const char *name, const struct eval_value *value, bool is_read)
{
	eval_str(context, value);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eval *e = eval_new(NULL);
	struct eval_error err = { .text = "" };

	if (!e || eval_define(e, "vmid", "3"))
		abort();
	if (eval_run(e, (const char *)data, size, &err) == 0)
		eval_each(e, visit, e);
	else if (!err.text[0])
		abort();		/* an error without words */
	eval_free(e);
	return 0;
}
