/* The machine's part of a domain's life: what it holds in page tables and frames. */
#include "arch.h"
#include "errno.h"
#include "heap.h"
#include "hypercall.h"
#include "physdev.h"
#include "pv_mm.h"
#include "pv_tree.h"
#include "string.h"
#include "tlb.h"

int arch_domain_init(struct domain *d, const struct xen_domctl_createdomain *config) { return 0; }

void arch_domain_free(struct domain *d)
{
	physdev_domain_free(d);
	mem_free(d->arch.e820);
	mem_free(d->arch.policy);
}

void pv_hypercall_page_fill(uint8_t *page)
{
	static const uint8_t stub[] = { 0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3 };
	static const uint8_t iret[] = { 0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05 };

	memset(page, 0xcc, PAGE_SIZE);
	for (unsigned int n = 0; n < PAGE_SIZE / 32; n++) {
		memcpy(page + n * 32, stub, sizeof(stub));	/* push rcx, r11; mov eax,n; syscall; pop … ret */
		page[n * 32 + 4] = n;
	}
	memcpy(page + __HYPERVISOR_iret * 32, iret, sizeof(iret));
}

/* The guest's and the owner's own claim on a frame; who else refers to it keeps it a while. */
static void frame_relinquish(struct domain *d, struct page *pg)
{
	if (__atomic_fetch_and(&pg->type, ~TYPE_PINNED, __ATOMIC_SEQ_CST) & TYPE_PINNED)
		page_put_and_type(pg);
	if (__atomic_fetch_and(&pg->count, ~PAGE_ALLOCATED, __ATOMIC_SEQ_CST) & PAGE_ALLOCATED)
		page_put(pg);
}

/* The next of its frames, referenced; NULL: none so near, or none left. */
static struct page *frame_next(struct domain *d)
{
	struct page *pg = page_find_owned(d, &d->arch.relinquish_at);

	if (!pg || !page_get(pg, d))	/* it is being freed just now */
		return NULL;
	if (!page_is_shared(pg))
		return pg;
	page_put(pg);
	return NULL;
}

/* One of them, when no tree of page tables is unfinished. */
static void frame_relinquish_next(struct domain *d)
{
	struct page *pg;

	spin_lock(&d->arch.mm_lock);
	pg = pv_tree_drop_outcomes(d) ? NULL : frame_next(d);
	if (pg) {
		frame_relinquish(d, pg);
		page_put(pg);
	}
	spin_unlock(&d->arch.mm_lock);
}

int arch_domain_relinquish(struct domain *d)
{
	if (!d->arch.is_relinquishing) {
		physdev_domain_release(d);
		for (unsigned int i = 0; i < d->max_vcpus; i++)
			if (d->vcpu[i])
				pv_vcpu_relinquish(d->vcpu[i]);
		d->arch.relinquish_at = MFN(0);
		d->arch.is_relinquishing = true;
	}
	while (d->arch.relinquish_at.n <= max_mfn || READ_ONCE(d->arch.tree.depth) || d->arch.tree.outcomes) {
		frame_relinquish_next(d);
		if (hypercall_should_yield())
			return -ERESTART;
	}
	return 0;
}

void arch_page_released(struct page *pg) { m2p_set(page_to_mfn(pg), M2P_INVALID); }

/* Frames that another domain had may still be in a TLB somewhere. */
void arch_frames_reused(struct page *pg, unsigned int order)
{
	uint32_t latest = 0;		/* whose flush covers the others as well */

	for (unsigned long i = 0; i < 1UL << order; i++) {
		latest = MAX(latest, page_stamp(&pg[i]));
		pg[i].use &= ~USE_STAMP;
	}
	if (latest)
		tlb_flush_stamped(&cpu_online, latest);
}

bool arch_tlb_is_stale(uint32_t stamp)
{
	return stamp && tlb_is_stale(&cpu_online, stamp);
}

void arch_tlb_flush_stale(uint32_t stamp) { tlb_flush_stamped(&cpu_online, stamp); }

/* The machine-to-phys table: the toolstack reads it to save a domain. */
void arch_share_tables(void)
{
	uint64_t mfn;

	for (unsigned int chunk = 0; m2p_chunk(chunk, &mfn); chunk++)
		for (unsigned int i = 0; mfn != ~0UL && i < M2P_CHUNK_FRAMES; i++)
			page_share(dom_xen, mfn_to_page(MFN(mfn + i)), false);
}

void arch_m2p_set(mfn_t mfn, uint64_t pfn) { m2p_set(mfn, pfn); }
