/* What x86 keeps for each domain. */
#ifndef HV_X86_ARCH_DOMAIN_H
#define HV_X86_ARCH_DOMAIN_H

#include "abi.h"
#include "bitmap.h"
#include "lock.h"
#include "pv_tree.h"
#include "types.h"

struct cpu_policy;
struct pirq_map;			/* physdev.c: the domain's PIRQs */

struct e820_map {
	uint32_t count;
	struct e820_entry {
		uint64_t start, size;
		uint32_t type;
	} __attribute__((packed)) entry[128];
};

struct arch_domain {
	struct spinlock mm_lock;	/* this domain's page tables: every change of an entry, every (un)pin */
	struct pv_tree tree;		/* what is unfinished of them */
	struct cpumask dirty_cpus;	/* CPUs that may hold TLB entries of it */
	mfn_t relinquish_at;		/* a dying domain's frames below were taken from it */
	bool is_relinquishing;
	struct pirq_map *pirqs;
	uint64_t pirq_eoi_map;		/* guest frame of PHYSDEVOP_pirq_eoi_gmfn, mapped address or 0 */
	struct e820_map *e820;		/* XENMEM_set_memory_map; NULL: none */
	uint8_t cmos_index;		/* the clock chip's address as the hardware domain set it */
	uint32_t tsc_mode, tsc_incarnation;
	struct cpu_policy *policy;	/* what CPUID tells; NULL: the default */
	uint64_t *ioports_allowed;	/* bitmap of 65536, NULL: none; dom0: all but ours */
};

#endif
