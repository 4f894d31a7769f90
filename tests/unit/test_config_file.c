/* xend/config.c: files, how they are found, and the examples that we install. */
#include "check.h"
#include "config_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXAMPLES "config-examples/"

static char *write_file(const char *dir, const char *name, const char *text)
{
	char *path;
	FILE *f;

	CHECK(asprintf(&path, "%s/%s", dir, name) > 0);
	f = fopen(path, "w");
	CHECK(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void files_are_searched_along_the_path(void)
{
	char dir[] = "/tmp/config-test-XXXXXX", path[100];
	struct config_source src = { .file = "guest.cfg", .path = path };
	struct config_error err;
	struct config c;
	char *file;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "/nonexistent:%s", dir);
	file = write_file(dir, "guest.cfg", "memory = 77\n");
	CHECK_EQ(config_load(&c, &src, &err), 0);
	CHECK_STR(c.file, file);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 77);
	CHECK_STR(config_text(&c, CONFIG_NAME), "guest.cfg");
	config_free(&c);
	src.file = "missing.cfg";
	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);
	CHECK_STR(err.text, "Unable to open config file: missing.cfg");
	CHECK(err.usage);
	src.file = dir;
	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);	/* a directory is no configuration */
	unlink(file);
	rmdir(dir);
	free(file);
}

static void sxp_files_are_taken_as_they_are(void)
{
	char dir[] = "/tmp/config-test-XXXXXX";
	struct config_source src = { .sxp_file = "/nonexistent/x.sxp" };
	const char *word = "memory=99";
	struct config_error err;
	struct config c;
	char *file, *text;

	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);
	CHECK_STR(err.text, "Cannot read file /nonexistent/x.sxp: No such file or directory");
	CHECK(err.usage);
	CHECK(mkdtemp(dir));
	src.sxp_file = file = write_file(dir, "x.sxp", "(vm (name y) (memory 5) (unknown 1)) (second)");
	CHECK_EQ(config_load(&c, &src, &err), 0);
	text = one_line(&c);
	CHECK_STR(text, "(vm (name y) (memory 5) (unknown 1))");
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 5);
	free(text);
	config_free(&c);
	src.override = &word;
	src.overrides = 1;
	CHECK_EQ(config_load(&c, &src, &err), 0);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 99);
	text = one_line(&c);
	CHECK(strstr(text, "(memory 99)"));
	free(text);
	config_free(&c);
	src.overrides = 0;
	free(write_file(dir, "x.sxp", "(vm\n  (name"));
	CHECK_EQ(config_load(&c, &src, &err), -EINVAL);
	CHECK(strstr(err.text, "expected ')'"));
	CHECK_EQ(err.where.line, 2);
	unlink(file);
	rmdir(dir);
	free(file);
}

static void every_example_evaluates_and_is_accepted(void)
{
	static const struct { const char *file, *word, *part; } row[] = {
		{ "xmexample1", NULL, "(image (linux (kernel" },
		{ "xmexample2", "vmid=3", "(name VM3)" },
		{ "xmexample3", "vmid=2", "(name VM2)" },
		{ "xmexample.hvm", NULL, "(image (hvm (kernel" },
		{ "xmexample.hvm-stubdom", NULL, "(image (hvm (kernel" },
		{ "xmexample.pygrub", NULL, "(bootloader /usr/bin/pygrub) (bootloader_args -q)" },
		{ "xmexample.pv-grub", NULL, "(kernel /usr/lib/grub-xen/grub-x86_64-xen.bin)" },
		{ "xmexample.nbd", NULL, "(uname 'nbd:" },
		{ "xmexample.vti", NULL, "(guest_os_type default)" },
		{ "xmexample.nfs", NULL, "nfsroot=" },
		{ "xmexample.phy", NULL, "(uname phy:/dev/disk/by-id/" },
		{ "xmexample.lvm", NULL, "(uname phy:vg0/example-root)" },
		{ "xmexample.image", NULL, "(tap (uname tap:aio:/var/lib/" },
		{ "xmexample.net", NULL, "(script vif-nat)" },
		{ "xmexample.many", NULL, "(dev xvdd)" },
		{ "xmexample.xl", NULL, "(name ExampleXL)" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_source src = { .override = &row[i].word, .overrides = row[i].word != NULL };
		char path[100], *text;
		struct config_error err;
		struct config c;
		int rc;

		snprintf(path, sizeof(path), EXAMPLES "%s", row[i].file);
		src.file = path;
		rc = config_load(&c, &src, &err);
		if (rc == 0)
			rc = config_check(&c, &err);
		if (rc)
			printf("# %s:%u:%u: %s\n", path, err.where.line, err.where.column, err.text);
		CHECK_EQ(rc, 0);
		for (size_t k = 0; k < c.warnings; k++)
			printf("# %s: %s\n", path, c.warning[k].text);
		CHECK_EQ(c.warnings, 0);
		text = one_line(&c);
		if (!strstr(text, row[i].part))
			printf("# %s: %s\n", path, text);
		CHECK(strstr(text, row[i].part));
		free(text);
		config_free(&c);
	}
}

static void examples_that_need_a_vmid_say_so(void)
{
	struct config_source src = { .file = EXAMPLES "xmexample2" };
	struct config_error err;
	struct config c;

	CHECK_EQ(config_load(&c, &src, &err), -EINVAL);
	CHECK_STR(err.text, "vmid - int() argument must be a string or a number, not 'NoneType'");
	CHECK(strstr(err.hint, "vmid=…"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_searched_along_the_path),
		TEST(sxp_files_are_taken_as_they_are),
		TEST(every_example_evaluates_and_is_accepted),
		TEST(examples_that_need_a_vmid_say_so),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
