/* The end after a mistake of ours: printk.h's panic() is the usual way; traps have more to show between the two. */
#ifndef HV_PANIC_H
#define HV_PANIC_H

void panic_begin(void);			/* stops the other CPUs, frees the console; a second panic in it ends at once */
__attribute__((noreturn)) void panic_end(void);	/* reboots after a while, or halts (noreboot) */
void arch_panic_show(void);		/* the stack, symbolised (x86/crash.c) */
void arch_stop_others(void);		/* x86/smp.c */
void arch_delay_ms(unsigned int ms);	/* spins; x86/time.c */

#endif
