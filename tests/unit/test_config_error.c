/* xend/config.c and config_check.c: what is refused, in whose words, and where. */
#include "check.h"
#include "config_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(errors_are_xms_and_say_where),
		TEST(xend_refuses_in_its_own_words),
		TEST(odd_values_that_xend_took_are_taken),
		TEST(syntax_errors_have_the_form_that_xm_gave_them),
		TEST(errors_of_the_script_are_pythons),
		TEST(xml_documents_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, config_environment, NULL);
}
