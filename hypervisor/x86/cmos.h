/* The real-time clock's registers (MC146818), which dom0 shares with us through emulated ports. */
#ifndef HV_X86_CMOS_H
#define HV_X86_CMOS_H

#include "types.h"

uint8_t cmos_read(uint8_t index);	/* any context */
void cmos_write(uint8_t index, uint8_t value);
int cmos_read_time(uint64_t *seconds);	/* UTC since 1970; -ENODEV, -EINVAL: nonsense there */

#endif
