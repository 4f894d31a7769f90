#include "xenstore/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"

struct watch_point {		/* a path that somebody watches */
	struct watch_point *next;
	uint32_t hash;
	uint16_t len;
	struct watch *watches;
	char path[];
};

struct fired {
	struct watch *watch;
	uint32_t at, len;	/* the path, in the batch's text */
};

static struct {
	struct watch_point **bucket;
	size_t buckets, points;
	size_t count;
	struct fired *fired;
	size_t fireds, fired_cap;
	struct buf text;
} watches;

/* ------------------------------------------------------------------- index */

static uint32_t hash_mix(uint32_t above, uint32_t name)
{
	return (above ^ name) * 0x9e3779b1u ^ above >> 15;
}

/* Of the first parts parts. */
static uint32_t prefix_hash(const struct path *p, unsigned int parts)
{
	uint32_t h = 0;

	for (unsigned int i = 0; i < parts; i++)
		h = hash_mix(h, p->part[i].hash);
	return h;
}

static uint32_t watch_hash(const struct path *p)
{
	return p->special ? path_hash(p->text, p->len) : prefix_hash(p, p->parts);
}

static struct watch_point *point_find(uint32_t hash, const char *path, size_t len)
{
	struct watch_point *w;

	if (!watches.points)
		return NULL;
	w = watches.bucket[hash & (watches.buckets - 1)];
	while (w && (w->hash != hash || w->len != len || memcmp(w->path, path, len)))
		w = w->next;
	return w;
}

static bool index_grow(void)
{
	size_t n = watches.buckets ? 2 * watches.buckets : 64;
	struct watch_point **bucket;

	if (watches.points < watches.buckets)
		return true;
	bucket = calloc(n, sizeof(struct watch_point *));
	if (!bucket)
		return false;
	for (size_t i = 0; i < watches.buckets; i++) {
		struct watch_point *w, *next;

		for (w = watches.bucket[i]; w; w = next) {
			next = w->next;
			w->next = bucket[w->hash & (n - 1)];
			bucket[w->hash & (n - 1)] = w;
		}
	}
	free(watches.bucket);
	watches.bucket = bucket;
	watches.buckets = n;
	return true;
}

static struct watch_point *point_new(uint32_t hash, const struct path *p)
{
	struct watch_point *w, **bucket;

	if (!index_grow())
		return NULL;
	w = malloc(sizeof(*w) + p->len + 1u);
	if (!w)
		return NULL;
	bucket = &watches.bucket[hash & (watches.buckets - 1)];
	*w = (struct watch_point){ *bucket, hash, p->len, NULL };
	memcpy(w->path, p->text, p->len + 1u);
	*bucket = w;
	watches.points++;
	return w;
}

static void point_free(struct watch_point *w)
{
	struct watch_point **link = &watches.bucket[w->hash & (watches.buckets - 1)];

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	watches.points--;
	free(w);
}

/* ----------------------------------------------------------- add and remove */

static struct watch *watch_find(struct conn *c, const struct path *p, const char *token)
{
	struct watch_point *point = point_find(watch_hash(p), p->text, p->len);
	struct watch *w = point ? point->watches : NULL;

	while (w && (w->conn != c || w->home != p->home || strcmp(w->token, token)))
		w = w->point_next;
	return w;
}

static size_t rec_size(const struct watch_rec *r)
{
	return offsetof(struct watch_rec, text) + r->path_len + r->token_len;
}

static uint32_t rec_new(const struct path *p, const char *token, int depth)
{
	struct watch_rec head = { 0, depth, p->home, p->len, (uint16_t)strlen(token) }, *r;
	uint32_t ref = heap_alloc(rec_size(&head));

	if (!ref)
		return 0;
	r = heap_at(ref);
	memcpy(r, &head, offsetof(struct watch_rec, text));
	memcpy(r->text, p->text, p->len);
	memcpy(r->text + p->len, token, head.token_len);
	return ref;
}

static int rec_link(struct conn *c, uint32_t ref)
{
	struct watch_rec *r = heap_at(ref);

	heap_touch(&c->chan->watches, sizeof(c->chan->watches));
	r->next = c->chan->watches;
	c->chan->watches = ref;
	return domain_charge_held(c->domain, (long)rec_size(r));
}

static void rec_unlink(struct conn *c, uint32_t ref)
{
	struct watch_rec *r = heap_at(ref);
	uint32_t *link = &c->chan->watches;

	while (*link != ref)
		link = &((struct watch_rec *)heap_at(*link))->next;
	heap_touch(link, sizeof(*link));
	*link = r->next;
	domain_charge_held(c->domain, -(long)rec_size(r));
	heap_free(ref, rec_size(r));
}

static struct watch *watch_link(struct conn *c, const struct path *p, const char *token, int depth)
{
	uint32_t hash = watch_hash(p);
	struct watch_point *point = point_find(hash, p->text, p->len);
	size_t len = strlen(token) + 1;
	struct watch *w = calloc(1, sizeof(*w) + len);

	if (w && !point)
		point = point_new(hash, p);
	if (!point || !w) {
		free(w);
		return NULL;
	}
	w->conn = c;
	w->depth = depth;
	w->home = p->home;
	w->point = point;
	memcpy(w->token, token, len);
	w->conn_next = c->watches;
	c->watches = w;
	w->point_next = point->watches;
	if (w->point_next)
		w->point_next->point_prev = &w->point_next;
	w->point_prev = &point->watches;
	point->watches = w;
	c->watch_count++;
	watches.count++;
	return w;
}

/* The durable record must be undone by the caller's rollback if this fails after it. */
int watch_add(struct conn *c, const struct path *p, const char *token, int depth)
{
	struct watch *w;
	uint32_t rec = 0;
	int rc;

	if (watch_find(c, p, token))
		return -EEXIST;
	if (!conn_privileged(c) &&
	    quota_exceeded(c->watch_count + 1u, domain_quota(c->domain, QUOTA_WATCHES)))
		return -E2BIG;
	if (c->chan) {
		rec = rec_new(p, token, depth);
		rc = rec ? rec_link(c, rec) : -ENOMEM;
		if (rc)
			return rc;
	}
	w = watch_link(c, p, token, depth);
	if (!w)
		return -ENOMEM;
	w->rec = rec;
	return 0;
}

static void watch_unlink(struct watch *w)
{
	*w->point_prev = w->point_next;
	if (w->point_next)
		w->point_next->point_prev = w->point_prev;
	if (!w->point->watches)
		point_free(w->point);
	for (size_t i = 0; i < watches.fireds; i++)
		if (watches.fired[i].watch == w)
			watches.fired[i].watch = NULL;
	w->conn->watch_count--;
	watches.count--;
	free(w);
}

int watch_del(struct conn *c, const struct path *p, const char *token)
{
	struct watch *w = watch_find(c, p, token), **link = &c->watches;

	if (!w)
		return -ENOENT;
	while (*link != w)
		link = &(*link)->conn_next;
	*link = w->conn_next;
	if (w->rec)
		rec_unlink(c, w->rec);
	watch_unlink(w);
	return 0;
}

void watch_del_all(struct conn *c)
{
	uint32_t ref = c->chan ? c->chan->watches : 0;

	while (c->watches) {
		struct watch *w = c->watches;

		c->watches = w->conn_next;
		watch_unlink(w);
	}
	if (!ref)
		return;
	heap_touch(&c->chan->watches, sizeof(c->chan->watches));
	c->chan->watches = 0;
	while (ref) {
		struct watch_rec *r = heap_at(ref);

		domain_charge_held(c->domain, -(long)rec_size(r));
		heap_free(ref, rec_size(r));
		ref = r->next;
	}
}

/* A record as it stands in the file: judged like a request. */
static bool rec_restore(struct conn *c, uint32_t ref)
{
	static struct path p;
	struct watch_rec *r = heap_at(ref);
	char token[XENSTORE_PAYLOAD_MAX + 1];
	struct watch *w;

	if (!heap_valid(ref, sizeof(*r)) || r->token_len >= sizeof(token) ||
	    !heap_valid(ref, rec_size(r)) || !heap_mark(ref, rec_size(r)) ||
	    r->home > r->path_len || path_parse(&p, r->text, r->path_len, 0, true))
		return false;
	p.home = r->home;
	memcpy(token, r->text + r->path_len, r->token_len);
	token[r->token_len] = '\0';
	w = watch_link(c, &p, token, r->depth);
	if (w)
		w->rec = ref;
	return w != NULL;
}

bool watch_restore(struct conn *c)
{
	for (uint32_t ref = c->chan->watches; ref;
	     ref = ((struct watch_rec *)heap_at(ref))->next)
		if (!rec_restore(c, ref))
			return false;
	return true;
}

/* -------------------------------------------------------------------- fire */

static bool may_read(const struct conn *c, const struct watch_readers *who)
{
	if (conn_privileged(c))
		return true;
	for (unsigned int i = 0; i < who->n; i++)
		if (perms_allowed(who->perms[i], &c->who) & PERM_READ)
			return true;
	return false;
}

static void fired_add(struct watch *w, uint32_t at, size_t len)
{
	if (watches.fireds == watches.fired_cap) {
		size_t cap = watches.fired_cap ? 2 * watches.fired_cap : 64;
		struct fired *v = realloc(watches.fired, cap * sizeof(*v));

		if (!v) {
			w->conn->lost_events++;
			return;
		}
		watches.fired = v;
		watches.fired_cap = cap;
	}
	watches.fired[watches.fireds++] = (struct fired){ w, at, (uint32_t)len };
}

static uint32_t text_add(const char *path, size_t len)
{
	uint32_t at = (uint32_t)watches.text.len;

	return buf_add(&watches.text, path, len) ? UINT32_MAX : at;
}

static void point_fire(struct watch_point *point, uint32_t at, size_t len, int below,
		       const struct watch_readers *who)
{
	for (struct watch *w = point->watches; w; w = w->point_next)
		if ((w->depth == WATCH_ANY_DEPTH || below <= w->depth) && may_read(w->conn, who))
			fired_add(w, at, len);
}

void watch_fire(const struct path *p, const struct watch_readers *who)
{
	uint32_t hash = 0, at = UINT32_MAX;

	if (!watches.points)
		return;
	for (unsigned int i = 0; i <= p->parts; i++) {
		struct watch_point *point;

		if (i)
			hash = hash_mix(hash, p->part[i - 1].hash);
		point = point_find(hash, p->text, path_prefix(p, i));
		if (!point)
			continue;
		if (at == UINT32_MAX)
			at = text_add(p->text, p->len);
		if (at != UINT32_MAX)
			point_fire(point, at, p->len, (int)(p->parts - i), who);
	}
}

void watch_fire_exact(const char *path, size_t len, const struct watch_readers *who)
{
	static struct path p;
	struct watch_point *point;
	uint32_t at;

	if (!watches.points || path_parse(&p, path, len, 0, false))
		return;
	point = point_find(watch_hash(&p), path, len);
	if (!point)
		return;
	at = text_add(path, len);
	if (at != UINT32_MAX)
		point_fire(point, at, len, 0, who);
}

static void special_fire(const char *point_path, const char *bare, const char *numbered,
			 const struct watch_readers *who)
{
	size_t len = strlen(point_path);
	struct watch_point *point = point_find(path_hash(point_path, len), point_path, len);

	for (struct watch *w = point ? point->watches : NULL; w; w = w->point_next) {
		const char *say = w->depth == 1 ? numbered : bare;
		uint32_t at = text_add(say, strlen(say));

		if (at != UINT32_MAX && may_read(w->conn, who))
			fired_add(w, at, strlen(say));
	}
}

void watch_fire_special(const char *name, uint32_t domid, const struct perms *perms,
			const struct perms *own)
{
	struct watch_readers who = { { perms }, 1 }, whose = { { own }, 1 };
	char numbered[64];

	snprintf(numbered, sizeof(numbered), "%s/%u", name, domid);
	special_fire(name, name, numbered, &who);
	special_fire(numbered, numbered, numbered, &whose);
}

void watch_fire_one(struct conn *c, const struct path *p, const char *token)
{
	struct watch *w = watch_find(c, p, token);
	uint32_t at = text_add(p->text, p->len);

	if (w && at != UINT32_MAX)
		fired_add(w, at, p->len);
}

/* ----------------------------------------------------------------- deliver */

static uint64_t event_hash(const char *path, size_t len)
{
	return (uint64_t)path_hash(path, len) << 32 | (path_hash(path, len / 2) ^ (uint32_t)len);
}

/* The same event as the last, which the client has not read yet, would tell it nothing. */
static void fired_deliver(const struct fired *f)
{
	struct watch *w = f->watch;
	struct conn *c = w->conn;
	const char *path = watches.text.data + f->at;
	uint64_t hash = event_hash(path, f->len);

	if (w->event_end > c->out_done && w->event_hash == hash)
		return;
	if (!conn_put_event(c, path + w->home, f->len - w->home, w->token))
		return;
	w->event_end = c->out_total;
	w->event_hash = hash;
}

void watch_deliver(void)
{
	for (size_t i = 0; i < watches.fireds; i++)
		if (watches.fired[i].watch)
			fired_deliver(&watches.fired[i]);
	watch_discard();
}

void watch_discard(void)
{
	if (!watches.text.len)
		return;
	watches.fireds = 0;
	buf_clear(&watches.text);
	if (watches.text.cap > 1u << 20)
		buf_free(&watches.text);
}

size_t watch_count(void)
{
	return watches.count;
}

size_t watch_points(void)
{
	return watches.points;
}

const char *watch_path(const struct watch *w)
{
	return w->point->path + w->home;
}
