/*
 * stream.h - a PV domain's state as a stream of records, and its reader's checks.
 *
 * The format is the public "LibXenCtrl Domain Image Format" (docs/specs/libxc-migration-stream),
 * version 2.  All of it may come from anywhere: a reader believes no length, count, type or number.
 * stream_parse() talks to nothing but its source and its sink, so that it can run in a cage.
 */
#ifndef XEND_STREAM_H
#define XEND_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "xend/fault.h"

#define STREAM_MARKER UINT64_MAX
#define STREAM_ID 0x58454e46U		/* "XENF" */
#define STREAM_VERSION 2U
#define STREAM_BIG_ENDIAN 1U		/* bit 0 of the options */
#define STREAM_TYPE_PV 1U
#define STREAM_PAGE 4096UL
#define STREAM_PAGE_SHIFT 12
#define STREAM_PER_FRAME 512UL		/* entries of a frame of the p2m */

/* The numbers of the image header are big-endian, all others the saver's. */
struct stream_image {
	uint64_t marker;
	uint32_t id, version;
	uint16_t options, zero[3];
};

struct stream_domain {
	uint32_t type;
	uint16_t page_shift, zero;
	uint32_t xen_major, xen_minor;
};

struct stream_record {
	uint32_t type, length;		/* of the body, without the padding to 8 bytes */
};

enum stream_type {
	STREAM_END = 0, STREAM_PAGE_DATA = 1, STREAM_PV_INFO = 2, STREAM_PV_P2M_FRAMES = 3,
	STREAM_VCPU_BASIC = 4, STREAM_VCPU_EXTENDED = 5, STREAM_VCPU_XSAVE = 6,
	STREAM_SHARED_INFO = 7, STREAM_TSC_INFO = 8, STREAM_VCPU_MSRS = 12,
};

#define STREAM_OPTIONAL 0x80000000U	/* types that a reader may skip */

struct stream_pv_info {
	uint8_t width, levels, zero[6];
};

struct stream_p2m {			/* and a pfn for each frame that these lie in */
	uint32_t start_pfn, end_pfn;	/* both inclusive */
};

struct stream_pages {			/* and `count` pfns with types, then pages */
	uint32_t count, zero;
};

struct stream_vcpu {			/* and what the hypercall gave */
	uint32_t vcpu, zero;
};

struct stream_tsc {
	uint32_t mode, khz;
	uint64_t nsec;
	uint32_t incarnation, zero;
};

_Static_assert(sizeof(struct stream_image) == 24 && sizeof(struct stream_domain) == 16 &&
	       sizeof(struct stream_record) == 8 && sizeof(struct stream_tsc) == 24,
	       "libxc-migration-stream");

/* An entry of PAGE_DATA: XEN_DOMCTL_PFINFO_* shifted by 32, and a pfn. */
#define STREAM_PFN(e) ((e) & 0xfffffffffffffUL)
#define STREAM_PFINFO(e) ((unsigned int)((e) >> 60))
#define STREAM_ENTRY(pfinfo, pfn) ((uint64_t)(pfinfo) << 60 | (pfn))

enum stream_pfinfo {			/* 0: a plain page; 1 to 4: a page table of that level */
	STREAM_PINNED = 8, STREAM_BROKEN = 13, STREAM_ALLOC_ONLY = 14, STREAM_INVALID = 15,
};

#define STREAM_LEVEL(pfinfo) ((pfinfo) & 7)	/* of those below STREAM_BROKEN */

/* Page contents follow in the stream. */
static inline int stream_has_data(unsigned int pfinfo)
{
	return pfinfo < STREAM_BROKEN;
}

/* 5 to 8 are reserved: no such level, and nothing that is only pinned. */
static inline int stream_pfinfo_is_known(unsigned int pfinfo)
{
	return pfinfo <= 4 || (pfinfo > STREAM_PINNED && pfinfo <= STREAM_INVALID);
}

#define STREAM_BATCH 1024U		/* pages of a record: what libxc writes at most */
#define STREAM_VCPUS 32U
#define STREAM_EXTENDED_MAX 128U	/* xen/domctl.h */
#define STREAM_XSAVE_MAX 16384U
#define STREAM_MSRS_MAX 1024U		/* 64 of 16 bytes */

/* Where the bytes come from: all `len` of them, or -errno (-EIO: there are no more). */
struct stream_source {
	int (*read)(void *ctx, void *to, size_t len);
	void *ctx;
};

/* What the destination can hold. */
struct stream_limits {
	uint64_t pfns;			/* pseudo-physical frames, holes included */
	unsigned int vcpus;
};

/* Where it goes, checked.  What a function gives other than 0 ends the reading with that. */
struct stream_sink {
	void *ctx;
	/* First of all: how many pfns there are, and which hold the guest's own p2m. */
	int (*p2m)(void *ctx, uint64_t pfns, const uint64_t *frame, size_t frames);
	/* `entry` as in the stream, at most STREAM_BATCH; `data`: those pages that have any. */
	int (*pages)(void *ctx, const uint64_t *entry, size_t count, const uint8_t *data,
		     size_t pages);
	int (*tsc)(void *ctx, const struct stream_tsc *tsc);
	int (*shared_info)(void *ctx, const uint8_t *page);
	/* BASIC comes exactly as long as a vcpu_guest_context_t. */
	int (*vcpu)(void *ctx, enum stream_type what, uint32_t vcpu, const void *data, size_t len);
};

/* Reads up to and with END.  0: everything that a domain needs was there.  -EINVAL, -EIO … with f
 * said; sinks may have been called before. */
int stream_parse(const struct stream_source *src, const struct stream_limits *limits,
		 const struct stream_sink *sink, struct fault *f);

#endif
