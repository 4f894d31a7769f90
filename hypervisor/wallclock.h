/* The time of day: UTC at system time 0. */
#ifndef HV_WALLCLOCK_H
#define HV_WALLCLOCK_H

#include "types.h"

struct domain;

uint64_t wallclock_now_ns(void);	/* UTC now, since 1970 */
/* It was `seconds` and `ns` when the system time was `system_time_ns`; tells all domains. */
void wallclock_set(uint64_t seconds, uint64_t ns, uint64_t system_time_ns);
void wallclock_write(struct domain *d);	/* d's shared_info wc_* fields, with its offset */

#endif
