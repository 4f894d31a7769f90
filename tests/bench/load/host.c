/* A host of domains. */
#include <stdio.h>
#include <string.h>
#include "tests/bench/load/load.h"

static uint32_t rng_state = 2463534242u;

static uint32_t rng(void)       /* xorshift: the same sequence every run */
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 17;
	rng_state ^= rng_state << 5;
	return rng_state;
}

/*
 * The nodes of one guest, as a toolstack lays them out: 44 of its own and 16
 * of its backends, 60 in all.  %u is the domain id throughout.  A value of
 * NULL means a node that only comes into being as somebody's parent.
 */
static const struct { const char *key, *value; } guest_node[] = {
	{ "name", "guest-%u" },
	{ "domid", "%u" },
	{ "vm", "/vm/5d3a8c1e-6a52-4a5e-9b1c-%012u" },
	{ "memory", NULL },
	{ "memory/static-max", "1048576" },
	{ "memory/target", "1048577" },
	{ "memory/videoram", "-1" },
	{ "cpu", NULL },
	{ "cpu/0", NULL },
	{ "cpu/0/availability", "online" },
	{ "store", NULL },
	{ "store/port", "1" },
	{ "store/ring-ref", "1044476" },
	{ "console", NULL },
	{ "console/backend", "/local/domain/0/backend/console/%u/0" },
	{ "console/backend-id", "0" },
	{ "console/limit", "1048576" },
	{ "console/type", "xenconsoled" },
	{ "console/port", "2" },
	{ "console/ring-ref", "1044475" },
	{ "console/tty", "/dev/pts/%u" },
	{ "control", NULL },
	{ "control/shutdown", "" },
	{ "control/feature-poweroff", "1" },
	{ "data", "" },
	{ "device", NULL },
	{ "device/vbd", NULL },
	{ "device/vbd/51712", NULL },
	{ "device/vbd/51712/backend", "/local/domain/0/backend/vbd/%u/51712" },
	{ "device/vbd/51712/backend-id", "0" },
	{ "device/vbd/51712/state", "4" },
	{ "device/vbd/51712/virtual-device", "51712" },
	{ "device/vbd/51712/ring-ref", "8" },
	{ "device/vbd/51712/event-channel", "15" },
	{ "device/vif", NULL },
	{ "device/vif/0", NULL },
	{ "device/vif/0/backend", "/local/domain/0/backend/vif/%u/0" },
	{ "device/vif/0/backend-id", "0" },
	{ "device/vif/0/state", "4" },
	{ "device/vif/0/handle", "0" },
	{ "device/vif/0/mac", "00:16:3e:00:00:01" },
	{ "device/vif/0/tx-ring-ref", "768" },
	{ "device/vif/0/event-channel", "17" },
}, backend_node[] = {
	{ "vbd/%u/51712/frontend", "/local/domain/%u/device/vbd/51712" },
	{ "vbd/%u/51712/frontend-id", "%u" },
	{ "vbd/%u/51712/online", "1" },
	{ "vbd/%u/51712/state", "4" },
	{ "vbd/%u/51712/params", "/dev/vg0/guest-%u" },
	{ "vbd/%u/51712/mode", "w" },
	{ "vif/%u/0/frontend", "/local/domain/%u/device/vif/0" },
	{ "vif/%u/0/frontend-id", "%u" },
	{ "vif/%u/0/online", "1" },
	{ "vif/%u/0/state", "4" },
	{ "vif/%u/0/mac", "00:16:3e:00:00:01" },
	{ "vif/%u/0/bridge", "xenbr0" },
};

/* Each backend has two parents more: .../vbd/<id> and .../vbd/<id>/51712. */
_Static_assert(1 + COUNT(guest_node) + COUNT(backend_node) + 4 == 60,
	       "a guest has 60 nodes");

/* The formats have no more than one %u, so both uses take one argument. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

static void fill_in(char *out, size_t size, const char *fmt, unsigned int id)
{
	snprintf(out, size, fmt, id);
}

/* Create a guest's nodes in one transaction; returns the errors of END. */
static int create_guest(struct conn *c, unsigned int id)
{
	char base[64], path[192], value[128], perms[32];
	uint32_t tx = txn_start(c);
	int len;

	snprintf(base, sizeof(base), "/local/domain/%u", id);
	must(c, XS_MKDIR, tx, base, NULL, 0);
	if (opt.own) {
		len = snprintf(perms, sizeof(perms), "n%u", id) + 1;
		must(c, XS_SET_PERMS, tx, base, perms, len);
	}
	for (size_t i = 0; i < COUNT(guest_node); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, guest_node[i].key);
		if (!guest_node[i].value) {
			must(c, XS_MKDIR, tx, path, NULL, 0);
			continue;
		}
		fill_in(value, sizeof(value), guest_node[i].value, id);
		put(c, tx, path, value);
	}
	for (size_t i = 0; i < COUNT(backend_node); i++) {
		strcpy(path, "/local/domain/0/backend/");
		fill_in(path + strlen(path), sizeof(path) - strlen(path),
			backend_node[i].key, id);
		fill_in(value, sizeof(value), backend_node[i].value, id);
		put(c, tx, path, value);
	}
	if (opt.own) {
		/* A backend is dom0's; its guest may read it. */
		static const char *const be[] = { "vbd", "vif" };

		len = snprintf(perms, sizeof(perms), "n0%cr%u", 0, id) + 1;
		for (size_t i = 0; i < COUNT(be); i++) {
			snprintf(path, sizeof(path),
				 "/local/domain/0/backend/%s/%u", be[i], id);
			must(c, XS_SET_PERMS, tx, path, perms, len);
		}
	}
	return txn_end(c, tx);
}

/* Its page is granted, so the frame is not asked for; its port is the first one. */
static void introduce(struct conn *c, unsigned int id)
{
	char a[16], b[32];
	int len;

	snprintf(a, sizeof(a), "%u", id);
	len = snprintf(b, sizeof(b), "%u%c%u", 1, 0, 1) + 1;
	must(c, XS_INTRODUCE, 0, a, b, len);
}

static void random_leaf(char *path, size_t size)
{
	unsigned int id = 1 + rng() % opt.domains;
	size_t i = rng() % (COUNT(guest_node) + COUNT(backend_node));

	if (i < COUNT(guest_node)) {
		snprintf(path, size, "/local/domain/%u/%s", id,
			 guest_node[i].key);
	} else {
		strcpy(path, "/local/domain/0/backend/");
		fill_in(path + strlen(path), size - strlen(path),
			backend_node[i - COUNT(guest_node)].key, id);
	}
}

static void step_scale_read(struct ctx *x)
{
	char path[192];

	random_leaf(path, sizeof(path));
	must(x->c, XS_READ, 0, path, NULL, 0);
}

static void step_scale_write(struct ctx *x)
{
	static const char *const state[] = {
		"device/vbd/51712/state", "device/vif/0/state",
	};
	char path[96];

	snprintf(path, sizeof(path), "/local/domain/%u/%s",
		 1 + rng() % opt.domains, state[rng() % 2]);
	must(x->c, XS_WRITE, 0, path, "4", 1);
}

static void step_scale_txn(struct ctx *x)
{
	char path[96];

	/* The ten keys are there already: see w_scale(). */
	snprintf(path, sizeof(path), "/local/domain/%u/data",
		 1 + rng() % opt.domains);
	x->path = path;
	step_txn(x);
}

/* The same work by another name once the domains are introduced. */
static const char *scale_name(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s", name, opt.introduce ? " (introduced)" : "");
	return text;
}

void w_scale(void)
{
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };
	char path[96], name[64];
	long empty = server_rss_kb();
	uint64_t t;

	begin(&r);
	for (unsigned int id = 1; id <= opt.domains; id++) {
		t = now_ns();
		if (create_guest(x.c, id))
			die("creating guest %u failed", id);
		if (opt.introduce)
			introduce(x.c, id);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	finish(&r);
	report(&r, scale_name("create guest"), "guests=%u nodes=%u rss=%ldK->%ldK",
	       opt.domains, 60 * opt.domains, empty, server_rss_kb());

	repeat(&r, step_scale_read, &x);
	report(&r, scale_name("scale read"), NULL);
	repeat(&r, step_scale_write, &x);
	report(&r, scale_name("scale write"), NULL);
	for (unsigned int id = 1; id <= opt.domains; id++)
		for (unsigned int i = 0; i < TXN_WRITES; i++) {
			snprintf(path, sizeof(path),
				 "/local/domain/%u/data/key%u", id, i);
			put(x.c, 0, path, "value");
		}
	repeat(&r, step_scale_txn, &x);
	report(&r, scale_name("scale txn"), "failed=%llu rss=%ldK",
	       (unsigned long long)x.note, server_rss_kb());

	begin(&r);
	for (unsigned int id = 1; id <= opt.domains; id++) {
		t = now_ns();
		snprintf(name, sizeof(name), "%u", id);
		if (opt.introduce)
			must(x.c, XS_RELEASE, 0, name, NULL, 0);
		snprintf(path, sizeof(path), "/local/domain/%u", id);
		prune(x.c, path);
		snprintf(path, sizeof(path), "/local/domain/0/backend/vbd/%u", id);
		prune(x.c, path);
		snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u", id);
		prune(x.c, path);
		sample(&r.lat, now_ns() - t);
		r.cycles++;
	}
	finish(&r);
	report(&r, scale_name("remove guest"), "rss=%ldK", server_rss_kb());
	prune(x.c, "/local/domain/0/backend");
	conn_free(x.c);
}
