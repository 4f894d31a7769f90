/*
 * path.h - names of nodes: checked, made absolute, cut into parts, hashed.
 *
 * The rules are xenstore.txt's: characters A-Z a-z 0-9 - / _ @, no empty part, at most 3072
 * bytes when absolute and 2048 when relative.
 */
#ifndef XENSTORE_PATH_H
#define XENSTORE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

/* A relative path of the longest kind, below the longest home. */
#define PATH_MAX_LEN XENSTORE_ABS_PATH_MAX
#define PATH_PARTS_MAX (PATH_MAX_LEN / 2)

struct path_part {
	uint16_t at, len;	/* in .text, without the slash before it */
	uint32_t hash;		/* of these bytes */
};

struct path {
	char text[PATH_MAX_LEN + 1];	/* absolute, or @special; ends in a NUL */
	uint16_t len;
	uint16_t parts;			/* 0: the root, or a special */
	uint16_t home;			/* bytes that were put before a relative path */
	bool special;			/* @… */
	struct path_part part[PATH_PARTS_MAX];
};

/* Hashes start from this: a random number that the store keeps. */
void path_seed(uint64_t seed);
uint32_t path_hash(const char *name, size_t len);

/*
 * Judge len bytes, which need no NUL, as a path of domain domid.  Specials (@…) pass only if
 * allowed.  0 or -EINVAL, whatever is wrong with it.
 */
int path_parse(struct path *p, const char *text, size_t len, unsigned int domid, bool special);

/* Whether a node may bear such a name. */
bool path_name_good(const char *name, size_t len);

/* Bytes of .text that name the first n parts ("/" for 0). */
size_t path_prefix(const struct path *p, unsigned int n);

#endif
