/* The doors that commands go through, opened once and with an error that says what to do. */
#ifndef XM_OPEN_H
#define XM_OPEN_H

#include "xend/domain.h"
#include "xm/xm.h"

struct hyp;
struct xs;

/* Handles live until the program ends.  On failure the error is said; NULL. */
struct hyp *xm_hyp(void);
struct xs *xm_xs(void);
/* A new connection when the old one is lost: waits some seconds for the store to come back.
 * NULL without a word when it doesn't. */
struct xs *xm_xs_again(void);
/* The same without a word when there is none: reading commands do without names. */
struct xs *xm_xs_quiet(void);

/* Everybody, sorted by name.  XM_OK, or the error is said and its status given. */
int xm_roster(struct dom_list *l);
/* The same for those that words name, in what XenStore says at this moment. */
int xm_roster_for(struct dom_list *l, char *const *words, int count);
/* The one that word names: XM_OK with *d lent from *l, or the error is said. */
int xm_find(struct dom_list *l, const char *word, struct dom **d);
/* What an errno of the hypervisor's means here: the error is said. */
int xm_hyp_error(const char *what, int rc);

#endif
