/*
 * System time: nanoseconds since boot, from each CPU's TSC.  Where TSCs run at one constant rate all CPUs
 * share one scale; elsewhere each is corrected against a platform timer every second.
 */
#ifndef HV_X86_TIME_H
#define HV_X86_TIME_H

#include "abi.h"
#include "types.h"
#include "tsc_scale.h"

#define MSR_TSC_DEADLINE 0x6e0

struct cpu;

extern uint64_t tsc_hz;

void time_init(void);			/* boot CPU, after ACPI: TSC's rate, wall clock; panics without a timer */
void time_cpu_init(void);		/* on an AP, before it uses now_ns() */
void time_check_sync_boot(void);	/* both at once, the boot CPU's and the AP's half: are the TSCs equal? */
void time_check_sync_ap(void);
void time_start(void);			/* timers work: starts the corrections if they are needed */
void time_start_cpu(struct cpu *c);	/* … on one that came later */
void time_delay_us(uint64_t us);	/* spins */
void time_fill_vcpu_info(struct vcpu_time_info *t);	/* for a vcpu on this CPU, by the version protocol */
void time_dump(void);			/* debug key t */

#endif
