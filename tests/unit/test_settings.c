/* xend-config.sxp: defaults, types, and refusals that name the key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"
#include "xend/settings.h"

static char path[] = "/tmp/xend-config-XXXXXX";

static int load(const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f);
	fputs(text, f);
	fclose(f);
	return settings_reload();
}

static void a_missing_file_means_defaults(void)
{
	unlink(path);
	CHECK_EQ(settings_reload(), 0);
	CHECK_STR(settings_text("logfile"), "/var/log/xen/xend.log");
	CHECK_EQ(settings_int("xend-relocation-port"), 8002);
	CHECK(!settings_bool("xend-http-server"));
	CHECK(!settings_text("network-script"));
}

static void values_come_from_the_file(void)
{
	CHECK_EQ(load("# comment\n(xend-http-server yes)\n(dom0-min-mem 196)\n"
		      "(network-script 'network-bridge netdev=eth1')\n(unheard-of 1)\n"), 0);
	CHECK(settings_bool("xend-http-server"));
	CHECK_EQ(settings_int("dom0-min-mem"), 196);
	CHECK_STR(settings_text("network-script"), "network-bridge netdev=eth1");
}

static void wrong_types_are_refused_and_change_nothing(void)
{
	CHECK_EQ(load("(dom0-min-mem 7)"), 0);
	CHECK_EQ(load("(dom0-min-mem many)"), -EINVAL);
	CHECK_STR(settings_error(), "invalid xend config dom0-min-mem: expected int: many");
	CHECK_EQ(settings_int("dom0-min-mem"), 7);
	CHECK_EQ(load("(xend-http-server maybe)"), -EINVAL);
	CHECK_STR(settings_error(), "invalid xend config xend-http-server: expected bool: maybe");
}

static void a_damaged_file_names_the_place(void)
{
	CHECK_EQ(load("(logfile /x)\n(loglevel"), -EINVAL);
	CHECK(strstr(settings_error(), path));
	CHECK(strstr(settings_error(), ":2:"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_missing_file_means_defaults),
		TEST(values_come_from_the_file),
		TEST(wrong_types_are_refused_and_change_nothing),
		TEST(a_damaged_file_names_the_place),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	setenv("XEND_CONFIG", path, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
