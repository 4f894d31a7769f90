/*
 * grub_script.h - GRUB 2's script language, as far as the menus of grub-mkconfig need it: words
 * and variables here and in grub_script.c, the builtin commands in grub_cfg.c.
 *
 * A script is run over its text; what is not to run is only read over.  Everything that is read
 * or expanded counts as work, and work is limited: a script ends, whatever it says.
 */
#ifndef XEND_GRUB_SCRIPT_H
#define XEND_GRUB_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "xend/grub_menu.h"

#define SCRIPT_WORDS_MAX 256		/* in one command */
#define SCRIPT_WORD_MAX 4096		/* bytes of one word, expanded */
#define SCRIPT_VARS_MAX 256
#define SCRIPT_FUNCTIONS_MAX 64
#define SCRIPT_SUBMENUS_MAX 64
#define SCRIPT_DEPTH_MAX 24		/* blocks, functions, files and submenus in each other */
#define SCRIPT_WORK_MAX (16 * 1024 * 1024)	/* bytes */

struct script_span {
	const char *at, *end;
};

struct script_words {
	const char *word[SCRIPT_WORDS_MAX];
	size_t n;
};

struct script_var {
	const char *name, *value;
};

struct script_function {
	const char *name;
	struct script_span body;
};

/* An entry's commands, until its menu is complete; or what a submenu is known by. */
struct script_item {
	const char *title, *id, *place;
	struct script_span body;
	const struct script_words *args;
};

struct script {
	struct grub_menu *menu;
	const struct grub_view *view;
	struct fault *fault;
	int err;			/* the first, -errno; nothing runs any more */
	bool is_left;			/* by return or exit */
	int status;			/* of the last command, 0 is true: $? */
	unsigned depth;
	size_t work;			/* bytes so far */
	struct script_var var[SCRIPT_VARS_MAX];
	size_t vars;
	struct script_function function[SCRIPT_FUNCTIONS_MAX];
	size_t functions;
	const struct script_words *args;	/* $1 …; word[0] is a name */
	struct script_item item[GRUB_ENTRIES_MAX];	/* of menu->entry[] */
	struct script_item submenu[SCRIPT_SUBMENUS_MAX];
	size_t submenus;
	const char *group, *place;	/* of the submenu we are in; "" at the top */
	unsigned items;			/* in this menu so far */
	struct grub_entry *entry;	/* whose commands run; NULL: the menu's own */
	bool is_multiboot;		/* this entry starts Xen: its modules are kernel and initrd */
	unsigned modules;
};

/* Record why nothing goes on: returns err. */
int script_fail(struct script *s, int err, const char *why);

/* Lent; NULL: not set. */
const char *script_get(const struct script *s, const char *name);
void script_set(struct script *s, const char *name, const char *value);
void script_unset(struct script *s, const char *name);

/* Run a text as a script of its own, one level deeper. */
void script_run(struct script *s, const char *text, size_t n);
/* Run the bodies of entries from the one numbered `first` on, each with variables of its own. */
void script_run_entries(struct script *s, size_t first);

/* The place of the next item of the menu that is being read; NULL when memory is short. */
const char *script_place_next(struct script *s);
/* A builtin: its status, 0 is true.  Unknown commands are false, as they are in GRUB. */
int script_builtin(struct script *s, const struct script_words *w);
/* `[ … ]` without its brackets. */
int script_test(struct script *s, const char *const *word, size_t n);

#endif
