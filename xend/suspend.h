/*
 * suspend.h - managed domains put away with all that they were doing, and brought back.
 *
 * A domain is suspended exactly while its state file is there (managed.h) and it does not run.  The
 * file appears by rename before the domain goes, and goes after the domain is whole again and before
 * it runs: whoever is killed when, one of the two is always there, and never do both go on.
 */
#ifndef XEND_SUSPEND_H
#define XEND_SUSPEND_H

#include "xend/methods.h"

/* Below /vm/<uuid>: xend has asked the domain to suspend.  Another toolstack may have, too; those it
 * leaves alone. */
#define SUSPEND_MARK "xend/suspending"

int suspend_act(struct xend *x, struct job *j, const struct dom *d);
int suspend_work(struct workshop *w);
int suspend_undo(struct workshop *w);
int resume_act(struct xend *x, struct job *j, const struct dom *d);
int resume_work(struct workshop *w);
int resume_undo(struct workshop *w);

/* Own job, for a domain that suspended itself or was left so: it goes on, or goes if its state is
 * kept already. */
int wake_work(struct workshop *w);

/* The state of a suspended domain is of no more use: it is halted.  0 or -errno with the fault said. */
int suspend_forget(struct job *j, const struct dom *d);

#endif
