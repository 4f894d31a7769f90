/* Devices: block-attach, block-detach, block-configure, block-list and the same of networks.  Lists are
 * read from XenStore, or from a halted domain's configuration; no daemon has to run. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/xs.h"
#include "xend/device.h"
#include "xend/roster.h"
#include "xm/format.h"
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/json.h"
#include "xm/open.h"

#define CONFIG_CLASSES 2		/* of one list: vbd and tap */

/* ------------------------------------------------------------------ listing */

struct listing {
	const struct xm_args *a;
	const struct dom *d;
	const char *class;		/* of XenStore: vbd, vif, vtpm */
	void (*head)(FILE *out);
	void (*row)(FILE *out, const struct format_device *v);
	struct json *json;
	size_t rows;
};

static char *node_get(const char *dir, const char *name)
{
	return xs_get(xm_xs_quiet(), XS_TXN_NONE, dir, name);
}

static int node_number(const char *dir, const char *name)
{
	char *text = node_get(dir, name);
	int number = text && *text ? atoi(text) : -1;

	free(text);
	return number;
}

static void json_row(struct json *j, const struct format_device *v, const char *class)
{
	json_map(j, NULL);
	json_int(j, "id", v->id);
	json_int(j, "backend_id", v->backend_id);
	if (!strcmp(class, "vif"))
		json_text(j, "mac", v->mac);
	json_int(j, "handle", v->handle);
	json_int(j, "state", v->state);
	json_int(j, "event_channel", v->event_channel);
	if (!strcmp(class, "vif")) {
		json_int(j, "tx_ring_ref", v->tx_ring_ref);
		json_int(j, "rx_ring_ref", v->rx_ring_ref);
	} else {
		json_int(j, "ring_ref", v->ring_ref);
	}
	json_text(j, "backend", v->backend);
	json_end_map(j);
}

static void show_row(struct listing *l, const struct format_device *v)
{
	if (l->json)
		json_row(l->json, v, l->class);
	else if (l->rows == 0)
		l->head(stdout);
	if (!l->json)
		l->row(stdout, v);
	l->rows++;
}

static void show_running(struct listing *l, const char *dir, const char *name)
{
	struct format_device v = { .id = (unsigned)strtoul(name, NULL, 10) };
	char *mac = node_get(dir, "mac"), *backend = node_get(dir, "backend");

	v.backend_id = node_number(dir, "backend-id");
	v.handle = node_number(dir, "handle");
	v.state = node_number(dir, "state");
	v.event_channel = node_number(dir, "event-channel");
	v.ring_ref = node_number(dir, "ring-ref");
	v.tx_ring_ref = node_number(dir, "tx-ring-ref");
	v.rx_ring_ref = node_number(dir, "rx-ring-ref");
	/* Where a disk has no handle of its own, its list has always said 0. */
	if (v.handle < 0 && strcmp(l->class, "vif"))
		v.handle = 0;
	v.mac = mac;
	v.backend = backend;
	show_row(l, &v);
	free(mac);
	free(backend);
}

/* All that the front-end's directory holds. */
static int show_long(const char *dir, const char *name)
{
	struct sxp *all = sxp_list(), *nodes = sxp_list();
	char **names, *text;
	int n = xs_directory(xm_xs_quiet(), XS_TXN_NONE, dir, &names);

	for (int i = 0; i < n; i++) {
		char *value = node_get(dir, names[i]);

		if (value)
			sxp_push_text(nodes, names[i], value);
		free(value);
	}
	if (n >= 0)
		free(names);
	sxp_push(all, sxp_atom(name));
	sxp_push(all, nodes);
	text = sxp_failed(all) ? NULL : sxp_pretty(all, SXP_WIDTH);
	sxp_free(all);
	if (!text)
		return xm_error("Out of memory.");
	fputs(text, stdout);
	free(text);
	return XM_OK;
}

static int by_number(const void *a, const void *b)
{
	unsigned long x = strtoul(*(char *const *)a, NULL, 10);
	unsigned long y = strtoul(*(char *const *)b, NULL, 10);

	return x < y ? -1 : x > y;
}

static int list_running(struct listing *l)
{
	char path[DEVICE_PATH], dir[DEVICE_PATH + 32], **names;
	int n, status = XM_OK;

	snprintf(path, sizeof path, "/local/domain/%d/device/%s", l->d->domid, l->class);
	n = xs_directory(xm_xs_quiet(), XS_TXN_NONE, path, &names);
	if (n == -ENOENT)
		return XM_OK;
	if (n < 0)
		return xm_error("Unable to read %s: %s.", path, strerror(-n));
	qsort(names, (size_t)n, sizeof *names, by_number);
	for (int i = 0; i < n && status == XM_OK; i++) {
		snprintf(dir, sizeof dir, "%s/%.20s", path, names[i]);
		if (xm_opt(l->a, "long"))
			status = show_long(dir, names[i]);
		else
			show_running(l, dir, names[i]);
	}
	free(names);
	return status;
}

/* (vbd (uname …) …) as it stands in the configuration. */
static int show_element(const struct sxp *element)
{
	char *text = sxp_pretty(element, SXP_WIDTH);

	if (!text)
		return xm_error("Out of memory.");
	fputs(text, stdout);
	free(text);
	return XM_OK;
}

static int list_halted(struct listing *l)
{
	const char *classes[CONFIG_CLASSES] = { l->class, strcmp(l->class, "vbd") ? NULL : "tap" };
	struct sxp *config;
	unsigned index = 0;
	int status = XM_OK;

	if (roster_config(xm_xs_quiet(), l->d, &config) < 0)
		return XM_OK;
	for (size_t i = 0; i < config->count && status == XM_OK; i++) {
		const struct sxp *child = config->item[i];
		const char *head = sxp_head(child);
		const struct sxp *element = head && !strcmp(head, "device") && child->count > 1 ?
			child->item[1] : NULL;
		struct format_device v = { index, 0, -1, -1, -1, -1, -1, -1, NULL, NULL };

		head = sxp_head(element);
		if (!head || (strcmp(head, classes[0]) && (!classes[1] || strcmp(head, classes[1]))))
			continue;
		v.mac = sxp_child_text(element, "mac");
		index++;
		if (xm_opt(l->a, "long"))
			status = show_element(element);
		else
			show_row(l, &v);
	}
	sxp_free(config);
	return status;
}

static int list_devices(struct xm_args *a, struct listing *l)
{
	struct dom_list doms;
	struct dom *d;
	int status;

	if (a->argc == 0) {
		puts("No domain parameter given");
		xm_usage(a->command, stdout);
		return XM_FAILED;
	}
	if (a->argc > 1) {
		puts("No multiple domain parameters allowed");
		xm_usage(a->command, stdout);
		return XM_FAILED;
	}
	status = xm_xs() ? xm_find(&doms, a->argv[0], &d) : XM_FAILED;
	if (status)
		return status;
	l->a = a;
	l->d = d;
	if (xm_opt(a, "json")) {
		l->json = json_open(stdout, true);
		json_list(l->json, NULL);
	}
	status = d->domid == DOM_HALTED ? list_halted(l) : list_running(l);
	if (l->json) {
		json_end_list(l->json);
		if (json_close(l->json) < 0)
			status = XM_FAILED;
	}
	dom_list_free(&doms);
	return status;
}

static int cmd_block_list(struct xm_args *a)
{
	struct listing l = { .class = "vbd", .head = format_block_head, .row = format_block_row };

	return list_devices(a, &l);
}

static int cmd_network_list(struct xm_args *a)
{
	struct listing l = { .class = "vif", .head = format_network_head, .row = format_network_row };

	return list_devices(a, &l);
}

static int cmd_vtpm_list(struct xm_args *a)
{
	struct listing l = { .class = "vtpm", .head = format_vtpm_head, .row = format_vtpm_row };

	return list_devices(a, &l);
}

/* --------------------------------------------------------------- attaching */

/* Takes the element. */
static int send_device(struct xm_args *a, struct sxp *element)
{
	const char *const arg[] = { a->argv[0] };
	char *text = sxp_failed(element) ? NULL : sxp_print(element);
	struct job_request r = { .command = a->command->name, .arg = arg, .args = 1, .body = text };
	int status = text ? xm_job_run(a, &r, NULL) : xm_error("Out of memory.");

	free(text);
	sxp_free(element);
	return status;
}

static int cmd_block_attach(struct xm_args *a)
{
	struct sxp *element = sxp_named(strncmp(a->argv[1], "tap:", 4) ? "vbd" : "tap");

	sxp_push_text(element, "uname", a->argv[1]);
	sxp_push_text(element, "dev", a->argv[2]);
	sxp_push_text(element, "mode", a->argv[3]);
	if (a->argc > 4)
		sxp_push_text(element, "backend", a->argv[4]);
	return send_device(a, element);
}

static int cmd_network_attach(struct xm_args *a)
{
	static const char *const keys[] = {
		"type", "mac", "bridge", "ip", "script", "backend", "vifname", "rate", "model", "accel",
	};
	struct sxp *element = sxp_named("vif");

	for (int i = 1; i < a->argc; i++) {
		char *equals = strchr(a->argv[i], '=');
		bool is_known = false;

		for (size_t k = 0; equals && equals[1] && k < sizeof keys / sizeof *keys; k++)
			is_known |= strlen(keys[k]) == (size_t)(equals - a->argv[i]) &&
				    !strncmp(keys[k], a->argv[i], (size_t)(equals - a->argv[i]));
		if (!is_known) {
			sxp_free(element);
			return xm_usage_error(a, "Invalid argument: %s", a->argv[i]);
		}
		*equals = '\0';
		sxp_push_text(element, a->argv[i], equals + 1);
		*equals = '=';
	}
	return send_device(a, element);
}

/* Words after the device that are no option were always ignored, and said so. */
static int cmd_detach(struct xm_args *a)
{
	if (a->argc < 2)
		return xm_usage_error(a, "'xm %s' requires at least 2 arguments", a->command->name);
	for (int i = 2; i < a->argc; i++)
		printf("Ignoring option %s\n", a->argv[i]);
	return xm_job(a, a->command->name, a->argv[0], a->argv[1], xm_opt(a, "force") ? "force" : "",
		      NULL);
}

static const struct xm_option list_options[] = {
	{ 'l', "long", NULL, "All that XenStore holds of each." },
	XM_OPT_JSON,
	{ 0 },
};

static const struct xm_option detach_options[] = {
	{ 'f', "force", NULL, "Don't ask the guest: take it away at once." },
	XM_OPT_TIMEOUT,
	{ 0 },
};

static const struct xm_option attach_options[] = { XM_OPT_TIMEOUT, { 0 } };

#define BLOCK_ARGS "<Domain> <BackDev> <FrontDev> <Mode> [BackDomain]"

const struct xm_command device_commands[] = {
	{ "block-attach", BLOCK_ARGS, 4, 5, cmd_block_attach, "Give a domain a disk.", attach_options,
	  0, XM_DEVICE },
	{ "block-configure", BLOCK_ARGS, 4, 5, cmd_block_attach, "Change a disk of a domain.",
	  attach_options, 0, XM_DEVICE },
	{ "block-detach", "<Domain> <DevId> [-f|--force]", 2, 3, cmd_detach,
	  "Take a disk from a domain.", detach_options, XM_RAW, XM_DEVICE },
	{ "block-list", "<Domain> [-l|--long]", 0, -1, cmd_block_list, "Show a domain's disks.",
	  list_options, 0, XM_DEVICE },
	{ "network-attach", "<Domain> [key=value ...]", 1, 11, cmd_network_attach,
	  "Give a domain a network interface.", attach_options, 0, XM_DEVICE },
	{ "network-detach", "<Domain> <DevId> [-f|--force]", 2, 3, cmd_detach,
	  "Take a network interface from a domain.", detach_options, XM_RAW, XM_DEVICE },
	{ "network-list", "<Domain> [-l|--long]", 0, -1, cmd_network_list,
	  "Show a domain's network interfaces.", list_options, 0, XM_DEVICE },
	{ "vtpm-list", "<Domain> [-l|--long]", 0, -1, cmd_vtpm_list, "Show a domain's virtual TPMs.",
	  list_options, 0, XM_DEVICE },
	{ 0 },
};
