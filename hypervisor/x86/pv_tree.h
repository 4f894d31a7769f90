/*
 * Trees of page tables being taken into use (validated) or let go, a slice at a time: a guest can make one
 * as large as its memory, and nobody may have to wait for all of it.
 *
 * A domain has at most one unfinished tree.  It stays where it is until somebody goes on with it, and that is
 * whoever comes next to change references between its tables: pv_tree_settle() is what these begin with.  So
 * all else in page-table handling may rely on there being none.  The tables of an unfinished tree are
 * TYPE_BUSY; level-1 tables never are while nobody holds the lock, so that what concerns them alone, writing
 * their entries, goes on beside it.
 *
 * Who was told -ERESTART calls again with the same table.  If it was finished by somebody else meanwhile, the
 * outcome waits for him: as a reference of type that keeps the tables valid, or as the error.
 */
#ifndef HV_X86_PV_TREE_H
#define HV_X86_PV_TREE_H

#include "types.h"

struct domain;
struct page;

#define PV_TREE_OUTCOMES 8

struct pv_tree {
	struct pv_tree_table {
		struct page *pg;
		uint16_t held;		/* entries 0 to held-1 hold their references */
		bool was_valid;		/* it was in use: our slots in it are filled */
	} table[4];			/* from the root down to where we are */
	unsigned int depth;		/* of these; 0: there's nothing unfinished */
	bool is_undoing;
	int error;			/* why validation turned into undoing; 0: nobody waits for an outcome */
	bool is_kept;			/* the root has a reference of ours: its caller was told to come again */
	unsigned int outcomes;
	struct { struct page *pg; int error; } outcome[PV_TREE_OUTCOMES];	/* oldest first */
};

/* Takes mm_lock with nothing unfinished, going on with what is; -ERESTART: not taken, call again. */
int pv_tree_lock(struct domain *d);

/* The rest with mm_lock held. */

/* Goes on with what is unfinished: 0: nothing is; -ERESTART: release the lock and call again. */
int pv_tree_settle(struct domain *d);
/* page_get_type() for a table of `d`, after pv_tree_settle() said 0: it gives an outcome that waits. */
int pv_tree_get_type(struct domain *d, struct page *pg, unsigned int level);
/* The domain dies: outcomes that nobody came for are dropped.  -ERESTART likewise. */
int pv_tree_drop_outcomes(struct domain *d);

/* pv_mm.c: the rules for entries, see there. */
int pv_l1_get(uint64_t *e, const struct domain *d, const struct domain *owner);
void pv_l1_put(uint64_t e);
/* Judges a present entry of level 2 to 4 and sets the bits that it must have; the frame is not looked at. */
int pv_upper_judge(unsigned int level, uint64_t *e);
int pv_self_map_judge(uint64_t *e);
bool pv_is_self_map(unsigned int level, const uint64_t *at, uint64_t e);
bool pv_is_hv_slot(unsigned int level, unsigned int i);

#endif
