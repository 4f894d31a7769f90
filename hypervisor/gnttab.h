/*
 * Grant tables: what a domain lets others do with its frames, and GNTTABOP_* (xen/grant_table.h).
 *
 * Whoever uses a grant holds references of its own on the frame from then until it lets go, so that a
 * granter's death or change of mind leaves nothing dangling; page-table entries made for a grant hold
 * theirs besides, like any others.
 */
#ifndef HV_GNTTAB_H
#define HV_GNTTAB_H

#include "types.h"

struct domain;
struct page;

/* What the options and the toolstack leave open (config.max_* < 0). */
#define GNTTAB_FRAMES_DEFAULT 64
#define GNTTAB_MAPTRACK_FRAMES_DEFAULT 1024

/* Of config's max_grant_frames, max_maptrack_frames and grant_opts; -EINVAL, -ENOMEM. */
int gnttab_init(struct domain *d);
int gnttab_release_maps(struct domain *d);	/* what it holds of others' frames; it's dying. -ERESTART */
void gnttab_unshare(struct domain *d);		/* it's dead: its shared frames go; what others hold stays theirs */
void gnttab_free(struct domain *d);		/* nobody refers to it any more */
/*
 * The frame of the table, growing it if need be (XENMEM_acquire_resource, XENMEM_resource_grant_table_id_*).
 * -EINVAL: beyond the maximum, or no status frames in version 1; -ENOMEM.
 */
int gnttab_frame(struct domain *d, bool status, uint32_t index, mfn_t *mfn);
uint32_t gnttab_frames_max(struct domain *d, bool status);	/* indexes that gnttab_frame() may accept */
/* The pages that it has mapped of others, once for each handle; its vcpus are paused. */
void gnttab_visit_maps(struct domain *d, void (*visit)(struct page *pg, bool writes, void *data), void *data);
void gnttab_dump(void);				/* debug key g */
void gnttab_dump_users(const struct domain *granter);	/* part of debug key Z, between domains_freeze() and _thaw() */

#endif
