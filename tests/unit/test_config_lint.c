/* xend/config_lint.c: xm lint. */
#include "check.h"
#include "config_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int lint(const char *text, char **report)
{
	struct config_source src = { .file = "f", .text = text, .length = strlen(text) };
	size_t length;
	FILE *out = open_memstream(report, &length);
	int rc = config_lint(&src, out);

	fclose(out);
	return rc;
}

static void lint_reports_everything_not_only_the_first(void)
{
	static const char script[] =
		"kernel = '/nonexistent/vmlinuz'\nmemroy = 64\nmaxmem = 'abc'\nvcpus = 9999\n"
		"disk = [ 'phy:a', 'phy:b,nope,w', 'phy:c,xvda,q' ]\nvif = [ 'foo=1', 'rate=abc' ]\n"
		"on_crash = 'crash'\nrestart = 'foo'\n";
	static const char *const lines[] = {
		"f:1:10: warning: kernel: '/nonexistent/vmlinuz' cannot be read here: No such file or directory\n",
		"f:2:10: warning: 'memroy' is not a variable of xm: did you mean 'memory'?\n",
		"f:3:10: error: Invalid value: abc (maxmem must be an integer)\n",
		"f:4:9: error: Invalid value: 9999 (expected 1 to 128)\n",
		"f:5:10: error: Invalid disk specifier: phy:a",
		"f:5:19: error: Unable to find number for device (nope)",
		"f:5:35: error: Invalid mode",
		"f:6:9: error: Invalid vif option: foo",
		"f:6:18: warning: vif: rate 'abc' is malformed",
		"f:7:12: error: Invalid event handling mode: crash",
		"f:8:11: warning: restart = 'foo' means nothing",
	};
	char *report;

	CHECK_EQ(lint(script, &report), 7);
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (!strstr(report, lines[i]))
			printf("# missing: %s\n# in: %s\n", lines[i], report);
		CHECK(strstr(report, lines[i]));
	}
	free(report);
}

static void lint_says_what_only_xl_knows(void)
{
	char *report;

	CHECK_EQ(lint("type = 'hvm'\nfirmware = 'uefi'\ncap = 50\n", &report), 0);
	CHECK_STR(report, "f:2:12: warning: firmware is a variable of xl that has no effect here\n");
	free(report);
}

static void lint_is_silent_about_what_is_right(void)
{
	char *report;

	CHECK_EQ(lint("kernel = '/dev/null'\nmemory = 64\ndisk = [ 'phy:a,xvda,w' ]\nvif = [ '' ]\n", &report), 0);
	CHECK_STR(report, "");
	free(report);
	CHECK_EQ(lint("memory = 64\n", &report), 0);
	CHECK_STR(report, "f: warning: neither kernel nor bootloader is set: "
		  "the domain has nothing to boot\n");
	free(report);
}

static void lint_reports_syntax_errors_and_missing_files(void)
{
	struct config_source src = { .file = "/nonexistent/cfg" };
	char *report = NULL;
	size_t length;
	FILE *out;

	CHECK_EQ(lint("x = = 1\n", &report), 1);
	CHECK_STR(report, "f:1:5: error: expected a value, found '='\n");
	free(report);
	report = NULL;
	out = open_memstream(&report, &length);
	CHECK_EQ(config_lint(&src, out), 1);
	fclose(out);
	CHECK(strstr(report, "Unable to open config file: /nonexistent/cfg"));
	free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lint_reports_everything_not_only_the_first),
		TEST(lint_says_what_only_xl_knows),
		TEST(lint_is_silent_about_what_is_right),
		TEST(lint_reports_syntax_errors_and_missing_files),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
