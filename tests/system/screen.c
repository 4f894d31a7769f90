#include "screen.h"

#include <string.h>

static void row_clear(struct screen *s, int row, int from, int to)
{
	memset(s->cell[row] + from, ' ', (size_t)(to - from));
}

void screen_init(struct screen *s)
{
	*s = (struct screen){ .bottom = SCREEN_ROWS - 1 };
	for (int row = 0; row < SCREEN_ROWS; row++)
		row_clear(s, row, 0, SCREEN_COLS);
}

static int clamp(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

static void move_to(struct screen *s, int row, int col)
{
	s->row = clamp(row, 0, SCREEN_ROWS - 1);
	s->col = clamp(col, 0, SCREEN_COLS - 1);
}

/* Rows top … bottom move up (n > 0) or down; what comes free is empty. */
static void scroll(struct screen *s, int top, int bottom, int n)
{
	int height = bottom - top + 1, count = n < 0 ? -n : n;

	count = count > height ? height : count;
	if (n > 0)
		memmove(s->cell[top], s->cell[top + count],
			(size_t)(height - count) * sizeof s->cell[0]);
	else
		memmove(s->cell[top + count], s->cell[top],
			(size_t)(height - count) * sizeof s->cell[0]);
	for (int i = 0; i < count; i++)
		row_clear(s, n > 0 ? bottom - i : top + i, 0, SCREEN_COLS);
}

static void line_down(struct screen *s)
{
	if (s->row == s->bottom)
		scroll(s, s->top, s->bottom, 1);
	else
		move_to(s, s->row + 1, s->col);
}

static void line_up(struct screen *s)
{
	if (s->row == s->top)
		scroll(s, s->top, s->bottom, -1);
	else
		move_to(s, s->row - 1, s->col);
}

static void put_text(struct screen *s, char c)
{
	switch (c) {
	case '\033':
		s->state = SCREEN_ESCAPE;
		return;
	case '\r':
		s->col = 0;
		return;
	case '\n':
		line_down(s);
		return;
	case '\b':
		s->col -= s->col > 0;
		return;
	case '\t':
		s->col = clamp((s->col / 8 + 1) * 8, 0, SCREEN_COLS - 1);
		return;
	}
	if ((unsigned char)c < ' ')
		return;
	if (s->col == SCREEN_COLS) {
		s->col = 0;
		line_down(s);
	}
	s->cell[s->row][s->col++] = c;
}

static void put_escape(struct screen *s, char c)
{
	s->state = SCREEN_TEXT;
	switch (c) {
	case '[':
		s->state = SCREEN_CSI;
		s->args = 0;
		memset(s->arg, 0, sizeof s->arg);
		break;
	case ']':
		s->state = SCREEN_OSC;
		break;
	case '(': case ')': case '*': case '+': case '#':
		s->state = SCREEN_CHARSET;
		break;
	case '7':
		s->saved_row = s->row;
		s->saved_col = s->col;
		break;
	case '8':
		move_to(s, s->saved_row, s->saved_col);
		break;
	case 'D':
		line_down(s);
		break;
	case 'E':
		s->col = 0;
		line_down(s);
		break;
	case 'M':
		line_up(s);
		break;
	case 'c':
		screen_init(s);
		break;
	}
}

/* J and K: 0 from the cursor on, 1 up to it, 2 all. */
static void erase_line(struct screen *s, int how)
{
	int col = clamp(s->col, 0, SCREEN_COLS - 1);

	row_clear(s, s->row, how == 0 ? col : 0, how == 1 ? col + 1 : SCREEN_COLS);
}

static void erase_screen(struct screen *s, int how)
{
	for (int row = 0; row < SCREEN_ROWS; row++)
		if ((how == 0 && row > s->row) || (how == 1 && row < s->row) || how >= 2)
			row_clear(s, row, 0, SCREEN_COLS);
	if (how < 2)
		erase_line(s, how);
}

/* P and @: characters go out of the line, or come in as blanks. */
static void shift_line(struct screen *s, int n, bool is_delete)
{
	int col = clamp(s->col, 0, SCREEN_COLS - 1), room = SCREEN_COLS - col;
	char *at = s->cell[s->row] + col;

	n = clamp(n, 0, room);
	if (is_delete)
		memmove(at, at + n, (size_t)(room - n));
	else
		memmove(at + n, at, (size_t)(room - n));
	row_clear(s, s->row, is_delete ? SCREEN_COLS - n : col,
		  is_delete ? SCREEN_COLS : col + n);
}

static void csi_end(struct screen *s, char c)
{
	int first = s->arg[0], n = first ? first : 1;

	switch (c) {
	case 'A':
		move_to(s, s->row - n, s->col);
		break;
	case 'B': case 'e':
		move_to(s, s->row + n, s->col);
		break;
	case 'C': case 'a':
		move_to(s, s->row, s->col + n);
		break;
	case 'D':
		move_to(s, s->row, s->col - n);
		break;
	case 'G': case '`':
		move_to(s, s->row, n - 1);
		break;
	case 'd':
		move_to(s, n - 1, s->col);
		break;
	case 'H': case 'f':
		move_to(s, n - 1, (s->arg[1] ? s->arg[1] : 1) - 1);
		break;
	case 'J':
		erase_screen(s, first);
		break;
	case 'K':
		erase_line(s, first);
		break;
	case 'L': case 'M':
		if (s->row >= s->top && s->row <= s->bottom)
			scroll(s, s->row, s->bottom, c == 'M' ? n : -n);
		break;
	case 'P': case '@':
		shift_line(s, n, c == 'P');
		break;
	case 'X':
		row_clear(s, s->row, clamp(s->col, 0, SCREEN_COLS),
			  clamp(s->col + n, 0, SCREEN_COLS));
		break;
	case 'r':
		s->top = clamp(n, 1, SCREEN_ROWS) - 1;
		s->bottom = clamp(s->arg[1] ? s->arg[1] : SCREEN_ROWS, s->top + 1,
				  SCREEN_ROWS) - 1;
		move_to(s, 0, 0);
		break;
	}
}

static void put_csi(struct screen *s, char c)
{
	if (c >= '0' && c <= '9') {
		s->arg[s->args] = clamp(s->arg[s->args] * 10 + c - '0', 0, 9999);
	} else if (c == ';') {
		s->args = clamp(s->args + 1, 0, SCREEN_ARGS - 1);
	} else if (c >= '@' && c <= '~') {
		s->state = SCREEN_TEXT;
		csi_end(s, c);
	}
}

void screen_put(struct screen *s, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = data[i];

		switch (s->state) {
		case SCREEN_TEXT:
			put_text(s, c);
			break;
		case SCREEN_ESCAPE:
			put_escape(s, c);
			break;
		case SCREEN_CHARSET:
			s->state = SCREEN_TEXT;
			break;
		case SCREEN_CSI:
			put_csi(s, c);
			break;
		case SCREEN_OSC:
			if (c == '\a')
				s->state = SCREEN_TEXT;
			else if (c == '\033')
				s->state = SCREEN_ESCAPE;
			break;
		}
	}
}

bool screen_holds(const struct screen *s, const char *text)
{
	for (int row = 0; row < SCREEN_ROWS; row++)
		if (strstr(s->cell[row], text))
			return true;
	return false;
}
