/* HYPERVISOR_grant_table_op: arrays of operations, each with a status of its own (xen/grant_table.h). */
#include "gnttab.h"
#include "arch.h"
#include "domain.h"
#include "errno.h"
#include "gnttab_table.h"
#include "guest.h"
#include "heap.h"
#include "hypercalls.h"
#include "machine.h"
#include "memory.h"
#include "printk.h"
#include "string.h"
#include "trace.h"

static struct domain *caller(void) { return current_vcpu()->domain; }

/* Oneself, or, for the privileged domain, any: counted, or NULL and a GNTST_*. */
static struct domain *gnttab_subject(domid_t id, int16_t *status)
{
	struct domain *d = domain_get_for(caller(), id);

	*status = GNTST_okay;
	if (!d) {
		*status = GNTST_bad_domain;
	} else if (d != caller() && !caller()->is_privileged) {
		*status = GNTST_permission_denied;
		domain_put(d);
		d = NULL;
	}
	return d;
}

/* ---- Map ---- */

/* All but the handle, which is the caller's to free on failure. */
static int gnttab_map_use(struct gnttab_map_grant_ref *op, struct domain *granter, struct maptrack *m)
{
	struct domain *d = caller();
	struct grant_use use;
	int rc = gnttab_acquire(granter, op->ref, d->id, !(op->flags & GNTMAP_readonly), GRANT_MAP, &use);

	if (rc)
		return rc;
	if (op->flags & GNTMAP_host_map) {
		rc = arch_grant_map_host(d, op->host_addr, op->flags, page_to_mfn(use.page), granter);
		if (rc) {
			gnttab_release(&use);
			return rc;
		}
	}
	domain_get_counted(granter);		/* put in gnttab_let_go() */
	m->granter = granter;
	m->ref = op->ref;
	m->flags = op->flags;
	op->dev_bus_addr = mfn_to_paddr(page_to_mfn(use.page));
	perf_inc(grant_maps);
	trace(TRC_MEM_PAGE_GRANT_MAP, granter->id);
	__atomic_store_n(&m->is_busy, false, __ATOMIC_RELEASE);
	return GNTST_okay;
}

static void gnttab_map(void *arg)
{
	struct gnttab_map_grant_ref *op = arg;
	struct gnttab *gt = caller()->gnttab;
	struct domain *granter;
	uint32_t handle;

	op->status = GNTST_bad_gntref;
	if (!(op->flags & (GNTMAP_device_map | GNTMAP_host_map)))
		return;
	op->status = GNTST_bad_domain;
	granter = domain_get(op->dom);
	if (!granter)
		return;
	op->status = GNTST_no_device_space;
	handle = maptrack_new(caller());
	if (handle != HANDLE_NONE) {
		op->status = gnttab_map_use(op, granter, maptrack_find(gt, handle));
		if (op->status)
			maptrack_free(gt, handle);
		else
			op->handle = handle;
	}
	domain_put(granter);
}

/* ---- Unmap, in two steps with the TLBs flushed between them ---- */

#define UNMAP_BATCH 32

struct unmap {
	struct maptrack *map;		/* claimed (is_busy) until it's done; NULL: refused */
	uint32_t handle;
};

/* The handle is ours alone from here on, or somebody else's. */
static struct maptrack *maptrack_claim(struct gnttab *gt, uint32_t handle)
{
	struct maptrack *m = maptrack_find(gt, handle);

	if (!m)
		return NULL;
	spin_lock(&gt->map_lock);
	if (!m->flags || m->is_busy)
		m = NULL;
	else
		m->is_busy = true;
	spin_unlock(&gt->map_lock);
	return m;
}

static void maptrack_unclaim(struct maptrack *m)
{
	__atomic_store_n(&m->is_busy, false, __ATOMIC_RELEASE);
}

/* Takes the mapping out of the page tables. */
static int gnttab_unmap_start(struct unmap *u, uint32_t handle, uint64_t host_addr, uint64_t dev_bus_addr,
			      uint64_t new_addr)
{
	struct domain *d = caller();
	struct maptrack *m = maptrack_claim(d->gnttab, handle);
	struct grant_use use;
	int rc = GNTST_okay;

	*u = (struct unmap){ .handle = handle };
	if (!m)
		return GNTST_bad_handle;
	perf_inc(grant_unmaps);
	trace(TRC_MEM_PAGE_GRANT_UNMAP, m->granter->id);
	gnttab_use_of(m, d->id, &use);
	if (dev_bus_addr && m->flags & GNTMAP_device_map &&
	    dev_bus_addr != mfn_to_paddr(page_to_mfn(use.page)))
		rc = GNTST_bad_dev_addr;
	else if (host_addr && m->flags & GNTMAP_host_map)
		rc = arch_grant_unmap_host(d, host_addr, m->flags, page_to_mfn(use.page), new_addr);
	if (rc) {
		maptrack_unclaim(m);
		return rc;
	}
	if (host_addr)
		m->flags &= ~GNTMAP_host_map;
	if (dev_bus_addr)
		m->flags &= ~GNTMAP_device_map;
	u->map = m;
	return GNTST_okay;
}

/* Gives up what the handle held and the handle itself. */
static void gnttab_let_go(struct domain *d, struct maptrack *m, uint32_t handle)
{
	struct domain *granter = m->granter;
	struct grant_use use;

	gnttab_use_of(m, d->id, &use);
	gnttab_release(&use);
	maptrack_free(d->gnttab, handle);
	domain_put(granter);
}

/* No TLB holds it any more: what has no mapping left is let go. */
static void gnttab_unmap_end(const struct unmap *u)
{
	if (!u->map)
		return;
	if (u->map->flags & (GNTMAP_host_map | GNTMAP_device_map))
		maptrack_unclaim(u->map);
	else
		gnttab_let_go(caller(), u->map, u->handle);
}

static void gnttab_unmap(void *arg, struct unmap *u)
{
	struct gnttab_unmap_grant_ref *op = arg;

	op->status = gnttab_unmap_start(u, op->handle, op->host_addr, op->dev_bus_addr, 0);
}

static void gnttab_replace(void *arg, struct unmap *u)
{
	struct gnttab_unmap_and_replace *op = arg;

	*u = (struct unmap){ 0 };
	op->status = GNTST_bad_virt_addr;
	if (op->host_addr && op->new_addr)
		op->status = gnttab_unmap_start(u, op->handle, op->host_addr, 0, op->new_addr);
}

/* ---- The table ---- */

/* Frame numbers to the guest's list, until one can't be had. */
static long frames_list(struct domain *d, bool is_status, uint32_t count, uint64_t list, int16_t *status)
{
	long rc = 0;

	for (uint32_t i = 0; i < count && !*status && !rc; i++) {
		mfn_t mfn;

		if (gnttab_frame(d, is_status, i, &mfn))
			*status = GNTST_general_error;
		else
			rc = copy_to_guest(list + i * sizeof(mfn.n), &mfn.n, sizeof(mfn.n));
	}
	return rc;
}

static long gnttab_setup_table(void *arg)
{
	struct gnttab_setup_table *op = arg;
	struct domain *d = gnttab_subject(op->dom, &op->status);
	long rc;

	if (!d)
		return 0;
	if (op->nr_frames > d->gnttab->max_frames)
		op->status = GNTST_general_error;
	rc = frames_list(d, false, op->nr_frames, (uint64_t)(uintptr_t)op->frame_list.p, &op->status);
	domain_put(d);
	return rc;
}

static long gnttab_get_status_frames(void *arg)
{
	struct gnttab_get_status_frames *op = arg;
	struct domain *d = gnttab_subject(op->dom, &op->status);
	long rc;

	if (!d)
		return 0;
	rc = frames_list(d, true, op->nr_frames, (uint64_t)(uintptr_t)op->frame_list.p, &op->status);
	domain_put(d);
	return rc;
}

static long gnttab_query_size(void *arg)
{
	struct gnttab_query_size *op = arg;
	struct domain *d = gnttab_subject(op->dom, &op->status);

	if (!d)
		return 0;
	op->nr_frames = READ_ONCE(d->gnttab->frames);
	op->max_nr_frames = d->gnttab->max_frames;
	domain_put(d);
	return 0;
}

static long gnttab_set_version(void *arg)
{
	struct gnttab_set_version *op = arg;
	struct gnttab *gt = caller()->gnttab;
	long rc = 0;

	if (op->version != 1 && op->version != 2)
		return -EINVAL;
	spin_lock(&gt->lock);
	if (op->version > gt->max_version)
		rc = -ENOSYS;
	else if (op->version != gt->version)
		rc = gnttab_set_version_locked(caller(), op->version);
	op->version = gt->version;
	spin_unlock(&gt->lock);
	return rc;
}

static long gnttab_get_version(void *arg)
{
	struct gnttab_get_version *op = arg;
	int16_t status;
	struct domain *d = gnttab_subject(op->dom, &status);

	if (!d)
		return status == GNTST_bad_domain ? -ESRCH : -EPERM;
	op->version = READ_ONCE(d->gnttab->version);
	domain_put(d);
	return 0;
}

static void gnttab_swap(void *arg)
{
	struct gnttab_swap_grant_ref *op = arg;
	struct gnttab *gt = caller()->gnttab;

	spin_lock(&gt->lock);
	op->status = gnttab_swap_locked(gt, op->ref_a, op->ref_b);
	spin_unlock(&gt->lock);
}

/* Unless it's in use, the page is the caller's no more, whatever else goes wrong (xen/grant_table.h). */
static void gnttab_transfer(void *arg)
{
	struct gnttab_transfer *op = arg;
	struct domain *to;
	struct page *pg = memory_take_frame(caller(), MFN(op->mfn));

	op->status = GNTST_bad_page;
	if (!pg)
		return;
	op->status = GNTST_bad_domain;
	to = domain_get(op->domid);
	if (to) {
		arch_frames_reused(pg, 0);
		op->status = gnttab_accept(to, op->ref, caller()->id, pg);
		domain_put(to);
	}
	if (op->status)
		heap_free(pg, 0);
}

/* ---- Caches ---- */

/* Xen refuses to throw away what a cache holds and memory doesn't; so is it here. */
static long gnttab_cache_flush(void *arg)
{
	const gnttab_cache_flush_t *op = arg;
	mfn_t mfn = paddr_to_mfn(op->a.dev_bus_addr);
	struct page *pg;

	if (op->offset + op->length > (int)PAGE_SIZE || op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL))
		return -EINVAL;
	if (!op->length || !op->op)
		return 0;
	pg = page_get_mfn(mfn, caller());
	if (!pg && !(mfn_is_ram(mfn) && gnttab_has_mapped(caller(), mfn)))
		return -EINVAL;
	if (op->op & GNTTAB_CACHE_CLEAN)
		arch_cache_write_back((char *)mfn_to_virt(mfn) + op->offset, op->length);
	if (pg)
		page_put(pg);
	return op->op == GNTTAB_CACHE_INVAL ? -EOPNOTSUPP : 0;
}

/* ---- Copy ---- */

/* One side of a copy: a grant in use, or a frame of the caller's. */
struct copy_side {
	struct gnttab_copy_ptr key;	/* what it was made for; offset aside */
	bool is_ref, writes, is_ready;
	struct grant_use use;		/* use.granter NULL: a frame of the caller's */
};

static void copy_side_end(struct copy_side *s)
{
	struct domain *granter = s->use.via ? s->use.via : s->use.granter;

	if (!s->is_ready)
		return;
	s->is_ready = false;
	if (granter) {
		gnttab_release(&s->use);
		domain_put(granter);
		return;
	}
	if (s->writes)
		page_put_type(s->use.page);
	page_put(s->use.page);
}

static int copy_side_own(struct copy_side *s)
{
	s->use = (struct grant_use){ .length = PAGE_SIZE, .writes = s->writes };
	s->use.page = page_get_mfn(MFN(s->key.u.gmfn), caller());
	if (!s->use.page)
		return GNTST_bad_page;
	if (s->writes && page_get_type(s->use.page, PAGE_WRITABLE)) {
		page_put(s->use.page);
		return GNTST_bad_page;
	}
	return GNTST_okay;
}

static int copy_side_begin(struct copy_side *s)
{
	struct domain *granter;
	int rc;

	if (!s->is_ref)
		return s->key.domid == DOMID_SELF ? copy_side_own(s) : GNTST_permission_denied;
	granter = domain_get_for(caller(), s->key.domid);
	if (!granter)
		return GNTST_bad_domain;
	rc = gnttab_acquire(granter, s->key.u.ref, caller()->id, s->writes, GRANT_COPY, &s->use);
	if (rc)
		domain_put(granter);
	return rc;
}

/* Neighbouring operations often copy from or to the same page: then it stays in use. */
static int copy_side_set(struct copy_side *s, const struct gnttab_copy_ptr *p, bool is_ref, bool writes)
{
	int rc;

	if (s->is_ready && s->is_ref == is_ref && s->key.domid == p->domid &&
	    (is_ref ? s->key.u.ref == p->u.ref : s->key.u.gmfn == p->u.gmfn))
		return GNTST_okay;
	copy_side_end(s);
	s->key = *p;
	s->is_ref = is_ref;
	s->writes = writes;
	rc = copy_side_begin(s);
	s->is_ready = rc == GNTST_okay;
	return rc;
}

static bool copy_is_inside(const struct copy_side *s, uint32_t offset, uint32_t length)
{
	return offset >= s->use.offset && offset + length <= (uint32_t)s->use.offset + s->use.length;
}

static int gnttab_copy_one(const struct gnttab_copy *op, struct copy_side *from, struct copy_side *to)
{
	int rc;

	if (op->source.offset + op->len > (int)PAGE_SIZE || op->dest.offset + op->len > (int)PAGE_SIZE)
		return GNTST_bad_copy_arg;
	rc = copy_side_set(from, &op->source, op->flags & GNTCOPY_source_gref, false);
	if (rc == GNTST_okay)
		rc = copy_side_set(to, &op->dest, op->flags & GNTCOPY_dest_gref, true);
	if (rc)
		return rc;
	if (!copy_is_inside(from, op->source.offset, op->len) || !copy_is_inside(to, op->dest.offset, op->len))
		return GNTST_general_error;
	perf_inc(grant_copies);
	memmove((char *)mfn_to_virt(page_to_mfn(to->use.page)) + op->dest.offset,
		(char *)mfn_to_virt(page_to_mfn(from->use.page)) + op->source.offset, op->len);
	return GNTST_okay;
}

/* ---- Dispatch ---- */

struct gnttab_row {
	uint16_t size;				/* of an element */
	void (*each)(void *op);			/* one of these five: leaves a status in its element */
	long (*strict)(void *op);		/* has none: its first error ends the call */
	long (*single)(void *op);		/* the only element of its call; 0 or -errno */
	void (*unmap)(void *op, struct unmap *u);
	bool is_copy;
};

static const struct gnttab_row gnttab_rows[] = {
	[GNTTABOP_map_grant_ref]     = { sizeof(struct gnttab_map_grant_ref), .each = gnttab_map },
	[GNTTABOP_unmap_grant_ref]   = { sizeof(struct gnttab_unmap_grant_ref), .unmap = gnttab_unmap },
	[GNTTABOP_setup_table]	     = { sizeof(struct gnttab_setup_table), .single = gnttab_setup_table },
	[GNTTABOP_transfer]	     = { sizeof(struct gnttab_transfer), .each = gnttab_transfer },
	[GNTTABOP_copy]		     = { sizeof(struct gnttab_copy), .is_copy = true },
	[GNTTABOP_query_size]	     = { sizeof(struct gnttab_query_size), .single = gnttab_query_size },
	[GNTTABOP_unmap_and_replace] = { sizeof(struct gnttab_unmap_and_replace), .unmap = gnttab_replace },
	[GNTTABOP_set_version]	     = { sizeof(struct gnttab_set_version), .single = gnttab_set_version },
	[GNTTABOP_get_status_frames] = { sizeof(struct gnttab_get_status_frames),
					 .single = gnttab_get_status_frames },
	[GNTTABOP_get_version]	     = { sizeof(struct gnttab_get_version), .single = gnttab_get_version },
	[GNTTABOP_swap_grant_ref]    = { sizeof(struct gnttab_swap_grant_ref), .each = gnttab_swap },
	[GNTTABOP_cache_flush]	     = { sizeof(gnttab_cache_flush_t), .strict = gnttab_cache_flush },
};

union gnttab_any {
	struct gnttab_map_grant_ref map;
	struct gnttab_copy copy;
	uint64_t room[8];
};

static long gnttab_single(const struct gnttab_row *row, uint64_t at, uint32_t count)
{
	union gnttab_any op;
	long rc;

	if (count != 1)
		return -EINVAL;
	if (copy_from_guest(&op, at, row->size))
		return -EFAULT;
	rc = row->single(&op);
	if (rc == 0 && copy_to_guest(at, &op, row->size))
		rc = -EFAULT;
	return rc;
}

/* Each of these does some elements, counts them in *done, and stops early if other work waits. */
static long gnttab_each(const struct gnttab_row *row, uint64_t at, uint32_t count, uint32_t *done)
{
	union gnttab_any op;
	long rc = 0;

	for (; *done < count && !(*done && hypercall_should_yield()); ++*done, at += row->size) {
		if (copy_from_guest(&op, at, row->size))
			return -EFAULT;
		if (row->strict)
			rc = row->strict(&op);
		else
			row->each(&op);
		if (rc)
			return rc;
		if (copy_to_guest(at, &op, row->size))
			return -EFAULT;
	}
	return 0;
}

static long gnttab_unmap_batch(const struct gnttab_row *row, uint64_t at, uint32_t count, struct unmap *u,
			       uint32_t *started)
{
	union gnttab_any op;

	for (*started = 0; *started < count; at += row->size) {
		if (copy_from_guest(&op, at, row->size))
			return -EFAULT;
		row->unmap(&op, &u[*started]);
		++*started;
		if (copy_to_guest(at, &op, row->size))
			return -EFAULT;
	}
	return 0;
}

static long gnttab_unmap_each(const struct gnttab_row *row, uint64_t at, uint32_t count, uint32_t *done)
{
	long rc = 0;

	while (*done < count && rc == 0 && !(*done && hypercall_should_yield())) {
		struct unmap u[UNMAP_BATCH];
		uint32_t started;

		rc = gnttab_unmap_batch(row, at + (uint64_t)*done * row->size, MIN(count - *done, UNMAP_BATCH),
					u, &started);
		arch_grant_flush(caller());
		for (uint32_t i = 0; i < started; i++)
			gnttab_unmap_end(&u[i]);
		*done += started;
	}
	return rc;
}

static long gnttab_copy_each(const struct gnttab_row *row, uint64_t at, uint32_t count, uint32_t *done)
{
	struct copy_side from = { .is_ready = false }, to = { .is_ready = false };
	struct gnttab_copy op;
	long rc = 0;

	for (; *done < count && !(*done && hypercall_should_yield()); ++*done, at += sizeof(op)) {
		rc = copy_from_guest(&op, at, sizeof(op));
		if (rc)
			break;
		op.status = gnttab_copy_one(&op, &from, &to);
		rc = copy_to_guest(at, &op, sizeof(op));
		if (rc)
			break;
	}
	copy_side_end(&from);
	copy_side_end(&to);
	return rc;
}

static long gnttab_op(unsigned int cmd, uint64_t at, uint32_t count)
{
	const struct gnttab_row *row;
	uint32_t done = 0;
	long rc;

	if (cmd >= ARRAY_SIZE(gnttab_rows) || !gnttab_rows[cmd].size)
		return -ENOSYS;
	row = &gnttab_rows[cmd];
	if ((int32_t)count < 0)
		return -EINVAL;
	if (row->single)
		return gnttab_single(row, at, count);
	if (row->unmap)
		rc = gnttab_unmap_each(row, at, count, &done);
	else if (row->is_copy)
		rc = gnttab_copy_each(row, at, count, &done);
	else
		rc = gnttab_each(row, at, count, &done);
	if (rc == 0 && done < count)
		rc = hypercall_continue(__HYPERVISOR_grant_table_op, 3, (uint64_t)cmd,
					at + (uint64_t)done * row->size, (uint64_t)(count - done));
	return rc;
}

long hcall_grant_table_op(const uint64_t arg[6]) { return gnttab_op(arg[0], arg[1], arg[2]); }

/* ---- Death ---- */

int gnttab_release_maps(struct domain *d)
{
	struct gnttab *gt = d->gnttab;

	for (; gt->release_next < gt->maptrack_frames * MAPTRACK_PER_FRAME; gt->release_next++) {
		struct maptrack *m = maptrack_find(gt, gt->release_next);

		if (!m->flags)
			continue;
		gnttab_let_go(d, m, gt->release_next);
		if (hypercall_should_yield())
			return -ERESTART;
	}
	return 0;
}

/* ---- Debug keys A, g and Z ---- */

#define DUMP_LINES 32

void gnttab_visit_maps(struct domain *d, void (*visit)(struct page *pg, bool writes, void *data), void *data)
{
	struct gnttab *gt = d->gnttab;

	for (uint32_t i = 0; gt && i < gt->maptrack_frames * MAPTRACK_PER_FRAME; i++) {
		const struct maptrack *m = maptrack_find(gt, i);
		struct grant_use use;

		if (!m->flags)
			continue;
		gnttab_use_of(m, d->id, &use);
		visit(use.page, use.writes, data);
	}
}

/* Who has mapped what `granter` granted; domain_list_lock is held and all vcpus stand still. */
void gnttab_dump_users(const struct domain *granter)
{
	struct domain *d;

	list_for_each(d, &domain_list, link) {
		struct gnttab *gt = d->gnttab;
		uint32_t held = 0;

		for (uint32_t i = 0; gt && i < gt->maptrack_frames * MAPTRACK_PER_FRAME; i++) {
			const struct maptrack *m = maptrack_find(gt, i);

			if (!m->flags || m->granter != granter || held++ >= DUMP_LINES)
				continue;
			printk("  grant %u: mapped by domain %u, handle %u, flags %#x\n", m->ref, d->id, i, m->flags);
		}
		if (held > DUMP_LINES)
			printk("  … and %u more grants mapped by domain %u\n", held - DUMP_LINES, d->id);
	}
}

static void gnttab_dump_domain(struct domain *d)
{
	struct gnttab *gt = d->gnttab;

	if (!gt)
		return;
	printk(LOG_INFO "d%u: grant table version %u, %u of %u frames, has mapped %u\n", d->id, gt->version,
	       gt->frames, gt->max_frames, gt->maps);
	for (uint32_t ref = 0; ref < gnttab_entries(gt); ref++) {
		const struct grant_active *a = &gt->active[ref / 512][ref % 512];

		if (a->readers || a->writers)
			printk(LOG_INFO "  %u: mfn %lx used by d%u, %u to read, %u to write\n", ref, a->mfn.n,
			       a->user, a->readers, a->writers);
	}
}

void gnttab_dump(void)
{
	struct domain *d;

	spin_lock(&domain_list_lock);
	list_for_each(d, &domain_list, link)
		gnttab_dump_domain(d);
	spin_unlock(&domain_list_lock);
}
