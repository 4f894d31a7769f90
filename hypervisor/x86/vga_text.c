#include "x86/vga_text.h"

#define ATTRIBUTE 0x0700		/* light grey on black */
#define BLANK (ATTRIBUTE | ' ')
#define TAB 8

static void row_clear(struct vga_text *v, unsigned int row)
{
	for (unsigned int c = 0; c < v->columns; c++)
		v->cells[row * v->columns + c] = BLANK;
}

void vga_text_init(struct vga_text *v, volatile void *cells, unsigned int columns, unsigned int rows)
{
	*v = (struct vga_text){ cells, columns, rows, 0, 0 };
	for (unsigned int row = 0; row < rows; row++)
		row_clear(v, row);
}

static void line_feed(struct vga_text *v)
{
	v->column = 0;
	if (++v->row < v->rows)
		return;
	v->row = v->rows - 1;
	for (unsigned int i = 0; i < v->row * v->columns; i++)
		v->cells[i] = v->cells[i + v->columns];
	row_clear(v, v->row);
}

static void put(struct vga_text *v, char c)
{
	if (v->column == v->columns)
		line_feed(v);
	v->cells[v->row * v->columns + v->column++] = ATTRIBUTE | (uint8_t)c;
}

void vga_text_write(struct vga_text *v, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '\n')
			line_feed(v);
		else if (c == '\r')
			v->column = 0;
		else if (c == '\b')
			v->column -= v->column != 0;
		else if (c == '\t')
			do
				put(v, ' ');
			while (v->column % TAB && v->column < v->columns);
		else if ((unsigned char)c >= ' ')
			put(v, c);
	}
}
