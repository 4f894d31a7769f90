#include "console.h"

#include "arch.h"
#include "domain.h"
#include "errno.h"
#include "evtchn.h"
#include "guest.h"
#include "heap.h"
#include "hypercall.h"
#include "keys.h"
#include "options.h"
#include "printk.h"
#include "ring.h"
#include "softirq.h"
#include "string.h"

#define EARLY_RING_SIZE 16384
#define INPUT_SIZE 256			/* bytes kept for dom0; a power of two */
#define MAX_SINKS 8
#define SWITCHES 3			/* that many switch characters in a row change the focus */

static struct spinlock lock;
static struct stack_end *lock_holder;	/* the stack it was taken on; NULL: free */
static bool lock_is_broken;

static char early_ring[EARLY_RING_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct ring ring = { early_ring, EARLY_RING_SIZE, 0, 0 };
static uint32_t ring_cleared;		/* text before is not shown by default */

static const struct console_sink *open_sinks[MAX_SINKS];
static unsigned int open_count;

static char input[INPUT_SIZE];		/* for dom0; under the lock */
static uint32_t input_start, input_end;
static bool focus_is_dom0;
static char switch_char = 'a' & 0x1f;
static unsigned int switches_seen;

/* Taken recursively it is not taken: what interrupted the holder on its own stack can't wait for it. */
uint64_t console_lock(void)
{
	uint64_t flags;

	if (lock_is_broken || READ_ONCE(lock_holder) == stack_end())
		return ~0UL;
	flags = spin_lock_irqsave(&lock);
	WRITE_ONCE(lock_holder, stack_end());
	return flags;
}

void console_unlock(uint64_t flags)
{
	if (flags == ~0UL)
		return;
	WRITE_ONCE(lock_holder, NULL);
	spin_unlock_irqrestore(&lock, flags);
}

static void sinks_write(const char *text, size_t length)
{
	for (unsigned int i = 0; i < open_count; i++)
		open_sinks[i]->write(text, length);
}

static void sinks_set_sync(bool sync)
{
	for (unsigned int i = 0; i < open_count; i++)
		if (open_sinks[i]->set_sync)
			open_sinks[i]->set_sync(sync);
}

void console_write_log(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		ring_put(&ring, text[i]);
	sinks_write(text, length);
}

void console_lock_break(void)
{
	lock_is_broken = true;
	sinks_set_sync(true);
}

void console_set_sync(void)
{
	uint64_t flags = console_lock();

	sinks_set_sync(true);
	console_unlock(flags);
}

static bool option_names_sink(const char *name)
{
	size_t length = strlen(name);

	for (const char *s = options.console; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, name, length) && (!s[length] || s[length] == ','))
			return true;
	}
	return false;
}

/* A sink that opens later than others gets the text so far on its own. */
static void sink_add(const struct console_sink *sink)
{
	uint64_t flags = console_lock();
	uint32_t pos = ring.start;
	char piece[128];
	size_t n;

	if (open_count < MAX_SINKS) {
		open_sinks[open_count++] = sink;
		while ((n = ring_read(&ring, piece, sizeof(piece), &pos)))
			sink->write(piece, n);
	}
	console_unlock(flags);
}

static void conswitch_apply(void)
{
	char c = options.conswitch[0];

	if (c >= 'a' && c <= 'z')
		switch_char = c & 0x1f;
	else if (c)
		switch_char = 0;	/* anything else: no switching */
}

void console_init(void)
{
	conswitch_apply();
	for (const struct console_sink *s = console_sinks; s->name; s++) {
		int rc;

		if (!option_names_sink(s->name))
			continue;
		rc = s->open();
		if (rc)
			printk(LOG_WARN "Console %s can't be opened (error %d)\n", s->name, -rc);
		else
			sink_add(s);
	}
	if (options.sync_console)
		console_set_sync();
}

void console_init_ring(void)
{
	unsigned int order = 0;
	char *data;
	uint64_t flags;

	while (order < 14 && (PAGE_SIZE << order) < options.conring_size)
		order++;
	if ((PAGE_SIZE << order) <= EARLY_RING_SIZE)
		return;
	data = pages_alloc_zeroed(order);
	if (!data) {
		printk(LOG_WARN "No memory for a console ring of %lu KiB\n", 4UL << order);
		return;
	}
	flags = console_lock();
	ring_move(&ring, data, PAGE_SIZE << order);
	console_unlock(flags);
	arch_image_release(early_ring, sizeof(early_ring));
}

void console_init_input(void)
{
	softirq_set_handler(SOFTIRQ_CONSOLE, keys_run_pending);
}

static void focus_announce(void)
{
	printk("*** Serial input to %s (type 'CTRL-%c' three times to switch input)\n",
	       focus_is_dom0 ? "DOM0" : "Xylem", switch_char + 'a' - 1);
}

void console_start_dom0(void)
{
	uint64_t flags = console_lock();

	for (unsigned int i = 0; i < open_count; i++)
		if (open_sinks[i]->start_dom0)
			open_sinks[i]->start_dom0();
	console_unlock(flags);
	focus_is_dom0 = !options.conswitch[0] || options.conswitch[1] != 'x';
	focus_announce();
}

static void input_deliver(char c)
{
	uint64_t flags;

	if (!focus_is_dom0) {
		key_pressed(c);
		return;
	}
	flags = console_lock();
	if (input_end - input_start < INPUT_SIZE)	/* full: dom0 doesn't read, the new byte is lost */
		input[input_end++ % INPUT_SIZE] = c;
	console_unlock(flags);
	evtchn_send_global_virq(VIRQ_CONSOLE);
}

void console_input(char c)
{
	if (c == switch_char && switch_char) {
		if (++switches_seen < SWITCHES)
			return;
		switches_seen = 0;
		focus_is_dom0 = !focus_is_dom0 && dom0;
		focus_announce();
		return;
	}
	for (; switches_seen; switches_seen--)	/* they weren't a switch: pass them on */
		input_deliver(switch_char);
	input_deliver(c);
}

static void guest_text(const char *text, size_t length)
{
	uint64_t flags = console_lock();

	if (options.console_to_ring)
		console_write_log(text, length);
	else
		sinks_write(text, length);
	console_unlock(flags);
}

static long console_guest_write(unsigned int count, uint64_t buffer)
{
	char piece[256];

	while (count) {
		unsigned int n = MIN(count, (unsigned int)sizeof(piece));

		if (copy_from_guest(piece, buffer, n))
			return -EFAULT;
		guest_text(piece, n);
		count -= n;
		buffer += n;
		if (count && hypercall_should_yield())
			return hypercall_continue(__HYPERVISOR_console_io, 3,
						  (uint64_t)CONSOLEIO_write, (uint64_t)count, buffer);
	}
	return 0;
}

static long console_guest_read(unsigned int count, uint64_t buffer)
{
	char piece[INPUT_SIZE];
	unsigned int n = 0;
	uint64_t flags = console_lock();

	while (n < count && n < sizeof(piece) && input_start != input_end)
		piece[n++] = input[input_start++ % INPUT_SIZE];
	console_unlock(flags);
	return copy_to_guest(buffer, piece, n) ? -EFAULT : (long)n;
}

long console_io(unsigned int cmd, unsigned int count, uint64_t buffer)
{
	if (!current_vcpu()->domain->is_privileged)
		return -EPERM;
	if (cmd == CONSOLEIO_write)
		return console_guest_write(count, buffer);
	if (cmd == CONSOLEIO_read)
		return console_guest_read(count, buffer);
	return -ENOSYS;
}

size_t console_read_ring(char *to, size_t bytes, uint32_t *index)
{
	uint64_t flags = console_lock();
	size_t n = ring_read(&ring, to, bytes, index);

	console_unlock(flags);
	return n;
}

uint32_t console_ring_start(void)
{
	uint64_t flags = console_lock();
	uint32_t start = ring.start;

	if (ring_cleared - start <= ring.end - start)
		start = ring_cleared;
	console_unlock(flags);
	return start;
}

void console_clear_ring(void)
{
	uint64_t flags = console_lock();

	ring_cleared = ring.end;
	console_unlock(flags);
}
