/* xend/config_check.c and config_disk.c: lists of CPUs, device names and rates as numbers. */
#include "check.h"
#include "config_view.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

static void cpu_lists_apply_from_left_to_right(void)
{
	static const struct { const char *text, *map; } row[] = {
		{ "0-3,5,^1", "10110100" }, { "", "11111111" }, { "all", "11111111" }, { "all,^0", "01111111" },
		{ "^1,0-2", "11100000" }, { "7", "00000001" }, { " 0 - 1 , 3", "11010000" }, { "9", "00000000" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		char text[9] = "";
		bool map[8];

		CHECK_EQ(config_cpus_parse(row[i].text, map, 8, &err), 0);
		for (int n = 0; n < 8; n++)
			text[n] = map[n] ? '1' : '0';
		CHECK_STR(text, row[i].map);
	}
}

static void bad_cpu_lists_name_the_part(void)
{
	static const struct { const char *text, *part; } row[] = {
		{ "a", "a" }, { "0,b,1", "b" }, { "3-1", "3-1" }, { "1-", "1-" }, { "^", "^" }, { "0-99999", "0-99999" },
		{ "-1", "-1" }, { "1 2", "1 2" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		bool map[8];

		CHECK_EQ(config_cpus_parse(row[i].text, map, 8, &err), -EINVAL);
		CHECK_STR(err.text, row[i].part);
	}
}

static void device_names_have_their_numbers(void)
{
	static const struct { const char *dev; uint32_t number; } row[] = {
		{ "hda", 768 }, { "hda1", 769 }, { "hdb", 832 }, { "hdc:cdrom", 5632 }, { "hdt63", 91u << 8 | 127 },
		{ "sda", 2048 }, { "sda1", 2049 }, { "sdb", 2064 }, { "sdq", 65u << 8 }, { "sdz", 65u << 8 | 9 << 4 },
		{ "sdaa", 65u << 8 | 10 << 4 }, { "xvda", 51712 }, { "xvda1", 51713 }, { "xvdb", 51728 },
		{ "xvdp15", 51967 }, { "xvdq", 1u << 28 | 16 << 8 }, { "xvda16", 1u << 28 | 16 },
		{ "ioemu:hda", 768 }, { "/dev/xvda", 51712 }, { "0x301", 769 }, { "301", 769 },
	};
	static const char *const bad[] = { "", "hd", "hdu", "hda64", "sda16", "xvd", "xvd1", "nope", "hdaa",
		"sdzz", "hda0", "hda1x", "xvda 1", "0x", "fffffffff" };

	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t number = 0;

		if (config_vdev_parse(row[i].dev, &number) || number != row[i].number)
			printf("# %s: %u\n", row[i].dev, number);
		CHECK_EQ(number, row[i].number);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint32_t number;

		if (!config_vdev_parse(bad[i], &number))
			printf("# %s: %u\n", bad[i], number);
		CHECK_EQ(config_vdev_parse(bad[i], &number), -EINVAL);
	}
}

static void rates_are_bytes_per_interval(void)
{
	static const struct { const char *text; uint64_t bytes, us; } row[] = {
		{ "10MB/s@20ms", 200000, 20000 }, { "1MB/s", 50000, 50000 }, { "8Mb/s", 50000, 50000 },
		{ "100KB/s@1s", 100000, 1000000 }, { "1GB/s@500us", 500000, 500 }, { "80b/s@1s", 10, 1000000 },
	};
	static const char *const bad[] = { "abc", "", "10", "10MB", "10MB/s@", "10MB/s@5", "10MB/s@0ms", "10XB/s",
		"-1MB/s", "99999999999999999999B/s", "18446744073709551615GB/s", "10MB/s@20msx" };

	for (size_t i = 0; i < COUNT(row); i++) {
		uint64_t bytes, us;

		CHECK_EQ(config_rate_parse(row[i].text, &bytes, &us), 0);
		CHECK_EQ(bytes, row[i].bytes);
		CHECK_EQ(us, row[i].us);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t bytes, us;

		CHECK_EQ(config_rate_parse(bad[i], &bytes, &us), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_lists_apply_from_left_to_right),
		TEST(bad_cpu_lists_name_the_part),
		TEST(device_names_have_their_numbers),
		TEST(rates_are_bytes_per_interval),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
