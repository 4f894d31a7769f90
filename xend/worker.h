/*
 * worker.h - a child that does one job's work and tells the daemon over a pipe.
 *
 * It opens its own handles (the parent's must not be shared), dies with its parent, and may be
 * killed at any time: what it leaves half-done is found by the domain's UUID and undone.
 */
#ifndef XEND_WORKER_H
#define XEND_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "xenstore/buf.h"
#include "xenstore/loop.h"

struct job;
struct xend;

struct worker {
	pid_t pid;			/* 0: none */
	struct loop_fd pipe;
	struct buf input;		/* messages not yet complete */
	int rc;				/* what work() gave; -EPIPE until it has */
	bool has_died;			/* before it had given any */
	struct xend *xend;
	struct job *job;
	void (*progress)(struct xend *x, struct job *j, const char *text);
	void (*ended)(struct xend *x, struct job *j, int rc);
};

/* What the child has in its hands. */
struct workshop {
	struct hyp *hyp;
	struct xs *xs;
	int pipe;
	struct job *job;
	char phase[64];			/* what was reported last, and when */
	uint64_t reported_ns;
};

typedef int (*work_fn)(struct workshop *w);

/* Forks and runs work(); its 0 or -errno, with job->fault and job->result, comes back.
 * When the child has ended, however it did, ended(x, job, rc) is called in the daemon;
 * progress(x, job, text) for each report before that. */
int worker_start(struct xend *x, struct job *j, work_fn work,
		 void (*progress)(struct xend *x, struct job *j, const char *text),
		 void (*ended)(struct xend *x, struct job *j, int rc));
/* Its end comes over the loop, as if it had died by itself. */
void worker_kill(struct worker *w);
/* Ends it here and now, without ended(). */
void worker_drop(struct worker *w);

/* In the child: "<done> <total> <phase>" to the daemon.  Always 0, so that it can serve as a
 * progress callback of the builder's. */
int worker_progress(void *workshop, const char *phase, uint64_t done, uint64_t total);

#endif
