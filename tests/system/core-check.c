/*
 * core-check MIB: is standard input a core as Xen's dump-core-format.txt describes it, of a PV domain with that
 * much memory?  Written from the format alone, so that it and xend/dump.c can disagree.
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/elfnote.h>
#include <xen/xen.h>

enum { PAGE = 4096, SECTIONS_MAX = 64 };

static Elf64_Ehdr head;
static Elf64_Shdr section[SECTIONS_MAX];
static char names[4096];

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
	va_list va;

	va_start(va, format);
	vfprintf(stderr, format, va);
	va_end(va);
	fputc('\n', stderr);
	exit(1);
}

static void get(void *to, size_t size, uint64_t at, const char *what)
{
	if (pread(STDIN_FILENO, to, size, (off_t)at) != (ssize_t)size)
		fail("no %zu bytes at %llu for the %s", size, (unsigned long long)at, what);
}

static const Elf64_Shdr *find(const char *name)
{
	for (int i = 1; i < head.e_shnum; i++)
		if (section[i].sh_name < sizeof names && !strcmp(names + section[i].sh_name, name))
			return &section[i];
	fail("no section %s", name);
}

static void read_headers(void)
{
	Elf64_Shdr *strings;

	get(&head, sizeof head, 0, "ELF header");
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_ident[EI_CLASS] != ELFCLASS64)
		fail("no ELF64");
	if (head.e_type != ET_CORE || head.e_machine != EM_X86_64)
		fail("type %u, machine %u", head.e_type, head.e_machine);
	if (head.e_shnum > SECTIONS_MAX || head.e_shentsize != sizeof section[0] ||
	    head.e_shstrndx >= head.e_shnum)
		fail("%u sections of %u bytes", head.e_shnum, head.e_shentsize);
	get(section, head.e_shnum * sizeof section[0], head.e_shoff, "sections");
	strings = &section[head.e_shstrndx];
	if (strings->sh_size >= sizeof names)
		fail("%llu bytes of names", (unsigned long long)strings->sh_size);
	get(names, strings->sh_size, strings->sh_offset, "names");
}

/* The descriptor of one of Xen's notes; its size. */
static size_t note(uint32_t type, void *to, size_t room)
{
	const Elf64_Shdr *s = find(".note.Xen");
	char data[8192];
	size_t at = 0;

	if (s->sh_type != SHT_NOTE || s->sh_size > sizeof data)
		fail(".note.Xen has type %u", s->sh_type);
	get(data, s->sh_size, s->sh_offset, "notes");
	while (at + sizeof(Elf64_Nhdr) <= s->sh_size) {
		Elf64_Nhdr n;
		size_t desc;

		memcpy(&n, data + at, sizeof n);
		desc = at + sizeof n + ((n.n_namesz + 3) & ~3UL);
		if (n.n_namesz != 4 || memcmp(data + at + sizeof n, "Xen", 4))
			fail("a note that is not Xen's");
		if (n.n_type == type) {
			if (n.n_descsz > room)
				fail("note %#x has %u bytes", type, n.n_descsz);
			memcpy(to, data + desc, n.n_descsz);
			return n.n_descsz;
		}
		at = desc + ((n.n_descsz + 3) & ~3UL);
	}
	fail("no note %#x", type);
}

/* Every frame once, in order of its number in the guest; the page of start information among them. */
static void check_pages(uint64_t pages)
{
	const Elf64_Shdr *p2m = find(".xen_p2m"), *data = find(".xen_pages");
	uint64_t (*frame)[2] = malloc(p2m->sh_size);
	uint64_t found = 0;

	if (p2m->sh_entsize != 16 || p2m->sh_size != pages * 16)
		fail(".xen_p2m: %llu bytes for %llu pages", (unsigned long long)p2m->sh_size,
		     (unsigned long long)pages);
	if (data->sh_entsize != PAGE || data->sh_size != pages * PAGE || data->sh_offset % PAGE)
		fail(".xen_pages: %llu bytes at %llu", (unsigned long long)data->sh_size,
		     (unsigned long long)data->sh_offset);
	if (!frame)
		fail("out of memory");
	get(frame, p2m->sh_size, p2m->sh_offset, ".xen_p2m");
	for (uint64_t i = 0; i < pages; i++) {
		char page[32];

		if (i && frame[i][0] <= frame[i - 1][0])
			fail("frame %llu is out of order", (unsigned long long)frame[i][0]);
		get(page, sizeof page, data->sh_offset + i * PAGE, "page");
		found += !memcmp(page, "xen-3.0-x86_64", 15);
	}
	if (!found)
		fail("the start information is not among the pages");
	free(frame);
}

int main(int argc, char **argv)
{
	uint64_t header[4], format;
	unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	char version[4096];

	read_headers();
	note(XEN_ELFNOTE_DUMPCORE_NONE, version, 0);
	if (note(XEN_ELFNOTE_DUMPCORE_HEADER, header, sizeof header) != sizeof header ||
	    header[0] != 0xf00febed || header[3] != PAGE)
		fail("header: magic %#llx, page size %llu", (unsigned long long)header[0],
		     (unsigned long long)header[3]);
	if (note(XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, &format, 8) != 8 || format != 1)
		fail("format %#llx", (unsigned long long)format);
	if (note(XEN_ELFNOTE_DUMPCORE_XEN_VERSION, version, sizeof version) < 16)
		fail("no version");
	if (find(".xen_prstatus")->sh_size != header[1] * sizeof(vcpu_guest_context_t))
		fail("%llu vcpus in %llu bytes", (unsigned long long)header[1],
		     (unsigned long long)find(".xen_prstatus")->sh_size);
	if (find(".xen_shared_info")->sh_size != PAGE)
		fail("shared information");
	/* A guest that balloons has given some back. */
	if (header[2] > mib * 256 || header[2] < mib * 256 * 9 / 10)
		fail("%llu pages, not those of %lu MiB", (unsigned long long)header[2], mib);
	check_pages(header[2]);
	return 0;
}
