/* xm: the tables of commands, and main.  Called under a tool's name, it is that tool. */
#include <locale.h>
#include <signal.h>
#include <string.h>
#include "xend/managed.h"
#include "xend/settings.h"
#include "xm/groups.h"
#include "xm/tools.h"

const struct xm_command *const xm_tables[] = {
	list_commands, host_commands, sched_commands, lifecycle_commands, create_commands,
	tune_commands, console_commands, top_commands, watch_commands, doctor_commands, device_commands,
	shell_commands, later_commands, NULL,
};

const struct xm_alias xm_aliases[] = {
	{ "balloon", "mem-set" }, { "set-vcpus", "vcpu-set" }, { "vif-list", "network-list" },
	{ "vbd-create", "block-attach" }, { "vbd-destroy", "block-detach" },
	{ "vbd-list", "block-list" },
	{ "pool-create", "cpupool-create" }, { "pool-new", "cpupool-new" },
	{ "pool-start", "cpupool-start" }, { "pool-list", "cpupool-list" },
	{ "pool-destroy", "cpupool-destroy" }, { "pool-delete", "cpupool-delete" },
	{ "pool-cpu-add", "cpupool-cpu-add" }, { "pool-cpu-remove", "cpupool-cpu-remove" },
	{ "pool-migrate", "cpupool-migrate" },
	{ NULL, NULL },
};

/* Tools that xm is when it is called so. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} tools[] = {
	{ "xentop", tool_xentop },
	{ "xenconsole", tool_xenconsole },
};

static bool asks_for_list(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	const char *domains;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
		if (!strcmp(tools[i].name, name))
			return tools[i].run(argc, argv);
	if (argc < 2) {
		xm_help_short(stdout);
		return XM_FAILED;
	}
	if (asks_for_list(argv[1])) {
		xm_help_full(stdout);
		return XM_OK;
	}
	domains = settings_text("xend-domains-path");
	if (domains && *domains)
		managed_set_path(domains);
	return xm_run(argc - 1, argv + 1);
}
