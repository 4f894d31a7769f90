/* Between the parts of the domain model: a configuration on its way, and what went wrong.
 * Only config*.c include this; others see config.h. */
#ifndef XEND_CONFIG_BUILD_H
#define XEND_CONFIG_BUILD_H

#include "xend/config.h"

struct config_build {
	struct config *c;
	struct config_error *err;
	FILE *lint;			/* NULL: the first error ends it; else findings go here */
	const char *file;		/* for findings */
	int errors;			/* lint: how many so far */
};

extern const struct config_where config_nowhere;

/* Fills the error; gives -EINVAL.  hint may be NULL. */
int config_fail(struct config_build *b, struct config_where where, const char *hint,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
int config_no_memory(struct config_build *b);
/* Whether to go on after rc: it was 0, or this is lint, which then has said so. */
bool config_goes_on(struct config_build *b, int rc);
/* The place and the kind of a finding of lint; the sentence follows. */
void config_finding(const struct config_build *b, struct config_where where, const char *what);
void config_warn(struct config_build *b, struct config_where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- config_value.c: typed values ---- */

struct eval_value;

int config_set_default(struct config_build *b, enum config_id id);
/* From the script; values of types that xm ignored are ignored, with a warning. */
int config_set_eval(struct config_build *b, enum config_id id, const struct eval_value *v);
/* From the command line: lists append. */
int config_set_command(struct config_build *b, enum config_id id, const char *text);
/* Takes the text as it is, for strings, or reads it as a number. */
int config_set_text(struct config_build *b, enum config_id id, const char *text,
		    enum config_origin origin, struct config_where where);
int config_add_item(struct config_build *b, struct config_value *value, const char *text,
		    struct config_where where);
void config_value_clear(struct config_value *value);
/* Decimal, 0x…, with a sign; all of the text. */
bool config_number(const char *text, int64_t *number);

/* ---- config_device.c, config_disk.c: devices ---- */

/* NULL when memory is short. */
struct config_device *config_device_add(struct config *c, const char *class,
					struct config_where where);
int config_device_set(struct config_device *d, const char *key, const char *value);
void config_device_clear(struct config_device *d);
/* The class as config.h names it; NULL when unknown. */
const char *config_class_find(const char *class);
/* Every device that the list variables describe. */
int config_devices_build(struct config_build *b);
int config_disk_build(struct config_build *b, const struct config_item *item);

/* ---- config_check.c ---- */

int config_check_all(struct config_build *b);

/* ---- config_vars.c ---- */

/* 0 equal … ; at most `most` edits are looked for, most + 1 means more. */
unsigned config_distance(const char *a, const char *b, unsigned most);
/* A name of xl's that has no meaning here: no misspelling. */
bool config_is_xl(const char *name);

/* ---- config.c ---- */

int config_load_into(struct config_build *b, const struct config_source *src);

#endif
