/* Room for new domains, against a made-up host whose Domain-0 shrinks as told, or doesn't. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "check.h"
#include "xenstore/xs.h"
#include "xend/dom0_need.h"
#include "xend/domctl.h"
#include "xend/lock.h"
#include "xend/room.h"
#include "xend/settings.h"
#include "xend/sysctl.h"

#define MIB 1024ULL			/* in KiB */

static struct {
	uint64_t free_kib, dom0_kib, min_mib;
	uint64_t target_kib;		/* what was last asked of Domain-0 */
	uint64_t floor_kib;		/* it gives nothing below this */
	uint64_t uses_kib;		/* what it can't give */
	bool balloons;
	int locks;			/* taken */
} host;

int sysctl_physinfo(struct hyp *h, struct xen_sysctl_physinfo *info)
{
	if (host.target_kib && host.dom0_kib > host.target_kib && host.dom0_kib > host.floor_kib) {
		uint64_t step = host.dom0_kib - host.target_kib;

		if (step > 64 * MIB)
			step = 64 * MIB;
		host.dom0_kib -= step;
		host.free_kib += step;
	}
	*info = (struct xen_sysctl_physinfo){ .free_pages = host.free_kib / 4 };
	return 0;
}

int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info)
{
	*info = (struct xen_domctl_getdomaininfo){ .tot_pages = host.dom0_kib / 4 };
	return 0;
}

uint64_t dom0_need(uint64_t held_kib)
{
	return host.uses_kib;
}

int nanosleep(const struct timespec *length, struct timespec *left)
{
	return 0;
}

int xs_printf(struct xs *xs, uint32_t t, const char *path, const char *format, ...)
{
	va_list va;
	char text[32];

	CHECK_STR(path, "/local/domain/0/memory/target");
	va_start(va, format);
	vsnprintf(text, sizeof text, format, va);
	va_end(va);
	host.target_kib = strtoull(text, NULL, 10);
	return 0;
}

int worker_progress(void *workshop, const char *phase, uint64_t done, uint64_t total)
{
	CHECK(done <= total);
	return 0;
}

int lock_take(const char *path, int wait_ms)
{
	host.locks++;
	return 1000000 + host.locks;	/* no descriptor that is open */
}

int64_t settings_int(const char *key)
{
	return (int64_t)host.min_mib;
}

bool settings_bool(const char *key)
{
	return host.balloons;
}

static struct workshop workshop;
static struct fault fault;

static int make(uint64_t need_kib)
{
	int lock, rc;

	fault = (struct fault){ 0 };
	rc = room_make(&workshop, need_kib, &lock, &fault);
	CHECK_EQ(lock >= 0, rc == 0);	/* kept for the build, or let go */
	return rc;
}

static void what_is_free_is_taken_and_domain_0_left_alone(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 100 * MIB;
	host.dom0_kib = 512 * MIB;
	host.min_mib = 196;
	CHECK_EQ(make(100 * MIB), 0);
	CHECK_EQ(host.target_kib, 0);
	CHECK_EQ(host.locks, 1);
}

static void without_ballooning_the_words_of_old_and_the_command_to_type(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	CHECK_EQ(make(100 * MIB), -ENOMEM);
	CHECK_STR(fault.text, "Not enough free memory and dom0_min_mem is 0, so I cannot release any "
		  "more.  I need 102400 KiB but only have 10240.");
	CHECK(strstr(fault.hint, "90 MiB are missing"));
	CHECK(strstr(fault.hint, "xm mem-set Domain-0 422;"));
	CHECK_EQ(host.target_kib, 0);
}

static void a_command_that_would_starve_domain_0_is_not_offered(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	CHECK_EQ(make(1000 * MIB), -ENOMEM);
	CHECK(!strstr(fault.hint, "mem-set"));
	CHECK(strstr(fault.hint, "can't give so much"));
}

static void nor_one_that_would_take_what_domain_0_uses(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	host.uses_kib = 430 * MIB;
	CHECK_EQ(make(100 * MIB), -ENOMEM);
	CHECK(!strstr(fault.hint, "mem-set"));
	CHECK(strstr(fault.hint, "can't give so much"));
}

static void domain_0_gives_just_what_is_missing(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	host.min_mib = 196;
	CHECK_EQ(make(200 * MIB), 0);
	CHECK_EQ(host.target_kib, 322 * MIB);
	CHECK_EQ(host.free_kib, 200 * MIB);
}

static void domain_0_keeps_its_minimum(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	host.min_mib = 400;
	CHECK_EQ(make(200 * MIB), -ENOMEM);
	CHECK_STR(fault.text, "I need 204800 KiB, but dom0_min_mem is 409600 and shrinking to 409600 "
		  "KiB would leave only 124928 KiB free.");
	CHECK(strstr(fault.hint, "less than 122 MiB"));
	CHECK_EQ(host.target_kib, 0);
}

static void domain_0_keeps_what_it_uses_whatever_its_minimum(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = 512 * MIB;
	host.min_mib = 64;
	host.uses_kib = 323 * MIB;
	CHECK_EQ(make(200 * MIB), -ENOMEM);
	CHECK_STR(fault.text, "Not enough memory is available, and dom0 cannot be shrunk any further");
	CHECK(strstr(fault.hint, "Domain-0 uses 323 of its 512 MiB itself"));
	CHECK_EQ(host.target_kib, 0);
	host.uses_kib = 322 * MIB;
	CHECK_EQ(make(200 * MIB), 0);
}

static void a_domain_0_that_gives_nothing_is_said(void)
{
	memset(&host, 0, sizeof host);
	host.free_kib = 10 * MIB;
	host.dom0_kib = host.floor_kib = 512 * MIB;
	host.balloons = true;
	CHECK_EQ(make(200 * MIB), -ENOMEM);
	CHECK_STR(fault.text, "Not enough memory is available, and dom0 cannot be shrunk any further");
	CHECK(strstr(fault.hint, "balloon driver"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_free_is_taken_and_domain_0_left_alone),
		TEST(without_ballooning_the_words_of_old_and_the_command_to_type),
		TEST(a_command_that_would_starve_domain_0_is_not_offered),
		TEST(nor_one_that_would_take_what_domain_0_uses),
		TEST(domain_0_gives_just_what_is_missing),
		TEST(domain_0_keeps_its_minimum),
		TEST(domain_0_keeps_what_it_uses_whatever_its_minimum),
		TEST(a_domain_0_that_gives_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
