#include <string.h>

#include "tests/unit/check.h"

#include "xend/names.h"

static size_t rows(const char *text, uint32_t *last, char *name)
{
	const char *at = text, *found;
	size_t n = 0, len;

	while (names_next(&at, last, &found, &len)) {
		memcpy(name, found, len);
		name[len] = '\0';
		n++;
	}
	CHECK_EQ(*at, '\0');
	return n;
}

static void each_row_is_a_domid_and_a_name(void)
{
	const char *at = "0 Domain-0\n12 web server\n", *name;
	uint32_t domid;
	size_t len;

	CHECK(names_next(&at, &domid, &name, &len));
	CHECK_EQ(domid, 0);
	CHECK_EQ(len, 8);
	CHECK_MEM(name, "Domain-0", 8);
	CHECK(names_next(&at, &domid, &name, &len));
	CHECK_EQ(domid, 12);
	CHECK_EQ(len, 10);
	CHECK_MEM(name, "web server", 10);
	CHECK(!names_next(&at, &domid, &name, &len));
}

static void what_is_no_row_is_skipped(void)
{
	char name[64];
	uint32_t domid = 0;

	CHECK_EQ(rows("", &domid, name), 0);
	CHECK_EQ(rows("\n\n", &domid, name), 0);
	CHECK_EQ(rows("12\n12 \n-1 a\n a\nx 1\n+1 a\n99999999999 a\n", &domid, name), 0);
	CHECK_EQ(rows("12 \n7 seven\nnoise\n", &domid, name), 1);
	CHECK_EQ(domid, 7);
	CHECK_STR(name, "seven");
}

static void the_last_row_needs_no_end(void)
{
	char name[64];
	uint32_t domid = 0;

	CHECK_EQ(rows("3 three", &domid, name), 1);
	CHECK_STR(name, "three");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_row_is_a_domid_and_a_name),
		TEST(what_is_no_row_is_skipped),
		TEST(the_last_row_needs_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
