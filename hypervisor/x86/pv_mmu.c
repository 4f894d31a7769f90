/* The hypercalls by which a guest changes its page tables and tells of them. */
#include "arch.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "pv_mm.h"
#include "pv_tree.h"
#include "string.h"
#include "tlb.h"

/* Bit 31 of a count: a continuation, whose `done` pointer holds what earlier rounds did. */
#define PREEMPTED 0x80000000U

static bool is_table(const struct page *pg)
{
	enum page_type t = page_type(pg);

	return t >= PAGE_L1 && t <= PAGE_L4 && page_type_count(pg);
}

/* The frames an entry may map: the caller's own, or of another domain if it may; counted. */
static int mmu_owner_get(struct domain *d, domid_t id, struct domain **owner)
{
	if (id == DOMID_SELF || id == d->id)
		*owner = d;
	else if (!d->is_privileged)
		return -EPERM;
	else if (id == DOMID_IO)
		*owner = dom_io;
	else if (id == DOMID_XEN)
		*owner = dom_xen;
	else
		*owner = domain_get(id);
	if (!*owner)
		return -ESRCH;
	if ((*owner)->is_system || *owner == d)
		domain_get_counted(*owner);
	return 0;
}

/* An 8-byte entry at a machine address: of a page table, checked; of an ordinary frame, just written. */
static int mmu_update_entry(struct domain *tables, struct domain *owner, uint64_t ptr, uint64_t value,
			    bool preserve_ad)
{
	mfn_t mfn = MFN(ptr >> PAGE_SHIFT);
	uint64_t *entry;
	struct page *pg;
	int rc = 0;

	if (ptr & 7 || !mfn_is_ram(mfn))
		return -EINVAL;
	pg = page_get_mfn(mfn, tables);
	if (!pg)
		return -EINVAL;
	entry = (uint64_t *)((char *)mfn_to_virt(mfn) + (ptr & (PAGE_SIZE - 1)));
	spin_lock(&tables->arch.mm_lock);
	if (page_type(pg) >= PAGE_L2 && page_type(pg) <= PAGE_L4)
		rc = pv_tree_settle(tables);
	if (rc) {
		/* it may be one of those; or its entry leads to one */
	} else if (is_table(pg)) {
		rc = pv_entry_set(page_type(pg) - PAGE_L1 + 1, entry, value, tables, owner, preserve_ad);
	} else {
		rc = page_get_type(pg, PAGE_WRITABLE);
		if (!rc) {
			WRITE_ONCE(*entry, value);
			page_put_type(pg);
		}
	}
	spin_unlock(&tables->arch.mm_lock);
	page_put(pg);
	return rc;
}

static int mmu_update_m2p(struct domain *owner, uint64_t ptr, uint64_t pfn)
{
	struct page *pg = page_get_mfn(MFN(ptr >> PAGE_SHIFT), owner);

	if (!pg)
		return -EINVAL;
	m2p_set(page_to_mfn(pg), pfn);
	page_put(pg);
	return 0;
}

static int mmu_update_try(struct domain *tables, struct domain *owner, const struct mmu_update *req)
{
	unsigned int what = req->ptr & 3;
	uint64_t ptr = req->ptr & ~3UL;

	switch (what) {
	case MMU_NORMAL_PT_UPDATE:
	case MMU_PT_UPDATE_PRESERVE_AD:
	case MMU_PT_UPDATE_NO_TRANSLATE:
		return mmu_update_entry(tables, owner, ptr, req->val, what == MMU_PT_UPDATE_PRESERVE_AD);
	default:		/* MMU_MACHPHYS_UPDATE */
		return mmu_update_m2p(owner, ptr, req->val);
	}
}

/* -ERESTART: its tables aren't done with, and a softirq waits. */
static int mmu_update_one(struct domain *tables, struct domain *owner, const struct mmu_update *req)
{
	int rc;

	perf_inc(mmu_updates);
	do
		rc = mmu_update_try(tables, owner, req);
	while (rc == -ERESTART && !hypercall_should_yield());
	return rc;
}

/* Tables that the call let go are plain frames when it returns; 0, or -ERESTART: a softirq waits. */
static int trees_finish(struct domain *d)
{
	while (READ_ONCE(d->arch.tree.depth) && READ_ONCE(d->arch.tree.is_undoing)) {
		if (!pv_tree_lock(d))
			spin_unlock(&d->arch.mm_lock);
		else if (hypercall_should_yield())
			return -ERESTART;
	}
	return 0;
}

/* Reads the count that earlier rounds left in *done. */
static int done_resume(uint32_t *count, uint64_t done_at, uint32_t *done)
{
	*done = 0;
	if (!(*count & PREEMPTED))
		return 0;
	*count &= ~PREEMPTED;
	return done_at ? copy_from_guest(done, done_at, sizeof(*done)) : 0;
}

/* Whatever stops the call: Linux goes on behind what was done. */
static void done_store(uint64_t done_at, uint32_t done)
{
	if (done_at)		/* a pointer that doesn't work is the guest's loss: its updates were made */
		(void)copy_to_guest(done_at, &done, sizeof(done));
}

#define BATCH 16U

/* Fetches up to BATCH elements; at the end of what's readable one by one. 0: not even one. */
static unsigned int fetch_batch(void *to, uint64_t at, size_t size, uint32_t left)
{
	unsigned int n = MIN(left, BATCH);

	if (!copy_from_guest(to, at, n * size))
		return n;
	return copy_from_guest(to, at, size) ? 0 : 1;
}

static long mmu_update_list(struct domain *tables, struct domain *owner, const uint64_t arg[6],
			    uint32_t count, uint32_t done)
{
	struct mmu_update req[BATCH];
	uint64_t at = arg[0];
	long rc = 0;

	while (count && !rc) {
		unsigned int n = fetch_batch(req, at, sizeof(req[0]), count), i;

		if (!n)
			rc = -EFAULT;
		for (i = 0; i < n && !rc; i++) {
			rc = mmu_update_one(tables, owner, &req[i]);
			if (!rc)
				done++;
		}
		i -= rc == -ERESTART;
		at += i * sizeof(req[0]);
		count -= i;
		if (count && !rc && hypercall_should_yield())
			rc = -ERESTART;
	}
	if (!rc)
		rc = trees_finish(tables);
	done_store(arg[2], done);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_mmu_update, 4, at, (uint64_t)(count | PREEMPTED), arg[2],
					  arg[3]);
	return rc;
}

/* arg: requests, count, done pointer, domain ids (low: whose frames; high: whose tables + 1, or 0) */
long hcall_mmu_update(const uint64_t arg[6])
{
	struct domain *d = current_vcpu()->domain, *owner, *tables = NULL;
	uint32_t count = arg[1], done;
	domid_t tables_id = arg[3] >> 16;
	long rc;

	if (done_resume(&count, arg[2], &done))
		return -EFAULT;
	rc = mmu_owner_get(d, arg[3], &owner);
	if (rc) {
		done_store(arg[2], done);
		return rc;
	}
	rc = mmu_owner_get(d, tables_id ? (domid_t)(tables_id - 1) : (domid_t)DOMID_SELF, &tables);
	if (!rc) {
		rc = mmu_update_list(tables, owner, arg, count, done);
		domain_put(tables);
	} else {
		done_store(arg[2], done);
	}
	domain_put(owner);
	return rc;
}

/* Reads which vcpus a flush is for and gives the CPUs on which they may have left translations. */
static int flush_targets(struct domain *d, uint64_t vcpus_at, struct cpumask *targets)
{
	uint64_t map[BITS_TO_WORDS(MAX_VCPUS)] = { 0 };

	if (copy_from_guest(map, vcpus_at, DIV_UP(d->max_vcpus, 8)))
		return -EFAULT;
	memset(targets, 0, sizeof(*targets));
	for (unsigned int i = bit_find_next(map, d->max_vcpus, 0); i < d->max_vcpus;
	     i = bit_find_next(map, d->max_vcpus, i + 1)) {
		struct cpu *c = d->vcpu[i] ? READ_ONCE(d->vcpu[i]->arch.loaded_on) : NULL;

		if (c)
			cpumask_set(targets, c->id);
	}
	return 0;
}

static int flush_after_update(struct domain *d, uint64_t va, uint64_t flags)
{
	uint64_t what = flags & UVMF_FLUSHTYPE_MASK, where = flags & ~UVMF_FLUSHTYPE_MASK;
	struct cpumask targets;
	int rc = 0;

	if (what == UVMF_NONE)
		return 0;
	if (where == UVMF_LOCAL) {
		if (what == UVMF_TLB_FLUSH)
			tlb_flush_local();
		else
			tlb_flush_page_local(va);
		return 0;
	}
	if (where == UVMF_ALL)
		targets = d->arch.dirty_cpus;
	else
		rc = flush_targets(d, where, &targets);
	if (rc)
		return rc;
	if (what == UVMF_TLB_FLUSH)
		tlb_flush_cpus(&targets);
	else
		tlb_flush_page_cpus(&targets, va);
	return 0;
}

static long update_va_mapping(uint64_t va, uint64_t value, uint64_t flags, struct domain *owner)
{
	struct vcpu *v = current_vcpu();
	struct domain *d = v->domain;
	uint64_t *entry;
	int rc = -EINVAL;

	if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_FLUSHTYPE_MASK)
		return -ENOSYS;
	spin_lock(&d->arch.mm_lock);
	entry = pv_walk(v->arch.pv.root_kernel, va);
	if (entry)
		rc = pv_entry_set(1, entry, value, d, owner, false);
	spin_unlock(&d->arch.mm_lock);
	return rc ? rc : flush_after_update(d, va, flags);
}

/* arg: va, entry, flags */
long hcall_update_va_mapping(const uint64_t arg[6])
{
	return update_va_mapping(arg[0], arg[1], arg[2], current_vcpu()->domain);
}

/* arg: va, entry, flags, domain whose frame it maps */
long hcall_update_va_mapping_otherdomain(const uint64_t arg[6])
{
	struct domain *owner;
	long rc = mmu_owner_get(current_vcpu()->domain, arg[3], &owner);

	if (rc)
		return rc;
	rc = update_va_mapping(arg[0], arg[1], arg[2], owner);
	domain_put(owner);
	return rc;
}

/* --- mmuext_op: one function per command; `d` owns the frame that arg1 names */

static int pin(struct domain *d, struct page *pg, unsigned int level)
{
	int rc = d->dying == DOMAIN_ALIVE ? pv_tree_get_type(d, pg, level) : -EINVAL;	/* nobody would unpin it */

	if (rc || !(__atomic_fetch_or(&pg->type, TYPE_PINNED, __ATOMIC_SEQ_CST) & TYPE_PINNED))
		return rc;
	page_put_type(pg);
	return -EINVAL;
}

static int mmuext_pin(struct domain *d, const struct mmuext_op *op)
{
	struct page *pg = page_get_mfn(MFN(op->arg1.mfn), d);
	int rc;

	if (!pg)
		return -EINVAL;
	rc = pv_tree_lock(d);
	if (!rc) {
		rc = pin(d, pg, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
		spin_unlock(&d->arch.mm_lock);
	}
	if (rc)
		page_put(pg);		/* else the pin keeps both references */
	return rc;
}

static int mmuext_unpin(struct domain *d, const struct mmuext_op *op)
{
	struct page *pg = page_get_mfn(MFN(op->arg1.mfn), d);
	int rc;

	if (!pg)
		return -EINVAL;
	rc = pv_tree_lock(d);
	if (!rc) {
		if (__atomic_fetch_and(&pg->type, ~TYPE_PINNED, __ATOMIC_SEQ_CST) & TYPE_PINNED)
			page_put_and_type(pg);
		else
			rc = -EINVAL;
		spin_unlock(&d->arch.mm_lock);
	}
	page_put(pg);
	return rc;
}

static int mmuext_new_root(struct domain *d, const struct mmuext_op *op)
{
	return pv_new_root(current_vcpu(), MFN(op->arg1.mfn));
}

static int mmuext_new_user_root(struct domain *d, const struct mmuext_op *op)
{
	return pv_new_user_root(current_vcpu(), MFN(op->arg1.mfn));
}

static int mmuext_flush_local(struct domain *d, const struct mmuext_op *op)
{
	tlb_flush_local();
	return 0;
}

static int mmuext_invlpg_local(struct domain *d, const struct mmuext_op *op)
{
	tlb_flush_page_local(op->arg1.linear_addr);
	return 0;
}

static int mmuext_flush_multi(struct domain *d, const struct mmuext_op *op)
{
	struct cpumask targets;
	int rc = flush_targets(d, (uint64_t)op->arg2.vcpumask.p, &targets);

	if (!rc && op->cmd == MMUEXT_TLB_FLUSH_MULTI)
		tlb_flush_cpus(&targets);
	else if (!rc)
		tlb_flush_page_cpus(&targets, op->arg1.linear_addr);
	return rc;
}

static int mmuext_flush_all(struct domain *d, const struct mmuext_op *op)
{
	if (op->cmd == MMUEXT_TLB_FLUSH_ALL)
		tlb_flush_cpus(&d->arch.dirty_cpus);
	else
		tlb_flush_page_cpus(&d->arch.dirty_cpus, op->arg1.linear_addr);
	return 0;
}

/* Write back and invalidate: only who drives devices has a use for it. */
static int mmuext_flush_cache(struct domain *d, const struct mmuext_op *op)
{
	if (!d->is_privileged)
		return -EACCES;
	__asm__ volatile("wbinvd" ::: "memory");
	return 0;
}

static int mmuext_set_ldt(struct domain *d, const struct mmuext_op *op)
{
	return pv_set_ldt(current_vcpu(), op->arg1.linear_addr, op->arg2.nr_ents);
}

/* The frame as one that may be written now, with both references; NULL. */
static struct page *writable_get(struct domain *d, uint64_t mfn)
{
	struct page *pg;

	if (!mfn_is_ram(MFN(mfn)))
		return NULL;
	pg = mfn_to_page(MFN(mfn));
	return page_get_and_type(pg, d, PAGE_WRITABLE) ? pg : NULL;
}

static int mmuext_clear_page(struct domain *d, const struct mmuext_op *op)
{
	struct page *pg = writable_get(d, op->arg1.mfn);

	if (!pg)
		return -EINVAL;
	memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE);
	page_put_and_type(pg);
	return 0;
}

static int mmuext_copy_page(struct domain *d, const struct mmuext_op *op)
{
	struct page *from = page_get_mfn(MFN(op->arg2.src_mfn), d), *to;

	if (!from)
		return -EINVAL;
	to = writable_get(d, op->arg1.mfn);
	if (to) {
		memcpy(mfn_to_virt(page_to_mfn(to)), mfn_to_virt(page_to_mfn(from)), PAGE_SIZE);
		page_put_and_type(to);
	}
	page_put(from);
	return to ? 0 : -EINVAL;
}

static int mmuext_no_superpages(struct domain *d, const struct mmuext_op *op) { return -EOPNOTSUPP; }

static const struct mmuext_row {
	int (*handler)(struct domain *d, const struct mmuext_op *op);
	bool takes_foreign;		/* `d` may be another domain, for who may control it */
} mmuext_rows[] = {
	[MMUEXT_PIN_L1_TABLE]		= { mmuext_pin, true },
	[MMUEXT_PIN_L2_TABLE]		= { mmuext_pin, true },
	[MMUEXT_PIN_L3_TABLE]		= { mmuext_pin, true },
	[MMUEXT_PIN_L4_TABLE]		= { mmuext_pin, true },
	[MMUEXT_UNPIN_TABLE]		= { mmuext_unpin, true },
	[MMUEXT_NEW_BASEPTR]		= { mmuext_new_root },
	[MMUEXT_TLB_FLUSH_LOCAL]	= { mmuext_flush_local },
	[MMUEXT_INVLPG_LOCAL]		= { mmuext_invlpg_local },
	[MMUEXT_TLB_FLUSH_MULTI]	= { mmuext_flush_multi },
	[MMUEXT_INVLPG_MULTI]		= { mmuext_flush_multi },
	[MMUEXT_TLB_FLUSH_ALL]		= { mmuext_flush_all },
	[MMUEXT_INVLPG_ALL]		= { mmuext_flush_all },
	[MMUEXT_FLUSH_CACHE]		= { mmuext_flush_cache },
	[MMUEXT_SET_LDT]		= { mmuext_set_ldt },
	[MMUEXT_NEW_USER_BASEPTR]	= { mmuext_new_user_root },
	[MMUEXT_CLEAR_PAGE]		= { mmuext_clear_page, true },
	[MMUEXT_COPY_PAGE]		= { mmuext_copy_page, true },
	[MMUEXT_FLUSH_CACHE_GLOBAL]	= { mmuext_flush_cache },
	[MMUEXT_MARK_SUPER]		= { mmuext_no_superpages },
	[MMUEXT_UNMARK_SUPER]		= { mmuext_no_superpages },
};

static int mmuext_one(struct domain *d, struct domain *owner, const struct mmuext_op *op)
{
	const struct mmuext_row *row = op->cmd < ARRAY_SIZE(mmuext_rows) ? &mmuext_rows[op->cmd] : NULL;
	int rc;

	if (!row || !row->handler)
		return -ENOSYS;
	if (owner != d && !row->takes_foreign)
		return -EPERM;
	do
		rc = row->handler(owner, op);
	while (rc == -ERESTART && !hypercall_should_yield());
	return rc;
}

/* arg: operations, count, done pointer, domain id */
long hcall_mmuext_op(const uint64_t arg[6])
{
	struct domain *d = current_vcpu()->domain, *owner;
	uint32_t count = arg[1], done;
	uint64_t at = arg[0];
	struct mmuext_op op;
	long rc;

	if (done_resume(&count, arg[2], &done))
		return -EFAULT;
	rc = mmu_owner_get(d, arg[3], &owner);
	if (rc) {
		done_store(arg[2], done);
		return rc;
	}
	while (count && !rc) {
		rc = copy_from_guest(&op, at, sizeof(op));
		if (!rc)
			rc = mmuext_one(d, owner, &op);
		if (rc)
			break;
		done++;
		count--;
		at += sizeof(op);
		if (count && hypercall_should_yield())
			rc = -ERESTART;
	}
	if (!rc)
		rc = trees_finish(owner);
	done_store(arg[2], done);
	domain_put(owner);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_mmuext_op, 4, at, (uint64_t)(count | PREEMPTED), arg[2], arg[3]);
	return rc;
}
