/* The ELF notes of owner "Xen" (xen/elfnote.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xen/elfnote.h>

#include "xend/image_parse.h"

static const struct notes_field {
	uint32_t type;
	uint16_t offset;	/* in struct image_notes */
	uint16_t text;		/* 0: a number; else the size of the text's buffer */
} notes_fields[] = {
#define NUMBER(note, member) { XEN_ELFNOTE_##note, offsetof(struct image_notes, member), 0 }
#define TEXT(note, member) { XEN_ELFNOTE_##note, offsetof(struct image_notes, member), \
			     sizeof(((struct image_notes *)NULL)->member) }
	NUMBER(ENTRY, entry),
	NUMBER(HYPERCALL_PAGE, hypercall_page),
	NUMBER(VIRT_BASE, virt_base),
	NUMBER(PADDR_OFFSET, paddr_offset),
	TEXT(XEN_VERSION, xen_version),
	TEXT(GUEST_OS, guest_os),
	TEXT(GUEST_VERSION, guest_version),
	TEXT(LOADER, loader),
	TEXT(FEATURES, features),
	NUMBER(HV_START_LOW, hv_start_low),
	NUMBER(SUSPEND_CANCEL, suspend_cancel),
	NUMBER(INIT_P2M, init_p2m),
	NUMBER(MOD_START_PFN, mod_start_pfn),
	NUMBER(SUPPORTED_FEATURES, supported_features),
	NUMBER(PHYS32_ENTRY, phys32_entry),
#undef NUMBER
#undef TEXT
};

static uint32_t notes_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Little-endian, of the width that the note has. */
static int notes_number(const uint8_t *desc, uint32_t len, uint64_t *value)
{
	if (len != 1 && len != 2 && len != 4 && len != 8)
		return -EINVAL;
	*value = 0;
	memcpy(value, desc, len);
	return 0;
}

/* Cut at the buffer's size; anything that a terminal might act on becomes '?'. */
static void notes_text(const uint8_t *desc, uint32_t len, char *buf, size_t size)
{
	size_t n = strnlen((const char *)desc, len);

	if (n >= size)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		buf[i] = desc[i] >= ' ' && desc[i] < 0x7f ? (char)desc[i] : '?';
	buf[n] = '\0';
}

static int notes_take(uint32_t type, const uint8_t *desc, uint32_t len,
		      struct image_notes *notes, struct fault *f)
{
	for (size_t i = 0; i < sizeof(notes_fields) / sizeof(notes_fields[0]); i++) {
		const struct notes_field *field = &notes_fields[i];
		uint8_t *to = (uint8_t *)notes + field->offset;
		uint64_t value;

		if (field->type != type)
			continue;
		if (field->text) {
			notes_text(desc, len, (char *)to, field->text);
		} else if (notes_number(desc, len, &value) < 0) {
			return fault_set(f, ENOEXEC, "the kernel's Xen note %u is %u bytes long, "
					 "which is no number", type, len);
		} else {
			memcpy(to, &value, sizeof(value));
		}
		notes->has |= 1ULL << type;
	}
	return 0;
}

int notes_parse(const uint8_t *data, size_t size, struct image_notes *notes, struct fault *f)
{
	size_t pos = 0;
	int found = 0, rc;

	while (size - pos >= 12) {		/* Elf64_Nhdr: name size, desc size, type */
		uint64_t name_len = notes_u32(data + pos), desc_len = notes_u32(data + pos + 4);
		uint32_t type = notes_u32(data + pos + 8);
		uint64_t name_room = (name_len + 3) & ~3ULL, desc_room = (desc_len + 3) & ~3ULL;
		const uint8_t *name = data + pos + 12;

		pos += 12;
		if (name_room > size - pos || desc_len > size - pos - name_room)
			return fault_set(f, ENOEXEC, "the kernel's ELF notes are damaged: one is "
					 "longer than all of them");
		if (name_len == 4 && !memcmp(name, "Xen", 4)) {
			rc = notes_take(type, name + name_room, (uint32_t)desc_len, notes, f);
			if (rc)
				return rc;
			found++;
		}
		if (desc_room > size - pos - name_room)	/* the last one may lack its padding */
			break;
		pos += name_room + desc_room;
	}
	return found;
}

int notes_check(const struct image_notes *notes, struct fault *f)
{
	if (!notes->has) {
		fault_set(f, ENOEXEC, "the kernel has no Xen notes: it was built without support "
			  "for Xen");
		fault_hint(f, "Use a kernel with CONFIG_XEN_PV (all of Debian's have it).");
		return -ENOEXEC;
	}
	if (!IMAGE_HAS(notes, XEN_ELFNOTE_ENTRY)) {
		fault_set(f, ENOEXEC, "the kernel has no PV entry point (Xen note 1), only one for PVH "
			  "guests");
		fault_hint(f, "Use a kernel with CONFIG_XEN_PV, or configure a PVH guest.");
		return -ENOEXEC;
	}
	if (IMAGE_HAS(notes, XEN_ELFNOTE_XEN_VERSION) &&
	    strncmp(notes->xen_version, "xen-3.0", 7))
		return fault_set(f, ENOEXEC, "the kernel is for the interface '%s', not 'xen-3.0'",
				 notes->xen_version);
	if (strstr(notes->features, "!supervisor_mode_kernel"))
		return fault_set(f, ENOEXEC, "the kernel insists on running in supervisor mode");
	return 0;
}
