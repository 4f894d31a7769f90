/*
 * tables.h - page tables of a PV guest, translated: from machine frames to pseudo-physical ones
 * when a domain is saved, and back when it is restored.  Pure; 64-bit tables (SDM 3A 4.5).
 */
#ifndef XEND_TABLES_H
#define XEND_TABLES_H

#include <stddef.h>
#include <stdint.h>

#define TABLES_ENTRIES 512
#define TABLES_NONE UINT64_MAX
#define TABLES_PRESENT 1UL
#define TABLES_FRAME(e) ((e) >> 12 & 0xffffffffffUL)	/* bits 12 to 51 */

/* What a frame is on the other side; TABLES_NONE: nothing. */
typedef uint64_t (*tables_lookup)(const void *ctx, uint64_t frame);

/* Translate a table of this level (1 … 4); `to` may be `from`.  What the hypervisor keeps in a
 * guest's L4 for itself comes out empty.  -EINVAL: *bad is the first frame that is nothing there,
 * or an entry maps a large page. */
int tables_translate(const uint64_t *from, uint64_t *to, int level, tables_lookup lookup,
		     const void *ctx, uint64_t *bad);

/* From machine frames to pseudo-physical ones: a hash of what a p2m says. */
struct tables_m2p;

struct tables_m2p *tables_m2p_new(const uint64_t *mfn, uint64_t count);	/* NULL: no memory */
void tables_m2p_free(struct tables_m2p *m);
/* A tables_lookup. */
uint64_t tables_m2p_find(const void *m2p, uint64_t mfn);

#endif
