/* Any bytes as a configuration file, as an S-expression and as overrides; whatever loads must go
 * out as an S-expression that loads again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xend/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_out(const struct config *c)
{
	struct config_error err;
	struct config again;
	struct sxp *s = config_to_sxp(c), *domain = config_to_domain_sxp(c, NULL);
	char *line = config_cmdline(c);

	if (!s || !domain || !line)
		abort();
	config_check(c, &err);
	if (config_from_sxp(&again, s, &err) == 0)
		config_free(&again);
	else if (!c->sxp)
		abort();		/* what we wrote, we must read */
	if (config_from_sxp(&again, domain, &err))
		abort();
	config_free(&again);
	sxp_free(s);
	sxp_free(domain);
	free(line);
}

static void try_sxp(const uint8_t *data, size_t size)
{
	struct config_error err;
	struct config c;
	struct sxp *s;

	if (sxp_parse((const char *)data, size, &s, NULL, NULL))
		return;
	if (config_from_sxp(&c, s, &err) == 0) {
		check_out(&c);
		config_free(&c);
	} else if (!err.text[0]) {
		abort();
	}
	sxp_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
	char *word = cut ? strndup((const char *)cut + 1, size - (size_t)(cut - data) - 1) : NULL;
	const char *words[1] = { word };
	struct config_source src = { .file = "f", .text = (const char *)data,
		.length = cut ? (size_t)(cut - data) : size, .override = words,
		.overrides = word ? 1 : 0 };
	struct config_error err;
	struct config c;
	char *report = NULL;
	size_t length;
	FILE *out;

	try_sxp(data, size);
	if (config_load(&c, &src, &err) == 0) {
		check_out(&c);
		config_free(&c);
	} else if (!err.text[0]) {
		abort();
	}
	out = open_memstream(&report, &length);
	if (config_lint(&src, out) < 0)
		abort();
	fclose(out);
	free(report);
	free(word);
	return 0;
}
