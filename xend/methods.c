/* The table of commands, and what holds for all of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/xs.h"
#include "xend/device_jobs.h"
#include "xend/managed.h"
#include "xend/methods.h"
#include "xend/roster.h"
#include "xend/suspend.h"

static const struct method methods[] = {
	{ "create", 1, 2, 0, .begin = create_begin, .work = create_work, .undo = create_undo },
	{ "new", 1, 2, 0, .begin = new_begin },
	{ "start", 1, 2, 0, .act = start_act, .work = start_work, .undo = create_undo },
	{ "delete", 1, 1, METHOD_GUEST | METHOD_ENDS | METHOD_MARKED, .act = delete_act },
	{ "destroy", 1, 1, METHOD_GUEST | METHOD_ENDS | METHOD_AGAIN, .act = destroy_act,
	  .work = destroy_work },
	{ "restart", 5, 5, METHOD_OWN | METHOD_AGAIN, .begin = restart_begin, .work = restart_work,
	  .undo = create_undo },
	{ "rename-restart", 5, 5, METHOD_OWN | METHOD_AGAIN, .begin = restart_begin,
	  .work = rename_restart_work, .undo = create_undo },
	{ "reap", 5, 5, METHOD_OWN | METHOD_AGAIN, .begin = restart_begin, .work = reap_work },
	{ "dump-core", 3, 3, METHOD_RUNS, .act = dump_act, .work = dump_work,
	  .undo = dump_undo },
	{ "reset", 1, 1, METHOD_GUEST | METHOD_RUNS | METHOD_ENDS | METHOD_AGAIN,
	  .act = reset_act, .work = reset_work, .undo = create_undo },
	{ "suspend", 1, 1, 0, .act = suspend_act, .work = suspend_work, .undo = suspend_undo },
	{ "resume", 2, 2, 0, .act = resume_act, .work = resume_work, .undo = resume_undo },
	{ "wake", 5, 5, METHOD_OWN | METHOD_AGAIN, .begin = restart_begin, .work = wake_work },
	{ "reap-devices", 2, 2, METHOD_OWN | METHOD_AGAIN, .begin = restart_begin,
	  .work = device_reap_work },
	{ "block-attach", 1, 1, 0, .act = device_attach_act, .work = device_attach_work,
	  .undo = device_attach_undo },
	{ "block-configure", 1, 1, 0, .act = device_configure_act },
	{ "block-detach", 3, 3, METHOD_AGAIN, .act = device_detach_act,
	  .work = device_detach_work },
	{ "network-attach", 1, 1, 0, .act = device_attach_act, .work = device_attach_work,
	  .undo = device_attach_undo },
	{ "network-detach", 3, 3, METHOD_AGAIN, .act = device_detach_act,
	  .work = device_detach_work },
	{ "pause", 1, 1, METHOD_RUNS | METHOD_GUEST, .act = pause_act },
	{ "unpause", 1, 1, METHOD_RUNS | METHOD_GUEST, .act = unpause_act },
	{ "shutdown", 2, 2, 0, .act = shutdown_act },
	{ "rename", 2, 2, METHOD_GUEST | METHOD_MARKED, .act = rename_act },
	{ "mem-set", 2, 2, 0, .act = mem_set_act },
	{ "mem-max", 2, 2, 0, .act = mem_max_act },
	{ "vcpu-set", 2, 2, 0, .act = vcpu_set_act },
	{ "vcpu-pin", 3, 3, 0, .act = vcpu_pin_act },
	{ "sysrq", 2, 2, METHOD_RUNS, .act = sysrq_act },
	{ "trigger", 3, 3, METHOD_RUNS | METHOD_GUEST, .act = trigger_act },
	{ "sched-credit", 3, 3, 0, .act = sched_credit_act },
	{ "sched-credit2", 3, 3, 0, .act = sched_credit2_act },
	{ "sched-sedf", 6, 6, METHOD_RUNS, .act = sched_sedf_act },
};

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static int check_flags(struct job *j, const struct dom *d)
{
	const struct method *m = j->method;

	if (m->flags & METHOD_GUEST && d->domid == 0)
		return fault_set(&j->fault, EPERM, "Cannot %s privileged domain %s",
				 m->verb ? m->verb : m->name, j->arg[0]);
	if (m->flags & METHOD_RUNS && d->domid == DOM_HALTED)
		return fault_set(&j->fault, EINVAL, "Domain '%s' is not started", d->name);
	return 0;
}

/* A job that is done over knows its domain by UUID: its name may have changed meanwhile. */
static const struct dom *find(const struct job *j, const struct dom_list *l)
{
	return dom_list_find(l, j->is_redo && *j->target ? j->target : j->arg[0]);
}

static int begin_on_domain(struct xend *x, struct job *j)
{
	const struct dom *d;
	struct dom_list l;
	int rc = roster_read(x->hyp, x->xs, &l);

	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to list domains");
	d = find(j, &l);
	if (!d) {
		dom_list_free(&l);
		if (j->is_redo && j->method->flags & METHOD_ENDS)
			return 0;
		return fault_set(&j->fault, ESRCH, "Domain '%s' does not exist.", j->arg[0]);
	}
	dom_uuid_print(d->uuid, j->target);
	if (jobs_target_is_busy(j))
		rc = METHOD_BLOCKED;
	if (rc == 0)
		rc = check_flags(j, d);
	if (rc == 0 && j->method->flags & METHOD_MARKED)
		rc = jobs_mark_running(x, j);
	if (rc == 0)
		rc = j->method->act(x, j, d);
	dom_list_free(&l);
	return rc;
}

int method_begin(struct xend *x, struct job *j)
{
	if (j->method->act)
		return begin_on_domain(x, j);
	return j->method->begin(x, j);
}

/* ---------------------------------------------------------- configuration */

int method_sxp_set(struct sxp *config, const char *key, const char *value)
{
	struct sxp *pair = sxp_child(config, key), *atom = sxp_atom(value);

	if (!atom)
		return -ENOMEM;
	if (!pair) {
		sxp_push(config, sxp_pair(key, atom));
		return sxp_failed(config) ? -ENOMEM : 0;
	}
	while (pair->count > 1)
		sxp_free(pair->item[--pair->count]);
	sxp_push(pair, atom);
	return sxp_failed(config) ? -ENOMEM : 0;
}

struct rewriting {
	char path[ROSTER_PATH];
	const char *text;
};

static int rewriting_body(struct xs *xs, uint32_t t, void *ctx)
{
	struct rewriting *r = ctx;
	int rc = xs_rm(xs, t, r->path);

	return rc < 0 && rc != -ENOENT ? rc : job_text_write(xs, t, r->path, r->text);
}

static int running_set(struct xend *x, const struct dom *d, const char *key, const char *value)
{
	struct rewriting r;
	struct sxp *config;
	char *text;
	int rc = roster_config(x->xs, d, &config);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;	/* not ours: nobody wrote it down */
	rc = method_sxp_set(config, key, value);
	text = rc == 0 ? sxp_print(config) : NULL;
	if (rc == 0)
		rc = text ? 0 : -ENOMEM;
	if (rc == 0) {
		roster_vm_path(d, "xend/config", r.path);
		r.text = text;
		rc = xs_txn(x->xs, rewriting_body, &r);
	}
	free(text);
	sxp_free(config);
	return rc;
}

static int managed_set(const struct dom *d, const char *key, const char *value)
{
	struct sxp *config;
	int rc = managed_load(d->uuid, &config);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = method_sxp_set(config, key, value);
	if (rc == 0)
		rc = managed_save(d->uuid, config);
	sxp_free(config);
	return rc;
}

int method_config_set(struct xend *x, const struct dom *d, const char *key, const char *value)
{
	int rc = managed_set(d, key, value);

	if (rc == 0 && d->domid > 0)
		rc = running_set(x, d, key, value);
	return rc;
}
