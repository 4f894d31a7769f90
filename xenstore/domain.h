/*
 * domain.h - the domains: who was introduced, what each owns and may own, where its ring is.
 *
 * The durable part (domain_rec) hangs in a list on ROOT_DOMAINS.  A domain has one from its
 * introduction, or its first node, until it is gone and owns nothing.
 */
#ifndef XENSTORE_DOMAIN_H
#define XENSTORE_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/conn.h"
#include "xenstore/path.h"
#include "xenstore/perms.h"
#include "xenstore/quota.h"

struct xenstore_domain_interface;
struct tree;

#define DOMAIN_MAX PERMS_DOMID_MAX

enum domain_flags {
	DOMAIN_INTRODUCED = 1,
	DOMAIN_SHUTDOWN = 2,	/* @releaseDomain has told of it */
	DOMAIN_DYING = 4,	/* gone, but still somebody's target */
	DOMAIN_BAD = 8,		/* its ring made no sense: ignored until it dies */
	DOMAIN_WARNED = 16,	/* its memory passed the soft limit */
};

struct domain_rec {		/* durable */
	uint32_t next;
	uint32_t domid;
	uint32_t flags;
	uint32_t port;		/* the domain's end of the event channel */
	uint64_t gfn;
	unsigned char handle[16];
	uint32_t target;	/* domid, or CALLER_NO_TARGET */
	uint32_t features;	/* offered in the ring's page */
	uint32_t nodes;
	uint32_t release_perms;	/* of @releaseDomain/<domid>, or 0 */
	int64_t bytes;		/* of nodes */
	int64_t held;		/* of watches, messages, transactions */
	uint32_t limit[QUOTA_COUNT];
	struct chan chan;
};

struct domain {
	uint32_t domid;
	struct domain_rec *rec;
	struct conn *conn;	/* NULL unless introduced */
	struct xenstore_domain_interface *page;
	uint32_t port;		/* ours */
	long txn_bytes;		/* of its open transactions */
	bool fresh;		/* made in this batch */
};

int domain_open(bool fresh);
/* After a start.  domain_mark() judges the records (-EINVAL: corrupt); nodes are counted anew
 * by domain_count(); domain_resume() connects everybody. */
int domain_mark(void);
void domain_count(uint32_t domid, long bytes);
void domain_resume(void);

/* NULL if nothing is known of it. */
struct domain *domain_find(uint32_t domid);
struct domain *domain_by_port(uint32_t port);
/* The next one known from domid upwards. */
struct domain *domain_next(uint32_t domid);

/* 0; -EINVAL; -ENOMEM.  fires @introduceDomain if it is new. */
int domain_introduce(uint32_t domid, uint64_t gfn, uint32_t port);
/* dom0, by its kernel. */
int domain_introduce_own(void);
/* -ENOENT; -EINVAL for dom0. */
int domain_release(uint32_t domid);
int domain_resume_one(uint32_t domid);
int domain_set_target(uint32_t domid, uint32_t target);
bool domain_is_introduced(uint32_t domid);
/* Some domain died or shut down. */
void domains_check(void);

int domain_set_features(uint32_t domid, uint32_t features);
uint32_t domain_features_offered(void);

uint32_t domain_quota(const struct domain *d, enum quota q);
int domain_quota_set(uint32_t domid, enum quota q, uint32_t limit);
/* What a guest would own with that much more.  0 or -ENOSPC. */
int domain_afford(uint32_t domid, long nodes, long bytes);
/* Bytes held for it otherwise.  0 or -ENOSPC if they are too many (counted all the same). */
int domain_charge_held(struct domain *d, long bytes);

/* The durable word with the permissions of a special, or NULL. */
uint32_t *domain_special_perms(const struct path *p);

void domains_batch_end(bool committed);

#endif
