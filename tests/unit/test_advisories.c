/*
 * What Xen's security advisories teach a XenStore server: a claim for each.  Those whose claim
 * stands elsewhere: XSA-38, 325, 326 (requests, answers, events, transactions): test_ring.c.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "../fake/xs_guest.h"
#include "../fake/xs_world.h"
#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/heap.h"
#include "xenstore/ring.h"
#include "xenstore/store.h"
#include "xenstore/txn.h"

/* Requests that newer servers know. */
enum { SET_QUOTA = 26 };

/* ----------------------------------------------------------------- buffers */

/* XSA-326 */
static void all_that_a_guest_makes_us_hold_together_stays_under_its_limit(void)
{
	static char data[2200];
	const struct domain *d;
	char path[64];

	world();
	for (int t = 0; t < 10; t++)
		CHECK(txn_begin(1) != 0);
	ASK(1, XS_WATCH, "data\0token");
	for (int i = 0; i < 3000; i++) {
		int len = sprintf(path, "data/n%d", i);

		memcpy(data, path, (size_t)len + 1);
		ask_tx(1, XS_WRITE, 0, data, (size_t)len + 1 + 2048);
	}
	d = domain_find(1);
	CHECK(d->rec->bytes > 1000000);
	CHECK(d->rec->bytes + d->rec->held + d->txn_bytes <= 2560 * 1024);
	CHECK_STR(WRITE(2, "data/x", "1"), "WRITE OK");
	ASK(1, XS_RM, "data");
	CHECK(check_ok());
}

/* XSA-324 */
static void an_event_too_long_for_a_payload_is_dropped_and_the_guest_served_on(void)
{
	static char watch[5 + 2101], write[5 + 2041];
	size_t len = sizeof(write);

	world();
	memset(watch, 't', sizeof(watch));
	memcpy(watch, "data", 5);
	watch[sizeof(watch) - 1] = '\0';
	CHECK_STR(strrchr(ask_tx(1, XS_WATCH, 0, watch, sizeof(watch)), ';'), "; WATCH OK");
	memcpy(write, "data/", 5);
	memset(write + 5, 'n', len - 5);
	write[len - 1] = '\0';
	CHECK_STR(ask_tx(1, XS_MKDIR, 0, write, len), "MKDIR OK");
	CHECK_STR(ASK(1, XS_READ, "data"), "READ ");
	CHECK(check_ok());
}

static bool saw_request_memory;

static void look_for_request_memory(unsigned int domid)
{
	const struct domain *d = domain_find(domid);

	if (domid == 1 && d && d->conn && fake_guest[1].page->rsp_prod != fake_guest[1].page->rsp_cons)
		saw_request_memory |= d->conn->chan->in != 0;
}

/* XSA-416 */
static void a_request_is_forgotten_before_the_guest_sees_its_answer(void)
{
	static char data[9 + 2000] = "data/big";

	world();
	saw_request_memory = false;
	fake_on_notify = look_for_request_memory;
	CHECK_STR(ask_tx(1, XS_WRITE, 0, data, sizeof(data)), "WRITE OK");
	fake_on_notify = NULL;
	CHECK(!saw_request_memory);
	CHECK_EQ(domain_find(1)->rec->held, 0);
}

/* --------------------------------------------------------------- names, ids */

/* XSA-322, 417 */
static void what_a_dead_domain_owned_in_others_directories_goes_with_it(void)
{
	world();
	ASK(2, XS_SET_PERMS, "data\0n2\0b1");
	CHECK_STR(WRITE(1, "/local/domain/2/data/left", "1"), "WRITE OK");
	CHECK_STR(WRITE(1, "/local/domain/2/data/left/below", "1"), "WRITE OK");
	CHECK_STR(ASK(0, XS_GET_PERMS, "/local/domain/2/data/left"), "GET_PERMS n1 b1");
	release(1);
	CHECK_STR(ASK(2, XS_DIRECTORY, "data"), "DIRECTORY ");
	CHECK_STR(ASK(2, XS_GET_PERMS, "data"), "GET_PERMS n2");
	CHECK(!domain_find(1));
	CHECK(check_ok());
}

/* XSA-322: neither do its rights to hear of others' deaths. */
static void a_dead_domains_right_to_watch_specials_ends_with_it(void)
{
	world();
	ASK(0, XS_SET_PERMS, "@releaseDomain\0n0\0r1");
	ASK(0, XS_SET_PERMS, "@introduceDomain\0n0\0r1\0r2");
	ASK(0, XS_SET_PERMS, "@releaseDomain/2\0n0\0r1");
	release(1);
	CHECK_STR(ASK(0, XS_GET_PERMS, "@releaseDomain"), "GET_PERMS n0");
	CHECK_STR(ASK(0, XS_GET_PERMS, "@introduceDomain"), "GET_PERMS n0 r2");
	CHECK_STR(ASK(0, XS_GET_PERMS, "@releaseDomain/2"), "GET_PERMS n0");
	memset(fake_guest[1].page, 0, 4096);
	introduce(1);
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain\0r"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_WATCH, "@releaseDomain/2\0r"), "ERROR EACCES");
	ASK(0, XS_SET_PERMS, "@introduceDomain\0n0");
	CHECK(check_ok());
}

/* XSA-417: what was begun before a death must not bring the dead one's nodes back. */
static void a_transaction_across_a_death_does_not_revive_the_dead_domains_nodes(void)
{
	uint32_t t;

	world();
	WRITE(1, "data/x", "1");
	t = txn_begin(0);
	CHECK_STR(WRITE_TX(0, t, "/local/domain/1/data/late", "1"), "WRITE OK");
	release(1);
	CHECK_STR(txn_end(0, t, true), "ERROR EAGAIN");
	CHECK_STR(ASK(0, XS_READ, "/local/domain/1/data"), "ERROR ENOENT");
	CHECK(!domain_find(1));
	CHECK(check_ok());
}

/* XSA-419 */
static void nodes_change_hands_only_with_their_account(void)
{
	world();
	WRITE(1, "data/x", "1");
	CHECK_EQ(domain_find(1)->rec->nodes, 2);
	ASK(0, XS_SET_PERMS, "/local/domain/1/data/x\0n2");
	CHECK_EQ(domain_find(1)->rec->nodes, 1);
	CHECK_EQ(domain_find(2)->rec->nodes, 2);
	release(1);
	CHECK_EQ(domain_find(2)->rec->nodes, 1);
	CHECK(check_ok());
}

/* XSA-483 */
static void limits_of_a_dead_domain_are_not_the_next_ones(void)
{
	world();
	ASK(0, SET_QUOTA, "1\0nodes\0005000");
	CHECK_EQ(domain_quota(domain_find(1), QUOTA_NODES), 5000);
	release(1);
	memset(fake_guest[1].page, 0, 4096);
	introduce(1);
	CHECK_EQ(domain_quota(domain_find(1), QUOTA_NODES), 1000);
	CHECK_EQ(domain_find(1)->rec->held, 0);
	CHECK_EQ(domain_find(1)->conn->watch_count, 0);
	CHECK_EQ(domain_find(1)->conn->txn_count, 0);
}

/* XSA-481 */
static void paths_that_are_none_are_EINVAL_whoever_asks(void)
{
	static const uint32_t of_paths[] = { XS_READ, XS_DIRECTORY, XS_GET_PERMS, XS_MKDIR, XS_RM };
	static const char *const bad[] = {
		"/local/domain/", "/local//domain", "//", "data/", "", "da.ta", "@releaseDomain/",
		"/local/domain/2/",
	};

	world();
	for (size_t i = 0; i < sizeof(of_paths) / sizeof(*of_paths); i++)
		for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++)
			CHECK_STR(ask_tx(1, of_paths[i], 0, bad[k], strlen(bad[k]) + 1),
				  "ERROR EINVAL");
	CHECK_STR(WRITE(1, "/local/domain/", "1"), "ERROR EINVAL");
	CHECK_STR(ASK(1, XS_WATCH, "/local/domain/\0t"), "ERROR EINVAL");
	CHECK_STR(ASK(1, XS_SET_PERMS, "/local/domain/\0n1"), "ERROR EINVAL");
	CHECK_STR(ASK(1, XS_READ, "data"), "READ ");
}

/* XSA-323 */
static void one_length_counts_for_a_path_however_it_is_written(void)
{
	static const char home[] = "/local/domain/1/";
	char name[256], full[300];

	world();
	ASK(0, SET_QUOTA, "1\0path-max\000100");
	for (size_t len = 100 - sizeof(home) + 1 - 1; len <= 100 - sizeof(home) + 1 + 1; len++) {
		const char *want = len + sizeof(home) - 1 <= 100 ? "MKDIR OK" : "ERROR EINVAL";

		memcpy(name, "data/", 5);
		memset(name + 5, 'x', len - 5);
		name[len] = '\0';
		sprintf(full, "%s%s", home, name);
		CHECK_STR(ask_tx(1, XS_MKDIR, 0, name, len + 1), want);
		CHECK_STR(ask_tx(1, XS_MKDIR, 0, full, strlen(full) + 1), want);
	}
}

/* ------------------------------------------------------------------- trees */

/* XSA-418 */
static void a_tree_as_deep_as_a_guest_can_make_it_goes_with_its_domain(void)
{
	char path[2048] = "data";
	size_t len = 4;

	world();
	while (len + 2 < sizeof(path)) {
		path[len++] = '/';
		path[len++] = 'd';
	}
	path[len] = '\0';
	CHECK_STR(ask_tx(1, XS_MKDIR, 0, path, len + 1), "ERROR ENOSPC");
	path[4 + 2 * 999] = '\0';
	CHECK_STR(ask_tx(1, XS_MKDIR, 0, path, strlen(path) + 1), "MKDIR OK");
	CHECK_EQ(domain_find(1)->rec->nodes, 1000);
	CHECK(check_ok());
	release(1);
	CHECK(!domain_find(1));
	CHECK(check_ok());
}

/* XSA-414, 415 */
static void parents_made_half_way_are_undone(void)
{
	uint32_t t;

	world();
	ASK(0, SET_QUOTA, "1\0nodes\0003");
	CHECK_STR(ASK(1, XS_MKDIR, "data/a/b/c"), "ERROR ENOSPC");
	CHECK_STR(ASK(1, XS_DIRECTORY, "data"), "DIRECTORY ");
	CHECK_EQ(domain_find(1)->rec->nodes, 1);
	t = txn_begin(1);
	CHECK_STR(ASK_TX(1, XS_MKDIR, t, "data/a/b/c"), "ERROR ENOSPC");
	CHECK_STR(ASK_TX(1, XS_DIRECTORY, t, "data"), "DIRECTORY ");
	CHECK_STR(txn_end(1, t, true), "ERROR ENOSPC");
	CHECK_STR(ASK(1, XS_MKDIR, "data/a/b"), "MKDIR OK");
	CHECK(check_ok());
}

/* XSA-421 */
static void what_a_transaction_makes_and_removes_leaves_no_account(void)
{
	uint32_t t;

	world();
	for (int i = 0; i < 50; i++) {
		t = txn_begin(1);
		WRITE_TX(1, t, "data/a/b", "1");
		CHECK_STR(ASK_TX(1, XS_RM, t, "data/a"), "RM OK");
		if (i % 2)
			WRITE_TX(1, t, "data/a", "2");
		if (i % 2)
			CHECK_STR(ASK_TX(1, XS_RM, t, "data/a"), "RM OK");
		CHECK_STR(txn_end(1, t, true), "TRANSACTION_END OK");
	}
	CHECK_STR(ASK(1, XS_DIRECTORY, "data"), "DIRECTORY ");
	CHECK_EQ(domain_find(1)->rec->nodes, 1);
	CHECK_EQ(store_snapshots(), 0);
	CHECK(check_ok());
}

/* XSA-440: 1 removes what is 2's, so that inside the account of 2 is below zero. */
static void accounts_may_be_negative_inside_a_transaction(void)
{
	uint32_t t;

	world();
	ASK(2, XS_SET_PERMS, "data\0n2\0b1");
	WRITE(2, "data/x", "1");
	WRITE(2, "data/y", "1");
	t = txn_begin(1);
	CHECK_STR(ASK_TX(1, XS_RM, t, "/local/domain/2/data/x"), "RM OK");
	CHECK_STR(ASK_TX(1, XS_RM, t, "/local/domain/2/data/y"), "RM OK");
	CHECK_STR(WRITE_TX(1, t, "/local/domain/2/data/z", "mine"), "WRITE OK");
	CHECK_STR(txn_end(1, t, true), "TRANSACTION_END OK");
	CHECK_EQ(domain_find(2)->rec->nodes, 1);
	CHECK_EQ(domain_find(1)->rec->nodes, 2);
	CHECK(check_ok());
}

/* ------------------------------------------------------------------- rings */

/* XSA-420 */
static void lengths_that_would_be_negative_are_refused(void)
{
	static const uint32_t lengths[] = { 0x80000000, 0xffffffff, 0x7fffffff, 0xfffffff0, 4097 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct xsd_sockmsg h = { XS_READ, 1, 0, lengths[i] };

		world();
		fake_send(1, &h, sizeof(h));
		CHECK_STR(answers(1), "");
		CHECK_EQ(fake_guest[1].page->error, XENSTORE_ERROR_PROTO);
		CHECK_STR(ASK(2, XS_READ, "data"), "READ ");
	}
	CHECK(check_ok());
}

/* XSA-425: both have work queued when the one is released by the other's request. */
static void a_release_while_clients_are_being_served_harms_nobody(void)
{
	struct xsd_sockmsg h = { XS_READ, 1, 0, 5 };

	for (int order = 0; order < 2; order++) {
		world();
		ASK(1, XS_WATCH, "data\0t");
		fake_send(1, &h, sizeof(h));
		fake_send(1, "data", 5);
		if (order)
			conn_flush_later(domain_find(1)->conn);
		conn_flush_later(domain_find(2)->conn);
		if (!order)
			conn_flush_later(domain_find(1)->conn);
		fake_guest[1].dying = true;
		CHECK_STR(ASK(0, XS_RELEASE, "1"), "RELEASE OK");
		settle();
		CHECK(!domain_find(1));
		CHECK(!fake_guest[1].mapped);
		CHECK_STR(ASK(2, XS_READ, "data"), "READ ");
	}
	CHECK(check_ok());
}

/* ------------------------------------------------------------------ rights */

/* XSA-115 */
static void who_may_not_read_a_node_hears_neither_of_its_making_nor_of_its_end(void)
{
	world();
	ASK(1, XS_WATCH, "/secret\0s");
	ASK(1, XS_WATCH, "/\0r");
	WRITE(0, "/secret/a", "1");
	ASK(0, XS_RM, "/secret/a");
	ASK(0, XS_RM, "/secret");
	CHECK_STR(answers(1), "");
	CHECK_STR(ASK(1, XS_IS_DOMAIN_INTRODUCED, "2"), "ERROR EACCES");
}

/* XSA-353 */
static void the_root_is_as_well_guarded_as_any_node(void)
{
	uint32_t t;

	world();
	CHECK_STR(ASK(1, XS_READ, "/"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_DIRECTORY, "/"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_GET_PERMS, "/"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_SET_PERMS, "/\0b1"), "ERROR EACCES");
	CHECK_STR(WRITE(1, "/", "1"), "ERROR EACCES");
	CHECK_STR(WRITE(1, "/mine", "1"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_MKDIR, "/mine"), "ERROR EACCES");
	CHECK_STR(ASK(1, XS_RM, "/"), "ERROR EINVAL");
	CHECK_STR(ASK(0, XS_RM, "/"), "ERROR EINVAL");
	t = txn_begin(1);
	CHECK_STR(ASK_TX(1, XS_RM, t, "/"), "ERROR EINVAL");
	CHECK_STR(WRITE_TX(1, t, "/mine", "1"), "ERROR EACCES");
	txn_end(1, t, false);
	CHECK_STR(ASK(0, XS_GET_PERMS, "/"), "GET_PERMS n0");
}

/* ------------------------------------------------------------- others' work */

/* XSA-206: a guest that spoils every commit is made to wait for one. */
static void a_guest_can_not_break_a_transaction_for_ever(void)
{
	uint32_t t;

	world();
	t = txn_begin(0);
	WRITE_TX(0, t, "/local/domain/0/copy", "0");
	CHECK_STR(txn_end(0, t, true), "TRANSACTION_END OK");
	for (int i = 0; i < TXN_PATIENCE; i++) {
		t = txn_begin(0);
		ASK_TX(0, XS_READ, t, "/local/domain/1/data");
		WRITE_TX(0, t, "/local/domain/0/copy", "1");
		CHECK_STR(WRITE(1, "data", "new"), "WRITE OK");
		CHECK_STR(txn_end(0, t, true), "ERROR EAGAIN");
	}
	t = txn_begin(0);
	ASK_TX(0, XS_READ, t, "/local/domain/1/data");
	WRITE_TX(0, t, "/local/domain/0/copy", "1");
	CHECK_STR(WRITE(1, "data", "newer"), "");
	CHECK_STR(WRITE(2, "data", "2"), "WRITE OK");
	CHECK_STR(txn_end(0, t, true), "TRANSACTION_END OK");
	settle();
	CHECK_STR(answers(1), "WRITE OK");
	CHECK(check_ok());
}

/* … but no guest can use that to make dom0 wait. */
static void dom0_waits_for_no_guests_transaction(void)
{
	uint32_t t;

	world();
	for (int i = 0; i < TXN_PATIENCE + 2; i++) {
		t = txn_begin(1);
		ASK_TX(1, XS_READ, t, "data");
		WRITE_TX(1, t, "data/y", "1");
		CHECK_STR(WRITE(0, "/local/domain/1/data", "1"), "WRITE OK");
		CHECK_STR(txn_end(1, t, true), "ERROR EAGAIN");
	}
}

/* Neither can it hold another guest up for ever by asking again and again for the right of way. */
static void the_right_of_way_must_be_earned_again(void)
{
	uint32_t t = 0;

	world();
	ASK(1, XS_SET_PERMS, "data\0n1\0b2");
	for (int i = 0; i < TXN_PATIENCE; i++) {
		t = txn_begin(1);
		ASK_TX(1, XS_READ, t, "data");
		WRITE_TX(1, t, "data/y", "1");
		WRITE(2, "/local/domain/1/data", "1");
		CHECK_STR(txn_end(1, t, true), "ERROR EAGAIN");
	}
	t = txn_begin(1);
	ASK_TX(1, XS_READ, t, "data");
	CHECK_STR(WRITE(2, "/local/domain/1/data", "1"), "");
	txn_end(1, t, false);
	settle();
	CHECK_STR(answers(2), "WRITE OK");
	t = txn_begin(1);
	ASK_TX(1, XS_READ, t, "data");
	CHECK_STR(WRITE(2, "/local/domain/1/data", "1"), "WRITE OK");
	txn_end(1, t, false);
}

/* XSA-272, 352 */
static void who_makes_a_node_owns_and_pays_it_and_can_not_give_it_away(void)
{
	world();
	ASK(2, XS_SET_PERMS, "data\0n2\0b1");
	CHECK_STR(WRITE(1, "/local/domain/2/data/x", "1"), "WRITE OK");
	CHECK_EQ(domain_find(1)->rec->nodes, 2);
	CHECK_EQ(domain_find(2)->rec->nodes, 1);
	CHECK_STR(ASK(1, XS_SET_PERMS, "/local/domain/2/data/x\0n2"), "ERROR EPERM");
	CHECK_STR(ASK(1, XS_SET_PERMS, "/local/domain/2/data/x\0n0"), "ERROR EPERM");
	CHECK_EQ(domain_find(1)->rec->nodes, 2);
	CHECK(check_ok());
}

/* XSA-330, 484, 512 */
static void reset_watches_clears_all_there_is_even_inside_a_transaction(void)
{
	char text[32];
	uint32_t t;

	world();
	for (int round = 0; round < 3; round++) {
		for (int n = 0; n < 128; n++) {
			int len = sprintf(text, "data/w%d%ct%d", n % 50, 0, n);

			ask_tx(1, XS_WATCH, 0, text, (size_t)len + 1);
		}
		CHECK_EQ(domain_find(1)->conn->watch_count, 128);
		t = txn_begin(1);
		WRITE_TX(1, t, "data/gone", "1");
		CHECK_STR(ASK_TX(1, XS_RESET_WATCHES, t, ""), "RESET_WATCHES OK");
		CHECK_EQ(domain_find(1)->conn->watch_count, 0);
		CHECK_EQ(domain_find(1)->conn->txn_count, 0);
		CHECK_EQ(domain_find(1)->conn->chan->watches, 0);
		CHECK_EQ(domain_find(1)->conn->chan->txns, 0);
		CHECK_EQ(domain_find(1)->rec->held, 0);
		CHECK_STR(txn_end(1, t, true), "ERROR ENOENT");
		CHECK_STR(WRITE(0, "/local/domain/1/data/w1", "1"), "WRITE OK");
		CHECK_STR(answers(1), "");
	}
	CHECK(check_ok());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_a_guest_makes_us_hold_together_stays_under_its_limit),
		TEST(an_event_too_long_for_a_payload_is_dropped_and_the_guest_served_on),
		TEST(a_request_is_forgotten_before_the_guest_sees_its_answer),
		TEST(what_a_dead_domain_owned_in_others_directories_goes_with_it),
		TEST(a_dead_domains_right_to_watch_specials_ends_with_it),
		TEST(a_transaction_across_a_death_does_not_revive_the_dead_domains_nodes),
		TEST(nodes_change_hands_only_with_their_account),
		TEST(limits_of_a_dead_domain_are_not_the_next_ones),
		TEST(paths_that_are_none_are_EINVAL_whoever_asks),
		TEST(one_length_counts_for_a_path_however_it_is_written),
		TEST(a_tree_as_deep_as_a_guest_can_make_it_goes_with_its_domain),
		TEST(parents_made_half_way_are_undone),
		TEST(what_a_transaction_makes_and_removes_leaves_no_account),
		TEST(accounts_may_be_negative_inside_a_transaction),
		TEST(lengths_that_would_be_negative_are_refused),
		TEST(a_release_while_clients_are_being_served_harms_nobody),
		TEST(who_may_not_read_a_node_hears_neither_of_its_making_nor_of_its_end),
		TEST(the_root_is_as_well_guarded_as_any_node),
		TEST(a_guest_can_not_break_a_transaction_for_ever),
		TEST(dom0_waits_for_no_guests_transaction),
		TEST(the_right_of_way_must_be_earned_again),
		TEST(who_makes_a_node_owns_and_pays_it_and_can_not_give_it_away),
		TEST(reset_watches_clears_all_there_is_even_inside_a_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
