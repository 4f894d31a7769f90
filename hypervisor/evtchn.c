/*
 * Event channels: the ports, what they are joined to, and EVTCHNOP_* (xen/event_channel.h).  How an event
 * is shown to the guest is evtchn_abi.h's.
 *
 * d->evtchn.lock covers a domain's ports and is taken by interrupt handlers.  Nothing that takes another
 * plain lock happens under it: memory is got and given back, and frames are released, outside.
 */
#include "evtchn.h"
#include "arch.h"
#include "bitmap.h"
#include "domain.h"
#include "errno.h"
#include "evtchn_abi.h"
#include "heap.h"
#include "hypercall.h"
#include "printk.h"
#include "sched.h"

static uint64_t evtchn_lock(struct domain *d)
{
	return spin_lock_irqsave(&d->evtchn.lock);
}

static void evtchn_unlock(struct domain *d, uint64_t flags)
{
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
}

/* The two may be the same domain. */
static uint64_t evtchn_lock_both(struct domain *a, struct domain *b)
{
	uint64_t flags = evtchn_lock(MIN(a, b));

	if (a != b)
		spin_lock(&MAX(a, b)->evtchn.lock);
	return flags;
}

static void evtchn_unlock_both(struct domain *a, struct domain *b, uint64_t flags)
{
	if (a != b)
		spin_unlock(&MAX(a, b)->evtchn.lock);
	evtchn_unlock(MIN(a, b), flags);
}

static uint32_t evtchn_port_limit(const struct domain *d)
{
	return MIN(d->evtchn.max_port, d->evtchn.ops->ports - 1);
}

struct evtchn *evtchn_find(struct domain *d, uint32_t port)
{
	struct evtchn *bucket;

	if (port > d->evtchn.max_port)
		return NULL;
	bucket = READ_ONCE(d->evtchn.buckets[port / EVTCHN_BUCKET]);
	return bucket ? &bucket[port % EVTCHN_BUCKET] : NULL;
}

/* A port in use, or NULL.  Lock held. */
static struct evtchn *evtchn_find_used(struct domain *d, uint32_t port)
{
	struct evtchn *chn = evtchn_find(d, port);

	return chn && chn->state > EVTCHN_RESERVED ? chn : NULL;
}

/* ---- Ports come and go ---- */

/* The lowest free port: 0, -ENOSPC, -EINVAL (the domain can't have any), -EAGAIN (its bucket is missing). */
static long evtchn_find_free(struct domain *d, struct evtchn **out)
{
	struct evtchn_domain *e = &d->evtchn;

	if (d->dying != DOMAIN_ALIVE || !domain_vcpu(d, 0))
		return -EINVAL;
	for (; e->lowest_free <= evtchn_port_limit(d); e->lowest_free++) {
		*out = evtchn_find(d, e->lowest_free);
		if (!*out)
			return -EAGAIN;
		if ((*out)->state == EVTCHN_FREE)
			return 0;
	}
	return -ENOSPC;
}

static long evtchn_add_bucket(struct domain *d)
{
	struct evtchn *bucket = mem_alloc(EVTCHN_BUCKET * sizeof(*bucket)), **slot;
	uint64_t flags;

	if (!bucket)
		return -ENOMEM;
	flags = evtchn_lock(d);
	slot = &d->evtchn.buckets[d->evtchn.lowest_free / EVTCHN_BUCKET];
	if (d->evtchn.lowest_free <= d->evtchn.max_port && !*slot) {
		uint32_t first = d->evtchn.lowest_free / EVTCHN_BUCKET * EVTCHN_BUCKET;

		for (uint32_t i = 0; i < EVTCHN_BUCKET; i++)
			bucket[i].port = first + i;
		if (first == 0)
			bucket[0].state = EVTCHN_RESERVED;	/* port 0 means "none" */
		WRITE_ONCE(*slot, bucket);
		bucket = NULL;
	}
	evtchn_unlock(d, flags);
	mem_free(bucket);			/* another vcpu was faster */
	return 0;
}

/* Locks both with a free port of `d` found: 0; or an error with nothing locked. */
static long evtchn_lock_with_free(struct domain *d, struct domain *peer, struct evtchn **out,
				  uint64_t *flags)
{
	long rc;

	do {
		*flags = evtchn_lock_both(d, peer);
		rc = evtchn_find_free(d, out);
		if (rc == 0)
			return 0;
		evtchn_unlock_both(d, peer, *flags);
		if (rc == -EAGAIN)
			rc = evtchn_add_bucket(d);
	} while (rc == 0);
	return rc;
}

/* Makes the free port one of the given kind: its number. */
static uint32_t evtchn_claim(struct domain *d, struct evtchn *chn, enum evtchn_state state)
{
	chn->state = state;
	chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	chn->notify_vcpu = 0;
	d->evtchn.ports_in_use++;
	d->evtchn.lowest_free = chn->port + 1;
	d->evtchn.ops->clear_pending(d, chn);
	return chn->port;
}

static void evtchn_release(struct domain *d, struct evtchn *chn)
{
	d->evtchn.ops->clear_pending(d, chn);
	chn->state = EVTCHN_FREE;
	d->evtchn.ports_in_use--;
	d->evtchn.lowest_free = MIN(d->evtchn.lowest_free, chn->port);
}

/* ---- Events ---- */

bool evtchn_is_deliverable(struct vcpu *v)
{
	struct vcpu_info *info = v->info;

	return info && __atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST) &&
		!READ_ONCE(info->evtchn_upcall_mask);
}

void evtchn_mark_pending(struct vcpu *v)
{
	struct vcpu_info *info = v->info;

	if (!info || __atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		return;
	vcpu_unblock(v);
	arch_vcpu_kick_upcall(v);
}

static void evtchn_wake_pollers(struct domain *d, uint32_t port)
{
	unsigned int id;

	for (id = bit_find_next(d->evtchn.polling, d->max_vcpus, 0); id < d->max_vcpus;
	     id = bit_find_next(d->evtchn.polling, d->max_vcpus, id + 1)) {
		struct vcpu *v = d->vcpu[id];
		uint32_t awaited = READ_ONCE(v->evtchn.poll_port);

		if (!awaited || awaited == port)
			vcpu_unblock(v);
	}
}

void evtchn_raise(struct domain *d, struct evtchn *chn)
{
	d->evtchn.ops->set_pending(d->vcpu[chn->notify_vcpu], chn);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* pending before we look who polls: sched_op_poll() */
	evtchn_wake_pollers(d, chn->port);
}

/* Raises `port` of `d` if it's of that kind (still). */
static void evtchn_raise_port(struct domain *d, uint32_t port, enum evtchn_state state)
{
	struct evtchn *chn = evtchn_find(d, port);

	if (chn && chn->state == state)
		evtchn_raise(d, chn);
}

void evtchn_send_virq(struct vcpu *v, uint32_t virq)
{
	struct domain *d = v->domain;
	uint64_t flags = evtchn_lock(d);

	if (v->evtchn.virq_port[virq])
		evtchn_raise_port(d, v->evtchn.virq_port[virq], EVTCHN_VIRQ);
	evtchn_unlock(d, flags);
}

void evtchn_send_global_virq(uint32_t virq)
{
	struct domain *d = READ_ONCE(dom0);
	struct vcpu *v = d ? domain_vcpu(d, 0) : NULL;

	if (v)
		evtchn_send_virq(v, virq);
}

void evtchn_send_pirq(struct domain *d, uint32_t port)
{
	uint64_t flags = evtchn_lock(d);

	evtchn_raise_port(d, port, EVTCHN_PIRQ);
	evtchn_unlock(d, flags);
}

bool evtchn_port_is_valid(struct domain *d, uint32_t port)
{
	return port && port <= READ_ONCE(d->evtchn.max_port);
}

bool evtchn_port_is_pending(struct domain *d, uint32_t port)
{
	uint64_t flags = evtchn_lock(d);
	struct evtchn *chn = evtchn_find_used(d, port);
	bool is_pending = chn && d->evtchn.ops->is_pending(d, chn);

	evtchn_unlock(d, flags);
	return is_pending;
}

/* ---- EVTCHNOP_* ---- */

/* Whom an operation is about: oneself, or, for the privileged domain, any.  Counted. -ESRCH, -EPERM. */
static long evtchn_subject(domid_t id, struct domain **out)
{
	struct domain *caller = current_vcpu()->domain, *d = domain_get_for(caller, id);

	if (!d)
		return -ESRCH;
	if (d != caller && !caller->is_privileged) {
		domain_put(d);
		return -EPERM;
	}
	*out = d;
	return 0;
}

/* >0: the port; or -errno. */
static long evtchn_alloc_unbound_for(struct domain *d, domid_t remote)
{
	struct evtchn *chn;
	uint64_t flags;
	long rc = evtchn_lock_with_free(d, d, &chn, &flags);

	if (rc)
		return rc;
	rc = evtchn_claim(d, chn, EVTCHN_UNBOUND);
	chn->remote_domid = remote;
	evtchn_unlock(d, flags);
	return rc;
}

static long evtchn_alloc_unbound(void *arg)
{
	struct evtchn_alloc_unbound *op = arg;
	domid_t remote = op->remote_dom == DOMID_SELF ? current_vcpu()->domain->id : op->remote_dom;
	struct domain *d;
	long rc = evtchn_subject(op->dom, &d);

	if (rc)
		return rc;
	rc = evtchn_alloc_unbound_for(d, remote);
	domain_put(d);
	if (rc < 0)
		return rc;
	op->port = rc;
	return 0;
}

static void evtchn_join(struct evtchn *chn, struct domain *peer, struct evtchn *theirs)
{
	domain_get_counted(peer);		/* put when the channel ends: evtchn_part() */
	chn->state = EVTCHN_INTERDOMAIN;
	chn->remote = peer;
	chn->remote_port = theirs->port;
}

static long evtchn_bind_interdomain(void *arg)
{
	struct evtchn_bind_interdomain *op = arg;
	struct domain *d = current_vcpu()->domain, *peer = domain_get_for(d, op->remote_dom);
	struct evtchn *ours, *theirs;
	uint64_t flags;
	long rc;

	if (!peer)
		return -ESRCH;
	rc = evtchn_lock_with_free(d, peer, &ours, &flags);
	if (rc)
		goto put;
	theirs = evtchn_find(peer, op->remote_port);
	if (!theirs || theirs->state != EVTCHN_UNBOUND || theirs->remote_domid != d->id) {
		rc = -EINVAL;
	} else {
		op->local_port = evtchn_claim(d, ours, EVTCHN_INTERDOMAIN);
		evtchn_join(ours, peer, theirs);
		evtchn_join(theirs, d, ours);
		evtchn_raise(d, ours);		/* in case they sent before */
	}
	evtchn_unlock_both(d, peer, flags);
put:
	domain_put(peer);
	return rc;
}

static bool virq_is_global(uint32_t virq)
{
	return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static long evtchn_bind_virq(void *arg)
{
	struct evtchn_bind_virq *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct vcpu *v = domain_vcpu(d, op->vcpu);
	struct evtchn *chn;
	uint64_t flags;
	long rc;

	if (op->virq >= NR_VIRQS)
		return -EINVAL;
	if (virq_is_global(op->virq) && op->vcpu != 0)
		return -EINVAL;
	if (!v)
		return -ENOENT;
	if (virq_is_global(op->virq) && !d->is_privileged)
		return -EPERM;
	rc = evtchn_lock_with_free(d, d, &chn, &flags);
	if (rc)
		return rc;
	if (v->evtchn.virq_port[op->virq]) {
		rc = -EEXIST;
	} else {
		op->port = evtchn_claim(d, chn, EVTCHN_VIRQ);
		chn->notify_vcpu = op->vcpu;
		chn->virq = op->virq;
		v->evtchn.virq_port[op->virq] = op->port;
	}
	evtchn_unlock(d, flags);
	return rc;
}

static long evtchn_bind_ipi(void *arg)
{
	struct evtchn_bind_ipi *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct evtchn *chn;
	uint64_t flags;
	long rc;

	if (!domain_vcpu(d, op->vcpu))
		return -ENOENT;
	rc = evtchn_lock_with_free(d, d, &chn, &flags);
	if (rc)
		return rc;
	op->port = evtchn_claim(d, chn, EVTCHN_IPI);
	chn->notify_vcpu = op->vcpu;
	evtchn_unlock(d, flags);
	return 0;
}

/* The port is there before the line is connected, so that its first interrupt isn't lost. */
static long evtchn_bind_pirq(void *arg)
{
	struct evtchn_bind_pirq *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct evtchn *chn;
	uint64_t flags;
	long rc;

	if (op->flags & ~BIND_PIRQ__WILL_SHARE)
		return -EINVAL;
	spin_lock(&d->evtchn.pirq_lock);
	rc = evtchn_lock_with_free(d, d, &chn, &flags);
	if (rc)
		goto out;
	op->port = evtchn_claim(d, chn, EVTCHN_PIRQ);
	chn->pirq = op->pirq;
	evtchn_unlock(d, flags);
	rc = arch_pirq_bind(d, op->pirq, op->port, op->flags & BIND_PIRQ__WILL_SHARE);
	if (rc) {
		flags = evtchn_lock(d);
		evtchn_release(d, chn);
		evtchn_unlock(d, flags);
	}
out:
	spin_unlock(&d->evtchn.pirq_lock);
	return rc;
}

/* Both ends of the channel are locked: frees ours, opens theirs for us again. */
static void evtchn_part(struct domain *d, struct evtchn *chn)
{
	struct domain *peer = chn->remote;
	struct evtchn *theirs = evtchn_find(peer, chn->remote_port);

	ASSERT(theirs->state == EVTCHN_INTERDOMAIN && theirs->remote == d && theirs->remote_port == chn->port);
	theirs->state = EVTCHN_UNBOUND;
	theirs->remote_domid = d->id;
	evtchn_release(d, chn);
	domain_put(peer);		/* what evtchn_join() counted; freeing is put off, so locks are fine */
	domain_put(d);
}

/* Closes a port that was joined to one of `peer` when we looked.  False: it isn't any more. */
static bool evtchn_close_joined(struct domain *d, uint32_t port, struct domain *peer)
{
	uint64_t flags = evtchn_lock_both(d, peer);
	struct evtchn *chn = evtchn_find(d, port);
	bool is_joined = chn->state == EVTCHN_INTERDOMAIN && chn->remote == peer;

	if (is_joined)
		evtchn_part(d, chn);
	evtchn_unlock_both(d, peer, flags);
	return is_joined;
}

/* Closes what needs one lock only.  A PIRQ's line is disconnected already. */
static void evtchn_close_simple(struct domain *d, struct evtchn *chn)
{
	if (chn->state == EVTCHN_VIRQ) {
		unsigned int id = virq_is_global(chn->virq) ? 0 : chn->notify_vcpu;

		d->vcpu[id]->evtchn.virq_port[chn->virq] = 0;
	}
	evtchn_release(d, chn);
}

/* d->evtchn.pirq_lock held. */
static long evtchn_close_port(struct domain *d, uint32_t port)
{
	for (;;) {
		uint64_t flags = evtchn_lock(d);
		struct evtchn *chn = evtchn_find_used(d, port);
		struct domain *peer;
		bool is_done;

		if (!chn) {
			evtchn_unlock(d, flags);
			return -EINVAL;
		}
		if (chn->state == EVTCHN_PIRQ) {	/* stays one: whoever closes it holds pirq_lock */
			evtchn_unlock(d, flags);
			arch_pirq_unbind(d, chn->pirq);
			flags = evtchn_lock(d);
		}
		if (chn->state != EVTCHN_INTERDOMAIN) {
			evtchn_close_simple(d, chn);
			evtchn_unlock(d, flags);
			return 0;
		}
		peer = chn->remote;
		domain_get_counted(peer);
		evtchn_unlock(d, flags);
		is_done = evtchn_close_joined(d, port, peer);
		domain_put(peer);
		if (is_done)
			return 0;
	}
}

static long evtchn_close(void *arg)
{
	const struct evtchn_close *op = arg;
	struct domain *d = current_vcpu()->domain;
	long rc;

	spin_lock(&d->evtchn.pirq_lock);
	rc = evtchn_close_port(d, op->port);
	spin_unlock(&d->evtchn.pirq_lock);
	return rc;
}

/* The other end may have gone since we looked: then so has the event. */
static void evtchn_send_remote(struct domain *peer, uint32_t peer_port, struct domain *d, uint32_t port)
{
	uint64_t flags = evtchn_lock(peer);
	struct evtchn *chn = evtchn_find(peer, peer_port);

	if (chn && chn->state == EVTCHN_INTERDOMAIN && chn->remote == d && chn->remote_port == port)
		evtchn_raise(peer, chn);
	evtchn_unlock(peer, flags);
}

static long evtchn_send(void *arg)
{
	const struct evtchn_send *op = arg;
	struct domain *d = current_vcpu()->domain, *peer = NULL;
	uint64_t flags = evtchn_lock(d);
	struct evtchn *chn = evtchn_find(d, op->port);
	uint32_t peer_port = 0;
	long rc = 0;

	perf_inc(evtchn_sends);
	if (chn && chn->state == EVTCHN_INTERDOMAIN) {
		peer = chn->remote;
		peer_port = chn->remote_port;
		domain_get_counted(peer);	/* it may leave once we let go of our end */
	} else if (chn && chn->state == EVTCHN_IPI) {
		evtchn_raise(d, chn);
	} else if (!chn || chn->state != EVTCHN_UNBOUND) {
		rc = -EINVAL;
	}
	evtchn_unlock(d, flags);
	if (peer) {
		evtchn_send_remote(peer, peer_port, d, op->port);
		domain_put(peer);
	}
	return rc;
}

static void evtchn_describe(const struct evtchn *chn, struct evtchn_status *op)
{
	static const uint32_t status[] = {
		[EVTCHN_UNBOUND] = EVTCHNSTAT_unbound, [EVTCHN_INTERDOMAIN] = EVTCHNSTAT_interdomain,
		[EVTCHN_PIRQ] = EVTCHNSTAT_pirq, [EVTCHN_VIRQ] = EVTCHNSTAT_virq,
		[EVTCHN_IPI] = EVTCHNSTAT_ipi,
	};

	op->status = status[chn->state];
	op->vcpu = chn->notify_vcpu;
	if (chn->state == EVTCHN_UNBOUND)
		op->u.unbound.dom = chn->remote_domid;
	else if (chn->state == EVTCHN_PIRQ)
		op->u.pirq = chn->pirq;
	else if (chn->state == EVTCHN_VIRQ)
		op->u.virq = chn->virq;
	if (chn->state != EVTCHN_INTERDOMAIN)
		return;
	op->u.interdomain.dom = chn->remote->id;
	op->u.interdomain.port = chn->remote_port;
}

static long evtchn_status(void *arg)
{
	struct evtchn_status *op = arg;
	struct evtchn *chn;
	struct domain *d;
	uint64_t flags;
	long rc = evtchn_subject(op->dom, &d);

	if (rc)
		return rc;
	op->status = EVTCHNSTAT_closed;
	op->vcpu = 0;
	flags = evtchn_lock(d);
	chn = evtchn_find_used(d, op->port);
	if (chn)
		evtchn_describe(chn, op);
	else if (op->port > d->evtchn.max_port)
		rc = -EINVAL;
	evtchn_unlock(d, flags);
	domain_put(d);
	return rc;
}

static bool evtchn_may_move(const struct evtchn *chn)
{
	return chn->state == EVTCHN_UNBOUND || chn->state == EVTCHN_INTERDOMAIN ||
		chn->state == EVTCHN_PIRQ || (chn->state == EVTCHN_VIRQ && virq_is_global(chn->virq));
}

static long evtchn_bind_vcpu(void *arg)
{
	const struct evtchn_bind_vcpu *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct evtchn *chn;
	bool is_pirq = false;
	uint32_t pirq = 0;
	uint64_t flags;
	long rc = 0;

	if (!domain_vcpu(d, op->vcpu))
		return -ENOENT;
	flags = evtchn_lock(d);
	chn = evtchn_find_used(d, op->port);
	if (chn && evtchn_may_move(chn)) {
		chn->notify_vcpu = op->vcpu;
		is_pirq = chn->state == EVTCHN_PIRQ;
		pirq = is_pirq ? chn->pirq : 0;
	} else {
		rc = -EINVAL;
	}
	evtchn_unlock(d, flags);
	if (is_pirq)
		arch_pirq_follow(d, pirq, d->vcpu[op->vcpu]);
	return rc;
}

static long evtchn_unmask(void *arg)
{
	const struct evtchn_unmask *op = arg;
	struct domain *d = current_vcpu()->domain;
	uint64_t flags = evtchn_lock(d);
	struct evtchn *chn = evtchn_find_used(d, op->port);

	if (chn)
		d->evtchn.ops->unmask(d->vcpu[chn->notify_vcpu], chn);
	evtchn_unlock(d, flags);
	return chn ? 0 : -EINVAL;
}

static long evtchn_set_priority(void *arg)
{
	const struct evtchn_set_priority *op = arg;
	struct domain *d = current_vcpu()->domain;
	uint64_t flags = evtchn_lock(d);
	struct evtchn *chn = evtchn_find_used(d, op->port);
	long rc = chn ? d->evtchn.ops->set_priority(chn, op->priority) : -EINVAL;

	evtchn_unlock(d, flags);
	return rc;
}

static long evtchn_reset(void *arg)
{
	const struct evtchn_reset *op = arg;
	struct domain *d;
	long rc = evtchn_subject(op->dom, &d);

	if (rc)
		return rc;
	rc = evtchn_close_all(d);
	domain_put(d);
	return rc;
}

int evtchn_close_all(struct domain *d)
{
	for (uint32_t port = 1; port <= d->evtchn.max_port && READ_ONCE(d->evtchn.ports_in_use); port++) {
		struct evtchn *chn = evtchn_find(d, port);

		if (!chn) {
			port |= EVTCHN_BUCKET - 1;	/* an empty bucket */
			continue;
		}
		if (READ_ONCE(chn->state) <= EVTCHN_RESERVED)
			continue;
		spin_lock(&d->evtchn.pirq_lock);
		evtchn_close_port(d, port);
		spin_unlock(&d->evtchn.pirq_lock);
		if (hypercall_should_yield())
			return -ERESTART;
	}
	evtchn_fifo_free(d);
	return 0;
}

static const struct hypercall_op evtchn_op_table[] = {
#define EVTCHN_ROW(op, how) [EVTCHNOP_##op] = { evtchn_##op, sizeof(struct evtchn_##op), how }
	EVTCHN_ROW(bind_interdomain, HC_COPY_BACK),
	EVTCHN_ROW(bind_virq, HC_COPY_BACK),
	EVTCHN_ROW(bind_pirq, HC_COPY_BACK),
	EVTCHN_ROW(close, 0),
	EVTCHN_ROW(send, 0),
	EVTCHN_ROW(status, HC_COPY_BACK),
	EVTCHN_ROW(alloc_unbound, HC_COPY_BACK),
	EVTCHN_ROW(bind_ipi, HC_COPY_BACK),
	EVTCHN_ROW(bind_vcpu, 0),
	EVTCHN_ROW(unmask, 0),
	EVTCHN_ROW(reset, 0),
	[EVTCHNOP_init_control] = { evtchn_fifo_init_control, sizeof(struct evtchn_init_control), HC_COPY_BACK },
	[EVTCHNOP_expand_array] = { evtchn_fifo_expand_array, sizeof(struct evtchn_expand_array) },
	EVTCHN_ROW(set_priority, 0),
};

long evtchn_op(unsigned int cmd, uint64_t arg)
{
	long rc = hypercall_sub_op(evtchn_op_table, ARRAY_SIZE(evtchn_op_table), cmd, arg);

	if (rc == -ERESTART)		/* reset: what is closed already stays so */
		rc = hypercall_continue(__HYPERVISOR_event_channel_op, 2, (uint64_t)cmd, arg);
	return rc;
}

/* ---- A domain's beginning and end ---- */

int evtchn_domain_init(struct domain *d, uint32_t max_port)
{
	struct evtchn_domain *e = &d->evtchn;

	e->max_port = MIN(max_port, EVTCHN_FIFO_NR_CHANNELS - 1);
	e->lowest_free = 1;
	e->ops = &evtchn_2l_ops;
	e->buckets = mem_alloc((e->max_port / EVTCHN_BUCKET + 1) * sizeof(*e->buckets));
	return e->buckets ? 0 : -ENOMEM;
}

void evtchn_domain_free(struct domain *d)
{
	if (!d->evtchn.buckets)
		return;
	for (uint32_t i = 0; i <= d->evtchn.max_port / EVTCHN_BUCKET; i++)
		mem_free(d->evtchn.buckets[i]);
	mem_free(d->evtchn.buckets);
	d->evtchn.buckets = NULL;
}

/* ---- Debug key e ---- */

struct evtchn_state_shown { struct evtchn chn; domid_t peer; bool is_pending, is_masked; };

static void evtchn_dump_port(const struct evtchn_state_shown *s)
{
	static const char *const kind[] = { "free", "reserved", "unbound", "interdomain", "pirq", "virq", "ipi" };
	const struct evtchn *chn = &s->chn;

	printk(LOG_INFO "  %5u [%c%c] v%u %s", chn->port, s->is_pending ? 'p' : '-', s->is_masked ? 'm' : '-',
	       chn->notify_vcpu, kind[chn->state]);
	if (chn->state == EVTCHN_INTERDOMAIN)
		printk(" d%u:%u", s->peer, chn->remote_port);
	else if (chn->state == EVTCHN_UNBOUND)
		printk(" for d%u", chn->remote_domid);
	else if (chn->state == EVTCHN_PIRQ || chn->state == EVTCHN_VIRQ)
		printk(" %u", chn->virq);	/* or pirq: they share their place */
	printk("\n");
}

/* A copy, for printing takes long: nobody's events wait for that. */
static bool evtchn_copy(struct domain *d, uint32_t port, struct evtchn_state_shown *s)
{
	uint64_t flags = evtchn_lock(d);
	struct evtchn *chn = evtchn_find_used(d, port);

	if (chn) {
		s->chn = *chn;
		s->peer = chn->state == EVTCHN_INTERDOMAIN ? chn->remote->id : DOMID_INVALID;
		s->is_pending = d->evtchn.ops->is_pending(d, chn);
		s->is_masked = d->evtchn.ops->is_masked(d, chn);
	}
	evtchn_unlock(d, flags);
	return chn;
}

static void evtchn_dump_domain(struct domain *d)
{
	struct evtchn_state_shown s;

	printk(LOG_INFO "d%u: %s event channels, %u in use\n", d->id, d->evtchn.ops->name,
	       d->evtchn.ports_in_use);
	for (uint32_t port = 1; port <= d->evtchn.max_port; port++) {
		if (!evtchn_find(d, port))
			port |= EVTCHN_BUCKET - 1;
		else if (evtchn_copy(d, port, &s))
			evtchn_dump_port(&s);
	}
}

void evtchn_dump(void)
{
	struct domain *d;

	spin_lock(&domain_list_lock);
	list_for_each(d, &domain_list, link)
		if (d->dying == DOMAIN_ALIVE)
			evtchn_dump_domain(d);
	spin_unlock(&domain_list_lock);
}
