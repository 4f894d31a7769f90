/* What the parts of the evaluator share: its state, memory, errors and values.  Only eval_*.c
 * include this; others see eval.h.
 *
 * A function that makes a value gives NULL after it has recorded an error in the state. */
#ifndef XEND_EVAL_VALUE_H
#define XEND_EVAL_VALUE_H

#include <stdarg.h>
#include "xend/eval.h"

struct eval_chunk;
struct eval_node;

struct eval_symbol {			/* a name; there is one for each spelling */
	struct eval_symbol *next;	/* in its hash bucket */
	struct eval_symbol *next_assigned;	/* module variables, in order */
	struct eval_value *value;	/* as module variable; NULL: not defined */
	size_t length;
	bool is_assigned;		/* by the script, not predefined */
	bool is_read;			/* somewhere in the script */
	char name[];
};

struct eval_local {
	struct eval_symbol *symbol;
	struct eval_value *value;	/* NULL: `global` was said */
};

struct eval_frame {			/* of a function that runs */
	struct eval_frame *outer;	/* where the function was defined; NULL: the module */
	struct eval_local *local;
	size_t count, room;
	struct eval_value *result;
};

struct eval_declared {			/* by xm_vars.var() */
	struct eval_declared *next;
	const char *name, *use;
	struct eval_value *check;
};

#define EVAL_BUCKETS 1024

struct eval {
	struct eval_chunk *chunks;
	size_t used;			/* bytes of all chunks */
	unsigned long steps;
	unsigned depth;
	struct eval_where here;		/* of the last step: for errors of the budget */
	FILE *print;
	size_t printed;			/* bytes so far: bounded too */
	struct eval_symbol *bucket[EVAL_BUCKETS];
	struct eval_symbol *assigned, **assigned_end;
	struct eval_frame *frame;	/* NULL: the module */
	struct eval_declared *declared, **declared_end;
	struct eval_error error;
	const char *exception;		/* Python's name for the error; NULL: none, or not to be caught */
	bool failed;
	bool out_of_memory;		/* the machine's, not the budget's */
};

struct eval_match {			/* of re.search() and re.match() */
	const struct eval_value *subject;
	size_t groups;
	struct { long start, end; } group[20];	/* -1: took no part */
};

struct eval_call {
	struct eval_where where;
	struct eval_value *self;	/* of a method */
	struct eval_value **arg;
	size_t args;
	struct { struct eval_symbol *name; struct eval_value *value; } keyword[16];
	size_t keywords;
};

typedef struct eval_value *eval_builtin_fn(struct eval *e, struct eval_call *call);

struct eval_builtin {
	const char *name;
	eval_builtin_fn *fn;
	unsigned min, max;		/* arguments by position */
};

/* ---- memory and effort ---- */

/* Zeroed; NULL with the error recorded once the budget is spent. */
void *eval_alloc(struct eval *e, size_t size);
char *eval_text(struct eval *e, const char *text, size_t length);
/* n more steps: false with the error recorded once there are none left. */
bool eval_charge(struct eval *e, struct eval_where where, size_t n);
/* One level deeper: false when too deep; eval_leave() after true only. */
bool eval_enter(struct eval *e, struct eval_where where);
void eval_leave(struct eval *e);
struct eval_symbol *eval_symbol(struct eval *e, const char *name, size_t length);
/* Frees all that eval_alloc() gave. */
void eval_release(struct eval *e);

/* ---- errors; all give NULL ---- */

void *eval_raise(struct eval *e, struct eval_where where, const char *exception,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
void *eval_type_error(struct eval *e, struct eval_where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds to the error just recorded. */
void eval_hint(struct eval *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- values ---- */

struct eval_value *eval_new_value(struct eval *e, enum eval_type type, struct eval_where where);
struct eval_value *eval_none(struct eval *e, struct eval_where where);
struct eval_value *eval_bool(struct eval *e, struct eval_where where, bool truth);
struct eval_value *eval_int(struct eval *e, struct eval_where where, int64_t number);
struct eval_value *eval_float(struct eval *e, struct eval_where where, double real);
struct eval_value *eval_string(struct eval *e, struct eval_where where, const char *text,
			       size_t length);
/* Its items; room is a hint. */
struct eval_value *eval_sequence(struct eval *e, enum eval_type type, struct eval_where where,
				 size_t room);
bool eval_append(struct eval *e, struct eval_value *sequence, struct eval_value *item);
/* Makes room for an item at index and puts it there. */
bool eval_insert(struct eval *e, struct eval_value *sequence, size_t index,
		 struct eval_value *item);
void eval_remove(struct eval_value *sequence, size_t index);

bool eval_is_string(const struct eval_value *v);
bool eval_is_integer(const struct eval_value *v);	/* BOOL, INT, LONG */
bool eval_is_number(const struct eval_value *v);	/* and FLOAT */
bool eval_is_sequence(const struct eval_value *v);	/* LIST, TUPLE */
double eval_real(const struct eval_value *v);
bool eval_truth(const struct eval_value *v);

/* 1, 0, or -1 with the error recorded (nesting, effort). */
int eval_equal(struct eval *e, const struct eval_value *a, const struct eval_value *b);
/* *order < 0, 0, > 0; false with the error recorded when the two have no order. */
bool eval_order(struct eval *e, struct eval_where where, const struct eval_value *a,
		const struct eval_value *b, int *order);
/* The index of a dict's key (its value follows it) in items; -1 absent, -2 error. */
long eval_dict_find(struct eval *e, const struct eval_value *dict, const struct eval_value *key);
bool eval_dict_set(struct eval *e, struct eval_value *dict, struct eval_value *key,
		   struct eval_value *value);

/* ---- text (eval_text.c) ---- */

struct eval_out {			/* text that grows; starts as { e, where } */
	struct eval *e;
	struct eval_where where;
	char *text;
	size_t length, room;
	bool failed;
};

void eval_put(struct eval_out *o, const char *text, size_t length);
void eval_puts(struct eval_out *o, const char *text);
/* As str() or repr() shows it. */
void eval_put_value(struct eval_out *o, const struct eval_value *v, bool is_repr);
/* The text as a string value. */
struct eval_value *eval_take(struct eval_out *o);

/* str() and repr() as string values. */
struct eval_value *eval_to_str(struct eval *e, struct eval_where where,
			       const struct eval_value *v);
struct eval_value *eval_to_repr(struct eval *e, struct eval_where where,
				const struct eval_value *v);

#endif
