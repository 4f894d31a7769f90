/*
 * The parser of boot options: words "name", "name=value", "no-name" or "noname" (booleans).  Which options
 * there are stands in one table, options.c.
 */
#ifndef HV_CMDLINE_H
#define HV_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
	OPTION_BOOL,			/* bool: name, name=yes|on|true|enable|1 and their opposites, no-name */
	OPTION_UINT,			/* uint32_t: decimal or 0x… */
	OPTION_SIZE,			/* uint64_t bytes: a number with B, K (the default), M, G or T */
	OPTION_STRING,			/* char[size]; too long is an error */
	OPTION_CUSTOM,			/* parse() */
};

struct boot_option {
	const char *name;
	enum option_type type;
	void *var;
	size_t size;			/* of *var */
	int (*parse)(const char *value);	/* CUSTOM: value "" if none was given; -EINVAL */
	bool can_negate;		/* CUSTOM: no-name calls parse("no") */
};

enum option_problem { OPTION_UNKNOWN, OPTION_BAD_VALUE, OPTION_TOO_LONG };

/*
 * Applies the words of `line` in order; later ones win.  Whatever is wrong with one is told to `report`
 * (word, NUL-terminated and possibly cut) and that word has no effect; the number of such words returned.
 * "--" ends what is ours.
 */
unsigned int cmdline_parse(const char *line, const struct boot_option *table, size_t count,
			   void (*report)(const char *word, enum option_problem problem));

/* Parts of values; they move *s behind what they took.  -EINVAL: no number, or too large. */
int parse_number(const char **s, uint64_t *value);
int parse_size(const char **s, uint64_t *bytes, char default_unit);
int parse_bool(const char *s, bool *value);	/* the whole string */
/* `s` begins with `word` followed by its end or one of `ends`: returns what is behind the word, or NULL. */
const char *parse_word(const char *s, const char *word, const char *ends);

#endif
