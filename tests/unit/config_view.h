/* Configurations as the tests see them: loaded from a text, printed on one line. */
#ifndef TESTS_UNIT_CONFIG_VIEW_H
#define TESTS_UNIT_CONFIG_VIEW_H

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xend/config.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static inline int load(struct config *c, const char *text, const char *const *words, size_t count,
		       struct config_error *err)
{
	struct config_source src = { .file = "/etc/xen/guest", .text = text, .length = strlen(text),
				     .override = words, .overrides = count };

	return config_load(c, &src, err);
}

static inline void load_ok(struct config *c, const char *text)
{
	struct config_error err;
	int rc = load(c, text, NULL, 0, &err);

	if (rc)
		printf("# %s\n# %s (%s)\n", text, err.text, err.hint);
	CHECK_EQ(rc, 0);
}

static inline char *one_line(const struct config *c)
{
	struct sxp *s = config_to_sxp(c);
	char *text = sxp_print(s);

	CHECK(text);
	sxp_free(s);
	return text;
}

/* The configuration's (vm …) on one line holds the text. */
static inline void check_holds(const char *script, const char *part)
{
	struct config c;
	char *text;

	load_ok(&c, script);
	text = one_line(&c);
	if (!strstr(text, part))
		printf("# %s\n# %s\n", script, text);
	CHECK(strstr(text, part));
	free(text);
	config_free(&c);
}

static inline void check_lacks(const char *script, const char *part)
{
	struct config c;
	char *text;

	load_ok(&c, script);
	text = one_line(&c);
	CHECK(!strstr(text, part));
	free(text);
	config_free(&c);
}

static inline void check_error(const char *script, const char *text, unsigned line, unsigned column)
{
	struct config c;
	struct config_error err;
	int rc = load(&c, script, NULL, 0, &err);

	if (rc == 0)
		rc = config_check(&c, &err);
	if (rc != -EINVAL || strcmp(err.text, text) || err.where.line != line ||
	    err.where.column != column)
		printf("# %s\n# rc %d at %u:%u: %s\n", script, rc, err.where.line,
		       err.where.column, rc ? err.text : "");
	CHECK_EQ(rc, -EINVAL);
	CHECK_STR(err.text, text);
	CHECK_EQ(err.where.line, line);
	CHECK_EQ(err.where.column, column);
	config_free(&c);
}

/* The group's set-up: what is the same wherever the tests run. */
static inline int config_environment(void **state)
{
	setenv("HOME", "/root", 1);
	unsetenv("DISPLAY");
	unsetenv("XAUTHORITY");
	return 0;
}

#endif
