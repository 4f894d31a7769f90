/* HYPERVISOR_memory_op: a domain's memory grows, shrinks, and is exchanged. */
#include "arch.h"
#include "errno.h"
#include "gnttab.h"
#include "guest.h"
#include "heap.h"
#include "hypercalls.h"
#include "memory.h"
#include "string.h"

/* The command's upper bits tell a continuation where to go on (xen/memory.h). */
#define CMD_BITS 6
#define CMD_MASK ((1 << CMD_BITS) - 1)

/* Whom a call is about: oneself, or, for the privileged domain, any.  Counted.  -ESRCH, -EPERM. */
static int memory_domain_get(domid_t id, struct domain **d)
{
	struct domain *caller = current_vcpu()->domain;

	*d = domain_get_for(caller, id);
	if (!*d)
		return caller->is_privileged ? -ESRCH : -EPERM;
	if (*d == caller || caller->is_privileged)
		return 0;
	domain_put(*d);
	return -EPERM;
}

/* One reservation being worked through. */
struct reservation {
	struct domain *d;
	uint64_t extents;		/* guest address of the list of frame numbers */
	uint64_t count, done;
	unsigned int order, address_bits;
};

/* Largest extents: who drives devices needs contiguous memory, others don't. */
static unsigned int max_order(const struct domain *caller)
{
	return caller->is_privileged ? 18 : 9;
}

/* false: refused.  The calls then answer with what was done so far, nothing: these count, as in Xen. */
static bool reservation_start(struct reservation *r, uint64_t arg, uint64_t start)
{
	struct domain *caller = current_vcpu()->domain;
	struct xen_memory_reservation op;

	if (copy_from_guest(&op, arg, sizeof(op)) || start > op.nr_extents)
		return false;
	if (op.extent_order > max_order(caller) || op.nr_extents > ~0UL >> CMD_BITS)
		return false;
	r->extents = (uint64_t)op.extent_start.p;
	r->count = op.nr_extents;
	r->done = start;
	r->order = op.extent_order;
	r->address_bits = XENMEMF_get_address_bits(op.mem_flags);
	return memory_domain_get(op.domid, &r->d) == 0;
}

static long reservation_continue(unsigned int cmd, const struct reservation *r, uint64_t arg)
{
	return hypercall_continue(__HYPERVISOR_memory_op, 2, cmd | r->done << CMD_BITS, arg);
}

/* --- claims: free memory that is promised to a domain, which others don't get */

static struct spinlock claims_lock;	/* outside the heap's */
static uint64_t claims_total;		/* all domains' claimed_pages */

uint64_t memory_claimed_pages(void) { return READ_ONCE(claims_total); }

static void claim_use(struct domain *d, uint64_t pages)
{
	uint64_t used;

	spin_lock(&claims_lock);
	used = MIN(pages, d->claimed_pages);
	d->claimed_pages -= used;
	claims_total -= used;
	spin_unlock(&claims_lock);
}

void memory_drop_claim(struct domain *d) { claim_use(d, ~0UL); }

/* So many pages in all, what it has already included. */
static long claim_set(struct domain *d, uint64_t pages)
{
	long rc = -EINVAL;

	spin_lock(&claims_lock);
	if (d->dying != DOMAIN_ALIVE || d->claimed_pages || pages <= d->tot_pages || pages > d->max_pages) {
		rc = -EINVAL;
	} else if (pages - d->tot_pages > heap_free_pages() - MIN(claims_total, heap_free_pages())) {
		rc = -ENOMEM;
	} else {
		d->claimed_pages = pages - d->tot_pages;
		claims_total += d->claimed_pages;
		rc = 0;
	}
	spin_unlock(&claims_lock);
	return rc;
}

static long memory_claim(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct xen_memory_reservation op;
	struct domain *d;
	long rc;

	if (!current_vcpu()->domain->is_privileged)
		return -EPERM;
	if (copy_from_guest(&op, arg, sizeof(op)))
		return -EFAULT;
	if (op.extent_order || op.mem_flags)
		return -EINVAL;
	rc = memory_domain_get(op.domid, &d);
	if (rc)
		return rc;
	if (op.nr_extents)
		rc = claim_set(d, op.nr_extents);
	else
		memory_drop_claim(d);
	domain_put(d);
	return rc;
}

static struct page *block_alloc(const struct domain *d, unsigned int order, unsigned int address_bits)
{
	struct page *pg = NULL;

	spin_lock(&claims_lock);
	if (heap_free_pages() >= claims_total - d->claimed_pages + (1UL << order))
		pg = heap_alloc(order, address_bits);
	spin_unlock(&claims_lock);
	return pg;
}

/* --- blocks of frames */

/* A new one of `d`, cleared: what it held before is none of its business. */
static struct page *memory_add_block(struct domain *d, unsigned int order, unsigned int address_bits)
{
	struct page *pg = block_alloc(d, order, address_bits);

	if (!pg)
		return NULL;
	heap_clear(pg, order);
	if (page_assign(d, pg, order)) {
		heap_free(pg, order);
		return NULL;
	}
	claim_use(d, 1UL << order);
	return pg;
}

struct page *memory_populate(struct domain *d, unsigned int order, unsigned int address_bits, pfn_t pfn)
{
	struct page *pg = memory_add_block(d, order, address_bits);

	for (uint64_t i = 0; pg && i < 1UL << order; i++)
		arch_m2p_set(page_to_mfn(pg + i), pfn.n == ~0UL ? ~0UL : pfn.n + i);
	return pg;
}

/* increase_reservation: frames without a place; populate_physmap: frames at the pfns that the list names. */
static long memory_grow(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct reservation r;

	if (!reservation_start(&r, arg, start))
		return start;
	for (; r.done < r.count; r.done++) {
		uint64_t at = r.extents + r.done * sizeof(uint64_t), pfn = ~0UL;
		struct page *pg;
		mfn_t mfn;

		if (r.done > start && hypercall_should_yield()) {
			domain_put(r.d);
			return reservation_continue(cmd, &r, arg);
		}
		if (cmd == XENMEM_populate_physmap && copy_from_guest(&pfn, at, sizeof(pfn)))
			break;
		pg = memory_populate(r.d, r.order, r.address_bits, PFN(pfn));
		if (!pg)
			break;
		mfn = page_to_mfn(pg);
		if (r.extents && copy_to_guest(at, &mfn.n, sizeof(mfn.n))) {
			r.done++;	/* it has the frames, though it won't know where */
			break;
		}
	}
	domain_put(r.d);
	return r.done;
}

/* Takes the owner's own reference away: the frame is freed when nothing maps it any more. */
static bool memory_drop_frame(struct domain *d, mfn_t mfn)
{
	struct page *pg = page_get_mfn(mfn, d);

	if (!pg)
		return false;
	if (page_is_shared(pg)) {
		page_put(pg);
		return false;
	}
	arch_m2p_set(mfn, ~0UL);
	if (__atomic_fetch_and(&pg->count, ~PAGE_ALLOCATED, __ATOMIC_SEQ_CST) & PAGE_ALLOCATED)
		page_put(pg);
	page_put(pg);
	return true;
}

static long memory_shrink(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct reservation r;

	if (!reservation_start(&r, arg, start))
		return start;
	for (; r.done < r.count; r.done++) {
		uint64_t mfn;
		bool ok = true;

		if (r.done > start && hypercall_should_yield()) {
			domain_put(r.d);
			return reservation_continue(cmd, &r, arg);
		}
		if (copy_from_guest(&mfn, r.extents + r.done * sizeof(mfn), sizeof(mfn)))
			break;
		for (uint64_t i = 0; i < 1UL << r.order && ok; i++)
			ok = memory_drop_frame(r.d, MFN(mfn + i));
		if (!ok)
			break;
	}
	domain_put(r.d);
	return r.done;
}

/* --- exchange: frames given back for as many in other blocks, contiguous or low ones */

#define EXCHANGE_MAX_FRAMES 512		/* of one chunk; Linux exchanges 64 */

/*
 * A frame that nobody but its owner refers to becomes ours; false: it's in use.  The owner's count forgets
 * it.
 */
static bool frame_steal(struct domain *d, mfn_t mfn)
{
	uint32_t unused = PAGE_ALLOCATED | 2;		/* its owner's, and ours, which keeps it its owner's */
	struct page *pg = page_get_mfn(mfn, d);

	if (!pg)
		return false;
	if (page_is_shared(pg) ||
	    !__atomic_compare_exchange_n(&pg->count, &unused, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
		page_put(pg);
		return false;
	}
	spin_lock(&d->page_lock);
	d->tot_pages--;
	spin_unlock(&d->page_lock);
	return true;
}

/* A stolen frame is nobody's any more. */
static struct page *frame_disown(struct domain *d, mfn_t mfn)
{
	struct page *pg = mfn_to_page(mfn);

	arch_m2p_set(mfn, ~0UL);
	page_disown(pg);
	domain_put(d);			/* page_assign() took it */
	return pg;
}

struct page *memory_take_frame(struct domain *d, mfn_t mfn)
{
	return frame_steal(d, mfn) ? frame_disown(d, mfn) : NULL;
}

static void frame_discard(struct domain *d, mfn_t mfn)
{
	heap_free(frame_disown(d, mfn), 0);
}

/* Of a domain that has begun to die meanwhile nobody would look for it any more: then it is freed. */
static void frame_give_back(struct domain *d, mfn_t mfn)
{
	struct page *pg = mfn_to_page(mfn);
	bool is_alive;

	spin_lock(&d->page_lock);
	is_alive = d->dying == DOMAIN_ALIVE;
	if (is_alive) {
		d->tot_pages++;
		__atomic_store_n(&pg->count, PAGE_ALLOCATED | 1, __ATOMIC_SEQ_CST);
	}
	spin_unlock(&d->page_lock);
	if (!is_alive)
		frame_discard(d, mfn);
}

struct exchange {
	struct domain *d;
	struct xen_memory_exchange op;
	unsigned int in_per_chunk, out_per_chunk;	/* extents */
	uint64_t chunk;
	mfn_t stolen[EXCHANGE_MAX_FRAMES];
	unsigned int stolen_count;
};

static long exchange_steal(struct exchange *x)
{
	uint64_t at = (uint64_t)x->op.in.extent_start.p + x->chunk * x->in_per_chunk * sizeof(uint64_t);

	x->stolen_count = 0;
	for (unsigned int e = 0; e < x->in_per_chunk; e++) {
		uint64_t mfn;

		if (copy_from_guest(&mfn, at + e * sizeof(mfn), sizeof(mfn)))
			return -EFAULT;
		for (uint64_t i = 0; i < 1UL << x->op.in.extent_order; i++) {
			if (!frame_steal(x->d, MFN(mfn + i)))
				return -EINVAL;
			x->stolen[x->stolen_count++] = MFN(mfn + i);
		}
	}
	return 0;
}

/* Blocks for the output, not yet the domain's; on failure none is kept. */
static long exchange_alloc(struct exchange *x, struct page **blocks)
{
	unsigned int bits = XENMEMF_get_address_bits(x->op.out.mem_flags);

	for (unsigned int b = 0; b < x->out_per_chunk; b++) {
		blocks[b] = heap_alloc(x->op.out.extent_order, bits);
		if (blocks[b])
			continue;
		while (b--)
			heap_free(blocks[b], x->op.out.extent_order);
		return -ENOMEM;
	}
	return 0;
}

static long exchange_give(struct exchange *x, struct page **blocks)
{
	uint64_t at = (uint64_t)x->op.out.extent_start.p + x->chunk * x->out_per_chunk * sizeof(uint64_t);
	unsigned int order = x->op.out.extent_order;
	long rc = 0;

	for (unsigned int b = 0; b < x->out_per_chunk; b++) {
		mfn_t mfn = page_to_mfn(blocks[b]);
		uint64_t pfn = ~0UL;

		heap_clear(blocks[b], order);
		if (page_assign(x->d, blocks[b], order)) {	/* it began to die meanwhile */
			heap_free(blocks[b], order);
			rc = -EINVAL;
			continue;
		}
		if (copy_from_guest(&pfn, at + b * sizeof(pfn), sizeof(pfn)))
			rc = -EFAULT;
		for (uint64_t i = 0; i < 1UL << order; i++)
			arch_m2p_set(mfn_add(mfn, i), pfn == ~0UL ? pfn : pfn + i);
		if (copy_to_guest(at + b * sizeof(pfn), &mfn.n, sizeof(mfn.n)))
			rc = -EFAULT;
	}
	return rc;
}

/* One chunk: all its frames are exchanged, or none. */
static long exchange_chunk(struct exchange *x)
{
	struct page *blocks[EXCHANGE_MAX_FRAMES];
	long rc = exchange_steal(x);

	if (!rc)
		rc = exchange_alloc(x, blocks);
	if (rc) {
		while (x->stolen_count--)
			frame_give_back(x->d, x->stolen[x->stolen_count]);
		return rc;
	}
	while (x->stolen_count--)
		frame_discard(x->d, x->stolen[x->stolen_count]);
	return exchange_give(x, blocks);
}

static long exchange_check(struct exchange *x)
{
	const struct xen_memory_reservation *in = &x->op.in, *out = &x->op.out;
	unsigned int chunk_order = MAX(in->extent_order, out->extent_order);

	if (in->extent_order > 9 || out->extent_order > 9 || in->domid != out->domid ||
	    in->nr_extents > ~0UL >> in->extent_order || out->nr_extents > ~0UL >> out->extent_order)
		return -EINVAL;
	if (in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
		return -EINVAL;
	x->in_per_chunk = 1U << (chunk_order - in->extent_order);
	x->out_per_chunk = 1U << (chunk_order - out->extent_order);
	if (in->nr_extents % x->in_per_chunk || x->op.nr_exchanged > in->nr_extents ||
	    x->op.nr_exchanged % x->in_per_chunk)
		return -EINVAL;
	return 0;
}

static long memory_exchange(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct exchange *x = mem_alloc(sizeof(*x));
	long rc = x ? 0 : -ENOMEM;

	if (x && copy_from_guest(&x->op, arg, sizeof(x->op)))
		rc = -EFAULT;
	if (!rc)
		rc = exchange_check(x);
	if (!rc) {
		rc = memory_domain_get(x->op.in.domid, &x->d);
	}
	if (rc) {
		mem_free(x);
		return rc;
	}
	while (x->op.nr_exchanged < x->op.in.nr_extents && !rc) {
		x->chunk = x->op.nr_exchanged / x->in_per_chunk;
		rc = exchange_chunk(x);
		if (!rc)
			x->op.nr_exchanged += x->in_per_chunk;
		if (!rc && x->op.nr_exchanged < x->op.in.nr_extents && hypercall_should_yield())
			break;
	}
	if (copy_to_guest(arg + offsetof(struct xen_memory_exchange, nr_exchanged), &x->op.nr_exchanged,
			  sizeof(x->op.nr_exchanged)))
		rc = -EFAULT;
	if (!rc && x->op.nr_exchanged < x->op.in.nr_extents)
		rc = hypercall_continue(__HYPERVISOR_memory_op, 2, (uint64_t)cmd, arg);
	domain_put(x->d);
	mem_free(x);
	return rc;
}

/* --- questions */

static long memory_maximum_ram_page(unsigned int cmd, uint64_t arg, uint64_t start) { return max_mfn; }

/* As the guest has it in its shared page (0 before it has run); that's gone once the domain is dead. */
static long domain_max_pfn(const struct domain *d)
{
	const struct shared_info *shared = READ_ONCE(d->shared);
	uint64_t pfns = shared ? READ_ONCE(shared->arch.max_pfn) : 0;

	if (!shared)
		return -ESRCH;
	return pfns >> 52 ? -EINVAL : (long)(pfns ? pfns - 1 : 0);
}

static long memory_of_domain(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct domain *d;
	domid_t id;
	long rc;

	if (copy_from_guest(&id, arg, sizeof(id)))
		return -EFAULT;
	rc = memory_domain_get(id, &d);
	if (rc)
		return rc;
	if (cmd == XENMEM_current_reservation)
		rc = d->tot_pages;
	else if (cmd == XENMEM_maximum_reservation)
		rc = d->max_pages;
	else
		rc = domain_max_pfn(d);
	domain_put(d);
	return rc;
}

/* --- what a domain shares with those that build or serve it */

#define RESOURCE_FRAMES_MAX 4096	/* in one call: more than a grant table has */

static long resource_frames(struct domain *d, const struct xen_mem_acquire_resource *op)
{
	bool is_status = op->id == XENMEM_resource_grant_table_id_status;
	long rc = 0;

	for (uint32_t i = 0; i < op->nr_frames && !rc; i++) {
		mfn_t mfn;

		rc = op->frame + i > ~0U ? -EINVAL : gnttab_frame(d, is_status, op->frame + i, &mfn);
		if (!rc)
			rc = copy_to_guest((uint64_t)op->frame_list.p + i * sizeof(mfn.n), &mfn.n, sizeof(mfn.n));
	}
	return rc;
}

static long resource_size(struct domain *d, struct xen_mem_acquire_resource *op, uint64_t arg)
{
	op->nr_frames = gnttab_frames_max(d, op->id == XENMEM_resource_grant_table_id_status);
	return copy_to_guest(arg, op, sizeof(*op));
}

static long memory_acquire_resource(unsigned int cmd, uint64_t arg, uint64_t start)
{
	struct xen_mem_acquire_resource op;
	struct domain *d;
	long rc;

	if (!current_vcpu()->domain->is_privileged)
		return -EPERM;
	if (copy_from_guest(&op, arg, sizeof(op)))
		return -EFAULT;
	if (op.pad || op.id > XENMEM_resource_grant_table_id_status)
		return -EINVAL;
	if (op.type != XENMEM_resource_grant_table)
		return -EOPNOTSUPP;
	if (op.nr_frames > RESOURCE_FRAMES_MAX)
		return -E2BIG;
	rc = memory_domain_get(op.domid, &d);
	if (rc)
		return rc;
	rc = op.nr_frames || op.frame_list.p ? resource_frames(d, &op) : resource_size(d, &op, arg);
	domain_put(d);
	return rc;
}

/* A PV guest's frames have no places that others could put something in: it maps machine frames. */
static long memory_not_for_pv(unsigned int cmd, uint64_t arg, uint64_t start) { return -EINVAL; }

static long memory_no_vnuma(unsigned int cmd, uint64_t arg, uint64_t start) { return -EOPNOTSUPP; }

static long memory_no_sharing(unsigned int cmd, uint64_t arg, uint64_t start) { return 0; }

typedef long memory_fn(unsigned int cmd, uint64_t arg, uint64_t start);

static memory_fn *const memory_ops[] = {
	[XENMEM_increase_reservation]	= memory_grow,
	[XENMEM_decrease_reservation]	= memory_shrink,
	[XENMEM_populate_physmap]	= memory_grow,
	[XENMEM_maximum_ram_page]	= memory_maximum_ram_page,
	[XENMEM_current_reservation]	= memory_of_domain,
	[XENMEM_maximum_reservation]	= memory_of_domain,
	[XENMEM_maximum_gpfn]		= memory_of_domain,
	[XENMEM_exchange]		= memory_exchange,
	[XENMEM_claim_pages]		= memory_claim,
	[XENMEM_acquire_resource]	= memory_acquire_resource,
	[XENMEM_add_to_physmap]		= memory_not_for_pv,
	[XENMEM_add_to_physmap_batch]	= memory_not_for_pv,
	[XENMEM_remove_from_physmap]	= memory_not_for_pv,
	[XENMEM_get_vnumainfo]		= memory_no_vnuma,
	[XENMEM_get_sharing_freed_pages]	= memory_no_sharing,
	[XENMEM_get_sharing_shared_pages]	= memory_no_sharing,
};

/* arg: command and where to go on, pointer */
long hcall_memory_op(const uint64_t arg[6])
{
	unsigned int cmd = arg[0] & CMD_MASK;

	if (cmd < ARRAY_SIZE(memory_ops) && memory_ops[cmd])
		return memory_ops[cmd](cmd, arg[1], arg[0] >> CMD_BITS);
	return arch_memory_op(cmd, arg[1]);
}
