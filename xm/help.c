/* Help and usage, in the layout that people and scripts know. */
#include <stdlib.h>
#include <string.h>
#include "xm/xm.h"

/* What a bare `xm` lists, in this order. */
static const char *const common[] = {
	"console", "create", "new", "delete", "destroy", "dump-core", "help", "list", "mem-set",
	"migrate", "pause", "reboot", "restore", "resume", "save", "shell", "shutdown", "start",
	"suspend", "top", "unpause", "uptime", "vcpu-set", NULL,
};

/* Bytes of the next line when text is wrapped at width; words longer than that stand alone. */
static size_t wrap_line(const char *text, size_t width)
{
	size_t length = strlen(text), cut;

	if (length <= width)
		return length;
	for (cut = width; cut > 0 && text[cut] != ' '; cut--)
		;
	return cut ? cut : strcspn(text, " ");
}

/* left in its column, text wrapped beside it; the first line is padded to width, others not. */
static void print_entry(FILE *out, const char *left, int column, const char *text, size_t width,
			int indent)
{
	size_t length = wrap_line(text, width);

	fprintf(out, "%-*s %-*.*s\n", column, left, (int)width, (int)length, text);
	for (text += length; *text == ' '; text++)
		;
	while (*text) {
		length = wrap_line(text, width);
		fprintf(out, "%*s%.*s\n", indent, "", (int)length, text);
		for (text += length; *text == ' '; text++)
			;
	}
}

static void print_command(FILE *out, const char *name, const char *help)
{
	fputc(' ', out);
	print_entry(out, name, 20, help, 50, 22);
}

static void print_head(FILE *out)
{
	fputs("Usage: xm <subcommand> [args]\n\n"
	      "Control, list, and manipulate Xen guest instances.\n\n", out);
}

static void print_foot(FILE *out)
{
	fputs("\n<Domain> is the name or the number of a domain.\n"
	      "The manual: xm(1); configuration files: xmdomain.cfg(5).\n", out);
}

static const char *const help_of_help = "List what xm can do.";

void xm_help_short(FILE *out)
{
	print_head(out);
	fputs("Common 'xm' commands:\n\n", out);
	for (const char *const *name = common; *name; name++) {
		const struct xm_command *c = xm_command_find(*name);

		print_command(out, *name, c ? c->help : help_of_help);
	}
	print_foot(out);
	fputs("For a complete list of subcommands run 'xm help'.\n", out);
}

static int compare_names(const void *a, const void *b)
{
	const struct xm_command *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void print_group(FILE *out, enum xm_group group)
{
	const struct xm_command *row[XM_COMMANDS_MAX];
	size_t rows = 0;

	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++)
			if (c->group == group && !(c->flags & XM_HIDDEN) && rows < XM_COMMANDS_MAX)
				row[rows++] = c;
	qsort(row, rows, sizeof *row, compare_names);
	for (size_t i = 0; i < rows; i++)
		print_command(out, row[i]->name, row[i]->help);
}

void xm_help_full(FILE *out)
{
	print_head(out);
	fputs("xm full list of subcommands:\n\n", out);
	for (int group = 0; group < XM_GROUPS; group++)
		print_group(out, (enum xm_group)group);
	print_foot(out);
}

static void print_option(FILE *out, const struct xm_option *o)
{
	char left[64], letter[8] = "", arg[32] = "";

	if (o->letter)
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	if (o->arg)
		snprintf(arg, sizeof arg, "=%s", o->arg);
	snprintf(left, sizeof left, "%s--%s%s", letter, o->name, arg);
	fputs("  ", out);
	print_entry(out, left, 30, o->help, 43, 33);
}

void xm_usage(const struct xm_command *c, FILE *out)
{
	fprintf(out, "Usage: xm %s%s%s\n\n%s\n", c->name, *c->args ? " " : "", c->args, c->help);
	for (const struct xm_option *o = c->options; o && o->name; o++)
		print_option(out, o);
	if (c->more)
		c->more(out);
	fputc('\n', out);
}
