#include "xenstore/change.h"

#include <errno.h>

#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/perms.h"
#include "xenstore/quota.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"
#include "xenstore/watch.h"

/* A change to be made: where, and what is there now. */
struct change {
	struct conn *c;
	struct txn *t;
	struct tree *tree;
	const struct path *p;
	struct place at;
	unsigned int may;	/* what the client may do with that */
};

static int change_look(struct change *ch, struct conn *c, struct txn *t, const struct path *p)
{
	*ch = (struct change){ c, t, t ? txn_tree(t) : &store_main, p };
	if (!t && txn_must_wait(c, p))
		return -EINPROGRESS;
	store_find(ch->tree, p, &ch->at);
	ch->may = conn_privileged(c) ? ~0u : perms_allowed(node_perms(ch->at.node), &c->who);
	return 0;
}

static bool change_exists(const struct change *ch)
{
	return ch->at.depth == ch->p->parts;
}

/* Inside a transaction: what the change rests on, and that it was made. */
static int change_note(struct change *ch, unsigned int what)
{
	int rc = 0;

	if (!ch->t)
		return 0;
	if (!change_exists(ch)) {
		rc = txn_note(ch->t, ch->p, ch->at.depth, SEEN_NODE | SEEN_PERMS);
		/* Each part made on the way was seen not to be there. */
		for (unsigned int i = ch->at.depth + 1; !rc && i < ch->p->parts; i++)
			rc = txn_note(ch->t, ch->p, i, SEEN_NODE | what);
	}
	return rc ? rc : txn_note(ch->t, ch->p, ch->p->parts, SEEN_NODE | what);
}

static int change_create(struct change *ch, const void *value, size_t len)
{
	struct watch_readers who = { { node_perms(ch->at.node) }, 1 };
	struct node *made;
	int rc = change_note(ch, CHANGED);

	if (!rc)
		rc = store_create(ch->tree, ch->p, &ch->at, &ch->c->who, value, len, &made);
	if (rc || ch->t)
		return rc;
	who.perms[who.n++] = node_perms(made);
	watch_fire(ch->p, &who);
	return 0;
}

static int value_set(struct change *ch, const void *value, size_t len)
{
	int rc = store_set_value(ch->tree, ch->p, &ch->at, &ch->c->who, value, len);

	if (!rc && !ch->t)
		watch_fire(ch->p, &(struct watch_readers){ { node_perms(ch->at.node) }, 1 });
	return rc;
}

int change_write(struct conn *c, struct txn *t, const struct path *p, const void *value,
		 size_t len)
{
	struct change ch;
	int rc = change_look(&ch, c, t, p);

	if (rc)
		return rc;
	if (!(ch.may & PERM_WRITE))
		return -EACCES;
	if (!conn_privileged(c) && quota_exceeded(len, domain_quota(c->domain, QUOTA_NODE_SIZE)))
		return -ENOSPC;
	if (!change_exists(&ch))
		return change_create(&ch, value, len);
	if (t && txn_put_off(t, p, ch.at.node, value, len, &rc))
		return rc;
	return value_set(&ch, value, len);
}

int change_value(struct conn *c, const struct path *p, struct node *n, const void *value,
		 size_t len)
{
	struct change ch = { c, NULL, &store_main, p, { n, NULL, p->parts }, ~0u };

	if (txn_must_wait(c, p))
		return -EINPROGRESS;
	if (!conn_privileged(c) && !(perms_allowed(node_perms(n), &c->who) & PERM_WRITE))
		return -EACCES;
	return value_set(&ch, value, len);
}

int change_mkdir(struct conn *c, struct txn *t, const struct path *p)
{
	struct change ch;
	int rc = change_look(&ch, c, t, p);

	if (rc)
		return rc;
	if (!(ch.may & PERM_WRITE))
		return -EACCES;
	if (change_exists(&ch))
		return t ? txn_note(t, p, p->parts, SEEN_NODE) : 0;
	return change_create(&ch, NULL, 0);
}

static void gone_fire(void *ctx, const char *path, size_t len, const struct node *n)
{
	struct change *ch = ctx;

	/* The top one is the event itself. */
	if (len != ch->p->len)
		watch_fire_exact(path, len, &(struct watch_readers){ { node_perms(n) }, 1 });
}

static int change_absent(struct change *ch)
{
	unsigned int need = ch->at.depth + 1 == ch->p->parts ? PERM_WRITE : PERM_READ;
	int rc = ch->t ? txn_note(ch->t, ch->p, ch->p->parts, SEEN_NODE) : 0;

	if (rc)
		return rc;
	if (!(ch->may & need))
		return -EACCES;
	return need == PERM_WRITE ? 0 : -ENOENT;
}

int change_remove(struct conn *c, struct txn *t, const struct path *p)
{
	struct watch_readers who = { .n = 2 };
	struct change ch;
	int rc = change_look(&ch, c, t, p);

	if (rc)
		return rc;
	if (!p->parts)
		return -EINVAL;
	if (!change_exists(&ch))
		return change_absent(&ch);
	if (!(ch.may & PERM_WRITE))
		return -EACCES;
	rc = change_note(&ch, CHANGED | REMOVED);
	if (rc)
		return rc;
	who.perms[0] = node_perms(ch.at.node);
	who.perms[1] = node_perms(ch.at.above);
	if (!t)
		watch_fire(p, &who);
	return store_remove(ch.tree, p, &ch.at, t ? NULL : gone_fire, &ch);
}

static int perms_judge(const struct change *ch, const struct perms *l)
{
	uint32_t limit = domain_quota(ch->c->domain, QUOTA_NODE_PERMISSIONS);

	if (conn_privileged(ch->c))
		return 0;
	if (!(ch->may & PERM_OWNER))
		return -EACCES;
	if (quota_exceeded(l->n, limit))
		return -ENOSPC;
	return perms_owner(l) == perms_owner(node_perms(ch->at.node)) ? 0 : -EPERM;
}

int change_perms(struct conn *c, struct txn *t, const struct path *p, uint32_t perms)
{
	struct watch_readers who = { .n = 2 };
	struct change ch;
	int rc = change_look(&ch, c, t, p);

	if (rc)
		return rc;
	if (!change_exists(&ch)) {
		rc = t ? txn_note(t, p, p->parts, SEEN_NODE) : 0;
		return rc ? rc : ch.may & PERM_READ ? -ENOENT : -EACCES;
	}
	rc = perms_judge(&ch, heap_at(perms));
	if (!rc)
		rc = change_note(&ch, CHANGED | CHANGED_PERMS | SEEN_PERMS);
	who.perms[0] = node_perms(ch.at.node);
	who.perms[1] = heap_at(perms);
	if (!rc)
		rc = store_set_perms(ch.tree, p, &ch.at, perms);
	if (!rc && !t)
		watch_fire(p, &who);
	return rc;
}
