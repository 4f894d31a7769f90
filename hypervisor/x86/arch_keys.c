#include "audit.h"
#include "holders.h"
#include "keys.h"

#include <stddef.h>

#include "x86/crash.h"
#include "x86/ioapic.h"
#include "x86/irq.h"
#include "x86/msi.h"
#include "x86/time.h"

const struct debug_key arch_debug_keys[] = {
	{ '0', crash_dump_dom0, "registers of domain 0" },
	{ 'A', audit_key, "audit of the frame table" },
	{ 'd', crash_dump_cpus, "registers of all CPUs" },
	{ 'i', irq_dump, "interrupts" },
	{ 'M', msi_dump, "message-signalled interrupts" },
	{ 't', time_dump, "clocks" },
	{ 'z', ioapic_dump, "I/O APICs" },
	{ 'Z', holders_dump, "zombies, and what holds them" },
	{ 0 },
};
