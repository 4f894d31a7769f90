/*
 * watch.h - who wants to know of what.
 *
 * Watches are found by path: a change looks up its own path and each one above it, so it costs
 * its depth and the watches that fire.  What fires during a request is collected, and delivered
 * before the request's own answer.
 */
#ifndef XENSTORE_WATCH_H
#define XENSTORE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/path.h"
#include "xenstore/perms.h"
#include "xenstore/store.h"

struct conn;
struct watch_point;

#define WATCH_ANY_DEPTH (-1)

struct watch_rec {		/* durable, for ring clients */
	uint32_t next;
	int32_t depth;
	uint16_t home;
	uint16_t path_len, token_len;
	char text[];		/* path, token; no NULs */
};

struct watch {
	struct conn *conn;
	struct watch *conn_next;
	struct watch *point_next, **point_prev;
	struct watch_point *point;
	uint64_t event_end;	/* conn's out_total behind the last event */
	uint64_t event_hash;	/* … and what it said */
	uint32_t rec;
	int32_t depth;
	uint16_t home;		/* bytes that events leave out: the path was relative */
	char token[];
};

/* What happened to a node, as far as rights are concerned: whoever may read one of these. */
struct watch_readers {
	const struct perms *perms[3];
	unsigned int n;
};

/* 0, -EEXIST, -E2BIG (quota), -ENOMEM.  Nothing durable is written for sockets. */
int watch_add(struct conn *c, const struct path *p, const char *token, int depth);
int watch_del(struct conn *c, const struct path *p, const char *token);
/* All of a client's.  Its durable records go with the batch. */
void watch_del_all(struct conn *c);
/* Those of its chan, after a start.  False: corrupt. */
bool watch_restore(struct conn *c);

/* The node at p changed. */
void watch_fire(const struct path *p, const struct watch_readers *who);
/* The node at path, below one that was removed, is gone: only watches on itself fire. */
void watch_fire_exact(const char *path, size_t len, const struct watch_readers *who);
/* @introduceDomain, @releaseDomain: perms say who may know. */
void watch_fire_special(const char *name, uint32_t domid, const struct perms *perms,
			const struct perms *own);
/* The first event of a new watch. */
void watch_fire_one(struct conn *c, const struct path *p, const char *token);

/* Queue the events of this batch, or forget them. */
void watch_deliver(void);
void watch_discard(void);

size_t watch_count(void);
size_t watch_points(void);
/* The path of a watch, as its client named it. */
const char *watch_path(const struct watch *w);

#endif
