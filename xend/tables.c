#include "xend/tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <xen/xen.h>

#define LARGE 0x80UL			/* PS in L2 and above; PAT in L1 */
#define FRAME_MASK 0xffffffffff000UL
/* The hypervisor's part of every L4: xen/arch-x86/xen-x86_64.h, HYPERVISOR_VIRT_START … END. */
#define SLOT(va) ((int)((va) >> 39 & 511))

static bool is_hypervisors(int level, int slot)
{
	return level == 4 && slot >= SLOT(HYPERVISOR_VIRT_START) &&
	       slot <= SLOT(HYPERVISOR_VIRT_END - 1);
}

int tables_translate(const uint64_t *from, uint64_t *to, int level, tables_lookup lookup,
		     const void *ctx, uint64_t *bad)
{
	for (int i = 0; i < TABLES_ENTRIES; i++) {
		uint64_t e = from[i], frame;

		if (is_hypervisors(level, i))
			e = 0;
		if (e & TABLES_PRESENT) {
			*bad = TABLES_FRAME(e);
			if (level > 1 && e & LARGE)
				return -EINVAL;
			frame = lookup(ctx, TABLES_FRAME(e));
			if (frame == TABLES_NONE)
				return -EINVAL;
			e = (e & ~FRAME_MASK) | frame << 12;
		}
		to[i] = e;
	}
	return 0;
}

/* --------------------------------------------------------------------- m2p */

struct pair {
	uint64_t mfn, pfn;		/* mfn TABLES_NONE: free */
};

struct tables_m2p {
	uint64_t mask;			/* slots less one; a power of two of them */
	struct pair slot[];
};

static uint64_t m2p_slot(const struct tables_m2p *m, uint64_t mfn)
{
	return (mfn * 0x9e3779b97f4a7c15UL >> 20) & m->mask;	/* Knuth's multiplicative hash */
}

/* A frame that stands twice (a guest's nonsense) is what it was first. */
static void m2p_add(struct tables_m2p *m, uint64_t mfn, uint64_t pfn)
{
	uint64_t i = m2p_slot(m, mfn);

	while (m->slot[i].mfn != TABLES_NONE && m->slot[i].mfn != mfn)
		i = (i + 1) & m->mask;
	if (m->slot[i].mfn == TABLES_NONE)
		m->slot[i] = (struct pair){ mfn, pfn };
}

struct tables_m2p *tables_m2p_new(const uint64_t *mfn, uint64_t count)
{
	uint64_t slots = 16, used = 0;
	struct tables_m2p *m;

	for (uint64_t pfn = 0; pfn < count; pfn++)
		used += mfn[pfn] != TABLES_NONE;
	while (slots < used * 2)
		slots *= 2;
	m = malloc(sizeof(*m) + slots * sizeof(m->slot[0]));
	if (!m)
		return NULL;
	m->mask = slots - 1;
	for (uint64_t i = 0; i < slots; i++)
		m->slot[i].mfn = TABLES_NONE;
	for (uint64_t pfn = 0; pfn < count; pfn++)
		if (mfn[pfn] != TABLES_NONE)
			m2p_add(m, mfn[pfn], pfn);
	return m;
}

void tables_m2p_free(struct tables_m2p *m)
{
	free(m);
}

uint64_t tables_m2p_find(const void *m2p, uint64_t mfn)
{
	const struct tables_m2p *m = m2p;
	uint64_t i = m2p_slot(m, mfn);

	while (m->slot[i].mfn != TABLES_NONE && m->slot[i].mfn != mfn)
		i = (i + 1) & m->mask;
	return mfn != TABLES_NONE && m->slot[i].mfn == mfn ? m->slot[i].pfn : TABLES_NONE;
}
