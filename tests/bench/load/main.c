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
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/load/load.h"

struct options opt = {
	.socket = "/run/xenstored/socket",
	.label = "-",
	.secs = 1.0,
	.warm = 0.2,
	.cpu = -1,
	.own = true,
	.domains = 1000,
	.idle = 500,
};

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
