/*
 * kids.h - a node's children by name: store.c's own.
 *
 * Few children are one block of (hash, reference) pairs.  More are a table of such blocks,
 * chosen by the hash's upper bits, so that adding a child to a large directory copies a small
 * block and not the directory.  Blocks are copied on write by the rules of store.h.
 */
#ifndef XENSTORE_KIDS_H
#define XENSTORE_KIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kid {
	uint32_t hash;
	uint32_t ref;
};

struct kids {			/* durable */
	uint64_t born;
	uint16_t bits;		/* 0: a block of kids; else a table of 1 << bits blocks */
	uint16_t cap;		/* of a block */
	uint32_t n;		/* of a block: kids in use */
	union {
		struct kid kid[1];
		uint32_t block[1];
	};
};

/* What kids.c needs of the tree that is being changed. */
struct owner {
	bool (*owns)(const struct owner *o, uint64_t born);
	void (*retire)(const struct owner *o, uint32_t ref, size_t size, uint64_t born);
	uint64_t stamp;		/* what new blocks are born with */
};

struct node;

struct node *kids_find(uint32_t kids, uint32_t hash, const char *name, size_t len);
/* Each changes *kids, which the caller has touched.  0 or -ENOMEM. */
int kids_add(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t ref);
int kids_replace(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t old, uint32_t ref);
int kids_del(const struct owner *o, uint32_t *kids, uint32_t hash, uint32_t ref);
/* Give up the blocks (not the children). */
void kids_drop(const struct owner *o, uint32_t kids);

/* Step through all: start with {0}; 0 at the end. */
struct kids_cursor {
	uint32_t block, at;
};

uint32_t kids_next(uint32_t kids, struct kids_cursor *c);

/* After a start: judge and mark the blocks.  *count gets the number of children. */
bool kids_mark(uint32_t kids, uint32_t *count);

#endif
