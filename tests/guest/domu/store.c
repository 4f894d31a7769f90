/* A client of XenStore on the page that came with the domain: one request at a time, answers polled. */
#include "guest.h"

#include <xen/event_channel.h>
#include <xen/io/xs_wire.h>

#include "clock.h"
#include "store.h"

#define POLL_NS 200000000ull		/* between two looks at control/shutdown */

static struct xenstore_domain_interface *store_page(void)
{
	const unsigned long *m2p = (const unsigned long *)MACH2PHYS_VIRT_START;

	return (void *)(VIRT_BASE + m2p[start_info->store_mfn] * PAGE_SIZE);
}

/* The event only wakes us early: whatever happens, we look again after a while. */
static void store_wait(uint64_t ns)
{
	evtchn_port_t port = start_info->store_evtchn;
	struct sched_poll poll = { .nr_ports = 1, .timeout = now_ns() + ns };

	set_xen_guest_handle(poll.ports, &port);
	hcall(sched_op, SCHEDOP_poll, &poll);
	__atomic_fetch_and(&shared_info.evtchn_pending[port / 64], ~(1ul << port % 64), __ATOMIC_SEQ_CST);
}

static void store_kick(void)
{
	struct evtchn_send send = { .port = start_info->store_evtchn };

	hcall(event_channel_op, EVTCHNOP_send, &send);
}

static void store_send(const void *data, uint32_t len)
{
	struct xenstore_domain_interface *x = store_page();

	for (uint32_t i = 0; i < len; i++) {
		while (x->req_prod - *(volatile uint32_t *)&x->req_cons >= XENSTORE_RING_SIZE) {
			store_kick();
			store_wait(POLL_NS / 10);
		}
		x->req[MASK_XENSTORE_IDX(x->req_prod)] = ((const char *)data)[i];
		__atomic_thread_fence(__ATOMIC_RELEASE);
		x->req_prod++;
	}
}

/* What is longer than the room for it is read and dropped. */
static void store_receive(void *data, uint32_t room, uint32_t len)
{
	struct xenstore_domain_interface *x = store_page();

	for (uint32_t i = 0; i < len; i++) {
		while (x->rsp_cons == *(volatile uint32_t *)&x->rsp_prod)
			store_wait(POLL_NS / 10);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (i < room)
			((char *)data)[i] = x->rsp[MASK_XENSTORE_IDX(x->rsp_cons)];
		__atomic_thread_fence(__ATOMIC_ACQ_REL);
		x->rsp_cons++;
	}
	store_kick();
}

/* Sends `length` bytes and gives the answer's type; the answer is a string, cut to `room`. */
static uint32_t store_ask(uint32_t type, const char *body, uint32_t length, char *answer, uint32_t room)
{
	struct xsd_sockmsg head = { .type = type, .len = length };

	store_send(&head, sizeof head);
	store_send(body, length);
	store_kick();
	store_receive(&head, sizeof head, sizeof head);
	store_receive(answer, room - 1, head.len);
	answer[head.len < room ? head.len : room - 1] = '\0';
	return head.type;
}

const char *store_await_shutdown(void)
{
	static const char node[] = "control/shutdown";
	static char word[32];
	char answer[32];

	while (store_ask(XS_READ, node, sizeof node, word, sizeof word) != XS_READ || !word[0])
		store_wait(POLL_NS);
	store_ask(XS_WRITE, node, sizeof node, answer, sizeof answer);	/* the empty value */
	return word;
}
