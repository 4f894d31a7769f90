/*
 * Where a running PV guest keeps its memory: its own p2m array, found through shared_info.  All
 * of it is the guest's word, so every number is bounded and every frame that cannot be mapped
 * counts as missing; the hypervisor sees to it that none is another domain's.
 */
#ifndef XEND_DUMP_P2M_H
#define XEND_DUMP_P2M_H

#include "xend/fault.h"
#include "xenstore/hyp.h"

struct dump_p2m {
	uint64_t *mfn;		/* owned; DUMP_NO_MFN where there is nothing */
	uint64_t count;		/* pfns 0 … count - 1 */
	uint64_t *frame;	/* owned; mfns of the guest's frames that hold the array */
	uint64_t frames;
};

#define DUMP_NO_MFN (~0UL)

/* Read it.  `max_pages` is what the domain may have at most (getdomaininfo).  -ENODATA: the
 * guest has not set one up; -EINVAL: it makes no sense. */
int dump_p2m_read(struct hyp *h, uint16_t domid, const struct shared_info *shared,
		  uint64_t max_pages, struct dump_p2m *p2m, struct fault *f);
void dump_p2m_free(struct dump_p2m *p2m);

#endif
