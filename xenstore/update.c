#include "xenstore/update.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xenstore/batch.h"
#include "xenstore/buf.h"
#include "xenstore/conn.h"
#include "xenstore/fdio.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define ARGS_MAX 64
#define PROBE_MS 5000

struct image_head {
	uint32_t layout;
	int32_t listen_fd, listen_ro_fd;
	uint32_t clients;
};

struct image_client {
	int32_t fd;
	uint32_t read_only;
	uint32_t in_len, out_len;
	uint32_t watches, txns;
};

struct image_watch {
	int32_t depth;
	uint32_t home, path_len, token_len;
};

static struct {
	char **argv;
	int listen_fd, listen_ro_fd;
	char *file, *cmdline;
	const struct conn *asker;	/* its input is being handled right now */
} update;

extern char **environ;

void update_init(char **argv, int listen_fd, int listen_ro_fd)
{
	update.argv = argv;
	update.listen_fd = listen_fd;
	update.listen_ro_fd = listen_ro_fd;
}

/* --------------------------------------------------------------- hand over */

static void put_watches(struct buf *b, const struct conn *c)
{
	for (const struct watch *w = c->watches; w; w = w->conn_next) {
		const char *path = watch_path(w) - w->home;
		struct image_watch head = { w->depth, w->home, (uint32_t)strlen(path),
					    (uint32_t)strlen(w->token) };

		buf_add(b, &head, sizeof(head));
		buf_add(b, path, head.path_len);
		buf_add(b, w->token, head.token_len);
	}
}

static void put_client(struct buf *b, struct conn *c)
{
	const char *in = c == update.asker ? c->rest : c->in.data;
	size_t in_len = c == update.asker ? c->rest_len : c->in.len;
	struct image_client head = {
		.fd = c->fd, .read_only = c->read_only, .in_len = (uint32_t)in_len,
		.out_len = (uint32_t)(c->out.len - c->out_sent),
		.watches = c->watch_count, .txns = c->txn_count,
	};

	buf_add(b, &head, sizeof(head));
	buf_add(b, in, in_len);
	buf_add(b, c->out.data + c->out_sent, head.out_len);
	put_watches(b, c);
	for (struct txn *t = txn_next(c, NULL); t; t = txn_next(c, t)) {
		uint32_t id = txn_id(t);

		buf_add(b, &id, sizeof(id));
	}
}

static int image_write(struct buf *b)
{
	struct image_head head = { heap_layout(), update.listen_fd, update.listen_ro_fd, 0 };
	int fd;

	for (const struct conn *c = conns; c; c = c->next)
		head.clients += c->fd >= 0;
	buf_add(b, &head, sizeof(head));
	for (struct conn *c = conns; c; c = c->next)
		if (c->fd >= 0)
			put_client(b, c);
	fd = b->failed ? -1 : memfd_create("xenstored-update", 0);
	if (fd >= 0 && fdio_write(fd, b->data, b->len)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The sockets live through exec() only without the flag. */
static void sockets_inherit(bool inherit)
{
	int flags = inherit ? 0 : FD_CLOEXEC;

	fcntl(update.listen_fd, F_SETFD, flags);
	if (update.listen_ro_fd >= 0)
		fcntl(update.listen_ro_fd, F_SETFD, flags);
	for (const struct conn *c = conns; c; c = c->next)
		if (c->fd >= 0)
			fcntl(c->fd, F_SETFD, flags);
}

/* The old options without an old --handover, or those of -c; cmdline is cut in place. */
static void args_fill(char **args, char *cmdline, char *handover)
{
	size_t n = 0;
	char *save, *word;

	args[n++] = update.file;
	if (cmdline)
		for (word = strtok_r(cmdline, " ", &save); word && n < ARGS_MAX - 2;
		     word = strtok_r(NULL, " ", &save))
			args[n++] = word;
	for (char **a = update.argv + 1; !cmdline && *a && n < ARGS_MAX - 2; a++)
		if (strncmp(*a, "--handover=", 11))
			args[n++] = *a;
	args[n++] = handover;
	args[n] = NULL;
}

/* Returns only if it failed. */
static int update_exec(void)
{
	char handover[32], *args[ARGS_MAX], *cmdline = NULL;
	struct buf image = { 0 };
	sigset_t none, old;
	int fd = image_write(&image), rc;

	buf_free(&image);
	if (fd < 0)
		return -ENOMEM;
	snprintf(handover, sizeof(handover), "--handover=%d", fd);
	if (update.cmdline)
		cmdline = strdup(update.cmdline);
	args_fill(args, cmdline, handover);
	sockets_inherit(true);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &old);
	execve(update.file, args, environ);
	rc = log_errno("live update: %s", update.file);
	sigprocmask(SIG_SETMASK, &old, NULL);
	sockets_inherit(false);
	free(cmdline);
	close(fd);
	return rc;
}

/* Ask the program which layout of the heap it knows: only the same can take over. */
static int probe(const char *file)
{
	char *args[] = { (char *)file, (char *)"--heap-layout", NULL }, text[16] = "";
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	struct pollfd p = { .events = POLLIN };
	sigset_t none;
	int fds[2], rc, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	rc = -posix_spawn(&pid, file, &actions, &attr, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(fds[1]);
	p.fd = fds[0];
	if (!rc) {
		if (poll(&p, 1, PROBE_MS) != 1 || read(fds[0], text, sizeof(text) - 1) <= 0 ||
		    strtoul(text, NULL, 10) != heap_layout())
			rc = -EINVAL;
		if (rc)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	close(fds[0]);
	return rc;
}

/* The answer stands in the client's buffer already when the next program takes over. */
static int update_start(struct conn *c, bool force, struct buf *out)
{
	struct xsd_sockmsg h = { 0 };
	size_t len = c->out.len;
	int rc;

	if (!update.file)
		return -EINVAL;
	if (txn_count() && !force)
		return buf_add_string(out, "BUSY");
	if (c->fd < 0)
		return -EINVAL;		/* only a socket's answer can be taken back */
	rc = probe(update.file);
	if (rc) {
		log_rc(rc, "live update: %s can't take over", update.file);
		return -EINVAL;
	}
	h.req_id = c->request_id;
	log_info("live update: starting %s", update.file);
	rc = conn_put(c, XS_CONTROL, &h, "OK", 3, NULL, 0);
	update.asker = c;
	if (!rc)
		rc = update_exec();
	c->out.len = len;
	return rc == -ENOMEM ? rc : -EINVAL;
}

int update_command(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	bool force = false, start = false;
	const char *file = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(arg[i], "-s"))
			start = true;
		else if (!strcmp(arg[i], "-F"))
			force = true;
		else if (!strcmp(arg[i], "-f") && i + 1 < n)
			file = arg[++i];
		else if (!strcmp(arg[i], "-t") && i + 1 < n)
			i++;		/* the client's patience, which asks again */
		else if (!strcmp(arg[i], "-c") && i + 1 < n) {
			free(update.cmdline);
			update.cmdline = strdup(arg[++i]);
		} else if (!strcmp(arg[i], "-a")) {
			free(update.file);
			update.file = NULL;
		} else {
			return -EINVAL;
		}
	}
	if (file) {
		if (access(file, X_OK) < 0)
			return errno == ENOENT ? -ENOENT : -EACCES;
		free(update.file);
		free(update.cmdline);
		update.cmdline = NULL;
		update.file = strdup(file);
	}
	return start ? update_start(c, force, out) : buf_add_string(out, "OK");
}

/* ----------------------------------------------------------------- take up */

struct reader {
	const char *at, *end;
};

/* The next len bytes, or NULL. */
static const char *take(struct reader *r, size_t len)
{
	const char *p = r->at;

	if ((size_t)(r->end - p) < len)
		return NULL;
	r->at += len;
	return p;
}

static bool take_struct(struct reader *r, void *out, size_t len)
{
	const char *p = take(r, len);

	if (p)
		memcpy(out, p, len);
	return p != NULL;
}

static bool take_watch(struct reader *r, struct conn *c)
{
	static struct path p;
	struct image_watch head;
	const char *path, *token;
	char *copy;
	int rc;

	if (!take_struct(r, &head, sizeof(head)))
		return false;
	path = take(r, head.path_len);
	token = take(r, head.token_len);
	if (!path || !token || path_parse(&p, path, head.path_len, 0, true))
		return false;
	p.home = (uint16_t)head.home;
	copy = strndup(token, head.token_len);
	rc = copy ? watch_add(c, &p, copy, head.depth) : -ENOMEM;
	free(copy);
	return !rc;
}

static bool take_client(struct reader *r)
{
	struct image_client head;
	const char *in, *out;
	struct conn *c;
	uint32_t id;

	if (!take_struct(r, &head, sizeof(head)))
		return false;
	in = take(r, head.in_len);
	out = take(r, head.out_len);
	if (!in || !out || fcntl(head.fd, F_SETFD, FD_CLOEXEC) < 0)
		return false;
	c = conn_restore_socket(head.fd, head.read_only, in, head.in_len, out, head.out_len);
	if (!c)
		return false;
	for (uint32_t i = 0; i < head.watches; i++)
		if (!take_watch(r, c))
			return false;
	for (uint32_t i = 0; i < head.txns; i++)
		if (!take_struct(r, &id, sizeof(id)) || txn_restore_one(c, id))
			return false;
	return true;
}

int update_resume(int fd, int *listen_fd, int *listen_ro_fd)
{
	struct image_head head = { 0 };
	struct reader r;
	struct stat st;
	void *map;
	bool good;

	if (fstat(fd, &st) < 0)
		return -errno;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r = (struct reader){ map, (const char *)map + st.st_size };
	good = take_struct(&r, &head, sizeof(head)) && head.layout == heap_layout();
	*listen_fd = head.listen_fd;
	*listen_ro_fd = head.listen_ro_fd;
	for (uint32_t i = 0; good && i < head.clients; i++)
		good = take_client(&r);
	batch_end(0);
	munmap(map, (size_t)st.st_size);
	close(fd);
	return good ? 0 : -EINVAL;
}
