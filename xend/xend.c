/* xend: the command, the monitor that brings the daemon back, and the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/xs.h"
#include "xend/device_jobs.h"
#include "xend/domctl.h"
#include "xend/jobs.h"
#include "xend/life.h"
#include "xend/lock.h"
#include "xend/managed.h"
#include "xend/names.h"
#include "xend/prefill.h"
#include "xend/settings.h"
#include "xend/xend.h"

#define LOCK_WAIT_MS 60000		/* the last worker of a killed xend may hold it so long */
#define RECONNECT_NS 500000000ULL
#define STOP_WAIT_MS 10000
#define QUICK_DEATH_S 2			/* a daemon that lives shorter … */
#define QUICK_DEATHS_MAX 5		/* … so many times in a row is given up */
#define LOG_BYTES_MAX (1024 * 1024)	/* xend.log, then .1 … */
#define LOG_FILES 5
#define XENSTORED_PID_FILE "/var/run/xenstore.pid"

enum { EXIT_NOT_RUNNING = 3, EXIT_NOT_ROOT = 1 };

static struct xend xend;
static struct loop_timer reconnect;

/* ---------------------------------------------------------------- daemon */

static int connect_store(struct xend *x);

static void on_reconnect(struct loop_timer *t)
{
	struct xend *x = t->ctx;

	if (connect_store(x) < 0)
		loop_timer_start(x->loop, t, RECONNECT_NS);
	else
		log_info("XenStore is back");
}

/* All that we had in memory is what XenStore said; it is read again when there is one. */
static void on_lost(struct xend *x)
{
	log_error("lost XenStore; trying to reach it again");
	jobs_drop(x);
	xs_detach(x->xs);
	xs_close(x->xs);
	x->xs = NULL;
	reconnect = (struct loop_timer){ .fire = on_reconnect, .ctx = x };
	loop_timer_start(x->loop, &reconnect, RECONNECT_NS);
}

static void on_event(struct xs *xs, const struct xs_event *ev, void *ctx)
{
	struct xend *x = ctx;

	if (!ev)
		on_lost(x);
	else if (!strcmp(ev->token, "jobs"))
		jobs_event(x, ev->path);
	else if (!strcmp(ev->token, "life"))
		life_event(x);
	else if (!strcmp(ev->token, "names"))
		names_event(x, ev->path);
}

/* dom0's own nodes, that every toolstack's guests and tools look for. */
static int describe_dom0(struct xend *x)
{
	static const struct {
		const char *path, *value;
	} nodes[] = {
		{ "/local/domain/0/domid", "0" },
		{ "/local/domain/0/name", "Domain-0" },
		{ "/vm/00000000-0000-0000-0000-000000000000/name", "Domain-0" },
		{ "/vm/00000000-0000-0000-0000-000000000000/uuid",
		  "00000000-0000-0000-0000-000000000000" },
	};

	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		int rc = xs_exists(x->xs, XS_TXN_NONE, nodes[i].path);

		if (rc == 0)
			rc = xs_printf(x->xs, XS_TXN_NONE, nodes[i].path, "%s", nodes[i].value);
		if (rc < 0)
			return log_rc(rc, "write %s", nodes[i].path);
	}
	return 0;
}

/* dom0-cpus: Domain-0's kernel takes the others off line. */
static void limit_dom0_cpus(struct xend *x)
{
	struct xen_domctl_getdomaininfo info;
	int64_t wanted = settings_int("dom0-cpus");
	char path[64];

	if (wanted <= 0 || domctl_info(x->hyp, 0, &info) < 0 ||
	    info.max_vcpu_id == XEN_INVALID_MAX_VCPU_ID)
		return;
	for (uint32_t v = 0; v <= info.max_vcpu_id; v++) {
		snprintf(path, sizeof path, "/local/domain/0/cpu/%u/availability", v);
		xs_printf(x->xs, XS_TXN_NONE, path, "%s", v < wanted ? "online" : "offline");
	}
	log_info("Domain-0 is to use %lld of %u processors", (long long)wanted,
		 info.max_vcpu_id + 1);
}

static int connect_store(struct xend *x)
{
	int rc = xs_open(&x->xs, XS_OPEN_SOCKET_ONLY);

	if (rc < 0) {
		x->xs = NULL;
		return rc;
	}
	rc = describe_dom0(x);
	if (rc == 0)
		rc = jobs_start(x);
	if (rc == 0)
		rc = xs_attach(x->xs, x->loop, on_event, x);
	if (rc < 0) {
		xs_close(x->xs);
		x->xs = NULL;
		return rc;
	}
	jobs_recover(x);
	names_start(x);
	rc = life_start(x);
	jobs_run(x);
	return rc;
}

static void on_stop(int sig, void *ctx)
{
	struct xend *x = ctx;

	log_info("stopping");
	x->is_stopping = true;
	if (x->xs)
		life_stop(x);
	names_stop(x);
	jobs_drop(x);
	loop_stop(x->loop, 0);
}

static void on_reload(int sig, void *ctx)
{
	if (settings_reload() < 0)
		log_error("%s; the old settings stay", settings_error());
	log_reopen();
	log_info("settings read again");
}

static enum log_level level_parse(const char *word)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
		{ "ERROR", LOG_LEVEL_ERROR }, { "CRITICAL", LOG_LEVEL_ERROR },
		{ "WARNING", LOG_LEVEL_WARN }, { "INFO", LOG_LEVEL_INFO },
	};

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (!strcmp(levels[i].word, word))
			return levels[i].level;
	return LOG_LEVEL_DEBUG;
}

static void make_directories(void)
{
	static const char *const paths[] = {
		"/var/log/xen", "/var/log/xen/console", "/var/lib/xend", "/var/lib/xend/domains",
		"/var/lib/xend/kernels", "/var/run/xend",
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		mkdir(paths[i], 0755);
}

static int daemon_prepare(struct xend *x)
{
	int rc;

	x->loop = loop_new();
	if (!x->loop)
		return log_errno("make an event loop");
	rc = hyp_open(&x->hyp);
	if (rc < 0)
		return log_rc(rc, "reach the hypervisor");
	managed_set_path(settings_text("xend-domains-path"));
	managed_clean();
	device_network_start();
	rc = connect_store(x);
	if (rc < 0)
		return log_rc(rc, "reach XenStore");
	loop_signal(x->loop, SIGTERM, on_stop, x);
	loop_signal(x->loop, SIGINT, on_stop, x);
	loop_signal(x->loop, SIGHUP, on_reload, x);
	return 0;
}

/* The daemon itself; ready_fd gets a byte when it answers (or < 0).  Its exit status. */
static int daemon_run(int ready_fd)
{
	int lock;

	prctl(PR_SET_NAME, "xend");
	make_directories();
	log_set_style(LOG_STYLE_XEND);
	log_set_limit(LOG_BYTES_MAX, LOG_FILES);
	if (log_open("xend", getenv("XEND_DEBUG") ? NULL : settings_text("logfile"),
		     level_parse(settings_text("loglevel"))) < 0)
		log_error("%s cannot be written", settings_text("logfile"));
	lock = lock_take(XEND_PID_FILE, LOCK_WAIT_MS);
	if (lock < 0)
		return log_rc(lock, "take the lock " XEND_PID_FILE) ? EXIT_FAILURE : 0;
	signal(SIGPIPE, SIG_IGN);
	if (daemon_prepare(&xend) < 0)
		return EXIT_FAILURE;
	limit_dom0_cpus(&xend);
	life_autostart(&xend);
	prefill_likely();
	log_info("ready, pid %d", (int)getpid());
	if (ready_fd >= 0 && write(ready_fd, "", 1) == 1)
		close(ready_fd);
	return loop_run(xend.loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --------------------------------------------------------------- monitor */

static bool brings_back(int status, time_t lived, unsigned *quick_deaths)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT)
		return false;
	*quick_deaths = lived < QUICK_DEATH_S ? *quick_deaths + 1 : 0;
	return *quick_deaths < QUICK_DEATHS_MAX;
}

/* Forks the daemon, and again for as long as it dies of a signal. */
static int monitor_run(int ready_fd)
{
	unsigned quick_deaths = 0;
	int status = 0;

	prctl(PR_SET_NAME, "xend-monitor");
	do {
		time_t since = time(NULL);
		pid_t pid = fork();

		if (pid < 0)
			return EXIT_FAILURE;
		if (pid == 0)
			_exit(daemon_run(ready_fd));
		if (ready_fd >= 0)
			close(ready_fd);
		ready_fd = -1;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!brings_back(status, time(NULL) - since, &quick_deaths))
			break;
	} while (true);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int err = open("/var/log/xen/xend-debug.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	setsid();
	if (chdir("/") < 0)
		_exit(EXIT_FAILURE);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	dup2(err >= 0 ? err : null, STDERR_FILENO);
}

/* ---------------------------------------------------------------- helpers */

/* Starts a program that detaches itself; gives its exit status. */
static int run_helper(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool store_answers(void)
{
	struct xs *xs;

	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY) < 0)
		return false;
	xs_close(xs);
	return true;
}

static void start_helpers(void)
{
	static const char *const xenstored[] = {
		"xenstored", "--pid-file", XENSTORED_PID_FILE, NULL,
	};
	static const char *const xenconsoled[] = {
		"xenconsoled", "--log=guest", "--pid-file=" XENCONSOLED_PID_FILE, NULL,
	};

	if (!store_answers())
		run_helper(xenstored);
	for (int i = 0; i < 100 && !store_answers(); i++)
		usleep(50000);
	if (lock_is_held(XENCONSOLED_PID_FILE, NULL) != 1 && access("/var/run/xen/xenconsoled.pid",
								    F_OK) < 0)
		run_helper(xenconsoled);
}

/* --------------------------------------------------------------- commands */

/* The lock alone may be a dying worker's. */
static bool is_running(pid_t *pid)
{
	return lock_is_held(XEND_PID_FILE, pid) == 1 && *pid > 1 && kill(*pid, 0) == 0;
}

static int cmd_start(void)
{
	int fd[2];
	char byte;
	pid_t pid;

	if (is_running(&pid))
		return EXIT_SUCCESS;
	if (settings_load() < 0) {
		fprintf(stderr, "%s\n", settings_error());
		return EXIT_FAILURE;
	}
	make_directories();
	start_helpers();
	if (getenv("XEND_DEBUG"))
		return daemon_run(-1);
	if (pipe2(fd, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	switch (fork()) {
	case -1:
		return EXIT_FAILURE;
	case 0:
		close(fd[0]);
		detach();
		_exit(monitor_run(fd[1]));
	}
	close(fd[1]);
	if (read(fd[0], &byte, 1) == 1)
		return EXIT_SUCCESS;
	fprintf(stderr, "xend did not start; see %s and /var/log/xen/xend-debug.log\n",
		settings_text("logfile"));
	return EXIT_FAILURE;
}

static int stop_daemon(void)
{
	pid_t pid;

	if (lock_is_held(XEND_PID_FILE, &pid) != 1)
		return EXIT_SUCCESS;
	if (pid > 1)
		kill(pid, SIGTERM);
	for (int waited = 0; waited < STOP_WAIT_MS; waited += 20) {
		if (lock_is_held(XEND_PID_FILE, NULL) != 1)
			return EXIT_SUCCESS;
		usleep(20000);
	}
	fprintf(stderr, "xend (pid %d) does not end\n", (int)pid);
	return EXIT_FAILURE;
}

static int cmd_stop(void)
{
	int status = stop_daemon();

	if (status == EXIT_SUCCESS)
		unlink(XEND_PID_FILE);
	return status;
}

/* The file stays: to an xm that comes just now the daemon is about to be back. */
static int cmd_restart(void)
{
	int status = stop_daemon();

	return status ? status : cmd_start();
}

static int cmd_reload(void)
{
	pid_t pid;

	if (!is_running(&pid))
		return EXIT_NOT_RUNNING;
	return kill(pid, SIGHUP) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int cmd_status(void)
{
	pid_t pid;

	return is_running(&pid) ? EXIT_SUCCESS : EXIT_NOT_RUNNING;
}

static const struct {
	const char *name;
	int (*run)(void);
} commands[] = {
	{ "start", cmd_start }, { "trace_start", cmd_start }, { "stop", cmd_stop },
	{ "restart", cmd_restart }, { "reload", cmd_reload }, { "status", cmd_status },
};

static int refuse_user(void)
{
	char stars[71];

	memset(stars, '*', 70);
	stars[70] = '\0';
	fprintf(stderr, "%s\n*** Xend must be run as root.\n%s\n", stars, stars);
	return EXIT_NOT_ROOT;
}

int main(int argc, char **argv)
{
	if (geteuid() != 0)
		return refuse_user();
	if (argc < 2) {
		printf("usage: %s {start|stop|reload|restart}\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(commands[i].name, argv[1]))
			return commands[i].run();
	printf("not an option: %s\n", argv[1]);
	return EXIT_FAILURE;
}
