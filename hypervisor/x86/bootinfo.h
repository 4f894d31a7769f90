/* What the loader told us, from multiboot 1 or 2, copied out of its memory. */
#ifndef HV_X86_BOOTINFO_H
#define HV_X86_BOOTINFO_H

#include "arch_domain.h"
#include "types.h"

#define BOOT_MODULES_MAX 8
#define BOOT_CMDLINE_MAX 2048

struct boot_module {
	paddr_t start;
	uint64_t bytes;
	char cmdline[BOOT_CMDLINE_MAX];		/* without the file's name */
};

struct boot_info {
	const char *protocol;			/* "multiboot 1" or "multiboot 2" */
	char loader[64];
	char cmdline[BOOT_CMDLINE_MAX];		/* without the file's name */
	struct e820_map e820;			/* sorted, without overlaps */
	unsigned int module_count, modules_dropped;
	struct boot_module module[BOOT_MODULES_MAX];
	bool has_rsdp;
	uint8_t rsdp[36];			/* copy of the ACPI root pointer, from multiboot 2 */
	struct boot_framebuffer {
		bool is_text, is_known;
		paddr_t address;
		uint32_t pitch, width, height, bits;
	} framebuffer;
	bool is_efi;
};

extern struct boot_info boot_info;

#define E820_RAM	1
#define E820_RESERVED	2
#define E820_ACPI	3
#define E820_NVS	4
#define E820_UNUSABLE	5

/* Fills boot_info; the loader's structures are in the first 4 GiB, which are mapped. NULL or why not. */
const char *bootinfo_read(uint32_t magic, paddr_t info);

/* Sorts, cuts overlaps (the stricter type wins) and joins neighbours; drops empty and wrapping ranges. */
void e820_sanitise(struct e820_map *map);
/* Limits RAM to `bytes` in all (mem=). */
void e820_limit(struct e820_map *map, uint64_t bytes);

#endif
