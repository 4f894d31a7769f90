#include "gnttab_table.h"
#include "arch.h"
#include "domain.h"
#include "errno.h"
#include "gnttab.h"
#include "heap.h"
#include "machine.h"
#include "string.h"

#define V1_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_FRAME (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))
#define FLAG_ATTEMPTS 5			/* a granter that changes the entry more often than that is refused */
#define USES_MAX (1U << 30)
#define FRAMES_MAX 65536		/* 32-bit references */

/* Flags and domid of an entry as the one word as which they are changed. */
typedef uint32_t __attribute__((may_alias)) entry_word_t;

static uint32_t entries_per_frame(const struct gnttab *gt)
{
	return gt->version == 1 ? V1_PER_FRAME : V2_PER_FRAME;
}

uint32_t gnttab_entries(const struct gnttab *gt)
{
	return gt->frames * entries_per_frame(gt);
}

static struct grant_entry_v1 *entry_v1(const struct gnttab *gt, uint32_t ref)
{
	return (struct grant_entry_v1 *)gt->shared[ref / V1_PER_FRAME] + ref % V1_PER_FRAME;
}

static union grant_entry_v2 *entry_v2(const struct gnttab *gt, uint32_t ref)
{
	return (union grant_entry_v2 *)gt->shared[ref / V2_PER_FRAME] + ref % V2_PER_FRAME;
}

static grant_status_t *entry_status(const struct gnttab *gt, uint32_t ref)
{
	return &gt->status[ref / STATUS_PER_FRAME][ref % STATUS_PER_FRAME];
}

static struct grant_active *entry_active(const struct gnttab *gt, uint32_t ref)
{
	return &gt->active[ref / V1_PER_FRAME][ref % V1_PER_FRAME];
}

/* ---- The in-use bits that the granter sees ---- */

/* Its domain is `user`, who may do that. */
static bool entry_is_for(uint32_t hdr, domid_t user, bool writes)
{
	return hdr >> 16 == user && !(writes && hdr & GTF_readonly);
}

static uint16_t use_bits(bool writes)
{
	return writes ? GTF_reading | GTF_writing : GTF_reading;
}

/* Version 1: flags and domid are one word, changed together or not at all. */
static int mark_v1(struct gnttab *gt, uint32_t ref, domid_t user, bool writes)
{
	entry_word_t *word = (entry_word_t *)entry_v1(gt, ref);
	uint32_t old = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < FLAG_ATTEMPTS; i++) {
		/* GTF_sub_page and transitive grants are version 2's */
		if ((old & GTF_type_mask) != GTF_permit_access || !entry_is_for(old, user, writes))
			return GNTST_general_error;
		if (__atomic_compare_exchange_n(word, &old, old | use_bits(writes), false, __ATOMIC_SEQ_CST,
						__ATOMIC_ACQUIRE))
			return GNTST_okay;
	}
	return GNTST_general_error;
}

/* Does an entry of version 2 serve that? */
static bool entry_serves(uint32_t hdr, enum grant_for what)
{
	switch (hdr & GTF_type_mask) {
	case GTF_permit_access:
		return what != GRANT_MAP || !(hdr & GTF_sub_page);
	case GTF_transitive:
		return what == GRANT_COPY;
	default:
		return false;
	}
}

/* Version 2: the status word says so first; then the entry must (still) permit it. */
static int mark_v2(struct gnttab *gt, uint32_t ref, domid_t user, bool writes, enum grant_for what)
{
	const entry_word_t *word = (const entry_word_t *)&entry_v2(gt, ref)->hdr;
	grant_status_t *status = entry_status(gt, ref), was;
	uint32_t hdr;

	was = __atomic_fetch_or(status, use_bits(writes), __ATOMIC_SEQ_CST);
	hdr = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	if (entry_serves(hdr, what) && entry_is_for(hdr, user, writes))
		return GNTST_okay;
	__atomic_fetch_and(status, ~(use_bits(writes) & ~was), __ATOMIC_SEQ_CST);
	return GNTST_general_error;
}

static void unmark(struct gnttab *gt, uint32_t ref, uint16_t bits)
{
	uint16_t *word = gt->version == 1 ? &entry_v1(gt, ref)->flags : entry_status(gt, ref);

	__atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

/* ---- Use ---- */

/* The first user's reading of the entry; the status bits are set, so a decent granter leaves it alone. */
static void active_fill(const struct gnttab *gt, uint32_t ref, struct grant_active *a)
{
	const union grant_entry_v2 *e;
	uint16_t flags;

	a->offset = 0;
	a->length = PAGE_SIZE;
	a->is_transitive = false;
	if (gt->version == 1) {
		a->mfn = MFN(READ_ONCE(entry_v1(gt, ref)->frame));
		return;
	}
	e = entry_v2(gt, ref);
	flags = READ_ONCE(e->hdr.flags);
	if ((flags & GTF_type_mask) == GTF_transitive) {
		a->is_transitive = true;
		a->via_domid = READ_ONCE(e->transitive.trans_domid);
		a->via_ref = READ_ONCE(e->transitive.gref);
		return;
	}
	a->mfn = MFN(READ_ONCE(e->full_page.frame));
	if (!(flags & GTF_sub_page))
		return;
	a->offset = READ_ONCE(e->sub_page.page_off);
	a->length = READ_ONCE(e->sub_page.length);
}

static bool active_is_unused(const struct grant_active *a)
{
	return !a->readers && !a->writers;
}

/* Undoes what this use, and none before it, has marked. */
static void unmark_unused(struct gnttab *gt, uint32_t ref, const struct grant_active *a)
{
	uint16_t bits = 0;

	if (!a->writers)
		bits |= GTF_writing;
	if (active_is_unused(a))
		bits |= GTF_reading;
	if (bits)
		unmark(gt, ref, bits);
}

/* The page that it names gets its references. */
static int active_get_page(struct domain *granter, const struct grant_active *a, bool writes, struct page **pg)
{
	*pg = page_get_mfn(a->mfn, granter);
	if (!*pg)
		return GNTST_bad_page;
	if (writes && page_get_type(*pg, PAGE_WRITABLE)) {
		page_put(*pg);
		return GNTST_bad_page;
	}
	return GNTST_okay;
}

static int acquire_locked(struct domain *granter, uint32_t ref, domid_t user, bool writes, enum grant_for what,
			  struct grant_use *use)
{
	struct gnttab *gt = granter->gnttab;
	struct grant_active *a;
	int rc = GNTST_okay;

	*use = (struct grant_use){ .granter = granter, .ref = ref, .writes = writes };
	if (gt->is_gone || READ_ONCE(granter->dying) != DOMAIN_ALIVE)
		return GNTST_bad_domain;
	if (ref >= gnttab_entries(gt))
		return GNTST_bad_gntref;
	a = entry_active(gt, ref);
	if (!active_is_unused(a) && (a->user != user || a->readers + a->writers >= USES_MAX))
		return GNTST_general_error;
	if (active_is_unused(a) || (writes && !a->writers))
		rc = gt->version == 1 ? mark_v1(gt, ref, user, writes) : mark_v2(gt, ref, user, writes, what);
	if (rc)
		return rc;
	if (active_is_unused(a)) {
		active_fill(gt, ref, a);
		a->user = user;
	}
	/* It may be in use already, for what needs less. */
	if ((what == GRANT_MAP && a->length != PAGE_SIZE) || (what != GRANT_COPY && a->is_transitive))
		rc = GNTST_general_error;
	else if (a->is_transitive)
		use->via = granter;		/* that's half of it: acquire_via() */
	else
		rc = active_get_page(granter, a, writes, &use->page);
	if (rc) {
		unmark_unused(gt, ref, a);
		return rc;
	}
	*(writes ? &a->writers : &a->readers) += 1;
	use->offset = a->offset;
	use->length = a->length;
	return GNTST_okay;
}

/* One use of an entry ends; what it was used for has been put. */
static void entry_release(struct domain *granter, uint32_t ref, bool writes)
{
	struct gnttab *gt = granter->gnttab;
	struct grant_active *a;

	spin_lock(&gt->lock);
	a = entry_active(gt, ref);
	*(writes ? &a->writers : &a->readers) -= 1;
	if (!gt->is_gone)
		unmark_unused(gt, ref, a);
	spin_unlock(&gt->lock);
}

/* The entry, in use by now, lends what another domain has granted to its granter. */
static int acquire_via(struct domain *via, uint32_t via_ref, bool writes, struct grant_use *use)
{
	const struct grant_active *a = entry_active(via->gnttab, via_ref);	/* stays as it is while in use */
	struct domain *granter = domain_get(a->via_domid);
	int rc = GNTST_general_error;

	if (granter && granter != via) {
		spin_lock(&granter->gnttab->lock);
		rc = acquire_locked(granter, a->via_ref, via->id, writes, GRANT_COPY_VIA, use);
		spin_unlock(&granter->gnttab->lock);
	}
	if (rc) {
		if (granter)
			domain_put(granter);
		entry_release(via, via_ref, writes);
		return rc;
	}
	use->via = via;
	use->via_ref = via_ref;
	return GNTST_okay;
}

int gnttab_acquire(struct domain *granter, uint32_t ref, domid_t user, bool writes, enum grant_for what,
		   struct grant_use *use)
{
	int rc;

	spin_lock(&granter->gnttab->lock);
	rc = acquire_locked(granter, ref, user, writes, what, use);
	spin_unlock(&granter->gnttab->lock);
	return rc == GNTST_okay && use->via ? acquire_via(granter, ref, writes, use) : rc;
}

/* First the page, then the bits: a granter who sees them clear may use the page for something else. */
void gnttab_release(const struct grant_use *use)
{
	if (use->writes)
		page_put_type(use->page);
	entry_release(use->granter, use->ref, use->writes);
	page_put(use->page);
	if (use->via) {
		entry_release(use->via, use->via_ref, use->writes);
		domain_put(use->granter);
	}
}

void gnttab_use_of(const struct maptrack *m, domid_t user, struct grant_use *use)
{
	const struct grant_active *a = entry_active(m->granter->gnttab, m->ref);

	*use = (struct grant_use){ .granter = m->granter, .ref = m->ref,
				   .writes = !(m->flags & GNTMAP_readonly), .page = mfn_to_page(a->mfn),
				   .length = PAGE_SIZE };
}

/* ---- Transfer ---- */

/* Writes the frame where the guest has named a place for it; returns that place. */
static uint64_t entry_fill(const struct gnttab *gt, uint32_t ref, mfn_t mfn)
{
	uint64_t pfn;

	if (gt->version == 1) {
		pfn = READ_ONCE(entry_v1(gt, ref)->frame);
		WRITE_ONCE(entry_v1(gt, ref)->frame, (uint32_t)mfn.n);
	} else {
		pfn = READ_ONCE(entry_v2(gt, ref)->full_page.frame);
		WRITE_ONCE(entry_v2(gt, ref)->full_page.frame, mfn.n);
	}
	return pfn;
}

static int accept_locked(struct domain *to, uint32_t ref, domid_t from, struct page *pg)
{
	uint32_t open = GTF_accept_transfer | (uint32_t)from << 16;
	struct gnttab *gt = to->gnttab;
	entry_word_t *word;
	mfn_t mfn = page_to_mfn(pg);

	if (gt->is_gone || ref >= gnttab_entries(gt) || (gt->version == 1 && mfn.n >> 32))
		return GNTST_general_error;
	word = gt->version == 1 ? (entry_word_t *)entry_v1(gt, ref) : (entry_word_t *)&entry_v2(gt, ref)->hdr;
	if (!__atomic_compare_exchange_n(word, &open, open | GTF_transfer_committed, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return GNTST_general_error;
	if (page_assign(to, pg, 0)) {
		__atomic_fetch_and(word, ~(uint32_t)GTF_transfer_committed, __ATOMIC_SEQ_CST);
		return GNTST_general_error;
	}
	arch_m2p_set(mfn, entry_fill(gt, ref, mfn));
	__atomic_fetch_or(word, GTF_transfer_completed, __ATOMIC_SEQ_CST);
	return GNTST_okay;
}

int gnttab_accept(struct domain *to, uint32_t ref, domid_t from, struct page *pg)
{
	int rc;

	spin_lock(&to->gnttab->lock);
	rc = accept_locked(to, ref, from, pg);
	spin_unlock(&to->gnttab->lock);
	return rc;
}

/* ---- Size ---- */

static void *frame_share(struct domain *d)
{
	void *p = page_alloc_zeroed();

	if (p)
		page_share(d, mfn_to_page(virt_to_mfn(p)), true);
	return p;
}

static void frame_unshare(void *p)
{
	page_unshare(mfn_to_page(virt_to_mfn(p)));
}

static int grow_status(struct domain *d, uint32_t frames)
{
	struct gnttab *gt = d->gnttab;
	uint32_t want = DIV_UP(frames * V2_PER_FRAME, STATUS_PER_FRAME);

	for (; gt->status_frames < want; gt->status_frames++) {
		gt->status[gt->status_frames] = frame_share(d);
		if (!gt->status[gt->status_frames])
			return -ENOMEM;
	}
	return 0;
}

/* Locked; -EINVAL, -ENOMEM.  A failure half-way leaves a smaller table that is whole. */
static int gnttab_grow(struct domain *d, uint32_t frames)
{
	struct gnttab *gt = d->gnttab;

	if (frames > gt->max_frames || gt->is_gone)
		return -EINVAL;
	for (; gt->frames < frames; gt->frames++) {
		uint32_t i = gt->frames;

		if (gt->version == 2 && grow_status(d, i + 1))
			return -ENOMEM;
		if (!gt->active[i])
			gt->active[i] = mem_alloc(V1_PER_FRAME * sizeof(*gt->active[i]));
		if (!gt->active[i])
			return -ENOMEM;
		gt->shared[i] = frame_share(d);
		if (!gt->shared[i])
			return -ENOMEM;
	}
	return 0;
}

int gnttab_frame(struct domain *d, bool status, uint32_t index, mfn_t *mfn)
{
	struct gnttab *gt = d->gnttab;
	int rc = -EINVAL;

	spin_lock(&gt->lock);
	if (!status)
		rc = index < gt->max_frames ? gnttab_grow(d, MAX(gt->frames, index + 1)) : -EINVAL;
	else if (gt->version == 2 && index < gt->status_frames && !gt->is_gone)
		rc = 0;
	if (rc == 0)
		*mfn = virt_to_mfn(status ? (void *)gt->status[index] : gt->shared[index]);
	spin_unlock(&gt->lock);
	return rc;
}

uint32_t gnttab_frames_max(struct domain *d, bool status)
{
	struct gnttab *gt = d->gnttab;

	return status ? DIV_UP(gt->max_frames * V2_PER_FRAME, STATUS_PER_FRAME) : gt->max_frames;
}

/* ---- Versions ---- */

/* What the toolstack put into the first entries survives (xen/grant_table.h). */
struct reserved { uint16_t flags; domid_t domid; uint64_t frame; };

static int reserved_read(const struct gnttab *gt, struct reserved r[GNTTAB_NR_RESERVED_ENTRIES])
{
	for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
		if (gt->version == 1) {
			const struct grant_entry_v1 *e = entry_v1(gt, i);

			r[i] = (struct reserved){ e->flags, e->domid, e->frame };
			continue;
		}
		const union grant_entry_v2 *e = entry_v2(gt, i);

		r[i] = (struct reserved){ e->hdr.flags, e->hdr.domid, e->full_page.frame };
		if ((r[i].flags & GTF_type_mask) == GTF_invalid)
			r[i] = (struct reserved){ 0 };
		else if ((r[i].flags & GTF_type_mask) != GTF_permit_access || r[i].flags & GTF_sub_page ||
			 r[i].frame >> 32)
			return -ERANGE;		/* version 1 can't say that */
		r[i].flags |= *entry_status(gt, i);
	}
	return 0;
}

static void reserved_write(const struct gnttab *gt, const struct reserved r[GNTTAB_NR_RESERVED_ENTRIES])
{
	const uint16_t in_use = GTF_reading | GTF_writing;

	for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
		if (gt->version == 1) {
			*entry_v1(gt, i) = (struct grant_entry_v1){ r[i].flags, r[i].domid, r[i].frame };
			continue;
		}
		entry_v2(gt, i)->full_page.frame = r[i].frame;
		*entry_status(gt, i) = r[i].flags & in_use;
		entry_v2(gt, i)->hdr = (struct grant_entry_header){ r[i].flags & ~in_use, r[i].domid };
	}
}

static bool is_anything_used(const struct gnttab *gt)
{
	for (uint32_t ref = GNTTAB_NR_RESERVED_ENTRIES; ref < gnttab_entries(gt); ref++)
		if (!active_is_unused(entry_active(gt, ref)))
			return true;
	return false;
}

/* The guest has a status frame mapped: it would go on reading what is no longer there. */
static bool is_status_mapped(const struct gnttab *gt)
{
	for (uint32_t i = 0; i < gt->status_frames; i++) {
		const struct page *pg = mfn_to_page(virt_to_mfn(gt->status[i]));

		if (page_refs(pg) > 1)
			return true;
	}
	return false;
}

static void status_drop(struct gnttab *gt)
{
	while (gt->status_frames) {
		gt->status_frames--;
		frame_unshare(gt->status[gt->status_frames]);
		gt->status[gt->status_frames] = NULL;
	}
}

int gnttab_set_version_locked(struct domain *d, uint32_t version)
{
	struct reserved kept[GNTTAB_NR_RESERVED_ENTRIES];
	struct gnttab *gt = d->gnttab;
	int rc;

	if (gt->is_gone || is_anything_used(gt) || (version == 1 && is_status_mapped(gt)))
		return -EBUSY;
	rc = gt->frames ? reserved_read(gt, kept) : 0;
	if (rc == 0 && version == 2)
		rc = grow_status(d, gt->frames);
	if (rc) {
		if (gt->version == 1)
			status_drop(gt);
		return rc;
	}
	for (uint32_t i = 0; i < gt->frames; i++)
		memset(gt->shared[i], 0, PAGE_SIZE);
	gt->version = version;
	if (gt->frames)
		reserved_write(gt, kept);
	if (version == 1)
		status_drop(gt);
	return 0;
}

int gnttab_swap_locked(struct gnttab *gt, uint32_t a, uint32_t b)
{
	if (gt->is_gone || a >= gnttab_entries(gt) || b >= gnttab_entries(gt))
		return GNTST_bad_gntref;
	if (a == b)
		return GNTST_okay;
	if (!active_is_unused(entry_active(gt, a)) || !active_is_unused(entry_active(gt, b)))
		return GNTST_eagain;
	if (gt->version == 1) {
		struct grant_entry_v1 e = *entry_v1(gt, a);

		*entry_v1(gt, a) = *entry_v1(gt, b);
		*entry_v1(gt, b) = e;
	} else {
		union grant_entry_v2 e = *entry_v2(gt, a);

		*entry_v2(gt, a) = *entry_v2(gt, b);
		*entry_v2(gt, b) = e;
	}
	return GNTST_okay;
}

/* ---- Handles ---- */

struct maptrack *maptrack_find(struct gnttab *gt, uint32_t handle)
{
	uint32_t frame = handle / MAPTRACK_PER_FRAME;

	if (frame >= READ_ONCE(gt->maptrack_frames))
		return NULL;
	return &gt->maptrack[frame][handle % MAPTRACK_PER_FRAME];
}

/* map_lock held; true: there are free handles. */
static bool maptrack_grow(struct gnttab *gt)
{
	uint32_t frame = gt->maptrack_frames;
	struct maptrack *m;

	if (frame == gt->max_maptrack_frames)
		return false;
	m = page_alloc_zeroed();
	if (!m)
		return false;
	for (uint32_t i = 0; i < MAPTRACK_PER_FRAME; i++)
		m[i].ref = i + 1 < MAPTRACK_PER_FRAME ? frame * MAPTRACK_PER_FRAME + i + 1 : HANDLE_NONE;
	gt->maptrack[frame] = m;
	gt->free_handle = frame * MAPTRACK_PER_FRAME;
	__atomic_store_n(&gt->maptrack_frames, frame + 1, __ATOMIC_RELEASE);
	return true;
}

uint32_t maptrack_new(struct domain *d)
{
	struct gnttab *gt = d->gnttab;
	uint32_t handle = HANDLE_NONE;

	spin_lock(&gt->map_lock);
	if (d->dying == DOMAIN_ALIVE && (gt->free_handle != HANDLE_NONE || maptrack_grow(gt))) {
		struct maptrack *m = maptrack_find(gt, gt->free_handle);

		handle = gt->free_handle;
		gt->free_handle = m->ref;
		m->is_busy = true;
		gt->maps++;
	}
	spin_unlock(&gt->map_lock);
	return handle;
}

void maptrack_free(struct gnttab *gt, uint32_t handle)
{
	struct maptrack *m = maptrack_find(gt, handle);

	spin_lock(&gt->map_lock);
	*m = (struct maptrack){ .ref = gt->free_handle };
	gt->free_handle = handle;
	gt->maps--;
	spin_unlock(&gt->map_lock);
}

bool gnttab_has_mapped(struct domain *d, mfn_t mfn)
{
	struct gnttab *gt = d->gnttab;
	bool found = false;

	spin_lock(&gt->map_lock);
	for (uint32_t handle = 0; handle < gt->maptrack_frames * MAPTRACK_PER_FRAME && !found; handle++) {
		const struct maptrack *m = maptrack_find(gt, handle);

		found = m->flags && !m->is_busy && entry_active(m->granter->gnttab, m->ref)->mfn.n == mfn.n;
	}
	spin_unlock(&gt->map_lock);
	return found;
}

/* ---- Beginning and end ---- */

static uint32_t limit_or(int32_t asked, uint32_t otherwise)
{
	return asked < 0 ? otherwise : (uint32_t)asked;
}

int gnttab_init(struct domain *d)
{
	uint32_t version = XEN_DOMCTL_GRANT_version(d->config.grant_opts);
	struct gnttab *gt;
	int rc;

	if (version > 2 || d->config.grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
		return -EINVAL;
	gt = d->gnttab = mem_alloc(sizeof(*gt));
	if (!gt)
		return -ENOMEM;
	gt->version = 1;
	gt->max_version = version ? version : 1;
	gt->max_frames = MIN(limit_or(d->config.max_grant_frames, GNTTAB_FRAMES_DEFAULT), FRAMES_MAX);
	gt->max_maptrack_frames = MIN(limit_or(d->config.max_maptrack_frames, GNTTAB_MAPTRACK_FRAMES_DEFAULT),
				      FRAMES_MAX);
	gt->free_handle = HANDLE_NONE;
	gt->shared = mem_alloc((gt->max_frames + 1) * sizeof(*gt->shared));
	gt->status = mem_alloc((gt->max_frames + 1) * sizeof(*gt->status));
	gt->active = mem_alloc((gt->max_frames + 1) * sizeof(*gt->active));
	gt->maptrack = mem_alloc((gt->max_maptrack_frames + 1) * sizeof(*gt->maptrack));
	rc = gt->shared && gt->status && gt->active && gt->maptrack ? 0 : -ENOMEM;
	if (rc == 0 && gt->max_frames)
		rc = gnttab_grow(d, 1);
	if (rc) {
		gnttab_unshare(d);
		gnttab_free(d);
	}
	return rc;
}

void gnttab_unshare(struct domain *d)
{
	struct gnttab *gt = d->gnttab;

	spin_lock(&gt->lock);
	gt->is_gone = true;
	spin_unlock(&gt->lock);
	status_drop(gt);
	for (uint32_t i = 0; i < gt->frames; i++)
		frame_unshare(gt->shared[i]);
}

void gnttab_free(struct domain *d)
{
	struct gnttab *gt = d->gnttab;

	if (!gt)
		return;
	for (uint32_t i = 0; gt->active && i < gt->max_frames; i++)
		mem_free(gt->active[i]);
	for (uint32_t i = 0; i < gt->maptrack_frames; i++)
		pages_free(gt->maptrack[i], 0);
	mem_free(gt->shared);
	mem_free(gt->status);
	mem_free(gt->active);
	mem_free(gt->maptrack);
	mem_free(gt);
	d->gnttab = NULL;
}
