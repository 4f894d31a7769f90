/*
 * job.h - the client's side of a job: how xm asks xend for work, and what both call the nodes.
 *
 * A job is a directory of XenStore, /tool/xend/jobs/<n>/:
 *	command, arg/0 …, body/0 …, client	by xm, in one transaction
 *	state, progress, result/0 …, error, error/code, error/hint, domain	by xend
 *	cancel		by xm
 * The client removes it when it has read the outcome; xend, when the client is gone.
 */
#ifndef XEND_JOB_H
#define XEND_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOB_ROOT "/tool/xend/jobs"
#define JOB_NEXT "/tool/xend/next-job"
#define JOB_PIECE 4000		/* bytes of one body/N or result/N node */
#define JOB_PIECES_MAX 256	/* nothing longer is a configuration */
#define JOB_ARGS_MAX 16
#define JOB_PATH 128

struct xs;

struct job_request {
	const char *command;
	const char *const *arg;		/* args of them */
	size_t args;
	const char *body;		/* NULL: none */
};

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_STATES };

extern const char *const job_state_names[JOB_STATES];
/* -1 for another word, or NULL. */
int job_state_parse(const char *word);

struct job_progress {
	char phase[64];
	uint64_t done, total;		/* total 0: nobody knows */
};

struct job_outcome {
	int code;			/* 0: done; else an errno */
	char *result;			/* never NULL after job_wait() gave 0 */
	char *error, *hint;		/* "" when there is none */
};

struct job_wait {
	int timeout_ms;			/* < 0: for ever */
	/* Called now and then; true asks xend to undo the job. */
	bool (*is_cancelled)(void *ctx);
	void (*progress)(void *ctx, const struct job_progress *p);
	void *ctx;
};

/* Writes the job; *number names it.  0 or -errno. */
int job_submit(struct xs *xs, const struct job_request *r, unsigned *number);
/* The job that this process has in XenStore, when the answer to job_submit() was lost.
 * 0, -ENOENT: there is none, -errno. */
int job_find_mine(struct xs *xs, unsigned *number);
/* Waits for its end, reads the outcome and removes the job.
 * 0: *out is filled; -ETIMEDOUT: xend works on (the job is left to it); -EAGAIN: time was over
 * before xend had begun, and the job was taken back; -ESRCH: xend is gone and
 * did not come back, nothing was begun; -EINPROGRESS: the same, but it had begun; -errno. */
int job_wait(struct xs *xs, unsigned number, const struct job_wait *how, struct job_outcome *out);
void job_outcome_free(struct job_outcome *out);

/* A new job's nodes but for who asks, in a transaction: a daemon that sees it sees all of them.  0 with its
 * number; -errno. */
int job_write(struct xs *xs, uint32_t t, const struct job_request *r, unsigned *number);

/* Long texts in pieces: path/0, path/1 …; both sides use them. */
int job_text_write(struct xs *xs, uint32_t t, const char *path, const char *text);
/* malloc()ed; "" when there is none.  NULL and errno. */
char *job_text_read(struct xs *xs, uint32_t t, const char *path);

/* Who asks: pid and start time, so that a recycled pid is not taken for the client. */
void job_client_print(char *text, size_t size);
bool job_client_is_alive(const char *text);

/* JOB_ROOT/<number>[/rest] */
const char *job_path(unsigned number, const char *rest, char path[JOB_PATH]);
bool job_progress_parse(const char *text, struct job_progress *p);

#endif
