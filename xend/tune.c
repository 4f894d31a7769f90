/* Commands on domains as they are: pause, rename, memory, processors, weights. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/dom0_need.h"
#include "xend/domctl.h"
#include "xend/methods.h"
#include "xend/names.h"
#include "xend/roster.h"
#include "xend/sysctl.h"

#define CPUS_MAX 1024

static const char *domain_path(const struct dom *d, const char *rest, char path[ROSTER_PATH])
{
	snprintf(path, ROSTER_PATH, "/local/domain/%d/%s", d->domid, rest);
	return path;
}

static int put(struct xend *x, struct job *j, const char *path, const char *value)
{
	int rc = xs_write(x->xs, XS_TXN_NONE, path, value, strlen(value));

	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to write %s", path) : 0;
}

static int domain_put(struct xend *x, struct job *j, const struct dom *d, const char *name,
		      const char *value)
{
	char path[ROSTER_PATH];

	return put(x, j, domain_path(d, name, path), value);
}

static int vm_put(struct xend *x, struct job *j, const struct dom *d, const char *name,
		  const char *value)
{
	char path[ROSTER_PATH];

	return d->domid > 0 ? put(x, j, roster_vm_path(d, name, path), value) : 0;
}

static int config_put(struct xend *x, struct job *j, const struct dom *d, const char *key,
		      const char *value)
{
	int rc = method_config_set(x, d, key, value);

	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to keep the new %s of '%s'", key,
				    d->name) : 0;
}

/* ----------------------------------------------------------------- state */

int pause_act(struct xend *x, struct job *j, const struct dom *d)
{
	int rc = domctl_pause(x->hyp, (domid_t)d->domid);

	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to pause '%s'", d->name) : 0;
}

/* The hypervisor counts pauses; once is enough for xm, so a second unpause changes nothing. */
int unpause_act(struct xend *x, struct job *j, const struct dom *d)
{
	int rc = d->flags & XEN_DOMINF_paused ? domctl_unpause(x->hyp, (domid_t)d->domid) : 0;

	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to unpause '%s'", d->name) : 0;
}

int shutdown_act(struct xend *x, struct job *j, const struct dom *d)
{
	char now[32];
	int rc;

	if (d->domid == 0)
		return fault_set(&j->fault, EPERM, "Domain 0 cannot be shutdown");
	if (d->domid == DOM_HALTED)
		return fault_set(&j->fault, EINVAL, "Domain cannot be shutdown");
	snprintf(now, sizeof now, "%.2f", (double)time(NULL));
	rc = vm_put(x, j, d, "xend/asked", j->arg[1]);
	if (rc == 0)
		rc = vm_put(x, j, d, "xend/shutdown_start_time", now);
	return rc < 0 ? rc : domain_put(x, j, d, "control/shutdown", j->arg[1]);
}

int sysrq_act(struct xend *x, struct job *j, const struct dom *d)
{
	if (strlen(j->arg[1]) != 1)
		return fault_set(&j->fault, EINVAL, "%s is not convertible to a character",
				 j->arg[1]);
	return domain_put(x, j, d, "control/sysrq", j->arg[1]);
}

int trigger_act(struct xend *x, struct job *j, const struct dom *d)
{
	static const struct {
		const char *name;
		uint32_t trigger;
	} triggers[] = {
		{ "nmi", XEN_DOMCTL_SENDTRIGGER_NMI }, { "reset", XEN_DOMCTL_SENDTRIGGER_RESET },
		{ "init", XEN_DOMCTL_SENDTRIGGER_INIT },
		{ "s3resume", XEN_DOMCTL_SENDTRIGGER_SLEEP },
		{ "power", XEN_DOMCTL_SENDTRIGGER_POWER },
	};
	char *end;
	unsigned long vcpu = strtoul(j->arg[2], &end, 10);

	for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
		int rc;

		if (strcmp(triggers[i].name, j->arg[1]))
			continue;
		if (!*j->arg[2] || *end)
			return fault_set(&j->fault, EINVAL, "Invalid argument.");
		if (vcpu >= d->vcpus)
			return fault_set(&j->fault, EINVAL, "Domain '%s' has no vcpu %s: the last is %u",
					 d->name, j->arg[2], d->vcpus - 1);
		rc = domctl_trigger(x->hyp, (domid_t)d->domid, triggers[i].trigger,
				    (uint32_t)vcpu);
		return rc < 0 ? fault_errno(&j->fault, -rc, "The hypervisor refuses to send %s to "
					    "'%s'", j->arg[1], d->name) : 0;
	}
	return fault_set(&j->fault, EINVAL, "Invalid trigger: %s", j->arg[1]);
}

/* ---------------------------------------------------------------- rename */

static int check_name(struct xend *x, struct job *j, const struct dom *d, const char *name)
{
	struct dom_list l;
	int rc = 0;

	if (!*name)
		return fault_set(&j->fault, EINVAL, "Missing VM Name");
	if (!dom_name_is_valid(name))
		return fault_set(&j->fault, EINVAL, "Invalid VM Name\n" DOM_NAME_RULE);
	if (jobs_has_claim(name, j))
		return fault_set(&j->fault, EEXIST, "VM name '%s' already exists", name);
	rc = roster_read(x->hyp, x->xs, &l);
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to list domains");
	for (size_t i = 0; i < l.count && rc == 0; i++) {
		const struct dom *twin = &l.dom[i];

		if (strcmp(twin->name, name) || !memcmp(twin->uuid, d->uuid, sizeof d->uuid))
			continue;
		if (twin->domid == DOM_HALTED)
			rc = fault_set(&j->fault, EEXIST, "VM name '%s' already exists", name);
		else
			rc = fault_set(&j->fault, EEXIST,
				       "VM name '%s' already exists as domain %d", name,
				       twin->domid);
	}
	dom_list_free(&l);
	return rc;
}

/* The configuration first: should xend end in between, doing it over sets the rest right. */
int rename_act(struct xend *x, struct job *j, const struct dom *d)
{
	const char *name = j->arg[1];
	int rc = check_name(x, j, d, name);

	if (rc == 0)
		rc = config_put(x, j, d, "name", name);
	if (rc == 0 && d->domid >= 0)
		rc = vm_put(x, j, d, "name", name);
	if (rc == 0 && d->domid >= 0)
		rc = domain_put(x, j, d, "name", name);
	if (rc == 0 && d->domid >= 0)
		names_set(x, (uint32_t)d->domid, name);
	return rc;
}

/* ---------------------------------------------------------------- memory */

static int64_t mib_arg(const struct job *j)
{
	return strtoll(j->arg[1], NULL, 10);
}

/* The limit as configured; the hypervisor's own has some slack on top. */
static uint64_t limit_mib(struct xend *x, const struct dom *d)
{
	char path[ROSTER_PATH];
	uint64_t mib;

	if (d->domid > 0 && xs_get_u64(x->xs, XS_TXN_NONE, roster_vm_path(d, "", path), "maxmem",
				       &mib) == 0)
		return mib;
	if (d->domid == 0)
		return UINT64_MAX;
	if (d->max_kib / 1024 > d->mem_kib / 1024)
		return d->max_kib / 1024;
	return d->mem_kib / 1024;
}

/* Its balloon driver would obey, and its daemons be killed for want of memory. */
static int check_dom0_need(struct job *j, const struct dom *d, uint64_t kib)
{
	uint64_t need_kib = dom0_need(d->mem_kib);

	if (kib >= need_kib || kib >= d->mem_kib)
		return 0;
	fault_set(&j->fault, EINVAL, "Domain-0 cannot do with %llu MiB",
		  (unsigned long long)kib / 1024);
	fault_hint(&j->fault, "It uses %llu of its %llu MiB: leave it those, or stop something "
		   "that it runs.",
		   (unsigned long long)(need_kib + 1023) / 1024, (unsigned long long)d->mem_kib / 1024);
	return -EINVAL;
}

static int check_dom0(struct xend *x, struct job *j, const struct dom *d, int64_t mib)
{
	struct xen_sysctl_physinfo phys;
	int rc = sysctl_physinfo(x->hyp, &phys);

	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to ask for the host's memory");
	if ((uint64_t)mib > phys.total_pages / 256)
		return fault_set(&j->fault, EINVAL, "The host has only %llu MiB",
				 (unsigned long long)phys.total_pages / 256);
	rc = check_dom0_need(j, d, (uint64_t)mib * 1024);
	if (rc < 0)
		return rc;
	if (d->max_kib != DOM_NO_LIMIT && (uint64_t)mib * 1024 > d->max_kib) {
		rc = domctl_max_mem(x->hyp, 0, (uint64_t)mib * 1024);
		if (rc < 0)
			return fault_errno(&j->fault, -rc, "Unable to raise Domain-0's limit");
	}
	return 0;
}

int mem_set_act(struct xend *x, struct job *j, const struct dom *d)
{
	int64_t mib = mib_arg(j);
	char kib[32];
	int rc = 0;

	if (mib <= 0)
		return fault_set(&j->fault, EINVAL, "memory_dynamic_max must be greater than zero");
	if ((uint64_t)mib > limit_mib(x, d)) {
		fault_set(&j->fault, EINVAL, "memory_dynamic_max must be less than or equal to "
			  "memory_static_max");
		fault_hint(&j->fault, "'%s' may have %llu MiB at most; a guest's maxmem= decides "
			   "when it is created.", d->name, (unsigned long long)limit_mib(x, d));
		return -EINVAL;
	}
	if (d->domid == 0)
		rc = check_dom0(x, j, d, mib);
	if (rc == 0)
		rc = config_put(x, j, d, "memory", j->arg[1]);
	if (rc == 0)
		rc = vm_put(x, j, d, "memory", j->arg[1]);
	snprintf(kib, sizeof kib, "%lld", (long long)mib * 1024);
	if (rc == 0 && d->domid >= 0)
		rc = domain_put(x, j, d, "memory/target", kib);
	return rc;
}

int mem_max_act(struct xend *x, struct job *j, const struct dom *d)
{
	int64_t mib = mib_arg(j);
	int rc = 0;

	if (mib <= 0 || mib > INT32_MAX)
		return fault_set(&j->fault, EINVAL, "Invalid memory size");
	if (d->domid >= 0)
		rc = domctl_max_mem(x->hyp, (domid_t)d->domid, (uint64_t)mib * 1024 + 1024);
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "The hypervisor refuses the limit for '%s'",
				   d->name);
	rc = config_put(x, j, d, "maxmem", j->arg[1]);
	return rc < 0 ? rc : vm_put(x, j, d, "maxmem", j->arg[1]);
}

/* ------------------------------------------------------------ processors */

int vcpu_set_act(struct xend *x, struct job *j, const struct dom *d)
{
	long wanted = strtol(j->arg[1], NULL, 10);
	int rc = 0;

	if (wanted <= 0)
		return fault_set(&j->fault, EINVAL, "Invalid VCPUs");
	if (d->domid == DOM_HALTED)
		return config_put(x, j, d, "vcpus", j->arg[1]);
	for (unsigned i = 0; i < d->vcpus && rc == 0; i++) {
		char name[48];

		snprintf(name, sizeof name, "cpu/%u/availability", i);
		rc = domain_put(x, j, d, name, (long)i < wanted ? "online" : "offline");
	}
	return rc;
}

/* "0,2,3" into bits. */
static void cpus_read(const char *list, uint8_t *map)
{
	while (*list) {
		char *end;
		unsigned long cpu = strtoul(list, &end, 10);

		if (end == list)
			return;
		if (cpu < CPUS_MAX)
			map[cpu / 8] |= (uint8_t)(1 << cpu % 8);
		list = *end ? end + 1 : end;
	}
}

static int pin_one(struct xend *x, struct job *j, const struct dom *d, unsigned vcpu)
{
	uint8_t map[CPUS_MAX / 8] = { 0 };
	struct xen_sysctl_physinfo phys;
	int rc;

	cpus_read(j->arg[2], map);
	rc = domctl_affinity_set(x->hyp, (domid_t)d->domid, vcpu, map, NULL, sizeof map);
	if (rc == 0)
		return 0;
	fault_set(&j->fault, -rc, "Cannot pin vcpu: %u to cpu: [%.200s] - (%d, '%s')", vcpu, j->arg[2],
		  -rc, strerror(-rc));
	if (vcpu >= d->vcpus)
		fault_hint(&j->fault, "'%s' has vcpus 0 to %u.", d->name, d->vcpus - 1);
	else if (sysctl_physinfo(x->hyp, &phys) == 0)
		fault_hint(&j->fault, "At least one of the cpus must be there and in the domain's pool; "
			   "the host has 0 to %u.", phys.max_cpu_id);
	return rc;
}

int vcpu_pin_act(struct xend *x, struct job *j, const struct dom *d)
{
	bool is_all = !strcasecmp(j->arg[1], "all");
	unsigned vcpu = (unsigned)strtoul(j->arg[1], NULL, 10);
	int rc = 0;

	if (d->domid == DOM_HALTED)
		return config_put(x, j, d, "cpus", j->arg[2]);
	if (!is_all)
		return pin_one(x, j, d, vcpu);
	for (unsigned i = 0; i < d->vcpus && rc == 0; i++)
		rc = pin_one(x, j, d, i);
	return rc;
}

/* ------------------------------------------------------------- scheduler */

/* What was not given stays: -1. */
static int sched_args(struct job *j, const struct dom *d, long *weight, long *cap)
{
	*weight = *j->arg[1] ? strtol(j->arg[1], NULL, 10) : -1;
	*cap = *j->arg[2] ? strtol(j->arg[2], NULL, 10) : -1;
	if (*j->arg[1] && (*weight < 1 || *weight > 65535))
		return fault_set(&j->fault, EINVAL, "weight is out of range");
	if (*j->arg[2] && (*cap < 0 || *cap > (long)d->vcpus * 100 || *cap > 65535))
		return fault_set(&j->fault, EINVAL, "cap is out of range");
	return 0;
}

static int sched_keep(struct xend *x, struct job *j, const struct dom *d)
{
	int rc = 0;

	if (*j->arg[1])
		rc = config_put(x, j, d, "cpu_weight", j->arg[1]);
	if (rc == 0 && *j->arg[2])
		rc = config_put(x, j, d, "cpu_cap", j->arg[2]);
	return rc;
}

static int sched_apply(struct xend *x, struct job *j, const struct dom *d,
		       struct xen_domctl_scheduler_op *op, long weight, long cap)
{
	uint16_t *w, *c;
	int rc;

	op->cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	rc = domctl_sched(x->hyp, (domid_t)d->domid, op);
	w = op->sched_id == XEN_SCHEDULER_CREDIT ? &op->u.credit.weight : &op->u.credit2.weight;
	c = op->sched_id == XEN_SCHEDULER_CREDIT ? &op->u.credit.cap : &op->u.credit2.cap;
	if (weight >= 0)
		*w = (uint16_t)weight;
	if (cap >= 0)
		*c = (uint16_t)cap;
	op->cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	if (rc == 0)
		rc = domctl_sched(x->hyp, (domid_t)d->domid, op);
	return rc < 0 ? fault_errno(&j->fault, -rc, "The hypervisor refuses the parameters for "
				    "'%s'", d->name) : 0;
}

static int sched_act(struct xend *x, struct job *j, const struct dom *d, uint32_t sched_id)
{
	struct xen_domctl_scheduler_op op = { .sched_id = sched_id };
	long weight, cap;
	int rc = sched_args(j, d, &weight, &cap);

	if (rc == 0 && d->domid != DOM_HALTED)
		rc = sched_apply(x, j, d, &op, weight, cap);
	return rc < 0 ? rc : sched_keep(x, j, d);
}

int sched_credit_act(struct xend *x, struct job *j, const struct dom *d)
{
	return sched_act(x, j, d, XEN_SCHEDULER_CREDIT);
}

int sched_credit2_act(struct xend *x, struct job *j, const struct dom *d)
{
	return sched_act(x, j, d, XEN_SCHEDULER_CREDIT2);
}

/* Milliseconds into nanoseconds; what was not given stays. */
static int sedf_ms(struct job *j, const char *text, const char *what, uint64_t *ns)
{
	unsigned long long ms;
	char *end;

	if (!*text)
		return 0;
	errno = 0;
	ms = strtoull(text, &end, 10);
	if (*end || end == text || *text == '-' || errno || ms > UINT32_MAX)
		return fault_set(&j->fault, EINVAL, "%s is out of range", what);
	*ns = ms * 1000000;
	return 0;
}

static int sedf_word(struct job *j, const char *text, const char *what, unsigned long max,
		     uint32_t *word)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!*text)
		return 0;
	if (*end || *text == '-' || number > max)
		return fault_set(&j->fault, EINVAL, "%s is out of range", what);
	*word = (uint32_t)number;
	return 0;
}

int sched_sedf_act(struct xend *x, struct job *j, const struct dom *d)
{
	struct domctl_sedf p;
	int rc = domctl_sedf_get(x->hyp, (domid_t)d->domid, &p);

	if (rc == 0)
		rc = sedf_ms(j, j->arg[1], "period", &p.period_ns);
	if (rc == 0)
		rc = sedf_ms(j, j->arg[2], "slice", &p.slice_ns);
	if (rc == 0)
		rc = sedf_ms(j, j->arg[3], "latency", &p.latency_ns);
	if (rc == 0)
		rc = sedf_word(j, j->arg[4], "extratime", 1, &p.extratime);
	if (rc == 0)
		rc = sedf_word(j, j->arg[5], "weight", UINT16_MAX, &p.weight);
	if (rc == 0)
		rc = domctl_sedf_set(x->hyp, (domid_t)d->domid, &p);
	if (rc < 0 && !j->fault.err)
		fault_set(&j->fault, -rc, "Failed to set sedf parameters (rv=%d).", rc);
	return rc;
}
