/* What every command group of xm stands on: the row of a command, the words it was given, and
 * the ways to complain.  Conventions of old that scripts rely on: an error is one line
 * "Error: …" on stderr, a usage text goes to stdout, and both together end with status 1. */
#ifndef XM_XM_H
#define XM_XM_H

#include <stdbool.h>
#include <stdio.h>

#define XM_OPTIONS_MAX 24	/* rows in one command's table */
#define XM_COMMANDS_MAX 200	/* rows in one group */

enum xm_exit {
	XM_OK = 0,
	XM_FAILED = 1,
	XM_NO_DOMAIN = 3,	/* as from Xen 4.1 on */
};

struct xm_option {
	char letter;		/* 0: long form only */
	const char *name;	/* long form, without dashes */
	const char *arg;	/* what usage calls its argument; NULL: a flag */
	const char *help;
	bool is_added;		/* Xen's xm had no such option: not among the words it counted */
};

struct xm_args {
	const struct xm_command *command;
	int argc;		/* words that are no options */
	char **argv;		/* NULL-terminated, lent from main's */
	const char *value[XM_OPTIONS_MAX];	/* by the option's row; "" for a flag, NULL: not given */
};

enum xm_group {
	XM_DOMAIN, XM_HOST, XM_SCHEDULER, XM_DEVICE, XM_POOL, XM_VNET, XM_SECURITY, XM_OTHER,
	XM_GROUPS
};

#define XM_COMMON	0x01	/* shown by a bare `xm` */
#define XM_HIDDEN	0x02	/* in no help */
#define XM_RAW		0x04	/* a word with a dash that names no option is an argument */
#define XM_ADDED	0x08	/* Xen's xm did not have it: abbreviations prefer those that it had */
#define XM_LATER	0x10	/* known, but not available yet */
#define XM_NO_USAGE	0x20	/* what xend refuses is said without the usage text */
#define XM_FIRST	0x40	/* the first word is no option, whatever it looks like */

struct xm_command {
	const char *name;
	const char *args;	/* after the name in the usage line */
	int min, max;		/* words, options of old included; max < 0: any number */
	int (*run)(struct xm_args *a);	/* gives the exit status */
	const char *help;
	const struct xm_option *options;	/* ends with a row without a name; NULL: none */
	unsigned flags;
	enum xm_group group;
	void (*more)(FILE *out);	/* what follows the options in the usage text; may be NULL */
};

/* One array per file of commands, each ended by a row without a name; a NULL ends it all. */
extern const struct xm_command *const xm_tables[];

struct xm_alias {
	const char *old, *name;
};

extern const struct xm_alias xm_aliases[];

/* The command of that exact name, hidden ones too; NULL: none. */
const struct xm_command *xm_command_find(const char *name);
/* By name, alias (said so on stderr) or an abbreviation that fits one command only. */
const struct xm_command *xm_command_lookup(const char *word);
/* Runs `argv[0]` with its words: what main and the shell do.  Gives the exit status. */
int xm_run(int argc, char **argv);

/* "Error: " and the sentence on stderr; gives XM_FAILED. */
int xm_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, then the usage of the command on stdout. */
int xm_usage_error(const struct xm_args *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What stands before and behind a word to colour it: "" unless out is a terminal and NO_COLOR is
 * not set. */
enum xm_colour { XM_GREEN, XM_YELLOW, XM_RED, XM_PLAIN };
const char *xm_colour(FILE *out, enum xm_colour colour);
/* "Domain 'X' does not exist."; gives XM_NO_DOMAIN. */
int xm_no_domain(const char *name);

/* args.c: sorts words into options and arguments.
 * 0, or -EINVAL with the sentence in err (after "Error: "). */
int xm_args_parse(struct xm_args *a, const struct xm_command *c, int argc, char **argv,
		  char *err, size_t size);
/* How many words the command got by Xen's counting: without the options that are new here. */
int xm_args_count(const struct xm_command *c, int argc, char **argv);
/* The value of --name, "" for a flag, NULL when it was not given.  Only names in its table. */
const char *xm_opt(const struct xm_args *a, const char *name);

/* help.c */
void xm_help_short(FILE *out);
void xm_help_full(FILE *out);
void xm_usage(const struct xm_command *c, FILE *out);

/* Standard options. */
#define XM_OPT_JSON { 0, "json", NULL, "Print JSON for other programs.", true }
#define XM_OPT_WAIT { 'w', "wait", NULL, "Wait until it is done.", true }
#define XM_OPT_TIMEOUT { 0, "timeout", "SECONDS", "Give up waiting after so long.", true }

extern const struct xm_option xm_json_option[], xm_timeout_option[];

#endif
