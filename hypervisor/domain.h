/*
 * Domains and their vcpus: who exists.
 *
 * Lock order, outermost first (a CPU that holds one may take those below it only):
 *   domain_list_lock > d->lifecycle_lock > d->mm_lock > d->gnttab lock(s) > d->evtchn.lock
 *     > d->page_lock > sched_cpu.lock > timer_cpu.lock > heap lock > console lock
 * Two domains' locks of one kind are taken in the order of their addresses.
 */
#ifndef HV_DOMAIN_H
#define HV_DOMAIN_H

#include "abi.h"
#include "bitmap.h"
#include "evtchn.h"
#include "list.h"
#include "lock.h"
#include "page.h"
#include "vcpu.h"
#include "arch_domain.h"

struct gnttab;

enum domain_dying { DOMAIN_ALIVE, DOMAIN_DYING, DOMAIN_DEAD };

struct domain {
	domid_t id;
	uint32_t refs;			/* atomic: one of its own until it's dead, one per frame, per channel to it … */
	struct list link;		/* domain_list, by id; domain_list_lock */
	xen_domain_handle_t handle;	/* the toolstack's UUID */
	bool is_privileged;		/* the control and hardware domain: may do everything */
	bool is_system;			/* DOMID_IO, DOMID_XEN, DOMID_IDLE: owns pages, never runs */
	bool is_started;		/* unpaused once: what a guest may have looked at doesn't change any more */
	bool is_stillborn;		/* its creation failed: nothing but the record is there */
	enum domain_dying dying;
	struct xen_domctl_createdomain config;
	struct spinlock lifecycle_lock;	/* pauses, vcpu bring-up, resume */
	unsigned int pauses;		/* all that count against each of its vcpus; lifecycle_lock */
	unsigned int controller_pauses;	/* … of them by DOMCTL_pausedomain minus unpause */
	bool is_shut_down;		/* atomic; set in any context that holds no sched_cpu.lock */
	uint32_t shutdown_latch;	/* SCHEDOP_shutdown_code: the reason to report instead; ~0: none */
	uint32_t shutdown_reason;	/* SHUTDOWN_*, while is_shut_down */

	unsigned int max_vcpus;
	struct vcpu *vcpu[MAX_VCPUS];

	struct spinlock page_lock;	/* what it owns, and these counts */
	uint64_t *page_chunks;		/* where that is, see page_find_owned(); bits are only set */
	uint64_t tot_pages, max_pages, claimed_pages;
	uint64_t xen_pages;		/* hypervisor memory shared with it: shared_info, grant table */

	struct shared_info *shared;
	struct evtchn_domain evtchn;
	struct gnttab *gnttab;
	uint64_t vm_assist;		/* VMASST_TYPE_* bits */
	int64_t wallclock_offset_s;
	void *sched_priv;		/* the scheduler's record */
	struct timer watchdog[2];	/* SCHEDOP_watchdog */
	uint32_t watchdog_in_use;	/* bit per timer */
	struct spinlock destroy_lock;	/* one destroyer at a time; outermost */
	struct domain *next_dead;	/* domains whose last reference has gone */
	struct arch_domain arch;
};

extern struct list domain_list;
extern struct spinlock domain_list_lock;
extern struct domain *dom0;		/* the hardware domain, once made */
extern struct domain *dom_io, *dom_xen;	/* owners of device frames and of the hypervisor's shared frames */

#define DOMID_ANY 0xffff		/* the next free number (xen/domctl.h) */

int domains_init(void);				/* at boot: dom_io, dom_xen; -ENOMEM */
/* Makes a domain, paused once by its controller, without vcpus; in the list. -EINVAL, -EEXIST, -ENOMEM. */
int domain_create(domid_t id, const struct xen_domctl_createdomain *config, bool privileged,
		  struct domain **out);
int domain_add_vcpus(struct domain *d, unsigned int max);	/* all of them, down; -EINVAL, -ENOMEM */
struct domain *domain_get(domid_t id);		/* counted; NULL if there's none or it's dead */
struct domain *domain_get_for(struct domain *caller, domid_t id);	/* DOMID_SELF too */
/* Drops one; any lock may be held, because the end of it all is put off to SOFTIRQ_DOMAIN. */
void domain_put(struct domain *d);
void domain_get_counted(struct domain *d);	/* one more for who holds one, or a lock that keeps it */
/* The domain that a frame's owner field names, dying ones and system domains too; the frame keeps it. */
struct domain *domain_owner(domid_t id);
static inline struct vcpu *domain_vcpu(struct domain *d, unsigned int id)	/* NULL: none */
{
	return id < d->max_vcpus ? d->vcpu[id] : NULL;
}
void domain_pause(struct domain *d);		/* counted; returns when no vcpu runs */
void domain_unpause(struct domain *d);
int domain_pause_by_controller(struct domain *d);	/* -EINVAL: too often */
int domain_unpause_by_controller(struct domain *d);	/* -EINVAL: it isn't paused */
/* Stops its vcpus, raises VIRQ_DOM_EXC; dom0: ends the machine.  Any context that holds no sched_cpu.lock. */
void domain_shutdown(struct domain *d, uint32_t reason);	/* SHUTDOWN_* */
void domain_resume(struct domain *d);		/* after a shutdown that isn't to be one; paused by the caller */
int domain_destroy(struct domain *d);		/* -ERESTART: call again; 0: dead, frames freed as their last refs go */
/* An impossible guest state: says why in the log and shuts the domain down as crashed. */
__attribute__((format(printf, 2, 3))) void domain_crash(struct domain *d, const char *why, ...);

#endif
