/*
 * heap.h - the memory that outlives the daemon.
 *
 * All that xenstored must not forget lives in one file that is mapped shared: a kill -9 at any
 * instruction leaves exactly what had been stored by then, for the page cache belongs to the
 * kernel.  (When the host goes down the domains are gone too, so nothing is ever synced.)
 *
 * Three rules make that file consistent at every instruction:
 *
 *  1. An object that is reachable is only changed after heap_touch() has saved its bytes in the
 *     undo log.  heap_commit() empties the log with one store; heap_rollback(), or the next
 *     start, puts everything back.  So a request happens whole or not at all, whether it fails
 *     or the process dies.
 *  2. A fresh object from heap_alloc() may be filled freely; it counts for nothing until a
 *     touched word refers to it.  heap_free() takes effect with the commit.
 *  3. Which bytes are free is written nowhere: a start marks what can be reached from the roots
 *     (heap_mark()), and the rest is free.
 *
 * References are 32-bit, in granules of 16 bytes from the map's start; 0 refers to nothing.
 */
#ifndef XENSTORE_HEAP_H
#define XENSTORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_GRANULE 16u
#define HEAP_ROOTS 16

extern unsigned char *heap_base;	/* where the file is mapped */

static inline void *heap_at(uint32_t ref)
{
	return heap_base + (uint64_t)ref * HEAP_GRANULE;
}

static inline uint32_t heap_ref(const void *p)
{
	return (uint32_t)(((const unsigned char *)p - heap_base) / HEAP_GRANULE);
}

/*
 * Map the file at path, creating it if need be; NULL: anonymous memory (tests, --no-recovery).
 * A file of another boot, another layout or a torn one is started anew.  *fresh tells whether
 * it is empty; if not, an unfinished batch has been undone, and the caller must mark what it
 * can reach, then call heap_mark_end().  0 or -errno; -EBUSY if another process has it.
 */
int heap_open(const char *path, bool *fresh);
/* Its first content stands: from here on the file is taken up again; before, it would start anew. */
void heap_ready(void);

/* Words of the caller's, 0 at first: where everything hangs.  Touch before changing. */
uint64_t *heap_root(unsigned int i);

/* At least size bytes, not cleared.  0 when the file can't grow. */
uint32_t heap_alloc(size_t size);
/* size as it was allocated with. */
void heap_free(uint32_t ref, size_t size);
/* What an object of that size really occupies. */
size_t heap_room(size_t size);

/* Save len bytes before they change.  Dies (and so undoes) if the log itself can't grow. */
void heap_touch(const void *p, size_t len);

void heap_commit(void);
void heap_rollback(void);

/*
 * After a start: the object at ref is in use.  False if there can be no such object or if it
 * was marked before: the file is corrupt.
 */
bool heap_mark(uint32_t ref, size_t size);
void heap_mark_begin(void);
void heap_mark_end(void);
/* Whether size bytes at ref lie inside the file's used part (before they are looked at). */
bool heap_valid(uint32_t ref, size_t size);

/* A number that changes whenever a durable struct changes its meaning. */
unsigned int heap_layout(void);

struct heap_usage {
	uint64_t file;		/* bytes reserved in the file */
	uint64_t used;		/* of these, in objects */
	uint64_t objects;
};

struct heap_usage heap_usage(void);

#endif
