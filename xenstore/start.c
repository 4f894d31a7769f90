#include "xenstore/start.h"

#include <errno.h>
#include <string.h>

#include "xenstore/batch.h"
#include "xenstore/change.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/heap.h"
#include "xenstore/perms.h"
#include "xenstore/quota.h"
#include "xenstore/roots.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int parts_open(bool fresh)
{
	int rc = perms_open(fresh);

	if (!rc)
		rc = quota_open(fresh);
	if (!rc)
		rc = domain_open(fresh);
	if (!rc)
		rc = store_open(fresh);
	if (!rc)
		txn_open(fresh);
	return rc;
}

static int parts_verify(void)
{
	int rc;

	heap_mark_begin();
	if (!quota_mark() || !perms_mark_begin())
		return -EINVAL;
	rc = domain_mark();
	if (!rc)
		rc = store_mark(domain_count);
	if (rc)
		return rc;
	heap_mark_end();
	perms_mark_end();
	return 0;
}

int start_store(const char *path, bool *fresh)
{
	int rc = heap_open(path, fresh);

	if (rc)
		return rc;
	/* Whoever made it may have died before there was anything in it. */
	if (!*heap_root(ROOT_TREE))
		*fresh = true;
	rc = parts_open(*fresh);
	if (!rc && !*fresh)
		rc = parts_verify();
	if (!rc) {
		batch_end(0);
		heap_ready();
	}
	return rc == -EINVAL ? -EUCLEAN : rc;
}

void start_dom0_nodes(void)
{
	static const struct { const char *path, *value; } node[] = {
		{ "/tool/xenstored", "" },
		{ "/local/domain/0/domid", "0" },
		{ "/local/domain/0/name", "Domain-0" },
		{ "/local/pool/0/name", "Pool-0" },
	};
	static struct path p;
	struct conn dom0 = { .who = { 0, CALLER_NO_TARGET } };

	for (size_t i = 0; i < COUNT(node); i++) {
		path_parse(&p, node[i].path, strlen(node[i].path), 0, false);
		if (!store_get(&store_main, &p, p.parts))
			batch_end(change_write(&dom0, NULL, &p, node[i].value,
					       strlen(node[i].value)));
	}
}
