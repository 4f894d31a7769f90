/*
 * plan.h - a job's body, understood: the configuration of the domain that it is to make; and what an
 * earlier attempt at it has come to.
 */
#ifndef XEND_PLAN_H
#define XEND_PLAN_H

#include <stdbool.h>

#include "xend/config.h"
#include "xend/jobs.h"
#include "xenstore/hyp.h"

struct plan {
	struct sxp *source;
	struct config config;
};

/* The domain's managed configuration becomes the job's body, its name the job's claim.  0 or -errno. */
int plan_take_managed(struct job *j, const struct dom *d);

/* 0, or -errno with the job's fault said and nothing to free. */
int plan_read(struct plan *p, struct job *j);
void plan_free(struct plan *p);

/* The number of the complete domain with this UUID; -ENOENT: there is none. */
int plan_find_complete(struct workshop *w, const char *uuid, struct xen_domctl_getdomaininfo *info);
/* An earlier attempt got as far as the mark: only the last step may be missing. */
int plan_finish(struct workshop *w, int domid, const struct xen_domctl_getdomaininfo *info,
		bool stay_paused);

#endif
