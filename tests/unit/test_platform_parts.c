/* Small parts of the platform code: the log ring, the calendar, serial port options. */
#include "check.h"

#include <stdbool.h>

#include "calendar.h"
#include "errno.h"
#include "ring.h"
#include "string.h"
#include "x86/serial_options.h"
#include "x86/vga_text.h"

size_t strlcpy(char *to, const char *from, size_t size)	/* cmdline.c's; not in this C library */
{
	size_t n = strlen(from);

	memcpy(to, from, n < size ? n + 1 : size);
	to[size - 1] = 0;
	return n;
}

static void ring_puts(struct ring *r, const char *s)
{
	while (*s)
		ring_put(r, *s++);
}

static void the_ring_forgets_its_oldest_text(void)
{
	char data[8], out[16] = { 0 };
	struct ring r = { data, 8, 0, 0 };
	uint32_t pos = 0;

	ring_puts(&r, "abcdefghij");
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 8);
	CHECK_STR(out, "cdefghij");
	CHECK_EQ(pos, 10);
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 0);
}

static void a_reader_gets_what_came_since_its_position(void)
{
	char data[8], out[16] = { 0 };
	struct ring r = { data, 8, 0, 0 };
	uint32_t pos = 0;

	ring_puts(&r, "abc");
	CHECK_EQ(ring_read(&r, out, 2, &pos), 2);
	ring_puts(&r, "de");
	memset(out, 0, sizeof(out));
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 3);
	CHECK_STR(out, "cde");
}

static void a_position_from_the_future_reads_from_the_oldest(void)
{
	char data[8], out[16] = { 0 };
	struct ring r = { data, 8, 0, 0 };
	uint32_t pos = 12345;

	ring_puts(&r, "abc");
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 3);
	CHECK_STR(out, "abc");
}

static void positions_wrap_at_32_bits(void)
{
	char data[8], out[16] = { 0 };
	struct ring r = { data, 8, 0xfffffffe, 0xfffffffe };
	uint32_t pos = 0xfffffffe;

	ring_puts(&r, "abcdef");
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 6);
	CHECK_STR(out, "abcdef");
	CHECK_EQ(pos, 4);
}

static void a_ring_moves_with_its_text_and_positions(void)
{
	char small[4], large[16], out[16] = { 0 };
	struct ring r = { small, 4, 0, 0 };
	uint32_t pos = 3;

	ring_puts(&r, "abcdef");
	ring_move(&r, large, 16);
	ring_puts(&r, "ghij");
	CHECK_EQ(ring_read(&r, out, sizeof(out), &pos), 7);
	CHECK_STR(out, "defghij");
}

static void dates_and_seconds_agree(void)
{
	static const struct { uint64_t s; struct calendar c; } known[] = {
		{ 0, { 1970, 1, 1, 0, 0, 0 } },
		{ 951782400, { 2000, 2, 29, 0, 0, 0 } },
		{ 1700000000, { 2023, 11, 14, 22, 13, 20 } },
		{ 4107542399, { 2100, 2, 28, 23, 59, 59 } },
		{ 4107542400, { 2100, 3, 1, 0, 0, 0 } },
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct calendar c;
		uint64_t s;

		calendar_from_seconds(known[i].s, &c);
		CHECK_MEM(&c, &known[i].c, sizeof(c));
		CHECK_EQ(calendar_to_seconds(&known[i].c, &s), 0);
		CHECK_EQ(s, known[i].s);
	}
}

static void every_day_of_four_centuries_comes_back(void)
{
	for (uint64_t day = 0; day < 146097; day++) {
		struct calendar c;
		uint64_t s;

		calendar_from_seconds(day * 86400 + 4711, &c);
		CHECK_EQ(calendar_to_seconds(&c, &s), 0);
		CHECK_EQ(s, day * 86400 + 4711);
	}
}

static void impossible_dates_are_refused(void)
{
	static const struct calendar bad[] = {
		{ 1969, 12, 31, 0, 0, 0 }, { 2023, 0, 1, 0, 0, 0 }, { 2023, 13, 1, 0, 0, 0 },
		{ 2023, 2, 29, 0, 0, 0 }, { 2023, 1, 0, 0, 0, 0 }, { 2023, 1, 1, 24, 0, 0 },
		{ 2023, 1, 1, 0, 60, 0 }, { 2023, 1, 1, 0, 0, 60 }, { 10000, 1, 1, 0, 0, 0 },
	};
	uint64_t s;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_EQ(calendar_to_seconds(&bad[i], &s), -EINVAL);
}

static const struct serial_options com1 = { 0, 115200, 8, 1, 'n', 0x3f8, 4 };

static bool is_com1(const struct serial_options *o)
{
	return o->baud == com1.baud && o->base_baud == com1.base_baud && o->data_bits == com1.data_bits &&
	       o->stop_bits == com1.stop_bits && o->parity == com1.parity && o->port == com1.port &&
	       o->irq == com1.irq;
}

static void serial_options_fill_what_they_give(void)
{
	struct serial_options o = com1;

	CHECK_EQ(serial_options_parse("", &o), 0);
	CHECK(is_com1(&o));
	CHECK_EQ(serial_options_parse("38400,7e2,0x2e8,5", &o), 0);
	CHECK(o.baud == 38400 && o.data_bits == 7 && o.parity == 'e' && o.stop_bits == 2);
	CHECK(o.port == 0x2e8 && o.irq == 5);
	CHECK_EQ(serial_line_control(&o), 0x1e);
	o = com1;
	CHECK_EQ(serial_options_parse("auto,,,0", &o), 0);
	CHECK(o.baud == 0 && o.port == 0x3f8 && o.irq == 0);
	CHECK_EQ(serial_line_control(&o), 3);
	CHECK_EQ(serial_options_parse("921600/14745600,8n1", &o), 0);
	CHECK(o.baud == 921600 && o.base_baud == 14745600);
}

static void malformed_serial_options_change_nothing(void)
{
	static const char *const bad[] = { "x", "0", "230400", "1", "115200,9n1", "115200,8n", "115200,8x1",
		"115200,8n1,0x10000", "115200,8n1,0", "115200,8n1,0x3f8,16", "115200,8n1,0x3f8,4,5",
		"115200 8n1", "115200/0", "115200,8n12" };
	struct serial_options o = com1;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_EQ(serial_options_parse(bad[i], &o), -EINVAL);
		CHECK(is_com1(&o));
	}
}

#define COLUMNS 10
#define ROWS 3
static uint16_t cells[ROWS * COLUMNS];

static const char *row_text(unsigned int row)
{
	static char text[COLUMNS + 1];

	for (unsigned int c = 0; c < COLUMNS; c++)
		text[c] = cells[row * COLUMNS + c] & 0xff;
	return text;
}

static void screen(struct vga_text *v, const char *text)
{
	vga_text_init(v, cells, COLUMNS, ROWS);
	vga_text_write(v, text, strlen(text));
}

static void a_full_line_wraps_only_when_more_comes(void)
{
	struct vga_text v;

	screen(&v, "0123456789");
	CHECK(v.row == 0 && v.column == 10);
	vga_text_write(&v, "\n", 1);
	CHECK(v.row == 1 && v.column == 0);
	screen(&v, "0123456789ab");
	CHECK_STR(row_text(0), "0123456789");
	CHECK_STR(row_text(1), "ab        ");
}

static void the_screen_scrolls_at_its_end(void)
{
	struct vga_text v;

	screen(&v, "one\ntwo\nthree\nfour");
	CHECK_STR(row_text(0), "two       ");
	CHECK_STR(row_text(1), "three     ");
	CHECK_STR(row_text(2), "four      ");
	CHECK(v.row == 2 && v.column == 4);
}

static void tabs_returns_and_backspaces_move_the_cursor(void)
{
	struct vga_text v;

	screen(&v, "a\tb\rc\bd\001\x7f");
	CHECK_EQ(cells[0] & 0xff, 'd');
	CHECK_EQ(cells[8] & 0xff, 'b');
	screen(&v, "\b\b\t\t");
	CHECK(v.row == 0 && v.column == 10);	/* stops at the edge */
	CHECK_EQ(cells[0] >> 8, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ring_forgets_its_oldest_text),
		TEST(a_reader_gets_what_came_since_its_position),
		TEST(a_position_from_the_future_reads_from_the_oldest),
		TEST(positions_wrap_at_32_bits),
		TEST(a_ring_moves_with_its_text_and_positions),
		TEST(dates_and_seconds_agree),
		TEST(every_day_of_four_centuries_comes_back),
		TEST(impossible_dates_are_refused),
		TEST(serial_options_fill_what_they_give),
		TEST(malformed_serial_options_change_nothing),
		TEST(a_full_line_wraps_only_when_more_comes),
		TEST(the_screen_scrolls_at_its_end),
		TEST(tabs_returns_and_backspaces_move_the_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
