/* UTC seconds and civil dates (proleptic Gregorian).  Pure arithmetic. */
#ifndef HV_CALENDAR_H
#define HV_CALENDAR_H

#include <stdint.h>

struct calendar { unsigned int year, month, day, hour, minute, second; };	/* month and day from 1 */

void calendar_from_seconds(uint64_t seconds, struct calendar *c);	/* since 1970-01-01 00:00:00 UTC */
/* -EINVAL: a field is out of range (a leap second too), or the year is not 1970-9999. */
int calendar_to_seconds(const struct calendar *c, uint64_t *seconds);

#endif
