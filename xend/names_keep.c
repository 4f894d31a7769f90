/* xend's part of names.h: it keeps what it last told, and follows the nodes that say so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/buf.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/xs.h"
#include "xend/domain.h"
#include "xend/names.h"
#include "xend/sysctl.h"
#include "xend/xend.h"

#define TOKEN "names"

struct row {
	uint32_t domid;
	char *name;			/* NULL: none, or none that a row can hold */
};

static struct row *rows;		/* by domid; each is watched */
static size_t count;
static unsigned pieces_told;
static struct loop_call tell_call;

static void name_path(uint32_t domid, char path[48])
{
	snprintf(path, 48, "/local/domain/%u/name", domid);
}

static struct row *row_find(uint32_t domid)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].domid == domid)
			return &rows[i];
	return NULL;
}

static void rows_drop(void)
{
	for (size_t i = 0; i < count; i++)
		free(rows[i].name);
	free(rows);
	rows = NULL;
	count = 0;
}

/* ------------------------------------------------------------------- telling */

struct sheet {
	struct buf piece[NAMES_PIECES_MAX];
	unsigned pieces;
};

/* What does not fit any more is not told, and looked up by whoever asks. */
static void sheet_add(struct sheet *s, const struct row *r)
{
	char text[DOM_NAME_MAX + 16];
	int n = r->name ? snprintf(text, sizeof text, "%u %s\n", r->domid, r->name) : 0;

	if (n <= 0 || (size_t)n >= sizeof text)
		return;
	if (s->piece[s->pieces - 1].len + (size_t)n > NAMES_PIECE - 32) {	/* of the header */
		if (s->pieces == NAMES_PIECES_MAX)
			return;
		s->pieces++;
	}
	buf_add(&s->piece[s->pieces - 1], text, (size_t)n);
}

static int sheet_put(struct xend *x, const struct sheet *s)
{
	struct buf head = { 0 };
	char path[NAMES_PATH];
	int rc;

	buf_printf(&head, "%d %u\n", (int)getpid(), s->pieces);
	buf_add(&head, s->piece[0].data, s->piece[0].len);
	rc = head.failed ? -ENOMEM : xs_write(x->xs, XS_TXN_NONE, NAMES_ROOT "/0", head.data, head.len);
	buf_free(&head);
	for (unsigned i = 1; i < s->pieces && rc == 0; i++) {
		snprintf(path, sizeof path, NAMES_ROOT "/%u", i);
		rc = s->piece[i].failed ? -ENOMEM :
			xs_write(x->xs, XS_TXN_NONE, path, s->piece[i].data, s->piece[i].len);
	}
	return rc;
}

/* Pieces may be read while they are written: each row stands for itself. */
static void tell(struct xend *x)
{
	struct sheet s = { .pieces = 1 };
	char path[NAMES_PATH];
	int rc;

	if (!x->xs || x->is_stopping)
		return;
	for (size_t i = 0; i < count; i++)
		sheet_add(&s, &rows[i]);
	rc = sheet_put(x, &s);
	for (unsigned i = s.pieces; i < pieces_told; i++) {
		snprintf(path, sizeof path, NAMES_ROOT "/%u", i);
		xs_rm(x->xs, XS_TXN_NONE, path);
	}
	pieces_told = s.pieces;
	for (unsigned i = 0; i < s.pieces; i++)
		buf_free(&s.piece[i]);
	if (rc < 0 && rc != -ENOTCONN) {
		log_rc(rc, "tell the names of domains");
		xs_rm(x->xs, XS_TXN_NONE, NAMES_ROOT);	/* an old one is worse than none */
	}
}

static void on_tell(struct loop_call *c)
{
	tell(c->ctx);
}

static void tell_soon(struct xend *x)
{
	loop_defer(x->loop, &tell_call);	/* many changes at once are told once */
}

/* ----------------------------------------------------------------- following */

static char *name_get(struct xend *x, const char *path)
{
	char *name;

	return xs_read(x->xs, XS_TXN_NONE, path, &name, NULL) == 0 ? name : NULL;
}

/* True if that is news.  Takes name. */
static bool row_name(struct row *r, char *name)
{
	bool is_same;

	if (name && (!*name || strchr(name, '\n'))) {
		free(name);
		name = NULL;
	}
	is_same = name && r->name ? !strcmp(name, r->name) : name == r->name;
	free(r->name);
	r->name = name;
	return !is_same;
}

/* The old rows of those that are still there, new ones of those that have come: by domid, as the
 * hypervisor lists them. */
static int rows_follow(struct xend *x, const struct xen_domctl_getdomaininfo *info, size_t n)
{
	struct row *now = calloc(n + 1, sizeof *now);
	char path[48];

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct row *old = row_find(info[i].domain);

		now[i].domid = info[i].domain;
		name_path(now[i].domid, path);
		if (old) {
			now[i].name = old->name;
			old->domid = UINT32_MAX;	/* moved */
			old->name = NULL;
		} else {
			xs_watch(x->xs, path, TOKEN);	/* it fires at once: then it is read */
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].domid == UINT32_MAX)
			continue;
		name_path(rows[i].domid, path);
		xs_unwatch(x->xs, path, TOKEN);
	}
	rows_drop();
	rows = now;
	count = n;
	return 0;
}

static void look(struct xend *x)
{
	struct xen_domctl_getdomaininfo *info;
	int n = sysctl_domains_all(x->hyp, &info), rc;

	if (n < 0) {
		log_rc(n, "list domains to tell their names");
		return;
	}
	rc = rows_follow(x, info, (size_t)n);
	free(info);
	if (rc < 0)
		log_rc(rc, "follow the names of domains");
	tell_soon(x);
}

void names_start(struct xend *x)
{
	static const char *const events[] = { "@introduceDomain", "@releaseDomain" };
	int rc = 0;

	tell_call.run = on_tell;
	tell_call.ctx = x;
	rows_drop();			/* their watches went with the connection */
	pieces_told = 0;
	xs_rm(x->xs, XS_TXN_NONE, NAMES_ROOT);
	for (size_t i = 0; i < sizeof events / sizeof *events && rc == 0; i++)
		rc = xs_watch(x->xs, events[i], TOKEN);
	if (rc < 0)
		log_rc(rc, "watch who comes");
	else
		look(x);
}

void names_event(struct xend *x, const char *path)
{
	struct row *r;
	unsigned domid;

	if (path[0] == '@') {
		look(x);
		return;
	}
	if (sscanf(path, "/local/domain/%u/name", &domid) != 1)
		return;
	r = row_find(domid);
	if (r && row_name(r, name_get(x, path)))
		tell_soon(x);
}

void names_set(struct xend *x, uint32_t domid, const char *name)
{
	struct row *r = row_find(domid);

	if (r && row_name(r, strdup(name)))
		tell(x);
}

void names_stop(struct xend *x)
{
	if (x->xs)
		xs_rm(x->xs, XS_TXN_NONE, NAMES_ROOT);
}
