/*
 * store.h - the tree of nodes.
 *
 * The tree is copy-on-write: a snapshot is the root as it was, and whoever changes a node that a
 * snapshot can see changes a copy of it and of the nodes above it.  While nobody looks at an
 * older state, nodes change in place.  So a transaction costs what it touches.
 *
 * Every node version carries the generation at which it came to be (born).  The main tree may
 * change a version in place iff it was born after the newest snapshot; what it replaces and a
 * snapshot still sees goes on that snapshot's list of the dead, to be freed with it.  A
 * transaction's tree owns exactly the versions that bear its mark.
 *
 * All of it lives in the heap (heap.h): changes count from heap_commit() on, and
 * heap_rollback() undoes them; store_batch_end() belongs to either.
 */
#ifndef XENSTORE_STORE_H
#define XENSTORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/path.h"
#include "xenstore/perms.h"

struct node {			/* durable */
	uint64_t born;
	uint64_t value_gen;	/* generation of the last write */
	uint64_t kids_gen;	/* … of the last child added or removed */
	uint32_t seq;		/* order of creation, and identity among equals */
	uint32_t perms;
	uint32_t kids;		/* struct kids, or 0 */
	uint32_t kid_count;
	uint32_t hash;		/* of the name */
	uint32_t value;		/* raw bytes, or 0 */
	uint16_t value_len;
	uint16_t name_len;
	char name[];
};

/* The main tree, or a transaction's view. */
struct tree {
	uint32_t root;		/* of a transaction; the main one's is ROOT_TREE */
	uint64_t mark;		/* what its versions are born with; 0: the main tree */
	/* Count nodes and bytes more (or less) of the domain's; -ENOSPC if that is too many. */
	int (*charge)(struct tree *t, uint32_t domid, int nodes, long bytes, bool limited);
};

struct snapshot;

extern struct tree store_main;

/* Set up (fresh) or verify all that ROOT_TREE reaches.  0, -ENOMEM, or -EINVAL: corrupt. */
int store_open(bool fresh);
/* For verification: what each node found counts for. */
typedef void (*store_count_fn)(uint32_t domid, long bytes);
int store_mark(store_count_fn count);

uint64_t store_generation(void);
/* Whether the main tree may change n in place.  Then n stays where it is as long as it exists. */
bool store_owns(const struct node *n);
uint32_t store_root(const struct tree *t);

static inline const struct perms *node_perms(const struct node *n);

/* Where a path leads.  Borrowed: good until the tree changes. */
struct place {
	struct node *node;	/* the deepest that exists */
	struct node *above;	/* the one above it; NULL: it is the root */
	unsigned int depth;	/* parts of the path that lead to it */
};

void store_find(const struct tree *t, const struct path *p, struct place *at);
/* The node of the first parts parts, or NULL. */
struct node *store_get(const struct tree *t, const struct path *p, unsigned int parts);

/*
 * The node, if the caller may do need with it.  -ENOENT or -EACCES: a caller that may not read
 * the nearest node above isn't told whether there is one.
 */
int store_lookup(const struct tree *t, const struct path *p, const struct caller *who,
		 unsigned int need, struct node **out);

/*
 * The changes.  Each leaves the tree half-changed on error (-ENOMEM, -ENOSPC): roll back.
 * at is what store_find() said.
 * Value, permissions and removal are of a node that exists; create makes all parts behind it, with
 * the permissions of what is above; *made is the last.
 */
int store_set_value(struct tree *t, const struct path *p, const struct place *at,
		    const struct caller *who, const void *value, size_t len);
int store_set_perms(struct tree *t, const struct path *p, const struct place *at, uint32_t perms);
int store_create(struct tree *t, const struct path *p, const struct place *at,
		 const struct caller *who, const void *value, size_t len, struct node **made);

/* Each node that goes, the top one first; path is the node's. */
typedef void (*store_gone_fn)(void *ctx, const char *path, size_t len, const struct node *n);
int store_remove(struct tree *t, const struct path *p, const struct place *at, store_gone_fn gone,
		 void *ctx);

/* Remove all that belongs to the domain, and its name from the other nodes' permissions. */
int store_forget_domain(uint32_t domid, store_gone_fn gone, void *ctx);

/* The names of the children, each with its NUL, in order of creation.  Borrowed until the next
 * call.  -ENOMEM. */
int store_list(const struct node *n, const char **names, size_t *len);

typedef void (*store_visit_fn)(void *ctx, const char *path, size_t len, const struct node *n);
/* Walk the main tree at and below a path, parents first.  -ENOENT; -EINVAL; -ENOMEM. */
int store_walk(const char *top, store_visit_fn visit, void *ctx);

/* A snapshot of the main tree as it is now: counted, given back with store_snapshot_put(). */
struct snapshot *store_snapshot_get(void);
void store_snapshot_put(struct snapshot *s);
/*
 * Its one user is about to put it back in this batch, if all goes well: changes need not spare it.
 * What it saw may be looked at till the batch ends, but where the main tree changes.
 */
void store_snapshot_yield(struct snapshot *s);
uint32_t snapshot_root(const struct snapshot *s);
/* Bytes that only snapshots keep. */
size_t store_snapshot_bytes(void);
size_t store_snapshots(void);

/* Free what a transaction's tree owns on the way to a path it has changed. */
void store_tree_drop(struct tree *t, const struct path *p);

/* Just before heap_commit(). */
void store_batch_settle(void);
/* After heap_commit() or heap_rollback(). */
void store_batch_end(void);

#include "xenstore/heap.h"

static inline const struct perms *node_perms(const struct node *n)
{
	return heap_at(n->perms);
}

static inline const char *node_value(const struct node *n)
{
	return n->value ? heap_at(n->value) : "";
}

#endif
