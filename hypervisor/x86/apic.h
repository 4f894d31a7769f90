/* The local APIC of each CPU, as memory (xAPIC) or MSRs (x2APIC): SDM 3A chapter 11. */
#ifndef HV_X86_APIC_H
#define HV_X86_APIC_H

#include "types.h"

struct cpu;

extern bool apic_is_x2;

const char *apic_init(void);		/* boot CPU, after ACPI: NULL, or why there's none */
void apic_cpu_init(struct cpu *c);	/* on `c` itself: enables it, its LINTs and vectors; sets c's apic_id */
void apic_cpu_shutdown(void);		/* this CPU: nothing but NMI and INIT gets in any more */
uint32_t apic_own_id(void);
void apic_eoi(void);
bool apic_is_in_service(unsigned int vector);

void apic_send_ipi(uint32_t apic_id, unsigned int vector);
void apic_send_nmi(uint32_t apic_id);
void apic_send_nmi_others(void);
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, paddr_t page);	/* below 1 MiB, 4 KiB aligned */

/* The timer: TSC deadlines where the CPU has them, else counts of `apic_timer_hz`. */
extern uint64_t apic_timer_hz;
extern bool apic_has_deadline;
void apic_timer_calibrate(void);	/* boot CPU, once the TSC's rate is known */
void apic_timer_set_deadline(uint64_t tsc);	/* 0: off */
void apic_timer_set_count(uint32_t count);	/* 0: off */

void apic_error_interrupt(void);

#endif
