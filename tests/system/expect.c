/*
 * expect [-ep] [-l LOG] [-t SECONDS] SCRIPT COMMAND...
 *
 * Runs COMMAND on pipes (with -p on a pseudo-terminal of 24 lines), keeps its output in LOG (with -e shows it
 * too), and follows SCRIPT:
 *   wait TEXT   go on when the output since the last match holds TEXT
 *   screen TEXT go on when a line of the terminal's screen holds TEXT
 *   fail TEXT   from here on the run has failed when the output holds TEXT
 *   send TEXT   write TEXT; \n \r \t \\ and \xNN are understood
 *   sleep MS    let time pass: as a person does, who reads
 *   pass        from here on hand over our standard input as well
 *   exit        go on when COMMAND has ended by itself
 * At the end of the script, or when SECONDS (default 60) have passed, COMMAND is stopped.
 * Exit status: 0 the whole script was followed, 1 not (standard error says where), 2 it was not begun, 3 not
 * followed for no other reason than that COMMAND died of a signal.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

enum { PASS_CHUNK = 32, PASS_PAUSE_MS = 20 };	/* a UART and its driver lose what comes faster */
enum { FAIL_MAX = 8 };
enum { FOLLOWED, NOT_FOLLOWED, NOT_BEGUN, DIED };	/* exit status */

struct run {
	pid_t child;
	int to, from;			/* the child's standard input and output; -1 when closed */
	int log;
	bool echo, passing, has_terminal;
	struct screen screen;
	bool ended;
	int status;			/* of the child, once it has ended */
	int failure;			/* our exit status if the script is not followed */
	long deadline_ms;
	char *out;			/* all its output, NUL terminated (NULs in it become spaces) */
	size_t used, size, seen;	/* seen: the last match ended here */
	const char *fail[FAIL_MAX];
	size_t fail_from[FAIL_MAX];	/* the first offset that was not yet searched */
	int fails;
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void run_exec(char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* no machine outlives its test */
	execvp(argv[0], argv);
	fprintf(stderr, "expect: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void run_start_terminal(struct run *r, char **argv)
{
	struct winsize size = { .ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLS };

	r->child = forkpty(&r->to, NULL, NULL, &size);
	if (r->child == 0) {
		setenv("TERM", "vt102", 1);
		run_exec(argv);
	}
	if (r->child < 0) {
		perror("expect: forkpty");
		exit(NOT_BEGUN);
	}
	fcntl(r->to, F_SETFD, FD_CLOEXEC);
	r->from = r->to;
}

static void run_start(struct run *r, char **argv)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		perror("expect: pipe");
		exit(NOT_BEGUN);
	}
	r->child = fork();
	if (r->child == 0) {
		setpgid(0, 0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		run_exec(argv);
	}
	close(in[0]);
	close(out[1]);
	r->to = in[1];
	r->from = out[0];
}

static void run_stop(struct run *r)
{
	if (r->ended || r->child <= 0)
		return;
	kill(r->child, SIGTERM);
	for (int i = 0; i < 50; i++, usleep(20000)) {
		if (waitpid(r->child, &r->status, WNOHANG) == r->child)
			return;
	}
	kill(r->child, SIGKILL);
	waitpid(r->child, &r->status, 0);
}

static void run_keep(struct run *r, const char *data, size_t n)
{
	screen_put(&r->screen, data, n);
	if (write(r->log, data, n) < 0)
		perror("expect: log");
	if (r->echo && write(1, data, n) < 0)
		r->echo = false;
	if (r->used + n + 1 > r->size) {
		r->size = (r->used + n + 1) * 2;
		r->out = realloc(r->out, r->size);
		if (!r->out)
			abort();
	}
	for (size_t i = 0; i < n; i++)
		r->out[r->used++] = data[i] ? data[i] : ' ';
	r->out[r->used] = 0;
}

static void run_read(struct run *r)
{
	char data[4096];
	ssize_t n = read(r->from, data, sizeof(data));

	if (n > 0) {
		run_keep(r, data, (size_t)n);
		return;
	}
	waitpid(r->child, &r->status, 0);
	r->ended = true;
}

static void run_write(struct run *r, const char *data, size_t n)
{
	while (n && !r->ended) {
		size_t part = n < PASS_CHUNK ? n : PASS_CHUNK;
		ssize_t done = write(r->to, data, part);

		if (done < 0)
			return;		/* the child is gone: run_read() will notice */
		data += done;
		n -= (size_t)done;
		usleep(PASS_PAUSE_MS * 1000);
	}
}

static void run_pass(struct run *r)
{
	char data[PASS_CHUNK];
	ssize_t n = read(0, data, sizeof(data));

	if (n <= 0)
		r->passing = false;
	else
		run_write(r, data, (size_t)n);
}

/* Waits for something to happen; false when the time is over. */
static bool run_step(struct run *r)
{
	struct pollfd fds[2] = {
		{ .fd = r->from, .events = POLLIN },
		{ .fd = r->passing ? 0 : -1, .events = POLLIN },
	};
	long left = r->deadline_ms - now_ms();

	if (left <= 0)
		return false;
	if (poll(fds, 2, left > 1000 ? 1000 : (int)left) > 0) {
		if (fds[0].revents)
			run_read(r);
		if (fds[1].revents && !r->ended)
			run_pass(r);
	}
	return true;
}

/* The reason of a failure comes behind its first words: reads on for a while. */
static void run_linger(struct run *r)
{
	long deadline_ms = now_ms() + 1500;

	if (deadline_ms < r->deadline_ms)
		r->deadline_ms = deadline_ms;
	while (!r->ended && run_step(r))
		;
}

/* The text of a failure that the output holds, or NULL. */
static const char *run_failed(struct run *r)
{
	for (int i = 0; i < r->fails; i++) {
		size_t length = strlen(r->fail[i]);

		if (r->out && strstr(r->out + r->fail_from[i], r->fail[i]))
			return r->fail[i];
		r->fail_from[i] = r->used > length ? r->used - length : 0;
	}
	return NULL;
}

static bool run_found(struct run *r, const char *text)
{
	const char *hit = r->out ? strstr(r->out + r->seen, text) : NULL;

	if (!hit)
		return false;
	r->seen = (size_t)(hit - r->out) + strlen(text);
	return true;
}

static bool complain(const char *what, const char *text)
{
	fprintf(stderr, "expect: %s '%s'\n", what, text);
	return false;
}

static bool complain_ended(struct run *r, const char *before, const char *text)
{
	if (!WIFSIGNALED(r->status)) {
		fprintf(stderr, "expect: the command ended before %s'%s'\n", before, text);
		return false;
	}
	fprintf(stderr, "expect: the command died of signal %d (%s) before %s'%s'\n", WTERMSIG(r->status),
		strsignal(WTERMSIG(r->status)), before, text);
	r->failure = DIED;
	return false;
}

static bool do_wait(struct run *r, char *text)
{
	const char *bad;

	while (!run_found(r, text)) {
		bad = run_failed(r);
		if (bad) {
			run_linger(r);
			return complain("failed by", bad);
		}
		if (r->ended)
			return complain_ended(r, "", text);
		if (!run_step(r))
			return complain("timed out waiting for", text);
	}
	return true;
}

/* What came together with the text, a prompt say, is still to be waited for. */
static bool do_screen(struct run *r, char *text)
{
	size_t before = r->seen;
	const char *bad;

	while (!screen_holds(&r->screen, text)) {
		before = r->used;
		bad = run_failed(r);
		if (bad) {
			run_linger(r);
			return complain("failed by", bad);
		}
		if (r->ended)
			return complain_ended(r, "the screen held ", text);
		if (!run_step(r)) {
			for (int row = 0; row < SCREEN_ROWS; row++)
				fprintf(stderr, "|%s|\n", r->screen.cell[row]);
			return complain("timed out; the screen lacks", text);
		}
	}
	r->seen = before;
	return true;
}

static bool do_sleep(struct run *r, char *text)
{
	long end = now_ms() + atol(text), deadline_ms = r->deadline_ms;

	if (end < deadline_ms)
		r->deadline_ms = end;
	while (!r->ended && run_step(r))
		;
	r->deadline_ms = deadline_ms;
	return true;
}

static bool do_fail(struct run *r, char *text)
{
	if (r->fails == FAIL_MAX)
		return complain("too many failures named:", text);
	r->fail[r->fails] = text;
	r->fail_from[r->fails++] = r->seen;
	return true;
}

static bool do_send(struct run *r, char *text)
{
	char *from = text, *to = text, hex[3] = "";

	for (; *from; to++) {
		*to = *from++;
		if (*to != '\\' || !*from)
			continue;
		if (*from == 'x' && isxdigit((unsigned char)from[1]) &&
		    isxdigit((unsigned char)from[2])) {
			memcpy(hex, from + 1, 2);
			*to = (char)strtoul(hex, NULL, 16);
			from += 3;
			continue;
		}
		*to = *from == 'n' ? '\n' : *from == 'r' ? '\r' : *from == 't' ? '\t' : *from;
		from++;
	}
	run_write(r, text, (size_t)(to - text));
	return true;
}

static bool do_pass(struct run *r, char *text)
{
	r->passing = true;
	return true;
}

static bool do_exit(struct run *r, char *text)
{
	const char *bad;

	while (!r->ended) {
		bad = run_failed(r);
		if (bad) {
			run_linger(r);
			return complain("failed by", bad);
		}
		if (!run_step(r))
			return complain("timed out waiting for", "the command's end");
	}
	bad = run_failed(r);
	if (bad)
		return complain("failed by", bad);
	return WIFSIGNALED(r->status) ? complain_ended(r, "", "an end of its own") : true;
}

static const struct command {
	const char *name;
	bool (*run)(struct run *r, char *text);
} commands[] = {
	{ "wait", do_wait },
	{ "screen", do_screen },
	{ "sleep", do_sleep },
	{ "fail", do_fail },
	{ "send", do_send },
	{ "pass", do_pass },
	{ "exit", do_exit },
};

/* One line of the script; it stays allocated, for `fail` keeps its text. */
static bool run_line(struct run *r, char *line)
{
	size_t n;

	line[strcspn(line, "\n")] = 0;
	if (!*line || *line == '#')
		return true;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		n = strlen(commands[i].name);
		if (strncmp(line, commands[i].name, n) || (line[n] && line[n] != ' '))
			continue;
		return commands[i].run(r, line + n + (line[n] == ' '));
	}
	return complain("no such command:", line);
}

static bool run_script(struct run *r, FILE *script)
{
	char line[1024], *copy;
	bool ok = true;

	while (ok && fgets(line, sizeof(line), script)) {
		copy = strdup(line);
		ok = copy && run_line(r, copy);
	}
	return ok;
}

int main(int argc, char **argv)
{
	struct run r = { .log = -1, .failure = NOT_FOLLOWED };
	long seconds = 60;
	FILE *script;
	int c, status;

	while ((c = getopt(argc, argv, "+epl:t:")) != -1) {
		if (c == 'e')
			r.echo = true;
		else if (c == 'p')
			r.has_terminal = true;
		else if (c == 'l')
			r.log = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		else if (c == 't')
			seconds = atol(optarg);
		else
			return NOT_BEGUN;
	}
	if (argc - optind < 2) {
		fprintf(stderr, "Usage: expect [-ep] [-l LOG] [-t SECONDS] SCRIPT COMMAND...\n");
		return NOT_BEGUN;
	}
	script = fopen(argv[optind], "re");
	if (!script) {
		perror(argv[optind]);
		return NOT_BEGUN;
	}
	if (r.log < 0)
		r.log = open("/dev/null", O_WRONLY | O_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	r.deadline_ms = now_ms() + seconds * 1000;
	screen_init(&r.screen);
	if (r.has_terminal)
		run_start_terminal(&r, argv + optind + 1);
	else
		run_start(&r, argv + optind + 1);
	status = run_script(&r, script) ? FOLLOWED : r.failure;
	run_stop(&r);
	return status;
}
