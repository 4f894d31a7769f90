/* xenstored.c - the daemon: options, start, sockets, end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/quota.h"
#include "xenstore/request.h"
#include "xenstore/ring.h"
#include "xenstore/start.h"
#include "xenstore/trace.h"
#include "xenstore/txn.h"
#include "xenstore/unixsock.h"
#include "xenstore/update.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define RUNDIR "/run/xenstored"
#define LOGDIR "/var/log/xen"
#define UPDATE_HANDOVER 1000

static struct {
	bool no_domain_init, no_fork, output_pid, no_recovery, verbose;
	const char *pid_file;
	const char *trace_file;
	int handover;		/* descriptor of a live update's image, or -1 */
	struct { bool set; uint32_t value; } limit[QUOTA_COUNT];
} opt = { .handover = -1 };

static const char *log_path;	/* NULL: standard error */
static struct loop *loop;
static struct loop_fd listener, listener_ro;

/* ----------------------------------------------------------------- options */

static const struct option options[] = {
	{ "no-domain-init", no_argument, NULL, 'D' },
	{ "entry-nb", required_argument, NULL, 'E' },
	{ "pid-file", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'H' },
	{ "preserve-local", no_argument, NULL, 'L' },
	{ "perm-nb", required_argument, NULL, 'A' },
	{ "path-max", required_argument, NULL, 'M' },
	{ "no-fork", no_argument, NULL, 'N' },
	{ "output-pid", no_argument, NULL, 'P' },
	{ "quota", required_argument, NULL, 'Q' },
	{ "quota-soft", required_argument, NULL, 'q' },
	{ "no-recovery", no_argument, NULL, 'R' },
	{ "entry-size", required_argument, NULL, 'S' },
	{ "trace-file", required_argument, NULL, 'T' },
	{ "verbose", no_argument, NULL, 'V' },
	{ "watch-nb", required_argument, NULL, 'W' },
	{ "transaction", required_argument, NULL, 't' },
	{ "timeout", required_argument, NULL, 'w' },
	{ "internal-db", optional_argument, NULL, 'I' },
	{ "heap-layout", no_argument, NULL, 1001 },
	{ "handover", required_argument, NULL, UPDATE_HANDOVER },
	{ 0 },
};

static void usage(FILE *f)
{
	fputs("usage: xenstored [options]\n"
	      "  -D, --no-domain-init     don't attach to dom0's kernel\n"
	      "  -F, --pid-file FILE      write the process id to FILE\n"
	      "  -N, --no-fork            stay in the foreground\n"
	      "  -P, --output-pid         print the process id\n"
	      "  -R, --no-recovery        start with an empty store\n"
	      "  -T, --trace-file FILE    log each request\n"
	      "  -V, --verbose            log more\n"
	      "  -E, --entry-nb N         nodes per domain\n"
	      "  -S, --entry-size N       bytes per node\n"
	      "  -W, --watch-nb N         watches per domain\n"
	      "  -t, --transaction N      transactions per domain\n"
	      "  -A, --perm-nb N          permissions per node\n"
	      "  -Q, --quota NAME=N       any limit: see xenstored(8)\n"
	      "  -q, --quota-soft NAME=N  a limit that only warns (memory)\n"
	      "  -M, --path-max N         bytes of an absolute path\n"
	      "  -w, --timeout watch-event=SECONDS  how long events wait for a guest\n"
	      "  -L, --preserve-local, -I, --internal-db   always so\n"
	      "  -H, --help               show this\n", f);
}

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "xenstored: %s: %s (xenstored --help lists the options)\n", what, value);
	exit(1);
}

static void limit_option(enum quota q, const char *value)
{
	char *end;
	unsigned long v = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || v >= QUOTA_DEFAULT)
		usage_error("a limit must be a number, not", value);
	opt.limit[q].set = true;
	opt.limit[q].value = (uint32_t)v;
}

/* NAME=N; "memory" of the soft kind is soft-memory here. */
static void quota_option(const char *arg, const char *prefix)
{
	const char *eq = strchr(arg, '=');
	char name[64];
	int q;

	if (!eq || eq - arg > 40)
		usage_error("a quota is NAME=NUMBER, not", arg);
	snprintf(name, sizeof(name), "%s%.*s", prefix, (int)(eq - arg), arg);
	q = quota_find(name);
	if (q < 0)
		usage_error("unknown quota", arg);
	limit_option((enum quota)q, eq + 1);
}

static void timeout_option(const char *arg)
{
	if (strncmp(arg, "watch-event=", 12) || arg[12] < '0' || arg[12] > '9')
		usage_error("a timeout is watch-event=SECONDS, not", arg);
	ring_set_patience(strtoull(arg + 12, NULL, 10) * 1000000000);
}

static void option_take(int o)
{
	switch (o) {
	case 'D': opt.no_domain_init = true; break;
	case 'N': opt.no_fork = true; break;
	case 'P': opt.output_pid = true; break;
	case 'R': opt.no_recovery = true; break;
	case 'V': opt.verbose = true; break;
	case 'F': opt.pid_file = optarg; break;
	case 'T': opt.trace_file = optarg; break;
	case 'E': limit_option(QUOTA_NODES, optarg); break;
	case 'S': limit_option(QUOTA_NODE_SIZE, optarg); break;
	case 'W': limit_option(QUOTA_WATCHES, optarg); break;
	case 't': limit_option(QUOTA_TRANSACTIONS, optarg); break;
	case 'A': limit_option(QUOTA_NODE_PERMISSIONS, optarg); break;
	case 'Q': quota_option(optarg, ""); break;
	case 'q': quota_option(optarg, "soft-"); break;
	case 'M': limit_option(QUOTA_PATH_MAX, optarg); break;
	case 'w': timeout_option(optarg); break;
	case 'L': case 'I': break;	/* always so */
	case UPDATE_HANDOVER: opt.handover = atoi(optarg); break;
	case 1001: printf("%u\n", heap_layout()); exit(0);
	case 'H': usage(stdout); exit(0);
	default:
		fputs("xenstored --help lists the options\n", stderr);
		exit(1);
	}
}

static void options_read(int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "DE:F:HLA:M:NPQ:q:RS:T:VW:t:w:I::", options, NULL)) != -1)
		option_take(o);
	if (optind < argc)
		usage_error("unexpected argument", argv[optind]);
}

static const char *env_or(const char *name, const char *value)
{
	const char *env = getenv(name);

	return env && *env ? env : value;
}

/* After a boot /run is empty. */
static int directory_make(const char *dir)
{
	return mkdir(dir, 0755) < 0 && errno != EEXIST ? log_errno("directory %s", dir) : 0;
}

/* ----------------------------------------------------------------- sockets */

static void socket_accept(struct loop_fd *w, uint32_t events)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				log_errno("accept");
			return;
		}
		conn_new_socket(fd, w == &listener_ro);
	}
}

static int socket_open(const char *path, mode_t mode)
{
	struct sockaddr_un a;
	int fd = unixsock_new(path, SOCK_NONBLOCK, &a), rc;
	mode_t mask;

	if (fd < 0)
		return log_rc(fd, "socket %s", path);
	unlink(path);
	mask = umask(0777 & ~mode);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (rc < 0 || listen(fd, 128) < 0) {
		rc = log_errno("socket %s", path);
		close(fd);
		return rc;
	}
	return fd;
}

static int sockets_open(int *fd, int *fd_ro)
{
	const char *dir = env_or("XENSTORED_RUNDIR", RUNDIR), *named = getenv("XENSTORED_PATH");
	char path[PATH_MAX];

	if (named && *named)
		snprintf(path, sizeof(path), "%s", named);
	else
		snprintf(path, sizeof(path), "%s/socket", dir);
	*fd = socket_open(path, 0600);
	if (*fd < 0)
		return *fd;
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "_ro");
	*fd_ro = socket_open(path, 0660);
	return *fd_ro < 0 ? *fd_ro : 0;
}

static int sockets_listen(int fd, int fd_ro)
{
	int rc;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd_ro, F_SETFD, FD_CLOEXEC);
	rc = loop_fd_add(loop, &listener, fd, EPOLLIN, socket_accept, NULL);
	return rc ? rc : loop_fd_add(loop, &listener_ro, fd_ro, EPOLLIN, socket_accept, NULL);
}

/* ----------------------------------------------------------------- the store */

/* A store that fails its check is kept for whoever wants to know why. */
static int store_damaged(const char *path)
{
	char kept[PATH_MAX + 16];

	snprintf(kept, sizeof(kept), "%s.damaged", path);
	log_error("the store in %s is damaged: kept as %s", path, kept);
	if (rename(path, kept) < 0)
		return log_errno("rename %s", path);
	return -EUCLEAN;
}

static int store_start(bool no_recovery)
{
	const char *dir = env_or("XENSTORED_ROOTDIR", env_or("XENSTORED_RUNDIR", RUNDIR));
	char path[PATH_MAX];
	bool fresh;
	int rc;

	if (directory_make(env_or("XENSTORED_RUNDIR", RUNDIR)) || directory_make(dir))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/store", dir);
	if (no_recovery)
		unlink(path);
	rc = start_store(path, &fresh);
	if (rc == -EUCLEAN)
		return store_damaged(path);
	if (rc)
		return log_rc(rc, rc == -EBUSY ? "another xenstored runs on %s" : "store %s", path);
	for (int q = 0; q < QUOTA_COUNT; q++)
		if (opt.limit[q].set)
			quota_common_set((enum quota)q, opt.limit[q].value);
	batch_end(0);
	log_info("store %s: %s", path, fresh ? "new" : "taken up again");
	return 0;
}

/* -------------------------------------------------------------- the domains */

static void guest_event(uint32_t port)
{
	struct domain *d = domain_by_port(port);

	if (d)
		ring_serve(d);
}

static void domains_start(void)
{
	int rc = guest_open(loop, guest_event, domains_check);

	if (rc) {
		log_warn("no hypervisor here (%s): serving sockets only", strerror(-rc));
		domain_resume();
		return;
	}
	domain_resume();
	domains_check();
	if (opt.no_domain_init || domain_is_introduced(0))
		return;
	rc = domain_introduce_own();
	batch_end(rc);
	if (rc)
		log_rc(rc, "dom0's kernel can't be attached");
}

/* -------------------------------------------------------------------- main */

static void on_hangup(int signal, void *ctx)
{
	if (log_reopen())
		log_error("the log can't be reopened");
	trace_reopen();
	log_info("logs reopened");
}

/* The store stays: the next start takes it up. */
static void on_terminate(int signal, void *ctx)
{
	log_info("ended by signal %d", signal);
	loop_stop(loop, 0);
}

static int pid_write(void)
{
	FILE *f;

	if (opt.output_pid) {
		printf("%d\n", (int)getpid());
		fflush(stdout);
	}
	if (!opt.pid_file)
		return 0;
	f = fopen(opt.pid_file, "we");
	if (!f)
		return log_errno("pid file %s", opt.pid_file);
	fprintf(f, "%d\n", (int)getpid());
	return fclose(f) ? log_errno("pid file %s", opt.pid_file) : 0;
}

/* Whoever typed the command should not have to guess. */
static int start_failed(void)
{
	if (log_path)
		fprintf(stderr, "xenstored: not started; %s says why\n", log_path);
	return 1;
}

/* The parent waits until the daemon serves, so that whoever started it may go on. */
static int daemonise(void)
{
	int fds[2];
	char ok;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return log_errno("fork");
	if (pid) {
		close(fds[1]);
		_exit(read(fds[0], &ok, 1) == 1 ? 0 : start_failed());
	}
	close(fds[0]);
	setsid();
	return fds[1];
}

static void daemon_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (chdir("/") < 0)
		log_errno("chdir /");
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
	if (write(fd, "", 1) != 1)
		log_errno("tell the parent");
	close(fd);
}

static void log_start(void)
{
	const char *dir = env_or("XENSTORED_LOGDIR", LOGDIR);
	static char path[PATH_MAX];
	int rc;

	if (!opt.no_fork)
		directory_make(dir);
	snprintf(path, sizeof(path), "%s/xenstored.log", dir);
	rc = log_open("xenstored", opt.no_fork ? NULL : path,
		      opt.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (rc)
		log_warn("log %s: %s: using stderr", path, strerror(-rc));
	else if (!opt.no_fork)
		log_path = path;
	if (opt.trace_file && trace_open(opt.trace_file))
		log_errno("trace file %s", opt.trace_file);
}

static int loop_start(void)
{
	static const int fatal[] = { SIGTERM, SIGINT };
	int rc;

	loop = loop_new();
	if (!loop)
		return log_errno("event loop");
	conn_init(loop);
	txn_init(loop);
	rc = loop_signal(loop, SIGHUP, on_hangup, NULL);
	for (size_t i = 0; !rc && i < COUNT(fatal); i++)
		rc = loop_signal(loop, fatal[i], on_terminate, NULL);
	signal(SIGPIPE, SIG_IGN);
	return rc;
}

static void limits_raise(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int daemon_start(char **argv, int *fd, int *fd_ro)
{
	int rc = loop_start();

	if (!rc && opt.handover >= 0)
		rc = update_resume(opt.handover, fd, fd_ro);
	else if (!rc)
		rc = sockets_open(fd, fd_ro);
	if (!rc)
		rc = sockets_listen(*fd, *fd_ro);
	if (rc)
		return rc;
	update_init(argv, *fd, *fd_ro);
	domains_start();
	start_dom0_nodes();
	return 0;
}

int main(int argc, char **argv)
{
	int parent = -1, fd = -1, fd_ro = -1, rc;

	options_read(argc, argv);
	log_open("xenstored", NULL, LOG_LEVEL_INFO);
	limits_raise();
	log_start();
	rc = store_start(opt.no_recovery && opt.handover < 0);
	if (rc == -EUCLEAN) {
		/* This process knows parts of the damaged store: begin anew, without it. */
		execv("/proc/self/exe", argv);
		log_errno("start again");
	}
	if (rc)
		return start_failed();
	if (!opt.no_fork && opt.handover < 0) {
		parent = daemonise();
		if (parent < 0)
			return 1;
	}
	rc = daemon_start(argv, &fd, &fd_ro);
	if (!rc)
		rc = pid_write();
	if (rc)
		return 1;
	daemon_ready(parent);
	log_info("serving");
	rc = loop_run(loop);
	return rc ? 1 : 0;
}
