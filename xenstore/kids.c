#include "xenstore/kids.h"

#include <errno.h>
#include <string.h>

#include "xenstore/heap.h"
#include "xenstore/store.h"

#define BLOCK_FULL 64u		/* on average over a table's blocks: then it doubles */
#define BLOCK_SPLIT 96u		/* a single block becomes a table */
#define BLOCK_CAP_MAX 65535u
#define BITS_MAX 14u
#define HEAD offsetof(struct kids, kid)

static struct kids *kids_at(uint32_t ref)
{
	return heap_at(ref);
}

static size_t block_size(uint32_t cap)
{
	return HEAD + cap * sizeof(struct kid);
}

static size_t kids_size(const struct kids *k)
{
	return k->bits ? HEAD + (sizeof(uint32_t) << k->bits) : block_size(k->cap);
}

/* The largest block that the heap gives at no further cost. */
static uint32_t block_new(const struct owner *o, uint32_t want)
{
	size_t room = heap_room(block_size(want));
	size_t cap = (room - HEAD) / sizeof(struct kid);
	uint32_t ref;

	if (cap > BLOCK_CAP_MAX)
		cap = BLOCK_CAP_MAX;
	if (want > cap)
		return 0;
	ref = heap_alloc(block_size((uint32_t)cap));
	if (ref)
		*kids_at(ref) = (struct kids){ .born = o->stamp, .cap = (uint16_t)cap };
	return ref;
}

static uint32_t table_index(const struct kids *k, uint32_t hash)
{
	return hash >> (32 - k->bits);
}

struct node *kids_find(uint32_t kids, uint32_t hash, const char *name, size_t len)
{
	const struct kids *k;

	if (!kids)
		return NULL;
	k = kids_at(kids);
	if (k->bits) {
		kids = k->block[table_index(k, hash)];
		if (!kids)
			return NULL;
		k = kids_at(kids);
	}
	for (uint32_t i = 0; i < k->n; i++) {
		struct node *n;

		if (k->kid[i].hash != hash)
			continue;
		n = heap_at(k->kid[i].ref);
		if (n->name_len == len && !memcmp(n->name, name, len))
			return n;
	}
	return NULL;
}

/* A copy of the block that may be changed, with room for at least room kids; *ref follows. */
static struct kids *block_own(const struct owner *o, uint32_t *ref, uint32_t room)
{
	struct kids *k = *ref ? kids_at(*ref) : NULL, *copy;
	uint32_t fresh;

	if (k && o->owns(o, k->born) && room <= k->cap)
		return k;
	/* Grow by a half: most directories stay small. */
	if (k && room > k->cap)
		room += room / 2;
	fresh = block_new(o, room ? room : 1);
	if (!fresh)
		return NULL;
	copy = kids_at(fresh);
	if (k) {
		copy->n = k->n;
		memcpy(copy->kid, k->kid, k->n * sizeof(*k->kid));
		o->retire(o, *ref, kids_size(k), k->born);
	}
	*ref = fresh;
	return copy;
}

static uint32_t table_new(const struct owner *o, unsigned int bits)
{
	size_t size = HEAD + (sizeof(uint32_t) << bits);
	uint32_t ref = heap_alloc(size);

	if (!ref)
		return 0;
	memset(kids_at(ref), 0, size);
	kids_at(ref)->born = o->stamp;
	kids_at(ref)->bits = (uint16_t)bits;
	return ref;
}

/* The table in a version that may be changed. */
static struct kids *table_own(const struct owner *o, uint32_t *ref)
{
	struct kids *k = kids_at(*ref);
	uint32_t fresh;

	if (o->owns(o, k->born))
		return k;
	fresh = table_new(o, k->bits);
	if (!fresh)
		return NULL;
	memcpy(kids_at(fresh)->block, k->block, sizeof(uint32_t) << k->bits);
	kids_at(fresh)->n = k->n;
	o->retire(o, *ref, kids_size(k), k->born);
	*ref = fresh;
	return kids_at(fresh);
}

static int fresh_insert(const struct owner *o, struct kids *table, struct kid kid)
{
	uint32_t *slot = &table->block[table_index(table, kid.hash)];
	struct kids *k = block_own(o, slot, (*slot ? kids_at(*slot)->n : 0) + 1);

	if (!k)
		return -ENOMEM;
	k->kid[k->n++] = kid;
	table->n++;
	return 0;
}

/* Spread all children over a new table of 1 << bits blocks. */
static int table_grow(const struct owner *o, uint32_t *kids, unsigned int bits)
{
	uint32_t fresh = table_new(o, bits), ref;
	struct kids_cursor c = { 0 };

	if (!fresh)
		return -ENOMEM;
	while ((ref = kids_next(*kids, &c)) != 0) {
		struct kid kid = { ((struct node *)heap_at(ref))->hash, ref };
		int rc = fresh_insert(o, kids_at(fresh), kid);

		if (rc)
			return rc;
	}
	kids_drop(o, *kids);
	*kids = fresh;
	return 0;
}

/* The place of the block's reference for a hash, in a version that may be changed. */
static uint32_t *block_slot(const struct owner *o, uint32_t *kids, uint32_t hash)
{
	struct kids *k = *kids ? kids_at(*kids) : NULL;

	if (!k || !k->bits)
		return kids;
	k = table_own(o, kids);
	return k ? &k->block[table_index(k, hash)] : NULL;
}

int kids_add(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t ref)
{
	struct kids *k = *kids ? kids_at(*kids) : NULL, *table = NULL;
	uint32_t *slot;
	int rc = 0;

	if (k && !k->bits && k->n >= BLOCK_SPLIT)
		rc = table_grow(o, kids, 3);
	else if (k && k->bits && k->bits < BITS_MAX && k->n >= BLOCK_FULL << k->bits)
		rc = table_grow(o, kids, k->bits + 1u);
	slot = rc ? NULL : block_slot(o, kids, hash);
	if (!slot)
		return -ENOMEM;
	if (slot != kids) {
		table = kids_at(*kids);
		heap_touch(table, HEAD);
		heap_touch(slot, sizeof(*slot));
	}
	k = block_own(o, slot, (*slot ? kids_at(*slot)->n : 0) + 1);
	if (!k)
		return -ENOMEM;
	heap_touch(k, HEAD);
	heap_touch(&k->kid[k->n], sizeof(struct kid));
	k->kid[k->n++] = (struct kid){ hash, ref };
	if (table)
		table->n++;
	return 0;
}

/* The block that holds ref, changeable, and where in it. */
static int kids_place(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t ref,
		      struct kids **block, uint32_t *at)
{
	uint32_t *slot = block_slot(o, kids, hash);
	struct kids *k;

	if (!slot)
		return -ENOMEM;
	if (slot != kids)
		heap_touch(slot, sizeof(*slot));
	k = block_own(o, slot, kids_at(*slot)->n);
	if (!k)
		return -ENOMEM;
	*block = k;
	for (*at = 0; k->kid[*at].ref != ref; ++*at)
		;
	return 0;
}

int kids_replace(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t old, uint32_t ref)
{
	struct kids *k;
	uint32_t at;
	int rc = kids_place(o, kids, hash, old, &k, &at);

	if (rc)
		return rc;
	heap_touch(&k->kid[at], sizeof(struct kid));
	k->kid[at].ref = ref;
	return 0;
}

int kids_del(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t ref)
{
	struct kids *k;
	uint32_t at;
	int rc = kids_place(o, kids, hash, ref, &k, &at);

	if (rc)
		return rc;
	heap_touch(k, HEAD);
	heap_touch(&k->kid[at], sizeof(struct kid));
	k->kid[at] = k->kid[--k->n];
	if (kids_at(*kids)->bits) {
		heap_touch(kids_at(*kids), HEAD);
		kids_at(*kids)->n--;
	} else if (!k->n) {
		kids_drop(o, *kids);
		*kids = 0;
	}
	return 0;
}

void kids_drop(const struct owner *o, uint32_t kids)
{
	struct kids *k;

	if (!kids)
		return;
	k = kids_at(kids);
	for (uint32_t i = 0; k->bits && i < 1u << k->bits; i++)
		if (k->block[i])
			o->retire(o, k->block[i], kids_size(kids_at(k->block[i])),
				  kids_at(k->block[i])->born);
	o->retire(o, kids, kids_size(k), k->born);
}

uint32_t kids_next(uint32_t kids, struct kids_cursor *c)
{
	struct kids *k = kids ? kids_at(kids) : NULL;

	if (!k)
		return 0;
	if (!k->bits)
		return c->at < k->n ? k->kid[c->at++].ref : 0;
	for (; c->block < 1u << k->bits; c->block++, c->at = 0) {
		uint32_t ref = k->block[c->block];

		if (ref && c->at < kids_at(ref)->n)
			return kids_at(ref)->kid[c->at++].ref;
	}
	return 0;
}

static bool block_mark(uint32_t ref, uint32_t *count)
{
	struct kids *k = kids_at(ref);

	if (!heap_valid(ref, HEAD) || k->bits || !k->cap || k->n > k->cap ||
	    !heap_mark(ref, kids_size(k)))
		return false;
	*count += k->n;
	return true;
}

bool kids_mark(uint32_t kids, uint32_t *count)
{
	struct kids *k = kids_at(kids);

	*count = 0;
	if (!kids)
		return true;
	if (!heap_valid(kids, HEAD))
		return false;
	if (!k->bits)
		return block_mark(kids, count);
	if (k->bits > BITS_MAX || !heap_valid(kids, kids_size(k)) || !heap_mark(kids, kids_size(k)))
		return false;
	for (uint32_t i = 0; i < 1u << k->bits; i++)
		if (k->block[i] && !block_mark(k->block[i], count))
			return false;
	return *count == k->n;
}
