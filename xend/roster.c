/* Who is there: the hypervisor's list, XenStore's names, the disk's halted domains. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "xenstore/buf.h"
#include "xenstore/xs.h"
#include "xend/domctl.h"
#include "xend/managed.h"
#include "xend/names.h"
#include "xend/roster.h"
#include "xend/sysctl.h"

#define PAGE_KIB 4
#define MAX_PAGES_NONE UINT32_MAX	/* what dom0 gets without dom0_mem=max: none to speak of */
#define BELIEVE_LEAST 3			/* fewer names are asked for as quickly */

const char *roster_vm_path(const struct dom *d, const char *rest, char path[ROSTER_PATH])
{
	char uuid[DOM_UUID_TEXT];

	dom_uuid_print(d->uuid, uuid);
	snprintf(path, ROSTER_PATH, "/vm/%s%s%s", uuid, *rest ? "/" : "", rest);
	return path;
}

/* What to call a domain that XenStore doesn't name: one that is dying, most often. */
static char *name_make(struct xs *xs, const struct dom *d)
{
	char path[ROSTER_PATH];
	char *old = xs ? xs_get(xs, XS_TXN_NONE, roster_vm_path(d, "", path), "name") : NULL;
	char *name;
	int n;

	if (old && d->flags & XEN_DOMINF_dying)
		n = asprintf(&name, "Zombie-%s", old);
	else if (d->domid == 0)
		n = asprintf(&name, "Domain-0");
	else
		n = asprintf(&name, "Domain-#%d", d->domid);
	free(old);
	return n < 0 ? NULL : name;
}

static void dom_fill(const struct xen_domctl_getdomaininfo *info, struct dom *d)
{
	*d = (struct dom){
		.domid = info->domain,
		.flags = info->flags,
		.mem_kib = (info->tot_pages + info->outstanding_pages) * PAGE_KIB,
		.max_kib = info->max_pages >= MAX_PAGES_NONE ? DOM_NO_LIMIT
							     : info->max_pages * PAGE_KIB,
		.cpu_time_ns = info->cpu_time,
		.vcpus_online = info->nr_online_vcpus,
		.vcpus = info->max_vcpu_id == XEN_INVALID_MAX_VCPU_ID ? 0 : info->max_vcpu_id + 1,
		.ssidref = info->ssidref,
		.cpupool = info->cpupool,
		.start_time = -1,
	};
	memcpy(d->uuid, info->handle, sizeof d->uuid);
}

/* Takes the name that XenStore has, or none. */
static int dom_call(struct xs *xs, struct dom *d, char *name)
{
	d->has_name = name != NULL;
	d->name = name ? name : name_make(xs, d);
	return d->name ? 0 : -ENOMEM;
}

/* Xen's xenstored takes a request from each connection, and then looks at all of them and at every
 * domain: with many domains, more connections get more answers for each such look. */
static void read_many(struct xs *xs, const char *const *path, size_t n, char **value)
{
	enum { EACH = 12 };		/* fewer are not worth a connection */
	struct xs *all[XS_SPREAD_MAX] = { xs };
	size_t count = 1;

	while (count < XS_SPREAD_MAX && count * EACH < n &&
	       xs_open(&all[count], XS_OPEN_SOCKET_ONLY) == 0)
		count++;
	xs_read_each(all, count, XS_TXN_NONE, path, n, value);	/* a lost store knows nothing */
	while (--count)
		xs_close(all[count]);
}

/* What xend tells of them.  The domains are sorted by domid, as the hypervisor lists them. */
static void names_told(struct xs *xs, const struct dom_list *l, char **name)
{
	char *rows = names_read(xs);
	const char *at = rows, *text;
	uint32_t domid;
	size_t i = 0, len;

	while (rows && names_next(&at, &domid, &text, &len)) {
		while (i < l->count && (uint32_t)l->dom[i].domid < domid)
			i++;
		if (i < l->count && (uint32_t)l->dom[i].domid == domid && !name[i])
			name[i] = strndup(text, len);
	}
	free(rows);
}

/* The other names, each by its own question, in few round trips. */
static int names_look_up(struct xs *xs, const struct dom_list *l, char **name)
{
	enum { PATH = 40 };		/* /local/domain/<uint32_t>/name */
	char (*text)[PATH] = calloc(l->count + 1, PATH);
	const char **path = calloc(l->count + 1, sizeof *path);
	char **answer = calloc(l->count + 1, sizeof *answer);
	bool is_ready = text && path && answer;
	size_t n = 0;

	for (size_t i = 0; is_ready && i < l->count; i++) {
		if (name[i])
			continue;
		path[n] = text[n];
		snprintf(text[n++], PATH, "/local/domain/%d/name", l->dom[i].domid);
	}
	if (n)
		read_many(xs, path, n, answer);
	for (size_t i = 0, k = 0; i < l->count && k < n; i++)
		if (!name[i])
			name[i] = answer[k++];
	free(answer);
	free(path);
	free(text);
	return is_ready ? 0 : -ENOMEM;
}

static int list_call(struct xs *xs, struct dom_list *l, bool believe)
{
	char **name = calloc(l->count + 1, sizeof *name);
	int rc = name ? 0 : -ENOMEM;

	if (name && xs && believe && l->count >= BELIEVE_LEAST)
		names_told(xs, l, name);
	if (name && xs)
		rc = names_look_up(xs, l, name);
	for (size_t i = 0; name && i < l->count; i++) {
		int called = dom_call(xs, &l->dom[i], name[i]);

		rc = rc ? rc : called;
	}
	free(name);
	return rc;
}

static int read_running(struct hyp *h, struct xs *xs, struct dom_list *l, bool believe)
{
	struct xen_domctl_getdomaininfo *info;
	int n = sysctl_domains_all(h, &info), rc;

	*l = (struct dom_list){ 0 };
	if (n < 0)
		return n;
	l->dom = calloc((size_t)n + 1, sizeof *l->dom);
	for (int i = 0; l->dom && i < n; i++)
		dom_fill(&info[i], &l->dom[l->count++]);
	free(info);
	rc = l->dom ? list_call(xs, l, believe) : -ENOMEM;
	if (rc < 0)
		dom_list_free(l);
	else
		dom_list_sort(l);
	return rc;
}

int roster_read_running(struct hyp *h, struct xs *xs, struct dom_list *l)
{
	return read_running(h, xs, l, false);
}

int roster_read_told(struct hyp *h, struct xs *xs, struct dom_list *l)
{
	return read_running(h, xs, l, true);
}

bool roster_is_called(struct xs *xs, const struct dom *d)
{
	char path[ROSTER_PATH];
	char *name;
	bool is_same;

	if (d->domid == DOM_HALTED || !d->has_name || !xs)
		return true;
	snprintf(path, sizeof path, "/local/domain/%d", d->domid);
	name = xs_get(xs, XS_TXN_NONE, path, "name");
	is_same = name && !strcmp(name, d->name);
	free(name);
	return is_same;
}

static uint64_t config_number(const struct sxp *config, const char *key)
{
	const char *text = sxp_child_text(config, key);

	return text ? strtoull(text, NULL, 10) : 0;
}

static int add_halted(struct dom_list *l, const struct managed *m)
{
	struct dom d = {
		.domid = DOM_HALTED, .is_managed = true, .has_name = true, .start_time = -1,
		.name = strdup(m->name), .is_suspended = managed_has_state(m->uuid),
		.mem_kib = config_number(m->config, "memory") * 1024,
		.max_kib = config_number(m->config, "maxmem") * 1024,
		.vcpus = (unsigned)config_number(m->config, "vcpus"),
	};

	if (!d.name)
		return -ENOMEM;
	if (!d.vcpus)
		d.vcpus = 1;
	memcpy(d.uuid, m->uuid, sizeof d.uuid);
	l->dom[l->count++] = d;
	return 0;
}

static struct dom *find_running(struct dom_list *l, const uint8_t uuid[16])
{
	for (size_t i = 0; i < l->count; i++)
		if (l->dom[i].domid != DOM_HALTED && !(l->dom[i].flags & XEN_DOMINF_dying) &&
		    !memcmp(l->dom[i].uuid, uuid, 16))
			return &l->dom[i];
	return NULL;
}

/* Those on disk with those that run. */
static int add_managed(struct dom_list *l)
{
	struct managed_list managed;
	struct dom *grown;
	int rc = managed_list(&managed, NULL);

	if (rc < 0)
		goto fail;
	grown = realloc(l->dom, (l->count + managed.count + 1) * sizeof *grown);
	if (!grown) {
		rc = -ENOMEM;
		goto fail_managed;
	}
	l->dom = grown;
	for (size_t i = 0; i < managed.count && rc == 0; i++) {
		struct dom *d = find_running(l, managed.domain[i].uuid);

		if (d)
			d->is_managed = true;
		else
			rc = add_halted(l, &managed.domain[i]);
	}
	if (rc < 0)
		goto fail_managed;
	managed_list_free(&managed);
	dom_list_sort(l);
	return 0;
fail_managed:
	managed_list_free(&managed);
fail:
	dom_list_free(l);
	return rc;
}

int roster_read(struct hyp *h, struct xs *xs, struct dom_list *l)
{
	int rc = roster_read_running(h, xs, l);

	return rc < 0 ? rc : add_managed(l);
}

int roster_read_all_told(struct hyp *h, struct xs *xs, struct dom_list *l)
{
	int rc = roster_read_told(h, xs, l);

	return rc < 0 ? rc : add_managed(l);
}

static double host_start_time(void)
{
	FILE *f = fopen("/proc/uptime", "re");
	double up = -1;

	if (f) {
		if (fscanf(f, "%lf", &up) != 1)
			up = -1;
		fclose(f);
	}
	return up < 0 ? -1 : (double)time(NULL) - up;
}

static double time_parse(const char *text)
{
	char *end;
	double t = text ? strtod(text, &end) : -1;

	return text && end != text && t >= 0 ? t : -1;
}

void roster_start_time(struct xs *xs, struct dom *d)
{
	roster_start_times(xs, &d, 1);
}

void roster_start_times(struct xs *xs, struct dom *const *d, size_t count)
{
	char (*path)[ROSTER_PATH] = calloc(count + 1, sizeof *path);
	const char **paths = calloc(count + 1, sizeof *paths);
	char **value = calloc(count + 1, sizeof *value);

	for (size_t i = 0; path && paths && i < count; i++)
		paths[i] = roster_vm_path(d[i], "start_time", path[i]);
	if (path && paths && value && xs)
		read_many(xs, paths, count, value);
	for (size_t i = 0; i < count; i++) {
		d[i]->start_time = d[i]->domid == 0 ? host_start_time()
						    : time_parse(value ? value[i] : NULL);
		if (value)
			free(value[i]);
	}
	free(value);
	free(paths);
	free(path);
}

/* One block: the vcpus, then a bitmap each. */
int roster_vcpus(struct hyp *h, const struct dom *d, unsigned cpus, struct dom_vcpu **out)
{
	size_t bytes = (cpus + 7) / 8;
	struct dom_vcpu *v = calloc(1, d->vcpus * (sizeof *v + bytes) + 1);
	uint8_t *maps = (uint8_t *)(v + d->vcpus);

	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < d->vcpus; i++) {
		struct xen_domctl_getvcpuinfo info;
		uint8_t *map = maps + i * bytes;
		int rc = domctl_vcpu_info(h, (domid_t)d->domid, i, &info);

		if (rc == 0)
			rc = domctl_affinity_get(h, (domid_t)d->domid, i, map, NULL, bytes);
		if (rc < 0) {
			free(v);
			return rc;
		}
		v[i] = (struct dom_vcpu){
			.vcpu = i, .cpu = info.cpu, .is_online = info.online,
			.is_blocked = info.blocked, .is_running = info.running,
			.cpu_time_ns = info.cpu_time, .affinity = map,
		};
	}
	*out = v;
	return (int)d->vcpus;
}

void roster_vcpus_free(struct dom_vcpu *v)
{
	free(v);
}

/* xend keeps a running domain's configuration in pieces: a node holds 4 KiB only. */
static int config_join(struct xs *xs, const struct dom *d, struct buf *text)
{
	char path[ROSTER_PATH], piece[16];

	roster_vm_path(d, "xend/config", path);
	for (unsigned i = 0;; i++) {
		char *part;

		snprintf(piece, sizeof piece, "%u", i);
		part = xs_get(xs, XS_TXN_NONE, path, piece);
		if (!part)
			break;
		buf_add_string(text, part);
		free(part);
	}
	if (text->failed)
		return -ENOMEM;
	return text->len ? 0 : -ENOENT;
}

int roster_config(struct xs *xs, const struct dom *d, struct sxp **config)
{
	struct buf text = { 0 };
	struct sxp_error err;
	int rc;

	if (d->domid == DOM_HALTED)
		return managed_load(d->uuid, config);
	rc = xs ? config_join(xs, d, &text) : -ENOENT;
	if (rc == 0)
		rc = sxp_parse(text.data, text.len, config, NULL, &err);
	buf_free(&text);
	return rc;
}
