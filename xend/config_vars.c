/* Every variable: its type, its default, what it is for. */
#include "xend/config_build.h"

#include <stdlib.h>
#include <string.h>

const struct config_var config_vars[CONFIG_VARS] = {
	[CONFIG_NAME] = { "name", CONFIG_STRING, NULL, 31, "Domain name; the file's name if not set" },
	[CONFIG_UUID] = { "uuid", CONFIG_STRING, NULL, 31, "Universally unique identifier; random if not set" },
	[CONFIG_DESCRIPTION] = { "description", CONFIG_STRING, "", 41, "A sentence for people" },
	[CONFIG_MEMORY] = { "memory", CONFIG_INT, "128", 31, "Memory at start, in MiB" },
	[CONFIG_MAXMEM] = { "maxmem", CONFIG_INT, NULL, 31, "Most memory the domain can get, in MiB" },
	[CONFIG_SHADOW_MEMORY] = { "shadow_memory", CONFIG_INT, "0", 31, "Memory for shadow page tables, in MiB" },
	[CONFIG_TARGET] = { "target", CONFIG_INT, "0", 41, "Target of memory, in MiB" },
	[CONFIG_MEMORY_SHARING] = { "memory_sharing", CONFIG_BOOL, "0", 41, "Share pages between domains" },
	[CONFIG_SUPERPAGES] = { "superpages", CONFIG_INT, "0", 41, "Build a PV domain from superpages" },
	[CONFIG_MACHINE_ADDRESS_SIZE] = { "machine_address_size", CONFIG_INT, NULL, 41,
		"Widest machine address the domain can use, in bits" },
	[CONFIG_SUPPRESS_SPURIOUS_PAGE_FAULTS] = { "suppress_spurious_page_faults", CONFIG_BOOL, NULL, 41,
		"Do not inject spurious page faults" },
	[CONFIG_VCPUS] = { "vcpus", CONFIG_INT, "1", 31, "Number of virtual CPUs" },
	[CONFIG_MAXVCPUS] = { "maxvcpus", CONFIG_INT, NULL, 41, "Most virtual CPUs; vcpus of them start" },
	[CONFIG_VCPU_AVAIL] = { "vcpu_avail", CONFIG_MASK, NULL, 31, "Bit mask of the virtual CPUs that start" },
	[CONFIG_CPU] = { "cpu", CONFIG_INT, NULL, 31, "CPU that virtual CPU 0 runs on" },
	[CONFIG_CPUS] = { "cpus", CONFIG_AFFINITY, NULL, 31, "CPUs to run on: \"0-3,5,^1\"" },
	[CONFIG_CPU_CAP] = { "cpu_cap", CONFIG_INT, NULL, 31, "Most CPU time, in percent of one CPU; 0: no limit" },
	[CONFIG_CPU_WEIGHT] = { "cpu_weight", CONFIG_INT, NULL, 31, "Share of CPU time, 1 to 65535" },
	[CONFIG_POOL] = { "pool", CONFIG_STRING, NULL, 41, "CPU pool to run in" },
	[CONFIG_FEATURES] = { "features", CONFIG_STRING, "", 31, "Kernel features that must be there" },
	[CONFIG_TSC_MODE] = { "tsc_mode", CONFIG_INT, "0", 41, "Time stamp counter: 0 default, 1 emulate, 2 native, 3 rdtscp" },
	[CONFIG_NOMIGRATE] = { "nomigrate", CONFIG_INT, "0", 41, "The domain never migrates" },
	[CONFIG_CPUID] = { "cpuid", CONFIG_LIST, NULL, 41, "CPUID as the domain sees it" },
	[CONFIG_CPUID_CHECK] = { "cpuid_check", CONFIG_LIST, NULL, 41, "CPUID that a host must have" },
	[CONFIG_BUILDER] = { "builder", CONFIG_STRING, "linux", 31, "What builds the domain: linux or hvm" },
	[CONFIG_KERNEL] = { "kernel", CONFIG_STRING, NULL, 31, "Path of the kernel" },
	[CONFIG_RAMDISK] = { "ramdisk", CONFIG_STRING, "", 31, "Path of the initial RAM disk" },
	[CONFIG_ROOT] = { "root", CONFIG_STRING, "", 31, "root= of the kernel's command line" },
	[CONFIG_EXTRA] = { "extra", CONFIG_STRING, "", 31, "More for the kernel's command line" },
	[CONFIG_LOADER] = { "loader", CONFIG_STRING, "", 41, "Path of the HVM firmware" },
	[CONFIG_BOOTLOADER] = { "bootloader", CONFIG_STRING, NULL, 31, "Program that finds the kernel, such as pygrub" },
	[CONFIG_BOOTARGS] = { "bootargs", CONFIG_STRING, NULL, 31, "Arguments of the boot loader" },
	[CONFIG_BOOTENTRY] = { "bootentry", CONFIG_STRING, NULL, 31, "Without effect" },
	[CONFIG_IP] = { "ip", CONFIG_STRING, "", 31, "IP address for the kernel" },
	[CONFIG_GATEWAY] = { "gateway", CONFIG_STRING, "", 31, "Gateway for the kernel" },
	[CONFIG_NETMASK] = { "netmask", CONFIG_STRING, "", 31, "Network mask for the kernel" },
	[CONFIG_HOSTNAME] = { "hostname", CONFIG_STRING, "", 31, "Host name for the kernel" },
	[CONFIG_INTERFACE] = { "interface", CONFIG_STRING, "eth0", 31, "Interface that the kernel sets up" },
	[CONFIG_DHCP] = { "dhcp", CONFIG_STRING, "off", 31, "Whether the kernel uses DHCP: dhcp or off" },
	[CONFIG_NFS_SERVER] = { "nfs_server", CONFIG_STRING, NULL, 31, "Address of the NFS server of the root" },
	[CONFIG_NFS_ROOT] = { "nfs_root", CONFIG_STRING, NULL, 31, "Path of the root on the NFS server" },
	[CONFIG_ON_POWEROFF] = { "on_poweroff", CONFIG_STRING, NULL, 31,
		"destroy, restart, preserve or rename-restart; destroy if not set" },
	[CONFIG_ON_REBOOT] = { "on_reboot", CONFIG_STRING, NULL, 31, "The same; restart if not set" },
	[CONFIG_ON_CRASH] = { "on_crash", CONFIG_STRING, NULL, 31,
		"The same, or coredump-destroy, coredump-restart; restart if not set" },
	[CONFIG_RESTART] = { "restart", CONFIG_STRING, NULL, 31, "Old: onreboot, always or never" },
	[CONFIG_ON_XEND_START] = { "on_xend_start", CONFIG_STRING, "ignore", 31, "ignore or start" },
	[CONFIG_ON_XEND_STOP] = { "on_xend_stop", CONFIG_STRING, "ignore", 31, "ignore, shutdown or suspend" },
	[CONFIG_DISK] = { "disk", CONFIG_LIST, NULL, 31, "Disks: 'phy:DEV,VDEV,MODE[,DOM]'" },
	[CONFIG_VIF] = { "vif", CONFIG_LIST, NULL, 31, "Network interfaces: 'mac=M, bridge=B, …'" },
	[CONFIG_VIF2] = { "vif2", CONFIG_LIST, NULL, 41, "Network interfaces of the second kind" },
	[CONFIG_VFB] = { "vfb", CONFIG_LIST, NULL, 31, "Frame buffers: 'type=vnc, vncunused=1, …'" },
	[CONFIG_PCI] = { "pci", CONFIG_LIST, NULL, 31, "PCI functions: 'DDDD:BB:SS.F'" },
	[CONFIG_PCI_MSITRANSLATE] = { "pci_msitranslate", CONFIG_INT, "1", 41, "Translate MSI to INTx" },
	[CONFIG_PCI_POWER_MGMT] = { "pci_power_mgmt", CONFIG_INT, "0", 41, "Guests manage the power of PCI devices" },
	[CONFIG_IOPORTS] = { "ioports", CONFIG_LIST, NULL, 31, "I/O ports: 'FROM[-TO]', hexadecimal" },
	[CONFIG_IRQ] = { "irq", CONFIG_LIST, NULL, 31, "Interrupts" },
	[CONFIG_VTPM] = { "vtpm", CONFIG_LIST, NULL, 31, "TPM: 'instance=N,backend=DOM'" },
	[CONFIG_VSCSI] = { "vscsi", CONFIG_LIST, NULL, 41, "SCSI devices: 'PDEV,VDEV[,DOM]'" },
	[CONFIG_VUSB] = { "vusb", CONFIG_LIST, NULL, 41, "USB controllers" },
	[CONFIG_ACCESS_CONTROL] = { "access_control", CONFIG_LIST, NULL, 31, "Label: 'policy=P,label=L'" },
	[CONFIG_NICS] = { "nics", CONFIG_INT, "-1", 31, "Old: number of network interfaces" },
	[CONFIG_BLKIF] = { "blkif", CONFIG_BOOL, "0", 31, "The domain serves disks" },
	[CONFIG_NETIF] = { "netif", CONFIG_BOOL, "0", 31, "The domain serves network interfaces" },
	[CONFIG_TPMIF] = { "tpmif", CONFIG_BOOL, "0", 31, "The domain serves TPMs" },
	[CONFIG_DEVICE_MODEL] = { "device_model", CONFIG_STRING, "", 31, "Path of the device model" },
	[CONFIG_PAE] = { "pae", CONFIG_INT, "1", 31, "PAE is visible" },
	[CONFIG_ACPI] = { "acpi", CONFIG_INT, "1", 31, "ACPI tables" },
	[CONFIG_APIC] = { "apic", CONFIG_INT, "1", 31, "APIC" },
	[CONFIG_HPET] = { "hpet", CONFIG_INT, "0", 41, "High precision event timer" },
	[CONFIG_HAP] = { "hap", CONFIG_INT, "1", 41, "Hardware assisted paging" },
	[CONFIG_OOS] = { "oos", CONFIG_INT, "1", 41, "Shadow page tables may be out of sync" },
	[CONFIG_S3_INTEGRITY] = { "s3_integrity", CONFIG_INT, "1", 41, "Check memory over S3" },
	[CONFIG_NESTEDHVM] = { "nestedhvm", CONFIG_INT, "0", 44, "The guest can run guests" },
	[CONFIG_VIRIDIAN] = { "viridian", CONFIG_INT, "0", 41, "Interface of Hyper-V" },
	[CONFIG_VPT_ALIGN] = { "vpt_align", CONFIG_INT, "1", 41, "Align timers" },
	[CONFIG_TIMER_MODE] = { "timer_mode", CONFIG_INT, "0", 32, "Missed ticks: 0 delay, 1 no delay, 2, 3" },
	[CONFIG_XEN_PLATFORM_PCI] = { "xen_platform_pci", CONFIG_INT, "1", 41, "Xen's PCI device" },
	[CONFIG_XEN_EXTENDED_POWER_MGMT] = { "xen_extended_power_mgmt", CONFIG_INT, NULL, 41,
		"Power management that the guest sees" },
	[CONFIG_BOOT] = { "boot", CONFIG_STRING, "c", 31, "Order: a floppy, c disk, d CD, n network" },
	[CONFIG_FDA] = { "fda", CONFIG_STRING, "", 31, "Image of floppy disk a" },
	[CONFIG_FDB] = { "fdb", CONFIG_STRING, "", 31, "Image of floppy disk b" },
	[CONFIG_SERIAL] = { "serial", CONFIG_STRING, "", 31, "Serial port: pty, a device, vc" },
	[CONFIG_PARALLEL] = { "parallel", CONFIG_STRING, "", 41, "Parallel port" },
	[CONFIG_MONITOR] = { "monitor", CONFIG_BOOL, "0", 31, "The device model's monitor" },
	[CONFIG_MONITOR_PATH] = { "monitor_path", CONFIG_STRING, "", 41, "Where the monitor is" },
	[CONFIG_LOCALTIME] = { "localtime", CONFIG_BOOL, "0", 31, "The clock is in local time" },
	[CONFIG_RTC_TIMEOFFSET] = { "rtc_timeoffset", CONFIG_STRING, "0", 31, "Seconds added to the clock" },
	[CONFIG_KEYMAP] = { "keymap", CONFIG_STRING, "", 31, "Keyboard layout" },
	[CONFIG_USB] = { "usb", CONFIG_BOOL, "0", 31, "USB controller" },
	[CONFIG_USBDEVICE] = { "usbdevice", CONFIG_STRING, "", 31, "USB device: mouse, tablet, host:…" },
	[CONFIG_USBPORT] = { "usbport", CONFIG_LIST, NULL, 31, "Old, without effect" },
	[CONFIG_GUEST_OS_TYPE] = { "guest_os_type", CONFIG_STRING, "default", 32, "Hint for IA64" },
	[CONFIG_STDVGA] = { "stdvga", CONFIG_BOOL, "0", 31, "Standard VGA instead of Cirrus" },
	[CONFIG_VIDEORAM] = { "videoram", CONFIG_INT, "4", 41, "Video memory, in MiB" },
	[CONFIG_GFX_PASSTHRU] = { "gfx_passthru", CONFIG_STRING, NULL, 41, "The guest gets the host's graphics" },
	[CONFIG_ISA] = { "isa", CONFIG_BOOL, "0", 31, "Machine with ISA only" },
	[CONFIG_NOGRAPHIC] = { "nographic", CONFIG_BOOL, "0", 31, "No graphics at all" },
	[CONFIG_SOUNDHW] = { "soundhw", CONFIG_STRING, "", 31, "Sound cards: sb16, es1370, all" },
	[CONFIG_VNC] = { "vnc", CONFIG_STRING, NULL, 31, "VNC: 1 or 0" },
	[CONFIG_VNCDISPLAY] = { "vncdisplay", CONFIG_STRING, NULL, 31, "VNC display; the domain's number if not set" },
	[CONFIG_VNCLISTEN] = { "vnclisten", CONFIG_STRING, NULL, 31, "Address that VNC listens on" },
	[CONFIG_VNCUNUSED] = { "vncunused", CONFIG_BOOL, "1", 31, "Use a VNC port that is free" },
	[CONFIG_VNCCONSOLE] = { "vncconsole", CONFIG_BOOL, NULL, 31, "Start a VNC viewer" },
	[CONFIG_VNCPASSWD] = { "vncpasswd", CONFIG_STRING, NULL, 31, "VNC password; '' is none" },
	[CONFIG_VNCVIEWER] = { "vncviewer", CONFIG_BOOL, NULL, 31, "Start a listening VNC viewer (PV)" },
	[CONFIG_SDL] = { "sdl", CONFIG_STRING, NULL, 31, "SDL window: 1 or 0" },
	[CONFIG_OPENGL] = { "opengl", CONFIG_STRING, NULL, 41, "OpenGL in the SDL window" },
	[CONFIG_DISPLAY] = { "display", CONFIG_STRING, NULL, 31, "X display; DISPLAY if not set" },
	[CONFIG_XAUTHORITY] = { "xauthority", CONFIG_STRING, NULL, 31, "X authority file; XAUTHORITY if not set" },
	[CONFIG_VHPT] = { "vhpt", CONFIG_INT, "0", 32, "Logarithm of the VHPT's size (IA64)" },
};

int config_var_find(const char *name)
{
	for (int id = 0; id < CONFIG_VARS; id++)
		if (!strcmp(config_vars[id].name, name))
			return id;
	return -1;
}

static unsigned config_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours (Damerau). */
unsigned config_distance(const char *a, const char *b, unsigned most)
{
	enum { LONGEST = 40 };
	unsigned row[3][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST || (n > m ? n - m : m - n) > most)
		return most + 1;
	for (size_t k = 0; k <= m; k++)
		row[0][k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			now[k] = config_min(last[k - 1] + (a[i - 1] != b[k - 1]),
					    config_min(last[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = config_min(now[k], before[k - 2] + 1);
		}
	}
	return config_min(row[n % 3][m], most + 1);
}

const char *config_suggest(const char *name)
{
	unsigned most = strlen(name) < 6 ? 1 : 2, best = most + 1;
	const char *found = NULL;

	for (int id = 0; id < CONFIG_VARS; id++) {
		unsigned distance = config_distance(name, config_vars[id].name, most);

		/* a name of two or three letters has too many neighbours */
		if (distance < best && strlen(config_vars[id].name) > 3 && strlen(name) > 2) {
			best = distance;
			found = config_vars[id].name;
		}
	}
	return found;
}

bool config_is_xl(const char *name)
{
	static const char *const names[] = {
		"type", "cmdline", "bootloader_args", "device_model_override",
		"device_model_version", "device_model_args", "device_model_args_hvm",
		"device_model_args_pv", "device_model_stubdomain_override", "bios", "firmware",
		"seclabel", "init_seclabel", "device_model_stubdomain_seclabel", "driver_domain",
		"on_watchdog", "on_soft_reset", "cpus_soft", "vnuma", "passthrough", "rdm",
		"rdm_mem_boundary", "usbctrl", "usbdev", "channel", "vdispl", "vsnd", "vkb", "vga",
		"spice", "spicehost", "spiceport", "spicetls_port", "spicedisable_ticketing",
		"spicepasswd", "spiceagent_mouse", "spicevdagent", "spiceusbredirection",
		"altp2m", "altp2mhvm", "max_grant_frames", "max_maptrack_frames", "claim_mode",
		"ms_vm_genid", "nested_hvm", "pvshim", "pvshim_path", "pvshim_cmdline",
		"acpi_s3", "acpi_s4", "acpi_laptop_slate", "acpi_firmware", "smbios_firmware",
		"tee", "vuart", "gic_version", "iomem", "dtdev", "p9", "pvcalls", "e820_host",
		"mmio_hole", "msr_relaxed", "vmtrace_buf_kb",
		"usbversion", "cap", "irqs", "bios_path_override", "device_model_user", "device_tree",
		"dm_restrict", "hdtype", "max_event_channels", "max_grant_version", "mca_caps", "nx",
		"pci_permissive", "pci_seize", "pvshim_extra", "spice_clipboard_sharing",
		"spice_image_compression", "spice_streaming_video", "stubdomain_cmdline",
		"stubdomain_kernel", "stubdomain_memory", "stubdomain_ramdisk", "vendor_device", "vpmu",
		"xend_suspend_evtchn_compat",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

void config_help_print(FILE *out)
{
	for (int id = 0; id < CONFIG_VARS; id++)
		fprintf(out, "%-30s %s%s%s%s\n", config_vars[id].name, config_vars[id].help,
			config_vars[id].fallback ? " (default '" : "",
			config_vars[id].fallback ? config_vars[id].fallback : "",
			config_vars[id].fallback ? "')" : "");
}

/* ---- looking at a configuration ---- */

const char *config_text(const struct config *c, enum config_id id)
{
	return c->var[id].is_set ? c->var[id].text : NULL;
}

int64_t config_int(const struct config *c, enum config_id id, int64_t fallback)
{
	return c->var[id].is_set ? c->var[id].number : fallback;
}

bool config_is_set(const struct config *c, enum config_id id)
{
	return c->var[id].is_set;
}
