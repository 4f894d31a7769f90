/*
 * What the toolstack's two doors, domctl and sysctl, share: their tables, bitmaps of the caller's, and what
 * is told of a domain.  Both are the privileged domain's only: hypercall.c's table sees to that.
 */
#ifndef HV_CTL_H
#define HV_CTL_H

#include "domain.h"

struct domctl_op {
	uint32_t cmd;			/* XEN_DOMCTL_* */
	long (*handler)(struct domain *d, struct xen_domctl *op);	/* `op` is our copy; `d` is kept meanwhile */
	uint8_t flags;
};
#define DOMCTL_COPY_BACK 1		/* when the handler succeeds */
#define DOMCTL_NO_DOMAIN 2		/* `domain` isn't the number of one that must exist; `d` is NULL */
#define DOMCTL_OTHER 4			/* the caller itself can't be meant: -EINVAL */
#define DOMCTL_COPY_ALWAYS 16		/* also when it fails: what is wrong is told there */
#define DOMCTL_PAUSED 8			/* its vcpus stand still meanwhile, their state is in memory; implies OTHER */

struct sysctl_op {
	uint32_t cmd;			/* XEN_SYSCTL_* */
	long (*handler)(struct xen_sysctl *op);
	uint8_t flags;			/* SYSCTL_COPY_BACK */
};
#define SYSCTL_COPY_BACK 1

extern const struct domctl_op domctl_vcpu_ops[];	/* domctl_vcpu.c; these end with a row without handler */
extern const struct domctl_op arch_domctl_ops[];	/* x86/pv_domctl.c */
extern const struct sysctl_op arch_sysctl_ops[];	/* x86/arch_sysctl.c */

/* Read or write a bitmap of the caller's.  Bits that one side has no room for are 0, or not written.
 * -EFAULT, -E2BIG. */
int ctl_bitmap_get(uint64_t *words, unsigned int bits, const struct xenctl_bitmap *from);
int ctl_bitmap_put(const struct xenctl_bitmap *to, const uint64_t *words, unsigned int bits);

/* -ENOSYS for a number without a row; the log has it, once for each as `told` remembers. */
#define CTL_TOLD_WORDS 2
long ctl_unknown(const char *door, uint64_t told[CTL_TOLD_WORDS], uint32_t cmd);

/* Of the first domain whose number isn't below `id`: -ESRCH. */
int ctl_domain_info(domid_t id, struct xen_domctl_getdomaininfo *info);

#endif
