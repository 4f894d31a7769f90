/* The ELF parser, on images made here: whole, odd and damaged. */
#include "check.h"
#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xen/features.h>
#include <xen/xen.h>
#include "elf.h"
#include "errno.h"

#define VIRT_BASE 0xffffffff80000000ULL
#define DATA 0x1000		/* where segments' data lies in the file */
#define NOTES 0xb00		/* and the notes */

/* An image under construction. */
struct maker {
	uint8_t file[0x3000];
	size_t len, notes_len;
	Elf64_Ehdr header;
	Elf64_Phdr ph[ELF_MAX_LOADS + 4];
	Elf64_Shdr sh[2];
};

static void maker_note(struct maker *m, const char *owner, uint32_t type, const void *desc, uint32_t len)
{
	Elf64_Nhdr h = { (uint32_t)strlen(owner) + 1, len, type };
	uint8_t *p = m->file + NOTES + m->notes_len;

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), owner, h.n_namesz);
	memcpy(p + sizeof(h) + (h.n_namesz + 3) / 4 * 4, desc, len);
	m->notes_len += sizeof(h) + (h.n_namesz + 3) / 4 * 4 + (len + 3) / 4 * 4;
}

static void maker_number(struct maker *m, uint32_t type, uint64_t value)
{
	maker_note(m, "Xen", type, &value, sizeof(value));
}

static void maker_string(struct maker *m, uint32_t type, const char *value)
{
	maker_note(m, "Xen", type, value, (uint32_t)strlen(value) + 1);
}

static void maker_load(struct maker *m, uint64_t paddr, uint64_t filesz, uint64_t memsz, uint64_t offset)
{
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = offset, .p_paddr = paddr, .p_filesz = filesz, .p_memsz = memsz
	};
}

/* Two segments, the higher first: 1 MiB + 0x2000..0x3000 without data, 1 MiB + 0..0x1000 of which 0x800. */
static struct maker *maker_new(void)
{
	struct maker *m = calloc(1, sizeof(*m));

	memcpy(m->header.e_ident, "\177ELF\2\1\1", 7);
	m->header.e_type = ET_EXEC;
	m->header.e_machine = EM_X86_64;
	m->header.e_entry = 0x100000;
	m->header.e_phoff = sizeof(m->header);
	m->header.e_phentsize = sizeof(Elf64_Phdr);
	m->len = sizeof(m->file);
	for (size_t i = DATA; i < sizeof(m->file); i++)
		m->file[i] = (uint8_t)(i * 7 + (i >> 8)) | 1;
	maker_load(m, 0x102000, 0, 0x1000, 0);
	maker_load(m, 0x100000, 0x800, 0x1000, DATA);
	return m;
}

/* The notes of a Linux kernel, in a PT_NOTE segment. */
static struct maker *maker_new_linux(void)
{
	static const uint64_t l1_mfn_valid[2] = { 1, 1 };
	struct maker *m = maker_new();
	uint32_t supported = 1 << XENFEAT_writable_page_tables | 1 << XENFEAT_dom0;

	maker_string(m, XEN_ELFNOTE_GUEST_OS, "linux");
	maker_string(m, XEN_ELFNOTE_GUEST_VERSION, "2.6");
	maker_string(m, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	maker_number(m, XEN_ELFNOTE_VIRT_BASE, VIRT_BASE);
	maker_number(m, XEN_ELFNOTE_INIT_P2M, 0x8000000000ULL);
	maker_number(m, XEN_ELFNOTE_ENTRY, VIRT_BASE + 0x100010);
	maker_note(m, "GNU", 1, "whatever", 8);
	maker_string(m, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
	maker_note(m, "Xen", XEN_ELFNOTE_SUPPORTED_FEATURES, &supported, 4);
	maker_string(m, XEN_ELFNOTE_PAE_MODE, "yes");
	maker_string(m, XEN_ELFNOTE_LOADER, "generic");
	maker_note(m, "Xen", XEN_ELFNOTE_L1_MFN_VALID, l1_mfn_valid, sizeof(l1_mfn_valid));
	maker_note(m, "Xen", XEN_ELFNOTE_MOD_START_PFN, "\1", 1);
	maker_number(m, XEN_ELFNOTE_HV_START_LOW, HYPERVISOR_VIRT_START);
	maker_number(m, XEN_ELFNOTE_PADDR_OFFSET, 0);
	maker_number(m, XEN_ELFNOTE_SUSPEND_CANCEL, 1);
	maker_number(m, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000850);
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = m->notes_len, .p_align = 4
	};
	return m;
}

/* What maker m's image parses to; data points into an exact copy of the file, which `copy` owns. */
struct parsed {
	struct elf_image e;
	const char *reason;
	uint8_t *copy;
	int rc;
};

static struct parsed parse(struct maker *m)
{
	struct parsed p;

	memcpy(m->file, &m->header, sizeof(m->header));
	memcpy(m->file + sizeof(m->header), m->ph, sizeof(m->ph));
	memcpy(m->file + NOTES - sizeof(m->sh), m->sh, sizeof(m->sh));
	p.copy = malloc(m->len ? m->len : 1);
	memcpy(p.copy, m->file, m->len);
	p.rc = elf_parse(p.copy, m->len, &p.e, &p.reason);
	CHECK((p.rc != 0) == (p.reason != NULL));
	free(m);
	return p;
}

static void expect_words(const char *reason, const char *words)
{
	if (!reason || !strstr(reason, words))
		fail_msg("\"%s\" where \"%s\" was expected", reason ? reason : "nothing", words);
}

static void expect_refusal(struct maker *m, int rc, const char *words)
{
	struct parsed p = parse(m);

	CHECK_EQ(p.rc, rc);
	expect_words(p.reason, words);
	free(p.copy);
}

static void expect_pv_refusal(struct maker *m, int rc, const char *words)
{
	struct parsed p = parse(m);

	CHECK_EQ(p.rc, 0);
	CHECK_EQ(elf_check_pv(&p.e, true, &p.reason), rc);
	expect_words(p.reason, words);
	free(p.copy);
}

static void segments_are_sorted_and_bounded(void)
{
	struct parsed p = parse(maker_new_linux());

	CHECK_EQ(p.rc, 0);
	CHECK_EQ(p.e.loads, 2);
	CHECK_EQ(p.e.load[0].paddr, 0x100000);
	CHECK_EQ(p.e.load[1].paddr, 0x102000);
	CHECK_EQ(p.e.pstart, 0x100000);
	CHECK_EQ(p.e.pend, 0x103000);
	CHECK_EQ(p.e.vstart, VIRT_BASE + 0x100000);
	CHECK_EQ(p.e.vend, VIRT_BASE + 0x103000);
	free(p.copy);
}

static void linux_notes_are_understood(void)
{
	struct parsed p = parse(maker_new_linux());
	const struct elf_notes *n = &p.e.notes;

	CHECK_EQ(p.rc, 0);
	CHECK_EQ(n->present, 0x7f7fa);
	CHECK(!elf_has_note(&p.e, XEN_ELFNOTE_HYPERCALL_PAGE));
	CHECK(elf_has_note(&p.e, XEN_ELFNOTE_PADDR_OFFSET));
	CHECK_EQ(n->entry, VIRT_BASE + 0x100010);
	CHECK_EQ(n->virt_base, VIRT_BASE);
	CHECK_EQ(n->init_p2m, 0x8000000000ULL);
	CHECK_EQ(n->mod_start_pfn, 1);
	CHECK_EQ(n->hv_start_low, HYPERVISOR_VIRT_START);
	CHECK_EQ(n->suspend_cancel, 1);
	CHECK_EQ(n->phys32_entry, 0x1000850);
	CHECK_EQ(n->l1_mfn_mask, 1);
	CHECK_EQ(n->l1_mfn_value, 1);
	CHECK_EQ(n->required, 1 << XENFEAT_writable_page_tables);
	CHECK_EQ(n->supported, 1 << XENFEAT_writable_page_tables | 1 << XENFEAT_pae_pgdir_above_4gb |
		 1 << XENFEAT_dom0);
	CHECK(!n->required_unknown);
	CHECK_STR(n->guest_os, "linux");
	CHECK_STR(n->loader, "generic");
	CHECK_STR(n->xen_version, "xen-3.0");
	CHECK_EQ(elf_check_pv(&p.e, true, &p.reason), 0);
	free(p.copy);
}

static void notes_are_found_in_sections_too(void)
{
	struct maker *m = maker_new();
	struct parsed p;

	maker_number(m, XEN_ELFNOTE_VIRT_BASE, 0x12345000);
	m->header.e_shnum = 2;
	m->header.e_shentsize = sizeof(Elf64_Shdr);
	m->header.e_shoff = NOTES - sizeof(m->sh);
	m->sh[1] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = NOTES, .sh_size = m->notes_len };
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(p.e.notes.virt_base, 0x12345000);
	free(p.copy);
}

static void notes_aligned_to_eight_bytes_are_understood(void)
{
	struct maker *m = maker_new();
	uint64_t value = 0x7000;
	struct parsed p;

	/* 12 + 4 bytes up to the descriptor, 4 of it, then 4 of padding */
	maker_note(m, "Xen", XEN_ELFNOTE_SUSPEND_CANCEL, "\5\0\0\0\0\0\0\0", 4);
	m->notes_len += 4;
	maker_note(m, "Xen", XEN_ELFNOTE_VIRT_BASE, &value, 8);
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = m->notes_len, .p_align = 8
	};
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(p.e.notes.suspend_cancel, 5);
	CHECK_EQ(p.e.notes.virt_base, 0x7000);
	free(p.copy);
}

static void strings_are_cut_and_made_printable(void)
{
	struct maker *m = maker_new_linux();
	struct parsed p;

	maker_string(m, XEN_ELFNOTE_GUEST_OS, "a\033[31mvery long name indeed, longer than there is room");
	maker_note(m, "Xen", XEN_ELFNOTE_GUEST_VERSION, "4.2 without an end", 3);
	m->ph[2].p_filesz = m->notes_len;
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_STR(p.e.notes.guest_os, "a?[31mvery long name indeed, lo");
	CHECK_STR(p.e.notes.guest_version, "4.2");
	free(p.copy);
}

static void features_are_parsed_whatever_their_form(void)
{
	struct maker *m = maker_new_linux();
	struct parsed p;

	maker_string(m, XEN_ELFNOTE_FEATURES, "||!|dom0x|dom|!dom0|hvm_pirqs||");
	m->ph[2].p_filesz = m->notes_len;
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(p.e.notes.required, 1 << XENFEAT_writable_page_tables | 1 << XENFEAT_dom0);
	CHECK(p.e.notes.supported & 1 << XENFEAT_hvm_pirqs);
	CHECK(!p.e.notes.required_unknown);	/* unknown ones were only offered */
	free(p.copy);
}

/* Any piece of an image is what the same bytes of the whole would be. */
static void loading_copies_data_and_zeroes_the_rest(void)
{
	struct parsed p = parse(maker_new_linux());
	uint8_t *whole = malloc(0x3000), piece[0x300];

	memset(whole, 0xee, 0x3000);
	elf_load(&p.e, 0, whole, 0x3000);
	CHECK_MEM(whole, p.copy + DATA, 0x800);
	for (size_t i = 0x800; i < 0x3000; i++)
		CHECK_EQ(whole[i], 0);
	for (uint64_t at = 0; at + sizeof(piece) <= 0x3000; at += 0xff) {
		memset(piece, 0xee, sizeof(piece));
		elf_load(&p.e, at, piece, sizeof(piece));
		CHECK_MEM(piece, whole + at, sizeof(piece));
	}
	elf_load(&p.e, 0x2fff, piece, 2);	/* beyond the end there are zeroes */
	CHECK_EQ(piece[1], 0);
	free(whole);
	free(p.copy);
}

static void paddr_offset_is_taken_off(void)
{
	struct maker *m = maker_new();
	struct parsed p;

	maker_number(m, XEN_ELFNOTE_PADDR_OFFSET, 0x100000);
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = m->notes_len
	};
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(p.e.pstart, 0);
	CHECK_EQ(p.e.pend, 0x3000);
	free(p.copy);

	m = maker_new();
	maker_number(m, XEN_ELFNOTE_PADDR_OFFSET, 0x100001);
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = m->notes_len
	};
	expect_refusal(m, -EINVAL, "impossible address");
}

static void other_files_are_refused(void)
{
	struct maker *m = maker_new();

	m->len = 63;
	expect_refusal(m, -EINVAL, "not an ELF image");
	m = maker_new();
	m->header.e_ident[0] = 0;
	expect_refusal(m, -EINVAL, "not an ELF image");
	m = maker_new();
	m->header.e_ident[EI_CLASS] = ELFCLASS32;
	expect_refusal(m, -EOPNOTSUPP, "not for x86-64");
	m = maker_new();
	m->header.e_machine = EM_AARCH64;
	expect_refusal(m, -EOPNOTSUPP, "not for x86-64");
	m = maker_new();
	m->header.e_type = ET_REL;
	expect_refusal(m, -EOPNOTSUPP, "not an executable");
}

static void impossible_program_headers_are_refused(void)
{
	struct maker *m = maker_new();

	m->header.e_phnum = 0;
	expect_refusal(m, -EINVAL, "without program headers");
	m = maker_new();
	m->header.e_phentsize = 32;
	expect_refusal(m, -EINVAL, "without program headers");
	m = maker_new();
	m->header.e_phnum = 0xffff;
	expect_refusal(m, -EINVAL, "too many program headers");
	m = maker_new();
	m->header.e_phoff = ~0ULL - 10;
	expect_refusal(m, -EINVAL, "headers beyond the end");
	m = maker_new();
	m->header.e_phoff = sizeof(m->file) - 2 * sizeof(Elf64_Phdr) + 1;
	expect_refusal(m, -EINVAL, "headers beyond the end");
	m = maker_new();
	m->ph[0].p_type = m->ph[1].p_type = PT_NULL;
	expect_refusal(m, -EINVAL, "nothing to load");
	m = maker_new();
	for (unsigned int i = 0; i < ELF_MAX_LOADS - 1; i++)
		maker_load(m, 0x200000 + i * 0x1000, 0, 0x1000, 0);
	expect_refusal(m, -EINVAL, "too many segments");
}

static void impossible_segments_are_refused(void)
{
	struct maker *m = maker_new();

	m->ph[1].p_filesz = 0x1001;
	expect_refusal(m, -EINVAL, "larger in the file");
	m = maker_new();
	m->ph[1].p_offset = sizeof(m->file) - 0x7ff;
	expect_refusal(m, -EINVAL, "segment beyond the end");
	m = maker_new();
	m->ph[1].p_offset = ~0ULL - 0x100;
	expect_refusal(m, -EINVAL, "segment beyond the end");
	m = maker_new();
	m->ph[0].p_memsz = ~0ULL;
	expect_refusal(m, -EINVAL, "impossible address");
	m = maker_new();
	m->ph[0].p_paddr = ~0ULL - 0xfff;
	expect_refusal(m, -EINVAL, "impossible address");
	m = maker_new();
	m->ph[0].p_paddr = ELF_PADDR_MAX - 0xfff;
	expect_refusal(m, -EINVAL, "impossible address");
}

static void overlapping_segments_are_refused(void)
{
	struct maker *m = maker_new();

	m->ph[0].p_paddr = 0x100fff;
	expect_refusal(m, -EINVAL, "overlap");
	m = maker_new();
	m->ph[0].p_paddr = 0xff001;
	expect_refusal(m, -EINVAL, "overlap");
	m = maker_new();
	m->ph[0].p_paddr = 0x100000;
	expect_refusal(m, -EINVAL, "overlap");
	m = maker_new();
	maker_load(m, 0x100800, 0, 0x10, 0);
	expect_refusal(m, -EINVAL, "overlap");
}

static void impossible_notes_are_refused(void)
{
	struct maker *m = maker_new_linux();

	m->ph[2].p_filesz -= 1;
	expect_refusal(m, -EINVAL, "beyond the end of its segment");
	m = maker_new_linux();
	m->ph[2].p_offset = sizeof(m->file);
	expect_refusal(m, -EINVAL, "notes beyond the end");
	m = maker_new_linux();
	memset(m->file + NOTES, 0xff, 8);		/* name and descriptor of 4 GiB each */
	expect_refusal(m, -EINVAL, "beyond the end of its segment");
	m = maker_new_linux();
	maker_note(m, "Xen", XEN_ELFNOTE_ENTRY, "123", 3);
	m->ph[2].p_filesz = m->notes_len;
	expect_refusal(m, -EINVAL, "impossible size");
	m = maker_new_linux();
	maker_note(m, "Xen", XEN_ELFNOTE_L1_MFN_VALID, "1234567", 8);
	m->ph[2].p_filesz = m->notes_len;
	expect_refusal(m, -EINVAL, "impossible size");
}

/* All headers pointing to one large range must not make parsing slow. */
static void notes_have_a_limit_together(void)
{
	size_t len = 600 << 10;
	uint8_t *file = calloc(1, len);
	struct maker *m = maker_new();
	const char *reason;
	struct elf_image e;

	for (unsigned int i = 2; i < 4; i++)
		m->ph[i] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 4096, .p_filesz = len - 4096 };
	m->header.e_phnum = 4;
	memcpy(file, &m->header, sizeof(m->header));
	memcpy(file + sizeof(m->header), m->ph, sizeof(m->ph));
	CHECK_EQ(elf_parse(file, len, &e, &reason), -EINVAL);
	expect_words(reason, "more than 1 MiB");
	free(file);
	free(m);
}

static void kernels_not_made_for_pv_are_refused(void)
{
	struct maker *m;

	expect_pv_refusal(maker_new(), -EINVAL, "no Xen ELF notes");
	m = maker_new_linux();
	maker_string(m, XEN_ELFNOTE_XEN_VERSION, "xen-4.0");
	m->ph[2].p_filesz = m->notes_len;
	expect_pv_refusal(m, -EOPNOTSUPP, "xen-3.0");
	m = maker_new_linux();
	maker_string(m, XEN_ELFNOTE_LOADER, "special");
	m->ph[2].p_filesz = m->notes_len;
	expect_pv_refusal(m, -EOPNOTSUPP, "loader");
	m = maker_new_linux();
	maker_string(m, XEN_ELFNOTE_FEATURES, "!supervisor_mode_kernel");
	m->ph[2].p_filesz = m->notes_len;
	expect_pv_refusal(m, -EOPNOTSUPP, "PV domains don't have");
	m = maker_new_linux();
	maker_string(m, XEN_ELFNOTE_FEATURES, "!telepathy");
	m->ph[2].p_filesz = m->notes_len;
	expect_pv_refusal(m, -EOPNOTSUPP, "not known");
}

static void kernels_that_cannot_be_domain_0_are_refused_as_such(void)
{
	struct maker *m = maker_new();
	struct parsed p;

	maker_number(m, XEN_ELFNOTE_SUPPORTED_FEATURES, 1);
	m->ph[m->header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = m->notes_len
	};
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(elf_check_pv(&p.e, false, &p.reason), 0);
	CHECK_EQ(elf_check_pv(&p.e, true, &p.reason), -EOPNOTSUPP);
	expect_words(p.reason, "domain 0");
	free(p.copy);
}

static void addresses_that_a_guest_cannot_have_are_refused(void)
{
	static const struct { uint32_t type; uint64_t value; const char *words; } rows[] = {
		{ XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000ULL, "virtual addresses" },	/* ours */
		{ XEN_ELFNOTE_VIRT_BASE, 0xffff87ffffe00000ULL, "virtual addresses" },
		{ XEN_ELFNOTE_VIRT_BASE, 0x00007fffffffe000ULL, "virtual addresses" },	/* across the hole */
		{ XEN_ELFNOTE_VIRT_BASE, 0x1234000000000000ULL, "virtual addresses" },
		{ XEN_ELFNOTE_VIRT_BASE, 0xfffffffffff00000ULL, "virtual addresses" },	/* wraps */
		{ XEN_ELFNOTE_VIRT_BASE, VIRT_BASE + 1, "virtual addresses" },
		{ XEN_ELFNOTE_ENTRY, VIRT_BASE + 0xfffff, "entry point" },
		{ XEN_ELFNOTE_ENTRY, VIRT_BASE + 0x103000, "entry point" },
		{ XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + 0x103000, "hypercall page" },
		{ XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + 0xff000, "hypercall page" },
		{ XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + 0x100010, "hypercall page" },
		{ XEN_ELFNOTE_INIT_P2M, 0xffff800000000000ULL, "p2m" },
		{ XEN_ELFNOTE_INIT_P2M, 0x8000000000000000ULL, "p2m" },
		{ XEN_ELFNOTE_INIT_P2M, 0x8000000001ULL, "p2m" },
		{ XEN_ELFNOTE_HV_START_LOW, HYPERVISOR_VIRT_START + 1, "hypervisor's own" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maker *m = maker_new_linux();

		maker_number(m, rows[i].type, rows[i].value);
		m->ph[2].p_filesz = m->notes_len;
		expect_pv_refusal(m, -EINVAL, rows[i].words);
	}
}

static void a_hypercall_page_in_the_image_is_fine(void)
{
	struct maker *m = maker_new_linux();
	struct parsed p;

	maker_number(m, XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + 0x102000);
	m->ph[2].p_filesz = m->notes_len;
	p = parse(m);
	CHECK_EQ(p.rc, 0);
	CHECK_EQ(elf_check_pv(&p.e, true, &p.reason), 0);
	CHECK_EQ(p.e.notes.hypercall_page, VIRT_BASE + 0x102000);
	free(p.copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segments_are_sorted_and_bounded),
		TEST(linux_notes_are_understood),
		TEST(notes_are_found_in_sections_too),
		TEST(notes_aligned_to_eight_bytes_are_understood),
		TEST(strings_are_cut_and_made_printable),
		TEST(features_are_parsed_whatever_their_form),
		TEST(loading_copies_data_and_zeroes_the_rest),
		TEST(paddr_offset_is_taken_off),
		TEST(other_files_are_refused),
		TEST(impossible_program_headers_are_refused),
		TEST(impossible_segments_are_refused),
		TEST(overlapping_segments_are_refused),
		TEST(impossible_notes_are_refused),
		TEST(notes_have_a_limit_together),
		TEST(kernels_not_made_for_pv_are_refused),
		TEST(kernels_that_cannot_be_domain_0_are_refused_as_such),
		TEST(addresses_that_a_guest_cannot_have_are_refused),
		TEST(a_hypercall_page_in_the_image_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
