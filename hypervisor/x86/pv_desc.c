/* A guest's descriptor tables: frames of type PAGE_SEGDESC, mapped into the CPU's windows while it runs. */
#include "arch.h"
#include "desc.h"
#include "errno.h"
#include "pv_mm.h"
#include "tlb.h"

#define ENTRIES_PER_PAGE 512

static void frames_put(struct page **frames, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (frames[i]) {
			page_put_and_type(frames[i]);
			frames[i] = NULL;
		}
}

void pv_drop_gdt(struct vcpu *v)
{
	v->arch.pv.gdt_entries = 0;
	if (v == current_vcpu())
		pv_load_gdt(v);
	frames_put(v->arch.pv.gdt_frames, GUEST_GDT_PAGES);
}

int pv_set_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries)
{
	unsigned int count = DIV_UP(entries, ENTRIES_PER_PAGE);
	struct page *frames[GUEST_GDT_PAGES] = { NULL };
	struct domain *d = v->domain;

	if (entries > GUEST_GDT_PAGES * ENTRIES_PER_PAGE)
		return -EINVAL;
	spin_lock(&d->arch.mm_lock);
	for (unsigned int i = 0; i < count; i++) {
		struct page *pg = page_get_mfn(MFN(mfns[i]), d);

		if (!pg || page_get_type(pg, PAGE_SEGDESC)) {
			if (pg)
				page_put(pg);
			frames_put(frames, i);
			spin_unlock(&d->arch.mm_lock);
			return -EINVAL;
		}
		frames[i] = pg;
	}
	pv_drop_gdt(v);
	for (unsigned int i = 0; i < count; i++)
		v->arch.pv.gdt_frames[i] = frames[i];
	v->arch.pv.gdt_entries = entries;
	if (v == current_vcpu())
		pv_load_gdt(v);
	spin_unlock(&d->arch.mm_lock);
	return 0;
}

void pv_drop_ldt(struct vcpu *v)
{
	v->arch.pv.ldt_entries = 0;
	if (v == current_vcpu())
		pv_load_ldt(v);
	frames_put(v->arch.pv.ldt_frames, LDT_PAGES);
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
	unsigned int count = DIV_UP(entries, ENTRIES_PER_PAGE);
	struct page *frames[LDT_PAGES] = { NULL };
	struct domain *d = v->domain;
	int rc = 0;

	if (entries > 8192 || (base & (PAGE_SIZE - 1) && entries))
		return -EINVAL;
	spin_lock(&d->arch.mm_lock);
	for (unsigned int i = 0; i < count && !rc; i++) {
		uint64_t *e = pv_walk(v->arch.pv.root_kernel, base + i * PAGE_SIZE);
		struct page *pg = e && *e & PTE_P ? page_get_mfn(pte_mfn(*e), d) : NULL;

		rc = pg ? page_get_type(pg, PAGE_SEGDESC) : -EINVAL;
		if (rc && pg)
			page_put(pg);
		else
			frames[i] = pg;
	}
	if (rc) {
		frames_put(frames, LDT_PAGES);
	} else {
		pv_drop_ldt(v);
		for (unsigned int i = 0; i < count; i++)
			v->arch.pv.ldt_frames[i] = frames[i];
		v->arch.pv.ldt_base = base;
		v->arch.pv.ldt_entries = entries;
		if (v == current_vcpu())
			pv_load_ldt(v);
	}
	spin_unlock(&d->arch.mm_lock);
	return rc;
}

/* Puts `count` frames into the first entries of a window; beyond, up to what was there before, `rest`. */
static void window_map(uint64_t *ptes, uint64_t va, struct page *const *frames, unsigned int count,
		       unsigned int *mapped, uint64_t rest)
{
	for (unsigned int i = 0; i < MAX(count, *mapped); i++) {
		uint64_t want = i < count ? pte_make(page_to_mfn(frames[i]), PTE_HV | pte_nx) : rest;

		if (ptes[i] != want) {
			ptes[i] = want;
			tlb_flush_page_local(va + i * PAGE_SIZE);
		}
	}
	*mapped = count;
}

void pv_load_gdt(struct vcpu *v)
{
	struct arch_cpu *c = &this_cpu()->arch;

	window_map(c->gdt_ptes, (uint64_t)c->gdt, v->arch.pv.gdt_frames,
		   DIV_UP(v->arch.pv.gdt_entries, ENTRIES_PER_PAGE), &c->gdt_mapped,
		   zero_page_paddr() | PTE_P | PTE_A | pte_nx);
}

void pv_load_ldt(struct vcpu *v)
{
	struct arch_cpu *c = &this_cpu()->arch;
	uint64_t va = (uint64_t)c->gdt + GDT_WINDOW_PAGES * PAGE_SIZE;
	unsigned int entries = v->arch.pv.ldt_entries;

	if (!entries && !c->ldt_mapped)
		return;			/* the null LDT is loaded already */
	window_map(c->ldt_ptes, va, v->arch.pv.ldt_frames, DIV_UP(entries, ENTRIES_PER_PAGE),
		   &c->ldt_mapped, 0);
	desc_load_ldt(va, entries);
}
