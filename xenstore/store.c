#include "xenstore/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "xenstore/heap.h"
#include "xenstore/kids.h"
#include "xenstore/roots.h"

#define NODE_HEAD offsetof(struct node, name)
#define VALUE_SMALL 64u		/* bytes */

enum dead_kind { DEAD_BYTES, DEAD_NODE };

/* What the main tree has no more and a snapshot still sees. */
struct dead {
	uint64_t born;
	uint32_t ref;
	uint32_t size : 31;
	uint32_t kind : 1;
};

struct dead_list {
	struct dead *v;
	size_t n, cap;
};

struct snapshot {
	struct snapshot *older, *newer;
	uint64_t gen;
	uint32_t root;
	unsigned int users;
	struct dead_list dead;	/* died while this was the newest */
};

struct tree store_main;

static struct {
	struct snapshot *newest;
	const struct snapshot *yielded;	/* for this batch it is as if it had ended */
	struct dead_list dead;	/* of this batch */
	bool changed;		/* this batch has its generation already */
	size_t dead_bytes;
	size_t snapshots;
} store;

uint64_t store_generation(void)
{
	return *heap_root(ROOT_GENERATION);
}

uint32_t store_root(const struct tree *t)
{
	return t->mark ? t->root : (uint32_t)*heap_root(ROOT_TREE);
}

static struct node *node_at(uint32_t ref)
{
	return heap_at(ref);
}

static size_t node_size(const struct node *n)
{
	return NODE_HEAD + n->name_len;
}

/* What its owner is charged for. */
static long node_bytes(const struct node *n)
{
	return (long)(node_size(n) + n->value_len);
}

/* ---------------------------------------------------------------- ownership */

static bool main_owns(const struct owner *o, uint64_t born)
{
	const struct snapshot *s = store.newest;

	if (s && s == store.yielded)
		s = s->older;
	return !s || born > s->gen;
}

bool store_owns(const struct node *n)
{
	return main_owns(NULL, n->born);
}

static bool mark_owns(const struct owner *o, uint64_t born)
{
	return born == o->stamp;
}

static void dead_add(struct dead_list *l, const struct dead *d)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct dead *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return;		/* lost until the next start: no harm beyond the memory */
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *d;
}

static void dead_free(const struct dead *d)
{
	if (d->kind == DEAD_NODE)
		perms_put(node_at(d->ref)->perms);
	heap_free(d->ref, d->size);
}

static void retire_kind(const struct owner *o, uint32_t ref, size_t size, uint64_t born,
			enum dead_kind kind)
{
	struct dead d = { born, ref, (uint32_t)size, kind };

	if (o->owns(o, born))
		dead_free(&d);
	else if (o->owns == main_owns)
		dead_add(&store.dead, &d);
}

static void retire_bytes(const struct owner *o, uint32_t ref, size_t size, uint64_t born)
{
	if (ref)
		retire_kind(o, ref, size, born, DEAD_BYTES);
}

static void retire_node(const struct owner *o, struct node *n)
{
	retire_kind(o, heap_ref(n), node_size(n), n->born, DEAD_NODE);
}

/* One generation per batch: the number that everything it makes is stamped with. */
static uint64_t change_begin(void)
{
	uint64_t *gen = heap_root(ROOT_GENERATION);

	if (!store.changed) {
		heap_touch(gen, sizeof(*gen));
		++*gen;
		store.changed = true;
	}
	return *gen;
}

static struct owner tree_owner(const struct tree *t)
{
	return (struct owner){
		.owns = t->mark ? mark_owns : main_owns,
		.retire = retire_bytes,
		.stamp = t->mark ? t->mark : change_begin(),
	};
}

/* A transaction's listings are never mistaken for older ones of its own. */
static uint64_t kids_stamp(const struct owner *o)
{
	static uint64_t changes;

	return o->owns == main_owns ? o->stamp : UINT64_C(1) << 63 | ++changes;
}

/* What no snapshot sees is freed at once: its snapshot may have ended in this very batch. */
void store_batch_settle(void)
{
	for (size_t i = 0; i < store.dead.n; i++) {
		const struct dead *d = &store.dead.v[i];

		if (store.newest && d->born <= store.newest->gen) {
			dead_add(&store.newest->dead, d);
			store.dead_bytes += d->size;
		} else {
			dead_free(d);
		}
	}
	store.dead.n = 0;
}

void store_batch_end(void)
{
	store.yielded = NULL;
	store.dead.n = 0;
	store.changed = false;
}

/* ------------------------------------------------------------------- nodes */

static uint32_t node_new(const struct owner *o, const char *name, size_t len, uint32_t hash,
			 uint32_t perms)
{
	uint32_t ref = heap_alloc(NODE_HEAD + len);
	uint64_t *seq = heap_root(ROOT_SEQUENCE);
	struct node *n;

	if (!ref)
		return 0;
	heap_touch(seq, sizeof(*seq));
	++*seq;
	n = node_at(ref);
	*n = (struct node){
		.born = o->stamp, .value_gen = o->stamp, .kids_gen = kids_stamp(o),
		.seq = (uint32_t)*seq, .perms = perms, .hash = hash, .name_len = (uint16_t)len,
	};
	memcpy(n->name, name, len);
	return ref;
}

/* A version of the node that may be changed, once it is touched; 0 for want of memory. */
static uint32_t node_own(const struct owner *o, uint32_t ref)
{
	struct node *n = node_at(ref), *copy;
	uint32_t fresh;

	if (o->owns(o, n->born))
		return ref;
	fresh = heap_alloc(node_size(n));
	if (!fresh)
		return 0;
	copy = node_at(fresh);
	memcpy(copy, n, node_size(n));
	copy->born = o->stamp;
	perms_hold(copy->perms);
	retire_node(o, n);
	return fresh;
}

static void root_set(struct tree *t, uint32_t ref)
{
	uint64_t *root = heap_root(ROOT_TREE);

	if (t->mark) {
		t->root = ref;
		return;
	}
	heap_touch(root, sizeof(*root));
	*root = ref;
}

static struct node *part_find(const struct node *n, const struct path *p, unsigned int i)
{
	return kids_find(n->kids, p->part[i].hash, p->text + p->part[i].at, p->part[i].len);
}

/* The child of n, which may be changed itself, in such a version; 0 for want of memory. */
static uint32_t child_own(const struct owner *o, struct node *n, const struct path *p,
			  unsigned int i, uint32_t old)
{
	uint32_t ref = node_own(o, old);

	if (!ref || ref == old)
		return ref;
	heap_touch(n, NODE_HEAD);
	return kids_replace(o, &n->kids, p->part[i].hash, old, ref) ? 0 : ref;
}

/*
 * The node of the first parts parts, which was found, in a version that may be changed, touched.
 * Whoever owns a version owns those above it; else these become its own, too.  above is its parent,
 * if that is known.
 */
static struct node *path_own(struct tree *t, const struct owner *o, const struct path *p,
			     unsigned int parts, struct node *found, struct node *above)
{
	uint32_t ref = heap_ref(found);
	struct node *n;

	if (o->owns(o, found->born)) {
		heap_touch(found, NODE_HEAD);
		return found;
	}
	if (above && o->owns(o, above->born)) {
		ref = child_own(o, above, p, parts - 1, ref);
	} else {
		uint32_t root = store_root(t);

		ref = node_own(o, root);
		if (ref && ref != root)
			root_set(t, ref);
		for (unsigned int i = 0; ref && i < parts; i++) {
			n = node_at(ref);
			ref = child_own(o, n, p, i, heap_ref(part_find(n, p, i)));
		}
	}
	if (!ref)
		return NULL;
	heap_touch(node_at(ref), NODE_HEAD);
	return node_at(ref);
}

void store_find(const struct tree *t, const struct path *p, struct place *at)
{
	struct node *n = node_at(store_root(t)), *kid;
	unsigned int i;

	at->above = NULL;
	for (i = 0; i < p->parts; i++, at->above = n, n = kid) {
		kid = part_find(n, p, i);
		if (!kid)
			break;
	}
	at->depth = i;
	at->node = n;
}

struct node *store_get(const struct tree *t, const struct path *p, unsigned int parts)
{
	struct node *n = node_at(store_root(t));

	for (unsigned int i = 0; n && i < parts; i++)
		n = part_find(n, p, i);
	return n;
}

int store_lookup(const struct tree *t, const struct path *p, const struct caller *who,
		 unsigned int need, struct node **out)
{
	struct place at;
	unsigned int may;

	store_find(t, p, &at);
	may = who->domid ? perms_allowed(node_perms(at.node), who) : ~0u;
	if (at.depth < p->parts)
		return may & need & (PERM_READ | PERM_WRITE) ? -ENOENT : -EACCES;
	if ((may & need) != need)
		return -EACCES;
	*out = at.node;
	return 0;
}

/* ----------------------------------------------------------------- changes */

/* A small value goes where the old one is, if nobody else sees that: cheaper than another place. */
static bool value_fits(const struct owner *o, const struct node *n, size_t len)
{
	return len && n->value && len <= VALUE_SMALL && n->value_len <= VALUE_SMALL &&
		heap_room(len) == heap_room(n->value_len) && o->owns(o, n->value_gen);
}

static int value_set(const struct owner *o, struct node *n, const void *value, size_t len)
{
	uint32_t ref = 0;

	if (value_fits(o, n, len)) {
		heap_touch(heap_at(n->value), heap_room(len));
		memcpy(heap_at(n->value), value, len);
		n->value_len = (uint16_t)len;
		n->value_gen = o->stamp;
		return 0;
	}
	if (len) {
		ref = heap_alloc(len);
		if (!ref)
			return -ENOMEM;
		memcpy(heap_at(ref), value, len);
	}
	retire_bytes(o, n->value, n->value_len, n->value_gen);
	n->value = ref;
	n->value_len = (uint16_t)len;
	n->value_gen = o->stamp;
	return 0;
}

int store_set_value(struct tree *t, const struct path *p, const struct place *at,
		    const struct caller *who, const void *value, size_t len)
{
	struct owner o = tree_owner(t);
	struct node *n = path_own(t, &o, p, p->parts, at->node, at->above);
	int rc;

	if (!n)
		return -ENOMEM;
	rc = t->charge(t, perms_owner(node_perms(n)), 0, (long)len - n->value_len, who->domid != 0);
	return rc ? rc : value_set(&o, n, value, len);
}

int store_set_perms(struct tree *t, const struct path *p, const struct place *at, uint32_t perms)
{
	struct owner o = tree_owner(t);
	struct node *n = path_own(t, &o, p, p->parts, at->node, at->above);
	uint32_t old_owner, owner;
	int rc = 0;

	if (!n)
		return -ENOMEM;
	old_owner = perms_owner(node_perms(n));
	owner = perms_owner(heap_at(perms));
	if (owner != old_owner) {
		rc = t->charge(t, old_owner, -1, -node_bytes(n), false);
		if (!rc)
			rc = t->charge(t, owner, 1, node_bytes(n), false);
	}
	perms_hold(perms);
	perms_put(n->perms);
	n->perms = perms;
	return rc;
}

/* What a new node inherits: all of it, but a guest owns what it makes. Counted for the caller. */
static uint32_t perms_inherit(const struct node *parent, const struct caller *who)
{
	const struct perms *l = node_perms(parent);
	struct perm own[PERMS_MAX];

	if (!who->domid || perms_owner(l) == who->domid) {
		perms_hold(parent->perms);
		return parent->perms;
	}
	memcpy(own, l->p, l->n * sizeof(*own));
	own[0].domid = (uint16_t)who->domid;
	return perms_get(own, l->n);
}

static struct node *child_create(struct tree *t, const struct owner *o, struct node *parent,
				 const struct path *p, unsigned int i, const struct caller *who,
				 int *rc)
{
	uint32_t perms = perms_inherit(parent, who), ref;

	*rc = -ENOMEM;
	ref = perms ? node_new(o, p->text + p->part[i].at, p->part[i].len, p->part[i].hash,
			       perms) : 0;
	if (!ref || kids_add(o, &parent->kids, p->part[i].hash, ref))
		return NULL;
	parent->kid_count++;
	parent->kids_gen = kids_stamp(o);
	*rc = t->charge(t, perms_owner(heap_at(perms)), 1, node_bytes(node_at(ref)),
			who->domid != 0);
	return *rc ? NULL : node_at(ref);
}

int store_create(struct tree *t, const struct path *p, const struct place *at,
		 const struct caller *who, const void *value, size_t len, struct node **made)
{
	struct owner o = tree_owner(t);
	struct node *n = path_own(t, &o, p, at->depth, at->node, at->above);
	int rc;

	if (!n)
		return -ENOMEM;
	for (unsigned int i = at->depth; i < p->parts; i++) {
		n = child_create(t, &o, n, p, i, who, &rc);
		if (!n)
			return rc;
	}
	*made = n;
	if (!len)
		return 0;
	rc = t->charge(t, perms_owner(node_perms(n)), 0, (long)len, who->domid != 0);
	return rc ? rc : value_set(&o, n, value, len);
}

/* ------------------------------------------------------------------- walks */

struct frame {
	uint32_t ref;
	struct kids_cursor cursor;
	uint16_t len;		/* of the path here */
};

/* Depth first without recursion: a guest decides how deep the tree is. */
struct walk {
	struct frame frame[PATH_PARTS_MAX + 2];
	unsigned int depth;
	char path[PATH_MAX_LEN + 2];
};

static void walk_start(struct walk *w, uint32_t ref, const char *path, size_t len)
{
	w->depth = 1;
	w->frame[0] = (struct frame){ .ref = ref, .len = (uint16_t)len };
	memcpy(w->path, path, len);
	w->path[len] = '\0';
}

/* The next node below, or NULL; w->path names it, in w->frame[w->depth - 1].len bytes. */
static struct node *walk_next(struct walk *w)
{
	while (w->depth) {
		struct frame *f = &w->frame[w->depth - 1];
		uint32_t ref = kids_next(node_at(f->ref)->kids, &f->cursor);
		struct node *n = node_at(ref);
		size_t len = f->len == 1 ? 0 : f->len;

		if (!ref) {
			w->depth--;
			continue;
		}
		w->path[len] = '/';
		memcpy(w->path + len + 1, n->name, n->name_len);
		len += 1u + n->name_len;
		w->path[len] = '\0';
		w->frame[w->depth++] = (struct frame){ .ref = ref, .len = (uint16_t)len };
		return n;
	}
	return NULL;
}

static size_t walk_len(const struct walk *w)
{
	return w->frame[w->depth - 1].len;
}

int store_walk(const char *top, store_visit_fn visit, void *ctx)
{
	static struct path p;
	int rc = path_parse(&p, top, strlen(top), 0, false);
	struct node *n = rc ? NULL : store_get(&store_main, &p, p.parts);
	struct walk *w;

	if (!n)
		return rc ? rc : -ENOENT;
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	walk_start(w, heap_ref(n), p.text, p.len);
	visit(ctx, w->path, p.len, n);
	while ((n = walk_next(w)) != NULL)
		visit(ctx, w->path, walk_len(w), n);
	free(w);
	return 0;
}

static int node_gone(struct tree *t, const struct owner *o, struct node *n)
{
	int rc = t->charge(t, perms_owner(node_perms(n)), -1, -node_bytes(n), false);

	retire_bytes(o, n->value, n->value_len, n->value_gen);
	kids_drop(o, n->kids);
	retire_node(o, n);
	return rc;
}

/* What is retired keeps its content until the batch ends: the walk may go on through it. */
static int subtree_gone(struct tree *t, const struct owner *o, const struct path *p,
			struct node *n, store_gone_fn gone, void *ctx)
{
	static struct walk w;
	int rc = 0;

	walk_start(&w, heap_ref(n), p->text, p->len);
	for (; n && !rc; n = walk_next(&w)) {
		rc = node_gone(t, o, n);
		if (gone)
			gone(ctx, w.path, walk_len(&w), n);
	}
	return rc;
}

int store_remove(struct tree *t, const struct path *p, const struct place *at, store_gone_fn gone,
		 void *ctx)
{
	struct owner o = tree_owner(t);
	struct node *parent = path_own(t, &o, p, p->parts - 1u, at->above, NULL), *n = at->node;
	int rc;

	if (!parent)
		return -ENOMEM;
	rc = kids_del(&o, &parent->kids, n->hash, heap_ref(n));
	if (rc)
		return rc;
	parent->kid_count--;
	parent->kids_gen = kids_stamp(&o);
	return subtree_gone(t, &o, p, n, gone, ctx);
}

/* --------------------------------------------------------------- snapshots */

struct snapshot *store_snapshot_get(void)
{
	struct snapshot *s = store.newest;

	if (!s || s->gen != store_generation()) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->gen = store_generation();
		s->root = store_root(&store_main);
		s->older = store.newest;
		if (s->older)
			s->older->newer = s;
		store.newest = s;
		store.snapshots++;
	}
	s->users++;
	return s;
}

void store_snapshot_put(struct snapshot *s)
{
	if (--s->users)
		return;
	for (size_t i = 0; i < s->dead.n; i++) {
		struct dead *d = &s->dead.v[i];

		if (s->older && d->born <= s->older->gen) {
			dead_add(&s->older->dead, d);
			continue;
		}
		store.dead_bytes -= d->size;
		dead_free(d);
	}
	if (s->older)
		s->older->newer = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		store.newest = s->older;
	store.snapshots--;
	free(s->dead.v);
	free(s);
}

void store_snapshot_yield(struct snapshot *s)
{
	if (s == store.newest && s->users == 1)
		store.yielded = s;
}

uint32_t snapshot_root(const struct snapshot *s)
{
	return s->root;
}

size_t store_snapshot_bytes(void)
{
	return store.dead_bytes;
}

size_t store_snapshots(void)
{
	return store.snapshots;
}

/* Freed nodes stay readable until the batch ends, so a later path may lead through them. */
void store_tree_drop(struct tree *t, const struct path *p)
{
	struct owner o = tree_owner(t);
	struct node *n = node_at(t->root);

	for (unsigned int i = 0; n; n = i < p->parts ? part_find(n, p, i) : NULL, i++) {
		if (n->born != t->mark)
			continue;
		if (n->value_gen == t->mark)
			retire_bytes(&o, n->value, n->value_len, t->mark);
		kids_drop(&o, n->kids);
		retire_node(&o, n);
		n->born = 0;
	}
}

/* -------------------------------------------------------------------- start */

static int seed_new(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	heap_touch(heap_root(ROOT_SEED), sizeof(seed));
	*heap_root(ROOT_SEED) = seed;
	return 0;
}

int store_open(bool fresh)
{
	const struct perm dom0_only = { 0, 0 };
	struct owner o = tree_owner(&store_main);
	uint32_t perms, root;
	int rc;

	store.newest = NULL;
	if (fresh) {
		rc = seed_new();
		if (rc)
			return rc;
		perms = perms_get(&dom0_only, 1);
		root = perms ? node_new(&o, "", 0, 0, perms) : 0;
		if (!root)
			return -ENOMEM;
		root_set(&store_main, root);
		rc = store_main.charge(&store_main, 0, 1, node_bytes(node_at(root)), false);
		if (rc)
			return rc;
	}
	path_seed(*heap_root(ROOT_SEED));
	return 0;
}

static bool name_good(const struct node *n, bool root)
{
	if (root)
		return !n->name_len;
	return path_name_good(n->name, n->name_len) &&
		n->hash == path_hash(n->name, n->name_len);
}

/* Everything of one node but its children. */
static bool node_mark(uint32_t ref, bool root)
{
	struct node *n = node_at(ref);
	uint32_t kids;

	if (!heap_valid(ref, NODE_HEAD) || !heap_valid(ref, node_size(n)) ||
	    !heap_mark(ref, node_size(n)) || !name_good(n, root))
		return false;
	if (n->value_len ? !heap_mark(n->value, n->value_len) : n->value != 0)
		return false;
	return perms_mark(n->perms) && kids_mark(n->kids, &kids) && kids == n->kid_count &&
		!(n->born >> 63);
}

/* Marks are set once per node, so that a cycle ends as a second mark. */
int store_mark(store_count_fn count)
{
	struct walk *w = malloc(sizeof(*w));
	uint32_t ref = store_root(&store_main);
	struct node *n = node_at(ref);
	bool good;

	if (!w)
		return -ENOMEM;
	good = node_mark(ref, true);
	if (good)
		walk_start(w, ref, "/", 1);
	for (; good && n; ) {
		count(perms_owner(node_perms(n)), node_bytes(n));
		for (;;) {
			struct frame *f = &w->frame[w->depth - 1];
			uint32_t kid = kids_next(node_at(f->ref)->kids, &f->cursor);
			size_t len = f->len == 1 ? 0 : f->len;

			if (!kid) {
				if (--w->depth)
					continue;
				n = NULL;
				break;
			}
			n = node_at(kid);
			good = node_mark(kid, false) && len + 1 + n->name_len <= PATH_MAX_LEN &&
				w->depth < PATH_PARTS_MAX + 1;
			if (good)
				w->frame[w->depth++] = (struct frame){
					.ref = kid, .len = (uint16_t)(len + 1 + n->name_len) };
			break;
		}
	}
	free(w);
	return good ? 0 : -EINVAL;
}
