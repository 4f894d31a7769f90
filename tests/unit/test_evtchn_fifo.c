/* The FIFO event ABI, with a guest that keeps the protocol and with guests that don't. */
#include "fake.h"
#include "evtchn_abi.h"
#include <stdlib.h>

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED (1U << EVTCHN_FIFO_MASKED)
#define LINKED (1U << EVTCHN_FIFO_LINKED)
#define BUSY (1U << EVTCHN_FIFO_BUSY)

static struct domain *d;
static struct evtchn_fifo_control_block *control[4];
static event_word_t *words[8];
static uint64_t array_mfn[8], control_mfn[4];
static unsigned int pages;

#define OP(name, ...) ({							\
	struct evtchn_##name op_ = { __VA_ARGS__ };				\
	call(EVTCHNOP_##name, &op_); })

static long call(unsigned int cmd, void *op)
{
	struct cpu *was = this_cpu();
	struct vcpu *ran = current_vcpu();
	long rc;

	fake_be(d->vcpu[0]);
	rc = evtchn_op(cmd, (uint64_t)op);
	fake_be(ran);
	fake_this_cpu = was;
	return rc;
}

static void fifo_domain(unsigned int vcpus)
{
	d = fake_domain(1, vcpus);
	pages = 0;
	for (unsigned int i = 0; i < vcpus; i++) {
		struct evtchn_init_control op = { .offset = 64 * i, .vcpu = i };

		control_mfn[i] = op.control_gfn = fake_frame(d);
		CHECK_EQ(call(EVTCHNOP_init_control, &op), 0);
		CHECK_EQ(op.link_bits, EVTCHN_FIFO_LINK_BITS);
		control[i] = (void *)((char *)fake_frame_data(op.control_gfn) + 64 * i);
	}
}

static void expand(void)
{
	array_mfn[pages] = fake_frame(d);
	words[pages] = fake_frame_data(array_mfn[pages]);
	CHECK_EQ(OP(expand_array, .array_gfn = array_mfn[pages]), 0);
	pages++;
}

static event_word_t *word(uint32_t port) { return &words[port / 1024][port % 1024]; }

static uint32_t bind_ipi(uint32_t vcpu)
{
	struct evtchn_bind_ipi op = { .vcpu = vcpu };

	CHECK_EQ(call(EVTCHNOP_bind_ipi, &op), 0);
	return op.port;
}

static void send(uint32_t port)
{
	CHECK_EQ(OP(send, .port = port), 0);
}

/* What a guest does on an upcall (event_channel.h's protocol): one event of the queue, or 0. */
static uint32_t heads[4][16];

static uint32_t take(unsigned int v, unsigned int q)
{
	uint32_t port = heads[v][q];
	event_word_t w;

	if (!port) {
		port = control[v]->head[q];
		if (!(control[v]->ready & 1U << q))
			return 0;
	}
	w = *word(port);
	*word(port) &= ~(LINKED | EVTCHN_FIFO_LINK_MASK);
	heads[v][q] = w & EVTCHN_FIFO_LINK_MASK;
	if (!heads[v][q])
		control[v]->ready &= ~(1U << q);
	if (!(w & PENDING) || w & MASKED)
		return take(v, q);
	*word(port) &= ~PENDING;
	return port;
}

static void reset_guest(void)
{
	for (unsigned int v = 0; v < 4; v++)
		for (unsigned int q = 0; q < 16; q++)
			heads[v][q] = 0;
}

static void switching_takes_the_guests_frames_as_writable_memory(void)
{
	struct page *pg;

	fifo_domain(1);
	CHECK_EQ(d->evtchn.ops, &evtchn_fifo_ops);
	pg = mfn_to_page(MFN(control_mfn[0]));
	CHECK_EQ(page_type(pg), PAGE_WRITABLE);
	CHECK_EQ(page_type_count(pg), 1);
	CHECK_EQ(page_refs(pg), 2);
	expand();
	CHECK_EQ(page_type_count(mfn_to_page(MFN(array_mfn[0]))), 1);
	CHECK_EQ(OP(reset, .dom = DOMID_SELF), 0);
	CHECK_EQ(page_type_count(pg), 0);
	CHECK_EQ(page_refs(pg), 1);
	CHECK_EQ(page_type_count(mfn_to_page(MFN(array_mfn[0]))), 0);
	CHECK_EQ(d->evtchn.ops, &evtchn_2l_ops);
}

static void control_blocks_that_are_not_the_guests_memory_are_refused(void)
{
	struct domain *other = fake_domain(2, 1);
	uint64_t foreign = fake_frame(other), mine;

	d = fake_domain(1, 2);
	mine = fake_frame(d);
	CHECK_EQ(OP(init_control, .control_gfn = foreign), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = ~0UL), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = FAKE_FRAMES), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .offset = 4), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .offset = 4096 - 64), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .offset = ~7U), -EINVAL);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .vcpu = 2), -ENOENT);
	CHECK_EQ(page_get_type(mfn_to_page(MFN(mine)), PAGE_L1), 0);
	CHECK_EQ(OP(init_control, .control_gfn = mine), -EINVAL);	/* it's a page table */
	page_put_type(mfn_to_page(MFN(mine)));
	for (int left = 0; left < 2; left++) {
		fake_mem_left = left;
		CHECK_EQ(OP(init_control, .control_gfn = mine), -ENOMEM);
		fake_mem_left = -1;
	}
	CHECK_EQ(page_refs(mfn_to_page(MFN(mine))), 1);
	CHECK_EQ(d->evtchn.ops, &evtchn_2l_ops);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .offset = 4096 - 72), 0);
	CHECK_EQ(OP(init_control, .control_gfn = mine), -EINVAL);	/* once a vcpu */
	CHECK_EQ(page_refs(mfn_to_page(MFN(mine))), 2);
	CHECK_EQ(OP(init_control, .control_gfn = mine, .vcpu = 1, .offset = 72), 0);
}

static void the_array_grows_up_to_the_domains_ports_by_pages_of_its_own(void)
{
	struct domain *other = fake_domain(2, 1);

	fifo_domain(1);
	CHECK_EQ(OP(expand_array, .array_gfn = fake_frame(other)), -EINVAL);
	CHECK_EQ(OP(expand_array, .array_gfn = 1UL << 52), -EINVAL);
	for (unsigned int i = 0; i < 5; i++)		/* 5001 ports */
		expand();
	CHECK_EQ(OP(expand_array, .array_gfn = fake_frame(d)), -ENOSPC);
	for (uint32_t port = 1; port <= 5000; port++)	/* more than the 2-level ABI can express */
		CHECK_EQ(bind_ipi(0), port);
	CHECK_EQ(OP(bind_ipi, .vcpu = 0), -ENOSPC);
	send(5000);
	CHECK_EQ(control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], 5000);
}

static void events_come_in_the_order_in_which_they_were_sent(void)
{
	uint32_t ports[50];

	reset_guest();
	fifo_domain(1);
	expand();
	for (unsigned int i = 0; i < 50; i++)
		ports[i] = bind_ipi(0);
	for (unsigned int i = 0; i < 50; i++)
		send(ports[i * 7 % 50]);
	CHECK_EQ(fake_upcalls, 1);
	CHECK_EQ(d->vcpu[0]->info->evtchn_upcall_pending, 1);
	CHECK_EQ(control[0]->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
	for (unsigned int i = 0; i < 50; i++)
		CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), ports[i * 7 % 50]);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), 0);
	d->vcpu[0]->info->evtchn_upcall_pending = 0;
	send(ports[3]);
	send(ports[3]);
	CHECK_EQ(fake_upcalls, 2);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), ports[3]);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), 0);
}

static void no_event_is_lost_or_doubled_in_a_random_exchange(void)
{
	enum { PORTS = 40, QUEUES = 3 };
	uint32_t ports[PORTS];
	bool sent[PORTS] = { false };

	reset_guest();
	srandom(3);
	fifo_domain(2);
	expand();
	for (unsigned int i = 0; i < PORTS; i++) {
		struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
		struct evtchn_bind_interdomain join = { .remote_dom = DOMID_SELF };

		CHECK_EQ(call(EVTCHNOP_alloc_unbound, &op), 0);
		join.remote_port = op.port;
		CHECK_EQ(call(EVTCHNOP_bind_interdomain, &join), 0);
		ports[i] = op.port;		/* sent to through the other end */
		CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), join.local_port);
		*word(join.local_port) |= MASKED;
	}
	for (unsigned int round = 0; round < 30000; round++) {
		unsigned int i = random() % PORTS;
		uint32_t got;

		switch (random() % 5) {
		case 0:
			send(evtchn_find(d, ports[i])->remote_port);
			sent[i] = true;
			break;
		case 1:
			CHECK_EQ(OP(set_priority, .port = ports[i], .priority = random() % QUEUES), 0);
			break;
		case 2:
			CHECK_EQ(OP(bind_vcpu, .port = ports[i], .vcpu = random() % 2), 0);
			break;
		default:
			got = take(random() % 2, random() % QUEUES);
			for (unsigned int k = 0; k < PORTS && got; k++)
				if (ports[k] == got) {
					CHECK(sent[k]);
					sent[k] = false;
				}
		}
	}
	for (unsigned int v = 0; v < 2; v++)
		for (unsigned int q = 0; q <= EVTCHN_FIFO_PRIORITY_DEFAULT; q++)
			for (uint32_t got; (got = take(v, q));)
				for (unsigned int k = 0; k < PORTS; k++)
					if (ports[k] == got)
						sent[k] = false;
	for (unsigned int i = 0; i < PORTS; i++)
		CHECK(!sent[i]);
}

static void priorities_choose_the_queue_and_are_checked(void)
{
	uint32_t port;

	reset_guest();
	fifo_domain(1);
	expand();
	port = bind_ipi(0);
	CHECK_EQ(OP(set_priority, .port = port, .priority = 16), -EINVAL);
	CHECK_EQ(OP(set_priority, .port = port, .priority = ~0U), -EINVAL);
	CHECK_EQ(OP(set_priority, .port = port + 1, .priority = 1), -EINVAL);
	CHECK_EQ(OP(set_priority, .port = port, .priority = 0), 0);
	send(port);
	CHECK_EQ(control[0]->ready, 1);
	CHECK_EQ(take(0, 0), port);
	OP(close, .port = port);
	CHECK_EQ(bind_ipi(0), port);
	send(port);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), port);	/* a new port has the default again */
}

static void masked_events_are_linked_when_they_are_unmasked(void)
{
	uint32_t port;

	reset_guest();
	fifo_domain(1);
	expand();
	port = bind_ipi(0);
	*word(port) = MASKED;
	send(port);
	CHECK_EQ(*word(port), MASKED | PENDING);
	CHECK_EQ(fake_upcalls, 0);
	CHECK_EQ(OP(unmask, .port = port), 0);
	CHECK_EQ(*word(port), PENDING | LINKED);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), port);
}

static void what_was_pending_before_the_switch_is_told_after_it(void)
{
	uint32_t port, late;

	reset_guest();
	d = fake_domain(1, 1);
	port = bind_ipi(0);
	send(port);
	d->vcpu[0]->info->evtchn_upcall_pending = 0;
	control_mfn[0] = fake_frame(d);
	control[0] = fake_frame_data(control_mfn[0]);
	CHECK_EQ(OP(init_control, .control_gfn = control_mfn[0]), 0);
	late = bind_ipi(0);
	send(late);				/* no word for it yet */
	CHECK(evtchn_port_is_pending(d, port));
	CHECK(evtchn_port_is_pending(d, late));
	pages = 0;
	expand();
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), port);
	CHECK_EQ(take(0, EVTCHN_FIFO_PRIORITY_DEFAULT), late);
	CHECK_EQ(d->vcpu[0]->info->evtchn_upcall_pending, 1);
}

static void a_vcpu_without_a_control_block_gets_no_event_and_does_no_harm(void)
{
	uint32_t port;
	uint64_t mfn;

	d = fake_domain(1, 2);
	mfn = fake_frame(d);
	CHECK_EQ(OP(init_control, .control_gfn = mfn, .vcpu = 0), 0);
	pages = 0;
	expand();
	port = bind_ipi(1);
	send(port);
	CHECK_EQ(*word(port), PENDING);
	CHECK_EQ(fake_upcalls, 0);
}

/* Whatever a guest writes into its words and control blocks, we stay inside our own memory (ASan). */
static void a_guest_that_scribbles_over_everything_hurts_only_itself(void)
{
	srandom(4);
	fifo_domain(2);
	expand();
	expand();
	for (unsigned int i = 0; i < 1500; i++)
		bind_ipi(i % 2);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int port = 1 + random() % 1500;

		*word(random() % 2048) = (uint32_t)random() << (random() % 2);
		control[random() % 2]->head[random() % 16] = random();
		control[random() % 2]->ready = random();
		OP(send, .port = port);
		OP(unmask, .port = 1 + random() % 1500);
		OP(set_priority, .port = port, .priority = random() % 16);
		if (round % 100 == 0) {
			OP(close, .port = port);
			bind_ipi(random() % 2);
		}
	}
}

static void a_word_that_stays_busy_or_links_to_itself_ends_the_attempt(void)
{
	uint32_t a, b;

	reset_guest();
	fifo_domain(1);
	expand();
	a = bind_ipi(0);
	b = bind_ipi(0);
	send(a);
	*word(a) = LINKED | BUSY | a;
	send(b);
	CHECK_EQ(*word(a) & EVTCHN_FIFO_LINK_MASK, b);
	CHECK_EQ(*word(a) & BUSY, 0);
	*word(b) = 0;			/* the guest forgets that it is linked */
	send(b);
	CHECK_EQ(*word(b), PENDING | LINKED);
	CHECK_EQ(control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], b);
}

static void a_dying_domain_gives_its_frames_back(void)
{
	fifo_domain(2);
	expand();
	expand();
	for (unsigned int i = 0; i < 100; i++)
		send(bind_ipi(i % 2));
	fake_destroy(d);		/* asserts that nobody holds a frame, and the teardown that all is free */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(switching_takes_the_guests_frames_as_writable_memory),
		FAKE_TEST(control_blocks_that_are_not_the_guests_memory_are_refused),
		FAKE_TEST(the_array_grows_up_to_the_domains_ports_by_pages_of_its_own),
		FAKE_TEST(events_come_in_the_order_in_which_they_were_sent),
		FAKE_TEST(no_event_is_lost_or_doubled_in_a_random_exchange),
		FAKE_TEST(priorities_choose_the_queue_and_are_checked),
		FAKE_TEST(masked_events_are_linked_when_they_are_unmasked),
		FAKE_TEST(what_was_pending_before_the_switch_is_told_after_it),
		FAKE_TEST(a_vcpu_without_a_control_block_gets_no_event_and_does_no_harm),
		FAKE_TEST(a_guest_that_scribbles_over_everything_hurts_only_itself),
		FAKE_TEST(a_word_that_stays_busy_or_links_to_itself_ends_the_attempt),
		FAKE_TEST(a_dying_domain_gives_its_frames_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
