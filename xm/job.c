/* Asking xend: is it there, the waiting, the progress line, and the words for every outcome. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/xs.h"
#include "xend/bootloader.h"
#include "xend/lock.h"
#include "xm/console.h"
#include "xm/job.h"
#include "xm/open.h"

#define BACK_TRIES 20		/* of 100 ms */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = 1;
}

static bool is_cancelled(void *ctx)
{
	return interrupted;
}

#define PROGRESS_AFTER_MS 700	/* what is over sooner needs no line */

struct follow {
	bool is_shown;
	struct timespec since;
};

/* One line on a terminal, overwritten as it goes. */
static void progress_line(void *ctx, const struct job_progress *p)
{
	struct follow *f = ctx;
	struct timespec now;

	if (!strncmp(p->phase, BOOTLOADER_MENU, strlen(BOOTLOADER_MENU))) {
		if (f->is_shown)
			fprintf(stderr, "\r%46s\r", "");
		f->is_shown = false;
		console_menu(p->phase + strlen(BOOTLOADER_MENU));
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - f->since.tv_sec) * 1000 + (now.tv_nsec - f->since.tv_nsec) / 1000000 <
	    PROGRESS_AFTER_MS)
		return;
	if (p->total)
		fprintf(stderr, "\r%-40.40s %3d%%", p->phase, (int)(p->done * 100 / p->total));
	else
		fprintf(stderr, "\r%-40.40s     ", p->phase);
	fflush(stderr);
	f->is_shown = true;
}

/* The words that scripts know, and what to do about it. */
static int check_daemon(void)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	int held = lock_is_held(XEND_PID_FILE, NULL);

	/* One that died is brought back at once by its monitor. */
	for (int tries = 0; held == 0 && tries < BACK_TRIES; tries++) {
		nanosleep(&step, NULL);
		held = lock_is_held(XEND_PID_FILE, NULL);
	}
	if (held == 1)
		return XM_OK;
	if (geteuid() != 0)
		return xm_error("Most commands need root access. Please try again as root.");
	return xm_error("Unable to connect to xend: %s. Is xend running?\n"
			"Start it with: xend start",
			held == -ENOENT ? strerror(ENOENT) : strerror(ECONNREFUSED));
}

static int fail(struct xm_args *a, const struct job_outcome *out, const char *domain)
{
	if (out->code == ESRCH && domain)
		return xm_no_domain(domain);
	if (out->code == ECANCELED) {
		puts("Interrupted.");
		return XM_FAILED;
	}
	xm_error("%s", *out->error ? out->error : strerror(out->code));
	if (*out->hint)
		fprintf(stderr, "%s\n", out->hint);
	if (!(a->command->flags & XM_NO_USAGE))
		xm_usage(a->command, stdout);
	return XM_FAILED;
}

static int wait_failed(const char *command, int rc)
{
	switch (rc) {
	case -ETIMEDOUT:
		return xm_error("xend still works on it after the time given; see xm jobs.");
	case -ESRCH:
		return xm_error("xend stopped before it began. Nothing was changed; start it "
				"with 'xend start' and try again.");
	case -EINPROGRESS:
		return xm_error("xend stopped in the middle of '%s' and did not come back. Start "
				"it with 'xend start': it will finish or undo what was begun.",
				command);
	case -EAGAIN:
		return xm_error("xend had not begun within the time given. Nothing was changed; "
				"see xm jobs for what keeps it busy.");
	case -ENOTCONN:
		return xm_error("Lost the connection to XenStore while waiting for xend. It may "
				"still do '%s': see xm list once xenstored runs again.", command);
	case -ENOENT:
		return xm_error("XenStore was restarted and has forgotten the job '%s'. See xm list "
				"for what came of it.", command);
	default:
		return xm_error("Unable to follow the job: %s.", strerror(-rc));
	}
}

static int wait_timeout_ms(const struct xm_args *a)
{
	const char *text = xm_opt(a, "timeout");

	return text ? atoi(text) * 1000 : -1;
}

static int timeout_check(struct xm_args *a)
{
	const char *text = xm_opt(a, "timeout");

	if (!text || (*text && strlen(text) < 7 && !text[strspn(text, "0123456789")]))
		return XM_OK;
	return xm_usage_error(a, "Invalid argument.");
}

static int job_follow(struct xm_args *a, struct xs *xs, unsigned number, struct job_outcome *out)
{
	struct sigaction on = { .sa_handler = on_interrupt }, old;
	struct follow follow = { 0 };
	struct job_wait how = {
		.timeout_ms = wait_timeout_ms(a), .is_cancelled = is_cancelled, .ctx = &follow,
		.progress = isatty(STDERR_FILENO) ? progress_line : NULL,
	};
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &follow.since);
	interrupted = 0;
	sigaction(SIGINT, &on, &old);
	do {
		rc = job_wait(xs, number, &how, out);
	} while (rc == -ENOTCONN && (xs = xm_xs_again()));
	sigaction(SIGINT, &old, NULL);
	if (follow.is_shown)
		fprintf(stderr, "\r%46s\r", "");
	return rc;
}

/* A store that dies may have taken the job down before it could say so. */
static int submit(struct xs *xs, const struct job_request *r, unsigned *number)
{
	int rc = job_submit(xs, r, number);

	while (rc == -ENOTCONN && (xs = xm_xs_again())) {
		rc = job_find_mine(xs, number);
		if (rc == -ENOENT)
			rc = job_submit(xs, r, number);
	}
	return rc;
}

int xm_job_run(struct xm_args *a, const struct job_request *r, char **result)
{
	struct job_outcome out;
	struct xs *xs;
	unsigned number;
	int rc, status = timeout_check(a);

	if (status == XM_OK)
		status = check_daemon();
	if (status)
		return status;
	xs = xm_xs();
	if (!xs)
		return XM_FAILED;
	fflush(stdout);
	rc = submit(xs, r, &number);
	if (rc < 0)
		return xm_error("Unable to ask xend: %s.", strerror(-rc));
	rc = job_follow(a, xm_xs(), number, &out);
	if (rc < 0)
		return wait_failed(r->command, rc);
	if (out.code) {
		status = fail(a, &out, r->args ? r->arg[0] : NULL);
	} else if (result) {
		*result = out.result;
		out.result = NULL;
	}
	job_outcome_free(&out);
	return status;
}

int xm_job(struct xm_args *a, const char *command, ...)
{
	const char *arg[JOB_ARGS_MAX];
	struct job_request r = { .command = command, .arg = arg };
	va_list va;

	va_start(va, command);
	while (r.args < JOB_ARGS_MAX && (arg[r.args] = va_arg(va, const char *)))
		r.args++;
	va_end(va);
	return xm_job_run(a, &r, NULL);
}
