/*
 * A guest's kernel, unpacked and flattened: bzImage or ELF64, plain or packed with gzip, XZ,
 * LZMA, Zstandard or LZ4.  The file is hostile, so a child without privileges parses it; what
 * it hands back is a header and a flat run of bytes, and only their bounds matter to us.
 * Unpacked kernels are kept in a directory, so that the next guest does not wait for XZ.
 */
#ifndef XEND_IMAGE_H
#define XEND_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xend/fault.h"

#define IMAGE_CACHE_DIR "/var/lib/xend/kernels"
#define IMAGE_CACHE_MAX (512ULL << 20)	/* bytes on disk, all kernels together */
#define IMAGE_FILE_MAX  (256ULL << 20)	/* a kernel file larger than this is refused */
#define IMAGE_FLAT_MAX  (512ULL << 20)	/* and so is one that needs more than this loaded */

/* Bits of image_notes.has: which notes were there (XEN_ELFNOTE_* numbers). */
#define IMAGE_HAS(n, note) (((n)->has >> (note)) & 1)

/* The Xen ELF notes (xen/elfnote.h) that PV domains need; addresses are the guest's. */
struct image_notes {
	uint64_t has;			/* bit n: note n was there */
	uint64_t entry;			/* where vcpu 0 starts */
	uint64_t virt_base;		/* what pseudo-physical 0 is mapped at */
	uint64_t hypercall_page;	/* if has; page aligned */
	uint64_t init_p2m;		/* if has: where the p2m array is mapped */
	uint64_t hv_start_low;
	uint64_t supported_features;	/* bits XENFEAT_* */
	uint64_t phys32_entry;		/* PVH entry, for information */
	uint64_t mod_start_pfn;		/* nonzero: the initrd needs no mapping */
	uint64_t suspend_cancel;
	char guest_os[32], guest_version[32], loader[32], xen_version[32];
	char features[256];
};

/* A loaded image.  Zero it before image_load(); image_free() also takes a zeroed one. */
struct image {
	struct image_notes notes;
	uint64_t start;		/* pseudo-physical address of the first byte, page aligned */
	uint64_t size;		/* bytes, page aligned, at most IMAGE_FLAT_MAX */
	const uint8_t *flat;	/* `size` bytes, read only; owned by the image */
	bool cached;		/* came from the cache */
	struct image_private *priv;
};

/*
 * Load the kernel at `path`, from the cache in `cache_dir` if it is there (a null `cache_dir`
 * does without).  -ENOENT, -EACCES …: the file; -ENOEXEC: it is no kernel that can run as a
 * PV guest; -EFBIG: too large; -ECANCELED: the parser was killed; `f` explains.
 */
int image_load(struct image *img, const char *path, const char *cache_dir, struct fault *f);
void image_free(struct image *img);

/* Keep the image in the cache, pushing out the least recently used ones above `max` bytes.
 * Slow (it waits for the disk): call it when the guest already runs.  Needs the image as
 * image_load() left it; 0 also if it is there already or the file has changed meanwhile. */
int image_cache_put(const struct image *img, const char *cache_dir, uint64_t max);

#endif
