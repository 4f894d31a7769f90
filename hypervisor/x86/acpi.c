#include "acpi.h"

#include "bootinfo.h"
#include "errno.h"
#include "mm.h"
#include "options.h"
#include "printk.h"
#include "string.h"

struct acpi_info acpi;

#define EBDA_SEGMENT 0x40e		/* BIOS data area: where the extended one is */
#define BIOS_START 0xe0000UL
#define BIOS_END 0x100000UL

/* The map's answer holds until the next call: mappings above 4 GiB are few and stay. */
static const void *acpi_map(uint64_t pa, size_t bytes)
{
	uint64_t end;

	if (!pa || __builtin_add_overflow(pa, bytes, &end) || (paddr_bits < 64 && end > 1UL << paddr_bits))
		return NULL;
	return ioremap_cached(pa, bytes);
}

static const uint8_t *rsdp_scan(paddr_t start, paddr_t end)
{
	for (paddr_t pa = ROUND_UP(start, 16); pa + ACPI_RSDP_MIN <= end; pa += 16) {
		const uint8_t *p = paddr_to_virt(pa);

		if (acpi_rsdp_is_valid(p, MIN(end - pa, (paddr_t)ACPI_RSDP_MAX)))
			return p;
	}
	return NULL;
}

/* From the loader (EFI has no fixed place), else in the extended BIOS data area's first KiB or the BIOS (5.2.5.1). */
static const uint8_t *rsdp_find(void)
{
	const uint8_t *found = NULL;
	uint16_t segment;

	if (boot_info.has_rsdp && acpi_rsdp_is_valid(boot_info.rsdp, sizeof(boot_info.rsdp)))
		return boot_info.rsdp;
	memcpy(&segment, paddr_to_virt(EBDA_SEGMENT), sizeof(segment));
	if (segment >= 0x8000 && segment < 0xa000)
		found = rsdp_scan((paddr_t)segment << 4, ((paddr_t)segment << 4) + 1024);
	return found ? found : rsdp_scan(BIOS_START, BIOS_END);
}

int acpi_init(void)
{
	const uint8_t *rsdp = rsdp_find();
	int rc;

	if (!rsdp) {
		printk(LOG_WARN "ACPI: no root pointer found\n");
		return -ENOENT;
	}
	rc = acpi_parse(rsdp, acpi_map, &acpi);
	if (rc) {
		printk(LOG_WARN "ACPI: no usable root table\n");
		return rc;
	}
	printk(LOG_INFO "ACPI: revision %u, %u CPUs, %u I/O APICs%s%s%s\n", rsdp[15], acpi.cpu_count,
	       acpi.ioapic_count, acpi.has_hpet ? ", HPET" : "", acpi.mcfg_count ? ", MCFG" : "",
	       acpi.has_s5 ? ", S5" : "");
	if (acpi.cpus_dropped)
		printk(LOG_WARN "ACPI: %u CPUs are beyond the %u that this build can use\n",
		       acpi.cpus_dropped, MAX_CPUS);
	return 0;
}
