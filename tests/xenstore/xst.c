/*
 * xst DAEMON SCRIPT...: hold each script's conversation with a fresh xenstored; TAP.
 *
 *   claim TEXT                       what the lines up to the next claim show
 *   N OP[@TX] WORD... -> ANSWER      client N asks; the answer's strings, separated by blanks
 *   N start -> $TX                   … names the transaction for later lines
 *   N event PATH TOKEN               the next event that client N gets
 *   N quiet                          client N has been told nothing
 *   N close                          client N hangs up
 *   N gone                           the daemon has hung up on client N
 *   N raw HEX                        bytes as they are
 *   restart                          kill -9, start again; all clients are gone
 *
 * '' is an empty word.  xNNN*c in a
 * word stands for NNN times the character c.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "daemon.h"

#define CLIENTS 16
#define WORDS 64
#define WAIT_MS 5000

struct client {
	int fd;			/* 0: not connected */
	uint32_t id;
	char *event[256];	/* "path token", as they came */
	int events, taken;
};

static struct daemon d;
static struct client client[CLIENTS];
static struct { char name[16]; uint32_t id; } txn[32];
static int txns;
static char claim[256], why[9000];
static const char *script;
static int line_number;

static const struct { const char *name; uint32_t type; } op[] = {
	{ "control", XS_CONTROL }, { "directory", XS_DIRECTORY }, { "read", XS_READ },
	{ "get_perms", XS_GET_PERMS }, { "watch", XS_WATCH }, { "unwatch", XS_UNWATCH },
	{ "start", XS_TRANSACTION_START }, { "end", XS_TRANSACTION_END },
	{ "introduce", XS_INTRODUCE }, { "release", XS_RELEASE },
	{ "get_domain_path", XS_GET_DOMAIN_PATH }, { "write", XS_WRITE }, { "mkdir", XS_MKDIR },
	{ "rm", XS_RM }, { "set_perms", XS_SET_PERMS },
	{ "is_introduced", XS_IS_DOMAIN_INTRODUCED }, { "resume", XS_RESUME },
	{ "set_target", XS_SET_TARGET }, { "restrict", 20 },
	{ "reset_watches", XS_RESET_WATCHES }, { "directory_part", XS_DIRECTORY_PART },
	{ "get_feature", 23 }, { "set_feature", 24 }, { "get_quota", 25 }, { "set_quota", 26 },
	{ "op27", 27 }, { "op9999", 9999 },
};

static void fail(const char *fmt, ...)
{
	va_list ap;

	if (*why)
		return;		/* the first one tells */
	snprintf(why, sizeof(why), "line %d: ", line_number);
	va_start(ap, fmt);
	vsnprintf(why + strlen(why), sizeof(why) - strlen(why), fmt, ap);
	va_end(ap);
}

static void claim_end(void)
{
	if (*claim)
		tap(!*why, "%s: %s%s%s", script, claim, *why ? ": " : "", why);
	*claim = *why = '\0';
}

/* ---------------------------------------------------------------- messages */

static struct client *client_get(const char *number)
{
	int n = atoi(number);

	if (n <= 0 || n >= CLIENTS)
		die("%s:%d: client %s", script, line_number, number);
	if (!client[n].fd) {
		client[n] = (struct client){ .fd = daemon_connect(&d), .id = 1 };
		if (client[n].fd < 0)
			die("connect: %s", strerror(-client[n].fd));
	}
	return &client[n];
}

static void client_close(struct client *c)
{
	if (c->fd > 0)
		close(c->fd);
	for (int i = 0; i < c->events; i++)
		free(c->event[i]);
	*c = (struct client){ 0 };
}

static bool read_all(int fd, void *to, size_t len, int wait_ms)
{
	for (size_t got = 0; got < len;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, wait_ms) == 1 ? read(fd, (char *)to + got, len - got) : -1;

		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* A whole message as text: NULs become blanks, but the last. */
static bool message(struct client *c, struct xsd_sockmsg *h, char *text, int wait_ms)
{
	if (!read_all(c->fd, h, sizeof(*h), wait_ms) || h->len > XENSTORE_PAYLOAD_MAX ||
	    !read_all(c->fd, text, h->len, wait_ms))
		return false;
	text[h->len] = '\0';
	for (uint32_t i = 0; i < h->len; i++)
		if (!text[i])
			text[i] = i + 1 == h->len ? '\0' : ' ';
	return true;
}

static void event_keep(struct client *c, const char *text)
{
	if (c->events < 256)
		c->event[c->events++] = strdup(text);
}

static void ask(struct client *c, uint32_t type, uint32_t tx, const char *data, size_t len,
		const char *want)
{
	struct xsd_sockmsg h = { type, c->id++, tx, (uint32_t)len }, r;
	char text[XENSTORE_PAYLOAD_MAX + 1];

	if (write(c->fd, &h, sizeof(h)) != sizeof(h) ||
	    (len && write(c->fd, data, len) != (ssize_t)len)) {
		fail("the daemon has hung up");
		return;
	}
	do {
		if (!message(c, &r, text, WAIT_MS)) {
			fail("no answer");
			return;
		}
		if (r.type == XS_WATCH_EVENT)
			event_keep(c, text);
	} while (r.type == XS_WATCH_EVENT);
	if (r.req_id != h.req_id || r.tx_id != tx || (r.type != type && r.type != XS_ERROR))
		fail("an answer to something else");
	else if (*want == '$' && r.type == type && txns < 32) {
		snprintf(txn[txns].name, sizeof(txn[txns].name), "%s", want + 1);
		txn[txns++].id = (uint32_t)strtoul(text, NULL, 10);
	} else if (strcmp(want, "*") && strcmp(text, want))
		fail("answered '%s' instead of '%s'", text, want);
}

/* ------------------------------------------------------------------- lines */

static uint32_t txn_id(const char *name)
{
	for (int i = txns; i-- > 0;)
		if (!strcmp(txn[i].name, name))
			return txn[i].id;
	return (uint32_t)strtoul(name, NULL, 10);
}

static size_t word_put(char *to, const char *word)
{
	size_t len = 0;

	if (!strcmp(word, "''"))
		return 0;
	while (*word) {
		unsigned int n;
		int used = 0;
		char c;

		if (sscanf(word, "x%u*%c%n", &n, &c, &used) == 2 && n <= 8192 - len) {
			memset(to + len, c, n);
			len += n;
			word += used;
		} else {
			to[len++] = *word++;
		}
	}
	return len;
}

/* Every word ends in a NUL, but a value to write. */
static void line_ask(struct client *c, char *name, char **word, int n, const char *want)
{
	char data[3 * 8192];
	char *at = strchr(name, '@');
	size_t len = 0;

	if (at)
		*at++ = '\0';
	if (!n && strcmp(name, "get_feature") && strcmp(name, "get_quota"))
		data[len++] = '\0';
	for (int i = 0; i < n && len < 2 * 8192; i++) {
		len += word_put(data + len, word[i]);
		if (strcmp(name, "write") || i == 0)
			data[len++] = '\0';
	}
	for (size_t i = 0; i < sizeof(op) / sizeof(*op); i++)
		if (!strcmp(op[i].name, name)) {
			ask(c, op[i].type, at ? txn_id(at) : 0, data, len, want);
			return;
		}
	die("%s:%d: no request '%s'", script, line_number, name);
}

static void line_event(struct client *c, const char *path, const char *token)
{
	static char want[2 * 8192 + 2];
	char text[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg h;
	size_t len = word_put(want, path);

	want[len++] = ' ';
	len += word_put(want + len, token);
	want[len] = '\0';
	if (c->taken == c->events) {
		if (!message(c, &h, text, WAIT_MS) || h.type != XS_WATCH_EVENT) {
			fail("no event '%s'", want);
			return;
		}
		event_keep(c, text);
	}
	if (strcmp(c->event[c->taken++], want))
		fail("event '%s' instead of '%s'", c->event[c->taken - 1], want);
}

/* Whatever was to come has come when a question has been answered. */
static void line_quiet(struct client *c)
{
	ask(c, XS_GET_DOMAIN_PATH, 0, "0", 2, "/local/domain/0");
	if (c->taken < c->events)
		fail("unexpected event '%s'", c->event[c->taken]);
}

static void line_gone(struct client *c)
{
	char byte;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	if (poll(&p, 1, WAIT_MS) != 1 || read(c->fd, &byte, 1) > 0)
		fail("still connected");
	client_close(c);
}

static void line_raw(struct client *c, const char *hex)
{
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		unsigned char b = (unsigned char)byte;

		if (write(c->fd, &b, 1) != 1)
			fail("the daemon has hung up");
	}
}

static void line_restart(void)
{
	for (int i = 0; i < CLIENTS; i++)
		client_close(&client[i]);
	daemon_kill(&d, SIGKILL);
	daemon_start(&d, NULL);
}

static void line_run(char *line)
{
	char *word[WORDS + 2] = { NULL }, *want = strstr(line, " -> ");
	struct client *c;
	int n = 0;

	if (want) {
		*want = '\0';
		want += 4;
	}
	for (char *w = strtok(line, " "); w && n < WORDS; w = strtok(NULL, " "))
		word[n++] = w;
	if (n && !strcmp(word[0], "restart")) {
		line_restart();
		return;
	}
	if (n < 2)
		die("%s:%d: what?", script, line_number);
	c = client_get(word[0]);
	if (!strcmp(word[1], "event") && n == 4)
		line_event(c, word[2], word[3]);
	else if (!strcmp(word[1], "quiet"))
		line_quiet(c);
	else if (!strcmp(word[1], "close"))
		client_close(c);
	else if (!strcmp(word[1], "gone"))
		line_gone(c);
	else if (!strcmp(word[1], "raw") && n == 3)
		line_raw(c, word[2]);
	else
		line_ask(c, word[1], word + 2, n - 2, want ? want : "OK");
}

static void script_run(const char *path, const char *program)
{
	static char line[20000];
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s: %s", path, strerror(errno));
	script = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	line_number = txns = 0;
	daemon_place(&d, program);
	daemon_start(&d, NULL);
	while (fgets(line, sizeof(line), f)) {
		line_number++;
		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (!strncmp(line, "claim ", 6)) {
			claim_end();
			snprintf(claim, sizeof(claim), "%.200s", line + 6);
		} else {
			line_run(line);
		}
	}
	claim_end();
	strcpy(claim, "the store is sound afterwards");
	ask(client_get("15"), XS_CONTROL, 0, "check", 6, "*");
	claim_end();
	fclose(f);
	for (int i = 0; i < CLIENTS; i++)
		client_close(&client[i]);
	daemon_remove(&d);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 2; i < argc; i++)
		script_run(argv[i], argv[1]);
	return tap_end();
}
