/* xenconsoled: every guest's console recorded from its first byte, kept after its death, and
 * shown to whoever attaches.  Crash-only: consoles are found again from XenStore. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/console.h"
#include "xend/lock.h"
#include "xend/sysctl.h"

#define LOG_DIR "/var/log/xen/console"
#define LOG_FILE "/var/log/xen/xenconsoled.log"
#define RECONNECT_NS 500000000ULL
#define LOCK_WAIT_MS 2000

static struct consoles consoles;
static struct loop_fd events_fd;
static struct loop_timer reconnect;

/* The hypervisor's own messages, when they are recorded too. */
static struct {
	bool is_recorded, has_timestamps;
	uint32_t port, index;
	struct conlog log;
} hv;

/* ------------------------------------------------------------- hypervisor */

static void hv_drain(void)
{
	char text[16384];
	int n;

	while ((n = sysctl_console_read(consoles.hyp, text, sizeof text, &hv.index, false,
					hv.index != 0)) > 0)
		conlog_write(&hv.log, text, (size_t)n);
}

static void hv_open(const char *dir)
{
	int port = hyp_events_bind_virq(consoles.events, VIRQ_CON_RING);

	conlog_open(&hv.log, dir, "hypervisor.log", hv.has_timestamps, false);
	if (port < 0)
		log_rc(port, "bind the hypervisor's console");
	else
		hv.port = (uint32_t)port;
	hv_drain();
}

/* --------------------------------------------------------------- domains */

static bool is_same(const struct console *c, const struct xen_domctl_getdomaininfo *info)
{
	return !memcmp(c->uuid, info->handle, sizeof c->uuid);
}

/* A dying domain can't go while we have its page. */
static void close_dead(void)
{
	struct console *c, *next;

	for (c = consoles.first; c; c = next) {
		struct xen_domctl_getdomaininfo info;
		int rc = hyp_domain_info(consoles.hyp, c->domid, &info);

		next = c->next;
		if (rc == -ESRCH || (rc == 0 && (info.flags & XEN_DOMINF_dying ||
						 !is_same(c, &info)))) {
			log_info("domain %u: gone", c->domid);
			console_close(c);
		}
	}
}

/* Domains whose console is not described yet: libxl introduces them first.  A watch on each says
 * when it is. */
static struct awaited {
	struct awaited *next;
	uint32_t domid;
} *awaited;

static void awaited_path(const struct awaited *a, char path[64])
{
	snprintf(path, 64, "/local/domain/%u/console", a->domid);
}

static void await(uint32_t domid)
{
	struct awaited *a;
	char path[64];

	for (a = awaited; a; a = a->next)
		if (a->domid == domid)
			return;
	a = malloc(sizeof *a);
	if (!a) {
		log_rc(-ENOMEM, "wait for the console of domain %u", domid);
		return;
	}
	*a = (struct awaited){ .next = awaited, .domid = domid };
	awaited_path(a, path);
	if (xs_watch(consoles.xs, path, "console") < 0) {
		free(a);
		return;
	}
	awaited = a;
}

/* Those that are connected, or have gone. */
static void await_end(bool all)
{
	struct awaited **at = &awaited, *a;
	char path[64];

	while ((a = *at)) {
		struct xen_domctl_getdomaininfo info;

		if (!all && !console_find(&consoles, a->domid) &&
		    hyp_domain_info(consoles.hyp, a->domid, &info) == 0 &&
		    !(info.flags & XEN_DOMINF_dying)) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		awaited_path(a, path);
		if (!all)
			xs_unwatch(consoles.xs, path, "console");
		free(a);
	}
}

static void open_new(bool resume)
{
	static struct xen_domctl_getdomaininfo info[256];
	uint32_t first = 1;
	int n;

	while ((n = hyp_domain_list(consoles.hyp, first, 256, info)) > 0) {
		for (int i = 0; i < n; i++)
			if (!(info[i].flags & XEN_DOMINF_dying) &&
			    !console_find(&consoles, info[i].domain) &&
			    console_open(&consoles, info[i].domain, info[i].handle, resume) == -EAGAIN)
				await(info[i].domain);
		first = info[n - 1].domain + 1u;
	}
}

static void look(bool resume)
{
	close_dead();
	open_new(resume);
	await_end(false);
}

static void on_events(struct loop_fd *w, uint32_t what)
{
	int port;

	while ((port = hyp_events_next(consoles.events)) > 0) {
		struct console *c = console_find_port(&consoles, (uint32_t)port);

		if (c) {
			console_event(c);
		} else {
			if ((uint32_t)port == hv.port)
				hv_drain();
			hyp_events_unmask(consoles.events, (uint32_t)port);
		}
	}
}

/* -------------------------------------------------------------- XenStore */

static int store_connect(bool resume);

static void on_reconnect(struct loop_timer *t)
{
	if (store_connect(true) < 0)
		loop_timer_start(consoles.loop, t, RECONNECT_NS);
}

static void on_store(struct xs *xs, const struct xs_event *ev, void *ctx)
{
	if (ev) {
		look(false);
		return;
	}
	log_error("lost XenStore; consoles go on, new domains have to wait");
	await_end(true);
	xs_detach(consoles.xs);
	xs_close(consoles.xs);
	consoles.xs = NULL;
	reconnect.fire = on_reconnect;
	loop_timer_start(consoles.loop, &reconnect, RECONNECT_NS);
}

static int store_connect(bool resume)
{
	static const char *const paths[] = { "@introduceDomain", "@releaseDomain" };
	int rc = xs_open(&consoles.xs, XS_OPEN_SOCKET_ONLY);

	for (size_t i = 0; i < 2 && rc == 0; i++)
		rc = xs_watch(consoles.xs, paths[i], "domains");
	if (rc == 0) {
		look(resume);
		rc = xs_attach(consoles.xs, consoles.loop, on_store, NULL);
	}
	if (rc < 0 && consoles.xs) {
		xs_close(consoles.xs);
		consoles.xs = NULL;
	}
	return rc;
}

/* --------------------------------------------------------------- signals */

static void on_stop(int sig, void *ctx)
{
	loop_stop(consoles.loop, 0);
}

static void on_hangup(int sig, void *ctx)
{
	for (struct console *c = consoles.first; c; c = c->next)
		conlog_reopen(&c->log);
	if (hv.is_recorded)
		conlog_reopen(&hv.log);
	log_reopen();
}

/* ----------------------------------------------------------------- start */

static const char *log_dir = LOG_DIR;
static const char *pid_file = XENCONSOLED_PID_FILE;
static bool is_interactive, is_verbose;

static int prepare(void)
{
	int rc;

	consoles.loop = loop_new();
	if (!consoles.loop)
		return log_errno("make an event loop");
	rc = hyp_open(&consoles.hyp);
	if (rc < 0)
		return log_rc(rc, "reach the hypervisor");
	rc = hyp_events_open(&consoles.events);
	if (rc == 0)
		rc = loop_fd_add(consoles.loop, &events_fd, hyp_events_fd(consoles.events), EPOLLIN,
				 on_events, NULL);
	if (rc < 0)
		return log_rc(rc, "open the event channels");
	rc = viewers_listen(&consoles);
	if (rc < 0)
		log_rc(rc, "listen for viewers");
	rc = store_connect(true);
	if (rc < 0)
		return log_rc(rc, "reach XenStore");
	if (hv.is_recorded)
		hv_open(log_dir);
	loop_signal(consoles.loop, SIGTERM, on_stop, NULL);
	loop_signal(consoles.loop, SIGINT, on_stop, NULL);
	loop_signal(consoles.loop, SIGHUP, on_hangup, NULL);
	return 0;
}

static int daemon_run(int ready_fd)
{
	int lock = lock_take(pid_file, LOCK_WAIT_MS);

	if (lock < 0) {
		log_rc(lock, "take the lock %s", pid_file);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	if (prepare() < 0)
		return EXIT_FAILURE;
	if (ready_fd >= 0 && write(ready_fd, "", 1) == 1)
		close(ready_fd);
	return loop_run(consoles.loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The launcher ends when the daemon answers, or has failed. */
static int launch(void)
{
	int fd[2], null;
	char byte;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	switch (fork()) {
	case -1:
		return EXIT_FAILURE;
	case 0:
		close(fd[0]);
		setsid();
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int i = 0; i < 3 && null >= 0; i++)
			dup2(null, i);
		_exit(daemon_run(fd[1]));
	}
	close(fd[1]);
	if (read(fd[0], &byte, 1) == 1)
		return EXIT_SUCCESS;
	fprintf(stderr, "xenconsoled did not start; see " LOG_FILE "\n");
	return EXIT_FAILURE;
}

static void usage(FILE *out, const char *name)
{
	fprintf(out, "Usage: %s [-h] [-V] [-v] [-i] [--log=none|guest|hv|all] [--log-dir=DIR] "
		"[--pid-file=FILE] [--timestamp=none|guest|hv|all] [--overflow-data=discard|keep]\n",
		name);
}

/* none guest hv all, as bits: 1 guests, 2 the hypervisor; -1: another word. */
static int scope_parse(const char *word)
{
	static const char *const words[] = { "none", "guest", "hv", "all" };

	for (int i = 0; i < 4; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

enum { OPT_LOG = 256, OPT_LOG_DIR, OPT_PID_FILE, OPT_TIMESTAMP, OPT_OVERFLOW };

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
	{ "verbose", no_argument, NULL, 'v' }, { "interactive", no_argument, NULL, 'i' },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "log-dir", required_argument, NULL, OPT_LOG_DIR },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "timestamp", required_argument, NULL, OPT_TIMESTAMP },
	{ "overflow-data", required_argument, NULL, OPT_OVERFLOW },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit status. */
static int option_take(int opt, int *log_scope, int *stamp_scope, const char *name)
{
	switch (opt) {
	case 'h':
		usage(stdout, name);
		return EXIT_SUCCESS;
	case 'V':
		puts("xenconsoled of Xylem");
		return EXIT_SUCCESS;
	case 'v':
		is_verbose = true;
		return -1;
	case 'i':
		is_interactive = true;
		return -1;
	case OPT_LOG:
		*log_scope = scope_parse(optarg);
		return *log_scope < 0 ? EXIT_FAILURE : -1;
	case OPT_LOG_DIR:
		log_dir = optarg;
		return -1;
	case OPT_PID_FILE:
		pid_file = optarg;
		return -1;
	case OPT_TIMESTAMP:
		*stamp_scope = scope_parse(optarg);
		return *stamp_scope < 0 ? EXIT_FAILURE : -1;
	case OPT_OVERFLOW:
		consoles.keeps_overflow = !strcmp(optarg, "keep");
		return -1;
	}
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int log_scope = 1, stamp_scope = 0, opt;

	while ((opt = getopt_long(argc, argv, "hVvi", options, NULL)) != -1) {
		int status = option_take(opt, &log_scope, &stamp_scope, argv[0]);

		if (status == EXIT_FAILURE)
			usage(stderr, argv[0]);
		if (status >= 0)
			return status;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "%s requires root to run.\n", argv[0]);
		return EPERM;
	}
	mkdir("/var/log/xen", 0755);
	mkdir(log_dir, 0755);
	mkdir("/var/run/xen", 0755);
	log_open("xenconsoled", is_interactive || is_verbose ? NULL : LOG_FILE,
		 is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	consoles.log_dir = log_scope & 1 ? log_dir : NULL;
	consoles.has_timestamps = stamp_scope & 1;
	hv.is_recorded = log_scope & 2;
	hv.has_timestamps = stamp_scope & 2;
	if (is_interactive)
		return daemon_run(-1);
	return launch();
}
