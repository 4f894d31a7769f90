#include "check.h"

#include <string.h>

#include "cmdline.h"
#include "errno.h"
#include "options.h"
#include "printk.h"
#include "string.h"

static char said[4096];

/* What options.c logs. */
void printk(const char *format, ...)
{
	size_t used = strlen(said);
	va_list args;

	va_start(args, format);
	__builtin_vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t n = strlen(from);

	memcpy(to, from, n < size ? n + 1 : size);
	to[size - 1] = 0;
	return n;
}

static const char *complaints(const char *line)
{
	said[0] = 0;
	options_parse(line);
	return said;
}

static void words_set_their_options(void)
{
	CHECK_STR(complaints("com1=115200,8n1 console=com1,vga conring_size=128k sync_console "
			     "maxcpus=4 mem=2G sched=credit2"), "");
	CHECK_STR(options.com[0], "115200,8n1");
	CHECK_STR(options.console, "com1,vga");
	CHECK_EQ(options.conring_size, 128 << 10);
	CHECK(options.sync_console);
	CHECK_EQ(options.maxcpus, 4);
	CHECK_EQ(options.mem, 2UL << 30);
	CHECK_STR(options.sched, "credit2");
}

static void booleans_take_all_spellings(void)
{
	static const char *const off[] = { "no-smp", "nosmp", "smp=no", "smp=off", "smp=0",
					   "smp=false", "smp=disable" };
	static const char *const on[] = { "smp", "smp=yes", "smp=on", "smp=1", "smp=true", "smp=enable" };

	for (unsigned int i = 0; i < sizeof(off) / sizeof(*off); i++) {
		options.smp = true;
		CHECK_STR(complaints(off[i]), "");
		CHECK(!options.smp);
	}
	for (unsigned int i = 0; i < sizeof(on) / sizeof(*on); i++) {
		options.smp = false;
		CHECK_STR(complaints(on[i]), "");
		CHECK(options.smp);
	}
	CHECK_STR(complaints("noapic noreboot watchdog no-watchdog"), "");
	CHECK(!options.ioapic && options.apic && options.noreboot && !options.watchdog);
}

static void an_unknown_word_is_named_in_the_log(void)
{
	complaints("flux_capacitor=1.21 nonsense");
	CHECK(strstr(said, "\"flux_capacitor=1.21\" is not known"));
	CHECK(strstr(said, "\"nonsense\" is not known"));
}

static void a_bad_value_is_named_and_changes_nothing(void)
{
	options.maxcpus = 3;
	options.mem = 1;
	complaints("maxcpus=x mem=1Q maxcpus=5000000000 smp=maybe nosmp=1 mem=99999999T");
	CHECK(strstr(said, "\"maxcpus=x\" has a value"));
	CHECK(strstr(said, "\"mem=1Q\" has a value"));
	CHECK(strstr(said, "\"smp=maybe\" has a value"));
	CHECK(strstr(said, "\"nosmp=1\" has a value"));
	CHECK(strstr(said, "\"mem=99999999T\" has a value"));
	CHECK_EQ(options.maxcpus, 3);
	CHECK_EQ(options.mem, 1);
}

static void a_word_longer_than_any_option_is_refused(void)
{
	char line[600];

	memset(line, 'x', sizeof(line));
	memcpy(line, "com1=", 5);
	line[sizeof(line) - 1] = 0;
	complaints(line);
	CHECK(strstr(said, "is too long"));
	line[100] = 0;
	complaints(line);
	CHECK(strstr(said, "has a value"));
}

static void everything_behind_two_dashes_is_somebody_elses(void)
{
	options.maxcpus = 1;
	CHECK_STR(complaints("maxcpus=2 -- maxcpus=3 whatever"), "");
	CHECK_EQ(options.maxcpus, 2);
}

static void dom0_mem_takes_min_and_max_in_any_order(void)
{
	CHECK_STR(complaints("dom0_mem=min:256M,1G,max:2G"), "");
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem, 8UL << 30), 1UL << 30);
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem_min, 8UL << 30), 256UL << 20);
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem_max, 8UL << 30), 2UL << 30);
	CHECK_STR(complaints("dom0_mem=512M"), "");
	CHECK(!options.dom0_mem_min.is_given && !options.dom0_mem_max.is_given);
	CHECK_STR(complaints("dom0_mem=524288"), "");	/* KiB are the default unit */
	CHECK_EQ(options.dom0_mem.bytes, 512UL << 20);
}

static void dom0_mem_may_be_relative(void)
{
	CHECK_STR(complaints("dom0_mem=-1G,max:50%+256M"), "");
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem, 4UL << 30), 3UL << 30);
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem, 1UL << 29), 0);
	CHECK_EQ(mem_amount_bytes(&options.dom0_mem_max, 1000UL << 30), (500UL << 30) + (256UL << 20));
}

static void a_malformed_dom0_mem_keeps_the_last_good_one(void)
{
	static const char *const bad[] = { "dom0_mem=", "dom0_mem=min", "dom0_mem=1G;", "dom0_mem=101%",
					   "dom0_mem=--1G", "dom0_mem=1G,,2G", "dom0_mem=1G+" };

	complaints("dom0_mem=7M");
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(strstr(complaints(bad[i]), "has a value"));
		CHECK_EQ(options.dom0_mem.bytes, 7 << 20);
	}
}

static void dom0_max_vcpus_is_a_number_or_a_range(void)
{
	CHECK_STR(complaints("dom0_max_vcpus=4"), "");
	CHECK(options.dom0_max_vcpus_min == 4 && options.dom0_max_vcpus_max == 4);
	CHECK_STR(complaints("dom0_max_vcpus=2-8"), "");
	CHECK(options.dom0_max_vcpus_min == 2 && options.dom0_max_vcpus_max == 8);
	CHECK_STR(complaints("dom0_max_vcpus=-3"), "");
	CHECK(options.dom0_max_vcpus_min == 0 && options.dom0_max_vcpus_max == 3);
	CHECK(strstr(complaints("dom0_max_vcpus=8-2"), "value"));
	CHECK(strstr(complaints("dom0_max_vcpus="), "value"));
	CHECK(strstr(complaints("dom0_max_vcpus=1000"), "value"));
	CHECK(strstr(complaints("dom0_max_vcpus=0"), "value"));
}

static void log_levels_have_a_limit_and_a_rate_limit(void)
{
	CHECK_STR(complaints("loglvl=all guest_loglvl=error/debug"), "");
	CHECK(options.loglvl[0] == 4 && options.loglvl[1] == 4);
	CHECK(options.guest_loglvl[0] == 1 && options.guest_loglvl[1] == 4);
	CHECK(strstr(complaints("loglvl=loud"), "value"));
	CHECK(strstr(complaints("loglvl=all/"), "value"));
	CHECK(strstr(complaints("loglvl=error/info/all"), "value"));
	CHECK(strstr(complaints("loglvl="), "value"));
}

static void numbers_that_overflow_are_refused(void)
{
	const char *s = "18446744073709551616";
	uint64_t v;

	CHECK_EQ(parse_number(&s, &v), -EINVAL);
	s = "0xffffffffffffffff,";
	CHECK_EQ(parse_number(&s, &v), 0);
	CHECK(v == ~0UL && *s == ',');
	s = "0x";
	CHECK_EQ(parse_number(&s, &v), 0);
	CHECK(v == 0 && *s == 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_set_their_options),
		TEST(booleans_take_all_spellings),
		TEST(an_unknown_word_is_named_in_the_log),
		TEST(a_bad_value_is_named_and_changes_nothing),
		TEST(a_word_longer_than_any_option_is_refused),
		TEST(everything_behind_two_dashes_is_somebody_elses),
		TEST(dom0_mem_takes_min_and_max_in_any_order),
		TEST(dom0_mem_may_be_relative),
		TEST(a_malformed_dom0_mem_keeps_the_last_good_one),
		TEST(dom0_max_vcpus_is_a_number_or_a_range),
		TEST(log_levels_have_a_limit_and_a_rate_limit),
		TEST(numbers_that_overflow_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
