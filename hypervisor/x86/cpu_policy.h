/*
 * What CPUID tells a domain, as the toolstack handles it: a list of leaves.  A domain without one of its own
 * sees the default.
 */
#ifndef HV_X86_CPU_POLICY_H
#define HV_X86_CPU_POLICY_H

#include "abi.h"
#include "asm.h"

#define POLICY_LEAVES 120		/* those that a list has: cpu_policy.c's table */
#define POLICY_MSRS 2

struct cpu_policy { struct cpuid leaf[POLICY_LEAVES]; };

typedef struct cpuid policy_source(uint32_t leaf, uint32_t subleaf);
policy_source policy_of_cpu;		/* as the hardware says; features.h's pv_default_cpuid is the other */

/* The leaf as the list has it, or NULL: the list has none of that number. */
const struct cpuid *policy_find(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf);

void policy_default(struct cpu_policy *p);
/*
 * Writes leaves and MSRs to the caller's buffers and their number to *leaves and *msrs, which held the
 * buffers' sizes; two NULL buffers ask for the numbers only.  `p` may be NULL: all from `source`.
 * -ENOBUFS, -EFAULT.
 */
long policy_write(const struct cpu_policy *p, policy_source *source, uint64_t leaves_at, uint32_t *leaves,
		  uint64_t msrs_at, uint32_t *msrs);
/* A list from the caller's, cut down to what PV guests may have.  -EINVAL: op's err_* say what's wrong. */
long policy_read(struct xen_domctl_cpu_policy *op, struct cpu_policy *p);

#endif
