/* The smallest guest that is no domain 0: says "DOMU UP" on its console, then does what its
 * command line asks for: then=poweroff, reboot or crash; then=echo sends back what is typed; then=flood
 * says 3 MiB first; then=obey does what control/shutdown in XenStore says; then=spin never sleeps;
 * then=nap tells how late it wakes from short sleeps; then=work works and checks its work; else it stays until
 * it is destroyed. */
#include "guest.h"

#include "clock.h"
#include "console.h"
#include "store.h"
#include "work.h"

static void console_echo(void)
{
	for (;;)
		print("<%c>", console_read());
}

static void console_flood(void)
{
	for (unsigned int i = 0; i < 3 * 1024 * 1024 / 64; i++)
		print("All work and no play makes this guest a rather noisy neighbour.\n");
	print("FLOOD OVER\r\n");
}

/* No PAUSE, at which QEMU leaves its loop; and long blocks, which cost it little (-icount counts each of them). */
static _Noreturn void spin(void)
{
	for (;;)
		__asm__ volatile(".rept 200; nop; .endr");
}

enum { NAPS = 300 };		/* of 10 ms */

/* How late a vcpu runs that has slept: the half, the tenth and the latest of many times. */
static void naps_tell(void)
{
	static uint64_t late[NAPS];
	struct sched_poll poll = { .nr_ports = 0 };

	for (unsigned int i = 0; i < NAPS; i++) {
		unsigned int j = i;
		uint64_t x;

		poll.timeout = now_ns() + 10000000;
		do {		/* an event that is pending ends it early */
			hcall(sched_op, SCHEDOP_poll, &poll);
			x = now_ns();
		} while (x < poll.timeout);
		x -= poll.timeout;
		for (; j && late[j - 1] > x; j--)
			late[j] = late[j - 1];
		late[j] = x;
	}
	print("NAPS half %lu tenth %lu latest %lu us late\r\n", late[NAPS / 2] / 1000,
	      late[NAPS - NAPS / 10] / 1000, late[NAPS - 1] / 1000);
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

/* As an operating system would: powers off or restarts when the toolstack asks for it; "crash" is the tests' own word. */
static void obey(void)
{
	const char *word = store_await_shutdown();

	print("DOMU OBEYS %s\r\n", word);
	guest_shutdown(word[0] == 'r' ? SHUTDOWN_reboot : word[0] == 'c' ? SHUTDOWN_crash : SHUTDOWN_poweroff);
}

void test_main(void)
{
	struct sched_poll poll = { .nr_ports = 0 };

	print("DOMU UP %s\r\n", (const char *)start_info->cmd_line);
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
	if (asked_for("then=spin"))
		spin();
	if (asked_for("then=work"))
		work();
	if (asked_for("then=nap"))
		naps_tell();
	for (;;)
		hcall(sched_op, SCHEDOP_poll, &poll);	/* no port, no timeout: for ever */
}
