/* Handles to the hypervisor and to XenStore, and the people's list. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/roster.h"
#include "xm/open.h"

#define STORE_BACK_TRIES 150		/* of 100 ms: what a restart of xenstored may take */

static struct hyp *hyp;
static struct xs *store;

int xm_hyp_error(const char *what, int rc)
{
	if (geteuid() != 0)
		return xm_error("Most commands need root access. Please try again as root.");
	if (rc == -ENODEV || rc == -ENOENT)
		return xm_error("This system does not run on Xen, or its privcmd device is missing.\n"
				"Boot it through the hypervisor; then: modprobe xen-privcmd");
	if (rc == -EPERM)
		return xm_error("%s: the hypervisor refuses: this is not the privileged domain.",
				what);
	return xm_error("%s: %s.", what, strerror(-rc));
}

struct hyp *xm_hyp(void)
{
	int rc;

	if (hyp)
		return hyp;
	rc = hyp_open(&hyp);
	if (rc < 0) {
		hyp = NULL;
		xm_hyp_error("Unable to reach the hypervisor", rc);
	}
	return hyp;
}

/* Where xenstored runs in this domain, a socket without a listener means that it is dead; the
 * kernel's device would then wait for it, for ever. */
static int store_open(void)
{
	bool has_socket = access(xs_socket_path(false), F_OK) == 0;
	int rc = xs_open(&store, has_socket ? XS_OPEN_SOCKET_ONLY : 0);

	if (rc < 0)
		store = NULL;
	return rc;
}

struct xs *xm_xs_quiet(void)
{
	if (!store)
		store_open();
	return store;
}

struct xs *xm_xs(void)
{
	int rc;

	if (store)
		return store;
	rc = store_open();
	if (rc == 0)
		return store;
	if (geteuid() != 0)
		xm_error("Most commands need root access. Please try again as root.");
	else
		xm_error("Unable to reach XenStore: %s. Is xenstored running?\n"
			 "Start it with: /etc/init.d/xencommons start", strerror(-rc));
	return NULL;
}

struct xs *xm_xs_again(void)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };

	if (store)
		xs_close(store);
	store = NULL;
	for (int tries = 0; tries < STORE_BACK_TRIES && store_open() < 0; tries++)
		nanosleep(&step, NULL);
	return store;
}

static int roster_get(struct dom_list *l,
		      int (*get)(struct hyp *h, struct xs *xs, struct dom_list *l))
{
	struct hyp *h = xm_hyp();
	int rc;

	*l = (struct dom_list){ 0 };
	if (!h)
		return XM_FAILED;
	rc = get(h, xm_xs_quiet(), l);
	return rc < 0 ? xm_hyp_error("Unable to list domains", rc) : XM_OK;
}

int xm_roster(struct dom_list *l)
{
	return roster_get(l, roster_read_all_told);
}

/* Whoever is named, it is by the name that it has now. */
static bool is_so(const struct dom_list *l, const char *word)
{
	const struct dom *d = dom_list_find(l, word);

	return d && roster_is_called(xm_xs_quiet(), d);
}

static int roster_again(struct dom_list *l)
{
	dom_list_free(l);
	return roster_get(l, roster_read);
}

int xm_roster_for(struct dom_list *l, char *const *words, int count)
{
	int status = xm_roster(l);

	for (int i = 0; i < count && status == XM_OK; i++)
		if (!is_so(l, words[i]))
			return roster_again(l);
	return status;
}

int xm_find(struct dom_list *l, const char *word, struct dom **d)
{
	int status = xm_roster(l);

	if (status == XM_OK && !is_so(l, word))
		status = roster_again(l);

	if (status)
		return status;
	*d = dom_list_find(l, word);
	if (*d)
		return XM_OK;
	dom_list_free(l);
	return xm_no_domain(word);
}
