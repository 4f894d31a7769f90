#include "cmdline.h"

#include "errno.h"
#include "string.h"
#include "types.h"

#define WORD_MAX 256			/* bytes of one option with its value */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int parse_number(const char **s, uint64_t *value)
{
	const char *p = *s;
	uint64_t base = 10, v = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_value(p[2]) < 16) {
		base = 16;
		p += 2;
	}
	if ((uint64_t)digit_value(*p) >= base)
		return -EINVAL;
	for (; (uint64_t)digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit_value(*p), &v))
			return -EINVAL;
	*s = p;
	*value = v;
	return 0;
}

/* Power of two that a unit letter stands for, or -1. */
static int unit_shift(char c)
{
	static const char units[] = "bBkKmMgGtT";
	const char *at = c ? strchr(units, c) : NULL;

	return at ? (int)(at - units) / 2 * 10 : -1;
}

int parse_size(const char **s, uint64_t *bytes, char default_unit)
{
	const char *p = *s;
	uint64_t v;
	int shift;

	if (parse_number(&p, &v))
		return -EINVAL;
	shift = unit_shift(*p);
	if (shift < 0)
		shift = unit_shift(default_unit);
	else
		p++;
	if (v << shift >> shift != v)
		return -EINVAL;
	*s = p;
	*bytes = v << shift;
	return 0;
}

int parse_bool(const char *s, bool *value)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true",
					     "disable", "enable", "0", "1" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(s, words[i])) {
			*value = i % 2;
			return 0;
		}
	return -EINVAL;
}

const char *parse_word(const char *s, const char *word, const char *ends)
{
	size_t length = strlen(word);

	if (strncmp(s, word, length))
		return NULL;
	if (!s[length] || strchr(ends, s[length]))
		return s + length;
	return NULL;
}

static const struct boot_option *option_find(const struct boot_option *table, size_t count,
					     const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static int option_set_bool(const struct boot_option *o, const char *value)
{
	if (!*value) {
		*(bool *)o->var = true;
		return 0;
	}
	return parse_bool(value, o->var);
}

static int option_set_uint(const struct boot_option *o, const char *value)
{
	uint64_t v;

	if (parse_number(&value, &v) || *value || v > UINT32_MAX)
		return -EINVAL;
	*(uint32_t *)o->var = v;
	return 0;
}

static int option_set_size(const struct boot_option *o, const char *value)
{
	uint64_t v;

	if (parse_size(&value, &v, 'K') || *value)
		return -EINVAL;
	*(uint64_t *)o->var = v;
	return 0;
}

static int option_set_string(const struct boot_option *o, const char *value)
{
	if (strlen(value) >= o->size)
		return -EINVAL;
	strlcpy(o->var, value, o->size);
	return 0;
}

static int option_set_custom(const struct boot_option *o, const char *value)
{
	return o->parse(value);
}

static int option_set(const struct boot_option *o, const char *value)
{
	static int (*const set[])(const struct boot_option *o, const char *value) = {
		[OPTION_BOOL] = option_set_bool,
		[OPTION_UINT] = option_set_uint,
		[OPTION_SIZE] = option_set_size,
		[OPTION_STRING] = option_set_string,
		[OPTION_CUSTOM] = option_set_custom,
	};

	return set[o->type](o, value);
}

/* "no-foo" and "nofoo" for an option foo that can be negated and was given no value. */
static const struct boot_option *option_find_negated(const struct boot_option *table, size_t count,
						      const char *name)
{
	const struct boot_option *o;

	if (strncmp(name, "no", 2))
		return NULL;
	o = option_find(table, count, name + (name[2] == '-' ? 3 : 2));
	return o && (o->type == OPTION_BOOL || o->can_negate) ? o : NULL;
}

/* `word` is our copy: "name" or "name=value". */
static int word_apply(char *word, const struct boot_option *table, size_t count,
		      enum option_problem *problem)
{
	const struct boot_option *o;
	char *equals = strchr(word, '=');
	int rc;

	if (equals)
		*equals = 0;
	*problem = OPTION_BAD_VALUE;
	o = option_find(table, count, word);
	if (o) {
		rc = option_set(o, equals ? equals + 1 : "");
	} else {
		o = option_find_negated(table, count, word);
		if (!o)
			*problem = OPTION_UNKNOWN;
		rc = o && !equals ? option_set(o, "no") : -EINVAL;
	}
	if (equals)
		*equals = '=';
	return rc;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

unsigned int cmdline_parse(const char *line, const struct boot_option *table, size_t count,
			   void (*report)(const char *word, enum option_problem problem))
{
	unsigned int bad = 0;

	while (*line) {
		char word[WORD_MAX];
		size_t length = 0;
		enum option_problem problem = OPTION_TOO_LONG;

		if (is_space(*line)) {
			line++;
			continue;
		}
		for (; *line && !is_space(*line); line++, length++)
			if (length < sizeof(word) - 1)
				word[length] = *line;
		word[MIN(length, sizeof(word) - 1)] = 0;
		if (!strcmp(word, "--"))
			break;
		if (length >= sizeof(word) || word_apply(word, table, count, &problem)) {
			bad++;
			report(word, problem);
		}
	}
	return bad;
}
