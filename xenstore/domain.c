#include "xenstore/domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenstore/batch.h"
#include "xenstore/guest.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/ring.h"
#include "xenstore/roots.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

#define PORT_MAX 131072u	/* event_channel.h: the FIFO ABI's limit */
#define RING_FEATURES (XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR)

static struct domain *domains[DOMAIN_MAX];
static uint64_t known[(DOMAIN_MAX + 63) / 64];	/* a bit for each, so that few are found quickly */
static struct domain *by_port[PORT_MAX];
static uint32_t *batch;		/* domids that this batch made or emptied */
static size_t batch_n, batch_cap;

/* --------------------------------------------------------------- the table */

struct domain *domain_find(uint32_t domid)
{
	return domid < DOMAIN_MAX ? domains[domid] : NULL;
}

struct domain *domain_by_port(uint32_t port)
{
	return port < PORT_MAX ? by_port[port] : NULL;
}

struct domain *domain_next(uint32_t domid)
{
	uint64_t word;

	if (domid >= DOMAIN_MAX)
		return NULL;
	word = known[domid / 64] >> domid % 64 << domid % 64;
	for (uint32_t i = domid / 64; ; word = known[i]) {
		if (word)
			return domains[i * 64 + (uint32_t)__builtin_ctzll(word)];
		if (++i == sizeof(known) / sizeof(*known))
			return NULL;
	}
}

static bool batch_note(uint32_t domid)
{
	if (batch_n == batch_cap) {
		size_t cap = batch_cap ? 2 * batch_cap : 16;
		uint32_t *more = realloc(batch, cap * sizeof(*more));

		if (!more)
			return false;
		batch = more;
		batch_cap = cap;
	}
	batch[batch_n++] = domid;
	return true;
}

static struct domain *domain_attach(struct domain_rec *rec)
{
	struct domain *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->domid = rec->domid;
	d->rec = rec;
	domains[rec->domid] = d;
	known[rec->domid / 64] |= UINT64_C(1) << rec->domid % 64;
	return d;
}

static struct domain *domain_new(uint32_t domid)
{
	uint64_t *root = heap_root(ROOT_DOMAINS);
	uint32_t ref = heap_alloc(sizeof(struct domain_rec));
	struct domain_rec *rec;
	struct domain *d;

	if (!ref || !batch_note(domid))
		return NULL;
	rec = heap_at(ref);
	memset(rec, 0, sizeof(*rec));
	rec->next = (uint32_t)*root;
	rec->domid = domid;
	rec->target = CALLER_NO_TARGET;
	rec->features = RING_FEATURES;
	for (int q = 0; q < QUOTA_COUNT; q++)
		rec->limit[q] = QUOTA_DEFAULT;
	d = domain_attach(rec);
	if (!d)
		return NULL;
	d->fresh = true;
	heap_touch(root, sizeof(*root));
	*root = ref;
	return d;
}

static struct domain *domain_get(uint32_t domid)
{
	struct domain *d = domain_find(domid);

	return d || domid >= DOMAIN_MAX ? d : domain_new(domid);
}

static bool domain_idle(const struct domain *d)
{
	if (d->domid == 0 || d->rec->flags || d->rec->nodes || d->rec->release_perms || d->conn)
		return false;
	for (int q = 0; q < QUOTA_COUNT; q++)
		if (d->rec->limit[q] != QUOTA_DEFAULT)
			return false;
	return true;
}

static void domain_free(struct domain *d)
{
	domains[d->domid] = NULL;
	known[d->domid / 64] &= ~(UINT64_C(1) << d->domid % 64);
	free(d);
}

static void domain_trim(struct domain *d)
{
	uint64_t *root = heap_root(ROOT_DOMAINS);
	uint32_t ref = heap_ref(d->rec), *link = NULL;

	for (uint32_t k = (uint32_t)*root; k != ref; k = *link)
		link = &((struct domain_rec *)heap_at(k))->next;
	if (link) {
		heap_touch(link, sizeof(*link));
		*link = d->rec->next;
	} else {
		heap_touch(root, sizeof(*root));
		*root = d->rec->next;
	}
	heap_free(ref, sizeof(*d->rec));
	domain_free(d);
}

/* A committed batch may leave domains of which nothing is left to know: a batch of its own. */
void domains_batch_end(bool committed)
{
	bool trimmed = false;

	for (size_t i = 0; i < batch_n; i++) {
		struct domain *d = domains[batch[i]];

		if (d && !committed && d->fresh) {
			domain_free(d);
		} else if (d) {
			d->fresh = false;
			if (committed && domain_idle(d)) {
				domain_trim(d);
				trimmed = true;
			}
		}
	}
	batch_n = 0;
	if (trimmed)
		heap_commit();
}

/* ---------------------------------------------------------------- accounts */

uint32_t domain_quota(const struct domain *d, enum quota q)
{
	if (!d || d->rec->limit[q] == QUOTA_DEFAULT)
		return quota_common(q);
	return d->rec->limit[q];
}

int domain_quota_set(uint32_t domid, enum quota q, uint32_t limit)
{
	struct domain *d = domain_get(domid);

	if (!d)
		return domid < DOMAIN_MAX ? -ENOMEM : -EINVAL;
	heap_touch(&d->rec->limit[q], sizeof(limit));
	d->rec->limit[q] = limit;
	return 0;
}

static int64_t domain_bytes(const struct domain *d)
{
	return d->rec->bytes + d->rec->held + d->txn_bytes;
}

static void soft_check(struct domain *d)
{
	bool over = quota_exceeded((uint64_t)domain_bytes(d), domain_quota(d, QUOTA_SOFT_MEMORY));

	if (over == !!(d->rec->flags & DOMAIN_WARNED) || !(d->rec->flags & DOMAIN_INTRODUCED))
		return;
	heap_touch(&d->rec->flags, sizeof(d->rec->flags));
	d->rec->flags ^= DOMAIN_WARNED;
	if (over)
		log_warn("domain %u uses %lld bytes, over its soft limit", d->domid,
			 (long long)domain_bytes(d));
}

int domain_afford(uint32_t domid, long nodes, long bytes)
{
	const struct domain *d = domain_find(domid);

	if (!domid)
		return 0;
	if (nodes > 0 && quota_exceeded((uint64_t)((d ? d->rec->nodes : 0) + nodes),
					domain_quota(d, QUOTA_NODES)))
		return -ENOSPC;
	if (bytes > 0 && quota_exceeded((uint64_t)((d ? domain_bytes(d) : 0) + bytes),
					domain_quota(d, QUOTA_MEMORY)))
		return -ENOSPC;
	return 0;
}

static void account_touch(struct domain_rec *rec)
{
	heap_touch(&rec->nodes, offsetof(struct domain_rec, limit) - offsetof(struct domain_rec, nodes));
}

/* The main tree's account (store.h: tree.charge). */
static int domain_charge(struct tree *t, uint32_t domid, int nodes, long bytes, bool limited)
{
	struct domain *d = domain_get(domid);
	int rc = limited ? domain_afford(domid, nodes, bytes) : 0;

	if (!d)
		return -ENOMEM;
	if (rc)
		return rc;
	account_touch(d->rec);
	d->rec->nodes += (uint32_t)nodes;
	d->rec->bytes += bytes;
	soft_check(d);
	if (!d->rec->nodes && !batch_note(domid))
		return -ENOMEM;
	return 0;
}

int domain_charge_held(struct domain *d, long bytes)
{
	int rc = d->domid && bytes > 0 ? domain_afford(d->domid, 0, bytes) : 0;

	account_touch(d->rec);
	d->rec->held += bytes;
	soft_check(d);
	return rc;
}

/* ------------------------------------------------------------ introduction */

static int domain_connect(struct domain *d, uint32_t remote_port)
{
	int port = guest_bind(d->domid, remote_port);

	if (port < 0)
		return port;
	if (port >= (int)PORT_MAX) {
		guest_unbind((uint32_t)port);
		return -ENOSPC;
	}
	d->port = (uint32_t)port;
	by_port[port] = d;
	return 0;
}

static void domain_disconnect(struct domain *d)
{
	if (d->port) {
		by_port[d->port] = NULL;
		guest_unbind(d->port);
		d->port = 0;
	}
	if (d->page)
		guest_unmap(d->domid, d->page);
	d->page = NULL;
}

/* A page that was mapped: from now on its owner is a client. */
static int domain_start(struct domain *d, uint64_t gfn, uint32_t port)
{
	struct guest_state state = { 0 };
	int rc = domain_connect(d, port);

	if (rc)
		return rc;
	d->conn = conn_new_ring(d);
	if (!d->conn)
		return -ENOMEM;
	guest_state(d->domid, &state);
	heap_touch(d->rec, sizeof(*d->rec));
	d->rec->flags = DOMAIN_INTRODUCED;
	d->rec->gfn = gfn;
	d->rec->port = port;
	memcpy(d->rec->handle, state.handle, sizeof(state.handle));
	ring_start(d);
	return 0;
}

static const struct perms *special_perms(unsigned int root)
{
	return heap_at((uint32_t)*heap_root(root));
}

/* Re-introduction: the page stays, the port may be new. */
static int domain_again(struct domain *d, uint64_t gfn, uint32_t port)
{
	int rc;

	if (d->rec->gfn != gfn || d->domid == 0)
		return -EINVAL;
	if (d->port) {
		by_port[d->port] = NULL;
		guest_unbind(d->port);
		d->port = 0;
	}
	rc = domain_connect(d, port);
	if (rc)
		return -EINVAL;
	heap_touch(&d->rec->port, sizeof(d->rec->port));
	d->rec->port = port;
	ring_kick(d);
	return 0;
}

int domain_introduce(uint32_t domid, uint64_t gfn, uint32_t port)
{
	struct domain *d = domain_get(domid);
	int rc;

	if (!d)
		return domid < DOMAIN_MAX ? -ENOMEM : -EINVAL;
	if (d->conn)
		return domain_again(d, gfn, port);
	rc = guest_map(domid, gfn, &d->page);
	if (!rc)
		rc = domain_start(d, gfn, port);
	if (rc) {
		log_rc(rc, "introduce domain %u", domid);
		domain_disconnect(d);
		return -EINVAL;
	}
	watch_fire_special("@introduceDomain", domid, special_perms(ROOT_INTRODUCE_PERMS),
			   special_perms(ROOT_INTRODUCE_PERMS));
	return 0;
}

int domain_introduce_own(void)
{
	struct domain *d = domain_get(0);
	uint32_t port;
	int rc;

	if (!d)
		return -ENOMEM;
	rc = guest_map_own(&d->page, &port);
	if (!rc)
		rc = domain_start(d, 0, port);
	if (rc)
		domain_disconnect(d);
	return rc;
}

bool domain_is_introduced(uint32_t domid)
{
	const struct domain *d = domain_find(domid);

	return d && d->rec->flags & DOMAIN_INTRODUCED;
}

/* ----------------------------------------------------------------- release */

static void gone_fire(void *ctx, const char *path, size_t len, const struct node *n)
{
	const struct watch_readers who = { { node_perms(n) }, 1 };

	watch_fire_exact(path, len, &who);
}

static bool is_target(uint32_t domid)
{
	for (struct domain *d = domain_next(0); d; d = domain_next(d->domid + 1))
		if (d->conn && d->domid != domid && d->rec->target == domid)
			return true;
	return false;
}

/* To those who may know of all deaths, and to those who may know of this one. */
static void release_fire(const struct domain *d)
{
	const struct perms *all = special_perms(ROOT_RELEASE_PERMS);
	uint32_t own = d->rec->release_perms;

	watch_fire_special("@releaseDomain", d->domid, all, own ? heap_at(own) : all);
}

static int special_strip(uint32_t *special, uint32_t domid)
{
	uint32_t ref;

	if (!*special || !perms_names(heap_at(*special), domid))
		return 0;
	ref = perms_without(heap_at(*special), domid);
	if (!ref)
		return -ENOMEM;
	perms_put(*special);
	heap_touch(special, sizeof(*special));
	*special = ref;
	return 0;
}

/* Who was allowed to hear of domains is not any more. */
static int specials_forget(uint32_t domid)
{
	int rc = special_strip((uint32_t *)heap_root(ROOT_INTRODUCE_PERMS), domid);

	if (!rc)
		rc = special_strip((uint32_t *)heap_root(ROOT_RELEASE_PERMS), domid);
	for (struct domain *d = domain_next(0); !rc && d; d = domain_next(d->domid + 1))
		rc = special_strip(&d->rec->release_perms, domid);
	return rc;
}

/* Nothing of the old bearer of this domid may reach the next one. */
static int domain_end(struct domain *d)
{
	uint32_t target = d->rec->target;
	struct domain *t;
	int rc = specials_forget(d->domid);

	if (!rc)
		rc = store_forget_domain(d->domid, gone_fire, NULL);
	if (rc)
		return rc;
	conn_end(d->conn);
	d->conn = NULL;
	domain_disconnect(d);
	heap_touch(d->rec, sizeof(*d->rec));
	release_fire(d);
	if (d->rec->release_perms)
		perms_put(d->rec->release_perms);
	d->rec->release_perms = 0;
	d->rec->flags = 0;
	d->rec->target = CALLER_NO_TARGET;
	d->rec->held = 0;
	for (int q = 0; q < QUOTA_COUNT; q++)
		d->rec->limit[q] = QUOTA_DEFAULT;
	batch_note(d->domid);
	t = domain_find(target);
	if (t && t->conn && t->rec->flags & DOMAIN_DYING && !is_target(target))
		return domain_end(t);
	return 0;
}

int domain_release(uint32_t domid)
{
	struct domain *d = domain_find(domid);

	if (!domid)
		return -EINVAL;
	if (!d || !d->conn)
		return -ENOENT;
	if (is_target(domid)) {
		heap_touch(&d->rec->flags, sizeof(d->rec->flags));
		d->rec->flags |= DOMAIN_DYING;
		return 0;
	}
	return domain_end(d);
}

/* XS_RESUME: a shutdown may be told of again. */
int domain_resume_one(uint32_t domid)
{
	struct domain *d = domain_find(domid);

	if (!d || !d->conn)
		return -ENOENT;
	heap_touch(&d->rec->flags, sizeof(d->rec->flags));
	d->rec->flags &= ~(uint32_t)DOMAIN_SHUTDOWN;
	return 0;
}

int domain_set_target(uint32_t domid, uint32_t target)
{
	struct domain *d = domain_find(domid), *t = domain_find(target);

	if (!d || !d->conn || !t || !t->conn)
		return -ENOENT;
	if (domid == target || t->rec->target != CALLER_NO_TARGET)
		return -EINVAL;
	heap_touch(&d->rec->target, sizeof(target));
	d->rec->target = target;
	d->conn->who.target = target;
	return 0;
}

static void domain_check(struct domain *d, const struct guest_state *state)
{
	int rc = 0;

	if (!state || state->dying) {
		rc = d->rec->flags & DOMAIN_DYING ? 0 : domain_release(d->domid);
	} else if (state->shutdown && !(d->rec->flags & DOMAIN_SHUTDOWN)) {
		heap_touch(&d->rec->flags, sizeof(d->rec->flags));
		d->rec->flags |= DOMAIN_SHUTDOWN;
		release_fire(d);
	}
	batch_end(rc);
	if (rc)
		log_rc(rc, "release domain %u", d->domid);
}

/* Both lists are in order: those that the hypervisor skips are gone. */
void domains_check(void)
{
	struct guest_state state[64];
	struct domain *d = domain_next(1);
	uint32_t first = 1;
	int n = 64;

	while (d && n == 64) {
		n = guest_list(first, 64, state);
		if (n < 0) {
			log_rc(n, "list domains");
			return;
		}
		for (int i = 0; d && (i < n || n < 64);) {
			uint32_t domid = d->domid;

			if (i < n && state[i].domid < domid) {
				i++;
				continue;
			}
			if (d->conn)
				domain_check(d, i < n && state[i].domid == domid ? &state[i] : NULL);
			d = domain_next(domid + 1);
		}
		first = n ? state[n - 1].domid + 1 : 0;
	}
}

int domain_set_features(uint32_t domid, uint32_t features)
{
	struct domain *d = domain_find(domid);

	if (!d || !d->conn)
		return -ENOENT;
	if (features & ~(uint32_t)RING_FEATURES)
		return -EINVAL;
	heap_touch(&d->rec->features, sizeof(features));
	d->rec->features = features;
	if (d->page)
		d->page->server_features = features;
	return 0;
}

uint32_t domain_features_offered(void)
{
	return RING_FEATURES;
}

/* "@releaseDomain/<domid>" falls back on "@releaseDomain" until it was given its own. */
uint32_t *domain_special_perms(const struct path *p)
{
	struct domain *d;
	char *end;
	unsigned long domid;

	if (!strcmp(p->text, "@introduceDomain"))
		return (uint32_t *)heap_root(ROOT_INTRODUCE_PERMS);
	if (!strcmp(p->text, "@releaseDomain"))
		return (uint32_t *)heap_root(ROOT_RELEASE_PERMS);
	if (strncmp(p->text, "@releaseDomain/", 15) || p->text[15] < '0' || p->text[15] > '9')
		return NULL;
	domid = strtoul(p->text + 15, &end, 10);
	d = *end || domid >= DOMAIN_MAX ? NULL : domains[domid];
	if (!d)
		return NULL;
	return d->rec->release_perms ? &d->rec->release_perms :
		(uint32_t *)heap_root(ROOT_RELEASE_PERMS);
}

/* ------------------------------------------------------------------- start */

int domain_open(bool fresh)
{
	static const struct perm dom0_only = { 0, 0 };
	static const unsigned int special[] = { ROOT_INTRODUCE_PERMS, ROOT_RELEASE_PERMS };

	for (unsigned int i = 0; fresh && i < 2; i++) {
		uint32_t perms = perms_get(&dom0_only, 1);

		if (!perms)
			return -ENOMEM;
		heap_touch(heap_root(special[i]), sizeof(uint64_t));
		*heap_root(special[i]) = perms;
	}
	store_main.charge = domain_charge;
	return 0;
}

static int rec_mark(uint32_t ref)
{
	struct domain_rec *rec = heap_at(ref);
	struct domain *d;

	if (!heap_valid(ref, sizeof(*rec)) || !heap_mark(ref, sizeof(*rec)) ||
	    rec->domid >= DOMAIN_MAX || domains[rec->domid] ||
	    (rec->release_perms && !perms_mark(rec->release_perms)))
		return -EINVAL;
	rec->nodes = 0;
	rec->bytes = 0;
	d = domain_attach(rec);
	if (!d)
		return -ENOMEM;
	if (!(rec->flags & DOMAIN_INTRODUCED))
		return 0;
	d->conn = conn_new_ring(d);
	if (!d->conn)
		return -ENOMEM;
	d->conn->who.target = rec->target;
	return ring_mark(&rec->chan) && watch_restore(d->conn) && txn_restore(d->conn) ? 0 : -EINVAL;
}

int domain_mark(void)
{
	uint32_t ref = (uint32_t)*heap_root(ROOT_DOMAINS);

	if (!perms_mark((uint32_t)*heap_root(ROOT_INTRODUCE_PERMS)) ||
	    !perms_mark((uint32_t)*heap_root(ROOT_RELEASE_PERMS)))
		return -EINVAL;
	for (; ref; ref = ((struct domain_rec *)heap_at(ref))->next) {
		int rc = rec_mark(ref);

		if (rc)
			return rc;
	}
	return 0;
}

void domain_count(uint32_t domid, long bytes)
{
	struct domain *d = domain_find(domid);

	if (!d)
		return;
	d->rec->nodes++;
	d->rec->bytes += bytes;
}

static int reattach(struct domain *d)
{
	struct guest_state state;
	uint32_t port = d->rec->port;
	int rc;

	if (d->domid == 0)
		rc = guest_map_own(&d->page, &port);
	else
		rc = guest_state(d->domid, &state);
	if (rc)
		return rc;
	if (d->domid) {
		if (!state.exists || state.dying ||
		    memcmp(state.handle, d->rec->handle, sizeof(state.handle)))
			return -ESRCH;
		rc = guest_map(d->domid, d->rec->gfn, &d->page);
	}
	if (!rc)
		rc = domain_connect(d, port);
	if (!rc)
		ring_resume(d);
	return rc;
}

/* dom0's kernel can't be gone; without its page there is just no ring (no hypervisor here). */
static void own_lost(struct domain *d)
{
	domain_disconnect(d);
	conn_end(d->conn);
	d->conn = NULL;
	heap_touch(&d->rec->flags, sizeof(d->rec->flags));
	d->rec->flags = 0;
	batch_end(0);
}

void domain_resume(void)
{
	uint32_t domid;

	/* Whoever ends may take others along. */
	for (struct domain *d = domain_next(0); d; d = domain_next(domid + 1)) {
		int rc = d->conn ? reattach(d) : 0;

		domid = d->domid;
		if (!rc)
			continue;
		log_warn("domain %u can't be taken up again: %s", domid, strerror(-rc));
		if (domid)
			batch_end(domain_end(d));
		else
			own_lost(d);
	}
}
