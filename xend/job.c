/* The client's side of a job. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/buf.h"
#include "xenstore/xs.h"
#include "xend/job.h"
#include "xend/lock.h"

#define POLL_MS 200			/* how soon a Ctrl-C or the daemon's end is noticed */
#define TAKE_BACK_MS 3000		/* how long xend may take to let go of a waiting job */
#define XEND_BACK_MS 10000		/* how long a restart of xend may take */

const char *const job_state_names[JOB_STATES] = {
	"queued", "running", "done", "failed", "cancelled",
};

int job_state_parse(const char *word)
{
	for (int i = 0; word && i < JOB_STATES; i++)
		if (!strcmp(word, job_state_names[i]))
			return i;
	return -1;
}

const char *job_path(unsigned number, const char *rest, char path[JOB_PATH])
{
	snprintf(path, JOB_PATH, JOB_ROOT "/%u%s%s", number, *rest ? "/" : "", rest);
	return path;
}

int job_text_write(struct xs *xs, uint32_t t, const char *path, const char *text)
{
	char piece[JOB_PATH + 16];
	size_t length = strlen(text), at = 0;
	int rc = 0;

	if (length > (size_t)JOB_PIECE * JOB_PIECES_MAX)
		return -E2BIG;
	for (unsigned i = 0; rc == 0 && at < length; i++) {
		size_t n = length - at < JOB_PIECE ? length - at : JOB_PIECE;

		snprintf(piece, sizeof piece, "%s/%u", path, i);
		rc = xs_write(xs, t, piece, text + at, n);
		at += n;
	}
	return rc;
}

char *job_text_read(struct xs *xs, uint32_t t, const char *path)
{
	struct buf text = { 0 };
	char name[16];

	for (unsigned i = 0; i < JOB_PIECES_MAX; i++) {
		char *part;

		snprintf(name, sizeof name, "%u", i);
		part = xs_get(xs, t, path, name);
		if (!part && errno != ENOENT) {
			int err = errno;

			buf_free(&text);
			errno = err;
			return NULL;
		}
		if (!part)
			break;
		buf_add_string(&text, part);
		free(part);
	}
	buf_add(&text, "", 0);
	if (!text.len && !text.failed)
		return strdup("");
	return buf_take(&text);
}

/* Field 22 of /proc/<pid>/stat, counted behind the name's last bracket: proc(5). */
static unsigned long long start_time(pid_t pid)
{
	char path[48], stat[1024], *at;
	unsigned long long ticks = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(stat, 1, sizeof stat - 1, f);
	stat[n] = '\0';
	fclose(f);
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at, NULL, 10);
	return ticks;
}

void job_client_print(char *text, size_t size)
{
	snprintf(text, size, "%d %llu", (int)getpid(), start_time(getpid()));
}

bool job_client_is_alive(const char *text)
{
	unsigned long long since;
	int pid;

	return sscanf(text, "%d %llu", &pid, &since) == 2 && pid > 0 && since &&
	       start_time(pid) == since;
}

int job_write(struct xs *xs, uint32_t t, const struct job_request *r, unsigned *number)
{
	char path[JOB_PATH], name[32];
	uint64_t next = 1;
	int rc = xs_get_u64(xs, t, "/tool/xend", "next-job", &next);

	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
		return rc;
	*number = (unsigned)next;
	rc = xs_printf(xs, t, JOB_NEXT, "%u", *number + 1);
	for (size_t i = 0; rc == 0 && i < r->args; i++) {
		snprintf(name, sizeof name, "arg/%zu", i);
		rc = xs_printf(xs, t, job_path(*number, name, path), "%s", r->arg[i]);
	}
	if (rc == 0 && r->body)
		rc = job_text_write(xs, t, job_path(*number, "body", path), r->body);
	if (rc == 0)
		rc = xs_printf(xs, t, job_path(*number, "command", path), "%s", r->command);
	return rc;
}

struct submission {
	const struct job_request *request;
	unsigned number;
};

static int submit_body(struct xs *xs, uint32_t t, void *ctx)
{
	struct submission *s = ctx;
	char path[JOB_PATH], client[48];
	int rc = job_write(xs, t, s->request, &s->number);

	job_client_print(client, sizeof client);
	return rc ? rc : xs_printf(xs, t, job_path(s->number, "client", path), "%s", client);
}

int job_submit(struct xs *xs, const struct job_request *r, unsigned *number)
{
	struct submission s = { .request = r };
	int rc = r->args > JOB_ARGS_MAX ? -E2BIG : xs_txn(xs, submit_body, &s);

	*number = s.number;
	return rc;
}

int job_find_mine(struct xs *xs, unsigned *number)
{
	char mine[48], dir[JOB_PATH];
	char **names;
	int n = xs_directory(xs, XS_TXN_NONE, JOB_ROOT, &names), rc = -ENOENT;

	if (n < 0)
		return n;
	job_client_print(mine, sizeof mine);
	for (int i = 0; i < n && rc == -ENOENT; i++) {
		char *client;

		*number = (unsigned)strtoul(names[i], NULL, 10);
		client = xs_get(xs, XS_TXN_NONE, job_path(*number, "", dir), "client");
		if (client && !strcmp(client, mine))
			rc = 0;
		free(client);
	}
	free(names);
	return rc;
}

bool job_progress_parse(const char *text, struct job_progress *p)
{
	unsigned long long done, total;

	if (sscanf(text, "%llu %llu %63[^\n]", &done, &total, p->phase) != 3)
		return false;
	p->done = done;
	p->total = total;
	return true;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* JOB_RUNNING …; -1: nobody took it yet; -ENOENT: the job is gone. */
static int state_read(struct xs *xs, const char *dir)
{
	char *word = xs_get(xs, XS_TXN_NONE, dir, "state");
	int state = job_state_parse(word);

	if (!word && errno != ENOENT)
		return errno == EPERM ? -EACCES : -errno;	/* -1 means something else here */
	if (!word && xs_exists(xs, XS_TXN_NONE, dir) == 0)
		return -ENOENT;
	free(word);
	return state;
}

static void progress_show(struct xs *xs, const char *dir, const struct job_wait *how)
{
	struct job_progress p;
	char *text = how->progress ? xs_get(xs, XS_TXN_NONE, dir, "progress") : NULL;

	if (text && job_progress_parse(text, &p))
		how->progress(how->ctx, &p);
	free(text);
}

/* What was read, "" where there is nothing; a store that dies meanwhile is no nothing. */
static char *text_or_empty(char *text, int *rc)
{
	if (!text && errno != ENOENT)
		*rc = -errno;
	return text ? text : strdup("");
}

static int outcome_read(struct xs *xs, unsigned number, int state, struct job_outcome *out)
{
	char dir[JOB_PATH], path[JOB_PATH + 16];
	uint64_t code = 0;
	int rc = 0;

	job_path(number, "", dir);
	snprintf(path, sizeof path, "%s/result", dir);
	*out = (struct job_outcome){
		.result = text_or_empty(job_text_read(xs, XS_TXN_NONE, path), &rc),
		.error = text_or_empty(xs_get(xs, XS_TXN_NONE, dir, "error"), &rc),
		.hint = text_or_empty(xs_get(xs, XS_TXN_NONE, dir, "error/hint"), &rc),
	};
	if (state == JOB_CANCELLED)
		out->code = ECANCELED;
	else if (state == JOB_FAILED)
		out->code = xs_get_u64(xs, XS_TXN_NONE, dir, "error/code", &code) == 0 && code
			    ? (int)code : EIO;
	if (rc == 0 && !(out->result && out->error && out->hint))
		rc = -ENOMEM;
	if (rc < 0)
		job_outcome_free(out);
	else
		xs_rm(xs, XS_TXN_NONE, dir);
	return rc;
}

void job_outcome_free(struct job_outcome *out)
{
	free(out->result);
	free(out->error);
	free(out->hint);
	*out = (struct job_outcome){ 0 };
}

struct waiting {
	struct xs *xs;
	const struct job_wait *how;
	char dir[JOB_PATH];
	unsigned number;
	long long deadline, gone_since;	/* ms; gone_since 0: xend is there */
	bool asked_to_cancel;
	bool has_given_up;		/* time was over before xend had begun */
};

/* Is xend still there?  0, or what job_wait() gives when it stays away. */
static int check_daemon(struct waiting *w, int state)
{
	char path[JOB_PATH];

	if (lock_is_held(XEND_PID_FILE, NULL) == 1) {
		w->gone_since = 0;
		return 0;
	}
	if (!w->gone_since)
		w->gone_since = now_ms();
	if (now_ms() - w->gone_since < XEND_BACK_MS)
		return 0;
	if (state >= JOB_RUNNING)
		return -EINPROGRESS;
	/* Nobody took it, and nobody shall take it once we have said so. */
	xs_rm(w->xs, XS_TXN_NONE, job_path(w->number, "", path));
	return -ESRCH;
}

static void ask_to_cancel(struct waiting *w)
{
	char path[JOB_PATH];

	w->asked_to_cancel = true;
	xs_write(w->xs, XS_TXN_NONE, job_path(w->number, "cancel", path), "", 0);
}

static void check_cancel(struct waiting *w)
{
	if (!w->asked_to_cancel && w->how->is_cancelled && w->how->is_cancelled(w->how->ctx))
		ask_to_cancel(w);
}

/* What runs goes on without us; what waits is taken back, and that takes a moment. */
static int check_deadline(struct waiting *w, int state)
{
	if (!w->deadline || now_ms() < w->deadline)
		return 0;
	if (state >= JOB_RUNNING || w->has_given_up)
		return -ETIMEDOUT;
	w->has_given_up = true;
	w->deadline = now_ms() + TAKE_BACK_MS;
	ask_to_cancel(w);
	return 0;
}

static int wait_step(struct waiting *w)
{
	struct xs_event ev;
	int rc = xs_wait_event(w->xs, &ev, POLL_MS);

	if (rc == 0)
		xs_event_free(&ev);
	while (rc == 0 && xs_next_event(w->xs, &ev) == 0)
		xs_event_free(&ev);
	return rc == -ENOTCONN ? rc : 0;
}

/* The final state, or -errno. */
static int wait_for_end(struct waiting *w)
{
	for (;;) {
		int rc, state = state_read(w->xs, w->dir);

		if (state >= JOB_DONE || state == -ENOTCONN)
			return state;
		if (state == -ENOENT)
			return -ENOENT;
		progress_show(w->xs, w->dir, w->how);
		check_cancel(w);
		rc = check_daemon(w, state);
		if (rc == 0)
			rc = check_deadline(w, state);
		if (rc == 0)
			rc = wait_step(w);
		if (rc < 0)
			return rc;
	}
}

int job_wait(struct xs *xs, unsigned number, const struct job_wait *how, struct job_outcome *out)
{
	struct waiting w = { .xs = xs, .how = how, .number = number };
	char watched[JOB_PATH];
	int rc, outcome;

	job_path(number, "", w.dir);
	job_path(number, how->progress ? "" : "state", watched);
	if (how->timeout_ms >= 0)
		w.deadline = now_ms() + how->timeout_ms;
	rc = xs_watch(xs, watched, "job");
	if (rc < 0)
		return rc;
	rc = wait_for_end(&w);
	xs_unwatch(xs, watched, "job");
	if (rc < 0)
		return rc;
	outcome = outcome_read(xs, number, rc, out);
	if (outcome == 0 && rc == JOB_CANCELLED && w.has_given_up) {
		job_outcome_free(out);
		return -EAGAIN;
	}
	return outcome;
}
