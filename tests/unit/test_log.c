/* The log: its lines, its levels, and how it makes room. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "xenstore/log.h"

static char dir[] = "/tmp/test-log.XXXXXX", path[64];

static void begin(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -f %s/log*", dir);
	CHECK_EQ(system(command), 0);
	snprintf(path, sizeof path, "%s/log", dir);
	CHECK_EQ(log_open("part", path, LOG_LEVEL_INFO), 0);
}

static long lines(const char *suffix, char *last, size_t size)
{
	char name[80], line[2048];
	long n = 0;
	FILE *f;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	f = fopen(name, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f)) {
		n++;
		if (last)
			snprintf(last, size, "%.*s", (int)size - 1, line);
	}
	fclose(f);
	return n;
}

static void xend_lines_are_those_that_people_grep(void)
{
	char line[256], level[16], part[16];
	int pid, at = 0, year;

	begin();
	log_set_style(LOG_STYLE_XEND);
	log_warn("job %d", 7);
	log_debug("below the level");
	CHECK_EQ(lines("", line, sizeof line), 1);
	CHECK_EQ(sscanf(line, "[%4d-%*d-%*d %*d:%*d:%*d %d] %15s (%15[^)]) job 7%n", &year, &pid,
			level, part, &at), 4);
	CHECK_EQ(line[at], '\n');
	CHECK_EQ(pid, getpid());
	CHECK_STR(level, "WARNING");
	CHECK_STR(part, "part");
	log_set_style(LOG_STYLE_PLAIN);
}

static void a_full_file_is_moved_and_the_oldest_goes(void)
{
	begin();
	log_set_limit(400, 2);
	for (int i = 0; i < 40; i++)
		log_info("some forty bytes of text that count");
	CHECK(lines("", NULL, 0) >= 0);
	CHECK(lines(".1", NULL, 0) > 0);
	CHECK(lines(".2", NULL, 0) > 0);
	CHECK_EQ(lines(".3", NULL, 0), -1);
	log_set_limit(0, 0);
}

/* Workers share the file: were each to move it, they would move each other's. */
static void a_child_never_moves_it(void)
{
	int status;
	pid_t pid;

	begin();
	log_set_limit(400, 2);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 40; i++)
			log_info("some forty bytes of text that count");
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(lines("", NULL, 0), 40);
	CHECK_EQ(lines(".1", NULL, 0), -1);
	log_set_limit(0, 0);
}

static void another_program_may_move_it(void)
{
	char moved[80];

	begin();
	log_info("before");
	snprintf(moved, sizeof moved, "%s.old", path);
	CHECK_EQ(rename(path, moved), 0);
	CHECK_EQ(log_reopen(), 0);
	log_info("after");
	CHECK_EQ(lines("", NULL, 0), 1);
	CHECK_EQ(lines(".old", NULL, 0), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(xend_lines_are_those_that_people_grep),
		TEST(a_full_file_is_moved_and_the_oldest_goes),
		TEST(a_child_never_moves_it),
		TEST(another_program_may_move_it),
	};
	int failed;
	char command[80];

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command) || failed;
}
