#include "options.h"

#include "cmdline.h"
#include "errno.h"
#include "printk.h"
#include "string.h"
#include "types.h"

struct options options = {
	.console = "vga",
	.conring_size = 64 << 10,
	.loglvl = { 2, 2 },
	.guest_loglvl = { 0, 2 },
	.reboot_delay_s = 5,
	.smp = true,
	.acpi = true, .apic = true, .ioapic = true, .hpet = true, .mmcfg = true, .msi = true,
	.watchdog_timeout_s = 5,
	.sched = "credit",
	.smep = true, .xsave = true, .bootscrub = true,
};

static char line_as_given[1024];

/* <level>[/<rate-limited level>]: levels none, error, warning, info, debug or all. */
static int levels_parse(const char *value, int levels[2])
{
	static const struct { const char *name; int level; } names[] = {
		{ "none", 0 }, { "error", 1 }, { "warning", 2 }, { "info", 3 }, { "debug", 4 },
		{ "all", 4 },
	};
	int found[2] = { -1, -1 };

	for (int part = 0; part < 2 && value; part++) {
		const char *rest = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(names) && !rest; i++) {
			rest = parse_word(value, names[i].name, "/");
			found[part] = names[i].level;
		}
		if (!rest)
			return -EINVAL;
		if (*rest && part == 1)
			return -EINVAL;
		value = *rest ? rest + 1 : NULL;
	}
	levels[0] = found[0];
	levels[1] = found[1] < found[0] ? found[0] : found[1];
	return 0;
}

static int loglvl_parse(const char *value) { return levels_parse(value, options.loglvl); }
static int guest_loglvl_parse(const char *value) { return levels_parse(value, options.guest_loglvl); }

/* One of dom0_mem's amounts: -512M, 1G, 50%, 25%+256M. */
static int mem_amount_parse(const char **s, struct mem_amount *m)
{
	struct mem_amount r = { .is_given = true };
	const char *p = *s, *after;
	uint64_t n;

	if (*p == '-') {
		r.is_negative = true;
		p++;
	}
	after = p;
	if (!parse_number(&after, &n) && *after == '%' && n <= 100 && !r.is_negative) {
		r.percent = n;
		p = after + 1;
		if (*p == '+' && (p++, parse_size(&p, &r.bytes, 'K')))
			return -EINVAL;
	} else if (parse_size(&p, &r.bytes, 'K')) {
		return -EINVAL;
	}
	*m = r;
	*s = p;
	return 0;
}

/* dom0_mem=<amount>,min:<amount>,max:<amount>, in any order, each optional. */
static int dom0_mem_parse(const char *value)
{
	struct mem_amount parsed[3] = { { 0 } };

	do {
		unsigned int which = !strncmp(value, "min:", 4) ? 1 : !strncmp(value, "max:", 4) ? 2 : 0;

		if (which)
			value += 4;
		if (mem_amount_parse(&value, &parsed[which]))
			return -EINVAL;
	} while (*value == ',' && *++value);
	if (*value)
		return -EINVAL;
	options.dom0_mem = parsed[0];
	options.dom0_mem_min = parsed[1];
	options.dom0_mem_max = parsed[2];
	return 0;
}

/* dom0_max_vcpus=<n> or <min>-<max>, one side of which may be missing. */
static int dom0_max_vcpus_parse(const char *value)
{
	uint64_t min = 0, max = 0;

	if (*value != '-') {
		if (parse_number(&value, &min))
			return -EINVAL;
		if (!*value)
			max = min;
	}
	if (*value == '-' && *++value && parse_number(&value, &max))
		return -EINVAL;
	if (*value || min > MAX_VCPUS || max > MAX_VCPUS || (max && min > max) || (!min && !max))
		return -EINVAL;
	options.dom0_max_vcpus_min = min;
	options.dom0_max_vcpus_max = max;
	return 0;
}

static int tsc_parse(const char *value)
{
	if (!strcmp(value, "unstable"))
		options.tsc = TSC_UNSTABLE;
	else if (!strcmp(value, "stable"))
		options.tsc = TSC_STABLE;
	else
		return -EINVAL;
	return 0;
}

static int noreboot_parse(const char *value)
{
	return *value ? parse_bool(value, &options.noreboot) : (options.noreboot = true, 0);
}

/* reboot=no is another word for noreboot. */
static int reboot_parse(const char *value)
{
	static const char *const ways[] = { "acpi", "a", "pci", "p", "kbd", "k", "triple", "t", "n", "no" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(value, ways[i])) {
			if (*value == 'n')
				options.noreboot = true;
			else
				strlcpy(options.reboot, value, sizeof(options.reboot));
			return 0;
		}
	return -EINVAL;
}

/* cpu-wide "watchdog", "watchdog=force": NMI watchdog. */
static int watchdog_parse(const char *value)
{
	if (!*value || !strcmp(value, "force")) {
		options.watchdog = true;
		return 0;
	}
	return parse_bool(value, &options.watchdog);
}

#define BOOL(text, field)   { text, OPTION_BOOL, &options.field, sizeof(options.field) }
#define UINT(text, field)   { text, OPTION_UINT, &options.field, sizeof(options.field) }
#define SIZE(text, field)   { text, OPTION_SIZE, &options.field, sizeof(options.field) }
#define STRING(text, field) { text, OPTION_STRING, &options.field, sizeof(options.field) }
#define CUSTOM(text, parse) { text, OPTION_CUSTOM, NULL, 0, parse }

static const struct boot_option table[] = {
	STRING("com1", com[0]),
	STRING("com2", com[1]),
	STRING("console", console),
	STRING("vga", vga),
	STRING("console_timestamps", console_timestamps),
	STRING("conswitch", conswitch),
	SIZE("conring_size", conring_size),
	BOOL("sync_console", sync_console),
	BOOL("console_to_ring", console_to_ring),
	CUSTOM("loglvl", loglvl_parse),
	CUSTOM("guest_loglvl", guest_loglvl_parse),
	CUSTOM("noreboot", noreboot_parse),
	CUSTOM("reboot", reboot_parse),
	UINT("reboot_delay", reboot_delay_s),
	SIZE("mem", mem),
	CUSTOM("dom0_mem", dom0_mem_parse),
	CUSTOM("dom0_max_vcpus", dom0_max_vcpus_parse),
	BOOL("bootscrub", bootscrub),
	BOOL("dom0_vcpus_pin", dom0_vcpus_pin),
	UINT("maxcpus", maxcpus),
	BOOL("smp", smp),		/* nosmp */
	BOOL("acpi", acpi),
	BOOL("apic", ioapic),		/* noapic: the IO-APICs, as in Linux and Xen */
	BOOL("lapic", apic),		/* nolapic */
	BOOL("x2apic", x2apic),
	BOOL("hpet", hpet),
	BOOL("mmcfg", mmcfg),
	BOOL("msi", msi),
	{ "watchdog", OPTION_CUSTOM, NULL, 0, watchdog_parse, true },
	UINT("watchdog_timeout", watchdog_timeout_s),
	STRING("clocksource", clocksource),
	CUSTOM("tsc", tsc_parse),
	STRING("sched", sched),
	UINT("tbuf_size", tbuf_pages),
	UINT("tevt_mask", tevt_mask),
	BOOL("smep", smep),
	BOOL("xsave", xsave),
};

static void problem_report(const char *word, enum option_problem problem)
{
	static const char *const text[] = {
		[OPTION_UNKNOWN] = "is not known, and ignored",
		[OPTION_BAD_VALUE] = "has a value that is not understood, and is ignored",
		[OPTION_TOO_LONG] = "is too long, and ignored",
	};

	printk(LOG_WARN "Boot option \"%s\" %s\n", word, text[problem]);
}

void options_parse(const char *line)
{
	strlcpy(line_as_given, line, sizeof(line_as_given));
	cmdline_parse(line, table, ARRAY_SIZE(table), problem_report);
}

const char *options_line(void) { return line_as_given; }

uint64_t mem_amount_bytes(const struct mem_amount *m, uint64_t total)
{
	if (m->is_negative)
		return m->bytes < total ? total - m->bytes : 0;
	return total / 100 * m->percent + m->bytes;
}
