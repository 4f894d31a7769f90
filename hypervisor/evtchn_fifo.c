/*
 * The FIFO event ABI (xen/event_channel.h): a word per port in pages of the guest, linked into 16 queues
 * per vcpu, whose heads and ready bits are in the vcpu's control block.
 *
 * The guest changes all of this at any time, so every word is read once, changed with compare-and-exchange
 * only, and never trusted: a port number read from it is never followed.  We keep the tails.
 */
#include "evtchn_abi.h"
#include "bitmap.h"
#include "domain.h"
#include "errno.h"
#include "heap.h"
#include "machine.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_PAGES (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define LINK_ATTEMPTS 4			/* a guest that changes a word more often than that gets a broken queue */

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED (1U << EVTCHN_FIFO_MASKED)
#define LINKED (1U << EVTCHN_FIFO_LINKED)
#define BUSY (1U << EVTCHN_FIFO_BUSY)

struct evtchn_fifo {
	struct page *page[FIFO_PAGES];	/* a writable reference each */
	event_word_t *words[FIFO_PAGES];
	uint32_t pages;
};

struct evtchn_fifo_vcpu {
	struct page *page;		/* a writable reference */
	struct evtchn_fifo_control_block *control;	/* in it */
	uint32_t tail[EVTCHN_FIFO_MAX_QUEUES];	/* port linked last; 0: none */
};

static event_word_t *fifo_word(struct domain *d, uint32_t port)
{
	struct evtchn_fifo *f = d->evtchn.fifo;
	uint32_t page = port / WORDS_PER_PAGE;

	if (page >= f->pages)
		return NULL;
	return &f->words[page][port % WORDS_PER_PAGE];
}

static event_word_t word_set(event_word_t *w, event_word_t bits)
{
	return __atomic_fetch_or(w, bits, __ATOMIC_SEQ_CST);
}

static event_word_t word_clear(event_word_t *w, event_word_t bits)
{
	return __atomic_fetch_and(w, ~bits, __ATOMIC_SEQ_CST);
}

/* Appends `port` to the still linked word `w`: true if it worked, false if the guest has consumed `w`. */
static bool word_try_link(event_word_t *w, uint32_t port)
{
	event_word_t old = __atomic_load_n(w, __ATOMIC_SEQ_CST);

	for (unsigned int i = 0; i < LINK_ATTEMPTS && old & LINKED; i++) {
		event_word_t new = (old & ~(EVTCHN_FIFO_LINK_MASK | BUSY)) | port;

		if (__atomic_compare_exchange_n(w, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

/* A guest that keeps changing the word is told by BUSY to wait; one that goes on loses its queue. */
static bool word_link(event_word_t *w, uint32_t port)
{
	bool is_linked = word_try_link(w, port);

	if (is_linked || !(__atomic_load_n(w, __ATOMIC_SEQ_CST) & LINKED))
		return is_linked;
	word_set(w, BUSY);
	is_linked = word_try_link(w, port);
	if (!is_linked)
		word_clear(w, BUSY);
	return is_linked;
}

/* The port, being linked on no queue any more, may still be the tail of the one it was on last. */
static void fifo_forget_tail(struct domain *d, struct evtchn *chn)
{
	struct evtchn_fifo_vcpu *fv = d->vcpu[chn->last_vcpu]->evtchn.fifo;

	if (fv && fv->tail[chn->last_priority] == chn->port)
		fv->tail[chn->last_priority] = 0;
}

static void fifo_enqueue(struct vcpu *v, struct evtchn *chn)
{
	struct domain *d = v->domain;
	struct evtchn_fifo_vcpu *fv = v->evtchn.fifo;
	unsigned int q = chn->priority;
	event_word_t *tail;
	bool is_linked = false;

	fifo_forget_tail(d, chn);
	chn->last_vcpu = v->id;
	chn->last_priority = q;
	if (fv->tail[q]) {
		tail = fifo_word(d, fv->tail[q]);
		is_linked = tail && word_link(tail, chn->port);
	}
	if (!is_linked)			/* the guest has emptied the queue */
		__atomic_store_n(&fv->control->head[q], chn->port, __ATOMIC_SEQ_CST);
	fv->tail[q] = chn->port;
	if (!is_linked && !(__atomic_fetch_or(&fv->control->ready, 1U << q, __ATOMIC_SEQ_CST) & 1U << q))
		evtchn_mark_pending(v);
}

static void fifo_notify(struct vcpu *v, struct evtchn *chn, event_word_t *w)
{
	if (!v->evtchn.fifo)		/* it has no queues (yet): the event stays pending */
		return;
	if (!(word_set(w, LINKED) & LINKED))
		fifo_enqueue(v, chn);
}

static void set_pending_fifo(struct vcpu *v, struct evtchn *chn)
{
	event_word_t *w = fifo_word(v->domain, chn->port);

	if (!w)
		chn->is_early = true;
	else if (!(word_set(w, PENDING) & (MASKED | LINKED)))
		fifo_notify(v, chn, w);
}

static void clear_pending_fifo(struct domain *d, struct evtchn *chn)
{
	event_word_t *w = fifo_word(d, chn->port);

	chn->is_early = false;
	if (w)
		word_clear(w, PENDING);
}

static void unmask_fifo(struct vcpu *v, struct evtchn *chn)
{
	event_word_t *w = fifo_word(v->domain, chn->port);

	if (w && (word_clear(w, MASKED) & (PENDING | LINKED)) == PENDING)
		fifo_notify(v, chn, w);
}

static bool is_pending_fifo(struct domain *d, const struct evtchn *chn)
{
	event_word_t *w = fifo_word(d, chn->port);

	return w ? READ_ONCE(*w) & PENDING : chn->is_early;
}

static bool is_masked_fifo(struct domain *d, const struct evtchn *chn)
{
	event_word_t *w = fifo_word(d, chn->port);

	return !w || READ_ONCE(*w) & MASKED;
}

static int set_priority_fifo(struct evtchn *chn, uint32_t priority)
{
	if (priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	chn->priority = priority;	/* counts when it's linked the next time */
	return 0;
}

const struct evtchn_ops evtchn_fifo_ops = {
	.name = "FIFO",
	.ports = EVTCHN_FIFO_NR_CHANNELS,
	.set_pending = set_pending_fifo,
	.clear_pending = clear_pending_fifo,
	.unmask = unmask_fifo,
	.is_pending = is_pending_fifo,
	.is_masked = is_masked_fifo,
	.set_priority = set_priority_fifo,
};

/* Holds a guest's frame as writable memory of it, so that it can't become a page table under our feet. */
static struct page *fifo_page_get(struct domain *d, uint64_t gfn)
{
	struct page *pg = page_get_mfn(MFN(gfn), d);

	if (pg && page_get_type(pg, PAGE_WRITABLE)) {
		page_put(pg);
		pg = NULL;
	}
	return pg;
}

/* The first control block switches the domain: what is pending now finds its word when that is there. */
static void fifo_switch(struct domain *d, struct evtchn_fifo *f)
{
	for (uint32_t port = 1; port <= d->evtchn.max_port && port < evtchn_2l_ops.ports; port++) {
		struct evtchn *chn = evtchn_find(d, port);

		if (!chn) {
			port |= EVTCHN_BUCKET - 1;	/* an empty bucket */
			continue;
		}
		chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		chn->is_early = chn->state != EVTCHN_FREE && evtchn_2l_ops.is_pending(d, chn);
	}
	d->evtchn.fifo = f;
	d->evtchn.ops = &evtchn_fifo_ops;
}

long evtchn_fifo_init_control(void *arg)
{
	struct evtchn_init_control *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct evtchn_fifo_vcpu *fv;
	struct evtchn_fifo *f;
	struct vcpu *v = domain_vcpu(d, op->vcpu);
	struct page *pg;
	uint64_t flags;

	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	if (!v)
		return -ENOENT;
	if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8)
		return -EINVAL;
	pg = fifo_page_get(d, op->control_gfn);
	if (!pg)
		return -EINVAL;
	fv = mem_alloc(sizeof(*fv));
	f = mem_alloc(sizeof(*f));
	if (!fv || !f) {
		mem_free(fv);
		mem_free(f);
		page_put_and_type(pg);
		return -ENOMEM;
	}
	fv->page = pg;
	fv->control = (void *)((char *)mfn_to_virt(page_to_mfn(pg)) + op->offset);

	flags = spin_lock_irqsave(&d->evtchn.lock);
	if (v->evtchn.fifo) {		/* once only */
		spin_unlock_irqrestore(&d->evtchn.lock, flags);
		mem_free(fv);
		mem_free(f);
		page_put_and_type(pg);
		return -EINVAL;
	}
	v->evtchn.fifo = fv;
	if (!d->evtchn.fifo) {
		fifo_switch(d, f);
		f = NULL;
	}
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
	mem_free(f);
	return 0;
}

/* Whatever was raised for the words of a new page is delivered now. */
static void fifo_raise_early(struct domain *d, uint32_t page)
{
	for (uint32_t i = 0; i < WORDS_PER_PAGE; i++) {
		struct evtchn *chn = evtchn_find(d, page * WORDS_PER_PAGE + i);

		if (!chn) {
			i |= EVTCHN_BUCKET - 1;
			continue;
		}
		if (chn->state == EVTCHN_FREE || !chn->is_early)
			continue;
		chn->is_early = false;
		evtchn_raise(d, chn);
	}
}

long evtchn_fifo_expand_array(void *arg)
{
	const struct evtchn_expand_array *op = arg;
	struct domain *d = current_vcpu()->domain;
	struct evtchn_fifo *f;
	struct page *pg;
	uint64_t flags;
	long rc = 0;

	if (d->evtchn.ops != &evtchn_fifo_ops)
		return -ENOSYS;
	pg = fifo_page_get(d, op->array_gfn);
	if (!pg)
		return -EINVAL;
	flags = spin_lock_irqsave(&d->evtchn.lock);
	f = d->evtchn.fifo;
	if (!f)
		rc = -ENOSYS;		/* reset by another vcpu */
	else if (f->pages > d->evtchn.max_port / WORDS_PER_PAGE || f->pages == FIFO_PAGES)
		rc = -ENOSPC;
	else {
		f->page[f->pages] = pg;
		f->words[f->pages] = mfn_to_virt(page_to_mfn(pg));
		f->pages++;
		fifo_raise_early(d, f->pages - 1);
	}
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
	if (rc)
		page_put_and_type(pg);
	return rc;
}

static struct evtchn_fifo_vcpu *fifo_take_vcpu(struct domain *d, unsigned int id)
{
	uint64_t flags = spin_lock_irqsave(&d->evtchn.lock);
	struct evtchn_fifo_vcpu *fv = d->vcpu[id]->evtchn.fifo;

	d->vcpu[id]->evtchn.fifo = NULL;
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
	return fv;
}

/* References are dropped outside the lock: that may free the frame, and the heap's lock isn't irqsave. */
void evtchn_fifo_free(struct domain *d)
{
	uint64_t flags = spin_lock_irqsave(&d->evtchn.lock);
	struct evtchn_fifo *f = d->evtchn.fifo;

	d->evtchn.fifo = NULL;
	d->evtchn.ops = &evtchn_2l_ops;
	spin_unlock_irqrestore(&d->evtchn.lock, flags);
	for (uint32_t i = 0; f && i < f->pages; i++)
		page_put_and_type(f->page[i]);
	mem_free(f);
	for (unsigned int id = 0; id < d->max_vcpus; id++) {
		struct evtchn_fifo_vcpu *fv = d->vcpu[id] ? fifo_take_vcpu(d, id) : NULL;

		if (fv)
			page_put_and_type(fv->page);
		mem_free(fv);
	}
}

void evtchn_visit_pages(struct domain *d, void (*visit)(struct page *pg, void *data), void *data)
{
	struct evtchn_fifo *f = d->evtchn.fifo;

	for (uint32_t i = 0; f && i < f->pages; i++)
		visit(f->page[i], data);
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i] && d->vcpu[i]->evtchn.fifo)
			visit(d->vcpu[i]->evtchn.fifo->page, data);
}
