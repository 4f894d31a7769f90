/*
 * grub_screen.h - a boot menu on a terminal, with the keys that pygrub's and GRUB's menus have:
 * arrows, Enter, e (edit the entry), a (its arguments), q, and Escape to go back.
 *
 * It writes the escape codes that every terminal since the VT100 knows, and nothing of the
 * guest's that is not plain text.  The terminal must be in raw mode.  Of the system it needs
 * pselect(), read() and write(): it runs in the cage (where poll() has no descriptors to count).
 */
#ifndef XEND_GRUB_SCREEN_H
#define XEND_GRUB_SCREEN_H

#include "xend/grub_menu.h"

struct grub_screen {
	int in, out;
	unsigned rows, columns;		/* 0: 24 and 80 */
	const char *heading;
};

/* The number of the entry to boot, which may have been edited; or -ECANCELED when the user wants
 * none, -EIO when the terminal is gone. */
int grub_screen_choose(const struct grub_screen *s, struct grub_menu *m);

#endif
