/*
 * The fuzzer's parts.  All that is random comes from one seeded generator a vcpu, so with one vcpu a seed and
 * a count name a run.  What could only hurt the fuzzer itself (its own code, stacks and root; the domain's
 * end; the machine's) is left out; everything else is fair.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "mem.h"

enum {
	TOYS = 96,			/* pages whose contents, mappings and types are played with */
	HOT_TOYS = 8,			/* those that vcpus meet at */
	ARENA = 768 << 10,		/* eight of the longest lists, for a multicall */
};

struct call {
	unsigned int number;
	uint64_t args[5];
};

/* A vcpu that acts, and what is its own. */
struct worker {
	uint64_t random;
	uint64_t left;			/* actions still to run */
	uint64_t traps[TRAP_COUNT], fine, refused;
	uint64_t read;			/* what read_there() found last */
	uint64_t *user_root;		/* what NEW_USER_BASEPTR accepted last; NULL: none */
	unsigned int timer_port;
	bool is_in_toys;			/* a root made of them is loaded */
	volatile bool is_in_user, is_done;
	size_t arena_used;
	uint8_t arena[ARENA] __attribute__((aligned(8)));
};

extern uint64_t *toy[TOYS];
extern uint64_t toy_mfn[TOYS];
extern struct vcpu_time_info clock;	/* as it was at the start: noise may reach the hypervisor's own */
extern bool has_sysenter;		/* it may be tried in the kernel: Xen crashes a domain that does */

/* worker.c: vcpus 0 to worker_count - 1 act; those from spare_first to vcpu_count - 1 are to be played with. */
extern struct worker workers[GUEST_VCPUS];
extern unsigned int worker_count, spare_first, vcpu_count;
extern bool has_fifo;
struct worker *self(void);
void workers_prepare(unsigned int count, uint64_t seed, bool fifo);
void workers_run(uint64_t actions);	/* returns when all are done */
void events_revive(void);		/* noise may have masked the timers that end user code */
bool is_kept_port(uint32_t port);
uint64_t events_mfn(void);		/* a frame that holds event state */
void spare_context(struct vcpu_guest_context *c, unsigned int id);

/* random.c */
void random_seed(uint64_t seed);
uint64_t random_bits(void);
unsigned int random_below(unsigned int n);
bool one_in(unsigned int n);
uint64_t random_number(void);		/* likes edges: 0, 1, -1, powers of two, small */
uint64_t random_va(void);		/* toys, gaps, the reserved area, non-canonical */
uint64_t random_low_va(void);		/* where tables of toys map things, if one of them is the root */
uint64_t random_mfn(void);		/* toys, tables, memory of others, devices, none */
uint64_t random_pte(void);
unsigned int random_toy(void);
uint64_t random_toy_va(void);		/* inside a toy page, not always aligned */
uint64_t random_breakpoint(void);	/* for debug registers 0-3 */
domid_t random_domid(void);
void *random_buffer(size_t size);	/* scratch memory for arguments, filled with noise */
uint64_t random_pointer(void *good);	/* to arguments, at times where nothing can be read */
uint64_t random_out(void);		/* where an answer may go: never over the fuzzer's own memory */
void buffers_reset(void);
void own_frames_note(void);

/* calls.c: one random hypercall. */
struct call call_make(void);
long call_run(const struct call *c);

/* control.c: what only the toolstack may ask, and other domains. */
void make_domctl(struct call *c);
void make_sysctl(struct call *c);
void make_platform_op(struct call *c);
void do_other_domain(void);
uint64_t other_mfn(void);		/* a frame of another domain's, or of nobody's any more */

/* grants.c: grants to ourselves. */
void grants_prepare(void);
void make_grant_table_op(struct call *c);
void do_grant(void);

/* actions.c: one random action of any kind. */
void action_run(void);
void actions_report(void);
void note(long result);

#endif
