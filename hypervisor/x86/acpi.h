/*
 * What the firmware's tables say about the machine (ACPI 6.4).  The tables are foreign input: every
 * length, count and checksum is judged, and a table that fails is named in the log and ignored.
 * acpi_tables.c reads them (and is tested on the host), acpi.c finds and maps them.
 */
#ifndef HV_X86_ACPI_H
#define HV_X86_ACPI_H

#include "types.h"

#define ACPI_MAX_IOAPICS 64
#define ACPI_MAX_NMIS 64
#define ACPI_MAX_MCFGS 16
#define ACPI_ISA_IRQS 16

enum acpi_space { ACPI_MEMORY = 0, ACPI_IO = 1 };	/* generic address structure, 5.2.3.2 */

struct acpi_register {
	bool is_there;
	uint8_t space, width;		/* enum acpi_space; bits */
	uint64_t address;
};

struct acpi_cpu { uint32_t apic_id, acpi_id; bool is_enabled; };
struct acpi_ioapic { uint8_t id; uint32_t address, gsi_base; };
/* ISA interrupt n is GSI `gsi` with these flags (5.2.12.5): polarity bits 0-1, trigger bits 2-3. */
struct acpi_override { uint32_t gsi; uint16_t flags; bool is_given; };
struct acpi_lapic_nmi { uint32_t acpi_id; bool is_for_all; uint16_t flags; uint8_t lint; };
struct acpi_mcfg { uint64_t base; uint16_t segment; uint8_t first_bus, last_bus; };

#define ACPI_POLARITY(flags) ((flags) & 3)
#define ACPI_TRIGGER(flags) ((flags) >> 2 & 3)
#define ACPI_ACTIVE_LOW 3		/* polarity; 0: as the bus does, 1: high */
#define ACPI_LEVEL 3			/* trigger; 0: as the bus does, 1: edge */

struct acpi_info {
	bool has_madt, has_fadt, has_hpet, has_s5;
	uint64_t lapic_address;
	bool has_8259;			/* a pair of PICs to be masked */
	uint32_t cpu_count;		/* also those that are not enabled */
	struct acpi_cpu cpu[MAX_CPUS];
	uint32_t cpus_dropped;		/* beyond MAX_CPUS */
	uint32_t ioapic_count;
	struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
	struct acpi_override isa[ACPI_ISA_IRQS];
	uint32_t nmi_count;
	struct acpi_lapic_nmi nmi[ACPI_MAX_NMIS];

	uint16_t sci_irq;
	uint16_t smi_command;
	uint8_t acpi_enable;		/* to write there; 0: always on */
	uint16_t boot_flags;		/* IAPC_BOOT_ARCH */
	uint8_t century;		/* CMOS index, 0: none */
	bool is_hardware_reduced, pm_timer_is_32bit;
	struct acpi_register pm1a_control, pm1b_control, pm1a_event, pm_timer, reset, sleep_control;
	uint8_t reset_value;
	uint8_t s5_type_a, s5_type_b;	/* SLP_TYP for power-off */

	uint64_t hpet_address;
	uint32_t mcfg_count;
	struct acpi_mcfg mcfg[ACPI_MAX_MCFGS];
};

extern struct acpi_info acpi;

/* `bytes` of machine memory at `pa`, readable for as long as the parsing lasts; NULL: can't be. */
typedef const void *acpi_map_fn(uint64_t pa, size_t bytes);

#define ACPI_RSDP_MIN 20
#define ACPI_RSDP_MAX 36

bool acpi_rsdp_is_valid(const void *rsdp, size_t bytes);
/* Reads all tables that the root pointer (valid) leads to: 0, or -EINVAL if there's no usable root table. */
int acpi_parse(const void *rsdp, acpi_map_fn *map, struct acpi_info *info);

int acpi_init(void);			/* fills `acpi`; -ENOENT: no root pointer, -EINVAL */

static inline bool acpi_boot_flag_8042(const struct acpi_info *i) { return i->boot_flags & 2; }

#endif
