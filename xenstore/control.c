#include "xenstore/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/buf.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/perms.h"
#include "xenstore/quota.h"
#include "xenstore/request.h"
#include "xenstore/store.h"
#include "xenstore/trace.h"
#include "xenstore/txn.h"
#include "xenstore/update.h"
#include "xenstore/watch.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct command {
	const char *name;
	int (*run)(struct conn *c, const char *const *arg, size_t n, struct buf *out);
	size_t min, max;	/* arguments after the name */
	const char *usage;
};

static int number_parse(const char *s, uint32_t *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || *end || *s < '0' || *s > '9' || v >= QUOTA_DEFAULT)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

/* ------------------------------------------------------------------- check */

struct tally {
	uint32_t nodes[DOMAIN_MAX];
	int64_t bytes[DOMAIN_MAX];
	uint64_t all;
	uint64_t bad;
};

static void tally_node(void *ctx, const char *path, size_t len, const struct node *n)
{
	struct tally *t = ctx;
	uint32_t owner = perms_owner(node_perms(n));

	t->all++;
	if (owner >= DOMAIN_MAX) {
		t->bad++;
		return;
	}
	t->nodes[owner]++;
	t->bytes[owner] += (int64_t)(offsetof(struct node, name) + n->name_len + n->value_len);
}

/* Every node is visited and counted; the accounts must agree with that. */
static int cmd_check(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	struct tally *t = calloc(1, sizeof(*t));
	int rc = t ? store_walk("/", tally_node, t) : -ENOMEM;

	for (uint32_t domid = 0; !rc && domid < DOMAIN_MAX; domid++) {
		const struct domain *d = domain_find(domid);

		if ((d ? d->rec->nodes : 0) != t->nodes[domid] ||
		    (d ? d->rec->bytes : 0) != t->bytes[domid]) {
			t->bad++;
			log_error("check: domain %u is charged for %u nodes, %lld bytes, "
				  "and owns %u, %lld", domid, d ? d->rec->nodes : 0,
				  (long long)(d ? d->rec->bytes : 0), t->nodes[domid],
				  (long long)t->bytes[domid]);
		}
	}
	if (!rc)
		buf_printf(out, "%s: %llu nodes, %llu faults",
			   t->bad ? "BAD" : "OK", (unsigned long long)t->all,
			   (unsigned long long)t->bad);
	free(t);
	return rc;
}

/* --------------------------------------------------------------------- log */

static int cmd_log(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	if (n && strcmp(arg[0], "on") && strcmp(arg[0], "off"))
		return -EINVAL;
	if (n)
		log_set_level(strcmp(arg[0], "on") ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG);
	return buf_printf(out, "log is %s", log_get_level() == LOG_LEVEL_DEBUG ? "on" : "off");
}

static int cmd_logfile(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	static char *path;
	char *copy = strdup(arg[0]);
	int rc = copy ? trace_open(copy) : -ENOMEM;

	if (rc) {
		log_rc(rc, "trace file %s", arg[0]);
		free(copy);
		return rc == -ENOMEM ? rc : -EINVAL;
	}
	free(path);
	path = copy;
	return buf_add_string(out, "OK");
}

static int cmd_print(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	log_info("%s", arg[0]);
	return buf_add_string(out, "OK");
}

/* --------------------------------------------------------------- memreport */

static void report_domain(struct buf *out, const struct domain *d)
{
	const struct conn *c = d->conn;

	buf_printf(out, "%6u %7u %9lld %9lld %8u %7u %7zu %6u\n", d->domid, d->rec->nodes,
		   (long long)d->rec->bytes, (long long)d->rec->held + d->txn_bytes,
		   c ? c->watch_count : 0, c ? c->txn_count : 0, c ? conn_backlog(c) : 0,
		   c ? c->lost_events : 0);
}

static void report_fill(struct buf *out)
{
	struct heap_usage u = heap_usage();
	size_t sockets = 0, backlog = 0;

	for (const struct conn *c = conns; c; c = c->next) {
		sockets += c->fd >= 0;
		backlog += c->fd >= 0 ? conn_backlog(c) : 0;
	}
	buf_printf(out, "store: %llu objects, %llu bytes in use, %llu reserved\n",
		   (unsigned long long)u.objects, (unsigned long long)u.used,
		   (unsigned long long)u.file);
	buf_printf(out, "watches: %zu on %zu paths\n", watch_count(), watch_points());
	buf_printf(out, "transactions: %zu, %zu snapshots keep %zu bytes\n", txn_count(),
		   store_snapshots(), store_snapshot_bytes());
	buf_printf(out, "permission lists: %zu\n", perms_lists());
	buf_printf(out, "sockets: %zu, %zu bytes wait\n", sockets, backlog);
	buf_add_string(out, "domain   nodes     bytes      held  watches    txns   waits   lost\n");
	for (const struct domain *d = domain_next(0); d; d = domain_next(d->domid + 1))
		report_domain(out, d);
}

/* To a file if one is named: an answer holds no more than 4096 bytes. */
static int cmd_memreport(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	struct buf text = { 0 };
	FILE *f;
	bool bad;

	if (!n) {
		report_fill(out);
		return 0;
	}
	f = fopen(arg[0], "we");
	if (!f)
		return log_errno("memreport to %s", arg[0]) == -ENOENT ? -ENOENT : -EIO;
	report_fill(&text);
	bad = text.failed || fwrite(text.data, 1, text.len, f) != text.len;
	bad |= fclose(f) != 0;
	buf_free(&text);
	return bad ? -EIO : buf_add_string(out, "OK");
}

/* ------------------------------------------------------------------- quota */

static int quota_show(const struct domain *d, struct buf *out)
{
	for (int q = 0; q < QUOTA_SOFT_MEMORY; q++)
		buf_printf(out, "%-18s: %10u  %s\n", quota_name((enum quota)q),
			   domain_quota(d, (enum quota)q), quota_help((enum quota)q));
	return 0;
}

static int quota_usage(const struct domain *d, struct buf *out)
{
	buf_printf(out, "%-18s: %10u\n", "nodes", d->rec->nodes);
	buf_printf(out, "%-18s: %10u\n", "watches", d->conn ? d->conn->watch_count : 0);
	buf_printf(out, "%-18s: %10u\n", "transactions", d->conn ? d->conn->txn_count : 0);
	buf_printf(out, "%-18s: %10u\n", "outstanding",
		   d->conn && d->conn->chan ? d->conn->chan->out_count : 0);
	buf_printf(out, "%-18s: %10lld\n", "memory",
		   (long long)(d->rec->bytes + d->rec->held + d->txn_bytes));
	return 0;
}

static int quota_set(const char *name, const char *value, enum quota first, enum quota end)
{
	uint32_t v;
	int q = quota_find(name);

	if (q < (int)first || q >= (int)end || number_parse(value, &v))
		return -EINVAL;
	quota_common_set((enum quota)q, v);
	return 0;
}

/* quota | quota set NAME VALUE | quota DOMID */
static int cmd_quota(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	const struct domain *d;
	uint32_t domid;
	int rc;

	if (!n)
		return quota_show(NULL, out);
	if (n == 3 && !strcmp(arg[0], "set")) {
		rc = quota_set(arg[1], arg[2], 0, QUOTA_SOFT_MEMORY);
		return rc ? rc : buf_add_string(out, "OK");
	}
	if (n != 1 || number_parse(arg[0], &domid))
		return -EINVAL;
	d = domain_find(domid);
	return d ? quota_usage(d, out) : -ENOENT;
}

static int cmd_quota_soft(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	int rc;

	if (!n)
		return buf_printf(out, "%-18s: %10u  %s\n", "memory",
				  quota_common(QUOTA_SOFT_MEMORY), quota_help(QUOTA_SOFT_MEMORY));
	if (n != 3 || strcmp(arg[0], "set") || strcmp(arg[1], "memory"))
		return -EINVAL;
	rc = quota_set("soft-memory", arg[2], QUOTA_SOFT_MEMORY, QUOTA_COUNT);
	return rc ? rc : buf_add_string(out, "OK");
}

/* ---------------------------------------------------------------- dispatch */

static int cmd_help(struct conn *c, const char *const *arg, size_t n, struct buf *out);

static const struct command commands[] = {
	{ "check", cmd_check, 0, 0, "" },
	{ "help", cmd_help, 0, 0, "" },
	{ "live-update", update_command, 1, 6,
	  "[-c <cmdline>] [-t <seconds>] [-F] <file>" },
	{ "log", cmd_log, 0, 1, "[on|off]" },
	{ "logfile", cmd_logfile, 1, 1, "<file>" },
	{ "memreport", cmd_memreport, 0, 1, "[<file>]" },
	{ "print", cmd_print, 1, 1, "<string>" },
	{ "quota", cmd_quota, 0, 3, "[set <name> <value>|<domid>]" },
	{ "quota-soft", cmd_quota_soft, 0, 3, "[set <name> <value>]" },
};

static int cmd_help(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		buf_printf(out, "%-*s%s\n", *commands[i].usage ? 13 : 0, commands[i].name,
			   commands[i].usage);
	return 0;
}

int control_run(struct conn *c, const char *const *arg, size_t n, struct buf *out)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct command *cmd = &commands[i];

		if (strcmp(arg[0], cmd->name))
			continue;
		if (n - 1 < cmd->min || n - 1 > cmd->max)
			return -EINVAL;
		return cmd->run(c, arg + 1, n - 1, out);
	}
	return -EINVAL;
}
