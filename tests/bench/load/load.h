/* xenstore-bench: the words that its workloads are written in.  What goes wrong ends the program with a message. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <errno.h>			/* before xs_wire.h: its table of errors needs the names */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <xen/io/xs_wire.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---------------------------------------------------------- main.c: options */

struct options {
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
};

extern struct options opt;

/* -------------------------------------------------- measure.c: figures */

struct samples {
	uint32_t *ns;
	size_t n, cap;
};

/* One workload's measurement, from begin() to report(). */
struct result {
	struct samples lat;
	uint64_t t0, t1;
	uint64_t cpu0, cpu1;
	uint64_t cycles;
};

struct ctx {
	struct conn *c;
	const char *path;
	uint32_t n;             /* cycle counter, or a size */
	uint64_t note;          /* anything the step wants to count */
};

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);

/* What the daemon keeps in memory, in KiB: its own and what it shares, for a store may be a file in
 * /run; but no pages of programs and libraries.  -1: unknown. */
long server_rss_kb(void);

/* How long one cycle took. */
void sample(struct samples *s, uint64_t ns);

/* report() prints the line and empties the result for the next; the format (or NULL) is for its last column. */
void begin(struct result *r);
void finish(struct result *r);
void report(struct result *r, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Run step() again and again: warm up, then measure each call. */
void repeat(struct result *r, void (*step)(struct ctx *), struct ctx *x);

/* -------------------------------------------------- conn.c: the protocol */

#define FRAME_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

struct conn {
	int fd;
	uint32_t next_id;
	uint64_t events;                /* watch events seen so far */
	size_t head, tail;              /* unread bytes: buf[head .. tail) */
	unsigned char buf[4 * FRAME_MAX];
};

struct reply {
	struct xsd_sockmsg h;
	const char *data;               /* valid until the next receive */
	int err;                        /* errno that an ERROR stands for */
};

/* A connection to opt.socket: in the caller's memory, or with its own. */
void conn_open(struct conn *c);
void conn_close(struct conn *c);
struct conn *conn_new(void);
void conn_free(struct conn *c);

void send_all(int fd, const void *data, size_t len);

/* Lay out one request at "out", which has FRAME_MAX bytes; returns its length. */
size_t frame(unsigned char *out, uint32_t type, uint32_t id, uint32_t tx,
	     const void *a, size_t alen, const void *b, size_t blen);

/* A path counts with its NUL; more data may follow it. */
void request(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len);

/* One read() into the buffer; and one complete message out of it, if there is one. */
void fill(struct conn *c);
bool take(struct conn *c, struct reply *r);

/* The next message that is no watch event; and one more watch event. */
void receive(struct conn *c, struct reply *r);
void receive_event(struct conn *c);

/* A request and its reply: call() returns the error's errno or 0, the others end the program at an error.
 * prune() removes a tree, which need not be there. */
int call(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len,
	 struct reply *out);
void must(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len);
void put(struct conn *c, uint32_t tx, const char *path, const char *val);
void prune(struct conn *c, const char *path);
uint32_t txn_start(struct conn *c);
int txn_end(struct conn *c, uint32_t tx);

/* -------------------------------------------------------------- workloads */

#define VALUE16 "0123456789abcdef"
#define BIG_PATH "/bench/big"
#define BIG_SIZE 2000
#define TXN_WRITES 10

/* Steps of more than one workload: a read of 16 bytes; a write of one; TXN_WRITES below the path in a
 * transaction, x->note counting those that failed. */
void step_read(struct ctx *x);
void step_write(struct ctx *x);
void step_txn(struct ctx *x);

void w_read(void);
void w_write(void);
void w_cycle(void);
void w_connect(void);
void w_big(void);
void w_dir(void);
void w_part(void);
void w_pipe(void);
void w_txn(void);
void w_parallel(void);
void w_watch(void);
void w_scale(void);
void w_idle(void);
void w_update(void);

/* Never returns: see main.c.  It has the path's socket to itself. */
_Noreturn void null_server(const char *path, bool blocking);

#endif
