/* What debug keys show of the core's state. */
#ifndef HV_DUMP_H
#define HV_DUMP_H

void dump_domains(void);		/* key q: who exists, with memory and vcpus */
void dump_memory(void);			/* key m */
void dump_timers(void);			/* key a */
void dump_cpus(void);			/* key n: interrupt and NMI counts */

#endif
