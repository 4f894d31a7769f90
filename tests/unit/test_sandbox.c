#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "xend/sandbox.h"

static const struct sandbox_limits limits = { .memory = 64 << 20, .file = 1 << 20, .cpu_s = 10 };

/* Run `act` in the cage; its descriptor is a pipe that it may write to.  Returns how it ended. */
static int caged(void (*act)(int out), char *said)
{
	int ends[2], status = 0;
	pid_t pid;

	*said = '-';
	CHECK_EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		if (sandbox_enter(&ends[1], 1, &limits))
			_exit(99);
		act(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(read(ends[0], said, 1) >= 0);
	close(ends[0]);
	CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 99);
	return status;
}

static void say(int out, char c)
{
	if (write(out, &c, 1) != 1)
		_exit(1);
}

static void act_work(int out)
{
	char *p = malloc(1 << 20);

	if (p)
		p[12345] = 1;
	say(out, p ? 'w' : 'x');
	free(p);
}

static void the_child_may_compute_allocate_and_answer(void)
{
	char said;
	int status = caged(act_work, &said);

	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	CHECK_EQ(said, 'w');
}

static void act_wait(int out)
{
	struct timespec wait = { .tv_nsec = 1000000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(out, &set);
	say(out, pselect(out + 1, NULL, &set, NULL, &wait, NULL) == 1 ? 'r' : 'n');
}

static void the_child_may_wait_for_what_it_was_given(void)
{
	char said;
	int status = caged(act_wait, &said);

	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	CHECK_EQ(said, 'r');
}

static void act_open(int out)
{
	say(out, open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? 'n' : 'y');
}

static void act_socket(int out)
{
	say(out, socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 'n' : 'y');
}

static void act_fork(int out)
{
	say(out, fork() < 0 ? 'n' : 'y');
}

static void act_exec(int out)
{
	execl("/bin/true", "true", NULL);
	say(out, 'n');
}

static void act_map_code(int out)
{
	say(out, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? 'n' : 'y');
}

static void act_kill(int out)
{
	say(out, kill(getppid(), 0) ? 'n' : 'y');
}

static void whatever_reaches_outside_kills_it(void)
{
	void (*const acts[])(int) = { act_open, act_socket, act_fork, act_exec, act_map_code,
				      act_kill };
	char said;

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = caged(acts[i], &said);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		CHECK_EQ(said, '-');
	}
}

static int witness;

static void act_witness(int out)
{
	char c;

	say(out, read(witness, &c, 1) < 0 && errno == EBADF ? 'c' : 'o');
}

static void other_descriptors_are_closed(void)
{
	char said;

	witness = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	CHECK(witness > 2);
	caged(act_witness, &said);
	close(witness);
	CHECK_EQ(said, 'c');
}

static void act_hog(int out)
{
	say(out, mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? 'n' : 'y');
}

static void memory_is_limited(void)
{
	char said;

	caged(act_hog, &said);
	CHECK_EQ(said, 'n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_child_may_compute_allocate_and_answer),
		TEST(the_child_may_wait_for_what_it_was_given),
		TEST(whatever_reaches_outside_kills_it),
		TEST(other_descriptors_are_closed),
		TEST(memory_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
