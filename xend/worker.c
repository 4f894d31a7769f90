/* Workers: fork, report, collect. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "xenstore/fdio.h"
#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/child.h"
#include "xend/jobs.h"
#include "xend/methods.h"
#include "xend/worker.h"

#define REPORT_EVERY_NS 200000000ULL	/* nobody reads progress faster */
#define MESSAGE_MAX (64 * 1024)	/* a worker that says more at once is broken */

/* What the child sends: a header, then length bytes. */
enum message_type { MESSAGE_PROGRESS, MESSAGE_RESULT, MESSAGE_FAULT, MESSAGE_TYPES };

struct message {
	uint32_t type, length;
};

static int message_send(int fd, uint32_t type, const void *data, size_t length)
{
	struct message head = { type, (uint32_t)length };
	char packet[sizeof head + 4096];

	if (length > sizeof packet - sizeof head)
		length = head.length = sizeof packet - sizeof head;
	memcpy(packet, &head, sizeof head);
	if (length)
		memcpy(packet + sizeof head, data, length);
	/* A pipe takes PIPE_BUF at once; a longer packet may be cut in two, which is all right. */
	return fdio_write(fd, packet, sizeof head + length);
}

int worker_progress(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	struct workshop *w = ctx;
	uint64_t now_ns = loop_now_ns();
	char text[128];

	if (!strncmp(phase, w->phase, sizeof w->phase - 1) &&
	    now_ns - w->reported_ns < REPORT_EVERY_NS)
		return 0;
	w->reported_ns = now_ns;
	snprintf(w->phase, sizeof w->phase, "%s", phase);
	snprintf(text, sizeof text, "%llu %llu %.63s", (unsigned long long)done,
		 (unsigned long long)total, phase);
	message_send(w->pipe, MESSAGE_PROGRESS, text, strlen(text));
	return 0;
}

/* The child's life. */
static void __attribute__((noreturn)) child_run(struct job *j, work_fn work, int fd, pid_t parent)
{
	struct workshop w = { .pipe = fd, .job = j };
	int rc;

	child_die_with(parent);
	prctl(PR_SET_NAME, "xend-worker");
	signal(SIGINT, SIG_IGN);	/* a terminal's Ctrl-C is xm's business */
	rc = hyp_open(&w.hyp);
	if (rc < 0)
		fault_errno(&j->fault, -rc, "Unable to reach the hypervisor");
	if (rc == 0) {
		rc = xs_open(&w.xs, XS_OPEN_SOCKET_ONLY);
		if (rc < 0)
			fault_errno(&j->fault, -rc, "Unable to reach XenStore");
	}
	if (rc == 0)
		rc = work(&w);
	if (rc < 0 && !j->fault.err)
		fault_errno(&j->fault, -rc, "'%s' failed", j->command);
	if (j->fault.err)
		message_send(fd, MESSAGE_FAULT, &j->fault, sizeof j->fault);
	else
		message_send(fd, MESSAGE_RESULT, j->result.data, j->result.len);
	_exit(0);
}

static void take_fault(struct job *j, const char *data, size_t length)
{
	if (length != sizeof j->fault)
		return;
	memcpy(&j->fault, data, sizeof j->fault);
	/* It came from a process that parsed hostile input. */
	j->fault.text[sizeof j->fault.text - 1] = '\0';
	j->fault.hint[sizeof j->fault.hint - 1] = '\0';
}

static void take_message(struct worker *w, const struct message *m,
			 const char *data)
{
	char text[128];

	switch (m->type) {
	case MESSAGE_PROGRESS:
		snprintf(text, sizeof text, "%.*s", (int)m->length, data);
		w->progress(w->xend, w->job, text);
		return;
	case MESSAGE_FAULT:
		take_fault(w->job, data, m->length);
		w->rc = w->job->fault.err > 0 ? -w->job->fault.err : -EIO;
		return;
	case MESSAGE_RESULT:
		buf_clear(&w->job->result);
		buf_add(&w->job->result, data, m->length);
		w->rc = 0;
		return;
	}
}

/* Complete messages out of what has come; -EPROTO when they make no sense. */
static int take_messages(struct worker *w)
{
	struct message m;

	while (w->input.len >= sizeof m) {
		memcpy(&m, w->input.data, sizeof m);
		if (m.type >= MESSAGE_TYPES || m.length > MESSAGE_MAX)
			return -EPROTO;
		if (w->input.len < sizeof m + m.length)
			return 0;
		take_message(w, &m, w->input.data + sizeof m);
		buf_consume(&w->input, sizeof m + m.length);
	}
	return 0;
}

/* The wait status. */
static int worker_collect(struct worker *w)
{
	int status = 0;

	loop_fd_del(w->xend->loop, &w->pipe);
	close(w->pipe.fd);
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
	buf_free(&w->input);
	return status;
}

/* Its end of the pipe is closed: it is dead or about to be. */
static void worker_end(struct worker *w)
{
	struct job *j = w->job;
	int status = worker_collect(w);

	if (w->rc == -EPIPE) {
		if (j->is_cancelled)
			w->rc = -ECANCELED;
		w->has_died = !j->is_cancelled;
		fault_set(&j->fault, -w->rc, "The worker for '%s' died (%s %d)%s", j->command,
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
			  j->method->undo ? "; what it had begun is undone" : "");
	}
	w->ended(w->xend, j, w->rc);
}

static void on_pipe(struct loop_fd *fd, uint32_t events)
{
	struct worker *w = fd->ctx;
	char part[4096];
	ssize_t n = read(fd->fd, part, sizeof part);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0 && buf_add(&w->input, part, (size_t)n) == 0 && take_messages(w) == 0)
		return;
	worker_end(w);
}

/* The child keeps the lock's descriptor and the standard ones; it opens all else itself.
 * Signals that the loop blocks are let through again, for the tools that a worker may run. */
static void child_clean(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int worker_start(struct xend *x, struct job *j, work_fn work,
		 void (*progress)(struct xend *x, struct job *j, const char *text),
		 void (*ended)(struct xend *x, struct job *j, int rc))
{
	struct worker *w = &j->worker;
	pid_t parent = getpid();
	int fd[2], rc;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	*w = (struct worker){
		.xend = x, .job = j, .rc = -EPIPE, .progress = progress, .ended = ended,
	};
	w->pid = fork();
	if (w->pid == 0) {
		close(fd[0]);
		child_clean();
		child_run(j, work, fd[1], parent);
	}
	rc = w->pid < 0 ? -errno : 0;
	close(fd[1]);
	if (rc == 0)
		rc = loop_fd_add(x->loop, &w->pipe, fd[0], EPOLLIN, on_pipe, w);
	if (rc < 0) {
		close(fd[0]);
		worker_kill(w);
	}
	return rc;
}

void worker_kill(struct worker *w)
{
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
}

void worker_drop(struct worker *w)
{
	if (w->pid > 0)
		worker_collect(w);
}
