/*
 * hyp.h - the one door to the hypervisor: hypercalls, event channels, foreign and granted memory.
 *
 * Built on the stable Xen libraries only.  Without Xen hyp_open() says -ENODEV (or -EACCES for
 * want of rights), quietly; what to make of that is the caller's business.  All results are
 * 0 (or a count) or -errno; on failure nothing is mapped, bound or left allocated.
 *
 * After fork() a child must not use its parent's handles; it opens its own.
 */
#ifndef XENSTORE_HYP_H
#define XENSTORE_HYP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
/* xen/hvm/save.h insists on GNU C; C11 with its anonymous unions serves as well. */
#pragma push_macro("__STRICT_ANSI__")
#undef __STRICT_ANSI__
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#pragma pop_macro("__STRICT_ANSI__")

struct hyp;
struct hyp_events;

int hyp_open(struct hyp **out);
void hyp_close(struct hyp *h);

/* Memory that a hypercall may read and write.  Zeroed.  NULL when there is none. */
void *hyp_buffer_new(struct hyp *h, size_t size);
void hyp_buffer_free(struct hyp *h, void *p);

/* Any hypercall.  Pointers among the arguments come from hyp_buffer_new().  >= 0 or -errno. */
long hyp_call(struct hyp *h, unsigned int op, uint64_t a1, uint64_t a2, uint64_t a3,
	      uint64_t a4, uint64_t a5);

/* A hypercall (op, cmd, arg) whose argument of size bytes is copied in and back. */
long hyp_op(struct hyp *h, unsigned int op, unsigned int cmd, void *arg, size_t size);

/* The interface version is filled in, and probed once (4.17's first, then its successors'). */
int hyp_domctl(struct hyp *h, struct xen_domctl *op);
int hyp_sysctl(struct hyp *h, struct xen_sysctl *op);
long hyp_memory_op(struct hyp *h, unsigned int cmd, void *arg, size_t size);
long hyp_xen_version(struct hyp *h, unsigned int cmd, void *arg, size_t size);

/* Domain domid itself (-ESRCH if it is not there). */
int hyp_domain_info(struct hyp *h, uint32_t domid, struct xen_domctl_getdomaininfo *info);

/* Up to max domains from domid first upwards, in order.  Returns how many. */
int hyp_domain_list(struct hyp *h, uint32_t first, unsigned int max,
		    struct xen_domctl_getdomaininfo *info);

/*
 * Map n frames of a domain.  prot as for mmap().  err, if given, gets each frame's errno (then
 * single frames may fail); without it the mapping is all or nothing.
 */
int hyp_map(struct hyp *h, uint32_t domid, int prot, size_t n, const xen_pfn_t *gfn, int *err,
	    void **out);
void hyp_unmap(struct hyp *h, void *p, size_t n);

/* Frames that belong to a domain without being its memory (XENMEM_acquire_resource). */
struct hyp_resource {
	void *addr;
	void *handle;		/* the library's */
};
int hyp_resource_map(struct hyp *h, uint32_t domid, unsigned int type, unsigned int id,
		     uint64_t frame, size_t n, int prot, struct hyp_resource *out);
void hyp_resource_unmap(struct hyp *h, struct hyp_resource *r);

/* One page that the domain granted to us. */
int hyp_grant_map(struct hyp *h, uint32_t domid, uint32_t ref, int prot, void **out);
void hyp_grant_unmap(struct hyp *h, void *p);

/* Event channels.  The descriptor is readable when hyp_events_next() has something. */
int hyp_events_open(struct hyp_events **out);
void hyp_events_close(struct hyp_events *e);
int hyp_events_fd(const struct hyp_events *e);
/* Each gives the local port (> 0). */
int hyp_events_bind(struct hyp_events *e, uint32_t domid, uint32_t remote_port);
int hyp_events_bind_virq(struct hyp_events *e, unsigned int virq);
int hyp_events_unbind(struct hyp_events *e, uint32_t port);
int hyp_events_notify(struct hyp_events *e, uint32_t port);
/* The next port that was signalled, -EAGAIN if none.  It stays masked until unmasked. */
int hyp_events_next(struct hyp_events *e);
int hyp_events_unmask(struct hyp_events *e, uint32_t port);

#endif
