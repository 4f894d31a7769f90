#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/buf.h"

static void additions_stand_one_behind_the_other(void)
{
	struct buf b = { 0 };

	CHECK_EQ(buf_add_string(&b, "a"), 0);
	CHECK_EQ(buf_printf(&b, "%d-%s", 12, "x"), 0);
	CHECK_EQ(buf_add_char(&b, '!'), 0);
	CHECK_STR(buf_string(&b), "a12-x!");
	CHECK_EQ(b.len, 6);
	buf_free(&b);
}

static void consuming_keeps_the_rest(void)
{
	struct buf b = { 0 };

	buf_add_string(&b, "header body");
	buf_consume(&b, 7);
	CHECK_STR(buf_string(&b), "body");
	buf_consume(&b, 4);
	CHECK_STR(buf_string(&b), "");
	buf_free(&b);
}

static void growing_far_keeps_the_content(void)
{
	struct buf b = { 0 };

	for (int i = 0; i < 100000; i++)
		CHECK_EQ(buf_add(&b, &i, sizeof(i)), 0);
	for (int i = 0; i < 100000; i++)
		CHECK_MEM(b.data + i * sizeof(i), &i, sizeof(i));
	buf_free(&b);
}

static void an_impossible_size_is_refused_and_remembered(void)
{
	struct buf b = { 0 };

	CHECK(buf_reserve(&b, SIZE_MAX - 8) < 0);
	CHECK(b.failed);
	CHECK(!buf_string(&b));
	buf_free(&b);
}

static void taking_leaves_an_empty_buffer(void)
{
	struct buf b = { 0 };
	char *s;

	buf_add_string(&b, "mine");
	s = buf_take(&b);
	CHECK_STR(s, "mine");
	CHECK(!b.data && !b.len);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(additions_stand_one_behind_the_other),
		TEST(consuming_keeps_the_rest),
		TEST(growing_far_keeps_the_content),
		TEST(an_impossible_size_is_refused_and_remembered),
		TEST(taking_leaves_an_empty_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
