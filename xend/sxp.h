/* S-expressions as xend writes and reads them: domain descriptions, xend-config.sxp, `xm list -l`.
 * A tree owns its parts; sxp_free() of the root frees all.  Nothing here opens files or prints.
 *
 * Building never needs checks on the way: where memory runs out, the tree is marked, the mark
 * climbs as parts are pushed, and sxp_failed() of the finished root tells. */
#ifndef XEND_SXP_H
#define XEND_SXP_H

#include <stdbool.h>
#include <stddef.h>

#define SXP_DEPTH_MAX 64		/* lists within lists that sxp_parse() follows */
#define SXP_WIDTH 80			/* columns of `xm list -l` and of a dry run */
#define SXP_WIDTH_FILE 78		/* columns of config.sxp and of logs */

struct sxp {
	bool is_list;
	bool failed;			/* something could not be allocated here or below */
	bool is_quoted;			/* parsed from a quoted string: "" and a missing value differ */
	unsigned line, column;		/* where parsed, from 1; 0 when built */
	char *text;			/* an atom's bytes, NUL-terminated; never NULL in an atom */
	size_t length;			/* of text, without the NUL */
	struct sxp **item;		/* a list's elements */
	size_t count, room;
};

struct sxp_error {
	unsigned line, column;		/* from 1 */
	char text[160];			/* what was expected and what was found */
};

/* An atom; NULL when memory is short, which sxp_push() and sxp_pair() accept and remember. */
struct sxp *sxp_atom(const char *text);
struct sxp *sxp_atom_n(const char *text, size_t length);
struct sxp *sxp_atomf(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct sxp *sxp_list(void);
/* (name), a list that starts with an atom. */
struct sxp *sxp_named(const char *name);
/* (name value); takes value. */
struct sxp *sxp_pair(const char *name, struct sxp *value);

/* Appends; takes the item whatever happens. */
void sxp_push(struct sxp *list, struct sxp *item);
/* Appends (name text) or (name number). */
void sxp_push_text(struct sxp *list, const char *name, const char *text);
void sxp_push_int(struct sxp *list, const char *name, long long number);

struct sxp *sxp_copy(const struct sxp *s);
void sxp_free(struct sxp *s);
/* True for NULL too: a tree that is not whole. */
bool sxp_failed(const struct sxp *s);

/* Reads the first expression of the text.  *used (may be NULL) is where reading stopped.
 * 0, -ENOENT when there is none (blank or comments only), -EINVAL with *err, -ENOMEM. */
int sxp_parse(const char *text, size_t length, struct sxp **out, size_t *used,
	      struct sxp_error *err);
/* Reads all expressions into one list: what a configuration file is. */
int sxp_parse_all(const char *text, size_t length, struct sxp **out, struct sxp_error *err);

/* An atom's text; NULL for lists and NULL. */
const char *sxp_text(const struct sxp *s);
/* The first element's text, NULL when there is none: `vm` of (vm (name x)). */
const char *sxp_head(const struct sxp *s);
/* The first element that is a list headed by name, NULL when there is none; lent. */
struct sxp *sxp_child(const struct sxp *s, const char *name);
/* The text of that child's second element: "x" for name in (vm (name x)).
 * "" for (name ), NULL when there is no such child or its value is a list. */
const char *sxp_child_text(const struct sxp *s, const char *name);

/* On one line; the caller frees.  NULL when memory is short. */
char *sxp_print(const struct sxp *s);
/* Over several lines as wide as asked, with a final newline; the caller frees. */
char *sxp_pretty(const struct sxp *s, unsigned width);

#endif
