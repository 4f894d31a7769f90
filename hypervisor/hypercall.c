#include "hypercall.h"
#include "arch.h"
#include "console.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "printk.h"
#include "sched.h"
#include "softirq.h"
#include "string.h"
#include "trace.h"

static hypercall_fn hcall_multicall;

/* The public numbers (xen/xen.h) and who answers them; what isn't here is -ENOSYS. */
static hypercall_fn *const hypercalls[] = {
	[__HYPERVISOR_set_trap_table]		= hcall_set_trap_table,
	[__HYPERVISOR_mmu_update]		= hcall_mmu_update,
	[__HYPERVISOR_set_gdt]			= hcall_set_gdt,
	[__HYPERVISOR_stack_switch]		= hcall_stack_switch,
	[__HYPERVISOR_set_callbacks]		= hcall_set_callbacks,
	[__HYPERVISOR_fpu_taskswitch]		= hcall_fpu_taskswitch,
	[__HYPERVISOR_platform_op]		= hcall_platform_op,
	[__HYPERVISOR_set_debugreg]		= hcall_set_debugreg,
	[__HYPERVISOR_get_debugreg]		= hcall_get_debugreg,
	[__HYPERVISOR_update_descriptor]	= hcall_update_descriptor,
	[__HYPERVISOR_memory_op]		= hcall_memory_op,
	[__HYPERVISOR_multicall]		= hcall_multicall,
	[__HYPERVISOR_update_va_mapping]	= hcall_update_va_mapping,
	[__HYPERVISOR_set_timer_op]		= hcall_set_timer_op,
	[__HYPERVISOR_xen_version]		= hcall_xen_version,
	[__HYPERVISOR_console_io]		= hcall_console_io,
	[__HYPERVISOR_grant_table_op]		= hcall_grant_table_op,
	[__HYPERVISOR_vm_assist]		= hcall_vm_assist,
	[__HYPERVISOR_update_va_mapping_otherdomain] = hcall_update_va_mapping_otherdomain,
	[__HYPERVISOR_vcpu_op]			= hcall_vcpu_op,
	[__HYPERVISOR_set_segment_base]		= hcall_set_segment_base,
	[__HYPERVISOR_mmuext_op]		= hcall_mmuext_op,
	[__HYPERVISOR_nmi_op]			= hcall_nmi_op,
	[__HYPERVISOR_sched_op]			= hcall_sched_op,
	[__HYPERVISOR_callback_op]		= hcall_callback_op,
	[__HYPERVISOR_event_channel_op]		= hcall_event_channel_op,
	[__HYPERVISOR_physdev_op]		= hcall_physdev_op,
	[__HYPERVISOR_sysctl]			= hcall_sysctl,
	[__HYPERVISOR_domctl]			= hcall_domctl,
	[__HYPERVISOR_arch_0]			= hcall_mca,
};

/* Those that are the privileged domain's as a whole: -EPERM for others. */
static const bool privileged[ARRAY_SIZE(hypercalls)] = {
	[__HYPERVISOR_platform_op]	= true,
	[__HYPERVISOR_sysctl]		= true,
	[__HYPERVISOR_domctl]		= true,
	[__HYPERVISOR_arch_0]		= true,
};

/* The entry of a multicall that runs now, so that a continuation can rewrite it instead of registers. */
struct multicall { struct multicall_entry entry; bool is_preempted; };

static struct multicall **multicall_slot(void) { return &current_vcpu()->multicall; }

bool hypercall_should_yield(void) { return softirq_is_pending(); }

/* A call's number, and that three arguments of 64 bits follow. */
#define TRACE_CALL(nr) ((uint32_t)(nr) & 0xfffff) | TRC_PV_HYPERCALL_V2_ARG_64(0) | \
	TRC_PV_HYPERCALL_V2_ARG_64(1) | TRC_PV_HYPERCALL_V2_ARG_64(2)

static long hypercall_call(uint64_t nr, const uint64_t *arg)
{
	if (nr >= ARRAY_SIZE(hypercalls) || !hypercalls[nr])
		return -ENOSYS;
	_Static_assert(ARRAY_SIZE(hypercalls) <= ARRAY_SIZE(((struct cpu *)0)->perf.hypercalls), "each is counted");
	perf_inc_at(hypercalls, nr);
	if (privileged[nr] && !current_vcpu()->domain->is_privileged)
		return -EPERM;
	return hypercalls[nr](arg);
}

void hypercall_do(struct cpu_user_regs *regs)
{
	const uint64_t arg[6] = { regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9 };

	long rc;

	if (regs->rax == __HYPERVISOR_iret) {
		arch_iret(regs);
		return;
	}
	trace(TRC_PV_HYPERCALL_V2, TRACE_CALL(regs->rax), TRACE_64(arg[0]), TRACE_64(arg[1]), TRACE_64(arg[2]));
	rc = hypercall_call(regs->rax, arg);
	if (!arch_frame_is_replaced(regs))	/* by an iret in a multicall */
		regs->rax = rc;
}

long hypercall_continue(unsigned int nr, unsigned int nargs, ...)
{
	struct multicall *mc = *multicall_slot();
	uint64_t arg[6] = { 0 };
	va_list args;

	va_start(args, nargs);
	for (unsigned int i = 0; i < nargs; i++)
		arg[i] = va_arg(args, uint64_t);
	va_end(args);
	if (!mc) {
		arch_hypercall_restart(arg, nargs);
		return nr;		/* lands in rax: the number of the call that is issued again */
	}
	mc->is_preempted = true;
	mc->entry.op = nr;
	for (unsigned int i = 0; i < nargs; i++)
		mc->entry.args[i] = arg[i];
	return 0;
}

/*
 * arg: entries, count.  Failed entries don't stop it; an entry's result is written as it ends.  An iret ends
 * it: what follows would run in another context.
 */
static long hcall_multicall(const uint64_t arg[6])
{
	uint64_t at = arg[0];
	uint32_t left = arg[1];
	struct multicall mc;
	long rc = 0;

	if (*multicall_slot())
		return -EINVAL;
	for (; left && !rc; left--, at += sizeof(mc.entry)) {
		if (hypercall_should_yield())
			return hypercall_continue(__HYPERVISOR_multicall, 2, at, (uint64_t)left);
		if (copy_from_guest(&mc.entry, at, sizeof(mc.entry)))
			return -EFAULT;
		if (mc.entry.op == __HYPERVISOR_iret) {
			arch_iret_current();
			return 0;
		}
		perf_inc(multicall_entries);
		trace(TRC_PV_HYPERCALL_SUBCALL, TRACE_CALL(mc.entry.op), TRACE_64(mc.entry.args[0]),
		      TRACE_64(mc.entry.args[1]), TRACE_64(mc.entry.args[2]));
		mc.is_preempted = false;
		*multicall_slot() = &mc;
		mc.entry.result = hypercall_call(mc.entry.op, (const uint64_t *)mc.entry.args);
		*multicall_slot() = NULL;
		if (mc.is_preempted) {
			if (copy_to_guest(at, &mc.entry, sizeof(mc.entry)))
				return -EFAULT;
			return hypercall_continue(__HYPERVISOR_multicall, 2, at, (uint64_t)left);
		}
		if (copy_to_guest(at + offsetof(struct multicall_entry, result), &mc.entry.result,
				  sizeof(mc.entry.result)))
			rc = -EFAULT;
	}
	return rc;
}

long hypercall_sub_op(const struct hypercall_op *ops, size_t count, unsigned int cmd, uint64_t arg)
{
	uint64_t op[32];
	long rc;

	if (cmd >= count || !ops[cmd].handler)
		return -ENOSYS;
	if (ops[cmd].flags & HC_PRIVILEGED && !current_vcpu()->domain->is_privileged)
		return -EPERM;
	ASSERT(ops[cmd].size <= sizeof(op));
	if (copy_from_guest(op, arg, ops[cmd].size))
		return -EFAULT;
	rc = ops[cmd].handler(op);
	if (rc >= 0 && ops[cmd].flags & HC_COPY_BACK && copy_to_guest(arg, op, ops[cmd].size))
		return -EFAULT;
	return rc;
}

long hcall_console_io(const uint64_t arg[6]) { return console_io(arg[0], arg[1], arg[2]); }
long hcall_event_channel_op(const uint64_t arg[6]) { return evtchn_op(arg[0], arg[1]); }
long hcall_sched_op(const uint64_t arg[6]) { return sched_op(arg[0], arg[1]); }
long hcall_vcpu_op(const uint64_t arg[6]) { return vcpu_op(arg[0], arg[1], arg[2]); }

/* Absolute system time in ns; 0 stops the timer.  The same timer as VCPUOP_set_singleshot_timer. */
long hcall_set_timer_op(const uint64_t arg[6])
{
	vcpu_set_singleshot(current_vcpu(), arg[0]);
	return 0;
}

long hcall_vm_assist(const uint64_t arg[6])
{
	uint64_t *assist = &current_vcpu()->domain->vm_assist;

	if (arg[1] >= 64 || !(VM_ASSIST_VALID >> arg[1] & 1))
		return -EINVAL;
	switch (arg[0]) {
	case VMASST_CMD_enable:
		bit_test_set_atomic(assist, arg[1]);
		return 0;
	case VMASST_CMD_disable:
		bit_test_clear_atomic(assist, arg[1]);
		return 0;
	default:
		return -ENOSYS;
	}
}
