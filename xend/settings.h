/*
 * settings.h - xend-config.sxp: every key with its type, default and meaning; read once per
 * process, from the file that XEND_CONFIG names or from /etc/xen/xend-config.sxp.
 *
 * A missing file means defaults.  A damaged one is an error that the daemon dies of; xm goes on
 * with defaults.
 */
#ifndef XEND_SETTINGS_H
#define XEND_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SETTINGS_PATH "/etc/xen/xend-config.sxp"

enum settings_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL, SETTING_LIST };

struct setting {
	const char *key;
	enum settings_type type;
	const char *fallback;		/* NULL: none */
	const char *help;
};

extern const struct setting settings_keys[];	/* ends with a row without a key */

/* Reads the file: 0 also when there is none; -EINVAL, settings_error() says what is wrong. */
int settings_load(void);
/* The sentence of the last failure; "" without one. */
const char *settings_error(void);
/* Forgets, and reads again: SIGHUP.  On failure the old ones stay. */
int settings_reload(void);

/* A key's value as text (lent), or its default; NULL when it has none.  Loads when needed. */
const char *settings_text(const char *key);
int64_t settings_int(const char *key);
bool settings_bool(const char *key);

/* `xm info -c`: a row per key.  0 or -EINVAL. */
int settings_print(FILE *out);

#endif
