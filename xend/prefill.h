/*
 * prefill.h - kernels are unpacked into the cache by processes of their own, at leisure, so that no
 * create waits for it: after a guest's first start, and for managed domains before it.
 */
#ifndef XEND_PREFILL_H
#define XEND_PREFILL_H

struct image;
struct config;

/* Keeps this image, if the cache has not got it.  Returns at once; failures are nobody's. */
void prefill_image(const struct image *image);
/* Unpacks the kernel that this configuration names; not one that a boot loader finds. */
void prefill_config(const struct config *c);
/* The same for every managed domain. */
void prefill_managed(void);

#endif
