/* roots.h - which word of the heap each part of the daemon hangs its durable objects on. */
#ifndef XENSTORE_ROOTS_H
#define XENSTORE_ROOTS_H

enum heap_roots {
	ROOT_TREE,		/* store.c: the root node */
	ROOT_GENERATION,	/* store.c: counts changes */
	ROOT_SEQUENCE,		/* store.c: counts nodes ever made */
	ROOT_SEED,		/* path.c: where hashes start */
	ROOT_PERMS,		/* perms.c: its table */
	ROOT_DOMAINS,		/* domain.c: the first domain */
	ROOT_INTRODUCE_PERMS,	/* domain.c: who may watch @introduceDomain */
	ROOT_RELEASE_PERMS,	/* domain.c: who may watch @releaseDomain */
	ROOT_TXN_ID,		/* txn.c: the last transaction's number */
	ROOT_LIMITS,		/* quota.c: limits that CONTROL changed */
	ROOT_SOCKETS,		/* update.c: connections handed over */
};

#endif
