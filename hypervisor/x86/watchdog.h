/*
 * watchdog: a CPU that runs no softirqs for watchdog_timeout seconds is stuck in the hypervisor.  Its
 * neighbour sees that and sends it an NMI, by which it shows where it is.  A lone CPU has no neighbour.
 */
#ifndef HV_X86_WATCHDOG_H
#define HV_X86_WATCHDOG_H

#include <stdbool.h>

void watchdog_start(void);		/* after dom0 was built, which takes long */
bool watchdog_is_victim(void);		/* from the NMI: it is this CPU that is stuck */

#endif
