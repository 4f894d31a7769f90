#include "check.h"

#include "format.h"

__attribute__((format(printf, 2, 3)))
static int format_into(char *buf, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = format_text(buf, 64, format, args);
	va_end(args);
	return n;
}

#define SAME(want, ...) do { char b[64]; CHECK_EQ(format_into(b, __VA_ARGS__), (int)sizeof(want) - 1); \
	CHECK_STR(b, want); } while (0)

static void numbers_are_written_in_their_base(void)
{
	SAME("-5 7 ff FF 17 0", "%d %u %x %X %o %d", -5, 7U, 255U, 255U, 15U, 0);
	SAME("18446744073709551615", "%lu", ~0UL);
	SAME("-9223372036854775808", "%ld", (long)(1UL << 63));
	SAME("deadbeefcafef00d", "%llx", 0xdeadbeefcafef00dULL);
	SAME("0x1f 0", "%#x %#x", 0x1fU, 0U);
	SAME("12", "%zu", (size_t)12);
}

static void short_lengths_cut_the_value(void)
{
	SAME("255 65535 -1", "%hhu %hu %hhd", (unsigned char)-1, (unsigned short)-1, (signed char)-1);
}

static void width_precision_and_flags_pad(void)
{
	SAME("   42|42   |00042|+42| 42", "%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42);
	SAME("-0042", "%05d", -42);
	SAME("  007", "%5.3d", 7);
	SAME("0x00ff", "%#06x", 255U);
	SAME("   ab|ab   |abc", "%5.2s|%-5.2s|%.*s", "abc", "abc", 3, "abcdef");
	SAME("    7|7    ", "%*d|%-*d", 5, 7, 5, 7);
	SAME("x  ", "%*c", -3, 'x');
}

static void pointers_show_sixteen_digits(void)
{
	SAME("00000000deadbeef", "%p", (void *)0xdeadbeefUL);
}

static void a_null_string_is_named_and_percent_is_itself(void)
{
	const char *volatile none = NULL;

	SAME("(null)%", "%s%%", none);
}

static void text_is_cut_at_the_buffer_and_its_whole_length_returned(void)
{
	char big[100], buf[64];

	for (int i = 0; i < 99; i++)
		big[i] = 'a';
	big[99] = 0;
	CHECK_EQ(format_into(buf, "%s", big), 99);
	CHECK_EQ(buf[63], 0);
	CHECK_EQ(buf[62], 'a');
}

static void an_unknown_conversion_shows_itself(void)
{
	char buf[64];
	const char *volatile odd = "%q %";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
	format_into(buf, odd);
#pragma GCC diagnostic pop
	CHECK_STR(buf, "%q %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_written_in_their_base),
		TEST(short_lengths_cut_the_value),
		TEST(width_precision_and_flags_pad),
		TEST(pointers_show_sixteen_digits),
		TEST(a_null_string_is_named_and_percent_is_itself),
		TEST(text_is_cut_at_the_buffer_and_its_whole_length_returned),
		TEST(an_unknown_conversion_shows_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
