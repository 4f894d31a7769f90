#include "serial.h"

#include "console.h"
#include "cpu.h"
#include "errno.h"
#include "options.h"
#include "printk.h"
#include "timer.h"
#include "arch.h"
#include "asm.h"
#include "irq.h"
#include "serial_options.h"

/* Registers (PC16550D data sheet, table II). */
#define UART_DATA 0			/* also divisor low, while LCR_DLAB */
#define UART_IER 1			/* … high */
#define UART_IIR 2			/* read; FCR on write */
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_SCR 7

#define IER_RX 1
#define IER_TX 2
#define FCR_ENABLE_AND_CLEAR 7
#define LCR_DLAB 0x80
#define MCR_DTR_RTS_OUT2 0x0b		/* OUT2 connects the interrupt line on PCs */
#define LSR_RX 1
#define LSR_TX_EMPTY 0x20
#define FIFO_SIZE 16

#define TX_SIZE 16384			/* buffered bytes; a power of two */
#define POLL_PERIOD_NS (10 * NS_PER_MS)
#define WAIT_READS 200000		/* of the LSR, 1 µs or so each on real buses: then the port is stuck */

struct uart {
	struct serial_options o;
	bool is_open, is_stuck, interrupts_on, has_fifo;
	unsigned int sync;
	uint8_t ier;
	char last;
	uint32_t tx_start, tx_end;
	char tx[TX_SIZE];
	struct timer poll;
};

/* All under the console lock. */
static struct uart uarts[2] = {
	{ .o = { 0, 115200, 8, 1, 'n', 0x3f8, 4 } },
	{ .o = { 0, 115200, 8, 1, 'n', 0x2f8, 3 } },
};

static uint8_t uart_read(const struct uart *u, unsigned int reg) { return inb(u->o.port + reg); }
static void uart_write(const struct uart *u, unsigned int reg, uint8_t v) { outb(u->o.port + reg, v); }

/* A port where nothing is reads as ones, and its scratch register keeps nothing. */
static bool uart_is_present(const struct uart *u)
{
	uart_write(u, UART_SCR, 0x5a);
	if (uart_read(u, UART_SCR) != 0x5a)
		return false;
	uart_write(u, UART_SCR, 0xa5);
	return uart_read(u, UART_SCR) == 0xa5 && uart_read(u, UART_LSR) != 0xff;
}

static void uart_set_up(struct uart *u)
{
	uint8_t lcr = serial_line_control(&u->o);
	uint16_t divisor;

	uart_write(u, UART_IER, 0);
	if (u->o.baud) {
		divisor = u->o.base_baud / u->o.baud;
		uart_write(u, UART_LCR, lcr | LCR_DLAB);
		uart_write(u, UART_DATA, divisor & 0xff);
		uart_write(u, UART_IER, divisor >> 8);
	}
	uart_write(u, UART_LCR, lcr);
	uart_write(u, UART_MCR, MCR_DTR_RTS_OUT2);
	uart_write(u, UART_IIR, FCR_ENABLE_AND_CLEAR);
	u->has_fifo = (uart_read(u, UART_IIR) & 0xc0) == 0xc0;
}

static int uart_open(unsigned int n)
{
	struct uart *u = &uarts[n];

	if (serial_options_parse(options.com[n], &u->o)) {
		printk(LOG_ERR "com%u=%s is not understood\n", n + 1, options.com[n]);
		return -EINVAL;
	}
	if (!uart_is_present(u))
		return -ENODEV;
	uart_set_up(u);
	u->is_open = true;
	return 0;
}

static void uart_wait_empty(struct uart *u)
{
	for (unsigned int i = 0; i < WAIT_READS; i++)
		if (uart_read(u, UART_LSR) & LSR_TX_EMPTY) {
			u->is_stuck = false;
			return;
		}
	u->is_stuck = true;		/* later writes look once and drop */
}

static bool uart_is_empty(struct uart *u)
{
	bool empty = uart_read(u, UART_LSR) & LSR_TX_EMPTY;

	if (empty)
		u->is_stuck = false;
	return empty;
}

static void uart_send_burst(struct uart *u)
{
	for (unsigned int i = 0; i < (u->has_fifo ? FIFO_SIZE : 1) && u->tx_start != u->tx_end; i++)
		uart_write(u, UART_DATA, u->tx[u->tx_start++ % TX_SIZE]);
}

/* Waits until a burst could be sent.  Of a port that is stuck the text is lost. */
static void uart_make_room(struct uart *u)
{
	if (u->is_stuck)
		uart_is_empty(u);
	else
		uart_wait_empty(u);
	if (u->is_stuck)
		u->tx_start = u->tx_end;
	else
		uart_send_burst(u);
}

static void uart_drain(struct uart *u)
{
	while (u->tx_start != u->tx_end)
		uart_make_room(u);
}

static void uart_set_ier(struct uart *u, uint8_t ier)
{
	if (ier != u->ier)
		uart_write(u, UART_IER, u->ier = ier);
}

/* Starts or continues sending without waiting. */
static void uart_pump(struct uart *u)
{
	if (u->tx_start != u->tx_end && uart_is_empty(u))
		uart_send_burst(u);
	if (u->o.irq)
		uart_set_ier(u, IER_RX | (u->tx_start != u->tx_end ? IER_TX : 0));
}

static void uart_put(struct uart *u, char c)
{
	if (u->tx_end - u->tx_start >= TX_SIZE)		/* faster than the line: wait, lose nothing */
		uart_make_room(u);
	u->tx[u->tx_end++ % TX_SIZE] = c;
}

static void uart_write_text(struct uart *u, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' && u->last != '\r')
			uart_put(u, '\r');
		uart_put(u, u->last = text[i]);
	}
	if (u->sync || !u->interrupts_on)
		uart_drain(u);
	else
		uart_pump(u);
}

static void uart_set_sync(struct uart *u, bool sync)
{
	u->sync += sync ? 1 : -1;
	if (u->sync)
		uart_drain(u);
}

/* Receives what is there and sends on; console_input() takes the console lock itself. */
static void uart_service(struct uart *u)
{
	char received[64];
	unsigned int n = 0;
	uint64_t flags = console_lock();

	while (n < sizeof(received) && (uart_read(u, UART_LSR) & LSR_RX))
		received[n++] = uart_read(u, UART_DATA);
	uart_pump(u);
	console_unlock(flags);
	for (unsigned int i = 0; i < n; i++)
		console_input(received[i]);
}

static void uart_interrupt(void *data)
{
	struct uart *u = data;

	/* IIR bit 0 clear: something is pending.  The line is an edge on most PCs: leave none behind. */
	for (unsigned int i = 0; i < 16 && !(uart_read(u, UART_IIR) & 1); i++)
		uart_service(u);
}

static void uart_poll(void *data)
{
	struct uart *u = data;

	uart_service(u);
	timer_set(&u->poll, now_ns() + POLL_PERIOD_NS);
}

static void uart_start(struct uart *u)
{
	uint64_t flags;

	if (u->o.irq && irq_request_isa(u->o.irq, uart_interrupt, u, "serial")) {
		printk(LOG_WARN "Serial port at %#x: interrupt %u not to be had, polling\n",
		       u->o.port, u->o.irq);
		u->o.irq = 0;
	}
	flags = console_lock();
	u->interrupts_on = true;
	uart_pump(u);
	console_unlock(flags);
	if (!u->o.irq) {
		timer_init(&u->poll, this_cpu(), uart_poll, u);
		timer_set(&u->poll, now_ns() + POLL_PERIOD_NS);
	}
}

void serial_start_interrupts(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++)
		if (uarts[i].is_open)
			uart_start(&uarts[i]);
}

bool serial_owns_port(uint16_t io_port)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++)
		if (uarts[i].is_open && io_port - uarts[i].o.port >= 0 && io_port - uarts[i].o.port < 8)
			return true;
	return false;
}

int serial_open_com1(void) { return uart_open(0); }
int serial_open_com2(void) { return uart_open(1); }
void serial_write_com1(const char *text, size_t length) { uart_write_text(&uarts[0], text, length); }
void serial_write_com2(const char *text, size_t length) { uart_write_text(&uarts[1], text, length); }
void serial_set_sync_com1(bool sync) { uart_set_sync(&uarts[0], sync); }
void serial_set_sync_com2(bool sync) { uart_set_sync(&uarts[1], sync); }
