/* Room for a new domain, taken from what is free and from Domain-0. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/dom0_need.h"
#include "xend/domctl.h"
#include "xend/lock.h"
#include "xend/room.h"
#include "xend/settings.h"
#include "xend/sysctl.h"

#define ROOM_LOCK "/var/run/xend/memory.lock"
#define ROOM_LOCK_WAIT_MS 300000	/* others may be waiting for Domain-0 before us */
#define TRIES_MAX 30			/* sleeps of 0.1 s, 0.2 s …: 46 s in all */
#define IDLE_MAX 10			/* so many of them without a page, and it gives no more */
#define DOM0_SENSIBLE_MIB 256		/* nobody is told to shrink Domain-0 below this */

/* What the host and Domain-0 have; KiB. */
struct room {
	uint64_t need_kib, free_kib;
	uint64_t dom0_kib;		/* Domain-0's allocation */
	uint64_t dom0_min_kib;		/* what it keeps as configured */
	uint64_t dom0_need_kib;		/* what it can't give */
	bool may_balloon;
};

static unsigned long long mib_up(uint64_t kib)
{
	return (kib + 1023) / 1024;
}

/* The command that would help, if any would. */
static void hint_by_hand(const struct room *r, struct fault *f)
{
	uint64_t missing = r->need_kib - r->free_kib;
	uint64_t left = r->dom0_kib > missing ? r->dom0_kib - missing : 0;

	if (left / 1024 >= DOM0_SENSIBLE_MIB && left >= r->dom0_need_kib)
		fault_hint(f, "%llu MiB are missing. Domain-0 has %llu MiB and could give them: xm "
			   "mem-set Domain-0 %llu; or let xend do it: (dom0-min-mem %u) in "
			   "xend-config.sxp.", mib_up(missing),
			   (unsigned long long)r->dom0_kib / 1024, (unsigned long long)left / 1024,
			   DOM0_SENSIBLE_MIB);
	else
		fault_hint(f, "%llu MiB are missing, and Domain-0 with its %llu MiB can't give so "
			   "much. Give the new domain less, or end or shrink another (xm list shows "
			   "what each has).", mib_up(missing),
			   (unsigned long long)r->dom0_kib / 1024);
}

static int refuse_unballooned(const struct room *r, struct fault *f)
{
	fault_set(f, ENOMEM, "Not enough free memory and dom0_min_mem is 0, so I cannot release any "
		  "more.  I need %llu KiB but only have %llu.", (unsigned long long)r->need_kib,
		  (unsigned long long)r->free_kib);
	hint_by_hand(r, f);
	return -ENOMEM;
}

static int refuse_needed(const struct room *r, struct fault *f)
{
	fault_set(f, ENOMEM, "Not enough memory is available, and dom0 cannot be shrunk any further");
	fault_hint(f, "%llu MiB are missing, and Domain-0 uses %llu of its %llu MiB itself. Give the new "
		   "domain less, or end or shrink another (xm list shows what each has).",
		   mib_up(r->need_kib - r->free_kib), mib_up(r->dom0_need_kib),
		   (unsigned long long)r->dom0_kib / 1024);
	return -ENOMEM;
}

static int refuse_min(const struct room *r, struct fault *f)
{
	uint64_t gain = r->dom0_kib > r->dom0_min_kib ? r->dom0_kib - r->dom0_min_kib : 0;

	fault_set(f, ENOMEM, "I need %llu KiB, but dom0_min_mem is %llu and shrinking to %llu KiB "
		  "would leave only %llu KiB free.", (unsigned long long)r->need_kib,
		  (unsigned long long)r->dom0_min_kib, (unsigned long long)r->dom0_min_kib,
		  (unsigned long long)(r->free_kib + gain));
	fault_hint(f, "Give the new domain less than %llu MiB, end or shrink another (xm list), or "
		   "lower dom0-min-mem in xend-config.sxp.",
		   (unsigned long long)(r->free_kib + gain) / 1024);
	return -ENOMEM;
}

/* The size that Domain-0 has to shrink to; 0: none is needed.  -ENOMEM with a fault in xend's
 * words, and what to do about it. */
static int room_plan(const struct room *r, uint64_t *dom0_target_kib, struct fault *f)
{
	uint64_t missing;

	*dom0_target_kib = 0;
	if (r->free_kib >= r->need_kib)
		return 0;
	missing = r->need_kib - r->free_kib;
	if (!r->may_balloon)
		return refuse_unballooned(r, f);
	if (r->dom0_kib < missing || r->dom0_kib - missing < r->dom0_min_kib)
		return refuse_min(r, f);
	if (r->dom0_kib - missing < r->dom0_need_kib)
		return refuse_needed(r, f);
	*dom0_target_kib = r->dom0_kib - missing;
	return 0;
}

static int room_ask(struct hyp *h, struct room *r, struct fault *f)
{
	struct xen_domctl_getdomaininfo dom0;
	struct xen_sysctl_physinfo phys;
	int rc = sysctl_physinfo(h, &phys);

	if (rc == 0)
		rc = domctl_info(h, 0, &dom0);
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to ask for free memory");
	r->free_kib = phys.free_pages > phys.outstanding_pages
		      ? (phys.free_pages - phys.outstanding_pages) * 4 : 0;
	r->dom0_kib = dom0.tot_pages * 4;
	r->dom0_need_kib = dom0_need(r->dom0_kib);
	return 0;
}

static int refuse_stuck(const struct room *r, struct fault *f)
{
	fault_set(f, ENOMEM, "Not enough memory is available, and dom0 cannot be shrunk any further");
	fault_hint(f, "%llu KiB are needed, %llu are free. Domain-0 was asked to shrink but holds "
		   "%llu MiB: it may need them itself, or lack the balloon driver.",
		   (unsigned long long)r->need_kib, (unsigned long long)r->free_kib,
		   (unsigned long long)r->dom0_kib / 1024);
	return -ENOMEM;
}

/* Domain-0's balloon driver follows the node; what it gives is free at once. */
static int room_shrink(struct workshop *w, struct room *r, uint64_t target_kib, struct fault *f)
{
	uint64_t missing = r->need_kib - r->free_kib, before = r->free_kib;
	int idle = 0, rc;

	rc = xs_printf(w->xs, XS_TXN_NONE, "/local/domain/0/memory/target", "%llu",
		       (unsigned long long)target_kib);
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to ask Domain-0 for memory");
	for (int i = 1; i <= TRIES_MAX && idle < IDLE_MAX; i++) {
		const struct timespec pause = { i / 10, i % 10 * 100000000L };

		rc = room_ask(w->hyp, r, f);
		if (rc < 0 || r->free_kib >= r->need_kib)
			return rc;
		idle = r->free_kib > before ? 0 : idle + 1;
		before = r->free_kib;
		worker_progress(w, "shrinking Domain-0", missing - (r->need_kib - r->free_kib),
				missing);
		nanosleep(&pause, NULL);
	}
	return refuse_stuck(r, f);
}

int room_make(struct workshop *w, uint64_t need_kib, int *lock, struct fault *f)
{
	struct room r = {
		.need_kib = need_kib,
		.dom0_min_kib = (uint64_t)settings_int("dom0-min-mem") * 1024,
	};
	uint64_t target_kib;
	int rc;

	r.may_balloon = r.dom0_min_kib || settings_bool("enable-dom0-ballooning");
	*lock = lock_take(ROOM_LOCK, ROOM_LOCK_WAIT_MS);
	if (*lock < 0)
		return fault_errno(f, -*lock, "Unable to take %s", ROOM_LOCK);
	rc = room_ask(w->hyp, &r, f);
	if (rc == 0)
		rc = room_plan(&r, &target_kib, f);
	if (rc == 0 && target_kib)
		rc = room_shrink(w, &r, target_kib, f);
	if (rc < 0) {
		room_release(*lock);
		*lock = -1;
	}
	return rc;
}

void room_release(int lock)
{
	if (lock >= 0)
		close(lock);
}
