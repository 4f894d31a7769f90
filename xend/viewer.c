/* Those who look at consoles, over the daemon's socket: several may watch, the first writes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "xenstore/log.h"
#include "xend/console.h"
#include "xend/consock.h"

#define OUTPUT_MAX (256 * 1024)	/* what a slow viewer may be behind; more is left out */
#define LINE_MAX 128

struct viewer {
	struct viewer *next;
	struct consoles *all;
	struct console *console;	/* NULL until it has said whose */
	struct loop_fd fd;
	struct buf line, output;
	size_t lost;			/* bytes left out since the output was full */
	bool is_writer;
};

static void viewer_unlink(struct viewer *v)
{
	struct viewer **at;

	if (!v->console)
		return;
	for (at = &v->console->viewers; *at && *at != v; at = &(*at)->next)
		;
	if (*at)
		*at = v->next;
}

/* The writer leaves: the one who has watched longest may write from now on. */
static void writer_inherit(struct console *c)
{
	struct viewer *last = c->viewers;

	while (last && last->next)
		last = last->next;
	if (last)
		last->is_writer = true;
}

static void viewer_close(struct viewer *v)
{
	viewer_unlink(v);
	if (v->is_writer)
		writer_inherit(v->console);
	loop_fd_del(v->all->loop, &v->fd);
	close(v->fd.fd);
	buf_free(&v->line);
	buf_free(&v->output);
	free(v);
}

/* 0, or -errno when it is gone. */
static int viewer_flush(struct viewer *v)
{
	while (v->output.len) {
		ssize_t n = send(v->fd.fd, v->output.data, v->output.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return -EPIPE;
		buf_consume(&v->output, (size_t)n);
	}
	loop_fd_set(v->all->loop, &v->fd, v->output.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return 0;
}

static void viewer_show(struct viewer *v, const char *data, size_t n)
{
	if (v->output.len + n > OUTPUT_MAX) {
		v->lost += n;
		return;
	}
	if (v->lost && v->output.len < OUTPUT_MAX / 2) {
		buf_printf(&v->output, "\r\n[%zu bytes not shown: you read too slowly]\r\n", v->lost);
		v->lost = 0;
	}
	buf_add(&v->output, data, n);
	v->output.failed = false;
}

void viewers_show(struct console *c, const char *data, size_t n)
{
	struct viewer *v, *next;

	for (v = c->viewers; v; v = next) {
		next = v->next;
		viewer_show(v, data, n);
		if (viewer_flush(v) < 0)
			viewer_close(v);
	}
}

void viewers_close(struct console *c)
{
	while (c->viewers)
		viewer_close(c->viewers);
}

static bool has_writer(const struct console *c)
{
	for (const struct viewer *v = c->viewers; v; v = v->next)
		if (v->is_writer)
			return true;
	return false;
}

/* "attach D R": joins it to a console, or says why not. */
static int viewer_attach(struct viewer *v, const char *line)
{
	struct console *c;
	int domid, replay;

	if (sscanf(line, CONSOCK_ATTACH, &domid, &replay) != 2 || domid < 0)
		return buf_add_string(&v->output, "This is not how to ask for a console\n");
	c = console_find(v->all, (uint32_t)domid);
	if (!c)
		return buf_printf(&v->output, "Domain %d has no console here\n", domid);
	v->is_writer = !has_writer(c);
	v->console = c;
	v->next = c->viewers;
	c->viewers = v;
	buf_printf(&v->output, CONSOCK_OK "%s\n", v->is_writer ? "writer" : CONSOCK_VIEWER);
	if (replay)
		buf_add(&v->output, c->log.tail.data, c->log.tail.len);
	return 0;
}

/* The first line; bytes behind it are input already.  -errno: done with it. */
static int viewer_line(struct viewer *v, const char *data, size_t n)
{
	const char *end;
	size_t length;
	char line[LINE_MAX];
	bool was_attached;

	if (buf_add(&v->line, data, n) < 0)
		return -ENOMEM;
	end = memchr(v->line.data, '\n', v->line.len);
	if (!end)
		return v->line.len >= LINE_MAX ? -EPROTO : 0;
	length = (size_t)(end - v->line.data);
	if (length >= sizeof line)
		return -EPROTO;
	memcpy(line, v->line.data, length);
	line[length] = '\0';
	buf_consume(&v->line, length + 1);
	viewer_attach(v, line);
	was_attached = v->console != NULL;
	if (viewer_flush(v) < 0 || !was_attached)
		return -EPIPE;
	if (v->line.len && v->is_writer)
		console_input(v->console, v->line.data, v->line.len);
	buf_clear(&v->line);
	return 0;
}

static void on_viewer(struct loop_fd *w, uint32_t events)
{
	struct viewer *v = w->ctx;
	char data[1024];
	ssize_t n;

	if (events & EPOLLOUT && viewer_flush(v) < 0) {
		viewer_close(v);
		return;
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(w->fd, data, sizeof data, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && v->console) {
		if (v->is_writer)
			console_input(v->console, data, (size_t)n);
		return;
	}
	if (n <= 0 || viewer_line(v, data, (size_t)n) < 0)
		viewer_close(v);
}

static void on_listen(struct loop_fd *w, uint32_t events)
{
	struct consoles *all = w->ctx;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct viewer *v = fd < 0 ? NULL : calloc(1, sizeof *v);

	if (!v) {
		if (fd >= 0)
			close(fd);
		return;
	}
	v->all = all;
	if (loop_fd_add(all->loop, &v->fd, fd, EPOLLIN, on_viewer, v) < 0) {
		close(fd);
		free(v);
	}
}

int viewers_listen(struct consoles *all)
{
	static struct loop_fd listener;
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = CONSOCK_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;
	int rc;

	if (fd < 0)
		return -errno;
	unlink(CONSOCK_PATH);
	old = umask(0077);		/* consoles are root's */
	rc = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
	umask(old);
	if (rc == 0 && listen(fd, 16) < 0)
		rc = -errno;
	if (rc == 0)
		rc = loop_fd_add(all->loop, &listener, fd, EPOLLIN, on_listen, all);
	if (rc < 0)
		close(fd);
	return rc;
}
