#include "xs_world.h"

#include "../unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xs_guest.h"
#include "xenstore/batch.h"
#include "xenstore/conn.h"
#include "xenstore/control.h"
#include "xenstore/domain.h"
#include "xenstore/guest.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"
#include "xenstore/request.h"
#include "xenstore/ring.h"
#include "xenstore/start.h"
#include "xenstore/txn.h"

#include "xenstore/start.h"
#include "xenstore/txn.h"

struct loop *world_loop;
static uint32_t next_id = 1;

/* Answers as they come, one line each: "READ value", "ERROR ENOENT", "EVENT path token". */
static char answer[8192];

static void on_event(uint32_t port)
{
	struct domain *d = domain_by_port(port);

	if (d)
		ring_serve(d);
}

void daemon_open(const char *path)
{
	bool fresh;

	log_set_level(LOG_LEVEL_ERROR);
	world_loop = loop_new();
	conn_init(world_loop);
	txn_init(world_loop);
	assert_int_equal(start_store(path, &fresh), 0);
	guest_open(world_loop, on_event, domains_check);
	domain_resume();
	if (!domain_is_introduced(0)) {
		assert_int_equal(domain_introduce_own(), 0);
		batch_end(0);
	}
}

void settle(void)
{
	for (int i = 0; i < 6; i++)
		loop_once(world_loop, 0);
}

void signal_daemon(unsigned int domid)
{
	struct domain *d = domain_find(domid);

	if (d)
		ring_serve(d);
	settle();
}

/* One whole message from the answer ring, draining a long one piece by piece. */
static bool take_message(unsigned int domid, struct xsd_sockmsg *h, char *data)
{
	struct xenstore_domain_interface *page = fake_guest[domid].page;
	size_t got;

	if (page->rsp_prod - page->rsp_cons < sizeof(*h))
		return false;
	fake_take(domid, h, sizeof(*h));
	for (got = 0; got < h->len;) {
		size_t n = fake_take(domid, data + got, h->len - got);

		if (!n)
			signal_daemon(domid);
		else
			got += n;
	}
	data[got] = '\0';
	return true;
}

/* Everything that the guest has been told, as text. */
const char *answers(unsigned int domid)
{
	struct xsd_sockmsg h;
	char data[XENSTORE_PAYLOAD_MAX + 1];
	size_t len = 0;

	answer[0] = '\0';
	signal_daemon(domid);
	while (take_message(domid, &h, data) && len < sizeof(answer) - 5000) {
		const char *what = h.type == XS_WATCH_EVENT ? "EVENT" :
			h.type == XS_ERROR ? "ERROR" : request_name(h.type);

		for (uint32_t i = 0; i + 1 < h.len; i++)
			if (!data[i])
				data[i] = ' ';
		len += (size_t)sprintf(answer + len, "%s%s %s", len ? "; " : "", what, data);
		signal_daemon(domid);
	}
	return answer;
}

void send_frame(unsigned int domid, uint32_t type, uint32_t tx, const void *data, size_t len)
{
	struct xsd_sockmsg h = { type, next_id++, tx, (uint32_t)len };
	char frame[sizeof(h) + 8192];
	size_t done = 0;

	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), data, len);
	while (done < sizeof(h) + len) {
		done += fake_send(domid, frame + done, sizeof(h) + len - done);
		signal_daemon(domid);
	}
}

const char *ask_tx(unsigned int domid, uint32_t type, uint32_t tx, const void *data, size_t len)
{
	send_frame(domid, type, tx, data, len);
	return answers(domid);
}

bool check_ok(void)
{
	const char *arg[] = { "check" };
	struct buf out = { 0 };
	bool good;

	control_run(NULL, arg, 1, &out);
	good = buf_string(&out) && !strncmp(out.data, "OK", 2);
	if (!good)
		fprintf(stderr, "check: %s\n", buf_string(&out));
	buf_free(&out);
	return good;
}

void introduce(unsigned int domid)
{
	char text[32];
	int n = sprintf(text, "%u", domid);

	text[n] = '\0';
	memcpy(text + n + 1, "1000", 5);
	memcpy(text + n + 6, "7", 2);
	CHECK_STR(ask_tx(0, XS_INTRODUCE, 0, text, (size_t)n + 8), "INTRODUCE OK");
	/* As a toolstack does it: the guest's home belongs to dom0, one directory to the guest. */
	n = sprintf(text, "/local/domain/%u", domid);
	ask_tx(0, XS_MKDIR, 0, text, (size_t)n + 1);
	n = sprintf(text, "/local/domain/%u%cn%u%cr%u", domid, 0, 0, 0, domid);
	ask_tx(0, XS_SET_PERMS, 0, text, (size_t)n + 1);
	n = sprintf(text, "/local/domain/%u/data", domid);
	ask_tx(0, XS_MKDIR, 0, text, (size_t)n + 1);
	n = sprintf(text, "/local/domain/%u/data%cn%u", domid, 0, domid);
	ask_tx(0, XS_SET_PERMS, 0, text, (size_t)n + 1);
}

void release(unsigned int domid)
{
	char text[8];

	ask_tx(0, XS_RELEASE, 0, text, (size_t)sprintf(text, "%u", domid) + 1);
}

/* Each test starts with a clean store and guests 1 and 2. */
void world(void)
{
	static bool open;

	if (!open) {
		fake_guests_new();
		daemon_open(NULL);
		open = true;
	} else {
		for (unsigned int i = 1; i < FAKE_GUESTS; i++)
			if (domain_is_introduced(i))
				release(i);
		ASK(0, XS_RESET_WATCHES, "");
		for (unsigned int i = 1; i < FAKE_GUESTS; i++) {
			memset(fake_guest[i].page, 0, 4096);
			fake_guest[i].alive = true;
			fake_guest[i].dying = fake_guest[i].shutdown = false;
		}
		ASK(0, XS_RM, "/local");
		ASK(0, XS_RM, "/secret");
	}
	introduce(1);
	introduce(2);
}
uint32_t txn_begin(unsigned int domid)
{
	const char *said = ASK(domid, XS_TRANSACTION_START, "");

	return strncmp(said, "TRANSACTION_START ", 18) ? 0 : (uint32_t)strtoul(said + 18, NULL, 10);
}

const char *txn_end(unsigned int domid, uint32_t id, bool commit)
{
	return ask_tx(domid, XS_TRANSACTION_END, id, commit ? "T" : "F", 2);
}
