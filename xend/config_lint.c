/* `xm lint`: everything doubtful about a configuration, not only what stops it first. */
#include "xend/config_build.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static void lint_warn(const struct config_build *b, struct config_where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void lint_warn(const struct config_build *b, struct config_where where, const char *format, ...)
{
	va_list ap;

	config_finding(b, where, "warning");
	va_start(ap, format);
	vfprintf(b->lint, format, ap);
	va_end(ap);
	fputc('\n', b->lint);
}

static void lint_path(const struct config_build *b, enum config_id id)
{
	const char *path = config_text(b->c, id);

	if (path && *path && access(path, R_OK))
		lint_warn(b, b->c->var[id].where, "%s: '%s' cannot be read here: %s",
			  config_vars[id].name, path, strerror(errno));
}

static void lint_boot(const struct config_build *b)
{
	const char *builder = config_text(b->c, CONFIG_BUILDER);
	const char *kernel = config_text(b->c, CONFIG_KERNEL);
	const char *loader = config_text(b->c, CONFIG_BOOTLOADER);

	if ((!kernel || !*kernel) && (!loader || !*loader) && builder && strcmp(builder, "hvm"))
		lint_warn(b, config_nowhere, "neither kernel nor bootloader is set: "
			  "the domain has nothing to boot");
	if (loader && *loader && !config_device_find(b->c, "vbd", 0) &&
	    !config_device_find(b->c, "tap", 0))
		lint_warn(b, b->c->var[CONFIG_BOOTLOADER].where,
			  "bootloader is set, but there is no disk to boot from");
	lint_path(b, CONFIG_KERNEL);
	lint_path(b, CONFIG_RAMDISK);
}

static bool lint_is_mac(const char *mac)
{
	unsigned byte[6];
	char end;

	return sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2], &byte[3],
		      &byte[4], &byte[5], &end) == 6 && !(byte[0] & 1);
}

static void lint_vifs(const struct config_build *b)
{
	const struct config_device *d;
	uint64_t bytes, interval;

	for (size_t i = 0; (d = config_device_find(b->c, "vif", i)); i++) {
		const char *mac = config_device_get(d, "mac"), *rate = config_device_get(d, "rate");

		if (mac && !lint_is_mac(mac))
			lint_warn(b, d->where, "vif: '%s' is not the address of one card: "
				  "expected 00:16:3e:xx:xx:xx", mac);
		if (rate && config_rate_parse(rate, &bytes, &interval))
			lint_warn(b, d->where, "vif: rate '%s' is malformed and means unlimited: "
				  "expected RATE[KMG](b|B)/s[@INTERVAL[mu]s]", rate);
	}
}

/* Values that xm took silently, odd as they were. */
static void lint_words(const struct config_build *b)
{
	static const struct { enum config_id id; const char *words[6]; } row[] = {
		{ CONFIG_RESTART, { "onreboot", "always", "never" } },
		{ CONFIG_ON_XEND_START, { "ignore", "start" } },
		{ CONFIG_ON_XEND_STOP, { "ignore", "shutdown", "suspend", "continue" } },
		{ CONFIG_DHCP, { "dhcp", "off", "on", "any", "both" } },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *text = config_text(b->c, row[i].id);
		bool known = !text || !*text;

		for (size_t k = 0; k < 6 && row[i].words[k]; k++)
			known |= text && !strcmp(row[i].words[k], text);
		if (!known)
			lint_warn(b, b->c->var[row[i].id].where, "%s = '%s' means nothing: "
				  "expected %s, %s …", config_vars[row[i].id].name, text,
				  row[i].words[0], row[i].words[1]);
	}
	if (config_is_set(b->c, CONFIG_BOOTENTRY))
		lint_warn(b, b->c->var[CONFIG_BOOTENTRY].where, "bootentry has no effect");
	if (config_is_set(b->c, CONFIG_USBPORT))
		lint_warn(b, b->c->var[CONFIG_USBPORT].where, "usbport has no effect");
	if (config_is_set(b->c, CONFIG_VCPUS) && config_int(b->c, CONFIG_VCPUS, 1) == 0)
		lint_warn(b, b->c->var[CONFIG_VCPUS].where, "vcpus = 0 means 1");
}

int config_lint(const struct config_source *src, FILE *out)
{
	struct config c = { .file = NULL };
	struct config_error err = { .text = "" };
	struct config_build b = { .c = &c, .err = &err, .lint = out };
	int rc = config_load_into(&b, src);

	if (rc == 0)
		rc = config_check_all(&b);
	if (rc == 0) {
		lint_boot(&b);
		lint_vifs(&b);
		lint_words(&b);
	} else if (rc != -EINVAL && rc != -ENOMEM && !c.file) {
		fprintf(out, "%s: error: %s\n", b.file ? b.file : src->file ? src->file : "", err.text);
		b.errors++;
	} else {
		config_goes_on(&b, rc);
	}
	for (size_t i = 0; i < c.warnings; i++)
		lint_warn(&b, c.warning[i].where, "%s", c.warning[i].text);
	config_free(&c);
	return rc == -ENOMEM ? rc : b.errors;
}
