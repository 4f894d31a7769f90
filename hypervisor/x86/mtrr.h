/*
 * Memory type range registers: every CPU must have the boot CPU's (SDM 3A 11.11.8), and not all firmware
 * sees to that.
 */
#ifndef HV_X86_MTRR_H
#define HV_X86_MTRR_H

void mtrr_save(void);			/* on the boot CPU, before others start */
void mtrr_apply(void);			/* on another, interrupts disabled; nothing to do if they're equal */

#endif
