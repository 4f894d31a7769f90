/* The domain model that xm and xend share: every variable of xmdomain.cfg(5), typed, and the
 * devices.  It comes from a configuration file (eval.h), from an S-expression, or from both with
 * `name=value` overrides, and goes out as the S-expressions that `xm create -n` and
 * `xm list -l` print.
 *
 * Two steps, as ever: config_load() does what xm always did on its side (syntax, types, device
 * strings); config_check() does what xend did when it got the domain (ranges, names, modes), so
 * that a dry run still prints what it always printed.  Neither opens anything but the
 * configuration itself, and neither executes anything. */
#ifndef XEND_CONFIG_H
#define XEND_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "xend/sxp.h"

#define CONFIG_FILE_MAX (1024 * 1024)	/* bytes of a configuration file */
#define CONFIG_PATH_DEFAULT ".:/etc/xen"
#define CONFIG_FILE_DEFAULT "xmdefconfig"

enum config_type {
	CONFIG_STRING,
	CONFIG_INT,
	CONFIG_BOOL,			/* yes, no on the command line; 0, 1 in files */
	CONFIG_LIST,			/* of strings */
	CONFIG_MASK,			/* of vcpus; decimal or 0x */
	CONFIG_AFFINITY,		/* a string, or a list with one string per vcpu */
};

/* Every variable, in the order of xmdomain.cfg(5); config_vars[] has a row for each. */
enum config_id {
	CONFIG_NAME, CONFIG_UUID, CONFIG_DESCRIPTION,
	CONFIG_MEMORY, CONFIG_MAXMEM, CONFIG_SHADOW_MEMORY, CONFIG_TARGET, CONFIG_MEMORY_SHARING,
	CONFIG_SUPERPAGES, CONFIG_MACHINE_ADDRESS_SIZE, CONFIG_SUPPRESS_SPURIOUS_PAGE_FAULTS,
	CONFIG_VCPUS, CONFIG_MAXVCPUS, CONFIG_VCPU_AVAIL, CONFIG_CPU, CONFIG_CPUS,
	CONFIG_CPU_CAP, CONFIG_CPU_WEIGHT, CONFIG_POOL, CONFIG_FEATURES, CONFIG_TSC_MODE,
	CONFIG_NOMIGRATE, CONFIG_CPUID, CONFIG_CPUID_CHECK,
	CONFIG_BUILDER, CONFIG_KERNEL, CONFIG_RAMDISK, CONFIG_ROOT, CONFIG_EXTRA,
	CONFIG_LOADER, CONFIG_BOOTLOADER, CONFIG_BOOTARGS, CONFIG_BOOTENTRY,
	CONFIG_IP, CONFIG_GATEWAY, CONFIG_NETMASK, CONFIG_HOSTNAME, CONFIG_INTERFACE,
	CONFIG_DHCP, CONFIG_NFS_SERVER, CONFIG_NFS_ROOT,
	CONFIG_ON_POWEROFF, CONFIG_ON_REBOOT, CONFIG_ON_CRASH, CONFIG_RESTART,
	CONFIG_ON_XEND_START, CONFIG_ON_XEND_STOP,
	CONFIG_DISK, CONFIG_VIF, CONFIG_VIF2, CONFIG_VFB, CONFIG_PCI, CONFIG_PCI_MSITRANSLATE,
	CONFIG_PCI_POWER_MGMT, CONFIG_IOPORTS, CONFIG_IRQ, CONFIG_VTPM, CONFIG_VSCSI, CONFIG_VUSB,
	CONFIG_ACCESS_CONTROL, CONFIG_NICS, CONFIG_BLKIF, CONFIG_NETIF, CONFIG_TPMIF,
	CONFIG_DEVICE_MODEL, CONFIG_PAE, CONFIG_ACPI, CONFIG_APIC, CONFIG_HPET, CONFIG_HAP,
	CONFIG_OOS, CONFIG_S3_INTEGRITY, CONFIG_NESTEDHVM, CONFIG_VIRIDIAN, CONFIG_VPT_ALIGN,
	CONFIG_TIMER_MODE, CONFIG_XEN_PLATFORM_PCI, CONFIG_XEN_EXTENDED_POWER_MGMT,
	CONFIG_BOOT, CONFIG_FDA, CONFIG_FDB, CONFIG_SERIAL, CONFIG_PARALLEL,
	CONFIG_MONITOR, CONFIG_MONITOR_PATH, CONFIG_LOCALTIME, CONFIG_RTC_TIMEOFFSET,
	CONFIG_KEYMAP, CONFIG_USB, CONFIG_USBDEVICE, CONFIG_USBPORT, CONFIG_GUEST_OS_TYPE,
	CONFIG_STDVGA, CONFIG_VIDEORAM, CONFIG_GFX_PASSTHRU, CONFIG_ISA, CONFIG_NOGRAPHIC,
	CONFIG_SOUNDHW, CONFIG_VNC, CONFIG_VNCDISPLAY, CONFIG_VNCLISTEN, CONFIG_VNCUNUSED,
	CONFIG_VNCCONSOLE, CONFIG_VNCPASSWD, CONFIG_VNCVIEWER, CONFIG_SDL, CONFIG_OPENGL,
	CONFIG_DISPLAY, CONFIG_XAUTHORITY, CONFIG_VHPT,
	CONFIG_VARS			/* how many */
};

struct config_var {
	const char *name;
	enum config_type type;
	const char *fallback;		/* the default as written in a file; NULL is None */
	unsigned since;			/* 31, 32, 41, 44: the release that first had it */
	const char *help;		/* one sentence, for --help_config */
};

extern const struct config_var config_vars[CONFIG_VARS];

/* Where a value was given; line 0 is none (a default, the command line, an S-expression). */
struct config_where {
	unsigned line, column;		/* from 1 */
};

struct config_item {
	char *text;
	struct config_where where;
};

enum config_origin { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_COMMAND, CONFIG_FROM_SXP };

struct config_value {
	bool is_set;			/* false is None: nothing given and no default */
	enum config_origin origin;
	struct config_where where;
	int64_t number;			/* CONFIG_INT, CONFIG_BOOL, CONFIG_MASK */
	char *text;			/* CONFIG_STRING, CONFIG_AFFINITY given as one string */
	struct config_item *item;	/* CONFIG_LIST, CONFIG_AFFINITY given as a list */
	size_t items;
};

/* One device: (device (CLASS (key value) …)).  Each pci function is one of its own here. */
struct config_pair {
	char *key, *value;
};

struct config_device {
	const char *class;		/* vbd tap vif vfb vkbd pci ioports irq vtpm vscsi vusb console */
	struct config_pair *pair;
	size_t pairs;
	struct config_where where;
};

struct config_warning {
	char *text;
	struct config_where where;
};

/* Dash options that a file may set too (`paused = 1`): -1 is untouched, else the truth. */
struct config_options {
	int paused, quiet, dryrun, xmldryrun, skipdtd, console_autoconnect, help_config;
};

struct config {
	char *file;			/* as found: what "Using config file" names; NULL for none */
	struct config_value var[CONFIG_VARS];
	struct config_device *device;	/* in the order of the S-expression */
	size_t devices;
	struct config_options option;
	struct config_warning *warning;	/* for stderr; nothing here stops a creation */
	size_t warnings;
	char *security_policy, *security_label;	/* access_control; NULL for none */
	struct sxp *sxp;		/* what -F held, untouched; NULL otherwise */
};

/* What went wrong.  `text` is the sentence after "Error: ", in the words that scripts match. */
struct config_error {
	char text[1024];
	char file[512];			/* "" when no file is at fault */
	struct config_where where;	/* line 0: the whole file */
	char hint[512];			/* what was expected, what to try; "" for none */
	bool usage;			/* xm's usage text follows this one, as it always did */
};

struct config_source {
	const char *file;		/* as typed; NULL: xmdefconfig */
	const char *path;		/* --path; NULL: .:/etc/xen */
	const char *sxp_file;		/* -F: this instead of a script */
	const char *text;		/* evaluate this instead of opening anything; */
	size_t length;			/* `file` is then only its name */
	const char *const *override;	/* the name=value words, in order */
	size_t overrides;
	FILE *print;			/* where a file's print statements go; NULL: nowhere */
};

/* Finds, evaluates, types; on success the caller owns *c until config_free().
 * 0, or a negative errno with *err filled and *c empty: -ENOENT no such file, -EINVAL what the
 * file or an override says, -EFBIG too large, -ENOMEM, or why the file could not be read. */
int config_load(struct config *c, const struct config_source *src, struct config_error *err);
/* The same from a (vm …) or (domain …) expression: what xend gets with a job or reads back. */
int config_from_sxp(struct config *c, const struct sxp *s, struct config_error *err);
/* What xend refuses when a domain is made: 0 or -EINVAL with *err. */
int config_check(const struct config *c, struct config_error *err);
void config_free(struct config *c);

/* (vm …) as `xm create -n` prints it; NULL when memory is short.  The caller frees. */
struct sxp *config_to_sxp(const struct config *c);

/* What only a running system knows; for `xm list -l`. */
struct config_live {
	int domid;			/* -1: halted, then only the configuration is printed */
	double start_time;		/* seconds since 1970; < 0: leave out */
	double cpu_time;		/* seconds */
	unsigned online_vcpus;
	int status;			/* 0 halted 1 paused 2 running 3 suspended 4 shutdown 5 unknown */
	const char *state;		/* "-b----"; NULL: leave out */
	uint64_t store_mfn, console_mfn;	/* 0: leave out */
};

/* (domain …) as `xm list -l` prints it; with live NULL, as config.sxp keeps it: also vcpus_params,
 * vcpu_avail and what else only the file held.  NULL when memory is short. */
struct sxp *config_to_domain_sxp(const struct config *c, const struct config_live *live);

/* `xm lint FILE`: everything doubtful, not only the first error.  Prints findings, one a line,
 * `FILE[:LINE:COLUMN]: error|warning: …`; gives the number of errors, or a negative errno. */
int config_lint(const struct config_source *src, FILE *out);

/* "Error: …" as xm prints it, then the place and the hint on lines of their own. */
void config_error_print(const struct config_error *err, FILE *out);
/* --help_config: every variable with its help. */
void config_help_print(FILE *out);

/* Lent; the fallback (NULL, 0, given) where nothing is set. */
const char *config_text(const struct config *c, enum config_id id);
int64_t config_int(const struct config *c, enum config_id id, int64_t fallback);
bool config_is_set(const struct config *c, enum config_id id);
/* The row's id, or -1. */
int config_var_find(const char *name);
/* The known variable closest to a misspelt one, or NULL. */
const char *config_suggest(const char *name);

/* The n-th device of a class, NULL past the last; a device's value, NULL when it has none. */
const struct config_device *config_device_find(const struct config *c, const char *class, size_t n);
const char *config_device_get(const struct config_device *d, const char *key);

/* What an event leads to: on_poweroff, on_reboot or on_crash with restart= and the defaults
 * counted in; NULL for another id.  Lent. */
const char *config_action(const struct config *c, enum config_id id);
/* How many virtual CPUs exist (at least 1), and which of the first 64 start. */
unsigned config_vcpus(const struct config *c);
uint64_t config_vcpu_mask(const struct config *c);

/* The kernel's command line as xend joins it: root=, ip=, extra.  The caller frees. */
char *config_cmdline(const struct config *c);

/* "0-3,5,^1", left to right, into map[0..cpus); "" (any) sets all.  Numbers past the end are
 * dropped.  0, or -EINVAL with the offending part copied to *err's text. */
int config_cpus_parse(const char *text, bool *map, size_t cpus, struct config_error *err);
/* hda1, sdb, xvdc3, 0x301 → the number that names a vbd (xen's vbd interface); 0 or -EINVAL.
 * An `ioemu:` in front and a `:cdrom` behind are no part of the name. */
int config_vdev_parse(const char *dev, uint32_t *number);
/* "10MB/s@20ms" → bytes per interval and its length in microseconds; 0 or -EINVAL. */
int config_rate_parse(const char *text, uint64_t *bytes, uint64_t *interval_us);

#endif
