/*
 * Descriptor tables and stacks of a CPU.  The GDT is a window of 16 pages: the guest's frames (or zeroes)
 * in 0-13, ours in 14; the LDT window lies behind it.
 */
#ifndef HV_X86_DESC_H
#define HV_X86_DESC_H

#include "cpu.h"

int desc_cpu_init(struct cpu *c);	/* allocates stack, TSS and windows for `c`: -ENOMEM */
void cpu_load_descriptors(struct cpu *c);	/* on `c` itself: GDT, IDT, TSS, SYSCALL entry */
struct cpu_user_regs *cpu_guest_frame(struct cpu *c);	/* where the guest's registers lie while `c` is in here */
#define GDT_WINDOW_PAGES 16
paddr_t zero_page_paddr(void);		/* a page of zeroes */
void desc_load_ldt(uint64_t base, unsigned int entries);	/* on this CPU; no entries: the null LDT */

/* Interrupt stack table slots: events that may come while RSP is a guest's. */
enum ist { IST_NONE, IST_NMI, IST_DF, IST_MCE, IST_DB };

#endif
