/*
 * grub_bls.h - entries in files of their own: the Boot Loader Specification, as Fedora's GRUB 2
 * reads it with its command `blscfg` (uapi-group.org/specifications/specs/boot_loader_specification).
 */
#ifndef XEND_GRUB_BLS_H
#define XEND_GRUB_BLS_H

#include "xend/grub_script.h"

/* Adds the entries of /loader/entries, newest first; the status of a command, 0 is true. */
int grub_bls_add(struct script *s);

#endif
