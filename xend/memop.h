/*
 * A domain's memory, seen from outside: frames given and taken, its memory map, claims, frames
 * of resources, page tables pinned on its behalf, and event channels opened for it.
 * Each returns 0 (or a count) or the hypervisor's -errno.  Relies on hyp.
 */
#ifndef XEND_MEMOP_H
#define XEND_MEMOP_H

#include <stddef.h>
#include <stdint.h>

#include "xenstore/hyp.h"
#include <xen/event_channel.h>
#include <xen/memory.h>

/* BIOS-style map entry (the layout that XENMEM_set_memory_map takes). */
struct memop_e820 {
	uint64_t start, size;	/* bytes */
	uint32_t type;		/* 1: RAM */
} __attribute__((packed));

/* Populate `count` extents of 2^order frames.  In: first pfns; out: first mfns.  Returns how
 * many were done, which may be fewer (even 0) when memory is short. */
long memop_populate(struct hyp *h, domid_t domid, xen_pfn_t *extents, size_t count,
		    unsigned int order, unsigned int flags);

/* Stake (or with 0, drop) a claim on so many frames in all, counting those it has. */
int memop_claim(struct hyp *h, domid_t domid, uint64_t frames);
int memop_map_set(struct hyp *h, domid_t domid, const struct memop_e820 *map, uint32_t count);

/* Pin or unpin a page table of the domain's (MMUEXT_PIN_L4_TABLE …). */
int memop_pin(struct hyp *h, domid_t domid, unsigned int cmd, uint64_t mfn);

/* Open a port in `domid` that `remote` may bind to. */
int memop_evtchn_open(struct hyp *h, domid_t domid, domid_t remote, evtchn_port_t *port);

#endif
