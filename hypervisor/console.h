/*
 * Where the log and dom0's console output go, and where console input comes from.
 *
 * The ring holds the log (for `xm dmesg`); sinks (serial ports, VGA) show the log and dom0's output.
 * Text that comes before the sinks are opened collects in the ring and is shown then.  The console lock
 * is the innermost lock, so printk() works anywhere; what interrupts its holder on the same CPU (an NMI)
 * writes without it.
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A device that shows text.  All but open() are called with the console lock held. */
struct console_sink {
	const char *name;		/* as in console= */
	int (*open)(void);		/* 0, or -ENODEV, -EINVAL (said in the log) */
	void (*write)(const char *text, size_t length);	/* turns \n into what its device needs */
	void (*set_sync)(bool sync);	/* true: all is out when write() returns; NULL: always so */
	void (*start_dom0)(void);	/* dom0 may take the device over; NULL: it can't */
};

extern const struct console_sink console_sinks[];	/* the machine's, ended by a NULL name (x86/) */

void console_init(void);		/* after the command line: opens the sinks that console= names */
void console_init_ring(void);		/* after the heap: the ring gets its conring_size */
void console_init_input(void);		/* after softirqs and CPU 0's record: keys are acted on */
void console_start_dom0(void);		/* before dom0's first instruction: input goes there now */

uint64_t console_lock(void);		/* disables interrupts; returns what console_unlock() needs */
void console_unlock(uint64_t flags);
void console_write_log(const char *text, size_t length);	/* to ring and sinks; lock held */
void console_set_sync(void);		/* from now on text is out when it was written; what was buffered too */
void console_lock_break(void);		/* a panic: no lock any more, sinks become synchronous */

void console_input(char c);		/* from a serial port's interrupt; three Ctrl-a switch the focus */

/* HYPERVISOR_console_io; buffer: guest address. */
long console_io(unsigned int cmd, unsigned int count, uint64_t buffer);

/*
 * Copies log text from *index on (a count of bytes since boot) to `to`, at most `bytes`; *index moves
 * behind what was copied, which is returned.  If that text is gone already, the oldest comes instead.
 */
size_t console_read_ring(char *to, size_t bytes, uint32_t *index);
uint32_t console_ring_start(void);	/* index of the oldest text since console_clear_ring() */
void console_clear_ring(void);

#endif
