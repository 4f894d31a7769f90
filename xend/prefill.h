/*
 * prefill.h - kernels are unpacked into the cache by processes of their own, at leisure, so that no
 * create waits for it: after a guest's first start, and where one can be expected before it.
 */
#ifndef XEND_PREFILL_H
#define XEND_PREFILL_H

struct image;
struct config;

/* Keeps this image, if the cache has not got it.  Returns at once; failures are nobody's. */
void prefill_image(const struct image *image);
/* Unpacks the kernel that this configuration names; not one that a boot loader finds. */
void prefill_config(const struct config *c);
/* The same for what will be started: the kernels of managed domains and of the files in
 * /etc/xen/auto, then domain 0's own, if the disk has plenty of room. */
void prefill_likely(void);

#endif
