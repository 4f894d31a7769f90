/* xend/config*.c, eval*.c, sxp*.c when memory runs out: at every single allocation once.  The
 * sanitizers see what leaks or is used half-made; the linker's --wrap leads allocations here. */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xend/config.h"

static long allowed;			/* allocations until one fails; < 0: all succeed */
static bool has_failed;

static bool refuse(void)
{
	if (allowed < 0 || allowed-- > 0)
		return false;
	has_failed = true;
	allowed = 0;			/* and every one after it */
	return true;
}

#define WRAP(result, name, parameters, arguments) \
	result __real_##name parameters; \
	result __wrap_##name parameters; \
	result __wrap_##name parameters { return refuse() ? NULL : __real_##name arguments; }

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t m), (n, m))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_vasprintf(char **text, const char *format, va_list ap);
int __real_vasprintf(char **text, const char *format, va_list ap);

int __wrap_vasprintf(char **text, const char *format, va_list ap)
{
	return refuse() ? -1 : __real_vasprintf(text, format, ap);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = __wrap_vasprintf(text, format, ap);
	va_end(ap);
	return n;
}

static const char script[] =
	"import re\ndef f(a, b=2):\n  return ['%s%d' % (a, i) for i in range(b)]\n"
	"name = 'a'\nkernel = 'k'\nmemory = 64.5\nmemroy = 5\nvcpus = 2\nroot = '/dev/a'\nextra = f('x')[0]\n"
	"dhcp = 'dhcp'\ncpus = ['0', '1']\nbuilder = 'hvm'\nbootloader = 'pygrub'\ndescription = 'd'\n"
	"disk = ['phy:a,xvda,w,dom', '/x,raw,xvdb,ro']\nvif = ['bridge=b, mac=c', '']\nnics = 3\n"
	"vfb = ['type=vnc']\npci = ['01:02.3@4,x=1', 'zz']\nirq = [1]\nioports = ['1-2']\n"
	"vtpm = ['instance=1']\nvscsi = ['a, b']\naccess_control = ['policy=P,label=L']\n"
	"if re.search('(a|b)*', name): blkif = 1\n";

static void memory_may_run_out_anywhere_in_a_script(void)
{
	static const char *const words[] = { "vmid=3", "disk=phy:a,xvda,w", "uuid=x" };
	struct config_source src = { .file = "f", .text = script, .length = sizeof(script) - 1,
				     .override = words, .overrides = 3 };
	struct config_error err;
	struct config c;
	long n = 0;
	int rc;

	do {
		has_failed = false;
		allowed = n++;
		rc = config_load(&c, &src, &err);
		allowed = -1;
		if (rc && rc != -ENOMEM)
			printf("# allocation %ld: %d: %s\n", n, rc, err.text);
		/* only warnings may be lost without a word */
		CHECK(rc == 0 || (has_failed && rc == -ENOMEM));
		config_free(&c);
	} while (has_failed);
	CHECK(n > 50);
	CHECK_EQ(rc, 0);
}

static void memory_may_run_out_anywhere_on_the_way_out_and_in(void)
{
	struct config_source src = { .file = "f", .text = script, .length = sizeof(script) - 1 };
	struct sxp *vm, *domain, *whole;
	struct config_error err;
	struct config c, again;
	long n = 0;

	CHECK_EQ(config_load(&c, &src, &err), 0);
	whole = config_to_sxp(&c);
	CHECK(whole);
	do {
		char *line, *text;
		int rc;

		has_failed = false;
		allowed = n++;
		vm = config_to_sxp(&c);
		domain = config_to_domain_sxp(&c, NULL);
		line = config_cmdline(&c);
		rc = config_from_sxp(&again, whole, &err);
		text = sxp_pretty(whole, SXP_WIDTH);
		allowed = -1;
		CHECK(rc == 0 || (has_failed && rc == -ENOMEM));
		CHECK(has_failed || (vm && domain && line && text));
		if (rc == 0)
			config_free(&again);
		sxp_free(vm);
		sxp_free(domain);
		free(line);
		free(text);
	} while (has_failed);
	CHECK(n > 100);
	sxp_free(whole);
	config_free(&c);
}

static void memory_may_run_out_anywhere_while_parsing(void)
{
	static const char text[] = "(vm (name 'a b') (cpus ((0 1) (2))) (image (linux (kernel k))))";
	struct sxp *s;
	long n = 0;
	int rc;

	do {
		has_failed = false;
		allowed = n++;
		rc = sxp_parse_all(text, strlen(text), &s, NULL);
		allowed = -1;
		CHECK_EQ(rc, has_failed ? -ENOMEM : 0);
		CHECK(has_failed == !s);
		sxp_free(s);
	} while (has_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_may_run_out_anywhere_in_a_script),
		TEST(memory_may_run_out_anywhere_on_the_way_out_and_in),
		TEST(memory_may_run_out_anywhere_while_parsing),
	};

	allowed = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
