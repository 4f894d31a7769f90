#include "xenstore/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/req.h"
#include "xenstore/store.h"
#include "xenstore/trace.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define HEADER sizeof(struct xsd_sockmsg)

/* Requests that newer servers know and 4.17's header does not name (xenstore.txt). */
enum { XS_GET_FEATURE_ = 23, XS_SET_FEATURE_, XS_GET_QUOTA_, XS_SET_QUOTA_ };

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
	int rc = n < 2 ? -EINVAL : req_path_set(r, s[0], strlen(s[0]), true);

	return rc ? rc : n;
}

static int req_watch(struct request *r)
{
	const char *s[3];
	uint64_t depth = 0;
	int n = watch_args(r, s, 3), rc;

	if (n < 0 || (n == 3 && req_number(s[2], INT32_MAX, &depth)))
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
	return req_answer_number(r, id);
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

/* ---------------------------------------------------------------- dispatch */

enum request_flags {
	REQ_PRIVILEGED = 1,	/* dom0 and sockets only */
	REQ_CHANGES = 2,	/* not on the read-only socket */
	REQ_SETTLES = 4,	/* what the transaction put off must be in its tree */
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
	[XS_RM] = { "RM", req_rm, REQ_CHANGES | REQ_SETTLES },
	[XS_SET_PERMS] = { "SET_PERMS", req_set_perms, REQ_CHANGES | REQ_SETTLES },
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
		r->root = r->tree->root;
		if (flags & REQ_SETTLES) {
			int rc = txn_settle(r->txn);

			if (rc)
				return rc;
			r->root = r->tree->root;
		}
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
	if (trace_is_on())
		trace_request(r, rc ? reply : "OK");
}

int request_handle(struct conn *c, const char *frame, size_t len)
{
	static struct request r;
	const char *error = NULL;
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
	rc = request_run(&r);
	if (!rc && answer_reserve(&r, &rc, r.reply_len))
		rc = -EINPROGRESS;
	if (rc && !r.settled) {
		batch_end(rc);
		if (r.txn) {
			txn_rewind(r.txn, r.root);
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
