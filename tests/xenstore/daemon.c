#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int taps, failures;

void tap(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++taps);
	failures += !good;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int tap_end(void)
{
	printf("1..%d\n", taps);
	return failures ? 1 : 0;
}

void die(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

void daemon_place(struct daemon *d, const char *program)
{
	d->program = program;
	d->pid = -1;
	snprintf(d->dir, sizeof(d->dir), "%s/xenstored-test.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(d->dir))
		die("%s: %s", d->dir, strerror(errno));
	snprintf(d->socket, sizeof(d->socket), "%s/socket", d->dir);
	setenv("XENSTORED_RUNDIR", d->dir, 1);
	unsetenv("XENSTORED_PATH");
	unsetenv("XENSTORED_ROOTDIR");
}

int daemon_connect(const struct daemon *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, d->socket, strlen(d->socket) + 1);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static void daemon_run(struct daemon *d, char *const *options)
{
	char *args[32] = { (char *)d->program, (char *)"-N" };
	char log[96];
	int fd;

	for (int i = 2; options && *options && i < 31; i++)
		args[i] = *options++;
	snprintf(log, sizeof(log), "%s/log", d->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(d->program, args);
	_exit(127);
}

void daemon_start(struct daemon *d, char *const *options)
{
	const struct timespec pause = { 0, 500000 };
	int status;

	d->pid = fork();
	if (d->pid < 0)
		die("fork: %s", strerror(errno));
	if (!d->pid)
		daemon_run(d, options);
	for (int i = 0; i < 40000; i++) {
		int fd = daemon_connect(d);

		if (fd >= 0) {
			close(fd);
			return;
		}
		if (waitpid(d->pid, &status, WNOHANG) == d->pid)
			die("the daemon ended with status %#x (see %s/log)", status, d->dir);
		nanosleep(&pause, NULL);
	}
	die("the daemon does not serve its socket (see %s/log)", d->dir);
}

void daemon_kill(struct daemon *d, int signal)
{
	int status;

	if (d->pid < 0)
		return;
	kill(d->pid, signal);
	waitpid(d->pid, &status, 0);
	d->pid = -1;
}

void daemon_remove(struct daemon *d)
{
	static const char *const name[] = { "socket", "socket_ro", "store", "log", "store.damaged",
					    "trace" };
	char path[128];

	daemon_kill(d, SIGKILL);
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		snprintf(path, sizeof(path), "%s/%s", d->dir, name[i]);
		unlink(path);
	}
	rmdir(d->dir);
}
