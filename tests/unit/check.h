/* The words that unit tests are written in: claims as function names, CHECK for what must hold. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define CHECK(condition) assert_true(condition)
#define CHECK_EQ(a, b) assert_int_equal(a, b)
#define CHECK_STR(a, b) assert_string_equal(a, b)
#define CHECK_MEM(a, b, length) assert_memory_equal(a, b, length)

/* A row of the table of tests: cmocka's callbacks take a state that none of ours uses. */
#define TEST(claim) { #claim, check_run_test, NULL, NULL, (void *)(uintptr_t)(claim) }

static inline void check_run_test(void **state)
{
	void (*claim)(void) = (void (*)(void))(uintptr_t)*state;

	claim();
}

#endif
