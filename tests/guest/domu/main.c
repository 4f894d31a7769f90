/* The smallest guest that is no domain 0: says "DOMU UP" on its console, then does what its
 * command line asks for: then=poweroff, reboot or crash; else it stays until it is destroyed. */
#include "guest.h"

static bool asked_for(const char *what)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t length = strlen(what);

	for (; *line; line++)
		if (strlen(line) >= length && !memcmp(line, what, length))
			return true;
	return false;
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
	for (;;)
		hcall(sched_op, SCHEDOP_poll, &poll);	/* no port, no timeout: for ever */
}
