/* Consoles: a ring shared with a hostile guest, and a record that is bounded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "xend/conlog.h"
#include "xend/conring.h"

static struct xencons_interface ring;
static char data[4096];

static void guest_says(const char *text)
{
	for (; *text; text++)
		ring.out[ring.out_prod++ & (sizeof ring.out - 1)] = *text;
}

static void what_the_guest_writes_comes_out(void)
{
	memset(&ring, 0, sizeof ring);
	guest_says("hello");
	CHECK_EQ(conring_read(&ring, data, sizeof data), 5);
	CHECK_MEM(data, "hello", 5);
	CHECK_EQ(conring_read(&ring, data, sizeof data), 0);
	CHECK_EQ(ring.out_cons, 5);
}

static void reading_wraps_at_the_rings_end(void)
{
	memset(&ring, 0, sizeof ring);
	ring.out_cons = ring.out_prod = UINT32_MAX - 2;
	guest_says("abcdef");
	CHECK_EQ(conring_read(&ring, data, 4), 4);
	CHECK_MEM(data, "abcd", 4);
	CHECK_EQ(conring_read(&ring, data, sizeof data), 2);
	CHECK_MEM(data, "ef", 2);
	CHECK_EQ(ring.out_cons, ring.out_prod);
}

static void impossible_indexes_are_refused_and_the_ring_recovers(void)
{
	memset(&ring, 0, sizeof ring);
	ring.out_prod = sizeof ring.out + 1;
	CHECK_EQ(conring_read(&ring, data, sizeof data), -EINVAL);
	guest_says("ok");
	CHECK_EQ(conring_read(&ring, data, sizeof data), 2);
	ring.in_prod = 5;
	ring.in_cons = 6;
	CHECK_EQ(conring_write(&ring, "x", 1), -EINVAL);
	CHECK_EQ(conring_write(&ring, "x", 1), 1);
}

static void input_stops_where_the_ring_is_full(void)
{
	memset(&ring, 0, sizeof ring);
	CHECK_EQ(conring_write(&ring, data, sizeof data), (int)sizeof ring.in);
	CHECK_EQ(conring_write(&ring, data, 1), 0);
	ring.in_cons += 3;
	CHECK_EQ(conring_write(&ring, "abcd", 4), 3);
	CHECK_EQ(ring.in[0], 'a');
}

static char dir[64];

static void fresh(void)
{
	strcpy(dir, "/tmp/conlog-XXXXXX");
	CHECK(mkdtemp(dir));
}

static void clear(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	CHECK_EQ(system(command), 0);
}

static long file_size(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &st) < 0 ? -1 : (long)st.st_size;
}

static void the_record_is_kept_and_replayed(void)
{
	struct conlog l;

	fresh();
	CHECK_EQ(conlog_open(&l, dir, "guest-a/b.log", false, false), 0);
	conlog_write(&l, "first\n", 6);
	conlog_close(&l);
	CHECK_EQ(file_size("guest-a_b.log"), 6);
	CHECK_EQ(conlog_open(&l, dir, "guest-a/b.log", false, true), 0);
	conlog_write(&l, "second\n", 7);
	CHECK_EQ(l.tail.len, 13);
	CHECK_MEM(l.tail.data, "first\nsecond\n", 13);
	conlog_close(&l);
	CHECK_EQ(file_size("guest-a_b.log"), 13);
	clear();
}

static void the_record_is_bounded(void)
{
	static char much[65536];
	struct conlog l;

	fresh();
	memset(much, 'x', sizeof much);
	CHECK_EQ(conlog_open(&l, dir, "guest-x.log", false, false), 0);
	for (int i = 0; i < 7 * CONLOG_FILE_MAX / (int)sizeof much; i++)
		conlog_write(&l, much, sizeof much);
	CHECK(l.tail.len <= CONLOG_TAIL_MAX);
	conlog_close(&l);
	CHECK_EQ(file_size("guest-x.log.1"), CONLOG_FILE_MAX);
	CHECK_EQ(file_size("guest-x.log.4"), CONLOG_FILE_MAX);
	CHECK_EQ(file_size("guest-x.log.5"), -1);
	clear();
}

static void the_tail_holds_the_last_bytes(void)
{
	struct conlog l;

	CHECK_EQ(conlog_open(&l, NULL, "x", false, false), 0);
	for (int i = 0; i < CONLOG_TAIL_MAX; i++)
		conlog_write(&l, "a", 1);
	conlog_write(&l, "end", 3);
	CHECK_EQ(l.tail.len, CONLOG_TAIL_MAX);
	CHECK_MEM(l.tail.data + l.tail.len - 4, "aend", 4);
	conlog_close(&l);
}

static void timestamps_stand_at_line_starts_only(void)
{
	struct conlog l;

	fresh();
	CHECK_EQ(conlog_open(&l, dir, "t.log", true, false), 0);
	conlog_write(&l, "one\ntw", 6);
	conlog_write(&l, "o\n", 2);
	conlog_close(&l);
	CHECK_EQ(file_size("t.log"), 8 + 2 * 22);
	clear();
}

static void a_directory_that_is_not_there_costs_only_the_file(void)
{
	struct conlog l;

	CHECK_EQ(conlog_open(&l, "/nonexistent", "x.log", false, false), -ENOENT);
	conlog_write(&l, "kept", 4);
	CHECK_EQ(l.tail.len, 4);
	conlog_close(&l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_the_guest_writes_comes_out),
		TEST(reading_wraps_at_the_rings_end),
		TEST(impossible_indexes_are_refused_and_the_ring_recovers),
		TEST(input_stops_where_the_ring_is_full),
		TEST(the_record_is_kept_and_replayed),
		TEST(the_record_is_bounded),
		TEST(the_tail_holds_the_last_bytes),
		TEST(timestamps_stand_at_line_starts_only),
		TEST(a_directory_that_is_not_there_costs_only_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
