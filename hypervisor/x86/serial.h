/*
 * 16550 serial ports.  Until serial_start_interrupts() a write waits for the UART; then it fills a buffer
 * that the transmitter-empty interrupt (or, for a port without an interrupt, a timer) empties.
 */
#ifndef HV_X86_SERIAL_H
#define HV_X86_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int serial_open_com1(void);		/* with options.com[]; -ENODEV: nothing there, -EINVAL: bad options */
int serial_open_com2(void);
void serial_write_com1(const char *text, size_t length);
void serial_write_com2(const char *text, size_t length);
void serial_set_sync_com1(bool sync);
void serial_set_sync_com2(bool sync);
void serial_start_interrupts(void);	/* after the interrupt controllers and timers; opened ports only */
bool serial_owns_port(uint16_t io_port);	/* an I/O port of ours, which dom0 must not touch */

#endif
