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
#define IMAGE_CACHE_MAX (512UL << 20)	/* bytes on disk, all kernels together */
#define IMAGE_FILE_MAX  (256UL << 20)	/* a kernel file larger than this is refused */
#define IMAGE_FLAT_MAX  (512UL << 20)	/* and so is one that needs more than this loaded */

/* Was there a note of that number (XEN_ELFNOTE_*)? */
#define IMAGE_HAS(n, note) (((n)->has >> (note)) & 1)

/* The Xen ELF notes (xen/elfnote.h) that PV domains need; addresses are the guest's. */
struct image_notes {
	uint64_t has;			/* bit n: note n was there */
	uint64_t entry;			/* where vcpu 0 starts */
	uint64_t virt_base;		/* what pseudo-physical 0 is mapped at */
	uint64_t paddr_offset;		/* already taken off image.start */
	uint64_t hypercall_page;	/* if has */
	uint64_t init_p2m;		/* if has: where the p2m array is mapped */
	uint64_t hv_start_low;
	uint64_t supported_features;	/* bits XENFEAT_* */
	uint64_t phys32_entry;		/* PVH entry, for information */
	uint64_t mod_start_pfn;		/* nonzero: the initrd needs no mapping */
	uint64_t suspend_cancel;
	char guest_os[32], guest_version[32], loader[32], xen_version[32];
	char features[256];
};

/* Identity of a kernel file: the cache's key. */
struct image_key {
	uint64_t dev, inode, size, mtime_ns, ctime_ns;
};

/* A loaded image.  image_free() takes any image that image_load() or IMAGE_NONE has filled. */
struct image {
	struct image_notes notes;
	uint64_t start;		/* pseudo-physical address of the first byte, page aligned */
	uint64_t size;		/* bytes, page aligned, at most IMAGE_FLAT_MAX */
	bool cached;		/* came from the cache */
	int fd;			/* owned; -1: none.  Read it through image_read() */
	struct image_key key;
};

#define IMAGE_NONE { .fd = -1 }

/*
 * Load the kernel at `path`, from the cache in `cache_dir` if it is there (a null `cache_dir`
 * does without).  -ENOENT, -EACCES …: the file; -ENOEXEC: it is no kernel that can run as a
 * PV guest; -EFBIG: too large; -ECANCELED: the parser was killed; `f` explains.
 */
int image_load(struct image *img, const char *path, const char *cache_dir, struct fault *f);
void image_free(struct image *img);

/* Copy `len` bytes from `offset` of the flat image to `buf`; -ERANGE beyond its end.  `buf` may
 * be foreign memory: the bytes come straight from the page cache. */
int image_read(const struct image *img, uint64_t offset, void *buf, size_t len);

/* Keep the image in the cache, pushing out the least recently used ones above `max` bytes.
 * Slow (it waits for the disk): call it when the guest already runs.  0 also if it is there
 * already. */
int image_cache_put(const struct image *img, const char *cache_dir, uint64_t max);

#endif
