/* The machine's end: power off, reset.  arch_power_off() and arch_reboot() are in arch.h. */
#ifndef HV_X86_SHUTDOWN_H
#define HV_X86_SHUTDOWN_H

#include "types.h"

void shutdown_init(void);	/* after ACPI: maps what registers are in memory */
/*
 * Dom0's ACPI wants sleep state 5 and gives what it has for the two control registers (or, extended, for the
 * sleep control register): doesn't return unless it can't be done, -EOPNOTSUPP.
 */
int shutdown_enter_s5(uint16_t value_a, uint16_t value_b, bool extended);

#endif
