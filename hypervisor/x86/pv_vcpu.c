/*
 * A vcpu's registers: on a CPU while it runs there, and, as long as nothing but the idle loop follows it,
 * a while longer ("loaded"); else in struct arch_vcpu.
 */
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "desc.h"
#include "errno.h"
#include "heap.h"
#include "pv_context.h"
#include "pv_io.h"
#include "pv_mm.h"
#include "pv_tree.h"
#include "pv_msr.h"
#include "pv_traps.h"
#include "sched.h"
#include "smp.h"
#include "softirq.h"
#include "string.h"
#include "time.h"
#include "tlb.h"

__attribute__((noreturn)) void resume_guest(void *stack);	/* entry.S */
__attribute__((noreturn)) void resume_idle(void *stack);

#define FPU_CONTROL 0x37f		/* as FNINIT leaves it: SDM 1 8.1.5 */
#define FPU_MXCSR 0x1f80
#define MXCSR_AT 24

/* ---- FPU ---- */

void pv_fpu_reset(struct vcpu *v)
{
	memset(v->arch.fpu, 0, PAGE_SIZE);
	*(uint16_t *)v->arch.fpu = FPU_CONTROL;
	*(uint32_t *)((char *)v->arch.fpu + MXCSR_AT) = FPU_MXCSR;
}

/* All components, whatever the guest has switched on: what it left off may be another's secret. */
static void xcr0_load_all(void)
{
	struct arch_cpu *c = &this_cpu()->arch;

	if (c->xcr0 == xcr0_supported)
		return;
	c->xcr0 = xcr0_supported;
	__asm__ volatile("xsetbv" :: "c"(0), "a"((uint32_t)c->xcr0), "d"((uint32_t)(c->xcr0 >> 32)));
}

static void clear_ts(void) { __asm__ volatile("clts"); }

static void fpu_save(struct vcpu *v)
{
	clear_ts();
	if (xcr0_supported) {
		xcr0_load_all();
		__asm__ volatile("xsave64 (%0)" :: "r"(v->arch.fpu), "a"(~0U), "d"(~0U) : "memory");
	} else {
		__asm__ volatile("fxsave64 (%0)" :: "r"(v->arch.fpu) : "memory");
	}
}

/* State that doesn't load (a toolstack's invention) becomes the reset state. */
static void fpu_load(struct vcpu *v)
{
	clear_ts();
	if (xcr0_supported) {
		xcr0_load_all();
		if (!xrstor_safe(v->arch.fpu, ~0UL)) {
			pv_fpu_reset(v);
			xrstor_safe(v->arch.fpu, ~0UL);
		}
		pv_load_xcr0(v);
	} else if (!fxrstor_safe(v->arch.fpu)) {
		pv_fpu_reset(v);
		fxrstor_safe(v->arch.fpu);
	}
	if (v->arch.pv.cr0_ts)
		pv_set_ts(v, true);
}

/* ---- Segments ---- */

#define read_selector(reg) ({ uint16_t s_; __asm__ volatile("mov %%" #reg ", %0" : "=r"(s_)); s_; })

static void segments_save(struct vcpu *v)
{
	struct cpu_user_regs *r = &v->arch.regs;
	uint64_t active = rdmsr(MSR_GS_BASE), inactive = rdmsr(MSR_KERNEL_GS_BASE);
	bool in_kernel = v->arch.pv.in_kernel;

	r->ds = read_selector(ds);
	r->es = read_selector(es);
	r->fs = read_selector(fs);
	r->gs = read_selector(gs);
	v->arch.fs_base = rdmsr(MSR_FS_BASE);
	v->arch.gs_base_kernel = in_kernel ? active : inactive;
	v->arch.gs_base_user = in_kernel ? inactive : active;
}

/* Loading a selector changes a base, so bases come second. */
static void segments_load(struct vcpu *v)
{
	const struct cpu_user_regs *r = &v->arch.regs;
	bool in_kernel = v->arch.pv.in_kernel;

	if (r->ds | read_selector(ds))
		load_ds_safe(r->ds);
	if (r->es | read_selector(es))
		load_es_safe(r->es);
	if (r->fs | read_selector(fs))
		load_fs_safe(r->fs);
	if (r->gs | read_selector(gs))
		load_gs_inactive_safe(r->gs);
	wrmsr(MSR_FS_BASE, v->arch.fs_base);
	wrmsr(MSR_GS_BASE, in_kernel ? v->arch.gs_base_kernel : v->arch.gs_base_user);
	wrmsr(MSR_KERNEL_GS_BASE, in_kernel ? v->arch.gs_base_user : v->arch.gs_base_kernel);
}

/* ---- Loading and unloading; interrupts are off ---- */

static void vcpu_unload(struct vcpu *v)
{
	struct cpu *c = this_cpu();

	memcpy(&v->arch.regs, cpu_guest_frame(c), offsetof(struct cpu_user_regs, es));
	segments_save(v);
	fpu_save(v);
	if (v->arch.pv.dr[7] & 0xff)
		__asm__ volatile("mov %0, %%dr7" :: "r"(0x400UL));
	c->arch.loaded = NULL;
	__atomic_store_n(&v->arch.loaded_on, NULL, __ATOMIC_RELEASE);
}

static void vcpu_load(struct vcpu *v)
{
	struct cpu *c = this_cpu();

	__atomic_store_n(&v->arch.loaded_on, c, __ATOMIC_RELEASE);
	c->arch.loaded = v;
	memcpy(cpu_guest_frame(c), &v->arch.regs, sizeof(v->arch.regs));
	pv_load_gdt(v);
	pv_load_ldt(v);
	segments_load(v);
	pv_load_cr4(v);
	fpu_load(v);
	if (v->arch.pv.dr[7] & 0xff)
		pv_load_debugregs(v);
	if (cpu_has(XEN_X86_FEATURE_RDTSCP))
		wrmsr(MSR_TSC_AUX, v->arch.tsc_aux);
	pv_io_bitmap_switch(v);
}

/* The other domain's translations go with the CR3 load that follows. */
static void domain_leave(struct vcpu *old)
{
	cpumask_clear(&old->domain->arch.dirty_cpus, cpu_id());
}

static void vcpu_switch(struct vcpu *old, struct vcpu *next)
{
	if (old)
		vcpu_unload(old);
	cpumask_set(&next->domain->arch.dirty_cpus, cpu_id());
	stack_end()->current = next;
	pv_load_root(next);
	if (old && old->domain != next->domain)
		domain_leave(old);
	vcpu_load(next);
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
	struct cpu *c = this_cpu();

	if (vcpu_is_idle(next)) {
		stack_end()->current = next;
		sched_context_saved(prev);
		resume_idle(c->arch.stack);
	}
	if (c->arch.loaded != next) {
		if (READ_ONCE(next->arch.loaded_on)) {	/* still on the CPU where it ran last */
			irq_enable();
			arch_vcpu_sync(next);
			irq_disable();
		}
		vcpu_switch(c->arch.loaded, next);
	} else {
		stack_end()->current = next;
	}
	if (next->runstate_guest | next->time_guest)
		pv_exit_work_add(next, VCPU_WORK_RUNSTATE);
	time_fill_vcpu_info(&next->info->time);
	sched_context_saved(prev);
	resume_guest(c->arch.stack);
}

/* On the CPU that holds it, by IPI: lets go of it, and of its page tables. */
static void vcpu_unload_here(void *data)
{
	struct vcpu *v = data;
	struct cpu *c = this_cpu();

	if (c->arch.loaded != v || current_vcpu() == v)
		return;
	vcpu_unload(v);
	cr3_load(hv_root_paddr);
	domain_leave(v);
}

void arch_vcpu_sync(struct vcpu *v)
{
	struct cpu *c;

	while ((c = __atomic_load_n(&v->arch.loaded_on, __ATOMIC_ACQUIRE))) {
		struct cpumask one = { { 0 } };
		uint64_t flags;

		if (c == this_cpu()) {
			flags = irq_save();
			vcpu_unload_here(v);
			irq_restore(flags);
		} else {
			cpumask_set(&one, c->id);
			smp_call(&one, vcpu_unload_here, v);
		}
	}
}

void idle_loop(void)
{
	irq_enable();
	for (;;) {
		if (!softirq_is_pending() && heap_scrub())
			continue;		/* another look, step by step */
		irq_disable();
		if (softirq_is_pending()) {
			irq_enable();
			softirq_run();
		} else {
			__asm__ volatile("sti; hlt" ::: "memory");
		}
	}
}

/* ---- Birth and death ---- */

void pv_vcpu_reset(struct vcpu *v)
{
	pv_fpu_reset(v);
	memset(&v->arch.regs, 0, sizeof(v->arch.regs));
	memset(&v->arch.pv, 0, sizeof(v->arch.pv));
	v->arch.fs_base = v->arch.gs_base_kernel = v->arch.gs_base_user = 0;
	v->arch.tsc_aux = 0;
	v->arch.xcr0 = 1;
	v->arch.pv.in_kernel = true;
	v->arch.pv.dr[6] = 0xffff0ff0;
	v->arch.pv.dr[7] = 0x400;
}

int arch_vcpu_init(struct vcpu *v)
{
	if (vcpu_is_idle(v))
		return 0;
	v->arch.fpu = page_alloc_zeroed();
	if (!v->arch.fpu)
		return -ENOMEM;
	pv_vcpu_reset(v);
	return 0;
}

void arch_vcpu_free(struct vcpu *v) { pages_free(v->arch.fpu, 0); }

/* What was its own among the tables is let go in slices, the last by whoever needs them next. */
static void root_relinquish(struct domain *d, struct page **root)
{
	struct page *pg;

	while (pv_tree_lock(d))
		cpu_relax();
	pg = *root;
	*root = NULL;
	if (pg)
		page_put_and_type(pg);
	spin_unlock(&d->arch.mm_lock);
}

void pv_vcpu_relinquish(struct vcpu *v)
{
	struct domain *d = v->domain;

	arch_vcpu_sync(v);
	spin_lock(&d->arch.mm_lock);
	pv_drop_gdt(v);
	pv_drop_ldt(v);
	spin_unlock(&d->arch.mm_lock);
	root_relinquish(d, &v->arch.pv.root_kernel);
	root_relinquish(d, &v->arch.pv.root_user);
}

void arch_vcpu_time_update(struct vcpu *v) { time_fill_vcpu_info(&v->info->time); }

/* Running in the guest elsewhere: an interrupt makes it pass ret_to_guest, which looks at the flags. */
void arch_vcpu_kick_upcall(struct vcpu *v)
{
	if (v != current_vcpu() && READ_ONCE(v->is_running))
		arch_kick_cpu(v->cpu);
}

int arch_vcpu_send_nmi(struct vcpu *v)
{
	if (!v->arch.pv.traps[TRAP_NMI].address)
		return -EINVAL;
	pv_exit_work_add(v, VCPU_WORK_NMI);
	vcpu_unblock(v);
	arch_vcpu_kick_upcall(v);
	return 0;
}

bool arch_vcpu_has_nmi(const struct vcpu *v)
{
	return __atomic_load_n(&v->arch.exit_work, __ATOMIC_SEQ_CST) & VCPU_WORK_NMI;
}

uint64_t arch_cpu_physid(const struct cpu *c)
{
	return (uint64_t)c->arch.acpi_id << 32 | c->arch.apic_id;
}
