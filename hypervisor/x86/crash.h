/* What is shown when something of ours is broken, and NMIs and machine checks. */
#ifndef HV_X86_CRASH_H
#define HV_X86_CRASH_H

void crash_dump_cpus(void);				/* debug key d: all CPUs' registers */
void crash_dump_dom0(void);				/* debug key 0: dom0's vcpus */

#endif
