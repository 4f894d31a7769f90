/* The evaluator's memory, errors, names and values. */
#include "xend/eval_value.h"

#include <stdlib.h>
#include <string.h>

#define EVAL_CHUNK (64u << 10)

struct eval_chunk {
	struct eval_chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

/* ---- memory and effort ---- */

static void *eval_out_of_budget(struct eval *e)
{
	e->failed = true;
	e->exception = NULL;
	e->error.where = e->here;
	e->error.hint[0] = '\0';
	snprintf(e->error.text, sizeof(e->error.text),
		 "the configuration needs more than %u MiB of memory", EVAL_MEMORY_MAX >> 20);
	return NULL;
}

static struct eval_chunk *eval_chunk_new(struct eval *e, size_t size)
{
	struct eval_chunk *chunk;

	size = size > EVAL_CHUNK ? size : EVAL_CHUNK;
	if (size > EVAL_MEMORY_MAX - e->used)
		return eval_out_of_budget(e);
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk) {
		e->out_of_memory = true;
		return eval_out_of_budget(e);
	}
	chunk->next = e->chunks;
	chunk->used = 0;
	chunk->size = size;
	e->chunks = chunk;
	e->used += size;
	return chunk;
}

void *eval_alloc(struct eval *e, size_t size)
{
	struct eval_chunk *chunk = e->chunks;
	void *p;

	if (size > EVAL_MEMORY_MAX)
		return eval_out_of_budget(e);
	size = (size + 15) & ~(size_t)15;
	if (!chunk || size > chunk->size - chunk->used)
		chunk = eval_chunk_new(e, size);
	if (!chunk)
		return NULL;
	p = chunk->data + chunk->used;
	chunk->used += size;
	memset(p, 0, size);
	return p;
}

char *eval_text(struct eval *e, const char *text, size_t length)
{
	char *copy = eval_alloc(e, length + 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

bool eval_charge(struct eval *e, struct eval_where where, size_t n)
{
	e->here = where.line ? where : e->here;
	if (n > EVAL_STEPS_MAX - e->steps) {
		e->steps = EVAL_STEPS_MAX;
		eval_raise(e, where, NULL, "the configuration takes more than %u steps",
			   EVAL_STEPS_MAX);
		eval_hint(e, "look for a loop that does not end");
		return false;
	}
	e->steps += n;
	return true;
}

bool eval_enter(struct eval *e, struct eval_where where)
{
	if (e->depth >= EVAL_DEPTH_MAX) {
		eval_raise(e, where, NULL, "calls or expressions within each other, more than %u deep",
			   EVAL_DEPTH_MAX);
		return false;
	}
	e->depth++;
	return true;
}

void eval_leave(struct eval *e)
{
	e->depth--;
}

struct eval_symbol *eval_symbol(struct eval *e, const char *name, size_t length)
{
	uint64_t hash = 14695981039346656037u;	/* FNV-1a */
	struct eval_symbol **bucket, *s;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
	bucket = &e->bucket[(hash ^ hash >> 32) % EVAL_BUCKETS];
	for (s = *bucket; s; s = s->next)
		if (s->length == length && !memcmp(s->name, name, length))
			return s;
	s = eval_alloc(e, sizeof(*s) + length + 1);
	if (!s)
		return NULL;
	memcpy(s->name, name, length);
	s->length = length;
	s->next = *bucket;
	*bucket = s;
	return s;
}

/* ---- errors ---- */

static void eval_raise_va(struct eval *e, struct eval_where where, const char *exception,
			  const char *format, va_list ap)
{
	if (e->failed)			/* the first error is the cause */
		return;
	e->failed = true;
	e->exception = exception;
	e->error.where = where;
	e->error.hint[0] = '\0';
	vsnprintf(e->error.text, sizeof(e->error.text), format, ap);
}

void *eval_raise(struct eval *e, struct eval_where where, const char *exception,
		 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	eval_raise_va(e, where, exception, format, ap);
	va_end(ap);
	return NULL;
}

void *eval_type_error(struct eval *e, struct eval_where where, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	eval_raise_va(e, where, "TypeError", format, ap);
	va_end(ap);
	return NULL;
}

void eval_hint(struct eval *e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(e->error.hint, sizeof(e->error.hint), format, ap);
	va_end(ap);
}

/* ---- values ---- */

struct eval_value *eval_new_value(struct eval *e, enum eval_type type, struct eval_where where)
{
	struct eval_value *v = eval_alloc(e, sizeof(*v));

	if (v) {
		v->type = type;
		v->where = where;
	}
	return v;
}

struct eval_value *eval_none(struct eval *e, struct eval_where where)
{
	return eval_new_value(e, EVAL_NONE, where);
}

static struct eval_value *eval_new_number(struct eval *e, enum eval_type type,
					  struct eval_where where, int64_t number)
{
	struct eval_value *v = eval_new_value(e, type, where);

	if (v)
		v->number = number;
	return v;
}

struct eval_value *eval_bool(struct eval *e, struct eval_where where, bool truth)
{
	return eval_new_number(e, EVAL_BOOL, where, truth);
}

struct eval_value *eval_int(struct eval *e, struct eval_where where, int64_t number)
{
	return eval_new_number(e, EVAL_INT, where, number);
}

struct eval_value *eval_float(struct eval *e, struct eval_where where, double real)
{
	struct eval_value *v = eval_new_value(e, EVAL_FLOAT, where);

	if (v)
		v->real = real;
	return v;
}

struct eval_value *eval_string(struct eval *e, struct eval_where where, const char *text,
			       size_t length)
{
	struct eval_value *v = eval_new_value(e, EVAL_STR, where);
	const char *copy = v ? eval_text(e, text, length) : NULL;

	if (!copy || !eval_charge(e, where, length / 16))
		return NULL;
	v->text = copy;
	v->length = length;
	return v;
}

struct eval_value *eval_sequence(struct eval *e, enum eval_type type, struct eval_where where,
				 size_t room)
{
	struct eval_value *v = eval_new_value(e, type, where);

	if (!v)
		return NULL;
	v->items = eval_alloc(e, sizeof(*v->items));
	if (!v->items || room > EVAL_MEMORY_MAX / sizeof(v->items->item[0]))
		return v->items ? eval_out_of_budget(e) : NULL;
	if (room) {
		v->items->item = eval_alloc(e, room * sizeof(v->items->item[0]));
		if (!v->items->item)
			return NULL;
		v->items->room = room;
	}
	return v;
}

bool eval_append(struct eval *e, struct eval_value *sequence, struct eval_value *item)
{
	return eval_insert(e, sequence, sequence->items->count, item);
}

bool eval_insert(struct eval *e, struct eval_value *sequence, size_t index,
		 struct eval_value *item)
{
	struct eval_items *s = sequence->items;

	if (!eval_charge(e, item->where, (s->count - index) / 16))
		return false;
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 4;
		struct eval_value **grown = eval_alloc(e, room * sizeof(*grown));

		if (!grown)
			return false;
		if (s->count)
			memcpy(grown, s->item, s->count * sizeof(*grown));
		s->item = grown;
		s->room = room;
	}
	memmove(s->item + index + 1, s->item + index, (s->count - index) * sizeof(s->item[0]));
	s->item[index] = item;
	s->count++;
	return true;
}

void eval_remove(struct eval_value *sequence, size_t index)
{
	struct eval_items *s = sequence->items;

	s->count--;
	memmove(s->item + index, s->item + index + 1, (s->count - index) * sizeof(s->item[0]));
}

bool eval_is_string(const struct eval_value *v)
{
	return v->type == EVAL_STR || v->type == EVAL_UNICODE;
}

bool eval_is_integer(const struct eval_value *v)
{
	return v->type == EVAL_BOOL || v->type == EVAL_INT || v->type == EVAL_LONG;
}

bool eval_is_number(const struct eval_value *v)
{
	return eval_is_integer(v) || v->type == EVAL_FLOAT;
}

bool eval_is_sequence(const struct eval_value *v)
{
	return v->type == EVAL_LIST || v->type == EVAL_TUPLE;
}

double eval_real(const struct eval_value *v)
{
	return v->type == EVAL_FLOAT ? v->real : (double)v->number;
}

bool eval_truth(const struct eval_value *v)
{
	switch (v->type) {
	case EVAL_NONE: return false;
	case EVAL_BOOL: case EVAL_INT: case EVAL_LONG: return v->number != 0;
	case EVAL_FLOAT: return v->real != 0;
	case EVAL_STR: case EVAL_UNICODE: return v->length != 0;
	case EVAL_LIST: case EVAL_TUPLE: case EVAL_DICT: return v->items->count != 0;
	default: return true;
	}
}

const char *eval_type_name(const struct eval_value *v)
{
	static const char *const names[] = {
		[EVAL_NONE] = "NoneType", [EVAL_BOOL] = "bool", [EVAL_INT] = "int",
		[EVAL_LONG] = "long", [EVAL_FLOAT] = "float", [EVAL_STR] = "str",
		[EVAL_UNICODE] = "unicode", [EVAL_LIST] = "list", [EVAL_TUPLE] = "tuple",
		[EVAL_DICT] = "dict", [EVAL_FUNCTION] = "function",
		[EVAL_BUILTIN] = "builtin_function_or_method", [EVAL_MODULE] = "module",
		[EVAL_EXCEPTION] = "exception", [EVAL_MATCH] = "SRE_Match",
	};

	return names[v->type];
}

/* ---- comparing ---- */

static int eval_equal_items(struct eval *e, const struct eval_value *a, const struct eval_value *b)
{
	int rc = 1;

	if (a->type != b->type || a->items->count != b->items->count)
		return 0;
	if (!eval_enter(e, a->where))
		return -1;
	for (size_t i = 0; rc == 1 && i < a->items->count; i++)
		rc = eval_equal(e, a->items->item[i], b->items->item[i]);
	eval_leave(e);
	return rc;
}

static int eval_equal_dicts(struct eval *e, const struct eval_value *a, const struct eval_value *b)
{
	int rc = 1;

	if (b->type != EVAL_DICT || a->items->count != b->items->count)
		return 0;
	if (!eval_enter(e, a->where))
		return -1;
	for (size_t i = 0; rc == 1 && i < a->items->count; i += 2) {
		long at = eval_dict_find(e, b, a->items->item[i]);

		rc = at < 0 ? (int)at + 1 :
			eval_equal(e, a->items->item[i + 1], b->items->item[at + 1]);
	}
	eval_leave(e);
	return rc;
}

int eval_equal(struct eval *e, const struct eval_value *a, const struct eval_value *b)
{
	if (!eval_charge(e, a->where, 1))
		return -1;
	if (eval_is_integer(a) && eval_is_integer(b))
		return a->number == b->number;
	if (eval_is_number(a) && eval_is_number(b))
		return eval_real(a) == eval_real(b);
	if (eval_is_string(a) && eval_is_string(b)) {
		if (a->length != b->length)
			return 0;
		return eval_charge(e, a->where, a->length / 16) ?
			!memcmp(a->text, b->text, a->length) : -1;
	}
	if (eval_is_sequence(a) && eval_is_sequence(b))
		return eval_equal_items(e, a, b);
	if (a->type == EVAL_DICT)
		return eval_equal_dicts(e, a, b);
	if (a->type == EVAL_NONE || b->type == EVAL_NONE)
		return a->type == b->type;
	return a == b;
}

static bool eval_order_items(struct eval *e, struct eval_where where, const struct eval_value *a,
			     const struct eval_value *b, int *order)
{
	size_t n = a->items->count < b->items->count ? a->items->count : b->items->count;
	bool ok = eval_enter(e, where);

	if (!ok)
		return false;
	*order = 0;
	for (size_t i = 0; ok && !*order && i < n; i++) {
		ok = eval_charge(e, where, 1);
		ok = ok && eval_order(e, where, a->items->item[i], b->items->item[i], order);
	}
	if (ok && !*order)
		*order = (a->items->count > n) - (b->items->count > n);
	eval_leave(e);
	return ok;
}

bool eval_order(struct eval *e, struct eval_where where, const struct eval_value *a,
		const struct eval_value *b, int *order)
{
	if (eval_is_integer(a) && eval_is_integer(b)) {
		*order = (a->number > b->number) - (a->number < b->number);
		return true;
	}
	if (eval_is_number(a) && eval_is_number(b)) {
		*order = (eval_real(a) > eval_real(b)) - (eval_real(a) < eval_real(b));
		return true;
	}
	if (eval_is_string(a) && eval_is_string(b)) {
		size_t n = a->length < b->length ? a->length : b->length;
		int c = memcmp(a->text, b->text, n);

		if (!eval_charge(e, where, n / 16))
			return false;
		*order = c ? c : (a->length > n) - (b->length > n);
		return true;
	}
	if (a->type == b->type && eval_is_sequence(a))
		return eval_order_items(e, where, a, b, order);
	eval_type_error(e, where, "'%s' and '%s' have no order", eval_type_name(a),
			eval_type_name(b));
	eval_hint(e, "convert one of them first: int(…) or str(…)");
	return false;
}

long eval_dict_find(struct eval *e, const struct eval_value *dict, const struct eval_value *key)
{
	for (size_t i = 0; i < dict->items->count; i += 2) {
		int rc = eval_equal(e, dict->items->item[i], key);

		if (rc)
			return rc < 0 ? -2 : (long)i;
	}
	return -1;
}

bool eval_dict_set(struct eval *e, struct eval_value *dict, struct eval_value *key,
		   struct eval_value *value)
{
	long at;

	if (key->type == EVAL_LIST || key->type == EVAL_DICT) {
		eval_type_error(e, key->where, "unhashable type: '%s'", eval_type_name(key));
		return false;
	}
	at = eval_dict_find(e, dict, key);
	if (at == -2)
		return false;
	if (at >= 0) {
		dict->items->item[at + 1] = value;
		return true;
	}
	return eval_append(e, dict, key) && eval_append(e, dict, value);
}


void eval_release(struct eval *e)
{
	struct eval_chunk *next;

	for (struct eval_chunk *chunk = e->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	e->chunks = NULL;
	e->used = 0;
}
