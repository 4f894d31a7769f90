#include "check.h"

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "xenstore/loop.h"

static struct loop *loop;
static int order[8], seen;

static void note(int what)
{
	if (seen < 8)
		order[seen++] = what;
}

static void timer_note(struct loop_timer *t)
{
	note(*(int *)t->ctx);
}

static void timers_fire_in_the_order_of_their_times(void)
{
	int id[3] = { 0, 1, 2 };
	struct loop_timer t[3];

	for (int i = 0; i < 3; i++)
		t[i] = (struct loop_timer){ .fire = timer_note, .ctx = &id[i] };
	loop = loop_new();
	seen = 0;
	CHECK_EQ(loop_timer_start(loop, &t[0], 3000000), 0);
	CHECK_EQ(loop_timer_start(loop, &t[1], 1000000), 0);
	CHECK_EQ(loop_timer_start(loop, &t[2], 2000000), 0);
	while (seen < 3)
		CHECK_EQ(loop_once(loop, -1), 0);
	CHECK_EQ(order[0], 1);
	CHECK_EQ(order[1], 2);
	CHECK_EQ(order[2], 0);
	loop_free(loop);
}

static void a_stopped_timer_does_not_fire(void)
{
	int id = 0;
	struct loop_timer t[40];

	loop = loop_new();
	seen = 0;
	for (int i = 0; i < 40; i++) {
		t[i] = (struct loop_timer){ .fire = timer_note, .ctx = &id };
		loop_timer_start(loop, &t[i], (uint64_t)(i * 7919 % 41) * 10000);
	}
	for (int i = 0; i < 39; i++)
		loop_timer_stop(loop, &t[(i * 17) % 39]);
	loop_timer_stop(loop, &t[0]);
	for (int i = 0; i < 5; i++)
		loop_once(loop, 2);
	CHECK_EQ(seen, 1);
	loop_free(loop);
}

static struct loop_fd watch[2];
static int fds[2][2];

static void remove_the_other(struct loop_fd *w, uint32_t events)
{
	int other = w == &watch[0];

	note(!other);
	loop_fd_del(loop, &watch[other]);
}

static void a_watcher_removed_in_the_same_round_is_not_called(void)
{
	loop = loop_new();
	seen = 0;
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(pipe(fds[i]), 0);
		CHECK_EQ(write(fds[i][1], "x", 1), 1);
		CHECK_EQ(loop_fd_add(loop, &watch[i], fds[i][0], EPOLLIN,
				     remove_the_other, NULL), 0);
	}
	loop_once(loop, 0);
	CHECK_EQ(seen, 1);
	for (int i = 0; i < 2; i++) {
		loop_fd_del(loop, &watch[i]);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	loop_free(loop);
}

static struct loop_call call[3];

static void call_note(struct loop_call *c)
{
	note((int)(c - call));
	if (c == &call[0]) {
		loop_defer_cancel(&call[1]);
		loop_defer(loop, &call[0]);
	}
}

static void calls_run_in_order_and_those_made_meanwhile_in_the_next_round(void)
{
	loop = loop_new();
	seen = 0;
	for (int i = 0; i < 3; i++) {
		call[i] = (struct loop_call){ .run = call_note };
		loop_defer(loop, &call[i]);
		loop_defer(loop, &call[i]);
	}
	loop_once(loop, 0);
	CHECK_EQ(seen, 2);
	CHECK_EQ(order[0], 0);
	CHECK_EQ(order[1], 2);
	loop_once(loop, 0);
	CHECK_EQ(seen, 3);
	CHECK_EQ(order[2], 0);
	loop_defer_cancel(&call[0]);
	loop_defer(loop, &call[2]);
	loop_once(loop, 0);
	CHECK_EQ(seen, 4);
	loop_free(loop);
}

static void on_signal(int signal, void *ctx)
{
	note(signal);
	loop_stop(ctx, 7);
}

static void a_signal_is_handled_inside_the_loop(void)
{
	loop = loop_new();
	seen = 0;
	CHECK_EQ(loop_signal(loop, SIGUSR1, on_signal, loop), 0);
	CHECK_EQ(loop_signal(loop, SIGUSR2, on_signal, loop), 0);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(loop_run(loop), 7);
	CHECK_EQ(order[0], SIGUSR2);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_the_order_of_their_times),
		TEST(a_stopped_timer_does_not_fire),
		TEST(a_watcher_removed_in_the_same_round_is_not_called),
		TEST(calls_run_in_order_and_those_made_meanwhile_in_the_next_round),
		TEST(a_signal_is_handled_inside_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
