/* Words: options as getopt of old took them, memory sizes, cpu lists, the shell's quoting. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "check.h"
#include "xm/numbers.h"
#include "xm/shellwords.h"
#include "xm/xm.h"

static const struct xm_option options[] = {
	{ 'l', "long", NULL, "" }, { 0, "label", NULL, "" }, { 'd', "domain", "D", "" },
	{ 0, "json", NULL, "", true }, { 0, "timeout", "S", "", true }, { 0 },
};
static const struct xm_command plain = { "plain", "", 0, -1, NULL, "", options };
static const struct xm_command raw = { "raw", "", 0, -1, NULL, "", options, XM_RAW };
static const struct xm_command first = { "first", "", 0, -1, NULL, "", options, XM_FIRST };

static struct xm_args a;
static char err[128];

static int parse(const struct xm_command *c, const char *w1, const char *w2, const char *w3)
{
	static char *words[4];
	int n = 0;

	words[n++] = (char *)w1;
	if (w2)
		words[n++] = (char *)w2;
	if (w3)
		words[n++] = (char *)w3;
	words[n] = NULL;
	return xm_args_parse(&a, c, n, words, err, sizeof err);
}

static void options_and_arguments_mix_in_any_order(void)
{
	CHECK_EQ(parse(&plain, "one", "-l", "two"), 0);
	CHECK_EQ(a.argc, 2);
	CHECK_STR(a.argv[1], "two");
	CHECK(xm_opt(&a, "long"));
	CHECK(!xm_opt(&a, "label"));
}

static void values_stand_together_or_apart(void)
{
	CHECK_EQ(parse(&plain, "-dX", "--domain=Y", NULL), 0);
	CHECK_STR(xm_opt(&a, "domain"), "Y");
	CHECK_EQ(parse(&plain, "-d", "Z", NULL), 0);
	CHECK_STR(xm_opt(&a, "domain"), "Z");
	CHECK_EQ(parse(&plain, "--dom", "W", NULL), 0);
	CHECK_STR(xm_opt(&a, "domain"), "W");
}

static void a_first_word_may_be_a_domain_whatever_it_looks_like(void)
{
	CHECK_EQ(parse(&first, "-d", "-l", NULL), 0);
	CHECK_EQ(a.argc, 1);
	CHECK_STR(a.argv[0], "-d");
	CHECK(xm_opt(&a, "long"));
	CHECK_EQ(parse(&first, "--json", "one", NULL), 0);
	CHECK(xm_opt(&a, "json"));
	CHECK_STR(a.argv[0], "one");
}

static void refusals_have_the_words_of_old(void)
{
	CHECK_EQ(parse(&plain, "-x", NULL, NULL), -EINVAL);
	CHECK_STR(err, "option -x not recognized");
	CHECK_EQ(parse(&plain, "--foo", NULL, NULL), -EINVAL);
	CHECK_STR(err, "option --foo not recognized");
	CHECK_EQ(parse(&plain, "-d", NULL, NULL), -EINVAL);
	CHECK_STR(err, "option -d requires argument");
	CHECK_EQ(parse(&plain, "--l", NULL, NULL), -EINVAL);
	CHECK_STR(err, "option --l not a unique prefix");
	CHECK_EQ(parse(&plain, "--long=1", NULL, NULL), -EINVAL);
	CHECK_STR(err, "option --long must not have an argument");
}

static void two_dashes_end_options(void)
{
	CHECK_EQ(parse(&plain, "--", "-l", "--foo"), 0);
	CHECK_EQ(a.argc, 2);
	CHECK(!xm_opt(&a, "long"));
}

static void a_raw_command_takes_negative_numbers(void)
{
	CHECK_EQ(parse(&raw, "D", "-1", NULL), 0);
	CHECK_EQ(a.argc, 2);
	CHECK_EQ(parse(&raw, "D", "--json", NULL), 0);
	CHECK(xm_opt(&a, "json"));
}

static void options_that_are_new_do_not_count(void)
{
	char *words[] = { (char *)"D", (char *)"--json", (char *)"--timeout", (char *)"5",
			  (char *)"-l" };

	CHECK_EQ(xm_args_count(&plain, 5, words), 2);
}

static void memory_counts_mib_unless_told(void)
{
	int64_t mib;
	bool is_odd;

	CHECK_EQ(number_mib("64", &mib, &is_odd), 0);
	CHECK_EQ(mib, 64);
	CHECK_EQ(number_mib("1g", &mib, &is_odd), 0);
	CHECK_EQ(mib, 1024);
	CHECK_EQ(number_mib("2048K", &mib, &is_odd), 0);
	CHECK_EQ(mib, 2);
	CHECK_EQ(number_mib("5x", &mib, &is_odd), 0);
	CHECK(is_odd);
	CHECK_EQ(mib, 0);
	CHECK_EQ(number_mib("", &mib, &is_odd), -EINVAL);
	CHECK_EQ(number_mib("m", &mib, &is_odd), -EINVAL);
	CHECK_EQ(number_mib("6 4", &mib, &is_odd), -EINVAL);
	CHECK_EQ(number_mib("99999999999999999999", &mib, &is_odd), -EINVAL);
}

static void cpu_lists_have_ranges_and_exclusions(void)
{
	char list[256];

	CHECK_EQ(number_cpus("0-3,5,^1", list, sizeof list), 0);
	CHECK_STR(list, "0,2,3,5");
	CHECK_EQ(number_cpus("all", list, sizeof list), 0);
	CHECK_EQ(strncmp(list, "0,1,2,", 6), 0);
	CHECK(strstr(list, ",63"));
	CHECK_EQ(number_cpus("a", list, sizeof list), -EINVAL);
	CHECK_EQ(number_cpus("3-1", list, sizeof list), -EINVAL);
	CHECK_EQ(number_cpus("99999999", list, sizeof list), -EINVAL);
	CHECK_EQ(number_cpus("0-1023", list, sizeof list), -E2BIG);
}

static void the_shell_splits_as_a_shell_does(void)
{
	char line[] = " create 'my file' name=\"a \\\"b\" c\\ d ", open[] = "a 'b";
	char many[] = "1 2 3";
	char *word[5];

	CHECK_EQ(shellwords_split(line, word, 4), 4);
	CHECK_STR(word[0], "create");
	CHECK_STR(word[1], "my file");
	CHECK_STR(word[2], "name=a \"b");
	CHECK_STR(word[3], "c d");
	CHECK(!word[4]);
	CHECK_EQ(shellwords_split(open, word, 4), -EINVAL);
	CHECK_EQ(shellwords_split(many, word, 2), -E2BIG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(options_and_arguments_mix_in_any_order),
		TEST(values_stand_together_or_apart),
		TEST(a_first_word_may_be_a_domain_whatever_it_looks_like),
		TEST(refusals_have_the_words_of_old),
		TEST(two_dashes_end_options),
		TEST(a_raw_command_takes_negative_numbers),
		TEST(options_that_are_new_do_not_count),
		TEST(memory_counts_mib_unless_told),
		TEST(cpu_lists_have_ranges_and_exclusions),
		TEST(the_shell_splits_as_a_shell_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
