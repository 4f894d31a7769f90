/*
 * Builds a PV domain, up to the point where unpausing it starts the kernel: creates it,
 * gives it vcpus, memory, page tables, rings and event channels.  Writing XenStore nodes and
 * connecting devices is the caller's (domain.c).  Relies on domctl, sysctl, memop, layout.
 */
#ifndef XEND_BUILD_H
#define XEND_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "xend/fault.h"
#include "xend/image.h"

struct hyp;

#define BUILD_VCPUS_MAX 32		/* what shared_info holds (XEN_LEGACY_MAX_VCPUS) */
#define BUILD_MEM_MIN_KIB (16 * 1024)
#define BUILD_CMDLINE_MAX 1023		/* start_info.cmd_line less its NUL */
#define BUILD_CPUMAP_BYTES 128		/* 1024 pcpus */

struct build_cpumap {
	uint8_t bits[BUILD_CPUMAP_BYTES];	/* bit n: pcpu n; all zero means "any" */
};

/* What is wanted.  Start from build_config_init(). */
struct build_config {
	uint16_t domid;			/* 0: any free one */
	uint8_t uuid[16];
	uint32_t ssidref;
	uint32_t cpupool;
	uint64_t mem_kib;		/* populated at the start; multiple of 4 */
	uint64_t maxmem_kib;		/* at least mem_kib; 0: the same */
	unsigned int vcpus;		/* how many exist; the online ones are XenStore's matter */
	const struct build_cpumap *affinity;	/* hard affinity, `vcpus` of them, or null */
	unsigned int weight, cap;	/* scheduling; weight 0: leave the default */
	uint32_t max_evtchn_port;
	int32_t max_grant_frames, max_maptrack_frames;	/* -1: the hypervisor's default */
	uint32_t tsc_mode;		/* XEN_DOMCTL_settscinfo: 0 default … 3 */
	bool claim;			/* stake the memory before taking it */
	uint16_t store_domid, console_domid;	/* who serves XenStore and the console */
	const char *cmdline;		/* at most BUILD_CMDLINE_MAX bytes; null: empty */
	const char *initrd_path;	/* null: none */
	/* Called now and then (null: never); nonzero cancels the build with -ECANCELED. */
	int (*progress)(void *ctx, const char *phase, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/* Free memory that a build of this takes, all told (KiB): the domain's own and what the
 * hypervisor needs to keep it. */
uint64_t build_memory_kib(const struct build_config *c);

/* What came of it: what XenStore's introduction and the console daemon need. */
struct build_result {
	uint16_t domid;
	uint64_t store_frame, console_frame;	/* mfns of the rings */
	uint32_t store_port, console_port;	/* the guest's ports */
	uint64_t shared_info_frame, start_info_frame;
	uint64_t nr_pages;
};

void build_config_init(struct build_config *c);

/* Check what can be checked without creating anything; -EINVAL, -E2BIG … and `f` explains. */
int build_check(const struct build_config *c, struct fault *f);

/*
 * Build the domain.  It is paused when this returns 0.  On failure nothing is left: the domain
 * is destroyed, claims are dropped, mappings undone; `f` says why and what to do.
 * -ENOMEM: the host has too little free memory (f->text has the numbers); -ENOEXEC: not this
 * kernel; -E2BIG: kernel and initrd don't fit in mem_kib; -EPERM: not dom0.
 */
int build_domain(struct hyp *h, const struct build_config *c, const struct image *img,
		 struct build_result *res, struct fault *f);

#endif
