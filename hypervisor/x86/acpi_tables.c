#include "x86/acpi.h"

#include "errno.h"
#include "printk.h"
#include "string.h"

#define HEADER_SIZE 36
#define TABLE_MAX (2000U << 10)		/* no real table is larger */
#define ROOT_ENTRIES_MAX 256

/* Fields are read byte by byte: tables are packed and need not be aligned. */
static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static bool sums_to_zero(const uint8_t *p, size_t bytes)
{
	uint8_t sum = 0;

	while (bytes--)
		sum += *p++;
	return !sum;
}

/* The number of bytes whose sum is 0 is 20, and in revision 2 also the length it says (5.2.5.3). */
bool acpi_rsdp_is_valid(const void *rsdp, size_t bytes)
{
	const uint8_t *r = rsdp;

	if (bytes < ACPI_RSDP_MIN || memcmp(r, "RSD PTR ", 8) || !sums_to_zero(r, ACPI_RSDP_MIN))
		return false;
	if (r[15] < 2)
		return true;
	return bytes >= ACPI_RSDP_MAX && get(r + 20, 4) >= ACPI_RSDP_MAX && sums_to_zero(r, ACPI_RSDP_MAX);
}

struct table { const uint8_t *p; uint32_t length; };

/* The whole table at `pa`, checked; false: said why in the log. */
static bool table_open(uint64_t pa, acpi_map_fn *map, struct table *t)
{
	const uint8_t *p = map(pa, HEADER_SIZE);
	uint32_t length;

	if (!p) {
		printk(LOG_WARN "ACPI: no table can be at %#lx\n", pa);
		return false;
	}
	length = get(p + 4, 4);
	if (length < HEADER_SIZE || length > TABLE_MAX || !(p = map(pa, length))) {
		printk(LOG_WARN "ACPI: table at %#lx: impossible length %u\n", pa, length);
		return false;
	}
	if (!sums_to_zero(p, length)) {
		printk(LOG_WARN "ACPI: table %.4s at %#lx: wrong checksum, ignored\n", (const char *)p, pa);
		return false;
	}
	*t = (struct table){ p, length };
	return true;
}

/* A generic address structure at `offset`, if the table reaches that far and it names a register. */
static struct acpi_register table_register(const struct table *t, uint32_t offset)
{
	const uint8_t *p = t->p + offset;
	struct acpi_register r = { 0 };

	if (offset + 12 > t->length)
		return r;
	r = (struct acpi_register){ true, p[0], p[1], get(p + 4, 8) };
	r.is_there = r.address && (r.space == ACPI_MEMORY || (r.space == ACPI_IO && r.address <= 0xffff));
	return r;
}

/* The extended field if it's there, else the 32-bit I/O port of revision 1. */
static struct acpi_register fadt_register(const struct table *t, uint32_t extended, uint32_t legacy,
					  uint8_t width)
{
	struct acpi_register r = table_register(t, extended);
	uint64_t port = get(t->p + legacy, 4);

	if (!r.is_there && port && port <= 0xffff)
		r = (struct acpi_register){ true, ACPI_IO, width, port };
	return r;
}

static bool aml_byte(const uint8_t **p, const uint8_t *end, uint8_t *value)
{
	static const uint8_t zero_op = 0x00, one_op = 0x01, byte_prefix = 0x0a, word_prefix = 0x0b,
		dword_prefix = 0x0c;
	const uint8_t *q = *p;
	unsigned int bytes;

	if (q >= end)
		return false;
	if (*q == zero_op || *q == one_op) {
		*value = *q;
		*p = q + 1;
		return true;
	}
	bytes = *q == byte_prefix ? 1 : *q == word_prefix ? 2 : *q == dword_prefix ? 4 : 0;
	if (!bytes || (size_t)(end - q) < 1 + bytes)
		return false;
	*value = q[1];
	*p = q + 1 + bytes;
	return true;
}

/*
 * Name (_S5_, Package (n) { typ_a, typ_b, … }) as bytes: 20.2.4, 20.2.5.4.  `p` is behind "_S5_".
 * Firmware writes it with constants everywhere; anything else would need an interpreter.
 */
static bool s5_package(const uint8_t *p, const uint8_t *end, struct acpi_info *info)
{
	unsigned int follow;
	uint8_t a, b;

	if (end - p < 3 || *p++ != 0x12)	/* PackageOp */
		return false;
	follow = *p >> 6;			/* further bytes of PkgLength */
	if ((size_t)(end - p) < 2 + follow || p[1 + follow] < 1)
		return false;
	b = p[1 + follow];			/* number of elements */
	p += 2 + follow;
	if (!aml_byte(&p, end, &a))
		return false;
	if (b < 2 || !aml_byte(&p, end, &b))
		b = a;
	if (a > 7 || b > 7)			/* SLP_TYP has three bits */
		return false;
	info->s5_type_a = a;
	info->s5_type_b = b;
	info->has_s5 = true;
	return true;
}

static void s5_find(const struct table *t, struct acpi_info *info)
{
	const uint8_t *end = t->p + t->length;

	for (const uint8_t *p = t->p + HEADER_SIZE; !info->has_s5 && end - p > 5; p++)
		if (!memcmp(p, "_S5_", 4) && (p[-1] == 0x08 || (p[-1] == '\\' && p[-2] == 0x08)))
			s5_package(p + 4, end, info);	/* 0x08: NameOp */
}

static void dsdt_parse(uint64_t pa, acpi_map_fn *map, struct acpi_info *info)
{
	struct table t;

	if (pa && table_open(pa, map, &t) && !memcmp(t.p, "DSDT", 4))
		s5_find(&t, info);
}

static void fadt_parse(const struct table *t, acpi_map_fn *map, struct acpi_info *info)
{
	const uint8_t *p = t->p;
	uint64_t dsdt = 0;

	if (t->length < 116) {			/* revision 1 */
		printk(LOG_WARN "ACPI: FADT of %u bytes is too short\n", t->length);
		return;
	}
	info->has_fadt = true;
	info->sci_irq = get(p + 46, 2);
	info->smi_command = get(p + 48, 4) <= 0xffff ? get(p + 48, 2) : 0;
	info->acpi_enable = p[52];
	info->century = p[108];
	info->boot_flags = get(p + 109, 2);
	info->pm_timer_is_32bit = get(p + 112, 4) & 1 << 8;
	info->is_hardware_reduced = get(p + 112, 4) & 1 << 20;
	info->pm1a_event = fadt_register(t, 148, 56, 32);
	info->pm1a_control = fadt_register(t, 172, 64, 16);
	info->pm1b_control = fadt_register(t, 184, 68, 16);
	info->pm_timer = fadt_register(t, 208, 76, 32);
	if (t->length >= 129 && get(p + 112, 4) & 1 << 10) {
		info->reset = table_register(t, 116);
		info->reset_value = p[128];
	}
	if (info->is_hardware_reduced)
		info->sleep_control = table_register(t, 244);
	if (t->length >= 148)
		dsdt = get(p + 140, 8);
	dsdt_parse(dsdt ? dsdt : get(p + 40, 4), map, info);
}

static void ssdt_parse(const struct table *t, acpi_map_fn *map, struct acpi_info *info)
{
	s5_find(t, info);
}

static void madt_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t acpi_id, uint32_t flags)
{
	if (apic_id == 0xffffffff)
		return;
	for (uint32_t i = 0; i < info->cpu_count; i++)
		if (info->cpu[i].apic_id == apic_id) {		/* listed as LAPIC and x2APIC */
			info->cpu[i].is_enabled |= flags & 1;
			return;
		}
	if (info->cpu_count == ARRAY_SIZE(info->cpu))
		info->cpus_dropped++;
	else
		info->cpu[info->cpu_count++] = (struct acpi_cpu){ apic_id, acpi_id, flags & 1 };
}

static void madt_lapic(const uint8_t *e, struct acpi_info *info)
{
	if (e[3] != 0xff || get(e + 4, 4) & 1)
		madt_cpu(info, e[3], e[2], get(e + 4, 4));
}

static void madt_ioapic(const uint8_t *e, struct acpi_info *info)
{
	if (info->ioapic_count < ARRAY_SIZE(info->ioapic) && get(e + 4, 4))
		info->ioapic[info->ioapic_count++] =
			(struct acpi_ioapic){ e[2], get(e + 4, 4), get(e + 8, 4) };
}

static void madt_override(const uint8_t *e, struct acpi_info *info)
{
	if (e[2] == 0 && e[3] < ACPI_ISA_IRQS)		/* bus 0: ISA */
		info->isa[e[3]] = (struct acpi_override){ get(e + 4, 4), get(e + 8, 2), true };
}

static void madt_nmi(struct acpi_info *info, uint32_t acpi_id, bool all, uint16_t flags, uint8_t lint)
{
	if (info->nmi_count < ARRAY_SIZE(info->nmi) && lint < 2)
		info->nmi[info->nmi_count++] = (struct acpi_lapic_nmi){ acpi_id, all, flags, lint };
}

static void madt_lapic_nmi(const uint8_t *e, struct acpi_info *info)
{
	madt_nmi(info, e[2], e[2] == 0xff, get(e + 3, 2), e[5]);
}

static void madt_address(const uint8_t *e, struct acpi_info *info)
{
	info->lapic_address = get(e + 4, 8);
}

static void madt_x2apic(const uint8_t *e, struct acpi_info *info)
{
	madt_cpu(info, get(e + 4, 4), get(e + 12, 4), get(e + 8, 4));
}

static void madt_x2apic_nmi(const uint8_t *e, struct acpi_info *info)
{
	madt_nmi(info, get(e + 4, 4), get(e + 4, 4) == 0xffffffff, get(e + 2, 2), e[8]);
}

/* 5.2.12: an entry is its type, its length, its fields. */
static void madt_parse(const struct table *t, acpi_map_fn *map, struct acpi_info *info)
{
	static const struct {
		void (*parse)(const uint8_t *entry, struct acpi_info *info);
		uint8_t length;
	} types[] = {
		[0] = { madt_lapic, 8 },
		[1] = { madt_ioapic, 12 },
		[2] = { madt_override, 10 },
		[4] = { madt_lapic_nmi, 6 },
		[5] = { madt_address, 12 },
		[9] = { madt_x2apic, 16 },
		[10] = { madt_x2apic_nmi, 12 },
	};
	uint32_t at = 44;

	if (info->has_madt || t->length < 44)
		return;
	info->has_madt = true;
	info->lapic_address = get(t->p + 36, 4);
	info->has_8259 = t->p[40] & 1;
	while (t->length - at >= 2 && at < t->length) {
		const uint8_t *e = t->p + at;

		if (e[1] < 2 || e[1] > t->length - at) {
			printk(LOG_WARN "ACPI: MADT entry at %u has length %u; the rest is ignored\n", at, e[1]);
			return;
		}
		if (e[0] < ARRAY_SIZE(types) && types[e[0]].parse && e[1] >= types[e[0]].length)
			types[e[0]].parse(e, info);
		at += e[1];
	}
}

/* IA-PC HPET 1.0a, 3.2.4 */
static void hpet_parse(const struct table *t, acpi_map_fn *map, struct acpi_info *info)
{
	struct acpi_register r = table_register(t, 40);

	if (info->has_hpet || !r.is_there || r.space != ACPI_MEMORY)
		return;
	info->has_hpet = true;
	info->hpet_address = r.address;
}

/* PCI Firmware 3.0, 4.1.2 */
static void mcfg_parse(const struct table *t, acpi_map_fn *map, struct acpi_info *info)
{
	for (uint32_t at = 44; at + 16 <= t->length && info->mcfg_count < ARRAY_SIZE(info->mcfg); at += 16) {
		const uint8_t *e = t->p + at;
		struct acpi_mcfg m = { get(e, 8), get(e + 8, 2), e[10], e[11] };

		/* the address is of bus 0, 1 MiB a bus, and must not wrap */
		if (m.base && !(m.base & 0xfffff) && m.first_bus <= m.last_bus && m.base < 1UL << 52)
			info->mcfg[info->mcfg_count++] = m;
		else
			printk(LOG_WARN "ACPI: MCFG entry %#lx, buses %u-%u ignored\n",
			       m.base, m.first_bus, m.last_bus);
	}
}

static void table_parse(uint64_t pa, acpi_map_fn *map, struct acpi_info *info)
{
	static const struct {
		char signature[5];
		void (*parse)(const struct table *t, acpi_map_fn *map, struct acpi_info *info);
	} tables[] = {
		{ "FACP", fadt_parse }, { "APIC", madt_parse }, { "HPET", hpet_parse },
		{ "MCFG", mcfg_parse }, { "SSDT", ssdt_parse },
	};
	struct table t;

	if (!table_open(pa, map, &t))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		if (!memcmp(t.p, tables[i].signature, 4))
			tables[i].parse(&t, map, info);
}

static int root_parse(uint64_t pa, const char *signature, unsigned int entry_size, acpi_map_fn *map,
		      struct acpi_info *info)
{
	uint64_t entries[ROOT_ENTRIES_MAX];
	uint32_t count;
	struct table t;

	if (!pa || !table_open(pa, map, &t) || memcmp(t.p, signature, 4))
		return -EINVAL;
	count = MIN((t.length - HEADER_SIZE) / entry_size, (uint32_t)ROOT_ENTRIES_MAX);
	for (uint32_t i = 0; i < count; i++)
		entries[i] = get(t.p + HEADER_SIZE + i * entry_size, entry_size);
	for (uint32_t i = 0; i < count; i++)
		if (entries[i])
			table_parse(entries[i], map, info);
	return 0;
}

int acpi_parse(const void *rsdp, acpi_map_fn *map, struct acpi_info *info)
{
	const uint8_t *r = rsdp;

	if (r[15] >= 2 && !root_parse(get(r + 24, 8), "XSDT", 8, map, info))
		return 0;
	return root_parse(get(r + 16, 4), "RSDT", 4, map, info);
}
