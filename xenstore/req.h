/*
 * req.h - a request at hand: its arguments, its answer, and the handlers that request.c's table
 * names.  Each handler returns 0 and leaves an answer ("OK" if it sets none), or -errno.
 */
#ifndef XENSTORE_REQ_H
#define XENSTORE_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenstore/path.h"

struct conn;
struct node;
struct tree;
struct txn;

struct request {
	struct conn *c;
	struct xsd_sockmsg h;
	const char *data;	/* h.len bytes */
	struct txn *txn;	/* that h.tx_id names, or NULL */
	const struct tree *tree;	/* the main one, or the transaction's */
	uint32_t root;		/* the transaction's tree as it was before */
	struct path path;
	const char *reply;	/* what to answer; NULL: "OK" */
	size_t reply_len;
	bool settled;		/* an error is the answer, but what was done stays */
	bool bound;		/* something was done that no rollback undoes */
	char text[XENSTORE_PAYLOAD_MAX];
};

/* The payload cut into strings, each with its NUL: how many, or -EINVAL. */
int req_strings(const struct request *r, const char **s, size_t max);
/* A decimal number of at most max, and nothing else: 0 or -EINVAL. */
int req_number(const char *s, uint64_t max, uint64_t *out);
/* The payload is exactly n such numbers. */
int req_numbers(const struct request *r, uint64_t *v, const uint64_t *max, int n);
/* … is one domid; DOMID_SELF stands for the caller's. */
int req_domid(const struct request *r, uint32_t *domid);
/* Take len bytes as the request's path; special: @… is allowed. */
int req_path_set(struct request *r, const char *s, size_t len, bool special);
/* The payload is one path and its NUL. */
int req_path(struct request *r);

/* Answer len bytes of r->text; a number. */
int req_answer(struct request *r, size_t len);
int req_answer_number(struct request *r, uint64_t v);

int req_read(struct request *r);
int req_directory(struct request *r);
int req_directory_part(struct request *r);
int req_write(struct request *r);
int req_mkdir(struct request *r);
int req_rm(struct request *r);
int req_get_perms(struct request *r);
int req_set_perms(struct request *r);

int req_introduce(struct request *r);
int req_release(struct request *r);
int req_resume(struct request *r);
int req_set_target(struct request *r);
int req_get_domain_path(struct request *r);
int req_is_domain_introduced(struct request *r);
int req_control(struct request *r);
int req_get_feature(struct request *r);
int req_set_feature(struct request *r);
int req_get_quota(struct request *r);
int req_set_quota(struct request *r);

#endif
