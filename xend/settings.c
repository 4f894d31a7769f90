/* xend-config.sxp: a table of keys, and the values that a file gave them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/buf.h"
#include "xend/settings.h"
#include "xend/sxp.h"

#define FILE_MAX (256 * 1024)
#define KEYS_MAX 64

const struct setting settings_keys[] = {
	{ "logfile", SETTING_TEXT, "/var/log/xen/xend.log", "Where xend logs." },
	{ "loglevel", SETTING_TEXT, "DEBUG", "DEBUG, INFO, WARNING, ERROR or CRITICAL." },
	{ "xen-api-server", SETTING_LIST, "((unix))", "Servers of the Xen-API." },
	{ "xend-http-server", SETTING_BOOL, "no", "Serve S-expressions over HTTP." },
	{ "xend-unix-server", SETTING_BOOL, "no", "The same over a Unix socket." },
	{ "xend-unix-path", SETTING_TEXT, "/var/lib/xend/xend-socket", "That socket." },
	{ "xend-tcp-xmlrpc-server", SETTING_BOOL, "no", "Serve XML-RPC over TCP." },
	{ "xend-tcp-xmlrpc-server-address", SETTING_TEXT, "localhost", "Its address." },
	{ "xend-tcp-xmlrpc-server-port", SETTING_INT, "8006", "Its port." },
	{ "xend-tcp-xmlrpc-server-ssl-key-file", SETTING_TEXT, NULL, "Its TLS key." },
	{ "xend-tcp-xmlrpc-server-ssl-cert-file", SETTING_TEXT, NULL, "Its certificate." },
	{ "xend-unix-xmlrpc-server", SETTING_BOOL, "yes", "Serve XML-RPC over a Unix socket." },
	{ "xend-relocation-server", SETTING_BOOL, "no", "Receive migrating domains." },
	{ "xend-relocation-ssl-server", SETTING_BOOL, "no", "Receive them over TLS." },
	{ "xend-port", SETTING_INT, "8000", "Port of the HTTP server." },
	{ "xend-address", SETTING_TEXT, "", "Its address; empty for all." },
	{ "xend-relocation-port", SETTING_INT, "8002", "Port for migration." },
	{ "xend-relocation-ssl-port", SETTING_INT, "8003", "Port for migration over TLS." },
	{ "xend-relocation-server-ssl-key-file", SETTING_TEXT, NULL, "TLS key for it." },
	{ "xend-relocation-server-ssl-cert-file", SETTING_TEXT, NULL, "Certificate for it." },
	{ "xend-relocation-ssl", SETTING_BOOL, "no", "Migrate over TLS unless told otherwise." },
	{ "xend-relocation-address", SETTING_TEXT, "", "Address for migration." },
	{ "xend-relocation-hosts-allow", SETTING_TEXT, "", "Who may migrate to us." },
	{ "external-migration-tool", SETTING_TEXT, "", "Run for each device that migrates." },
	{ "xend-udev-event-server", SETTING_BOOL, "no", "Listen to udev." },
	{ "xsm_module_name", SETTING_TEXT, "dummy", "The hypervisor's security module." },
	{ "enable-dump", SETTING_BOOL, "no", "Dump the core of crashed domains." },
	{ "console-limit", SETTING_INT, "1024", "KiB of console output kept for a reader." },
	{ "network-script", SETTING_TEXT, NULL, "Run once when xend starts." },
	{ "vif-script", SETTING_TEXT, "vif-bridge", "Run for each network interface." },
	{ "dom0-min-mem", SETTING_INT, "0", "MiB that Domain-0 keeps; 0: never balloon it." },
	{ "enable-dom0-ballooning", SETTING_BOOL, "no", "Take memory from Domain-0 for guests." },
	{ "total_available_memory", SETTING_INT, "0", "GiB of the host, for NUMA placement." },
	{ "dom0-cpus", SETTING_INT, "0", "Processors of Domain-0; 0: all." },
	{ "vncpasswd", SETTING_TEXT, NULL, "Password of guests' screens." },
	{ "vnc-listen", SETTING_TEXT, "127.0.0.1", "Where guests' screens are served." },
	{ "vnc-tls", SETTING_INT, "0", "Serve them over TLS." },
	{ "vnc-x509-cert-dir", SETTING_TEXT, "/etc/xen/vnc", "With these certificates." },
	{ "vnc-x509-verify", SETTING_INT, "0", "And ask for the client's." },
	{ "keymap", SETTING_TEXT, NULL, "Keyboard layout of guests' screens." },
	{ "resource-label-change-script", SETTING_TEXT, NULL, "Run when a label changes." },
	{ "qemu-dm-logrotate-count", SETTING_INT, "10", "Old logs kept per device model." },
	{ "device-create-timeout", SETTING_INT, "100", "Seconds to wait for a device." },
	{ "device-destroy-timeout", SETTING_INT, "100", "Seconds to wait for its end." },
	{ "pci-passthrough-strict-check", SETTING_BOOL, "yes", "Refuse doubtful PCI devices." },
	{ "pscsi-device-mask", SETTING_LIST, "('*')", "SCSI devices that may be given away." },
	{ "xend-domains-path", SETTING_TEXT, "/var/lib/xend/domains", "Managed domains." },
	{ "xend-state-path", SETTING_TEXT, "/var/lib/xend/state", "The Xen-API's state." },
	{ "xend-storage-path", SETTING_TEXT, "/var/lib/xend/storage", "Its disk images." },
	{ "xend-security-path", SETTING_TEXT, "/var/lib/xend/security", "Security policies." },
	{ NULL },
};

_Static_assert(sizeof settings_keys / sizeof *settings_keys <= KEYS_MAX, "room for every key");

static char *values[KEYS_MAX];	/* by row of settings_keys; NULL: the default holds */
static struct sxp *file;	/* as read, for settings_print() */
static bool is_loaded;
static char error[512];

static const char *settings_path(void)
{
	const char *path = getenv("XEND_CONFIG");

	return path && *path ? path : SETTINGS_PATH;
}

static int refuse(const char *format, const char *a, const char *b)
{
	snprintf(error, sizeof error, format, a, b);
	return -EINVAL;
}

static int key_find(const char *key)
{
	for (int i = 0; settings_keys[i].key; i++)
		if (!strcmp(settings_keys[i].key, key))
			return i;
	return -1;
}

static int bool_parse(const char *text)
{
	static const char *const yes[] = { "yes", "y", "1", "on", "true", "t", NULL };
	static const char *const no[] = { "no", "n", "0", "off", "false", "f", NULL };

	for (const char *const *word = yes; *word; word++)
		if (!strcmp(*word, text))
			return 1;
	for (const char *const *word = no; *word; word++)
		if (!strcmp(*word, text))
			return 0;
	return -1;
}

static bool is_int(const char *text)
{
	char *end;

	errno = 0;
	strtoll(text, &end, 10);
	return *text && !*end && errno == 0;
}

static int value_check(const struct setting *s, const char *text)
{
	if (s->type == SETTING_BOOL && bool_parse(text) < 0)
		return refuse("invalid xend config %s: expected bool: %s", s->key, text);
	if (s->type == SETTING_INT && !is_int(text))
		return refuse("invalid xend config %s: expected int: %s", s->key, text);
	return 0;
}

/* (key value) into the table under construction; keys that we don't know are left alone. */
static int value_take(char **table, const struct sxp *pair)
{
	const char *key = sxp_head(pair);
	int row = key ? key_find(key) : -1;
	char *text;
	int rc;

	if (row < 0)
		return 0;
	if (settings_keys[row].type == SETTING_LIST)
		text = pair->count > 1 ? sxp_print(pair->item[1]) : strdup("()");
	else
		text = strdup(pair->count > 1 && sxp_text(pair->item[1])
			      ? sxp_text(pair->item[1]) : "");
	if (!text)
		return -ENOMEM;
	rc = value_check(&settings_keys[row], text);
	if (rc < 0) {
		free(text);
		return rc;
	}
	free(table[row]);
	table[row] = text;
	return 0;
}

static int file_read(struct buf *text)
{
	char part[4096];
	size_t n;
	FILE *f = fopen(settings_path(), "re");

	if (!f)
		return -errno;
	while ((n = fread(part, 1, sizeof part, f)) > 0 && text->len <= FILE_MAX)
		buf_add(text, part, n);
	n = (size_t)ferror(f);
	fclose(f);
	if (n)
		return -EIO;
	if (text->len > FILE_MAX)
		return -EFBIG;
	return text->failed ? -ENOMEM : 0;
}

static int file_parse(struct sxp **parsed)
{
	struct buf text = { 0 };
	struct sxp_error err;
	int rc = file_read(&text);

	if (rc == -ENOENT) {
		*parsed = sxp_list();
		rc = *parsed ? 0 : -ENOMEM;
	} else if (rc < 0) {
		refuse("Unable to read %s: %s", settings_path(), strerror(-rc));
	} else if (sxp_parse_all(text.data ? text.data : "", text.len, parsed, &err) < 0) {
		char place[32];

		snprintf(place, sizeof place, ":%u:%u", err.line, err.column);
		snprintf(error, sizeof error, "%s%s: %s", settings_path(), place, err.text);
		rc = -EINVAL;
	}
	buf_free(&text);
	return rc;
}

static void table_free(char **table)
{
	for (int i = 0; i < KEYS_MAX; i++)
		free(table[i]);
}

int settings_reload(void)
{
	char *table[KEYS_MAX] = { 0 };
	struct sxp *parsed = NULL;
	int rc = file_parse(&parsed);

	for (size_t i = 0; rc == 0 && i < parsed->count; i++)
		rc = value_take(table, parsed->item[i]);
	if (rc < 0) {
		table_free(table);
		sxp_free(parsed);
		return rc;
	}
	error[0] = '\0';
	table_free(values);
	memcpy(values, table, sizeof values);
	sxp_free(file);
	file = parsed;
	is_loaded = true;
	return 0;
}

int settings_load(void)
{
	return is_loaded ? 0 : settings_reload();
}

const char *settings_error(void)
{
	return error;
}

const char *settings_text(const char *key)
{
	int row = key_find(key);

	settings_load();
	if (row < 0)
		return NULL;
	return values[row] ? values[row] : settings_keys[row].fallback;
}

int64_t settings_int(const char *key)
{
	const char *text = settings_text(key);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool settings_bool(const char *key)
{
	const char *text = settings_text(key);

	return text && bool_parse(text) == 1;
}

int settings_print(FILE *out)
{
	int rc = settings_load();

	if (rc < 0)
		return rc;
	for (int i = 0; settings_keys[i].key; i++) {
		const char *text = settings_text(settings_keys[i].key);

		fprintf(out, "%-38s: %s\n", settings_keys[i].key, text && *text ? text : "(none)");
	}
	return 0;
}
