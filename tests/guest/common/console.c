#include "console.h"

#include <xen/event_channel.h>
#include <xen/io/console.h>

bool is_dom0(void) { return start_info->flags & SIF_INITDOMAIN; }

/* The page came with the domain; the hypervisor's table turns its machine number into ours. */
static struct xencons_interface *console_ring(void)
{
	return (void *)(VIRT_BASE + machine_to_phys_mapping[start_info->console.domU.mfn] * PAGE_SIZE);
}

static void ring_write(struct xencons_interface *ring, const char *text, size_t length)
{
	struct evtchn_send send = { .port = start_info->console.domU.evtchn };

	for (size_t i = 0; i < length; i++) {
		while (ring->out_prod - *(volatile XENCONS_RING_IDX *)&ring->out_cons >= sizeof(ring->out))
			hcall(sched_op, SCHEDOP_yield, NULL);
		ring->out[ring->out_prod & (sizeof(ring->out) - 1)] = text[i];
		__atomic_thread_fence(__ATOMIC_RELEASE);
		ring->out_prod++;
	}
	hcall(event_channel_op, EVTCHNOP_send, &send);
}

void console_write(const char *text, size_t length)
{
	if (is_dom0())
		hcall(console_io, CONSOLEIO_write, length, text);
	else
		ring_write(console_ring(), text, length);
}

char console_read(void)
{
	struct xencons_interface *ring = console_ring();
	uint32_t port = start_info->console.domU.evtchn;
	struct sched_poll poll = { .nr_ports = 1 };
	char heard;

	set_xen_guest_handle(poll.ports, &port);
	while (ring->in_cons == *(volatile XENCONS_RING_IDX *)&ring->in_prod) {
		__atomic_fetch_and(&shared_info.evtchn_pending[port / 64], ~(1ul << port % 64), __ATOMIC_SEQ_CST);
		if (ring->in_cons == *(volatile XENCONS_RING_IDX *)&ring->in_prod)
			hcall(sched_op, SCHEDOP_poll, &poll);
	}
	heard = ring->in[ring->in_cons & (sizeof(ring->in) - 1)];
	__atomic_thread_fence(__ATOMIC_ACQ_REL);
	ring->in_cons++;
	return heard;
}
