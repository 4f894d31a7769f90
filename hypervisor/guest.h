/*
 * The only door to guest memory.  Addresses are the current vcpu's virtual ones (its loaded root); those
 * in the hypervisor's part are refused.  Returns 0, or -EFAULT with nothing promised about the bytes.
 */
#ifndef HV_GUEST_H
#define HV_GUEST_H

#include "types.h"

int copy_from_guest(void *to, uint64_t guest_from, size_t bytes);
int copy_to_guest(uint64_t guest_to, const void *from, size_t bytes);
int guest_clear(uint64_t guest_to, size_t bytes);

#endif
