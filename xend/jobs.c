/* Jobs: how they come, wait, run and end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/jobs.h"
#include "xend/methods.h"

#define WORKERS_MAX 8		/* at once; the rest wait their turn */
#define DEATHS_MAX 3

static struct job *jobs;	/* all that have not ended, by number */

static void job_free(struct job *j)
{
	free(j->client);
	free(j->command);
	free(j->body);
	free(j->claim);
	for (size_t i = 0; i < j->args; i++)
		free(j->arg[i]);
	buf_free(&j->result);
	free(j);
}

static struct job *job_find(unsigned number)
{
	for (struct job *j = jobs; j; j = j->next)
		if (j->number == number)
			return j;
	return NULL;
}

static void job_insert(struct job *j)
{
	struct job **at = &jobs;

	while (*at && (*at)->number < j->number)
		at = &(*at)->next;
	j->next = *at;
	*at = j;
}

static void job_unlink(struct job *j)
{
	struct job **at = &jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
}

bool jobs_has_target(const char *uuid)
{
	for (struct job *j = jobs; j; j = j->next)
		if (*j->target && !strcmp(j->target, uuid))
			return true;
	return false;
}

bool jobs_has_claim(const char *name, const struct job *except)
{
	for (struct job *j = jobs; j; j = j->next)
		if (j != except && j->state == JOB_RUNNING && j->claim && !strcmp(j->claim, name))
			return true;
	return false;
}

bool jobs_target_is_busy(const struct job *job)
{
	for (struct job *j = jobs; j; j = j->next)
		if (j != job && j->state == JOB_RUNNING && *j->target &&
		    !strcmp(j->target, job->target))
			return true;
	return false;
}

static void node_write(struct xend *x, const struct job *j, const char *name, const char *value)
{
	char path[JOB_PATH];
	int rc = xs_write(x->xs, XS_TXN_NONE, job_path(j->number, name, path), value, strlen(value));

	if (rc < 0)
		log_rc(rc, "job %u: write %s", j->number, name);
}

/* ------------------------------------------------------------------ ends */

struct ending {
	struct job *job;
	enum job_state state;
};

/* The outcome appears at once or not at all; a job whose client took it away stays away. */
static int ending_body(struct xs *xs, uint32_t t, void *ctx)
{
	struct ending *e = ctx;
	struct job *j = e->job;
	char path[JOB_PATH];
	int rc = 0;

	if (xs_exists(xs, t, job_path(j->number, "command", path)) == 0)
		return xs_rm(xs, t, job_path(j->number, "", path));
	if (j->result.len)
		rc = job_text_write(xs, t, job_path(j->number, "result", path),
				    buf_string(&j->result));
	if (rc == 0 && e->state == JOB_FAILED)
		rc = xs_printf(xs, t, job_path(j->number, "error", path), "%s", j->fault.text);
	if (rc == 0 && e->state == JOB_FAILED)
		rc = xs_printf(xs, t, job_path(j->number, "error/code", path), "%d", j->fault.err);
	if (rc == 0 && e->state == JOB_FAILED && *j->fault.hint)
		rc = xs_printf(xs, t, job_path(j->number, "error/hint", path), "%s", j->fault.hint);
	if (rc == 0)
		rc = xs_printf(xs, t, job_path(j->number, "state", path), "%s",
			       job_state_names[e->state]);
	return rc;
}

static void job_end(struct xend *x, struct job *j, int rc)
{
	struct ending e = { j, rc == 0 ? JOB_DONE : rc == -ECANCELED ? JOB_CANCELLED : JOB_FAILED };
	char path[JOB_PATH];

	if (rc < 0 && !j->fault.err)
		fault_errno(&j->fault, -rc, "'%s' failed", j->command);
	if (rc < 0)
		log_warn("job %u (%s %s): %s", j->number, j->command, j->args ? j->arg[0] : "",
			 j->fault.text);
	else
		log_info("job %u (%s %s): done", j->number, j->command, j->args ? j->arg[0] : "");
	j->state = e.state;
	if (!*j->client || !job_client_is_alive(j->client))
		rc = xs_rm(x->xs, XS_TXN_NONE, job_path(j->number, "", path));
	else
		rc = xs_txn(x->xs, ending_body, &e);
	if (rc < 0 && rc != -ENOENT)
		log_rc(rc, "job %u: write its outcome", j->number);
	job_unlink(j);
	job_free(j);
}

/* ------------------------------------------------------------------ runs */

static void on_ended(struct xend *x, struct job *j, int rc);

static void on_progress(struct xend *x, struct job *j, const char *text)
{
	node_write(x, j, "progress", text);
}

/* What can't be undone is done over; a worker that dies again and again has a reason to. */
static bool begins_again(struct xend *x, struct job *j)
{
	if (!j->worker.has_died || !(j->method->flags & METHOD_AGAIN) || ++j->deaths >= DEATHS_MAX)
		return false;
	log_warn("job %u (%s): %s; doing it over", j->number, j->command, j->fault.text);
	j->fault = (struct fault){ 0 };
	j->is_redo = true;
	return worker_start(x, j, j->method->work, on_progress, on_ended) == 0;
}

/* Undone, or not: what is told is why it had to be. */
static void on_undone(struct xend *x, struct job *j, int rc)
{
	j->fault = j->why;
	job_end(x, j, j->rc);
	jobs_run(x);
}

static void on_ended(struct xend *x, struct job *j, int rc)
{
	if (begins_again(x, j))
		return;
	if (rc < 0 && j->method->undo) {
		j->why = j->fault;
		j->rc = rc;
		j->fault = (struct fault){ 0 };
		if (worker_start(x, j, j->method->undo, on_progress, on_undone) == 0)
			return;
		j->fault = j->why;
	}
	job_end(x, j, rc);
	jobs_run(x);
}

static unsigned running_count(void)
{
	unsigned count = 0;

	for (struct job *j = jobs; j; j = j->next)
		count += j->state == JOB_RUNNING;
	return count;
}

int jobs_mark_running(struct xend *x, struct job *j)
{
	char path[JOB_PATH];
	int rc = 0;

	if (*j->target)
		rc = xs_printf(x->xs, XS_TXN_NONE, job_path(j->number, "domain", path), "%s",
			       j->target);
	if (rc == 0)
		rc = xs_printf(x->xs, XS_TXN_NONE, job_path(j->number, "state", path), "%s",
			       job_state_names[JOB_RUNNING]);
	return rc;
}

static int job_refuse_shape(struct job *j)
{
	if (!j->method)
		return fault_set(&j->fault, ENOSYS, "xend has no command '%s'", j->command);
	if (j->method->flags & METHOD_OWN && *j->client)
		return fault_set(&j->fault, EPERM, "'%s' is not for others to ask", j->command);
	if (j->args < j->method->min || j->args > j->method->max)
		return fault_set(&j->fault, EINVAL, "'%s' with %zu arguments", j->command, j->args);
	return 0;
}

/* METHOD_BLOCKED: it stays queued.  Otherwise it runs or has ended. */
static int job_run(struct xend *x, struct job *j)
{
	int rc = job_refuse_shape(j);

	if (rc == 0 && !j->is_redo &&
	    (j->is_cancelled || (*j->client && !job_client_is_alive(j->client))))
		rc = -ECANCELED;	/* nobody waits for it, and nothing was begun */
	if (rc == 0 && running_count() >= WORKERS_MAX && j->method->work)
		return METHOD_BLOCKED;
	if (rc == 0)
		rc = method_begin(x, j);
	if (rc == METHOD_BLOCKED) {
		if (*j->client)
			*j->target = '\0';
		free(j->claim);
		j->claim = NULL;
		return METHOD_BLOCKED;
	}
	if (rc < 0 || !j->method->work) {
		job_end(x, j, rc);
		return rc;
	}
	j->state = JOB_RUNNING;
	if (j->is_redo && j->is_cancelled) {
		fault_set(&j->fault, ECANCELED, "'%s' was cancelled", j->command);
		on_ended(x, j, -ECANCELED);
		return 0;
	}
	rc = jobs_mark_running(x, j);
	if (rc == 0)
		rc = worker_start(x, j, j->method->work, on_progress, on_ended);
	if (rc < 0)
		job_end(x, j, rc);
	return 0;
}

void jobs_run(struct xend *x)
{
	struct job *j, *next;

	for (j = jobs; j; j = next) {
		next = j->next;	/* a job that ends frees itself, and no other */
		if (j->state == JOB_QUEUED && !x->is_stopping)
			job_run(x, j);
	}
}

/* ----------------------------------------------------------------- comes */

static char *node_read(struct xend *x, unsigned number, const char *name)
{
	char dir[JOB_PATH];

	return xs_get(x->xs, XS_TXN_NONE, job_path(number, "", dir), name);
}

static int job_read_args(struct xend *x, struct job *j)
{
	char name[32];

	for (j->args = 0; j->args < JOB_ARGS_MAX; j->args++) {
		snprintf(name, sizeof name, "arg/%zu", j->args);
		j->arg[j->args] = node_read(x, j->number, name);
		if (!j->arg[j->args])
			return errno == ENOENT ? 0 : -errno;
	}
	return 0;
}

/* NULL when it is no job (any more), or cannot be read. */
static struct job *job_read(struct xend *x, unsigned number)
{
	struct job *j = calloc(1, sizeof *j);
	char path[JOB_PATH];
	char *target;

	if (!j)
		return NULL;
	j->number = number;
	j->command = node_read(x, number, "command");
	j->client = node_read(x, number, "client");
	if (!j->client)
		j->client = strdup("");
	if (!j->command || !j->client || job_read_args(x, j) < 0) {
		job_free(j);
		return NULL;
	}
	j->body = job_text_read(x->xs, XS_TXN_NONE, job_path(number, "body", path));
	j->method = method_find(j->command);
	target = node_read(x, number, "domain");
	if (target && strlen(target) == DOM_UUID_TEXT - 1)
		strcpy(j->target, target);
	free(target);
	/* xend's own jobs name their domain by UUID from the start. */
	if (j->method && j->method->flags & METHOD_OWN && j->args && !*j->client)
		snprintf(j->target, sizeof j->target, "%s", j->arg[0]);
	return j;
}

static void job_take(struct xend *x, unsigned number)
{
	struct job *j;
	char *state, *cancel;
	int known;

	if (job_find(number))
		return;
	state = node_read(x, number, "state");
	known = job_state_parse(state);
	free(state);
	if (known >= JOB_DONE)
		return;		/* its client will read the outcome */
	j = job_read(x, number);
	if (!j)
		return;
	j->is_redo = known == JOB_RUNNING;
	cancel = node_read(x, number, "cancel");
	j->is_cancelled = cancel != NULL;
	free(cancel);
	job_insert(j);
	if (known < 0)
		node_write(x, j, "state", job_state_names[JOB_QUEUED]);
}

static void jobs_scan(struct xend *x)
{
	char **names;
	int n = xs_directory(x->xs, XS_TXN_NONE, JOB_ROOT, &names);

	if (n < 0)
		return;
	for (int i = 0; i < n; i++) {
		char *end;
		unsigned long number = strtoul(names[i], &end, 10);

		if (!*end && number && number <= UINT32_MAX)
			job_take(x, (unsigned)number);
	}
	free(names);
}

static void job_cancel(struct xend *x, struct job *j)
{
	if (j->state == JOB_RUNNING && j->method->flags & METHOD_AGAIN)
		return;		/* there is no way back */
	j->is_cancelled = true;
	if (j->state == JOB_QUEUED)
		job_end(x, j, -ECANCELED);
	else
		worker_kill(&j->worker);
}

void jobs_event(struct xend *x, const char *path)
{
	unsigned number;
	char rest[16] = "";
	int n = sscanf(path, JOB_ROOT "/%u/%15s", &number, rest);
	struct job *j = n >= 1 ? job_find(number) : NULL;

	if (j && n == 2 && !strcmp(rest, "cancel") && !j->is_cancelled) {
		job_cancel(x, j);
		return;
	}
	/* A transaction's nodes come as one event each: the client's is the first to matter,
	 * and by then all are there. */
	if (!j && n == 2 && !strcmp(rest, "command")) {
		job_take(x, number);
		jobs_run(x);
	}
}

/* Outcomes that nobody will read, requests that nobody waits for. */
static void job_drop_abandoned(struct xend *x, unsigned number)
{
	char path[JOB_PATH];
	char *client = node_read(x, number, "client"), *state = node_read(x, number, "state");

	if (client && *client && !job_client_is_alive(client) &&
	    job_state_parse(state) != JOB_RUNNING) {
		log_info("job %u: its client is gone", number);
		xs_rm(x->xs, XS_TXN_NONE, job_path(number, "", path));
	}
	free(client);
	free(state);
}

void jobs_sweep(struct xend *x)
{
	char **names;
	int n = xs_directory(x->xs, XS_TXN_NONE, JOB_ROOT, &names);

	for (int i = 0; i < n; i++)
		if (!job_find((unsigned)strtoul(names[i], NULL, 10)))
			job_drop_abandoned(x, (unsigned)strtoul(names[i], NULL, 10));
	if (n >= 0)
		free(names);
}

void jobs_recover(struct xend *x)
{
	jobs_sweep(x);
	jobs_scan(x);
	for (struct job *j = jobs; j; j = j->next)
		if (j->is_redo)
			log_warn("job %u (%s): was running when xend ended; doing it over",
				 j->number, j->command);
}

int jobs_start(struct xend *x)
{
	return xs_watch(x->xs, JOB_ROOT, "jobs");
}

void jobs_drop(struct xend *x)
{
	while (jobs) {
		struct job *j = jobs;

		jobs = j->next;
		worker_drop(&j->worker);
		job_free(j);
	}
}

struct adding {
	struct job_request request;
	unsigned number;
};

static int adding_body(struct xs *xs, uint32_t t, void *ctx)
{
	struct adding *a = ctx;
	char path[JOB_PATH];
	int rc = job_write(xs, t, &a->request, &a->number);

	return rc ? rc : xs_printf(xs, t, job_path(a->number, "state", path), "queued");
}

int jobs_add(struct xend *x, const char *body, const char *command, ...)
{
	const char *arg[JOB_ARGS_MAX];
	struct adding a = { .request = { .command = command, .arg = arg, .body = body } };
	struct job *j;
	va_list va;
	int rc;

	va_start(va, command);
	while (a.request.args < JOB_ARGS_MAX && (arg[a.request.args] = va_arg(va, const char *)))
		a.request.args++;
	va_end(va);
	rc = xs_txn(x->xs, adding_body, &a);
	if (rc < 0)
		return log_rc(rc, "queue '%s'", command);
	job_take(x, a.number);
	j = job_find(a.number);
	return j ? 0 : -EIO;
}
