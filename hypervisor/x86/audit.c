#include "audit.h"
#include "arch.h"
#include "errno.h"
#include "freeze.h"
#include "gnttab.h"
#include "heap.h"
#include "mm.h"
#include "physdev.h"
#include "printk.h"
#include "sched.h"
#include "string.h"

/* What a frame's counts should be. */
struct expected { uint32_t count, type_count; };

/* Frames are looked at in windows: one for all if there's memory for that, else several that fit `small`. */
struct audit {
	struct expected *window;
	uint64_t first, count;		/* the frames of the window */
	uint64_t seen, owned;
	long wrong;
};

static struct expected small[1024];

#define REPORTS_MAX 20

static struct expected *expected_of(struct audit *a, const struct page *pg)
{
	uint64_t n = page_to_mfn(pg).n - a->first;

	return n < a->count ? &a->window[n] : NULL;
}

static void expect_refs(struct audit *a, const struct page *pg, unsigned int refs, unsigned int type_refs)
{
	struct expected *e = expected_of(a, pg);

	if (!e)
		return;
	e->count += refs;
	e->type_count += type_refs;
}

static void expect(struct audit *a, const struct page *pg, bool with_type)
{
	if (pg)
		expect_refs(a, pg, 1, with_type);
}

static void expect_grant(struct page *pg, bool writes, void *a) { expect(a, pg, writes); }
static void expect_holder(struct page *pg, void *a) { expect(a, pg, true); }

static void expect_entry(struct audit *a, unsigned int level, mfn_t table, uint64_t e)
{
	if (!(e & PTE_P) || !mfn_is_ram(pte_mfn(e)))
		return;
	if (level == 4 && mfn_eq(pte_mfn(e), table))	/* maps itself: no reference */
		return;
	expect(a, mfn_to_page(pte_mfn(e)), level > 1 || e & PTE_RW);
}

static void expect_table(struct audit *a, struct page *pg, unsigned int entries)
{
	unsigned int level = page_type(pg) - PAGE_L1 + 1;
	const uint64_t *table = mfn_to_virt(page_to_mfn(pg));

	for (unsigned int i = 0; i < entries; i++)
		if (level < 4 || i < 256 || i > 271)
			expect_entry(a, level, page_to_mfn(pg), table[i]);
}

static void expect_page(struct audit *a, struct page *pg)
{
	enum page_type t = page_type(pg);

	if (pg->count & PAGE_ALLOCATED)
		expect_refs(a, pg, 1, 0);
	if (page_is_shared(pg))			/* what keeps its use fixed, see page_share() */
		expect_refs(a, pg, 0, 1);
	if (pg->type & TYPE_PINNED)
		expect(a, pg, true);
	if (t >= PAGE_L1 && t <= PAGE_L4 && page_type_count(pg) && !(pg->type & TYPE_BUSY))
		expect_table(a, pg, 512);
}

/* An unfinished tree's tables: what their entries hold so far, and what keeps them. */
static void expect_tree(struct audit *a, const struct pv_tree *t)
{
	for (unsigned int i = 0; i < t->depth; i++) {
		const struct pv_tree_table *f = &t->table[i];
		bool child_leaves = i + 1 < t->depth && f[1].was_valid;

		expect_table(a, f->pg, f->held - child_leaves);
		if (i || t->is_kept)
			expect(a, f->pg, false);
		if (!f->was_valid)
			expect_refs(a, f->pg, 0, 1);
	}
	for (unsigned int i = 0; i < t->outcomes; i++)
		expect(a, t->outcome[i].pg, !t->outcome[i].error);
}

static void expect_vcpu(struct audit *a, const struct vcpu *v)
{
	const struct pv_vcpu *pv = &v->arch.pv;

	expect(a, pv->root_kernel, true);
	expect(a, pv->root_user, true);
	expect(a, v->info_page, true);
	for (unsigned int i = 0; i < GUEST_GDT_PAGES; i++)
		expect(a, pv->gdt_frames[i], true);
	for (unsigned int i = 0; i < LDT_PAGES; i++)
		expect(a, pv->ldt_frames[i], true);
}

static void expect_domain(struct audit *a, struct domain *d)
{
	struct vcpu *v;
	struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, d)
		expect_page(a, pg);
	expect_tree(a, &d->arch.tree);
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		v = domain_vcpu(d, i);
		if (v)
			expect_vcpu(a, v);
	}
	evtchn_visit_pages(d, expect_holder, a);
	physdev_visit_pages(d, expect_holder, a);
	gnttab_visit_maps(d, expect_grant, a);
}

static void wrong(struct audit *a, const struct page *pg, const struct expected *e)
{
	if (a->wrong++ < REPORTS_MAX)
		printk(LOG_ERR "Audit: d%u frame %#lx: count %u, expected %u; type %u count %u, expected %u\n",
		       page_owner(pg), page_to_mfn(pg).n, page_refs(pg), e->count, page_type(pg),
		       page_type_count(pg), e->type_count);
}

/* Its frames of the window. */
static void compare_frames(struct audit *a, const struct domain *d)
{
	struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, d) {
		const struct expected *e = expected_of(a, pg);

		if (!e)
			continue;
		a->seen++;
		if (page_refs(pg) != e->count || page_type_count(pg) != e->type_count)
			wrong(a, pg, e);
	}
}

static void compare_count(struct audit *a, const struct domain *d, const char *what, uint64_t found, uint64_t counted)
{
	if (found == counted)
		return;
	a->wrong++;
	printk(LOG_ERR "Audit: d%u: %lu %s frames, %lu counted\n", d->id, found, what, counted);
}

static void compare_counts(struct audit *a, const struct domain *d)
{
	uint64_t own = 0, shared = 0;
	const struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, d)
		page_is_shared(pg) ? shared++ : own++;
	compare_count(a, d, "own", own, d->tot_pages);
	compare_count(a, d, "shared", shared, d->xen_pages);
	a->owned += own + shared;
}

/* Looks at every frame, so that none is missed by where domains look for theirs. */
static void compare_owners(struct audit *a)
{
	uint64_t owned = 0;

	for (uint64_t n = 0; n <= max_mfn; n++)
		owned += mfn_is_ram(MFN(n)) && page_owner(mfn_to_page(MFN(n))) != DOMID_INVALID;
	if (owned == a->owned)
		return;
	a->wrong++;
	printk(LOG_ERR "Audit: %lu frames are owned, %lu of them by domains that know of them\n", owned, a->owned);
}

static void audit_window(struct audit *a)
{
	struct domain *d;

	memset(a->window, 0, a->count * sizeof(*a->window));
	list_for_each(d, &domain_list, link)
		expect_domain(a, d);
	list_for_each(d, &domain_list, link)
		compare_frames(a, d);
}

static void audit_owners(struct audit *a)
{
	struct domain *d;

	list_for_each(d, &domain_list, link)
		compare_counts(a, d);
	compare_counts(a, dom_io);
	compare_counts(a, dom_xen);
	compare_owners(a);
}

void audit_key(void)
{
	const uint64_t bytes = (max_mfn + 1) * sizeof(struct expected);
	struct audit a = { .window = heap_map_large(bytes), .count = max_mfn + 1 };
	bool is_large = a.window;

	if (!is_large) {
		a.window = small;
		a.count = ARRAY_SIZE(small);
	}
	if (domains_freeze()) {
		for (; a.first <= max_mfn; a.first += a.count)
			audit_window(&a);
		audit_owners(&a);
		a.wrong += heap_audit();
		domains_thaw();
	} else {
		a.wrong = -EBUSY;
	}
	if (is_large)
		heap_unmap_large(a.window, bytes);
	if (a.wrong < 0)
		printk(LOG_ERR "Audit: not done, a vcpu is busy\n");
	else
		printk(LOG_ERR "Audit: %lu frames, %ld wrong\n", a.seen, a.wrong);
}
