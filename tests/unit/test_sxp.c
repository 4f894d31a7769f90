/* xend/sxp.c: what the S-expressions of xend look like, both ways. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xend/sxp.h"

static struct sxp *parsed(const char *text)
{
	struct sxp_error err;
	struct sxp *s;

	CHECK_EQ(sxp_parse(text, strlen(text), &s, NULL, &err), 0);
	return s;
}

static void check_print(const char *text, const char *printed)
{
	struct sxp *s = parsed(text);
	char *out = sxp_print(s);

	CHECK_STR(out, printed);
	free(out);
	sxp_free(s);
}

static void expressions_print_as_xend_printed_them(void)
{
	static const struct { const char *in, *out; } row[] = {
		{ "abc", "abc" },
		{ "()", "()" },
		{ "( vm  (name x)\n\t(memory 64))", "(vm (name x) (memory 64))" },
		{ "(a # comment ) here\n b)", "(a b)" },
		{ "(uname '')", "(uname )" },
		{ "(mode 'w!')", "(mode 'w!')" },
		{ "(cpus \"0-3,^1\")", "(cpus '0-3,^1')" },
		{ "(root '/dev/hda1 ro')", "(root '/dev/hda1 ro')" },
		{ "(a \"it's\")", "(a \"it's\")" },
		{ "(a \"it's \\\"so\\\"\")", "(a 'it\\'s \"so\"')" },
		{ "(a '@' '@@')", "(a @ '@@')" },
		{ "(a 00:16:3e:00:00:11 /dev/x_y~z.w-1)", "(a 00:16:3e:00:00:11 /dev/x_y~z.w-1)" },
		{ "'\\a\\b\\t\\n\\v\\f\\r\\\\\\''", "\"\\x07\\x08\\t\\n\\x0b\\x0c\\r\\\\'\"" },
		{ "'\\101\\x42\\377'", "'AB\\xff'" },
		{ "'a\\qb'", "'a\\\\b'" },	/* an unknown escape: the letter is lost */
		{ "a)b", "a" },
		{ "(a=b $c %d ^e)", "('a=b' '$c' '%d' '^e')" },
		{ "(a(b)c)", "(a (b) c)" },
		{ "(\xc3\xa4)", "('\\xc3\\xa4')" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		check_print(row[i].in, row[i].out);
}

static void errors_say_where_and_what_was_expected(void)
{
	static const struct { const char *in; unsigned line, column; const char *text; } row[] = {
		{ "(a\n  (b", 2, 5, "expected ')'" },
		{ ")", 1, 1, "expected a word" },
		{ "(a !b)", 1, 4, "expected a word" },
		{ "(a <b>)", 1, 4, "expected a word" },
		{ "(a 'bc\n)", 2, 2, "closing quote" },
		{ "'\\", 1, 3, "closing quote" },
		{ "'\\xg'", 1, 4, "hexadecimal" },
		{ "'\\000'", 1, 6, "\\001" },
		{ "'\\777'", 1, 6, "\\377" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sxp_error err;
		struct sxp *s;

		CHECK_EQ(sxp_parse(row[i].in, strlen(row[i].in), &s, NULL, &err), -EINVAL);
		CHECK(!s);
		CHECK_EQ(err.line, row[i].line);
		CHECK_EQ(err.column, row[i].column);
		CHECK(strstr(err.text, row[i].text));
	}
}

static void nul_bytes_are_refused(void)
{
	struct sxp *s;

	CHECK_EQ(sxp_parse("(a\0b)", 5, &s, NULL, NULL), -EINVAL);
	CHECK_EQ(sxp_parse("'a\0b'", 5, &s, NULL, NULL), -EINVAL);
}

static void nothing_but_comments_is_no_expression(void)
{
	struct sxp *s;

	CHECK_EQ(sxp_parse("  # a\n\n", 7, &s, NULL, NULL), -ENOENT);
	CHECK_EQ(sxp_parse("", 0, &s, NULL, NULL), -ENOENT);
	CHECK_EQ(sxp_parse("\004(a)", 4, &s, NULL, NULL), -ENOENT);
}

static void reading_stops_after_the_first_expression(void)
{
	struct sxp *s;
	size_t used;

	CHECK_EQ(sxp_parse(" (a) (b)", 8, &s, &used, NULL), 0);
	CHECK_EQ(used, 4);
	sxp_free(s);
	CHECK_EQ(sxp_parse("receive\nrest", 12, &s, &used, NULL), 0);
	CHECK_EQ(used, 7);
	CHECK_STR(sxp_text(s), "receive");
	sxp_free(s);
}

static void a_file_is_the_list_of_its_expressions(void)
{
	static const char text[] = "# xend-config\n(logfile /x)\n(xend-port 8000)\n";
	struct sxp *s;

	CHECK_EQ(sxp_parse_all(text, strlen(text), &s, NULL), 0);
	CHECK_EQ(s->count, 2);
	CHECK_EQ(s->item[1]->line, 3);
	CHECK_STR(sxp_child_text(s, "xend-port"), "8000");
	CHECK(!sxp_child_text(s, "xend"));
	sxp_free(s);
	CHECK_EQ(sxp_parse_all("(a) (b", 6, &s, NULL), -EINVAL);
	CHECK(!s);
}

static void depth_is_bounded(void)
{
	char deep[SXP_DEPTH_MAX * 2 + 4];
	struct sxp_error err;
	struct sxp *s;

	memset(deep, '(', SXP_DEPTH_MAX);
	memset(deep + SXP_DEPTH_MAX, ')', SXP_DEPTH_MAX);
	CHECK_EQ(sxp_parse(deep, SXP_DEPTH_MAX * 2, &s, NULL, &err), 0);
	sxp_free(s);
	memset(deep, '(', SXP_DEPTH_MAX + 1);
	CHECK_EQ(sxp_parse(deep, SXP_DEPTH_MAX * 2 + 2, &s, NULL, &err), -EINVAL);
	CHECK(strstr(err.text, "64 deep"));
}

static void children_are_found_by_their_head(void)
{
	struct sxp *s = parsed("(vm (name x) (memory 64) (fda ) (image (linux (kernel K))) loose ())");

	CHECK_STR(sxp_head(s), "vm");
	CHECK_STR(sxp_child_text(s, "name"), "x");
	CHECK_STR(sxp_child_text(s, "fda"), "");
	CHECK(!sxp_child_text(s, "image"));
	CHECK_STR(sxp_child_text(sxp_child(sxp_child(s, "image"), "linux"), "kernel"), "K");
	CHECK(!sxp_child(s, "loose"));
	CHECK(!sxp_child(NULL, "x"));
	sxp_free(s);
}

static void check_pretty(const char *in, const char *out)
{
	struct sxp *s = parsed(in);
	char *text = sxp_pretty(s, SXP_WIDTH);

	CHECK_STR(text, out);
	free(text);
	sxp_free(s);
}

static void lists_break_as_in_a_dry_run(void)
{
	check_pretty("(vm (name x))", "(vm (name x))\n");
	check_pretty("(vm (name ExampleDomain) (memory 64) (vcpus 2) (on_xend_start ignore)"
		     "(device (vbd (uname file:/x.img) (dev xvdb1) (mode 'w!') "
		     "(backend backenddom))))",
		     "(vm\n    (name ExampleDomain)\n    (memory 64)\n    (vcpus 2)\n"
		     "    (on_xend_start ignore)\n    (device\n"
		     "        (vbd (uname file:/x.img) (dev xvdb1) (mode 'w!') "
		     "(backend backenddom))\n    )\n)\n");
}

static void a_list_fits_when_it_ends_at_the_last_column(void)
{
	char in[90], out[100];

	memset(in, 'x', sizeof(in));
	in[0] = '(';
	memcpy(in + 77, " y)", 4);	/* 80 columns */
	snprintf(out, sizeof(out), "%s\n", in);
	check_pretty(in, out);
	in[77] = 'x';
	memcpy(in + 78, " y)", 4);	/* 81 */
	snprintf(out, sizeof(out), "%.78s\n    y\n)\n", in);
	check_pretty(in, out);
}

static void building_remembers_what_could_not_be_allocated(void)
{
	struct sxp *root = sxp_named("vm"), *inner = sxp_named("image");

	sxp_push_int(root, "memory", 64);
	sxp_push_text(root, "name", "a b");
	CHECK(!sxp_failed(root));
	sxp_push(inner, NULL);
	sxp_push(root, inner);
	CHECK(sxp_failed(root));
	CHECK(sxp_failed(NULL));
	sxp_free(root);
	sxp_push(NULL, sxp_atom("freed"));
}

static void a_copy_is_equal_and_separate(void)
{
	struct sxp *s = parsed("(vm (name 'a b') (fda ''))"), *copy = sxp_copy(s);
	char *text;

	sxp_free(s);
	text = sxp_print(copy);
	CHECK_STR(text, "(vm (name 'a b') (fda ))");
	free(text);
	sxp_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expressions_print_as_xend_printed_them),
		TEST(errors_say_where_and_what_was_expected),
		TEST(nul_bytes_are_refused),
		TEST(nothing_but_comments_is_no_expression),
		TEST(reading_stops_after_the_first_expression),
		TEST(a_file_is_the_list_of_its_expressions),
		TEST(depth_is_bounded),
		TEST(children_are_found_by_their_head),
		TEST(lists_break_as_in_a_dry_run),
		TEST(a_list_fits_when_it_ends_at_the_last_column),
		TEST(building_remembers_what_could_not_be_allocated),
		TEST(a_copy_is_equal_and_separate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
