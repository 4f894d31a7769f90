/* xend/config.c, config_value.c and config_device.c: what xm made of the values in a configuration file. */
#include "check.h"
#include "config_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_dry_run_prints_what_xm_printed(void)
{
	static const char script[] =
		"name = \"ExampleDomain\"\nkernel = '/boot/vmlinuz'\nramdisk = '/boot/initrd.img'\n"
		"memory = 64\nvcpus = 2\nuuid = '06ed00fe-1162-4fc4-b5d8-11993ee4a8b9'\n"
		"vif = [ 'mac=00:16:3e:00:00:11, bridge=xenbr0' ]\n"
		"disk = [ 'phy:hda1,hda1,w', 'file:/srv/xen/d.img,xvdb,r',\n"
		"         'tap:aio:/srv/xen/d2.img,xvdc,w' ]\n"
		"vfb = [ 'type=vnc,vncunused=1' ]\nvtpm = [ 'instance=1,backend=0' ]\n"
		"root = \"/dev/hda1 ro\"\nextra = \"4\"\ndhcp = \"dhcp\"\n";
	static const char printed[] =
		"(vm\n"
		"    (name ExampleDomain)\n"
		"    (memory 64)\n"
		"    (vcpus 2)\n"
		"    (on_xend_start ignore)\n"
		"    (on_xend_stop ignore)\n"
		"    (uuid 06ed00fe-1162-4fc4-b5d8-11993ee4a8b9)\n"
		"    (image\n"
		"        (linux\n"
		"            (kernel /boot/vmlinuz)\n"
		"            (ramdisk /boot/initrd.img)\n"
		"            (ip :1.2.3.4::::eth0:dhcp)\n"
		"            (root '/dev/hda1 ro')\n"
		"            (args 4)\n"
		"        )\n"
		"    )\n"
		"    (device (vbd (uname phy:hda1) (dev hda1) (mode w)))\n"
		"    (device (vbd (uname file:/srv/xen/d.img) (dev xvdb) (mode r)))\n"
		"    (device (tap (uname tap:aio:/srv/xen/d2.img) (dev xvdc) (mode w)))\n"
		"    (device (vif (bridge xenbr0) (mac 00:16:3e:00:00:11)))\n"
		"    (device (vtpm (pref_instance 1) (backend 0)))\n"
		"    (device (vkbd))\n"
		"    (device (vfb (vncunused 1) (type vnc) (xauthority /root/.Xauthority)))\n"
		")\n";
	struct config c;
	struct sxp *s;
	char *text;

	load_ok(&c, script);
	s = config_to_sxp(&c);
	text = sxp_pretty(s, SXP_WIDTH);
	CHECK_STR(text, printed);
	free(text);
	sxp_free(s);
	config_free(&c);
}

static void an_hvm_image_lists_its_fields_in_xms_order(void)
{
	check_holds("name='h'\nkernel='/k'\nbuilder='hvm'\ndevice_model='/usr/lib64/xen/bin/qemu-dm'\n"
		    "boot='d'\nlocaltime=1\nserial='pty'\nvnc=1\nvncdisplay=2\nvncconsole=0\n"
		    "vnclisten='0.0.0.0'\nsdl=0\nusbdevice='tablet'\nkeymap='en-us'\nvncpasswd=''\n",
		    "(image (hvm (kernel /k) (device_model /usr/lib64/xen/bin/qemu-dm) (pae 1) "
		    "(vcpus 1) (boot d) (fda ) (fdb ) (timer_mode 0) (localtime 1) (serial pty) "
		    "(stdvga 0) (isa 0) (nographic 0) (soundhw ) (vnc 1) (vncdisplay 2) (vncunused 1) "
		    "(vncconsole 0) (vnclisten 0.0.0.0) (sdl 0) (xauthority /root/.Xauthority) "
		    "(rtc_timeoffset 0) (monitor 0) (acpi 1) (apic 1) (usb 0) (usbdevice tablet) "
		    "(keymap en-us) (pci ()) (guest_os_type default) (vncpasswd )))");
}

static void values_quote_and_order_as_in_the_reference(void)
{
	static const struct { const char *script, *part; } row[] = {
		{ "cpus = '0-3,^1'", "(cpus '0-3,^1')" },
		{ "cpus = ''", "(cpus )" },
		{ "cpus = ['0', '1']", "(cpus (0 1))" },
		{ "cpus = 2", "(cpus 2)" },
		{ "disk = [ 'file:/x.img,xvdb1,w!,backenddom' ]",
		  "(device (vbd (uname file:/x.img) (dev xvdb1) (mode 'w!') (backend backenddom)))" },
		{ "disk = [ ',hdc:cdrom,r' ]", "(device (vbd (uname ) (dev hdc:cdrom) (mode r)))" },
		{ "disk = [ 'phy:hda,ioemu:hda,w' ]", "(dev hda)" },
		{ "disk = [ 'nbd:134.100.233.115 20004,hda1,w' ]", "(uname 'nbd:134.100.233.115 20004')" },
		{ "vif = [ 'rate=10MB/s@20ms' ]", "(device (vif (rate '10MB/s@20ms')))" },
		{ "vif = [ '' ]", "(device (vif))" },
		{ "vif = [ 'type=ioemu, bridge=xenbr0' ]", "(device (vif (bridge xenbr0) (type ioemu)))" },
		{ "pci = [ '0000:01:02.3', 'c0:02.1' ]",
		  "(device (pci (dev (domain 0x0000) (bus 0x01) (slot 0x02) (func 0x3)) "
		  "(dev (domain 0x0) (bus 0xc0) (slot 0x02) (func 0x1))))" },
		{ "pci = [ '01,02,3' ]", "(dev (domain 0x0) (bus 0x01) (slot 0x02) (func 0x3))" },
		{ "pci = [ '01:02.3@5,msitranslate=0' ]", "(func 0x3) (vslot 0x5) (opts 'msitranslate=0')" },
		{ "ioports = [ '3f8-3ff' ]", "(device (ioports (from 3f8) (to 3ff)))" },
		{ "ioports = [ '70' ]", "(device (ioports (from 70) (to 70)))" },
		{ "irq = [ 7 ]", "(device (irq (irq 7)))" },
		{ "access_control = ['policy=P,label=L']",
		  "(security ((access_control (policy P) (label L))))" },
		{ "blkif = 1\nnetif = 1", "(backend (blkif)) (backend (netif))" },
		{ "bootloader = '/usr/bin/pygrub'", "(bootloader /usr/bin/pygrub) (bootloader_args -q)" },
		{ "bootloader = 'pygrub'\nbootargs = '--x'", "(bootloader /usr/bin/pygrub) (bootloader_args --x)" },
		{ "root = 'root=/dev/sda1'", "(root /dev/sda1)" },
		{ "nfs_server = '10.0.0.1'\nnfs_root = '/r'\nextra = '3'", "(args 'nfsroot=10.0.0.1:/r 3')" },
		{ "ip = '10.0.0.2'\ngateway='10.0.0.1'\nnetmask='255.0.0.0'\nhostname='h'",
		  "(ip 10.0.0.2:1.2.3.4:10.0.0.1:255.0.0.0:h:eth0:off)" },
		{ "memory = '64'", "(memory 64)" },
		{ "memory = 64.0", "(memory 64)" },
		{ "usb = 'yes'\nbuilder='hvm'", "(usb 1)" },
		{ "vcpus = 2\nmaxvcpus = 4", "(vcpus 4) (vcpu_avail 3)" },
		{ "vcpu_avail = 5", "(vcpu_avail 5)" },
		{ "on_crash = 'preserve'", "(on_crash preserve)" },
		{ "restart = 'onreboot'", "(restart onreboot)" },
		{ "cpu_cap = 0\ncpu_weight = 512", "(cpu_cap 0) (cpu_weight 512)" },
		{ "localtime = 1", "(localtime 1)" },
		{ "tsc_mode = 2", "(tsc_mode 2)" },
		{ "pool = 'p'", "(pool_name p)" },
		{ "vhpt = 23", "(vhpt 23)" },
		{ "name = 'a' + str(1) + '-%02d' % 7", "(name a1-07)" },
		{ "x = 1", "(name guest)" },		/* the file's own name */
		{ "vscsi = [ 'sda, 0:0:0:0' ]", "(device (vscsi (p-dev sda) (v-dev 0:0:0:0)))" },
	};

	for (size_t i = 0; i < COUNT(row); i++)
		check_holds(row[i].script, row[i].part);
}

static void what_is_empty_or_newer_is_left_out(void)
{
	check_lacks("maxmem = 0", "maxmem");
	check_lacks("maxmem = ''", "maxmem");
	check_lacks("shadow_memory = 0", "shadow_memory");
	check_lacks("builder = 'hvm'", "hpet");
	check_lacks("x = 1", "tsc_mode");
	check_lacks("x = 1", "uuid");
	check_lacks("dhcp = 'off'", "(ip");
	check_lacks("pci = [ 'zz' ]", "pci");
	check_lacks("vtpm = [ 'backend=0', 'backend=7' ]", "7");
}

static void values_of_types_that_xm_ignored_stay_ignored(void)
{
	static const char *const scripts[] = {
		"memory = True", "memory = 64L", "memory = None", "memory = (64,)", "memory = {}",
		"def memory(): pass", "memory = len",
	};

	for (size_t i = 0; i < COUNT(scripts); i++)
		check_holds(scripts[i], "(memory 128)");
	check_holds("extra = u'x'", "(image (linux))");
}

static void what_is_ignored_is_said(void)
{
	static const struct { const char *script, *warning; } row[] = {
		{ "vnc = True", "vnc = True has no effect, as always: write 1" },
		{ "memory = 64L", "the number without L" },
		{ "disk = ('phy:a,xvda,w',)", "write a list" },
		{ "pci = [ 'zz' ]", "pci: 'zz' is ignored" },
		{ "memroy = 64", "'memroy' is not a variable of xm: did you mean 'memory'?" },
		{ "kernal = '/x'", "did you mean 'kernel'?" },
		{ "ramdsik = '/x'", "did you mean 'ramdisk'?" },
		{ "bootlaoder = 'x'", "did you mean 'bootloader'?" },
		{ "nics = 2", "The nics option is deprecated." },
		{ "memory = 64.5", "is cut to 64" },
		{ "serial = ['pty', 'null']", "only the first" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config c;

		load_ok(&c, row[i].script);
		if (c.warnings != 1 || !strstr(c.warning[0].text, row[i].warning))
			printf("# %s: %s\n", row[i].script, c.warnings ? c.warning[0].text : "none");
		CHECK_EQ(c.warnings, 1);
		CHECK(strstr(c.warning[0].text, row[i].warning));
		CHECK_EQ(c.warning[0].where.line, 1);
		config_free(&c);
	}
}

static void names_of_ones_own_are_no_misspellings(void)
{
	static const char *const scripts[] = {
		"arch = 'x86_64'", "vmid = 3", "mem = 64\nmemory = mem", "disks = []\ndisk = disks",
		"type = 'pv'", "spice = 1", "os_type = 'x'", "import os, re", "def kernl(): pass",
		"i = 0\nj = 1\nip1 = 2\nirc = 3", "firmware = 'uefi'",
	};

	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct config c;

		load_ok(&c, scripts[i]);
		if (c.warnings)
			printf("# %s: %s\n", scripts[i], c.warning[0].text);
		CHECK_EQ(c.warnings, 0);
		config_free(&c);
	}
}

static void nics_pad_the_interfaces(void)
{
	struct config c;

	load_ok(&c, "nics = 3\nvif = [ 'bridge=b' ]");
	CHECK(config_device_find(&c, "vif", 2));
	CHECK(!config_device_find(&c, "vif", 3));
	CHECK_STR(config_device_get(config_device_find(&c, "vif", 0), "bridge"), "b");
	config_free(&c);
}

static void options_may_be_set_in_the_file(void)
{
	struct config c;

	load_ok(&c, "paused = 1\nquiet = 0\ndryrun = 'yes'\npath = '/x'\nconsole_autoconnect = 1\n"
		"bootloader = 'pygrub'\n");
	CHECK_EQ(c.option.paused, 1);
	CHECK_EQ(c.option.quiet, 0);
	CHECK_EQ(c.option.dryrun, 1);
	CHECK_EQ(c.option.xmldryrun, -1);
	CHECK_EQ(c.warnings, 0);
	config_free(&c);
}

static void kernel_paths_become_absolute(void)
{
	struct config c;
	char cwd[2048], want[2100];

	CHECK(getcwd(cwd, sizeof(cwd)));
	load_ok(&c, "kernel = 'vmlinuz'\nramdisk = './initrd'");
	snprintf(want, sizeof(want), "%s/vmlinuz", cwd);
	CHECK_STR(config_text(&c, CONFIG_KERNEL), want);
	config_free(&c);
	check_holds("kernel = ''", "(image (linux))");
}

static void xl_files_evaluate(void)
{
	static const char script[] =
		"# as xl's own examples are written\n"
		"  type = \"hvm\"\n"
		"name = \"xl.hvm\";\n"
		"memory=512; maxmem = 1024\n"
		"vcpus = 2\n"
		"cpus = \"all,^0\"\n"
		"tsc_mode = \"native\"\n"
		"bootloader_args = [ \"-q\", ]\n"
		"cmdline = \"ro quiet\"\n"
		"serial = [ 'pty' ]\n"
		"viridian = [ 'base', 'freq' ]\n"
		"device_model_version = 'qemu-xen'\n"
		"vif = [ 'mac=00:16:3e:00:00:01,bridge=xenbr0,', 'model=e1000' ]\n"
		"disk = [ '/dev/vg/guest,raw,xvda,rw',\n"
		"         'format=qcow2, vdev=xvdb, access=ro, target=/srv/a,b.qcow2',\n"
		"         '/srv/cd.iso,,hdc,cdrom', 'phy:/dev/vg/x,xvdc,w',\n"
		"         'vdev=xvdd, target=/srv/raw.img', ]\n"
		"vnuma = [ [ \"pnode=0\", \"size=512\" ],\n\t[ \"pnode=1\" ] ]\n";
	static const struct { const char *class; size_t n; const char *uname, *dev, *mode; } disk[] = {
		{ "vbd", 0, "phy:/dev/vg/guest", "xvda", "w" },
		{ "tap", 0, "tap:qcow2:/srv/a,b.qcow2", "xvdb", "r" },
		{ "vbd", 1, "file:/srv/cd.iso", "hdc:cdrom", "w" },
		{ "vbd", 2, "phy:/dev/vg/x", "xvdc", "w" },
		{ "vbd", 3, "file:/srv/raw.img", "xvdd", "w" },
	};
	struct config_error err;
	struct config c;

	load_ok(&c, script);
	CHECK_EQ(c.warnings, 0);
	CHECK_STR(config_text(&c, CONFIG_BUILDER), "hvm");
	CHECK_STR(config_text(&c, CONFIG_EXTRA), "ro quiet");
	CHECK_STR(config_text(&c, CONFIG_BOOTARGS), "-q");
	CHECK_STR(config_text(&c, CONFIG_SERIAL), "pty");
	CHECK_EQ(config_int(&c, CONFIG_TSC_MODE, 0), 2);
	CHECK_EQ(config_int(&c, CONFIG_VIRIDIAN, 0), 1);
	CHECK_STR(config_device_get(config_device_find(&c, "vif", 0), "bridge"), "xenbr0");
	for (size_t i = 0; i < COUNT(disk); i++) {
		const struct config_device *d = config_device_find(&c, disk[i].class, disk[i].n);

		CHECK(d);
		CHECK_STR(config_device_get(d, "uname"), disk[i].uname);
		CHECK_STR(config_device_get(d, "dev"), disk[i].dev);
		CHECK_STR(config_device_get(d, "mode"), disk[i].mode);
	}
	CHECK_EQ(config_check(&c, &err), 0);
	config_free(&c);
	check_holds("type = 'pv'", "(image (linux");
	check_error("type = 'pvh'", "unknown image type: pvh", 1, 8);
}

static void xen_tools_configurations_evaluate(void)
{
	/* what xen-create-image writes, line by line */
	static const char script[] =
		"#\n# Configuration file for the Xen instance web1, created\n#\n\n"
		"#\n#  Kernel + memory size\n#\n"
		"kernel      = '/boot/vmlinuz-6.1.0-amd64'\n"
		"extra       = 'elevator=noop'\n"
		"ramdisk     = '/boot/initrd.img-6.1.0-amd64'\n\n"
		"vcpus       = '2'\nmemory      = '256'\n\n"
		"#\n#  Disk device(s).\n#\nroot        = '/dev/xvda2 ro'\n"
		"disk        = [\n"
		"                  'phy:/dev/vg/web1-disk,xvda2,w',\n"
		"                  'phy:/dev/vg/web1-swap,xvda1,w',\n"
		"              ]\n\n"
		"name        = 'web1'\n\n"
		"dhcp = 'dhcp'\nvif  = [ 'mac=00:16:3E:5A:6B:7C' ]\n\n"
		"on_poweroff = 'destroy'\non_reboot   = 'restart'\non_crash    = 'restart'\n";
	struct config_error err;
	struct config c;
	char *line;

	load_ok(&c, script);
	CHECK_EQ(c.warnings, 0);
	CHECK_EQ(config_check(&c, &err), 0);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 256);
	CHECK_EQ(config_int(&c, CONFIG_VCPUS, 0), 2);
	line = config_cmdline(&c);
	CHECK_STR(line, "root=/dev/xvda2 ro ip=:1.2.3.4::::eth0:dhcp elevator=noop");
	free(line);
	config_free(&c);
}

static void command_lines_join_as_in_xend(void)
{
	static const struct { const char *script, *line; } row[] = {
		{ "x = 1", "" }, { "extra = '4'", "4" }, { "root = '/dev/a ro'", "root=/dev/a ro" },
		{ "root = '/dev/hda1 ro'\ndhcp = 'dhcp'\nextra = '4'",
		  "root=/dev/hda1 ro ip=:1.2.3.4::::eth0:dhcp 4" },
		{ "dhcp = 'dhcp'", "ip=:1.2.3.4::::eth0:dhcp" },
		{ "root = '/dev/nfs'\nnfs_server = '10.0.0.1'\nnfs_root = '/r'\nip = '10.0.0.2'",
		  "root=/dev/nfs ip=10.0.0.2:10.0.0.1::::eth0:off nfsroot=10.0.0.1:/r " },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config c;
		char *line;

		load_ok(&c, row[i].script);
		line = config_cmdline(&c);
		CHECK_STR(line, row[i].line);
		free(line);
		config_free(&c);
	}
}

static void actions_count_restart_and_defaults_in(void)
{
	static const struct { const char *script, *poweroff, *reboot, *crash; } row[] = {
		{ "x = 1", "destroy", "restart", "restart" },
		{ "restart = 'onreboot'", "destroy", "restart", "destroy" },
		{ "restart = 'always'", "restart", "restart", "restart" },
		{ "restart = 'never'", "destroy", "destroy", "destroy" },
		{ "restart = 'foo'", "destroy", "restart", "restart" },
		{ "restart = 'never'\non_crash = 'preserve'", "destroy", "destroy", "preserve" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config c;

		load_ok(&c, row[i].script);
		CHECK_STR(config_action(&c, CONFIG_ON_POWEROFF), row[i].poweroff);
		CHECK_STR(config_action(&c, CONFIG_ON_REBOOT), row[i].reboot);
		CHECK_STR(config_action(&c, CONFIG_ON_CRASH), row[i].crash);
		CHECK(!config_action(&c, CONFIG_NAME));
		config_free(&c);
	}
}

static void virtual_cpus_are_counted_once_for_all(void)
{
	static const struct { const char *script; unsigned vcpus; uint64_t mask; } row[] = {
		{ "x = 1", 1, 1 }, { "vcpus = 0", 1, 1 }, { "vcpus = 4", 4, 15 },
		{ "vcpus = 2\nmaxvcpus = 4", 4, 3 }, { "vcpus = 4\nvcpu_avail = 5", 4, 5 },
		{ "vcpus = 2\nvcpu_avail = 255", 2, 3 }, { "vcpus = 2\nvcpu_avail = 4", 2, 1 },
		{ "vcpus = 64", 64, UINT64_MAX }, { "vcpus = 128\nmaxvcpus = 128", 128, UINT64_MAX },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config c;

		load_ok(&c, row[i].script);
		CHECK_EQ(config_vcpus(&c), row[i].vcpus);
		CHECK_EQ(config_vcpu_mask(&c), row[i].mask);
		config_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dry_run_prints_what_xm_printed),
		TEST(an_hvm_image_lists_its_fields_in_xms_order),
		TEST(values_quote_and_order_as_in_the_reference),
		TEST(what_is_empty_or_newer_is_left_out),
		TEST(values_of_types_that_xm_ignored_stay_ignored),
		TEST(what_is_ignored_is_said),
		TEST(names_of_ones_own_are_no_misspellings),
		TEST(nics_pad_the_interfaces),
		TEST(options_may_be_set_in_the_file),
		TEST(kernel_paths_become_absolute),
		TEST(xl_files_evaluate),
		TEST(xen_tools_configurations_evaluate),
		TEST(command_lines_join_as_in_xend),
		TEST(actions_count_restart_and_defaults_in),
		TEST(virtual_cpus_are_counted_once_for_all),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
