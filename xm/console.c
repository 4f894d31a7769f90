/* Consoles: through xenconsoled's socket, which replays what was said; or, where another
 * console daemon runs, through the terminal that it made. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/unixsock.h"
#include "xenstore/xs.h"
#include "xend/consock.h"
#include "xend/lock.h"
#include "xend/roster.h"
#include "xm/console.h"
#include "xm/groups.h"
#include "xm/open.h"
#include "xm/tools.h"

#define ESCAPE 0x1d			/* Ctrl-] */
#define TTY_WAIT_S 5			/* how long a console daemon may take to make a terminal */

static struct termios saved;
static bool is_raw;

static void raw_leave(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	is_raw = false;
}

static void raw_die(int sig)
{
	raw_leave();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void raw_enter(void)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved) < 0)
		return;
	raw = saved;
	cfmakeraw(&raw);
	is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	atexit(raw_leave);
	signal(SIGTERM, raw_die);
	signal(SIGHUP, raw_die);
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			poll(&p, 1, -1);
			continue;
		}
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* What is typed goes to the guest; 0, or 1 when the user wants out. */
static int pump_input(int fd, bool *has_input)
{
	char part[256];
	const char *escape;
	ssize_t n = read(STDIN_FILENO, part, sizeof part);

	if (n == 1 && part[0] == ESCAPE)
		return 1;
	/* Fast fingers, slow lines: more keys may come at once.  A pipe's bytes are data. */
	escape = is_raw && n > 0 ? memchr(part, ESCAPE, (size_t)n) : NULL;
	if (escape) {
		write_all(fd, part, (size_t)(escape - part));
		return 1;
	}
	if (n <= 0) {		/* a pipe's end: go on watching, with nothing more to say */
		*has_input = false;
		return 0;
	}
	return write_all(fd, part, (size_t)n) < 0 ? 1 : 0;
}

/* 0, or 1 at the console's end. */
static int pump_output(int fd)
{
	char part[4096];
	ssize_t n = read(fd, part, sizeof part);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)		/* a pty whose other side is closed gives EIO */
		return 1;
	return write_all(STDOUT_FILENO, part, (size_t)n) < 0 ? 1 : 0;
}

static void pump(int fd)
{
	bool has_input = true;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = has_input ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents && pump_input(fd, &has_input))
			return;
		if (p[0].revents && pump_output(fd))
			return;
	}
}

/* ------------------------------------------------------ xenconsoled's socket */

/* The daemon's answer is one line; what follows it is the console. */
static int socket_answer(int fd, char *line, size_t size)
{
	size_t used = 0;

	while (used + 1 < size) {
		ssize_t n = read(fd, line + used, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = '\0';
	return 0;
}

static int socket_attach(int fd, int domid, bool replay)
{
	char line[256];
	int n = snprintf(line, sizeof line, CONSOCK_ATTACH "\n", domid, replay);

	if (write_all(fd, line, (size_t)n) < 0 || socket_answer(fd, line, sizeof line) < 0)
		return xm_error("xenconsoled closed the connection.");
	if (strncmp(line, CONSOCK_OK, strlen(CONSOCK_OK)))
		return xm_error("%s", line);
	if (strstr(line, CONSOCK_VIEWER))
		fputs("Another one writes to this console already: you can only watch.\r\n", stderr);
	raw_enter();
	pump(fd);
	raw_leave();
	return XM_OK;
}

/* The menu ends with the boot loader.  Who leaves it takes its terminal away, and with that ends
 * the boot loader. */
void console_menu(const char *path)
{
	int fd = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? unixsock_connect(path) : -1;

	if (fd < 0)
		return;			/* it goes on without us */
	raw_enter();
	pump(fd);
	raw_leave();
	close(fd);
}

/* ------------------------------------------------------------- a terminal */

static char *tty_find(int domid)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	char path[64];

	snprintf(path, sizeof path, "/local/domain/%d/console", domid);
	for (int tries = 0; tries < TTY_WAIT_S * 10; tries++) {
		char *tty = xs_get(xm_xs(), XS_TXN_NONE, path, "tty");

		if (tty && *tty)
			return tty;
		free(tty);
		nanosleep(&step, NULL);
	}
	return NULL;
}

/* Only a pty: the node is in reach of whoever may write there. */
static int tty_open(const char *tty)
{
	struct termios raw;
	int fd;

	if (strncmp(tty, "/dev/pts/", 9) || strstr(tty, ".."))
		return -EINVAL;
	fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

static int tty_attach(int domid)
{
	char *tty = xm_xs() ? tty_find(domid) : NULL;
	int fd;

	if (!tty)
		return xm_error("Could not read tty from store: no console daemon serves domain %d.\n"
				"Start it with: xenconsoled --log=guest", domid);
	fd = tty_open(tty);
	if (fd < 0)
		xm_error("Unable to open the console of domain %d at %s: %s.\nIf its daemon has died, start "
			 "it again: xenconsoled --log=guest", domid, tty, strerror(-fd));
	free(tty);
	if (fd < 0)
		return XM_FAILED;
	raw_enter();
	pump(fd);
	raw_leave();
	close(fd);
	return XM_OK;
}

int console_attach(int domid, bool replay)
{
	int fd = unixsock_connect(CONSOCK_PATH), status;

	if (fd < 0)
		return tty_attach(domid);
	status = socket_attach(fd, domid, replay);
	close(fd);
	return status;
}

static int cmd_console(struct xm_args *a)
{
	const char *num = xm_opt(a, "num");
	bool is_quiet = xm_opt(a, "quiet");
	struct dom_list l;
	struct dom *d;
	int status, domid;

	if (a->argc != 1)
		return xm_usage_error(a, "Expects 1 argument");
	if (num && strcmp(num, "0"))
		return xm_usage_error(a, "Only console 0 is available in this version");
	status = xm_roster_for(&l, a->argv, 1);
	if (status)
		return status;
	d = dom_list_find(&l, a->argv[0]);
	domid = d ? d->domid : DOM_HALTED;
	if (!d && !is_quiet)
		status = xm_no_domain(a->argv[0]);
	else if (domid == DOM_HALTED && !is_quiet)
		status = xm_error("Domain '%s' is not started", a->argv[0]);
	else if (domid == DOM_HALTED)
		status = XM_FAILED;
	else if (domid == 0)
		status = xm_error("Can't specify Domain-0");
	dom_list_free(&l);
	return status ? status : console_attach(domid, true);
}

int tool_xenconsole(int argc, char **argv)
{
	char *end;
	long domid;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		printf("Usage: %s [-h] DOMID\nAttach to the console of a domain; Ctrl-] leaves.\n",
		       argv[0]);
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "Invalid number of arguments\nTry '%s --help' for more.\n", argv[0]);
		return EINVAL;
	}
	domid = strtol(argv[1], &end, 10);
	if (end == argv[1] || *end || domid < 0) {
		fprintf(stderr, "Invalid DOMID '%s'\n", argv[1]);
		return EINVAL;
	}
	if (domid == 0) {
		fprintf(stderr, "Can't specify Domain-0\n");
		return EINVAL;
	}
	return console_attach((int)domid, true);
}

static const struct xm_option console_options[] = {
	{ 'q', "quiet", NULL, "Say nothing when there is no such domain." },
	{ 'n', "num", "N", "The console's number." },
	{ 0 },
};

const struct xm_command console_commands[] = {
	{ "console", "[-q|--quiet] <Domain>", 1, 4, cmd_console,
	  "Attach to a domain's console; Ctrl-] leaves.", console_options, XM_COMMON },
	{ 0 },
};
