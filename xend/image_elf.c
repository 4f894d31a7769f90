/*
 * From an ELF64 file that arrives piece by piece to a flat image: the headers come first and
 * say which ranges of the file are wanted; each piece then goes where it belongs, and when the
 * last wanted byte has gone by, the rest is not even unpacked.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/elfnote.h>

#include "xend/image_parse.h"

#define ELF_HEAD_MAX 16384		/* the ELF header and the program headers lie in here */
#define ELF_RANGES_MAX 64
#define ELF_NOTES_MAX 65536		/* bytes in one run of notes */
#define ELF_FILE_MAX (1UL << 30)	/* no wanted byte lies beyond this */
#define PAGE 4096UL

/* A wanted range of the file: goes to the flat image, or to memory if `buf` is there. */
struct elf_range {
	uint64_t offset, len;		/* in the file */
	uint64_t to;			/* offset in the output file */
	uint8_t *buf;			/* owned; len bytes */
};

struct elf_load {
	uint8_t head[ELF_HEAD_MAX];
	size_t head_len;
	uint64_t pos;			/* bytes seen */
	uint64_t end;			/* no range goes beyond; known once `planned` */
	bool planned;
	struct elf_range range[ELF_RANGES_MAX];
	unsigned int ranges;
	uint64_t paddr, paddr_end;	/* loaded bytes, before PADDR_OFFSET is taken off */
	unsigned int notes_found;
	struct image_notes notes;
	int fd;
	struct fault *f;
};

static int elf_bad(struct elf_load *e, const char *why)
{
	return fault_set(e->f, ENOEXEC, "the kernel's ELF file is damaged: %s", why);
}

static int elf_check(struct elf_load *e, Elf64_Ehdr *eh)
{
	if (e->head_len < SELFMAG || memcmp(e->head, ELFMAG, SELFMAG)) {
		fault_set(e->f, ENOEXEC, "not a kernel that a PV guest can run: neither a "
			  "bzImage nor an ELF file");
		fault_hint(e->f, "Give a Linux vmlinuz or vmlinux file as the kernel.");
		return -ENOEXEC;
	}
	if (e->head_len < sizeof(*eh))
		return elf_bad(e, "it ends within its header");
	memcpy(eh, e->head, sizeof(*eh));
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64)
		return fault_set(e->f, ENOEXEC, "the kernel is not for x86-64 (ELF machine %u, %s)",
				 eh->e_machine, eh->e_ident[EI_CLASS] == ELFCLASS32 ? "32-bit"
				 : "not 32-bit");
	if (eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_type != ET_EXEC)
		return fault_set(e->f, ENOEXEC, "the kernel's ELF file is no executable (type %u)",
				 eh->e_type);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum)
		return elf_bad(e, "no program headers");
	if (eh->e_phoff > e->head_len ||
	    eh->e_phnum * sizeof(Elf64_Phdr) > e->head_len - eh->e_phoff)
		return elf_bad(e, "the program headers are too far from its start");
	return 0;
}

/* Want `len` bytes from `offset`: in memory, or at `to` in the output. */
static int elf_want(struct elf_load *e, uint64_t offset, uint64_t len, uint64_t to, bool memory)
{
	struct elf_range *r = &e->range[e->ranges];

	if (offset > ELF_FILE_MAX || len > ELF_FILE_MAX)
		return elf_bad(e, "a part lies beyond 1 GiB");
	if (e->ranges == ELF_RANGES_MAX)
		return elf_bad(e, "too many segments");
	if (memory) {
		if (len > ELF_NOTES_MAX)
			return elf_bad(e, "more than 64 KiB of notes or section headers");
		r->buf = calloc(1, len + 1);
		if (!r->buf)
			return fault_set(e->f, ENOMEM, "not enough memory to read the kernel");
	}
	r->offset = offset;
	r->len = len;
	r->to = to;
	e->ranges++;
	if (offset + len > e->end)
		e->end = offset + len;
	return 0;
}

static bool elf_overlap(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return a->p_paddr < b->p_paddr + b->p_memsz && b->p_paddr < a->p_paddr + a->p_memsz;
}

/* One loadable segment: grows the range of addresses, and must not lie on an earlier one. */
static int elf_plan_load(struct elf_load *e, const Elf64_Phdr *ph, const Elf64_Phdr *all)
{
	if (ph->p_filesz > ph->p_memsz)
		return elf_bad(e, "a segment is larger in the file than in memory");
	if (ph->p_memsz > UINT64_MAX - PAGE - ph->p_paddr)
		return elf_bad(e, "a segment wraps around");
	for (const Elf64_Phdr *o = all; o < ph; o++)
		if (o->p_type == PT_LOAD && o->p_memsz && elf_overlap(o, ph))
			return elf_bad(e, "two segments overlap");
	if (ph->p_paddr < e->paddr)
		e->paddr = ph->p_paddr;
	if (ph->p_paddr + ph->p_memsz > e->paddr_end)
		e->paddr_end = ph->p_paddr + ph->p_memsz;
	return 0;
}

/* First pass over the program headers: where the image begins and ends. */
static int elf_plan_extent(struct elf_load *e, const Elf64_Phdr *ph, unsigned int n)
{
	int rc = 0;

	e->paddr = UINT64_MAX;
	for (unsigned int i = 0; i < n && !rc; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_memsz)
			rc = elf_plan_load(e, &ph[i], ph);
	if (rc)
		return rc;
	if (e->paddr == UINT64_MAX)
		return elf_bad(e, "nothing in it is to be loaded");
	e->paddr &= ~(PAGE - 1);
	e->paddr_end = (e->paddr_end + PAGE - 1) & ~(PAGE - 1);
	if (e->paddr_end - e->paddr > IMAGE_FLAT_MAX)
		return fault_set(e->f, EFBIG, "the kernel wants %lu MiB loaded; at most %lu are "
				 "supported", (e->paddr_end - e->paddr) >> 20, IMAGE_FLAT_MAX >> 20);
	return 0;
}

/* Second pass: which bytes go where. */
static int elf_plan_ranges(struct elf_load *e, const Elf64_Phdr *ph, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; i < n && !rc; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_memsz && ph[i].p_filesz)
			rc = elf_want(e, ph[i].p_offset, ph[i].p_filesz,
				      IMAGE_FLAT_OFFSET + ph[i].p_paddr - e->paddr, false);
		else if (ph[i].p_type == PT_NOTE && ph[i].p_filesz)
			rc = elf_want(e, ph[i].p_offset, ph[i].p_filesz, 0, true);
	}
	return rc;
}

/* The headers are here (or the file has ended): decide what is wanted. */
static int elf_plan(struct elf_load *e)
{
	Elf64_Phdr *ph;
	Elf64_Ehdr eh;
	int rc = elf_check(e, &eh);

	if (rc)
		return rc;
	ph = malloc(eh.e_phnum * sizeof(*ph));
	if (!ph)
		return fault_set(e->f, ENOMEM, "not enough memory to read the kernel");
	memcpy(ph, e->head + eh.e_phoff, eh.e_phnum * sizeof(*ph));
	rc = elf_plan_extent(e, ph, eh.e_phnum);
	if (!rc)
		rc = elf_plan_ranges(e, ph, eh.e_phnum);
	free(ph);
	if (rc)
		return rc;
	e->planned = true;
	if (ftruncate(e->fd, (off_t)(IMAGE_FLAT_OFFSET + e->paddr_end - e->paddr)) < 0)
		return fault_errno(e->f, errno, "no room for the unpacked kernel");
	return 0;
}

static int elf_write(struct elf_load *e, const uint8_t *data, size_t len, uint64_t to)
{
	while (len) {
		ssize_t n = pwrite(e->fd, data, len, (off_t)to);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fault_errno(e->f, n ? errno : ENOSPC,
					   "no room for the unpacked kernel");
		data += n;
		to += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Length of the next stretch of the output that is all zero, or all not, page by page. */
static size_t elf_stretch(const uint8_t *data, size_t len, uint64_t to, bool *zero)
{
	static const uint8_t zeros[PAGE];
	size_t done = 0;

	while (done < len) {
		size_t n = PAGE - (to + done) % PAGE;
		bool z;

		if (n > len - done)
			n = len - done;
		z = !memcmp(data + done, zeros, n);
		if (done && z != *zero)
			break;
		*zero = z;
		done += n;
	}
	return done;
}

/* The file was sized, so what is never written reads as zeros: holes stay holes. */
static int elf_put_file(struct elf_load *e, const uint8_t *data, size_t len, uint64_t to)
{
	int rc = 0;

	while (len && !rc) {
		bool zero = false;
		size_t n = elf_stretch(data, len, to, &zero);

		if (!zero)
			rc = elf_write(e, data, n, to);
		data += n;
		to += n;
		len -= n;
	}
	return rc;
}

/* `data` stands at e->pos in the ELF file: give each range its share. */
static int elf_distribute(struct elf_load *e, const uint8_t *data, size_t len)
{
	int rc = 0;

	for (unsigned int i = 0; i < e->ranges && !rc; i++) {
		const struct elf_range *r = &e->range[i];
		uint64_t from = r->offset > e->pos ? r->offset : e->pos;
		uint64_t to = r->offset + r->len, end = e->pos + len;

		if (to > end)
			to = end;
		if (from >= to)
			continue;
		if (r->buf)
			memcpy(r->buf + (from - r->offset), data + (from - e->pos), to - from);
		else
			rc = elf_put_file(e, data + (from - e->pos), to - from,
					  r->to + (from - r->offset));
	}
	return rc;
}

/* Sink: collect the headers, then plan, then distribute. */
static int elf_put(void *ctx, const uint8_t *data, size_t len)
{
	struct elf_load *e = ctx;
	int rc = 0;

	if (!e->planned) {
		size_t n = ELF_HEAD_MAX - e->head_len;

		if (n > len)
			n = len;
		memcpy(e->head + e->head_len, data, n);
		e->head_len += n;
		data += n;
		len -= n;
		if (e->head_len < ELF_HEAD_MAX)
			return 0;
		rc = elf_plan(e);
		if (!rc)
			rc = elf_distribute(e, e->head, e->head_len);
		e->pos = e->head_len;
	}
	if (!rc)
		rc = elf_distribute(e, data, len);
	e->pos += len;
	if (rc)
		return rc;
	return e->pos >= e->end;
}

/* The stream has ended, or we had enough. */
static int elf_finish(struct elf_load *e)
{
	int rc;

	if (!e->planned) {			/* a file shorter than ELF_HEAD_MAX */
		rc = elf_plan(e);
		if (!rc)
			rc = elf_distribute(e, e->head, e->head_len);
		e->pos = e->head_len;
		if (rc)
			return rc;
	}
	if (e->pos < e->end)
		return fault_set(e->f, ENOEXEC, "the kernel's ELF file is cut off: %lu bytes are "
				 "there, %lu should be", e->pos,
				 e->end);
	return 0;
}

static int elf_notes(struct elf_load *e)
{
	int n;

	for (unsigned int i = 0; i < e->ranges; i++) {
		if (!e->range[i].buf)
			continue;
		n = notes_parse(e->range[i].buf, e->range[i].len, &e->notes, e->f);
		if (n < 0)
			return n;
		e->notes_found += (unsigned int)n;
	}
	return 0;
}

static void elf_ranges_drop(struct elf_load *e)
{
	for (unsigned int i = 0; i < e->ranges; i++)
		free(e->range[i].buf);
	e->ranges = 0;
	e->end = 0;
	e->pos = 0;
}

/* Run the file through once more, this time for the ranges that are wanted now. */
static int elf_again(struct elf_load *e, const uint8_t *file, size_t size)
{
	struct unpack_sink sink = { elf_put, e };
	int rc = unpack(file, size, &sink, e->f);

	return rc < 0 ? rc : elf_finish(e);
}

/* Kernels without a PT_NOTE segment may have their notes in sections alone: one more pass for
 * the section headers, and one for the notes. */
static int elf_section_notes(struct elf_load *e, const uint8_t *file, size_t size)
{
	Elf64_Shdr *sh = NULL;
	Elf64_Ehdr eh;
	int rc;

	memcpy(&eh, e->head, sizeof(eh));	/* elf_check() has seen it */
	if (!eh.e_shnum || eh.e_shentsize != sizeof(*sh))
		return 0;
	elf_ranges_drop(e);
	rc = elf_want(e, eh.e_shoff, eh.e_shnum * sizeof(*sh), 0, true);
	if (!rc)
		rc = elf_again(e, file, size);
	if (rc)
		return rc;
	sh = (Elf64_Shdr *)(void *)e->range[0].buf;	/* from calloc(): aligned */
	e->range[0].buf = NULL;
	elf_ranges_drop(e);
	for (unsigned int i = 0; i < eh.e_shnum && !rc; i++)
		if (sh[i].sh_type == SHT_NOTE && sh[i].sh_size)
			rc = elf_want(e, sh[i].sh_offset, sh[i].sh_size, 0, true);
	free(sh);
	if (!rc && e->ranges)
		rc = elf_again(e, file, size);
	return rc ? rc : elf_notes(e);
}

/* A kernel that names no PV entry point starts where its ELF header says, unless it is one for PVH alone. */
static void elf_entry(struct elf_load *e)
{
	Elf64_Ehdr eh;

	if (!e->notes.has || IMAGE_HAS(&e->notes, XEN_ELFNOTE_ENTRY) ||
	    IMAGE_HAS(&e->notes, XEN_ELFNOTE_PHYS32_ENTRY))
		return;
	memcpy(&eh, e->head, sizeof(eh));	/* elf_check() has seen it */
	e->notes.entry = eh.e_entry;
	e->notes.has |= 1ULL << XEN_ELFNOTE_ENTRY;
}

/* Header last: a result without it is none. */
static int elf_result(struct elf_load *e)
{
	struct image_header hdr = { .magic = IMAGE_MAGIC, .size = e->paddr_end - e->paddr };
	uint64_t shift = e->notes.paddr_offset;

	if (shift % PAGE || shift > e->paddr)
		return fault_set(e->f, ENOEXEC, "the kernel's note PADDR_OFFSET (%#lx) does not "
				 "fit its addresses", shift);
	hdr.start = e->paddr - shift;
	hdr.notes = e->notes;
	return elf_write(e, (const uint8_t *)&hdr, sizeof(hdr), 0);
}

int image_parse(const uint8_t *file, size_t size, int fd, struct fault *f)
{
	struct elf_load *e = calloc(1, sizeof(*e));
	int rc;

	_Static_assert(sizeof(struct image_header) <= IMAGE_FLAT_OFFSET, "the header is a page");
	if (!e)
		return fault_set(f, ENOMEM, "not enough memory to read the kernel");
	e->fd = fd;
	e->f = f;
	rc = bzimage_payload(&file, &size, f);
	if (!rc)
		rc = elf_again(e, file, size);
	if (!rc)
		rc = elf_notes(e);
	if (!rc && !e->notes_found)
		rc = elf_section_notes(e, file, size);
	if (!rc) {
		elf_entry(e);
		rc = notes_check(&e->notes, f);
	}
	if (!rc)
		rc = elf_result(e);
	elf_ranges_drop(e);
	free(e);
	return rc;
}
