/* Jobs' small parts: who the client is, what progress says; and the lock that says who lives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "xend/job.h"
#include "xend/lock.h"

static void states_have_names_and_nothing_else_is_one(void)
{
	CHECK_EQ(job_state_parse("queued"), JOB_QUEUED);
	CHECK_EQ(job_state_parse("cancelled"), JOB_CANCELLED);
	CHECK_EQ(job_state_parse("Done"), -1);
	CHECK_EQ(job_state_parse(NULL), -1);
}

static void progress_is_done_total_and_phase(void)
{
	struct job_progress p;

	CHECK(job_progress_parse("5 10 reading the kernel", &p));
	CHECK_EQ(p.done, 5);
	CHECK_EQ(p.total, 10);
	CHECK_STR(p.phase, "reading the kernel");
	CHECK(!job_progress_parse("reading", &p));
	CHECK(!job_progress_parse("", &p));
}

static void a_client_is_known_by_pid_and_start(void)
{
	char text[48], other[48];

	job_client_print(text, sizeof text);
	CHECK(job_client_is_alive(text));
	snprintf(other, sizeof other, "%d 1", (int)getpid());
	CHECK(!job_client_is_alive(other));	/* the pid is used again, by us */
	CHECK(!job_client_is_alive(""));
	CHECK(!job_client_is_alive("x y"));
	CHECK(!job_client_is_alive("-1 5"));
}

static void a_dead_client_is_told_apart(void)
{
	char text[48] = "";
	int fd[2], status;
	pid_t pid;

	CHECK_EQ(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		job_client_print(text, sizeof text);
		_exit(write(fd[1], text, sizeof text) != sizeof text);
	}
	CHECK_EQ(read(fd[0], text, sizeof text), (ssize_t)sizeof text);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(!job_client_is_alive(text));
	close(fd[0]);
	close(fd[1]);
}

static char path[64];

static void path_new(void)
{
	int fd;

	strcpy(path, "/tmp/lock-XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0);
	close(fd);
}

static void a_lock_has_one_owner_at_a_time(void)
{
	pid_t pid;
	int fd;

	path_new();
	CHECK_EQ(lock_is_held(path, NULL), 0);
	fd = lock_take(path, 0);
	CHECK(fd >= 0);
	CHECK_EQ(lock_take(path, 0), -EBUSY);
	CHECK_EQ(lock_is_held(path, &pid), 1);
	CHECK_EQ(pid, getpid());
	close(fd);
	CHECK_EQ(lock_is_held(path, NULL), 0);
	unlink(path);
	CHECK_EQ(lock_is_held(path, NULL), -ENOENT);
}

static void a_child_holds_its_parents_lock(void)
{
	int fd, go[2], status;
	char byte;
	pid_t pid;

	path_new();
	fd = lock_take(path, 0);
	CHECK_EQ(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);	/* until the parent lets go */
	}
	close(fd);
	CHECK_EQ(lock_is_held(path, NULL), 1);
	close(go[0]);
	close(go[1]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(lock_is_held(path, NULL), 0);
	unlink(path);
}

static void asking_does_not_disturb_who_asks_at_the_same_time(void)
{
	int fd;

	path_new();
	CHECK_EQ(lock_is_held(path, NULL), 0);
	fd = lock_take(path, 100);
	CHECK(fd >= 0);
	close(fd);
	unlink(path);
}

static void paths_of_jobs_are_numbers_below_one_root(void)
{
	char p[JOB_PATH];

	CHECK_STR(job_path(7, "", p), "/tool/xend/jobs/7");
	CHECK_STR(job_path(7, "error/code", p), "/tool/xend/jobs/7/error/code");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(states_have_names_and_nothing_else_is_one),
		TEST(progress_is_done_total_and_phase),
		TEST(a_client_is_known_by_pid_and_start),
		TEST(a_dead_client_is_told_apart),
		TEST(a_lock_has_one_owner_at_a_time),
		TEST(a_child_holds_its_parents_lock),
		TEST(asking_does_not_disturb_who_asks_at_the_same_time),
		TEST(paths_of_jobs_are_numbers_below_one_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
