/*
 * The VGA text console, 80x25 at 0xb8000.  Until dom0 starts it is ours alone;
 * vga=keep goes on drawing then (so does dom0), vga=none leaves it alone.
 */
#ifndef HV_X86_VGA_H
#define HV_X86_VGA_H

#include <stdbool.h>
#include <stddef.h>

int vga_open(void);			/* -ENODEV: switched off, or the screen isn't in a text mode */
void vga_write(const char *text, size_t length);
void vga_start_dom0(void);

#endif
