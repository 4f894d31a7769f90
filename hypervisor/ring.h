/*
 * A byte ring that forgets its oldest text.  Positions are free-running 32-bit counts of bytes; the
 * capacity is a power of two.  The owner locks.
 */
#ifndef HV_RING_H
#define HV_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	char *data;
	uint32_t size;			/* power of two */
	uint32_t start, end;		/* end - start <= size */
};

static inline void ring_put(struct ring *r, char c)
{
	r->data[r->end++ & (r->size - 1)] = c;
	if (r->end - r->start > r->size)
		r->start = r->end - r->size;
}

/* Copies from *pos, or from the oldest byte if *pos isn't in the ring; *pos moves behind; the count copied. */
static inline size_t ring_read(const struct ring *r, char *to, size_t bytes, uint32_t *pos)
{
	size_t n = 0;

	if (*pos - r->start > r->end - r->start)
		*pos = r->start;
	while (n < bytes && *pos != r->end)
		to[n++] = r->data[(*pos)++ & (r->size - 1)];
	return n;
}

/* The text moves to a new buffer; positions stay valid. */
static inline void ring_move(struct ring *r, char *data, uint32_t size)
{
	struct ring moved = { data, size, r->start, r->start };

	for (uint32_t pos = r->start; pos != r->end; pos++)
		ring_put(&moved, r->data[pos & (r->size - 1)]);
	*r = moved;
}

#endif
