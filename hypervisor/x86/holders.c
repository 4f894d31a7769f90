#include "holders.h"
#include "arch.h"
#include "freeze.h"
#include "gnttab.h"
#include "mm.h"
#include "printk.h"

#define LINES_MAX 32			/* of frames, and of mappings of a zombie's frames */

static bool is_zombie(const struct domain *d) { return d && !d->is_system && d->dying != DOMAIN_ALIVE; }

static void dump_frames(const struct domain *d)
{
	unsigned int frames = 0;
	const struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, d)
		if (frames++ < LINES_MAX)
			printk("  frame %#lx: %u references, type %u by %u%s\n", page_to_mfn(pg).n,
			       page_refs(pg), page_type(pg), page_type_count(pg),
			       page_is_shared(pg) ? ", shared" : "");
	if (frames > LINES_MAX)
		printk("  … and %u more frames\n", frames - LINES_MAX);
}

static void dump_zombie(const struct domain *d)
{
	printk(" domain %u: %s, %u references, %lu pages, %lu shared ones\n", d->id,
	       d->dying == DOMAIN_DYING ? "dying" : "dead", d->refs, d->tot_pages, d->xen_pages);
	dump_frames(d);
	gnttab_dump_users(d);
}

/* The zombies' frames that a table of level 1 maps. */
static void dump_table(const struct domain *holder, struct page *table, unsigned int *found)
{
	const uint64_t *entry = mfn_to_virt(page_to_mfn(table));

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t e = READ_ONCE(entry[i]);
		const struct domain *d;

		if (!(e & PTE_P) || !mfn_is_ram(pte_mfn(e)))
			continue;
		d = domain_owner(page_owner(mfn_to_page(pte_mfn(e))));
		if (!is_zombie(d) || d == holder || (*found)++ >= LINES_MAX)
			continue;
		printk(" frame %#lx of domain %u: mapped by domain %u, entry %u of table %#lx, %s\n",
		       pte_mfn(e).n, d->id, holder->id, i, page_to_mfn(table).n,
		       e & PTE_RW ? "writable" : "read-only");
	}
}

static unsigned int dump_mappings(struct domain *holder)
{
	unsigned int found = 0;
	struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, holder)
		if (page_type(pg) == PAGE_L1 && page_type_count(pg))
			dump_table(holder, pg, &found);
	if (found > LINES_MAX)
		printk(" … and %u more mappings by domain %u\n", found - LINES_MAX, holder->id);
	return found;
}

void holders_dump(void)
{
	unsigned int zombies = 0;
	struct domain *d;

	if (!domains_freeze()) {
		printk("Zombies: a vcpu is busy\n");
		return;
	}
	list_for_each(d, &domain_list, link)
		if (is_zombie(d)) {
			dump_zombie(d);
			zombies++;
		}
	if (zombies)
		list_for_each(d, &domain_list, link)
			dump_mappings(d);
	domains_thaw();
	printk("Zombies: %u\n", zombies);
}
