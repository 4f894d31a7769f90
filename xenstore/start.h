/* start.h - open the store and take up what it knows: what the daemon and its tests begin with. */
#ifndef XENSTORE_START_H
#define XENSTORE_START_H

#include <stdbool.h>

/*
 * Map the store at path (NULL: in memory only) and verify every durable object before anything
 * relies on it.  0; -EBUSY: another daemon has it; -EUCLEAN: it is damaged; -ENOMEM; other
 * -errno.  *fresh: there was none.
 */
int start_store(const char *path, bool *fresh);

/* The nodes that every dom0 has, unless they are there. */
void start_dom0_nodes(void);

#endif
