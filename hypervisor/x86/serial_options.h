/* com1= and com2=: <baud>[/<base baud>]|auto[,<format>[,<port>[,<irq>]]] */
#ifndef HV_X86_SERIAL_OPTIONS_H
#define HV_X86_SERIAL_OPTIONS_H

#include <stdint.h>

struct serial_options {
	uint32_t baud;			/* 0: as the firmware left it */
	uint32_t base_baud;		/* the UART's clock / 16 */
	uint8_t data_bits, stop_bits;	/* 5-8, 1-2 */
	char parity;			/* n, o, e, m, s */
	uint16_t port;
	uint8_t irq;			/* ISA line; 0: polled */
};

/* Fills what `text` gives and leaves the rest of *o as it is; -EINVAL and *o untouched if it's malformed. */
int serial_options_parse(const char *text, struct serial_options *o);
uint8_t serial_line_control(const struct serial_options *o);	/* the LCR value */

#endif
