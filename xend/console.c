/* A guest's console: the page, the port, the terminal; data from one to the others. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include <xen/grant_table.h>
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/conring.h"
#include "xend/console.h"

#define INPUT_MAX (16 * 1024)		/* typed ahead; more is dropped */
#define EVENTS_MAX 30			/* in a window: a guest that signals more has to wait */
#define WINDOW_NS 200000000ULL

struct console *console_find(struct consoles *all, uint32_t domid)
{
	for (struct console *c = all->first; c; c = c->next)
		if (c->domid == domid)
			return c;
	return NULL;
}

struct console *console_find_port(struct consoles *all, uint32_t port)
{
	for (struct console *c = all->first; c; c = c->next)
		if (c->port == port)
			return c;
	return NULL;
}

/* ------------------------------------------------------------------ data */

/* The terminal holds a few KiB; when nobody reads them, the old ones make room. */
static void pty_show(struct console *c, const char *data, size_t n)
{
	for (int tries = 0; n && c->pty.added && tries < 2; tries++) {
		ssize_t done = write(c->pty.fd, data, n);

		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
		if (n && !c->all->keeps_overflow)
			tcflush(c->slave, TCIFLUSH);
	}
}

static bool ring_drain(struct console *c)
{
	char data[sizeof c->ring->out];
	bool has_any = false;
	int n;

	while ((n = conring_read(c->ring, data, sizeof data)) > 0) {
		conlog_write(&c->log, data, (size_t)n);
		pty_show(c, data, (size_t)n);
		viewers_show(c, data, (size_t)n);
		has_any = true;
		if (n < (int)sizeof data)
			break;
	}
	if (n < 0)
		log_warn("domain %u: impossible indexes in its console ring", c->domid);
	return has_any;
}

static bool ring_feed(struct console *c)
{
	int n = c->input.len ? conring_write(c->ring, c->input.data, c->input.len) : 0;

	if (n > 0)
		buf_consume(&c->input, (size_t)n);
	return n > 0;
}

static void console_pump(struct console *c)
{
	bool moved = ring_drain(c);

	moved |= ring_feed(c);
	if (moved && c->port)
		hyp_events_notify(c->all->events, c->port);
}

void console_input(struct console *c, const char *data, size_t n)
{
	if (c->input.len + n > INPUT_MAX)
		n = c->input.len >= INPUT_MAX ? 0 : INPUT_MAX - c->input.len;
	buf_add(&c->input, data, n);
	c->input.failed = false;
	console_pump(c);
}

static void window_over(struct loop_timer *t)
{
	struct console *c = t->ctx;
	bool was_held = c->events >= EVENTS_MAX;

	c->events = 0;
	if (!was_held)
		return;
	console_pump(c);
	hyp_events_unmask(c->all->events, c->port);
}

/* A guest can make us work EVENTS_MAX times in a window; then its port stays masked for the
 * rest of it. */
void console_event(struct console *c)
{
	if (c->events == 0) {
		c->window.fire = window_over;
		c->window.ctx = c;
		loop_timer_start(c->all->loop, &c->window, WINDOW_NS);
	}
	console_pump(c);
	if (++c->events < EVENTS_MAX)
		hyp_events_unmask(c->all->events, c->port);
}

/* -------------------------------------------------------------- terminal */

static void on_pty(struct loop_fd *w, uint32_t events)
{
	struct console *c = w->ctx;
	char data[512];
	ssize_t n = read(w->fd, data, sizeof data);

	if (n > 0)
		console_input(c, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		loop_fd_del(c->all->loop, w);
}

/* Raw, so that bytes are bytes; our own end of the slave keeps it alive between readers. */
static int pty_open(struct console *c)
{
	struct termios raw;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (master < 0)
		return -errno;
	if (grantpt(master) < 0 || unlockpt(master) < 0)
		goto fail;
	c->slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->slave < 0 || tcgetattr(c->slave, &raw) < 0)
		goto fail;
	cfmakeraw(&raw);
	tcsetattr(c->slave, TCSANOW, &raw);
	rc = loop_fd_add(c->all->loop, &c->pty, master, EPOLLIN, on_pty, c);
	if (rc < 0)
		close(master);
	return rc;
fail:
	rc = -errno;
	close(master);
	return rc;
}

static void pty_announce(struct console *c)
{
	static const char *const nodes[] = { "console/tty", "serial/0/tty" };
	char path[64];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/local/domain/%u/%s", c->domid, nodes[i]);
		xs_printf(c->all->xs, XS_TXN_NONE, path, "%s", ptsname(c->pty.fd));
	}
}

/* ------------------------------------------------------------------ open */

struct where {
	uint64_t ring, port;
	char *type, *name;
};

static int where_read(struct console *c, struct where *w)
{
	struct xs *xs = c->all->xs;
	char dir[64], console[80];
	int rc;

	snprintf(dir, sizeof dir, "/local/domain/%u", c->domid);
	snprintf(console, sizeof console, "%s/console", dir);
	*w = (struct where){ 0 };
	rc = xs_get_u64(xs, XS_TXN_NONE, console, "port", &w->port);
	if (rc == 0)
		rc = xs_get_u64(xs, XS_TXN_NONE, console, "ring-ref", &w->ring);
	if (rc < 0)
		return rc == -ENOENT ? -EAGAIN : rc;
	w->type = xs_get(xs, XS_TXN_NONE, console, "type");
	w->name = xs_get(xs, XS_TXN_NONE, dir, "name");
	return 0;
}

static void where_free(struct where *w)
{
	free(w->type);
	free(w->name);
}

/* By grant, which every builder of today leaves us; else by frame, as of old. */
static int ring_map(struct console *c, uint64_t gfn)
{
	xen_pfn_t frame = gfn;
	void *page;
	int rc = hyp_grant_map(c->all->hyp, c->domid, GNTTAB_RESERVED_CONSOLE,
			       PROT_READ | PROT_WRITE, &page);

	c->is_granted = rc == 0;
	if (rc < 0)
		rc = hyp_map(c->all->hyp, c->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL, &page);
	if (rc == 0)
		c->ring = page;
	return rc;
}

static void ring_unmap(struct console *c)
{
	if (!c->ring)
		return;
	if (c->is_granted)
		hyp_grant_unmap(c->all->hyp, c->ring);
	else
		hyp_unmap(c->all->hyp, c->ring, 1);
	c->ring = NULL;
}

static void log_start(struct console *c, const char *name, bool resume)
{
	char file[320];
	int rc;

	if (name)
		snprintf(file, sizeof file, "guest-%.255s.log", name);
	else
		snprintf(file, sizeof file, "guest-%u.log", c->domid);
	rc = conlog_open(&c->log, c->all->log_dir, file, c->all->has_timestamps, resume);
	if (rc < 0)
		log_rc(rc, "open %s/%s", c->all->log_dir, file);
}

static int console_connect(struct console *c, const struct where *w, bool resume)
{
	int rc = ring_map(c, w->ring);
	int port;

	if (rc < 0)
		return log_rc(rc, "domain %u: map its console", c->domid);
	port = hyp_events_bind(c->all->events, c->domid, (uint32_t)w->port);
	if (port < 0)
		return log_rc(port, "domain %u: bind its console's port", c->domid);
	c->port = (uint32_t)port;
	log_start(c, w->name, resume);
	rc = pty_open(c);
	if (rc < 0)
		log_rc(rc, "domain %u: make a terminal", c->domid);
	else
		pty_announce(c);
	log_info("domain %u (%s): console connected", c->domid, w->name ? w->name : "?");
	return 0;
}

int console_open(struct consoles *all, uint32_t domid, const uint8_t uuid[16], bool resume)
{
	struct console *c = calloc(1, sizeof *c);
	struct where w;
	int rc;

	if (!c)
		return -ENOMEM;
	*c = (struct console){ .all = all, .domid = domid, .slave = -1, .log = { .fd = -1 } };
	c->pty.fd = -1;
	memcpy(c->uuid, uuid, sizeof c->uuid);
	rc = where_read(c, &w);
	if (rc == 0 && w.type && strcmp(w.type, "xenconsoled"))
		rc = -ENODEV;		/* a device model serves it */
	if (rc == 0)
		rc = console_connect(c, &w, resume);
	where_free(&w);
	c->next = all->first;
	all->first = c;
	if (rc < 0)
		console_close(c);
	else
		console_pump(c);	/* what it said before we came */
	return rc;
}

void console_close(struct console *c)
{
	struct console **at = &c->all->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->ring)
		ring_drain(c);
	viewers_close(c);
	loop_timer_stop(c->all->loop, &c->window);
	if (c->port)
		hyp_events_unbind(c->all->events, c->port);
	ring_unmap(c);
	loop_fd_del(c->all->loop, &c->pty);
	if (c->pty.fd >= 0)
		close(c->pty.fd);
	if (c->slave >= 0)
		close(c->slave);
	conlog_close(&c->log);
	buf_free(&c->input);
	free(c);
}
