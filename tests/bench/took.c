/*
 * took RUNS COMMAND…: runs the command so many times, one after the other, and prints how many seconds that
 * took.  From vfork to the child's end: no shell that copies itself has a part in it.  What the command prints
 * goes to /dev/null, its errors where took's go; the first run that fails ends it, with 1.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(char **command, const posix_spawn_file_actions_t *actions)
{
	pid_t pid;
	int status = posix_spawnp(&pid, *command, actions, NULL, command, environ);

	if (status) {
		fprintf(stderr, "took: %s: %s\n", *command, strerror(status));
		return status;
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	double began;

	if (argc < 3) {
		fputs("usage: took RUNS COMMAND…\n", stderr);
		return 2;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	began = now();
	for (long i = strtol(argv[1], NULL, 10); i > 0; i--)
		if (run(argv + 2, &actions))
			return 1;
	printf("%.6f\n", now() - began);
	return 0;
}
