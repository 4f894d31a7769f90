/* xend/config_sxp.c and config_from.c: configurations as S-expressions, out and in. */
#include "check.h"
#include "config_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_goes_out_comes_back_the_same),
		TEST(a_running_domain_is_listed_in_xends_order),
		TEST(a_managed_domain_keeps_all_on_disk),
		TEST(bad_expressions_are_refused),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
