/* The pair of 8259 interrupt controllers: masked where there are I/O APICs, in use with noapic. */
#ifndef HV_X86_PIC_H
#define HV_X86_PIC_H

#include <stdbool.h>

void pic_disable(void);			/* moved to vectors of their own (a spurious one can still come), all masked */
void pic_init_irqs(void);		/* no I/O APIC: their 16 lines are irqs 0-15, on CPU 0 */
bool pic_is_spurious(unsigned int line);	/* line 7 or 15 came without being in service; acknowledged as needed */

#endif
