/* xend/config*.c: what xm made of configuration files, command lines and S-expressions. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xend/config.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define EXAMPLES "config-examples/"

static int load(struct config *c, const char *text, const char *const *words, size_t count,
		struct config_error *err)
{
	struct config_source src = { .file = "/etc/xen/guest", .text = text, .length = strlen(text),
				     .override = words, .overrides = count };

	return config_load(c, &src, err);
}

static void load_ok(struct config *c, const char *text)
{
	struct config_error err;
	int rc = load(c, text, NULL, 0, &err);

	if (rc)
		printf("# %s\n# %s (%s)\n", text, err.text, err.hint);
	CHECK_EQ(rc, 0);
}

static char *one_line(const struct config *c)
{
	struct sxp *s = config_to_sxp(c);
	char *text = sxp_print(s);

	CHECK(text);
	sxp_free(s);
	return text;
}

/* The configuration's (vm …) on one line holds the text. */
static void check_holds(const char *script, const char *part)
{
	struct config c;
	char *text;

	load_ok(&c, script);
	text = one_line(&c);
	if (!strstr(text, part))
		printf("# %s\n# %s\n", script, text);
	CHECK(strstr(text, part));
	free(text);
	config_free(&c);
}

static void check_lacks(const char *script, const char *part)
{
	struct config c;
	char *text;

	load_ok(&c, script);
	text = one_line(&c);
	CHECK(!strstr(text, part));
	free(text);
	config_free(&c);
}

static void check_error(const char *script, const char *text, unsigned line, unsigned column)
{
	struct config c;
	struct config_error err;
	int rc = load(&c, script, NULL, 0, &err);

	if (rc == 0)
		rc = config_check(&c, &err);
	if (rc != -EINVAL || strcmp(err.text, text) || err.where.line != line ||
	    err.where.column != column)
		printf("# %s\n# rc %d at %u:%u: %s\n", script, rc, err.where.line,
		       err.where.column, rc ? err.text : "");
	CHECK_EQ(rc, -EINVAL);
	CHECK_STR(err.text, text);
	CHECK_EQ(err.where.line, line);
	CHECK_EQ(err.where.column, column);
	config_free(&c);
}

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

static void misspelt_overrides_get_a_suggestion(void)
{
	static const char *const words[] = { "memroy=64", "vmid=3" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, "", words, COUNT(words), &err), 0);
	CHECK_EQ(c.warnings, 1);
	CHECK_STR(c.warning[0].text, "'memroy' is not a variable of xm: did you mean 'memory'?");
	CHECK_EQ(c.warning[0].where.line, 0);
	config_free(&c);
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

static void the_command_line_wins_over_the_file(void)
{
	static const char script[] = "memory = 64\nname = 'file'\nusb = 1\ndisk = [ 'phy:a,xvda,w' ]\n"
		"extra = 'vm%s' % vmid\nvif = []\n";
	static const char *const words[] = { "memory=32", "name=x", "usb=no", "vmid=7", "vcpu_avail=0x3",
		"disk=file:/a,xvdb,r", "disk=file:/b,xvdc,w", "vif=", "paused=1", "cpus=0-1" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, script, words, COUNT(words), &err), 0);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 32);
	CHECK_STR(config_text(&c, CONFIG_NAME), "x");
	CHECK_EQ(config_int(&c, CONFIG_USB, 1), 0);
	CHECK_EQ(config_int(&c, CONFIG_VCPU_AVAIL, 0), 3);
	CHECK_STR(config_text(&c, CONFIG_EXTRA), "vm7");
	CHECK_STR(config_text(&c, CONFIG_CPUS), "0-1");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 0), "uname"), "file:/a");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 1), "dev"), "xvdc");
	CHECK(!config_device_find(&c, "vbd", 2));
	CHECK(config_device_find(&c, "vif", 0));
	CHECK_EQ(c.option.paused, 1);
	CHECK_EQ(c.option.quiet, -1);
	config_free(&c);
}

static void unquoted_overrides_need_no_file_of_sense(void)
{
	/* obs-build: xm create -c CFG name=… disk=file:…,hda1,w extra=… */
	static const char *const words[] = { "name=build:1", "memory=512", "kernel=/boot/vmlinuz",
		"disk=file:/var/cache/build/root,hda1,w", "disk=phy:/dev/vg/swap,hda2,w",
		"extra=quiet init=/bin/sh panic=1 a=b" };
	struct config_error err;
	struct config c;

	CHECK_EQ(load(&c, "", words, COUNT(words), &err), 0);
	CHECK_STR(config_text(&c, CONFIG_EXTRA), "quiet init=/bin/sh panic=1 a=b");
	CHECK_STR(config_device_get(config_device_find(&c, "vbd", 1), "uname"), "phy:/dev/vg/swap");
	CHECK_EQ(config_check(&c, &err), 0);
	config_free(&c);
}

static void bad_overrides_are_refused_in_xms_words(void)
{
	static const struct { const char *word, *text; } row[] = {
		{ "memory=abc", "Invalid value: abc" }, { "memory=", "Invalid value: " },
		{ "memory=12x", "Invalid value: 12x" },
		{ "memory=99999999999999999999", "Invalid value: 99999999999999999999" },
		{ "usb=1", "Invalid value:1" }, { "usb=maybe", "Invalid value:maybe" },
		{ "vcpu_avail=zz", "Invalid value: zz" }, { "disk=x", "Invalid disk specifier: x" },
		{ "vif=foo=1", "Invalid vif option: foo" }, { "=x", "Invalid variable setting: =x" },
		{ "a b=x", "Invalid variable setting: a b=x" }, { "irq=a", "irq: Invalid config setting irq: a" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		struct config c;

		CHECK_EQ(load(&c, "", &row[i].word, 1, &err), -EINVAL);
		CHECK_STR(err.text, row[i].text);
		CHECK(!err.usage);
	}
}

static void errors_are_xms_and_say_where(void)
{
	check_error("disk = [ 'phy:a,xvda,w',\n         'phy:b' ]", "Invalid disk specifier: phy:b", 2, 10);
	check_error("disk = 'phy:a,xvda,w'", "Invalid disk specifier: phy:a,xvda,w", 1, 8);
	check_error("disk = [ 'a,b,c,d,e,f' ]", "Invalid disk specifier: a,b,c,d,e,f", 1, 10);
	check_error("vif = [ 'mac=1, brigde=x' ]", "Invalid vif option: brigde", 1, 9);
	check_error("vif = [ 'xenbr0' ]",
		    "xenbr0 should be a pair, separated by an equals sign.", 1, 9);
	check_error("vfb = [ 'tpye=vnc' ]", "configuration option tpye unknown to vfbs", 1, 9);
	check_error("irq = [ 'a' ]", "irq: Invalid config setting irq: a", 1, 9);
	check_error("ioports = [ '1-2-3' ]", "Invalid i/o port range specifier: 1-2-3", 1, 13);
	check_error("ioports = [ '99999' ]", "Invalid i/o port range specifier: 99999", 1, 13);
	check_error("vtpm = [ 'type=x' ]", "Invalid vtpm specifier: type", 1, 10);
	check_error("vtpm = [ 'instance=0' ]", "VM config error: vTPM instance must not be 0.", 1, 10);
	check_error("vtpm = [ 'instance=x' ]",
		    "Vm config error: could not parse instance number.", 1, 10);
	check_error("access_control = [ 'policy=a' ]", "Invalid access_control specifier: policy=a", 1, 20);
	check_error("access_control = [ 'policy=a,label=b', 'policy=a,label=b' ]",
		    "Multiple access_control definitions.", 1, 40);
	check_error("nfs_root = '/x'", "Must set nfs root and nfs server", 1, 12);
	check_error("vscsi = [ 'a' ]", "vscsi syntax error \"a\"", 1, 11);
	check_error("memory = 'abc'", "Invalid value: abc", 1, 10);
}

static void xend_refuses_in_its_own_words(void)
{
	check_error("name = 'a b'", "Invalid VM Name", 1, 8);
	check_error("name = ''", "Invalid VM Name", 1, 8);
	check_error("builder = 'foo'", "unknown image type: foo", 1, 11);
	check_error("memory = 0", "memory_dynamic_max must be greater than zero", 1, 10);
	check_error("memory = 64\nmaxmem = 32",
		    "memory_dynamic_max must be less than or equal to memory_static_max", 2, 10);
	check_error("on_crash = 'crash'", "Invalid event handling mode: crash", 1, 12);
	check_error("on_poweroff = 'coredump-destroy'",
		    "Invalid event handling mode: coredump-destroy", 1, 15);
	check_error("uuid = 'zz'", "invalid literal for int() with base 16: 'zz'", 1, 8);
	check_error("cpus = 'a'", "cpus = a: invalid literal for int() with base 10: 'a'", 1, 8);
	check_error("cpu_weight = 0", "weight is out of range", 1, 14);
	check_error("vcpus = 4000", "Invalid value: 4000", 1, 9);
	check_error("disk = [ 'phy:a,xvda,x' ]", "Invalid mode", 1, 10);
	check_error("disk = [ 'phy:a,nope,w' ]", "Unable to find number for device (nope)", 1, 10);
	check_error("disk = [ 'phy:a,xvda,w',\n 'phy:b,xvda,w' ]",
		    "Device xvda (51712, vbd) is already connected.", 2, 2);
}

static void odd_values_that_xend_took_are_taken(void)
{
	static const char *const scripts[] = {
		"vcpus = 0", "vif = [ 'rate=abc' ]", "vif = [ 'mac=zz' ]", "restart = 'foo'",
		"on_xend_start = 'foo'", "features = 'xx'", "vfb = [ 'type=foo' ]",
		"disk = [ 'foo:x,xvda,w' ]", "vcpu_avail = 255", "on_crash = 'coredump-restart'",
		"cpus = '0-3,5,^1'", "cpus = 'all'",
	};

	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct config_error err;
		struct config c;

		load_ok(&c, scripts[i]);
		if (config_check(&c, &err))
			printf("# %s: %s\n", scripts[i], err.text);
		CHECK_EQ(config_check(&c, &err), 0);
		config_free(&c);
	}
}

static void syntax_errors_have_the_form_that_xm_gave_them(void)
{
	struct config_error err;
	struct config c;
	char *text = NULL;
	size_t length;
	FILE *out;

	CHECK_EQ(load(&c, "name = 'a'\nmemory = = 4\n", NULL, 0, &err), -EINVAL);
	CHECK_STR(err.text, "Errors were found at line 2 while processing /etc/xen/guest:"
		  "\n\tmemory = = 4");
	CHECK_STR(err.file, "/etc/xen/guest");
	out = open_memstream(&text, &length);
	config_error_print(&err, out);
	fclose(out);
	CHECK_STR(text, "Error: Errors were found at line 2 while processing /etc/xen/guest:\n"
		  "\tmemory = = 4\n"
		  "  at /etc/xen/guest:2:10: expected a value, found '='\n");
	free(text);
}

static void errors_of_the_script_are_pythons(void)
{
	check_error("x = 1\nmemory = foo", "name 'foo' is not defined", 2, 10);
	check_error("memory = int('x')", "invalid literal for int() with base 10: 'x'", 1, 10);
	check_error("raise ValueError, 'no such host'", "no such host", 1, 1);
}

static void xml_documents_are_refused_with_a_reason(void)
{
	check_error("<xm/>", "Documents of the Xen-API (XML) are not supported: /etc/xen/guest", 1, 1);
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

/* ---- S-expressions in ---- */

static void from_text(struct config *c, const char *text)
{
	struct config_error err;
	struct sxp *s;

	CHECK_EQ(sxp_parse(text, strlen(text), &s, NULL, NULL), 0);
	CHECK_EQ(config_from_sxp(c, s, &err), 0);
	sxp_free(s);
}

static void what_goes_out_comes_back_the_same(void)
{
	static const char *const scripts[] = {
		"name='a'\nkernel='/k'\nmemory=64\nvcpus=2\ndisk=['phy:a,xvda,w!','tap:aio:/x,xvdb,r,dom']\n"
		"vif=['bridge=b,mac=00:16:3e:00:00:01','']\nvfb=['type=vnc']\nroot='/dev/xvda ro'\nextra='4'\n"
		"dhcp='dhcp'\ncpus='0-3,^1'\non_crash='preserve'\nuuid='06ed00fe-1162-4fc4-b5d8-11993ee4a8b9'",
		"name='h'\nkernel='/k'\nbuilder='hvm'\nvnc=1\nboot='dc'\nusb=1\nusbdevice='tablet'\nhap=0",
		"name='p'\nkernel='/k'\npci=['01:02.3','0000:c0:00.0']\nirq=[7]\nioports=['3f8-3ff']\n"
		"access_control=['policy=P,label=L']\nblkif=1\ncpu_weight=512\nvcpu_avail=1\n"
		"bootloader='pygrub'\nip='10.0.0.1'\nnfs_server='10.0.0.9'\nnfs_root='/r'\npool='x'\ncpuid=['1:eax=0']",
	};

	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct config c, again;
		char *first, *second;

		load_ok(&c, scripts[i]);
		first = one_line(&c);
		from_text(&again, first);
		/* the pieces of an NFS root came back joined, as args */
		config_free(&c);
		second = one_line(&again);
		CHECK_STR(second, first);
		free(first);
		free(second);
		config_free(&again);
	}
}

static void a_running_domain_is_listed_in_xends_order(void)
{
	static const struct config_live live = { .domid = 5, .start_time = 1795355396.82,
		.cpu_time = 1.23456789, .online_vcpus = 1, .status = 2, .state = "-b----",
		.store_mfn = 4711, .console_mfn = 4712 };
	static const char listed[] = "(domain (domid 5) (bootloader ) (on_crash restart) "
		"(uuid 06ed00fe-1162-4fc4-b5d8-11993ee4a8b9) (bootloader_args ) (vcpus 1) (name a) "
		"(on_reboot restart) (on_poweroff destroy) (maxmem 64) (memory 64) (shadow_memory 0) "
		"(features ) (on_xend_start ignore) (on_xend_stop ignore) (start_time 1795355396.82) "
		"(cpu_time 1.23456789) (online_vcpus 1) (image (linux (kernel /k) (args "
		"'root=/dev/a ro 4'))) (status 2) (state -b----) (store_mfn 4711) (console_mfn 4712) "
		"(device (vif (bridge b))))";
	struct config c;
	struct sxp *s;
	char *text;

	load_ok(&c, "name='a'\nkernel='/k'\nmemory=64\nroot='/dev/a ro'\nextra='4'\nvif=['bridge=b']\n"
		"uuid='06ed00fe-1162-4fc4-b5d8-11993ee4a8b9'\ncpu_weight=512");
	s = config_to_domain_sxp(&c, &live);
	text = sxp_print(s);
	CHECK_STR(text, listed);
	free(text);
	sxp_free(s);
	config_free(&c);
}

static void a_managed_domain_keeps_all_on_disk(void)
{
	struct config c, again;
	struct sxp *s;
	char *line;

	load_ok(&c, "name='a'\nkernel='/k'\nvcpus=2\nroot='/dev/a'\nextra='4'\ncpu_weight=512\ncpu_cap=50\n"
		"vcpu_avail=1\ncpus='1,3'\nrestart='never'\npci=['01:02.3']\nvif=['']");
	s = config_to_domain_sxp(&c, NULL);
	config_free(&c);
	{
		struct config_error err;

		CHECK_EQ(config_from_sxp(&again, s, &err), 0);
	}
	CHECK_EQ(config_int(&again, CONFIG_CPU_WEIGHT, 0), 512);
	CHECK_EQ(config_int(&again, CONFIG_CPU_CAP, 0), 50);
	CHECK_EQ(config_int(&again, CONFIG_VCPU_AVAIL, 0), 1);
	CHECK_STR(config_text(&again, CONFIG_ON_REBOOT), "destroy");	/* restart=never */
	CHECK_EQ(again.var[CONFIG_CPUS].items, 2);
	CHECK_STR(again.var[CONFIG_CPUS].item[1].text, "1,3");
	line = config_cmdline(&again);
	CHECK_STR(line, "root=/dev/a 4");
	free(line);
	CHECK(config_device_find(&again, "pci", 0));
	sxp_free(s);
	config_free(&again);
}

static void bad_expressions_are_refused(void)
{
	static const struct { const char *text, *error; } row[] = {
		{ "x", "Invalid domain configuration: no list" },
		{ "(foo)", "Invalid domain configuration: foo" },
		{ "()", "Invalid domain configuration: no list" },
		{ "(vm (memory abc))", "Invalid value: abc" },
		{ "(vm (memory (1)))", "Invalid value: memory" },
		{ "(vm (image linux))", "Invalid value: image" },
		{ "(vm (image))", "Invalid value: image" },
		{ "(vm (device (foo)))", "Invalid device: foo" },
		{ "(vm (device vbd))", "Invalid device: no class" },
		{ "(vm (cpus ((a (b)))))", "Invalid value: cpus" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		struct config c;
		struct sxp *s;

		CHECK_EQ(sxp_parse(row[i].text, strlen(row[i].text), &s, NULL, NULL), 0);
		CHECK_EQ(config_from_sxp(&c, s, &err), -EINVAL);
		CHECK_STR(err.text, row[i].error);
		sxp_free(s);
	}
}

/* ---- files ---- */

static char *write_file(const char *dir, const char *name, const char *text)
{
	char *path;
	FILE *f;

	CHECK(asprintf(&path, "%s/%s", dir, name) > 0);
	f = fopen(path, "w");
	CHECK(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void files_are_searched_along_the_path(void)
{
	char dir[] = "/tmp/config-test-XXXXXX", path[100];
	struct config_source src = { .file = "guest.cfg", .path = path };
	struct config_error err;
	struct config c;
	char *file;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "/nonexistent:%s", dir);
	file = write_file(dir, "guest.cfg", "memory = 77\n");
	CHECK_EQ(config_load(&c, &src, &err), 0);
	CHECK_STR(c.file, file);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 77);
	CHECK_STR(config_text(&c, CONFIG_NAME), "guest.cfg");
	config_free(&c);
	src.file = "missing.cfg";
	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);
	CHECK_STR(err.text, "Unable to open config file: missing.cfg");
	CHECK(err.usage);
	src.file = dir;
	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);	/* a directory is no configuration */
	unlink(file);
	rmdir(dir);
	free(file);
}

static void sxp_files_are_taken_as_they_are(void)
{
	char dir[] = "/tmp/config-test-XXXXXX";
	struct config_source src = { .sxp_file = "/nonexistent/x.sxp" };
	const char *word = "memory=99";
	struct config_error err;
	struct config c;
	char *file, *text;

	CHECK_EQ(config_load(&c, &src, &err), -ENOENT);
	CHECK_STR(err.text, "Cannot read file /nonexistent/x.sxp: No such file or directory");
	CHECK(err.usage);
	CHECK(mkdtemp(dir));
	src.sxp_file = file = write_file(dir, "x.sxp", "(vm (name y) (memory 5) (unknown 1)) (second)");
	CHECK_EQ(config_load(&c, &src, &err), 0);
	text = one_line(&c);
	CHECK_STR(text, "(vm (name y) (memory 5) (unknown 1))");
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 5);
	free(text);
	config_free(&c);
	src.override = &word;
	src.overrides = 1;
	CHECK_EQ(config_load(&c, &src, &err), 0);
	CHECK_EQ(config_int(&c, CONFIG_MEMORY, 0), 99);
	text = one_line(&c);
	CHECK(strstr(text, "(memory 99)"));
	free(text);
	config_free(&c);
	src.overrides = 0;
	free(write_file(dir, "x.sxp", "(vm\n  (name"));
	CHECK_EQ(config_load(&c, &src, &err), -EINVAL);
	CHECK(strstr(err.text, "expected ')'"));
	CHECK_EQ(err.where.line, 2);
	unlink(file);
	rmdir(dir);
	free(file);
}

/* ---- numbers in names ---- */

static void cpu_lists_apply_from_left_to_right(void)
{
	static const struct { const char *text, *map; } row[] = {
		{ "0-3,5,^1", "10110100" }, { "", "11111111" }, { "all", "11111111" }, { "all,^0", "01111111" },
		{ "^1,0-2", "11100000" }, { "7", "00000001" }, { " 0 - 1 , 3", "11010000" }, { "9", "00000000" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		char text[9] = "";
		bool map[8];

		CHECK_EQ(config_cpus_parse(row[i].text, map, 8, &err), 0);
		for (int n = 0; n < 8; n++)
			text[n] = map[n] ? '1' : '0';
		CHECK_STR(text, row[i].map);
	}
}

static void bad_cpu_lists_name_the_part(void)
{
	static const struct { const char *text, *part; } row[] = {
		{ "a", "a" }, { "0,b,1", "b" }, { "3-1", "3-1" }, { "1-", "1-" }, { "^", "^" }, { "0-99999", "0-99999" },
		{ "-1", "-1" }, { "1 2", "1 2" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_error err;
		bool map[8];

		CHECK_EQ(config_cpus_parse(row[i].text, map, 8, &err), -EINVAL);
		CHECK_STR(err.text, row[i].part);
	}
}

static void device_names_have_their_numbers(void)
{
	static const struct { const char *dev; uint32_t number; } row[] = {
		{ "hda", 768 }, { "hda1", 769 }, { "hdb", 832 }, { "hdc:cdrom", 5632 }, { "hdt63", 91u << 8 | 127 },
		{ "sda", 2048 }, { "sda1", 2049 }, { "sdb", 2064 }, { "sdq", 65u << 8 }, { "sdz", 65u << 8 | 9 << 4 },
		{ "sdaa", 65u << 8 | 10 << 4 }, { "xvda", 51712 }, { "xvda1", 51713 }, { "xvdb", 51728 },
		{ "xvdp15", 51967 }, { "xvdq", 1u << 28 | 16 << 8 }, { "xvda16", 1u << 28 | 16 },
		{ "ioemu:hda", 768 }, { "/dev/xvda", 51712 }, { "0x301", 769 }, { "301", 769 },
	};
	static const char *const bad[] = { "", "hd", "hdu", "hda64", "sda16", "xvd", "xvd1", "nope", "hdaa",
		"sdzz", "hda0", "hda1x", "xvda 1", "0x", "fffffffff" };

	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t number = 0;

		if (config_vdev_parse(row[i].dev, &number) || number != row[i].number)
			printf("# %s: %u\n", row[i].dev, number);
		CHECK_EQ(number, row[i].number);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint32_t number;

		if (!config_vdev_parse(bad[i], &number))
			printf("# %s: %u\n", bad[i], number);
		CHECK_EQ(config_vdev_parse(bad[i], &number), -EINVAL);
	}
}

static void rates_are_bytes_per_interval(void)
{
	static const struct { const char *text; uint64_t bytes, us; } row[] = {
		{ "10MB/s@20ms", 200000, 20000 }, { "1MB/s", 50000, 50000 }, { "8Mb/s", 50000, 50000 },
		{ "100KB/s@1s", 100000, 1000000 }, { "1GB/s@500us", 500000, 500 }, { "80b/s@1s", 10, 1000000 },
	};
	static const char *const bad[] = { "abc", "", "10", "10MB", "10MB/s@", "10MB/s@5", "10MB/s@0ms", "10XB/s",
		"-1MB/s", "99999999999999999999B/s", "18446744073709551615GB/s", "10MB/s@20msx" };

	for (size_t i = 0; i < COUNT(row); i++) {
		uint64_t bytes, us;

		CHECK_EQ(config_rate_parse(row[i].text, &bytes, &us), 0);
		CHECK_EQ(bytes, row[i].bytes);
		CHECK_EQ(us, row[i].us);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t bytes, us;

		CHECK_EQ(config_rate_parse(bad[i], &bytes, &us), -EINVAL);
	}
}

/* ---- lint ---- */

static int lint(const char *text, char **report)
{
	struct config_source src = { .file = "f", .text = text, .length = strlen(text) };
	size_t length;
	FILE *out = open_memstream(report, &length);
	int rc = config_lint(&src, out);

	fclose(out);
	return rc;
}

static void lint_reports_everything_not_only_the_first(void)
{
	static const char script[] =
		"kernel = '/nonexistent/vmlinuz'\nmemroy = 64\nmaxmem = 'abc'\nvcpus = 9999\n"
		"disk = [ 'phy:a', 'phy:b,nope,w', 'phy:c,xvda,q' ]\nvif = [ 'foo=1', 'rate=abc' ]\n"
		"on_crash = 'crash'\nrestart = 'foo'\n";
	static const char *const lines[] = {
		"f:1:10: warning: kernel: '/nonexistent/vmlinuz' cannot be read here: No such file or directory\n",
		"f:2:10: warning: 'memroy' is not a variable of xm: did you mean 'memory'?\n",
		"f:3:10: error: Invalid value: abc (maxmem must be an integer)\n",
		"f:4:9: error: Invalid value: 9999 (expected 1 to 128)\n",
		"f:5:10: error: Invalid disk specifier: phy:a",
		"f:5:19: error: Unable to find number for device (nope)",
		"f:5:35: error: Invalid mode",
		"f:6:9: error: Invalid vif option: foo",
		"f:6:18: warning: vif: rate 'abc' is malformed",
		"f:7:12: error: Invalid event handling mode: crash",
		"f:8:11: warning: restart = 'foo' means nothing",
	};
	char *report;

	CHECK_EQ(lint(script, &report), 7);
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (!strstr(report, lines[i]))
			printf("# missing: %s\n# in: %s\n", lines[i], report);
		CHECK(strstr(report, lines[i]));
	}
	free(report);
}

static void lint_says_what_only_xl_knows(void)
{
	char *report;

	CHECK_EQ(lint("type = 'hvm'\nfirmware = 'uefi'\ncap = 50\n", &report), 0);
	CHECK_STR(report, "f:2:12: warning: firmware is a variable of xl that has no effect here\n");
	free(report);
}

static void lint_is_silent_about_what_is_right(void)
{
	char *report;

	CHECK_EQ(lint("kernel = '/dev/null'\nmemory = 64\ndisk = [ 'phy:a,xvda,w' ]\nvif = [ '' ]\n", &report), 0);
	CHECK_STR(report, "");
	free(report);
	CHECK_EQ(lint("memory = 64\n", &report), 0);
	CHECK_STR(report, "f: warning: neither kernel nor bootloader is set: "
		  "the domain has nothing to boot\n");
	free(report);
}

static void lint_reports_syntax_errors_and_missing_files(void)
{
	struct config_source src = { .file = "/nonexistent/cfg" };
	char *report = NULL;
	size_t length;
	FILE *out;

	CHECK_EQ(lint("x = = 1\n", &report), 1);
	CHECK_STR(report, "f:1:5: error: expected a value, found '='\n");
	free(report);
	report = NULL;
	out = open_memstream(&report, &length);
	CHECK_EQ(config_lint(&src, out), 1);
	fclose(out);
	CHECK(strstr(report, "Unable to open config file: /nonexistent/cfg"));
	free(report);
}

/* ---- the table and the examples ---- */

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

static void every_example_evaluates_and_is_accepted(void)
{
	static const struct { const char *file, *word, *part; } row[] = {
		{ "xmexample1", NULL, "(image (linux (kernel" },
		{ "xmexample2", "vmid=3", "(name VM3)" },
		{ "xmexample3", "vmid=2", "(name VM2)" },
		{ "xmexample.hvm", NULL, "(image (hvm (kernel" },
		{ "xmexample.hvm-stubdom", NULL, "(image (hvm (kernel" },
		{ "xmexample.pygrub", NULL, "(bootloader /usr/bin/pygrub) (bootloader_args -q)" },
		{ "xmexample.pv-grub", NULL, "(kernel /usr/lib/grub-xen/grub-x86_64-xen.bin)" },
		{ "xmexample.nbd", NULL, "(uname 'nbd:" },
		{ "xmexample.vti", NULL, "(guest_os_type default)" },
		{ "xmexample.nfs", NULL, "nfsroot=" },
		{ "xmexample.phy", NULL, "(uname phy:/dev/disk/by-id/" },
		{ "xmexample.lvm", NULL, "(uname phy:vg0/example-root)" },
		{ "xmexample.image", NULL, "(tap (uname tap:aio:/var/lib/" },
		{ "xmexample.net", NULL, "(script vif-nat)" },
		{ "xmexample.many", NULL, "(dev xvdd)" },
		{ "xmexample.xl", NULL, "(name ExampleXL)" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct config_source src = { .override = &row[i].word, .overrides = row[i].word != NULL };
		char path[100], *text;
		struct config_error err;
		struct config c;
		int rc;

		snprintf(path, sizeof(path), EXAMPLES "%s", row[i].file);
		src.file = path;
		rc = config_load(&c, &src, &err);
		if (rc == 0)
			rc = config_check(&c, &err);
		if (rc)
			printf("# %s:%u:%u: %s\n", path, err.where.line, err.where.column, err.text);
		CHECK_EQ(rc, 0);
		for (size_t k = 0; k < c.warnings; k++)
			printf("# %s: %s\n", path, c.warning[k].text);
		CHECK_EQ(c.warnings, 0);
		text = one_line(&c);
		if (!strstr(text, row[i].part))
			printf("# %s: %s\n", path, text);
		CHECK(strstr(text, row[i].part));
		free(text);
		config_free(&c);
	}
}

static void examples_that_need_a_vmid_say_so(void)
{
	struct config_source src = { .file = EXAMPLES "xmexample2" };
	struct config_error err;
	struct config c;

	CHECK_EQ(config_load(&c, &src, &err), -EINVAL);
	CHECK_STR(err.text, "vmid - int() argument must be a string or a number, not 'NoneType'");
	CHECK(strstr(err.hint, "vmid=…"));
}

static int environment(void **state)
{
	setenv("HOME", "/root", 1);
	unsetenv("DISPLAY");
	unsetenv("XAUTHORITY");
	return 0;
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
		TEST(misspelt_overrides_get_a_suggestion),
		TEST(names_of_ones_own_are_no_misspellings),
		TEST(nics_pad_the_interfaces),
		TEST(the_command_line_wins_over_the_file),
		TEST(unquoted_overrides_need_no_file_of_sense),
		TEST(bad_overrides_are_refused_in_xms_words),
		TEST(errors_are_xms_and_say_where),
		TEST(xend_refuses_in_its_own_words),
		TEST(odd_values_that_xend_took_are_taken),
		TEST(syntax_errors_have_the_form_that_xm_gave_them),
		TEST(errors_of_the_script_are_pythons),
		TEST(xml_documents_are_refused_with_a_reason),
		TEST(options_may_be_set_in_the_file),
		TEST(kernel_paths_become_absolute),
		TEST(xl_files_evaluate),
		TEST(xen_tools_configurations_evaluate),
		TEST(command_lines_join_as_in_xend),
		TEST(actions_count_restart_and_defaults_in),
		TEST(virtual_cpus_are_counted_once_for_all),
		TEST(what_goes_out_comes_back_the_same),
		TEST(a_running_domain_is_listed_in_xends_order),
		TEST(a_managed_domain_keeps_all_on_disk),
		TEST(bad_expressions_are_refused),
		TEST(files_are_searched_along_the_path),
		TEST(sxp_files_are_taken_as_they_are),
		TEST(cpu_lists_apply_from_left_to_right),
		TEST(bad_cpu_lists_name_the_part),
		TEST(device_names_have_their_numbers),
		TEST(rates_are_bytes_per_interval),
		TEST(lint_reports_everything_not_only_the_first),
		TEST(lint_says_what_only_xl_knows),
		TEST(lint_is_silent_about_what_is_right),
		TEST(lint_reports_syntax_errors_and_missing_files),
		TEST(every_variable_has_a_row),
		TEST(every_variable_is_in_the_manual),
		TEST(help_lists_every_variable),
		TEST(every_example_evaluates_and_is_accepted),
		TEST(examples_that_need_a_vmid_say_so),
	};

	return cmocka_run_group_tests(tests, environment, NULL);
}
