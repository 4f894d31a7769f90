/* The hypercalls that stand for privileged instructions: descriptors, callbacks, debug registers … */
#include "arch.h"
#include "asm.h"
#include "desc.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "pv_mm.h"
#include "pv_traps.h"
#include "string.h"

void arch_iret(struct cpu_user_regs *regs) { pv_iret(regs); }
void arch_iret_current(void) { pv_iret(cpu_guest_frame(this_cpu())); }

bool arch_frame_is_replaced(const struct cpu_user_regs *regs)
{
	return regs->entry_vector == VECTOR_BOUNCE;
}

/* Rewrites the guest's argument registers and lets it execute SYSCALL once more. */
void arch_hypercall_restart(const uint64_t *arg, unsigned int nargs)
{
	struct cpu_user_regs *r = cpu_guest_frame(this_cpu());
	uint64_t *const where[6] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

	for (unsigned int i = 0; i < nargs; i++)
		*where[i] = arg[i];
	r->rip -= 2;
}

/* arg: table, ended by address 0; NULL clears all */
long hcall_set_trap_table(const uint64_t arg[6])
{
	struct vcpu *v = current_vcpu();
	struct trap_info t;

	if (!arg[0]) {
		memset(v->arch.pv.traps, 0, sizeof(v->arch.pv.traps));
		return 0;
	}
	for (uint64_t at = arg[0];; at += sizeof(t)) {
		if (copy_from_guest(&t, at, sizeof(t)))
			return -EFAULT;
		if (!t.address)
			return 0;
		if (!is_guest_address(t.address))
			return -EINVAL;
		t.cs |= 3;
		v->arch.pv.traps[t.vector] = t;
		if (hypercall_should_yield())
			return hypercall_continue(__HYPERVISOR_set_trap_table, 1, at + sizeof(t));
	}
}

/* arg: frames, entries */
long hcall_set_gdt(const uint64_t arg[6])
{
	uint64_t mfns[GUEST_GDT_PAGES];
	uint32_t entries = arg[1];

	if (entries > GUEST_GDT_PAGES * 512)
		return -EINVAL;
	if (copy_from_guest(mfns, arg[0], DIV_UP(entries, 512) * sizeof(mfns[0])))
		return -EFAULT;
	return pv_set_gdt(current_vcpu(), mfns, entries);
}

/* arg: machine address of the entry, descriptor */
long hcall_update_descriptor(const uint64_t arg[6])
{
	struct domain *d = current_vcpu()->domain;
	uint64_t descriptor = arg[1], *entry;
	struct page *pg;
	enum page_type t;

	if (arg[0] & 7 || pv_descriptor_check(&descriptor))
		return -EINVAL;
	pg = page_get_mfn(MFN(arg[0] >> PAGE_SHIFT), d);
	if (!pg)
		return -EINVAL;
	entry = (uint64_t *)((char *)mfn_to_virt(page_to_mfn(pg)) + (arg[0] & (PAGE_SIZE - 1)));
	spin_lock(&d->arch.mm_lock);
	t = page_type(pg) == PAGE_SEGDESC && page_type_count(pg) ? PAGE_SEGDESC : PAGE_WRITABLE;
	if (page_get_type(pg, t)) {
		spin_unlock(&d->arch.mm_lock);
		page_put(pg);
		return -EINVAL;
	}
	WRITE_ONCE(*entry, descriptor);
	page_put_type(pg);
	spin_unlock(&d->arch.mm_lock);
	page_put(pg);
	return 0;
}

/* arg: ss, esp of the guest kernel's stack */
long hcall_stack_switch(const uint64_t arg[6])
{
	struct pv_vcpu *pv = &current_vcpu()->arch.pv;

	pv->kernel_ss = arg[0] | 3;
	pv->kernel_sp = arg[1];
	return 0;
}

/* arg: event, failsafe and syscall handler */
long hcall_set_callbacks(const uint64_t arg[6])
{
	struct pv_vcpu *pv = &current_vcpu()->arch.pv;

	if (!is_guest_address(arg[0]) || !is_guest_address(arg[1]) || !is_guest_address(arg[2]))
		return -EINVAL;
	pv->event.address = arg[0];
	pv->failsafe.address = arg[1];
	pv->syscall.address = arg[2];
	return 0;
}

static struct pv_callback *callback_find(struct pv_vcpu *pv, unsigned int type)
{
	switch (type) {
	case CALLBACKTYPE_event: return &pv->event;
	case CALLBACKTYPE_failsafe: return &pv->failsafe;
	case CALLBACKTYPE_syscall: return &pv->syscall;
	case CALLBACKTYPE_syscall32: return &pv->syscall32;
	case CALLBACKTYPE_sysenter: return &pv->sysenter;
	default: return NULL;
	}
}

/* The NMI's is its entry of the trap table by another name (Linux only has that); 0: none. */
static long nmi_callback_set(struct vcpu *v, uint64_t address)
{
	if (!is_guest_address(address))
		return -EINVAL;
	v->arch.pv.traps[TRAP_NMI] = (struct trap_info) { .vector = TRAP_NMI, .cs = FLAT_KERNEL_CS, .address = address };
	return 0;
}

static long callback_register(void *arg)
{
	const struct callback_register *op = arg;
	struct pv_callback *cb;

	if (op->type == CALLBACKTYPE_nmi)
		return nmi_callback_set(current_vcpu(), op->address);
	cb = callback_find(&current_vcpu()->arch.pv, op->type);
	if (!cb)
		return -ENOSYS;
	if (!is_guest_address(op->address))
		return -EINVAL;
	cb->address = op->address;
	cb->mask_events = op->flags & CALLBACKF_mask_events || op->type == CALLBACKTYPE_event;
	return 0;
}

static long callback_unregister(void *arg)
{
	const struct callback_unregister *op = arg;

	if (op->type != CALLBACKTYPE_nmi)
		return -EINVAL;		/* the others can be replaced, not taken away */
	return nmi_callback_set(current_vcpu(), 0);
}

static const struct hypercall_op callback_ops[] = {
	[CALLBACKOP_register]	= { callback_register, sizeof(struct callback_register) },
	[CALLBACKOP_unregister]	= { callback_unregister, sizeof(struct callback_unregister) },
};

long hcall_callback_op(const uint64_t arg[6])
{
	return hypercall_sub_op(callback_ops, ARRAY_SIZE(callback_ops), arg[0], arg[1]);
}

/* Only vcpu 0 takes NMIs that aren't sent to one. */
static long nmi_register(void *arg)
{
	const struct xennmi_callback *op = arg;
	struct vcpu *v = current_vcpu();

	return v->id ? -EINVAL : nmi_callback_set(v, op->handler_address);
}

long hcall_nmi_op(const uint64_t arg[6])
{
	static const struct hypercall_op ops[] = {
		[XENNMI_register_callback] = { nmi_register, sizeof(struct xennmi_callback) },
	};

	if (arg[0] == XENNMI_unregister_callback)
		return nmi_callback_set(current_vcpu(), 0);
	return hypercall_sub_op(ops, ARRAY_SIZE(ops), arg[0], arg[1]);
}

void pv_set_ts(struct vcpu *v, bool ts)
{
	uint64_t cr0;

	v->arch.pv.cr0_ts = ts;
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = ts ? cr0 | 8 : cr0 & ~8UL;		/* SDM 3A 2.5 */
	__asm__ volatile("mov %0, %%cr0" :: "r"(cr0));
}

long hcall_fpu_taskswitch(const uint64_t arg[6])
{
	pv_set_ts(current_vcpu(), arg[0]);
	return 0;
}

/* arg: which, base (or, for GS_USER_SEL, the selector) */
long hcall_set_segment_base(const uint64_t arg[6])
{
	uint64_t base = arg[1];

	if (arg[0] == SEGBASE_GS_USER_SEL) {
		load_gs_inactive_safe(base & 0xffff);	/* one that doesn't load leaves the null selector */
		return 0;
	}
	if (!va_is_canonical(base))
		return -EINVAL;
	switch (arg[0]) {
	case SEGBASE_FS:
		wrmsr(MSR_FS_BASE, base);
		return 0;
	case SEGBASE_GS_USER:		/* the kernel runs: the user's base is the inactive one */
		wrmsr(MSR_KERNEL_GS_BASE, base);
		return 0;
	case SEGBASE_GS_KERNEL:
		wrmsr(MSR_GS_BASE, base);
		return 0;
	default:
		return -EINVAL;
	}
}

/* No I/O breakpoints, no general detect: SDM 3B 17.2. */
static bool debugreg_control_ok(uint64_t dr7)
{
	if (dr7 >> 32 || dr7 & (1 << 13))
		return false;
	for (unsigned int i = 0; i < 4; i++)
		if ((dr7 >> (2 * i) & 3) && (dr7 >> (16 + 4 * i) & 3) == 2)
			return false;
	return true;
}

static void debugreg_load(unsigned int reg, uint64_t value)
{
	switch (reg) {
	case 0: __asm__ volatile("mov %0, %%dr0" :: "r"(value)); break;
	case 1: __asm__ volatile("mov %0, %%dr1" :: "r"(value)); break;
	case 2: __asm__ volatile("mov %0, %%dr2" :: "r"(value)); break;
	case 3: __asm__ volatile("mov %0, %%dr3" :: "r"(value)); break;
	case 7: __asm__ volatile("mov %0, %%dr7" :: "r"(value)); break;
	}
}

#define DR6_FIXED 0xffff0ff0UL		/* bits that read as 1 */
#define DR7_FIXED 0x400UL

long pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value)
{
	switch (reg) {
	case 0: case 1: case 2: case 3:
		if (!is_guest_address(value))	/* breakpoints lie in the guest's part only */
			return -EPERM;
		break;
	case 6:
		value = (value & 0xe00f) | DR6_FIXED;
		break;
	case 7:
		if (!debugreg_control_ok(value))
			return -EPERM;
		value = (value & 0xffff23ff) | DR7_FIXED;
		break;
	default:
		return -EINVAL;
	}
	v->arch.pv.dr[reg] = value;
	if (v == current_vcpu() && reg != 6)
		debugreg_load(reg, value);
	return 0;
}

void pv_load_debugregs(struct vcpu *v)
{
	for (unsigned int i = 0; i < 4; i++)
		debugreg_load(i, v->arch.pv.dr[i]);
	debugreg_load(7, v->arch.pv.dr[7]);
}

long hcall_set_debugreg(const uint64_t arg[6])
{
	return arg[0] < 8 ? pv_set_debugreg(current_vcpu(), arg[0], arg[1]) : -ENODEV;
}

long hcall_get_debugreg(const uint64_t arg[6])
{
	if (arg[0] >= 8 || arg[0] == 4 || arg[0] == 5)
		return -EINVAL;
	return current_vcpu()->arch.pv.dr[arg[0]];
}
