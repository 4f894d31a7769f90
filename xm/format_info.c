/* xm info: one row per fact, in the order that scripts know. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "xend/domctl.h"
#include "xm/format.h"

#define XEND_CONFIG_FORMAT 4	/* what `xm info` has said since 3.1 */

const char *format_scheduler(uint32_t sched_id)
{
	static const char *const names[] = {
		[XEN_SCHEDULER_CREDIT] = "credit", [XEN_SCHEDULER_CREDIT2] = "credit2",
		[XEN_SCHEDULER_ARINC653] = "arinc653", [XEN_SCHEDULER_RTDS] = "rtds",
		[XEN_SCHEDULER_NULL] = "null", [DOMCTL_SCHED_SEDF] = "sedf",
	};

	if (sched_id >= sizeof names / sizeof *names || !names[sched_id])
		return "unknown";
	return names[sched_id];
}

static void row(FILE *out, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void row(FILE *out, const char *key, const char *format, ...)
{
	char value[1200];
	va_list va;

	va_start(va, format);
	vsnprintf(value, sizeof value, format, va);
	va_end(va);
	fprintf(out, "%-23s: %s\n", key, *value ? value : "(none)");
}

static uint64_t pages_mib(const struct host *h, uint64_t pages)
{
	uint32_t page_size = h->version.page_size ? h->version.page_size : 4096;

	return pages / (1024 * 1024 / page_size);
}

static void row_hw_caps(FILE *out, const struct host *h)
{
	char text[9 * 8 + 1] = "";

	for (size_t i = 0; i < 8; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%08x", i ? ":" : "",
			 h->phys.hw_cap[i]);
	row(out, "hw_caps", "%s", text);
}

static void row_virt_caps(FILE *out, const struct host *h)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} caps[] = {
		{ XEN_SYSCTL_PHYSCAP_pv, "pv" }, { XEN_SYSCTL_PHYSCAP_hvm, "hvm" },
		{ XEN_SYSCTL_PHYSCAP_directio, "hvm_directio" },
		{ XEN_SYSCTL_PHYSCAP_hap, "hap" }, { XEN_SYSCTL_PHYSCAP_shadow, "shadow" },
	};
	char text[64] = "";

	for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
		if (h->phys.capabilities & caps[i].bit)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
				 *text ? " " : "", caps[i].name);
	row(out, "virt_caps", "%s", text);
}

static void info_hardware(FILE *out, const struct host *h)
{
	row(out, "host", "%s", h->uts.nodename);
	row(out, "release", "%s", h->uts.release);
	row(out, "version", "%s", h->uts.version);
	row(out, "machine", "%s", h->uts.machine);
	row(out, "nr_cpus", "%u", h->phys.nr_cpus);
	row(out, "nr_nodes", "%u", h->phys.nr_nodes);
	row(out, "cores_per_socket", "%u", h->phys.cores_per_socket);
	row(out, "threads_per_core", "%u", h->phys.threads_per_core);
	row(out, "cpu_mhz", "%u", h->phys.cpu_khz / 1000);
	row_hw_caps(out, h);
	row_virt_caps(out, h);
	row(out, "total_memory", "%" PRIu64, pages_mib(h, h->phys.total_pages));
	row(out, "free_memory", "%" PRIu64, pages_mib(h, h->phys.free_pages));
	row(out, "free_cpus", "%u", h->free_cpus);
}

/* node0:0-1 on the first line, further nodes below the first's name. */
static void info_nodes(FILE *out, const struct host *h)
{
	for (unsigned node = 0; node < h->nodes; node++) {
		uint8_t map[HOST_CPUS_MAX / 8] = { 0 };
		char cpus[512];

		for (unsigned cpu = 0; cpu < h->cpus; cpu++)
			if (h->cpu[cpu].node == node)
				map[cpu / 8] |= (uint8_t)(1 << cpu % 8);
		/* One more bit than there are, so that all of them is still a list. */
		format_affinity(cpus, sizeof cpus, map,
				h->cpus < HOST_CPUS_MAX ? h->cpus + 1 : h->cpus);
		if (node == 0)
			row(out, "node_to_cpu", "node%u:%s", node, cpus);
		else
			fprintf(out, "%25snode%u:%s\n", "", node, cpus);
	}
}

static void info_xen(FILE *out, const struct host *h)
{
	const struct sysctl_version *v = &h->version;

	row(out, "xen_major", "%u", v->major);
	row(out, "xen_minor", "%u", v->minor);
	row(out, "xen_extra", "%s", v->extra);
	row(out, "xen_caps", "%s", v->capabilities);
	row(out, "xen_scheduler", "%s", format_scheduler(h->sched_id));
	row(out, "xen_pagesize", "%u", v->page_size);
	row(out, "platform_params", "virt_start=0x%" PRIx64, v->virt_start);
	row(out, "xen_changeset", "%s", v->changeset);
	row(out, "xen_commandline", "%s", v->commandline);
	row(out, "cc_compiler", "%s", v->compile.compiler);
	row(out, "cc_compile_by", "%s", v->compile.compile_by);
	row(out, "cc_compile_domain", "%s", v->compile.compile_domain);
	row(out, "cc_compile_date", "%s", v->compile.compile_date);
	row(out, "xend_config_format", "%d", XEND_CONFIG_FORMAT);
}

void format_info(FILE *out, const struct host *h)
{
	info_hardware(out, h);
	info_nodes(out, h);
	info_xen(out, h);
}

void format_info_numa(FILE *out, const struct host *h)
{
	fprintf(out, "cpu_topology           :\ncpu:    core    socket     node\n");
	for (unsigned i = 0; i < h->cpus; i++)
		if (h->cpu[i].core != XEN_INVALID_CORE_ID)
			fprintf(out, "%3u:%8u %8u %8u\n", i, h->cpu[i].core, h->cpu[i].socket,
				h->cpu[i].node);
	fprintf(out, "numa_info              :\nnode: TotalMemory FreeMemory NodeDist:\n");
	for (unsigned i = 0; i < h->nodes; i++) {
		fprintf(out, "%4u: %11" PRIu64 " %10" PRIu64, i, h->node[i].memsize >> 20,
			h->node[i].memfree >> 20);
		for (unsigned j = 0; j < h->nodes; j++)
			fprintf(out, "%5u", h->distance[i * HOST_NODES_MAX + j]);
		fputc('\n', out);
	}
}
