/* Finding, reading and evaluating a configuration. */
#include "xend/config_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xend/eval.h"

const struct config_where config_nowhere = { 0, 0 };

/* ---- errors and warnings ---- */

int config_fail(struct config_build *b, struct config_where where, const char *hint,
		const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(b->err->text, sizeof(b->err->text), format, ap);
	va_end(ap);
	b->err->where = where;
	b->err->usage = false;
	snprintf(b->err->hint, sizeof(b->err->hint), "%s", hint ? hint : "");
	return -EINVAL;
}

int config_no_memory(struct config_build *b)
{
	config_fail(b, config_nowhere, NULL, "out of memory");
	return -ENOMEM;
}

/* FILE:LINE:COLUMN: or, where there is no line, FILE: before a finding of lint. */
void config_finding(const struct config_build *b, struct config_where where, const char *what)
{
	if (where.line)
		fprintf(b->lint, "%s:%u:%u: %s: ", b->file, where.line, where.column, what);
	else
		fprintf(b->lint, "%s: %s: ", b->file, what);
}

bool config_goes_on(struct config_build *b, int rc)
{
	const struct config_error *err = b->err;

	if (rc == 0)
		return true;
	if (!b->lint || rc == -ENOMEM)
		return false;
	b->errors++;
	config_finding(b, err->where, "error");
	fprintf(b->lint, "%s%s%s%s\n", err->text, *err->hint ? " (" : "", err->hint,
		*err->hint ? ")" : "");
	return true;
}

/* A warning that can't be kept is not worth failing for. */
void config_warn(struct config_build *b, struct config_where where, const char *format, ...)
{
	struct config_warning *grown;
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	grown = reallocarray(b->c->warning, b->c->warnings + 1, sizeof(*grown));
	if (!grown) {
		free(text);
		return;
	}
	grown[b->c->warnings++] = (struct config_warning){ text, where };
	b->c->warning = grown;
}

void config_error_print(const struct config_error *err, FILE *out)
{
	fprintf(out, "Error: %s\n", err->text);
	if (err->where.line)
		fprintf(out, "  at %s:%u:%u%s%s\n", err->file, err->where.line, err->where.column,
			*err->hint ? ": " : "", err->hint);
	else if (*err->hint)
		fprintf(out, "  %s\n", err->hint);
}

void config_free(struct config *c)
{
	for (int id = 0; id < CONFIG_VARS; id++)
		config_value_clear(&c->var[id]);
	for (size_t i = 0; i < c->devices; i++)
		config_device_clear(&c->device[i]);
	for (size_t i = 0; i < c->warnings; i++)
		free(c->warning[i].text);
	free(c->device);
	free(c->warning);
	free(c->file);
	free(c->security_policy);
	free(c->security_label);
	sxp_free(c->sxp);
	memset(c, 0, sizeof(*c));
}

/* ---- the file ---- */

static int config_read_fd(int fd, char **text, size_t *length)
{
	size_t room = 4096, n = 0;
	char *buffer = NULL;
	ssize_t got;

	for (;;) {
		char *grown = realloc(buffer, room);

		if (!grown) {
			free(buffer);
			return -ENOMEM;
		}
		buffer = grown;
		got = read(fd, buffer + n, room - n);
		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		n += got > 0 ? (size_t)got : 0;
		if (got < 0 || n > CONFIG_FILE_MAX) {
			int rc = got < 0 ? -errno : -EFBIG;

			free(buffer);
			return rc;
		}
		room = n == room ? room * 2 : room;
	}
	*text = buffer;
	*length = n;
	return 0;
}

static int config_read(const char *path, char **text, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;
	struct stat st;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (rc == 0)
		rc = config_read_fd(fd, text, length);
	close(fd);
	return rc;
}

/* The name as it is (xm put ./ before a relative one), then in each directory of the path.
 * 0 with *found, which the caller frees; -ENOENT, -ENOMEM. */
static int config_search(const struct config_source *src, const char *name, char **found)
{
	const char *path = src->path ? src->path : CONFIG_PATH_DEFAULT, *end;
	struct stat st;

	if (asprintf(found, "%s%s", *name == '/' || *name == '.' ? "" : "./", name) < 0)
		return *found = NULL, -ENOMEM;
	while (stat(*found, &st) || S_ISDIR(st.st_mode)) {
		free(*found);
		*found = NULL;
		if (*name == '/' || !*path)
			return -ENOENT;
		end = strchrnul(path, ':');
		if (asprintf(found, "%.*s/%s", (int)(end - path), path, name) < 0)
			return *found = NULL, -ENOMEM;
		path = *end ? end + 1 : end;
	}
	return 0;
}

/* ---- what the script left behind ---- */

static const struct {
	const char *name;
	size_t offset;
} config_options[] = {
	{ "paused", offsetof(struct config_options, paused) },
	{ "quiet", offsetof(struct config_options, quiet) },
	{ "dryrun", offsetof(struct config_options, dryrun) },
	{ "xmldryrun", offsetof(struct config_options, xmldryrun) },
	{ "skipdtd", offsetof(struct config_options, skipdtd) },
	{ "console_autoconnect", offsetof(struct config_options, console_autoconnect) },
	{ "help_config", offsetof(struct config_options, help_config) },
};

static bool config_is_other(const char *name)
{
	static const char *const names[] = { "path", "defconfig", "config", "xm_file" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool config_set_option(struct config *c, const char *name, const struct eval_value *v)
{
	for (size_t i = 0; i < sizeof(config_options) / sizeof(config_options[0]); i++) {
		int *option = (int *)(void *)((char *)&c->option + config_options[i].offset);

		if (strcmp(config_options[i].name, name))
			continue;
		if (v->type == EVAL_INT)
			*option = v->number != 0;
		else if (v->type == EVAL_STR)
			*option = v->length && strcmp(v->text, "0") && strcmp(v->text, "no") &&
				strcmp(v->text, "n");
		return true;
	}
	return false;
}

/* xl's names for what xm calls otherwise; its `type` names a builder. */
static int config_set_alias(struct config_build *b, const char *name, const struct eval_value *v)
{
	static const struct { const char *name; enum config_id id; } alias[] = {
		{ "cmdline", CONFIG_EXTRA }, { "bootloader_args", CONFIG_BOOTARGS },
		{ "device_model_override", CONFIG_DEVICE_MODEL }, { "cap", CONFIG_CPU_CAP },
		{ "irqs", CONFIG_IRQ },
	};
	struct config_where where = { v->where.line, v->where.column };

	for (size_t i = 0; i < sizeof(alias) / sizeof(alias[0]); i++)
		if (!strcmp(alias[i].name, name) && b->c->var[alias[i].id].origin == CONFIG_FROM_DEFAULT)
			return config_set_eval(b, alias[i].id, v);
	if (strcmp(name, "type") && b->lint)
		config_warn(b, where, "%s is a variable of xl that has no effect here", name);
	if (strcmp(name, "type") || v->type != EVAL_STR ||
	    b->c->var[CONFIG_BUILDER].origin != CONFIG_FROM_DEFAULT)
		return 0;
	return config_set_text(b, CONFIG_BUILDER, strcmp(v->text, "pv") ? v->text : "linux",
			       CONFIG_FROM_FILE, where);
}

struct config_harvest {
	struct config_build *b;
	int rc;
};

/* A name that nothing reads and that is nearly a variable's is most likely a misspelling, in
 * the file or on the command line. */
static void config_suspect(struct config_build *b, const char *name, const struct eval_value *v)
{
	const char *known = config_suggest(name);

	if (known && v->type != EVAL_FUNCTION && v->type != EVAL_MODULE &&
	    v->type != EVAL_BUILTIN)
		config_warn(b, (struct config_where){ v->where.line, v->where.column },
			    "'%s' is not a variable of xm: did you mean '%s'?", name, known);
}

static bool config_take(void *context, const char *name, const struct eval_value *v, bool is_read)
{
	struct config_harvest *h = context;
	int id = config_var_find(name);

	if (id >= 0) {
		if (h->b->c->var[id].origin != CONFIG_FROM_COMMAND)
			h->rc = config_set_eval(h->b, (enum config_id)id, v);
	} else if (config_is_xl(name)) {
		h->rc = config_set_alias(h->b, name, v);
	} else if (!config_set_option(h->b->c, name, v) && !is_read && !config_is_other(name)) {
		config_suspect(h->b, name, v);
	}
	if (!config_goes_on(h->b, h->rc))
		return false;
	h->rc = 0;
	return true;
}

/* ---- evaluating ---- */

static int config_eval_failed(struct config_build *b, const struct eval_error *e, int rc)
{
	struct config_where where = { e->where.line, e->where.column };

	if (rc == -ENOMEM)
		return config_no_memory(b);
	if (!e->is_syntax) {
		config_fail(b, where, e->hint, "%s", e->text);
	} else if (b->lint) {
		config_fail(b, where, NULL, "%s", e->text);
	} else {
		config_fail(b, where, e->text, "Errors were found at line %u while processing %s:"
			    "\n\t%s", e->where.line, b->file, e->source);
	}
	return rc;
}

static bool config_is_name(const char *word, size_t length)
{
	return length && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_") >= length;
}

/* name=value words: variables take theirs now, the rest become names of the script. */
static int config_override(struct config_build *b, const struct config_source *src, struct eval *e)
{
	for (size_t i = 0; i < src->overrides; i++) {
		const char *word = src->override[i], *equals = strchr(word, '=');
		char name[64];
		int id, rc;

		if (!equals || !config_is_name(word, (size_t)(equals - word)) ||
		    equals - word >= (long)sizeof(name))
			return config_fail(b, config_nowhere, "expected NAME=VALUE",
					   "Invalid variable setting: %s", word);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
		id = config_var_find(name);
		rc = id >= 0 ? config_set_command(b, (enum config_id)id, equals + 1) :
			e ? eval_define(e, name, equals + 1) : 0;
		if (rc)
			return rc == -ENOMEM ? config_no_memory(b) : rc;
	}
	return 0;
}

/* What kernel and ramdisk name is found from where xm stands, not from where xend does. */
static int config_make_absolute(struct config_build *b, enum config_id id)
{
	struct config_value *value = &b->c->var[id];
	char *cwd, *path;
	int n;

	if (!value->is_set || !value->text[0] || value->text[0] == '/')
		return 0;
	cwd = getcwd(NULL, 0);
	n = cwd ? asprintf(&path, "%s/%s", strcmp(cwd, "/") ? cwd : "", value->text) : -1;
	free(cwd);
	if (n < 0)
		return config_no_memory(b);
	free(value->text);
	value->text = path;
	return 0;
}

static int config_default_name(struct config_build *b)
{
	const char *slash = strrchr(b->file, '/');

	if (b->c->var[CONFIG_NAME].is_set)
		return 0;
	return config_set_text(b, CONFIG_NAME, slash ? slash + 1 : b->file, CONFIG_FROM_DEFAULT,
			       config_nowhere);
}

static int config_evaluate(struct config_build *b, const struct config_source *src,
			   const char *text, size_t length)
{
	struct eval *e = eval_new(src->print);
	struct config_harvest harvest = { b, 0 };
	struct eval_error error;
	int rc;

	if (!e)
		return config_no_memory(b);
	rc = config_override(b, src, e);
	if (rc == 0 && eval_define(e, "xm_file", b->file))
		rc = config_no_memory(b);
	if (rc == 0) {
		rc = eval_run(e, text, length, &error);
		if (rc)
			rc = config_eval_failed(b, &error, rc);
	}
	if (rc == 0) {
		eval_each(e, config_take, &harvest);
		rc = harvest.rc;
	}
	eval_free(e);
	return rc;
}

static int config_from_script(struct config_build *b, const struct config_source *src,
			      const char *text, size_t length)
{
	int rc = 0;

	if (length && text[0] == '<')
		return config_fail(b, (struct config_where){ 1, 1 }, "write it as NAME = VALUE lines",
				   "Documents of the Xen-API (XML) are not supported: %s", b->file);
	for (int id = 0; id < CONFIG_VARS && rc == 0; id++)
		rc = config_set_default(b, (enum config_id)id);
	if (rc == 0)
		rc = config_evaluate(b, src, text, length);
	if (rc == 0)
		rc = config_make_absolute(b, CONFIG_KERNEL);
	if (rc == 0)
		rc = config_make_absolute(b, CONFIG_RAMDISK);
	if (rc == 0)
		rc = config_devices_build(b);
	return rc ? rc : config_default_name(b);
}

/* -F: the first expression of the file, and only what it says. */
static int config_from_sxp_file(struct config_build *b, const struct config_source *src)
{
	struct sxp_error error = { 0, 0, "expected an expression such as (vm …)" };
	struct config from = { .file = NULL };
	char *text, *file;
	struct sxp *s;
	size_t length;
	int rc = config_read(src->sxp_file, &text, &length);

	if (rc)
		return config_fail(b, config_nowhere, NULL, "Cannot read file %s: %s", src->sxp_file,
				   strerror(-rc)), b->err->usage = true, rc;
	rc = sxp_parse(text, length, &s, NULL, &error);
	free(text);
	if (rc)
		return rc == -ENOMEM ? config_no_memory(b) :
			config_fail(b, (struct config_where){ error.line, error.column }, NULL,
				    "Cannot read file %s: %s", src->sxp_file, error.text);
	file = strdup(src->sxp_file);
	rc = config_from_sxp(&from, s, b->err);
	if (rc == 0) {
		config_free(b->c);
		*b->c = from;
		b->c->file = file;
		b->c->sxp = s;
		if (src->overrides) {		/* then what it held is not what is wanted any more */
			sxp_free(s);
			b->c->sxp = NULL;
		}
		return file ? config_override(b, src, NULL) : config_no_memory(b);
	}
	free(file);
	sxp_free(s);
	return rc;
}

static int config_find(struct config_build *b, const struct config_source *src)
{
	const char *name = src->file ? src->file : CONFIG_FILE_DEFAULT;
	int rc;

	if (src->text) {
		b->c->file = strdup(name);
		rc = b->c->file ? 0 : -ENOMEM;
	} else {
		rc = config_search(src, name, &b->c->file);
	}
	if (rc != -ENOENT) {
		b->file = b->c->file ? b->c->file : name;
		return rc ? config_no_memory(b) : 0;
	}
	config_fail(b, config_nowhere, *name == '/' ? "there is no such file, or it cannot be read" :
		    "it is looked for where you are and along --path (default: " CONFIG_PATH_DEFAULT ")",
		    "Unable to open config file: %s", name);
	b->err->usage = true;
	return -ENOENT;
}

int config_load_into(struct config_build *b, const struct config_source *src)
{
	char *text = NULL;
	size_t length;
	int rc;

	b->c->option = (struct config_options){ -1, -1, -1, -1, -1, -1, -1 };
	b->file = src->sxp_file ? src->sxp_file : src->file ? src->file : CONFIG_FILE_DEFAULT;
	if (src->sxp_file)
		return config_from_sxp_file(b, src);
	rc = config_find(b, src);
	if (rc)
		return rc;
	if (src->text)
		return config_from_script(b, src, src->text, src->length);
	rc = config_read(b->c->file, &text, &length);
	if (rc)
		return config_fail(b, config_nowhere, NULL, "Unable to open config file: %s: %s",
				   b->c->file, strerror(-rc)), rc;
	rc = config_from_script(b, src, text, length);
	free(text);
	return rc;
}

int config_load(struct config *c, const struct config_source *src, struct config_error *err)
{
	struct config_build b = { .c = c, .err = err };
	int rc;

	memset(c, 0, sizeof(*c));
	memset(err, 0, sizeof(*err));
	rc = config_load_into(&b, src);
	if (rc) {
		snprintf(err->file, sizeof(err->file), "%s", b.file);
		config_free(c);
	}
	return rc;
}
