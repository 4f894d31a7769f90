/*
 * life.h - domains that end by themselves: sees who has shut down, and does what their
 * configuration says: destroy, restart, preserve, rename-restart, with or without a core dump.
 *
 * Only domains with xend's mark are touched; another toolstack's are its own business.
 */
#ifndef XEND_LIFE_H
#define XEND_LIFE_H

#include "xend/xend.h"

/* Watches for ends, and looks at once at what happened while no xend ran. */
int life_start(struct xend *x);
/* An event of XenStore's: @releaseDomain. */
void life_event(struct xend *x);
/* Starts halted domains with on_xend_start=start. */
void life_autostart(struct xend *x);
/* Tells domains with on_xend_stop=shutdown to do so. */
void life_stop(struct xend *x);

#endif
