/*
 * screen.h - what a person would see: a terminal of 24 lines and 80 columns, as far as programs here use one
 * (ECMA-48 and the VT102's own: cursor movement, erasing, scrolling, insertion; colours are ignored).
 */
#ifndef TESTS_SYSTEM_SCREEN_H
#define TESTS_SYSTEM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

enum { SCREEN_ROWS = 24, SCREEN_COLS = 80, SCREEN_ARGS = 8 };

struct screen {
	char cell[SCREEN_ROWS][SCREEN_COLS + 1];	/* each row ends in a NUL */
	int row, col;			/* the cursor; col is SCREEN_COLS when the next byte wraps */
	int top, bottom;		/* the scrolling region, rows */
	int saved_row, saved_col;
	enum { SCREEN_TEXT, SCREEN_ESCAPE, SCREEN_CHARSET, SCREEN_CSI, SCREEN_OSC } state;
	int arg[SCREEN_ARGS], args;
};

void screen_init(struct screen *s);
void screen_put(struct screen *s, const char *data, size_t n);
/* Does some row hold this text? */
bool screen_holds(const struct screen *s, const char *text);

#endif
