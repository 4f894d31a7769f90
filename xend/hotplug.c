/* Scripts: their words, their start, their time, what they said. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/loop.h"
#include "xend/child.h"
#include "xend/hotplug.h"

#define SAID_MAX 4096			/* bytes of a script's words that are kept */
#define SAID_LINES 6			/* lines of them that a person sees */
#define NS_PER_MS 1000000ULL

const char *hotplug_dir(void)
{
	const char *dir = getenv("XEN_SCRIPT_DIR");

	return dir && *dir == '/' ? dir : HOTPLUG_DIR;
}

/* ----------------------------------------------------------------- words */

int hotplug_arg(struct hotplug *h, const char *word)
{
	if (h->args == HOTPLUG_ARGS)
		return -EINVAL;
	h->arg[h->args] = strdup(word);
	return h->arg[h->args] ? (h->args++, 0) : -ENOMEM;
}

int hotplug_env(struct hotplug *h, const char *name, const char *value)
{
	if (h->envs == HOTPLUG_ENV)
		return -EINVAL;
	if (asprintf(&h->env[h->envs], "%s=%s", name, value) < 0)
		return -ENOMEM;
	h->envs++;
	return 0;
}

void hotplug_free(struct hotplug *h)
{
	while (h->args)
		free(h->arg[--h->args]);
	while (h->envs)
		free(h->env[--h->envs]);
}

/* A file of a directory of scripts; an absolute path is one already. */
static int path_make(const char *dir, const char *word, char path[HOTPLUG_PATH])
{
	int n = *word == '/' ? snprintf(path, HOTPLUG_PATH, "%s", word)
			     : snprintf(path, HOTPLUG_PATH, "%s/%s", dir, word);

	return n < 0 || n >= HOTPLUG_PATH ? -EINVAL : 0;
}

/* Where ours are kept apart, third parties' are still where they always were. */
static int path_find(const char *word, char path[HOTPLUG_PATH])
{
	char other[HOTPLUG_PATH];
	int rc = path_make(hotplug_dir(), word, path);

	if (rc == 0 && access(path, F_OK) < 0 && path_make(HOTPLUG_DIR, word, other) == 0 &&
	    access(other, F_OK) == 0)
		memcpy(path, other, sizeof other);
	return rc;
}

int hotplug_parse(struct hotplug *h, const char *text)
{
	char *copy = strdup(text), *save = NULL, *word;
	int rc;

	*h = (struct hotplug){ 0 };
	if (!copy)
		return -ENOMEM;
	word = strtok_r(copy, " \t\n", &save);
	rc = word ? path_find(word, h->path) : -EINVAL;
	while (rc == 0 && (word = strtok_r(NULL, " \t\n", &save)))
		rc = hotplug_arg(h, word);
	free(copy);
	return rc;
}

/* ------------------------------------------------------------------ runs */

/* What every script may rely on, beside a PATH; the rest of our environment is none of its business. */
static char *const base_env[] = { "LANG=C", "LC_ALL=C", "HOME=/" };

#define BASE_ENVS (sizeof base_env / sizeof *base_env)

/* Ours first, for that says which of several xenstore-read is meant; then where programs are. */
static char *path_env(char *text, size_t size)
{
	const char *ours = getenv("PATH");

	snprintf(text, size, "PATH=%s%s/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		 ours ? ours : "", ours ? ":" : "");
	return text;
}

static void __attribute__((noreturn)) child_run(const struct hotplug *h, int out, pid_t parent)
{
	char *argv[HOTPLUG_ARGS + 2], *envp[HOTPLUG_ENV + BASE_ENVS + 2];
	int null = open("/dev/null", O_RDONLY);
	size_t n = 0;
	char path[4096];

	setpgid(0, 0);
	child_die_with(parent);
	child_signals_default();
	argv[0] = (char *)(uintptr_t)h->path;
	memcpy(argv + 1, h->arg, h->args * sizeof *argv);
	argv[h->args + 1] = NULL;
	for (size_t i = 0; i < h->envs; i++)
		envp[n++] = h->env[i];
	for (size_t i = 0; i < BASE_ENVS; i++)
		envp[n++] = base_env[i];
	envp[n++] = path_env(path, sizeof path);
	envp[n] = NULL;
	if (null >= 0)
		dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	execve(h->path, argv, envp);
	dprintf(2, "%s: %s\n", h->path, strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Its last words are worth more than its first. */
static void keep_words(struct buf *said, const char *data, size_t n)
{
	if (buf_add(said, data, n) < 0)
		said->failed = false;
	if (said->len > SAID_MAX)
		buf_consume(said, said->len - SAID_MAX);
}

static void read_words(int fd, struct buf *said)
{
	char part[1024];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0)
		keep_words(said, part, (size_t)n);
}

static int ms_until(uint64_t deadline_ns)
{
	uint64_t now_ns = loop_now_ns();

	return now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns) / NS_PER_MS) + 1;
}

/* Waits for its end, not for the end of its output: a program that it left running may hold
 * that open.  0 or -ETIMEDOUT. */
static int follow(int process, int fd, uint64_t deadline_ns, struct buf *said)
{
	struct pollfd watched[] = {
		{ .fd = process, .events = POLLIN }, { .fd = fd, .events = POLLIN },
	};

	for (;;) {
		int left_ms = ms_until(deadline_ns);

		if (!left_ms)
			return -ETIMEDOUT;
		if (poll(watched, 2, left_ms) < 0 && errno != EINTR)
			return -errno;
		if (watched[1].revents) {
			read_words(fd, said);
			if (watched[1].revents & POLLHUP)
				watched[1].fd = -1;
		}
		if (watched[0].revents)
			return 0;
	}
}

/* The last few lines, without an empty end. */
static void trim_words(struct buf *said)
{
	size_t lines = 0;

	while (said->len && strchr(" \t\r\n", said->data[said->len - 1]))
		said->len--;
	for (size_t i = said->len; i > 0; i--)
		if (said->data[i - 1] == '\n' && ++lines == SAID_LINES) {
			buf_consume(said, i);
			return;
		}
}

static void write_log(const struct hotplug *h, const struct buf *said, int rc)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	int fd = open(HOTPLUG_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	if (fd < 0)
		return;
	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	dprintf(fd, "[%s] %s %s: %s %d\n%.*s%s", when, h->path, h->args ? h->arg[0] : "",
		rc == -ETIMEDOUT ? "killed after its time limit," : "status", rc, (int)said->len,
		said->data ? said->data : "", said->len ? "\n" : "");
	close(fd);
}

static int collect(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_child(pid_t pid, int fd, int limit_ms, struct buf *said)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int status, rc = process < 0 ? -errno : 0;

	if (rc == 0) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		rc = follow(process, fd, loop_now_ns() + (uint64_t)limit_ms * NS_PER_MS, said);
		close(process);
	}
	if (rc < 0) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);	/* it may not have made its group yet */
	}
	status = collect(pid);
	read_words(fd, said);
	return rc < 0 ? rc : status;
}

int hotplug_run(const struct hotplug *h, int limit_ms, struct buf *said)
{
	pid_t parent = getpid(), pid;
	int fd[2], rc;

	buf_clear(said);
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child_run(h, fd[1], parent);
	rc = pid < 0 ? -errno : 0;
	close(fd[1]);
	if (rc == 0)
		rc = run_child(pid, fd[0], limit_ms, said);
	close(fd[0]);
	write_log(h, said, rc);
	trim_words(said);
	return rc;
}
