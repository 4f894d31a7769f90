/* The daemon with guests of our making: rings, limits, rights, and what a death leaves. */
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "../fake/xs_guest.h"
#include "../fake/xs_world.h"
#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/control.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/heap.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/request.h"
#include "xenstore/ring.h"

/* ------------------------------------------------------------------- rings */

static void a_guest_writes_in_its_own_directory_and_reads_it_back(void)
{
	world();
	CHECK_STR(WRITE(1, "data/x", "hello"), "WRITE OK");
	CHECK_STR(ASK(1, XS_READ, "data/x"), "READ hello");
	CHECK_STR(ASK(0, XS_READ, "/local/domain/1/data/x"), "READ hello");
	CHECK_STR(ASK(0, XS_GET_PERMS, "/local/domain/1/data/x"), "GET_PERMS n1");
	CHECK(check_ok());
}

static void a_request_larger_than_the_ring_is_gathered(void)
{
	static char data[16 + 2048], want[2048 + 8];

	world();
	memcpy(data, "data/big", 9);
	memset(data + 9, 'x', 2048);
	CHECK_STR(ask_tx(1, XS_WRITE, 0, data, 9 + 2048), "WRITE OK");
	memcpy(want, "READ ", 5);
	memset(want + 5, 'x', 2048);
	CHECK_STR(ASK(1, XS_READ, "data/big"), want);
	CHECK(check_ok());
}

/* Linux signals only what it writes into a ring that it sees empty: nothing may wait there. */
static void a_piece_of_a_request_does_not_stay_in_the_ring(void)
{
	struct xsd_sockmsg h = { XS_READ, 77, 0, 7 };

	world();
	WRITE(1, "data/x", "1");
	for (size_t i = 0; i < sizeof(h); i++) {
		fake_send(1, (char *)&h + i, 1);
		signal_daemon(1);
		CHECK_EQ(fake_guest[1].page->req_cons, fake_guest[1].page->req_prod);
	}
	fake_send(1, "data/", 5);
	signal_daemon(1);
	CHECK_EQ(fake_guest[1].page->req_cons, fake_guest[1].page->req_prod);
	fake_send(1, "x", 2);
	CHECK_STR(answers(1), "READ 1");
	CHECK(check_ok());
}

static void an_oversized_payload_silences_the_guest_until_it_dies(void)
{
	struct xsd_sockmsg h = { XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1 };

	world();
	ASK(0, XS_WATCH, "@releaseDomain\0r");
	fake_send(1, &h, sizeof(h));
	CHECK_STR(answers(1), "");
	CHECK_EQ(fake_guest[1].page->error, XENSTORE_ERROR_PROTO);
	CHECK_STR(answers(0), "");
	CHECK_STR(WRITE(2, "data/x", "1"), "WRITE OK");
	fake_guest[1].dying = true;
	fake_on_change();
	batch_end(0);
	CHECK_STR(answers(0), "EVENT @releaseDomain r");
	CHECK(!domain_is_introduced(1));
	CHECK(!fake_guest[1].mapped);
}

static void impossible_indexes_silence_the_guest_and_touch_nobody_else(void)
{
	world();
	fake_guest[1].page->req_prod = fake_guest[1].page->req_cons + XENSTORE_RING_SIZE + 1;
	CHECK_STR(answers(1), "");
	CHECK_EQ(fake_guest[1].page->error, XENSTORE_ERROR_RINGIDX);
	CHECK_STR(ASK(2, XS_GET_DOMAIN_PATH, "2"), "GET_DOMAIN_PATH /local/domain/2");
	fake_guest[2].page->rsp_cons = fake_guest[2].page->rsp_prod + 5;
	send_frame(2, XS_GET_DOMAIN_PATH, 0, "2", 2);
	CHECK_EQ(fake_guest[2].page->error, XENSTORE_ERROR_RINGIDX);
	CHECK(check_ok());
}

static void the_daemon_does_not_believe_its_own_indexes_in_the_page(void)
{
	world();
	CHECK_STR(WRITE(1, "data/x", "1"), "WRITE OK");
	fake_guest[1].page->req_cons += 3;
	fake_guest[1].page->rsp_prod -= 3;
	fake_guest[1].page->rsp_cons = fake_guest[1].page->rsp_prod + 3;
	fake_guest[1].page->req_cons -= 3;
	CHECK_STR(ASK(1, XS_READ, "data/x"), "READ 1");
}

static void a_guest_that_asks_for_it_gets_a_fresh_ring(void)
{
	struct xenstore_domain_interface *page;

	world();
	page = fake_guest[1].page;
	CHECK_STR(ASK(1, XS_WATCH, "data\0t"), "EVENT data t; WATCH OK");
	CHECK(page->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION);
	fake_send(1, "half a header", 9);
	page->connection = XENSTORE_RECONNECT;
	signal_daemon(1);
	CHECK_EQ(page->connection, XENSTORE_CONNECTED);
	CHECK_EQ(page->req_cons, 0);
	CHECK_EQ(page->rsp_prod, 0);
	CHECK_EQ(domain_find(1)->conn->watch_count, 0);
	CHECK_STR(WRITE(1, "data/x", "1"), "WRITE OK");
}

/* ------------------------------------------------------------------ rights */

static void what_may_not_be_read_is_not_told_to_be_missing(void)
{
	world();
	WRITE(0, "/secret/a", "1");
	CHECK_STR(ASK(1, XS_READ, "/secret/a"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_READ, "/secret/b"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_DIRECTORY, "/"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_READ, "nosuch"), "ERROR ENOENT");
	CHECK_STR(WRITE(1, "/local/domain/2/data/x", "1"), "ERROR EACCES");
	CHECK_STR(WRITE(1, "name", "1"), "ERROR EACCES");
}

static void only_dom0_gives_a_node_to_another_owner(void)
{
	world();
	WRITE(1, "data/x", "1");
	CHECK_STR(ASK(1, XS_SET_PERMS, "data/x\0n2"), "ERROR EPERM");
	CHECK_STR(ASK(1, XS_SET_PERMS, "data/x\0n1\0r2"), "SET_PERMS OK");
	CHECK_STR(ASK(2, XS_READ, "/local/domain/1/data/x"), "READ 1");
	CHECK_STR(ASK(2, XS_SET_PERMS, "/local/domain/1/data/x\0n2"), "ERROR EACCES");
	CHECK_STR(ASK(0, XS_SET_PERMS, "/local/domain/1/data/x\0n2"), "SET_PERMS OK");
	CHECK(check_ok());
}

static void events_reach_only_those_who_may_read_the_node(void)
{
	world();
	ASK(1, XS_WATCH, "/secret\0s");
	ASK(1, XS_WATCH, "/local/domain/2\0o");
	WRITE(0, "/secret/a", "1");
	WRITE(2, "data/x", "1");
	CHECK_STR(answers(1), "");
	ASK(0, XS_SET_PERMS, "/secret/a\0r0");
	CHECK_STR(answers(1), "EVENT /secret/a s");
}

static void one_domains_end_can_be_made_known_to_another(void)
{
	world();
	introduce(3);
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain/2\0r"), "ERROR EACCES");
	CHECK_STR(ASK(0, XS_SET_PERMS, "@releaseDomain/2\0n0\0r1"), "SET_PERMS OK");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain/2\0r"), "EVENT @releaseDomain/2 r; WATCH OK");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain\0r"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain/3\0r"), "ERROR EACCES");
	release(3);
	CHECK_STR(answers(1), "");
	release(2);
	CHECK_STR(answers(1), "EVENT @releaseDomain/2 r");
}

static void privileged_requests_are_refused_to_guests(void)
{
	static const uint32_t privileged[] = {
		XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_IS_DOMAIN_INTRODUCED, XS_RESUME,
		XS_SET_TARGET, 23, 24, 25, 26,
	};

	world();
	for (size_t i = 0; i < sizeof(privileged) / sizeof(*privileged); i++)
		CHECK_STR(ASK(1, privileged[i], "1\0001\0001"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain\0r"), "ERROR EACCES");
	ASK(0, XS_SET_PERMS, "@releaseDomain\0n0\0r1");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain\0r"), "EVENT @releaseDomain r; WATCH OK");
	release(2);
	CHECK_STR(answers(1), "EVENT @releaseDomain r");
	ASK(0, XS_SET_PERMS, "@releaseDomain\0n0");
}

static void a_target_lends_its_rights_and_is_released_after_its_server(void)
{
	world();
	ASK(0, XS_WATCH, "@releaseDomain\0r\0001");
	WRITE(1, "data/x", "1");
	CHECK_STR(ASK(2, XS_READ, "/local/domain/1/data/x"), "ERROR EACCES");
	CHECK_STR(ASK(0, XS_SET_TARGET, "2\0001"), "SET_TARGET OK");
	CHECK_STR(ASK(2, XS_READ, "/local/domain/1/data/x"), "READ 1");
	release(1);
	CHECK_STR(ASK(2, XS_READ, "/local/domain/1/data/x"), "READ 1");
	CHECK_STR(ASK(0, XS_RELEASE, "2"),
		  "EVENT @releaseDomain/2 r; EVENT @releaseDomain/1 r; RELEASE OK");
	CHECK_STR(ASK(0, XS_READ, "/local/domain/1/data/x"), "ERROR ENOENT");
	CHECK(check_ok());
}

static void a_domid_used_again_inherits_nothing(void)
{
	world();
	WRITE(1, "data/x", "1");
	WRITE(0, "/secret/a", "1");
	ASK(0, XS_SET_PERMS, "/secret/a\0n0\0r1");
	ASK(1, XS_WATCH, "data\0t");
	release(1);
	CHECK_STR(ASK(0, XS_READ, "/local/domain/1/data"), "ERROR ENOENT");
	CHECK_STR(ASK(0, XS_GET_PERMS, "/secret/a"), "GET_PERMS n0");
	memset(fake_guest[1].page, 0, 4096);
	introduce(1);
	CHECK_STR(ASK(1, XS_READ, "/secret/a"), "ERROR EACCES");
	CHECK_EQ(domain_find(1)->rec->nodes, 1);
	WRITE(0, "/local/domain/1/data/y", "1");
	CHECK_STR(answers(1), "");
	CHECK(check_ok());
}

/* ------------------------------------------------------------------ limits */

static void a_guest_owns_at_most_1000_nodes(void)
{
	char path[32];
	const char *said = "";
	unsigned int n;

	world();
	for (n = 0; n < 2000; n++) {
		int len = sprintf(path, "data/n%u", n);

		said = ask_tx(1, XS_MKDIR, 0, path, (size_t)len + 1);
		if (strcmp(said, "MKDIR OK"))
			break;
	}
	CHECK_STR(said, "ERROR ENOSPC");
	CHECK_EQ(domain_find(1)->rec->nodes, 1000);
	CHECK_STR(ASK(1, XS_MKDIR, "data/a/b/c"), "ERROR ENOSPC");
	CHECK_STR(ASK(1, XS_READ, "data/a"), "ERROR ENOENT");
	CHECK_STR(ASK(1, XS_RM, "data/n0"), "RM OK");
	CHECK_STR(ASK(1, XS_MKDIR, "data/new"), "MKDIR OK");
	CHECK_STR(WRITE(2, "data/x", "1"), "WRITE OK");
	CHECK(check_ok());
}

static void values_permissions_watches_and_transactions_are_limited(void)
{
	static char data[16 + 2049];
	char text[32];
	int n;

	world();
	memcpy(data, "data/big", 9);
	CHECK_STR(ask_tx(1, XS_WRITE, 0, data, 9 + 2049), "ERROR ENOSPC");
	WRITE(1, "data/x", "1");
	CHECK_STR(ASK(1, XS_SET_PERMS, "data/x\0n1\0r2\0r3\0r4\0r5\0r6"), "ERROR ENOSPC");
	for (n = 0; n < 128; n++) {
		int len = sprintf(text, "data%ct%d", 0, n);

		ask_tx(1, XS_WATCH, 0, text, (size_t)len + 1);
	}
	CHECK_STR(ASK(1, XS_WATCH, "data\0more"), "ERROR E2BIG");
	CHECK_STR(ASK(1, XS_RESET_WATCHES, ""), "RESET_WATCHES OK");
	for (n = 0; n < 10; n++)
		ASK(1, XS_TRANSACTION_START, "");
	CHECK_STR(ASK(1, XS_TRANSACTION_START, ""), "ERROR ENOSPC");
	CHECK_STR(ASK(2, XS_WATCH, "data\0t"), "EVENT data t; WATCH OK");
	CHECK(check_ok());
}

static void a_transaction_touches_at_most_1024_nodes(void)
{
	char path[32];
	uint32_t t;
	int n;

	world();
	t = txn_begin(1);
	for (n = 0; n < 1100; n++) {
		int len = sprintf(path, "data/n%d", n);

		if (!strcmp(ask_tx(1, XS_READ, t, path, (size_t)len + 1), "ERROR ENOSPC"))
			break;
	}
	CHECK_EQ(n, 1024);
	CHECK_STR(ask_tx(1, XS_TRANSACTION_END, t, "T", 2), "ERROR ENOSPC");
	CHECK(check_ok());
}

static void a_guest_that_reads_no_answers_is_not_listened_to(void)
{
	unsigned int sent = 0;

	world();
	for (int i = 0; i < 2000; i++) {
		struct xsd_sockmsg h = { XS_GET_DOMAIN_PATH, 1, 0, 2 };

		if (fake_send(1, &h, sizeof(h)) == sizeof(h))
			sent += fake_send(1, "1", 2) == 2;
		signal_daemon(1);
	}
	CHECK(domain_find(1)->conn->chan->out_count <= 21);
	CHECK(domain_find(1)->rec->held < 8192);
	CHECK_STR(WRITE(2, "data/x", "1"), "WRITE OK");
	CHECK(sent < 300);
}

static void events_that_a_guest_does_not_read_are_bounded(void)
{
	char path[64];

	world();
	ASK(1, XS_WATCH, "data\0t");
	for (int i = 0; i < 60000; i++) {
		struct xsd_sockmsg h = { XS_MKDIR, 1, 0, 0 };
		struct { struct xsd_sockmsg h; char text[64]; } m;

		h.len = (uint32_t)sprintf(path, "/local/domain/1/data/n%d", i % 5000) + 1;
		m.h = h;
		memcpy(m.text, path, h.len);
		if (i >= 5000)
			m.h.type = i / 5000 % 2 ? XS_RM : XS_MKDIR;
		request_handle(domain_find(0)->conn, (char *)&m, sizeof(h) + h.len);
		if (i % 16 == 0)
			answers(0);
	}
	CHECK(domain_find(1)->rec->held <= 2560 * 1024);
	CHECK(domain_find(1)->conn->lost_events > 0);
	CHECK_STR(WRITE(2, "data/x", "1"), "WRITE OK");
	CHECK(check_ok());
	ASK(0, XS_RM, "/local/domain/1");
}

static void a_guest_that_reads_nothing_for_too_long_loses_its_events(void)
{
	char path[64];
	int n;

	world();
	ASK(1, XS_WATCH, "data\0t");
	for (int i = 0; i < 100; i++) {
		n = sprintf(path, "/local/domain/1/data/n%d", i);
		ask_tx(0, XS_MKDIR, 0, path, (size_t)n + 1);
	}
	CHECK(domain_find(1)->conn->chan->out_count > 50);
	ring_set_patience(1000000);
	usleep(2000);
	WRITE(0, "/local/domain/1/data/late", "1");
	CHECK(domain_find(1)->conn->chan->out_count <= 1);
	CHECK(domain_find(1)->conn->lost_events > 50);
	answers(1);
	WRITE(0, "/local/domain/1/data/again", "1");
	CHECK_STR(answers(1), "EVENT data/again t");
	CHECK_STR(WRITE(1, "data/x", "1"), "EVENT data/x t; WRITE OK");
	ring_set_patience(20000000000);
	CHECK(check_ok());
}

/* ------------------------------------------------------------------- death */

/* Run body in a process that then dies at once; the store and the pages stay. */
static void in_another_life(const char *path, void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		daemon_open(path);
		body();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static char store_path[64];

static void life_1(void)
{
	introduce(1);
	introduce(2);
	WRITE(1, "data/x", "kept");
	ASK(1, XS_WATCH, "data\0t");
	txn_begin(1);
	send_frame(1, XS_READ, 0, "data/x", 7);		/* answered, not read */
	WRITE(0, "/local/domain/1/data/y", "1");	/* an event behind it */
}

static void send_half(void)
{
	struct xsd_sockmsg h = { XS_WRITE, 9, 0, 2000 };
	char data[2000] = "data/half";

	fake_send(1, &h, sizeof(h));
	fake_send(1, data, 1008);
	signal_daemon(1);
	fake_send(1, data + 1008, 500);
	signal_daemon(1);
}

static void life_2(void)
{
	CHECK_STR(answers(1), "READ kept; EVENT data/y t");
	WRITE(0, "/local/domain/1/data/z", "1");
	CHECK_STR(answers(1), "EVENT data/z t");
	send_half();
}

static void life_3(void)
{
	static const char rest[492];

	fake_send(1, rest, sizeof(rest));
	CHECK_STR(answers(1), "EVENT data/half t; WRITE OK");
	CHECK_STR(ask_tx(1, XS_READ, 1, "data/x", 7), "READ kept");
	CHECK_STR(ask_tx(1, XS_WRITE, 1, "data/t\0x", 8), "WRITE OK");
	CHECK_STR(ask_tx(1, XS_TRANSACTION_END, 1, "T", 2), "ERROR EAGAIN");
	CHECK_STR(ask_tx(1, XS_TRANSACTION_END, 1, "T", 2), "ERROR ENOENT");
	CHECK_STR(ASK(1, XS_READ, "data/t"), "ERROR ENOENT");
	CHECK(check_ok());
}

static void life_4(void)
{
	CHECK(!domain_is_introduced(1));
	CHECK(domain_is_introduced(2));
	CHECK_STR(ASK(0, XS_READ, "/local/domain/1/data"), "ERROR ENOENT");
	CHECK(check_ok());
}

static void a_new_daemon_takes_up_where_the_old_one_died(void)
{
	sprintf(store_path, "/tmp/test_ring.%d", (int)getpid());
	fake_guests_new();
	in_another_life(store_path, life_1);
	in_another_life(store_path, life_2);
	in_another_life(store_path, life_3);
	fake_guest[1].generation++;	/* meanwhile the domid got another bearer */
	in_another_life(store_path, life_4);
	unlink(store_path);
}

static void restless(void)
{
	char text[64];

	introduce(1);
	for (unsigned int i = 0; ; i++) {
		int n = sprintf(text, "data/d%u/x%c%u", i % 40, 0, i);
		uint32_t t;

		ask_tx(1, XS_WRITE, 0, text, (size_t)n);
		if (i % 3 == 0)
			ask_tx(1, XS_RM, 0, text, (size_t)sprintf(text, "data/d%u", i % 17) + 1);
		if (i % 5)
			continue;
		t = txn_begin(1);
		n = sprintf(text, "data/t%u/x%c%u", i % 23, 0, i);
		ask_tx(1, XS_WRITE, t, text, (size_t)n);
		ask_tx(1, XS_TRANSACTION_END, t, "T", 2);
	}
}

/* The guests died with the daemon, in the middle of a word: they begin anew. */
static void verified(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		fake_guest[i].page->connection = XENSTORE_RECONNECT;
		signal_daemon(i);
	}
	CHECK(check_ok());
	ASK(0, XS_RELEASE, "1");
	memset(fake_guest[1].page, 0, 4096);
}

/* The kill hits any instruction: changes half made must be gone, and the accounts right. */
static void a_daemon_killed_anywhere_leaves_a_sound_store(void)
{
	sprintf(store_path, "/tmp/test_ring.%d", (int)getpid());
	fake_guests_new();
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			daemon_open(store_path);
			restless();
		}
		usleep(3000 + (useconds_t)(i * 7919 % 20000));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		in_another_life(store_path, verified);
	}
	unlink(store_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Those that fork come first: they bring their own daemons. */
		TEST(a_new_daemon_takes_up_where_the_old_one_died),
		TEST(a_daemon_killed_anywhere_leaves_a_sound_store),
		TEST(a_guest_writes_in_its_own_directory_and_reads_it_back),
		TEST(a_request_larger_than_the_ring_is_gathered),
		TEST(a_piece_of_a_request_does_not_stay_in_the_ring),
		TEST(an_oversized_payload_silences_the_guest_until_it_dies),
		TEST(impossible_indexes_silence_the_guest_and_touch_nobody_else),
		TEST(the_daemon_does_not_believe_its_own_indexes_in_the_page),
		TEST(a_guest_that_asks_for_it_gets_a_fresh_ring),
		TEST(what_may_not_be_read_is_not_told_to_be_missing),
		TEST(only_dom0_gives_a_node_to_another_owner),
		TEST(events_reach_only_those_who_may_read_the_node),
		TEST(one_domains_end_can_be_made_known_to_another),
		TEST(privileged_requests_are_refused_to_guests),
		TEST(a_target_lends_its_rights_and_is_released_after_its_server),
		TEST(a_domid_used_again_inherits_nothing),
		TEST(a_guest_owns_at_most_1000_nodes),
		TEST(values_permissions_watches_and_transactions_are_limited),
		TEST(a_transaction_touches_at_most_1024_nodes),
		TEST(a_guest_that_reads_no_answers_is_not_listened_to),
		TEST(events_that_a_guest_does_not_read_are_bounded),
		TEST(a_guest_that_reads_nothing_for_too_long_loses_its_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
