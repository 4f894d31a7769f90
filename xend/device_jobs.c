/* Jobs about devices. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/xs.h"
#include "xend/device_attach.h"
#include "xend/device_config.h"
#include "xend/device_jobs.h"
#include "xend/device_wait.h"
#include "xend/domctl.h"
#include "xend/hotplug.h"
#include "xend/roster.h"
#include "xend/settings.h"

#define NETWORK_MS 60000		/* network-script's time; no guest starts meanwhile */
#define ORPHANS_MAX 64			/* dealt with per look; the rest in the next */
#define JOB_MARK "xend-job"		/* back-end's node: the job that made it */

static const struct device_class *job_class(const struct job *j)
{
	return strncmp(j->command, "network", 7) ? &device_vbd : &device_vif;
}

/* ------------------------------------------------------------- what is asked */

/* A body (vbd (uname …) …), as an expression and as the domain model has it. */
struct request {
	struct sxp *element;
	struct config config;		/* its one device */
	const struct config_device *device;
};

static void request_free(struct request *r)
{
	config_free(&r->config);
	sxp_free(r->element);
}

static int request_model(struct request *r, struct job *j)
{
	struct config_error err = { 0 };
	struct sxp *vm = sxp_named("vm");
	int rc;

	sxp_push(vm, sxp_pair("device", sxp_copy(r->element)));
	rc = sxp_failed(vm) ? -ENOMEM : config_from_sxp(&r->config, vm, &err);
	sxp_free(vm);
	if (rc < 0)
		return fault_set(&j->fault, -rc, "%s", rc == -ENOMEM ? "Out of memory" : err.text);
	r->device = r->config.devices == 1 ? &r->config.device[0] : NULL;
	if (!r->device || device_class_find(r->device->class) != job_class(j))
		return fault_set(&j->fault, EINVAL, "'%s' came with another kind of device", j->command);
	return 0;
}

static int request_read(struct request *r, struct job *j)
{
	struct sxp_error err;
	int rc;

	*r = (struct request){ 0 };
	rc = j->body ? sxp_parse(j->body, strlen(j->body), &r->element, NULL, &err) : -ENOENT;
	if (rc < 0)
		return fault_set(&j->fault, EINVAL, "'%s' came without a device", j->command);
	rc = request_model(r, j);
	if (rc < 0) {
		sxp_free(r->element);
		r->element = NULL;
	}
	return rc;
}

static struct device_key request_key(const struct request *r, const struct job *j)
{
	struct device_key key = { .class = job_class(j), .mac = config_device_get(r->device, "mac") };

	if (key.class == &device_vbd)
		config_vdev_parse(config_device_get(r->device, "dev"), &key.id);
	else if (!key.mac)
		key.id = UINT32_MAX;	/* no place: a new one */
	return key;
}

/* ------------------------------------------------------------------ checks */

static int refuse_twin(struct job *j, const struct request *r, const struct sxp *config,
		       const struct dom *d)
{
	struct device_key key = request_key(r, j);
	const char *uname = config_device_get(r->device, "uname");

	if (device_config_find(config, &key, d->uuid))
		return key.class == &device_vbd ?
			fault_set(&j->fault, EEXIST, "The device \"%s\" is already defined",
				  config_device_get(r->device, "dev")) :
			fault_set(&j->fault, EEXIST, "The mac \"%s\" is already defined", key.mac);
	for (size_t i = 0; key.class == &device_vbd && uname && i < config->count; i++) {
		const struct sxp *child = config->item[i];
		const char *other = sxp_head(child) && !strcmp(sxp_head(child), "device") &&
			child->count > 1 ? sxp_child_text(child->item[1], "uname") : NULL;

		if (other && *other && !strcmp(other, uname))
			return fault_set(&j->fault, EEXIST, "The file \"%s\" is already used",
					 strchr(uname, ':') ? strchr(uname, ':') + 1 : uname);
	}
	return 0;
}

static int check_twin(struct xend *x, struct job *j, const struct request *r, const struct dom *d)
{
	struct sxp *config;
	int rc = j->is_redo ? -ENOENT : roster_config(x->xs, d, &config);

	if (rc == -ENOENT)
		return 0;		/* the nodes will tell */
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to read the configuration of '%s'", d->name);
	rc = refuse_twin(j, r, config, d);
	sxp_free(config);
	return rc;
}

static int save(struct job *j, struct xs *xs, const uint8_t uuid[16], const struct device_key *key,
		const struct sxp *element)
{
	int rc = device_config_save(xs, uuid, key, element);

	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to write the domain's configuration") : 0;
}

/* A halted domain's devices are words in its configuration. */
static int attach_halted(struct xend *x, struct job *j, const struct request *r, const struct dom *d)
{
	struct device_key key = request_key(r, j);

	return save(j, x->xs, d->uuid, &key, r->element);
}

int device_attach_act(struct xend *x, struct job *j, const struct dom *d)
{
	struct request r;
	int rc = request_read(&r, j);

	j->domid = d->domid;
	if (rc < 0)
		return rc;
	rc = device_check(r.device, &j->fault);
	if (rc == 0)
		rc = check_twin(x, j, &r, d);
	if (rc == 0 && d->domid == DOM_HALTED)
		rc = attach_halted(x, j, &r, d);
	request_free(&r);
	return rc;
}

/* ------------------------------------------------------------------ attach */

/* What an earlier attempt at this job made: the back-end's node says so. */
static int find_own(struct xs *xs, const struct job *j, struct device_name *n)
{
	struct device_list l;
	int rc = device_list_read(xs, (uint32_t)j->domid, j->target, &l);

	if (rc < 0)
		return rc;
	rc = -ENODEV;
	for (size_t i = 0; i < l.count && rc < 0; i++) {
		char *mark = device_back_get(xs, &l.name[i], JOB_MARK);

		if (mark && (unsigned)atol(mark) == j->number) {
			*n = l.name[i];
			rc = 0;
		}
		free(mark);
	}
	device_list_free(&l);
	return rc;
}

/* An earlier attempt got as far as its verdict: the guest may be using it already. */
static bool is_complete(struct xs *xs, const struct device_name *n)
{
	char *status = device_back_get(xs, n, "hotplug-status");
	bool is = status && !strcmp(status, "connected") &&
		  (n->backend || n->class == &device_vif || device_is_open(n));

	free(status);
	return is;
}

/* *is_done: nothing is left to do. */
static int choose_id(struct workshop *w, const struct request *r, struct device_name *n, bool *is_done)
{
	struct job *j = w->job;
	struct device_name own;
	int rc;

	*is_done = false;
	if (j->is_redo && find_own(w->xs, j, &own) == 0) {
		*n = own;
		*is_done = is_complete(w->xs, n);
		return *is_done ? 0 : device_detach(w->xs, n, true, &j->fault);
	}
	rc = device_backend_find(w->xs, config_device_get(r->device, "backend"), &n->backend, &j->fault);
	if (rc == 0 && n->class == &device_vbd)
		rc = device_vdev(r->device, &n->id, &j->fault);
	else if (rc == 0)
		rc = device_free_id(w->xs, n->class, n->domid, &n->id);
	return rc;
}

static int add_mark(struct device *d, unsigned number)
{
	struct device_node *node = &d->back.node[d->back.count];

	if (d->back.count == DEVICE_NODES || asprintf(&node->value, "%u", number) < 0)
		return -ENOMEM;
	node->name = JOB_MARK;
	d->back.count++;
	return 0;
}

static int attach(struct workshop *w, struct request *r, const struct device_owner *owner)
{
	struct job *j = w->job;
	struct device_name n = { .class = job_class(j), .domid = owner->domid };
	struct device d = { 0 };
	struct device_key key;
	bool is_done;
	int rc = choose_id(w, r, &n, &is_done);

	if (rc == 0)
		rc = device_plan(&d, &n, r->device, owner, &j->fault);
	if (rc == 0)
		rc = add_mark(&d, j->number);
	if (rc == 0 && !is_done)
		rc = device_attach(w->xs, &d, &j->fault);
	if (rc == 0) {
		key = (struct device_key){ n.class, n.id, device_nodes_get(&d.back, "mac") };
		if (n.class == &device_vif && !sxp_child(r->element, "mac"))
			sxp_push_text(r->element, "mac", key.mac);
		rc = save(j, w->xs, owner->uuid, &key, r->element);
		buf_printf(&j->result, "%" PRIu32, n.id);
	}
	device_free(&d);
	return rc;
}

int device_attach_work(struct workshop *w)
{
	struct job *j = w->job;
	struct device_owner owner = { .domid = (uint32_t)j->domid };
	char path[DEVICE_PATH], *name;
	struct request r;
	int rc;

	if (j->domid == DOM_HALTED)
		return 0;
	rc = request_read(&r, j);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof path, "/local/domain/%d", j->domid);
	name = xs_get(w->xs, XS_TXN_NONE, path, "name");
	owner.name = name ? name : j->arg[0];
	dom_uuid_parse(j->target, owner.uuid);
	rc = attach(w, &r, &owner);
	free(name);
	request_free(&r);
	return rc;
}

int device_attach_undo(struct workshop *w)
{
	struct device_name n;
	int rc = w->job->domid == DOM_HALTED ? -ENODEV : find_own(w->xs, w->job, &n);

	return rc == 0 ? device_detach(w->xs, &n, true, NULL) : 0;
}

/* --------------------------------------------------------------- configure */

/* blkback cannot change a disk under a guest; a halted domain's is a word. */
int device_configure_act(struct xend *x, struct job *j, const struct dom *d)
{
	struct device_key key;
	struct sxp *config;
	struct request r;
	int rc = request_read(&r, j);

	if (rc < 0)
		return rc;
	rc = device_check(r.device, &j->fault);
	key = request_key(&r, j);
	if (rc == 0 && d->domid != DOM_HALTED) {
		rc = fault_set(&j->fault, ENOTSUP, "Refusing to reconfigure device vbd:%" PRIu32 " to %s",
			       key.id, j->body);
		fault_hint(&j->fault, "Its back-end cannot change a disk in use: xm block-detach %s %"
			   PRIu32 ", then xm block-attach.", j->arg[0], key.id);
	}
	if (rc == 0)
		rc = roster_config(x->xs, d, &config);
	if (rc == 0) {
		if (!device_config_find(config, &key, d->uuid))
			rc = fault_set(&j->fault, ENODEV, "Device %" PRIu32 " not connected", key.id);
		sxp_free(config);
	}
	if (rc == 0)
		rc = save(j, x->xs, d->uuid, &key, r.element);
	request_free(&r);
	return rc;
}

/* ------------------------------------------------------------------ detach */

static int not_connected(struct job *j)
{
	return fault_set(&j->fault, ENODEV, "Device %s not connected", j->arg[1]);
}

static bool has_mac(struct xs *xs, const struct device_name *n, const char *word)
{
	char *mac = device_back_get(xs, n, "mac");
	bool same = mac && !strcasecmp(mac, word);

	free(mac);
	return same;
}

/* A number, a disk's name, an interface's address. */
static int find_named(struct xs *xs, const struct job *j, uint32_t domid, struct device_name *n)
{
	const struct device_class *class = job_class(j);
	struct device_list l;
	uint32_t id;
	int rc;

	if (device_id_parse(class, j->arg[1], &id) == 0)
		return device_find(xs, class, domid, id, n);
	if (class != &device_vif || !device_mac_is_valid(j->arg[1]))
		return -ENODEV;
	rc = device_list_read(xs, domid, NULL, &l);
	if (rc < 0)
		return rc;
	rc = -ENODEV;
	for (size_t i = 0; i < l.count && rc < 0; i++)
		if (l.name[i].class == class && has_mac(xs, &l.name[i], j->arg[1])) {
			*n = l.name[i];
			rc = 0;
		}
	device_list_free(&l);
	return rc;
}

static int detach_halted(struct xend *x, struct job *j, const struct dom *d)
{
	struct device_key key = { .class = job_class(j) };
	struct sxp *config;
	int rc;

	if (device_id_parse(key.class, j->arg[1], &key.id) < 0) {
		if (key.class != &device_vif || !device_mac_is_valid(j->arg[1]))
			return not_connected(j);
		key.mac = j->arg[1];
	}
	rc = roster_config(x->xs, d, &config);
	if (rc < 0)
		return fault_errno(&j->fault, -rc, "Unable to read the configuration of '%s'", d->name);
	if (!device_config_find(config, &key, d->uuid) && !j->is_redo)
		rc = not_connected(j);
	sxp_free(config);
	return rc == 0 ? save(j, x->xs, d->uuid, &key, NULL) : rc;
}

int device_detach_act(struct xend *x, struct job *j, const struct dom *d)
{
	struct device_name n;
	int rc;

	j->domid = d->domid;
	if (d->domid == DOM_HALTED)
		return detach_halted(x, j, d);
	rc = j->is_redo ? 0 : find_named(x->xs, j, (uint32_t)d->domid, &n);
	if (rc == -ENODEV)
		return not_connected(j);
	return rc < 0 ? fault_errno(&j->fault, -rc, "Unable to list devices") : 0;
}

int device_detach_work(struct workshop *w)
{
	struct job *j = w->job;
	struct device_name n;
	struct device_key key;
	uint8_t uuid[16];
	char *mac;
	int rc = j->domid == DOM_HALTED ? -ENODEV : find_named(w->xs, j, (uint32_t)j->domid, &n);

	if (rc < 0)
		return rc == -ENODEV ? 0 : rc;	/* an earlier attempt did it */
	dom_uuid_parse(j->target, uuid);
	mac = device_back_get(w->xs, &n, "mac");
	key = (struct device_key){ n.class, n.id, mac };
	rc = device_detach(w->xs, &n, !strcmp(j->arg[2], "force"), &j->fault);
	if (rc == 0)
		rc = save(j, w->xs, uuid, &key, NULL);
	free(mac);
	return rc;
}

/* ------------------------------------------------------------------ sweeps */

static bool is_alive(void *ctx, uint32_t domid, const char *uuid)
{
	struct xen_domctl_getdomaininfo info;
	uint8_t wanted[16];
	int rc;

	if (domid == 0)
		return true;
	rc = domctl_info(ctx, (domid_t)domid, &info);
	if (rc < 0)
		return rc != -ESRCH;	/* not knowing is no reason to remove anything */
	if (info.flags & XEN_DOMINF_dying)
		return false;
	return !uuid || (dom_uuid_parse(uuid, wanted) == 0 &&
			 !memcmp(wanted, info.handle, sizeof wanted));
}

void device_sweep(struct xend *x)
{
	struct device_orphan orphan[ORPHANS_MAX];
	char domid[16];
	int n = device_orphans(x->xs, is_alive, x->hyp, orphan, ORPHANS_MAX);

	for (int i = 0; i < n; i++) {
		if (jobs_has_target(orphan[i].uuid))
			continue;
		snprintf(domid, sizeof domid, "%" PRIu32, orphan[i].domid);
		jobs_add(x, NULL, "reap-devices", orphan[i].uuid, domid, NULL);
	}
}

int device_reap_work(struct workshop *w)
{
	uint32_t domid = (uint32_t)strtoul(w->job->arg[1], NULL, 10);

	if (is_alive(w->hyp, domid, w->job->arg[0]))
		return device_reap_left(w->xs, domid);
	return device_remove_all(w->xs, domid, w->job->arg[0]);
}

void device_network_start(void)
{
	const char *text = settings_text("network-script");
	struct hotplug named, h = { 0 };
	struct buf said = { 0 };
	int rc;

	if (!text || !*text)
		return;
	rc = hotplug_parse(&named, text);
	memcpy(h.path, named.path, sizeof h.path);
	if (rc == 0)
		rc = hotplug_arg(&h, "start");
	for (size_t i = 0; i < named.args && rc == 0; i++)
		rc = hotplug_arg(&h, named.arg[i]);
	if (rc == 0)
		rc = hotplug_run(&h, NETWORK_MS, &said);
	if (rc)
		log_error("network-script '%s' %s%s", text, rc == -ETIMEDOUT ? "was killed for its slowness: " :
			  rc < 0 ? strerror(-rc) : "failed: ", said.len ? buf_string(&said) : "");
	hotplug_free(&named);
	hotplug_free(&h);
	buf_free(&said);
}
