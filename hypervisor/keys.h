/* Debug keys: what one letter on the console (or sysctl.debug_keys) shows or does.  keys.c has the table. */
#ifndef HV_KEYS_H
#define HV_KEYS_H

void key_pressed(char key);		/* any context: acts at once, or soon in a softirq, as the row says */
void key_run(char key);			/* now; no lock held, interrupts enabled */
void keys_run_pending(void);		/* SOFTIRQ_CONSOLE */

#endif
