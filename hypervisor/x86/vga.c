#include "vga.h"

#include "asm.h"
#include "bootinfo.h"
#include "cmdline.h"
#include "errno.h"
#include "machine.h"
#include "options.h"
#include "string.h"
#include "x86/vga_text.h"

#define VGA_PADDR 0xb8000
#define COLUMNS 80

/* CRT controller, colour addresses (VGA's are the same in every text mode we accept). */
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define CRTC_CURSOR_START 0x0a
#define CRTC_START_HIGH 0x0c
#define CRTC_START_LOW 0x0d
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW 0x0f
#define CRTC_CURSOR_OFF 0x20

#define GRAPHICS_INDEX 0x3ce
#define GRAPHICS_DATA 0x3cf
#define GRAPHICS_MISC 6
#define MISC_IS_GRAPHICS 1

static struct vga_text screen;
static bool is_given_up, is_shared;

static void crtc_write(uint8_t index, uint8_t value)
{
	outb(CRTC_INDEX, index);
	outb(CRTC_DATA, value);
}

static uint8_t crtc_read(uint8_t index)
{
	outb(CRTC_INDEX, index);
	return inb(CRTC_DATA);
}

static void cursor_show(void)
{
	unsigned int at = screen.row * screen.columns + screen.column;

	crtc_write(CRTC_CURSOR_HIGH, at >> 8);
	crtc_write(CRTC_CURSOR_LOW, at & 0xff);
}

/* The loader says so, or, from a BIOS that says nothing, the controller: text by its miscellaneous register. */
static bool is_text_mode(void)
{
	if (boot_info.framebuffer.is_known)
		return boot_info.framebuffer.is_text;
	if (boot_info.is_efi)
		return false;
	outb(GRAPHICS_INDEX, GRAPHICS_MISC);
	return !(inb(GRAPHICS_DATA) & MISC_IS_GRAPHICS);
}

/* Modes are set by the loader: other text modes, and graphics, would need its or the BIOS's help. */
static int options_apply(void)
{
	const char *s = options.vga;

	while (*s) {
		const char *rest;

		if ((rest = parse_word(s, "none", ",")))
			return -ENODEV;
		if ((rest = parse_word(s, "keep", ",")))
			is_shared = true;
		else if (!(rest = parse_word(s, "text-80x25", ",")) && !(rest = parse_word(s, "current", ",")))
			return -EINVAL;
		s = *rest ? rest + 1 : rest;
	}
	return 0;
}

int vga_open(void)
{
	int rc = options_apply();

	if (rc || !is_text_mode())
		return rc ? rc : -ENODEV;
	crtc_write(CRTC_START_HIGH, 0);
	crtc_write(CRTC_START_LOW, 0);
	crtc_write(CRTC_CURSOR_START, crtc_read(CRTC_CURSOR_START) & ~CRTC_CURSOR_OFF);
	vga_text_init(&screen, paddr_to_virt(VGA_PADDR), COLUMNS, 25);
	cursor_show();
	return 0;
}

void vga_write(const char *text, size_t length)
{
	if (is_given_up)
		return;
	vga_text_write(&screen, text, length);
	cursor_show();
}

void vga_start_dom0(void)
{
	is_given_up = !is_shared;
}
