/* New domains: create, new, start, delete, and lint for configurations. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xend/config.h"
#include "xm/console.h"
#include "xm/groups.h"
#include "xm/job.h"
#include "xm/json.h"
#include "xm/open.h"

/* Words with an equals sign are overrides; of the others the last one names the file. */
static int source_fill(struct xm_args *a, struct config_source *src, const char **override)
{
	const char *file = xm_opt(a, "defconfig");

	for (int i = 0; i < a->argc; i++) {
		if (strchr(a->argv[i], '='))
			override[src->overrides++] = a->argv[i];
		else
			file = a->argv[i];
	}
	src->file = file;
	src->path = xm_opt(a, "path");
	src->sxp_file = xm_opt(a, "config");
	src->override = override;
	src->print = stdout;
	return 0;
}

static int config_refuse(struct xm_args *a, const struct config_error *err)
{
	fflush(stdout);
	config_error_print(err, stderr);
	if (err->usage)
		xm_usage(a->command, stdout);
	return XM_FAILED;
}

static int config_read(struct xm_args *a, struct config *c)
{
	const char **override = calloc((size_t)a->argc + 1, sizeof *override);
	struct config_source src = { 0 };
	struct config_error err;
	int rc;

	if (!override)
		return xm_error("Out of memory.");
	source_fill(a, &src, override);
	rc = config_load(c, &src, &err);
	free(override);
	if (rc < 0)
		return config_refuse(a, &err);
	if (xm_opt(a, "console_autoconnect"))
		c->option.console_autoconnect = 1;
	for (size_t i = 0; i < c->warnings; i++)
		fprintf(stderr, "Warning: %s\n", c->warning[i].text);
	return XM_OK;
}

/* A dash option, or what the file set in its place. */
static bool wants(const struct xm_args *a, const char *name, int in_file)
{
	return xm_opt(a, name) || in_file > 0;
}

static int print_sxp(const struct config *c)
{
	struct sxp *s = config_to_sxp(c);
	char *text = sxp_failed(s) ? NULL : sxp_pretty(s, SXP_WIDTH);

	sxp_free(s);
	if (!text)
		return xm_error("Out of memory.");
	fputs(text, stdout);
	free(text);
	return XM_OK;
}

static int send_config(struct xm_args *a, const char *command, const struct config *c,
		       const char *option, char **result)
{
	const char *name = config_text(c, CONFIG_NAME);
	const char *const arg[] = { name ? name : "", option };
	struct sxp *s = config_to_sxp(c);
	char *text = sxp_failed(s) ? NULL : sxp_print(s);
	struct job_request r = { .command = command, .arg = arg, .args = 2, .body = text };
	int status = text ? xm_job_run(a, &r, result) : xm_error("Out of memory.");

	free(text);
	sxp_free(s);
	return status;
}

static int create_run(struct xm_args *a, const struct config *c)
{
	bool is_paused = wants(a, "paused", c->option.paused);
	char *domid = NULL;
	int status = send_config(a, "create", c, is_paused ? "paused" : "", &domid);

	if (status == XM_OK && !wants(a, "quiet", c->option.quiet)) {
		printf("Started domain %s\n", config_text(c, CONFIG_NAME));
		fflush(stdout);
	}
	if (status == XM_OK && wants(a, "console_autoconnect", c->option.console_autoconnect))
		status = console_attach(atoi(domid), true);
	free(domid);
	return status;
}

static int config_use(struct xm_args *a, struct config *c, bool is_new)
{
	struct config_error err;

	if (c->file && !wants(a, "quiet", c->option.quiet)) {
		printf("Using config file \"%s\".\n", c->file);
		fflush(stdout);
	}
	if (wants(a, "xmldryrun", c->option.xmldryrun))
		return xm_error("The Xen-API's XML form is not available in this version.");
	if (wants(a, "dryrun", c->option.dryrun))
		return print_sxp(c);
	if (config_check(c, &err) < 0)	/* xend's own words, with the line to look at */
		return config_refuse(a, &err);
	if (xm_opt(a, "vncviewer") || xm_opt(a, "vncviewer-autopass"))
		return xm_error("Screens are not available yet in this version; start it without "
				"--vncviewer.");
	return is_new ? send_config(a, "new", c, "", NULL) : create_run(a, c);
}

static int cmd_create(struct xm_args *a)
{
	struct config c;
	int status;

	if (xm_opt(a, "help_config")) {
		config_help_print(stdout);
		return XM_OK;
	}
	status = config_read(a, &c);
	if (status)
		return status;
	status = config_use(a, &c, !strcmp(a->command->name, "new"));
	config_free(&c);
	return status;
}

static int cmd_start(struct xm_args *a)
{
	const char *const arg[] = { a->argv[0], xm_opt(a, "paused") ? "paused" : "" };
	struct job_request r = { .command = "start", .arg = arg, .args = 2 };
	char *domid = NULL;
	int status;

	if (a->argc != 1)
		return xm_usage_error(a, "Expects 1 argument");
	if (xm_opt(a, "vncviewer") || xm_opt(a, "vncviewer-autopass"))
		return xm_error("Screens are not available yet in this version; start it without "
				"--vncviewer.");
	status = xm_job_run(a, &r, &domid);
	if (status == XM_OK && xm_opt(a, "console_autoconnect"))
		status = console_attach(atoi(domid), true);
	free(domid);
	return status;
}

static int cmd_delete(struct xm_args *a)
{
	return xm_job(a, "delete", a->argv[0], NULL);
}

/* A finding "FILE[:LINE:COLUMN]: error|warning: text" as an object. */
static void lint_json_line(struct json *j, char *line, const char *file)
{
	static const char *const grades[] = { "error", "warning" };
	unsigned row = 0, column = 0;

	json_map(j, NULL);
	json_text(j, "file", file);
	for (int i = 0; i < 2; i++) {
		char mark[16], *at;

		snprintf(mark, sizeof mark, ": %s: ", grades[i]);
		at = strstr(line, mark);
		if (!at)
			continue;
		*at = '\0';
		while (at > line && strchr("0123456789:", at[-1]))
			at--;
		if (sscanf(at, ":%u:%u", &row, &column) >= 1) {
			json_int(j, "line", row);
			json_int(j, "column", column);
		}
		json_text(j, "grade", grades[i]);
		line = line + strlen(line) + strlen(mark);
		break;
	}
	json_text(j, "text", line);
	json_end_map(j);
}

static int lint_json(struct json *j, const struct config_source *src)
{
	char *text = NULL, *rest, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int n;

	if (!out)
		return -errno;
	n = config_lint(src, out);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		lint_json_line(j, line, src->file);
	free(text);
	return n;
}

/* All the findings of all the files; the status says whether any is an error. */
static int cmd_lint(struct xm_args *a)
{
	struct json *j = NULL;
	int errors = 0;

	if (!a->argc)
		return xm_usage_error(a, "Expects at least 1 argument");
	if (xm_opt(a, "json")) {
		j = json_open(stdout, true);
		json_list(j, NULL);
	}
	for (int i = 0; i < a->argc; i++) {
		struct config_source src = { .file = a->argv[i], .path = xm_opt(a, "path") };
		int n = j ? lint_json(j, &src) : config_lint(&src, stdout);

		if (n < 0)
			xm_error("Unable to check %s: %s", a->argv[i], strerror(-n));
		errors += n != 0;
	}
	if (j) {
		json_end_list(j);
		json_close(j);
	}
	return errors ? XM_FAILED : XM_OK;
}

/* What may be said of a domain's start. */
#define START_OPTIONS								\
	{ 'p', "paused", NULL, "Leave the domain paused." },			\
	{ 'c', "console_autoconnect", NULL, "Attach to the domain's console." },	\
	{ 0, "vncviewer", NULL, "Look at the domain's screen. (Not available yet.)" },	\
	{ 0, "vncviewer-autopass", NULL, "The same, passing its password on." },	\
	XM_OPT_TIMEOUT

static const struct xm_option create_options[] = {
	{ 'h', "help", NULL, "Print this help." },
	{ 0, "help_config", NULL, "List the variables of configuration files." },
	{ 'q', "quiet", NULL, "Print only errors." },
	{ 0, "path", "PATH", "Where configuration files are looked for, .:/etc/xen by default." },
	{ 'f', "defconfig", "FILE", "The configuration file; a word alone does the same." },
	{ 'F', "config", "FILE", "Take this S-expression instead of a configuration file." },
	{ 'n', "dryrun", NULL, "Print the configuration as an S-expression; create nothing." },
	{ 'x', "xmldryrun", NULL, "The same as XML." },
	{ 's', "skipdtd", NULL, "Don't check that XML." },
	START_OPTIONS,
	{ 0 },
};

static const struct xm_option start_options[] = {
	START_OPTIONS,
	{ 0 },
};

static const struct xm_option lint_options[] = {
	{ 0, "path", "PATH", "Where configuration files are looked for." },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command create_commands[] = {
	{ "create", "<ConfigFile> [options] [vars]", 0, -1, cmd_create,
	  "Create a domain from a configuration file.", create_options,
	  XM_COMMON | XM_NO_USAGE },
	{ "new", "<ConfigFile> [options] [vars]", 0, -1, cmd_create,
	  "Add a managed domain; it is not started.", create_options, XM_COMMON | XM_NO_USAGE },
	{ "start", "[-p|--paused] [-c|--console_autoconnect] <DomainName>", 0, -1, cmd_start,
	  "Start a managed domain.", start_options, XM_COMMON },
	{ "delete", "<DomainName>", 1, 1, cmd_delete, "Remove a halted managed domain.",
	  xm_timeout_option,
	  XM_COMMON | XM_RAW },
	{ "lint", "[--path=PATH] <ConfigFile> ...", 1, -1, cmd_lint,
	  "Check configuration files without creating anything.", lint_options, XM_ADDED },
	{ 0 },
};
