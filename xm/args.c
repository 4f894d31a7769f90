/* The words of a command line: getopt's rules as Python had them, for scripts match its texts. */
#include <errno.h>
#include <string.h>
#include "xm/xm.h"

static int option_refuse(char *err, size_t size, const char *dash, const char *name, size_t length,
			 const char *why)
{
	snprintf(err, size, "option %s%.*s %s", dash, (int)length, name, why);
	return -EINVAL;
}

/* Rows whose long name starts with the word; an exact one stands alone.
 * Gives the row, -1 for none, -2 when several fit. */
static int option_find_long(const struct xm_option *options, const char *word, size_t length)
{
	int found = -1;

	for (int i = 0; options && options[i].name; i++) {
		if (strncmp(options[i].name, word, length))
			continue;
		if (!options[i].name[length])
			return i;
		found = found == -1 ? i : -2;
	}
	return found;
}

static int option_find_letter(const struct xm_option *options, char letter)
{
	for (int i = 0; options && options[i].name; i++)
		if (options[i].letter == letter)
			return i;
	return -1;
}

struct cursor {
	const struct xm_command *command;
	int argc, at;		/* at: the word being read */
	char **argv;
	char *err;
	size_t size;
};

static int option_store(struct xm_args *a, struct cursor *c, int row, const char *value)
{
	a->value[row] = value;
	return 0;
}

/* --name, --name=value, --name value */
static int parse_long(struct xm_args *a, struct cursor *c, const char *word)
{
	const struct xm_option *options = c->command->options;
	size_t length = strcspn(word, "=");
	int row = option_find_long(options, word, length);

	if (row == -2)
		return option_refuse(c->err, c->size, "--", word, length, "not a unique prefix");
	if (row < 0)
		return option_refuse(c->err, c->size, "--", word, length, "not recognized");
	if (!options[row].arg) {
		if (word[length])
			return option_refuse(c->err, c->size, "--", options[row].name,
					     strlen(options[row].name),
					     "must not have an argument");
		return option_store(a, c, row, "");
	}
	if (word[length])
		return option_store(a, c, row, word + length + 1);
	if (c->at + 1 >= c->argc)
		return option_refuse(c->err, c->size, "--", options[row].name,
				     strlen(options[row].name), "requires argument");
	return option_store(a, c, row, c->argv[++c->at]);
}

/* -a, -abc, -dVALUE, -d VALUE */
static int parse_letters(struct xm_args *a, struct cursor *c, const char *word)
{
	const struct xm_option *options = c->command->options;

	for (; *word; word++) {
		int row = option_find_letter(options, *word);

		if (row < 0)
			return option_refuse(c->err, c->size, "-", word, 1, "not recognized");
		if (!options[row].arg) {
			option_store(a, c, row, "");
			continue;
		}
		if (word[1])
			return option_store(a, c, row, word + 1);
		if (c->at + 1 >= c->argc)
			return option_refuse(c->err, c->size, "-", word, 1, "requires argument");
		return option_store(a, c, row, c->argv[++c->at]);
	}
	return 0;
}

/* The first word of a command that begins with its domain; options that are new here excepted. */
static bool word_comes_first(const struct xm_command *c, int at, const char *word)
{
	int row;

	if (!(c->flags & XM_FIRST) || at > 0)
		return false;
	row = strncmp(word, "--", 2) ? -1 :
	      option_find_long(c->options, word + 2, strcspn(word + 2, "="));
	return row < 0 || !c->options[row].is_added;
}

/* A raw command takes what names no option as an argument: `vcpu-set D -1`. */
static bool word_is_option(const struct xm_command *c, const char *word)
{
	if (word[0] != '-' || !word[1])
		return false;
	if (!(c->flags & XM_RAW))
		return true;
	if (word[1] == '-')
		return option_find_long(c->options, word + 2, strcspn(word + 2, "=")) >= 0;
	return option_find_letter(c->options, word[1]) >= 0;
}

int xm_args_parse(struct xm_args *a, const struct xm_command *command, int argc, char **argv,
		  char *err, size_t size)
{
	struct cursor c = { command, argc, 0, argv, err, size };
	int rc = 0, kept = 0;

	*a = (struct xm_args){ .command = command, .argv = argv };
	for (; c.at < argc && rc == 0; c.at++) {
		char *word = argv[c.at];

		if (!strcmp(word, "--") && !(command->flags & XM_RAW)) {
			while (++c.at < argc)
				argv[kept++] = argv[c.at];
			break;
		}
		if (word_comes_first(command, c.at, word) || !word_is_option(command, word))
			argv[kept++] = word;
		else if (word[1] == '-')
			rc = parse_long(a, &c, word + 2);
		else
			rc = parse_letters(a, &c, word + 1);
	}
	a->argc = kept;
	if (kept < argc)
		argv[kept] = NULL;
	return rc;
}

int xm_args_count(const struct xm_command *c, int argc, char **argv)
{
	int count = 0;

	for (int i = 0; i < argc; i++) {
		size_t length = strcspn(argv[i], "=");
		int row = strncmp(argv[i], "--", 2) ? -1 :
			  option_find_long(c->options, argv[i] + 2, length < 2 ? 0 : length - 2);

		if (row < 0 || !c->options[row].is_added)
			count++;
		else if (c->options[row].arg && !argv[i][length])
			i++;	/* its argument */
	}
	return count;
}

const char *xm_opt(const struct xm_args *a, const char *name)
{
	const struct xm_option *options = a->command->options;

	for (int i = 0; options && options[i].name; i++)
		if (!strcmp(options[i].name, name))
			return a->value[i];
	return NULL;
}

const struct xm_option xm_json_option[] = { XM_OPT_JSON, { 0 } };
const struct xm_option xm_timeout_option[] = { XM_OPT_TIMEOUT, { 0 } };
