#include "x86/serial_options.h"

#include "cmdline.h"
#include "errno.h"
#include "string.h"
#include "types.h"

static int baud_parse(const char **s, struct serial_options *o)
{
	uint64_t baud, base;

	if (parse_word(*s, "auto", ",")) {
		*s = parse_word(*s, "auto", ",");
		o->baud = 0;
		return 0;
	}
	if (parse_number(s, &baud) || !baud)
		return -EINVAL;
	if (**s == '/') {
		(*s)++;
		if (parse_number(s, &base) || !base || base > UINT32_MAX)
			return -EINVAL;
		o->base_baud = base;
	}
	if (baud > o->base_baud || o->base_baud / baud > 0xffff)	/* the divisor has 16 bits */
		return -EINVAL;
	o->baud = baud;
	return 0;
}

/* "8n1": data bits, parity, stop bits. */
static int format_parse(const char **s, struct serial_options *o)
{
	const char *p = *s;

	if (p[0] < '5' || p[0] > '8' || !p[1] || !strchr("noems", p[1]) || p[2] < '1' || p[2] > '2')
		return -EINVAL;
	o->data_bits = p[0] - '0';
	o->parity = p[1];
	o->stop_bits = p[2] - '0';
	*s = p + 3;
	return 0;
}

static int port_parse(const char **s, struct serial_options *o)
{
	uint64_t port;

	if (parse_number(s, &port) || !port || port > 0xfff8)
		return -EINVAL;
	o->port = port;
	return 0;
}

static int irq_parse(const char **s, struct serial_options *o)
{
	uint64_t irq;

	if (parse_number(s, &irq) || irq > 15)
		return -EINVAL;
	o->irq = irq;
	return 0;
}

int serial_options_parse(const char *text, struct serial_options *o)
{
	static int (*const fields[])(const char **s, struct serial_options *o) = {
		baud_parse, format_parse, port_parse, irq_parse,
	};
	struct serial_options r = *o;

	for (unsigned int i = 0; i < ARRAY_SIZE(fields) && *text; i++) {
		if (*text != ',' && fields[i](&text, &r))	/* an empty field keeps its default */
			return -EINVAL;
		if (*text && *text++ != ',')
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*o = r;
	return 0;
}

/* 16550 line control: bits 0-1 length, 2 stop, 3-5 parity. */
uint8_t serial_line_control(const struct serial_options *o)
{
	static const struct { char parity; uint8_t bits; } parities[] = {
		{ 'n', 0 }, { 'o', 1 }, { 'e', 3 }, { 'm', 5 }, { 's', 7 },
	};
	uint8_t lcr = (o->data_bits - 5) | (o->stop_bits == 2 ? 4 : 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(parities); i++)
		if (parities[i].parity == o->parity)
			lcr |= parities[i].bits << 3;
	return lcr;
}
