/* The host: info, dmesg, log, debug-keys.  Straight from the hypervisor, no daemon needed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/buf.h"
#include "xenstore/hyp.h"
#include "xend/host.h"
#include "xend/settings.h"
#include "xend/sysctl.h"
#include "xm/format.h"
#include "xm/groups.h"
#include "xm/json.h"
#include "xm/open.h"

static void json_topology(struct json *j, const struct host *h)
{
	json_list(j, "cpu_topology");
	for (unsigned i = 0; i < h->cpus; i++) {
		if (h->cpu[i].core == XEN_INVALID_CORE_ID)
			continue;
		json_map(j, NULL);
		json_int(j, "cpu", i);
		json_int(j, "core", h->cpu[i].core);
		json_int(j, "socket", h->cpu[i].socket);
		json_int(j, "node", h->cpu[i].node);
		json_end_map(j);
	}
	json_end_list(j);
	json_list(j, "nodes");
	for (unsigned i = 0; i < h->nodes; i++) {
		json_map(j, NULL);
		json_int(j, "node", i);
		json_int(j, "total_memory_kib", (int64_t)(h->node[i].memsize >> 10));
		json_int(j, "free_memory_kib", (int64_t)(h->node[i].memfree >> 10));
		json_end_map(j);
	}
	json_end_list(j);
}

static void json_info(const struct host *h, bool has_topology)
{
	struct json *j = json_open(stdout, true);
	uint64_t page_kib = h->version.page_size / 1024;

	json_map(j, NULL);
	json_text(j, "host", h->uts.nodename);
	json_text(j, "release", h->uts.release);
	json_text(j, "machine", h->uts.machine);
	json_int(j, "nr_cpus", h->phys.nr_cpus);
	json_int(j, "nr_nodes", h->phys.nr_nodes);
	json_int(j, "cores_per_socket", h->phys.cores_per_socket);
	json_int(j, "threads_per_core", h->phys.threads_per_core);
	json_int(j, "cpu_khz", h->phys.cpu_khz);
	json_int(j, "total_memory_kib", (int64_t)(h->phys.total_pages * page_kib));
	json_int(j, "free_memory_kib", (int64_t)(h->phys.free_pages * page_kib));
	json_int(j, "free_cpus", h->free_cpus);
	json_int(j, "xen_major", h->version.major);
	json_int(j, "xen_minor", h->version.minor);
	json_text(j, "xen_extra", h->version.extra);
	json_text(j, "xen_caps", h->version.capabilities);
	json_text(j, "xen_scheduler", format_scheduler(h->sched_id));
	json_text(j, "xen_changeset", h->version.changeset);
	json_text(j, "xen_commandline", h->version.commandline);
	json_text(j, "cc_compiler", h->version.compile.compiler);
	json_text(j, "cc_compile_date", h->version.compile.compile_date);
	if (has_topology)
		json_topology(j, h);
	json_end_map(j);
	json_close(j);
}

static int settings_json(void)
{
	struct json *j;

	if (settings_load() < 0)
		return xm_error("%s", settings_error());
	j = json_open(stdout, true);
	json_map(j, NULL);
	for (const struct setting *s = settings_keys; s->key; s++)
		json_text(j, s->key, settings_text(s->key));
	json_end_map(j);
	return json_close(j) < 0 ? XM_FAILED : XM_OK;
}

static int cmd_info(struct xm_args *a)
{
	struct hyp *h;
	struct host *host;
	int rc;

	if (xm_opt(a, "config") && xm_opt(a, "json"))
		return settings_json();
	if (xm_opt(a, "config"))
		return settings_print(stdout) < 0 ? xm_error("%s", settings_error()) : XM_OK;
	h = xm_hyp();
	if (!h)
		return XM_FAILED;
	rc = host_read(h, &host);
	if (rc < 0)
		return xm_hyp_error("Unable to read the host's facts", rc);
	if (xm_opt(a, "json"))
		json_info(host, xm_opt(a, "numa"));
	else
		format_info(stdout, host);
	if (xm_opt(a, "numa") && !xm_opt(a, "json"))
		format_info_numa(stdout, host);
	free(host);
	return XM_OK;
}

#define DMESG_STEP 16384

/* A list with a string for each line of text. */
static void json_lines(const struct buf *text)
{
	struct json *j = json_open(stdout, true);
	const char *at = text->data, *end = text->data + text->len;

	json_list(j, NULL);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		char *line = strndup(at, (size_t)((stop ? stop : end) - at));

		json_text(j, NULL, line);
		free(line);
		at = stop ? stop + 1 : end;
	}
	json_end_list(j);
	json_close(j);
}

static void dmesg_put(struct buf *kept, const char *text, int n)
{
	if (n > 0 && kept)
		buf_add(kept, text, (size_t)n);
	else if (n > 0)
		fwrite(text, 1, (size_t)n, stdout);
}

static int cmd_dmesg(struct xm_args *a)
{
	bool clear = xm_opt(a, "clear") != NULL;
	struct hyp *h;
	uint32_t index = 0;
	char text[DMESG_STEP];
	struct buf all = { 0 }, *kept = xm_opt(a, "json") ? &all : NULL;
	int n;

	if (a->argc)
		return xm_usage_error(a, "No parameter required");
	h = xm_hyp();
	if (!h)
		return XM_FAILED;
	n = sysctl_console_read(h, text, sizeof text, &index, false, false);
	while (n > 0) {
		dmesg_put(kept, text, n);
		n = sysctl_console_read(h, text, sizeof text, &index, false, true);
	}
	/* Cleared only when all was read: the hypervisor's own clear would drop the rest. */
	if (n == 0 && clear)
		n = sysctl_console_read(h, text, sizeof text, &index, true, true);
	dmesg_put(kept, text, n);
	if (kept && n >= 0)
		json_lines(kept);
	buf_free(&all);
	return n < 0 ? xm_hyp_error("Unable to read the hypervisor's messages", n) : XM_OK;
}

/* "[2026-11-22 13:49:59 26172] LEVEL (part) text"; a line of another shape is all text. */
static void json_log_line(struct json *j, const char *line)
{
	char when[32], level[16], part[64];
	int pid, at = 0;
	bool is_whole = sscanf(line, "[%19[0-9: -] %d] %15[A-Z] (%63[^)]) %n", when, &pid, level,
			       part, &at) == 4 && at;

	json_map(j, NULL);
	if (is_whole) {
		json_text(j, "time", when);
		json_int(j, "pid", pid);
		json_text(j, "level", level);
		json_text(j, "part", part);
	}
	json_text(j, "text", line + (is_whole ? at : 0));
	json_end_map(j);
}

static int log_json(FILE *f)
{
	struct json *j = json_open(stdout, true);
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	json_list(j, NULL);
	while ((n = getline(&line, &size, f)) > 0) {
		line[n - 1] = line[n - 1] == '\n' ? '\0' : line[n - 1];
		json_log_line(j, line);
	}
	json_end_list(j);
	free(line);
	return json_close(j) < 0 ? XM_FAILED : XM_OK;
}

static int cmd_log(struct xm_args *a)
{
	const char *path = settings_text("logfile");
	char part[8192];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		return xm_error("Unable to read %s: %s.%s", path, strerror(errno),
				errno == ENOENT ? " xend writes it: xend start" : "");
	if (xm_opt(a, "json")) {
		int status = log_json(f);

		fclose(f);
		return status;
	}
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		fwrite(part, 1, n, stdout);
	n = (size_t)ferror(f);
	fclose(f);
	putchar('\n');
	return n ? xm_error("Unable to read %s.", path) : XM_OK;
}

static int cmd_debug_keys(struct xm_args *a)
{
	struct hyp *h = xm_hyp();
	int rc;

	if (!h)
		return XM_FAILED;
	rc = sysctl_debug_keys(h, a->argv[0]);
	return rc < 0 ? xm_hyp_error("Unable to send debug keys", rc) : XM_OK;
}

static const struct xm_option info_options[] = {
	{ 'c', "config", NULL, "Show xend's settings instead." },
	{ 'n', "numa", NULL, "Add processors' and memory's places in the machine." },
	XM_OPT_JSON,
	{ 0 },
};

static const struct xm_option dmesg_options[] = {
	{ 'c', "clear", NULL, "Empty the buffer after reading it." },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command host_commands[] = {
	{ "info", "[-c|--config, -n|--numa]", 0, 1, cmd_info,
	  "Show facts about the host and its hypervisor.", info_options, 0, XM_HOST },
	{ "dmesg", "[-c|--clear]", 0, 1, cmd_dmesg, "Show the hypervisor's messages.",
	  dmesg_options, 0, XM_HOST },
	{ "log", "", 0, 0, cmd_log, "Show xend's log.", xm_json_option, 0, XM_HOST },
	{ "debug-keys", "<Keys>", 1, 1, cmd_debug_keys,
	  "Press keys on the hypervisor's console; what they print: xm dmesg.", NULL, XM_RAW,
	  XM_HOST },
	{ 0 },
};
