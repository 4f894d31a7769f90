/* A screen of character cells: text with line ends, tabs and scrolling.  Nothing of the hardware is in it. */
#ifndef HV_X86_VGA_TEXT_H
#define HV_X86_VGA_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct vga_text {
	volatile uint16_t *cells;	/* character in the low byte, attribute in the high one */
	unsigned int columns, rows;
	unsigned int column, row;	/* the cursor; column == columns: wraps before the next character */
};

void vga_text_init(struct vga_text *v, volatile void *cells, unsigned int columns, unsigned int rows);	/* clears */
void vga_text_write(struct vga_text *v, const char *text, size_t length);

#endif
