/*
 * A machine for unit tests of the hypervisor's core: everything that arch.h, heap.h, guest.h, hypercall.h
 * and printk.h promise, on the host, with time that the test advances.  Domains, pages, timers and the
 * scheduler are the real ones.
 */
#ifndef FAKE_H
#define FAKE_H

#include "arch.h"
#include "cpu.h"
#include "domain.h"
#include "errno.h"
#include "evtchn.h"
#include "heap.h"
#include "sched.h"
#include "softirq.h"
#include "check.h"

#define FAKE_FRAMES 2048
#define FAKE_CPUS_MAX 8
#define FAKE_CONTINUED 0x7ead		/* what a handler returns that was to be restarted */

extern uint64_t fake_now;		/* ns */
extern int fake_mem_left;		/* so many allocations succeed, then none; -1: all */
extern int fake_yield_after;		/* so many times a long handler may go on; -1: always */
extern int fake_pirq_rc;		/* what arch_pirq_bind() returns */
extern unsigned int fake_pirqs_bound;
extern int fake_context_rc;		/* what arch_vcpu_set_context() returns */
extern uint64_t fake_guest_fault;	/* guest accesses touching this byte fault */
extern uint64_t fake_guest_start, fake_guest_end;	/* end not 0: all that a guest has; the rest faults */
extern unsigned int fake_upcalls;	/* arch_vcpu_kick_upcall() */
extern const struct vcpu *fake_nmi_for;	/* an NMI waits for it: arch_vcpu_has_nmi() */
extern unsigned int fake_context_switches;
extern uint32_t fake_machine_ended;	/* 0, or 1 power off, 2 reboot, 3 fatal() */

extern const char *fake_scheduler;	/* set before the tests; else "credit" */
extern unsigned int fake_flushes;		/* arch_grant_flush() */
extern unsigned int fake_cache_written;	/* bytes: arch_cache_write_back() */
extern unsigned int fake_cache_written;	/* bytes: arch_cache_write_back() */
extern bool fake_frames_may_stay;	/* a dying domain's frames may still be mapped by others */
extern domid_t fake_pte_owner;		/* whose page table the following is */
bool fake_pte(uint64_t addr, uint64_t *mfn, bool *writable);	/* false: nothing is mapped there */
void fake_pte_clear(uint64_t addr);

/* A row of a table of tests, each on a machine of its own with `cpus` CPUs, which must end without leaks. */
#define FAKE_TEST_CPUS(claim, cpus) { #claim, check_run_test, fake_setup_##cpus, fake_teardown, \
	(void *)(uintptr_t)(claim) }
#define FAKE_TEST(claim) FAKE_TEST_CPUS(claim, 1)
int fake_setup_1(void **state);
int fake_setup_2(void **state);
int fake_setup_4(void **state);
int fake_teardown(void **state);
void fake_memory_stays(void);		/* what is allocated now is kept for ever, as what is made once is */
unsigned int fake_memory_live(void);	/* pieces allocated and not freed */
void fake_memory_kept(unsigned int pieces);	/* so many of them are kept for ever */

struct domain *fake_domain(domid_t id, unsigned int vcpus);	/* running, all vcpus up; 0 is dom0 */
void fake_destroy(struct domain *d);
void fake_be(struct vcpu *v);		/* the test goes on as this vcpu, wherever the scheduler thinks it is */
void fake_be_cpu(unsigned int cpu);	/* … as what that CPU runs */
uint64_t fake_frame(struct domain *d);	/* a new frame of its memory: the number */
void *fake_frame_data(uint64_t mfn);

void fake_softirqs(void);		/* until nothing is pending on any CPU */
void fake_run(uint64_t ns);		/* time passes, timers fire */
struct vcpu *fake_running(unsigned int cpu);

/* A guest that runs for a while and sleeps for a while, from now on. */
struct fake_load {
	struct vcpu *v;
	uint64_t run_ns, sleep_ns;
	uint64_t blocks_at_ns, wakes_at_ns;	/* CPU time, or system time; 0: not now */
	uint64_t woken_at_ns;
	uint64_t latency_max_ns, latency_sum_ns, wakes;
	struct fake_load *next;
};
void fake_load_start(struct fake_load *l, struct vcpu *v, uint64_t run_ns, uint64_t sleep_ns);

#endif
