/* From words to a command: lookup, abbreviations, counts, and how errors are said. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xend/config_build.h"
#include "xm/xm.h"

static int say_error(const char *format, va_list va)
{
	fflush(stdout);
	fprintf(stderr, "%sError:%s ", xm_colour(stderr, XM_RED), xm_colour(stderr, XM_PLAIN));
	vfprintf(stderr, format, va);
	fputc('\n', stderr);
	return XM_FAILED;
}

/* no-color.org: set and not empty means none. */
const char *xm_colour(FILE *out, enum xm_colour colour)
{
	static const char *const codes[] = { "\033[32m", "\033[33m", "\033[31m", "\033[0m" };
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((none && *none) || !isatty(fileno(out)) || !term || !strcmp(term, "dumb"))
		return "";
	return codes[colour];
}

int xm_error(const char *format, ...)
{
	va_list va;

	va_start(va, format);
	say_error(format, va);
	va_end(va);
	return XM_FAILED;
}

int xm_usage_error(const struct xm_args *a, const char *format, ...)
{
	va_list va;

	va_start(va, format);
	say_error(format, va);
	va_end(va);
	xm_usage(a->command, stdout);
	return XM_FAILED;
}

int xm_no_domain(const char *name)
{
	xm_error("Domain '%s' does not exist.", name);
	return XM_NO_DOMAIN;
}

const struct xm_command *xm_command_find(const char *name)
{
	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

/* The only command that starts so; those that Xen's xm had come before those that are new. */
static const struct xm_command *find_prefix(const char *word, bool is_added)
{
	const struct xm_command *found = NULL;
	size_t length = strlen(word);

	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++) {
			if (strncmp(c->name, word, length) || !!(c->flags & XM_ADDED) != is_added)
				continue;
			if (found)
				return NULL;
			found = c;
		}
	return found;
}

static bool has_prefix(const char *word)
{
	size_t length = strlen(word);

	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++)
			if (!(c->flags & XM_ADDED) && !strncmp(c->name, word, length))
				return true;
	return false;
}

const struct xm_command *xm_command_lookup(const char *word)
{
	const struct xm_command *c = xm_command_find(word);

	if (c)
		return c;
	for (const struct xm_alias *alias = xm_aliases; alias->old; alias++)
		if (!strcmp(alias->old, word)) {
			fprintf(stderr, "Command %s is deprecated.  Please use xm %s instead.\n",
				word, alias->name);
			return xm_command_find(alias->name);
		}
	if (strlen(word) < 2)
		return NULL;
	return find_prefix(word, !has_prefix(word));
}

static int refuse_count(const struct xm_command *c)
{
	struct xm_args a = { .command = c };

	if (c->min == c->max)
		return xm_usage_error(&a, "'xm %s' requires %d arguments.\n", c->name, c->min);
	return xm_usage_error(&a, "'xm %s' requires between %d and %d arguments.\n", c->name, c->min,
			      c->max);
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || (i == 1 && !strcmp(argv[i], "-h")))
			return true;
	return false;
}

static int run_later(const struct xm_command *c)
{
	return xm_error("'xm %s' is not available yet in this version.", c->name);
}

/* Was it meant?  First those that the word begins, then those that it is misspelt from. */
static bool is_likely(const struct xm_command *c, const char *word, bool is_misspelt)
{
	size_t length = strlen(word);
	unsigned most = length < 5 ? 1 : 2;

	if (c->flags & XM_HIDDEN || length < 2)
		return false;
	return is_misspelt ? config_distance(word, c->name, most) <= most
			   : !strncmp(c->name, word, length);
}

static unsigned say_likely(const char *word, bool is_misspelt)
{
	unsigned said = 0;

	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++)
			if (is_likely(c, word, is_misspelt))
				fprintf(stderr, "%s%s", said++ ? ", " : "Did you mean ", c->name);
	if (said)
		fputs("?\n", stderr);
	return said;
}

int xm_run(int argc, char **argv)
{
	const struct xm_command *c = xm_command_lookup(argv[0]);
	struct xm_args a;
	char err[160];
	int count;

	if (!c) {
		xm_error("Subcommand %s not found!", argv[0]);
		if (!say_likely(argv[0], false))
			say_likely(argv[0], true);
		xm_help_short(stdout);
		return XM_FAILED;
	}
	if (asks_for_help(argc, argv)) {
		xm_usage(c, stdout);
		return XM_FAILED;
	}
	if (c->flags & XM_LATER)
		return run_later(c);
	count = xm_args_count(c, argc - 1, argv + 1);
	if (c->max >= 0 && (count < c->min || count > c->max))
		return refuse_count(c);
	if (xm_args_parse(&a, c, argc - 1, argv + 1, err, sizeof err) < 0) {
		a.command = c;
		return xm_usage_error(&a, "%s", err);
	}
	return c->run(&a);
}
