/*
 * ELF64 x86-64 kernel images for PV (and PVH) domains: their segments and Xen notes, checked, and their
 * loading.  Every number in the file is hostile; what struct elf_image holds after elf_parse() is not.
 */
#ifndef HV_ELF_H
#define HV_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/elfnote.h>

#define ELF_MAX_LOADS 32
#define ELF_STRING_LEN 32

/* One PT_LOAD segment that takes memory. */
struct elf_segment {
	uint64_t paddr;			/* pseudo-physical: p_paddr less PADDR_OFFSET */
	uint64_t mem_len, file_len;	/* bytes; file_len <= mem_len, the rest is zeroes */
	const uint8_t *data;		/* file_len bytes, inside the file */
};

/* What the Xen notes say (xen/elfnote.h).  A note that is absent leaves 0, or an empty string. */
struct elf_notes {
	uint32_t present;		/* bit XEN_ELFNOTE_*: the note is there */
	uint64_t entry;			/* virtual; e_entry without the note */
	uint64_t hypercall_page;	/* virtual */
	uint64_t virt_base;		/* virtual address of pseudo-physical 0 */
	uint64_t paddr_offset;
	uint64_t init_p2m;		/* virtual */
	uint64_t mod_start_pfn;		/* non-zero: the initrd need not be mapped */
	uint64_t hv_start_low;
	uint64_t suspend_cancel;
	uint64_t phys32_entry;		/* PVH entry, physical */
	uint64_t l1_mfn_mask, l1_mfn_value;
	uint32_t supported;		/* bit XENFEAT_*: notes FEATURES and SUPPORTED_FEATURES together */
	uint32_t required;		/* those with a '!' in FEATURES; they are in `supported` too */
	bool required_unknown;		/* ... and one is required that xen/features.h does not know */
	/* Strings are cut to fit; what is not printable has become '?'. */
	char xen_version[ELF_STRING_LEN], guest_os[ELF_STRING_LEN], guest_version[ELF_STRING_LEN];
	char loader[ELF_STRING_LEN];
};

struct elf_image {
	struct elf_segment load[ELF_MAX_LOADS];	/* by address; they don't overlap */
	unsigned int loads;			/* at least 1 */
	uint64_t pstart, pend;			/* pseudo-physical bounds of all: [pstart, pend) */
	uint64_t vstart, vend;			/* the same, virtual: + virt_base; meaningful for PV */
	struct elf_notes notes;
};

/* Sizes and addresses beyond this are refused: no domain has so much. */
#define ELF_PADDR_MAX (1ULL << 46)

static inline bool elf_has_note(const struct elf_image *e, unsigned int type)
{
	return e->notes.present >> type & 1;
}

/*
 * Parses and checks the file, which must stay where it is as long as the image is used.  Notes are not
 * needed here (see elf_check_pv()), but must be well-formed.  0, or -EINVAL (not ELF, damaged, impossible),
 * -EOPNOTSUPP (ELF, but not for this machine), with a static sentence in *reason.
 */
int elf_parse(const void *file, size_t len, struct elf_image *e, const char **reason);

/*
 * Whether the image can run as PV kernel, and as domain 0: Xen notes are there, entry and hypercall page
 * lie in the image, addresses are the guest's to use, nothing is required that there isn't.  0 or
 * -EINVAL, -EOPNOTSUPP with *reason.
 */
int elf_check_pv(const struct elf_image *e, bool dom0, const char **reason);

/*
 * Copies len bytes of the loaded image, from `offset` bytes behind pstart on, to dest; what no segment's
 * data covers becomes 0, so all of dest is written.  elf_load(e, 0, dest, e->pend - e->pstart) loads all.
 */
void elf_load(const struct elf_image *e, uint64_t offset, void *dest, size_t len);

/* The name of bit XENFEAT_*, as in the FEATURES note, or NULL. */

#endif
