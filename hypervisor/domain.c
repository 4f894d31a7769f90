/*
 * Domains: creation, references, pausing, shutdown and death.
 *
 * A domain ends in three steps.  domain_destroy() makes it DYING and takes everything from it, in pieces;
 * then it is DEAD and its own reference is dropped.  What still refers to it (frames that others have
 * mapped) keeps the record in the list, a zombie; the last reference frees it in SOFTIRQ_DOMAIN.
 */
#include "domain.h"
#include "arch.h"
#include "errno.h"
#include "gnttab.h"
#include "heap.h"
#include "memory.h"
#include "printk.h"
#include "sched.h"
#include "softirq.h"
#include "string.h"
#include "trace.h"
#include "wallclock.h"

#define NO_REASON (~0U)
#define PAUSES_MAX 65535

struct list domain_list = LIST_INIT(domain_list);
struct spinlock domain_list_lock;
struct domain *dom0, *dom_io, *dom_xen;

/* ---- Numbers ---- */

#define DOMIDS 0x8000			/* DOMID_MASK + 1 */
#define DOMID_TABLE (PAGE_SIZE / sizeof(struct domain *))

/* Two levels, the second made on demand and kept; written with domain_list_lock held, read without. */
static struct domain **domid_tables[DOMIDS / DOMID_TABLE];

struct domain *domain_owner(domid_t id)
{
	struct domain **table = id < DOMIDS ? READ_ONCE(domid_tables[id / DOMID_TABLE]) : NULL;

	return table ? READ_ONCE(table[id % DOMID_TABLE]) : NULL;
}

/* Gives `d` its number: -EEXIST, -ENOMEM. */
static int domid_claim(struct domain *d, domid_t id)
{
	struct domain ***table = &domid_tables[id / DOMID_TABLE];
	int rc = 0;

	if (!READ_ONCE(*table)) {
		struct domain **new = page_alloc_zeroed(), **none = NULL;

		if (!new)
			return -ENOMEM;
		if (!__atomic_compare_exchange_n(table, &none, new, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			pages_free(new, 0);
	}
	spin_lock(&domain_list_lock);
	if ((*table)[id % DOMID_TABLE])
		rc = -EEXIST;
	else
		WRITE_ONCE((*table)[id % DOMID_TABLE], d);
	spin_unlock(&domain_list_lock);
	if (rc == 0)
		d->id = id;
	return rc;
}

/* Numbers rise until they have all been used, so that a new domain isn't taken for one that has just died. */
static int domid_claim_any(struct domain *d)
{
	static domid_t last;
	domid_t id = last;

	for (unsigned int i = 1; i < DOMID_FIRST_RESERVED; i++) {
		int rc;

		id = id + 1U < DOMID_FIRST_RESERVED ? id + 1 : 1;
		rc = domid_claim(d, id);
		if (rc != -EEXIST) {
			last = id;
			return rc;
		}
	}
	return -ENOSPC;
}

static void domid_release(struct domain *d)
{
	spin_lock(&domain_list_lock);
	list_del(&d->link);
	WRITE_ONCE(domid_tables[d->id / DOMID_TABLE][d->id % DOMID_TABLE], NULL);
	spin_unlock(&domain_list_lock);
}

/* ---- References ---- */

void domain_get_counted(struct domain *d)
{
	__atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}

struct domain *domain_get(domid_t id)
{
	struct domain *d;

	spin_lock(&domain_list_lock);
	d = domain_owner(id);
	if (d && (d->is_system || d->dying == DOMAIN_DEAD))
		d = NULL;
	if (d)			/* not dead: it has its own reference still, so the count isn't 0 */
		domain_get_counted(d);
	spin_unlock(&domain_list_lock);
	return d;
}

struct domain *domain_get_for(struct domain *caller, domid_t id)
{
	if (id != DOMID_SELF)
		return domain_get(id);
	domain_get_counted(caller);
	return caller;
}

static struct domain *domains_to_free;	/* pushed atomically, taken all at once */
static bool is_dom_exc_due;

static void domain_softirq(void);

void domain_put(struct domain *d)
{
	if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
		return;
	d->next_dead = __atomic_load_n(&domains_to_free, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&domains_to_free, &d->next_dead, d, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	softirq_raise(SOFTIRQ_DOMAIN);
}

/* ---- Birth ---- */

static void domain_insert(struct domain *d)
{
	struct domain *after;

	spin_lock(&domain_list_lock);
	list_for_each(after, &domain_list, link)
		if (after->id > d->id)
			break;
	list_add_tail(&after->link, &d->link);	/* of the list's head, if it's the last */
	d->dying = DOMAIN_ALIVE;
	spin_unlock(&domain_list_lock);
}

/* The bare record: its number and its own reference, nothing else.  It counts as dead until it's whole. */
static int domain_new(domid_t id, struct domain **out)
{
	struct domain *d = mem_alloc(sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->refs = 1;
	d->dying = DOMAIN_DEAD;
	d->shutdown_latch = NO_REASON;
	list_init(&d->link);
	rc = page_chunks_init(d);
	if (rc)
		goto no_chunks;
	rc = id == DOMID_ANY ? domid_claim_any(d) : domid_claim(d, id);
	if (rc)
		goto no_number;
	*out = d;
	return 0;
no_number:
	page_chunks_free(d);
no_chunks:
	mem_free(d);
	return rc;
}

static int domain_share_info(struct domain *d)
{
	d->shared = page_alloc_zeroed();
	if (!d->shared)
		return -ENOMEM;
	page_share(d, mfn_to_page(virt_to_mfn(d->shared)), true);
	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		d->shared->vcpu_info[i].evtchn_upcall_mask = 1;	/* no events before it says so */
	wallclock_write(d);
	return 0;
}

static void domain_unshare_info(struct domain *d)
{
	struct shared_info *shared = d->shared;

	d->shared = NULL;
	if (shared)
		page_unshare(mfn_to_page(virt_to_mfn(shared)));
}

/* All that a domain has; on failure all of it is undone again. */
static int domain_equip(struct domain *d)
{
	int rc = evtchn_domain_init(d, d->config.max_evtchn_port);

	if (rc)
		return rc;
	rc = domain_share_info(d);
	if (rc)
		goto no_info;
	rc = gnttab_init(d);
	if (rc)
		goto no_gnttab;
	rc = scheduler->domain_init(d);
	if (rc)
		goto no_sched;
	rc = arch_domain_init(d, &d->config);
	if (rc == 0)
		return 0;
	scheduler->domain_free(d);
no_sched:
	gnttab_unshare(d);
	gnttab_free(d);
no_gnttab:
	domain_unshare_info(d);
no_info:
	evtchn_domain_free(d);
	return rc;
}

int domain_create(domid_t id, const struct xen_domctl_createdomain *config, bool privileged,
		  struct domain **out)
{
	struct domain *d;
	int rc;

	if ((id >= DOMID_FIRST_RESERVED && id != DOMID_ANY) || !config->max_vcpus ||
	    config->max_vcpus > MAX_VCPUS)
		return -EINVAL;
	rc = domain_new(id, &d);
	if (rc)
		return rc;
	d->config = *config;
	memcpy(d->handle, config->handle, sizeof(d->handle));
	d->is_privileged = privileged;
	d->max_vcpus = config->max_vcpus;
	d->pauses = d->controller_pauses = 1;
	sched_watchdog_init(d);
	rc = domain_equip(d);
	if (rc) {
		d->is_stillborn = true;
		domain_put(d);
		return rc;
	}
	domain_insert(d);
	trace(TRC_DOM0_DOM_ADD, d->id);
	*out = d;
	return 0;
}

int domains_init(void)
{
	static const struct { struct domain **d; domid_t id; } owners[] = {
		{ &dom_io, DOMID_IO }, { &dom_xen, DOMID_XEN },
	};

	softirq_set_handler(SOFTIRQ_DOMAIN, domain_softirq);
	for (unsigned int i = 0; i < ARRAY_SIZE(owners); i++) {
		int rc = domain_new(owners[i].id, owners[i].d);

		if (rc)
			return rc;
		(*owners[i].d)->is_system = true;
		(*owners[i].d)->dying = DOMAIN_ALIVE;
	}
	return 0;
}

int domain_add_vcpus(struct domain *d, unsigned int max)
{
	int rc = 0;

	if (max != d->max_vcpus)
		return -EINVAL;
	spin_lock(&d->lifecycle_lock);
	if (d->dying != DOMAIN_ALIVE)
		rc = -EINVAL;
	for (unsigned int id = 0; id < max && rc == 0; id++) {
		struct vcpu *v = d->vcpu[id] ? d->vcpu[id] : vcpu_new(d, id);

		if (!v) {
			rc = -ENOMEM;
		} else if (v != d->vcpu[id]) {
			v->pauses = d->pauses;
			__atomic_store_n(&d->vcpu[id], v, __ATOMIC_RELEASE);
			if (READ_ONCE(d->is_shut_down))
				vcpu_stop_set(v, VCPU_SHUTDOWN);
		}
	}
	spin_unlock(&d->lifecycle_lock);
	return rc;
}

/* ---- Pausing ---- */

#define domain_for_each_vcpu(v, d)						\
	for (unsigned int id_ = 0; id_ < (d)->max_vcpus; id_++)			\
		if (((v) = (d)->vcpu[id_]))

/* Counts one more reason against each vcpu; lifecycle_lock held. */
static void domain_pause_count(struct domain *d)
{
	struct vcpu *v;

	d->pauses++;
	domain_for_each_vcpu(v, d)
		__atomic_fetch_add(&v->pauses, 1, __ATOMIC_SEQ_CST);
}

static void domain_unpause_count(struct domain *d)
{
	struct vcpu *v;

	d->pauses--;
	domain_for_each_vcpu(v, d)
		vcpu_unpause(v);
}

static void domain_sleep_sync(struct domain *d)
{
	struct vcpu *v;

	ASSERT(d != current_vcpu()->domain);
	domain_for_each_vcpu(v, d)
		vcpu_sleep_nosync(v);	/* all on their way before we wait for the first */
	domain_for_each_vcpu(v, d)
		vcpu_sleep_sync(v);
}

void domain_pause(struct domain *d)
{
	spin_lock(&d->lifecycle_lock);
	domain_pause_count(d);
	spin_unlock(&d->lifecycle_lock);
	domain_sleep_sync(d);
}

void domain_unpause(struct domain *d)
{
	spin_lock(&d->lifecycle_lock);
	domain_unpause_count(d);
	spin_unlock(&d->lifecycle_lock);
}

int domain_pause_by_controller(struct domain *d)
{
	bool is_allowed;

	spin_lock(&d->lifecycle_lock);
	is_allowed = d->controller_pauses < PAUSES_MAX;
	if (is_allowed) {
		d->controller_pauses++;
		domain_pause_count(d);
	}
	spin_unlock(&d->lifecycle_lock);
	if (!is_allowed)
		return -EINVAL;
	domain_sleep_sync(d);
	return 0;
}

int domain_unpause_by_controller(struct domain *d)
{
	bool is_paused;

	spin_lock(&d->lifecycle_lock);
	is_paused = d->controller_pauses;
	if (is_paused) {
		d->controller_pauses--;
		d->is_started = true;
		domain_unpause_count(d);
	}
	spin_unlock(&d->lifecycle_lock);
	return is_paused ? 0 : -EINVAL;
}

/* ---- Shutdown ---- */

/* May run deep inside: whatever takes outer locks (the event, the machine's end) is put off. */
void domain_shutdown(struct domain *d, uint32_t reason)
{
	struct vcpu *v;

	if (__atomic_exchange_n(&d->is_shut_down, true, __ATOMIC_SEQ_CST))
		return;
	d->shutdown_reason = d->shutdown_latch != NO_REASON ? d->shutdown_latch : reason;
	domain_for_each_vcpu(v, d)
		vcpu_stop_set(v, VCPU_SHUTDOWN);
	WRITE_ONCE(is_dom_exc_due, true);
	softirq_raise(SOFTIRQ_DOMAIN);
}

void domain_resume(struct domain *d)
{
	struct vcpu *v;

	domain_pause(d);	/* also waits for a shutdown that one of its vcpus is in the middle of */
	spin_lock(&d->lifecycle_lock);
	d->shutdown_latch = NO_REASON;
	if (__atomic_exchange_n(&d->is_shut_down, false, __ATOMIC_SEQ_CST))
		domain_for_each_vcpu(v, d)
			vcpu_stop_clear(v, VCPU_SHUTDOWN);
	spin_unlock(&d->lifecycle_lock);
	domain_unpause(d);
}

void domain_crash(struct domain *d, const char *why, ...)
{
	char text[160];
	va_list args;

	if (READ_ONCE(d->is_shut_down))
		return;
	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	printk(LOG_GUEST LOG_ERR "d%u crashed: %s\n", d->id, text);
	if (current_vcpu()->domain == d)
		arch_guest_show();
	domain_shutdown(d, SHUTDOWN_crash);
}

/* Without domain 0 there's nothing left to do. */
__attribute__((noreturn)) static void machine_end(uint32_t reason)
{
	if (reason == SHUTDOWN_poweroff) {
		printk(LOG_INFO "Domain 0 has shut down: power off\n");
		arch_power_off();
	}
	if (reason == SHUTDOWN_crash || reason == SHUTDOWN_watchdog)
		fatal("Domain 0 %s", reason == SHUTDOWN_crash ? "crashed" : "let its watchdog expire");
	printk(LOG_INFO "Domain 0 has shut down (reason %u): reboot\n", reason);
	arch_reboot();
}

/* ---- Death ---- */

static void domain_free(struct domain *d)
{
	struct vcpu *v;

	for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_kill(&d->watchdog[i]);
	domid_release(d);
	if (!d->is_stillborn) {
		scheduler->domain_free(d);	/* first: accounting looks at its vcpus no more */
		domain_for_each_vcpu(v, d)
			vcpu_free(v);
		arch_domain_free(d);
		gnttab_free(d);
		evtchn_domain_free(d);
		WRITE_ONCE(is_dom_exc_due, true);
	}
	page_chunks_free(d);
	mem_free(d);
}

static void domain_softirq(void)
{
	struct domain *d = __atomic_exchange_n(&domains_to_free, NULL, __ATOMIC_ACQ_REL), *next;

	for (; d; d = next) {
		next = d->next_dead;
		domain_free(d);
	}
	if (__atomic_exchange_n(&is_dom_exc_due, false, __ATOMIC_SEQ_CST))
		evtchn_send_global_virq(VIRQ_DOM_EXC);
	if (dom0 && READ_ONCE(dom0->is_shut_down))
		machine_end(dom0->shutdown_reason);
}

static void domain_start_dying(struct domain *d)
{
	spin_lock(&d->page_lock);	/* page_assign() looks under it */
	trace(TRC_DOM0_DOM_REM, d->id);
	d->dying = DOMAIN_DYING;
	spin_unlock(&d->page_lock);
	spin_lock(&d->lifecycle_lock);	/* no vcpu is being added any more */
	spin_unlock(&d->lifecycle_lock);
	domain_pause(d);
}

/* Each part takes what is left and starts again where it stopped. */
static int domain_relinquish(struct domain *d)
{
	struct vcpu *v;
	int rc;

	memory_drop_claim(d);
	rc = evtchn_close_all(d);

	if (rc)
		return rc;
	domain_for_each_vcpu(v, d)
		vcpu_release_info(v);
	rc = gnttab_release_maps(d);
	if (rc)
		return rc;
	return arch_domain_relinquish(d);
}

static int domain_destroy_locked(struct domain *d)
{
	int rc;

	if (d->dying == DOMAIN_DEAD)
		return 0;
	if (d->dying == DOMAIN_ALIVE)
		domain_start_dying(d);
	rc = domain_relinquish(d);
	if (rc)
		return rc;
	spin_lock(&domain_list_lock);	/* domain_get() looks under it */
	d->dying = DOMAIN_DEAD;
	spin_unlock(&domain_list_lock);
	domain_unshare_info(d);
	gnttab_unshare(d);
	/* Who serves it must hear of it to let go of what keeps it: its death isn't complete before. */
	WRITE_ONCE(is_dom_exc_due, true);
	softirq_raise(SOFTIRQ_DOMAIN);
	domain_put(d);			/* its own */
	return 0;
}

int domain_destroy(struct domain *d)
{
	int rc;

	if (d == dom0 || d->is_system || d == current_vcpu()->domain)
		return -EINVAL;
	if (!spin_trylock(&d->destroy_lock))
		return -ERESTART;
	rc = domain_destroy_locked(d);
	spin_unlock(&d->destroy_lock);
	return rc;
}
