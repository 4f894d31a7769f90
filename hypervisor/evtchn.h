/* Event channels: ports of a domain, and how their events reach its vcpus (2-level and FIFO). */
#ifndef HV_EVTCHN_H
#define HV_EVTCHN_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct domain;
struct vcpu;
struct page;
struct evtchn_fifo;
struct evtchn_fifo_vcpu;

enum evtchn_state { EVTCHN_FREE, EVTCHN_RESERVED, EVTCHN_UNBOUND, EVTCHN_INTERDOMAIN,
		    EVTCHN_PIRQ, EVTCHN_VIRQ, EVTCHN_IPI };

struct evtchn {
	uint8_t state;			/* enum evtchn_state; d->evtchn.lock */
	uint8_t priority;		/* FIFO, 0 highest */
	uint8_t last_priority;		/* FIFO: the queue it was linked on last */
	bool is_early;			/* FIFO: raised before the guest gave us its event word */
	uint16_t last_vcpu;
	uint16_t notify_vcpu;
	uint32_t port;
	union {
		domid_t remote_domid;				/* UNBOUND */
		struct { struct domain *remote; uint32_t remote_port; };	/* INTERDOMAIN; counted */
		uint32_t pirq;
		uint32_t virq;
	};
};

#define EVTCHN_BUCKET 64		/* ports allocated at a time */

struct evtchn_ops;			/* the ABI in use: evtchn_2l.c or evtchn_fifo.c */

struct evtchn_domain {
	struct spinlock lock;		/* irqsave: interrupt handlers send */
	struct spinlock pirq_lock;	/* taken before it: binding and closing of PIRQ ports, start to end */
	struct evtchn **buckets;	/* [max / EVTCHN_BUCKET], filled on demand */
	uint32_t max_port;		/* highest allowed (config.max_evtchn_port) */
	uint32_t lowest_free;		/* no free port is below it */
	const struct evtchn_ops *ops;
	struct evtchn_fifo *fifo;
	uint32_t ports_in_use;
	uint64_t polling[(MAX_VCPUS + 63) / 64];	/* vcpus in SCHEDOP_poll; atomic */
};

struct evtchn_vcpu {
	uint32_t virq_port[NR_VIRQS];	/* 0: none; global VIRQs are on vcpu 0 */
	struct evtchn_fifo_vcpu *fifo;
	uint32_t poll_port;		/* SCHEDOP_poll: the single port waited for, or 0: several */
};

int evtchn_domain_init(struct domain *d, uint32_t max_port);	/* -ENOMEM */
int evtchn_close_all(struct domain *d);		/* and back to the 2-level ABI; -ERESTART: call again */
void evtchn_domain_free(struct domain *d);		/* the domain is dead, all its ports are closed */
long evtchn_op(unsigned int cmd, uint64_t arg);		/* HYPERVISOR_event_channel_op; arg: guest address */
void evtchn_send_virq(struct vcpu *v, uint32_t virq);	/* per-vcpu VIRQ; any context */
void evtchn_send_global_virq(uint32_t virq);		/* to the domain that handles it (dom0); any context */
void evtchn_send_pirq(struct domain *d, uint32_t port);
bool evtchn_is_deliverable(struct vcpu *v);		/* upcall pending and not masked: a block would end at once */
void evtchn_mark_pending(struct vcpu *v);		/* sets v's upcall flag and wakes or kicks it */
bool evtchn_port_is_valid(struct domain *d, uint32_t port);	/* the domain could use it */
bool evtchn_port_is_pending(struct domain *d, uint32_t port);	/* for SCHEDOP_poll */
/* Calls `visit` for each of the domain's frames that event channels hold a writable reference on. */
void evtchn_visit_pages(struct domain *d, void (*visit)(struct page *pg, void *data), void *data);
void evtchn_dump(void);					/* debug key e */

#endif
