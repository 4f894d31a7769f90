/* A boot loader's process.  It dies with us, and it has a terminal only while somebody looks. */
#include "xend/bootloader_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xend/child.h"
#include "xenstore/unixsock.h"

struct run {
	int master;			/* the terminal's other side, -1: it has none */
	int viewer;			/* who looks, -1: nobody */
	int words;			/* its stderr */
	int pidfd;
	pid_t pid;
	char *text;			/* what it said on stderr */
	size_t used, size;
};

/* ------------------------------------------------------------------ viewer */

/* Listens in our private directory, so that only root can come. */
static int viewer_listen(const char *path)
{
	struct sockaddr_un address;
	int fd = unixsock_new(path, 0, &address);

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

/* The first who comes; -1 when nobody does. */
static int viewer_wait(const struct bootloader_process *p)
{
	struct pollfd ready = { .events = POLLIN };
	int fd = -1;

	if (!p->socket)
		return -1;
	ready.fd = viewer_listen(p->socket);
	if (ready.fd < 0)
		return -1;
	if (p->offer)
		p->offer(p->ctx, p->socket);
	if (poll(&ready, 1, p->wait_ms) > 0)
		fd = accept4(ready.fd, NULL, NULL, SOCK_CLOEXEC);
	close(ready.fd);
	unlink(p->socket);
	return fd;
}

/* ------------------------------------------------------------------- child */

static int terminal_open(char *name, size_t size)
{
	struct winsize window = { .ws_row = 24, .ws_col = 80 };
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, size) != 0) {
		close(fd);
		return -EIO;
	}
	ioctl(fd, TIOCSWINSZ, &window);
	return fd;
}

static void __attribute__((noreturn)) child_run(char *const *argv, const char *terminal,
						int words, pid_t parent)
{
	int fd;

	child_die_with(parent);
	child_signals_default();	/* a hang-up above all: it ends when its viewer has gone */
	setsid();
	fd = open(terminal, O_RDWR);	/* the session's terminal from now on, if it is one */
	if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(words, 2) < 0)
		_exit(127);
	setenv("TERM", "vt100", 1);
	close_range(3, ~0U, 0);
	execv(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int child_start(struct run *r, const struct bootloader_process *p)
{
	char terminal[64] = "/dev/null";
	pid_t parent = getpid();
	int ends[2], rc = 0;

	if (r->viewer >= 0)
		r->master = terminal_open(terminal, sizeof terminal);
	if (r->master < -1)
		return r->master;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r->pid = fork();
	if (r->pid == 0)
		child_run(p->argv, terminal, ends[1], parent);
	if (r->pid < 0)
		rc = -errno;
	close(ends[1]);
	r->words = ends[0];
	r->pidfd = rc < 0 ? -1 : (int)syscall(SYS_pidfd_open, r->pid, 0);
	return rc == 0 && r->pidfd < 0 ? -errno : rc;
}

/* -------------------------------------------------------------------- pump */

/* The first part of its words is kept, the rest only read. */
static void words_take(struct run *r)
{
	char part[512];
	ssize_t n = read(r->words, part, sizeof part);
	size_t room = r->size - 1 - r->used;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(r->words);
		r->words = -1;
		return;
	}
	room = (size_t)n < room ? (size_t)n : room;
	memcpy(r->text + r->used, part, room);
	r->used += room;
	r->text[r->used] = '\0';
}

static bool pass(int from, int to)
{
	char part[4096];
	ssize_t n = read(from, part, sizeof part);

	if (n < 0 && errno == EINTR)
		return true;
	for (ssize_t at = 0; at < n;) {
		ssize_t done = write(to, part + at, (size_t)(n - at));

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0)
			at += done;
	}
	return n > 0;
}

/* Without the viewer there is no terminal: whoever reads it is told so. */
static void viewer_leave(struct run *r)
{
	if (r->viewer >= 0)
		close(r->viewer);
	if (r->master >= 0)
		close(r->master);
	r->viewer = r->master = -1;
}

static void pump(struct run *r)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = r->pidfd, .events = POLLIN },
			{ .fd = r->words, .events = POLLIN },
			{ .fd = r->master, .events = POLLIN },
			{ .fd = r->viewer, .events = POLLIN },
		};

		if (poll(p, 4, -1) < 0)
			continue;
		if (p[1].revents) {
			words_take(r);
		} else if (p[2].revents && !pass(r->master, r->viewer)) {
			viewer_leave(r);
		} else if (p[3].revents && !pass(r->viewer, r->master)) {
			viewer_leave(r);
		} else if (p[0].revents && !p[2].revents) {
			return;		/* ended, and all that it said was read */
		}
	}
}

int bootloader_process_run(const struct bootloader_process *p, char *words, size_t size)
{
	struct run r = { .master = -1, .viewer = viewer_wait(p), .words = -1, .pidfd = -1,
			 .text = words, .size = size };
	int status = 0, rc;

	words[0] = '\0';
	rc = child_start(&r, p);
	if (rc == 0)
		pump(&r);
	viewer_leave(&r);
	if (r.words >= 0)
		close(r.words);
	if (r.pidfd >= 0)
		close(r.pidfd);
	if (r.pid > 0) {
		if (rc < 0)
			kill(r.pid, SIGKILL);
		while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (rc < 0)
		return rc;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
