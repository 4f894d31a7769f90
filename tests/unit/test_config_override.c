/* xend/config.c: variables on the command line. */
#include "check.h"
#include "config_view.h"

#include <errno.h>

static void misspelt_overrides_get_a_suggestion(void)
{
	static const char *const words[] = { "memroy=64", "vmid=3" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, "", words, COUNT(words), &err), 0);
	CHECK_EQ(c.warnings, 1);
	CHECK_STR(c.warning[0].text, "'memroy' is not a variable of xm: did you mean 'memory'?");
	CHECK_EQ(c.warning[0].where.line, 0);
	config_free(&c);
}

static void the_command_line_wins_over_the_file(void)
{
	static const char script[] = "memory = 64\nname = 'file'\nusb = 1\ndisk = [ 'phy:a,xvda,w' ]\n"
		"extra = 'vm%s' % vmid\nvif = []\n";
	static const char *const words[] = { "memory=32", "name=x", "usb=no", "vmid=7", "vcpu_avail=0x3",
		"disk=file:/a,xvdb,r", "disk=file:/b,xvdc,w", "vif=", "paused=1", "cpus=0-1" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, script, words, COUNT(words), &err), 0);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 32);
	CHECK_STR(config_text(&c, CONFIG_NAME), "x");
	CHECK_EQ(config_int(&c, CONFIG_USB, 1), 0);
	CHECK_EQ(config_int(&c, CONFIG_VCPU_AVAIL, 0), 3);
	CHECK_STR(config_text(&c, CONFIG_EXTRA), "vm7");
	CHECK_STR(config_text(&c, CONFIG_CPUS), "0-1");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 0), "uname"), "file:/a");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 1), "dev"), "xvdc");
	CHECK(!config_device_find(&c, "vbd", 2));
	CHECK(config_device_find(&c, "vif", 0));
	CHECK_EQ(c.option.paused, 1);
	CHECK_EQ(c.option.quiet, -1);
	config_free(&c);
}

static void unquoted_overrides_need_no_file_of_sense(void)
{
	/* obs-build: xm create -c CFG name=… disk=file:…,hda1,w extra=… */
	static const char *const words[] = { "name=build:1", "memory=512", "kernel=/boot/vmlinuz",
		"disk=file:/var/cache/build/root,hda1,w", "disk=phy:/dev/vg/swap,hda2,w",
		"extra=quiet init=/bin/sh panic=1 a=b" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, "", words, COUNT(words), &err), 0);
	CHECK_STR(config_text(&c, CONFIG_EXTRA), "quiet init=/bin/sh panic=1 a=b");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 1), "uname"), "phy:/dev/vg/swap");
	CHECK_EQ(config_check(&c, &err), 0);
	config_free(&c);
}

static void bad_overrides_are_refused_in_xms_words(void)
{
	static const struct { const char *word, *text; } row[] = {
		{ "memory=abc", "Invalid value: abc" }, { "memory=", "Invalid value: " },
		{ "memory=12x", "Invalid value: 12x" },
		{ "memory=99999999999999999999", "Invalid value: 99999999999999999999" },
		{ "usb=1", "Invalid value:1" }, { "usb=maybe", "Invalid value:maybe" },
		{ "vcpu_avail=zz", "Invalid value: zz" }, { "disk=x", "Invalid disk specifier: x" },
		{ "vif=foo=1", "Invalid vif option: foo" }, { "=x", "Invalid variable setting: =x" },
		{ "a b=x", "Invalid variable setting: a b=x" }, { "irq=a", "irq: Invalid config setting irq: a" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		struct config c;

		CHECK_EQ(load(&c, "", &row[i].word, 1, &err), -EINVAL);
		CHECK_STR(err.text, row[i].text);
		CHECK(!err.usage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(misspelt_overrides_get_a_suggestion),
		TEST(the_command_line_wins_over_the_file),
		TEST(unquoted_overrides_need_no_file_of_sense),
		TEST(bad_overrides_are_refused_in_xms_words),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
