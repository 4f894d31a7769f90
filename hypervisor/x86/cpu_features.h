/* What the CPUs can do, and what of it PV guests are told (CPUID) and given (XSAVE state). */
#ifndef HV_X86_CPU_FEATURES_H
#define HV_X86_CPU_FEATURES_H

#include "abi.h"
#include "asm.h"
#include <xen/arch-x86/cpufeatureset.h>

struct vcpu;

#define FEATURE_WORDS 19		/* of a featureset, xen/arch-x86/cpufeatureset.h */

void features_init(void);		/* boot CPU: what there is; before any guest */
bool cpu_has(unsigned int feature);	/* XEN_X86_FEATURE_* of the boot CPU */
extern uint64_t xcr0_supported;		/* state components that guests may use; 0: no XSAVE */
extern uint32_t xsave_bytes;		/* the largest area these need */
bool cpu_is_intel(void);

void features_host(uint32_t words[FEATURE_WORDS]);
void features_pv(uint32_t words[FEATURE_WORDS]);	/* what a PV guest may see at most */

struct cpuid pv_default_cpuid(uint32_t leaf, uint32_t subleaf);	/* without what changes as a guest runs */
/* `r` without features that PV guests can't have. */
struct cpuid features_limit(uint32_t leaf, uint32_t subleaf, struct cpuid r);
/* CPUID as a PV guest sees it; current vcpu (leaves that tell of CR4 and XCR0). */
struct cpuid pv_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf);

#endif
