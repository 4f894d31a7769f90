/* Scripts: their words, their environment, their time, and what is left of what they said. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check.h"
#include "xend/hotplug.h"

#define SIGNALS 0x7fffffff	/* signal(7)'s standard ones; the C library keeps 32 and 33 to itself */

static struct buf said;

/* Runs the text as a script. */
static int run(struct hotplug *h, const char *text, int limit_ms)
{
	int rc;

	strcpy(h->path, "/bin/sh");
	CHECK_EQ(hotplug_arg(h, "-c"), 0);
	CHECK_EQ(hotplug_arg(h, text), 0);
	rc = hotplug_run(h, limit_ms, &said);
	hotplug_free(h);
	return rc;
}

static void a_script_is_a_file_of_its_directory_with_words(void)
{
	struct hotplug h;

	CHECK_EQ(hotplug_parse(&h, "vif-bridge bridge=xenbr1  a=b"), 0);
	CHECK_STR(h.path, "/etc/xen/scripts/vif-bridge");
	CHECK_EQ(h.args, 2);
	CHECK_STR(h.arg[0], "bridge=xenbr1");
	CHECK_STR(h.arg[1], "a=b");
	hotplug_free(&h);
	CHECK_EQ(hotplug_parse(&h, "/opt/script"), 0);
	CHECK_STR(h.path, "/opt/script");
	hotplug_free(&h);
	CHECK_EQ(hotplug_parse(&h, "  "), -EINVAL);
	hotplug_free(&h);
	CHECK_EQ(hotplug_parse(&h, "s 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"), -EINVAL);
	hotplug_free(&h);
}

static void its_status_and_its_words_come_back(void)
{
	struct hotplug h = { 0 };

	CHECK_EQ(run(&h, "echo one; echo two >&2; exit 3", 10000), 3);
	CHECK_STR(buf_string(&said), "one\ntwo");
	CHECK_EQ(run(&h, "kill -TERM $$", 10000), 128 + SIGTERM);
	strcpy(h.path, "/nonexistent/script");
	CHECK_EQ(hotplug_run(&h, 10000, &said), 127);
	CHECK(strstr(buf_string(&said), "No such file or directory"));
}

static void it_has_our_variables_and_not_our_environment(void)
{
	struct hotplug h = { 0 };

	setenv("SECRET", "of ours", 1);
	CHECK_EQ(hotplug_env(&h, "XENBUS_PATH", "backend/vbd/5/51712"), 0);
	CHECK_EQ(run(&h, "echo $XENBUS_PATH/$SECRET/$LANG; cat", 10000), 0);
	CHECK_STR(buf_string(&said), "backend/vbd/5/51712//C");
}

/* As it may be with xend: it ignores some and blocks others, and nohup had it ignore one more. */
static void it_ignores_and_blocks_no_signal_for_our_sake(void)
{
	struct hotplug h = { .path = "/bin/grep" };	/* a shell would clear its mask itself */
	unsigned long is_blocked, is_ignored;
	sigset_t blocked;
	int rc;

	CHECK_EQ(hotplug_arg(&h, "Sig[BI]"), 0);
	CHECK_EQ(hotplug_arg(&h, "/proc/self/status"), 0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	rc = hotplug_run(&h, 10000, &said);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	hotplug_free(&h);
	CHECK_EQ(rc, 0);
	CHECK_EQ(sscanf(buf_string(&said), "SigBlk: %lx SigIgn: %lx", &is_blocked, &is_ignored), 2);
	CHECK_EQ(is_blocked & SIGNALS, 0);
	CHECK_EQ(is_ignored & SIGNALS, 0);
}

static void only_the_last_lines_are_kept(void)
{
	struct hotplug h = { 0 };

	CHECK_EQ(run(&h, "i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); echo line $i; done", 60000), 0);
	CHECK_STR(buf_string(&said), "line 4995\nline 4996\nline 4997\nline 4998\nline 4999\nline 5000");
}

static bool is_running(pid_t pid)
{
	for (int i = 0; i < 100 && kill(pid, 0) == 0; i++)
		usleep(20000);
	return kill(pid, 0) == 0;
}

static void one_that_hangs_is_killed_with_all_that_it_started(void)
{
	struct hotplug h = { 0 };
	char path[] = "/tmp/test-hotplug.XXXXXX", text[128];
	int fd = mkstemp(path);
	FILE *f;
	long pid = 0;

	CHECK(fd >= 0);
	close(fd);
	snprintf(text, sizeof text, "echo waiting; sleep 1000 & echo $! >%s; wait", path);
	CHECK_EQ(run(&h, text, 500), -ETIMEDOUT);
	CHECK_STR(buf_string(&said), "waiting");
	f = fopen(path, "r");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%ld", &pid), 1);
	fclose(f);
	unlink(path);
	/* What init has not collected yet is a zombie of no harm; where there is no init, it stays. */
	snprintf(text, sizeof text, "/proc/%ld/stat", pid);
	f = fopen(text, "r");
	if (f) {
		char state = '?';

		if (fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z')
			CHECK(!is_running((pid_t)pid));
		fclose(f);
	}
}

/* nbd-client, qemu-nbd: they stay, and hold what they were given open. */
static void a_program_that_it_leaves_running_does_not_hold_it_up(void)
{
	struct hotplug h = { 0 };

	CHECK_EQ(run(&h, "sleep 5 & echo left", 4000), 0);
	CHECK_STR(buf_string(&said), "left");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_script_is_a_file_of_its_directory_with_words),
		TEST(its_status_and_its_words_come_back),
		TEST(it_has_our_variables_and_not_our_environment),
		TEST(it_ignores_and_blocks_no_signal_for_our_sake),
		TEST(only_the_last_lines_are_kept),
		TEST(one_that_hangs_is_killed_with_all_that_it_started),
		TEST(a_program_that_it_leaves_running_does_not_hold_it_up),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&said);
	return failed;
}
