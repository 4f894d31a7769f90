/* What stands before the stream in a state's file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "xend/state.h"

static char path[] = "/tmp/test_state.XXXXXX";
static int fd;
static struct fault fault;

static void put(const void *data, size_t len)
{
	memset(&fault, 0, sizeof(fault));
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(write(fd, data, len), len);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
}

static void refused(const char *words)
{
	char *config;

	CHECK_EQ(state_head_read(fd, &config, &fault), -EINVAL);
	CHECK(!config);
	CHECK_STR(fault.text, words);
}

static void a_configuration_comes_back(void)
{
	char *config, rest[8] = "";

	put("", 0);
	CHECK_EQ(state_head_write(fd, "(domain (name x))", &fault), 0);
	CHECK_EQ(write(fd, "stream", 6), 6);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(state_head_read(fd, &config, &fault), 0);
	CHECK_STR(config, "(domain (name x))");
	CHECK_EQ(read(fd, rest, 6), 6);
	CHECK_STR(rest, "stream");
	free(config);
}

/* xendomains looks for the sixteen bytes, and so may others. */
static void it_begins_as_it_always_has(void)
{
	char head[20 + 3];

	put("", 0);
	CHECK_EQ(state_head_write(fd, "(x)", &fault), 0);
	CHECK_EQ(pread(fd, head, sizeof(head), 0), sizeof(head));
	CHECK_MEM(head, "LinuxGuestRecord\0\0\0\3(x)", sizeof(head));
}

static void other_files_are_told_in_xends_words(void)
{
	put("", 0);
	refused("not a valid guest state file: signature read");
	put("LinuxGuestRec", 13);
	refused("not a valid guest state file: signature read");
	put("#!/bin/sh\necho \033[1;31m", 22);
	refused("not a valid guest state file: found '#!/bin/sh?echo ?'");
	put("LinuxGuestRecord\0\0", 18);
	refused("not a valid guest state file: config size read");
	put("LinuxGuestRecord\377\377\377\377", 20);
	refused("not a valid guest state file: config size read");
	put("LinuxGuestRecord\0\0\0\11(domain", 27);
	refused("not a valid guest state file: config read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_configuration_comes_back),
		TEST(it_begins_as_it_always_has),
		TEST(other_files_are_told_in_xends_words),
	};
	int rc;

	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	unlink(path);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	close(fd);
	return rc;
}
