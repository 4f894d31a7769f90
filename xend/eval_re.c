/* Regular expressions: Python's syntax without what needs backtracking (back references, looking
 * around).  A pattern becomes a small program; all its threads walk over the subject together
 * (Thompson's construction with Pike's captures), so that no pattern takes longer than its length
 * times the subject's. */
#include "xend/eval_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define RE_PROGRAM_MAX 1000		/* instructions */
#define RE_REPEAT_MAX 255		/* the largest number in {m,n} */
#define RE_NESTING_MAX 30
#define RE_GROUPS 20			/* eval_match's */

enum re_op { RE_SET, RE_START, RE_END, RE_BOUNDARY, RE_NOT_BOUNDARY, RE_SPLIT, RE_JUMP, RE_SAVE,
	     RE_MATCH };

struct re_step {
	enum re_op op;
	int to, other;			/* relative; a SPLIT prefers `to`; a SAVE's slot is `to` */
	unsigned set;			/* index of a RE_SET's characters */
};

struct re_set {
	unsigned char bit[32];
};

struct re_program {
	struct eval *e;
	struct eval_where where;
	const char *at, *end;		/* of the pattern */
	struct re_step step[RE_PROGRAM_MAX];
	size_t steps;
	struct re_set set[RE_PROGRAM_MAX];
	unsigned sets, groups, nesting;
	bool is_nocase;
};

static bool re_fail(struct re_program *p, const char *text)
{
	eval_raise(p->e, p->where, "ValueError", "regular expression: %s", text);
	return false;
}

static bool re_emit(struct re_program *p, enum re_op op, int to, int other)
{
	if (p->steps == RE_PROGRAM_MAX)
		return re_fail(p, "it is too long");
	p->step[p->steps++] = (struct re_step){ op, to, other, 0 };
	return true;
}

/* Opens a gap for one step at `at`; jumps are relative and none crosses the place. */
static bool re_insert(struct re_program *p, size_t at, enum re_op op, int to, int other)
{
	if (!re_emit(p, op, 0, 0))
		return false;
	memmove(&p->step[at + 1], &p->step[at], (p->steps - 1 - at) * sizeof(p->step[0]));
	p->step[at] = (struct re_step){ op, to, other, 0 };
	return true;
}

static bool re_copy(struct re_program *p, size_t from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!re_emit(p, RE_MATCH, 0, 0))
			return false;
		p->step[p->steps - 1] = p->step[from + i];
	}
	return true;
}

/* ---- sets of characters ---- */

static void re_add(struct re_program *p, struct re_set *set, int c)
{
	set->bit[(c & 255) / 8] |= (unsigned char)(1 << (c & 7));
	if (p->is_nocase && isalpha(c & 255)) {
		c = (c & 255) ^ 32;
		set->bit[c / 8] |= (unsigned char)(1 << (c & 7));
	}
}

/* \d \w \s and their opposites; false when it is none of them. */
static bool re_add_class(struct re_set *set, int letter)
{
	int lower = tolower(letter);

	if (lower != 'd' && lower != 'w' && lower != 's')
		return false;
	for (int c = 0; c < 256; c++) {
		bool in = lower == 'd' ? isdigit(c) : lower == 's' ? isspace(c) :
			isalnum(c) || c == '_';

		if (in == (letter == lower))
			set->bit[c / 8] |= (unsigned char)(1 << (c & 7));
	}
	return true;
}

static int re_escaped(int c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'f' ? '\f' :
		c == 'v' ? '\v' : c;
}

static bool re_emit_set(struct re_program *p, const struct re_set *set)
{
	if (!re_emit(p, RE_SET, 0, 0))
		return false;
	p->step[p->steps - 1].set = p->sets;	/* never more sets than steps were emitted */
	if (p->sets == RE_PROGRAM_MAX)
		return re_fail(p, "it is too long");
	p->set[p->sets++] = *set;
	return true;
}

/* One character of a bracket, after escapes; -1 when it was a class and is added already. */
static int re_bracket_char(struct re_program *p, struct re_set *set)
{
	int c = (unsigned char)*p->at++;

	if (c != '\\' || p->at == p->end)
		return c;
	c = (unsigned char)*p->at++;
	return re_add_class(set, c) ? -1 : re_escaped(c);
}

static bool re_bracket(struct re_program *p)
{
	struct re_set set = { { 0 } };
	bool is_negated = p->at < p->end && *p->at == '^';
	const char *start;

	p->at += is_negated;
	for (start = p->at; p->at < p->end && (*p->at != ']' || p->at == start); ) {
		int low = re_bracket_char(p, &set), high = low;

		if (low >= 0 && p->end - p->at > 1 && *p->at == '-' && p->at[1] != ']') {
			p->at++;
			high = re_bracket_char(p, &set);
			if (high < low)
				return re_fail(p, "bad character range");
		}
		for (int c = low; c >= 0 && c <= high; c++)
			re_add(p, &set, c);
	}
	if (p->at == p->end)
		return re_fail(p, "expected ']'");
	p->at++;
	for (int i = 0; is_negated && i < 32; i++)
		set.bit[i] = (unsigned char)~set.bit[i];
	return re_emit_set(p, &set);
}

/* ---- atoms, repetition, alternatives ---- */

static bool re_alternatives(struct re_program *p);

static bool re_group(struct re_program *p)
{
	int group = -1;
	const char *close;

	if (p->end - p->at >= 2 && !memcmp(p->at, "?:", 2)) {
		p->at += 2;
	} else if (p->at < p->end && *p->at == '?') {
		close = p->end - p->at > 3 && !memcmp(p->at, "?P<", 3) ?
			memchr(p->at, '>', (size_t)(p->end - p->at)) : NULL;
		if (!close)
			return re_fail(p, "this kind of (?…) is not available");
		p->at = close + 1;
		group = 0;
	} else {
		group = 0;
	}
	if (group == 0) {
		if (p->groups == RE_GROUPS)
			return re_fail(p, "more than 19 groups");
		group = (int)p->groups++;
	}
	if (++p->nesting > RE_NESTING_MAX)
		return re_fail(p, "groups within groups, more than 30 deep");
	if ((group >= 0 && !re_emit(p, RE_SAVE, group * 2, 0)) || !re_alternatives(p))
		return false;
	p->nesting--;
	if (p->at == p->end || *p->at != ')')
		return re_fail(p, "expected ')'");
	p->at++;
	return group < 0 || re_emit(p, RE_SAVE, group * 2 + 1, 0);
}

static bool re_escape(struct re_program *p)
{
	struct re_set set = { { 0 } };
	int c;

	if (p->at == p->end)
		return re_fail(p, "it ends with a backslash");
	c = (unsigned char)*p->at++;
	if (c == 'b' || c == 'B')
		return re_emit(p, c == 'b' ? RE_BOUNDARY : RE_NOT_BOUNDARY, 0, 0);
	if (c == 'A' || c == 'Z')
		return re_emit(p, c == 'A' ? RE_START : RE_END, 0, 0);
	if (isdigit(c))
		return re_fail(p, "back references are not available");
	if (!re_add_class(&set, c))
		re_add(p, &set, re_escaped(c));
	return re_emit_set(p, &set);
}

static bool re_atom(struct re_program *p)
{
	struct re_set set = { { 0 } };
	int c = (unsigned char)*p->at++;

	switch (c) {
	case '(': return re_group(p);
	case '[': return re_bracket(p);
	case '\\': return re_escape(p);
	case '^': return re_emit(p, RE_START, 0, 0);
	case '$': return re_emit(p, RE_END, 0, 0);
	case '*': case '+': case '?': return re_fail(p, "nothing to repeat");
	case '.':
		memset(&set, 0xff, sizeof(set));
		set.bit['\n' / 8] &= (unsigned char)~(1 << ('\n' & 7));
		return re_emit_set(p, &set);
	default:
		re_add(p, &set, c);
		return re_emit_set(p, &set);
	}
}

/* {m}, {m,}, {,n}, {m,n}: false and nothing read when it is none of these, then { is itself. */
static bool re_counts(struct re_program *p, long *least, long *most)
{
	const char *at = p->at + 1;
	char *end;

	*least = strtol(at, &end, 10);
	if (at == end || !isdigit((unsigned char)*at))
		*least = 0, end = (char *)(uintptr_t)at;
	if (*end == ',') {
		at = end + 1;
		*most = isdigit((unsigned char)*at) ? strtol(at, &end, 10) : -1;
		if (*most == -1)
			end = (char *)(uintptr_t)at;
	} else if (end == at) {
		return false;
	} else {
		*most = *least;
	}
	if (*end != '}' || end >= p->end)
		return false;
	p->at = end + 1;
	return true;
}

/* The steps from `start` on become a loop of their own. */
static bool re_star(struct re_program *p, size_t start, bool is_lazy)
{
	int count = (int)(p->steps - start);

	return re_insert(p, start, RE_SPLIT, is_lazy ? count + 2 : 1, is_lazy ? 1 : count + 2) &&
		re_emit(p, RE_JUMP, -(count + 1), 0);
}

static bool re_optional(struct re_program *p, size_t start, bool is_lazy)
{
	int count = (int)(p->steps - start);

	return re_insert(p, start, RE_SPLIT, is_lazy ? count + 1 : 1, is_lazy ? 1 : count + 1);
}

/* What stands from `start` on, `least` to `most` times (-1: any number). */
static bool re_repeat(struct re_program *p, size_t start, long least, long most, bool is_lazy)
{
	size_t count = p->steps - start, last;

	if (least > RE_REPEAT_MAX || most > RE_REPEAT_MAX || (most >= 0 && most < least))
		return re_fail(p, "bad repeat counts");
	if (most == 0) {
		p->steps = start;
		return true;
	}
	if (least == 0 && most < 0)
		return re_star(p, start, is_lazy);
	if (least == 0 && most == 1)
		return re_optional(p, start, is_lazy);
	for (long i = 1; i < least; i++)
		if (!re_copy(p, start, count))
			return false;
	if (most < 0) {
		last = p->steps;
		return re_copy(p, start, count) && re_star(p, last, is_lazy);
	}
	if (least == 0 && !re_optional(p, start, is_lazy))
		return false;
	for (long i = least ? least : 1; i < most; i++) {
		last = p->steps;
		if (!re_copy(p, least ? start : start + 1, count) ||
		    !re_optional(p, last, is_lazy))
			return false;
	}
	return true;
}

static bool re_piece(struct re_program *p)
{
	size_t start = p->steps;
	long least = 0, most = -1;
	bool is_lazy;

	if (!re_atom(p) || p->at == p->end)
		return !p->e->failed;
	if (*p->at == '{') {
		if (!re_counts(p, &least, &most))
			return true;
	} else if (*p->at == '*' || *p->at == '+' || *p->at == '?') {
		least = *p->at == '+';
		most = *p->at == '?' ? 1 : -1;
		p->at++;
	} else {
		return true;
	}
	is_lazy = p->at < p->end && *p->at == '?';
	p->at += is_lazy;
	if (p->at < p->end && (*p->at == '*' || *p->at == '+'))
		return re_fail(p, "multiple repeat");
	return re_repeat(p, start, least, most, is_lazy);
}

static bool re_alternatives(struct re_program *p)
{
	size_t start = p->steps, jump;

	while (p->at < p->end && *p->at != ')') {
		if (*p->at != '|') {
			if (!re_piece(p))
				return false;
			continue;
		}
		p->at++;
		if (!re_insert(p, start, RE_SPLIT, 1, (int)(p->steps - start) + 2))
			return false;
		jump = p->steps;
		if (++p->nesting > RE_NESTING_MAX)
			return re_fail(p, "more than 30 alternatives");
		if (!re_emit(p, RE_JUMP, 0, 0) || !re_alternatives(p))
			return false;
		p->nesting--;
		p->step[jump].to = (int)(p->steps - jump);
		return true;
	}
	return true;
}

static bool re_compile(struct re_program *p)
{
	if (p->end - p->at >= 4 && !memcmp(p->at, "(?i)", 4)) {
		p->is_nocase = true;
		p->at += 4;
	}
	p->groups = 1;
	if (!re_alternatives(p))
		return false;
	if (p->at < p->end)
		return re_fail(p, "a ')' too many");
	return re_emit(p, RE_MATCH, 0, 0);
}

/* ---- running ---- */

struct re_thread {
	size_t step;
	long save[RE_GROUPS * 2];
};

struct re_threads {
	size_t count;
	struct re_thread thread[RE_PROGRAM_MAX];
	unsigned seen[RE_PROGRAM_MAX];	/* the round in which a step got its thread */
};

struct re_machine {
	const struct re_program *p;
	const char *text;
	size_t length;
	struct re_threads list[2];
	unsigned round;
};

static bool re_is_word(const struct re_machine *m, size_t at)
{
	return at < m->length && (isalnum((unsigned char)m->text[at]) || m->text[at] == '_');
}

static bool re_holds(const struct re_machine *m, enum re_op op, size_t at)
{
	bool is_boundary = re_is_word(m, at) != (at > 0 && re_is_word(m, at - 1));

	switch (op) {
	case RE_START: return at == 0;
	case RE_END: return at == m->length || (at + 1 == m->length && m->text[at] == '\n');
	case RE_BOUNDARY: return is_boundary;
	default: return !is_boundary;
	}
}

/* Follows all that takes no character, in order of preference; depth is the program's length. */
static void re_follow(struct re_machine *m, struct re_threads *list, size_t step, size_t at,
		      long *save)
{
	const struct re_step *s = &m->p->step[step];
	long old;

	if (list->seen[step] == m->round)
		return;
	list->seen[step] = m->round;
	switch (s->op) {
	case RE_JUMP:
		re_follow(m, list, step + (size_t)(long)s->to, at, save);
		return;
	case RE_SPLIT:
		re_follow(m, list, step + (size_t)(long)s->to, at, save);
		re_follow(m, list, step + (size_t)(long)s->other, at, save);
		return;
	case RE_SAVE:
		old = save[s->to];
		save[s->to] = (long)at;
		re_follow(m, list, step + 1, at, save);
		save[s->to] = old;
		return;
	case RE_START: case RE_END: case RE_BOUNDARY: case RE_NOT_BOUNDARY:
		if (re_holds(m, s->op, at))
			re_follow(m, list, step + 1, at, save);
		return;
	default:
		list->thread[list->count].step = step;
		memcpy(list->thread[list->count++].save, save, sizeof(list->thread[0].save));
	}
}

/* One character further: true when a thread matched; those after it are of less preference. */
static bool re_round(struct re_machine *m, struct re_threads *now, struct re_threads *next,
		     size_t at, long *found)
{
	bool has_matched = false;

	next->count = 0;
	m->round++;
	for (size_t i = 0; i < now->count && !has_matched; i++) {
		const struct re_step *s = &m->p->step[now->thread[i].step];
		unsigned char c = at < m->length ? (unsigned char)m->text[at] : 0;

		if (s->op == RE_MATCH) {
			memcpy(found, now->thread[i].save, sizeof(now->thread[i].save));
			found[1] = (long)at;
			has_matched = true;
		} else if (at < m->length && m->p->set[s->set].bit[c / 8] & 1 << (c & 7)) {
			re_follow(m, next, now->thread[i].step + 1, at + 1, now->thread[i].save);
		}
	}
	return has_matched;
}

static bool re_run(struct re_machine *m, size_t start, bool is_anchored, long *found)
{
	struct re_threads *now = &m->list[0], *next = &m->list[1], *swap;
	bool has_matched = false;
	long save[RE_GROUPS * 2];

	m->round = 1;
	for (size_t at = start; at <= m->length; at++) {
		if (!has_matched && (at == start || !is_anchored)) {
			memset(save, -1, sizeof(save));
			save[0] = (long)at;
			re_follow(m, now, 0, at, save);
		}
		if (!now->count && (has_matched || is_anchored))
			break;
		has_matched |= re_round(m, now, next, at, found);
		swap = now;
		now = next;
		next = swap;
	}
	return has_matched;
}

int eval_re_search(struct eval *e, struct eval_where where, const struct eval_value *pattern,
		   const struct eval_value *subject, unsigned how, size_t start,
		   struct eval_match *match)
{
	struct re_program *p = calloc(1, sizeof(*p));
	struct re_machine *m = calloc(1, sizeof(*m));
	long found[RE_GROUPS * 2];
	int rc = -1;

	if (!p || !m) {
		e->out_of_memory = true;
		eval_raise(e, where, NULL, "out of memory");
		goto out;
	}
	p->e = e;
	p->where = where;
	p->at = pattern->text;
	p->end = pattern->text + pattern->length;
	p->is_nocase = how & EVAL_RE_NOCASE;
	/* 100 steps: what clearing and compiling cost at least */
	if (!eval_charge(e, where, 100) || !re_compile(p) ||
	    !eval_charge(e, where, (subject->length - start) / 16 * p->steps))
		goto out;
	m->p = p;
	m->text = subject->text;
	m->length = subject->length;
	rc = re_run(m, start, how & EVAL_RE_ANCHORED, found);
	match->subject = subject;
	match->groups = p->groups;
	for (size_t i = 0; rc == 1 && i < p->groups; i++) {
		match->group[i].start = found[i * 2 + 1] < 0 ? -1 : found[i * 2];
		match->group[i].end = found[i * 2 + 1];
	}
out:
	free(p);
	free(m);
	return rc;
}
