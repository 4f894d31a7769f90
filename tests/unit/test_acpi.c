/* The firmware's tables as foreign input: a small machine's memory, then everything that can be wrong in it. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errno.h"
#include "printk.h"
#include "x86/acpi.h"

#define MEMORY 65536
static uint8_t *memory;			/* allocated, so that the sanitizer sees each byte beyond it */
static char said[4096];
static struct acpi_info info;

void printk(const char *format, ...)
{
	size_t used = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
}

/* A copy of exactly that many bytes: reading one more is seen. */
static void *mapped[4096];
static unsigned int mapped_count;

static const void *map(uint64_t pa, size_t bytes)
{
	void *copy;

	if (pa > MEMORY || bytes > MEMORY - pa || mapped_count == 4096)
		return NULL;
	copy = malloc(bytes);
	memcpy(copy, memory + pa, bytes);
	return mapped[mapped_count++] = copy;
}

static void put(uint32_t at, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		memory[at + i] = v >> (8 * i);
}

static void seal(uint32_t at, uint32_t length, uint32_t checksum_at)
{
	uint8_t sum = 0;

	memory[at + checksum_at] = 0;
	for (uint32_t i = 0; i < length; i++)
		sum += memory[at + i];
	memory[at + checksum_at] = -sum;
}

static void table(uint32_t at, const char *signature, uint32_t length)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, length, 4);
	seal(at, length, 9);
}

#define RSDP 0x100
#define XSDT 0x200
#define RSDT 0x300
#define MADT 0x1000
#define FADT 0x2000
#define DSDT 0x3000
#define HPET 0x4000
#define MCFG 0x5000
#define SSDT 0x6000

static void rsdp(unsigned int revision)
{
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = revision;
	put(RSDP + 16, RSDT, 4);
	put(RSDP + 20, 36, 4);
	put(RSDP + 24, XSDT, 8);
	seal(RSDP, 20, 8);
	seal(RSDP, 36, 32);
}

static uint32_t madt_length;

static void madt_begin(void)
{
	put(MADT + 36, 0xfee00000, 4);
	put(MADT + 40, 1, 4);
	madt_length = 44;
}

static void madt_entry(const uint8_t *bytes, unsigned int length)
{
	memcpy(memory + MADT + madt_length, bytes, length);
	madt_length += length;
}

static void roots(unsigned int count)
{
	static const uint32_t tables[] = { FADT, MADT, HPET, MCFG, SSDT };

	for (unsigned int i = 0; i < count; i++) {
		put(XSDT + 36 + 8 * i, tables[i], 8);
		put(RSDT + 36 + 4 * i, tables[i], 4);
	}
	table(XSDT, "XSDT", 36 + 8 * count);
	table(RSDT, "RSDT", 36 + 4 * count);
}

static void gas(uint32_t at, unsigned int space, unsigned int width, uint64_t address)
{
	put(at, space, 1);
	put(at + 1, width, 1);
	put(at + 4, address, 8);
}

static void fadt(uint32_t length)
{
	put(FADT + 40, DSDT, 4);
	put(FADT + 46, 9, 2);
	put(FADT + 48, 0xb2, 4);
	put(FADT + 52, 0xf1, 1);
	put(FADT + 56, 0x600, 4);
	put(FADT + 64, 0x604, 4);
	put(FADT + 76, 0x608, 4);
	put(FADT + 108, 0x32, 1);
	put(FADT + 109, 2, 2);
	put(FADT + 112, 1 << 8 | 1 << 10, 4);
	if (length >= 129) {
		gas(FADT + 116, ACPI_IO, 8, 0xcf9);
		memory[FADT + 128] = 6;
	}
	table(FADT, "FACP", length);
}

static void dsdt(const uint8_t *aml, unsigned int length)
{
	memcpy(memory + DSDT + 36, aml, length);
	table(DSDT, "DSDT", 36 + length);
}

static const uint8_t s5_aml[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00 };

static void machine(void)
{
	static const uint8_t cpu0[] = { 0, 8, 0, 0, 1, 0, 0, 0 }, cpu1[] = { 0, 8, 1, 2, 1, 0, 0, 0 },
		cpu_off[] = { 0, 8, 2, 4, 0, 0, 0, 0 }, io[] = { 1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0 },
		timer[] = { 2, 10, 0, 0, 2, 0, 0, 0, 0, 0 }, sci[] = { 2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0 },
		nmi[] = { 4, 6, 0xff, 0, 0, 1 },
		x2[] = { 9, 16, 0, 0, 0x00, 1, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0 };

	said[0] = 0;
	memset(memory, 0, MEMORY);
	memset(&info, 0, sizeof(info));
	rsdp(2);
	madt_begin();
	madt_entry(cpu0, 8);
	madt_entry(cpu1, 8);
	madt_entry(cpu_off, 8);
	madt_entry(io, 12);
	madt_entry(timer, 10);
	madt_entry(sci, 10);
	madt_entry(nmi, 6);
	madt_entry(x2, 16);
	table(MADT, "APIC", madt_length);
	fadt(244);
	dsdt(s5_aml, sizeof(s5_aml));
	gas(HPET + 40, ACPI_MEMORY, 64, 0xfed00000);
	table(HPET, "HPET", 56);
	put(MCFG + 44, 0xb0000000, 8);
	memory[MCFG + 55] = 255;
	table(MCFG, "MCFG", 60);
	table(SSDT, "SSDT", 36);
	roots(5);
}

static int parse(void)
{
	int rc = acpi_rsdp_is_valid(memory + RSDP, ACPI_RSDP_MAX) ?
		acpi_parse(memory + RSDP, map, &info) : -ENOENT;

	while (mapped_count)
		free(mapped[--mapped_count]);
	return rc;
}

static void all_of_a_sound_machine_is_found(void)
{
	machine();
	CHECK_EQ(parse(), 0);
	CHECK_STR(said, "");
	CHECK_EQ(info.cpu_count, 4);
	CHECK(info.cpu[1].apic_id == 2 && info.cpu[1].acpi_id == 1 && info.cpu[1].is_enabled);
	CHECK(!info.cpu[2].is_enabled);
	CHECK(info.cpu[3].apic_id == 256 && info.cpu[3].acpi_id == 7);
	CHECK(info.ioapic_count == 1 && info.ioapic[0].id == 5 && info.ioapic[0].address == 0xfec00000);
	CHECK(info.isa[0].is_given && info.isa[0].gsi == 2);
	CHECK(ACPI_TRIGGER(info.isa[9].flags) == ACPI_LEVEL && ACPI_POLARITY(info.isa[9].flags) == 1);
	CHECK(info.nmi_count == 1 && info.nmi[0].is_for_all && info.nmi[0].lint == 1);
	CHECK(info.has_8259 && info.lapic_address == 0xfee00000);
	CHECK(info.has_s5 && info.s5_type_a == 5 && info.s5_type_b == 1);
	CHECK(info.pm1a_control.address == 0x604 && info.pm_timer.address == 0x608);
	CHECK(info.reset.address == 0xcf9 && info.reset_value == 6 && info.pm_timer_is_32bit);
	CHECK(info.sci_irq == 9 && info.smi_command == 0xb2 && info.acpi_enable == 0xf1);
	CHECK(info.has_hpet && info.hpet_address == 0xfed00000);
	CHECK(info.mcfg_count == 1 && info.mcfg[0].base == 0xb0000000 && info.mcfg[0].last_bus == 255);
}

static void revision_1_goes_by_the_rsdt(void)
{
	machine();
	rsdp(0);
	put(XSDT, 0, 4);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 4);
}

static void a_broken_xsdt_leaves_the_rsdt(void)
{
	machine();
	memory[XSDT + 40] ^= 1;
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 4);
	CHECK(strstr(said, "wrong checksum"));
}

static void without_a_root_table_there_is_nothing(void)
{
	machine();
	memory[XSDT + 40] ^= 1;
	memory[RSDT + 40] ^= 1;
	CHECK_EQ(parse(), -EINVAL);
	CHECK_EQ(info.cpu_count, 0);
}

static void a_root_pointer_with_a_wrong_sum_is_none(void)
{
	machine();
	memory[RSDP + 9]++;
	CHECK(!acpi_rsdp_is_valid(memory + RSDP, 36));
	machine();
	memory[RSDP + 33]++;			/* in the second sum only */
	CHECK(!acpi_rsdp_is_valid(memory + RSDP, 36));
	machine();
	CHECK(!acpi_rsdp_is_valid(memory + RSDP, 35));
	CHECK(!acpi_rsdp_is_valid(memory + RSDP, 19));
	rsdp(0);
	CHECK(acpi_rsdp_is_valid(memory + RSDP, 20));
}

static void a_table_with_a_wrong_sum_is_ignored(void)
{
	machine();
	memory[MADT + 50]++;
	CHECK_EQ(parse(), 0);
	CHECK(!info.has_madt && info.has_fadt);
}

static void tables_outside_of_memory_are_ignored(void)
{
	machine();
	put(XSDT + 36, 0xffffffffffffff00, 8);
	put(XSDT + 44, MEMORY - 10, 8);
	table(XSDT, "XSDT", 36 + 40);
	CHECK_EQ(parse(), 0);
	CHECK(!info.has_madt && !info.has_fadt && info.has_hpet);
}

static void impossible_lengths_are_refused(void)
{
	static const uint32_t lengths[] = { 0, 1, 35, MEMORY, 0x7fffffff, 0xffffffff };

	for (unsigned int i = 0; i < 6; i++) {
		machine();
		put(MADT + 4, lengths[i], 4);
		CHECK_EQ(parse(), 0);
		CHECK(!info.has_madt);
		CHECK(strstr(said, "impossible length"));
	}
}

static void a_madt_entry_longer_than_the_rest_ends_the_list(void)
{
	static const uint8_t long_entry[] = { 0, 200, 9, 9, 1, 0, 0, 0 }, zero[] = { 0, 0, 9, 9, 1, 0, 0, 0 };

	machine();
	madt_entry(long_entry, 8);
	table(MADT, "APIC", madt_length);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 4);
	machine();
	madt_entry(zero, 8);
	table(MADT, "APIC", madt_length);
	CHECK_EQ(parse(), 0);			/* and doesn't go round for ever */
	CHECK_EQ(info.cpu_count, 4);
	machine();
	table(MADT, "APIC", madt_length - 1);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 3);
}

static void short_madt_entries_are_skipped(void)
{
	static const uint8_t short_cpu[] = { 0, 4, 9, 9 }, unknown[] = { 200, 3, 0 };

	machine();
	madt_entry(short_cpu, 4);
	madt_entry(unknown, 3);
	table(MADT, "APIC", madt_length);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 4);
}

static void more_cpus_than_we_can_use_are_counted(void)
{
	machine();
	madt_begin();
	for (unsigned int i = 0; i < 300; i++) {
		uint8_t x2[16] = { 9, 16, 0, 0, i & 0xff, i >> 8, 0, 0, 1 };

		memcpy(memory + 0x8000 + 44 + i * 16, x2, 16);
	}
	put(XSDT + 44, 0x8000, 8);
	table(XSDT, "XSDT", 36 + 40);
	table(0x8000, "APIC", 44 + 300 * 16);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, MAX_CPUS);
	CHECK_EQ(info.cpus_dropped, 300 - MAX_CPUS);
}

static void a_cpu_listed_twice_counts_once(void)
{
	static const uint8_t again[] = { 9, 16, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0 };

	machine();
	madt_entry(again, 16);
	table(MADT, "APIC", madt_length);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.cpu_count, 4);
}

static void an_override_of_a_line_that_does_not_exist_is_ignored(void)
{
	static const uint8_t wild[] = { 2, 10, 0, 200, 2, 0, 0, 0, 0, 0 }, eisa[] = { 2, 10, 1, 3, 7, 0, 0, 0, 0, 0 };

	machine();
	madt_entry(wild, 10);
	madt_entry(eisa, 10);
	table(MADT, "APIC", madt_length);
	CHECK_EQ(parse(), 0);
	CHECK(!info.isa[3].is_given);
}

static void a_short_fadt_is_refused_and_an_old_one_has_no_reset(void)
{
	machine();
	fadt(100);
	CHECK_EQ(parse(), 0);
	CHECK(!info.has_fadt);
	machine();
	fadt(116);
	CHECK_EQ(parse(), 0);
	CHECK(info.has_fadt && !info.reset.is_there && info.pm1a_control.address == 0x604);
}

static void registers_beyond_io_space_are_not_there(void)
{
	machine();
	gas(FADT + 116, ACPI_IO, 8, 0x10000);
	put(FADT + 64, 0x12345, 4);
	fadt(244);
	gas(FADT + 116, ACPI_IO, 8, 0x10000);
	put(FADT + 64, 0x12345, 4);
	table(FADT, "FACP", 244);
	CHECK_EQ(parse(), 0);
	CHECK(!info.reset.is_there && !info.pm1a_control.is_there);
}

static void sleep_types_are_read_in_all_their_spellings(void)
{
	static const struct { uint8_t aml[20]; unsigned int length; bool found; unsigned int a, b; } cases[] = {
		{ { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0 }, 12, true, 0, 0 },
		{ { 8, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 1, 1 }, 11, true, 1, 1 },
		{ { 8, '_', 'S', '5', '_', 0x12, 8, 2, 0x0b, 7, 0, 0x0b, 6, 0 }, 14, true, 7, 6 },
		{ { 8, '_', 'S', '5', '_', 0x12, 10, 2, 0x0c, 3, 0, 0, 0, 0x0a, 2 }, 15, true, 3, 2 },
		{ { 8, '_', 'S', '5', '_', 0x12, 0x47, 0, 2, 0x0a, 5, 0x0a, 4 }, 13, true, 5, 4 },
		{ { 8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 5 }, 10, true, 5, 5 },
		{ { 8, '_', 'S', '5', '_', 0x12, 4, 0 }, 8, false, 0, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12, 4, 2, 0x0a, 9, 0 }, 11, false, 0, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12, 4, 2, 'A', 'B', 'C', 'D' }, 12, false, 0, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12, 0xc8 }, 7, false, 0, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12 }, 6, false, 0, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12, 4, 2, 0x0a }, 9, false, 0, 0 },
		{ { 0x10, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0 }, 12, false, 0, 0 },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		machine();
		dsdt(cases[i].aml, cases[i].length);
		CHECK_EQ(parse(), 0);
		CHECK_EQ(info.has_s5, cases[i].found);
		CHECK_EQ(info.s5_type_a, cases[i].a);
		CHECK_EQ(info.s5_type_b, cases[i].b);
	}
}

static void sleep_types_may_be_in_an_ssdt(void)
{
	machine();
	dsdt(s5_aml, 0);
	memcpy(memory + SSDT + 36, s5_aml, sizeof(s5_aml));
	table(SSDT, "SSDT", 36 + sizeof(s5_aml));
	CHECK_EQ(parse(), 0);
	CHECK(info.has_s5 && info.s5_type_a == 5);
}

static void mcfg_windows_must_make_sense(void)
{
	machine();
	put(MCFG + 44, 0xb0000001, 8);
	table(MCFG, "MCFG", 60);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.mcfg_count, 0);
	machine();
	memory[MCFG + 54] = 9;
	memory[MCFG + 55] = 8;
	table(MCFG, "MCFG", 60);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.mcfg_count, 0);
	machine();
	table(MCFG, "MCFG", 59);		/* half an entry */
	CHECK_EQ(parse(), 0);
	CHECK_EQ(info.mcfg_count, 0);
}

/* Any one byte changed, checksums made right again: never more than a wrong answer. */
static void no_single_byte_makes_it_read_beyond_a_table(void)
{
	for (uint32_t at = 0; at < 0x100; at++)
		for (unsigned int v = 0; v < 256; v += 5) {
			machine();
			memory[MADT + 36 + at] = v;
			seal(MADT, madt_length, 9);
			parse();
			machine();
			memory[FADT + 36 + at % 200] = v;
			seal(FADT, 244, 9);
			parse();
			machine();
			memory[DSDT + 36 + at % sizeof(s5_aml)] = v;
			seal(DSDT, 36 + sizeof(s5_aml), 9);
			parse();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_a_sound_machine_is_found),
		TEST(revision_1_goes_by_the_rsdt),
		TEST(a_broken_xsdt_leaves_the_rsdt),
		TEST(without_a_root_table_there_is_nothing),
		TEST(a_root_pointer_with_a_wrong_sum_is_none),
		TEST(a_table_with_a_wrong_sum_is_ignored),
		TEST(tables_outside_of_memory_are_ignored),
		TEST(impossible_lengths_are_refused),
		TEST(a_madt_entry_longer_than_the_rest_ends_the_list),
		TEST(short_madt_entries_are_skipped),
		TEST(more_cpus_than_we_can_use_are_counted),
		TEST(a_cpu_listed_twice_counts_once),
		TEST(an_override_of_a_line_that_does_not_exist_is_ignored),
		TEST(a_short_fadt_is_refused_and_an_old_one_has_no_reset),
		TEST(registers_beyond_io_space_are_not_there),
		TEST(sleep_types_are_read_in_all_their_spellings),
		TEST(sleep_types_may_be_in_an_ssdt),
		TEST(mcfg_windows_must_make_sense),
		TEST(no_single_byte_makes_it_read_beyond_a_table),
	};

	memory = malloc(MEMORY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
