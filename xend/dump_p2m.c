#include "xend/dump_p2m.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define PER_PAGE 512UL			/* entries of a page of mfns */
#define P2M_SLACK (1UL << 20)		/* pfns that may exist beyond max_pages: 4 GiB of holes */
#define PTE_PRESENT 1UL
#define PTE_LARGE 0x80UL
#define PTE_MFN(e) ((e) >> 12 & 0xffffffffffUL)	/* SDM 3A 4.5: bits 12 to 51 */
#define P2M_FLAGS (3UL << 62)		/* Linux: foreign or identity, no memory of the guest's */

struct p2m_read {
	struct hyp *h;
	uint16_t domid;
	uint64_t *list;			/* mfns of the pages that the array consists of: p2m.frame */
	uint64_t pages;
	uint64_t table_mfn[5];		/* what table[] holds; 0: nothing yet */
	uint64_t table[5][PER_PAGE];
};

/* Copy one frame of the guest's. */
static int frame_read(struct p2m_read *r, uint64_t mfn, uint64_t *to)
{
	xen_pfn_t frame = mfn;
	int err = 0, rc;
	void *p;

	rc = hyp_map(r->h, r->domid, PROT_READ, 1, &frame, &err, &p);
	if (rc)
		return rc;
	if (!err)
		memcpy(to, p, PAGE);
	hyp_unmap(r->h, p, 1);
	return err < 0 ? err : -err;
}

/* ---------------------------------------- by the guest's page tables (p2m_cr3) */

static int walk_table(struct p2m_read *r, int level, uint64_t mfn)
{
	int rc;

	if (r->table_mfn[level] == mfn)
		return 0;
	r->table_mfn[level] = 0;
	rc = frame_read(r, mfn, r->table[level]);
	if (!rc)
		r->table_mfn[level] = mfn;
	return rc;
}

static uint64_t walk(struct p2m_read *r, uint64_t root, uint64_t virt)
{
	uint64_t mfn = root;

	for (int level = 4; level >= 1; level--) {
		uint64_t entry;

		if (walk_table(r, level, mfn))
			return DUMP_NO_MFN;
		entry = r->table[level][virt >> (3 + 9 * level) & 511];
		if (!(entry & PTE_PRESENT) || (level > 1 && entry & PTE_LARGE))
			return DUMP_NO_MFN;
		mfn = PTE_MFN(entry);
	}
	return mfn;
}

static int list_by_tables(struct p2m_read *r, const struct arch_shared_info *a)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < r->pages; i++) {
		r->list[i] = walk(r, a->p2m_cr3 >> 12, a->p2m_vaddr + i * PAGE);
		found += r->list[i] != DUMP_NO_MFN;
	}
	return found ? 0 : -ENODATA;
}

/* ---------------------------------- by lists of lists (pfn_to_mfn_frame_list_list) */

static int list_by_frames(struct p2m_read *r, const struct arch_shared_info *a)
{
	uint64_t top[PER_PAGE], mid[PER_PAGE];
	int rc = frame_read(r, a->pfn_to_mfn_frame_list_list, top);

	if (rc)
		return -ENODATA;
	if (r->pages > PER_PAGE * PER_PAGE)
		return -EINVAL;		/* 512 GiB and more need the other way */
	for (uint64_t i = 0; i < r->pages; i++) {
		if (i % PER_PAGE == 0)
			rc = frame_read(r, top[i / PER_PAGE], mid);
		r->list[i] = rc ? DUMP_NO_MFN : mid[i % PER_PAGE];
	}
	return 0;
}

/* ---------------------------------------------------------------- the array */

/* One batch of the array's pages; those that can't be mapped hold nothing. */
static int array_read(struct p2m_read *r, uint64_t first, uint64_t count, uint64_t *to)
{
	xen_pfn_t frame[PER_PAGE];
	int err[PER_PAGE], rc;
	void *p;

	for (uint64_t i = 0; i < count; i++)
		frame[i] = r->list[first + i];
	memset(err, 0, sizeof(err));
	rc = hyp_map(r->h, r->domid, PROT_READ, count, frame, err, &p);
	if (rc)
		return rc;
	for (uint64_t i = 0; i < count; i++) {
		if (err[i])
			memset(to + i * PER_PAGE, 0xff, PAGE);
		else
			memcpy(to + i * PER_PAGE, (uint8_t *)p + i * PAGE, PAGE);
	}
	hyp_unmap(r->h, p, count);
	return 0;
}

static int array_read_all(struct p2m_read *r, struct dump_p2m *p2m)
{
	int rc = 0;

	for (uint64_t i = 0; i < r->pages && !rc; i += PER_PAGE) {
		uint64_t n = r->pages - i < PER_PAGE ? r->pages - i : PER_PAGE;

		rc = array_read(r, i, n, p2m->mfn + i * PER_PAGE);
	}
	for (uint64_t pfn = 0; pfn < p2m->count; pfn++)
		if (p2m->mfn[pfn] & P2M_FLAGS)
			p2m->mfn[pfn] = DUMP_NO_MFN;
	return rc;
}

static int p2m_read_into(struct p2m_read *r, const struct arch_shared_info *a,
			 struct dump_p2m *p2m)
{
	int rc;

	r->pages = (p2m->count + PER_PAGE - 1) / PER_PAGE;
	p2m->frames = r->pages;
	p2m->frame = r->list = malloc(r->pages * sizeof(*r->list));
	p2m->mfn = malloc(r->pages * PAGE);	/* whole pages, more than `count` */
	if (!r->list || !p2m->mfn)
		return -ENOMEM;
	rc = a->p2m_cr3 ? list_by_tables(r, a) : list_by_frames(r, a);
	return rc ? rc : array_read_all(r, p2m);
}

int dump_p2m_read(struct hyp *h, uint16_t domid, const struct shared_info *shared,
		  uint64_t max_pages, struct dump_p2m *p2m, struct fault *f)
{
	struct arch_shared_info a = shared->arch;	/* read once: the guest may still run */
	struct p2m_read *r;
	int rc;

	*p2m = (struct dump_p2m){ .count = a.max_pfn };
	if (!a.max_pfn || (!a.p2m_cr3 && !a.pfn_to_mfn_frame_list_list))
		return fault_set(f, ENODATA, "the guest has not told where its memory is: it did "
				 "not get far enough, or its kernel is of another kind");
	if (a.max_pfn > max_pages + P2M_SLACK)
		return fault_set(f, EINVAL, "the guest claims to have %lu MiB, but may have only "
				 "%lu", a.max_pfn / 256, max_pages / 256);
	r = calloc(1, sizeof(*r));
	if (!r)
		return fault_set(f, ENOMEM, "not enough memory in domain 0");
	r->h = h;
	r->domid = domid;
	rc = p2m_read_into(r, &a, p2m);
	free(r);
	if (!rc)
		return 0;
	dump_p2m_free(p2m);
	return fault_errno(f, -rc, "cannot read the guest's own list of its memory");
}

void dump_p2m_free(struct dump_p2m *p2m)
{
	free(p2m->mfn);
	free(p2m->frame);
	*p2m = (struct dump_p2m){ 0 };
}
