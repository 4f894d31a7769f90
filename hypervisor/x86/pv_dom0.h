/* Domain 0: its kernel and initrd come as boot modules, its memory and page tables from here. */
#ifndef HV_X86_PV_DOM0_H
#define HV_X86_PV_DOM0_H

/* Makes domain 0 and leaves it ready to run, its vcpu 0 up, paused once.  Panics with a precise reason. */
void pv_dom0_create(void);

#endif
