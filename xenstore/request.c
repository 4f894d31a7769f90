#include "xenstore/request.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>
#include <xen/xen.h>

#include "xenstore/batch.h"
#include "xenstore/buf.h"
#include "xenstore/change.h"
#include "xenstore/conn.h"
#include "xenstore/control.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define HEADER sizeof(struct xsd_sockmsg)

/* Requests that newer servers know and 4.17's header does not name (xenstore.txt). */
enum { XS_GET_FEATURE_ = 23, XS_SET_FEATURE_, XS_GET_QUOTA_, XS_SET_QUOTA_ };

struct request {
	struct conn *c;
	struct xsd_sockmsg h;
	const char *data;	/* h.len bytes */
	struct txn *txn;	/* that h.tx_id names, or NULL */
	const struct tree *tree;	/* the main one, or the transaction's */
	struct path path;
	const char *reply;	/* what to answer; NULL: "OK" */
	size_t reply_len;
	bool settled;		/* an error is the answer, but what was done stays */
	bool bound;		/* something was done that no rollback undoes */
	char text[XENSTORE_PAYLOAD_MAX];
};

/* --------------------------------------------------------------- arguments */

/* The payload cut into strings, each with its NUL: how many, or -EINVAL. */
static int req_strings(const struct request *r, const char **s, size_t max)
{
	size_t n = 0;

	if (r->h.len && r->data[r->h.len - 1])
		return -EINVAL;
	for (size_t at = 0; at < r->h.len; at += strlen(r->data + at) + 1) {
		if (n == max)
			return -EINVAL;
		s[n++] = r->data + at;
	}
	return (int)n;
}

static int number_parse(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (max - (uint64_t)(*s - '0')) / 10)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return 0;
}

/* Exactly n numbers. */
static int req_numbers(const struct request *r, uint64_t *v, const uint64_t *max, int n)
{
	const char *s[4];
	int rc = req_strings(r, s, COUNT(s));

	if (rc != n)
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (number_parse(s[i], max[i], &v[i]))
			return -EINVAL;
	return 0;
}

static int req_domid(const struct request *r, uint32_t *domid)
{
	uint64_t v;
	int rc = req_numbers(r, &v, &(uint64_t){ DOMID_SELF }, 1);

	*domid = rc ? 0 : v == DOMID_SELF ? r->c->who.domid : (uint32_t)v;
	return rc;
}

static int path_set(struct request *r, const char *s, size_t len, bool special)
{
	int rc = path_parse(&r->path, s, len, r->c->who.domid, special);

	if (!rc && !conn_privileged(r->c) &&
	    quota_exceeded(r->path.len, domain_quota(r->c->domain, QUOTA_PATH_MAX)))
		return -EINVAL;
	return rc;
}

/* The payload is one path and its NUL. */
static int req_path(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);

	return len + 1 == r->h.len ? path_set(r, r->data, len, false) : -EINVAL;
}

static int req_lookup(struct request *r, unsigned int what, struct node **n)
{
	int rc = store_lookup(r->tree, &r->path, &r->c->who, PERM_READ, n);
	int noted = 0;

	/* What a transaction wrote itself it has not learnt from anybody. */
	if (!rc && what == SEEN_VALUE && r->txn && (*n)->value_gen == r->tree->mark)
		return 0;
	if (r->txn && (!rc || rc == -ENOENT))
		noted = txn_note(r->txn, &r->path, r->path.parts,
				 SEEN_NODE | (rc ? 0 : what) |
				 (conn_privileged(r->c) ? 0 : SEEN_PERMS));
	return noted ? noted : rc;
}

static int answer_text(struct request *r, size_t len)
{
	r->reply = r->text;
	r->reply_len = len;
	return 0;
}

static int answer_number(struct request *r, uint64_t v)
{
	return answer_text(r, (size_t)snprintf(r->text, sizeof(r->text), "%" PRIu64, v) + 1);
}

/* ------------------------------------------------------------------- nodes */

static int req_read(struct request *r)
{
	struct node *n;
	int rc = req_path(r);

	if (!rc)
		rc = req_lookup(r, SEEN_VALUE, &n);
	if (rc)
		return rc;
	r->reply = n->value ? heap_at(n->value) : "";
	r->reply_len = n->value_len;
	return 0;
}

static int req_directory(struct request *r)
{
	struct node *n;
	int rc = req_path(r);

	if (!rc)
		rc = req_lookup(r, SEEN_LIST, &n);
	if (!rc)
		rc = store_list(n, &r->reply, &r->reply_len);
	if (!rc && r->reply_len > XENSTORE_PAYLOAD_MAX)
		rc = -E2BIG;
	if (!r->reply_len)
		r->reply = "";
	return rc;
}

/* Whole names from offset on, behind the list's generation; an empty one after the last. */
static int part_fill(struct request *r, const struct node *n, size_t offset)
{
	const char *names;
	size_t len, gen, fit;
	int rc = store_list(n, &names, &len);

	if (rc)
		return rc;
	if (offset > len)
		return -EINVAL;
	gen = (size_t)snprintf(r->text, sizeof(r->text), "%" PRIu64, n->kids_gen) + 1;
	fit = len - offset;
	if (gen + fit + 1 > sizeof(r->text)) {
		fit = sizeof(r->text) - gen;
		while (fit && names[offset + fit - 1])
			fit--;
		memcpy(r->text + gen, names + offset, fit);
		return answer_text(r, gen + fit);
	}
	if (fit)
		memcpy(r->text + gen, names + offset, fit);
	r->text[gen + fit] = '\0';
	return answer_text(r, gen + fit + 1);
}

static int req_directory_part(struct request *r)
{
	const char *s[2];
	struct node *n;
	uint64_t offset;
	int rc = req_strings(r, s, 2);

	if (rc != 2 || number_parse(s[1], UINT32_MAX, &offset))
		return -EINVAL;
	rc = path_set(r, s[0], strlen(s[0]), false);
	if (!rc)
		rc = req_lookup(r, SEEN_LIST, &n);
	return rc ? rc : part_fill(r, n, offset);
}

static int req_write(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);
	int rc = len < r->h.len ? path_set(r, r->data, len, false) : -EINVAL;

	return rc ? rc : change_write(r->c, r->txn, &r->path, r->data + len + 1,
				      r->h.len - len - 1);
}

static int req_mkdir(struct request *r)
{
	int rc = req_path(r);

	return rc ? rc : change_mkdir(r->c, r->txn, &r->path);
}

static int req_rm(struct request *r)
{
	int rc = req_path(r);

	return rc ? rc : change_remove(r->c, r->txn, &r->path);
}

static int perms_answer(struct request *r, const struct perms *l)
{
	size_t len = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		if (len + 8 > sizeof(r->text))
			return -E2BIG;
		len += (size_t)perms_format(r->text + len, &l->p[i]) + 1;
	}
	return answer_text(r, len);
}

static int req_get_perms(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);
	struct node *n;
	uint32_t *special;
	int rc = len + 1 == r->h.len ? path_set(r, r->data, len, true) : -EINVAL;

	if (rc)
		return rc;
	if (!r->path.special) {
		rc = req_lookup(r, SEEN_PERMS, &n);
		return rc ? rc : perms_answer(r, node_perms(n));
	}
	special = domain_special_perms(&r->path);
	if (!special)
		return -ENOENT;
	return conn_privileged(r->c) ? perms_answer(r, heap_at(*special)) : -EACCES;
}

/* Specials are dom0's to give away; they know no transactions. */
static int special_set_perms(struct request *r, uint32_t perms)
{
	uint32_t *special = domain_special_perms(&r->path);
	struct domain *d;

	if (!conn_privileged(r->c))
		return -EACCES;
	if (!special)
		return -ENOENT;
	if (strchr(r->path.text, '/')) {
		d = domain_find((uint32_t)strtoul(strchr(r->path.text, '/') + 1, NULL, 10));
		special = &d->rec->release_perms;
	}
	heap_touch(special, sizeof(*special));
	if (*special)
		perms_put(*special);
	perms_hold(perms);
	*special = perms;
	return 0;
}

static int req_set_perms(struct request *r)
{
	static struct perm list[PERMS_MAX];
	size_t len = strnlen(r->data, r->h.len);
	uint32_t perms;
	int n, rc;

	if (len + 1 >= r->h.len || path_set(r, r->data, len, true))
		return -EINVAL;
	n = perms_parse(list, COUNT(list), r->data + len + 1, r->h.len - len - 1);
	if (n < 0)
		return n;
	perms = perms_get(list, (size_t)n);
	if (!perms)
		return -ENOMEM;
	rc = r->path.special ? special_set_perms(r, perms) :
		change_perms(r->c, r->txn, &r->path, perms);
	if (!rc)
		perms_put(perms);
	return rc;
}

/* ----------------------------------------------------------------- watches */

/* Specials other than the two have nobody who would fire them, but may be watched by dom0. */
static int watch_allowed(struct request *r)
{
	uint32_t *perms;

	if (!r->path.special || conn_privileged(r->c))
		return 0;
	perms = domain_special_perms(&r->path);
	return perms && perms_allowed(heap_at(*perms), &r->c->who) & PERM_READ ? 0 : -EACCES;
}

static int watch_args(struct request *r, const char **s, int max)
{
	int n = req_strings(r, s, (size_t)max);
	int rc = n < 2 ? -EINVAL : path_set(r, s[0], strlen(s[0]), true);

	return rc ? rc : n;
}

static int req_watch(struct request *r)
{
	const char *s[3];
	uint64_t depth = 0;
	int n = watch_args(r, s, 3), rc;

	if (n < 0 || (n == 3 && number_parse(s[2], INT32_MAX, &depth)))
		return -EINVAL;
	if (n == 3 && r->path.special && depth != 1)
		return -EINVAL;
	rc = watch_allowed(r);
	if (!rc)
		rc = watch_add(r->c, &r->path, s[1], n == 3 ? (int)depth : WATCH_ANY_DEPTH);
	if (rc)
		return rc;
	r->bound = true;
	watch_fire_one(r->c, &r->path, s[1]);
	return 0;
}

static int req_unwatch(struct request *r)
{
	const char *s[2];
	int rc = watch_args(r, s, 2);

	if (rc < 0)
		return rc;
	rc = watch_del(r->c, &r->path, s[1]);
	r->bound = !rc;
	return rc;
}

static int req_reset_watches(struct request *r)
{
	watch_del_all(r->c);
	txn_drop_all(r->c);
	r->txn = NULL;
	r->bound = true;
	return 0;
}

/* ------------------------------------------------------------ transactions */

static int req_transaction_start(struct request *r)
{
	uint32_t id;
	int rc = r->txn ? -EBUSY : txn_start(r->c, &id);

	if (rc)
		return rc;
	r->bound = true;
	return answer_number(r, id);
}

/* The transaction is over either way; a commit that fails leaves no other trace. */
static int req_transaction_end(struct request *r)
{
	bool commit = r->h.len == 2 && !strcmp(r->data, "T");
	int rc = 0;

	if (!commit && (r->h.len != 2 || strcmp(r->data, "F")))
		return -EINVAL;
	if (!r->txn)
		return -ENOENT;
	if (commit)
		rc = txn_commit(r->c, r->txn);
	if (rc == -EINPROGRESS)
		return rc;
	if (rc)
		batch_end(rc);
	txn_drop(r->c, r->txn);
	r->txn = NULL;
	r->bound = r->settled = true;
	return rc;
}

/* ----------------------------------------------------------------- domains */

static int req_introduce(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, UINT64_MAX / 16, UINT32_MAX };
	uint64_t v[3];
	int rc = req_numbers(r, v, max, 3);

	if (!rc)
		rc = domain_introduce((uint32_t)v[0], v[1], (uint32_t)v[2]);
	r->bound = !rc;
	return rc;
}

static int req_release(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	if (!rc)
		rc = domain_release(domid);
	r->bound = !rc;
	return rc;
}

static int req_resume(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	return rc ? rc : domain_resume_one(domid);
}

static int req_set_target(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, DOMAIN_MAX - 1 };
	uint64_t v[2];
	int rc = req_numbers(r, v, max, 2);

	return rc ? rc : domain_set_target((uint32_t)v[0], (uint32_t)v[1]);
}

static int req_get_domain_path(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	return rc ? rc : answer_text(r, (size_t)snprintf(r->text, sizeof(r->text),
							 "/local/domain/%u", domid) + 1);
}

static int req_is_domain_introduced(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	if (rc)
		return rc;
	r->reply = domid == r->c->who.domid || domain_is_introduced(domid) ? "T" : "F";
	r->reply_len = 2;
	return 0;
}

/* ------------------------------------------------------- control and limits */

static int req_control(struct request *r)
{
	static struct buf out;
	const char *s[64];
	int n = req_strings(r, s, COUNT(s)), rc;

	if (n < 1)
		return -EINVAL;
	buf_clear(&out);
	rc = control_run(r->c, s, (size_t)n, &out);
	/* The client ends the last line. */
	if (out.len && out.data[out.len - 1] == '\n')
		out.len--;
	if (!rc && (out.failed || buf_add_char(&out, '\0')))
		rc = -ENOMEM;
	if (rc)
		return rc;
	if (out.len > XENSTORE_PAYLOAD_MAX) {
		out.len = XENSTORE_PAYLOAD_MAX;
		out.data[out.len - 1] = '\0';
	}
	r->reply = out.data;
	r->reply_len = out.len;
	return 0;
}

static int req_get_feature(struct request *r)
{
	const char *s[1];
	uint64_t domid;
	const struct domain *d;
	int n = req_strings(r, s, 1);

	if (n == 0 || (n == 1 && !*s[0]))
		return answer_number(r, domain_features_offered());
	if (n < 0 || number_parse(s[0], DOMAIN_MAX - 1, &domid))
		return -EINVAL;
	d = domain_find((uint32_t)domid);
	return d && d->conn ? answer_number(r, d->rec->features) : -ENOENT;
}

static int req_set_feature(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, UINT32_MAX };
	uint64_t v[2];
	int rc = req_numbers(r, v, max, 2);

	return rc ? rc : domain_set_features((uint32_t)v[0], (uint32_t)v[1]);
}

static int quota_names(struct request *r)
{
	size_t len = 0;

	for (int q = 0; q < QUOTA_COUNT; q++)
		len += (size_t)sprintf(r->text + len, "%s%s", q ? " " : "",
				       quota_name((enum quota)q));
	return answer_text(r, len + 1);
}

/* [<domid>|]<quota>|: whose limit, and which; the number of strings taken, or -errno. */
static int quota_args(const char *const *s, int n, const struct domain **d, uint32_t *domid)
{
	uint64_t v;

	*d = NULL;
	*domid = UINT32_MAX;
	if (n == 2) {
		if (number_parse(s[0], DOMAIN_MAX - 1, &v))
			return -EINVAL;
		*domid = (uint32_t)v;
		*d = domain_find(*domid);
	}
	return quota_find(s[n - 1]);
}

static int req_get_quota(struct request *r)
{
	const struct domain *d;
	const char *s[2];
	uint32_t domid;
	int n = req_strings(r, s, 2), q;

	if (n == 0 || (n == 1 && !*s[0]))
		return quota_names(r);
	q = n < 0 ? -EINVAL : quota_args(s, n, &d, &domid);
	return q < 0 ? q : answer_number(r, domain_quota(d, (enum quota)q));
}

static int req_set_quota(struct request *r)
{
	const struct domain *d;
	const char *s[3];
	uint32_t domid;
	uint64_t v;
	int n = req_strings(r, s, 3), q;

	if (n < 2 || number_parse(s[n - 1], QUOTA_DEFAULT - 1, &v))
		return -EINVAL;
	q = quota_args(s, n - 1, &d, &domid);
	if (q < 0)
		return q;
	if (domid != UINT32_MAX)
		return domain_quota_set(domid, (enum quota)q, (uint32_t)v);
	quota_common_set((enum quota)q, (uint32_t)v);
	return 0;
}

/* ---------------------------------------------------------------- dispatch */

enum request_flags {
	REQ_PRIVILEGED = 1,	/* dom0 and sockets only */
	REQ_CHANGES = 2,	/* not on the read-only socket */
};

static const struct {
	const char *name;
	int (*handle)(struct request *r);
	unsigned int flags;
} requests[] = {
	[XS_CONTROL] = { "CONTROL", req_control, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_DIRECTORY] = { "DIRECTORY", req_directory },
	[XS_READ] = { "READ", req_read },
	[XS_GET_PERMS] = { "GET_PERMS", req_get_perms },
	[XS_WATCH] = { "WATCH", req_watch },
	[XS_UNWATCH] = { "UNWATCH", req_unwatch },
	[XS_TRANSACTION_START] = { "TRANSACTION_START", req_transaction_start },
	[XS_TRANSACTION_END] = { "TRANSACTION_END", req_transaction_end },
	[XS_INTRODUCE] = { "INTRODUCE", req_introduce, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_RELEASE] = { "RELEASE", req_release, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_GET_DOMAIN_PATH] = { "GET_DOMAIN_PATH", req_get_domain_path },
	[XS_WRITE] = { "WRITE", req_write, REQ_CHANGES },
	[XS_MKDIR] = { "MKDIR", req_mkdir, REQ_CHANGES },
	[XS_RM] = { "RM", req_rm, REQ_CHANGES },
	[XS_SET_PERMS] = { "SET_PERMS", req_set_perms, REQ_CHANGES },
	[XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED", req_is_domain_introduced,
				      REQ_PRIVILEGED },
	[XS_RESUME] = { "RESUME", req_resume, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_SET_TARGET] = { "SET_TARGET", req_set_target, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_RESET_WATCHES] = { "RESET_WATCHES", req_reset_watches },
	[XS_DIRECTORY_PART] = { "DIRECTORY_PART", req_directory_part },
	[XS_GET_FEATURE_] = { "GET_FEATURE", req_get_feature, REQ_PRIVILEGED },
	[XS_SET_FEATURE_] = { "SET_FEATURE", req_set_feature, REQ_PRIVILEGED | REQ_CHANGES },
	[XS_GET_QUOTA_] = { "GET_QUOTA", req_get_quota, REQ_PRIVILEGED },
	[XS_SET_QUOTA_] = { "SET_QUOTA", req_set_quota, REQ_PRIVILEGED | REQ_CHANGES },
};

const char *request_name(uint32_t type)
{
	return type < COUNT(requests) && requests[type].name ? requests[type].name : "?";
}

static int request_run(struct request *r)
{
	unsigned int flags;

	if (r->h.type >= COUNT(requests) || !requests[r->h.type].handle)
		return -ENOSYS;
	flags = requests[r->h.type].flags;
	if (flags & REQ_PRIVILEGED && !conn_privileged(r->c))
		return -EACCES;
	if (flags & REQ_CHANGES && r->c->read_only)
		return -EROFS;
	if (r->h.tx_id) {
		r->txn = txn_find(r->c, r->h.tx_id);
		if (!r->txn)
			return -ENOENT;
		r->tree = txn_tree(r->txn);
	}
	return requests[r->h.type].handle(r);
}

/* The name that goes over the wire; what has none there is EINVAL. */
static const char *error_name(int rc)
{
	for (size_t i = 0; i < COUNT(xsd_errors); i++)
		if (xsd_errors[i].errnum == -rc)
			return xsd_errors[i].errstring;
	return rc == -ENOTCONN ? "ENOTCONN" : "EINVAL";
}

static struct {
	const char *path;
	FILE *f;
} trace;

static void trace_reply(const struct request *r, const char *result)
{
	struct timespec now;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(trace.f, "%s.%06ldZ dom%u client%u %s tx%u \"", when, now.tv_nsec / 1000,
		r->c->who.domid, r->c->number, request_name(r->h.type), r->h.tx_id);
	/* NULs between strings are shown as blanks, the last one not at all. */
	for (uint32_t i = 0; i < r->h.len && i < 512; i++)
		if (r->data[i] || i + 1 < r->h.len)
			fputc(!r->data[i] ? ' ' : r->data[i] >= ' ' && r->data[i] < 127 ?
			      r->data[i] : '?', trace.f);
	fprintf(trace.f, "\" -> %s\n", result);
}

int trace_open(const char *path)
{
	if (trace.f)
		fclose(trace.f);
	trace.path = path;
	trace.f = path ? fopen(path, "ae") : NULL;
	if (trace.f)
		setvbuf(trace.f, NULL, _IOLBF, 0);
	return path && !trace.f ? -errno : 0;
}

void trace_reopen(void)
{
	if (trace.path && trace_open(trace.path))
		log_errno("trace file %s", trace.path);
}

/*
 * After this the answer can be queued whatever happens.  When there is no memory for it the
 * request has not happened; but if it did what can't be undone, only a new start is clean.
 */
static int answer_reserve(struct request *r, int *rc, size_t len)
{
	if (!conn_reserve(r->c, HEADER + len))
		return 0;
	if (r->bound) {
		log_error("no memory to answer %s: starting again", request_name(r->h.type));
		abort();
	}
	*rc = -ENOMEM;
	return conn_reserve(r->c, HEADER + sizeof("ENOMEM"));
}

static void request_answer(struct request *r, int rc, const char *reply, size_t len)
{
	uint32_t type = rc ? (uint32_t)XS_ERROR : r->h.type;

	watch_deliver();
	conn_put(r->c, type, &r->h, reply, len, NULL, 0);
	conn_taken(r->c);
	batch_end(0);
	if (trace.f)
		trace_reply(r, rc ? reply : "OK");
}

int request_handle(struct conn *c, const char *frame, size_t len)
{
	static struct request r;
	const char *error = NULL;
	uint32_t root = 0;
	int rc;

	r.c = c;
	c->reserved = 0;
	r.txn = NULL;
	r.tree = &store_main;
	r.reply = "OK";
	r.reply_len = 3;
	r.settled = r.bound = false;
	memcpy(&r.h, frame, HEADER);
	c->request_id = r.h.req_id;
	r.data = frame + HEADER;
	if (r.h.tx_id && (r.txn = txn_find(c, r.h.tx_id)) != NULL)
		root = txn_tree(r.txn)->root;
	r.txn = NULL;
	rc = request_run(&r);
	if (!rc && answer_reserve(&r, &rc, r.reply_len))
		rc = -EINPROGRESS;
	if (rc && !r.settled) {
		batch_end(rc);
		if (r.txn) {
			txn_rewind(r.txn, root);
			if (rc == -ENOSPC || rc == -ENOMEM)
				txn_fail(r.txn, rc);
		}
	}
	if (rc == -EINPROGRESS) {
		conn_park(c);
		return rc;
	}
	if (rc)
		error = error_name(rc);
	if (rc && conn_reserve(c, HEADER + strlen(error) + 1)) {
		conn_park(c);
		return -EINPROGRESS;
	}
	request_answer(&r, rc, error ? error : r.reply, error ? strlen(error) + 1 : r.reply_len);
	return 0;
}

void batch_end(int rc)
{
	if (rc) {
		watch_discard();
		heap_rollback();
	} else {
		watch_deliver();
		store_batch_settle();
		heap_commit();
	}
	store_batch_end();
	domains_batch_end(!rc);
}
