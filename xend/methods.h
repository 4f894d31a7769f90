/*
 * methods.h - what xend can be asked to do: a row per command.
 *
 * A row either acts on a domain that arg 0 names (act: the dispatcher finds it, and enforces the
 * row's flags), or begins by itself (begin).  Both run in the daemon and must be quick; what is
 * slow or dangerous follows in work(), in a child.
 */
#ifndef XEND_METHODS_H
#define XEND_METHODS_H

#include "xend/jobs.h"
#include "xend/sxp.h"

#define METHOD_BLOCKED	1	/* what act() and begin() give when the job has to wait */

#define METHOD_OWN	0x01	/* only xend itself may ask */
#define METHOD_RUNS	0x02	/* the domain must be running: "Domain 'X' is not started" */
#define METHOD_GUEST	0x04	/* not Domain-0: "Cannot <verb> privileged domain X" */
#define METHOD_ENDS	0x08	/* done over on a domain that is gone, it has succeeded */
#define METHOD_MARKED	0x10	/* act() can't be done twice unseen: written down before it begins */
#define METHOD_AGAIN	0x20	/* can't be undone, but be done over: when its worker dies, and no cancel */

struct method {
	const char *name;
	size_t min, max;	/* arguments */
	unsigned flags;
	/* d: who arg 0 names.  0: done, or now for work(); METHOD_BLOCKED: another job is at
	 * that domain, try again later; -errno with j->fault said. */
	int (*act)(struct xend *x, struct job *j, const struct dom *d);
	int (*begin)(struct xend *x, struct job *j);	/* the same for rows without a domain */
	work_fn work;		/* NULL: act() or begin() does it all */
	work_fn undo;		/* in another worker, after one that failed or died; may be NULL */
	const char *verb;	/* for METHOD_GUEST's error; NULL: the name */
};

const struct method *method_find(const char *name);
/* Runs the row's act() or begin(). */
int method_begin(struct xend *x, struct job *j);

/* Changes (key …) of a configuration, the running one's and the managed one's. */
int method_config_set(struct xend *x, const struct dom *d, const char *key, const char *value);

/* (key value) in an expression; 0 or -ENOMEM. */
int method_sxp_set(struct sxp *config, const char *key, const char *value);

/* create.c: domains that come and go. */
int create_begin(struct xend *x, struct job *j);
int create_work(struct workshop *w);
int new_begin(struct xend *x, struct job *j);
int start_act(struct xend *x, struct job *j, const struct dom *d);
int start_work(struct workshop *w);
int delete_act(struct xend *x, struct job *j, const struct dom *d);
int destroy_act(struct xend *x, struct job *j, const struct dom *d);
int destroy_work(struct workshop *w);
int restart_begin(struct xend *x, struct job *j);
int restart_work(struct workshop *w);
int rename_restart_work(struct workshop *w);
int reap_work(struct workshop *w);
int create_undo(struct workshop *w);
int dump_act(struct xend *x, struct job *j, const struct dom *d);
int dump_work(struct workshop *w);
int dump_undo(struct workshop *w);
int reset_act(struct xend *x, struct job *j, const struct dom *d);
int reset_work(struct workshop *w);

/* tune.c: domains as they run. */
int pause_act(struct xend *x, struct job *j, const struct dom *d);
int unpause_act(struct xend *x, struct job *j, const struct dom *d);
int shutdown_act(struct xend *x, struct job *j, const struct dom *d);
int rename_act(struct xend *x, struct job *j, const struct dom *d);
int mem_set_act(struct xend *x, struct job *j, const struct dom *d);
int mem_max_act(struct xend *x, struct job *j, const struct dom *d);
int vcpu_set_act(struct xend *x, struct job *j, const struct dom *d);
int vcpu_pin_act(struct xend *x, struct job *j, const struct dom *d);
int sysrq_act(struct xend *x, struct job *j, const struct dom *d);
int trigger_act(struct xend *x, struct job *j, const struct dom *d);
int sched_credit_act(struct xend *x, struct job *j, const struct dom *d);
int sched_credit2_act(struct xend *x, struct job *j, const struct dom *d);
int sched_sedf_act(struct xend *x, struct job *j, const struct dom *d);

#endif
