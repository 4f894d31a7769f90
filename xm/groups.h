/* The tables of commands, one per file, and the few things that files of commands lend each
 * other. */
#ifndef XM_GROUPS_H
#define XM_GROUPS_H

#include <stdint.h>
#include "xm/xm.h"

extern const struct xm_command list_commands[], host_commands[], sched_commands[],
	lifecycle_commands[], create_commands[], managed_commands[], tune_commands[],
	console_commands[], top_commands[], watch_commands[], doctor_commands[], device_commands[], shell_commands[],
	later_commands[];

/* sched.c: a pool by name or number; XM_OK or the error is said. */
int xm_pool_find(const char *word, uint32_t *pool);

#endif
