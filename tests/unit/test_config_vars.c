/* xend/config_vars.c: the table of variables, and where else they are listed. */
#include "check.h"
#include "config_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_variable_has_a_row(void)
{
	static const char *const names[] = {	/* 3.2's 77, and 4.1's and 4.4's */
		"access_control", "acpi", "apic", "blkif", "boot", "bootargs", "bootentry", "bootloader",
		"builder", "cpu", "cpu_cap", "cpu_weight", "cpus", "device_model", "dhcp", "disk",
		"display", "extra", "fda", "fdb", "features", "gateway", "guest_os_type", "hostname",
		"interface", "ioports", "ip", "irq", "isa", "kernel", "keymap", "localtime", "maxmem",
		"memory", "monitor", "name", "netif", "netmask", "nfs_root", "nfs_server", "nics",
		"nographic", "on_crash", "on_poweroff", "on_reboot", "on_xend_start", "on_xend_stop",
		"pae", "pci", "ramdisk", "restart", "root", "rtc_timeoffset", "sdl", "serial",
		"shadow_memory", "soundhw", "stdvga", "timer_mode", "tpmif", "usb", "usbdevice", "uuid",
		"vcpu_avail", "vcpus", "vfb", "vhpt", "vif", "vnc", "vncconsole", "vncdisplay",
		"vnclisten", "vncpasswd", "vncunused", "vncviewer", "vtpm", "xauthority",
		"usbport", "loader", "memory_sharing", "hpet", "tsc_mode", "nomigrate", "vpt_align",
		"viridian", "vscsi", "vusb", "vif2", "parallel", "monitor_path", "description",
		"videoram", "gfx_passthru", "opengl", "target", "hap", "s3_integrity", "oos", "cpuid",
		"cpuid_check", "machine_address_size", "suppress_spurious_page_faults", "pool",
		"pci_msitranslate", "pci_power_mgmt", "xen_platform_pci", "superpages", "maxvcpus",
		"xen_extended_power_mgmt", "nestedhvm",
	};
	size_t old = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		if (config_var_find(names[i]) < 0)
			printf("# %s\n", names[i]);
		CHECK(config_var_find(names[i]) >= 0);
	}
	CHECK_EQ(COUNT(names), CONFIG_VARS);
	for (int id = 0; id < CONFIG_VARS; id++) {
		CHECK(config_vars[id].name && config_vars[id].help);
		old += config_vars[id].since <= 32;
	}
	CHECK_EQ(old, 78);			/* 77 of 3.2, and usbport of 3.1 */
}

static void every_variable_is_in_the_manual(void)
{
	FILE *f = fopen("man/xmdomain.cfg.5", "r");
	char *page = NULL;
	size_t room = 0;
	ssize_t n;

	CHECK(f);
	n = getdelim(&page, &room, '\0', f);
	fclose(f);
	CHECK(n > 0);
	for (int id = 0; id < CONFIG_VARS; id++) {
		char entry[80];

		snprintf(entry, sizeof(entry), "\n.IP \\fB%s\\fR", config_vars[id].name);
		if (!strstr(page, entry))
			printf("# %s is not described\n", config_vars[id].name);
		CHECK(strstr(page, entry));
	}
	free(page);
}

static void help_lists_every_variable(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	config_help_print(out);
	fclose(out);
	CHECK(strstr(text, "\nmemory  "));
	CHECK(strstr(text, "(default '128')"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_variable_has_a_row),
		TEST(every_variable_is_in_the_manual),
		TEST(help_lists_every_variable),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
