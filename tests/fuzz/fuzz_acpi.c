/* The firmware's tables: the input is the machine's memory from 0 on, the root pointer at its start. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "printk.h"
#include "x86/acpi.h"

static uint8_t *memory;
static size_t memory_bytes;
static void *mapped[8192];
static unsigned int mapped_count;

void printk(const char *format, ...) { }

/* Exact copies, checksum repaired: nearly all random tables would fail by that alone. */
static const void *map(uint64_t pa, size_t bytes)
{
	uint8_t *copy, sum = 0;

	if (pa > memory_bytes || bytes > memory_bytes - pa || mapped_count == 8192)
		return NULL;
	copy = malloc(bytes + !bytes);
	memcpy(copy, memory + pa, bytes);
	for (size_t i = 0; i < bytes; i++)
		sum += copy[i];
	if (bytes > 9)
		copy[9] -= sum;
	return mapped[mapped_count++] = copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct acpi_info info;
	uint8_t rsdp[ACPI_RSDP_MAX];

	if (bytes < sizeof(rsdp))
		return 0;
	memory = (uint8_t *)data;
	memory_bytes = bytes;
	memcpy(rsdp, data, sizeof(rsdp));
	acpi_rsdp_is_valid(data, bytes);
	memset(&info, 0, sizeof(info));
	acpi_parse(rsdp, map, &info);
	while (mapped_count)
		free(mapped[--mapped_count]);
	return 0;
}
