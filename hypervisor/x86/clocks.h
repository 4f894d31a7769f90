/*
 * The machine's counters of known rate: HPET, ACPI PM timer, and the 8254 for calibration only.
 * clocksource= prefers one.
 */
#ifndef HV_X86_CLOCKS_H
#define HV_X86_CLOCKS_H

#include "types.h"

struct clock {
	const char *name;		/* as in clocksource= */
	uint64_t hz;
	uint64_t mask;			/* the counter's bits */
	bool is_continuous;		/* goes on when nobody reads it; else it stops at 0 after 54 ms */
	bool (*init)(struct clock *c);	/* sets hz and mask; false: not there, or it doesn't count */
	uint64_t (*read)(void);		/* counts upwards */
};

struct clock *clock_choose(void);	/* the best that works; NULL: none */

#endif
