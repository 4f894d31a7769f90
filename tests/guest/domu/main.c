/* The smallest guest that is no domain 0: says "DOMU UP" on its console, then does what its
 * command line asks for: then=poweroff, reboot or crash; then=echo sends back what is typed; then=flood
 * says 3 MiB first; then=obey does what control/shutdown in XenStore says; else it stays until it is
 * destroyed. */
#include "guest.h"

#include <xen/io/console.h>

#include "store.h"

static struct xencons_interface *console;

/* The page came with the domain; the hypervisor's table turns its machine number into ours. */
static void console_init(void)
{
	const unsigned long *m2p = (const unsigned long *)MACH2PHYS_VIRT_START;

	console = (void *)(VIRT_BASE + m2p[start_info->console.domU.mfn] * PAGE_SIZE);
}

static void console_say(const char *text)
{
	struct evtchn_send { uint32_t port; } send = { start_info->console.domU.evtchn };

	for (; *text; text++) {
		while (console->out_prod - *(volatile XENCONS_RING_IDX *)&console->out_cons >=
		       sizeof console->out)
			hcall(sched_op, SCHEDOP_yield, NULL);
		console->out[console->out_prod & (sizeof console->out - 1)] = *text;
		__atomic_thread_fence(__ATOMIC_RELEASE);
		console->out_prod++;
	}
	hypercall(__HYPERVISOR_event_channel_op, 4 /* EVTCHNOP_send */, (uint64_t)&send, 0, 0, 0);
}

static char console_hear(void)
{
	uint32_t port = start_info->console.domU.evtchn;
	struct sched_poll poll = { .nr_ports = 1 };
	char heard;

	set_xen_guest_handle(poll.ports, &port);
	while (console->in_cons == *(volatile XENCONS_RING_IDX *)&console->in_prod) {
		__atomic_fetch_and(&shared_info.evtchn_pending[port / 64], ~(1ul << port % 64),
				   __ATOMIC_SEQ_CST);
		if (console->in_cons == *(volatile XENCONS_RING_IDX *)&console->in_prod)
			hcall(sched_op, SCHEDOP_poll, &poll);
	}
	heard = console->in[console->in_cons & (sizeof console->in - 1)];
	__atomic_thread_fence(__ATOMIC_ACQ_REL);
	console->in_cons++;
	return heard;
}

static void console_echo(void)
{
	for (;;) {
		const char text[] = { '<', console_hear(), '>', '\0' };

		console_say(text);
	}
}

static void console_flood(void)
{
	for (unsigned int i = 0; i < 3 * 1024 * 1024 / 64; i++)
		console_say("All work and no play makes this guest a rather noisy neighbour.\n");
	console_say("FLOOD OVER\r\n");
}

static bool asked_for(const char *what)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t length = strlen(what);

	for (; *line; line++)
		if (strlen(line) >= length && !memcmp(line, what, length))
			return true;
	return false;
}

/* As an operating system would: powers off or restarts when the toolstack asks for it. */
static void obey(void)
{
	const char *word = store_await_shutdown();

	console_say("DOMU OBEYS ");
	console_say(word);
	console_say("\r\n");
	guest_shutdown(word[0] == 'r' ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
}

void test_main(void)
{
	struct sched_poll poll = { .nr_ports = 0 };

	console_init();
	console_say("DOMU UP ");
	console_say((const char *)start_info->cmd_line);
	console_say("\r\n");
	if (asked_for("then=poweroff"))
		guest_shutdown(SHUTDOWN_poweroff);
	if (asked_for("then=reboot"))
		guest_shutdown(SHUTDOWN_reboot);
	if (asked_for("then=crash"))
		guest_shutdown(SHUTDOWN_crash);
	if (asked_for("then=echo"))
		console_echo();
	if (asked_for("then=flood"))
		console_flood();
	if (asked_for("then=obey"))
		obey();
	for (;;)
		hcall(sched_op, SCHEDOP_poll, &poll);	/* no port, no timeout: for ever */
}
