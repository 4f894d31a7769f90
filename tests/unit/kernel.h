/* Small kernels made in memory, right ones and wrong ones, for the tests of the image parser. */
#ifndef TESTS_UNIT_KERNEL_H
#define TESTS_UNIT_KERNEL_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>

#define KERNEL_PADDR 0x1000000UL
#define KERNEL_VIRT 0xffffffff80000000UL
#define KERNEL_ENTRY (KERNEL_VIRT + KERNEL_PADDR + 0x40)

/* An ELF file: header, up to 8 program headers, then a megabyte for whatever they point at. */
struct kernel {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[8];
	Elf64_Shdr sh[2];
	uint8_t notes[1024];
	uint8_t text[3 * 4096];
};

static inline void kernel_note(struct kernel *k, size_t *pos, uint32_t type, const void *desc,
			       uint32_t len)
{
	uint32_t head[3] = { 4, len, type };

	memcpy(k->notes + *pos, head, sizeof(head));
	memcpy(k->notes + *pos + 12, "Xen", 4);
	memcpy(k->notes + *pos + 16, desc, len);
	*pos += 16 + ((len + 3) & ~3U);
}

static inline size_t kernel_notes(struct kernel *k)
{
	static const uint64_t entry = KERNEL_ENTRY, base = KERNEL_VIRT, p2m = 0x8000000000UL;
	static const uint32_t one = 1;
	size_t pos = 0;

	kernel_note(k, &pos, XEN_ELFNOTE_ENTRY, &entry, 8);
	kernel_note(k, &pos, XEN_ELFNOTE_VIRT_BASE, &base, 8);
	kernel_note(k, &pos, XEN_ELFNOTE_INIT_P2M, &p2m, 8);
	kernel_note(k, &pos, XEN_ELFNOTE_MOD_START_PFN, &one, 4);
	kernel_note(k, &pos, XEN_ELFNOTE_GUEST_OS, "test", 5);
	kernel_note(k, &pos, XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
	return pos;
}

/* A right one: three pages of text, a fourth of zeros, the notes within. */
static inline struct kernel *kernel_new(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	memcpy(k->eh.e_ident, ELFMAG, SELFMAG);
	k->eh.e_ident[EI_CLASS] = ELFCLASS64;
	k->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	k->eh.e_type = ET_EXEC;
	k->eh.e_machine = EM_X86_64;
	k->eh.e_phoff = offsetof(struct kernel, ph);
	k->eh.e_phentsize = sizeof(Elf64_Phdr);
	k->eh.e_phnum = 2;
	for (size_t i = 0; i < sizeof(k->text); i++)
		k->text[i] = (uint8_t)(i * 7 + i / 4096);
	k->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = offsetof(struct kernel, text),
				 .p_paddr = KERNEL_PADDR, .p_vaddr = KERNEL_VIRT + KERNEL_PADDR,
				 .p_filesz = sizeof(k->text), .p_memsz = 4 * 4096 };
	k->ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct kernel, notes),
				 .p_filesz = kernel_notes(k) };
	return k;
}

/* The same as a bzImage's payload; the caller frees it. */
static inline uint8_t *kernel_bzimage(const void *payload, size_t len, size_t *size)
{
	size_t setup = 3 * 512;
	uint8_t *b = calloc(1, setup + 0x400 + len);
	uint32_t offset = 0x400, length = (uint32_t)len;

	b[0x1f1] = 2;			/* setup_sects: two and the boot sector */
	b[0x1fe] = 0x55;
	b[0x1ff] = 0xaa;
	memcpy(b + 0x202, "HdrS", 4);
	b[0x206] = 0x0f;
	b[0x207] = 0x02;
	memcpy(b + 0x248, &offset, 4);
	memcpy(b + 0x24c, &length, 4);
	memcpy(b + setup + 0x400, payload, len);
	*size = setup + 0x400 + len;
	return b;
}

#endif
