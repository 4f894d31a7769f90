/*
 * Xen's dump-core file: an ELF core with sections instead of segments, described in Xen's
 * docs/misc/dump-core-format.txt.  Pages are written first, and the sections that count them
 * after, so that a page which cannot be read is left out instead of made up.
 */
#include "xend/dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xend/domctl.h"
#include "xend/dump_p2m.h"
#include "xend/sysctl.h"

#include <xen/elfnote.h>

#define PAGE 4096UL
#define DUMP_BATCH 512			/* frames mapped at once */
#define DUMP_MAGIC_PV 0xf00febedUL	/* XC_CORE_MAGIC */
#define DUMP_FORMAT 1UL			/* version 0.1: major in the upper half */

/* Descriptors of .note.Xen. */
struct dump_header {
	uint64_t magic, vcpus, pages, page_size;
};

struct dump_version {
	uint64_t major, minor;
	xen_extraversion_t extra;
	struct xen_compile_info compile;
	xen_capabilities_info_t capabilities;
	xen_changeset_info_t changeset;
	struct xen_platform_parameters platform;
	uint64_t page_size;
};

struct dump_frame {			/* an element of .xen_p2m */
	uint64_t pfn, mfn;
};

/* The sections, in their order in the table; SECTION_NULL is ELF's own. */
enum section { SECTION_NULL, SECTION_NOTE, SECTION_VCPUS, SECTION_SHARED, SECTION_P2M,
	       SECTION_PAGES, SECTION_NAMES, SECTIONS };

static const char section_names[] =
	"\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_p2m\0.xen_pages\0.shstrtab";

struct dump {
	struct hyp *h;
	struct fault *f;
	uint16_t domid;
	int fd;
	uint64_t pos;			/* where the next section goes */
	struct xen_domctl_getdomaininfo info;
	struct shared_info *shared;	/* owned copy of the page */
	struct dump_p2m p2m;
	struct dump_frame *frames;	/* owned; those that were written */
	uint64_t nr_frames;
	Elf64_Shdr section[SECTIONS];
};

static int dump_write(struct dump *d, const void *data, size_t len, uint64_t at)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = pwrite(d->fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fault_errno(d->f, n ? errno : ENOSPC, "cannot write the core file");
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static void section_add(struct dump *d, enum section s, uint32_t type, uint64_t len,
			uint64_t entry)
{
	const char *name = section_names;

	for (int i = 0; i < (int)s; i++)
		name += strlen(name) + 1;
	d->section[s] = (Elf64_Shdr){ .sh_name = (Elf64_Word)(name - section_names),
				      .sh_type = type, .sh_offset = d->pos, .sh_size = len,
				      .sh_entsize = entry, .sh_addralign = 8 };
	d->pos += (len + 7) & ~7UL;
}

/* A section whose contents are at hand. */
static int section_write(struct dump *d, enum section s, uint32_t type, const void *data,
			 uint64_t len, uint64_t entry)
{
	int rc = dump_write(d, data, len, d->pos);

	section_add(d, s, type, len, entry);
	return rc;
}

/* ------------------------------------------------------------------- parts */

static int dump_ask(struct dump *d)
{
	xen_pfn_t frame;
	void *page;
	int rc = domctl_info(d->h, d->domid, &d->info);

	if (rc)
		return fault_errno(d->f, -rc, "cannot ask about domain %u", d->domid);
	if (d->info.flags & XEN_DOMINF_hvm_guest)
		return fault_set(d->f, EOPNOTSUPP, "domain %u is no PV guest; only those can be "
				 "dumped", d->domid);
	d->shared = malloc(PAGE);
	if (!d->shared)
		return fault_set(d->f, ENOMEM, "not enough memory in domain 0");
	frame = d->info.shared_info_frame;
	rc = hyp_map(d->h, d->domid, PROT_READ, 1, &frame, NULL, &page);
	if (rc)
		return fault_errno(d->f, -rc, "cannot map the guest's shared information");
	memcpy(d->shared, page, PAGE);
	hyp_unmap(d->h, page, 1);
	return dump_p2m_read(d->h, d->domid, d->shared, d->info.max_pages, &d->p2m, d->f);
}

static unsigned int dump_nr_vcpus(const struct dump *d)
{
	unsigned int n = d->info.max_vcpu_id + 1;	/* none at all is ~0 */

	return n > 8192 ? 0 : n;
}

/* All vcpus, so that the index is the vcpu; one that never ran is all zeros. */
static int dump_vcpus(struct dump *d)
{
	unsigned int n = dump_nr_vcpus(d);
	vcpu_guest_context_t *ctx = calloc(n + 1, sizeof(*ctx));
	int rc = 0;

	if (!ctx)
		return fault_set(d->f, ENOMEM, "not enough memory in domain 0");
	for (unsigned int v = 0; v < n && !rc; v++) {
		rc = domctl_vcpu_context_get(d->h, d->domid, v, &ctx[v]);
		if (rc == -ENODATA || rc == -EINVAL)
			rc = 0;			/* not initialised */
		else if (rc)
			fault_errno(d->f, -rc, "cannot read the registers of vcpu %u", v);
	}
	if (!rc)
		rc = section_write(d, SECTION_VCPUS, SHT_PROGBITS, ctx, n * sizeof(*ctx),
				   sizeof(*ctx));
	free(ctx);
	return rc;
}

/* Write a mapped page behind those before; what is all zeros is left a hole. */
static int dump_page(struct dump *d, const uint8_t *page, struct dump_frame frame)
{
	static const uint8_t zeros[PAGE];
	uint64_t at = d->pos + d->nr_frames * PAGE;

	d->frames[d->nr_frames++] = frame;
	return memcmp(page, zeros, PAGE) ? dump_write(d, page, PAGE, at) : 0;
}

static int dump_batch(struct dump *d, const struct dump_frame *frames, size_t n)
{
	xen_pfn_t mfn[DUMP_BATCH];
	int err[DUMP_BATCH] = { 0 }, rc;
	void *p;

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		mfn[i] = frames[i].mfn;
	rc = hyp_map(d->h, d->domid, PROT_READ, n, mfn, err, &p);
	if (rc)
		return fault_errno(d->f, -rc, "cannot map the guest's memory");
	for (size_t i = 0; i < n && !rc; i++)
		if (!err[i])
			rc = dump_page(d, (uint8_t *)p + i * PAGE, frames[i]);
	hyp_unmap(d->h, p, n);
	return rc;
}

static int dump_pages(struct dump *d)
{
	struct dump_frame batch[DUMP_BATCH];
	size_t n = 0;
	int rc = 0;

	d->frames = malloc((d->p2m.count + 1) * sizeof(*d->frames));
	if (!d->frames)
		return fault_set(d->f, ENOMEM, "not enough memory in domain 0");
	d->pos = (d->pos + PAGE - 1) & ~(PAGE - 1);
	for (uint64_t pfn = 0; pfn < d->p2m.count && !rc; pfn++) {
		if (d->p2m.mfn[pfn] == DUMP_NO_MFN)
			continue;
		batch[n++] = (struct dump_frame){ pfn, d->p2m.mfn[pfn] };
		if (n == DUMP_BATCH) {
			rc = dump_batch(d, batch, n);
			n = 0;
		}
	}
	if (!rc)
		rc = dump_batch(d, batch, n);
	if (rc)
		return rc;
	section_add(d, SECTION_PAGES, SHT_PROGBITS, d->nr_frames * PAGE, PAGE);
	d->section[SECTION_PAGES].sh_addralign = PAGE;
	return section_write(d, SECTION_P2M, SHT_PROGBITS, d->frames,
			     d->nr_frames * sizeof(*d->frames), sizeof(*d->frames));
}

/* ------------------------------------------------------------------- notes */

struct dump_notes {
	uint8_t data[4096];
	size_t len;
};

static void note_add(struct dump_notes *n, uint32_t type, const void *desc, size_t len)
{
	Elf64_Nhdr head = { .n_namesz = 4, .n_descsz = (Elf64_Word)len, .n_type = type };
	uint8_t *to = n->data + n->len;

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), "Xen", 4);
	if (len)
		memcpy(to + sizeof(head) + 4, desc, len);
	n->len += sizeof(head) + 4 + ((len + 3) & ~3UL);
}

static int dump_notes(struct dump *d)
{
	struct dump_header header = { DUMP_MAGIC_PV, dump_nr_vcpus(d), d->nr_frames, PAGE };
	struct dump_notes notes = { .len = 0 };
	struct dump_version version = { .page_size = PAGE };
	const uint64_t format = DUMP_FORMAT;
	struct sysctl_version v;
	int rc = sysctl_version(d->h, &v);

	_Static_assert(sizeof(struct dump_version) == 1280, "dump-core-format.txt");
	if (rc)
		return fault_errno(d->f, -rc, "cannot ask for the hypervisor's version");
	version.major = v.major;
	version.minor = v.minor;
	memcpy(version.extra, v.extra, sizeof(version.extra));
	version.compile = v.compile;
	memcpy(version.capabilities, v.capabilities, sizeof(version.capabilities));
	memcpy(version.changeset, v.changeset, sizeof(version.changeset));
	version.platform.virt_start = v.virt_start;
	note_add(&notes, XEN_ELFNOTE_DUMPCORE_NONE, NULL, 0);
	note_add(&notes, XEN_ELFNOTE_DUMPCORE_HEADER, &header, sizeof(header));
	note_add(&notes, XEN_ELFNOTE_DUMPCORE_XEN_VERSION, &version, sizeof(version));
	note_add(&notes, XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, &format, sizeof(format));
	rc = section_write(d, SECTION_NOTE, SHT_NOTE, notes.data, notes.len, 0);
	return rc ? rc : section_write(d, SECTION_NAMES, SHT_STRTAB, section_names,
				       sizeof(section_names), 0);
}

/* Last of all the ELF header, which makes it a core file. */
static int dump_head(struct dump *d)
{
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT, ELFOSABI_SYSV },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SECTIONS,
		.e_shstrndx = SECTION_NAMES,
	};
	int rc = dump_write(d, d->section, sizeof(d->section), sizeof(eh));

	if (!rc && ftruncate(d->fd, (off_t)d->pos) < 0)
		rc = fault_errno(d->f, errno, "cannot write the core file");
	return rc ? rc : dump_write(d, &eh, sizeof(eh), 0);
}

static int (*const dump_steps[])(struct dump *d) = {
	dump_vcpus, dump_pages, dump_notes, dump_head,
};

static int dump_fill(struct dump *d)
{
	int rc;

	d->pos = sizeof(Elf64_Ehdr) + sizeof(d->section);
	rc = section_write(d, SECTION_SHARED, SHT_PROGBITS, d->shared, PAGE, PAGE);
	for (size_t i = 0; i < sizeof(dump_steps) / sizeof(dump_steps[0]) && !rc; i++)
		rc = dump_steps[i](d);
	if (!rc && fdatasync(d->fd) < 0 && errno != EINVAL && errno != ENOSYS)
		rc = fault_errno(d->f, errno, "cannot write the core file");
	return rc;
}

/* Under a temporary name until it is whole. */
static int dump_file(struct dump *d, const char *path)
{
	char temp[PATH_MAX];
	int rc;

	if (snprintf(temp, sizeof(temp), "%s.part", path) >= (int)sizeof(temp))
		return fault_errno(d->f, ENAMETOOLONG, "%s", path);
	if (unlink(temp) < 0 && errno != ENOENT)
		return fault_errno(d->f, errno, "cannot replace %s", temp);
	d->fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return fault_errno(d->f, errno, "cannot create %s", temp);
	rc = dump_fill(d);
	if (close(d->fd) < 0 && !rc)
		rc = fault_errno(d->f, errno, "cannot write the core file");
	if (!rc && rename(temp, path) < 0)
		rc = fault_errno(d->f, errno, "cannot name the core file %s", path);
	if (rc)
		unlink(temp);
	return rc;
}

int dump_core(struct hyp *h, uint16_t domid, const char *path, struct fault *f)
{
	struct dump d = { .h = h, .domid = domid, .f = f, .fd = -1 };
	int rc = dump_ask(&d);

	if (!rc)
		rc = dump_file(&d, path);
	dump_p2m_free(&d.p2m);
	free(d.frames);
	free(d.shared);
	return rc;
}
