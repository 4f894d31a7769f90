/* `[ … ]` of GRUB 2's scripts (GRUB manual, "test"). */
#include "xend/grub_script.h"

#include <stdlib.h>
#include <string.h>

struct test {
	struct script *s;
	const char *const *word;
	size_t n, at;
};

static bool test_or(struct test *t);

static bool test_file(struct test *t, const char *option, const char *path)
{
	struct grub_file file = grub_file_read(&t->s->menu->arena, path,
					       script_get(t->s, "root") ?: "");
	uint64_t size = 0;

	if (!file.path || !t->s->view->has(t->s->view, &file, &size))
		return false;
	return strcmp(option, "-s") || size > 0;
}

static bool test_compare(const char *op, const char *a, const char *b, bool *result)
{
	static const char *const text[] = { "=", "==", "!=", "<", ">" };
	static const char *const number[] = { "-eq", "-ne", "-lt", "-le", "-gt", "-ge" };
	int order = strcmp(a, b);
	const bool by_text[] = { !order, !order, order != 0, order < 0, order > 0 };
	long x = strtol(a, NULL, 0), y = strtol(b, NULL, 0);
	const bool by_number[] = { x == y, x != y, x < y, x <= y, x > y, x >= y };

	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		if (!strcmp(op, text[i])) {
			*result = by_text[i];
			return true;
		}
	}
	for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
		if (!strcmp(op, number[i])) {
			*result = by_number[i];
			return true;
		}
	}
	return false;
}

static bool is_file_option(const char *word)
{
	return strlen(word) == 2 && word[0] == '-' && strchr("defs", word[1]);
}

static bool test_primary(struct test *t)
{
	size_t left = t->n - t->at;
	const char *const *w = t->word + t->at;
	bool result = false;

	if (left >= 3 && test_compare(w[1], w[0], w[2], &result)) {
		t->at += 3;
		return result;
	}
	if (left >= 2 && !strcmp(w[0], "!")) {
		t->at++;
		return !test_primary(t);
	}
	if (left >= 2 && !strcmp(w[0], "(")) {
		t->at++;
		result = test_or(t);
		t->at += t->at < t->n;	/* the other parenthesis */
		return result;
	}
	if (left >= 2 && (!strcmp(w[0], "-n") || !strcmp(w[0], "-z"))) {
		t->at += 2;
		return !*w[1] == (w[0][1] == 'z');
	}
	if (left >= 2 && is_file_option(w[0])) {
		t->at += 2;
		return test_file(t, w[0], w[1]);
	}
	t->at += left > 0;
	return left > 0 && *w[0];
}

static bool test_and(struct test *t)
{
	bool result = test_primary(t);

	while (t->at < t->n && !strcmp(t->word[t->at], "-a")) {
		t->at++;
		result = test_primary(t) && result;
	}
	return result;
}

/* As deep as there are words, and those are limited. */
static bool test_or(struct test *t)
{
	bool result = test_and(t);

	while (t->at < t->n && !strcmp(t->word[t->at], "-o")) {
		t->at++;
		result = test_and(t) || result;
	}
	return result;
}

int script_test(struct script *s, const char *const *word, size_t n)
{
	struct test t = { .s = s, .word = word, .n = n };

	return n && test_or(&t) ? 0 : 1;
}
