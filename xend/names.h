/*
 * names.h - who is called what, as xend tells it in one node, so that a list of many domains is one
 * question to XenStore and not one for each.
 *
 * The truth is /local/domain/<domid>/name; xend watches those nodes and writes what they say to
 * /tool/xend/names/0, /1 …: first "<pid of xend> <number of pieces>\n", then a row "<domid> <name>\n"
 * for each.  A piece ends with a whole row.  Only rows of a living xend count, and a name
 * that is not there is to be looked up as ever: a domain may be too new, or its name may hold a newline.
 * What another program than xend renames is known here a moment later.
 */
#ifndef XEND_NAMES_H
#define XEND_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_ROOT "/tool/xend/names"
#define NAMES_PIECE 4000		/* bytes of one node */
#define NAMES_PIECES_MAX 64
#define NAMES_PATH 48			/* bytes of NAMES_ROOT/<piece> */

struct xs;
struct xend;

/* All rows, as text; NULL: there are none that count.  The caller frees. */
char *names_read(struct xs *xs);
/* The row at *at, and *at moves on to the next; false: there is no more.  *name is lent, of *len
 * bytes, without a NUL.  What is no row is skipped. */
bool names_next(const char **at, uint32_t *domid, const char **name, size_t *len);

/* xend's part.  With a new connection to XenStore.  If it fails nothing is told. */
void names_start(struct xend *x);
/* What a watch with the token "names" told. */
void names_event(struct xend *x, const char *path);
/* xend renamed it itself: told before the job is done. */
void names_set(struct xend *x, uint32_t domid, const char *name);
/* No rows are told any more. */
void names_stop(struct xend *x);

#endif
