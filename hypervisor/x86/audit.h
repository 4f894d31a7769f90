/* The frame table held against what it stands for. */
#ifndef HV_X86_AUDIT_H
#define HV_X86_AUDIT_H

/*
 * Recomputes every frame's references and type references from the page tables, pins, vcpus and whatever
 * else holds some, and compares: says what differs, and returns how many frames do.  All vcpus are
 * stopped meanwhile.  With little memory left it takes longer.  -EBUSY: one didn't stop, nothing was looked
 * at.  From a softirq, no lock held.
 */
long audit_frames(void);
void audit_key(void);			/* debug key A */

#endif
