/* Debug keys: what one letter on the console (or sysctl.debug_keys) shows or does.  keys.c has the table. */
#ifndef HV_KEYS_H
#define HV_KEYS_H

#include <stdbool.h>

struct debug_key {
	char key;
	void (*handler)(void);		/* no lock held, interrupts enabled */
	const char *help;
};

extern const struct debug_key arch_debug_keys[];	/* ended by a NULL handler (x86/arch_keys.c) */

void key_pressed(char key);		/* any context: acts soon, in SOFTIRQ_CONSOLE */
bool key_run(char key);			/* now; false: there's no such key */
void keys_run_pending(void);		/* SOFTIRQ_CONSOLE */

#endif
