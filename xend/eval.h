/* The language of xm's configuration files: a safe subset of Python 2, evaluated natively.
 *
 * A configuration computes; it cannot open, execute or wait for anything.  Nesting, steps and
 * memory are bounded, integers are 64 bits and overflow is an error, so that a file from a
 * stranger costs at most a fraction of a second and 32 MiB.
 *
 * All values live until eval_free() and are lent. */
#ifndef XEND_EVAL_H
#define XEND_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EVAL_STEPS_MAX 2000000		/* a step: one expression or statement, or 16 bytes of bulk */
#define EVAL_MEMORY_MAX (32u << 20)	/* bytes of syntax tree and values */
#define EVAL_DEPTH_MAX 400		/* expressions within expressions and calls, while running */
#define EVAL_NESTING_MAX 60		/* brackets and blocks within each other, in the text */

struct eval_where {
	unsigned line, column;		/* from 1; line 0 is nowhere */
};

enum eval_type {
	EVAL_NONE, EVAL_BOOL, EVAL_INT, EVAL_LONG, EVAL_FLOAT, EVAL_STR, EVAL_UNICODE,
	EVAL_LIST, EVAL_TUPLE, EVAL_DICT,
	EVAL_FUNCTION, EVAL_BUILTIN, EVAL_MODULE, EVAL_EXCEPTION, EVAL_MATCH,
};

struct eval_items {			/* a list's; a tuple's; a dict's keys and values in turn */
	struct eval_value **item;
	size_t count, room;
};

struct eval_value {
	enum eval_type type;
	struct eval_where where;	/* of the expression that made it */
	union {
		int64_t number;		/* BOOL, INT, LONG */
		double real;
		struct {
			const char *text;	/* NUL-terminated, holds no other NUL */
			size_t length;
		};
		struct eval_items *items;	/* LIST, TUPLE, DICT */
		const void *what;		/* FUNCTION, MODULE, EXCEPTION, MATCH: eval's own */
		struct {
			const struct eval_builtin *builtin;
			struct eval_value *self;	/* a method's object; NULL */
		};
	};
};

struct eval_error {
	struct eval_where where;
	bool is_syntax;			/* found before anything ran */
	char text[512];			/* Python's words where scripts look for them */
	char hint[256];			/* what was expected, what to do instead; or "" */
	char source[200];		/* the line at fault, for syntax errors */
};

struct eval;

/* NULL when memory is short. */
struct eval *eval_new(FILE *print);	/* where print statements go; NULL: nowhere */
void eval_free(struct eval *e);

/* A string variable of the script, as `vmid=3` on xm's command line makes it; before eval_run().
 * 0 or -ENOMEM. */
int eval_define(struct eval *e, const char *name, const char *text);
/* Parses all, then runs all: once per eval.  0, -EINVAL with *err, -ENOMEM. */
int eval_run(struct eval *e, const char *text, size_t length, struct eval_error *err);

/* The value of a module variable; NULL when it has none. */
const struct eval_value *eval_get(struct eval *e, const char *name);
/* Module variables that the script assigned, in order of first assignment; false ends the walk. */
typedef bool eval_visit(void *context, const char *name, const struct eval_value *value,
			bool is_read);
void eval_each(struct eval *e, eval_visit *visit, void *context);

/* Python's name of the value's type: 'str', 'int', 'list' … */
const char *eval_type_name(const struct eval_value *v);
/* The value as str() gives it; lent by e; NULL when it can't be had (memory, nesting). */
const char *eval_str(struct eval *e, const struct eval_value *v);

#endif
