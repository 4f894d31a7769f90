#include "pv_tree.h"
#include "arch.h"
#include "errno.h"
#include "hypercall.h"
#include "layout.h"
#include "page.h"
#include "printk.h"
#include "pv_mm.h"
#include "string.h"

#define SLICE_STEPS 4096		/* entries of upper tables looked at, and ... */
#define L1_STEPS 64			/* ... what a whole level-1 table counts as: about half a millisecond in all */

static uint64_t *table_of(const struct page *pg) { return mfn_to_virt(page_to_mfn(pg)); }
static unsigned int level_of(const struct page *pg) { return page_type(pg) - PAGE_L1 + 1; }

/* ---- One step down, along or up ---- */

static struct pv_tree_table *top(struct pv_tree *t) { return &t->table[t->depth - 1]; }
static bool is_at_l1(struct pv_tree *t) { return page_type(top(t)->pg) == PAGE_L1; }

static void push(struct pv_tree *t, struct page *pg, unsigned int held)
{
	ASSERT(t->depth < ARRAY_SIZE(t->table));
	t->table[t->depth++] = (struct pv_tree_table){ .pg = pg, .held = held, .was_valid = held != 0 };
}

static void turn_back(struct pv_tree *t, int error)
{
	t->is_undoing = true;
	t->error = error;
}

/* The child, which came to be in use, is what the entry of its parent holds now. */
static void validated(struct pv_tree *t)
{
	struct page *pg = top(t)->pg;
	uint64_t *e;

	if (level_of(pg) == 4)
		pv_root_fill(table_of(pg));
	page_type_validated(pg, true);
	if (--t->depth == 0)
		return;
	e = &table_of(top(t)->pg)[top(t)->held++];
	(void)pv_upper_judge(level_of(top(t)->pg), e);	/* it was judged on the way down */
}

/* The entry's table: referenced, or pushed to be validated first; -EINVAL ... */
static int descend(struct pv_tree *t, const struct domain *d, unsigned int level, uint64_t *at)
{
	uint64_t e = *at;
	struct page *pg;
	int rc = pv_upper_judge(level, &e);

	if (rc)
		return rc;
	pg = page_get_mfn(pte_mfn(e), d);
	if (!pg)
		return -EINVAL;
	rc = page_type_take(pg, PAGE_L1 + level - 2);
	if (rc < 0) {
		page_put(pg);
		return rc;
	}
	if (rc) {
		push(t, pg, 0);
		return 0;
	}
	if (e != *at)
		*at = e;
	top(t)->held++;
	return 0;
}

static unsigned int validate_upper(struct pv_tree *t, const struct domain *d)
{
	struct pv_tree_table *f = top(t);
	unsigned int level = level_of(f->pg), steps = 1;
	uint64_t *table = table_of(f->pg);
	int rc;

	for (; f->held < 512; f->held++, steps++)
		if (table[f->held] & PTE_P && !pv_is_hv_slot(level, f->held))
			break;
	if (f->held == 512) {
		validated(t);
		return steps;
	}
	if (pv_is_self_map(level, &table[f->held], table[f->held])) {
		rc = pv_self_map_judge(&table[f->held]);
		f->held += rc == 0;
	} else {
		rc = descend(t, d, level, &table[f->held]);
	}
	if (rc)
		turn_back(t, rc);
	return steps;
}

/* The child is let go: the entry of its parent holds nothing any more, or never did. */
static void undone(struct pv_tree *t)
{
	struct page *pg = top(t)->pg;
	bool was_valid = top(t)->was_valid;

	if (was_valid && level_of(pg) == 4)
		memset(&table_of(pg)[HV_FIRST_SLOT], 0, HV_SLOTS * sizeof(uint64_t));
	page_type_clear(pg);
	if (--t->depth == 0)
		return;
	page_put(pg);
	if (was_valid)
		top(t)->held--;
}

static unsigned int undo_l1(struct pv_tree *t)
{
	const uint64_t *table = table_of(top(t)->pg);

	for (unsigned int i = 0; i < top(t)->held; i++)
		pv_l1_put(table[i]);
	undone(t);
	return L1_STEPS;
}

/* All level-1 entries at once, or none. */
static unsigned int validate_l1(struct pv_tree *t, const struct domain *d)
{
	struct pv_tree_table *f = top(t);
	uint64_t *table = table_of(f->pg);

	for (; f->held < 512; f->held++) {
		uint64_t e = table[f->held];
		int rc;

		if (!(e & PTE_P))
			continue;
		rc = pv_l1_get(&e, d, d);
		if (rc) {
			turn_back(t, rc);
			return undo_l1(t);
		}
		if (e != table[f->held])
			table[f->held] = e;
	}
	validated(t);
	return L1_STEPS;
}

static unsigned int undo_upper(struct pv_tree *t)
{
	struct pv_tree_table *f = top(t);
	unsigned int level = level_of(f->pg), steps = 1;
	const uint64_t *table = table_of(f->pg);

	for (; f->held; f->held--, steps++) {
		uint64_t e = table[f->held - 1];
		struct page *pg;

		if (!(e & PTE_P) || pv_is_hv_slot(level, f->held - 1) ||
		    pv_is_self_map(level, &table[f->held - 1], e))
			continue;
		pg = mfn_to_page(pte_mfn(e));
		if (page_type_drop(pg)) {
			push(t, pg, 512);
			return steps;
		}
		page_put(pg);
	}
	undone(t);
	return steps;
}

static unsigned int step(struct pv_tree *t, const struct domain *d)
{
	if (t->is_undoing)
		return is_at_l1(t) ? undo_l1(t) : undo_upper(t);
	return is_at_l1(t) ? validate_l1(t, d) : validate_upper(t, d);
}

/*
 * -ERESTART: the slice is over, and the root may be left as it is.  Who wants a level-1 table's frame for something
 * else waits, maybe with our lock: no slice ends before that is done.
 */
static int run(struct pv_tree *t, const struct domain *d, bool may_stop)
{
	unsigned int steps = 0;

	while (t->depth) {
		steps += step(t, d);
		if (t->depth && may_stop && !is_at_l1(t) && steps >= L1_STEPS &&
		    (steps >= SLICE_STEPS || hypercall_should_yield()))
			return -ERESTART;
	}
	return 0;
}

/* ---- Outcomes ---- */

static void outcome_remove(struct pv_tree *t, unsigned int i)
{
	t->outcomes--;
	memmove(&t->outcome[i], &t->outcome[i + 1], (t->outcomes - i) * sizeof(t->outcome[0]));
}

/* Its reference goes, and maybe the whole tree with it: there may be something unfinished afterwards. */
static void outcome_drop(struct pv_tree *t, unsigned int i)
{
	struct page *pg = t->outcome[i].pg;
	int error = t->outcome[i].error;

	outcome_remove(t, i);
	if (error)
		page_put(pg);
	else
		page_put_and_type(pg);
}

/* More guests' calls than we have room for wait: the oldest has to start again. */
static void outcome_add(struct pv_tree *t, struct page *pg, int error)
{
	if (t->outcomes == PV_TREE_OUTCOMES)
		outcome_drop(t, 0);
	t->outcome[t->outcomes].pg = pg;
	t->outcome[t->outcomes++].error = error;
}

static int outcome_find(const struct pv_tree *t, const struct page *pg)
{
	for (unsigned int i = 0; i < t->outcomes; i++)
		if (t->outcome[i].pg == pg)
			return i;
	return -1;
}

int pv_tree_get_type(struct domain *d, struct page *pg, unsigned int level)
{
	struct pv_tree *t = &d->arch.tree;
	int i = outcome_find(t, pg), rc;

	if (i >= 0 && t->outcome[i].error) {
		rc = t->outcome[i].error;
		outcome_drop(t, i);
		return rc;
	}
	rc = page_get_type(pg, PAGE_L1 + level - 1);
	if (i >= 0 && rc == 0)		/* ours is one more, so that the tables stay */
		outcome_drop(t, i);
	return rc;
}

int pv_tree_drop_outcomes(struct domain *d)
{
	struct pv_tree *t = &d->arch.tree;

	for (;;) {
		int rc = pv_tree_settle(d);

		if (rc || !t->outcomes)
			return rc;
		outcome_drop(t, 0);
	}
}

/* ---- Beginning, going on ---- */

/* Somebody else finished it, or its caller did: a root that isn't kept is its caller's. */
static void finish(struct pv_tree *t, struct page *root)
{
	bool was_kept = t->is_kept, has_caller = t->error || !t->is_undoing;
	int error = t->error;

	t->is_undoing = t->is_kept = false;
	t->error = 0;
	if (!was_kept)
		return;
	if (has_caller)
		outcome_add(t, root, error);
	else
		page_put(root);
}

int pv_tree_settle(struct domain *d)
{
	struct pv_tree *t = &d->arch.tree;

	while (t->depth) {		/* finishing one can make room for the next */
		struct page *root = t->table[0].pg;

		if (run(t, d, true))
			return -ERESTART;
		finish(t, root);
	}
	return 0;
}

int pv_tree_lock(struct domain *d)
{
	int rc;

	spin_lock(&d->arch.mm_lock);
	rc = pv_tree_settle(d);
	if (rc)
		spin_unlock(&d->arch.mm_lock);
	return rc;
}

/* Begins with `pg`; -ERESTART: it's kept for later. */
static int begin(struct page *pg, unsigned int held)
{
	struct domain *d = domain_owner(page_owner(pg));
	struct pv_tree *t = &d->arch.tree;
	bool may_stop = page_get(pg, d);	/* there are as many references as there can be: no slices then */
	int rc, error;

	ASSERT(!t->depth);
	push(t, pg, held);
	t->is_undoing = held != 0;
	rc = run(t, d, may_stop);
	t->is_kept = rc == -ERESTART;
	if (rc)
		return rc;
	error = t->error;
	finish(t, pg);
	if (may_stop)
		page_put(pg);
	return error;
}

static int segdesc_validate(uint64_t *table)
{
	for (unsigned int i = 0; i < 512; i++) {
		uint64_t x = table[i];

		if (pv_descriptor_check(&x))
			return -EINVAL;
		if (x != table[i])
			table[i] = x;
	}
	return 0;
}

int arch_page_validate(struct page *pg, enum page_type type)
{
	int rc;

	if (type != PAGE_SEGDESC)
		return begin(pg, 0);
	rc = segdesc_validate(table_of(pg));
	page_type_validated(pg, rc == 0);
	return rc;
}

void arch_page_devalidate(struct page *pg, enum page_type type)
{
	if (type == PAGE_SEGDESC)
		page_type_clear(pg);
	else
		(void)begin(pg, 512);	/* what is left is for who comes next */
}
