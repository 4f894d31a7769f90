/*
 * xenstore-bench.c - a load generator for a XenStore daemon, over its Unix socket.
 *
 * It speaks the wire protocol itself (xen/include/public/io/xs_wire.h), so
 * the client costs little and the figures are mostly the daemon's own.
 *
 *   xenstore-bench -s /run/xenstored/socket            every workload
 *   xenstore-bench -s SOCKET -w read,write -t 2        two of them, 2 s each
 *   xenstore-bench -L                                  list the workloads
 *   xenstore-bench -N SOCKET                           be a "null" server: see below
 *
 * Each line of output is one workload:
 *
 *   rate/s   completed cycles a second (a cycle is what the name says: one
 *            read, one whole transaction, ...)
 *   p50 ...  time of one cycle as the client sees it, in microseconds
 *   srv-us   CPU time the server spent for one cycle, in microseconds; this
 *            is the figure to compare on a noisy machine
 *
 * The null server parses requests and answers with messages of the right
 * size out of constant memory.  It keeps no store, so what it reaches is the
 * ceiling that the kernel's sockets and the scheduler put on a
 * single-threaded server.  With -B it serves one connection at a time with
 * blocking calls and no epoll, the least that any server can do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- protocol */

enum {
	OP_CONTROL, OP_DIRECTORY, OP_READ, OP_GET_PERMS, OP_WATCH, OP_UNWATCH,
	OP_TXN_START, OP_TXN_END, OP_INTRODUCE, OP_RELEASE, OP_DOMAIN_PATH,
	OP_WRITE, OP_MKDIR, OP_RM, OP_SET_PERMS, OP_WATCH_EVENT, OP_ERROR,
	OP_DIRECTORY_PART = 22,
};

#define PAYLOAD_MAX 4096

struct header {
	uint32_t type;
	uint32_t req_id;
	uint32_t tx_id;
	uint32_t len;
};

#define FRAME_MAX (sizeof(struct header) + PAYLOAD_MAX)

/* ----------------------------------------------------------------- options */

static struct {
	const char *socket;
	const char *only;       /* comma separated workloads, or NULL for all */
	const char *label;      /* first column of the CSV form */
	double secs;            /* time to measure each workload */
	double warm;            /* time to run it before that */
	pid_t pid;              /* the daemon; 0: ask the socket */
	int cpu;                /* pin the client here; -1: do not */
	bool csv;
	bool own;               /* give each domain its own nodes */
	bool introduce;         /* scale: INTRODUCE the domains too */
	unsigned int domains;   /* scale */
	unsigned int idle;      /* idle connections */
	const char *update;     /* update: the program to hand over to */
} opt = {
	.socket = "/run/xenstored/socket",
	.label = "-",
	.secs = 1.0,
	.warm = 0.2,
	.cpu = -1,
	.own = true,
	.domains = 1000,
	.idle = 500,
};

/* ------------------------------------------------------------------ basics */

static void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bench: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t server_cpu_ns(void)
{
	struct timespec t;
	clockid_t clock;

	if (!opt.pid || clock_getcpuclockid(opt.pid, &clock) ||
	    clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * What the daemon keeps in memory, in KiB: its own and what it shares, for a store may be a file in
 * /run; but no pages of programs and libraries.
 */
static long server_rss_kb(void)
{
	char name[64], line[256];
	long kb = 0, v;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)opt.pid);
	f = fopen(name, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &v) == 1 || sscanf(line, "RssShmem: %ld", &v) == 1)
			kb += v;
	fclose(f);
	return kb;
}

static uint32_t rng_state = 2463534242u;

static uint32_t rng(void)       /* xorshift: the same sequence every run */
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 17;
	rng_state ^= rng_state << 5;
	return rng_state;
}

/* ----------------------------------------------------------------- samples */

struct samples {
	uint32_t *ns;
	size_t n, cap;
};

static void sample(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 65536;
		s->ns = realloc(s->ns, s->cap * sizeof(*s->ns));
		if (!s->ns)
			die("out of memory");
	}
	s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : ns;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The samples have to be sorted. */
static double percentile_us(const struct samples *s, double p)
{
	size_t i = (size_t)(p * s->n);

	if (!s->n)
		return 0;
	return s->ns[i < s->n ? i : s->n - 1] / 1000.0;
}

/* ----------------------------------------------------------------- results */

/* One workload's measurement, from begin() to report(). */
struct result {
	struct samples lat;
	uint64_t t0, t1;
	uint64_t cpu0, cpu1;
	uint64_t cycles;
};

static void begin(struct result *r)
{
	r->lat.n = 0;
	r->cycles = 0;
	r->cpu0 = server_cpu_ns();
	r->t0 = now_ns();
}

static void end(struct result *r)
{
	r->t1 = now_ns();
	r->cpu1 = server_cpu_ns();
}

static void report(struct result *r, const char *name, const char *fmt, ...)
{
	double secs = (r->t1 - r->t0) / 1e9;
	double rate = r->cycles / secs;
	double cpu = r->cycles ? (r->cpu1 - r->cpu0) / 1e3 / r->cycles : 0;
	char extra[256] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(extra, sizeof(extra), fmt, ap);
		va_end(ap);
	}
	qsort(r->lat.ns, r->lat.n, sizeof(*r->lat.ns), by_value);
	if (opt.csv)
		printf("%s,%s,%.1f,%.2f,%.2f,%.2f,%.3f,%s\n", opt.label, name,
		       rate, percentile_us(&r->lat, 0.50),
		       percentile_us(&r->lat, 0.99),
		       percentile_us(&r->lat, 1.0), cpu, extra);
	else
		printf("%-17s %10.0f/s  p50 %9.1f  p99 %9.1f  max %9.1f"
		       "  srv-us %8.2f  %s\n", name, rate,
		       percentile_us(&r->lat, 0.50),
		       percentile_us(&r->lat, 0.99),
		       percentile_us(&r->lat, 1.0), cpu, extra);
	fflush(stdout);
	free(r->lat.ns);
	memset(r, 0, sizeof(*r));
}

/* ------------------------------------------------------------- connections */

struct conn {
	int fd;
	uint32_t next_id;
	uint64_t events;                /* watch events seen so far */
	size_t head, tail;              /* unread bytes: buf[head .. tail) */
	unsigned char buf[4 * FRAME_MAX];
};

struct reply {
	struct header h;
	const char *data;               /* valid until the next receive */
	int err;                        /* errno that an ERROR stands for */
};

static struct sockaddr_un socket_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		die("%s: path too long for a socket", path);
	strcpy(a.sun_path, path);
	return a;
}

static void conn_open(struct conn *c)
{
	struct sockaddr_un a = socket_address(opt.socket);

	c->next_id = 1;
	c->events = 0;
	c->head = c->tail = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect %s: %s", opt.socket, strerror(errno));
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
}

static struct conn *conn_new(void)
{
	struct conn *c = malloc(sizeof(*c));

	if (!c)
		die("out of memory");
	conn_open(c);
	return c;
}

static void conn_free(struct conn *c)
{
	conn_close(c);
	free(c);
}

static void send_all(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("write: %s", n ? strerror(errno) : "nothing taken");
		data = (const char *)data + n;
		len -= n;
	}
}

/* Lay out one request at "out"; returns its length. */
static size_t frame(unsigned char *out, uint32_t type, uint32_t id, uint32_t tx,
		    const void *a, size_t alen, const void *b, size_t blen)
{
	struct header h = { type, id, tx, alen + blen };

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), a, alen);
	if (blen)
		memcpy(out + sizeof(h) + alen, b, blen);
	return sizeof(h) + alen + blen;
}

/* A path counts with its NUL; more data may follow it. */
static void request(struct conn *c, uint32_t type, uint32_t tx,
		    const char *path, const void *data, size_t len)
{
	unsigned char out[FRAME_MAX];

	send_all(c->fd, out, frame(out, type, c->next_id++, tx, path,
				   strlen(path) + 1, data, len));
}

static int error_number(const char *name)
{
	static const struct { const char *name; int err; } known[] = {
		{ "EAGAIN", EAGAIN }, { "ENOENT", ENOENT }, { "E2BIG", E2BIG },
		{ "EINVAL", EINVAL }, { "EACCES", EACCES }, { "EEXIST", EEXIST },
		{ "ENOSPC", ENOSPC }, { "ENOSYS", ENOSYS }, { "ENOMEM", ENOMEM },
		{ "EBUSY", EBUSY }, { "EPERM", EPERM }, { "EISCONN", EISCONN },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].err;
	return EIO;
}

/* Take one complete message out of the buffer, if there is one. */
static bool take(struct conn *c, struct reply *r)
{
	size_t have = c->tail - c->head;

	if (have < sizeof(r->h))
		return false;
	memcpy(&r->h, c->buf + c->head, sizeof(r->h));
	if (r->h.len > PAYLOAD_MAX)
		die("the server sent a payload of %u bytes", r->h.len);
	if (have < sizeof(r->h) + r->h.len)
		return false;
	r->data = (char *)c->buf + c->head + sizeof(r->h);
	c->head += sizeof(r->h) + r->h.len;
	r->err = 0;
	if (r->h.type == OP_ERROR) {
		char name[32] = "";

		memcpy(name, r->data, r->h.len < 31 ? r->h.len : 31);
		r->err = error_number(name);
	}
	return true;
}

/* One read() into the buffer. */
static void fill(struct conn *c)
{
	ssize_t n;

	if (c->head == c->tail) {
		c->head = c->tail = 0;
	} else if (sizeof(c->buf) - c->tail < FRAME_MAX) {
		memmove(c->buf, c->buf + c->head, c->tail - c->head);
		c->tail -= c->head;
		c->head = 0;
	}
	do
		n = read(c->fd, c->buf + c->tail, sizeof(c->buf) - c->tail);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		die("the server closed the connection%s%s", n ? ": " : "",
		    n ? strerror(errno) : "");
	c->tail += n;
}

/* The next message that is no watch event. */
static void receive(struct conn *c, struct reply *r)
{
	for (;;) {
		while (!take(c, r))
			fill(c);
		if (r->h.type != OP_WATCH_EVENT)
			return;
		c->events++;
	}
}

/* One more watch event. */
static void receive_event(struct conn *c)
{
	struct reply r;

	while (!take(c, &r))
		fill(c);
	if (r.h.type != OP_WATCH_EVENT)
		die("an unexpected message came");
	c->events++;
}

static int call(struct conn *c, uint32_t type, uint32_t tx, const char *path,
		const void *data, size_t len, struct reply *out)
{
	struct reply r;

	request(c, type, tx, path, data, len);
	receive(c, &r);
	if (out)
		*out = r;
	return r.err;
}

static void must(struct conn *c, uint32_t type, uint32_t tx, const char *path,
		 const void *data, size_t len)
{
	int err = call(c, type, tx, path, data, len, NULL);

	if (err)
		die("request %u on %s: %s", type, path, strerror(err));
}

static void put(struct conn *c, uint32_t tx, const char *path, const char *val)
{
	must(c, OP_WRITE, tx, path, val, strlen(val));
}

/* Remove a tree; it need not be there. */
static void prune(struct conn *c, const char *path)
{
	int err = call(c, OP_RM, 0, path, NULL, 0, NULL);

	if (err && err != ENOENT)
		die("removing %s: %s", path, strerror(err));
}

static uint32_t txn_start(struct conn *c)
{
	struct reply r;

	if (call(c, OP_TXN_START, 0, "", NULL, 0, &r))
		die("no transaction: %s", strerror(r.err));
	return strtoul(r.data, NULL, 10);
}

static int txn_end(struct conn *c, uint32_t tx)
{
	return call(c, OP_TXN_END, tx, "T", NULL, 0, NULL);
}

/* ---------------------------------------------------- one cycle at a time */

struct ctx {
	struct conn *c;
	const char *path;
	uint32_t n;             /* cycle counter, or a size */
	uint64_t note;          /* anything the step wants to count */
};

/* Run step() again and again: warm up, then measure each call. */
static void repeat(struct result *r, void (*step)(struct ctx *), struct ctx *x)
{
	uint64_t stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	uint64_t t, u;

	do
		step(x);
	while (now_ns() < stop);
	x->note = 0;
	begin(r);
	stop = r->t0 + (uint64_t)(opt.secs * 1e9);
	for (t = r->t0; t < stop; t = u) {
		step(x);
		u = now_ns();
		sample(&r->lat, u - t);
		r->cycles++;
	}
	end(r);
}

#define VALUE16 "0123456789abcdef"

static void step_read(struct ctx *x)
{
	struct reply r;

	if (call(x->c, OP_READ, 0, x->path, NULL, 0, &r) || r.h.len != 16)
		die("read of %s went wrong", x->path);
}

static void w_read(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/read/device/vbd/state" };
	struct result r = { 0 };

	put(x.c, 0, x.path, VALUE16);
	repeat(&r, step_read, &x);
	report(&r, "read", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

static void step_write(struct ctx *x)
{
	must(x->c, OP_WRITE, 0, x->path, "4", 1);
}

static void w_write(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/write/device/vbd/state" };
	struct result r = { 0 };

	put(x.c, 0, x.path, "1");
	repeat(&r, step_write, &x);
	report(&r, "write", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

static void step_cycle(struct ctx *x)
{
	must(x->c, OP_MKDIR, 0, "/bench/cycle/new", NULL, 0);
	must(x->c, OP_WRITE, 0, "/bench/cycle/new/state", "1", 1);
	must(x->c, OP_RM, 0, "/bench/cycle/new", NULL, 0);
}

static void w_cycle(void)
{
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };

	must(x.c, OP_MKDIR, 0, "/bench/cycle", NULL, 0);
	repeat(&r, step_cycle, &x);
	report(&r, "mkdir+write+rm", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

static void step_connect(struct ctx *x)
{
	conn_open(x->c);
	step_read(x);
	conn_close(x->c);
}

static void w_connect(void)
{
	struct conn *setup = conn_new(), c;
	struct ctx x = { .c = &c, .path = "/bench/connect" };
	struct result r = { 0 };

	put(setup, 0, x.path, VALUE16);
	repeat(&r, step_connect, &x);
	report(&r, "connect+read", NULL);
	prune(setup, "/bench");
	conn_free(setup);
}

#define BIG_PATH "/bench/big"
#define BIG_SIZE 2000

static void step_big(struct ctx *x)
{
	static const char value[BIG_SIZE] = { [0 ... BIG_SIZE - 1] = 'x' };
	struct reply r;

	must(x->c, OP_WRITE, 0, x->path, value, sizeof(value));
	if (call(x->c, OP_READ, 0, x->path, NULL, 0, &r))
		die("read of %s: %s", x->path, strerror(r.err));
}

static void w_big(void)
{
	struct ctx x = { .c = conn_new(), .path = BIG_PATH };
	struct result r = { 0 };

	repeat(&r, step_big, &x);
	report(&r, "write+read 2000", NULL);
	prune(x.c, "/bench");
	conn_free(x.c);
}

/* ------------------------------------------------------------- directories */

static void make_children(struct conn *c, const char *path, unsigned int n)
{
	char name[128];

	prune(c, path);
	must(c, OP_MKDIR, 0, path, NULL, 0);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", path, i);
		must(c, OP_MKDIR, 0, name, NULL, 0);
	}
}

static void step_dir(struct ctx *x)
{
	struct reply r;
	unsigned int n = 0;

	if (call(x->c, OP_DIRECTORY, 0, x->path, NULL, 0, &r))
		die("directory of %s: %s", x->path, strerror(r.err));
	for (uint32_t i = 0; i < r.h.len; i++)
		n += !r.data[i];
	if (n != x->n)
		die("directory of %s: %u of %u", x->path, n, x->n);
}

/* 1000 children named 0 to 999 fill 3890 bytes: the most that one reply of
 * 4096 bytes can hold with such names. */
static void w_dir(void)
{
	static const unsigned int sizes[] = { 10, 100, 1000 };
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };
	char path[64], name[32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		x.n = sizes[i];
		x.path = path;
		snprintf(path, sizeof(path), "/bench/dir/%u", x.n);
		snprintf(name, sizeof(name), "directory %u", x.n);
		make_children(x.c, path, x.n);
		repeat(&r, step_dir, &x);
		report(&r, name, NULL);
	}
	prune(x.c, "/bench");
	conn_free(x.c);
}

/* List 4000 children through DIRECTORY_PART; x->note counts the requests. */
static void step_part(struct ctx *x)
{
	unsigned int offset = 0, n = 0;
	struct reply r;
	size_t gen;
	char at[16];

	for (;;) {
		int len = snprintf(at, sizeof(at), "%u", offset) + 1;

		if (call(x->c, OP_DIRECTORY_PART, 0, x->path, at, len, &r))
			die("directory part: %s", strerror(r.err));
		x->note++;
		gen = strnlen(r.data, r.h.len) + 1;
		for (size_t i = gen; i < r.h.len; i++)
			n += !r.data[i];
		offset += r.h.len - gen;
		/* The last part ends in an empty name. */
		if (r.h.len >= 2 && !r.data[r.h.len - 1] && !r.data[r.h.len - 2])
			break;
	}
	if (n - 1 != x->n)
		die("directory part: %u of %u children", n - 1, x->n);
}

static void w_part(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/part", .n = 4000 };
	struct result r = { 0 };
	struct reply reply;

	make_children(x.c, x.path, x.n);
	if (call(x.c, OP_DIRECTORY_PART, 0, x.path, "0", 2, &reply)) {
		fprintf(stderr, "bench: dirpart: %s, left out\n",
			strerror(reply.err));
	} else {
		repeat(&r, step_part, &x);
		report(&r, "dirpart 4000", "requests=%llu",
		       (unsigned long long)(r.cycles ? x.note / r.cycles : 0));
	}
	prune(x.c, "/bench");
	conn_free(x.c);
}

/* --------------------------------------------------------------- pipelined */

#define WINDOW 32

/* Keep WINDOW requests under way; each free place is used at once. */
static void pipelined(struct result *r, struct conn *c, uint32_t type,
		      const char *path, const char *data)
{
	static unsigned char out[WINDOW * 256];
	uint64_t sent_at[WINDOW], t, stop;
	uint32_t first = c->next_id;
	unsigned int room = WINDOW;
	bool measuring = false;
	struct reply reply;
	size_t len;

	stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	for (;;) {
		t = now_ns();
		if (t >= stop) {
			if (measuring)
				break;
			measuring = true;
			begin(r);
			stop = t + (uint64_t)(opt.secs * 1e9);
		}
		for (len = 0; room; room--) {
			sent_at[c->next_id % WINDOW] = t;
			len += frame(out + len, type, c->next_id++, 0, path,
				     strlen(path) + 1, data, strlen(data));
		}
		send_all(c->fd, out, len);
		fill(c);
		t = now_ns();
		while (take(c, &reply)) {
			if (reply.err || reply.h.req_id < first)
				die("a pipelined reply went wrong");
			if (measuring) {
				sample(&r->lat,
				       t - sent_at[reply.h.req_id % WINDOW]);
				r->cycles++;
			}
			room++;
		}
	}
	end(r);
	while (room < WINDOW) {
		receive(c, &reply);
		room++;
	}
}

static void w_pipe(void)
{
	const char *path = "/bench/pipe/device/vbd/state";
	struct conn *c = conn_new();
	struct result r = { 0 };

	put(c, 0, path, VALUE16);
	pipelined(&r, c, OP_READ, path, "");
	report(&r, "read x32", NULL);
	pipelined(&r, c, OP_WRITE, path, "4");
	report(&r, "write x32", NULL);
	prune(c, "/bench");
	conn_free(c);
}

/* ------------------------------------------------------------ transactions */

#define TXN_WRITES 10

static void step_txn(struct ctx *x)
{
	uint32_t tx = txn_start(x->c);
	char path[128];

	for (unsigned int i = 0; i < TXN_WRITES; i++) {
		snprintf(path, sizeof(path), "%s/key%u", x->path, i);
		must(x->c, OP_WRITE, tx, path, "value", 5);
	}
	if (txn_end(x->c, tx))
		x->note++;
}

static void w_txn(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/txn/dev" };
	struct result r = { 0 };

	repeat(&r, step_txn, &x);
	report(&r, "txn 10 writes", "failed=%llu", (unsigned long long)x.note);
	prune(x.c, "/bench");
	conn_free(x.c);
}

/*
 * Several clients, each in a transaction most of the time.  One thread plays
 * them all: whenever a client's reply has come, its next request goes out.
 */
#define CLIENTS 8

enum contention {
	DISJOINT,       /* each rewrites nodes of its own subtree */
	OWN_CREATE,     /* each creates and removes nodes in its own subtree */
	SHARED_PARENT,  /* each creates and removes its own child of one node */
	SAME_NODE,      /* all count up in one node: real conflicts */
};

static const char *const contention_name[] = {
	"txn disjoint", "txn own create", "txn one parent", "txn same node",
};

struct actor {
	struct conn *c;
	unsigned int id;
	unsigned int step;              /* request under way */
	uint32_t tx;
	unsigned long count;            /* what it read, with SAME_NODE */
	uint64_t committed;
	uint64_t since;                 /* first attempt of this transaction */
};

/* Send the request of the actor's current step. The last one is the commit. */
static void act(struct actor *a, enum contention how)
{
	char path[128];

	if (a->step == 0) {
		request(a->c, OP_TXN_START, 0, "", NULL, 0);
		return;
	}
	if (a->step == 5) {
		request(a->c, OP_TXN_END, a->tx, "T", NULL, 0);
		return;
	}
	switch (how) {
	case DISJOINT:
		snprintf(path, sizeof(path), "/bench/par/%u/key%u", a->id,
			 a->step);
		if (a->step == 1)
			request(a->c, OP_READ, a->tx, path, NULL, 0);
		else
			request(a->c, OP_WRITE, a->tx, path, "value", 5);
		return;
	case OWN_CREATE:
	case SHARED_PARENT:
		snprintf(path, sizeof(path),
			 how == OWN_CREATE ? "/bench/par/%u/dev" :
			 "/bench/par/dev%u", a->id);
		if (a->step == 1 || a->step == 4) {
			request(a->c, a->step == 1 ? OP_MKDIR : OP_RM, a->tx,
				path, NULL, 0);
			return;
		}
		snprintf(path + strlen(path), 16, "/key%u", a->step);
		request(a->c, OP_WRITE, a->tx, path, "value", 5);
		return;
	case SAME_NODE:
		if (a->step == 1) {
			request(a->c, OP_READ, a->tx, "/bench/par/one", NULL, 0);
			return;
		}
		snprintf(path, sizeof(path), "%lu", a->count + 1);
		request(a->c, OP_WRITE, a->tx, "/bench/par/one", path,
			strlen(path));
		return;
	}
}

/* The number that a reply's payload, which has no NUL, stands for. */
static unsigned long number(const struct reply *r)
{
	char text[24] = "";

	memcpy(text, r->data, r->h.len < 23 ? r->h.len : 23);
	return strtoul(text, NULL, 10);
}

static void parallel(struct result *r, struct conn *setup, enum contention how)
{
	struct epoll_event ev[CLIENTS];
	struct actor actor[CLIENTS];
	uint64_t conflicts = 0, share[CLIENTS] = { 0 }, t, stop;
	bool measuring = false, done = false;
	uint64_t worst, best, total = 0;
	int64_t lost = 0;
	struct reply reply;
	char path[64];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	prune(setup, "/bench");
	put(setup, 0, "/bench/par/one", "0");
	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		for (unsigned int k = 1; k < 5; k++) {
			snprintf(path, sizeof(path), "/bench/par/%u/key%u", i, k);
			put(setup, 0, path, "0");
		}
		actor[i] = (struct actor){ .c = conn_new(), .id = i };
		if (epoll_ctl(ep, EPOLL_CTL_ADD, actor[i].c->fd, &e))
			die("epoll: %s", strerror(errno));
	}
	stop = now_ns() + (uint64_t)(opt.warm * 1e9);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		actor[i].since = now_ns();
		act(&actor[i], how);
	}
	while (!done) {
		int n = epoll_wait(ep, ev, CLIENTS, 1000);

		if (n <= 0)
			die("the server stopped answering");
		t = now_ns();
		for (int i = 0; i < n; i++) {
			struct actor *a = &actor[ev[i].data.u32];

			fill(a->c);
			if (!take(a->c, &reply))
				continue;
			if (reply.err && reply.err != EAGAIN)
				die("%s, step %u: %s", contention_name[how],
				    a->step, strerror(reply.err));
			if (a->step == 0)
				a->tx = strtoul(reply.data, NULL, 10);
			if (a->step == 1)
				a->count = number(&reply);
			if (a->step < 5) {
				a->step++;
			} else {
				a->step = 0;
				if (reply.err) {
					conflicts++;
				} else {
					a->committed++;
					if (measuring) {
						sample(&r->lat, t - a->since);
						share[a->id]++;
						r->cycles++;
					}
					a->since = t;
				}
			}
			act(a, how);
		}
		if (t >= stop) {
			if (measuring) {
				done = true;
			} else {
				measuring = true;
				conflicts = 0;
				begin(r);
				stop = r->t0 + (uint64_t)(opt.secs * 1e9);
			}
		}
	}
	end(r);
	worst = best = share[0];
	for (unsigned int i = 0; i < CLIENTS; i++) {
		worst = share[i] < worst ? share[i] : worst;
		best = share[i] > best ? share[i] : best;
		/* One request is still under way: it may be a commit. */
		receive(actor[i].c, &reply);
		total += actor[i].committed + (actor[i].step == 5 && !reply.err);
		conn_free(actor[i].c);
	}
	close(ep);
	if (how == SAME_NODE) {
		if (call(setup, OP_READ, 0, "/bench/par/one", NULL, 0, &reply))
			die("reading the count: %s", strerror(reply.err));
		lost = total - number(&reply);
	}
	report(r, contention_name[how],
	       "conflicts/commit=%.3f share=%llu..%llu lost=%lld",
	       r->cycles ? (double)conflicts / r->cycles : 0,
	       (unsigned long long)worst, (unsigned long long)best,
	       (long long)lost);
}

static void w_parallel(void)
{
	struct conn *c = conn_new();
	struct result r = { 0 };

	for (enum contention how = DISJOINT; how <= SAME_NODE; how++)
		parallel(&r, c, how);
	prune(c, "/bench");
	conn_free(c);
}

/* ----------------------------------------------------------------- watches */

#define WATCHERS 10
#define WATCHES_EACH 100
#define HOT_EACH 10             /* of these, on the node that is written */

struct fanout {
	struct ctx x;
	int ep;
	struct conn *watcher[WATCHERS];
};

/* Count events until "want" have come in from all the watchers together. */
static void collect(struct fanout *f, unsigned int want)
{
	struct epoll_event ev[WATCHERS];
	struct reply r;

	while (want) {
		int n = epoll_wait(f->ep, ev, WATCHERS, 5000);

		if (n <= 0)
			die("%u watch events did not come", want);
		for (int i = 0; i < n; i++) {
			struct conn *c = f->watcher[ev[i].data.u32];

			fill(c);
			while (take(c, &r)) {
				if (r.h.type != OP_WATCH_EVENT || !want)
					die("an unexpected message came");
				want--;
			}
		}
	}
}

static void step_fanout(struct ctx *x)
{
	struct fanout *f = (struct fanout *)x;

	must(x->c, OP_WRITE, 0, "/bench/watch/hot", "1", 1);
	collect(f, WATCHERS * HOT_EACH);
}

static void step_unwatched(struct ctx *x)
{
	must(x->c, OP_WRITE, 0, "/bench/unwatched", "1", 1);
}

static void w_watch(void)
{
	struct fanout f = { .x.c = conn_new(), .ep = epoll_create1(EPOLL_CLOEXEC) };
	struct result r = { 0 };
	char path[64], token[32];

	put(f.x.c, 0, "/bench/watch/hot", "0");
	put(f.x.c, 0, "/bench/unwatched", "0");
	for (unsigned int i = 0; i < WATCHERS; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		f.watcher[i] = conn_new();
		if (epoll_ctl(f.ep, EPOLL_CTL_ADD, f.watcher[i]->fd, &e))
			die("epoll: %s", strerror(errno));
	}

	/* Registering: the reply and the first event of each watch. */
	begin(&r);
	for (unsigned int k = 0; k < WATCHES_EACH; k++) {
		for (unsigned int i = 0; i < WATCHERS; i++) {
			struct conn *c = f.watcher[i];
			uint64_t t = now_ns();

			if (k < HOT_EACH)
				strcpy(path, "/bench/watch/hot");
			else
				snprintf(path, sizeof(path),
					 "/bench/watch/%u/%u", i, k);
			snprintf(token, sizeof(token), "token-%u-%u", i, k);
			c->events = 0;
			must(c, OP_WATCH, 0, path, token, strlen(token) + 1);
			while (!c->events)
				receive_event(c);
			sample(&r.lat, now_ns() - t);
			r.cycles++;
		}
	}
	end(&r);
	report(&r, "watch", "watches=%u", WATCHERS * WATCHES_EACH);

	repeat(&r, step_fanout, &f.x);
	report(&r, "fanout 100/1000", NULL);
	repeat(&r, step_unwatched, &f.x);
	report(&r, "write 0/1000", "no watch fires");

	for (unsigned int i = 0; i < WATCHERS; i++)
		conn_free(f.watcher[i]);
	close(f.ep);
	prune(f.x.c, "/bench");
	conn_free(f.x.c);
}

/* ------------------------------------------------------- a host of domains */

/*
 * The nodes of one guest, as a toolstack lays them out: 44 of its own and 16
 * of its backends, 60 in all.  %u is the domain id throughout.  A value of
 * NULL means a node that only comes into being as somebody's parent.
 */
static const struct { const char *key, *value; } guest_node[] = {
	{ "name", "guest-%u" },
	{ "domid", "%u" },
	{ "vm", "/vm/5d3a8c1e-6a52-4a5e-9b1c-%012u" },
	{ "memory", NULL },
	{ "memory/static-max", "1048576" },
	{ "memory/target", "1048577" },
	{ "memory/videoram", "-1" },
	{ "cpu", NULL },
	{ "cpu/0", NULL },
	{ "cpu/0/availability", "online" },
	{ "store", NULL },
	{ "store/port", "1" },
	{ "store/ring-ref", "1044476" },
	{ "console", NULL },
	{ "console/backend", "/local/domain/0/backend/console/%u/0" },
	{ "console/backend-id", "0" },
	{ "console/limit", "1048576" },
	{ "console/type", "xenconsoled" },
	{ "console/port", "2" },
	{ "console/ring-ref", "1044475" },
	{ "console/tty", "/dev/pts/%u" },
	{ "control", NULL },
	{ "control/shutdown", "" },
	{ "control/feature-poweroff", "1" },
	{ "data", "" },
	{ "device", NULL },
	{ "device/vbd", NULL },
	{ "device/vbd/51712", NULL },
	{ "device/vbd/51712/backend", "/local/domain/0/backend/vbd/%u/51712" },
	{ "device/vbd/51712/backend-id", "0" },
	{ "device/vbd/51712/state", "4" },
	{ "device/vbd/51712/virtual-device", "51712" },
	{ "device/vbd/51712/ring-ref", "8" },
	{ "device/vbd/51712/event-channel", "15" },
	{ "device/vif", NULL },
	{ "device/vif/0", NULL },
	{ "device/vif/0/backend", "/local/domain/0/backend/vif/%u/0" },
	{ "device/vif/0/backend-id", "0" },
	{ "device/vif/0/state", "4" },
	{ "device/vif/0/handle", "0" },
	{ "device/vif/0/mac", "00:16:3e:00:00:01" },
	{ "device/vif/0/tx-ring-ref", "768" },
	{ "device/vif/0/event-channel", "17" },
}, backend_node[] = {
	{ "vbd/%u/51712/frontend", "/local/domain/%u/device/vbd/51712" },
	{ "vbd/%u/51712/frontend-id", "%u" },
	{ "vbd/%u/51712/online", "1" },
	{ "vbd/%u/51712/state", "4" },
	{ "vbd/%u/51712/params", "/dev/vg0/guest-%u" },
	{ "vbd/%u/51712/mode", "w" },
	{ "vif/%u/0/frontend", "/local/domain/%u/device/vif/0" },
	{ "vif/%u/0/frontend-id", "%u" },
	{ "vif/%u/0/online", "1" },
	{ "vif/%u/0/state", "4" },
	{ "vif/%u/0/mac", "00:16:3e:00:00:01" },
	{ "vif/%u/0/bridge", "xenbr0" },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
/* Each backend has two parents more: .../vbd/<id> and .../vbd/<id>/51712. */
_Static_assert(1 + COUNT(guest_node) + COUNT(backend_node) + 4 == 60,
	       "a guest has 60 nodes");

/* The formats have no more than one %u, so both uses take one argument. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

static void fill_in(char *out, size_t size, const char *fmt, unsigned int id)
{
	snprintf(out, size, fmt, id);
}

/* Create a guest's nodes in one transaction; returns the errors of END. */
static int create_guest(struct conn *c, unsigned int id)
{
	char base[64], path[192], value[128], perms[32];
	uint32_t tx = txn_start(c);
	int len;

	snprintf(base, sizeof(base), "/local/domain/%u", id);
	must(c, OP_MKDIR, tx, base, NULL, 0);
	if (opt.own) {
		len = snprintf(perms, sizeof(perms), "n%u", id) + 1;
		must(c, OP_SET_PERMS, tx, base, perms, len);
	}
	for (size_t i = 0; i < COUNT(guest_node); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, guest_node[i].key);
		if (!guest_node[i].value) {
			must(c, OP_MKDIR, tx, path, NULL, 0);
			continue;
		}
		fill_in(value, sizeof(value), guest_node[i].value, id);
		put(c, tx, path, value);
	}
	for (size_t i = 0; i < COUNT(backend_node); i++) {
		strcpy(path, "/local/domain/0/backend/");
		fill_in(path + strlen(path), sizeof(path) - strlen(path),
			backend_node[i].key, id);
		fill_in(value, sizeof(value), backend_node[i].value, id);
		put(c, tx, path, value);
	}
	if (opt.own) {
		/* A backend is dom0's; its guest may read it. */
		static const char *const be[] = { "vbd", "vif" };

		len = snprintf(perms, sizeof(perms), "n0%cr%u", 0, id) + 1;
		for (size_t i = 0; i < COUNT(be); i++) {
			snprintf(path, sizeof(path),
				 "/local/domain/0/backend/%s/%u", be[i], id);
			must(c, OP_SET_PERMS, tx, path, perms, len);
		}
	}
	return txn_end(c, tx);
}

/* Its page is granted, so the frame is not asked for; its port is the first one. */
static void introduce(struct conn *c, unsigned int id)
{
	char a[16], b[32];
	int len;

	snprintf(a, sizeof(a), "%u", id);
	len = snprintf(b, sizeof(b), "%u%c%u", 1, 0, 1) + 1;
	must(c, OP_INTRODUCE, 0, a, b, len);
}

static void random_leaf(char *path, size_t size)
{
	unsigned int id = 1 + rng() % opt.domains;
	size_t i = rng() % (COUNT(guest_node) + COUNT(backend_node));

	if (i < COUNT(guest_node)) {
		snprintf(path, size, "/local/domain/%u/%s", id,
			 guest_node[i].key);
	} else {
		strcpy(path, "/local/domain/0/backend/");
		fill_in(path + strlen(path), size - strlen(path),
			backend_node[i - COUNT(guest_node)].key, id);
	}
}

static void step_scale_read(struct ctx *x)
{
	char path[192];

	random_leaf(path, sizeof(path));
	must(x->c, OP_READ, 0, path, NULL, 0);
}

static void step_scale_write(struct ctx *x)
{
	static const char *const state[] = {
		"device/vbd/51712/state", "device/vif/0/state",
	};
	char path[96];

	snprintf(path, sizeof(path), "/local/domain/%u/%s",
		 1 + rng() % opt.domains, state[rng() % 2]);
	must(x->c, OP_WRITE, 0, path, "4", 1);
}

static void step_scale_txn(struct ctx *x)
{
	char path[96];

	/* The ten keys are there already: see w_scale(). */
	snprintf(path, sizeof(path), "/local/domain/%u/data",
		 1 + rng() % opt.domains);
	x->path = path;
	step_txn(x);
}

/* The same work by another name once the domains are introduced. */
static const char *scale_name(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s", name, opt.introduce ? " (introduced)" : "");
	return text;
}

static void w_scale(void)
{
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };
	char path[96], name[64];
	long empty = server_rss_kb();
	uint64_t t;

	begin(&r);
	for (unsigned int id = 1; id <= opt.domains; id++) {
		t = now_ns();
		if (create_guest(x.c, id))
			die("creating guest %u failed", id);
		if (opt.introduce)
			introduce(x.c, id);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	end(&r);
	report(&r, scale_name("create guest"), "guests=%u nodes=%u rss=%ldK->%ldK",
	       opt.domains, 60 * opt.domains, empty, server_rss_kb());

	repeat(&r, step_scale_read, &x);
	report(&r, scale_name("scale read"), NULL);
	repeat(&r, step_scale_write, &x);
	report(&r, scale_name("scale write"), NULL);
	for (unsigned int id = 1; id <= opt.domains; id++)
		for (unsigned int i = 0; i < TXN_WRITES; i++) {
			snprintf(path, sizeof(path),
				 "/local/domain/%u/data/key%u", id, i);
			put(x.c, 0, path, "value");
		}
	repeat(&r, step_scale_txn, &x);
	report(&r, scale_name("scale txn"), "failed=%llu rss=%ldK",
	       (unsigned long long)x.note, server_rss_kb());

	begin(&r);
	for (unsigned int id = 1; id <= opt.domains; id++) {
		t = now_ns();
		snprintf(name, sizeof(name), "%u", id);
		if (opt.introduce)
			must(x.c, OP_RELEASE, 0, name, NULL, 0);
		snprintf(path, sizeof(path), "/local/domain/%u", id);
		prune(x.c, path);
		snprintf(path, sizeof(path), "/local/domain/0/backend/vbd/%u", id);
		prune(x.c, path);
		snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u", id);
		prune(x.c, path);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	end(&r);
	report(&r, scale_name("remove guest"), "rss=%ldK", server_rss_kb());
	prune(x.c, "/local/domain/0/backend");
	conn_free(x.c);
}

/* -------------------------------------------------------- idle connections */

static void w_idle(void)
{
	struct conn **idle = calloc(opt.idle, sizeof(*idle));
	struct ctx x = { .path = "/bench/idle" };
	struct result r = { 0 };
	long before = server_rss_kb(), after;

	/* A request on each: otherwise it may not be accepted yet. */
	x.c = conn_new();
	put(x.c, 0, x.path, VALUE16);
	begin(&r);
	for (unsigned int i = 0; i < opt.idle; i++) {
		struct ctx y = { .c = idle[i] = conn_new(), .path = x.path };
		uint64_t t = now_ns();

		step_read(&y);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	end(&r);
	after = server_rss_kb();
	report(&r, "connect idle", "clients=%u rss=%ldK->%ldK", opt.idle,
	       before, after);
	repeat(&r, step_read, &x);
	report(&r, "read beside idle", NULL);
	repeat(&r, step_write, &x);
	report(&r, "write beside idle", NULL);
	for (unsigned int i = 0; i < opt.idle; i++)
		conn_free(idle[i]);
	free(idle);
	prune(x.c, "/bench");
	conn_free(x.c);
}

/* ------------------------------------------------------------- live update */

#define UPDATE_NODES 55000
#define UPDATE_LIMIT 30			/* seconds that it may take */

static void control(struct conn *c, const char *const *arg, size_t n)
{
	char data[512];
	size_t len = 0;

	for (size_t i = 1; i < n; i++)
		len += (size_t)snprintf(data + len, sizeof(data) - len, "%s", arg[i]) + 1;
	request(c, OP_CONTROL, 0, arg[0], data, len);
}

static bool readable(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What another client sees while the daemon starts again: the longest of its reads is the stall. */
static void w_update(void)
{
	const char *const prepare[] = { "live-update", "-f", opt.update };
	const char *const start[] = { "live-update", "-s", "-t", "30" };
	struct ctx x = { .c = conn_new(), .path = "/bench/update/0/0" };
	struct conn *c = conn_new();
	struct result r = { 0 };
	struct reply reply;
	uint64_t t, stop;
	char path[64];

	if (!opt.update)
		die("update: no program (-U)");
	for (unsigned int i = 0; i < UPDATE_NODES; i++) {
		snprintf(path, sizeof(path), "/bench/update/%u/%u", i / 50, i % 50);
		put(c, 0, path, VALUE16);
	}
	control(c, prepare, 3);
	receive(c, &reply);
	if (reply.err)
		die("live-update -f %s: %s", opt.update, strerror(reply.err));
	begin(&r);
	control(c, start, 4);
	stop = now_ns() + UPDATE_LIMIT * 1000000000ull;
	for (bool answered = false; (t = now_ns()) < stop; r.cycles++) {
		step_read(&x);
		sample(&r.lat, now_ns() - t);
		if (answered || !readable(c))
			continue;
		receive(c, &reply);
		if (reply.err)
			die("live-update: %s", strerror(reply.err));
		answered = true;
		stop = t + 500000000;
	}
	end(&r);
	report(&r, "update", "nodes=%u, the stall is the longest read", UPDATE_NODES);
	prune(c, "/bench");
	conn_free(x.c);
	conn_free(c);
}

/* ------------------------------------------------------------- null server */

/* Watches of the null server: exact paths only, so that "fanout" works. */
struct null_watch {
	int fd;
	char path[48];
	char token[48];
};

struct null_conn {
	int fd;
	bool gone;              /* a write failed: drop it at the next read */
	size_t in_len, out_len;
	unsigned char in[64 * 1024];
	unsigned char out[160 * 1024];
};

static struct {
	struct null_conn *conn[4096];           /* by file descriptor */
	struct null_watch *watch;
	size_t watches;
	char names[PAYLOAD_MAX];                /* "0\0" "1\0" ... "999\0" */
	size_t name_end[1001];
} null;

static void null_flush(struct null_conn *c)
{
	size_t at = 0;

	while (at < c->out_len && !c->gone) {
		ssize_t n = write(c->fd, c->out + at, c->out_len - at);

		if (n > 0)
			at += n;
		else if (errno != EINTR)
			c->gone = true;
	}
	c->out_len = 0;
}

static void null_put(struct null_conn *c, uint32_t type, const struct header *q,
		     const void *data, size_t len)
{
	if (sizeof(c->out) - c->out_len < FRAME_MAX)
		null_flush(c);
	c->out_len += frame(c->out + c->out_len, type, q->req_id, q->tx_id,
			    data, len, NULL, 0);
}

static void null_event(const struct null_watch *w)
{
	static const struct header zero;
	char data[2 * sizeof(w->path)];
	size_t n = strlen(w->path) + 1, m = strlen(w->token) + 1;

	memcpy(data, w->path, n);
	memcpy(data + n, w->token, m);
	null_put(null.conn[w->fd], OP_WATCH_EVENT, &zero, data, n + m);
}

static void null_answer(struct null_conn *c, const struct header *q,
			const char *data)
{
	switch (q->type) {
	case OP_READ:
		if (strcmp(data, BIG_PATH))
			null_put(c, q->type, q, VALUE16, 16);
		else
			null_put(c, q->type, q, null.names, BIG_SIZE);
		return;
	case OP_TXN_START:
		null_put(c, q->type, q, "1", 2);
		return;
	case OP_DIRECTORY: {
		const char *p = strrchr(data, '/');
		unsigned long n = p ? strtoul(p + 1, NULL, 10) : 0;

		null_put(c, q->type, q, null.names,
			 null.name_end[n > 1000 ? 1000 : n]);
		return;
	}
	case OP_DIRECTORY_PART:
		null_put(c, OP_ERROR, q, "ENOSYS", 7);
		return;
	case OP_WATCH: {
		struct null_watch *w;

		null.watch = realloc(null.watch,
				     ++null.watches * sizeof(*null.watch));
		w = &null.watch[null.watches - 1];
		w->fd = c->fd;
		snprintf(w->path, sizeof(w->path), "%s", data);
		snprintf(w->token, sizeof(w->token), "%s",
			 data + strlen(data) + 1);
		null_put(c, q->type, q, "OK", 3);
		null_event(w);
		return;
	}
	case OP_WRITE:
		null_put(c, q->type, q, "OK", 3);
		for (size_t i = 0; i < null.watches; i++)
			if (!strcmp(null.watch[i].path, data))
				null_event(&null.watch[i]);
		return;
	default:
		null_put(c, q->type, q, "OK", 3);
	}
}

/* Read once, answer all that is complete; false at the end. */
static bool null_serve(struct null_conn *c)
{
	struct header q;
	size_t at = 0;
	ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len - 1);

	if (n <= 0 || c->gone)
		return false;
	c->in_len += n;
	while (c->in_len - at >= sizeof(q)) {
		memcpy(&q, c->in + at, sizeof(q));
		if (q.len > PAYLOAD_MAX)
			return false;
		if (c->in_len - at < sizeof(q) + q.len)
			break;
		null_answer(c, &q, (char *)c->in + at + sizeof(q));
		at += sizeof(q) + q.len;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	if (null.watches)
		for (size_t i = 0; i < COUNT(null.conn); i++)
			if (null.conn[i])
				null_flush(null.conn[i]);
	null_flush(c);
	return true;
}

static void null_drop(struct null_conn *c)
{
	size_t k = 0;

	for (size_t i = 0; i < null.watches; i++)
		if (null.watch[i].fd != c->fd)
			null.watch[k++] = null.watch[i];
	null.watches = k;
	null.conn[c->fd] = NULL;
	close(c->fd);
	free(c);
}

static struct null_conn *null_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct null_conn *c = calloc(1, sizeof(*c));

	if (fd < 0 || fd >= (int)COUNT(null.conn) || !c)
		die("accept: %s", strerror(errno));
	c->fd = fd;
	return null.conn[fd] = c;
}

static void null_server(const char *path, bool blocking)
{
	struct sockaddr_un a = socket_address(path);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event ev[64], e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned int i = 0; i < 1000; i++)
		null.name_end[i + 1] = null.name_end[i] + 1 +
			snprintf(null.names + null.name_end[i], 8, "%u", i);
	signal(SIGPIPE, SIG_IGN);
	unlink(path);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 64))
		die("%s: %s", path, strerror(errno));
	while (blocking) {
		struct null_conn *c = null_accept(s);

		while (null_serve(c))
			;
		null_drop(c);
	}
	e.data.fd = s;
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	for (;;) {
		int n = epoll_wait(ep, ev, COUNT(ev), -1);

		for (int i = 0; i < n; i++) {
			struct null_conn *c;

			if (ev[i].data.fd == s) {
				c = null_accept(s);
				e.data.fd = c->fd;
				epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
				continue;
			}
			c = null.conn[ev[i].data.fd];
			if (c && !null_serve(c))
				null_drop(c);
		}
	}
}

/* -------------------------------------------------------------------- main */

static const struct {
	const char *name;
	void (*run)(void);
	const char *what;
} workload[] = {
	{ "read", w_read, "one node, one request outstanding" },
	{ "pipe", w_pipe, "reads, then writes, 32 outstanding" },
	{ "write", w_write, "a one-byte value, one outstanding" },
	{ "cycle", w_cycle, "mkdir, write below it, rm" },
	{ "big", w_big, "write and read 2000 bytes" },
	{ "connect", w_connect, "connect, read, close" },
	{ "dir", w_dir, "directory of 10, 100, 1000 children" },
	{ "dirpart", w_part, "4000 children with DIRECTORY_PART" },
	{ "txn", w_txn, "transaction of 10 writes, one client" },
	{ "parallel", w_parallel, "8 clients in transactions, 4 ways" },
	{ "watch", w_watch, "1000 watches of 10 clients, 100 firing" },
	{ "idle", w_idle, "one active client beside 500 idle ones" },
	{ "scale", w_scale, "1000 guests of 60 nodes" },
	{ "update", w_update, "55000 nodes, live update (only by name)" },
};

static bool wanted(const char *name)
{
	size_t n = strlen(name);
	const char *p = opt.only;

	while (p) {
		if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
			return true;
		p = strchr(p, ',');
		if (p)
			p++;
	}
	return !opt.only && strcmp(name, "update");
}

static void usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: bench [-s SOCKET] [-w NAME[,NAME]...] [-t SECONDS]\n"
		"             [-p PID] [-C CPU] [-c] [-l LABEL]\n"
		"             [-d DOMAINS] [-i IDLE] [-O] [-I] [-U PROGRAM]\n"
		"       bench -N SOCKET [-B] [-C CPU]\n"
		"       bench -L\n"
		"  -p  the daemon's pid, for its CPU time and memory\n"
		"      (otherwise asked of the socket)\n"
		"  -C  pin this process to a CPU\n"
		"  -c  CSV: label,name,rate,p50,p99,max,server-us,notes\n"
		"  -O  scale: leave all nodes to dom0\n"
		"  -I  scale: introduce the domains (which xenstore-guests made)\n"
		"  -U  update: the daemon to hand over to\n"
		"  -N  be a null server on SOCKET, with -B a blocking one\n"
		"  -L  list the workloads\n");
	exit(code);
}

static pid_t socket_owner(void)
{
	struct conn *c = conn_new();
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	conn_free(c);
	return cred.pid;
}

int main(int argc, char **argv)
{
	const char *null_path = NULL;
	struct rlimit files;
	bool blocking = false;
	int o;

	while ((o = getopt(argc, argv, "s:w:t:p:C:cl:d:i:OIU:N:BLh")) != -1) {
		switch (o) {
		case 's': opt.socket = optarg; break;
		case 'w': opt.only = optarg; break;
		case 't': opt.secs = atof(optarg); break;
		case 'p': opt.pid = atoi(optarg); break;
		case 'C': opt.cpu = atoi(optarg); break;
		case 'c': opt.csv = true; break;
		case 'l': opt.label = optarg; break;
		case 'd': opt.domains = atoi(optarg); break;
		case 'i': opt.idle = atoi(optarg); break;
		case 'O': opt.own = false; break;
		case 'I': opt.introduce = true; break;
		case 'U': opt.update = optarg; break;
		case 'N': null_path = optarg; break;
		case 'B': blocking = true; break;
		case 'L':
			for (size_t i = 0; i < COUNT(workload); i++)
				printf("%-10s %s\n", workload[i].name,
				       workload[i].what);
			return 0;
		case 'h': usage(0); break;
		default: usage(2);
		}
	}
	if (optind != argc)
		usage(2);
	if (opt.cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(opt.cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("CPU %d: %s", opt.cpu, strerror(errno));
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (null_path)
		null_server(null_path, blocking);
	if (!opt.pid)
		opt.pid = socket_owner();
	for (size_t i = 0; i < COUNT(workload); i++)
		if (wanted(workload[i].name))
			workload[i].run();
	return 0;
}
