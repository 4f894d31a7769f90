#include "pv_traps.h"
#include "arch.h"
#include "asm.h"
#include "errno.h"
#include "guest.h"
#include "hypercall.h"
#include "pv_io.h"
#include "pv_mm.h"
#include "printk.h"
#include "tlb.h"

/* RFLAGS a handler starts with: nothing pending from what was interrupted. */
#define BOUNCE_CLEARS (RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | RFLAGS_AC)
#define HV_TOP_DOWN(a) ((a) > HV_VIRT_START && (a) < HV_VIRT_END)

/* Switches mode: GS bases, root. */
static void pv_mode_set(struct vcpu *v, bool in_kernel)
{
	v->arch.pv.in_kernel = in_kernel;
	__asm__ volatile("swapgs");
	pv_load_root(v);
	pv_io_bitmap_switch(v);
}

/* What the guest kernel is shown of RFLAGS: IF is its event mask, IOPL the virtual one where it asked. */
static uint64_t guest_rflags(const struct vcpu *v, const struct cpu_user_regs *regs)
{
	uint64_t flags = regs->rflags & ~(RFLAGS_IF | RFLAGS_IOPL);

	if (!v->info->evtchn_upcall_mask)
		flags |= RFLAGS_IF;
	if (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1)
		flags |= (uint64_t)v->arch.pv.iopl << 12;
	return flags;
}

/*
 * Makes a frame on the guest kernel's stack and continues at `handler` (layout: xen/arch-x86/xen-x86_64.h
 * and what guests' entry code pops): rcx, r11, [error code], rip, cs + saved mask, rflags, rsp, ss.
 */
static void pv_bounce(struct vcpu *v, struct cpu_user_regs *regs, uint64_t handler, bool mask_events,
		      const uint64_t *error_code)
{
	struct vcpu_info *info = v->info;
	uint64_t frame[8], sp = regs->rsp, cs;
	unsigned int n = 0;
	bool from_user = !v->arch.pv.in_kernel;

	if (!handler) {
		domain_crash(v->domain, "no handler for vector %#x at rip %#lx", regs->entry_vector, regs->rip);
		return;
	}
	cs = (regs->cs & ~3UL) | (from_user ? 3 : 0) | (uint64_t)info->evtchn_upcall_mask << 32;
	frame[n++] = regs->rcx;
	frame[n++] = regs->r11;
	if (error_code)
		frame[n++] = *error_code;
	frame[n++] = regs->rip;
	frame[n++] = cs;
	frame[n++] = guest_rflags(v, regs);
	frame[n++] = regs->rsp;
	frame[n++] = regs->ss;
	if (from_user) {
		sp = v->arch.pv.kernel_sp;
		pv_mode_set(v, true);
	}
	sp = (sp & ~15UL) - n * 8;
	if (HV_TOP_DOWN(sp + n * 8) || copy_to_guest(sp, frame, n * 8)) {
		domain_crash(v->domain, "kernel stack %#lx is not there (vector %#x at rip %#lx)", sp,
			     regs->entry_vector, regs->rip);
		return;
	}
	if (mask_events)
		info->evtchn_upcall_mask = 1;
	regs->entry_vector = VECTOR_BOUNCE;
	regs->rip = handler;
	regs->cs = SEL_RING3_CS64;
	regs->rflags = (regs->rflags & ~BOUNCE_CLEARS & ~RFLAGS_IOPL) | RFLAGS_IF;
	regs->rsp = sp;
	regs->ss = SEL_RING3_DS;
}

static bool has_error_code(unsigned int vector)
{
	return vector < 32 && (0x00227d00u >> vector & 1);	/* 8, 10-14, 17, 21: SDM 3A 6.13 */
}

/* Delivers exception `vector` to the guest kernel; error_code only counts for vectors that have one. */
static void pv_inject(struct vcpu *v, struct cpu_user_regs *regs, unsigned int vector, uint32_t error_code)
{
	const struct trap_info *t = &v->arch.pv.traps[vector];
	uint64_t code = error_code;

	pv_bounce(v, regs, t->address, t->flags & 4, has_error_code(vector) ? &code : NULL);
}

static void pv_inject_pf(struct vcpu *v, struct cpu_user_regs *regs, uint64_t cr2, uint32_t error_code)
{
	v->arch.pv.cr2 = v->info->arch.cr2 = cr2;
	error_code &= PF_PRESENT | PF_WRITE | PF_RSVD | PF_INSN;
	if (!v->arch.pv.in_kernel)
		error_code |= PF_USER;
	pv_inject(v, regs, TRAP_PF, error_code);
}

/* The run state's address means something in the kernel root only. */
static void pv_publish_runstate(struct vcpu *v)
{
	cr3_load(mfn_to_paddr(page_to_mfn(v->arch.pv.root_kernel)));
	vcpu_runstate_publish(v);
	pv_load_root(v);
}

/* Has it bounced?  One more NMI is remembered while the guest handles the first. */
static bool pv_take_nmi(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint64_t handler = v->arch.pv.traps[TRAP_NMI].address;

	if (v->arch.pv.nmi_masked) {
		v->arch.pv.nmi_pending = true;
		return false;
	}
	if (!handler)				/* taken away after the NMI was sent */
		return false;
	v->arch.pv.nmi_masked = true;		/* until its iret */
	pv_bounce(v, regs, handler, true, NULL);
	return true;
}

/* One bounce at most: on the way out with it the next is found. */
void pv_exit_work(struct cpu_user_regs *regs)
{
	struct vcpu *v = current_vcpu();
	struct vcpu_info *info = v->info;
	uint8_t work = __atomic_exchange_n(&v->arch.exit_work, 0, __ATOMIC_SEQ_CST);

	if (work & VCPU_WORK_RUNSTATE)
		pv_publish_runstate(v);
	if (work & VCPU_WORK_NMI && pv_take_nmi(v, regs))
		return;
	if (info->evtchn_upcall_pending && !info->evtchn_upcall_mask)
		pv_bounce(v, regs, v->arch.pv.event.address, true, NULL);
}

void pv_exit_work_add(struct vcpu *v, uint8_t work)
{
	__atomic_fetch_or(&v->arch.exit_work, work, __ATOMIC_SEQ_CST);
}

static void pv_nmi_unmask(struct vcpu *v)
{
	v->arch.pv.nmi_masked = false;
	if (!v->arch.pv.nmi_pending)
		return;
	v->arch.pv.nmi_pending = false;
	pv_exit_work_add(v, VCPU_WORK_NMI);
}

/* What xen/arch-x86/xen-x86_64.h calls struct iret_context: rax r11 rcx flags rip cs rflags rsp ss. */
void pv_iret(struct cpu_user_regs *regs)
{
	struct vcpu *v = current_vcpu();
	struct iret_context f;

	if (copy_from_guest(&f, regs->rsp, sizeof(f))) {
		domain_crash(v->domain, "iret frame at %#lx is not there", regs->rsp);
		return;
	}
	regs->rax = f.rax;
	regs->rip = f.rip;
	regs->cs = f.cs | 3;
	regs->rflags = (f.rflags & ~(RFLAGS_IOPL | RFLAGS_VM)) | RFLAGS_IF | 2;
	regs->rsp = f.rsp;
	regs->ss = f.ss | 3;
	regs->entry_vector = VECTOR_BOUNCE;	/* by IRET, which checks what it loads */
	if (!(f.flags & VGCF_in_syscall)) {
		regs->r11 = f.r11;
		regs->rcx = f.rcx;
	} else {
		regs->r11 = f.rflags;
		regs->rcx = f.rip;
	}
	v->info->evtchn_upcall_mask = !(f.rflags & RFLAGS_IF);
	if (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1) {
		v->arch.pv.iopl = f.rflags >> 12 & 3;
		pv_io_bitmap_switch(v);
	}
	pv_nmi_unmask(v);
	if ((f.cs & 3) != 3)
		return;
	if (!v->arch.pv.root_user)
		domain_crash(v->domain, "iret to user mode without a user page table");
	else
		pv_mode_set(v, false);
}

/* Selectors or RIP that IRET refuses: the guest's failsafe callback if the frame was its own making. */
void pv_iret_faulted(struct cpu_user_regs *regs)
{
	pv_inject(current_vcpu(), regs, TRAP_GP, 0);
}

static void pv_syscall_callback(struct vcpu *v, struct cpu_user_regs *regs, const struct pv_callback *cb)
{
	if (cb->address) {
		pv_bounce(v, regs, cb->address, cb->mask_events, NULL);
		return;
	}
	if (regs->entry_vector == VECTOR_SYSENTER) {
		pv_inject(v, regs, TRAP_GP, 0);
	} else {
		regs->rip -= 2;
		pv_inject(v, regs, TRAP_UD, 0);
	}
}

void syscall_guest(struct cpu_user_regs *regs)
{
	struct vcpu *v = current_vcpu();

	if (regs->entry_vector == VECTOR_SYSCALL) {
		if (v->arch.pv.in_kernel)
			hypercall_do(regs);
		else
			pv_syscall_callback(v, regs, &v->arch.pv.syscall);
	} else if (v->arch.pv.in_kernel) {
		if (regs->entry_vector == VECTOR_SYSENTER)	/* took the kernel's RSP with it: told on its own stack */
			regs->rsp = v->arch.pv.kernel_sp;
		pv_inject(v, regs, TRAP_GP, 0);
	} else {
		pv_syscall_callback(v, regs, regs->entry_vector == VECTOR_SYSCALL32 ?
				    &v->arch.pv.syscall32 : &v->arch.pv.sysenter);
	}
}

/*
 * `int n` where the gate allows only us: the error code would name the vector, but not all machines get
 * that right (QEMU's emulation doubles it), so the instruction itself is read.
 */
static bool pv_software_interrupt(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint8_t insn[2];
	const struct trap_info *t;
	unsigned int dpl;

	if (!(regs->error_code & 2) || copy_from_guest(insn, regs->rip, 2) || insn[0] != 0xcd)
		return false;
	t = &v->arch.pv.traps[insn[1]];
	dpl = t->flags & 3;
	if (!t->address)
		return false;
	if (dpl < (v->arch.pv.in_kernel ? pv_kernel_ring(v) : 3)) {
		regs->error_code = insn[1] << 3 | 2;
		return false;
	}
	regs->rip += 2;
	pv_bounce(v, regs, t->address, t->flags & 4, NULL);
	return true;
}

static void pv_trap_gp(struct vcpu *v, struct cpu_user_regs *regs)
{
	if (regs->error_code & 2) {
		if (pv_software_interrupt(v, regs))
			return;
	} else if (!regs->error_code && pv_emulate_gp(v, regs)) {
		return;
	}
	pv_inject(v, regs, TRAP_GP, regs->error_code);
}

static void pv_trap_ud(struct vcpu *v, struct cpu_user_regs *regs)
{
	if (!pv_emulate_forced_cpuid(v, regs))
		pv_inject(v, regs, TRAP_UD, 0);
}

static void pv_trap_nm(struct vcpu *v, struct cpu_user_regs *regs)
{
	pv_set_ts(v, false);		/* the hypervisor's own state is always loaded: only a guest sets TS */
	pv_inject(v, regs, TRAP_NM, 0);
}

/* DR6's sticky bits are merged into the guest's; hardware's are cleared so that the next shows only itself. */
static void pv_trap_db(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint64_t dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" :: "r"(0xffff0ff0UL));
	v->arch.pv.dr[6] |= dr6 & 0xe00f;
	pv_inject(v, regs, TRAP_DB, 0);
}

/* A gate of ours with privilege 3, and no handler: as if the gate had refused. */
static void pv_trap_int80(struct vcpu *v, struct cpu_user_regs *regs)
{
	if (v->arch.pv.traps[0x80].address) {
		pv_inject(v, regs, 0x80, 0);
	} else {
		regs->rip -= 2;
		pv_inject(v, regs, TRAP_GP, 0x80 << 3 | 2);
	}
}

static void pv_trap_pf(struct vcpu *v, struct cpu_user_regs *regs, uint64_t cr2)
{
	const uint32_t want = PF_PRESENT | PF_WRITE;

	if (v->arch.pv.in_kernel && (regs->error_code & (want | PF_RSVD | PF_INSN)) == want &&
	    pv_ptwr_fault(v, regs, cr2))
		return;
	pv_inject_pf(v, regs, cr2, regs->error_code);
}

void pv_trap(struct cpu_user_regs *regs, unsigned int vector, uint64_t cr2)
{
	struct vcpu *v = current_vcpu();

	switch (vector) {
	case TRAP_PF: pv_trap_pf(v, regs, cr2); break;
	case TRAP_GP: pv_trap_gp(v, regs); break;
	case TRAP_UD: pv_trap_ud(v, regs); break;
	case TRAP_NM: pv_trap_nm(v, regs); break;
	case TRAP_DB: pv_trap_db(v, regs); break;
	case 0x80: pv_trap_int80(v, regs); break;
	default: pv_inject(v, regs, vector, regs->error_code); break;
	}
}
