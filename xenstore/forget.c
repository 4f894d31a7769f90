/* forget.c - store_forget_domain(): what a domain leaves behind when it is gone. */
#include "xenstore/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

/* Nodes that name the domain, found before any of them changes. */
struct found {
	uint32_t domid;
	char **path;
	size_t n, cap;
	bool failed;
};

struct forget {
	uint32_t domid;
	store_gone_fn gone;
	void *ctx;
};

static void found_add(void *ctx, const char *path, size_t len, const struct node *n)
{
	struct found *f = ctx;

	if (!perms_names(node_perms(n), f->domid))
		return;
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 64;
		char **more = realloc(f->path, cap * sizeof(*more));

		if (!more) {
			f->failed = true;
			return;
		}
		f->path = more;
		f->cap = cap;
	}
	f->path[f->n] = strdup(path);
	if (f->path[f->n])
		f->n++;
	else
		f->failed = true;
}

static int perms_strip(const struct path *p, const struct place *at, uint32_t domid)
{
	uint32_t ref = perms_without(node_perms(at->node), domid);
	int rc = ref ? store_set_perms(&store_main, p, at, ref) : -ENOMEM;

	if (ref)
		perms_put(ref);
	return rc;
}

static int forget_one(const struct forget *f, const char *text)
{
	static struct path p;
	struct place at;

	if (path_parse(&p, text, strlen(text), 0, false))
		return -EINVAL;
	store_find(&store_main, &p, &at);
	if (at.depth < p.parts)
		return 0;	/* gone with one above it */
	if (p.parts && perms_owner(node_perms(at.node)) == f->domid)
		return store_remove(&store_main, &p, &at, f->gone, f->ctx);
	return perms_strip(&p, &at, f->domid);
}

/* Everything at or below top, if there is such a node. */
static int forget_below(const struct forget *f, const char *top)
{
	struct found found = { .domid = f->domid };
	int rc = store_walk(top, found_add, &found);

	if (rc == -ENOENT || rc == -EINVAL)
		rc = 0;
	else if (!rc && found.failed)
		rc = -ENOMEM;
	for (size_t i = 0; i < found.n; i++) {
		if (!rc)
			rc = forget_one(f, found.path[i]);
		free(found.path[i]);
	}
	free(found.path);
	return rc;
}

static struct node *node_named(const char *text)
{
	static struct path p;

	if (path_parse(&p, text, strlen(text), 0, false))
		return NULL;
	return store_get(&store_main, &p, p.parts);
}

/* /local/domain/0/backend/<each kind>/<domid> */
static int forget_backends(const struct forget *f)
{
	static const char backends[] = "/local/domain/0/backend";
	struct node *n = node_named(backends);
	const char *names;
	size_t len;
	char *kinds, path[XENSTORE_PAYLOAD_MAX];
	int rc = n ? store_list(n, &names, &len) : -ENOENT;

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	kinds = malloc(len + 1);
	if (!kinds)
		return -ENOMEM;
	memcpy(kinds, names, len);
	for (size_t at = 0; !rc && at < len; at += strlen(kinds + at) + 1) {
		snprintf(path, sizeof(path), "%s/%s/%u", backends, kinds + at, f->domid);
		rc = forget_below(f, path);
	}
	free(kinds);
	return rc;
}

/* Where the node /local/domain/<domid>/vm says. */
static int forget_vm(const struct forget *f, const char *home)
{
	char path[XENSTORE_ABS_PATH_MAX + 8];
	struct node *n;

	snprintf(path, sizeof(path), "%s/vm", home);
	n = node_named(path);
	if (!n || n->value_len >= sizeof(path))
		return 0;
	memcpy(path, node_value(n), n->value_len);
	path[n->value_len] = '\0';
	return path[0] == '/' ? forget_below(f, path) : 0;
}

/*
 * Toolstacks keep to a few places, so a death costs what the domain had.  Only what still names it
 * after those is searched for everywhere.
 */
int store_forget_domain(uint32_t domid, store_gone_fn gone, void *ctx)
{
	const struct forget f = { domid, gone, ctx };
	char home[32], tool[32];
	int rc;

	if (!perms_mention(domid))
		return 0;
	snprintf(home, sizeof(home), "/local/domain/%u", domid);
	snprintf(tool, sizeof(tool), "/libxl/%u", domid);
	rc = forget_vm(&f, home);
	if (!rc)
		rc = forget_below(&f, home);
	if (!rc)
		rc = forget_backends(&f);
	if (!rc)
		rc = forget_below(&f, tool);
	if (!rc && perms_mention(domid))
		rc = forget_below(&f, "/");
	return rc;
}
