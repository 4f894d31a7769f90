/* Everybody stands still for a moment, so that what many CPUs change can be read as a whole (debug keys). */
#ifndef HV_FREEZE_H
#define HV_FREEZE_H

#include <stdbool.h>

/*
 * Stops all vcpus but the current one, outside of hypercalls, and takes domain_list_lock.  false: one
 * didn't stop within a second (it waits for this vcpu, perhaps), and all go on.  No lock held before.
 */
bool domains_freeze(void);
void domains_thaw(void);

#endif
