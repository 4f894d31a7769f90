/*
 * cli.c - xenstore, xenstore-read, -write, -ls … and xenstore-control: one program.
 *
 * Which command it is stands in its name (xenstore-ls) or in the first argument (xenstore ls).
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "xenstore/buf.h"
#include "xenstore/xs.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PERMS_MAX 16
#define COLUMN_PERMS 60		/* where ls -p writes the permissions */

struct command {
	const char *name;
	const char *usage;
	const char *options;	/* for getopt(); h and s are everybody's */
	int (*run)(struct xs *xs, uint32_t t, int argc, char **argv);
	int min;		/* arguments */
	bool pairs;		/* … come in pairs */
	bool transaction;
	const char *help;
};

static struct {
	const char *program;	/* for messages: xenstore-read */
	bool socket, prefix, tidy, upto, recurse, wide, full, perms, raw;
	int count;		/* watch -n */
	int timeout;		/* control live-update -t */
} opt = { .count = -1, .timeout = 60 };

static void complain(const char *fmt, const char *what)
{
	fprintf(stderr, "%s: ", opt.program);
	fprintf(stderr, fmt, what);
	fputc('\n', stderr);
}

/* In a transaction a conflict is no failure yet: the caller runs it all again. */
static int failed(int rc, const char *fmt, const char *what)
{
	if (rc != -EAGAIN)
		complain(fmt, what);
	return rc;
}

/* ----------------------------------------------------------------- escapes */

/* Printable ASCII but backslash as is; the rest as \t \n \r \\ \ooo (below 8) \xHH. */
static void value_escape(struct buf *out, const char *value, size_t len)
{
	static const char named[] = "\t\n\r\\", letter[] = "tnr\\";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		const char *p = c ? strchr(named, c) : NULL;

		if (p)
			buf_printf(out, "\\%c", letter[p - named]);
		else if (c >= ' ' && c < 127)
			buf_add_char(out, (char)c);
		else if (c < 8)
			buf_printf(out, "\\%03o", c);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c | ((c >= 'A' && c <= 'F') ? 0x20 : 0)) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* An unknown escape stands for its character. */
static size_t value_unescape(char *s)
{
	static const char letter[] = "tnr", named[] = "\t\n\r";
	char *to = s, *start = s;

	while (*s) {
		const char *p;

		if (*s != '\\' || !s[1]) {
			*to++ = *s++;
			continue;
		}
		s++;
		p = strchr(letter, *s);
		if (p) {
			*to++ = named[p - letter];
			s++;
		} else if (*s == 'x' && hex_digit(s[1]) >= 0) {
			int two = hex_digit(s[2]) >= 0;

			*to++ = (char)(two ? hex_digit(s[1]) << 4 | hex_digit(s[2]) : hex_digit(s[1]));
			s += 2 + two;
		} else if (is_octal(s[0]) && is_octal(s[1]) && is_octal(s[2])) {
			*to++ = (char)((s[0] - '0') << 6 | (s[1] - '0') << 3 | (s[2] - '0'));
			s += 3;
		} else {
			*to++ = *s++;
		}
	}
	return (size_t)(to - start);
}

/* ---------------------------------------------------------- small commands */

/* Output waits for the commit: a transaction may run more than once. */
static struct buf output;

static int cmd_read(struct xs *xs, uint32_t t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *value;
		size_t len;
		int rc = xs_read(xs, t, argv[i], &value, &len);

		if (rc)
			return failed(rc, "couldn't read path %s", argv[i]);
		if (opt.prefix)
			buf_printf(&output, "%s: ", argv[i]);
		if (opt.raw) {
			buf_add(&output, value, len);
		} else {
			value_escape(&output, value, len);
			buf_add_char(&output, '\n');
		}
		free(value);
	}
	return 0;
}

static int cmd_write(struct xs *xs, uint32_t t, int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		char *value = strdup(argv[i + 1]);
		size_t len = !value ? 0 : opt.raw ? strlen(value) : value_unescape(value);
		int rc = value ? xs_write(xs, t, argv[i], value, len) : -ENOMEM;

		free(value);
		if (rc)
			return failed(rc, "could not write path %s", argv[i]);
	}
	return 0;
}

/* Whether the node has neither value nor children left. */
static int is_bare(struct xs *xs, uint32_t t, const char *path)
{
	char **names, *value;
	size_t len;
	int n = xs_directory(xs, t, path, &names), rc;

	if (n < 0)
		return n;
	free(names);
	if (n)
		return 0;
	rc = xs_read(xs, t, path, &value, &len);
	if (rc)
		return rc;
	free(value);
	return !len;
}

static int tidy(struct xs *xs, uint32_t t, const char *path)
{
	char *parent = strdup(path), *slash;
	int rc = parent ? 1 : -ENOMEM;

	while (rc > 0 && (slash = strrchr(parent, '/')) != NULL && slash != parent) {
		*slash = '\0';
		rc = is_bare(xs, t, parent);
		if (rc > 0 && (rc = xs_rm(xs, t, parent)) == 0)
			rc = 1;
	}
	free(parent);
	return rc < 0 ? rc : 0;
}

static int cmd_rm(struct xs *xs, uint32_t t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int rc = xs_rm(xs, t, argv[i]);

		if (!rc && opt.tidy)
			rc = tidy(xs, t, argv[i]);
		if (rc)
			return failed(rc, "could not remove path %s", argv[i]);
	}
	return 0;
}

static int cmd_exists(struct xs *xs, uint32_t t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int rc = xs_exists(xs, t, argv[i]);

		if (rc <= 0)
			return rc ? rc : -ENOENT;
	}
	return 0;
}

static int cmd_list(struct xs *xs, uint32_t t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char **names;
		int n = xs_directory(xs, t, argv[i], &names);

		if (n < 0)
			return failed(n, "could not list path %s", argv[i]);
		for (int k = 0; k < n; k++) {
			if (opt.prefix)
				buf_printf(&output, "%s/", argv[i]);
			buf_printf(&output, "%s\n", names[k]);
		}
		free(names);
	}
	return 0;
}

/* ------------------------------------------------------------------- chmod */

/* "r5": a letter of n, r, w, b and a domain. */
static bool perm_parse(const char *s, struct xs_perm *out)
{
	char *end;

	if (!*s || !strchr("nrwb", *s) || s[1] < '0' || s[1] > '9')
		return false;
	*out = (struct xs_perm){ (uint32_t)strtoul(s + 1, &end, 10), *s };
	return !*end;
}

static int chmod_below(struct xs *xs, uint32_t t, const char *path, const struct xs_perm *p,
		       size_t n)
{
	char **names;
	int count = xs_directory(xs, t, path, &names), rc = count < 0 ? count : 0;

	for (int i = 0; !rc && i < count; i++) {
		struct buf below = { 0 };

		rc = buf_printf(&below, "%s/%s", strcmp(path, "/") ? path : "", names[i]);
		if (!rc)
			rc = xs_set_perms(xs, t, below.data, p, n);
		if (!rc)
			rc = chmod_below(xs, t, below.data, p, n);
		buf_free(&below);
	}
	if (count >= 0)
		free(names);
	return rc;
}

static int chmod_above(struct xs *xs, uint32_t t, const char *path, const struct xs_perm *p,
		       size_t n)
{
	char *above = strdup(path), *slash;
	int rc = above ? 0 : -ENOMEM;

	while (!rc && (slash = strrchr(above, '/')) != NULL && slash != above) {
		*slash = '\0';
		rc = xs_set_perms(xs, t, above, p, n);
	}
	free(above);
	return rc;
}

static int cmd_chmod(struct xs *xs, uint32_t t, int argc, char **argv)
{
	struct xs_perm perm[PERMS_MAX];
	size_t n = (size_t)argc - 1;
	int rc;

	if (n > PERMS_MAX) {
		complain("%s: too many permissions", argv[0]);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		if (!perm_parse(argv[i + 1], &perm[i]))
			return failed(-EINVAL, "Invalid permission specification: '%s'", argv[i + 1]);
	rc = xs_set_perms(xs, t, argv[0], perm, n);
	if (!rc && opt.upto)
		rc = chmod_above(xs, t, argv[0], perm, n);
	if (!rc && opt.recurse)
		rc = chmod_below(xs, t, argv[0], perm, n);
	if (rc && rc != -EAGAIN)
		fprintf(stderr, "%s: could not set permissions of %s: %s\n", opt.program, argv[0],
			strerror(-rc));
	return rc;
}

/* ---------------------------------------------------------------------- ls */

/* Columns of a line: two fewer than the terminal has. */
static size_t ls_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 4)
		return 80;
	return w.ws_col - 2u;
}

/* `= "value"` behind what stands in the line.  False if it was cut short (`\..."`) to fit. */
static bool ls_value(struct buf *line, const char *value, size_t len)
{
	struct buf text = { 0 };
	size_t width = ls_width(), room;
	bool whole;

	value_escape(&text, value, len);
	buf_add_string(line, " = \"");
	room = width > line->len + 4 ? width - line->len - 4 : 0;
	whole = opt.wide || opt.full || text.len <= room;
	buf_add(line, text.data, whole ? text.len : room);
	buf_add_string(line, whole ? "\"" : "\\...\"");
	buf_free(&text);
	return whole;
}

/* A dotted line leads to the permissions, where there is room for it. */
static void ls_perms(struct xs *xs, struct buf *line, const char *path, bool whole)
{
	struct xs_perm *perm;
	int n = xs_get_perms(xs, XS_TXN_NONE, path, &perm);

	if (n < 0)
		return;
	if (whole)
		buf_add_char(line, ' ');
	while (!opt.full && line->len < COLUMN_PERMS)
		buf_add_char(line, line->len % 2 ? '.' : ' ');
	buf_add_string(line, "  (");
	for (int i = 0; i < n; i++)
		buf_printf(line, "%s%c%u", i ? "," : "", perm[i].access, perm[i].domid);
	buf_add_char(line, ')');
	free(perm);
}

static void ls_line(struct xs *xs, const char *path, const char *name, int depth)
{
	struct buf line = { 0 };
	bool whole = true;
	char *value;
	size_t len;
	int rc = xs_read(xs, XS_TXN_NONE, path, &value, &len);

	if (rc != -ENOENT) {	/* else it went while we were looking */
		if (opt.full)
			buf_add_string(&line, path);
		else
			buf_printf(&line, "%*s%s", depth, "", name);
		if (rc)
			buf_add_char(&line, ':');
		else
			whole = ls_value(&line, value, len);
		if (opt.perms)
			ls_perms(xs, &line, path, whole);
		puts(buf_string(&line) ? line.data : name);
	}
	if (!rc)
		free(value);
	buf_free(&line);
}

/* The store's depth is at most 1536 (a path's 3072 bytes). */
static int ls_below(struct xs *xs, const char *path, int depth)
{
	char **names;
	int n = xs_directory(xs, XS_TXN_NONE, path, &names);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		struct buf below = { 0 };

		if (!buf_printf(&below, "%s/%s", strcmp(path, "/") ? path : "", names[i])) {
			ls_line(xs, below.data, names[i], depth);
			ls_below(xs, below.data, depth + 1);
		}
		buf_free(&below);
	}
	free(names);
	return 0;
}

static int cmd_ls(struct xs *xs, uint32_t t, int argc, char **argv)
{
	static char root[] = "/", *only[] = { root };
	int rc = 0;

	if (!argc) {
		argc = 1;
		argv = only;
	}
	for (int i = 0; !rc && i < argc; i++) {
		rc = ls_below(xs, argv[i], 0);
		if (rc)
			fprintf(stderr, "%s: could not access path %s: %s\n", opt.program, argv[i],
				strerror(-rc));
	}
	return rc;
}

/* ------------------------------------------------------------------- watch */

static int cmd_watch(struct xs *xs, uint32_t t, int argc, char **argv)
{
	struct xs_event ev;
	int rc = 0;

	for (int i = 0; !rc && i < argc; i++) {
		rc = xs_watch(xs, argv[i], argv[i]);
		if (rc)
			complain("could not watch path %s", argv[i]);
	}
	for (int i = 0; !rc && (opt.count < 0 || i < opt.count); i++) {
		rc = xs_wait_event(xs, &ev, -1);
		if (rc) {
			complain("%s", "the connection is lost");
			return rc;
		}
		puts(ev.path);
		fflush(stdout);
		xs_event_free(&ev);
	}
	return rc;
}

/* ----------------------------------------------------------------- control */

static int control_ask(struct xs *xs, const char *const *arg, size_t n, char **answer)
{
	int rc = xs_control(xs, arg, n, answer);

	if (rc)
		fprintf(stderr, "%s: %s: %s\n", opt.program, arg[0], strerror(-rc));
	return rc;
}

/* The daemon says BUSY while transactions are open: ask again until patience is over. */
static int update_start(struct xs *xs, bool force, int timeout)
{
	const char *const arg[] = { "live-update", "-s", "-F" };
	const struct timespec pause = { 0, 50000000 };
	char *answer;

	for (int tries = timeout * 20; ; tries--) {
		int rc = control_ask(xs, arg, force ? 3 : 2, &answer);
		bool busy;

		if (rc)
			return rc;
		busy = !strcmp(answer, "BUSY");
		if (!busy)
			puts(answer);
		free(answer);
		if (!busy)
			return 0;
		if (tries <= 0) {
			complain("%s", "live-update: transactions stay open (use -F)");
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
}

/* live-update [-c CMDLINE] [-t TIMEOUT] [-F] FILE */
static int control_update(struct xs *xs, int argc, char **argv)
{
	const char *arg[6] = { "live-update", "-f" }, *cmdline = NULL;
	int timeout = opt.timeout, o, rc;
	size_t n = 3;
	bool force = false;
	char *answer;

	optind = 0;
	while ((o = getopt(argc, argv, "+c:t:F")) != -1) {
		if (o == 'c')
			cmdline = optarg;
		else if (o == 't')
			timeout = atoi(optarg);
		else if (o == 'F')
			force = true;
		else
			return -EINVAL;
	}
	if (optind + 1 != argc) {
		complain("%s", "live-update takes one file");
		return -EINVAL;
	}
	arg[2] = argv[optind];
	if (cmdline) {
		arg[n++] = "-c";
		arg[n++] = cmdline;
	}
	rc = control_ask(xs, arg, n, &answer);
	if (rc)
		return rc;
	free(answer);
	return update_start(xs, force, timeout);
}

static int cmd_control(struct xs *xs, uint32_t t, int argc, char **argv)
{
	char *answer;
	int rc;

	if (!strcmp(argv[0], "live-update"))
		return control_update(xs, argc, argv);
	rc = control_ask(xs, (const char *const *)argv, (size_t)argc, &answer);
	if (rc)
		return rc;
	if (*answer)
		printf("%s%s", answer, answer[strlen(answer) - 1] == '\n' ? "" : "\n");
	free(answer);
	return 0;
}

/* ---------------------------------------------------------------- dispatch */

static const struct command commands[] = {
	{ "chmod", "[-h] [-u] [-r] [-s] key mode [modes...]", "ur", cmd_chmod, 2, false, true,
	  "set permissions; -u parents too, -r children" },
	{ "control", "[-h] [-s] command [args...]", "+", cmd_control, 1, false, false,
	  "ask the daemon: xenstore-control help" },
	{ "exists", "[-h] [-p] [-s] key [...]", "p", cmd_exists, 1, false, true,
	  "status 0 if all exist" },
	{ "list", "[-h] [-p] [-s] key [...]", "p", cmd_list, 1, false, true,
	  "names of children" },
	{ "ls", "[-h] [-f] [-p] [-s] [-w] [path...]", "fpw", cmd_ls, 0, false, false,
	  "all below a path, as a tree" },
	{ "read", "[-h] [-p] [-s] [-R] key [...]", "pR", cmd_read, 1, false, true,
	  "values" },
	{ "rm", "[-h] [-s] [-t] key [...]", "t", cmd_rm, 1, false, true,
	  "remove nodes; -t empty parents too" },
	{ "watch", "[-h] [-n NR] [-s] key [...]", "n:", cmd_watch, 1, false, false,
	  "print paths that change" },
	{ "write", "[-h] [-s] [-R] key value [...]", "R", cmd_write, 2, true, true,
	  "set values" },
};

static int usage_all(void)
{
	fputs("usage: xenstore COMMAND ...\n", stderr);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(stderr, "  %-8s %-44s %s\n", commands[i].name, commands[i].usage,
			commands[i].help);
	return 1;
}

static int usage_of(const struct command *cmd)
{
	fprintf(stderr, "%s: Usage: %s %s\n", opt.program, opt.program, cmd->usage);
	return 1;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Each command takes those of them whose letter it has. */
static const struct option long_options[] = {
	{ "flat", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "number", required_argument, NULL, 'n' },
	{ "prefix", no_argument, NULL, 'p' },
	{ "raw", no_argument, NULL, 'R' },
	{ "recurse", no_argument, NULL, 'r' },
	{ "socket", no_argument, NULL, 's' },
	{ "tidy", no_argument, NULL, 't' },
	{ "upto", no_argument, NULL, 'u' },
	{ 0 },
};

static bool count_parse(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || n > INT_MAX) {
		complain("%s is no number", s);
		return false;
	}
	opt.count = (int)n;
	return true;
}

static bool option_take(int o)
{
	switch (o) {
	case 's': opt.socket = true; return true;
	case 'p': opt.prefix = opt.perms = true; return true;
	case 't': opt.tidy = true; return true;
	case 'u': opt.upto = true; return true;
	case 'r': opt.recurse = true; return true;
	case 'w': opt.wide = true; return true;
	case 'f': opt.full = true; return true;
	case 'n': return count_parse(optarg);
	case 'R': opt.raw = true; return true;
	default: return false;
	}
}

struct run {
	const struct command *cmd;
	int argc;
	char **argv;
};

static int run_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct run *r = ctx;

	buf_clear(&output);
	return r->cmd->run(xs, t, r->argc, r->argv);
}

static int command_run(const struct command *cmd, int argc, char **argv)
{
	struct run r = { cmd, argc, argv };
	struct xs *xs;
	int rc = xs_open(&xs, opt.socket ? XS_OPEN_SOCKET_ONLY : 0);

	if (rc) {
		fprintf(stderr, "%s: xenstored can't be reached at %s: %s\n", opt.program,
			xs_socket_path(false), strerror(-rc));
		return 1;
	}
	do
		rc = cmd->transaction ? xs_txn(xs, run_body, &r) : run_body(xs, XS_TXN_NONE, &r);
	while (rc == -EAGAIN);
	if (output.len)		/* up to what failed */
		fwrite(output.data, 1, output.len, stdout);
	buf_free(&output);
	xs_close(xs);
	return rc || fflush(stdout) ? 1 : 0;
}

/* "xenstore-ls" and "xenstore ls" alike; argv[0] becomes the command's. */
static const struct command *command_of(int *argc, char ***argv)
{
	static char program[32];
	const char *name = strrchr((*argv)[0], '/');
	const struct command *cmd;

	name = name ? name + 1 : (*argv)[0];
	cmd = strncmp(name, "xenstore-", 9) ? NULL : command_find(name + 9);
	if (cmd) {
		opt.program = name;
		return cmd;
	}
	if (*argc < 2)
		return NULL;
	cmd = command_find((*argv)[1]);
	snprintf(program, sizeof(program), "xenstore-%.20s", (*argv)[1]);
	opt.program = program;
	--*argc;
	++*argv;
	return cmd;
}

int main(int argc, char **argv)
{
	const struct command *cmd = command_of(&argc, &argv);
	char options[16];
	int o;

	if (!cmd)
		return usage_all();
	snprintf(options, sizeof(options), "%shs", cmd->options);
	while ((o = getopt_long(argc, argv, options, long_options, NULL)) != -1)
		if (!strchr(options, o) || !option_take(o))
			return usage_of(cmd);
	argc -= optind;
	argv += optind;
	if (argc < cmd->min || (cmd->pairs && argc % 2))
		return usage_of(cmd);
	return command_run(cmd, argc, argv);
}
