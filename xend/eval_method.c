/* Methods of strings, lists, dicts and matches. */
#include "xend/eval_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- strings ---- */

static struct eval_value *eval_text_map(struct eval *e, struct eval_call *call,
					int (*map)(const struct eval_value *v, size_t i))
{
	struct eval_value *v = eval_string(e, call->where, call->self->text, call->self->length);
	char *text;

	if (!v)
		return NULL;
	text = (char *)(uintptr_t)v->text;	/* fresh: nobody else has it yet */
	for (size_t i = 0; i < v->length; i++)
		text[i] = (char)map(call->self, i);
	return v;
}

static int eval_char_lower(const struct eval_value *v, size_t i)
{
	return tolower((unsigned char)v->text[i]);
}

static int eval_char_upper(const struct eval_value *v, size_t i)
{
	return toupper((unsigned char)v->text[i]);
}

static int eval_char_capital(const struct eval_value *v, size_t i)
{
	return i ? eval_char_lower(v, i) : eval_char_upper(v, i);
}

static int eval_char_title(const struct eval_value *v, size_t i)
{
	return i && isalpha((unsigned char)v->text[i - 1]) ? eval_char_lower(v, i) :
		eval_char_upper(v, i);
}

static struct eval_value *str_lower(struct eval *e, struct eval_call *call)
{
	return eval_text_map(e, call, eval_char_lower);
}

static struct eval_value *str_upper(struct eval *e, struct eval_call *call)
{
	return eval_text_map(e, call, eval_char_upper);
}

static struct eval_value *str_capitalize(struct eval *e, struct eval_call *call)
{
	return eval_text_map(e, call, eval_char_capital);
}

static struct eval_value *str_title(struct eval *e, struct eval_call *call)
{
	return eval_text_map(e, call, eval_char_title);
}

static struct eval_value *eval_strip(struct eval *e, struct eval_call *call, bool left, bool right)
{
	const struct eval_value *v = call->self, *set = NULL;
	const char *chars = " \t\n\v\f\r";
	size_t start = 0, end = v->length;

	if (call->args && call->arg[0]->type != EVAL_NONE) {
		set = eval_arg_text(e, call, 0);
		if (!set || !eval_charge(e, call->where, set->length * v->length / 16))
			return NULL;
		chars = set->text;
	}
	while (left && start < end && strchr(chars, v->text[start]))
		start++;
	while (right && end > start && strchr(chars, v->text[end - 1]))
		end--;
	return eval_string(e, call->where, v->text + start, end - start);
}

static struct eval_value *str_strip(struct eval *e, struct eval_call *call)
{
	return eval_strip(e, call, true, true);
}

static struct eval_value *str_lstrip(struct eval *e, struct eval_call *call)
{
	return eval_strip(e, call, true, false);
}

static struct eval_value *str_rstrip(struct eval *e, struct eval_call *call)
{
	return eval_strip(e, call, false, true);
}

static bool eval_append_text(struct eval *e, struct eval_value *list, struct eval_where where,
			     const char *text, size_t length)
{
	struct eval_value *v = eval_string(e, where, text, length);

	return v && eval_append(e, list, v);
}

/* split() at blanks; most < 0: as often as there are any. */
static struct eval_value *eval_split_blank(struct eval *e, struct eval_call *call, int64_t most)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, call->where, 0);
	const char *at = call->self->text, *end = at + call->self->length, *start;

	while (list) {
		while (at < end && isspace((unsigned char)*at))
			at++;
		if (at == end)
			return list;
		start = at;
		if (most == 0)
			at = end;
		while (at < end && !isspace((unsigned char)*at))
			at++;
		most -= most > 0;
		if (!eval_append_text(e, list, call->where, start, (size_t)(at - start)))
			return NULL;
	}
	return NULL;
}

static struct eval_value *str_split(struct eval *e, struct eval_call *call)
{
	struct eval_value *list, *by = eval_arg(call, 0, NULL);
	const char *at = call->self->text, *end = at + call->self->length, *hit;
	int64_t most = -1;

	if (call->args > 1 && !eval_arg_int(e, call, 1, &most))
		return NULL;
	if (!by || by->type == EVAL_NONE)
		return eval_split_blank(e, call, most);
	if (!eval_arg_text(e, call, 0))
		return NULL;
	if (!by->length)
		return eval_raise(e, call->where, "ValueError", "empty separator");
	list = eval_sequence(e, EVAL_LIST, call->where, 0);
	while (list && most-- && (hit = memmem(at, (size_t)(end - at), by->text, by->length))) {
		if (!eval_charge(e, call->where, 1) ||
		    !eval_append_text(e, list, call->where, at, (size_t)(hit - at)))
			return NULL;
		at = hit + by->length;
	}
	return list && eval_append_text(e, list, call->where, at, (size_t)(end - at)) ? list : NULL;
}

static struct eval_value *str_splitlines(struct eval *e, struct eval_call *call)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, call->where, 0);
	const char *at = call->self->text, *end = at + call->self->length;

	while (list && at < end) {
		size_t n = strcspn(at, "\r\n");

		if (!eval_append_text(e, list, call->where, at, n))
			return NULL;
		at += n;
		if (at < end)
			at += at[0] == '\r' && at[1] == '\n' ? 2 : 1;
	}
	return list;
}

static struct eval_value *str_partition(struct eval *e, struct eval_call *call)
{
	const struct eval_value *v = call->self, *by = eval_arg_text(e, call, 0);
	struct eval_value *tuple = by ? eval_sequence(e, EVAL_TUPLE, call->where, 3) : NULL;
	const char *hit;
	size_t before, after;

	if (!tuple)
		return NULL;
	if (!by->length)
		return eval_raise(e, call->where, "ValueError", "empty separator");
	hit = memmem(v->text, v->length, by->text, by->length);
	before = hit ? (size_t)(hit - v->text) : v->length;
	after = hit ? before + by->length : v->length;
	return eval_append_text(e, tuple, call->where, v->text, before) &&
		eval_append_text(e, tuple, call->where, by->text, hit ? by->length : 0) &&
		eval_append_text(e, tuple, call->where, v->text + after, v->length - after) ?
		tuple : NULL;
}

static struct eval_value *str_join(struct eval *e, struct eval_call *call)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[0]);
	struct eval_out out = { e, call->where };

	for (size_t i = 0; items && i < items->items->count; i++) {
		const struct eval_value *v = items->items->item[i];

		if (!eval_is_string(v))
			return eval_type_error(e, call->where, "sequence item %zu: expected string, "
					       "%s found", i, eval_type_name(v));
		if (i)
			eval_put(&out, call->self->text, call->self->length);
		eval_put(&out, v->text, v->length);
	}
	return items ? eval_take(&out) : NULL;
}

static struct eval_value *str_replace(struct eval *e, struct eval_call *call)
{
	const struct eval_value *v = call->self, *old = eval_arg_text(e, call, 0);
	const struct eval_value *new = old ? eval_arg_text(e, call, 1) : NULL;
	const char *at = v->text, *end = at + v->length, *hit;
	struct eval_out out = { e, call->where };
	int64_t most = -1;

	if (!new || (call->args > 2 && !eval_arg_int(e, call, 2, &most)))
		return NULL;
	if (!old->length)
		return eval_raise(e, call->where, "ValueError", "nothing to replace: an empty string");
	while (most-- && (hit = memmem(at, (size_t)(end - at), old->text, old->length))) {
		if (!eval_charge(e, call->where, 1))
			return NULL;
		eval_put(&out, at, (size_t)(hit - at));
		eval_put(&out, new->text, new->length);
		at = hit + old->length;
	}
	eval_put(&out, at, (size_t)(end - at));
	return eval_take(&out);
}

/* startswith() and endswith(): a string, or a tuple of them. */
static struct eval_value *eval_touches(struct eval *e, struct eval_call *call, bool at_end)
{
	const struct eval_value *v = call->self, *with = call->arg[0];
	size_t count = with->type == EVAL_TUPLE ? with->items->count : 1;

	for (size_t i = 0; i < count; i++) {
		const struct eval_value *w = with->type == EVAL_TUPLE ? with->items->item[i] : with;

		if (!eval_is_string(w))
			return eval_type_error(e, call->where, "expected a string, not %s",
					       eval_type_name(w));
		if (w->length <= v->length &&
		    !memcmp(v->text + (at_end ? v->length - w->length : 0), w->text, w->length))
			return eval_bool(e, call->where, true);
	}
	return eval_bool(e, call->where, false);
}

static struct eval_value *str_startswith(struct eval *e, struct eval_call *call)
{
	return eval_touches(e, call, false);
}

static struct eval_value *str_endswith(struct eval *e, struct eval_call *call)
{
	return eval_touches(e, call, true);
}

/* Where the argument stands; -1 nowhere, -2 error. */
static long eval_find(struct eval *e, struct eval_call *call, bool is_last)
{
	const struct eval_value *v = call->self, *what = eval_arg_text(e, call, 0);
	const char *hit, *found = NULL;
	size_t from = 0;

	if (!what || !eval_charge(e, call->where, v->length / 16))
		return -2;
	while (from <= v->length &&
	       (hit = memmem(v->text + from, v->length - from, what->text, what->length))) {
		found = hit;
		if (!is_last)
			break;
		from = (size_t)(hit - v->text) + 1;
		if (!eval_charge(e, call->where, 1))
			return -2;
	}
	return found ? found - v->text : -1;
}

static struct eval_value *str_find(struct eval *e, struct eval_call *call)
{
	long at = eval_find(e, call, false);

	return at == -2 ? NULL : eval_int(e, call->where, at);
}

static struct eval_value *str_rfind(struct eval *e, struct eval_call *call)
{
	long at = eval_find(e, call, true);

	return at == -2 ? NULL : eval_int(e, call->where, at);
}

static struct eval_value *str_index(struct eval *e, struct eval_call *call)
{
	long at = eval_find(e, call, false);

	if (at == -1)
		return eval_raise(e, call->where, "ValueError", "substring not found");
	return at < 0 ? NULL : eval_int(e, call->where, at);
}

static struct eval_value *str_count(struct eval *e, struct eval_call *call)
{
	const struct eval_value *v = call->self, *what = eval_arg_text(e, call, 0);
	const char *at = v->text, *end = at + v->length;
	int64_t n = 0;

	if (!what)
		return NULL;
	if (!what->length)
		return eval_int(e, call->where, (int64_t)v->length + 1);
	while ((at = memmem(at, (size_t)(end - at), what->text, what->length))) {
		at += what->length;
		n++;
	}
	return eval_charge(e, call->where, v->length / 16) ? eval_int(e, call->where, n) : NULL;
}

static struct eval_value *eval_all_are(struct eval *e, struct eval_call *call, int (*is)(int c))
{
	const struct eval_value *v = call->self;
	bool all = v->length > 0;

	for (size_t i = 0; all && i < v->length; i++)
		all = is((unsigned char)v->text[i]);
	return eval_charge(e, call->where, v->length / 16) ? eval_bool(e, call->where, all) : NULL;
}

static struct eval_value *str_isdigit(struct eval *e, struct eval_call *call)
{
	return eval_all_are(e, call, isdigit);
}

static struct eval_value *str_isalpha(struct eval *e, struct eval_call *call)
{
	return eval_all_are(e, call, isalpha);
}

static struct eval_value *str_isalnum(struct eval *e, struct eval_call *call)
{
	return eval_all_are(e, call, isalnum);
}

static struct eval_value *str_isspace(struct eval *e, struct eval_call *call)
{
	return eval_all_are(e, call, isspace);
}

/* Fills up to the width: `before` of the fill goes left, the rest right. */
static struct eval_value *eval_justify(struct eval *e, struct eval_call *call, char fill, int side)
{
	struct eval_out out = { e, call->where };
	const struct eval_value *v = call->self, *with;
	int64_t width, left;

	if (!eval_arg_int(e, call, 0, &width))
		return NULL;
	if (call->args > 1) {
		with = eval_arg_text(e, call, 1);
		if (!with || with->length != 1)
			return with ? eval_type_error(e, call->where, "one fill character") : NULL;
		fill = with->text[0];
	}
	if (width > 1 << 20)
		return eval_raise(e, call->where, "MemoryError", "the result is too long");
	width = width > (int64_t)v->length ? width - (int64_t)v->length : 0;
	left = side < 0 ? 0 : side > 0 ? width :
		width / 2 + (width & ((int64_t)v->length + width) & 1);	/* as Python rounds */
	for (int64_t i = 0; i < left; i++)
		eval_put(&out, &fill, 1);
	eval_put(&out, v->text, v->length);
	for (int64_t i = left; i < width; i++)
		eval_put(&out, &fill, 1);
	return eval_take(&out);
}

static struct eval_value *str_ljust(struct eval *e, struct eval_call *call)
{
	return eval_justify(e, call, ' ', -1);
}

static struct eval_value *str_rjust(struct eval *e, struct eval_call *call)
{
	return eval_justify(e, call, ' ', 1);
}

static struct eval_value *str_center(struct eval *e, struct eval_call *call)
{
	return eval_justify(e, call, ' ', 0);
}

static struct eval_value *str_zfill(struct eval *e, struct eval_call *call)
{
	return eval_justify(e, call, '0', 1);
}

/* "{} {0} {name}".format(…), without format specifications. */
static struct eval_value *str_format(struct eval *e, struct eval_call *call)
{
	const char *at = call->self->text, *end = at + call->self->length;
	struct eval_out out = { e, call->where };
	size_t next = 0;

	for (; at < end && !out.failed; at++) {
		const char *close = *at == '{' && at[1] != '{' ?
			memchr(at, '}', (size_t)(end - at)) : NULL;
		struct eval_value *v;
		char name[64];

		if ((*at == '{' || *at == '}') && at + 1 < end && at[1] == *at)
			at++;
		else if (*at == '{' && at[1] != '{' && (!close || close - at > (long)sizeof(name)))
			return eval_raise(e, call->where, "ValueError", "expected '}' in the format");
		if (!close) {
			eval_put(&out, at, 1);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(close - at - 1), at + 1);
		v = !name[0] ? eval_arg(call, next++, NULL) :
			isdigit((unsigned char)name[0]) ? eval_arg(call, strtoul(name, NULL, 10), NULL) :
			eval_arg(call, SIZE_MAX, name);
		if (!v)
			return eval_raise(e, call->where, "KeyError", "no value for '{%s}'", name);
		eval_put_value(&out, v, false);
		at = close;
	}
	return eval_take(&out);
}

/* ---- lists ---- */

static struct eval_value *list_append(struct eval *e, struct eval_call *call)
{
	return eval_append(e, call->self, call->arg[0]) ? eval_none(e, call->where) : NULL;
}

static struct eval_value *list_extend(struct eval *e, struct eval_call *call)
{
	struct eval_value *items = eval_iterate(e, call->where, call->arg[0]);

	for (size_t i = 0; items && i < items->items->count; i++)
		if (!eval_append(e, call->self, items->items->item[i]))
			return NULL;
	return items ? eval_none(e, call->where) : NULL;
}

static struct eval_value *list_insert(struct eval *e, struct eval_call *call)
{
	int64_t at, count = (int64_t)call->self->items->count;

	if (!eval_arg_int(e, call, 0, &at))
		return NULL;
	at = at < -count ? 0 : at < 0 ? at + count : at > count ? count : at;
	return eval_insert(e, call->self, (size_t)at, call->arg[1]) ?
		eval_none(e, call->where) : NULL;
}

static struct eval_value *list_pop(struct eval *e, struct eval_call *call)
{
	struct eval_value *v, *index = call->args ? call->arg[0] : eval_int(e, call->where, -1);
	long at;

	if (!index)
		return NULL;
	if (!call->self->items->count)
		return eval_raise(e, call->where, "IndexError", "pop from empty list");
	at = eval_position(e, call->where, index, call->self->items->count, "list");
	if (at < 0 || !eval_charge(e, call->where, call->self->items->count / 16))
		return NULL;
	v = call->self->items->item[at];
	eval_remove(call->self, (size_t)at);
	return v;
}

static long eval_list_find(struct eval *e, struct eval_call *call)
{
	for (size_t i = 0; i < call->self->items->count; i++) {
		int rc = eval_equal(e, call->self->items->item[i], call->arg[0]);

		if (rc)
			return rc < 0 ? -2 : (long)i;
	}
	return -1;
}

static struct eval_value *list_remove(struct eval *e, struct eval_call *call)
{
	long at = eval_list_find(e, call);

	if (at == -1)
		return eval_raise(e, call->where, "ValueError", "list.remove(x): x not in list");
	if (at < 0)
		return NULL;
	eval_remove(call->self, (size_t)at);
	return eval_none(e, call->where);
}

static struct eval_value *list_index(struct eval *e, struct eval_call *call)
{
	long at = eval_list_find(e, call);

	if (at == -1)
		return eval_raise(e, call->where, "ValueError", "the value is not in the list");
	return at < 0 ? NULL : eval_int(e, call->where, at);
}

static struct eval_value *list_count(struct eval *e, struct eval_call *call)
{
	int64_t n = 0;

	for (size_t i = 0; i < call->self->items->count; i++) {
		int rc = eval_equal(e, call->self->items->item[i], call->arg[0]);

		if (rc < 0)
			return NULL;
		n += rc;
	}
	return eval_int(e, call->where, n);
}

static struct eval_value *list_sort(struct eval *e, struct eval_call *call)
{
	return eval_sort(e, call->where, call->self) ? eval_none(e, call->where) : NULL;
}

static struct eval_value *list_reverse(struct eval *e, struct eval_call *call)
{
	eval_reverse(call->self);
	return eval_charge(e, call->where, call->self->items->count / 16) ?
		eval_none(e, call->where) : NULL;
}

/* ---- dicts and matches ---- */

static struct eval_value *dict_get(struct eval *e, struct eval_call *call)
{
	long at = eval_dict_find(e, call->self, call->arg[0]);

	if (at == -2)
		return NULL;
	return at >= 0 ? call->self->items->item[at + 1] :
		call->args > 1 ? call->arg[1] : eval_none(e, call->where);
}

static struct eval_value *dict_has_key(struct eval *e, struct eval_call *call)
{
	long at = eval_dict_find(e, call->self, call->arg[0]);

	return at == -2 ? NULL : eval_bool(e, call->where, at >= 0);
}

static struct eval_value *dict_keys(struct eval *e, struct eval_call *call)
{
	return eval_iterate(e, call->where, call->self);
}

static struct eval_value *eval_dict_list(struct eval *e, struct eval_call *call, bool has_keys)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, call->where, 0), *pair;
	const struct eval_items *d = call->self->items;

	for (size_t i = 0; list && i < d->count; i += 2) {
		pair = has_keys ? eval_sequence(e, EVAL_TUPLE, call->where, 2) : d->item[i + 1];
		if (!pair || (has_keys && (!eval_append(e, pair, d->item[i]) ||
					   !eval_append(e, pair, d->item[i + 1]))) ||
		    !eval_append(e, list, pair))
			return NULL;
	}
	return list;
}

static struct eval_value *dict_values(struct eval *e, struct eval_call *call)
{
	return eval_dict_list(e, call, false);
}

static struct eval_value *dict_items(struct eval *e, struct eval_call *call)
{
	return eval_dict_list(e, call, true);
}

static struct eval_value *dict_update(struct eval *e, struct eval_call *call)
{
	const struct eval_value *from = call->arg[0];

	if (from->type != EVAL_DICT)
		return eval_type_error(e, call->where, "update() needs a dict");
	for (size_t i = 0; i < from->items->count; i += 2)
		if (!eval_dict_set(e, call->self, from->items->item[i], from->items->item[i + 1]))
			return NULL;
	return eval_none(e, call->where);
}

static struct eval_value *eval_match_group(struct eval *e, struct eval_call *call, size_t n)
{
	const struct eval_match *m = call->self->what;
	long start = m->group[n].start;

	if (start < 0)
		return eval_none(e, call->where);
	return eval_string(e, call->where, m->subject->text + start,
			   (size_t)(m->group[n].end - start));
}

static struct eval_value *match_group(struct eval *e, struct eval_call *call)
{
	const struct eval_match *m = call->self->what;
	int64_t n = 0;

	if (call->args && !eval_arg_int(e, call, 0, &n))
		return NULL;
	if (n < 0 || (size_t)n >= m->groups)
		return eval_raise(e, call->where, "IndexError", "no such group");
	return eval_match_group(e, call, (size_t)n);
}

static struct eval_value *match_groups(struct eval *e, struct eval_call *call)
{
	const struct eval_match *m = call->self->what;
	struct eval_value *tuple = eval_sequence(e, EVAL_TUPLE, call->where, m->groups), *v;

	for (size_t i = 1; tuple && i < m->groups; i++) {
		v = eval_match_group(e, call, i);
		if (!v || !eval_append(e, tuple, v))
			return NULL;
	}
	return tuple;
}

static const struct eval_builtin eval_str_methods[] = {
	{ "lower", str_lower, 0, 0 }, { "upper", str_upper, 0, 0 },
	{ "capitalize", str_capitalize, 0, 0 }, { "title", str_title, 0, 0 },
	{ "strip", str_strip, 0, 1 }, { "lstrip", str_lstrip, 0, 1 },
	{ "rstrip", str_rstrip, 0, 1 }, { "split", str_split, 0, 2 },
	{ "splitlines", str_splitlines, 0, 0 }, { "partition", str_partition, 1, 1 },
	{ "join", str_join, 1, 1 }, { "replace", str_replace, 2, 3 },
	{ "startswith", str_startswith, 1, 1 }, { "endswith", str_endswith, 1, 1 },
	{ "find", str_find, 1, 1 }, { "rfind", str_rfind, 1, 1 }, { "index", str_index, 1, 1 },
	{ "count", str_count, 1, 1 }, { "isdigit", str_isdigit, 0, 0 },
	{ "isalpha", str_isalpha, 0, 0 }, { "isalnum", str_isalnum, 0, 0 },
	{ "isspace", str_isspace, 0, 0 }, { "ljust", str_ljust, 1, 2 },
	{ "rjust", str_rjust, 1, 2 }, { "center", str_center, 1, 2 },
	{ "zfill", str_zfill, 1, 1 }, { "format", str_format, 0, 64 }, { NULL },
};

static const struct eval_builtin eval_list_methods[] = {
	{ "append", list_append, 1, 1 }, { "extend", list_extend, 1, 1 },
	{ "insert", list_insert, 2, 2 }, { "pop", list_pop, 0, 1 },
	{ "remove", list_remove, 1, 1 }, { "index", list_index, 1, 1 },
	{ "count", list_count, 1, 1 }, { "sort", list_sort, 0, 0 },
	{ "reverse", list_reverse, 0, 0 }, { NULL },
};

static const struct eval_builtin eval_tuple_methods[] = {
	{ "index", list_index, 1, 1 }, { "count", list_count, 1, 1 }, { NULL },
};

static const struct eval_builtin eval_dict_methods[] = {
	{ "get", dict_get, 1, 2 }, { "has_key", dict_has_key, 1, 1 }, { "keys", dict_keys, 0, 0 },
	{ "values", dict_values, 0, 0 }, { "items", dict_items, 0, 0 },
	{ "update", dict_update, 1, 1 }, { NULL },
};

static const struct eval_builtin eval_match_methods[] = {
	{ "group", match_group, 0, 1 }, { "groups", match_groups, 0, 0 }, { NULL },
};

static const struct eval_builtin *const eval_methods[] = {
	[EVAL_STR] = eval_str_methods, [EVAL_UNICODE] = eval_str_methods,
	[EVAL_LIST] = eval_list_methods, [EVAL_TUPLE] = eval_tuple_methods,
	[EVAL_DICT] = eval_dict_methods, [EVAL_MATCH] = eval_match_methods,
};

const struct eval_builtin *eval_method_find(enum eval_type type, const char *name)
{
	for (const struct eval_builtin *row = eval_methods[type]; row && row->name; row++)
		if (!strcmp(row->name, name))
			return row;
	return NULL;
}
