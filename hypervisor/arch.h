/*
 * All that the core asks of the machine.  x86/ provides it; unit tests provide it in tests/fake/.
 * The inline part is machine.h.
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include "cpu.h"
#include "domain.h"

uint64_t now_ns(void);			/* system time: nanoseconds since boot, the same on all CPUs */
/* This CPU's next timer interrupt, at once if that has passed; 0: none needed. */
void arch_timer_program(uint64_t deadline_ns);
void arch_kick_cpu(struct cpu *c);	/* make `c` look at its pending softirqs soon */

/*
 * Leaves `prev` and continues in `next` on this CPU.  Called with interrupts disabled from the schedule
 * softirq; does not return: calls sched_context_saved(prev) once prev's state can be loaded elsewhere,
 * then goes to the guest or the idle loop.
 */
__attribute__((noreturn)) void arch_context_switch(struct vcpu *prev, struct vcpu *next);
void arch_vcpu_sync(struct vcpu *v);	/* `v` doesn't run: bring its register state to memory if it's still on some CPU */

int arch_vcpu_init(struct vcpu *v);	/* -ENOMEM */
void arch_vcpu_free(struct vcpu *v);
int arch_domain_init(struct domain *d, const struct xen_domctl_createdomain *config);
void arch_domain_free(struct domain *d);
/* Takes all the domain's page tables, mappings and frames from it; its vcpus are off. -ERESTART: call again. */
int arch_domain_relinquish(struct domain *d);

/* Upcall flags changed for `v`: make it see them (it may be running elsewhere, or in the guest here). */
void arch_vcpu_kick_upcall(struct vcpu *v);
void arch_vcpu_time_update(struct vcpu *v);	/* write its vcpu_time_info now */
void arch_guest_show(void);		/* registers, code and stack of the guest that this CPU was entered from */
void arch_watchdog_hold(void);		/* counted: nobody is taken for stuck until it is released again */
void arch_watchdog_release(void);
/* v doesn't run.  -EINVAL …: it's refused, and `v` is as if it had never had one. */
int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *ctxt);
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *ctxt);	/* v is paused */
void arch_vcpu_reset(struct vcpu *v);		/* v is paused: no context any more */
int arch_vcpu_send_nmi(struct vcpu *v);	/* VCPUOP_send_nmi; -EINVAL: it can't take one */
bool arch_vcpu_has_nmi(const struct vcpu *v);	/* one was sent, and it has run no guest code since */
uint64_t arch_cpu_physid(const struct cpu *c);	/* VCPUOP_get_physid: ids of the processor */

/* Interrupt lines bound to event channels (PIRQs). */
int arch_pirq_bind(struct domain *d, unsigned int pirq, unsigned int port, bool will_share);
void arch_pirq_unbind(struct domain *d, unsigned int pirq);
void arch_pirq_follow(struct domain *d, unsigned int pirq, struct vcpu *v);	/* best come where v is; a hint */

/*
 * Host mappings of grants, in the page tables of `d` (its mm_lock is not held).  `addr` is a virtual address
 * of the current address space, or, with GNTMAP_contains_pte, the machine address of a level-1 entry; flags
 * are GNTMAP_*, with the guest's available bits from bit 16 on (_GNTMAP_guest_avail0).  The entry holds
 * references like any other.  0, or a GNTST_* (bad_virt_addr, general_error) and nothing has changed.
 */
int arch_grant_map_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, struct domain *granter);
/*
 * Clears the entry, which must map `mfn`, writable if and only if `flags` lack GNTMAP_readonly; or, if new_addr
 * isn't 0, moves the entry of that virtual address to it, leaving nothing there.
 */
int arch_grant_unmap_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, uint64_t new_addr);
void arch_grant_flush(struct domain *d);	/* on return no TLB holds an entry that the above removed */
void arch_cache_write_back(const void *at, uint32_t length);	/* to memory, for a device that reads it there */

/* Hypercalls: iret replaces the frame; a restart makes the guest issue its call again. */
void arch_iret(struct cpu_user_regs *regs);
void arch_iret_current(void);		/* the same for the guest that called us */
bool arch_frame_is_replaced(const struct cpu_user_regs *regs);	/* by one of these */
void arch_hypercall_restart(const uint64_t *arg, unsigned int nargs);

/* Frames: what a type means, and who may still see the frame as what it was. */
/*
 * A BUSY frame's contents: taken into use, with the references its entries need, or not (-EINVAL), and
 * page_type_validated() called; or let go and page_type_clear() called.  Page tables may stay BUSY (-ERESTART).
 */
int arch_page_validate(struct page *pg, enum page_type type);
void arch_page_devalidate(struct page *pg, enum page_type type);
/* A domain's frame is to be something else: no TLB may lead to it as what it was until `stamp`. */
void arch_page_type_changed(struct page *pg, uint32_t stamp);
void arch_page_released(struct page *pg);	/* the last reference went */
uint32_t arch_tlb_clock(void);		/* 1 … USE_STAMP */
/* Frames fresh from the heap go to a domain: nobody's TLB may still lead to them. */
void arch_frames_reused(struct page *pg, unsigned int order);
/* Some TLB may lead to what was let go at `stamp` (0: never used), and then the flush that ends this. */
bool arch_tlb_is_stale(uint32_t stamp);
void arch_tlb_flush_stale(uint32_t stamp);
void arch_image_release(void *from, size_t bytes);	/* whole pages of our image that aren't needed any more */
void arch_share_tables(void);		/* once there is dom_xen: who may map its frames finds ours that are to be seen */
void arch_m2p_set(mfn_t mfn, uint64_t pfn);	/* ~0: none */
void arch_domain_info(const struct domain *d, struct xen_domctl_getdomaininfo *info);	/* adds the machine's part */
void arch_physinfo(struct xen_sysctl_physinfo *info);	/* likewise: CPUs and their features */
long arch_memory_op(unsigned int cmd, uint64_t arg);	/* the XENMEM_* that memory.c doesn't know */

__attribute__((noreturn)) void arch_reboot(void);
__attribute__((noreturn)) void arch_power_off(void);

#endif
