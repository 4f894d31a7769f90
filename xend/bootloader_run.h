/*
 * bootloader_run.h - the process of a boot loader: its terminal or none, its words, its end.
 */
#ifndef XEND_BOOTLOADER_RUN_H
#define XEND_BOOTLOADER_RUN_H

#include <stddef.h>

#include "xend/fault.h"

struct bootloader_process {
	char *const *argv;		/* [0] is the program's path */
	const char *socket;		/* where a viewer may come; NULL: nobody will */
	void (*offer)(void *ctx, const char *socket);
	void *ctx;
	int wait_ms;			/* for the first viewer */
};

/* Runs it; the first bytes that it says on stderr are left in `words`, terminated.
 * Its exit status, 128 + signal, or -errno when it could not be run. */
int bootloader_process_run(const struct bootloader_process *p, char *words, size_t size);

#endif
