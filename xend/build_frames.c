#include "xend/build_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xend/domctl.h"
#include "xend/memop.h"
#include "xend/sysctl.h"

#define POPULATE_ORDER 9		/* 2 MiB: what the hypervisor hands out at a stroke */
#define POPULATE_EXTENTS 1024		/* per call */
#define WRITE_FRAMES 2048UL		/* mapped at once: 8 MiB */

int build_progress(struct build *b, const char *phase, uint64_t done, uint64_t total)
{
	if (!b->c->progress || !b->c->progress(b->c->progress_ctx, phase, done, total))
		return 0;
	return fault_set(b->f, ECANCELED, "the domain's creation was cancelled");
}

static int populate_refused(struct build *b, uint64_t got, long rc)
{
	struct xen_domctl_getdomaininfo dom0;
	struct xen_sysctl_physinfo host;

	if (rc < 0 && rc != -ENOMEM)
		return fault_errno(b->f, (int)-rc, "cannot give the domain memory");
	if (sysctl_physinfo(b->h, &host) < 0 || domctl_info(b->h, 0, &dom0) < 0)
		return fault_set(b->f, ENOMEM, "the host has not enough free memory");
	fault_set(b->f, ENOMEM, "the host has not enough free memory: of the domain's %lu MiB "
		  "only %lu could be had", b->l.nr_pages / 256, got / 256);
	fault_hint(b->f, "%lu MiB are free now. Shut down another domain, or shrink domain 0, "
		   "which has %lu MiB: xm mem-set Domain-0 <MiB>",
		   (host.free_pages + got) / 256, dom0.tot_pages / 256);
	return -ENOMEM;
}

/* One call: as many extents of this order as are wanted and fit; returns frames, 0: none. */
static long populate_some(struct build *b, uint64_t pfn, unsigned int order, xen_pfn_t *extents)
{
	uint64_t size = 1UL << order, count = (b->l.nr_pages - pfn) >> order;
	long rc;

	if (count > POPULATE_EXTENTS)
		count = POPULATE_EXTENTS;
	for (uint64_t i = 0; i < count; i++)
		extents[i] = pfn + i * size;
	rc = memop_populate(b->h, b->res->domid, extents, count, order, 0);
	for (long i = 0; i < rc; i++)
		for (uint64_t k = 0; k < size; k++)
			b->mfn[pfn + (uint64_t)i * size + k] = extents[i] + k;
	return rc > 0 ? rc << order : rc;
}

int build_populate(struct build *b)
{
	unsigned int order = POPULATE_ORDER;
	xen_pfn_t *extents = malloc(POPULATE_EXTENTS * sizeof(*extents));
	uint64_t pfn = 0;
	int rc = 0;

	b->mfn = calloc(b->l.nr_pages, sizeof(*b->mfn));
	if (!extents || !b->mfn) {
		free(extents);
		return fault_set(b->f, ENOMEM, "not enough memory in domain 0");
	}
	while (pfn < b->l.nr_pages && !rc) {
		long got;

		if (b->l.nr_pages - pfn < 1UL << order)
			order = 0;		/* the last, broken piece */
		got = populate_some(b, pfn, order, extents);
		if (got > 0)
			pfn += (uint64_t)got;
		else if (order)
			order = 0;		/* no 2 MiB in one piece are left: page by page */
		else
			rc = populate_refused(b, pfn, got);
		if (!rc)
			rc = build_progress(b, "memory", pfn, b->l.nr_pages);
	}
	free(extents);
	return rc;
}

/* One piece: all or nothing, and never mapped beyond this. */
static int write_piece(struct build *b, const struct layout_run *run, uint64_t offset,
		       uint64_t count, build_fill fill)
{
	void *to;
	int rc = hyp_map(b->h, b->res->domid, PROT_READ | PROT_WRITE, count,
			 b->mfn + run->pfn + offset, NULL, &to);

	if (rc)
		return fault_errno(b->f, -rc, "cannot map the domain's memory");
	rc = fill(b, to, offset, count);
	hyp_unmap(b->h, to, count);
	return rc;
}

int build_write(struct build *b, const char *phase, const struct layout_run *run,
		build_fill fill)
{
	uint64_t done = 0, count;
	int rc = 0;

	while (done < run->count && !rc) {
		count = run->count - done < WRITE_FRAMES ? run->count - done : WRITE_FRAMES;
		rc = write_piece(b, run, done, count, fill);
		done += count;
		if (!rc)
			rc = build_progress(b, phase, done, run->count);
	}
	return rc;
}

void *build_map_frame(struct build *b, uint64_t mfn, const char *what, int *rc)
{
	xen_pfn_t frame = mfn;
	void *p = NULL;

	*rc = hyp_map(b->h, b->res->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL, &p);
	if (*rc)
		fault_errno(b->f, -*rc, "cannot map the domain's %s", what);
	return p;
}
