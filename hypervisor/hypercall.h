/*
 * From number to handler.  A long-running handler returns hypercall_continue(...), which makes the guest
 * issue the call again with the given arguments once other work was done.
 */
#ifndef HV_HYPERCALL_H
#define HV_HYPERCALL_H

#include "abi.h"
#include "types.h"

/* Bits of xen/xen.h's VMASST_TYPE_* that a 64-bit PV guest may switch. */
#define VM_ASSIST_VALID (1UL << VMASST_TYPE_4gb_segments | 1UL << VMASST_TYPE_4gb_segments_notify |	\
	1UL << VMASST_TYPE_writable_pagetables | 1UL << VMASST_TYPE_pae_extended_cr3 |			\
	1UL << VMASST_TYPE_architectural_iopl | 1UL << VMASST_TYPE_runstate_update_flag |		\
	1UL << VMASST_TYPE_m2p_strict)

/* Every handler is named hcall_*; its arguments are the guest's, hostile until checked. */
typedef long hypercall_fn(const uint64_t arg[6]);

/* One operation of a hypercall with sub-operations: its struct is copied in, handled, and copied back. */
struct hypercall_op {
	long (*handler)(void *op);	/* current is the caller; `op` is our copy */
	uint16_t size;			/* bytes of the guest's struct */
	uint16_t flags;
};
#define HC_COPY_BACK 1			/* when the handler succeeds */
#define HC_PRIVILEGED 2			/* -EPERM but for the privileged domain */

/* Enforces the row: unknown -ENOSYS, privilege, copy in (-EFAULT), handler, copy back. */
long hypercall_sub_op(const struct hypercall_op *ops, size_t count, unsigned int cmd, uint64_t arg);
bool hypercall_should_yield(void);	/* a softirq waits: a long loop must stop here */
/* Arranges the restart with these arguments (each a uint64_t); its result is the handler's. */
long hypercall_continue(unsigned int nr, unsigned int nargs, ...);

struct cpu_user_regs;
void hypercall_do(struct cpu_user_regs *regs);	/* the current vcpu's call: number in rax, result there */

#endif
