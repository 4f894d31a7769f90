#include "bootinfo.h"
#include "machine.h"
#include "string.h"

#define MB1_MAGIC 0x2BADB002		/* Multiboot 0.6.96 3.2 */
#define MB2_MAGIC 0x36d76289		/* Multiboot 2.0 3.3 */

struct boot_info boot_info;

/* Multiboot 0.6.96 3.3; only what we read. */
struct mb1_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, loader_name;
	uint32_t apm_table, vbe[4];
	uint64_t framebuffer_addr;
	uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
	uint8_t framebuffer_bpp, framebuffer_type;
} __attribute__((packed));
#define MB1_CMDLINE (1u << 2)
#define MB1_MODULES (1u << 3)
#define MB1_MMAP    (1u << 6)
#define MB1_LOADER  (1u << 9)
#define MB1_FRAMEBUFFER (1u << 12)

struct mb1_module { uint32_t start, end, cmdline, reserved; };
struct mb_mmap { uint64_t start, size; uint32_t type, zero; };

/* Multiboot 2.0 3.4 */
struct mb2_tag { uint32_t type, size; };
enum mb2_tag_type { MB2_END, MB2_CMDLINE, MB2_LOADER, MB2_MODULE, MB2_MMAP = 6, MB2_FRAMEBUFFER = 8,
		    MB2_EFI64 = 12, MB2_RSDP1 = 14, MB2_RSDP2 = 15 };

static const void *loader_mem(uint64_t pa) { return paddr_to_virt(pa); }

/* The first word is the file's name: "xen.gz com1=…" → "com1=…". */
static void cmdline_without_name(char *to, const char *from)
{
	size_t n;

	while (*from == ' ')
		from++;
	while (*from && *from != ' ')
		from++;
	while (*from == ' ')
		from++;
	strlcpy(to, from, BOOT_CMDLINE_MAX);
	n = strlen(to);
	while (n && to[n - 1] == ' ')
		to[--n] = '\0';
}

static void module_add(paddr_t start, paddr_t end, const char *cmdline, bool has_name)
{
	struct boot_module *m;

	if (end <= start || boot_info.module_count == BOOT_MODULES_MAX) {
		boot_info.modules_dropped++;
		return;
	}
	m = &boot_info.module[boot_info.module_count++];
	m->start = start;
	m->bytes = end - start;
	if (has_name)
		cmdline_without_name(m->cmdline, cmdline);
	else
		strlcpy(m->cmdline, cmdline, BOOT_CMDLINE_MAX);
}

static void e820_add(struct e820_map *map, uint64_t start, uint64_t size, uint32_t type)
{
	if (map->count < ARRAY_SIZE(map->entry))
		map->entry[map->count++] = (struct e820_entry){ start, size, type };
}

static const char *mb1_read(const struct mb1_info *mbi)
{
	const struct mb1_module *mods = loader_mem(mbi->mods_addr);
	uint32_t at = 0;

	boot_info.protocol = "multiboot 1";
	if (mbi->flags & MB1_CMDLINE)
		cmdline_without_name(boot_info.cmdline, loader_mem(mbi->cmdline));
	if (mbi->flags & MB1_LOADER)
		strlcpy(boot_info.loader, loader_mem(mbi->loader_name), sizeof(boot_info.loader));
	for (uint32_t i = 0; (mbi->flags & MB1_MODULES) && i < mbi->mods_count; i++)
		module_add(mods[i].start, mods[i].end,
			   mods[i].cmdline ? loader_mem(mods[i].cmdline) : "", true);
	if (!(mbi->flags & MB1_MMAP))
		return "the loader gave no memory map";
	while (at + 24 <= mbi->mmap_length) {		/* each entry is preceded by its size */
		const uint32_t *size = loader_mem(mbi->mmap_addr + at);
		struct mb_mmap e;

		memcpy(&e, size + 1, 20);
		e820_add(&boot_info.e820, e.start, e.size, e.type);
		at += *size + 4;
	}
	if (mbi->flags & MB1_FRAMEBUFFER)
		boot_info.framebuffer = (struct boot_framebuffer){ mbi->framebuffer_type == 2, true,
			mbi->framebuffer_addr, mbi->framebuffer_pitch, mbi->framebuffer_width,
			mbi->framebuffer_height, mbi->framebuffer_bpp };
	return NULL;
}

static void mb2_read_mmap(const struct mb2_tag *tag)
{
	const uint32_t *head = (const uint32_t *)(tag + 1);	/* entry size, version */
	uint32_t entry_size = head[0];

	for (uint32_t at = 16; entry_size >= 20 && at + entry_size <= tag->size; at += entry_size) {
		struct mb_mmap e;

		memcpy(&e, (const char *)tag + at, 20);
		e820_add(&boot_info.e820, e.start, e.size, e.type);
	}
}

static void mb2_read_tag(const struct mb2_tag *tag)
{
	const uint32_t *words = (const uint32_t *)(tag + 1);
	struct boot_framebuffer *fb = &boot_info.framebuffer;
	uint32_t length = tag->size - sizeof(*tag);

	switch (tag->type) {
	case MB2_CMDLINE:	/* GRUB gives the arguments alone, MB1 the name too */
		strlcpy(boot_info.cmdline, (const char *)words, MIN(BOOT_CMDLINE_MAX, length));
		break;
	case MB2_LOADER:
		strlcpy(boot_info.loader, (const char *)words, MIN(sizeof(boot_info.loader), length));
		break;
	case MB2_MODULE:
		module_add(words[0], words[1], (const char *)&words[2], false);
		break;
	case MB2_MMAP:
		mb2_read_mmap(tag);
		break;
	case MB2_EFI64:
		boot_info.is_efi = true;
		break;
	case MB2_RSDP1:
	case MB2_RSDP2:
		boot_info.has_rsdp = true;
		memset(boot_info.rsdp, 0, sizeof(boot_info.rsdp));
		memcpy(boot_info.rsdp, words, MIN(sizeof(boot_info.rsdp), length));
		break;
	case MB2_FRAMEBUFFER:
		memcpy(&fb->address, words, 8);
		fb->pitch = words[2];
		fb->width = words[3];
		fb->height = words[4];
		fb->bits = words[5] & 0xff;
		fb->is_text = (words[5] >> 8 & 0xff) == 2;
		fb->is_known = true;
		break;
	}
}

static const char *mb2_read(const uint32_t *info)
{
	uint32_t total = info[0], at = 8;

	boot_info.protocol = "multiboot 2";
	while (at + sizeof(struct mb2_tag) <= total) {
		const struct mb2_tag *tag = (const void *)((const char *)info + at);

		if (tag->type == MB2_END)
			break;
		if (tag->size < sizeof(*tag) || at + tag->size > total)
			return "the loader's multiboot 2 tags are damaged";
		mb2_read_tag(tag);
		at += ROUND_UP(tag->size, 8);
	}
	return boot_info.e820.count ? NULL : "the loader gave no memory map";
}

const char *bootinfo_read(uint32_t magic, paddr_t info)
{
	const char *why;

	if (magic == MB1_MAGIC)
		why = mb1_read(loader_mem(info));
	else if (magic == MB2_MAGIC)
		why = mb2_read(loader_mem(info));
	else
		return "not started by a multiboot loader";
	e820_sanitise(&boot_info.e820);
	return why;
}
