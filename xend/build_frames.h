/*
 * A new domain's frames: taking them from the hypervisor, and writing to them through foreign
 * mappings, some megabytes at a time.  Part of build.c.
 */
#ifndef XEND_BUILD_FRAMES_H
#define XEND_BUILD_FRAMES_H

#include "xend/build.h"
#include "xend/layout.h"

struct build {			/* one build under way */
	struct hyp *h;
	const struct build_config *c;
	const struct image *img;
	struct build_result *res;
	struct fault *f;
	struct layout l;
	uint64_t *mfn;		/* owned; l.nr_pages entries: where each pfn is */
	int initrd;		/* owned descriptor or -1 */
	uint64_t initrd_bytes;
};

/* Tell the caller how far we are; -ECANCELED if it wants to stop. */
int build_progress(struct build *b, const char *phase, uint64_t done, uint64_t total);

/* Populate all of the domain's memory; -ENOMEM if there is not enough. */
int build_populate(struct build *b);

/* Fill `count` frames that stand at `offset` (in frames) within a run: `to` is writable,
 * mapped memory.  0 or -errno (a fault is set by the filler or, generally, by the caller). */
typedef int (*build_fill)(struct build *b, void *to, uint64_t offset, uint64_t count);

/* Map the run piece by piece and let `fill` write to it. */
int build_write(struct build *b, const char *phase, const struct layout_run *run,
		build_fill fill);

/* Steps that restoring takes too (restore.c).  Before it there is no domain. */
int build_step_memory_check(struct build *b);	/* is as much free as is wanted? */
int build_step_create(struct build *b);
/* In this order; each 0 or -errno with the fault said. */
int build_step_vcpus(struct build *b);
int build_step_affinity(struct build *b);
int build_step_limits(struct build *b);		/* and the two ports */
int build_step_grants(struct build *b);		/* res->store_frame and console_frame are known */
int build_step_sched(struct build *b);

/* Map one frame for writing. */
void *build_map_frame(struct build *b, uint64_t mfn, const char *what, int *rc);

#endif
