/* Devices before they are made: names to numbers, nodes, what is refused, and their place in a
 * domain's configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "xend/device.h"
#include "xend/device_config.h"

static const uint8_t uuid[16] = {
	0x06, 0xed, 0x00, 0xfe, 0x11, 0x62, 0x4f, 0xc4, 0xb5, 0xd8, 0x11, 0x99, 0x3e, 0xe4, 0xa8, 0xb9,
};
static const struct device_owner owner = {
	.domid = 5, .name = "web", .uuid = {
		0x06, 0xed, 0x00, 0xfe, 0x11, 0x62, 0x4f, 0xc4, 0xb5, 0xd8, 0x11, 0x99, 0x3e, 0xe4,
		0xa8, 0xb9 },
};

static struct config config;
static struct fault fault;

/* The first device of an expression. */
static const struct config_device *device(const char *text)
{
	struct config_error err;
	struct sxp_error sxp_err;
	struct sxp *s;

	config_free(&config);
	fault = (struct fault){ 0 };
	CHECK_EQ(sxp_parse(text, strlen(text), &s, NULL, &sxp_err), 0);
	CHECK_EQ(config_from_sxp(&config, s, &err), 0);
	sxp_free(s);
	return &config.device[0];
}

static struct sxp *parse(const char *text)
{
	struct sxp_error err;
	struct sxp *s;

	CHECK_EQ(sxp_parse(text, strlen(text), &s, NULL, &err), 0);
	return s;
}

static void check_printed(struct sxp *s, const char *wanted)
{
	char *text = sxp_print(s);

	CHECK_STR(text, wanted);
	free(text);
}

/* ------------------------------------------------------------------ numbers */

static void names_of_disks_have_the_numbers_of_the_vbd_interface(void)
{
	static const struct {
		const char *name;
		uint32_t number;
	} rows[] = {
		{ "xvda", 51712 }, { "xvda1", 51713 }, { "xvdb", 51728 }, { "xvdp15", 51967 },
		{ "xvdq", 1u << 28 | 16 << 8 }, { "xvda16", 1u << 28 | 16 }, { "sda", 2048 },
		{ "sda15", 2063 }, { "sdp", 2288 }, { "sdq", 16640 }, { "hda", 768 }, { "hdb2", 834 },
		{ "hdc", 5632 }, { "hdc:cdrom", 5632 }, { "ioemu:hda", 768 }, { "/dev/xvda", 51712 },
		{ "0xca00", 51712 }, { "ca00", 51712 },
	};
	static const char *const wrong[] = { "foo", "xvd", "xvda256", "sda16", "hda64", "hdu", "", "1:2x" };
	uint32_t number;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_EQ(config_vdev_parse(rows[i].name, &number), 0);
		CHECK_EQ(number, rows[i].number);
	}
	for (size_t i = 0; i + 1 < sizeof wrong / sizeof *wrong; i++)
		CHECK_EQ(config_vdev_parse(wrong[i], &number), -EINVAL);
}

static void a_device_that_is_there_is_named_by_its_decimal_number_or_its_name(void)
{
	uint32_t id;

	CHECK_EQ(device_id_parse(&device_vbd, "51712", &id), 0);
	CHECK_EQ(id, 51712);
	CHECK_EQ(device_id_parse(&device_vbd, "xvdb", &id), 0);
	CHECK_EQ(id, 51728);
	CHECK_EQ(device_id_parse(&device_vif, "1", &id), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(device_id_parse(&device_vif, "xvdb", &id), -EINVAL);
	CHECK_EQ(device_id_parse(&device_vbd, "99999999999", &id), -EINVAL);
	CHECK_EQ(device_id_parse(&device_vif, "-1", &id), -EINVAL);
}

static void what_a_disk_is_comes_before_the_colon(void)
{
	char type[32];
	bool is_direct;

	CHECK_STR(device_uname_rest("phy:vg/root", type), "vg/root");
	CHECK_STR(type, "phy");
	CHECK_STR(device_uname_rest("tap:aio:/x:y", type), "aio:/x:y");
	CHECK_STR(device_uname_rest("", type), "");
	CHECK_STR(type, "");
	CHECK(!device_uname_rest("/dev/sda", type));
	CHECK(!device_uname_rest(":x", type));
	CHECK(!device_uname_rest("../../tmp/evil:x", type));
	CHECK(!device_uname_rest("a b:x", type));
	CHECK(!device_uname_rest("abcdefghijklmnopqrstuvwxyzabcdefgh:x", type));
	CHECK_STR(device_image("file:/x", &is_direct), "/x");
	CHECK(!is_direct);
	CHECK_STR(device_image("tap:aio:/x", &is_direct), "/x");
	CHECK(is_direct);
	CHECK(!device_image("tap:qcow2:/x", &is_direct));
	CHECK(!device_image("phy:/x", &is_direct));
}

/* ---------------------------------------------------------------- addresses */

static void addresses_are_xens_and_stay_the_same(void)
{
	char first[18], again[18], second[18];

	device_mac(uuid, 0, first);
	device_mac(uuid, 0, again);
	device_mac(uuid, 1, second);
	CHECK_STR(first, again);
	CHECK(strcmp(first, second));
	CHECK(!strncmp(first, "00:16:3e:", 9));
	CHECK(strtoul(first + 9, NULL, 16) <= 0x7f);
	CHECK(device_mac_is_valid(first));
}

static void addresses_of_groups_and_nonsense_are_none(void)
{
	CHECK(device_mac_is_valid("00:16:3E:aa:00:01"));
	CHECK(!device_mac_is_valid("00:00:00:00:00:00"));
	CHECK(!device_mac_is_valid("01:16:3e:00:00:01"));
	CHECK(!device_mac_is_valid("00:16:3e:00:00"));
	CHECK(!device_mac_is_valid("00:16:3e:00:00:01:02"));
	CHECK(!device_mac_is_valid("00-16-3e-00-00-01"));
	CHECK(!device_mac_is_valid("0g:16:3e:00:00:01"));
	CHECK(!device_mac_is_valid(""));
}

/* -------------------------------------------------------------------- nodes */

static void plan(struct device *d, const struct device_class *class, uint32_t id, const char *text)
{
	struct device_name name = { .class = class, .domid = 5, .backend = 0, .id = id };

	CHECK_EQ(device_plan(d, &name, device(text), &owner, &fault), 0);
}

static void check_node(const struct device_nodes *n, const char *name, const char *value)
{
	const char *is = device_nodes_get(n, name);

	if (!value) {
		CHECK(!is);
		return;
	}
	CHECK(is);
	CHECK_STR(is, value);
}

static void a_disk_has_the_nodes_that_its_drivers_and_its_script_read(void)
{
	struct device d;

	plan(&d, &device_vbd, 51712, "(vm (device (vbd (uname phy:vg/root) (dev xvda) (mode w) (bootable 1))))");
	check_node(&d.front, "backend", "/local/domain/0/backend/vbd/5/51712");
	check_node(&d.front, "backend-id", "0");
	check_node(&d.front, "state", "1");
	check_node(&d.front, "virtual-device", "51712");
	check_node(&d.front, "device-type", "disk");
	check_node(&d.back, "frontend", "/local/domain/5/device/vbd/51712");
	check_node(&d.back, "frontend-id", "5");
	check_node(&d.back, "domain", "web");
	check_node(&d.back, "online", "1");
	check_node(&d.back, "state", "1");
	check_node(&d.back, "type", "phy");
	check_node(&d.back, "params", "vg/root");
	check_node(&d.back, "dev", "xvda");
	check_node(&d.back, "mode", "w");
	check_node(&d.back, "bootable", "1");
	check_node(&d.back, "script", "/etc/xen/scripts/block");
	check_node(&d.back, DEVICE_MARK, "06ed00fe-1162-4fc4-b5d8-11993ee4a8b9");
	device_free(&d);
}

static void drives_modes_and_scripts_are_as_configured(void)
{
	struct device d;

	plan(&d, &device_vbd, 5632, "(vm (device (vbd (uname ) (dev hdc:cdrom) (mode r) (script '/opt/b -x 1'))))");
	check_node(&d.front, "device-type", "cdrom");
	check_node(&d.back, "dev", "hdc");
	check_node(&d.back, "type", "");
	check_node(&d.back, "params", "");
	check_node(&d.back, "mode", "r");
	check_node(&d.back, "script", "/opt/b -x 1");
	device_free(&d);
	plan(&d, &device_vbd, 51712, "(vm (device (tap (uname tap:aio:/x) (dev xvda) (mode 'w!'))))");
	check_node(&d.back, "type", "tap");
	check_node(&d.back, "params", "aio:/x");
	check_node(&d.back, "mode", "w!");
	device_free(&d);
}

static void an_interface_has_an_address_on_both_sides(void)
{
	struct device d;

	plan(&d, &device_vif, 1, "(vm (device (vif (mac 00:16:3e:00:00:11) (bridge xenbr0) (ip '1.2.3.4 5.6.7.8') "
	     "(rate '10MB/s@20ms') (vifname lan) (script 'vif-route netdev=eth1'))))");
	check_node(&d.front, "mac", "00:16:3e:00:00:11");
	check_node(&d.front, "handle", "1");
	check_node(&d.back, "mac", "00:16:3e:00:00:11");
	check_node(&d.back, "handle", "1");
	check_node(&d.back, "bridge", "xenbr0");
	check_node(&d.back, "ip", "1.2.3.4 5.6.7.8");
	check_node(&d.back, "rate", "200000,20000");
	check_node(&d.back, "vifname", "lan");
	check_node(&d.back, "script", "/etc/xen/scripts/vif-route netdev=eth1");
	device_free(&d);
}

static void an_interface_without_words_has_defaults_and_no_empty_nodes(void)
{
	struct device d;
	char mac[18];

	plan(&d, &device_vif, 0, "(vm (device (vif (bridge ) (rate abc))))");
	device_mac(uuid, 0, mac);
	check_node(&d.back, "mac", mac);
	check_node(&d.back, "bridge", NULL);
	check_node(&d.back, "rate", NULL);
	check_node(&d.back, "script", "/etc/xen/scripts/vif-bridge");
	device_free(&d);
}

/* ------------------------------------------------------------------ refused */

static void check_refused(int err, const char *text, const char *sxp)
{
	CHECK_EQ(device_check(device(sxp), &fault), -err);
	if (!strstr(fault.text, text))
		fail_msg("'%s' is not in '%s'", text, fault.text);
}

static void make_scripts(char dir[32])
{
	char path[64];
	static const char *const names[] = { "block", "block-third", "vif-bridge" };

	strcpy(dir, "/tmp/test-device.XXXXXX");
	CHECK(mkdtemp(dir));
	setenv("XEN_SCRIPT_DIR", dir, 1);
	for (size_t i = 0; i < 3; i++) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		f = fopen(path, "w");
		CHECK(f);
		fclose(f);
		chmod(path, 0755);
	}
}

static void what_cannot_be_is_refused_before_anything_is_made(void)
{
	char dir[32], command[64];

	make_scripts(dir);
	CHECK_EQ(device_check(device("(vm (device (vbd (uname phy:x) (dev xvda) (mode w))))"), &fault), 0);
	CHECK_EQ(device_check(device("(vm (device (vbd (uname third:x) (dev xvda) (mode w))))"), &fault), 0);
	CHECK_EQ(device_check(device("(vm (device (vif)))"), &fault), 0);
	check_refused(EINVAL, "Invalid mode", "(vm (device (vbd (uname phy:x) (dev xvda) (mode x))))");
	check_refused(EINVAL, "Unable to find number for device (foo)",
		      "(vm (device (vbd (uname phy:x) (dev foo) (mode w))))");
	check_refused(ENOENT, "/nonexistent does not exist.",
		      "(vm (device (vbd (uname file:/nonexistent) (dev xvda) (mode w))))");
	check_refused(EINVAL, "not named by its full path",
		      "(vm (device (vbd (uname file:x.img) (dev xvda) (mode w))))");
	check_refused(ENOSYS, "are not served", "(vm (device (tap (uname tap:qcow2:/x) (dev xvda) (mode w))))");
	check_refused(ENOENT, "block-drbd", "(vm (device (vbd (uname drbd:r0) (dev xvda) (mode w))))");
	check_refused(EINVAL, "Invalid disk specifier: /dev/sda",
		      "(vm (device (vbd (uname /dev/sda) (dev xvda) (mode w))))");
	check_refused(EINVAL, "is no MAC address", "(vm (device (vif (mac zz))))");
	check_refused(EINVAL, "can't be the name of an interface", "(vm (device (vif (vifname 'a/b'))))");
	check_refused(EINVAL, "can't be the name of a bridge", "(vm (device (vif (bridge '../x'))))");
	check_refused(ENOSYS, "type=ioemu", "(vm (device (vif (type ioemu))))");
	check_refused(ENOENT, "/nonexistent/script", "(vm (device (vif (script /nonexistent/script))))");
	check_refused(ENOSYS, "Devices of class vfb are not available", "(vm (device (vfb (type vnc))))");
	device("(vm (device (vif (mac 00:16:3e:00:00:11))) (device (vif (mac 00:16:3E:00:00:11))))");
	CHECK_EQ(device_check_all(&config, &fault), -EEXIST);
	CHECK_STR(fault.text, "The mac \"00:16:3E:00:00:11\" is already defined");
	unsetenv("XEN_SCRIPT_DIR");
	snprintf(command, sizeof command, "rm -rf %s", dir);
	CHECK_EQ(system(command), 0);
}

/* ------------------------------------------------------------ configuration */

static void a_disk_is_found_put_and_removed_by_its_number(void)
{
	struct sxp *s = parse("(vm (name x) (device (vbd (uname phy:a) (dev xvda) (mode w))))");
	struct device_key key = { &device_vbd, 51728, NULL };

	CHECK(!device_config_find(s, &key, uuid));
	CHECK_EQ(device_config_put(s, &key, parse("(vbd (uname phy:b) (dev xvdb) (mode r))"), uuid), 0);
	check_printed(s, "(vm (name x) (device (vbd (uname phy:a) (dev xvda) (mode w))) "
		      "(device (vbd (uname phy:b) (dev xvdb) (mode r))))");
	CHECK_EQ(device_config_put(s, &key, parse("(tap (uname tap:aio:/c) (dev xvdb) (mode r))"), uuid), 0);
	CHECK_STR(sxp_child_text(device_config_find(s, &key, uuid), "uname"), "tap:aio:/c");
	key.id = 51712;
	CHECK_EQ(device_config_remove(s, &key, uuid), 0);
	CHECK_EQ(device_config_remove(s, &key, uuid), -ENOENT);
	check_printed(s, "(vm (name x) (device (tap (uname tap:aio:/c) (dev xvdb) (mode r))))");
	sxp_free(s);
}

static void interfaces_keep_their_addresses_when_one_before_them_goes(void)
{
	struct sxp *s = parse("(vm (device (vif)) (device (vif (bridge b))))");
	char first[18], second[18], wanted[128];
	struct device_key key = { &device_vif, 0, first };

	device_mac(uuid, 0, first);
	device_mac(uuid, 1, second);
	CHECK_EQ(device_config_remove(s, &key, uuid), 0);
	snprintf(wanted, sizeof wanted, "(vm (device (vif (bridge b) (mac %s))))", second);
	check_printed(s, wanted);
	key.mac = second;
	CHECK(device_config_find(s, &key, uuid));
	sxp_free(s);
}

static void a_halted_domains_interfaces_are_told_by_their_place(void)
{
	struct sxp *s = parse("(domain (device (vif (bridge a))) (device (vif (bridge b))))");
	struct device_key key = { &device_vif, 1, NULL };

	CHECK_STR(sxp_child_text(device_config_find(s, &key, uuid), "bridge"), "b");
	key.id = UINT32_MAX;
	CHECK_EQ(device_config_put(s, &key, parse("(vif (bridge c))"), uuid), 0);
	key.id = 2;
	CHECK_STR(sxp_child_text(device_config_find(s, &key, uuid), "bridge"), "c");
	sxp_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(names_of_disks_have_the_numbers_of_the_vbd_interface),
		TEST(a_device_that_is_there_is_named_by_its_decimal_number_or_its_name),
		TEST(what_a_disk_is_comes_before_the_colon),
		TEST(addresses_are_xens_and_stay_the_same),
		TEST(addresses_of_groups_and_nonsense_are_none),
		TEST(a_disk_has_the_nodes_that_its_drivers_and_its_script_read),
		TEST(drives_modes_and_scripts_are_as_configured),
		TEST(an_interface_has_an_address_on_both_sides),
		TEST(an_interface_without_words_has_defaults_and_no_empty_nodes),
		TEST(what_cannot_be_is_refused_before_anything_is_made),
		TEST(a_disk_is_found_put_and_removed_by_its_number),
		TEST(interfaces_keep_their_addresses_when_one_before_them_goes),
		TEST(a_halted_domains_interfaces_are_told_by_their_place),
	};
	int failed;

	setenv("XEND_CONFIG", "/nonexistent/xend-config.sxp", 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	config_free(&config);
	return failed;
}
