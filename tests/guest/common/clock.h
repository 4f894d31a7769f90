/* System time as xen.h tells guests to reckon it. */
#ifndef GUEST_CLOCK_H
#define GUEST_CLOCK_H

#include "guest.h"

uint64_t tsc_get(void);
uint64_t now_ns(void);		/* since the hypervisor started; for vcpu 0 */

#endif
