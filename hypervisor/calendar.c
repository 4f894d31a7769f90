#include "calendar.h"

#include <stdbool.h>

#include "errno.h"

#define DAY_S 86400U

static bool is_leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned int month_days(unsigned int year, unsigned int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 0001-01-01 to the first of January of `year`. */
static uint64_t days_before_year(uint64_t year)
{
	uint64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

void calendar_from_seconds(uint64_t seconds, struct calendar *c)
{
	uint64_t days = seconds / DAY_S + days_before_year(1970);
	unsigned int rest = seconds % DAY_S;

	c->year = days / 366 + 1;	/* a year too few at most; then upwards */
	while (days_before_year(c->year + 1) <= days)
		c->year++;
	days -= days_before_year(c->year);
	for (c->month = 1; days >= month_days(c->year, c->month); c->month++)
		days -= month_days(c->year, c->month);
	c->day = days + 1;
	c->hour = rest / 3600;
	c->minute = rest / 60 % 60;
	c->second = rest % 60;
}

int calendar_to_seconds(const struct calendar *c, uint64_t *seconds)
{
	uint64_t days;

	if (c->year < 1970 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > month_days(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 59)
		return -EINVAL;
	days = days_before_year(c->year) - days_before_year(1970);
	for (unsigned int m = 1; m < c->month; m++)
		days += month_days(c->year, m);
	*seconds = (days + c->day - 1) * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
	return 0;
}
