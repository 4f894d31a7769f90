/* Domains as data: states, names, UUIDs, lookup order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "xend/domain.h"
#include "xend/sysctl.h"
#include <xen/sched.h>

static void state_letters_stand_in_their_places(void)
{
	struct dom d = { .domid = 1 };
	char state[7];

	dom_state(&d, state);
	CHECK_STR(state, "------");
	d.flags = XEN_DOMINF_blocked | XEN_DOMINF_paused;
	dom_state(&d, state);
	CHECK_STR(state, "-bp---");
	d.flags = XEN_DOMINF_shutdown;
	dom_state(&d, state);
	CHECK_STR(state, "---s--");
	d.flags = XEN_DOMINF_shutdown | SHUTDOWN_crash << XEN_DOMINF_shutdownshift;
	dom_state(&d, state);
	CHECK_STR(state, "----c-");
	d.flags = XEN_DOMINF_dying | XEN_DOMINF_running;
	dom_state(&d, state);
	CHECK_STR(state, "r----d");
	d.domid = DOM_HALTED;
	dom_state(&d, state);
	CHECK_STR(state, "");
}

static void status_numbers_are_those_of_the_xen_api(void)
{
	struct dom d = { .domid = DOM_HALTED }, away = { .domid = DOM_HALTED, .is_suspended = true };

	CHECK_EQ(dom_status(&away), 3);
	CHECK_EQ(dom_status(&d), 0);
	d.domid = 3;
	CHECK_EQ(dom_status(&d), 2);
	d.flags = XEN_DOMINF_paused;
	CHECK_EQ(dom_status(&d), 1);
	d.flags = XEN_DOMINF_shutdown | SHUTDOWN_suspend << XEN_DOMINF_shutdownshift;
	CHECK_EQ(dom_status(&d), 3);
	d.flags = XEN_DOMINF_shutdown;
	CHECK_EQ(dom_status(&d), 4);
	CHECK_EQ(dom_status_parse("suspended"), 3);
	CHECK_EQ(dom_status_parse("sleeping"), -1);
}

static void a_uuid_survives_printing_and_parsing(void)
{
	uint8_t uuid[16], again[16];
	char text[DOM_UUID_TEXT];

	CHECK_EQ(dom_uuid_new(uuid), 0);
	dom_uuid_print(uuid, text);
	CHECK_EQ(strlen(text), 36);
	CHECK_EQ(text[14], '4');
	CHECK_EQ(dom_uuid_parse(text, again), 0);
	CHECK_MEM(uuid, again, 16);
	CHECK_EQ(dom_uuid_parse("06ED00FE116 24fc4", again), -EINVAL);
	CHECK_EQ(dom_uuid_parse("06ed00fe11624fc4b5d811993ee4a8b9", again), 0);
	CHECK_EQ(dom_uuid_parse("06ed00fe11624fc4b5d811993ee4a8b", again), -EINVAL);
	CHECK_EQ(dom_uuid_parse("06ed00fe11624fc4b5d811993ee4a8b90", again), -EINVAL);
	CHECK_EQ(dom_uuid_parse("", again), -EINVAL);
}

static void names_hold_only_what_old_xend_allowed(void)
{
	char longest[DOM_NAME_MAX + 2];

	CHECK(dom_name_is_valid("web-1.example:a/b+c_d"));
	CHECK(!dom_name_is_valid(""));
	CHECK(!dom_name_is_valid("a b"));
	CHECK(!dom_name_is_valid("a\n"));
	CHECK(!dom_name_is_valid("\xc3\xa4"));
	memset(longest, 'x', sizeof longest);
	longest[DOM_NAME_MAX + 1] = '\0';
	CHECK(!dom_name_is_valid(longest));
	longest[DOM_NAME_MAX] = '\0';
	CHECK(dom_name_is_valid(longest));
}

static struct dom_list some(void)
{
	static const struct {
		int domid;
		const char *name;
		uint8_t id;
	} rows[] = { { 7, "zeta", 1 }, { 2, "77", 2 }, { 77, "alpha", 3 },
		     { DOM_HALTED, "beta", 4 }, { DOM_HALTED, "zeta", 5 } };
	struct dom_list l = { calloc(5, sizeof *l.dom), 5 };

	for (size_t i = 0; i < 5; i++) {
		l.dom[i].domid = rows[i].domid;
		l.dom[i].name = strdup(rows[i].name);
		l.dom[i].uuid[15] = rows[i].id;
	}
	return l;
}

static void a_name_wins_over_a_number(void)
{
	struct dom_list l = some();

	CHECK_EQ(dom_list_find(&l, "77")->domid, 2);
	CHECK_EQ(dom_list_find(&l, "7")->domid, 7);
	dom_list_free(&l);
}

static void a_running_domain_wins_over_a_halted_one(void)
{
	struct dom_list l = some();

	CHECK_EQ(dom_list_find(&l, "zeta")->domid, 7);
	CHECK_EQ(dom_list_find(&l, "beta")->domid, DOM_HALTED);
	dom_list_free(&l);
}

static void a_uuid_finds_its_domain_and_nonsense_none(void)
{
	struct dom_list l = some();

	CHECK_STR(dom_list_find(&l, "00000000-0000-0000-0000-000000000004")->name, "beta");
	CHECK(!dom_list_find(&l, "gamma"));
	CHECK(!dom_list_find(&l, "-1"));
	CHECK(!dom_list_find(&l, "7x"));
	CHECK(!dom_list_find(&l, ""));
	CHECK(!dom_list_find(&l, "99999999999999999999"));
	CHECK(!dom_list_find_domid(&l, DOM_HALTED));
	dom_list_free(&l);
}

static void a_list_is_sorted_by_name_in_byte_order(void)
{
	struct dom_list l = some();

	dom_list_sort(&l);
	CHECK_STR(l.dom[0].name, "77");
	CHECK_STR(l.dom[1].name, "alpha");
	CHECK_STR(l.dom[4].name, "zeta");
	CHECK_EQ(l.dom[3].domid, DOM_HALTED);
	dom_list_free(&l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(state_letters_stand_in_their_places),
		TEST(status_numbers_are_those_of_the_xen_api),
		TEST(a_uuid_survives_printing_and_parsing),
		TEST(names_hold_only_what_old_xend_allowed),
		TEST(a_name_wins_over_a_number),
		TEST(a_running_domain_wins_over_a_halted_one),
		TEST(a_uuid_finds_its_domain_and_nonsense_none),
		TEST(a_list_is_sorted_by_name_in_byte_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
