/* Between evtchn.c and the two delivery ABIs: what a port's pending and mask bits are, and who looks at them. */
#ifndef HV_EVTCHN_ABI_H
#define HV_EVTCHN_ABI_H

#include "evtchn.h"

struct evtchn_ops {
	const char *name;
	uint32_t ports;			/* 0 … ports-1 can be expressed */
	/* All with d->evtchn.lock held; the port is not free. */
	void (*set_pending)(struct vcpu *v, struct evtchn *chn);	/* v: whom to notify */
	void (*clear_pending)(struct domain *d, struct evtchn *chn);
	void (*unmask)(struct vcpu *v, struct evtchn *chn);	/* and notifies if it's pending */
	bool (*is_pending)(struct domain *d, const struct evtchn *chn);
	bool (*is_masked)(struct domain *d, const struct evtchn *chn);
	int (*set_priority)(struct evtchn *chn, uint32_t priority);	/* -EINVAL, -ENOSYS */
};

extern const struct evtchn_ops evtchn_2l_ops, evtchn_fifo_ops;

struct evtchn *evtchn_find(struct domain *d, uint32_t port);	/* NULL: out of range or never used */
void evtchn_raise(struct domain *d, struct evtchn *chn);	/* sets it pending; lock held */

long evtchn_fifo_init_control(void *op);	/* EVTCHNOP_init_control: -EINVAL, -ENOENT, -ENOMEM */
long evtchn_fifo_expand_array(void *op);	/* -ENOSYS, -EINVAL, -ENOSPC */
void evtchn_fifo_free(struct domain *d);	/* back to 2-level: gives up all guest pages; takes the lock */

#endif
