#include "xenstore/txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/batch.h"
#include "xenstore/change.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/loop.h"
#include "xenstore/roots.h"

/* Bytes that snapshots may keep alive before the oldest transaction of a guest is given up. */
#define SNAPSHOT_BYTES_MAX (32u << 20)

#define SLOTS_FIRST 64u
#define SPARE_TEXT_MAX 4096u	/* more than that is not kept for the next transaction */

struct entry {
	uint32_t hash;
	uint16_t len;
	uint16_t what;
	uint32_t at;		/* in the transaction's text */
	uint32_t value_at;	/* there too: a value that is put off; the path's parts are before it */
	uint16_t value_len;
	uint16_t value_room;
	uint16_t parts;
	uint32_t node;		/* that it is for, as the transaction sees it */
};

struct delta {
	uint32_t domid;
	int32_t nodes;
	long bytes;
};

struct txn {
	struct txn *next;	/* of its client */
	struct txn *newer, *older;	/* of all */
	struct conn *conn;
	uint32_t id;
	uint32_t rec;
	bool doomed;		/* whatever happens, EAGAIN */
	bool changed;
	bool put_off;		/* there may be values put off */
	bool current;		/* nobody changed the main tree meanwhile */
	int failed;		/* a change inside failed half-way: never commit */
	struct tree tree;
	struct snapshot *base;
	struct entry *entry;	/* in the order of first mention */
	uint32_t *slot;		/* open addressing: 1 + entry */
	uint32_t entries, slots;
	struct buf text;
	struct delta *delta;
	size_t deltas;
	long bytes;
};

static struct {
	struct loop *loop;
	struct txn *oldest, *newest;
	size_t count;
	struct txn *first_among;	/* has the right of way */
	struct txn *spare;		/* a forgotten one, for its memory */
	struct loop_timer patience;
} txns;

/* ---------------------------------------------------------------- knowledge */

/* Of the first parts parts: each has its hash already. */
static uint32_t parts_hash(const struct path *p, unsigned int parts)
{
	uint32_t h = 0;

	for (unsigned int i = 0; i < parts; i++)
		h = (h ^ p->part[i].hash) * 0x9e3779b1u;
	return h ^ h >> 15;
}

static struct entry *entry_find(const struct txn *t, const char *text, size_t len, uint32_t hash)
{
	uint32_t i = hash & (t->slots - 1);

	for (; t->slots && t->slot[i]; i = (i + 1) & (t->slots - 1)) {
		struct entry *e = &t->entry[t->slot[i] - 1];

		if (e->hash == hash && e->len == len && !memcmp(t->text.data + e->at, text, len))
			return e;
	}
	return NULL;
}

static bool entries_grow(struct txn *t)
{
	uint32_t slots = t->slots ? 2 * t->slots : SLOTS_FIRST;
	struct entry *entry;
	uint32_t *slot;

	if (t->entries < t->slots / 2)
		return true;
	entry = realloc(t->entry, slots / 2 * sizeof(*entry));
	if (entry)
		t->entry = entry;
	slot = calloc(slots, sizeof(*slot));
	if (!entry || !slot) {
		free(slot);
		return false;
	}
	for (uint32_t i = 0; i < t->entries; i++) {
		uint32_t k = t->entry[i].hash & (slots - 1);

		while (slot[k])
			k = (k + 1) & (slots - 1);
		slot[k] = i + 1;
	}
	free(t->slot);
	t->slot = slot;
	t->slots = slots;
	return true;
}

/* Memory is charged to the client's domain while the transaction lasts. */
static int txn_hold(struct txn *t, long bytes)
{
	struct domain *d = t->conn->domain;

	if (d && bytes > 0 && domain_afford(d->domid, 0, bytes))
		return -ENOSPC;
	t->bytes += bytes;
	if (d)
		d->txn_bytes += bytes;
	return 0;
}

static int entry_add(struct txn *t, const char *text, size_t len, uint32_t hash, unsigned int what,
		     struct entry **e)
{
	uint32_t k, at = (uint32_t)t->text.len;
	uint32_t limit = domain_quota(t->conn->domain, QUOTA_TRANSACTION_NODES);

	if (!conn_privileged(t->conn) && quota_exceeded(t->entries + 1u, limit))
		return -ENOSPC;
	if (txn_hold(t, (long)(sizeof(struct entry) + 2 * sizeof(uint32_t) + len)))
		return -ENOSPC;
	if (!entries_grow(t) || buf_add(&t->text, text, len))
		return -ENOMEM;
	k = hash & (t->slots - 1);
	while (t->slot[k])
		k = (k + 1) & (t->slots - 1);
	*e = &t->entry[t->entries];
	**e = (struct entry){ .hash = hash, .len = (uint16_t)len, .what = (uint16_t)what, .at = at };
	t->slot[k] = ++t->entries;
	return 0;
}

static struct entry *path_entry(const struct txn *t, const struct path *p, unsigned int parts)
{
	return entry_find(t, p->text, path_prefix(p, parts), parts_hash(p, parts));
}

static int entry_note(struct txn *t, const struct path *p, unsigned int parts, unsigned int what,
		      struct entry **e)
{
	if (what & (CHANGED | REMOVED))
		t->changed = true;
	*e = path_entry(t, p, parts);
	if (!*e)
		return entry_add(t, p->text, path_prefix(p, parts), parts_hash(p, parts), what, e);
	(*e)->what |= (uint16_t)what;
	return 0;
}

int txn_note(struct txn *t, const struct path *p, unsigned int parts, unsigned int what)
{
	struct entry *e;

	return entry_note(t, p, parts, what, &e);
}

/* --------------------------------------------------------------- its account */

static struct txn *tree_txn(struct tree *tree)
{
	return (struct txn *)((char *)tree - offsetof(struct txn, tree));
}

static struct delta *delta_get(struct txn *t, uint32_t domid)
{
	struct delta *more;

	for (size_t i = 0; i < t->deltas; i++)
		if (t->delta[i].domid == domid)
			return &t->delta[i];
	more = realloc(t->delta, (t->deltas + 1) * sizeof(*more));
	if (!more)
		return NULL;
	t->delta = more;
	more[t->deltas] = (struct delta){ .domid = domid };
	return &more[t->deltas++];
}

/* It may go below zero in between: what counts is the sum. */
static int txn_charge(struct tree *tree, uint32_t domid, int nodes, long bytes, bool limited)
{
	struct txn *t = tree_txn(tree);
	struct delta *d = delta_get(t, domid);
	int rc = 0;

	if (!d)
		return -ENOMEM;
	if (limited)
		rc = domain_afford(domid, nodes > 0 ? d->nodes + nodes : 0,
				   bytes > 0 ? d->bytes + bytes : 0);
	if (rc)
		return rc;
	d->nodes += nodes;
	d->bytes += bytes;
	return 0;
}

/* ----------------------------------------------------------- values put off */

/*
 * Room for len bytes in the transaction's text, behind the path cut into parts: that needn't be done
 * again.  What the value outgrows is lost till the end.
 */
static int value_room(struct txn *t, struct entry *e, const struct path *p, size_t len)
{
	size_t cut = p->parts * sizeof(*p->part), room = 16;
	int rc;

	if (e->what & PUT_OFF && len <= e->value_room)
		return 0;
	while (room < len)
		room *= 2;
	rc = txn_hold(t, (long)(cut + room));
	if (!rc)
		rc = buf_reserve(&t->text, cut + room);
	if (!rc)
		rc = buf_add(&t->text, p->part, cut);
	if (rc)
		return rc;
	e->parts = p->parts;
	e->value_at = (uint32_t)t->text.len;
	e->value_room = (uint16_t)room;
	t->text.len += room;
	return 0;
}

static int value_keep(struct txn *t, struct entry *e, const struct path *p, const struct node *n,
		      const void *value, size_t len)
{
	long before = e->what & PUT_OFF ? e->value_len : n->value_len;
	int rc = txn_charge(&t->tree, perms_owner(node_perms(n)), 0, (long)len - before,
			    !conn_privileged(t->conn));

	if (!rc)
		rc = value_room(t, e, p, len);
	if (rc)
		return rc;
	if (len)
		memcpy(t->text.data + e->value_at, value, len);
	e->value_len = (uint16_t)len;
	e->node = heap_ref(n);
	e->what |= PUT_OFF;
	t->put_off = true;
	return 0;
}

bool txn_put_off(struct txn *t, const struct path *p, const struct node *n, const void *value,
		 size_t len, int *rc)
{
	struct entry *e;

	*rc = entry_note(t, p, p->parts, SEEN_NODE | CHANGED, &e);
	if (*rc)
		return true;
	/* Its own version of a node it may change at once; a value put off stays the newer one. */
	if (n->born == t->tree.mark && !(e->what & PUT_OFF))
		return false;
	*rc = value_keep(t, e, p, n, value, len);
	return true;
}

ssize_t txn_value(const struct txn *t, const struct path *p, const char **value)
{
	const struct entry *e = t->put_off ? path_entry(t, p, p->parts) : NULL;

	if (!e || !(e->what & PUT_OFF))
		return -ENOENT;
	*value = t->text.data + e->value_at;
	return e->value_len;
}

static bool entry_path(const struct txn *t, const struct entry *e, struct path *p)
{
	return path_parse(p, t->text.data + e->at, e->len, 0, false) == 0;
}

/* Both the account and the tree have been asked before: neither refuses. */
static int value_settle(struct txn *t, const struct entry *e, struct path *p)
{
	static const struct caller unlimited = { 0, CALLER_NO_TARGET };
	struct place at;
	int rc;

	if (!entry_path(t, e, p))
		return -EIO;
	store_find(&t->tree, p, &at);
	if (at.depth < p->parts)	/* a doomed one looks at another tree than it wrote to */
		return 0;
	rc = txn_charge(&t->tree, perms_owner(node_perms(at.node)), 0,
			(long)at.node->value_len - e->value_len, false);
	return rc ? rc : store_set_value(&t->tree, p, &at, &unlimited, t->text.data + e->value_at,
					 e->value_len);
}

int txn_settle(struct txn *t)
{
	static struct path p;
	int rc = 0;

	if (!t->put_off)
		return 0;
	t->put_off = false;
	for (uint32_t i = 0; !rc && i < t->entries; i++) {
		if (!(t->entry[i].what & PUT_OFF))
			continue;
		rc = value_settle(t, &t->entry[i], &p);
		t->entry[i].what &= (uint16_t)~PUT_OFF;
	}
	batch_end(rc);
	if (rc)
		txn_fail(t, rc);
	return rc;
}

/* ------------------------------------------------------------ start and end */

void txn_init(struct loop *l)
{
	txns.loop = l;
}

static void tree_drop(struct txn *t);

/* It goes on with a view of now, holding nothing old. */
static void txn_doom(struct txn *t)
{
	struct snapshot *now = store_snapshot_get();

	if (!now)
		return;
	tree_drop(t);
	store_snapshot_put(t->base);
	t->base = now;
	t->tree.root = snapshot_root(now);
	t->doomed = true;
}

/* Guests first, the oldest first. */
static void snapshot_limit(void)
{
	for (int dom0 = 0; dom0 < 2; dom0++)
		for (struct txn *t = txns.oldest; t; t = t->newer)
			if (store_snapshot_bytes() > SNAPSHOT_BYTES_MAX &&
			    conn_privileged(t->conn) == dom0)
				txn_doom(t);
}

static struct txn *txn_alloc(void)
{
	struct txn *t = txns.spare;

	txns.spare = NULL;
	return t ? t : calloc(1, sizeof(*t));
}

/* The memory of a small one serves the next. */
static void txn_free(struct txn *t)
{
	struct txn spare = { .entry = t->entry, .slot = t->slot, .slots = t->slots, .text = t->text };

	free(t->delta);
	if (txns.spare || t->slots > SLOTS_FIRST || t->text.cap > SPARE_TEXT_MAX) {
		free(t->entry);
		free(t->slot);
		buf_free(&t->text);
		free(t);
		return;
	}
	if (spare.slots)
		memset(spare.slot, 0, spare.slots * sizeof(*spare.slot));
	buf_clear(&spare.text);
	*t = spare;
	txns.spare = t;
}

static struct txn *txn_new(struct conn *c, uint32_t id)
{
	struct txn *t = txn_alloc(), **link = &c->txns;

	if (!t)
		return NULL;
	t->base = store_snapshot_get();
	if (!t->base) {
		txn_free(t);
		return NULL;
	}
	t->conn = c;
	t->id = id;
	t->tree = (struct tree){ snapshot_root(t->base), UINT64_C(1) << 63 | id, txn_charge };
	while (*link)
		link = &(*link)->next;
	*link = t;
	t->older = txns.newest;
	if (t->older)
		t->older->newer = t;
	else
		txns.oldest = t;
	txns.newest = t;
	txns.count++;
	c->txn_count++;
	return t;
}

static int rec_add(struct conn *c, struct txn *t)
{
	uint32_t ref = heap_alloc(sizeof(struct txn_rec));

	if (!ref)
		return -ENOMEM;
	*(struct txn_rec *)heap_at(ref) = (struct txn_rec){ c->chan->txns, t->id };
	heap_touch(&c->chan->txns, sizeof(ref));
	c->chan->txns = ref;
	t->rec = ref;
	return 0;
}

static void rec_del(struct conn *c, struct txn *t)
{
	uint32_t *link = &c->chan->txns;

	while (*link != t->rec)
		link = &((struct txn_rec *)heap_at(*link))->next;
	heap_touch(link, sizeof(*link));
	*link = ((struct txn_rec *)heap_at(t->rec))->next;
	heap_free(t->rec, sizeof(struct txn_rec));
}

static uint32_t id_new(struct conn *c)
{
	uint64_t *last = heap_root(ROOT_TXN_ID);

	heap_touch(last, sizeof(*last));
	do
		*last = *last >= 0x7fffffff ? 1 : *last + 1;
	while (txn_find(c, (uint32_t)*last));
	return (uint32_t)*last;
}

/* The right of way is used up, well or badly: the next one must be earned by as many failures. */
static void patience_end(struct loop_timer *timer)
{
	txns.first_among->conn->conflicts = 0;
	txns.first_among = NULL;
	conns_unpark();
}

int txn_start(struct conn *c, uint32_t *id)
{
	struct txn *t;
	int rc = 0;

	if (!conn_privileged(c) &&
	    quota_exceeded(c->txn_count + 1u, domain_quota(c->domain, QUOTA_TRANSACTIONS)))
		return -ENOSPC;
	snapshot_limit();
	t = txn_new(c, id_new(c));
	if (!t)
		return -ENOMEM;
	if (c->chan)
		rc = rec_add(c, t);
	if (rc) {
		txn_drop(c, t);
		return rc;
	}
	*id = t->id;
	if (c->conflicts >= TXN_PATIENCE && !txns.first_among) {
		txns.first_among = t;
		txns.patience.fire = patience_end;
		loop_timer_start(txns.loop, &txns.patience, TXN_WAIT_NS);
	}
	return 0;
}

struct txn *txn_find(struct conn *c, uint32_t id)
{
	struct txn *t = c->txns;

	while (t && t->id != id)
		t = t->next;
	return t;
}

struct tree *txn_tree(struct txn *t)
{
	return &t->tree;
}

/* ------------------------------------------------------------------- commit */

/* Does what was learnt of the node still hold? */
static bool entry_holds(const struct entry *e, const struct node *was, const struct node *is)
{
	if (!was || !is)
		return was == is;
	if (was->seq != is->seq)
		return false;
	return (!(e->what & SEEN_VALUE) || was->value_gen == is->value_gen) &&
		(!(e->what & SEEN_LIST) || was->kids_gen == is->kids_gen) &&
		(!(e->what & SEEN_PERMS) || was->perms == is->perms);
}

static bool txn_holds(const struct txn *t, struct path *p)
{
	const struct tree base = { snapshot_root(t->base), t->tree.mark };

	if (t->current)
		return true;
	for (uint32_t i = 0; i < t->entries; i++) {
		const struct entry *e = &t->entry[i];

		if (!entry_path(t, e, p) ||
		    !entry_holds(e, store_get(&base, p, p->parts),
				 store_get(&store_main, p, p->parts)))
			return false;
	}
	return true;
}

static int entry_remove(struct conn *c, const struct path *p)
{
	return p->parts && store_get(&store_main, p, p->parts) ? change_remove(c, NULL, p) : 0;
}

/* The path of a value put off, cut already. */
static void value_path(const struct txn *t, const struct entry *e, struct path *p)
{
	size_t cut = e->parts * sizeof(*p->part);

	memcpy(p->text, t->text.data + e->at, e->len);
	p->text[e->len] = '\0';
	p->len = e->len;
	p->parts = e->parts;
	p->home = 0;
	p->special = false;
	memcpy(p->part, t->text.data + e->value_at - cut, cut);
}

/* If the main tree had the same node when the commit began, it has it still. */
static int value_apply(struct conn *c, struct txn *t, const struct entry *e, struct path *p)
{
	struct node *n = heap_at(e->node);
	const char *value = t->text.data + e->value_at;

	value_path(t, e, p);
	if (t->current && n->born != t->tree.mark && store_owns(n))
		return change_value(c, p, n, value, e->value_len);
	return change_write(c, NULL, p, value, e->value_len);
}

/* Make one changed path of the main tree what the transaction left it as. */
static int entry_apply(struct conn *c, struct txn *t, const struct entry *e, struct path *p)
{
	const struct node *want = store_get(&t->tree, p, p->parts);
	const struct node *have = store_get(&store_main, p, p->parts);
	bool fresh = !have;
	int rc = 0;

	if (!want)
		return entry_remove(c, p);
	if (fresh || want->value_gen == t->tree.mark)
		rc = change_write(c, NULL, p, want->value ? heap_at(want->value) : "",
				  want->value_len);
	if (rc || !(fresh || e->what & CHANGED_PERMS))
		return rc;
	have = store_get(&store_main, p, p->parts);
	return have->perms == want->perms ? 0 : change_perms(c, NULL, p, want->perms);
}

/* Removals first: what was made anew below them is another node. */
static int txn_apply(struct conn *c, struct txn *t, struct path *p, unsigned int what)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < t->entries; i++) {
		const struct entry *e = &t->entry[i];

		if (!(e->what & what))
			continue;
		if (e->what & PUT_OFF)
			rc = what == CHANGED ? value_apply(c, t, e, p) : 0;
		else if (!entry_path(t, e, p))
			rc = -EIO;
		else
			rc = what == REMOVED ? entry_remove(c, p) : entry_apply(c, t, e, p);
	}
	return rc;
}

int txn_commit(struct conn *c, struct txn *t)
{
	static struct path p;
	int rc = t->failed;

	if (!t->changed && !rc && !t->doomed)
		return 0;
	t->current = snapshot_root(t->base) == store_root(&store_main);
	if (!rc && (t->doomed || !txn_holds(t, &p)))
		rc = -EAGAIN;
	if (!rc)
		store_snapshot_yield(t->base);
	if (!rc)
		rc = txn_apply(c, t, &p, REMOVED);
	if (!rc)
		rc = txn_apply(c, t, &p, CHANGED);
	if (rc == -EAGAIN)
		c->conflicts++;
	else
		c->conflicts = 0;
	return rc;
}

static void tree_drop(struct txn *t)
{
	static struct path p;

	if (t->tree.root == snapshot_root(t->base))
		return;
	for (uint32_t i = 0; i < t->entries; i++)
		if (t->entry[i].what & (CHANGED | REMOVED) && entry_path(t, &t->entry[i], &p))
			store_tree_drop(&t->tree, &p);
}

void txn_drop(struct conn *c, struct txn *t)
{
	struct txn **link = &c->txns;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	if (t->newer)
		t->newer->older = t->older;
	else
		txns.newest = t->older;
	if (t->older)
		t->older->newer = t->newer;
	else
		txns.oldest = t->newer;
	txns.count--;
	c->txn_count--;
	tree_drop(t);
	store_snapshot_put(t->base);
	if (t->rec)
		rec_del(c, t);
	txn_hold(t, -t->bytes);
	if (txns.first_among == t) {
		loop_timer_stop(txns.loop, &txns.patience);
		patience_end(NULL);
	}
	txn_free(t);
}

void txn_drop_all(struct conn *c)
{
	while (c->txns)
		txn_drop(c, c->txns);
}

/* Would a change of p, or of anything below it, spoil what the favoured one has learnt? */
bool txn_must_wait(const struct conn *c, const struct path *p)
{
	const struct txn *t = txns.first_among;
	size_t above;

	if (!t || t->conn == c || (conn_privileged(c) && !conn_privileged(t->conn)))
		return false;
	above = p->parts ? path_prefix(p, p->parts - 1u) : 0;
	for (uint32_t i = 0; i < t->entries; i++) {
		const struct entry *e = &t->entry[i];
		const char *text = t->text.data + e->at;

		if (e->len >= p->len && !memcmp(text, p->text, p->len))
			return true;
		if (e->len == above && e->what & SEEN_LIST && !memcmp(text, p->text, above))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- restart */

void txn_open(bool fresh)
{
	if (!fresh)
		return;
	heap_touch(heap_root(ROOT_TXN_ID), sizeof(uint64_t));
	*heap_root(ROOT_TXN_ID) = 0;
}

int txn_restore_one(struct conn *c, uint32_t id)
{
	struct txn *t = txn_new(c, id);

	if (!t)
		return -ENOMEM;
	t->doomed = true;
	return 0;
}

bool txn_restore(struct conn *c)
{
	uint32_t ref = c->chan->txns;

	while (ref) {
		struct txn_rec *r = heap_at(ref);
		uint32_t next;

		if (!heap_valid(ref, sizeof(*r)) || !heap_mark(ref, sizeof(*r)))
			return false;
		next = r->next;
		if (txn_restore_one(c, r->id))
			return false;
		txn_find(c, r->id)->rec = ref;
		ref = next;
	}
	return true;
}

size_t txn_count(void)
{
	return txns.count;
}

struct txn *txn_next(struct conn *c, struct txn *t)
{
	return t ? t->next : c->txns;
}

uint32_t txn_id(const struct txn *t)
{
	return t->id;
}

void txn_fail(struct txn *t, int rc)
{
	t->failed = rc;
}

void txn_rewind(struct txn *t, uint32_t root)
{
	t->tree.root = root;
}
