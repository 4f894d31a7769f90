/*
 * jobs.h - jobs in the daemon: read from XenStore, queued, run one per domain at a time, ended.
 *
 * Crash-only: everything about a job is in its nodes.  After a start, jobs_recover() takes up
 * what was queued and does over what was running; methods are written so that doing them over
 * is right (a half-built domain is taken down first, a domain already gone counts as destroyed).
 */
#ifndef XEND_JOBS_H
#define XEND_JOBS_H

#include "xenstore/buf.h"
#include "xend/domain.h"
#include "xend/fault.h"
#include "xend/job.h"
#include "xend/worker.h"
#include "xend/xend.h"

struct method;

struct job {
	struct job *next;
	unsigned number;
	char *client;			/* "" for xend's own jobs */
	char *command, *body;
	char *arg[JOB_ARGS_MAX];
	size_t args;
	const struct method *method;
	enum job_state state;
	bool is_redo;			/* it was running when the last xend ended */
	bool is_cancelled;
	unsigned deaths;		/* of its workers */
	char target[DOM_UUID_TEXT];	/* the domain it works on; "" until known */
	bool unpauses;			/* the domain ran before it was paused for this */
	int domid;			/* the same as a number, where act() found it running */
	char *claim;			/* a name that it will give; NULL: none */
	struct fault fault;		/* why it failed */
	struct fault why;		/* the same while it is being undone, and what it will end */
	int rc;				/* with */
	struct buf result;		/* what it answers */
	struct worker worker;
};

int jobs_start(struct xend *x);
/* XenStore's events below JOB_ROOT. */
void jobs_event(struct xend *x, const char *path);
/* Takes up what an earlier xend left.  Before anything else happens. */
void jobs_recover(struct xend *x);
/* Removes outcomes that nobody will read: their clients are gone. */
void jobs_sweep(struct xend *x);
/* A job of xend's own, with a body (or NULL) and arguments up to NULL.  Queued, not yet run.
 * 0 or -errno. */
int jobs_add(struct xend *x, const char *body, const char *command, ...) __attribute__((sentinel));
/* Is there a job, of whatever state, that works on this domain? */
bool jobs_has_target(const char *uuid);
/* Writes down that the job is being done, and on whom: what recovery goes by.  0 or -errno. */
int jobs_mark_running(struct xend *x, struct job *j);
/* Is another job at work on this one's domain? */
bool jobs_target_is_busy(const struct job *j);
/* The name that some other unfinished job will give. */
bool jobs_has_claim(const char *name, const struct job *except);
/* Everything is run that can be; call when something was queued or ended. */
void jobs_run(struct xend *x);
/* Kills the workers and forgets every job: XenStore or xend is going away.  What they had begun
 * is found, and done over, by the next jobs_recover(). */
void jobs_drop(struct xend *x);

#endif
