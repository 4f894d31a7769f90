/* req_node.c - requests about nodes: values, children, permissions. */
#include "xenstore/req.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/change.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Whether the transaction wrote the value that it sees. */
static bool value_is_own(const struct request *r, const struct node *n)
{
	const char *value;

	return r->txn && (n->value_gen == r->tree->mark ||
			  txn_value(r->txn, &r->path, &value) >= 0);
}

static int req_lookup(struct request *r, unsigned int what, struct node **n)
{
	int rc = store_lookup(r->tree, &r->path, &r->c->who, PERM_READ, n);
	int noted = 0;

	/* That it has not learnt from anybody. */
	if (!rc && what == SEEN_VALUE && value_is_own(r, *n))
		return 0;
	if (r->txn && (!rc || rc == -ENOENT))
		noted = txn_note(r->txn, &r->path, r->path.parts,
				 SEEN_NODE | (rc ? 0 : what) |
				 (conn_privileged(r->c) ? 0 : SEEN_PERMS));
	return noted ? noted : rc;
}

int req_read(struct request *r)
{
	struct node *n;
	ssize_t off;
	int rc = req_path(r);

	if (!rc)
		rc = req_lookup(r, SEEN_VALUE, &n);
	if (rc)
		return rc;
	off = r->txn ? txn_value(r->txn, &r->path, &r->reply) : -ENOENT;
	if (off < 0)
		r->reply = n->value ? heap_at(n->value) : "";
	r->reply_len = off < 0 ? n->value_len : (size_t)off;
	return 0;
}

int req_directory(struct request *r)
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
		return req_answer(r, gen + fit);
	}
	if (fit)
		memcpy(r->text + gen, names + offset, fit);
	r->text[gen + fit] = '\0';
	return req_answer(r, gen + fit + 1);
}

int req_directory_part(struct request *r)
{
	const char *s[2];
	struct node *n;
	uint64_t offset;
	int rc = req_strings(r, s, 2);

	if (rc != 2 || req_number(s[1], UINT32_MAX, &offset))
		return -EINVAL;
	rc = req_path_set(r, s[0], strlen(s[0]), false);
	if (!rc)
		rc = req_lookup(r, SEEN_LIST, &n);
	return rc ? rc : part_fill(r, n, offset);
}

int req_write(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);
	int rc = len < r->h.len ? req_path_set(r, r->data, len, false) : -EINVAL;

	return rc ? rc : change_write(r->c, r->txn, &r->path, r->data + len + 1,
				      r->h.len - len - 1);
}

int req_mkdir(struct request *r)
{
	int rc = req_path(r);

	return rc ? rc : change_mkdir(r->c, r->txn, &r->path);
}

int req_rm(struct request *r)
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
	return req_answer(r, len);
}

int req_get_perms(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);
	struct node *n;
	uint32_t *special;
	int rc = len + 1 == r->h.len ? req_path_set(r, r->data, len, true) : -EINVAL;

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

int req_set_perms(struct request *r)
{
	static struct perm list[PERMS_MAX];
	size_t len = strnlen(r->data, r->h.len);
	uint32_t perms;
	int n, rc;

	if (len + 1 >= r->h.len || req_path_set(r, r->data, len, true))
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
