/* The pair of 8259 interrupt controllers: masked where there are I/O APICs, in use with noapic. */
#ifndef HV_X86_PIC_H
#define HV_X86_PIC_H

#include <stdbool.h>

/*
 * After ioapic_find() and irq_init(): moves them to vectors of their own (a spurious interrupt can always come) and masks
 * them; without I/O APICs their 16 lines become irqs 0-15, on CPU 0.
 */
void pic_init(void);
bool pic_is_spurious(unsigned int line);	/* line 7 or 15 came without being in service; acknowledged as needed */

#endif
