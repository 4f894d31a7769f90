/*
 * change.h - the four changes a client can make to a node: rights, limits, the tree, watches.
 *
 * Each is for the main tree; with a transaction (t), for its view of it: then nothing fires and
 * what was learnt is noted.  0, or -EACCES, -ENOENT, -ENOSPC, -EINVAL, -ENOMEM; -EINPROGRESS:
 * somebody else's transaction goes first, ask again.  After an error end the batch with it.
 */
#ifndef XENSTORE_CHANGE_H
#define XENSTORE_CHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "xenstore/path.h"

struct conn;
struct node;
struct txn;

int change_write(struct conn *c, struct txn *t, const struct path *p, const void *value,
		 size_t len);
/* The same where n is known to be what the main tree has at p, and its own (store_owns()). */
int change_value(struct conn *c, const struct path *p, struct node *n, const void *value,
		 size_t len);
/* What is there already stays as it is. */
int change_mkdir(struct conn *c, struct txn *t, const struct path *p);
/* What is not there counts as removed while its parent is there (xenstore.txt, RM). */
int change_remove(struct conn *c, struct txn *t, const struct path *p);
/* perms as from perms_get(); the caller keeps its reference. */
int change_perms(struct conn *c, struct txn *t, const struct path *p, uint32_t perms);

#endif
