/*
 * device_jobs.h - what xend is asked about devices: block-attach, network-detach …; and the rest
 * that crashes and deaths leave.
 *
 * block-attach, block-configure, network-attach: arg 0 the domain, body (vbd (uname …) …) or
 * (vif …).  block-detach, network-detach: the domain, which device, "force" or "".
 */
#ifndef XEND_DEVICE_JOBS_H
#define XEND_DEVICE_JOBS_H

#include "xend/jobs.h"

struct launch;

int device_attach_act(struct xend *x, struct job *j, const struct dom *d);
int device_attach_work(struct workshop *w);
int device_attach_undo(struct workshop *w);
int device_configure_act(struct xend *x, struct job *j, const struct dom *d);
int device_detach_act(struct xend *x, struct job *j, const struct dom *d);
int device_detach_work(struct workshop *w);
/* xend's own: "reap-devices" UUID DOMID. */
int device_reap_work(struct workshop *w);

/* Queues device_reap_work() for what the dead have left, and for what has left since. */
void device_sweep(struct xend *x);

/* Runs network-script's `start`, as configured; the host's networks are there before any guest.
 * Failures are logged. */
void device_network_start(void);

#endif
