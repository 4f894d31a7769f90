/*
 * room.h - memory for a new domain: what is free, and what Domain-0 gives up for it.
 *
 * Domain-0 is shrunk only where xend-config.sxp allows it: enable-dom0-ballooning, or dom0-min-mem
 * above 0.  Between room_make() and room_release() no other worker takes what was made.
 */
#ifndef XEND_ROOM_H
#define XEND_ROOM_H

#include <stdint.h>
#include "xend/fault.h"
#include "xend/worker.h"

/* Waits its turn, then for Domain-0 to shrink.  *lock >= 0 until room_release(). */
int room_make(struct workshop *w, uint64_t need_kib, int *lock, struct fault *f);
void room_release(int lock);

#endif
