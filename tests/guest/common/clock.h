/* System time as xen.h tells guests to reckon it. */
#ifndef GUEST_CLOCK_H
#define GUEST_CLOCK_H

#include "guest.h"

uint64_t tsc_get(void);
struct vcpu_time_info;
uint64_t now_ns(void);		/* since the hypervisor started; for vcpu 0 */
uint64_t clock_ns(const struct vcpu_time_info *t);	/* by a copy of the figures, which stay right */

#endif
