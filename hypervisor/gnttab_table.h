/*
 * A domain's grant table itself: the shared frames, both entry formats, and who has which entry in use.
 * Between gnttab_table.c and gnttab.c, the operations.
 */
#ifndef HV_GNTTAB_TABLE_H
#define HV_GNTTAB_TABLE_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct domain;
struct page;

/* How an entry is in use.  The frame is the one read at the first use, whatever the guest writes later. */
struct grant_active {
	uint32_t readers, writers;	/* uses that only read; uses that may write */
	domid_t user;			/* the one domain that uses it */
	uint16_t offset, length;	/* the part of the page that was granted */
	bool is_transitive;		/* another domain's grant is meant: */
	domid_t via_domid;
	union {
		mfn_t mfn;
		uint32_t via_ref;
	};
};

/* What a domain has mapped of others; its handle is the index. */
struct maptrack {
	struct domain *granter;		/* counted */
	uint32_t ref;			/* or the next free handle */
	uint16_t flags;			/* GNTMAP_*; 0: free */
	uint16_t is_busy;		/* being unmapped */
};

#define MAPTRACK_PER_FRAME (PAGE_SIZE / sizeof(struct maptrack))
#define HANDLE_NONE (~0U)

struct gnttab {
	struct spinlock lock;		/* the table: frames, version, active[] */
	unsigned int version, max_version;
	uint32_t frames, max_frames;	/* shared with the guest */
	uint32_t status_frames;		/* version 2 only */
	void **shared;			/* [max_frames] */
	grant_status_t **status;	/* [max_frames]: never more than that */
	struct grant_active **active;	/* [max_frames]: those of one version-1 frame */
	bool is_gone;			/* the domain is dead: nothing is shared any more */

	struct spinlock map_lock;	/* below `lock` of any domain: handles */
	struct maptrack **maptrack;	/* [max_maptrack_frames] */
	uint32_t maptrack_frames, max_maptrack_frames;
	uint32_t free_handle;
	uint32_t maps;			/* handles in use */
	uint32_t release_next;		/* while dying */
};

/* A page that may be used because of a grant: references are held until gnttab_release(). */
struct grant_use {
	struct domain *granter;
	uint32_t ref;
	bool writes;
	struct page *page;
	uint16_t offset, length;	/* the part of it that was granted */
	struct domain *via;		/* NULL, or whose transitive grant led to this one; granter is counted then */
	uint32_t via_ref;
};

enum grant_for {
	GRANT_MAP,			/* the whole page */
	GRANT_COPY,			/* a part will do, and another domain's grant */
	GRANT_COPY_VIA,			/* … but that one has to be a page */
};

/* Takes grant `ref` of `granter` into use for domain `user`; fills *use.  GNTST_okay, or why not. */
int gnttab_acquire(struct domain *granter, uint32_t ref, domid_t user, bool writes, enum grant_for what,
		   struct grant_use *use);
void gnttab_release(const struct grant_use *use);
/* For a mapping that's known by its handle: what gnttab_acquire() had returned. */
void gnttab_use_of(const struct maptrack *m, domid_t user, struct grant_use *use);

uint32_t gnttab_entries(const struct gnttab *gt);
int gnttab_set_version_locked(struct domain *d, uint32_t version);	/* -EBUSY, -ENOMEM, -ERANGE */
int gnttab_swap_locked(struct gnttab *gt, uint32_t a, uint32_t b);	/* GNTST_* */
/* Gives `to` a frame that is nobody's, if its entry wants one from `from`.  GNTST_okay, or GNTST_general_error. */
int gnttab_accept(struct domain *to, uint32_t ref, domid_t from, struct page *pg);
/* Has `d` this frame of another domain's mapped by a grant? */
bool gnttab_has_mapped(struct domain *d, mfn_t mfn);

uint32_t maptrack_new(struct domain *d);		/* a handle, being set up; HANDLE_NONE: no more */
struct maptrack *maptrack_find(struct gnttab *gt, uint32_t handle);	/* NULL: there's none */
void maptrack_free(struct gnttab *gt, uint32_t handle);

#endif
