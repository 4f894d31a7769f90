/*
 * Unpacked kernels on disk: one file each, named after the identity of the kernel's file, in the
 * layout of image_parse().  A file's modification time is its last use.  image_cache_put() is
 * in image.h.
 */
#ifndef XEND_IMAGE_CACHE_H
#define XEND_IMAGE_CACHE_H

#include "xend/image.h"

/* An open, readable file, or -ENOENT.  What is in it is not checked yet. */
int image_cache_find(const char *dir, const struct image_key *key);

/* Throw away an entry that is of no use. */
void image_cache_drop(const char *dir, const struct image_key *key);

#endif
