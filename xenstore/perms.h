/*
 * perms.h - who may do what with a node.
 *
 * Nearly all nodes share a few lists, so each distinct list is held once, in the heap, counted.
 * Equal lists have equal references.
 */
#ifndef XENSTORE_PERMS_H
#define XENSTORE_PERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERM_READ 1u
#define PERM_WRITE 2u
#define PERM_OWNER 4u		/* beyond both: may change the list itself */

#define PERMS_MAX 1024		/* entries: more than a payload of 4096 bytes can name */
#define PERMS_DOMID_MAX 0x7ff0u	/* xen.h: DOMID_FIRST_RESERVED */

struct perm {
	uint16_t domid;
	uint16_t access;	/* PERM_READ | PERM_WRITE */
};

struct perms {			/* durable */
	uint32_t next;		/* in its hash chain */
	uint32_t hash;
	uint32_t count;		/* references to it */
	uint32_t n;
	struct perm p[];	/* p[0]: owner, and what all others may */
};

/* Who asks. */
struct caller {
	uint32_t domid;
	uint32_t target;	/* domain that lends its rights, or CALLER_NO_TARGET */
};

#define CALLER_NO_TARGET UINT32_MAX

/* The table hangs on a heap root; fresh makes an empty one.  0 or -ENOMEM. */
int perms_open(bool fresh);

/* The list's reference, counted; 0 for want of memory. */
uint32_t perms_get(const struct perm *p, size_t n);
/* One more, one less reference to a list that somebody holds. */
void perms_hold(uint32_t ref);
void perms_put(uint32_t ref);

static inline uint32_t perms_owner(const struct perms *l)
{
	return l->p[0].domid;
}

/* What the caller may: PERM_READ | PERM_WRITE | PERM_OWNER. */
unsigned int perms_allowed(const struct perms *l, const struct caller *who);

/* A list from the wire: "b0\0r5\0…".  Returns the count, or -EINVAL. */
int perms_parse(struct perm *out, size_t max, const char *text, size_t len);
/* One entry as on the wire; out holds at least 8 bytes.  Its length, without the NUL. */
int perms_format(char *out, const struct perm *p);

/* Whether any list in use names the domain. */
bool perms_mention(uint32_t domid);
/* Whether this list does. */
bool perms_names(const struct perms *l, uint32_t domid);
/* The list without that domain, counted for the caller; what it owned becomes dom0's.  0 for want
 * of memory. */
uint32_t perms_without(const struct perms *l, uint32_t domid);

/* After a start: forget all counts, then mark and count each use again. */
bool perms_mark_begin(void);
bool perms_mark(uint32_t ref);
void perms_mark_end(void);
size_t perms_lists(void);

#endif
