/* Running a configuration: what statements, expressions, calls and built-in things ask of each
 * other. */
#ifndef XEND_EVAL_RUN_H
#define XEND_EVAL_RUN_H

#include "xend/eval_parse.h"

struct eval_function {
	const struct eval_node *node;	/* NODE_DEF or NODE_LAMBDA */
	struct eval_frame *outer;
	struct eval_value **fallback;	/* one per parameter, NULL where there is none */
};

struct eval_exception {
	const char *name;
	const char *message;		/* NULL: the class, not an instance */
};

struct eval_member {			/* of a module: a function, or what get() makes */
	struct eval_builtin call;
	struct eval_value *(*get)(struct eval *e, struct eval_where where);
};

struct eval_module {
	const char *name;
	const struct eval_member *member;	/* ends with a NULL name */
};

/* eval_run.c */
enum eval_flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_RETURN, FLOW_FAILED };
enum eval_flow eval_block(struct eval *e, const struct eval_node *block);
bool eval_assign(struct eval *e, const struct eval_node *target, struct eval_value *value);
bool eval_set_name(struct eval *e, struct eval_symbol *symbol, struct eval_value *value);

/* eval_expr.c */
struct eval_value *eval_expr(struct eval *e, const struct eval_node *n);
/* The items of whatever can be gone through: a fresh list, so that the loop may change its own. */
struct eval_value *eval_iterate(struct eval *e, struct eval_where where,
				const struct eval_value *v);
struct eval_value *eval_index(struct eval *e, struct eval_where where, struct eval_value *object,
			      struct eval_value *index);
/* An index that may count from the end, checked against count; -1 with the error. */
long eval_position(struct eval *e, struct eval_where where, const struct eval_value *index,
		   size_t count, const char *what);

/* eval_call.c */
struct eval_value *eval_call_value(struct eval *e, struct eval_value *callee,
				   struct eval_call *call);
struct eval_value *eval_call_node(struct eval *e, const struct eval_node *n);
struct eval_value *eval_make_function(struct eval *e, const struct eval_node *n);
/* The argument: by position, or as keyword; NULL if neither is there. */
struct eval_value *eval_arg(const struct eval_call *call, size_t position, const char *keyword);
/* The same as text; NULL with the error when it is something else or missing. */
const struct eval_value *eval_arg_text(struct eval *e, const struct eval_call *call,
				       size_t position);
bool eval_arg_int(struct eval *e, const struct eval_call *call, size_t position, int64_t *n);

/* eval_op.c */
struct eval_value *eval_unary(struct eval *e, struct eval_where where, enum eval_op op,
			      struct eval_value *v);
struct eval_value *eval_binary(struct eval *e, struct eval_where where, enum eval_op op,
			       struct eval_value *a, struct eval_value *b);
/* 1, 0, -1 with the error. */
int eval_compare(struct eval *e, struct eval_where where, enum eval_op op, struct eval_value *a,
		 struct eval_value *b);

/* eval_format.c: "…%d…" % values */
struct eval_value *eval_format(struct eval *e, struct eval_where where,
			       const struct eval_value *format, struct eval_value *values);

/* eval_builtin.c: int, str, len, …; the names that every configuration starts with */
bool eval_builtins_define(struct eval *e);
/* In place; false with the error when two items have no order. */
bool eval_sort(struct eval *e, struct eval_where where, struct eval_value *list);
void eval_reverse(struct eval_value *list);

/* eval_method.c: methods of strings, lists, dicts and matches; NULL, no error, when unknown */
const struct eval_builtin *eval_method_find(enum eval_type type, const char *name);

/* eval_module.c */
struct eval_value *eval_module_import(struct eval *e, struct eval_where where, const char *name);
struct eval_value *eval_module_get(struct eval *e, struct eval_where where,
				   const struct eval_module *module, const char *name);
bool eval_modules_define(struct eval *e);

/* eval_re.c: Python's regular expressions, in time linear in the subject.
 * 1 and *match, 0 no match, -1 with the error. */
#define EVAL_RE_ANCHORED 1		/* at the start only: re.match() */
#define EVAL_RE_NOCASE 2		/* re.IGNORECASE, in Python's number */
int eval_re_search(struct eval *e, struct eval_where where, const struct eval_value *pattern,
		   const struct eval_value *subject, unsigned how, size_t start,
		   struct eval_match *match);

#endif
