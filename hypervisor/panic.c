#include "panic.h"

#include "arch.h"
#include "console.h"
#include "options.h"
#include "printk.h"

static uint32_t panicking;		/* 1 + number of the CPU */

/* Of two CPUs that panic at once the first speaks; the second waits to be stopped. */
void panic_begin(void)
{
	uint32_t none = 0, self = this_cpu() ? cpu_id() + 1 : 1;

	irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &none, self, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		while (none != self || options.noreboot)
			cpu_relax();
		arch_reboot();			/* the dump itself failed */
	}
	console_lock_break();
	arch_stop_others();
}

void panic_end(void)
{
	if (options.noreboot) {
		printk("\nHalted, because of noreboot\n");
		for (;;)
			cpu_relax();
	}
	printk("\nReboot in %u seconds\n", options.reboot_delay_s);
	arch_delay_ms(options.reboot_delay_s * 1000);
	arch_reboot();
}

void fatal(const char *format, ...)
{
	va_list args;

	panic_begin();
	printk("\n*** ");
	va_start(args, format);
	vprintk(format, args);
	va_end(args);
	printk("\n");
	panic_end();
}

void panic(const char *format, ...)
{
	va_list args;

	panic_begin();
	printk("\n*** Panic on CPU %u:\n", this_cpu() ? cpu_id() : 0);
	va_start(args, format);
	vprintk(format, args);
	va_end(args);
	printk("\n");
	arch_panic_show();
	panic_end();
}
