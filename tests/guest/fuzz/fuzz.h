/*
 * The fuzzer's parts.  All that is random comes from one seeded generator, so a seed and a count name a run.
 * What could only hurt the fuzzer itself (its own code, stack and root; the domain's end; the machine's) is
 * left out; everything else is fair.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "mem.h"

enum { TOYS = 96 };			/* pages whose contents, mappings and types are played with */

struct call {
	unsigned int number;
	uint64_t args[5];
};

extern uint64_t *toy[TOYS];
extern uint64_t toy_mfn[TOYS];
extern unsigned int timer_port;

/* random.c */
void random_seed(uint64_t seed);
uint64_t random_bits(void);
unsigned int random_below(unsigned int n);
bool one_in(unsigned int n);
uint64_t random_number(void);		/* likes edges: 0, 1, -1, powers of two, small */
uint64_t random_va(void);		/* toys, gaps, the reserved area, non-canonical */
uint64_t random_mfn(void);		/* toys, tables, memory of others, devices, none */
uint64_t random_pte(void);
uint64_t random_toy_va(void);		/* inside a toy page, not always aligned */
uint64_t random_breakpoint(void);	/* for debug registers 0-3 */
void *random_buffer(size_t size);	/* scratch memory for arguments, filled with noise */
void buffers_reset(void);

/* calls.c: one random hypercall. */
struct call call_make(void);
long call_run(const struct call *c);

/* actions.c: one random action of any kind. */
void action_run(void);
void actions_report(void);

#endif
