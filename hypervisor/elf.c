/*
 * ELF64 kernel images.  The segments are copied into struct elf_image, sorted and proven disjoint, before
 * anything uses them; Xen's notes come from PT_NOTE segments or, if those have none, SHT_NOTE sections.
 */
#include "elf.h"
#include <elf.h>
#include <xen/features.h>
#include <xen/xen.h>
#include "errno.h"
#include "string.h"

#define ELF_MAX_PHDRS 64
#define ELF_MAX_SHDRS 4096
#define ELF_MAX_NOTE_BYTES (1UL << 20)	/* of all notes together: parsing stays cheap */

struct elf_file {
	const uint8_t *data;
	size_t len;
	Elf64_Ehdr header;
	size_t note_bytes;		/* parsed so far */
	const char **reason;
};

static int elf_fail(const struct elf_file *f, int rc, const char *why)
{
	*f->reason = why;
	return rc;
}

static bool elf_in_file(const struct elf_file *f, uint64_t offset, uint64_t len)
{
	return offset <= f->len && len <= f->len - offset;
}

static uint64_t elf_round_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

/* Xen notes: what each is, and where its value goes. */

enum elf_note_kind { NOTE_IGNORED, NOTE_NUMBER, NOTE_STRING, NOTE_FEATURES, NOTE_SUPPORTED, NOTE_L1_MFN };

struct elf_note_row {
	enum elf_note_kind kind;
	size_t offset;			/* of a number or string, in struct elf_notes */
};

#define NUMBER(field) { NOTE_NUMBER, offsetof(struct elf_notes, field) }
#define STRING(field) { NOTE_STRING, offsetof(struct elf_notes, field) }

static const struct elf_note_row elf_note_rows[XEN_ELFNOTE_MAX + 1] = {
	[XEN_ELFNOTE_ENTRY]              = NUMBER(entry),
	[XEN_ELFNOTE_HYPERCALL_PAGE]     = NUMBER(hypercall_page),
	[XEN_ELFNOTE_VIRT_BASE]          = NUMBER(virt_base),
	[XEN_ELFNOTE_PADDR_OFFSET]       = NUMBER(paddr_offset),
	[XEN_ELFNOTE_XEN_VERSION]        = STRING(xen_version),
	[XEN_ELFNOTE_GUEST_OS]           = STRING(guest_os),
	[XEN_ELFNOTE_GUEST_VERSION]      = STRING(guest_version),
	[XEN_ELFNOTE_LOADER]             = STRING(loader),
	[XEN_ELFNOTE_FEATURES]           = { NOTE_FEATURES },
	[XEN_ELFNOTE_HV_START_LOW]       = NUMBER(hv_start_low),
	[XEN_ELFNOTE_L1_MFN_VALID]       = { NOTE_L1_MFN },
	[XEN_ELFNOTE_SUSPEND_CANCEL]     = NUMBER(suspend_cancel),
	[XEN_ELFNOTE_INIT_P2M]           = NUMBER(init_p2m),
	[XEN_ELFNOTE_MOD_START_PFN]      = NUMBER(mod_start_pfn),
	[XEN_ELFNOTE_SUPPORTED_FEATURES] = { NOTE_SUPPORTED },
	[XEN_ELFNOTE_PHYS32_ENTRY]       = NUMBER(phys32_entry),
};

/* xen/features.h without the prefix. */
static const char *const elf_feature_names[] = {
	[XENFEAT_writable_page_tables]       = "writable_page_tables",
	[XENFEAT_writable_descriptor_tables] = "writable_descriptor_tables",
	[XENFEAT_auto_translated_physmap]    = "auto_translated_physmap",
	[XENFEAT_supervisor_mode_kernel]     = "supervisor_mode_kernel",
	[XENFEAT_pae_pgdir_above_4gb]        = "pae_pgdir_above_4gb",
	[XENFEAT_mmu_pt_update_preserve_ad]  = "mmu_pt_update_preserve_ad",
	[XENFEAT_highmem_assist]             = "highmem_assist",
	[XENFEAT_gnttab_map_avail_bits]      = "gnttab_map_avail_bits",
	[XENFEAT_hvm_callback_vector]        = "hvm_callback_vector",
	[XENFEAT_hvm_safe_pvclock]           = "hvm_safe_pvclock",
	[XENFEAT_hvm_pirqs]                  = "hvm_pirqs",
	[XENFEAT_dom0]                       = "dom0",
	[XENFEAT_memory_op_vnode_supported]  = "memory_op_vnode_supported",
	[XENFEAT_ARM_SMCCC_supported]        = "ARM_SMCCC_supported",
	[XENFEAT_linux_rsdp_unrestricted]    = "linux_rsdp_unrestricted",
	[XENFEAT_not_direct_mapped]          = "not_direct_mapped",
	[XENFEAT_direct_mapped]              = "direct_mapped",
};

#define ELF_FEATURES (sizeof(elf_feature_names) / sizeof(elf_feature_names[0]))

/* One name of the FEATURES note, which has no terminator. */
static void elf_feature(struct elf_notes *n, const char *name, size_t len, bool required)
{
	for (unsigned int bit = 0; bit < ELF_FEATURES; bit++) {
		const char *known = elf_feature_names[bit];

		if (!known || strlen(known) != len || memcmp(known, name, len) != 0)
			continue;
		n->supported |= 1U << bit;
		if (required)
			n->required |= 1U << bit;
		return;
	}
	n->required_unknown |= required;
}

/* "a|!b|c": what the kernel can live with, and needs. */
static void elf_features(struct elf_notes *n, const char *s, size_t len)
{
	for (size_t i = 0; i < len && s[i]; i++) {
		bool required = s[i] == '!';
		size_t start = i + required;

		for (i = start; i < len && s[i] && s[i] != '|'; i++)
			;
		if (i > start)
			elf_feature(n, s + start, i - start, required);
		if (i >= len || !s[i])
			return;
	}
}

static void elf_string(char *to, const uint8_t *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < ELF_STRING_LEN - 1 && s[i]; i++)
		to[i] = s[i] >= ' ' && s[i] <= '~' ? (char)s[i] : '?';
	memset(to + i, 0, ELF_STRING_LEN - i);
}

/* A note's number is as wide as its descriptor. */
static bool elf_number(const uint8_t *desc, size_t len, uint64_t *value)
{
	if (len != 1 && len != 2 && len != 4 && len != 8)
		return false;
	*value = 0;
	memcpy(value, desc, len);	/* little-endian, as we are */
	return true;
}

/* One note whose owner is "Xen". */
static int elf_xen_note(struct elf_file *f, struct elf_notes *n, uint32_t type, const uint8_t *desc, size_t len)
{
	static const char bad_size[] = "Xen ELF note of an impossible size";
	uint64_t number;

	if (type > XEN_ELFNOTE_MAX)
		return 0;
	switch (elf_note_rows[type].kind) {
	case NOTE_NUMBER:
		if (!elf_number(desc, len, &number))
			return elf_fail(f, -EINVAL, bad_size);
		memcpy((char *)n + elf_note_rows[type].offset, &number, sizeof(number));
		break;
	case NOTE_STRING:
		elf_string((char *)n + elf_note_rows[type].offset, desc, len);
		break;
	case NOTE_FEATURES:
		elf_features(n, (const char *)desc, len);
		break;
	case NOTE_SUPPORTED:
		if (!elf_number(desc, len, &number))
			return elf_fail(f, -EINVAL, bad_size);
		n->supported |= (uint32_t)number;
		break;
	case NOTE_L1_MFN:	/* pairs of mask and value; the first is what anybody uses */
		if (len < 16)
			return elf_fail(f, -EINVAL, bad_size);
		memcpy(&n->l1_mfn_mask, desc, 8);
		memcpy(&n->l1_mfn_value, desc + 8, 8);
		break;
	case NOTE_IGNORED:
		break;
	}
	n->present |= 1U << type;
	return 0;
}

/* All notes of a segment or section.  Each: name size, descriptor size, type, name, descriptor, padded. */
static int elf_note_range(struct elf_file *f, struct elf_notes *n, uint64_t offset, uint64_t len, uint64_t align)
{
	const uint8_t *p;
	uint64_t at = 0;

	if (!elf_in_file(f, offset, len))
		return elf_fail(f, -EINVAL, "ELF notes beyond the end of the file");
	f->note_bytes += len;
	if (len > ELF_MAX_NOTE_BYTES || f->note_bytes > ELF_MAX_NOTE_BYTES)
		return elf_fail(f, -EINVAL, "more than 1 MiB of ELF notes");
	align = align == 8 ? 8 : 4;
	p = f->data + offset;
	while (len - at >= sizeof(Elf64_Nhdr)) {
		uint64_t desc, end;
		Elf64_Nhdr h;
		int rc;

		memcpy(&h, p + at, sizeof(h));
		desc = at + elf_round_up(sizeof(h) + (uint64_t)h.n_namesz, align);
		end = desc + h.n_descsz;
		if (end > len)
			return elf_fail(f, -EINVAL, "ELF note beyond the end of its segment");
		if (h.n_namesz == 4 && memcmp(p + at + sizeof(h), "Xen", 4) == 0) {
			rc = elf_xen_note(f, n, h.n_type, p + desc, h.n_descsz);
			if (rc)
				return rc;
		}
		at = elf_round_up(end, align);
		if (at > len)		/* the last one's padding may be missing */
			break;
	}
	return 0;
}

static int elf_notes_parse(struct elf_file *f, struct elf_notes *n)
{
	const Elf64_Ehdr *h = &f->header;
	Elf64_Phdr ph;
	Elf64_Shdr sh;
	int rc = 0;

	for (unsigned int i = 0; i < h->e_phnum && rc == 0; i++) {
		memcpy(&ph, f->data + h->e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_NOTE)
			rc = elf_note_range(f, n, ph.p_offset, ph.p_filesz, ph.p_align);
	}
	if (rc || n->present || h->e_shnum == 0 || h->e_shentsize != sizeof(sh))
		return rc;
	if (h->e_shnum > ELF_MAX_SHDRS || !elf_in_file(f, h->e_shoff, h->e_shnum * sizeof(sh)))
		return elf_fail(f, -EINVAL, "ELF section headers beyond the end of the file, or too many");
	for (unsigned int i = 0; i < h->e_shnum && rc == 0; i++) {
		memcpy(&sh, f->data + h->e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type == SHT_NOTE)
			rc = elf_note_range(f, n, sh.sh_offset, sh.sh_size, sh.sh_addralign);
	}
	return rc;
}

static int elf_header(struct elf_file *f)
{
	Elf64_Ehdr *h = &f->header;

	if (f->len < sizeof(*h) || memcmp(f->data, ELFMAG, SELFMAG) != 0)
		return elf_fail(f, -EINVAL, "not an ELF image");
	memcpy(h, f->data, sizeof(*h));
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64)
		return elf_fail(f, -EOPNOTSUPP, "ELF image, but not for x86-64");
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return elf_fail(f, -EOPNOTSUPP, "ELF image, but not an executable");
	if (h->e_phnum == 0 || h->e_phentsize != sizeof(Elf64_Phdr))
		return elf_fail(f, -EINVAL, "ELF image without program headers");
	if (h->e_phnum > ELF_MAX_PHDRS)
		return elf_fail(f, -EINVAL, "ELF image with too many program headers");
	if (!elf_in_file(f, h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr)))
		return elf_fail(f, -EINVAL, "ELF program headers beyond the end of the file");
	return 0;
}

/* Puts a segment into its place in the list, which is sorted by address. */
static int elf_insert(struct elf_file *f, struct elf_image *e, const struct elf_segment *s)
{
	unsigned int i;

	if (e->loads == ELF_MAX_LOADS)
		return elf_fail(f, -EINVAL, "ELF image with too many segments");
	for (i = e->loads; i > 0 && e->load[i - 1].paddr > s->paddr; i--)
		e->load[i] = e->load[i - 1];
	e->load[i] = *s;
	e->loads++;
	return 0;
}

/* A PT_LOAD header, once the notes are known. */
static int elf_segment(struct elf_file *f, struct elf_image *e, const Elf64_Phdr *ph)
{
	struct elf_segment s = {
		.paddr = ph->p_paddr - e->notes.paddr_offset,
		.mem_len = ph->p_memsz, .file_len = ph->p_filesz,
	};

	if (ph->p_filesz > ph->p_memsz)
		return elf_fail(f, -EINVAL, "ELF segment larger in the file than in memory");
	if (ph->p_memsz == 0)
		return 0;
	if (!elf_in_file(f, ph->p_offset, ph->p_filesz))
		return elf_fail(f, -EINVAL, "ELF segment beyond the end of the file");
	if (ph->p_paddr < e->notes.paddr_offset || s.paddr >= ELF_PADDR_MAX ||
	    s.mem_len > ELF_PADDR_MAX - s.paddr)
		return elf_fail(f, -EINVAL, "ELF segment at an impossible address");
	s.data = f->data + ph->p_offset;
	return elf_insert(f, e, &s);
}

static int elf_segments(struct elf_file *f, struct elf_image *e)
{
	const struct elf_segment *s = e->load;
	Elf64_Phdr ph;
	int rc = 0;

	for (unsigned int i = 0; i < f->header.e_phnum && rc == 0; i++) {
		memcpy(&ph, f->data + f->header.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			rc = elf_segment(f, e, &ph);
	}
	if (rc)
		return rc;
	if (e->loads == 0)
		return elf_fail(f, -EINVAL, "ELF image with nothing to load");
	for (unsigned int i = 1; i < e->loads; i++)
		if (s[i].paddr - s[i - 1].paddr < s[i - 1].mem_len)
			return elf_fail(f, -EINVAL, "ELF segments overlap");
	e->pstart = s[0].paddr;
	e->pend = s[e->loads - 1].paddr + s[e->loads - 1].mem_len;
	e->vstart = e->pstart + e->notes.virt_base;
	e->vend = e->pend + e->notes.virt_base;
	return 0;
}

int elf_parse(const void *file, size_t len, struct elf_image *e, const char **reason)
{
	struct elf_file f = { .data = file, .len = len, .reason = reason };
	int rc;

	*reason = NULL;
	memset(e, 0, sizeof(*e));
	rc = elf_header(&f);
	if (rc)
		return rc;
	e->notes.entry = f.header.e_entry;
	rc = elf_notes_parse(&f, &e->notes);
	return rc ? rc : elf_segments(&f, e);
}

/* Whether [start, end) is canonical and the guest's: all but the hypervisor's slots (xen/arch-x86). */
static bool elf_guest_virtual(uint64_t start, uint64_t end)
{
	return start <= end && (end <= 1ULL << 47 || start >= HYPERVISOR_VIRT_END);
}

static int elf_check_layout(const struct elf_image *e, const char **reason)
{
	const struct elf_notes *n = &e->notes;
	const struct elf_file f = { .reason = reason };

	if (n->virt_base % 4096 || e->vend < n->virt_base || !elf_guest_virtual(n->virt_base, e->vend))
		return elf_fail(&f, -EINVAL, "kernel at virtual addresses that a guest can't have");
	if (n->entry < e->vstart || n->entry >= e->vend)
		return elf_fail(&f, -EINVAL, "kernel's entry point outside of its image");
	if (elf_has_note(e, XEN_ELFNOTE_HYPERCALL_PAGE) &&
	    (n->hypercall_page % 4096 || n->hypercall_page < e->vstart ||
	     e->vend - e->vstart < 4096 || n->hypercall_page > e->vend - 4096))
		return elf_fail(&f, -EINVAL, "kernel's hypercall page outside of its image");
	if (elf_has_note(e, XEN_ELFNOTE_INIT_P2M) &&
	    (n->init_p2m % 4096 || !elf_guest_virtual(n->init_p2m, n->init_p2m)))
		return elf_fail(&f, -EINVAL, "kernel wants its p2m where a guest can't have it");
	if (elf_has_note(e, XEN_ELFNOTE_HV_START_LOW) && n->hv_start_low > HYPERVISOR_VIRT_START)
		return elf_fail(&f, -EINVAL, "kernel wants the hypervisor's own addresses");
	return 0;
}

int elf_check_pv(const struct elf_image *e, bool dom0, const char **reason)
{
	/* What no PV domain gets; page-table writes are emulated, so they may be asked for. */
	const uint32_t refused = 1U << XENFEAT_supervisor_mode_kernel | 1U << XENFEAT_auto_translated_physmap;
	const struct elf_notes *n = &e->notes;
	const struct elf_file f = { .reason = reason };

	if (!n->present)
		return elf_fail(&f, -EINVAL, "no Xen ELF notes: not a kernel that can run as PV domain");
	if (elf_has_note(e, XEN_ELFNOTE_XEN_VERSION) && strncmp(n->xen_version, "xen-3.0", 7) != 0)
		return elf_fail(&f, -EOPNOTSUPP, "kernel for an interface other than xen-3.0");
	if (elf_has_note(e, XEN_ELFNOTE_LOADER) && strcmp(n->loader, "generic") != 0)
		return elf_fail(&f, -EOPNOTSUPP, "kernel for a loader other than generic");
	if (n->required_unknown)
		return elf_fail(&f, -EOPNOTSUPP, "kernel requires a feature that is not known");
	if (n->required & refused)
		return elf_fail(&f, -EOPNOTSUPP, "kernel requires a feature that PV domains don't have");
	if (dom0 && elf_has_note(e, XEN_ELFNOTE_SUPPORTED_FEATURES) && !(n->supported & 1U << XENFEAT_dom0))
		return elf_fail(&f, -EOPNOTSUPP, "kernel can't run as domain 0");
	return elf_check_layout(e, reason);
}

void elf_load(const struct elf_image *e, uint64_t offset, void *dest, size_t len)
{
	uint64_t at = e->pstart + offset, end = at + len;
	uint8_t *out = dest;

	for (unsigned int i = 0; i < e->loads && at < end; i++) {
		const struct elf_segment *s = &e->load[i];
		uint64_t from = s->paddr > at ? s->paddr : at, to = s->paddr + s->file_len;

		if (to > end)
			to = end;
		if (from >= to)
			continue;
		memset(out, 0, from - at);
		memcpy(out + (from - at), s->data + (from - s->paddr), to - from);
		out += to - at;
		at = to;
	}
	if (at < end)
		memset(out, 0, end - at);
}
