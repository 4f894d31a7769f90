/*
 * txn.h - transactions: a view of the store as it was at the start, and what was changed in it.
 *
 * A transaction notes what its client learnt (which nodes were there, their values, lists and
 * permissions) and which paths it changed.  At the end its knowledge is compared with the store
 * of now: if all that it learnt still holds, its changes are made again on the main tree, as one
 * batch.  So two transactions conflict only if one changed what the other has seen, and one
 * that changed nothing never does.
 *
 * A new value for a node that the transaction has not changed otherwise is put off: kept beside
 * the tree till the end, or till something needs it there (txn_settle()).  So the usual
 * transaction, a few writes of nodes that exist, copies nothing.
 *
 * A client whose commits failed again and again gets the right of way: whoever would spoil its
 * next attempt waits for it, for at most TXN_WAIT_NS.  But dom0 never waits for a guest.
 */
#ifndef XENSTORE_TXN_H
#define XENSTORE_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "xenstore/path.h"
#include "xenstore/store.h"

struct conn;
struct loop;

#define TXN_WAIT_NS (100 * UINT64_C(1000000))
#define TXN_PATIENCE 4		/* failed commits before that */

enum txn_seen {
	SEEN_NODE = 1,		/* whether it is there */
	SEEN_VALUE = 2,
	SEEN_LIST = 4,
	SEEN_PERMS = 8,
	CHANGED = 16,
	CHANGED_PERMS = 32,
	REMOVED = 64,		/* at some time: what is there now is another node */
	PUT_OFF = 128,		/* its new value is not in the tree yet */
};

struct txn;

struct txn_rec {		/* durable: a restarted daemon answers EAGAIN */
	uint32_t next;
	uint32_t id;
};

void txn_init(struct loop *l);
void txn_open(bool fresh);

/* 0; -ENOSPC (quota); -ENOMEM. */
int txn_start(struct conn *c, uint32_t *id);
struct txn *txn_find(struct conn *c, uint32_t id);
struct tree *txn_tree(struct txn *t);

/* The client has learnt or changed something: 0, -ENOSPC (quota), -ENOMEM. */
int txn_note(struct txn *t, const struct path *p, unsigned int parts, unsigned int what);

/*
 * Note a new value for n, the node at p in the transaction's tree.  True: it is put off, or *rc
 * says why not (-ENOSPC, -ENOMEM).  False: noted, but the tree is where it must go.
 */
bool txn_put_off(struct txn *t, const struct path *p, const struct node *n, const void *value,
		 size_t len, int *rc);
/* The value put off for p: its length, or -ENOENT.  Borrowed until the next request. */
ssize_t txn_value(const struct txn *t, const struct path *p, const char **value);
/* Put all that was put off into the tree, as a batch of its own.  -ENOMEM: it can't commit. */
int txn_settle(struct txn *t);

/*
 * Commit: 0, -EAGAIN, or what a change met (then roll back).  Drop the transaction afterwards.
 */
int txn_commit(struct conn *c, struct txn *t);
/* Forget it.  Frees: part of a batch. */
void txn_drop(struct conn *c, struct txn *t);
/* A change inside was refused or half-done: it must not commit but fail with rc. */
void txn_fail(struct txn *t, int rc);
/* A request inside was rolled back: so is its view. */
void txn_rewind(struct txn *t, uint32_t root);
void txn_drop_all(struct conn *c);

/* Must this change of the main tree wait?  Removal concerns all below p. */
bool txn_must_wait(const struct conn *c, const struct path *p);

bool txn_restore(struct conn *c);

size_t txn_count(void);
/* Open again in the process that takes over: answered EAGAIN at its end. */
int txn_restore_one(struct conn *c, uint32_t id);
/* The ids of a client, in turn: start with NULL. */
struct txn *txn_next(struct conn *c, struct txn *t);
uint32_t txn_id(const struct txn *t);

#endif
